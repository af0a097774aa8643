package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A gateway is a program that asks Portico before it lets a request through to
// the API, configured as README.md says.
type gateway struct {
	name    string // of the program, its Debian package, and its block in README.md
	block   string
	down    int                                                     // what it answers while Portico is down
	prepare func(t *testing.T, dir, listen, readme string) []string // writes the configuration; the arguments
}

var gateways = []gateway{
	{"nginx", "nginx", http.StatusInternalServerError, func(t *testing.T, dir, listen, readme string) []string {
		return []string{"-p", dir, "-e", "stderr", "-c", write(t, dir, "nginx.conf", fmt.Sprintf(`
daemon off;
master_process off;
pid %s/nginx.pid;
error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path %[1]s;
    proxy_temp_path %[1]s;
    fastcgi_temp_path %[1]s;
    uwsgi_temp_path %[1]s;
    scgi_temp_path %[1]s;
    server {
        listen %[2]s;
        %[3]s
    }
}`, dir, listen, readme))}
	}},
	{"caddy", "caddyfile", http.StatusBadGateway, func(t *testing.T, dir, listen, readme string) []string {
		return []string{"run", "--adapter", "caddyfile", "--config", write(t, dir, "Caddyfile", fmt.Sprintf(`
{
    admin off
    auto_https off
}
http://%s {
    %s
}`, listen, readme))}
	}},
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// openFolder is a folder that other users can be let into, which t.TempDir is not.
func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "portico-gateway-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// unprivileged makes nobody of root, who a gateway on high ports need not be.
func unprivileged(t *testing.T, cmd *exec.Cmd, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	const nobody = 65534
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
}

// found finds the program, or installs Debian's.
func (g gateway) found(t *testing.T) string {
	t.Helper()
	for range 2 {
		for _, path := range []string{g.name, "/usr/sbin/" + g.name} {
			if found, err := exec.LookPath(path); err == nil {
				return found
			}
		}
		if err := aptGet(g.name); err != nil {
			t.Fatalf("%s is needed to show that it works in front of an API: %v", g.name, err)
		}
	}
	t.Fatalf("%s is installed and cannot be found", g.name)
	return ""
}

// readmeBlock is the configuration that README.md gives for a gateway, with the
// addresses of Portico and of the API in it replaced.
func readmeBlock(t *testing.T, language, portico, api string) string {
	t.Helper()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindSubmatch(readme)
	if m == nil {
		t.Fatalf("README.md has no block of %s", language)
	}
	return strings.NewReplacer("127.0.0.1:8080", portico, "127.0.0.1:9000", api).Replace(string(m[1]))
}

func TestKeysOpenDoorsBehindGateways(t *testing.T) {
	for _, g := range gateways {
		t.Run(g.name, func(t *testing.T) {
			journey(t)
			behind(t, g)
		})
	}
}

func behind(t *testing.T, g gateway) {
	program := g.found(t)
	s := newScene(t, "--trusted-proxies", "127.0.0.1")
	org := s.added("Röntgen & Söhne", rita)
	p := s.visitor(t, rita)
	p.signIn()
	app, key := p.getsKey(org, "Scanner")

	// The API logs by whom it was called.
	var logged output
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, err := url.PathUnescape(r.Header.Get("X-Portico-Organization-Name"))
		if err != nil {
			t.Error(err)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		fmt.Fprintf(&logged, "%s %s of %s for %q %q application %q\n", r.Method, r.URL, body, name, r.Header["X-Portico-Organization"], r.Header["X-Portico-Application"])
		if told := r.Header["X-Portico-Credential"]; len(told) != 1 {
			t.Errorf("the API is told the credentials %q", told)
		}
		for name, values := range r.Header {
			if slices.Contains(values, madeUp) {
				t.Errorf("the API is told what the caller made up in %s", name)
			}
		}
		if r.Header.Get("Authorization")+r.Header.Get("X-Api-Key") != "" {
			t.Error("the API gets the key")
		}
	}))
	t.Cleanup(api.Close)

	listen := freeAddress(t)
	dir := openFolder(t)
	portico := strings.Replace(strings.TrimPrefix(s.url, "http://"), "localhost", "127.0.0.1", 1)
	args := g.prepare(t, dir, listen, readmeBlock(t, g.block, portico, strings.TrimPrefix(api.URL, "http://")))
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir, "HOME="+dir)
	var out output
	cmd.Stdout, cmd.Stderr = &out, &out
	unprivileged(t, cmd, dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s printed:\n%s", g.name, out.String())
		}
	})
	accepts(t, listen)

	call := func(key string, want int) {
		t.Helper()
		r, err := http.NewRequest(http.MethodPost, "http://"+listen+"/scans?by=us", strings.NewReader("two hands"))
		if err != nil {
			t.Fatal(err)
		}
		// In both spellings, which are one to many programs behind a gateway, and twice.
		for _, name := range []string{"X-Portico-Organization", "X-Portico-Organization-Name", "X-Portico-Application", "X-Portico-Credential"} {
			r.Header[name] = []string{madeUp, madeUp}
			r.Header[strings.ReplaceAll(strings.ToLower(name), "-", "_")] = []string{madeUp}
		}
		if key != "" {
			r.Header.Set("Authorization", "Bearer "+key)
		}
		resp, err := caller.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("the gateway answers %d, want %d", resp.StatusCode, want)
		}
	}
	calls := func() []string { return strings.Split(strings.TrimSpace(logged.String()), "\n") }
	call("", http.StatusUnauthorized)
	call(strings.Replace(key, "portico_", "portico_x", 1), http.StatusUnauthorized)
	call(key, http.StatusOK)
	if want := fmt.Sprintf(`POST /scans?by=us of two hands for "Röntgen & Söhne" [%q] application [%q]`, orgID(org), lastPart(app)); len(calls()) != 1 || calls()[0] != want {
		t.Fatalf("the API logged %q, want %q alone", calls(), want)
	}

	// Rotated with a time of grace both work, until the old one is cut.
	p.open(app)
	p.sees("from " + callerAddress)
	p.rowWith("Rotate").ask("Rotate").press("Rotate")
	p.toast("Rotated")
	fresh := p.rowWith("Rotate").reveals()
	if fresh == key {
		t.Fatal("the rotated key is the old one")
	}
	call(key, http.StatusOK)
	call(fresh, http.StatusOK)
	p.rowWith("Cut now").press("Cut now")
	p.toast("Cut")
	call(key, http.StatusUnauthorized)
	call(fresh, http.StatusOK)

	p.open(app)
	p.rowWith("Rotate").ask("Revoke").press("Revoke")
	p.toast("Revoked")
	call(fresh, http.StatusUnauthorized)
	if n := len(calls()); n != 4 {
		t.Errorf("the API was called %d times, want 4", n)
	}

	// A key of a person's own has no organization, whatever its caller says.
	own, key := p.getsKey("/me", "Hobby")
	call(key, http.StatusOK)
	if want := fmt.Sprintf(`for "" [] application [%q]`, lastPart(own)); !strings.HasSuffix(calls()[4], want) {
		t.Errorf("the API logged %q, want it %s", calls()[4], want)
	}

	// Nobody gets through while Portico is down.
	s.stop()
	call(key, g.down)
	if n := len(calls()); n != 5 {
		t.Errorf("the API was called %d times, want 5", n)
	}
}

// getsKey makes an application, in an organization or of one's own, with a
// credential whose value is then revealed.
func (p *person) getsKey(base, name string) (app, key string) {
	p.t.Helper()
	p.open(base + "/applications")
	d := p.ask("New application")
	d.fill("Name", name)
	d.press("Create")
	p.at(base + "/applications/{id}")
	app = p.path()
	p.ask("New credential").press("Create")
	p.toast("Created a credential")
	p.showsNoKey()
	return app, p.reveals()
}

// madeUp is what a caller says about itself, which is not for it to say.
const madeUp = "Somebody%20Else"

// callerAddress is where calls come from: not from where the gateway's do.
const callerAddress = "127.0.0.2"

var caller = &http.Client{Timeout: patience, Transport: &http.Transport{
	DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(callerAddress)}}).DialContext,
}}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// accepts waits until somebody answers at an address. A program that somebody
// else has written says in no other way that it is ready.
func accepts(t *testing.T, address string) {
	t.Helper()
	for began := time.Now(); time.Since(began) < patience; {
		if c, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			c.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("nobody answers at %s", address)
}
