package e2e

import "testing"

func TestARequestMeansAnOrganizationThatIsThere(t *testing.T) {
	journey(t)
	c := newCompany(t)
	c.registered(tom)
	request := c.requested("ACME Labs", tom)
	c.mail.next(ada.email, "ACME Labs")

	// Only the admins are told whom it resembles.
	a := c.visitor(t, ada)
	a.signIn()
	a.open("/admin/organizations")
	a.row("ACME Labs").sees("May be here already: Acme Inc")
	a.audit("admin-organizations-resembling")
	d := a.row("ACME Labs").ask("Approve")
	d.sees("members have addresses at acme.example too")
	a.audit("approve-resembling")
	if err := a.page.Keyboard().Press("Escape"); err != nil {
		t.Fatal(err)
	}
	m := c.visitor(t, tom)
	m.signIn()
	m.open(request)
	m.misses("Acme Inc")

	a.press("ACME Labs")
	a.at("/admin/organizations/{id}")
	d = a.ask("Join that one instead")
	a.audit("join-that-one-instead")
	d.chosen("Acme Inc")
	d.press("Send invitation")
	a.toast("Invited " + tom.email + " to Acme Inc")
	a.at("/admin/organizations")
	a.misses("ACME Labs")

	// He reads why, and joins.
	m.turnsFrom("Pending")
	m.sees("Your company is here already as Acme Inc.")
	c.mail.next(tom.email, "Your company is here already as Acme Inc.")
	c.mail.next(tom.email, c.url+"/invitations/")
	m.open("/")
	m.press("Accept")
	m.at("/o/{id}")
	m.goes("Users")
	m.row(tom.email).sees(teamMember)
}
