package e2e

import (
	"net/http"
	"testing"
)

func TestACredentialIsRotatedAndRevoked(t *testing.T) {
	journey(t)
	c := newCompany(t)
	p := c.visitor(t, rita)
	p.signIn()
	p.open(c.org + "/applications")
	d := p.ask("New application")
	d.fill("Name", "Billing sync")
	d.press("Create")
	p.at("/o/{id}/applications/{id}")
	app := p.path()
	d = p.ask("New credential")
	d.fill("Label", productionLabel)
	d.press("Create")
	p.row(productionLabel).shows()
	first := p.reveals()
	c.verifies(first, http.StatusNoContent)

	// Rotated with a day's grace: both work.
	p.open(app)
	d = p.rowWith("Rotate").ask("Rotate")
	p.audit("rotate-credential")
	d.chosen(stopsInADay)
	d.press("Rotate")
	p.toast("")
	p.open(app)
	second := p.rowWith("Rotate").reveals()
	if second == first {
		t.Fatal("the rotated credential is the old one")
	}
	c.verifies(first, http.StatusNoContent)
	c.verifies(second, http.StatusNoContent)

	// Rotated at once: only the newest works. A second rotation ends the first too.
	p.open(app)
	d = p.rowWith("Rotate").ask("Rotate")
	d.choose(stopsAtOnce)
	d.press("Rotate")
	p.toast("")
	p.open(app)
	third := p.rowWith("Rotate").reveals()
	c.verifies(second, http.StatusUnauthorized)
	c.verifies(first, http.StatusUnauthorized)
	c.verifies(third, http.StatusNoContent)

	p.open(app)
	d = p.rowWith("Rotate").ask("Revoke")
	p.audit("revoke-credential")
	d.press("Revoke")
	p.toast("")
	p.sees(revokedState)
	p.audit("application-with-ended-credentials")
	c.verifies(third, http.StatusUnauthorized)
	c.verifies("portico_nothing", http.StatusUnauthorized)

	// All of it stands in the organization's Activity, and no credential does.
	p.goes("Activity")
	for _, words := range []string{"created a credential of", "revealed a credential of", "rotated a credential of", "revoked a credential of"} {
		p.sees(words)
	}
	p.showsNoKey()
}

// verifies asks as a gateway does whether a credential works.
func (s *server) verifies(key string, status int) {
	s.t.Helper()
	c := s.plainly(s.t, somebody{})
	r := c.request(http.MethodGet, "/verify", nil)
	r.Header.Set("X-Api-Key", key)
	c.do(r).want(status)
}
