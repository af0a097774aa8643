package e2e

import (
	"net/http"
	"testing"
)

func TestARemovalAndARevocationAreUndone(t *testing.T) {
	journey(t)
	c := newCompany(t)
	c.member(c.org, rita, tom, teamMember)
	link := c.fresh(uma)
	page := c.memberAddress(c.org, rita, tom)
	toms := c.plainly(t, tom).signIn()

	for _, scripts := range []bool{true, false} {
		r := c.newPerson(t, rita, scripts)
		r.signIn()
		r.open(page)
		r.does("Remove")
		if !scripts {
			r.press("Remove") // on a page that asks
		}
		r.toast("Removed " + tom.name())
		r.misses(tom.email)
		toms.get(c.org).want(http.StatusNotFound)
		if scripts {
			r.audit("undo")
		}
		r.whole().press("Undo")
		r.toast(tom.name() + " is a member again.")
		r.at(c.org + "/users")
		r.row(tom.email).sees(teamMember)
		toms.open(c.org).want(http.StatusOK)

		r.row(uma.email).press("Revoke")
		r.toast("Revoked the invitation of " + uma.email)
		r.misses(uma.email)
		c.plainly(t, uma).get(link).want(http.StatusGone)
		r.whole().press("Undo")
		r.toast("is open again")
		r.row(uma.email).shows()
		r.whole().lacks("Undo")
	}
	// The same link still leads in, and nobody was told of a removal.
	c.plainly(t, uma).open(link).fill(passwordField, uma.password).press("Join").want(http.StatusOK).isAt("/o/{id}")
	var cancelled, others int
	if err := c.database(t).QueryRow(`SELECT count(*) FILTER (WHERE state = 'cancelled'), count(*) FILTER (WHERE state <> 'cancelled')
		FROM outbox WHERE kind = 'removed' AND recipient = ?`, tom.email).Scan(&cancelled, &others); err != nil {
		t.Fatal(err)
	}
	if cancelled != 2 || others != 0 {
		t.Errorf("of the mails that tell Tom of his removals, %d are cancelled and %d are not; want 2 and 0", cancelled, others)
	}
}
