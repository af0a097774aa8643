package handlers

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"portico/portal"
)

// ways are the buttons and links by which an offer's page goes on.
func (a answer) ways(t testing.TB) []string {
	t.Helper()
	var ways []string
	main := a.page(t).Find("main")
	for _, n := range main.Find("button, a.btn").EachIter() {
		ways = append(ways, strings.Join(strings.Fields(n.Text()), " "))
	}
	slices.Sort(ways)
	return ways
}

func TestALinkOfAnInvitationShowsOneWayToGoOn_INV_01_INV_05(t *testing.T) {
	t.Parallel()
	over := []string{"Back to the start"}
	ask := []string{"Ask for a new one", "Back to the start"}
	join, in := []string{"Decline", "Join"}, []string{"Decline", "Sign in"}
	both := []string{"Join", "Sign in"}
	yes, other := []string{"Accept", "Decline"}, []string{"Switch account"}
	type page struct {
		status int
		ways   []string
	}
	for about, c := range map[string]struct {
		invited string
		change  func(w *world)
		mailed  page // to who is not signed in
		copied  page
		theirs  page // to the invited person
		others  page // to somebody else
		says    string
	}{
		"pending, no account": {"nora", nil, page{200, join}, page{200, both}, page{}, page{200, other}, "Acme"},
		"pending, an account": {"stan", nil, page{200, in}, page{200, both}, page{200, yes}, page{200, other}, "Acme"},
		"pending, unproven":   {"ulf", nil, page{200, join}, page{200, both}, page{200, yes}, page{200, other}, "Acme"},
		"pending, waiting":    {"wanda", nil, page{200, in}, page{200, both}, page{200, yes}, page{200, other}, "Acme"},
		"expired": {"stan", func(w *world) {
			w.pass(7 * 24 * time.Hour)
			w.exec(`UPDATE sessions SET seen_at = ?1, created_at = ?1`, w.clock.read().UnixMilli())
		}, page{200, ask}, page{200, ask}, page{200, ask}, page{200, ask}, "has expired"},
		"void": {"stan", func(w *world) {
			w.exec(`UPDATE memberships SET role = 'team_member' WHERE user_id = (SELECT id FROM users WHERE email = 'ann@example.org')`)
		}, page{200, ask}, page{200, ask}, page{200, ask}, page{200, ask}, "may not invite people"},
		"revoked":  {"stan", func(w *world) { w.exec(`UPDATE invitations SET state = 'revoked'`) }, page{410, over}, page{410, over}, page{410, over}, page{410, over}, "revoked"},
		"declined": {"stan", func(w *world) { w.exec(`UPDATE invitations SET state = 'declined'`) }, page{410, over}, page{410, over}, page{410, over}, page{410, over}, "declined"},
		"a newer one was sent": {"stan", func(w *world) {
			w.browser("amy").post("/o/"+w.ids["Acme"]+"/invitations/"+w.ids["stan invitation"]+"/renewal", nil).is(t, 303)
		}, page{410, over}, page{410, over}, page{410, over}, page{410, over}, "newer"},
		"accepted": {"stan", func(w *world) {
			w.browser("stan").post("/invitations/"+w.link("stan", portal.Mailed)+"/acceptance", nil).is(t, 303)
			w.exec(`UPDATE sessions SET hash = ? WHERE user_id = (SELECT id FROM users WHERE email = 'stan@example.org')`, hashID(cookieOf("stan")))
		}, page{410, over}, page{410, over}, page{200, []string{"Go to Acme"}}, page{410, over}, ""},
		"suspended": {"stan", func(w *world) { w.exec(`UPDATE organizations SET state = 'suspended'`) }, page{410, over}, page{410, over}, page{410, over}, page{410, over}, "takes no new members"},
	} {
		w := newWorld(t)
		w.invite("ann", "Acme", c.invited, portal.TeamMember)
		mailed, copied := "/invitations/"+w.link(c.invited, portal.Mailed), "/invitations/"+w.link(c.invited, portal.Copied)
		if c.change != nil {
			c.change(w)
		}
		before := w.fingerprint()
		for _, visit := range []struct {
			who, path string
			want      page
		}{{"", mailed, c.mailed}, {"", copied, c.copied}, {c.invited, mailed, c.theirs}, {c.invited, copied, c.theirs}, {"bob", mailed, c.others}, {"bob", copied, c.others}} {
			if visit.want.status == 0 {
				continue
			}
			a := w.browser(visit.who).get(visit.path)
			if a.status != visit.want.status || !slices.Equal(a.ways(t), visit.want.ways) {
				t.Errorf("%s, as %q by %.20s…: %d with %q, want %d with %q: %s", about, visit.who, visit.path, a.status, a.ways(t), visit.want.status, visit.want.ways, a.text(t, "main"))
			}
			if c.says != "" {
				a.says(t, c.says)
			}
			if visit.who != "" && visit.who != c.invited && a.status == 200 && c.change == nil {
				a.says(t, address(c.invited), address(visit.who)) // both addresses
			}
			if b := w.browser(visit.who).get(visit.path, hx("page")); b.status != a.status {
				t.Errorf("%s, as %q: htmx gets %d", about, visit.who, b.status)
			}
		}
		if changed := w.changes(before); changed != nil {
			t.Errorf("%s: looking has changed %v", about, changed)
		}
	}
	w := newWorld(t)
	for _, token := range []string{"x", flip(w.link("ivy", portal.Mailed)), w.latest(portal.MailReset, "stan", portal.Mailed), w.store.Links().Token(setupLink),
		w.store.Links().Token(portal.Link{Purpose: portal.LinkInvitation, Kind: portal.Mailed, Version: 1, ID: strings.Repeat("z", portal.PublicIDLen)})} {
		w.browser("").get("/invitations/"+token).is(t, 404)
		w.browser("").post("/invitations/"+token+"/registration", ivyForm).is(t, 404)
	}
}

