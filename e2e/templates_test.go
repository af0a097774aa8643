package e2e

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// inFrame waits for words in the sandboxed frame of a mail's HTML.
func (p *person) inFrame(words string) {
	p.t.Helper()
	l := p.page.FrameLocator("iframe.mail-frame").GetByText(words).First()
	if err := expect.Locator(l).ToBeVisible(); err != nil {
		p.t.Fatalf("%s does not read %q in the frame at %s: %v", p.first, words, p.page.URL(), err)
	}
}

const resetSubject = "A new password for {{name}}"

// An admin writes a mail anew: the preview follows, a mistake stands at its field, a
// test arrives; what was sent before stays as it was, and the default comes back.
func TestATemplateIsWritten_MAIL_05(t *testing.T) {
	journey(t)
	c := newCompany(t)
	forgets := func() {
		c.plainly(t, rita).open("/forgot-password").fill(emailField, rita.email).press("Send the link").want(http.StatusOK)
	}
	forgets()
	c.mail.next(rita.email, "Set a new password for Portico")

	p := c.visitor(t, ada)
	p.signIn()
	p.goes("Email templates")
	p.at("/admin/settings/email-templates")
	p.audit("email-templates")
	p.row("Password reset").sees("Default")
	p.press("Password reset")
	p.at("/admin/settings/email-templates/reset")
	p.inFrame("Set a new password")
	p.sees("{{portal}}")
	p.audit("email-template")

	// The preview follows what is typed, in both parts; Back still leads to the list.
	p.fill("Subject", resetSubject)
	p.fill("Body", "Hello **{{recipient}}**, <b>you</b>\n\n- one\n- two\n\n[Set it]({{link}})")
	p.sees("A new password for Grace Hopper")
	p.finds(regexp.MustCompile(`(?s)Hello Ada Lovelace, <b>you</b>.*- one.*- two.*Set it:`))
	p.inFrame("<b>you</b>")
	p.fill("Body", "Hello {{nobody}}\n\n[Set it]({{link}})")
	p.sees("There is no variable {{nobody}} here")
	p.press("Save")
	if got := p.problem("Body"); !strings.Contains(got, "There is no variable {{nobody}} here") {
		t.Errorf("the problem at Body reads %q", got)
	}
	p.holds("Subject", resetSubject)
	p.audit("email-template-mistake")
	p.fill("Body", "Hello **{{recipient}}**\n\n[Set it]({{link}})")
	p.press("Send me a test")
	p.sees("Look into the mail of " + ada.email)
	p.inFrame("Set it")
	p.holds("Subject", resetSubject)
	if got := c.mail.next(ada.email, "Test: A new password for Grace Hopper").text; !strings.Contains(got, "Hello "+ada.name()) {
		t.Errorf("the test reads %q", got)
	}
	p.press("Save")
	p.toast("Saved")
	p.sees("Changed")

	// From now on mails are written so; the one that was sent stays as it was.
	forgets()
	if got := c.mail.next(rita.email, "A new password for "+rita.name()); !strings.Contains(got.text, "Hello "+rita.name()+"\r\n\r\nSet it:\r\n") {
		t.Errorf("the mail reads %q", got.text)
	}
	p.findsMail("Sent", "A new password for "+rita.name())
	p.row("A new password for " + rita.name()).press("A new password for " + rita.name())
	p.inFrame("Set it")
	p.sees("[the link is only in the mail itself]")
	p.audit("email-of-an-own-template")
	p.open("/admin/emails?state=sent")
	p.row("Set a new password for Portico").press("Set a new password for Portico")
	p.sees("You can set one")

	p.open("/admin/settings/email-templates/reset")
	d := p.ask("Restore default")
	d.sees("Mails that were sent stay as they are")
	p.audit("restore-template")
	d.press("Restore default")
	p.toast("Restored")
	p.holds("Subject", "Set a new password for Portico")
	p.lacks("Restore default")
}

// Without scripts the same form shows its HTML in the frame at a press.
func TestATemplateIsWrittenWithoutScripts(t *testing.T) {
	journey(t)
	s := newScene(t)
	p := s.newPerson(t, ada, false)
	p.signIn()
	p.open("/admin/settings/email-templates/invitation")
	p.inFrame("See the invitation")
	p.fill("Body", "Come in\n\n[Enter]({{link}})")
	p.press("Preview")
	p.inFrame("Come in")
	p.press("Save")
	p.at("/admin/settings/email-templates/invitation")
	p.holds("Body", "Come in\n\n[Enter]({{link}})")
}

// An invitation that no server takes: it counts as failed while it is tried again,
// its link is copied, and all mails are sent in one go once a server takes them.
func TestTheOutboxOfAnAdmin(t *testing.T) {
	journey(t)
	refusing := openRefusingPostOffice(t, "Come back tomorrow")
	s := startServer(t, serverOptions{mail: refusing})
	s.createAdmin(ada)
	admin := s.plainly(t, ada).signIn()
	for _, org := range []struct {
		name  string
		first somebody
	}{{"Acme Inc", rita}, {"Globex", uma}} {
		admin.open("/admin/organizations").press("Add").fill(orgNameField, org.name)
		admin.fill(firstNameField, org.first.first).fill(lastNameField, org.first.last).fill(emailField, org.first.email)
		admin.press("Save").want(http.StatusOK)
	}
	p := s.visitor(t, ada)
	p.signIn()
	p.findsMail("Failed", uma.email)
	p.findsMail("Failed", rita.email)
	p.open("/admin")
	p.click(p.page.GetByRole("link", playwright.PageGetByRoleOptions{Name: "Failed mails"}).First(), "Failed mails")
	p.at("/admin/emails")
	p.asks("?state=failed")
	p.sees("Come back tomorrow")

	search := p.page.GetByRole("searchbox", playwright.PageGetByRoleOptions{Name: "Search recipients and subjects"})
	if err := search.Fill("ri ac"); err != nil { // of the recipient and the subject
		t.Fatal(err)
	}
	p.misses(uma.email)
	p.row(rita.email).shows()
	if _, err := p.page.GetByRole("combobox", playwright.PageGetByRoleOptions{Name: "Kind"}).SelectOption(playwright.SelectOptionValues{Values: &[]string{"reset"}}); err != nil {
		t.Fatal(err)
	}
	p.sees("Nothing found")
	p.audit("emails-nothing-found")
	p.press("Clear the search")
	p.audit("emails-failed")

	d := p.row(rita.email).ask("Copy link")
	d.sees("Whoever has this link can join")
	link := regexp.MustCompile(`http://\S+/invitations/[\w-]+`)
	source, err := p.page.GetByLabel("Link", playwright.PageGetByLabelOptions{Exact: playwright.Bool(true)}).InputValue()
	if err != nil || !link.MatchString(source) {
		t.Fatalf("the link is %q, %v", source, err)
	}
	p.audit("email-link")
	d.press("Close")
	s.plainly(t, rita).open(source).finds("Acme Inc")

	good := openPostOffice(t)
	s.restart(func(o *serverOptions) { o.mail = good })
	p.open("/admin/emails?state=failed")
	d = p.ask("Retry all failed")
	d.sees("2 mails")
	p.audit("retry-all")
	d.press("Retry all failed")
	p.toast("Queued 2 mails")
	good.next(rita.email, "Acme Inc")
	good.next(uma.email, "Globex")
	p.findsMail("Sent", rita.email)
	p.click(p.row(rita.email).at.GetByRole("link").First(), "the mail")
	p.at("/admin/emails/{id}")
	p.sees(rita.email)
	p.inFrame("See the invitation")
	p.audit("email-sent")
}
