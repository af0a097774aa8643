package e2e

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestEverythingWorksWithoutAMailServer_SMTP_09(t *testing.T) {
	journey(t)
	s := startServer(t, serverOptions{})
	s.createAdmin(ada)
	a := s.visitor(t, ada)
	a.signIn()
	a.open("/admin")
	a.whole().sees("no mail server is set up")
	a.audit("admin-overview-without-mail")

	// Rita registers. The page says the truth; an admin finds her mail and hands the link on.
	r := s.visitor(t, rita)
	r.open("/register")
	r.fillIn(rita)
	r.press(registerButton)
	r.whole().finds(notSent)
	r.audit("registered-without-mail")
	r.open(a.keptLink(rita.email, "/verify-email/"))
	r.press(confirmButton)
	r.at("/")
	r.signIn()
	r.whole().press(createAnOrg)
	r.fill(orgNameField, "Acme Inc")
	r.press(createOrgButton)
	r.at("/organizations/requests/{id}")
	r.audit("request-pending-without-mail")

	a.open("/admin/organizations")
	d := a.row("Acme Inc").ask("Approve")
	d.press("Approve")
	a.whole().finds(notSent)
	r.turnsFrom("Pending")

	// She invites Tom, and copies the link.
	r.open("/")
	r.at("/o/{id}")
	org := r.path()
	r.goes("Users")
	d = r.ask("Invite")
	d.fill(firstNameField, tom.first)
	d.fill(lastNameField, tom.last)
	d.fill(emailField, tom.email)
	d.choose(teamMember)
	d.press("Send invitation")
	r.row(tom.email).shows()
	r.whole().finds(notSent)
	r.audit("users-without-mail")
	link := r.copiesLink(tom.email)
	m := s.visitor(t, tom)
	m.open(link)
	m.fill(passwordField, tom.password)
	m.press("Join")
	m.at(org)
	m.goes("Applications")

	// A forgotten password, too.
	n := s.visitor(t, rita)
	n.open("/forgot-password")
	n.fill(emailField, rita.email)
	n.submit()
	n.whole().finds(notSent)
	n.open(a.keptLink(rita.email, "/reset-password/"))
	n.password = "a new kettle on the hob"
	n.fill(newPasswordField, n.password)
	n.submit()
	n.signIn()

	// A mail server appears: what was kept can be sent.
	mail := openPostOffice(t)
	s.restart(func(o *serverOptions) { o.mail = mail })
	a.open("/admin/emails")
	a.tab("Kept")
	a.row("Acme Inc").press("Retry")
	a.toast("")
	mail.next(rita.email, "Acme Inc")
}

// keptLink looks for a mail under Admin > Emails, and takes the link out of it.
func (p *person) keptLink(to, path string) string {
	p.t.Helper()
	p.open("/admin/emails")
	p.tab("Kept")
	p.audit("admin-emails-kept")
	row := p.row(to).shows()
	row.click(row.at.GetByRole("link").First(), "the mail to "+to)
	p.at("/admin/emails/{id}")
	p.sees(to)
	p.sees("Kept")
	p.audit("admin-email")
	source, err := p.page.Content()
	if err != nil {
		p.t.Fatal(err)
	}
	link := regexp.MustCompile(regexp.QuoteMeta(p.server.url+path) + `[\w-]+`).FindString(source)
	if link == "" {
		p.t.Fatalf("the mail to %s has no link to %s:\n%s", to, path, p.reads())
	}
	return link
}

func TestAMailServerThatRefuses_SMTP_01(t *testing.T) {
	journey(t)
	refusing := openRefusingPostOffice(t, "No such person at this house")
	s := startServer(t, serverOptions{mail: refusing})
	s.createAdmin(ada)
	a := s.visitor(t, ada)
	a.signIn()
	a.open("/admin/settings/email")
	a.audit("settings-email")
	a.press("Send a test email")
	a.whole().sees("No such person at this house")

	// Registering works; the mail stands there as failed, with the server's words.
	r := s.plainly(t, rita)
	r.open("/register").fillIn(rita).press(registerButton).reads(lookIntoYourMail)
	a.findsMail("Failed", rita.email)
	a.audit("admin-emails-failed")
	row := a.row(rita.email)
	row.click(row.at.GetByRole("link").First(), "the mail")
	a.sees("No such person at this house")

	// The house is found after all: Retry.
	good := openPostOffice(t)
	s.restart(func(o *serverOptions) { o.mail = good })
	a.open("/admin/emails")
	a.tab("Failed")
	a.row(rita.email).press("Retry")
	a.toast("")
	link := good.next(rita.email, "/verify-email/").link(t, s.url, "/verify-email/")
	r.open(link).press(confirmButton)
	s.plainly(t, rita).signIn()
	a.findsMail("Sent", rita.email)
}

// findsMail looks under Admin > Emails until a mail has come to this state: the
// worker notes it a moment after the mail server has answered.
func (p *person) findsMail(state, to string) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		p.open("/admin/emails")
		p.tab(state)
		if n, err := p.row(to).at.Count(); err != nil {
			p.t.Fatal(err)
		} else if n > 0 {
			return
		}
	}
	p.t.Fatalf("no mail to %s comes to be %s\n%s", to, state, p.reads())
}

func TestAMailServerThatHangs_SMTP_02(t *testing.T) {
	journey(t)
	s := startServer(t, serverOptions{mail: openHangingPostOffice(t)})
	s.createAdmin(ada)

	// Pages are as quick as ever, and the program can still be stopped, which the
	// end of this journey does.
	began := time.Now()
	s.plainly(t, rita).open("/register").fillIn(rita).press(registerButton).reads(lookIntoYourMail)
	if took := time.Since(began); took > patience/2 {
		t.Errorf("registering took %v", took)
	}
	if c := s.plainly(t, ada).signIn().open("/admin/emails"); !strings.Contains(c.words(), rita.email) {
		c.open("/admin/emails?state=queued").finds(rita.email)
	}
}