func TestACopiedLinkNeverTellsWhetherThereIsAnAccount_INV_15(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// The same names and one length of addresses for all.
	people := []string{"nora", "stan", "rita", "dora", "ulfi", "wand"}
	w.exec(`UPDATE users SET email = 'ulfi@example.org', email_key = 'ulfi@example.org' WHERE email = 'ulf@example.org'`)
	w.exec(`UPDATE users SET email = 'wand@example.org', email_key = 'wand@example.org' WHERE email = 'wanda@example.org'`)
	for _, who := range people {
		w.invite("ann", "Acme", who, portal.TeamMember)
	}
	w.exec(`UPDATE invitations SET first_name = 'First', last_name = 'Last'`)
	asks := map[string]func(b *browser, at string) answer{
		"the page":          func(b *browser, at string) answer { return b.get(at) },
		"the page's region": func(b *browser, at string) answer { return b.get(at, hx("page")) },
		"the bare page":     func(b *browser, at string) answer { return b.get(at, hx("")) },
		"a bad form": func(b *browser, at string) answer {
			return b.post(at+"/registration", p("first_name", "A", "last_name", "", "password", "short"))
		},
		"a bad form of htmx": func(b *browser, at string) answer { return b.post(at+"/registration", p("password", "short"), hx("")) },
		"declining":          func(b *browser, at string) answer { return b.post(at+"/refusal", nil) },
		"accepting":          func(b *browser, at string) answer { return b.post(at+"/acceptance", nil) },
		"asking":             func(b *browser, at string) answer { return b.post(at+"/request", nil) },
		"switching":          func(b *browser, at string) answer { return b.post(at+"/switch", nil) },
	}
	for about, ask := range asks {
		for _, visitor := range []string{"", "bob"} {
			text := func(who string) string {
				token := w.link(who, portal.Copied)
				a := ask(w.browser(visitor), "/invitations/"+token)
				a.header.Del("Set-Cookie") // holds the address
				return a.masked(token, address(who))
			}
			first := text(people[0])
			for _, who := range people[1:] {
				same(t, about+" as "+visitor+" for an address without an account and "+who+"'s", first, text(who))
			}
		}
	}
	for _, who := range people {
		if n := w.number(`SELECT count(*) FROM invitations WHERE email_key = ? AND state = 'pending'`, address(who)); n != 1 {
			t.Errorf("%s's invitation is spent", who)
		}
	}
	// Registering an address that has an account says "look into your mail", and mails its owner.
	b := w.browser("")
	b.post("/invitations/"+w.link("stan", portal.Copied)+"/registration", ivyForm).to(t, "/register/sent")
	if len(b.jar) != 0 {
		t.Error("a cookie is set")
	}
	if got := w.text(`SELECT kind || ' ' || recipient FROM outbox ORDER BY id DESC LIMIT 1`); got != "already_registered stan@example.org" {
		t.Errorf("the last mail is %s", got)
	}
	w.browser("").post("/login", p("email", "stan@example.org", "password", password)).to(t, "/")
}

