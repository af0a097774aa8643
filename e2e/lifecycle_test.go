package e2e

import (
	"net/http"
	"testing"
)

func TestAnOrganizationIsSuspendedDeletedAndRestored(t *testing.T) {
	journey(t)
	c := newCompany(t)
	c.member(c.org, rita, tom, teamMember)
	late := c.fresh(uma)
	c.reader.open(c.org+"/applications").press("New application").fill("Name", "Scanner").press("Create").want(http.StatusOK)
	key := c.reader.press("New credential").press("Create").want(http.StatusOK).reveals()
	c.verifies(key, http.StatusNoContent)

	// Its page leads an admin to all that is in it.
	a := c.visitor(t, ada)
	a.signIn()
	a.open("/admin/organizations?state=active")
	a.press("Acme Inc")
	a.at("/admin/organizations/{id}")
	a.audit("admin-organization")
	page := a.path()
	for tab, words := range map[string]string{"Users": tom.email, "Teams": "Acme Inc All users", "Applications": "Scanner", "Activity": "created a credential of"} {
		a.tab(tab)
		a.sees(words)
	}
	a.audit("admin-organization-activity")
	a.tab("Overview")
	d := a.ask("Rename")
	d.fill(orgNameField, "Acme GmbH")
	d.press("Save")
	a.toast("Saved")
	a.sees("from Acme Inc")

	// Suspended: members look and change nothing, keys are refused.
	d = a.ask("Suspend")
	a.audit("suspend-organization")
	d.fill(reasonField, "The contract has ended.")
	d.press("Suspend")
	a.toast("Suspended Acme GmbH")
	a.sees("The contract has ended.")
	a.audit("admin-organization-suspended")
	c.verifies(key, http.StatusUnauthorized)
	c.mail.next(rita.email, "Acme GmbH has been suspended", "The contract has ended.")
	r := c.visitor(t, rita)
	r.signIn()
	r.open(c.org + "/users")
	r.whole().sees("This organization is suspended")
	r.sees(tom.email)
	r.lacks("Invite")
	r.lacks("Revoke")
	r.audit("users-suspended")
	a.tab("Users")
	a.sees("nothing changed, until the organization is resumed")
	a.lacks("Invite")
	a.audit("admin-users-suspended")
	a.open("/admin/organizations")
	a.tab("Suspended")
	a.row("Acme GmbH").sees("The contract has ended.")

	// Resumed.
	a.open(page)
	d = a.ask("Resume")
	a.audit("resume-organization")
	d.press("Resume")
	a.toast("Resumed Acme GmbH")
	c.verifies(key, http.StatusNoContent)
	c.mail.next(rita.email, "Acme GmbH is active again")
	r.reload()
	r.offers("Invite")

	// Deleted, after the name was typed; it says before what will end.
	d = a.ask("Delete")
	for _, words := range []string{"1 credential was used today", "2 members lose access", "1 open invitation is revoked", "1 application disappears", "1 working credential is refused"} {
		d.sees(words)
	}
	a.audit("delete-organization")
	confirm := "Type “Acme GmbH” to confirm"
	d.fill(confirm, "Acme")
	d.press("Delete")
	d.problem(confirm)
	a.audit("delete-organization-wrong-name")
	c.verifies(key, http.StatusNoContent)
	d.fill(confirm, "Acme GmbH")
	d.press("Delete")
	a.toast("Deleted Acme GmbH")
	a.at("/admin/organizations")
	a.row("Acme GmbH").sees("Can be restored until")
	a.audit("admin-organizations-deleted")
	c.verifies(key, http.StatusUnauthorized)
	c.mail.next(rita.email, "Acme GmbH has been deleted")
	r.opens(c.org, http.StatusNotFound)
	r.open("/")
	r.misses("Acme GmbH")

	// Restored: as it was, but for the invitation.
	a.press("Acme GmbH")
	d = a.ask("Restore")
	a.audit("restore-organization")
	d.sees("2 members have access again")
	d.press("Restore")
	a.toast("Restored Acme GmbH")
	c.verifies(key, http.StatusNoContent)
	c.mail.next(rita.email, "Acme GmbH is active again")
	// Its requests are drawn: those that were answered, and not those that were refused.
	a.comesToRead("4 requests in the last")
	r.open(c.org + "/users")
	r.row(rita.email).sees(superAdmin)
	r.row(tom.email).sees(teamMember)
	r.misses(uma.email)
	r.opens(late, http.StatusGone)
	r.open(c.org + "/activity")
	for _, words := range []string{"suspended the organization", "resumed the organization", "deleted the organization", "restored the organization"} {
		r.sees(words)
	}
}
