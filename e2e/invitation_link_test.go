package e2e

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// company is a scene with an organization in it, whose Super admin is Rita.
type company struct {
	*scene
	org    string
	reader *plain // Rita, without a browser
}

func newCompany(t *testing.T, args ...string) *company {
	t.Helper()
	s := newScene(t, args...)
	return &company{s, s.added("Acme Inc", rita), s.plainly(t, rita).signIn()}
}

// fresh invites somebody by Rita, and gives the mailed link.
func (c *company) fresh(who somebody) (link string) {
	c.t.Helper()
	c.invites(c.org, rita, who, teamMember)
	return c.invitation(who)
}

// inRow presses a button beside an invitation in the Users tab.
func (c *company) inRow(email, button string) {
	c.t.Helper()
	c.reader.open(c.org + "/users")
	c.reader.pressIn(c.reader.row(email), button).want(http.StatusOK)
	if c.reader.at.Path != c.org+"/users" {
		c.reader.press(button).want(http.StatusOK) // it asked first
	}
}

// looks opens the link in the browser of somebody who is not signed in.
func (c *company) looks(link string, status int, says *regexp.Regexp) *person {
	c.t.Helper()
	p := c.visitor(c.t, somebody{first: "Nobody"})
	p.opens(link, status)
	p.finds(says)
	p.lacks("Join")
	p.lacks("Accept")
	return p
}

// joins ends the form of an invitation.
func (p *person) joins(org string) {
	p.t.Helper()
	p.fill(passwordField, p.password)
	p.press("Join")
	p.at(org)
}

func TestAnInvitationIsOpenedOftenAndUsedOnce_INV_18(t *testing.T) {
	journey(t)
	c := newCompany(t)
	link := c.fresh(tom)
	scanner := c.plainly(t, somebody{})
	for range 20 {
		scanner.open(link)
		scanner.do(scanner.request(http.MethodHead, link, nil)).want(http.StatusOK)
	}

	p := c.visitor(t, tom)
	p.open(link)
	p.sees("Acme Inc")
	p.sees(rita.name())
	p.sees(teamMember)
	p.fixed(emailField, tom.email)
	p.joins(c.org)
	c.mail.next(rita.email, tom.first)

	// Used, there is nothing to do but go there.
	p.open(link)
	p.lacks("Join")
	p.lacks("Accept")
	p.audit("invitation-already-a-member")
	c.looks(link, http.StatusGone, regexp.MustCompile(`(?i)accepted|already`)).audit("invitation-accepted")
}

func TestAnInvitationToSomebodyWithAnAccount(t *testing.T) {
	journey(t)
	c := newCompany(t)
	c.registered(uma)
	link := c.fresh(uma)
	p := c.visitor(t, uma)
	p.open(link)
	p.sees("Acme Inc")
	p.lacks("Join")
	p.audit("invitation-sign-in")
	if n, _ := p.field(passwordField).Count(); n == 0 {
		p.press(signInButton)
		p.at("/login")
		p.fill(emailField, uma.email)
	}
	p.fill(passwordField, uma.password)
	p.press(signInButton)
	p.at(strings.TrimPrefix(link, c.url))
	p.audit("invitation-accept")
	p.press("Accept")
	p.at(c.org)
	c.mail.next(rita.email, uma.first)
}

func TestAnInvitationIsDeclined(t *testing.T) {
	journey(t)
	c := newCompany(t)
	c.registered(uma)
	link := c.fresh(uma)
	p := c.visitor(t, uma)
	p.signIn()
	p.sees("Acme Inc") // the start page shows what waits
	p.audit("home-with-invitation")
	p.open(link)
	p.press("Decline")
	p.whole().finds(wasDeclined)
	c.looks(link, http.StatusGone, wasDeclined).audit("invitation-declined")
	p.opens(c.org, http.StatusNotFound)
	if words := c.reader.open(c.org + "/users").words(); strings.Contains(words, uma.email) {
		t.Errorf("who declined still stands among the users: %s", words)
	}
}

