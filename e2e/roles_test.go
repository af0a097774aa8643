package e2e

import (
	"net/http"
	"testing"
)

func TestARoleChangeTakesEffectInTheOtherBrowser(t *testing.T) {
	journey(t)
	s := newScene(t)
	org := s.added("Acme Inc", rita)
	s.member(org, rita, tom, teamMember)
	page := s.memberAddress(org, rita, tom)

	r := s.visitor(t, rita)
	r.signIn()
	m := s.visitor(t, tom)
	m.signIn()
	m.open(org + "/users")
	m.sees(rita.name())
	m.lacks("Invite")
	m.audit("users-as-team-member")

	// Tom becomes a Super admin: his next click shows it.
	r.open(org + "/users")
	r.press(tom.name())
	r.at(page)
	r.audit("member")
	r.chosen(teamMember)
	r.choose(superAdmin)
	r.press("Save")
	r.toast("")
	s.mail.next(tom.email, "Acme Inc", superAdmin)
	m.goes("Users")
	m.row(tom.email).sees(superAdmin)
	m.offers("Invite")

	// And is a Team member again while his form stands open: what he sends is refused.
	d := m.ask("Invite")
	d.fill(firstNameField, uma.first)
	d.fill(lastNameField, uma.last)
	d.fill(emailField, uma.email)
	d.choose(superAdmin)
	r.open(page)
	r.choose(teamMember)
	r.press("Save")
	r.toast("")
	s.mail.next(tom.email, "Acme Inc", teamMember)
	before := s.counts(t)["invitations"]
	d.press("Send invitation")
	m.toast("")
	if after := s.counts(t)["invitations"]; after != before {
		t.Error("a Team member has invited somebody")
	}
	m.open(org + "/users")
	m.lacks("Invite")
	m.misses(uma.email)

	// Rita also edits names; they are those inside the organization.
	r.open(page)
	r.fill(firstNameField, "Thomas")
	r.press("Save")
	r.toast("")
	m.goes("Users")
	m.sees("Thomas Baker")

	// Removed: his page says that nothing is here.
	r.open(page)
	ask := r.ask("Remove")
	r.audit("remove-member")
	ask.press("Remove")
	r.at(org + "/users")
	r.misses("Thomas Baker")
	m.whole().finds(nothingHere)
	s.mail.next(tom.email, "Acme Inc")
	m.opens(org, http.StatusNotFound)
	m.audit("not-found")
	m.open("/")
	m.misses("Acme Inc")
}

func TestTheLastSuperAdminStays(t *testing.T) {
	journey(t)
	s := newScene(t)
	org := s.added("Acme Inc", rita)
	s.member(org, rita, tom, teamMember)

	r := s.visitor(t, rita)
	r.signIn()
	r.open(org + "/users")
	r.press(rita.name())
	r.choose(teamMember)
	r.press("Save")
	r.whole().finds(promoteFirst)
	r.audit("last-super-admin-refused")
	r.open(org + "/users")
	r.row(rita.email).sees(superAdmin)

	// Leaving is refused as well, until somebody else can take over.
	r.goes("Settings")
	r.ask("Leave").press("Leave")
	r.whole().finds(promoteFirst)
	r.audit("leave-as-last-super-admin")
	r.open(s.memberAddress(org, rita, tom))
	r.choose(superAdmin)
	r.press("Save")
	r.toast("")
	r.goes("Settings")
	d := r.ask("Leave")
	r.audit("leave")
	d.press("Leave")
	r.at("/")
	r.opens(org, http.StatusNotFound)

	m := s.visitor(t, tom)
	m.signIn()
	m.open(org + "/users")
	m.misses(rita.email)
	m.offers("Invite")
}

func TestAnotherOrganizationIsNotThere(t *testing.T) {
	journey(t)
	s := newScene(t)
	acme := s.added("Acme Inc", rita)
	globex := s.added("Globex", uma)
	s.member(acme, rita, tom, teamMember)
	toms := s.memberAddress(acme, rita, tom)

	c := s.plainly(t, uma).signIn()
	missing := c.get("/o/never-was").want(http.StatusNotFound).words()
	for _, path := range []string{acme, acme + "/users", acme + "/applications", acme + "/teams", acme + "/activity",
		acme + "/settings", toms, globex + "/users/" + lastPart(toms), "/admin", "/admin/organizations", "/admin/users"} {
		if got := c.get(path).want(http.StatusNotFound).words(); got != missing {
			t.Errorf("%s does not look like what never was: %q, not %q", path, got, missing)
		}
	}
	// An admin who is no member works under /admin, and not in the organization.
	s.admin.get(acme).want(http.StatusNotFound)
	// Nobody at all is sent to sign in.
	nobody := s.plainly(t, somebody{})
	nobody.get(acme + "/users").want(http.StatusOK).isAt("/login")
	nobody.get("/admin").want(http.StatusOK).isAt("/login")
}
