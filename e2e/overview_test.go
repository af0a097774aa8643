package e2e

import (
	"testing"
)

func TestTheOverviewSaysWhatWaitsAndWhatIsLeftToSetUp(t *testing.T) {
	journey(t)
	s := newScene(t)
	s.set(organizationsSwitch, true)
	s.registered(rita)
	s.requested("Acme Inc", rita)

	a := s.visitor(t, ada)
	a.signIn()
	a.open("/admin")
	a.sees("Finish setting up")
	a.sees("A mail has been sent by the mail server.")
	a.sees("Your browser has reached")
	a.audit("admin-overview-setting-up")
	a.row("There is a second portal admin").press("Choose somebody")
	a.at("/admin/users")

	a.open("/admin")
	d := a.row("Acme Inc").ask("Approve")
	d.press("Approve")
	a.toast("Acme Inc")
	s.createAdmin(ben)
	a.open("/admin")
	a.sees("Nothing waits for a decision.")
	a.misses("Finish setting up")
	a.sees("1 organization in the last 30 days")
	if err := visible(a.page.GetByText("As a table")).Click(); err != nil {
		t.Fatal(err)
	}
	a.audit("admin-overview")
}
