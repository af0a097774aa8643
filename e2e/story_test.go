package e2e

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/playwright-community/playwright-go"
)

func TestTheWholeStory(t *testing.T) {
	journey(t)
	theWholeStory(t, true)
}

func TestTheWholeStoryWithoutJavaScript(t *testing.T) {
	journey(t)
	theWholeStory(t, false)
}

// theWholeStory goes from nobody to a credential that two people share: an
// organization is asked for and approved, a teammate is invited and joins.
func theWholeStory(t *testing.T, scripts bool) {
	mail := openSecurePostOffice(t)
	s := startServer(t, serverOptions{mail: mail})
	s.createAdmin(ada)
	r := s.newPerson(t, rita, scripts)
	a := s.newPerson(t, ada, scripts)
	m := s.newPerson(t, tom, scripts)
	look := func(p *person, name string) {
		if scripts {
			p.audit(name)
		}
	}

	// Rita registers and proves her address.
	r.open("/")
	look(r, "start")
	r.registers()
	look(r, "look-into-your-mail")
	r.open(mail.next(rita.email, s.url+"/verify-email/").link(t, s.url, "/verify-email/"))
	look(r, "verify-email")
	r.press(confirmButton)
	r.at("/")
	r.whole().offers(signInButton)
	r.signIn()
	look(r, "home-without-organization")

	// She asks for an organization.
	r.whole().press(createAnOrg)
	r.at("/organizations/new")
	look(r, "new-organization")
	r.fill(orgNameField, "Acme Inc")
	r.press(createOrgButton)
	r.at("/organizations/requests/{id}")
	r.sees("Pending")
	look(r, "request-pending")

	// An admin reads of it and approves.
	link := mail.next(ada.email, "Acme Inc", rita.first).link(t, s.url, "/admin/organizations")
	a.open(link)
	a.at("/login")
	a.entersLogin()
	a.at("/admin/organizations")
	look(a, "admin-organizations-pending")
	d := a.row("Acme Inc").ask("Approve")
	look(a, "approve")
	d.holds(approveNameField, "Acme Inc")
	d.press("Approve")
	a.toast("Acme Inc")
	a.tab("Active")
	a.sees("Acme Inc")
	look(a, "admin-organizations-active")

	// Her page changes by itself, where pages can, and she is told by mail.
	if !scripts {
		r.reload()
	}
	r.turnsFrom("Pending")
	link = mail.next(rita.email, "Acme Inc", s.url+"/o/").link(t, s.url, "/o/")
	r.open(link)
	r.at("/o/{id}")
	look(r, "dashboard-new")
	org := r.path()

	// She invites Tom.
	r.goes("Users")
	r.at("/o/{id}/users")
	d = r.ask("Invite")
	look(r, "invite")
	d.fill(firstNameField, tom.first)
	d.fill(lastNameField, tom.last)
	d.fill(emailField, tom.email)
	d.choose(teamMember)
	d.press("Send invitation")
	invited := r.row(tom.email).shows()
	for _, button := range []string{"Copy link", "Resend", "Revoke"} {
		invited.unfold(button)
	}
	look(r, "users-with-invitation")

	// Tom follows the link and joins.
	link = mail.next(tom.email, "Acme Inc", rita.first).link(t, s.url, "/invitations/")
	m.open(link)
	m.sees("Acme Inc")
	m.sees(rita.name())
	m.fixed(emailField, tom.email)
	m.holds(firstNameField, tom.first)
	m.holds(lastNameField, tom.last)
	look(m, "invitation-register")
	m.fill(passwordField, tom.password)
	m.press("Join")
	m.at(org)
	mail.next(rita.email, tom.first, "Acme Inc")

	// He creates an application with a credential.
	m.goes("Applications")
	look(m, "applications-empty")
	d = m.ask("New application")
	look(m, "new-application")
	d.fill("Name", "Billing sync")
	d.press("Create")
	m.at("/o/{id}/applications/{id}")
	d = m.ask("New credential")
	look(m, "new-credential")
	d.press("Create")
	m.offers("Reveal")
	m.showsNoKey()
	look(m, "application-with-credential")
	key := m.reveals()
	look(m, "credential-revealed")
	m.open(m.path())
	m.showsNoKey()

	// Rita reveals the same credential, and reads who has seen it.
	r.open(org)
	r.goes("Users")
	r.lacks("Copy link")
	r.sees(tom.name())
	r.goes("Applications")
	r.press("Billing sync")
	r.at("/o/{id}/applications/{id}")
	r.showsNoKey()
	if got := r.reveals(); got != key {
		t.Errorf("Rita reveals %q, and Tom %q", got, key)
	}
	r.open(r.path())
	r.sees(tom.name())
	look(r, "application-seen-by")

	// A gateway can tell whose it is.
	c := s.plainly(t, somebody{})
	request := c.request(http.MethodGet, "/verify", nil)
	request.Header.Set("Authorization", "Bearer "+key)
	c.do(request).want(http.StatusNoContent)
	name, err := url.PathUnescape(c.header.Get("X-Portico-Organization-Name"))
	if got := c.header.Get("X-Portico-Organization"); got != orgID(org) || name != "Acme Inc" || err != nil {
		t.Errorf("/verify says organization %q, %q, want %q, Acme Inc", got, name, orgID(org))
	}
	c.get("/verify").want(http.StatusUnauthorized)
	if mail.summary() != "" {
		t.Errorf("mails that nobody waited for:\n%s", mail.summary())
	}
}

// turnsFrom waits until a page no longer shows this state, as it does by itself
// when somebody else has decided.
func (p *person) turnsFrom(state string) {
	p.t.Helper()
	shown := p.exactly(state)
	if err := expect.Locator(shown).ToHaveCount(0); err != nil {
		p.t.Fatalf("%s's page stays at %s: %v\n%s", p.first, state, err, p.reads())
	}
}

// exactly is where the page's main part says exactly this.
func (p *person) exactly(words string) playwright.Locator {
	return p.part.at.GetByText(words, playwright.LocatorGetByTextOptions{Exact: playwright.Bool(true)}).
		Filter(playwright.LocatorFilterOptions{Visible: playwright.Bool(true)})
}

// showsNoKey claims that no credential is anywhere in the page's source.
func (p *person) showsNoKey() {
	p.t.Helper()
	source, err := p.page.Content()
	if err != nil {
		p.t.Fatal(err)
	}
	if key := keyIn(source); key != "" {
		p.t.Fatalf("%s's page at %s holds a credential before it is revealed", p.first, p.path())
	}
}

// reveals presses Reveal and gives the credential that is then shown.
func (a part) reveals() string {
	a.p.t.Helper()
	a.press("Reveal")
	shown := a.p.page.GetByText(apiKey).Or(a.p.page.Locator(`input[value^="portico_"]`))
	a.p.whole().waitsFor(shown, "a credential")
	source, err := a.p.page.Content()
	if err != nil {
		a.p.t.Fatal(err)
	}
	return keyIn(source)
}
