package handlers

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"golang.org/x/net/html"

	"portico/e2e/hostile"
	"portico/portal"
)

// typed is a field into which people type.
type typed struct {
	who   string
	path  string // a route, or an address with the ids of the world in braces
	field string
	rest  map[string]string
	of    string              // the thing, and its table, whose version the form shows
	ready func(w *world)      // what must be so before
	kept  func(string) string // the form in which it is kept, for what is shown afterwards
	back  func(w *world)      // makes undone what ready did when the form is refused
}

func one(tidy func(string, string) (string, string)) func(string) string {
	return func(s string) string { line, _ := tidy(s, "it"); return line }
}

func asText(s string) string { text, _ := portal.TidyText(s, portal.MaxMailBody); return text }

var (
	asName  = one(portal.TidyName)
	asLabel = one(portal.TidyOptional)
	asTeam  = func(s string) string { line, _ := portal.TidyTeamName(s); return line }
)

func resumed(w *world) { w.exec(`UPDATE organizations SET state = 'active' WHERE name = 'Beta'`) }

func suspended(w *world) { w.exec(`UPDATE organizations SET state = 'suspended' WHERE name = 'Beta'`) }

// lasting are the fields whose text others see afterwards.
var lasting = []typed{
	{who: "ann", path: "/profile", field: "first_name", rest: p("last_name", "Test"), kept: asName},
	{who: "rex", path: "/profile", field: "last_name", rest: p("first_name", "Rex"), kept: asName},
	{who: "ann", path: "/o/:org/users/:id", field: "first_name", rest: p("last_name", "Test", "role", "team_member"), kept: asName},
	{who: "ada", path: "/admin/organizations/{Beta}/users/{bob}", field: "last_name", rest: p("first_name", "Bob", "role", "team_member"), kept: asName, ready: resumed},
	{who: "ann", path: "/o/:org/settings", field: "name", kept: asName},
	{who: "rita", path: "/organizations/requests/{Rigel}/name", field: "name", kept: asName},
	{who: "ann", path: "/o/:org/teams/:id", field: "name", kept: asTeam},
	{who: "ann", path: "/o/:org/applications/:id", field: "name", of: "Alpha", kept: asName},
	{who: "abe", path: "/o/:org/applications/{Atlas}", field: "description", of: "Atlas", rest: p("name", "Atlas"), kept: asText},
	{who: "rex", path: "/me/applications/{Solo}", field: "name", of: "Solo", kept: asName},
	{who: "abe", path: "/o/:org/applications/:id/credentials", field: "label", kept: asLabel, ready: func(w *world) {
		w.exec(`DELETE FROM credentials WHERE public_id NOT IN (?, ?, ?)`, w.ids["Alpha key"], w.ids["Bravo key"], w.ids["Solo key"])
	}},
	{who: "amy", path: "/o/:org/invitations", field: "first_name", rest: p("last_name", "New", "email", "nora@example.org", "role", "team_member"), kept: asName, ready: func(w *world) {
		w.exec(`DELETE FROM invitations WHERE email_key = 'nora@example.org'`)
	}},
	{who: "ada", path: "/admin/organizations/:org/codes/:id", field: "name", kept: asName},
	{who: "ada", path: "/admin/organizations/{Red}/rejection", field: "reason", kept: asText, ready: func(w *world) {
		w.exec(`UPDATE organizations SET state = 'pending' WHERE name = 'Red'`)
	}, back: func(w *world) { w.exec(`UPDATE organizations SET state = 'rejected' WHERE name = 'Red'`) }},
	{who: "ada", path: "/admin/organizations/{Beta}/suspension", field: "reason", kept: asText, ready: resumed, back: suspended},
	{who: "ada", path: "/admin/settings/email-templates/removed", field: "subject", of: "text", rest: p("body", "Hello {{recipient}}"), kept: one(portal.TidyName)},
	{who: "ada", path: "/admin/settings/email-templates/accepted", field: "body", of: "text", rest: p("subject", "Hello"), kept: asText},
}