func TestAnInvitationIsRevoked(t *testing.T) {
	journey(t)
	c := newCompany(t)
	link := c.fresh(tom)
	r := c.visitor(t, rita)
	r.signIn()
	r.open(c.org + "/users")
	r.row(tom.email).does("Revoke")
	r.toast("")
	r.misses(tom.email)
	c.looks(link, http.StatusGone, wasRevoked).audit("invitation-revoked")
}

func TestAnOlderInvitation(t *testing.T) {
	journey(t)
	c := newCompany(t)
	old := c.fresh(tom)
	r := c.visitor(t, rita)
	r.signIn()
	r.open(c.org + "/users")
	r.row(tom.email).press("Resend")
	r.toast("")
	link := c.invitation(tom)
	if link == old {
		t.Fatal("the resent link is the old one")
	}
	c.looks(old, http.StatusGone, newerWasSent).audit("invitation-older-version")
	p := c.visitor(t, tom)
	p.open(link)
	p.joins(c.org)
}

func TestAnExpiredInvitation(t *testing.T) {
	journey(t)
	c := newCompany(t)
	link := c.fresh(tom)
	c.expireInvitation(t, tom.email)
	p := c.looks(link, http.StatusOK, regexp.MustCompile(`(?i)expired`))
	p.audit("invitation-expired")
	p.press("Ask for a new one")
	c.mail.next(rita.email, tom.first, "Acme Inc")
	p.audit("invitation-asked-for")

	// The Users tab says so; resending gives it new time.
	c.reader.open(c.org + "/users").finds("Expired")
	c.inRow(tom.email, "Resend")
	m := c.visitor(t, tom)
	m.open(c.invitation(tom))
	m.joins(c.org)
}

func TestAnInvitationOpenedBySomebodyElse(t *testing.T) {
	journey(t)
	c := newCompany(t)
	link := c.fresh(tom)
	p := c.visitor(t, rita)
	p.signIn()
	p.open(link)
	p.sees(tom.email)
	p.sees(rita.email)
	p.lacks("Accept")
	p.lacks("Join")
	p.audit("invitation-somebody-else")
	p.press("Switch account")
	p.at(strings.TrimPrefix(link, c.url))
	p.fixed(emailField, tom.email)
	p.password = tom.password
	p.joins(c.org)
	c.mail.next(rita.email, tom.first)
}

func TestAnInvitationIsVoidWithoutItsInviter(t *testing.T) {
	journey(t)
	c := newCompany(t)
	c.member(c.org, rita, uma, superAdmin)
	c.invites(c.org, uma, tom, superAdmin)
	link := c.invitation(tom)
	c.reader.open(c.memberAddress(c.org, rita, uma)).choose(teamMember).press("Save").want(http.StatusOK)
	c.mail.next(uma.email, teamMember)

	p := c.looks(link, http.StatusOK, goneOver)
	p.offers("Ask for a new one")
	p.audit("invitation-void")
	if row := c.reader.open(c.org + "/users").row(tom.email).Text(); !strings.Contains(row, "Void") {
		t.Errorf("the Users tab does not show it as void: %s", row)
	}

	// Asking goes to those who may invite; any of them can resend it in their own name.
	p.press("Ask for a new one")
	c.mail.next(rita.email, tom.first)
	c.inRow(tom.email, "Resend")
	link = c.invitation(tom)
	m := c.visitor(t, tom)
	m.open(link)
	m.sees(rita.name())
	m.joins(c.org)
}

func TestAWrongInvitationNeverWas(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	link := c.fresh(tom)
	nobody := c.plainly(t, somebody{})
	for _, wrong := range []string{
		link + "x", link[:len(link)-1], link[:len(link)-4] + "AAAA", c.url + "/invitations/x",
		strings.Replace(link, "/invitations/", "/verify-email/", 1),
		strings.Replace(link, "/invitations/", "/reset-password/", 1),
		strings.Replace(link, "/invitations/", "/setup/", 1),
	} {
		nobody.get(wrong).want(http.StatusNotFound)
	}
	nobody.open(link)
}
