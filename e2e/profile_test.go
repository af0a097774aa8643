package e2e

import (
	"net/http"
	"regexp"
	"testing"
)

func TestSessionsAreSeenAndEnded(t *testing.T) {
	journey(t)
	s := newScene(t)
	s.registered(rita)
	phone, laptop := s.plainly(t, rita).signIn(), s.plainly(t, rita).signIn()

	p := s.visitor(t, rita)
	p.signIn()
	p.opensAccountMenu()
	p.whole().press("Profile")
	p.row("This browser").sees("Chrome on Linux")
	address := regexp.MustCompile(`^(127\.0\.0\.1|::1)$`)
	for _, device := range []string{"This browser", "Go-http-client"} {
		p.row(device).finds(address)
	}
	used := p.row("Go-http-client").at.Locator("[data-label='Last used'] time")
	if err := expect.Locator(used).ToHaveAttribute("datetime", regexp.MustCompile(`^\d{4}-\d\d-\d\dT`)); err != nil {
		t.Errorf("it does not say when a device was last used: %v", err)
	}
	p.audit("profile-sessions")
	p.row("Go-http-client").press("Sign out device")
	p.toast("Signed out Go-http-client")
	p.at("/profile")
	p.row("This browser").lacks("Sign out device")
	if a, b := phone.get("/profile").at.Path, laptop.get("/profile").at.Path; a == b {
		t.Errorf("of two devices one was signed out, and both are at %s and %s", a, b)
	}
	p.press("Sign out all others")
	p.toast("All other devices are signed out")
	phone.get("/profile").isAt("/login")
	laptop.get("/profile").isAt("/login")
	p.open("/profile")
	p.lacks("Sign out all others")
}

func TestAnAddressIsChanged(t *testing.T) {
	journey(t)
	s := newScene(t)
	s.registered(rita)
	s.registered(tom)
	p := s.visitor(t, rita)
	p.signIn()
	p.open("/profile")
	p.fill("New email", "rita")
	p.press("Change email")
	p.problem("New email")
	p.audit("profile-email-problem")

	// A taken address answers as a free one, and its owner is told.
	p.fill("New email", tom.email)
	p.press("Change email")
	p.toast(tom.email)
	p.sees("is not confirmed yet")
	s.mail.next(tom.email, "already")
	p.press("Keep the present address")
	p.toast("stays as it is")

	p.fill("New email", "margherita@acme.example")
	p.press("Change email")
	p.toast("margherita@acme.example")
	p.sees("margherita@acme.example is not confirmed yet")
	p.audit("profile-email-waiting")
	link := s.mail.next("margherita@acme.example", s.url+"/change-email/").link(t, s.url, "/change-email/")
	s.plainly(t, rita).signIn() // the old one still signs in

	p.open(link)
	p.audit("change-email")
	p.press(confirmButton)
	p.at("/profile")
	p.toast("margherita@acme.example")
	p.opens(link, http.StatusGone)
	s.mail.next(rita.email, "changed", "margherita@acme.example")
	s.mail.next("margherita@acme.example", "changed", rita.email)
	s.plainly(t, rita).open("/login").fill(emailField, rita.email).fill(passwordField, rita.password).press(signInButton).reads(wrongPassword)
	moved := rita
	moved.email = "margherita@acme.example"
	s.plainly(t, moved).signIn()
}
