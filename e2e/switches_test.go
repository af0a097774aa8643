package e2e

import (
	"net/http"
	"net/url"
	"testing"
)

func TestTheSwitchesAtFirst(t *testing.T) {
	journey(t)
	s := newScene(t)
	a := s.visitor(t, ada)
	a.signIn()
	a.open("/admin")
	a.goes("General")
	a.at("/admin/settings/general")
	for label, on := range map[string]bool{registrationSwitch: true, signInSwitch: true, approveUsersSwitch: true,
		organizationsSwitch: true, approveOrgsSwitch: false} {
		at := expect.Locator(a.field(label))
		if !on {
			at = at.Not()
		}
		if err := at.ToBeChecked(); err != nil {
			t.Errorf("at first, %q is not %v: %v", label, on, err)
		}
	}
	a.turns(registrationSwitch, false)
	a.turns(registrationSwitch, true)

	// Nobody but an admin sets them.
	s.registered(rita)
	form := s.admin.open("/admin/settings/general")
	action := form.formOf(form.controls("Save")).AttrOr("action", form.at.Path)
	s.plainly(t, rita).signIn().post(action, url.Values{}).want(http.StatusNotFound)
	if s.admin.open("/admin/settings/general"); !s.admin.ticked(registrationSwitch) {
		t.Error("somebody else has switched registration off")
	}
}

func TestRegistrationSwitchedOff(t *testing.T) {
	journey(t)
	s := newScene(t)
	form := s.plainly(t, uma).open("/register").fillIn(uma)
	s.set(registrationSwitch, false)
	before := s.counts(t)
	form.press(registerButton).want(http.StatusNotFound)
	sameCounts(t, before, s.counts(t))

	p := s.visitor(t, uma)
	p.open("/")
	p.whole().offers(signInButton)
	p.whole().lacks(registerButton)
	p.audit("start-without-register")
	p.open("/login")
	p.whole().lacks(registerButton)
	p.opens("/register", http.StatusNotFound)

	// An invited person registers all the same.
	s.added("Acme Inc", rita)
}

func TestSigningInSwitchedOff(t *testing.T) {
	journey(t)
	s := newScene(t)
	s.registered(rita)
	inside := s.plainly(t, rita).signIn()
	s.set(signInSwitch, false)
	inside.get("/profile").isAt("/login") // who was in is out

	p := s.visitor(t, rita)
	p.open("/")
	p.whole().lacks(signInButton)
	p.audit("start-without-sign-in")
	p.open("/login")
	p.audit("login-for-admins")
	p.fill(emailField, rita.email)
	p.fill(passwordField, rita.password)
	p.press(signInButton)
	p.whole().finds(mayNotSignIn)
	p.open("/profile")
	p.at("/login")
	s.plainly(t, ada).signIn().open("/admin")
}

func TestRegistrationsAreApproved(t *testing.T) {
	journey(t)
	s := newScene(t)
	s.set(approveUsersSwitch, false)
	s.registered(uma)
	p := s.visitor(t, uma)
	p.signIn()
	p.finds(waitingForAnAdmin)
	p.audit("home-waiting")
	p.whole().lacks(createAnOrg)

	a := s.visitor(t, ada)
	a.signIn()
	a.open(s.mail.next(ada.email, uma.first).link(t, s.url, "/admin/users"))
	a.row(uma.email).shows()
	a.audit("admin-users-waiting")
	a.row(uma.email).press("Approve")
	a.toast("")
	s.mail.next(uma.email, s.url)
	p.open("/")
	p.whole().offers(createAnOrg)
}

func TestOrganizationsSwitchedOff(t *testing.T) {
	journey(t)
	s := newScene(t)
	s.registered(rita)
	s.registered(tom)
	rejected := s.requested("Acme Inc", rita)
	s.admin.open("/admin/organizations")
	s.admin.pressIn(s.admin.row("Acme Inc"), "Reject").fill(reasonField, "Not yet.").press("Reject").want(http.StatusOK)
	form := s.plainly(t, tom).signIn().open("/organizations/new").fill(orgNameField, "Initech")
	again := s.plainly(t, rita).signIn().open(rejected)
	if !again.offers("Resubmit") {
		t.Fatal("a rejected request cannot be resubmitted")
	}

	s.set(organizationsSwitch, false)
	before := s.counts(t)
	form.press(createOrgButton).want(http.StatusNotFound)
	if again.press("Resubmit"); again.status == http.StatusOK && again.offers("Resubmit") {
		again.press("Resubmit") // it asked for the name first
	}
	again.want(http.StatusNotFound)
	again.open(rejected).finds("Rejected")
	if again.offers("Resubmit") {
		t.Error("Resubmit is offered although organizations cannot be registered")
	}
	sameCounts(t, before, s.counts(t))

	p := s.visitor(t, tom)
	p.signIn()
	p.open("/")
	p.whole().lacks(createAnOrg)
	p.audit("home-without-create")
	p.opens("/organizations/new", http.StatusNotFound)
}

// sameCounts claims that no row has come or gone.
func sameCounts(t *testing.T, before, after map[string]int) {
	t.Helper()
	for table, n := range before {
		if after[table] != n {
			t.Errorf("%s has %d rows now, and had %d", table, after[table], n)
		}
	}
}
