package e2e

import "testing"

// A new organization is led through its first steps; what its invitations begin
// with is a setting.
func TestANewOrganizationGetsStarted(t *testing.T) {
	journey(t)
	c := newCompany(t)
	p := c.visitor(t, rita)
	p.signIn()
	p.at(c.org)
	p.sees("Getting started")
	p.sees("0 of 5 done")
	p.audit("dashboard-checklist")
	p.press("Create an application")
	p.fill("Name", "Shop")
	p.press("Create")
	p.at("/o/{id}/applications/{id}")
	p.goes("Overview")
	p.sees("1 of 5 done")

	p.goes("Settings")
	p.choose(superAdmin)
	p.press("Save invitations")
	p.toast("Saved")
	p.audit("settings-invitations")
	p.goes("Overview")
	p.press("Invite a teammate")
	p.chosen(superAdmin)
	p.fill(firstNameField, tom.first)
	p.fill(lastNameField, tom.last)
	p.fill(emailField, tom.email)
	p.press("Send invitation")
	p.at(c.org + "/users")
	c.joined(tom)

	p.goes("Overview")
	p.sees("3 of 5 done") // with Tom as the second Super admin
	p.press("Dismiss")
	p.toast("put away")
	p.misses("Getting started")
	if c.plainly(t, tom).signIn().open(c.org).offers("Dismiss") {
		t.Error("the checklist is put away for one Super admin only")
	}
}
