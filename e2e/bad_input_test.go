package e2e

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// bad is something that must not be taken, and what is wrong with it.
type bad struct{ what, value string }

var (
	badName = []bad{
		{"nothing", ""},
		{"81 characters", strings.Repeat("a", 81)},
		{"only spaces", "   "},
		{"a control character", "An\u0007na"},
		{"a right-to-left override", "An\u202Ena"},
		{"a zero-width space", "An\u200Bna"},
		{"a line break", "Anna\r\nBcc: all@acme.example"},
	}
	badOptional = []bad{badName[1], badName[3], badName[4], badName[6]}
	badTeamName = []bad{badName[0], {"101 characters", strings.Repeat("a", 101)}, badName[2], badName[3], badName[4], badName[6]}
	badText     = []bad{badName[3], badName[4], {"far too much", strings.Repeat("a ", 1001)}}
	badReason   = append([]bad{badName[0], badName[2]}, badText...)
	badEmail    = []bad{
		{"nothing", ""},
		{"no domain", "anna"},
		{"half a domain", "anna@"},
		{"a domain without a dot", "anna@acme"},
		{"two addresses", "anna@acme.example, ben@acme.example"},
		{"a space", "anna b@acme.example"},
		{"more than an address has", strings.Repeat("a", 250) + "@acme.example"},
		{"a line break", "anna@acme.example\r\nBcc: all@acme.example"},
	}
	badPassword = []bad{
		{"nothing", ""},
		{"too little", "elevenchars"},
		{"a common one", "password1234"},
		{"too much", strings.Repeat("ab cd ", 30)},
	}
)

// badForm is a form and what may not be put into its fields.
type badForm struct {
	name   string
	dialog bool // it also opens in the dialog
	who    somebody
	open   func(c *plain)
	button string
	fields map[string][]bad
	good   map[string]string // what the other fields hold meanwhile
	choose string
}

func TestBadInput(t *testing.T) {
	journey(t)
	c := newCompany(t)
	c.registered(tom)
	request := c.requested("Initech", tom)
	c.registered(uma)
	toms := c.fresh(somebody{"Vera", "Voss", "vera@invited.example", ""})
	app := c.reader.open(c.org+"/applications").press("New application").
		fill("Name", "Billing sync").press("Create").isAt("/o/{id}/applications/{id}").at.Path
	ritas := c.memberAddress(c.org, rita, rita)
	to := func(path string) func(*plain) { return func(c *plain) { c.open(path) } }
	at := func(path, button string) func(*plain) {
		return func(c *plain) { c.open(path).press(button).want(http.StatusOK) }
	}
	name := map[string][]bad{firstNameField: badName, lastNameField: badName}

	forms := []badForm{
		{name: "register", open: to("/register"), button: registerButton,
			fields: map[string][]bad{firstNameField: badName, lastNameField: badName, emailField: badEmail, passwordField: badPassword},
			good:   map[string]string{firstNameField: "Anna", lastNameField: "Berg", emailField: "anna@acme.example", passwordField: "lanterns in the orchard"}},
		{name: "join", open: to(toms), button: "Join",
			fields: map[string][]bad{firstNameField: badName, lastNameField: badName, passwordField: badPassword},
			good:   map[string]string{passwordField: "lanterns in the orchard"}},
		{name: "new organization", who: uma, open: to("/organizations/new"), button: createOrgButton,
			fields: map[string][]bad{orgNameField: badName}},
		{name: "invite", dialog: true, who: rita, open: at(c.org+"/users", "Invite"), button: "Send invitation", choose: teamMember,
			fields: map[string][]bad{firstNameField: badName, lastNameField: badName, emailField: badEmail},
			good:   map[string]string{firstNameField: "Anna", lastNameField: "Berg", emailField: "anna@acme.example"}},
		{name: "member", who: rita, open: to(ritas), button: "Save", fields: name},
		{name: "profile", who: rita, open: to("/profile"), button: "Save", fields: name},
		{name: "organization settings", who: rita, open: to(c.org + "/settings"), button: "Save",
			fields: map[string][]bad{orgNameField: badName}},
		{name: "edit request", dialog: true, who: tom, open: at(request, "Edit name"), button: "Save",
			fields: map[string][]bad{orgNameField: badName}},
		{name: "new application", dialog: true, who: rita, open: at(c.org+"/applications", "New application"), button: "Create",
			fields: map[string][]bad{"Name": badName, "Description": badText}, good: map[string]string{"Name": "Statements"}},
		{name: "new credential", dialog: true, who: rita, open: at(app, "New credential"), button: "Create",
			fields: map[string][]bad{"Label": badOptional}},
		{name: "add organization", dialog: true, who: ada, open: at("/admin/organizations", "Add"), button: "Save",
			fields: map[string][]bad{orgNameField: badName, emailField: badEmail[1:], firstNameField: badName, lastNameField: badName},
			good:   map[string]string{orgNameField: "Globex", firstNameField: "Anna", lastNameField: "Berg", emailField: "anna@acme.example"}},
		{name: "approve", dialog: true, who: ada, open: at("/admin/organizations", "Approve"), button: "Approve",
			fields: map[string][]bad{approveNameField: badName}},
		{name: "reject", dialog: true, who: ada, open: at("/admin/organizations", "Reject"), button: "Reject",
			fields: map[string][]bad{reasonField: badReason}},
		{name: "team", who: ada, open: at("/admin/teams", "Acme Inc All users"), button: "Save",
			fields: map[string][]bad{"Name": badTeamName}},
	}
	before := c.counts(t)
	for _, form := range forms {
		reader := c.plainly(t, form.who)
		if form.who.email != "" {
			reader.signIn()
		}
		form.refuses(reader)
		if form.dialog {
			reader.htmx = true
			form.refuses(reader)
		}
	}
	sameCounts(t, before, c.counts(t))
	if c.mail.holds("anna@acme.example") || c.mail.holds("all@acme.example") {
		t.Error("a mail was sent for a form that was refused")
	}
}

