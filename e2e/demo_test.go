package e2e

import (
	"net/http"
	"net/url"
	"os"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/playwright-community/playwright-go"
)

// The bar of the demonstration: who one can be, and the mailbox.
var personas = []string{"Portal admin", superAdmin, teamMember, "Invitee"}

func (p *person) demoBar() part {
	return part{p, p.page.GetByRole("region", playwright.PageGetByRoleOptions{Name: "Demonstration"})}
}

// becomes presses a persona in the bar.
func (p *person) becomes(persona string) {
	p.t.Helper()
	p.demoBar().press(persona)
	if persona == "Invitee" { // who is nobody yet
		p.at("/invitations/{id}")
		return
	}
	current := p.demoBar().button(persona)
	if err := expect.Locator(current).ToHaveAttribute("aria-current", "true"); err != nil {
		p.t.Fatalf("nobody becomes %s: %v\n%s", persona, err, p.reads())
	}
}

func TestTheDemo(t *testing.T) {
	journey(t)
	tmp := t.TempDir()
	s := startServer(t, serverOptions{demo: true, env: []string{"TMPDIR=" + tmp}})
	p := s.visitor(t, somebody{first: "Visitor"})
	p.open("/")
	for _, persona := range personas {
		p.demoBar().offers(persona)
	}
	p.demoBar().offers("Mailbox")
	p.audit("demo-start")

	p.becomes("Portal admin")
	p.open("/admin/organizations")
	p.row("").shows()
	p.offers("Approve")
	p.audit("demo-admin-organizations")

	p.becomes(superAdmin)
	p.open("/")
	p.at("/o/{id}")
	p.goes("Users")
	d := p.ask("Invite")
	d.fill(firstNameField, uma.first)
	d.fill(lastNameField, uma.last)
	d.fill(emailField, uma.email)
	d.choose(teamMember)
	d.press("Send invitation")
	p.row(uma.email).shows()
	page := p.path()

	p.becomes(teamMember)
	p.open(page)
	p.lacks("Invite")

	// The mail stands in the mailbox, and its link works.
	p.demoBar().press("Mailbox")
	p.at("/demo/mailbox")
	p.audit("demo-mailbox")
	row := p.row(uma.email).shows()
	row.click(row.at.GetByRole("link").First(), "the mail")
	p.sees("invit")
	p.audit("demo-mail")

	p.becomes("Invitee")
	p.offers("Join")
	p.audit("demo-invitee")

	// Nothing of it is left afterwards.
	s.stop()
	p.expects("ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|Failed to load")
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("the demo leaves %v behind (%v)", left, err)
	}
}

func TestServingHasNoDemo(t *testing.T) {
	t.Parallel()
	demo := startServer(t, serverOptions{demo: true})
	page := demo.plainly(t, somebody{}).open("/")
	actions := []string{"/demo", "/demo/", "/demo/mailbox"}
	page.page.Find("form[action^='/demo/']").Each(func(_ int, form *goquery.Selection) {
		actions = append(actions, form.AttrOr("action", ""))
	})
	if len(actions) < 3+len(personas) {
		t.Fatalf("the demo's bar has only %q", actions)
	}
	s := startServer(t, serverOptions{})
	c := s.plainly(t, somebody{})
	for _, action := range actions {
		c.get(action).want(http.StatusNotFound)
		c.post(action, url.Values{}).want(http.StatusNotFound)
	}
}