func TestTheInvitedPersonJoinsByEachKindOfLink_INV_07(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	acme := "/o/" + w.ids["Acme"]
	b := w.browser("")
	a := b.post("/invitations/"+w.link("ivy", portal.Mailed)+"/registration", p("first_name", "Ivy", "last_name", "Test", "email", "evil@example.org", "password", password)).to(t, acme)
	if got := b.follow(a).is(t, 200).text(t, ".toast"); got != "Welcome to Acme." {
		t.Errorf("the notice is %q", got)
	}
	if got := w.text(`SELECT state FROM users WHERE email_key = 'ivy@example.org'`); got != "active" {
		t.Errorf("by a mailed link ivy is %s", got)
	}
	// By a copied link: at home in that organization, nowhere else.
	b = w.browser("")
	b.post("/invitations/"+w.link("ivan", portal.Copied)+"/registration", p("first_name", "Ivan", "last_name", "Test", "password", password)).to(t, "/o/"+w.ids["Beta"])
	b.get("/o/"+w.ids["Beta"]+"/users").is(t, 200)
	b.get("/organizations/new").is(t, 403)
	if got := w.text(`SELECT state FROM users WHERE email_key = 'ivan@example.org'`); got != "unproven" {
		t.Errorf("by a copied link ivan is %s", got)
	}
	// The mailbox's owner takes the account over, with a new password.
	proof := "/verify-email/" + w.latest(portal.MailProve, "ivan", portal.Mailed)
	owner := w.browser("")
	if n := owner.get(proof).is(t, 200).page(t).Find("input[name=password]").Length(); n != 1 {
		t.Error("no new password is asked for")
	}
	owner.post(proof, nil).is(t, 422)
	owner.post(proof, p("password", newPassword)).to(t, "/")
	b.get("/profile").is(t, 303)
	b.post("/login", p("email", "ivan@example.org", "password", password)).is(t, 422)
	b.post("/login", p("email", "ivan@example.org", "password", newPassword)).to(t, "/")
	w.browser("").post(proof, p("password", newPassword)).is(t, 410)
	w.browser("").get("/verify-email/"+w.latest(portal.MailProve, "ulf", portal.Copied)).is(t, 410) // copied, not mailed
}

func TestSomebodyElseNeitherJoinsNorSpendsALink_INV_06_INV_29(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.invite("ann", "Acme", "stan", portal.TeamMember)
	for _, kind := range []portal.LinkKind{portal.Mailed, portal.Copied} {
		at := "/invitations/" + w.link("stan", kind)
		before := w.fingerprint()
		for _, how := range []change{func(*http.Request) {}, hx("")} {
			for _, who := range []string{"bob", "ann", "ada", "ulf"} {
				w.browser(who).post(at+"/acceptance", nil, how).is(t, 403)
				w.browser(who).post(at+"/refusal", nil, how).is(t, 403)
			}
			w.browser("").post(at+"/acceptance", nil).to(t, "/login?next=%2Finvitations%2F"+w.link("stan", kind))
		}
		if changed := w.changes(before); changed != nil {
			t.Errorf("somebody else has changed %v", changed)
		}
	}
	// Switching leads to the sign-in page by way of the link, and then in.
	b := w.browser("bob")
	at := "/invitations/" + w.link("stan", portal.Mailed)
	a := b.post(at+"/switch", nil).to(t, at)
	if w.knows(cookieOf("bob")) {
		t.Error("bob is still signed in")
	}
	if ways := b.follow(a).ways(t); !slices.Contains(ways, "Sign in") {
		t.Errorf("after switching the page offers %q", ways)
	}
	b.post("/login", p("email", "stan@example.org", "password", password, "next", at)).to(t, at)
	b.post(at+"/acceptance", nil).to(t, "/o/"+w.ids["Acme"])
	b.post(at+"/acceptance", nil).is(t, 409)
	if n := w.number(`SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email = 'stan@example.org'`); n != 1 {
		t.Errorf("stan has %d memberships", n)
	}
	w.browser("").post("/invitations/"+w.link("ivy", portal.Mailed)+"/refusal", nil).to(t, "/")
	w.browser("").get("/invitations/"+w.link("ivy", portal.Mailed)).is(t, 410)
}

func TestLinksComeFromTheBaseAddressWhateverARequestSays_RST_01(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.browser("ann").post("/o/"+w.ids["Acme"]+"/invitations/"+w.ids["ivy invitation"]+"/link", nil, with("X-Forwarded-Host", "evil.example"), with("X-Forwarded-Proto", "https"), with("Forwarded", "host=evil.example")).is(t, 200)
	want := "http://portal.example.org/invitations/" + w.link("ivy", portal.Copied)
	if !strings.Contains(a.body, want) || strings.Contains(a.body, "evil.example") || strings.Contains(a.body, w.link("ivy", portal.Mailed)) {
		t.Errorf("the link is not %s: %s", want, a.text(t, "main"))
	}
	if got := w.text(`SELECT kind FROM audit ORDER BY id DESC LIMIT 1`); got != string(portal.AuditInvitationCopied) {
		t.Errorf("recorded is %q", got)
	}
	w.browser("ann").get("/o/"+w.ids["Acme"]+"/invitations/"+w.ids["ivy invitation"]+"/link").is(t, 404)
}