// refuses sends the form once for each bad input, and expects a message at that
// field and what was typed still there.
func (f badForm) refuses(c *plain) {
	c.t.Helper()
	f.open(c)
	action := c.at
	for label, inputs := range f.fields {
		for _, input := range inputs {
			what := fmt.Sprintf("%s, %s in %s", f.name, input.what, label)
			c.get(action.String())
			for label, value := range f.good {
				c.fill(label, value)
			}
			if f.choose != "" {
				c.choose(f.choose)
			}
			c.fill(label, input.value).press(f.button)
			if c.status != http.StatusUnprocessableEntity {
				c.t.Errorf("%s: %d, want 422\n%s", what, c.status, c.words())
				continue
			}
			if c.problem(label) == "" {
				c.t.Errorf("%s: no message at the field\n%s", what, c.words())
			}
			if label == passwordField {
				if c.value(label) != "" {
					c.t.Errorf("%s: the page holds the password", what)
				}
				continue
			}
			if got := c.value(label); got != input.value && strings.TrimSpace(input.value) != "" && !strings.Contains(input.value, "\r\n") {
				c.t.Errorf("%s: the field holds %q now", what, got)
			}
			for other, value := range f.good {
				if other != label && other != passwordField && c.value(other) != value {
					c.t.Errorf("%s: %s holds %q, and %q was typed", what, other, c.value(other), value)
				}
			}
		}
	}
}

func TestBadInputInTheBrowser(t *testing.T) {
	journey(t)
	c := newCompany(t)

	p := c.visitor(t, somebody{"", "  ", "anna", "short"})
	p.open("/register")
	p.fillIn(p.somebody)
	p.press(registerButton)
	for _, label := range []string{firstNameField, lastNameField, emailField, passwordField} {
		p.problem(label)
	}
	p.holds(emailField, "anna")
	if err := expect.Locator(p.field(firstNameField)).ToBeFocused(); err != nil {
		t.Errorf("the first wrong field has not the focus: %v", err)
	}
	p.audit("register-with-problems")

	r := c.visitor(t, rita)
	r.signIn()
	r.open(c.org + "/users")
	d := r.ask("Invite")
	d.fill(firstNameField, "Anna")
	d.fill(emailField, "anna")
	d.press("Send invitation")
	d.problem(emailField)
	d.problem(lastNameField)
	d.holds(firstNameField, "Anna")
	d.holds(emailField, "anna")
	if err := expect.Locator(d.field(lastNameField)).ToBeFocused(); err != nil {
		t.Errorf("the first wrong field has not the focus: %v", err)
	}
	r.audit("invite-with-problems")
}

