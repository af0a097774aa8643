package e2e

import (
	"net/http"
	"strings"
	"testing"
)

func TestAForgottenPassword(t *testing.T) {
	journey(t)
	s := newScene(t)
	s.registered(rita)
	elsewhere := s.plainly(t, rita).signIn()

	p := s.visitor(t, rita)
	p.open("/login")
	p.audit("login")
	p.fill(emailField, rita.email)
	p.fill(passwordField, "not her password")
	p.press(signInButton)
	p.whole().finds(wrongPassword)
	p.holds(emailField, rita.email)
	p.audit("login-with-a-problem")

	p.press(forgotPasswordLink)
	p.at("/forgot-password")
	p.audit("forgot-password")
	p.fill(emailField, rita.email)
	p.submit()
	p.finds(lookIntoYourMail)
	told := p.reads()
	link := s.mail.next(rita.email, s.url+"/reset-password/").link(t, s.url, "/reset-password/")

	p.open(link)
	p.audit("reset-password")
	p.fill(newPasswordField, "short")
	p.submit()
	p.problem(newPasswordField)
	p.password = "a new kettle on the hob"
	p.fill(newPasswordField, p.password)
	p.submit()
	p.whole().offers(signInButton)
	p.opens(link, http.StatusGone)
	p.audit("reset-password-used")
	elsewhere.get("/profile").want(http.StatusOK).isAt("/login")
	p.signIn()

	// The answer is the same for an address that nobody has, and no mail goes there.
	nobody := s.visitor(t, uma)
	nobody.open("/forgot-password")
	nobody.fill(emailField, uma.email)
	nobody.submit()
	nobody.finds(lookIntoYourMail)
	if got := nobody.reads(); strings.ReplaceAll(got, uma.email, rita.email) != told {
		t.Errorf("the page tells whether an account exists:\n%s\n%s", got, told)
	}
	if s.mail.holds(uma.email) {
		t.Error("a mail went to an address that has no account")
	}
}

func TestAProfileIsEdited(t *testing.T) {
	journey(t)
	s := newScene(t)
	org := s.added("Acme Inc", rita)
	elsewhere := s.plainly(t, rita).signIn()

	p := s.visitor(t, rita)
	p.signIn()
	p.opensAccountMenu()
	p.audit("account-menu")
	p.whole().press("Profile")
	p.at("/profile")
	p.audit("profile")
	p.holds(firstNameField, rita.first)
	p.fill(firstNameField, "Margherita")
	p.press("Save")
	p.toast("")
	p.open(org + "/users")
	p.sees("Margherita Rossi")
	elsewhere.open("/profile") // saving a profile ends no session

	p.open("/profile")
	p.fill(currentPasswordField, "not her password")
	p.fill(newPasswordField, "a new kettle on the hob")
	p.press(changePasswordButton)
	p.problem(currentPasswordField)
	p.fill(currentPasswordField, rita.password)
	p.fill(newPasswordField, "a new kettle on the hob")
	p.press(changePasswordButton)
	p.toast("")
	p.open("/profile")
	p.at("/profile")
	elsewhere.get("/profile").want(http.StatusOK).isAt("/login")

	p.signOut()
	p.open("/profile")
	p.at("/login")
	p.password = "a new kettle on the hob"
	p.entersLogin()
	p.at("/profile") // where she wanted to go
}

func TestRegisteringTellsNothing(t *testing.T) {
	journey(t)
	s := newScene(t)
	s.registered(rita)
	register := func(who somebody) string {
		c := s.plainly(t, who).open("/register").fillIn(who).press(registerButton).want(http.StatusOK)
		return strings.ReplaceAll(c.words(), who.email, "ADDRESS")
	}
	again := rita
	again.first, again.password = "Somebody", "entirely different words"
	if taken, free := register(again), register(uma); taken != free {
		t.Errorf("registering tells whether an account exists:\n%s\n%s", taken, free)
	}
	s.mail.next(rita.email, "already")
	s.mail.next(uma.email, "/verify-email/")
	s.plainly(t, rita).signIn()

	// The names somebody else typed are nowhere.
	if page := s.plainly(t, rita).signIn().open("/profile"); page.value(firstNameField) != rita.first {
		t.Errorf("Rita is called %s now", page.value(firstNameField))
	}
}
