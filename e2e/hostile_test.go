package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"

	"portico/e2e/hostile"
)

// caught makes the page say so in its log if a text's script ran, by any of the
// names that they call.
const caught = `for (const name of ['` + hostile.Hook + `', 'alert', 'confirm', 'prompt', 'print', 'open'])
	window[name] = () => console.error('the text on the page has run ' + name)`

// glance reads all that a page says, and names what no page of ours has.
const glance = `() => {
	const strange = [], mail = location.pathname.endsWith('/frame') // whose style stands at each element
	for (const e of document.querySelectorAll('*')) {
		if (mail && e.localName === 'style') continue
		const svg = e.namespaceURI.endsWith('/svg')
		if (!svg && !/^(html|head|meta|title|link|script|body|div|header|nav|main|footer|section|aside|h[1-4]|p|span|a|button|form|input|textarea|select|option|optgroup|label|fieldset|legend|ul|ol|li|dl|dt|dd|table|thead|tbody|tr|th|td|time|strong|em|small|code|pre|details|summary|dialog|figure|iframe|template|hr|br|mark|b|i|menu|output|kbd|bdi|figcaption|caption|search|datalist)$/.test(e.localName)) strange.push(e.localName)
		if (svg && !/^(svg|path|circle|rect|line|polyline|g|title|polygon|ellipse|text|desc)$/.test(e.localName)) strange.push('svg ' + e.localName)
		for (const a of e.attributes) {
			if (/^(on|style$|srcdoc$|formaction$|hx-on|background$|xlink:)/.test(a.name) && !(mail && a.name === 'style')) strange.push(e.localName + ' with ' + a.name)
			if (/^(href|src|action|data|hx-(get|post))$/.test(a.name) && !/^(\/(?!\/)|#|\?|mailto:|http:\/\/localhost)/.test(a.value)) strange.push(e.localName + ' to ' + a.value)
		}
	}
	const words = [document.body.textContent]
	for (const e of document.querySelectorAll('[value], [title], [aria-label], [data-copy]')) words.push(...[...e.attributes].map(a => a.value))
	const next = [...document.querySelectorAll('a[href*="after="]')].find(a => a.textContent.trim().startsWith('Next'))
	return { strange, next: next ? next.getAttribute('href') : '', words: words.join('\u0000') }
}`

// Hundreds of texts stand in every list and on the pages of single things, many on
// one page, put there behind the back of the forms that would have refused some. No
// script of theirs runs, the policy has nothing to report, nothing leaves the server,
// and each can be read letter by letter.
func TestHostileTextInTheBrowser_XSS_01(t *testing.T) {
	journey(t)
	long := os.Getenv("TEST_LONG") == "1"
	c := newCompany(t)
	var texts []string
	for _, text := range hostile.Texts() {
		if text.Sendable() && strings.TrimSpace(text.Value) != "" && len(text.Value) <= 1000 {
			texts = append(texts, text.Value)
		}
	}
	read := map[string]bool{}
	t.Cleanup(func() { t.Attr("faults", fmt.Sprintf("%s|%d|%d", "hostile text in a browser", len(texts), len(read))) })
	if len(texts) < 500 {
		t.Fatalf("there are only %d texts", len(texts))
	}
	c.fillWith(texts)

	org := c.org
	lists := map[string][]string{
		rita.email: {org + "/users", org + "/teams", org + "/applications", "/me/applications"},
		ada.email:  {"/admin/organizations?state=active", "/admin/users", "/admin/teams", "/admin/applications", "/admin/emails?state=sent", "/admin/codes"},
	}
	pages := 0
	for _, who := range []somebody{rita, ada} {
		p := c.visitor(t, who)
		if err := p.context.AddInitScript(playwright.Script{Content: playwright.String(caught)}); err != nil {
			t.Fatal(err)
		}
		p.signIn()
		for _, list := range lists[who.email] {
			for n, next := 0, list; next != "" && (long || n < 4); n++ {
				next = p.glances(next, texts, read)
				pages++
			}
		}
		// And the pages of single things, each with other texts on it.
		for n := range 6 {
			i := n * len(texts) / 6
			for _, path := range map[string][]string{
				rita.email: {org + "/users/user%d", org + "/teams/team%d", org + "/applications/app%d", org + "/applications/app%d/edit"},
				ada.email:  {"/admin/users/user%d", "/admin/organizations/org%d", "/admin/teams/team%d", "/admin/emails/mail%d", "/admin/emails/mail%d/frame", "/admin/users/user%d/deletion"},
			}[who.email] {
				p.glances(fmt.Sprintf(path, i), texts, read)
				pages++
			}
			p.glances("/search?q="+url.QueryEscape(texts[i]), texts, read)
		}
	}
	for _, text := range texts {
		if !read[text] {
			t.Errorf("%q stands on no page", text)
		}
	}
	t.Logf("%d of %d texts were read on %d pages", len(read), len(texts), pages)
}

