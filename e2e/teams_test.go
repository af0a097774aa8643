package e2e

import (
	"net/http"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// A Super admin makes a team, invites into it, shares an application with it,
// takes somebody out and puts them back, and deletes it. What that does is said
// first, and holds at the next request.
func TestTheLifeOfATeam(t *testing.T) {
	journey(t)
	c := newCompany(t)
	c.member(c.org, rita, uma, teamMember)

	p := c.visitor(t, rita)
	p.signIn()
	p.goes("Teams")
	p.at(c.org + "/teams")
	p.row("Acme Inc All users").sees("Default")
	d := p.ask("New team")
	d.press("Create")
	if got := d.problem("Name"); got == "" {
		t.Error("a team without a name has no problem")
	}
	d.fill("Name", "Logistics")
	d.press("Create")
	p.at(c.org + "/teams/{id}")
	team := p.path()
	p.sees("Nobody is in this team yet")
	p.audit("team-empty")

	// Tom is invited into it.
	p.open(c.org + "/users")
	d = p.ask("Invite")
	d.fill(firstNameField, tom.first)
	d.fill(lastNameField, tom.last)
	d.fill(emailField, tom.email)
	d.choose(teamMember)
	d.tick("Logistics")
	p.audit("invite-into-team")
	d.press("Send invitation")
	p.toast("Invited")
	c.joined(tom)

	// What is shared with the team, he sees; Uma does not.
	p.open(c.org + "/applications")
	d = p.ask("New application")
	d.fill("Name", "Labels")
	d.choose("Team")
	d.tick("Logistics")
	d.press("Create")
	p.at("/o/{id}/applications/{id}")
	app := p.path()
	toms, umas := c.plainly(t, tom).signIn(), c.plainly(t, uma).signIn()
	toms.get(app).want(http.StatusOK)
	umas.get(app).want(http.StatusNotFound)

	p.open(team)
	p.row(tom.email).shows()
	d = p.ask("Add members")
	d.press("Add")
	d.sees("Choose at least one person")
	d.sees("Labels")
	d.tick(uma.name())
	p.audit("add-to-team")
	d.press("Add")
	p.toast("Added to Logistics")
	umas.get(app).want(http.StatusOK)

	// He is taken out: this was his only team.
	d = p.row(tom.email).ask("Remove")
	d.sees("They are in no other team and move to Acme Inc All users")
	d.sees("Labels")
	p.audit("remove-from-team")
	d.press("Remove")
	p.toast("Removed Tom Baker from Logistics")
	p.at(team)
	p.misses(tom.email)
	toms.get(app).want(http.StatusNotFound)
	p.audit("team")

	// And put back with his role, on his own page.
	p.open(c.memberAddress(c.org, rita, tom))
	p.tick("Logistics")
	p.press("Save")
	p.toast("Saved")
	toms.get(app).want(http.StatusOK)
	toms.open(team)
	for _, name := range []string{"Add members", "Delete", "Remove", "Save"} {
		if toms.offers(name) {
			t.Errorf("a Team member is offered %s", name)
		}
	}

	p.open(team)
	p.fill("Name", "Shipping")
	p.press("Save")
	p.toast("Saved")
	d = p.ask("Delete")
	d.sees("Its members are in other teams too and stay there")
	d.sees("Their owners and the Super admins go on seeing them")
	d.sees("Labels")
	p.audit("delete-team")
	d.press("Delete")
	p.at(c.org + "/teams")
	p.toast("Deleted Shipping")
	p.sees("Acme Inc All users")
	if err := expect.Locator(p.row("Shipping").at).ToHaveCount(0); err != nil {
		t.Errorf("the team is still in the list: %v", err)
	}
	toms.get(app).want(http.StatusNotFound)
	umas.get(app).want(http.StatusNotFound)
	p.open(app)
	p.wears("Team") // nobody sees it but by their role, until it is shared anew

	// The default team is renamed, and offers no way to delete it.
	p.open(c.org + "/teams")
	p.press("Acme Inc All users")
	p.fill("Name", "Everybody")
	p.press("Save")
	p.toast("Saved")
	p.lacks("Delete")
}

// A portal admin finds the teams of all organizations and works on them.
func TestAPortalAdminsTeams(t *testing.T) {
	journey(t)
	c := newCompany(t)
	c.added("Globex", uma)
	for _, scripts := range []bool{true, false} {
		name := map[bool]string{true: "Builders", false: "Painters"}[scripts]
		p := c.newPerson(t, ada, scripts)
		p.signIn()
		p.goes("Teams")
		p.at("/admin/teams")
		p.sees("Globex All users")
		search := p.page.GetByRole("searchbox", playwright.PageGetByRoleOptions{Name: "Search names"})
		if err := search.Fill("acm"); err != nil {
			t.Fatal(err)
		}
		p.press("Search")
		p.sees("Acme Inc All users")
		p.misses("Globex")
		p.press("New team")
		p.at("/admin/teams/new")
		p.sees("Choose whose team it is to be")
		p.audit("new-team-of-any-organization")
		d := p.row("Acme Inc").ask("New team")
		d.fill("Name", name)
		d.press("Create")
		p.at("/admin/organizations/{id}/teams/{id}")
		d = p.ask("Add members")
		d.tick(rita.name())
		d.press("Add")
		p.row(rita.email).shows()
		p.open("/admin/teams")
		p.press(name)
		p.at("/admin/teams/{id}")
		p.fill("Name", name+" two")
		p.press("Save")
		p.at("/admin/teams/{id}")
		p.row(rita.email).ask("Remove").press("Remove")
		p.sees("Nobody is in this team yet")
		p.audit("any-team")
		p.ask("Delete").press("Delete")
		p.at("/admin/teams")
		p.misses(name)
	}
}
