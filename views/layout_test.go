package views

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/a-h/templ"
)

var nothing = templ.Raw("<h1>Body</h1>")

func TestFrameGivesAsMuchAsIsAskedFor(t *testing.T) {
	page := Page{Title: "Users", Area: Org, Menu: "users", Org: &OrgLink{ID: "x", Name: "Acme"}, Viewer: &Viewer{Name: "Priya Kapoor"}}

	doc, html := draw(t, page, nothing)
	for _, want := range []string{"html[lang=en]", "body > a.skip[href='#main']", "body > #page", "body > #page main#main", "body > dialog#dialog[aria-labelledby=dialog-title] > #dialog-body", "body > #toaster"} {
		if doc.Find(want).Length() != 1 {
			t.Errorf("the document has no single %s", want)
		}
	}
	if got := doc.Find("title").Text(); got != "Users · Acme · Portico" {
		t.Errorf("title = %q", got)
	}
	if !strings.HasPrefix(html, "<!doctype html>") {
		t.Error("no doctype")
	}
	if !json.Valid([]byte(doc.Find(`meta[name="htmx-config"]`).AttrOr("content", ""))) {
		t.Error("htmx's configuration is not JSON")
	}

	page.Mode = Region
	_, html = draw(t, page, nothing)
	if !strings.HasPrefix(html, "<title>Users · Acme · Portico</title><div id=\"page\"") {
		t.Errorf("the region begins with %.80s", html)
	}
	for _, not := range []string{"<html", "<dialog", `id="toaster"`, `class="skip"`} {
		if strings.Contains(html, not) {
			t.Errorf("the region has %s", not)
		}
	}

	page.Mode = Bare
	if _, html = draw(t, page, nothing); html != "<h1>Body</h1>" {
		t.Errorf("bare: %s", html)
	}
}

func texts(s *goquery.Selection) string {
	return strings.Join(s.Map(func(_ int, a *goquery.Selection) string {
		return strings.TrimSpace(a.Text()) + "=" + a.AttrOr("href", "")
	}), " ")
}

func TestMenus(t *testing.T) {
	doc, _ := draw(t, Page{Area: Org, Menu: "teams", Org: &OrgLink{ID: "x", Name: "Acme"}}, nothing)
	if got, want := texts(doc.Find(".sidenav a")), "Overview=/o/x Applications=/o/x/applications Users=/o/x/users Teams=/o/x/teams Activity=/o/x/activity Settings=/o/x/settings"; got != want {
		t.Errorf("organization: %s", got)
	}
	if got := texts(doc.Find(".sidenav [aria-current=page]")); got != "Teams=/o/x/teams" {
		t.Errorf("current: %s", got)
	}

	doc, _ = draw(t, Page{Area: Admin, Menu: "audit-log", PendingOrganizations: "3", Viewer: &Viewer{Name: "Mara Ruiz", Admin: true}}, nothing)
	want := "Overview=/admin Organizations=/admin/organizations Users=/admin/users Teams=/admin/teams Applications=/admin/applications " +
		"Invite codes=/admin/codes Emails=/admin/emails Audit log=/admin/audit-log General=/admin/settings/general Email=/admin/settings/email Email templates=/admin/settings/email-templates"
	if got := texts(doc.Find("#menu li > a")); got != want {
		t.Errorf("admin: %s", got)
	}
	if got := texts(doc.Find("#menu [aria-current=page]")); got != "Audit log=/admin/audit-log" {
		t.Errorf("current: %s", got)
	}
	if got := strings.Join(strings.Fields(doc.Find("#menu li .badge").Text()), " "); got != "3 pending" {
		t.Errorf("badge: %q", got)
	}
}

func TestTopBarOffersWhatTheViewerMayDo(t *testing.T) {
	for _, c := range []struct {
		name string
		page Page
		has  []string
		not  []string
	}{
		{"signed out, signing in off", Page{}, nil, []string{`a[href="/login"]`}},
		{"signed out, registration off", Page{CanSignIn: true}, []string{`a[href="/login"]`}, []string{`a[href="/register"]`, `form[action="/logout"]`, `a[href="/organizations/new"]`}},
		{"signed out, registration on", Page{CanRegister: true, CanCreateOrganization: true}, []string{`a[href="/register"]`}, []string{`a[href="/organizations/new"]`}},
		{"signed in", Page{Viewer: &Viewer{Name: "P"}}, []string{`form[action="/logout"][method=post] button`, `a[href="/profile"]`}, []string{`a[href="/login"]`, `a[href="/admin"]`, `a[href="/organizations/new"]`}},
		{"may create an organization", Page{Viewer: &Viewer{Name: "P"}, CanCreateOrganization: true}, []string{`a[href="/organizations/new"]`}, nil},
		{"portal admin", Page{Viewer: &Viewer{Name: "P", Admin: true}, MailOff: true}, []string{`a[href="/admin"]`, `a[href="/admin/settings/email"]`}, nil},
		{"no mail is the admins' concern", Page{Viewer: &Viewer{Name: "P"}, MailOff: true}, nil, []string{`a[href="/admin/settings/email"]`}},
		{"signed out of the admin area", Page{Area: Admin}, nil, []string{`form[action="/logout"]`}},
		{"several organizations", Page{Viewer: &Viewer{Name: "P"}, Orgs: []OrgLink{{ID: "x"}, {ID: "y"}}}, []string{`a[href="/o/x"]`, `a[href="/o/y"]`}, nil},
		{"demonstration", Page{Demo: &Demo{Personas: []Persona{{ID: "a", Label: "A", Current: true}}}}, []string{`form[action="/demo/personas/a"][method=post] button[aria-current]`, `a[href="/demo/mailbox"]`}, nil},
		{"a notice", Page{Notice: &Notice{Kind: "error", Text: "No."}}, []string{`#toaster [role=alert]`}, nil},
	} {
		doc, _ := draw(t, c.page, nothing)
		for _, s := range c.has {
			if doc.Find(s).Length() == 0 {
				t.Errorf("%s: no %s", c.name, s)
			}
		}
		for _, s := range c.not {
			if doc.Find(s).Length() != 0 {
				t.Errorf("%s: there is %s", c.name, s)
			}
		}
	}
}

func TestIdsAreUnique(t *testing.T) {
	for _, area := range []Area{Public, Org, Admin} {
		doc, _ := draw(t, Page{Area: area, Viewer: &Viewer{Name: "P", Admin: true}, Org: &OrgLink{ID: "x", Name: "X"}, Orgs: []OrgLink{{ID: "x", Name: "X"}}, Notice: &Notice{}, MailOff: true}, nothing)
		seen := map[string]bool{}
		doc.Find("[id]").Each(func(_ int, s *goquery.Selection) {
			id := s.AttrOr("id", "")
			if seen[id] {
				t.Errorf("area %d: %q twice", area, id)
			}
			seen[id] = true
		})
	}
}
