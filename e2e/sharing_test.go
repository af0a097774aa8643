package e2e

import (
	"net/http"
	"testing"
)

// A personal application is shared with a team, its keys are used and seen, and
// after somebody has left the keys that they have seen are rotated.
func TestWhoSeesAKeyAndWhoHasSeenIt(t *testing.T) {
	journey(t)
	c := newCompany(t)
	c.member(c.org, rita, tom, teamMember)
	c.member(c.org, rita, uma, superAdmin)

	p := c.visitor(t, rita)
	p.signIn()
	p.open(c.org + "/applications")
	d := p.ask("New application")
	d.fill("Name", "Notebook")
	d.choose("Personal")
	d.press("Create")
	p.at("/o/{id}/applications/{id}")
	app := p.path()
	p.wears("Personal")

	// A key that is shown once: now, and never again.
	d = p.ask("New credential")
	d.fill("Label", "Laptop")
	d.tick("Show once")
	d.press("Create")
	d.sees("Copy it now: it is shown this once")
	source, err := p.page.Content()
	if err != nil {
		t.Fatal(err)
	}
	once := keyIn(source)
	p.audit("credential-shown-once")
	d.press("Done")
	p.at(app)
	laptop := p.row("Laptop").shows()
	laptop.lacks("Reveal")
	laptop.offers("Rotate")
	p.showsNoKey()
	c.verifies(once, http.StatusNoContent)
	c.verifies(once, http.StatusNoContent)

	// A teammate sees nothing of it, and another Super admin that it exists.
	toms := c.plainly(t, tom).signIn().open(c.org + "/applications")
	if toms.offers("Notebook") {
		t.Error("a teammate sees a personal application in the list")
	}
	toms.get(app).want(http.StatusNotFound)
	umas := c.plainly(t, uma).signIn().open(c.org + "/applications").press("Notebook").want(http.StatusOK).finds("This application is personal")
	for _, name := range []string{"Reveal", "Rotate", "Revoke", "Share", "New credential", "Edit", "Delete"} {
		if umas.offers(name) {
			t.Errorf("a Super admin is offered %s on another's personal application", name)
		}
	}

	// Shared with a team: who gains access is said first.
	p.open(app)
	d = p.ask("Share")
	d.chosen("Personal")
	d.choose("Team")
	if err := d.at.Locator("input[name^=team-]").First().Check(); err != nil {
		t.Fatal(err)
	}
	d.press("Save")
	d.sees("Give access to more people?")
	d.sees(tom.name())
	d.sees(uma.name())
	p.audit("share-with-more-people")
	toms.get(app).want(http.StatusNotFound)
	d.press("Give access")
	p.toast("Saved")
	p.open(app)
	p.wears("Team")
	toms.get(app).want(http.StatusOK)
	d = p.ask("Who sees it")
	d.row(tom.name()).sees("team")

	// Tom reveals a key. He is removed, and what he has seen is rotated.
	p.open(app)
	d = p.ask("New credential")
	d.fill("Label", productionLabel)
	d.press("Create")
	p.row(productionLabel).shows()
	key := toms.open(app).reveals()
	p.open(c.memberAddress(c.org, rita, tom))
	d = p.ask("Remove")
	d.sees("has seen these keys")
	d.press("Remove")
	p.at(c.org + "/exposed")
	p.sees("Keys seen by people who left")
	p.sees("Seen by " + tom.name())
	p.audit("exposed")
	p.chosen(stopsInADay)
	p.press("Rotate")
	p.at(c.org + "/applications")
	p.toast("Rotated")
	p.open(c.org + "/exposed")
	p.sees("Nothing to rotate")
	p.audit("exposed-nothing-to-rotate")
	p.open(app)
	p.audit("application-after-rotation")
	old := p.rowWith("Cut now")
	old.sees("(has left)")
	c.verifies(key, http.StatusNoContent)
	d = old.ask("Extend")
	p.audit("extend")
	d.choose("In 7 days")
	d.press("Extend")
	p.toast("Extended")
	p.open(app)
	p.rowWith("Cut now").press("Cut now")
	p.toast("Cut")
	c.verifies(key, http.StatusUnauthorized)

	// What the laptop's key was used for is drawn, and stands in a table.
	p.open(app)
	d = p.row("Laptop").ask("Requests")
	d.sees("2 requests in the last")
	d.click(d.at.GetByText("As a table"), "the chart's table")
	if err := expect.Locator(d.at.Locator("tbody td:last-child")).ToHaveText([]string{"2"}); err != nil {
		t.Errorf("the table of requests: %v", err)
	}
	p.audit("requests")
	p.open(app)
	d = p.row("Laptop").ask("Code")
	d.sees("curl")
	p.showsNoKey()
}

// tick ticks the box, or sets the switch, with this label.
func (a part) tick(label string) {
	a.p.t.Helper()
	if err := a.field(label).Check(); err != nil {
		a.p.t.Fatalf("%s cannot tick %s at %s: %v\n%s", a.p.first, label, a.p.page.URL(), err, a.p.reads())
	}
}
