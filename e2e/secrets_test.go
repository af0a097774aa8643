package e2e

import (
	"bytes"
	"encoding/base32"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/PuerkitoBio/goquery"
)

// recorder keeps every answer to plain clients, and the secrets that pass by.
type recorder struct {
	server  *server
	mu      sync.Mutex
	answers []place
}

var tokenInPath = regexp.MustCompile(`^/(?:verify-email|invitations|reset-password|change-email|setup)/([^/]+)`)

// RoundTrip does what the usual transport does.
func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	r.mu.Lock()
	defer r.mu.Unlock()
	var headers strings.Builder
	for _, cookie := range response.Cookies() {
		r.server.keepsCookie(cookie.Name, cookie.Value)
	}
	for name, values := range response.Header {
		if name != "Set-Cookie" {
			headers.WriteString(strings.Join(values, "\n") + "\n")
		}
	}
	if found := tokenInPath.FindStringSubmatch(request.URL.Path); found != nil {
		r.server.keeps(aLink, found[1])
	}
	r.answers = append(r.answers, place{request.Method + " " + request.URL.Path, append([]byte(headers.String()), body...)})
	return response, nil
}

// After the whole story no secret is anywhere but where it was asked for.
func TestSecretsAreNowhere_CRED_05(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	r := &recorder{server: s.server}
	s.transport = r
	s.admin = s.plainly(t, ada).signIn()

	// Registered, an organization asked for and approved, a teammate invited.
	s.registered(tom)
	s.requested("Acme Inc", tom)
	s.admin.open("/admin/organizations").press("Approve").press("Approve").want(http.StatusOK)
	org := s.plainly(t, tom).signIn().open("/").isAt("/o/{id}").at.Path
	s.member(org, tom, rita, superAdmin)

	// A key that is revealed, one that has taken its place, and two shown once.
	c := s.plainly(t, rita).signIn().open(org+"/applications").press("New application").fill("Name", "Scanner").press("Create").want(http.StatusOK)
	scanner := c.at.Path
	c.press("New credential").fill("Label", productionLabel).press("Create").want(http.StatusOK)
	keys := []string{c.open(scanner).reveals()}
	c.open(scanner).press("Rotate").press("Rotate").want(http.StatusOK)
	keys = append(keys, c.open(scanner).reveals())
	once := c.open(scanner).press("New credential").choose("Show once").fill("Label", "Once").press("Create").want(http.StatusOK)
	keys = append(keys, keyIn(once.source()))
	c.open(scanner)
	c.pressIn(c.row("Once"), "Rotate").want(http.StatusOK).press("Rotate").want(http.StatusOK)
	keys = append(keys, keyIn(c.source()))
	for i, key := range keys {
		if key == "" || len(keys) != 4 || i > 0 && key == keys[i-1] {
			t.Fatalf("the keys are %d, and number %d is %q", len(keys), i, key)
		}
		s.verifies(key, http.StatusNoContent)
		s.verifies(key+"0", http.StatusUnauthorized)
	}
	// A second factor, an invite code, and an application of one's own.
	c.open("/profile/two-factor").press("Set up").want(http.StatusOK)
	typed := c.value("Or enter this secret by hand")
	secret, err := base32.StdEncoding.DecodeString(strings.ReplaceAll(typed, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	c.fill("Code", app{secret}.code(0)).press("Turn on").want(http.StatusOK)
	codes := c.page.Find(".codes code").Map(func(_ int, e *goquery.Selection) string { return e.Text() })
	s.keeps(aFactor, typed, strings.ReplaceAll(typed, " ", ""), string(secret))
	s.keeps(aRecovery, codes...)
	s.admin.open("/admin/organizations/"+orgID(org)+"/codes/new").fill("Name", "Fair").press("Create").want(http.StatusOK)
	s.keeps(aCode, s.admin.value("Code"))
	c.open("/me/applications").press("New application").fill("Name", "Mine").press("Create").want(http.StatusOK)
	own := c.at.Path
	c.press("New credential").press("Create").want(http.StatusOK)
	c.open(own).reveals() // what is revealed is looked for in the end

	// Another address, and a password by mail.
	c.open("/profile").fill("New email", "rossi@acme.example").press("Change email").want(http.StatusOK)
	c.open(s.mail.next("rossi@acme.example", s.url+"/change-email/").link(t, s.url, "/change-email/")).press(confirmButton).want(http.StatusOK)
	s.plainly(t, tom).open("/forgot-password").fill(emailField, tom.email).press("Send the link").want(http.StatusOK)
	again := s.plainly(t, somebody{tom.first, tom.last, tom.email, "violets under the viaduct"})
	again.open(s.mail.next(tom.email, s.url+"/reset-password/").link(t, s.url, "/reset-password/"))
	again.fill("New password", again.password).press("Set password").want(http.StatusOK)

	// Every page that tells of it.
	for _, path := range []string{scanner, scanner + "/access", scanner + "/edit", own, own + "/access", "/me/applications", org, org + "/users", org + "/activity", org + "/exposed", "/search?q=scanner", "/search?q=mine", "/profile", "/profile/two-factor"} {
		c.open(path)
	}
	at := "/admin/organizations/" + orgID(org)
	audits := []string{"/admin/audit-log", "/admin/audit-log.csv", "/admin/audit-log.jsonl"}
	for _, path := range append([]string{"/admin", "/admin/emails", "/admin/applications", "/admin/users", "/admin/codes", at, at + "/codes", at + "/activity", at + "/users", "/admin/applications/" + lastPart(own),
		"/search?q=scanner", "/search?q=rita", "/admin/settings/email", strings.Replace(scanner, "/o/", "/admin/organizations/", 1)}, audits...) {
		s.admin.open(path)
	}
	mails := s.admin.open("/admin/emails?state=sent").page.Find(`main a[href^="/admin/emails/"]`).Map(func(_ int, e *goquery.Selection) string { return e.AttrOr("href", "") })
	for _, path := range mails {
		s.admin.open(path).open(path + "/frame")
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	if _, err := s.database(t).Exec(`VACUUM INTO ?`, copied); err != nil {
		t.Fatal(err)
	}

	places, err := s.kept()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(copied)
	if err != nil {
		t.Fatal(err)
	}
	files := len(places)
	places = append(places, place{"a copy of the database", content}, place{"what it printed", []byte(s.output.String())})
	var pages, audit []place
	r.mu.Lock()
	for _, a := range r.answers {
		path := a.what[strings.IndexByte(a.what, ' ')+1:]
		if strings.HasSuffix(path, "/activity") || slices.Contains(audits, path) {
			audit = append(audit, a)
		}
		if !strings.HasPrefix(a.what, "POST ") || !shows.MatchString(path) {
			pages = append(pages, a)
		}
	}
	r.mu.Unlock()
	var letters []place
	for _, m := range s.mail.all() {
		letters = append(letters, place{"the mail " + m.subject, []byte(m.subject + m.text + m.html)})
	}

	everything := slices.Concat(places, audit, pages, letters)
	where := map[string][]place{
		aPassword: everything, aSession: everything, anAPIKey: everything, aMaster: everything, aRecovery: everything, aCode: everything,
		aFactor: slices.Concat(places, audit, letters), // its own page shows it until it is on
		aLink:   slices.Concat(places, audit),          // links are for mails, and for pages that copy them
	}
	least := map[string]int{aPassword: 4, aSession: 6, anAPIKey: 10, aMaster: 2, aRecovery: 10, aCode: 1, aFactor: 3, aLink: 4}
	tried, held := 0, 0
	for kind, in := range where {
		secrets := s.of(kind)
		if len(secrets) < least[kind] {
			t.Errorf("only %d secrets passed by that are a %s", len(secrets), kind)
		}
		for _, secret := range secrets {
			spelled := spellings(secret, true)
			for _, p := range in {
				if tried++; holds(p.content, spelled) {
					t.Errorf("%s holds a %s", p.what, kind)
				} else {
					held++
				}
			}
		}
	}
	t.Attr("faults", fmt.Sprintf("%s|%d|%d", "secrets looked for where none belongs", tried, held))
	if files < 3 || len(pages) < 80 || len(audit) < 4 || len(letters) < 8 || len(mails) < 5 {
		t.Errorf("there is too little to look through: %d files, %d pages, %d of the audit, %d mails, %d on pages", files, len(pages), len(audit), len(letters), len(mails))
	}
}

// shows are the forms whose answers show a key or a code.
var shows = regexp.MustCompile(`/(reveal|credentials|rotation|codes|confirmation)$`)
