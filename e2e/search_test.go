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
	for name, of := range map[string]somebody{"Weather Station": rita, "Globex Scales": uma} {
		s.plainly(t, of).signIn().press("Applications").press("New application").fill("Name", name).press("Create").want(200)
	}

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
		"/admin/users":         {"acme.ex", tom.name()},
		"/admin/teams":         {"inc all", "Acme Inc All users"},
		acme + "/users":        {"bak", tom.name()},
		acme + "/teams":        {"us", "Acme Inc All users"},
		"/admin/applications":  {"weath", "Weather Station"},
		acme + "/applications": {"stat", "Weather Station"},
	} {
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

// highlighted waits until the palette's current option says this.
func (p *person) highlighted(words string) {
	p.t.Helper()
	option := p.page.Locator(`#palette [role=option][aria-selected=true]`)
	if err := expect.Locator(option).ToContainText(words); err != nil {
		p.t.Fatalf("%s does not find %q highlighted: %v\n%s", p.first, words, err, p.reads())
	}
}

func TestThePaletteFindsByKeyboardAlone(t *testing.T) {
	journey(t)
	s := newScene(t)
	acme := s.added("Acme Inc", rita)
	globex := s.added("Globex", uma)
	s.member(acme, rita, tom, teamMember)
	s.plainly(t, rita).signIn().open(acme+"/applications").press("New application").fill("Name", "Weather Station").press("Create").want(200)

	r := s.visitor(t, rita)
	r.signIn()
	r.at(acme)
	palette := part{r, r.page.Locator("#palette")}

	// With nothing typed it offers the pages at hand.
	r.strikes("Control+k")
	r.highlighted("Overview")
	r.audit("palette")
	r.strikes("ArrowDown")
	r.strikes("ArrowDown")
	r.highlighted("Users")
	r.strikes("ArrowUp")
	r.highlighted("Applications")
	r.strikes("Enter")
	r.at(acme + "/applications")

	// Esc closes it, and the focus is back.
	link := r.page.Locator("[data-open-palette]")
	if err := link.Focus(); err != nil {
		t.Fatal(err)
	}
	r.strikes("Enter")
	r.highlighted("Overview")
	r.strikes("Escape")
	if err := expect.Locator(palette.at).Not().ToBeVisible(); err != nil {
		t.Error(err)
	}
	if err := expect.Locator(link).ToBeFocused(); err != nil {
		t.Error(err)
	}

	// People and applications.
	r.strikes("Meta+k")
	r.types("bak to")
	r.highlighted(tom.name())
	r.audit("palette-people")
	r.strikes("Enter")
	r.at(acme + "/users/{id}")
	r.sees(tom.email)
	r.strikes("Control+k")
	r.types("weath")
	r.strikes("Enter") // before the hits are there: it goes to the first of them
	r.at(acme + "/applications/{id}")
	r.sees("Weather Station")

	// Nothing of another organization.
	r.strikes("Control+k")
	r.types("globex")
	palette.sees("Nothing found")
	palette.misses("Globex")
	r.audit("palette-nothing")
	r.strikes("Escape")

	// A portal admin finds everything.
	a := s.visitor(t, ada)
	a.signIn()
	a.strikes("Control+k")
	a.types("globex")
	a.highlighted("Globex")
	a.strikes("Enter")
	a.at("/admin/organizations/" + orgID(globex))
	a.strikes("Control+k")
	a.types("templ")
	a.highlighted("Email templates")
	a.strikes("Enter")
	a.at("/admin/settings/email-templates")

	// By mouse, and without scripts.
	r.whole().press("Search")
	if err := r.page.Locator("#palette input").Fill("tom"); err != nil {
		t.Fatal(err)
	}
	palette.sees(tom.name())
	r.click(palette.at.GetByRole("option").Filter(playwright.LocatorFilterOptions{HasText: tom.name()}), "Tom")
	r.at(acme + "/users/{id}")
	r.open("/search")
	r.audit("search")
	r.open("/search?q=tom")
	r.audit("search-found")
	n := s.newPerson(t, rita, false)
	n.signIn()
	n.whole().press("Search")
	n.at("/search")
	n.fill("Search everything", "tom")
	n.press("Search")
	n.sees(tom.name())
	n.misses("Globex")
	n.press(tom.name())
	n.at(acme + "/users/{id}")
}
