package e2e

import (
	"net/http"
	"testing"
)

// An admin makes a code for two people. One registers with its link, one who is
// here already joins with it, and a third is too late.
func TestPeopleJoinWithAnInviteCode(t *testing.T) {
	journey(t)
	c := newCompany(t)
	c.registered(uma)

	a := c.visitor(t, ada)
	a.signIn()
	a.open("/admin")
	a.goes("Invite codes")
	a.sees("No invite codes yet")
	a.press("Choose an organization")
	a.press("Acme Inc")
	a.press("Invite codes Open")
	a.press("New code")
	a.audit("new-invite-code")
	a.fill("Name", "Workshop")
	a.fill("How many people", "none")
	a.press("Create")
	a.problem("How many people")
	a.audit("new-invite-code-problem")
	a.holds("Name", "Workshop")
	a.fill("How many people", "2")
	a.press("Create")
	a.sees("Copy it now: it is shown this once")
	a.audit("invite-code-made")
	code := a.value("Code")
	c.keeps(aCode, code)
	link := a.value("Link to register with it")
	a.press("Done")
	a.row("Workshop").sees("0 of 2")

	p := c.visitor(t, tom)
	p.open(link)
	p.holds("Invite code", code)
	p.fillIn(tom)
	p.fill("Invite code", code+"X")
	p.press(registerButton)
	p.problem("Invite code")
	p.audit("register-with-code")
	p.fill("Invite code", code)
	p.fill(passwordField, tom.password)
	p.press(registerButton)
	p.finds(lookIntoYourMail)
	p.open(c.mail.next(tom.email, c.url+"/verify-email/").link(t, c.url, "/verify-email/"))
	p.sees("With your invite code you join Acme Inc")
	p.audit("confirm-with-code")
	p.press(confirmButton)
	p.signIn()
	p.at(c.org)
	p.sees("You are a Team member here")

	p = c.visitor(t, uma)
	p.signIn()
	p.at("/")
	p.audit("home-with-code")
	p.press("Join with a code")
	p.at("/join")
	p.fill("Invite code", "not a code")
	p.press("Join")
	p.problem("Invite code")
	p.audit("join-problem")
	p.fill("Invite code", code)
	p.press("Join")
	p.at(c.org)

	late := c.plainly(t, ben).open("/register").fillIn(ben)
	late.fill("Invite code", code).press(registerButton).want(http.StatusUnprocessableEntity).finds("This code does not work")

	a.goes("Invite codes")
	row := a.row("Workshop")
	row.sees("Used up")
	row.sees("2 of 2")
	a.audit("invite-codes")
	row.press("Edit")
	a.sees("Used by 2 people so far")
	a.fill("How many people", "3")
	a.press("Save")
	a.toast("Saved")
	a.row("Workshop").press("Deactivate")
	a.toast("does not work any more")
	late.fill(passwordField, ben.password).press(registerButton).want(http.StatusUnprocessableEntity).finds("This code does not work")
	a.row("Workshop").press("Activate")
	a.toast("is active again")
	late.fill(passwordField, ben.password).press(registerButton).want(http.StatusOK).reads(lookIntoYourMail)
}

// value is what the field with this label holds.
func (a part) value(label string) string {
	a.p.t.Helper()
	v, err := a.field(label).InputValue()
	if err != nil {
		a.p.t.Fatalf("%s reads nothing in %s: %v", a.p.first, label, err)
	}
	return v
}
