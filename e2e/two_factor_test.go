package e2e

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// app is an authenticator app on somebody's phone.
type app struct{ secret []byte }

// code is what the app shows, some steps from now.
func (a app) code(steps int64) string {
	m := hmac.New(sha1.New, a.secret)
	m.Write(binary.BigEndian.AppendUint64(nil, uint64(time.Now().Unix()/30+steps)))
	sum := m.Sum(nil)
	n := binary.BigEndian.Uint32(sum[sum[19]&0xf:]) & 0x7fffffff
	return fmt.Sprintf("%06d", n%1_000_000)
}

// tick turns on the switch with this label.
func (p *person) tick(label string) {
	p.t.Helper()
	if err := p.field(label).Check(); err != nil {
		p.t.Fatalf("%s cannot turn on %s: %v", p.first, label, err)
	}
}

// setsUp sets up two-factor sign-in from its page on, and gives the app and the
// recovery codes.
func (p *person) setsUp(shots bool) (app, []string) {
	p.t.Helper()
	p.at("/profile/two-factor")
	p.press("Set up")
	p.at("/profile/two-factor/setup")
	typed, err := p.field("Or enter this secret by hand").InputValue()
	if err != nil {
		p.t.Fatal(err)
	}
	secret, err := base32.StdEncoding.DecodeString(strings.ReplaceAll(typed, " ", ""))
	if err != nil {
		p.t.Fatal(err)
	}
	if err := expect.Locator(p.page.GetByRole("img")).ToBeVisible(); err != nil {
		p.t.Error(err)
	}
	phone := app{secret}
	p.fill("Code", "000000")
	p.press("Turn on")
	p.problem("Code")
	if shots {
		p.audit("two-factor-setup")
	}
	p.fill("Code", phone.code(0))
	p.press("Turn on")
	p.sees("They are shown only now")
	codes, err := p.page.Locator(".codes code").AllInnerTexts()
	if err != nil || len(codes) != 10 {
		p.t.Fatalf("%d codes are shown, %v", len(codes), err)
	}
	if shots {
		p.audit("two-factor-codes")
	}
	p.server.keeps(aFactor, typed, strings.ReplaceAll(typed, " ", ""), string(secret))
	p.server.keeps(aRecovery, codes...)
	p.press("I have kept them")
	p.sees("Recovery codes left")
	return phone, codes
}

func TestSigningInWithASecondFactor(t *testing.T) {
	journey(t)
	s := newScene(t)
	org := s.added("Acme Inc", rita)

	p := s.visitor(t, rita)
	p.signIn()
	p.open("/profile")
	p.press("Set up two-factor")
	p.audit("two-factor-off")
	phone, codes := p.setsUp(true)
	p.audit("two-factor-on")
	for _, dialog := range []string{"New recovery codes", "Turn off"} {
		d := p.ask(dialog)
		p.audit("two-factor " + dialog)
		d.press("Cancel")
	}
	p.signOut()

	// Without scripts too, and with nobody signed in between the steps.
	for _, scripts := range []bool{true, false} {
		q := s.newPerson(t, rita, scripts)
		q.open(org + "/users")
		q.at("/login")
		q.fill(emailField, q.email)
		q.fill(passwordField, q.password)
		q.press(signInButton)
		q.at("/login/code")
		half := s.plainly(t, rita)
		half.open("/login").fill(emailField, rita.email).fill(passwordField, rita.password).press(signInButton).isAt("/login/code")
		half.get("/profile").isAt("/login")
		if scripts {
			q.fill("Code", "000000")
			q.press(signInButton)
			q.problem("Code")
			q.audit("login-code")
			q.fill("Code", phone.code(1))
		} else {
			q.fill("Code", codes[0])
		}
		q.press(signInButton)
		q.at(org + "/users") // where she wanted to go
	}

	// A forgotten password does not take it off.
	c := s.plainly(t, rita)
	c.open("/forgot-password").fill(emailField, rita.email).press("Send the link")
	c.open(s.mail.next(rita.email, s.url+"/reset-password/").link(t, s.url, "/reset-password/"))
	c.somebody.password = "a new kettle on the hob"
	c.fill(newPasswordField, c.somebody.password).press("Set password").want(http.StatusOK)
	c.open("/login").fill(emailField, rita.email).fill(passwordField, c.somebody.password).press(signInButton).isAt("/login/code")
	c.fill("Code", codes[0]).press(signInButton).want(http.StatusUnprocessableEntity) // used
	c.fill("Code", codes[1]).press(signInButton).want(http.StatusOK)

	// Who has lost everything asks a portal admin.
	a := s.visitor(t, ada)
	a.signIn()
	a.open("/admin/users")
	a.press(rita.name())
	a.audit("user-two-factor")
	d := a.ask("Take two-factor off")
	a.audit("user-two-factor-off")
	d.press("Take two-factor off")
	a.toast("Two-factor sign-in is off")
	s.mail.next(rita.email, "two-factor", ada.name())
	rescued := rita
	rescued.password = c.somebody.password
	s.plainly(t, rescued).signIn()
}

func TestASecondFactorIsAskedFor(t *testing.T) {
	journey(t)
	s := newScene(t)
	org := s.added("Acme Inc", rita)
	s.member(org, rita, tom, teamMember)

	p := s.visitor(t, rita)
	p.signIn()
	p.open(org + "/settings")
	p.tick("Require two-factor sign-in of all members")
	p.audit("org-settings-two-factor")
	p.press("Save two-factor")
	p.at("/profile/two-factor") // she has none herself
	p.whole().sees("Acme Inc asks for two-factor sign-in")
	p.sees("You need it")
	p.audit("two-factor-required")
	p.setsUp(false)
	p.open(org + "/settings")

	q := s.visitor(t, tom)
	q.open("/login")
	q.fill(emailField, q.email)
	q.fill(passwordField, q.password)
	q.press(signInButton)
	q.at("/profile/two-factor")
	q.open("/profile") // the rest of the portal is open
	q.open(org)
	q.at("/profile/two-factor")

	a := s.visitor(t, ada)
	a.signIn()
	a.open("/admin/settings/general")
	a.tick("Require two-factor sign-in of portal admins")
	a.press("Save two-factor")
	a.at("/profile/two-factor")
	a.open("/admin/users")
	a.at("/profile/two-factor")
	a.setsUp(false)
	a.open("/admin/settings/general")
	a.audit("general-two-factor")
}
