package e2e

import (
	"testing"
)

func TestAnAccountIsDeleted(t *testing.T) {
	journey(t)
	s := newScene(t)
	org := s.added("Acme Inc", rita)
	s.member(org, rita, tom, teamMember)
	s.member(org, rita, uma, superAdmin)
	uma2 := s.memberAddress(org, rita, uma)
	c := s.plainly(t, rita).signIn()
	c.open(org+"/applications").press("New application").fill("Name", "Rita’s own").choose("Personal").press("Create").want(200)

	// The only Super admin is shown the way out first.
	c.open(uma2).choose(teamMember).press("Save").want(200)
	p := s.visitor(t, rita)
	p.signIn()
	p.open("/profile")
	d := p.ask("Delete account")
	d.sees("First promote somebody else")
	p.audit("delete-account-refused")
	d.press("Delete account")
	p.whole().sees("only Super admin of Acme Inc")
	p.audit("delete-account-still-refused")
	c.open(uma2).choose(superAdmin).press("Save").want(200)

	p.open("/profile")
	d = p.ask("Delete account")
	d.sees("You leave Acme Inc")
	d.holdsChoice("Your applications in Acme Inc pass to", uma.name())
	p.audit("delete-account")
	d.press("Delete account")
	p.at("/")
	p.toast("Your account is deleted")
	c.open("/login").fill(emailField, rita.email).fill(passwordField, rita.password).press(signInButton).reads(wrongPassword)

	u := s.visitor(t, uma)
	u.signIn()
	u.open(org + "/applications")
	u.press("Rita’s own")
	u.open(org + "/activity")
	u.sees("with their account")
	u.open(org + "/users")
	u.misses(rita.name())

	// A portal admin deletes somebody's account, who may come back as somebody new.
	a := s.visitor(t, ada)
	a.signIn()
	a.open("/admin/users")
	a.press(tom.name())
	d = a.ask("Delete account")
	d.sees("They leave Acme Inc")
	a.audit("user-delete")
	d.press("Delete account")
	a.toast("Deleted the account of " + tom.name())
	a.misses(tom.email)
	s.registered(tom)
	again := s.plainly(t, tom).signIn()
	again.get(org).want(404)
}
