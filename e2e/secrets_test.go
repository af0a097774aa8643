package e2e

import (
	"bytes"
	"encoding/base64"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// recorder keeps every answer to plain clients, and the secrets that pass by.
type recorder struct {
	mu       sync.Mutex
	answers  []recorded
	sessions map[string]bool
	tokens   map[string]bool
}

type recorded struct{ what, body string }

var tokenInPath = regexp.MustCompile(`^/(?:verify-email|invitations|reset-password|setup)/([^/]+)`)

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
		if !strings.HasSuffix(cookie.Name, "-notice") && len(cookie.Value) > 10 {
			r.sessions[cookie.Value] = true
		}
	}
	for name, values := range response.Header {
		if name != "Set-Cookie" {
			headers.WriteString(strings.Join(values, "\n") + "\n")
		}
	}
	if found := tokenInPath.FindStringSubmatch(request.URL.Path); found != nil {
		r.tokens[found[1]] = true
	}
	r.answers = append(r.answers, recorded{request.Method + " " + request.URL.Path, headers.String() + string(body)})
	return response, nil
}

// spellings are how a secret may stand somewhere.
func spellings(secret string) []string {
	return []string{secret, url.QueryEscape(secret), url.PathEscape(secret),
		strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(secret)), "="), strings.TrimRight(base64.URLEncoding.EncodeToString([]byte(secret)), "=")}
}

func holdsSecret(text, secret string) bool {
	for _, spelling := range spellings(secret) {
		if strings.Contains(text, spelling) {
			return true
		}
	}
	return false
}

// After the whole story no secret is anywhere but where it was asked for.
func TestSecretsAreNowhere_CRED_05(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	r := &recorder{sessions: map[string]bool{}, tokens: map[string]bool{}}
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
	app := c.at.Path
	c.press("New credential").fill("Label", productionLabel).press("Create").want(http.StatusOK)
	keys := []string{c.open(app).reveals()}
	c.open(app).press("Rotate").press("Rotate").want(http.StatusOK)
	keys = append(keys, c.open(app).reveals())
	once := c.open(app).press("New credential").choose("Show once").fill("Label", "Once").press("Create").want(http.StatusOK)
	keys = append(keys, keyIn(once.source()))
	c.open(app)
	c.pressIn(c.row("Once"), "Rotate").want(http.StatusOK).press("Rotate").want(http.StatusOK)
	keys = append(keys, keyIn(c.source()))
	for i, key := range keys {
		if key == "" || len(keys) != 4 || i > 0 && key == keys[i-1] {
			t.Fatalf("the keys are %d, and number %d is %q", len(keys), i, key)
		}
		s.verifies(key, http.StatusNoContent)
		s.verifies(key+"0", http.StatusUnauthorized)
	}
	for _, path := range []string{app, app + "/access", org, org + "/users", org + "/activity"} {
		c.open(path)
	}
	for _, path := range []string{"/admin", "/admin/audit-log", "/admin/emails", "/admin/applications", strings.Replace(app, "/o/", "/admin/organizations/", 1)} {
		s.admin.open(path)
	}

	var everywhere []recorded
	for _, m := range s.mail.all() {
		everywhere = append(everywhere, recorded{"the mail " + m.subject, m.subject + m.text + m.html})
	}
	pages := 0
	r.mu.Lock()
	for _, a := range r.answers {
		shows := strings.HasPrefix(a.what, "POST ") && (strings.HasSuffix(a.what, "/reveal") || strings.HasSuffix(a.what, "/credentials") || strings.HasSuffix(a.what, "/rotation"))
		if !shows {
			pages++
			everywhere = append(everywhere, a)
		}
	}
	r.mu.Unlock()
	kept := []recorded{{"the log", s.output.String()}}
	files := 0
	err := filepath.WalkDir(s.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		content, err := os.ReadFile(path)
		kept = append(kept, recorded{path, string(content)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var audit []recorded
	for _, a := range r.answers {
		if strings.HasSuffix(a.what, "/activity") || strings.HasSuffix(a.what, "/audit-log") {
			audit = append(audit, a)
		}
	}

	secrets := map[string][]string{"password": {ada.password, tom.password, rita.password}}
	for value := range r.sessions {
		secrets["session"] = append(secrets["session"], value)
	}
	for value := range r.tokens {
		secrets["link token"] = append(secrets["link token"], value)
	}
	for _, key := range keys {
		secrets["key"] = append(secrets["key"], key, strings.Split(key, "_")[1])
	}
	if len(secrets["session"]) < 4 || len(secrets["link token"]) != 2 || files < 2 || pages < 40 || len(audit) < 2 || len(everywhere) < pages+3 {
		t.Fatalf("there is too little to look through: %d sessions, %d tokens, %d files, %d pages, %d of the audit, %d mails",
			len(secrets["session"]), len(secrets["link token"]), files, pages, len(audit), len(everywhere)-pages)
	}
	for kind, values := range secrets {
		places := append(kept, audit...)
		if kind != "link token" { // links are for mails, and for pages that copy them
			places = append(places, everywhere...)
		}
		for _, value := range values {
			for _, place := range places {
				if holdsSecret(place.body, value) {
					t.Errorf("%s holds a %s", place.what, kind)
				}
			}
		}
	}
}
