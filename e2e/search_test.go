package e2e

import (
	"regexp"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// types is what a person does with the keyboard, one key after the other.
func (p *person) types(words string) {
	p.t.Helper()
	if err := p.page.Keyboard().Type(words); err != nil {
		p.t.Fatal(err)
	}
}

// strikes presses one key, or several together, as "Control+k".
func (p *person) strikes(keys string) {
	p.t.Helper()
	if err := p.page.Keyboard().Press(keys); err != nil {
		p.t.Fatal(err)
	}
}

// asks waits until the address has this query.
func (p *person) asks(query string) {
	p.t.Helper()
	pattern := regexp.MustCompile(`^[^?]*` + regexp.QuoteMeta(query) + `$`)
	if err := expect.Page(p.page).ToHaveURL(pattern); err != nil {
		p.t.Fatalf("%s is at %s: %v", p.first, p.page.URL(), err)
	}
}

func (p *person) backs() {
	p.t.Helper()
	if _, err := p.page.GoBack(); err != nil {
		p.t.Fatal(err)
	}
}

func TestListsAreSearchedAsOneTypes(t *testing.T) {
	journey(t)
	s := newScene(t)
	acme := s.added("Acme Inc", rita)
	s.added("Globex Überland", uma)
	s.member(acme, rita, tom, teamMember)
	s.invites(acme, rita, ben, teamMember)

	a := s.visitor(t, ada)
	a.signIn()
	a.open("/admin/organizations?state=active")
	a.sees("Acme Inc")
	field := a.field("Search names")
	if err := field.Focus(); err != nil {
		t.Fatal(err)
	}
	a.types("uber")
	a.misses("Acme Inc")
	a.sees("Globex Überland")
	a.asks("?q=uber&state=active")
	// Who types goes on typing: the field keeps the focus and what is in it.
	a.types(" glo")
	a.asks("?q=uber+glo&state=active")
	if err := expect.Locator(field).ToBeFocused(); err != nil {
		t.Error(err)
	}
	a.holds("Search names", "uber glo")
	a.audit("organizations-found")
	// The address is the search's: somebody else sees the same.
	b := s.plainly(t, ada).signIn().open("/admin/organizations?q=uber+glo&state=active")
	b.finds("Globex Überland")
	// The tabs keep the search, and one step back is the whole list.
	a.tab("Pending")
	a.sees("Nothing found")
	a.audit("organizations-nothing-found")
	a.backs()
	a.sees("Globex Überland")
	a.backs()
	a.sees("Acme Inc")
	a.asks("?state=active")

	for path, search := range map[string][2]string{
		"/admin/users":        {"acme.ex", tom.name()},
		"/admin/teams":        {"inc all", "Acme Inc All users"},
		acme + "/users":       {"bak", tom.name()},
		acme + "/teams":       {"us", "Acme Inc All users"},
		"/admin/applications": {},
	} {
		if search[0] == "" {
			continue // it is empty
		}
		p := a
		if path[:3] == "/o/" {
			p = s.visitor(t, rita)
			p.signIn()
		}
		p.open(path)
		if err := p.page.GetByRole("searchbox").Focus(); err != nil {
			t.Fatal(err)
		}
		p.types(search[0])
		p.sees(search[1])
		p.misses(uma.name())
		p.misses("Globex")
		if path == acme+"/users" {
			p.misses(ben.email)
			if err := p.page.GetByRole("searchbox").Fill("aal"); err != nil {
				t.Fatal(err)
			}
			p.sees(ben.email) // who is only invited
			p.misses(tom.name())
		}
	}

	// Without scripts there is a button.
	n := s.newPerson(t, rita, false)
	n.signIn()
	n.open(acme + "/users")
	n.fill("Search names and addresses", "bak")
	n.press("Search")
	n.sees(tom.name())
	n.misses(rita.email)
	n.asks("?q=bak")
	n.fill("Search names and addresses", "zzz")
	n.press("Search")
	n.sees("Nothing found")
	n.press("Clear the search")
	n.sees(rita.email)
	if err := expect.Locator(n.page.GetByRole("searchbox")).ToHaveValue("", playwright.LocatorAssertionsToHaveValueOptions{}); err != nil {
		t.Error(err)
	}
}
