package views

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/a-h/templ"

	"portico/assets"
)

func draw(t *testing.T, p Page, body templ.Component) (*goquery.Document, string) {
	t.Helper()
	var out strings.Builder
	if err := Frame(p, body).Render(context.Background(), &out); err != nil {
		t.Fatal(err)
	}
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(out.String()))
	if err != nil {
		t.Fatal(err)
	}
	return doc, out.String()
}

// with gives a component its children.
func with(parent templ.Component, children ...templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return parent.Render(templ.WithChildren(ctx, templ.Join(children...)), w)
	})
}

func TestAgo(t *testing.T) {
	now := time.Date(2025, 11, 24, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		from time.Duration
		want string
	}{
		{0, "just now"},
		{-59 * time.Second, "just now"},
		{-time.Minute, "1 min ago"},
		{-12 * time.Minute, "12 min ago"},
		{-2*time.Hour - 59*time.Minute, "2 h ago"},
		{-23*time.Hour - 59*time.Minute, "23 h ago"},
		{-24 * time.Hour, "yesterday"},
		{-48 * time.Hour, "2 days ago"},
		{-6*24*time.Hour - time.Hour, "6 days ago"},
		{-12 * 24 * time.Hour, "Nov 12"},
		{-400 * 24 * time.Hour, "Oct 20, 2024"},
		{30 * time.Second, "in a moment"},
		{5 * time.Minute, "in 5 min"},
		{time.Hour, "in 1 hour"},
		{19*time.Hour + 50*time.Minute, "in 20 hours"},
		{6*24*time.Hour + 23*time.Hour, "in 7 days"},
		{6 * 24 * time.Hour, "in 6 days"},
		{90 * 24 * time.Hour, "Feb 22, 2026"},
	} {
		if got := Ago(now.Add(c.from), now); got != c.want {
			t.Errorf("Ago(%v) = %q, want %q", c.from, got, c.want)
		}
	}
	if got := Ago(now.AddDate(0, 0, -12).In(time.FixedZone("", 14*3600)), now); got != "Nov 12" {
		t.Errorf("a date in another zone is %q, want that of UTC", got)
	}
}

func TestInitials(t *testing.T) {
	for name, want := range map[string]string{
		"Priya Kapoor": "PK", "Acme": "AC", "Northbank Logistics & Sons": "NS", "élodie": "ÉL", "X": "X", "": "?", "…": "?", "李 小龙": "李小",
		"Miles O'Brien": "MO",
	} {
		if got := Initials(name); got != want {
			t.Errorf("Initials(%q) = %q, want %q", name, got, want)
		}
	}
}