// passing are fields of forms that are refused for another field, or made again each
// time: they show what was typed, and nobody else sees it.
var passing = []typed{
	{path: "/register", field: "first_name", rest: p("last_name", "New", "email", "x", "password", "x")},
	{path: "/register", field: "last_name", rest: p("first_name", "Nora", "email", "x", "password", "x")},
	{path: "/register", field: "email", rest: p("first_name", "Nora", "last_name", "New", "password", "x")},
	{path: "/login", field: "email", rest: p("password", "x")},
	{path: "/login", field: "next", rest: p("email", "ann@example.org", "password", "x")},
	{path: "/forgot-password", field: "email"},
	{path: "/invitations/:token/registration", field: "first_name", rest: p("last_name", "Test", "password", "x")},
	{path: "/invitations/:token/registration", field: "last_name", rest: p("first_name", "Ivy", "password", "x")},
	{who: "stan", path: "/join", field: "code"},
	{who: "stan", path: "/profile/email", field: "email", rest: p("current_password", "x")},
	{who: "stan", path: "/organizations", field: "name", ready: func(w *world) {
		w.exec(`UPDATE organizations SET state = 'withdrawn' WHERE state = 'pending' AND requester_id = (SELECT id FROM users WHERE email = 'stan@example.org')`)
	}},
	{who: "ann", path: "/o/:org/invitations", field: "last_name", rest: p("first_name", "Nora", "email", "x", "role", "team_member")},
	{who: "ann", path: "/o/:org/invitations", field: "email", rest: p("first_name", "Nora", "last_name", "", "role", "team_member")},
	{who: "ann", path: "/o/:org/invitations/several", field: "rows"},
	{who: "ann", path: "/o/:org/teams", field: "name", ready: func(w *world) {
		w.exec(`DELETE FROM teams WHERE NOT is_default AND public_id NOT IN (?, ?)`, w.ids["Acme builders"], w.ids["Beta builders"])
	}},
	{who: "ann", path: "/o/:org/applications", field: "name", rest: p("description", strings.Repeat("x", 600))},
	{who: "ann", path: "/o/:org/applications", field: "description", rest: p("name", "")},
	{who: "ada", path: "/admin/organizations", field: "name", rest: p("first_name", "Nora", "last_name", "New", "email", "x")},
	{who: "ada", path: "/admin/organizations", field: "first_name", rest: p("name", "Nimbus", "last_name", "New", "email", "x")},
	{who: "ada", path: "/admin/organizations", field: "email", rest: p("name", "Nimbus", "first_name", "Nora", "last_name", "")},
	{who: "ada", path: "/admin/organizations/{Beta}/deletion", field: "confirm"},
	{who: "ada", path: "/admin/organizations/:org/codes", field: "name", rest: p("quota", "x")},
	{who: "ada", path: "/admin/organizations/:org/codes", field: "code", rest: p("name", "")},
	{who: "ada", path: "/admin/organizations/:org/codes", field: "quota", rest: p("name", "")},
	{who: "ada", path: "/admin/settings/general", field: "min_password", rest: p("invitation_hours", "x")},
	{who: "ada", path: "/admin/settings/email", field: "from", rest: p("current_password", "x")},
	{who: "ada", path: "/admin/settings/email-templates/invitation", field: "subject", rest: p("body", "{{nothing}}", "version", "0")},
}

// others are pages of the things of the lasting fields which the routes' own examples
// don't lead to.
var others = []string{"GET /admin/organizations/{Beta}", "GET /admin/organizations/{Red}", "GET /o/{Beta}", "GET /o/{Beta}/users", "GET /o/{Beta}/users/{bob}", "GET /organizations/requests/{Red}",
	"GET /admin/settings/email-templates/accepted", "GET /admin/settings/email-templates/accepted/frame", "GET /o/:org/applications/{Atlas}", "GET /o/:org/applications/{Atlas}/edit",
	"GET /me/applications/{Solo}", "GET /me/applications/{Solo}/edit", "GET /admin/organizations?state=rejected", "GET /admin/organizations?state=suspended", "GET /admin/organizations?state=active",
	"GET /admin/users/{bob}", "GET /admin/users/{rex}", "GET /admin/users/{ann}"}

