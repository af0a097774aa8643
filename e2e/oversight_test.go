package e2e

import (
	"net/http"
	"testing"
)

func TestAnAdminRevokesTheKeyOfAPersonWithoutAnOrganization(t *testing.T) {
	journey(t)
	s := newScene(t)
	s.registered(uma)
	c := s.plainly(t, uma).signIn().open("/me/applications")
	c.press("New application").fill("Name", "Scanner").press("Create").want(http.StatusOK)
	key := c.press("New credential").press("Create").want(http.StatusOK).reveals()
	s.verifies(key, http.StatusNoContent)

	a := s.visitor(t, ada)
	a.signIn()
	a.open("/admin/applications")
	a.press("Scanner")
	a.at("/admin/applications/{id}")
	a.sees("owner " + uma.name())
	a.lacks("Reveal")
	a.lacks("Rotate")
	a.lacks("New credential")
	a.showsNoKey()
	a.audit("admin-application-of-a-person")
	d := a.rowWith("Revoke").ask("Revoke")
	a.audit("revoke-key-of-a-person")
	d.press("Revoke")
	a.toast("Revoked")
	a.sees(revokedState)
	s.verifies(key, http.StatusUnauthorized)
	a.goes("Audit log")
	a.sees("revoked a credential of")
}
