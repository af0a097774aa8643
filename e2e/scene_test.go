package e2e

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// The people of the journeys.
var (
	ada  = somebody{"Ada", "Lindqvist", "ada@provider.example", "lanterns over the harbour"}
	ben  = somebody{"Ben", "Aalto", "ben@provider.example", "twelve quiet tramways"}
	rita = somebody{"Rita", "Rossi", "rita@acme.example", "a kettle on the balcony"}
	tom  = somebody{"Tom", "Baker", "tom@acme.example", "marmalade by moonlight"}
	uma  = somebody{"Uma", "Nair", "uma@globex.example", "seventeen paper boats"}
)

// scene is what most journeys begin with: a server with a mail server beside it
// and a portal admin, Ada.
type scene struct {
	*server
	t     *testing.T
	mail  *postOffice
	admin *plain
}

func newScene(t *testing.T, args ...string) *scene {
	t.Helper()
	return newSceneWith(t, serverOptions{args: args})
}

func newSceneWith(t *testing.T, opts serverOptions) *scene {
	t.Helper()
	opts.mail = openPostOffice(t)
	s := &scene{t: t, mail: opts.mail, server: startServer(t, opts)}
	s.createAdmin(ada)
	s.admin = s.plainly(t, ada).signIn()
	return s
}

// The steps below set the scene without a browser. They are the same pages and
// the same mails, only quicker; each is walked in a browser where it is the subject.

// registered makes an account for who, whose address is proven.
func (s *scene) registered(who somebody) {
	s.t.Helper()
	c := s.plainly(s.t, who)
	c.open("/register").fillIn(who).press(registerButton).want(http.StatusOK).reads(lookIntoYourMail)
	c.open(s.mail.next(who.email, s.url+"/verify-email/").link(s.t, s.url, "/verify-email/"))
	c.press(confirmButton).want(http.StatusOK)
}

// added makes an organization with a first Super admin, and gives its address.
func (s *scene) added(name string, first somebody) (org string) {
	s.t.Helper()
	s.admin.open("/admin/organizations").press("Add").fill(orgNameField, name)
	s.admin.fill(firstNameField, first.first).fill(lastNameField, first.last).fill(emailField, first.email)
	s.admin.press("Save").want(http.StatusOK)
	org = s.joined(first)
	s.mail.next(ada.email, first.first)
	return org
}

// joined follows the invitation that who has in the mail, and gives the address
// of the organization.
func (s *scene) joined(who somebody) (org string) {
	s.t.Helper()
	c := s.plainly(s.t, who)
	c.open(s.invitation(who)).fill(passwordField, who.password).press("Join").want(http.StatusOK).isAt("/o/{id}")
	return c.at.Path
}

// invitation is the link in the next invitation to who.
func (s *scene) invitation(who somebody) string {
	s.t.Helper()
	return s.mail.next(who.email, s.url+"/invitations/").link(s.t, s.url, "/invitations/")
}

// invites sends an invitation in by's name.
func (s *scene) invites(org string, by, who somebody, role string) {
	s.t.Helper()
	c := s.plainly(s.t, by).signIn().open(org + "/users").press("Invite")
	c.fill(firstNameField, who.first).fill(lastNameField, who.last).fill(emailField, who.email).choose(role)
	c.press("Send invitation").want(http.StatusOK)
}

// member makes who a member of the organization.
func (s *scene) member(org string, by, who somebody, role string) {
	s.t.Helper()
	s.invites(org, by, who, role)
	s.joined(who)
	s.mail.next(by.email, who.first)
}

// set sets a switch under Settings > General.
func (s *scene) set(label string, on bool) {
	s.t.Helper()
	s.admin.open("/admin/settings/general")
	if on {
		s.admin.choose(label)
	} else {
		s.admin.untick(label)
	}
	s.admin.press("Save").want(http.StatusOK)
}

// requested asks for an organization and gives the address of the request.
func (s *scene) requested(name string, by somebody) (request string) {
	s.t.Helper()
	c := s.plainly(s.t, by).signIn()
	c.open("/organizations/new").fill(orgNameField, name).press(createOrgButton)
	c.want(http.StatusOK).isAt("/organizations/requests/{id}")
	return c.at.Path
}

// memberAddress is the address of a member's page.
func (s *scene) memberAddress(org string, by, who somebody) string {
	s.t.Helper()
	return s.plainly(s.t, by).signIn().open(org + "/users").press(who.name()).want(http.StatusOK).at.Path
}

// keyIn takes the one credential out of a text, or gives "".
func keyIn(text string) string { return apiKey.FindString(text) }

var idInPath = regexp.MustCompile(`^/o/([^/]+)`)

// orgID is the organization's id in an address.
func orgID(path string) string {
	if found := idInPath.FindStringSubmatch(path); found != nil {
		return found[1]
	}
	return ""
}

// lastPart is what stands behind the last slash of a path.
func lastPart(path string) string { return path[strings.LastIndex(path, "/")+1:] }