// What looks like markup is a name like another, and stays text wherever it is shown.
func TestMarkupInNamesStaysText_XSS_01(t *testing.T) {
	journey(t)
	const script, image = "<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`
	c := newCompany(t)
	mallory := somebody{script, image, "mallory@acme.example", "lanterns in the orchard"}
	c.member(c.org, rita, mallory, superAdmin)

	p := c.visitor(t, mallory)
	p.signIn()
	p.open(c.org + "/users")
	p.sees(script + " " + image)
	p.press(mallory.name())
	p.holds(firstNameField, script)
	p.holds(lastNameField, image)
	p.goes("Applications")
	d := p.ask("New application")
	d.fill("Name", image)
	d.fill("Description", script)
	d.press("Create")
	p.at("/o/{id}/applications/{id}")
	p.toast("")
	p.sees(image)
	p.sees(script)
	p.goes("Activity")
	p.sees(script)
	p.open("/organizations/new")
	p.fill(orgNameField, script)
	p.press(createOrgButton)
	p.at("/organizations/requests/{id}")
	p.sees(script)

	a := c.visitor(t, ada)
	a.signIn()
	a.open("/admin/organizations")
	d = a.row(script).ask("Approve")
	d.holds(approveNameField, script)
	d.press("Approve")
	a.toast(script)
	for _, menu := range []string{"Users", "Teams", "Applications", "Emails", "Audit log"} {
		a.goes(menu)
		a.sees(script)
	}
	if m := c.mail.next(mallory.email, script); strings.Contains(m.html, "<script") || strings.Contains(m.html, "<img src=x") {
		t.Errorf("the mail holds markup that somebody typed:\n%s", m.html)
	}
}

func TestRequestsThatNoBrowserSends(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	before := c.counts(t)
	invite := url.Values{"first_name": {"Anna"}, "last_name": {"Berg"}, "email": {"anna@acme.example"}, "role": {"team_member"}}.Encode()
	post := func(change func(*http.Request)) *plain {
		r := c.reader.request(http.MethodPost, c.org+"/invitations", strings.NewReader(invite))
		change(r)
		return c.reader.do(r)
	}
	post(func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }).want(http.StatusForbidden)
	post(func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }).want(http.StatusForbidden)
	post(func(r *http.Request) {
		r.Header.Del("Sec-Fetch-Site")
		r.Header.Set("Origin", "https://elsewhere.example")
	}).want(http.StatusForbidden)
	post(func(r *http.Request) {
		r.Header.Del("Sec-Fetch-Site")
		r.Header.Del("Origin")
	}).want(http.StatusForbidden)
	post(func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }).want(http.StatusUnsupportedMediaType)
	post(func(r *http.Request) { r.Host = "elsewhere.example" }).want(http.StatusMisdirectedRequest)
	for _, path := range []string{"/healthz", "/readyz"} {
		r := c.reader.request(http.MethodGet, path, nil)
		r.Host = "10.0.0.7"
		c.reader.do(r).want(http.StatusOK)
	}
	sameCounts(t, before, c.counts(t))

	if got := c.announces(2 << 20); got != http.StatusRequestEntityTooLarge {
		t.Errorf("a body of 2 MB is answered with %d, want 413", got)
	}
}

// announces begins to send a form of this size, and gives the answer's status. A
// server that has read enough closes the connection, so the rest is not sent.
func (c *company) announces(size int) int {
	c.t.Helper()
	host := strings.TrimPrefix(c.url, "http://")
	conn, err := net.DialTimeout("tcp", strings.Replace(host, "localhost", "127.0.0.1", 1), patience)
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /register HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		host, c.url, size, strings.Repeat("a", 1000))
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

func TestABrokenCookieIsNobody(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	cookies := slices.DeleteFunc(c.reader.http.Jar.Cookies(c.reader.at), func(k *http.Cookie) bool { return k.Name == "portico-device" }) // by which a browser is known again
	if len(cookies) != 1 {
		t.Fatalf("somebody who is signed in has the cookies %v, want one", cookies)
	}
	cookie := cookies[0]
	for _, value := range []string{"", "x", cookie.Value + "x", cookie.Value[1:], strings.ToUpper(cookie.Value), "%00%ff",
		strings.Repeat("a", 4000), `"quoted"`} {
		nobody := c.plainly(t, somebody{})
		r := nobody.request(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", cookie.Name+"="+value)
		if nobody.do(r).want(http.StatusOK); !nobody.offers(signInButton) {
			t.Errorf("the cookie %.40q does not make nobody of a visitor", value)
		}
		r = nobody.request(http.MethodGet, c.org, nil)
		r.Header.Set("Cookie", cookie.Name+"="+value)
		nobody.do(r).isAt("/login")
	}
	c.reader.open(c.org)
}