// feeds are the pages that show what happened last, so that it depends on what else
// was taken which of the texts they hold; and mails, in which a text is Markdown.
var feeds = regexp.MustCompile(`/activity$|/audit-log$|^/admin$|^/admin/users/|^/o/[^/]+$|/frame$`)

// searched are the lists that are searched, and who searches them.
var searched = map[string][]string{
	"ann": {"/search", "/o/:org/users", "/o/:org/teams", "/o/:org/applications", "/o/:org/activity"},
	"ada": {"/search", "/admin/organizations", "/admin/users", "/admin/teams", "/admin/applications", "/admin/emails", "/admin/audit-log", "/admin/organizations/:org/users", "/admin/teams/new"},
}

var inBraces = regexp.MustCompile(`\{[^}]*\}`)

func (w *world) address(path string) string {
	path = inBraces.ReplaceAllStringFunc(path, func(name string) string { return w.ids[name[1:len(name)-1]] })
	return w.own(path)
}

// send sends the form with s in the field.
func (f typed) send(w *world, s string) answer {
	if f.ready != nil {
		f.ready(w)
	}
	form := p(f.field, s)
	maps.Copy(form, f.rest)
	switch f.of {
	case "":
	case "text":
		kind := f.path[strings.LastIndex(f.path, "/")+1:]
		form["version"] = strconv.FormatInt(w.number(`SELECT COALESCE(max(text_id), 0) FROM mail_templates WHERE kind = ?`, kind), 10)
	default:
		form["version"] = strconv.FormatInt(w.number(`SELECT version FROM applications WHERE public_id = ?`, w.ids[f.of]), 10)
	}
	a := w.browser(f.who).post(w.address(f.path), form)
	if a.status != 303 && f.back != nil {
		f.back(w)
	}
	return a
}

// said is what a page says: its texts and the values of its attributes, each by
// itself, and of which elements it is made.
type said struct {
	words string
	made  map[string]bool
}

// leading are attributes whose value does something.
var leading = regexp.MustCompile(`^(href|src|srcset|srcdoc|action|formaction|style|on.*|hx-.*|data|poster|xlink:href|content|http-equiv)$`)

var (
	randomPart = regexp.MustCompile(`[0-9a-z]{26}|[A-Za-z0-9_-]{60,}`)
	queryPart  = regexp.MustCompile(`\?.*`)
)

// of state are attributes that come and go with what is chosen.
var ofState = regexp.MustCompile(`^(checked|selected|disabled|aria-.*|data-invalid)$`)

func read(t testing.TB, a answer) said {
	t.Helper()
	var words strings.Builder
	made := map[string]bool{}
	for n := range a.page(t).Nodes[0].Descendants() {
		switch n.Type {
		case html.TextNode:
			words.WriteString(n.Data + "\x00")
		case html.CommentNode:
			made["a comment"] = true
		case html.ElementNode:
			element := n.Parent.Data + " " + n.Data
			for _, at := range n.Attr {
				words.WriteString(at.Val + "\x00")
				if leading.MatchString(at.Key) {
					element += " " + at.Key + "=" + queryPart.ReplaceAllString(randomPart.ReplaceAllString(at.Val, "*"), "?")
				} else if !ofState.MatchString(at.Key) {
					element += " " + at.Key
				}
			}
			made[element] = true
		}
	}
	return said{words.String(), made}
}

// strange is an element of which no harmless page is made, or "".
func (s said) strange(usual map[string]bool) string {
	for _, element := range slices.Sorted(maps.Keys(s.made)) {
		if !usual[element] {
			return "<" + element + ">"
		}
	}
	return ""
}

// shown is a page on which some of the lasting texts stand.
type shown struct {
	who, path string
	fields    []int // of lasting
}

