package e2e

import (
	"strings"
	"testing"
)

func TestACopiedLinkProvesNothingAndTellsNothing(t *testing.T) {
	journey(t)
	s := newScene(t)
	org := s.added("Acme Inc", rita)
	s.registered(tom) // who has an account
	s.invites(org, rita, tom, teamMember)
	s.invites(org, rita, uma, teamMember) // who has none
	mailed := s.invitation(uma)
	s.invitation(tom)

	r := s.visitor(t, rita)
	r.signIn()
	r.open(org + "/users")
	toms := r.copiesLink(tom.email)
	r.open(org + "/users")
	umas := r.copiesLink(uma.email)
	if umas == mailed {
		t.Fatal("the copied link is the mailed one")
	}

	// The page is the same whether an account exists or not, but for the names.
	same := strings.NewReplacer(tom.email, "ADDRESS", uma.email, "ADDRESS", tom.first, "FIRST", uma.first, "FIRST",
		tom.last, "LAST", uma.last, "LAST").Replace
	has, hasNot := s.plainly(t, somebody{}).open(toms).words(), s.plainly(t, somebody{}).open(umas).words()
	if same(has) != same(hasNot) {
		t.Errorf("the copied link tells whether an account exists:\n%s\n%s", has, hasNot)
	}

	// Registering the address that has an account: look into your mail, and the owner is told.
	thief := s.visitor(t, somebody{first: "Thief"})
	thief.open(toms)
	thief.audit("invitation-copied")
	thief.fill(passwordField, "the thief's own words")
	thief.press("Join")
	thief.finds(lookIntoYourMail)
	s.mail.next(tom.email, "already")
	thief.open(org)
	thief.at("/login")         // nobody is signed in
	s.plainly(t, tom).signIn() // with the password that Tom chose

	// Uma joins by the copied link: at home in the organization, nowhere else.
	p := s.visitor(t, uma)
	p.open(umas)
	p.fill(passwordField, uma.password)
	p.press("Join")
	p.at(org)
	p.whole().lacks(createAnOrg)
	if c := s.plainly(t, uma).signIn().get("/organizations/new"); c.offers(createOrgButton) {
		t.Error("somebody unproven can ask for an organization")
	}
	p.open("/")
	p.audit("home-unproven-member")

	// Whoever proves the address by mail becomes the account's owner: a new
	// password, and every session ends.
	owner := s.visitor(t, uma)
	owner.open(s.mail.next(uma.email, s.url+"/verify-email/").link(t, s.url, "/verify-email/"))
	owner.audit("verify-email-with-new-password")
	owner.press(confirmButton)
	owner.problem(newPasswordField)
	owner.password = "nineteen paper boats"
	owner.fill(newPasswordField, owner.password)
	owner.press(confirmButton)
	owner.at("/")
	p.open(org)
	p.at("/login")
	p.fill(emailField, uma.email)
	p.fill(passwordField, uma.password)
	p.press(signInButton)
	p.whole().finds(wrongPassword)
	owner.signIn()
	owner.open(org)
	owner.whole().offers(createAnOrg)
}

// copiesLink presses Copy link in somebody's row, and gives what it shows.
func (p *person) copiesLink(email string) string {
	p.t.Helper()
	d := p.row(email).ask("Copy link")
	p.audit("copy-link")
	link, err := d.at.Locator("input[readonly]").InputValue()
	if err != nil {
		p.t.Fatal(err)
	}
	if !strings.HasPrefix(link, p.server.url+"/invitations/") {
		p.t.Fatalf("the link to copy is %q", link)
	}
	if p.scripts {
		d.press("Copy")
		if err := expect.Locator(visible(d.at.GetByText("Copied"))).ToBeVisible(); err != nil {
			p.t.Errorf("Copy does not say that it copied: %v", err)
		}
		copied, err := p.page.Evaluate(`() => navigator.clipboard.readText()`)
		if err != nil || copied != link {
			p.t.Errorf("copied is %q, want %q (%v)", copied, link, err)
		}
	}
	return link
}
