package e2e

import (
	"net/http"
	"testing"
)

func TestAnOrganizationIsApprovedByItself(t *testing.T) {
	journey(t)
	s := newScene(t)
	s.registered(rita)
	s.registered(tom)
	waiting := s.requested("Initech", tom)
	s.mail.next(ada.email, "Initech")

	a := s.visitor(t, ada)
	a.signIn()
	a.open("/admin/settings/general")
	a.audit("settings-general")
	a.turns(approveOrgsSwitch, true)

	p := s.visitor(t, rita)
	p.signIn()
	p.whole().press(createAnOrg)
	p.fill(orgNameField, "Acme Inc")
	p.press(createOrgButton)
	p.at("/o/{id}")
	org := p.path()
	p.goes("Users")
	p.row(rita.email).sees(superAdmin)
	p.offers("Invite")
	p.goes("Teams")
	p.sees("Acme Inc All users")
	p.audit("teams")
	p.goes("Activity")
	p.audit("activity")
	p.goes("Settings")
	p.audit("organization-settings")

	// One organization: the start page is its Dashboard. A second one: a choice.
	p.open("/")
	p.at(org)
	p.open("/organizations/new")
	p.fill(orgNameField, "Acme Labs")
	p.press(createOrgButton)
	p.at("/o/{id}")
	p.open("/")
	p.at("/")
	p.sees("Acme Inc")
	p.sees("Acme Labs")
	p.audit("home-choose-organization")

	// What waited before goes on waiting.
	s.plainly(t, tom).signIn().open(waiting).finds("Pending")
	if s.mail.holds(ada.email, "Acme") {
		t.Error("the admins are asked about what was approved by itself")
	}
}

// turns sets a switch under Settings > General and saves it.
func (p *person) turns(label string, on bool) {
	p.t.Helper()
	if err := p.field(label).SetChecked(on); err != nil {
		p.t.Fatalf("%s cannot set %q: %v\n%s", p.first, label, err, p.reads())
	}
	p.press("Save")
	p.toast("")
	p.open("/admin/settings/general")
	switched := expect.Locator(p.field(label))
	if !on {
		switched = switched.Not()
	}
	if err := switched.ToBeChecked(); err != nil {
		p.t.Fatalf("%q does not stay %v: %v", label, on, err)
	}
}

func TestARejectedOrganizationIsResubmitted(t *testing.T) {
	journey(t)
	s := newScene(t)
	s.registered(rita)
	request := s.requested("Acme", rita)
	s.mail.next(ada.email, "Acme")

	r := s.visitor(t, rita)
	r.signIn()
	r.open(request)
	r.sees("Pending")

	a := s.visitor(t, ada)
	a.signIn()
	a.open("/admin/organizations")
	d := a.row("Acme").ask("Reject")
	a.audit("reject")
	d.fill(reasonField, "Please use the name in your contract.")
	d.press("Reject")
	a.toast("Acme")
	a.sees("pending") // the empty list says that nothing is
	a.audit("admin-organizations-none-pending")
	a.tab("Rejected")
	a.sees("Acme")
	a.audit("admin-organizations-rejected")

	// She reads the reason on her page, which changes by itself, and in her mail.
	r.turnsFrom("Pending")
	r.sees("Rejected")
	r.sees("Please use the name in your contract.")
	r.audit("request-rejected")
	link := s.mail.next(rita.email, "Acme", "Please use the name in your contract.").
		link(t, s.url, "/organizations/requests/")
	r.open("/")
	r.sees("Please use the name in your contract.")
	r.audit("home-with-request")
	r.open(link)
	r.at(request)

	// A better name, and once more.
	d = r.ask("Resubmit")
	if there, err := d.field(orgNameField).Count(); err == nil && there > 0 {
		d.fill(orgNameField, "Acme Incorporated")
		d.press("Resubmit")
	}
	r.sees("Pending")
	s.mail.next(ada.email, "Acme")

	a.open("/admin/organizations")
	d = a.row("Acme").ask("Approve")
	d.fill(approveNameField, "Acme GmbH")
	d.press("Approve")
	a.toast("Acme GmbH")
	r.turnsFrom("Pending")
	link = s.mail.next(rita.email, "Acme GmbH", s.url+"/o/").link(t, s.url, "/o/")
	r.open(link)
	r.goes("Teams")
	r.sees("Acme GmbH All users")
}

func TestARequestIsEditedAndWithdrawn(t *testing.T) {
	journey(t)
	s := newScene(t)
	s.registered(rita)
	request := s.requested("Acme", rita)

	r := s.visitor(t, rita)
	r.signIn()
	r.open(request)
	d := r.ask("Edit name")
	r.audit("request-edit-name")
	d.holds(orgNameField, "Acme")
	d.fill(orgNameField, "Acme Inc")
	d.press("Save")
	r.sees("Acme Inc")
	s.admin.open("/admin/organizations").finds("Acme Inc")

	d = r.ask("Withdraw")
	r.audit("request-withdraw")
	d.press("Withdraw")
	r.turnsFrom("Pending")
	r.sees("Withdrawn")
	r.audit("request-withdrawn")

	// An admin who was about to approve it is told, and nothing is made.
	if s.admin.open("/admin/organizations").offers("Approve") {
		t.Error("a withdrawn request can still be approved")
	}
	r.opens("/o/"+lastPart(request), http.StatusNotFound)
}

func TestAnAdminAddsAnOrganization(t *testing.T) {
	journey(t)
	s := newScene(t)
	a := s.visitor(t, ada)
	a.signIn()

	// Without anybody in it.
	a.open("/admin/organizations")
	d := a.ask("Add")
	a.audit("add-organization")
	d.fill(orgNameField, "Globex")
	d.press("Save")
	a.toast("Globex")
	a.tab("Active")
	a.row("Globex").shows()

	// With its first Super admin.
	d = a.ask("Add")
	d.fill(orgNameField, "Acme Inc")
	d.fill(firstNameField, rita.first)
	d.fill(lastNameField, rita.last)
	d.fill(emailField, rita.email)
	d.press("Save")
	a.toast("Acme Inc")
	r := s.visitor(t, rita)
	r.open(s.invitation(rita))
	r.sees("Acme Inc")
	r.sees(superAdmin)
	r.fill(passwordField, rita.password)
	r.press("Join")
	r.at("/o/{id}")
	r.goes("Users")
	r.offers("Invite")

	// Both have their default team, whose name can be edited.
	a.goes("Teams")
	a.at("/admin/teams")
	a.row("Acme Inc All users").shows()
	a.audit("admin-teams")
	a.press("Globex All users")
	a.at("/admin/teams/{id}")
	a.audit("admin-team")
	a.holds("Name", "Globex All users")
	a.fill("Name", "Everybody at Globex")
	a.press("Save")
	a.at("/admin/teams/{id}")
	a.toast("")
	a.goes("Teams")
	a.row("Everybody at Globex").shows()
	a.misses("Globex All users")

	// It says which organizations a name resembles.
	a.open("/admin/organizations")
	d = a.ask("Add")
	d.fill(orgNameField, "")
	d.press("Save")
	d.problem(orgNameField)
	a.audit("add-organization-with-a-problem")
}