// Every icon that a view names in so many words must be there.
func TestNamedIconsExist(t *testing.T) {
	named := regexp.MustCompile(`(?:\bIcon\(|\bEmpty\(|\bIcon: *|\bicon: *)"([^"]*)"`)
	sources, _ := filepath.Glob("*.templ")
	code, _ := filepath.Glob("*.go")
	found := 0
	for _, file := range append(sources, code...) {
		if strings.HasSuffix(file, "_templ.go") || strings.HasSuffix(file, "_test.go") {
			continue
		}
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(body), -1) {
			found++
			if _, ok := assets.Icon(m[1]); !ok && m[1] != "" {
				t.Errorf("%s: no icon %q", file, m[1])
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d icons found in the sources", found)
	}
	for state, look := range states {
		if _, ok := assets.Icon(look.icon); !ok {
			t.Errorf("state %s: no icon %q", state, look.icon)
		}
	}
	if Icon("no-such-icon").Render(context.Background(), &strings.Builder{}) == nil {
		t.Error("an unknown icon is drawn")
	}
}

func TestFieldIsTiedToItsWords(t *testing.T) {
	doc, _ := draw(t, Page{}, Field(FieldProps{Name: "email", Label: "Email", Type: "email", Value: `a"b`, Hint: "Work address.", Problem: "Enter a full address.", Optional: true, Required: true, Max: 254}))
	input := doc.Find("#main input")
	id := input.AttrOr("id", "")
	if got := doc.Find(`label[for="` + id + `"]`).Text(); got != "Email" {
		t.Errorf("label = %q", got)
	}
	var said []string
	for _, ref := range strings.Fields(input.AttrOr("aria-describedby", "")) {
		said = append(said, strings.TrimSpace(doc.Find("#"+ref).Text()))
	}
	if got, want := strings.Join(said, "|"), "Enter a full address.|Work address.|Optional"; got != want {
		t.Errorf("described by %q, want %q", got, want)
	}
	for name, want := range map[string]string{"aria-invalid": "true", "type": "email", "value": `a"b`, "maxlength": "254", "required": ""} {
		if got, ok := input.Attr(name); !ok || got != want {
			t.Errorf("%s = %q, %v, want %q", name, got, ok, want)
		}
	}
	doc, _ = draw(t, Page{}, Field(FieldProps{Name: "email", Label: "Email"}))
	for _, name := range []string{"aria-invalid", "aria-describedby", "required", "maxlength"} {
		if got, ok := doc.Find("#main input").Attr(name); ok {
			t.Errorf("a plain field has %s=%q", name, got)
		}
	}
}

func TestFormPostsPlainlyOnAPageAndByHtmxInTheDialog(t *testing.T) {
	form := with(Form(FormProps{Action: "/o/x/invitations", Title: "Invite", Submit: "Send invitation", Cancel: "/o/x/users", Problem: "Too many.", Hidden: map[string]string{"v": "1"}}),
		Field(FieldProps{Name: "email", Label: "Email"}))

	for _, mode := range []Mode{Full, Region} {
		doc, _ := draw(t, Page{Mode: mode, Narrow: true}, form)
		f := doc.Find("#main form")
		if f.AttrOr("method", "") != "post" || f.AttrOr("action", "") != "/o/x/invitations" {
			t.Error("the form does not post to its action")
		}
		for _, name := range []string{"hx-post", "hx-target", "hx-disabled-elt"} {
			if _, ok := f.Attr(name); ok {
				t.Errorf("mode %d: the form of a page has %s", mode, name)
			}
		}
		if got := doc.Find("#main h1").Text(); got != "Invite" {
			t.Errorf("mode %d: h1 = %q", mode, got)
		}
	}

	doc, html := draw(t, Page{Mode: Bare, Narrow: true}, form)
	f := doc.Find("form")
	for name, want := range map[string]string{"method": "post", "action": "/o/x/invitations", "hx-post": "/o/x/invitations", "hx-target": "#dialog-body", "hx-swap": "innerHTML"} {
		if got := f.AttrOr(name, ""); got != want {
			t.Errorf("in the dialog %s = %q, want %q", name, got, want)
		}
	}
	if got := doc.Find("h2#dialog-title").Text(); got != "Invite" {
		t.Errorf("the dialog's title is %q", got)
	}
	if got := doc.Find(`a[data-cancel]`).AttrOr("href", ""); got != "/o/x/users" {
		t.Errorf("Cancel leads to %q", got)
	}
	if !strings.Contains(doc.Find(`[role="alert"]`).Text(), "Too many.") {
		t.Error("the problem is not said")
	}
	if strings.Contains(html, "<main") || strings.Contains(html, "<title") {
		t.Error("the dialog gets more than the form")
	}
}

func TestATitleIsThePagesHeadingOnlyWhereItIsAlone(t *testing.T) {
	for _, c := range []struct {
		name   string
		narrow bool
		part   bool
		want   string
	}{
		{"alone on a narrow page", true, false, "h1"},
		{"one of several on a narrow page", true, true, "h2"},
		{"below the head of a wide page", false, false, "h2"},
	} {
		doc, _ := draw(t, Page{Narrow: c.narrow}, Form(FormProps{Title: "General", Submit: "Save", Part: c.part}))
		if got := doc.Find("#main " + c.want).Text(); got != "General" {
			t.Errorf("%s: no %s", c.name, c.want)
		}
	}
}

func TestIdsInTheDialogDifferFromThoseOfThePage(t *testing.T) {
	field := Field(FieldProps{Name: "name", Label: "Name"})
	page, _ := draw(t, Page{}, field)
	dialog, _ := draw(t, Page{Mode: Bare}, field)
	if a, b := page.Find("#main input").AttrOr("id", ""), dialog.Find("input").AttrOr("id", ""); a == b || a == "" {
		t.Errorf("ids %q and %q", a, b)
	}
}

func TestRadioCards(t *testing.T) {
	doc, _ := draw(t, Page{}, RadioCards("role", "Role", "team_member", []Choice{{"team_member", "Team member", "Uses keys."}, {"super_admin", "Super admin", ""}}, "Choose a role."))
	if got := doc.Find("fieldset legend").Text(); got != "Role" {
		t.Errorf("legend = %q", got)
	}
	on := doc.Find("input[checked]")
	if on.Length() != 1 || on.AttrOr("value", "") != "team_member" {
		t.Error("the chosen value is not checked, or not alone")
	}
	if got := doc.Find(`label[for="` + on.AttrOr("id", "") + `"]`).Text(); got != "Team member" {
		t.Errorf("label = %q", got)
	}
	if got := doc.Find("#" + on.AttrOr("aria-describedby", "none")).Text(); got != "Uses keys." {
		t.Errorf("explained by %q", got)
	}
	if got := strings.TrimSpace(doc.Find("#" + doc.Find("fieldset").AttrOr("aria-describedby", "none")).Text()); got != "Choose a role." {
		t.Errorf("problem = %q", got)
	}
}

func TestLinksAndButtonsWorkWithoutJavaScript(t *testing.T) {
	doc, _ := draw(t, Page{}, templ.Join(
		DialogLink(LinkProps{Href: "/o/x/invitations/new", Label: "Invite", Icon: "user-plus"}),
		PostButton(PostButtonProps{Action: "/o/x/r", Label: "Resend", About: "a@b.example", Hidden: map[string]string{"v": "2"}}),
		PostButton(PostButtonProps{Action: "/o/x/reveal", Label: "Reveal", Dialog: true}),
		LinkButton(LinkProps{Href: "javascript:alert(1)", Label: "Bad"})))
	link := doc.Find(`#main a[hx-target="#dialog-body"]`)
	if link.AttrOr("href", "") != "/o/x/invitations/new" || link.AttrOr("hx-get", "") != "/o/x/invitations/new" {
		t.Error("a link to the dialog does not lead to its page")
	}
	form := doc.Find(`#main form[action="/o/x/r"]`)
	if form.AttrOr("method", "") != "post" || form.AttrOr("hx-post", "") != "/o/x/r" || form.AttrOr("hx-swap", "") != "none" {
		t.Error("a button does not post both ways")
	}
	if form.Find(`input[type=hidden][name=v]`).AttrOr("value", "") != "2" {
		t.Error("the hidden value is missing")
	}
	if got := strings.TrimSpace(form.Find("button").Text()); got != "Resend" {
		t.Errorf("the button is called %q", got)
	}
	if got := doc.Find(`#main form[action="/o/x/reveal"]`).AttrOr("hx-target", ""); got != "#dialog-body" {
		t.Errorf("the answer goes to %q", got)
	}
}

func TestWhatPeopleWriteStaysText(t *testing.T) {
	evil := `<img src=x onerror=alert(1)>"'`
	_, html := draw(t, Page{
		Title: evil, Area: Org, Org: &OrgLink{ID: "x", Name: evil}, Orgs: []OrgLink{{ID: "x", Name: evil, Role: evil}},
		Viewer: &Viewer{Name: evil, Email: evil}, Notice: &Notice{Kind: evil, Text: evil},
	}, templ.Join(
		PageHead(evil, evil), Person(evil, evil, true), Thing("/x", evil, evil), Item(ItemProps{Icon: "mail", Title: evil, Text: evil}),
		CopyBox("k", evil, evil), CopyButton(evil, evil), ConfirmText("c", evil, evil, evil), Badge(evil, evil, ""), StateBadge(evil),
		Form(FormProps{Title: evil, Problem: evil, Submit: evil}), ErrorPage(evil, evil, evil, "/", evil), Consequences(evil), Steps(evil, evil),
		TextArea(FieldProps{Name: "t", Label: evil, Value: "</textarea>" + evil})))
	if strings.Contains(html, "<img") {
		t.Error("words became an element")
	}
}

// The content security policy allows neither.
func TestNoInlineStyleOrScript_XSS_06(t *testing.T) {
	sources, _ := filepath.Glob("*.templ")
	bad := regexp.MustCompile(`\sstyle=|\son[a-z]+=|hx-on|js:|<style|<script>|javascript:`)
	for _, file := range sources {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(body), "\n") {
			if bad.MatchString(line) {
				t.Errorf("%s:%d: %s", file, i+1, strings.TrimSpace(line))
			}
		}
	}
}

func TestThousandsAreSeparated(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 3700: "3,700", 1234567: "1,234,567", -1000: "-1,000", -999: "-999"} {
		if got := thousands(n); got != want {
			t.Errorf("%d is written %s, want %s", n, got, want)
		}
	}
}