// Whatever people type is text on every page that shows it: the page has no element
// and no address that it has not for a harmless text, and the text stands there
// letter by letter. What is refused is refused at its field, which keeps it.
func TestHostileTextIsTextOnEveryPage_XSS_01(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.SMTP = portal.SMTPConfig{} // so that it can be set on its page
	var tried, held, accepted int
	t.Cleanup(func() {
		t.Attr("faults", fmt.Sprintf("%s|%d|%d", "hostile text in a field, and on the pages that show it", tried, held))
	})

	// Harmless texts first: where does each stand, and what does the page look like?
	harmless := func(round string) []string {
		var texts []string
		for i, f := range lasting {
			text := fmt.Sprintf("Marker%s%02dx", round, i)
			f.send(w, text).is(t, 303)
			texts = append(texts, text)
		}
		return texts
	}
	usual := map[string]bool{} // what harmless pages are made of
	look := func(a answer) said {
		here := read(t, a)
		maps.Copy(usual, here.made)
		return here
	}
	for round := range 5 { // so that lists are full
		harmless(fmt.Sprint(round))
	}
	first := harmless("a")
	var all, pages []shown
	for _, who := range []string{"", "ann", "abe", "bea", "ada", "rex", "rita"} {
		for _, route := range append(w.routesOf(), others...) {
			method, path, _ := strings.Cut(route, " ")
			if method != "GET" || strings.HasSuffix(path, "/live") || strings.Contains(path, "audit-log.") {
				continue
			}
			page := shown{who: who, path: w.address(path)}
			a := w.browser(who).get(page.path)
			if a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
				continue
			}
			here := look(a)
			for i, text := range first {
				if strings.Contains(here.words, text) && !feeds.MatchString(path) {
					page.fields = append(page.fields, i)
				}
			}
			if all = append(all, page); page.fields != nil || feeds.MatchString(path) {
				pages = append(pages, page)
			}
		}
	}
	for i, f := range lasting {
		if !slices.ContainsFunc(pages, func(p shown) bool { return slices.Contains(p.fields, i) }) {
			t.Errorf("no page shows the %s typed at %s", f.field, f.path)
		}
	}
	if len(pages) < 100 {
		t.Errorf("only %d pages show what was typed", len(pages))
	}
	// What else may stand there: with other lists, where something else is so, and
	// where something was refused.
	for _, f := range append(slices.Clone(lasting), passing...) {
		for _, text := range []string{"", "Marker", strings.Repeat("x", 6000), "a\x01b"} {
			if a := f.send(w, text); a.status != 303 {
				look(a)
			}
		}
	}
	// The text of a mail is Markdown: what can be made of it belongs there.
	const body = "# a\n\n*b* **c** [d](https://evil.example) <https://evil.example> <eve@evil.example>\n\n> e\n\n* f\n\n1. g\n\n---"
	w.browser("ada").post("/admin/settings/email-templates/accepted", p("subject", "Hello", "body", body, "version", strconv.FormatInt(w.number(`SELECT max(text_id) FROM mail_templates WHERE kind = 'accepted'`), 10))).is(t, 303)
	resumed(w)
	for _, page := range all {
		look(w.browser(page.who).get(page.path))
	}
	suspended(w)
	for who, paths := range searched {
		for _, path := range paths {
			w.pass(10 * time.Second)
			for _, q := range append(strings.Split("abcdefghijklmnopqrstuvwxyz", ""), "", "marker", "test", "zzz", "a b", "x@", "Beta") {
				q = url.QueryEscape(q)
				for _, query := range []string{"?q=" + q, "?person=" + q, "?organization=" + q, "?person=zzz&organization=" + q, "?after=x&q=" + q} {
					if len(q) == 1 && !(path == "/search" && query == "?q="+q) {
						continue // which lists answer as any other letter
					}
					look(w.browser(who).get(w.address(path) + query))
				}
			}
		}
	}

	texts := hostile.Texts()
	// Each text is typed into each field that lasts, and into one in a few of the
	// others; it stands on one page in some more. Each page shows texts of every class.
	few, more := 12, 48
	if os.Getenv("TEST_LONG") == "1" {
		few, more = 1, 1
	}
	for round, text := range texts {
		w.pass(2 * time.Second) // or else these are too many searches
		if tried-held > 20 {
			t.Fatal("that is enough")
		}
		w.exec(`DELETE FROM limit_events`)
		good := func(ok bool, format string, args ...any) {
			tried++
			if ok {
				held++
			} else {
				t.Errorf("%s %.60q: %s", text.Class, text.Value, fmt.Sprintf(format, args...))
			}
		}
		now := make([]string, len(lasting))
		for i, f := range append(slices.Clone(lasting), passing...) {
			// On one page stand different texts at a time.
			s := texts[(round+i*37)%len(texts)]
			if i >= len(lasting) {
				s = text
				if (round+i)%few != 0 {
					continue
				}
			}
			a := f.send(w, s.Value)
			switch {
			case !s.Sendable():
				good(a.status == 400, "%s of %s answers %d to what is no text", f.field, f.path, a.status)
			case a.status == 422:
				strange := read(t, a).strange(usual)
				good(f.keeps(t, a, s.Value) && strange == "", "%s of %s is shown again, and its form does not keep %q, says nothing at the field, or has %s", f.field, f.path, s.Value, strange)
			case a.status == 200 && f.field == "rows": // rows that are checked are shown
				strange := read(t, a).strange(usual)
				good(strange == "", "%s of %s has %s", f.field, f.path, strange)
			case a.status == 303:
				if i < len(lasting) {
					now[i] = f.kept(s.Value)
					accepted++
				}
			default:
				good(false, "%s of %s answers %d", f.field, f.path, a.status)
			}
		}
		for i, page := range pages {
			if (round+i)%more != 0 {
				continue
			}
			a := w.browser(page.who).get(page.path)
			here := read(t, a)
			strange := here.strange(usual)
			good(a.status == 200 && strange == "", "%s as %q: %d, with %s", page.path, page.who, a.status, strange)
			for _, f := range page.fields {
				if now[f] != "" {
					good(here.holds(now[f]), "%s as %q does not hold %q", page.path, page.who, now[f])
				}
			}
		}
		if !text.Sendable() {
			continue
		}
		for who, paths := range searched {
			path := paths[round%len(paths)]
			q := url.QueryEscape(text.Value)
			if len(q) > 2000 {
				continue // no browser's address is longer than a few of these
			}
			a := w.browser(who).get(w.address(path) + "?q=" + q + "&person=" + q + "&organization=" + q)
			strange := read(t, a).strange(usual)
			good((a.status == 200 || a.status == 422) && strange == "", "%s as %s: %d, with %s", path, who, a.status, strange)
		}
	}
	if accepted < 2000 {
		t.Errorf("only %d texts were kept", accepted)
	}
	t.Logf("%d texts on %d pages: %d of %d held, %d were kept", len(texts), len(pages), held, tried, accepted)
}

// holds reports whether the text, or how it begins if it is long, stands there
// letter by letter.
func (s said) holds(text string) bool {
	r := []rune(text)
	return strings.Contains(s.words, strings.TrimSpace(string(r[:min(len(r), 60)])))
}

// keeps reports whether the form that is shown again says something at the field, if
// the field is what is wrong, and holds what was typed there.
func (f typed) keeps(t testing.TB, a answer, value string) bool {
	page := a.page(t)
	field := page.Find("form").Find("input, textarea").FilterFunction(func(_ int, e *goquery.Selection) bool { return e.AttrOr("name", "") == f.field })
	if f.field == "next" {
		return safeNext(value) == field.AttrOr("value", "/")
	}
	is := field.AttrOr("value", "")
	if goquery.NodeName(field) == "textarea" {
		is = field.Text()
	}
	said := page.Find("[data-invalid] [role=alert], form [role=alert], main [role=alert]").Length()
	if f.kept != nil { // nothing else can be wrong
		said = field.Closest("[data-invalid]").Find("[role=alert] span").Length()
	}
	lines := strings.NewReplacer("\r\n", "\n", "\r", "\n")
	return said > 0 && strings.TrimSpace(lines.Replace(is)) == strings.TrimSpace(lines.Replace(value))
}
