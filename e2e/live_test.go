package e2e

import (
	"testing"

	"github.com/playwright-community/playwright-go"
)

// stays marks the document, and claims at the end that it is still the same one.
func (p *person) stays() (check func()) {
	p.t.Helper()
	if _, err := p.page.Evaluate(`() => { window.stayed = true }`); err != nil {
		p.t.Fatal(err)
	}
	return func() {
		p.t.Helper()
		if same, err := p.page.Evaluate(`() => window.stayed === true`); err != nil || same != true {
			p.t.Errorf("%s has been sent to another page: %v", p.first, err)
		}
	}
}

func TestPagesChangeByThemselves(t *testing.T) {
	journey(t)
	s := newScene(t)
	s.set(approveOrgsSwitch, false)
	acme := s.added("Acme Inc", rita)
	s.registered(uma)

	// The admin's counters and list, and the outbox, while requests come in.
	a := s.visitor(t, ada)
	a.signIn()
	a.open("/admin/organizations")
	a.sees("Nothing waits for a decision")
	stayed := a.stays()
	field := a.field("Search names")
	if err := field.Fill("glo"); err != nil {
		t.Fatal(err)
	}
	a.sees("Nothing found")
	request := s.requested("Globex", uma)
	u := s.visitor(t, uma)
	u.signIn()
	u.open(request)
	u.sees("Pending")
	a.sees("Globex")
	a.holds("Search names", "glo")
	if err := expect.Locator(field).ToBeFocused(); err != nil {
		t.Error(err)
	}
	if err := expect.Locator(a.page.Locator(`#side-menu .badge`).First()).ToContainText("1"); err != nil {
		t.Error(err)
	}
	a.row("Globex").sees("Pending")
	stayed()

	// The pending page says that it is approved, with its way on; a menu that is
	// open meanwhile stays open.
	u.opensAccountMenu()
	stayed = u.stays()
	s.admin.open("/admin/organizations/" + lastPart(request) + "/approval").press("Approve").want(200)
	u.sees("Go to the dashboard")
	if err := expect.Locator(u.page.Locator("details.menu[open]")).ToBeVisible(); err != nil {
		t.Errorf("the menu is closed: %v", err)
	}
	stayed()
	u.audit("request-approved")

	// The Users tab, while a dialog with something typed is open, and the outbox.
	a.open("/admin/emails?state=sent")
	a.sees(rita.email)
	a.lacks(tom.email)
	outboxStayed := a.stays()
	r := s.visitor(t, rita)
	r.signIn()
	r.open(acme + "/users")
	r.sees("Nobody is invited at the moment.")
	stayed = r.stays()
	d := r.ask("Invite")
	d.fill(firstNameField, "Half typed")
	s.invites(acme, rita, tom, teamMember)
	a.sees(tom.email)
	outboxStayed()
	s.joined(tom)
	d.holds(firstNameField, "Half typed")
	r.strikes("Escape")
	r.sees(tom.email)
	stayed()

	// Removed: the page asks, and there is nothing any more.
	m := s.visitor(t, tom)
	m.signIn()
	m.open(acme + "/users")
	m.sees(rita.email)
	r.open(s.memberAddress(acme, rita, tom))
	r.does("Remove")
	r.at(acme + "/users")
	m.page.Reload()
	m.whole().finds(nothingHere)
}

func TestPagesLookByThemselvesWhereEventsDoNotComeThrough(t *testing.T) {
	journey(t)
	s := newScene(t)
	acme := s.added("Acme Inc", rita)
	r := s.visitor(t, rita)
	r.expects(`/live failed|ERR_FAILED`)
	if err := r.page.Route("**/live", func(route playwright.Route) { route.Abort("failed") }); err != nil {
		t.Fatal(err)
	}
	r.signIn()
	r.open(acme + "/users")
	r.sees("Nobody is invited at the moment.")
	stayed := r.stays()
	s.invites(acme, rita, tom, teamMember)
	r.sees(tom.email)
	stayed()
}