// glances opens a page, looks for what does not belong there, notes the texts that
// can be read, and gives the address of the list's next page.
func (p *person) glances(address string, texts []string, read map[string]bool) (next string) {
	p.t.Helper()
	response, err := p.page.Goto(p.server.url+address, playwright.PageGotoOptions{WaitUntil: playwright.WaitUntilStateDomcontentloaded})
	if err != nil || response.Status() != http.StatusOK {
		p.t.Fatalf("%s opens %s: %v, %v", p.first, address, response, err)
	}
	seen, err := p.page.Evaluate(glance)
	if err != nil {
		p.t.Fatal(err)
	}
	here := seen.(map[string]any)
	for _, what := range here["strange"].([]any) {
		p.t.Errorf("%s has %s", address, what)
	}
	// A page's source has one kind of line break, and browsers read the others so.
	words := here["words"].(string)
	lines := strings.NewReplacer("\r\n", "\n", "\r", "\n")
	for _, text := range texts {
		if !read[text] && strings.Contains(words, lines.Replace(text)) {
			read[text] = true
		}
	}
	return here["next"].(string)
}

// fillWith puts each text into a name of each kind of thing: people who are Acme's
// members, organizations, teams, applications, invite codes, labels and mails. They
// begin at other texts each, so that the first pages of the lists show all of them.
func (c *company) fillWith(texts []string) {
	c.t.Helper()
	tx, err := c.database(c.t).Begin()
	if err != nil {
		c.t.Fatal(err)
	}
	defer tx.Rollback()
	number := func(query string) (n int64) {
		if err := tx.QueryRow(query).Scan(&n); err != nil {
			c.t.Fatalf("%s: %v", query, err)
		}
		return n
	}
	acme, rita, team := number(`SELECT id FROM organizations WHERE name = 'Acme Inc'`), number(`SELECT id FROM users WHERE email LIKE 'rita%'`), number(`SELECT id FROM teams WHERE is_default`)
	now, first := time.Now().UnixMilli(), int64(1_000_000)
	for i := range texts {
		id := first + int64(i)
		text := func(list int) string { return texts[(i+list*len(texts)/7)%len(texts)] }
		data, err := json.Marshal(map[string]string{"inviter": text(6), "inviter_email": "x@example.org", "role": text(6), "expires": text(6), "organization": text(6)})
		if err != nil {
			c.t.Fatal(err)
		}
		for _, row := range []struct {
			insert string
			values []any
		}{
			{`INSERT INTO users (id, public_id, email_key, email, first_name, last_name, password_hash, state, created_at) VALUES (?, ?, ?, ?, ?, ?, 'x', 'active', ?)`,
				[]any{id, fmt.Sprint("user", i), fmt.Sprintf("h%d@big.example", i), fmt.Sprintf("h%d@big.example", i), text(0), text(1), now}},
			{`INSERT INTO memberships (org_id, user_id, role, first_name, last_name, joined_at) VALUES (?, ?, 'team_member', ?, ?, ?)`, []any{acme, id, text(1), text(2), now}},
			{`INSERT INTO team_members (org_id, team_id, user_id) VALUES (?, ?, ?)`, []any{acme, team, id}},
			{`INSERT INTO teams (id, public_id, org_id, name, is_default, created_at) VALUES (?, ?, ?, ?, 0, ?)`, []any{id, fmt.Sprint("team", i), acme, text(3), now}},
			{`INSERT INTO applications (id, public_id, org_id, owner_id, name, name_key, description, visibility, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'organization', ?)`,
				[]any{id, fmt.Sprint("app", i), acme, rita, text(4), fmt.Sprint("app", i), text(5), now}},
			{`INSERT INTO applications (id, public_id, owner_id, name, name_key, description, visibility, created_at) VALUES (?, ?, ?, ?, ?, ?, 'personal', ?)`,
				[]any{id + first, fmt.Sprint("own", i), rita, text(6), fmt.Sprint("own", i), text(0), now}},
			{`INSERT INTO organizations (id, public_id, name, state, requester_id, requested_at, created_at, reason) VALUES (?, ?, ?, 'active', ?, ?, ?, ?)`,
				[]any{id, fmt.Sprint("org", i), text(5), id, now, now, text(4)}},
			{`INSERT INTO invite_codes (public_id, org_id, name, hash, quota, created_by, created_at) VALUES (?, ?, ?, randomblob(32), 5, ?, ?)`, []any{fmt.Sprint("code", i), acme, text(1), rita, now}},
			{`INSERT INTO outbox (id, public_id, kind, recipient, to_name, subject, data, state, next_at, created_at) VALUES (?, ?, 'invitation', 'x@big.example', ?, ?, ?, 'sent', ?, ?)`,
				[]any{id, fmt.Sprint("mail", i), text(2), text(3), string(data), now, now}},
			{`INSERT INTO credentials (public_id, org_id, app_id, label, hash, sealed_by, hint, created_by, created_at) VALUES (?, ?, ?, ?, randomblob(32), 0, 'aaaa', ?, ?)`,
				[]any{fmt.Sprint("key", i), acme, id, text(6), rita, now}},
		} {
			if _, err := tx.Exec(row.insert, row.values...); err != nil {
				c.t.Fatalf("%s: %v", row.insert, err)
			}
		}
	}
	if err := tx.Commit(); err != nil {
		c.t.Fatal(err)
	}
}
