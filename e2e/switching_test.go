package e2e

import (
	"testing"

	"github.com/playwright-community/playwright-go"
)

// switcher is the top bar's menu of organizations.
func (p *person) switcher() playwright.Locator {
	return p.page.Locator("header details.switcher")
}

// offersOrg waits until the switcher's menu, which is open, has this organization.
func (p *person) offersOrg(name string) playwright.Locator {
	p.t.Helper()
	link := p.switcher().GetByRole("link").Filter(playwright.LocatorFilterOptions{HasText: name})
	if err := link.WaitFor(); err != nil {
		p.t.Fatalf("%s is not offered %s at %s: %v\n%s", p.first, name, p.page.URL(), err, p.reads())
	}
	return link
}

func TestPeopleOfSeveralOrganizationsSwitchInTheTopBar(t *testing.T) {
	journey(t)
	s := newScene(t)
	acme := s.added("Acme Inc", rita)
	globex := s.added("Globex Works", uma)
	s.invites(globex, uma, rita, teamMember)

	// Who has an invitation lands where it is shown, though they are at home elsewhere.
	p := s.visitor(t, rita)
	p.signIn()
	p.at("/")
	p.sees("Invitations for you")
	p.sees("Uma Nair invites you as Team member")
	p.audit("home-invited")
	p.press("Accept")
	p.at(globex)
	p.whole().sees("Globex Works")

	// By the keyboard alone to the other organization.
	if err := p.switcher().Locator("summary").Focus(); err != nil {
		t.Fatal(err)
	}
	p.strikes("Enter")
	p.offersOrg("Globex Works")
	p.offersOrg("Acme Inc")
	p.audit("switcher")
	p.strikes("Tab")
	p.strikes("Enter")
	p.at(acme)
	p.sees("Acme Inc")

	// And by the pointer back, from another page than the first.
	p.open(acme + "/users")
	p.whole().click(p.switcher().Locator("summary"), "the switcher")
	p.whole().click(p.offersOrg("Globex Works"), "Globex Works")
	p.at(globex)

	// The choice is in the address: another tab stays where it is.
	other, err := p.context.NewPage()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Goto(s.url + acme); err != nil {
		t.Fatal(err)
	}
	p.reload()
	p.at(globex)
	p.part.sees("Globex Works")
	if _, err := other.Reload(); err != nil {
		t.Fatal(err)
	}
	if err := expect.Locator(other.GetByRole("main").GetByText("Acme Inc").First()).ToBeVisible(); err != nil {
		t.Errorf("the other tab has gone elsewhere: %v", err)
	}

	// Who belongs to one is offered no other.
	q := s.visitor(t, uma)
	q.signIn()
	q.at(globex)
	q.whole().sees("Globex Works")
	q.whole().misses("Acme Inc")

	// Without an invitation, several organizations are there to choose from.
	p.open("/")
	p.sees("Your organizations")
	p.misses("Invitations for you")
}
