package upgrades

import (
	"bufio"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

var program string

func TestMain(m *testing.M) { os.Exit(built(m)) }

// built builds the program and runs the tests on it.
func built(m *testing.M) int {
	dir, err := os.MkdirTemp("", "portico-upgrades-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "portico")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// long reports whether the long forms of tests are wanted.
func long() bool { return os.Getenv("TEST_LONG") == "1" }

// patience is how long anything may take on a busy machine.
const patience = time.Minute

// command is a command of the program on a data folder.
func command(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, append(args, "--data", dir)...)
	cmd.Dir = filepath.Dir(program)
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "PORTICO_") {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	return cmd
}

// limited is a command that can write no file longer than that many blocks of 512
// octets, as on a full disk.
func limited(blocks int, dir string, args ...string) *exec.Cmd {
	cmd := command(dir, args...)
	cmd.Args = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -f %d && exec "$0" "$@"`, blocks), program}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	return cmd
}

// does runs a command that has to succeed and returns what it prints.
func does(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := command(dir, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("portico %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// refuses expects a command to end with 1 and one sentence that says this.
func refuses(t *testing.T, cmd *exec.Cmd, says string) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || strings.Count(string(out), "\n") != 1 || !strings.HasPrefix(string(out), "portico: ") || !strings.Contains(string(out), says) {
		t.Errorf("portico %s: %v, want one sentence that says %q:\n%s", strings.Join(cmd.Args[1:], " "), err, says, out)
	}
}

// running is a portal that runs on a data folder.
type running struct {
	t       *testing.T
	dir     string
	url     string
	cmd     *exec.Cmd
	printed strings.Builder // to be read after stop
	ended   chan error
}

var listening = regexp.MustCompile(`^Portico is listening on http://127\.0\.0\.1:(\d+)$`)

// serve runs the portal until stop, or the end of t. Its mail server is never there.
func serve(t *testing.T, dir string) *running {
	t.Helper()
	r := &running{t: t, dir: dir, ended: make(chan error, 1)}
	r.cmd = command(dir, "serve", "--listen", "127.0.0.1:0", "--smtp-url", "smtp://127.0.0.1:1")
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.cmd.Stderr = r.cmd.Stdout
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.stop)
	port := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			fmt.Fprintln(&r.printed, lines.Text())
			if found := listening.FindStringSubmatch(lines.Text()); found != nil {
				port <- found[1]
			}
		}
		r.ended <- r.cmd.Wait()
	}()
	select {
	case p := <-port:
		r.url = "http://localhost:" + p
	case err := <-r.ended:
		r.ended <- err
		t.Fatalf("it ended before it listened: %v\n%s", err, r.printed.String())
	case <-time.After(patience):
		t.Fatal("it does not say that it listens")
	}
	return r
}

// stop ends the portal in good order and returns what it has printed.
func (r *running) stop() {
	if r.cmd == nil {
		return
	}
	r.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-r.ended:
		if err != nil {
			r.t.Errorf("it did not end in good order: %v\n%s", err, r.printed.String())
		}
	case <-time.After(patience):
		r.t.Error("it does not end")
		r.cmd.Process.Kill()
	}
	r.cmd = nil
}

const (
	ada      = "ada@provider.example"
	password = "lanterns over the harbour"
)

// makeAdmin makes the portal admin Ada from the shell.
func makeAdmin(t *testing.T, dir string) {
	t.Helper()
	cmd := command(dir, "admin", "create", "--email", ada, "--first-name", "Ada", "--last-name", "Lindqvist")
	cmd.Stdin = strings.NewReader(password + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("admin create: %v\n%s", err, out)
	}
}

// visitor is a browser without a screen. It follows nothing by itself.
type visitor struct {
	t    *testing.T
	http *http.Client
}

func newVisitor(t *testing.T) *visitor {
	jar, _ := cookiejar.New(nil) // never fails
	return &visitor{t, &http.Client{Jar: jar, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// do sends a request and returns its status, where it leads to, and its body.
func (v *visitor) do(method, address string, fields url.Values) (status int, to, body string, err error) {
	request, err := http.NewRequest(method, address, strings.NewReader(fields.Encode()))
	if err != nil {
		return 0, "", "", err
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	response, err := v.http.Do(request)
	if err != nil {
		return 0, "", "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header.Get("Location"), string(text), err
}

// wants sends a request, expects this status, and returns where it leads to and the body.
func (v *visitor) wants(status int, method, address string, fields url.Values) (to, body string) {
	v.t.Helper()
	got, to, body, err := v.do(method, address, fields)
	if err != nil || got != status {
		v.t.Fatalf("%s %s is answered with %d, want %d (%v)\n%.2000s", method, address, got, status, err, body)
	}
	return to, body
}

// signIn is Ada in a new browser.
func (r *running) signIn() *visitor {
	r.t.Helper()
	v := newVisitor(r.t)
	v.wants(http.StatusSeeOther, http.MethodPost, r.url+"/login", form("email", ada, "password", password))
	return v
}

// form makes fields of names and values.
func form(pairs ...string) url.Values {
	fields := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		fields.Set(pairs[i], pairs[i+1])
	}
	return fields
}

// database opens the database of a data folder, or a backup.
func database(t *testing.T, path string) *sql.DB {
	t.Helper()
	d, err := sql.Open("sqlite3", "file:"+path+"?mode=rw&_busy_timeout=10000")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// text is the one value that a query gives.
func text(t *testing.T, d *sql.DB, query string, args ...any) string {
	t.Helper()
	var s string
	if err := d.QueryRow(query, args...).Scan(&s); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return s
}

// texts are the values of a query's first column.
func texts(t *testing.T, d *sql.DB, query string, args ...any) map[string]bool {
	t.Helper()
	rows, err := d.Query(query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	all := map[string]bool{}
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		all[s] = true
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// broken are the queries that find nothing in a database that is sound.
var broken = map[string]string{
	"rows that refer to missing ones":                `SELECT count(*) FROM pragma_foreign_key_check`,
	"organizations without one default team":         `SELECT count(*) FROM organizations o WHERE o.state IN ('active', 'suspended') AND (SELECT count(*) FROM teams t WHERE t.org_id = o.id AND t.is_default = 1) <> 1`,
	"organizations with members and no Super admin":  `SELECT count(*) FROM organizations o WHERE o.state = 'active' AND EXISTS (SELECT 1 FROM memberships m WHERE m.org_id = o.id) AND NOT EXISTS (SELECT 1 FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = o.id AND m.role = 'super_admin' AND u.state = 'active')`,
	"members in no team":                             `SELECT count(*) FROM memberships m WHERE NOT EXISTS (SELECT 1 FROM team_members x WHERE x.org_id = m.org_id AND x.user_id = m.user_id)`,
	"credentials of no application":                  `SELECT count(*) FROM credentials c WHERE NOT EXISTS (SELECT 1 FROM applications a WHERE a.id = c.app_id AND a.org_id IS c.org_id)`,
	"things that cannot be searched":                 `SELECT count(*) FROM search_stale`,
	"organizations without an entry of their making": `SELECT count(*) FROM organizations o WHERE o.state = 'active' AND NOT EXISTS (SELECT 1 FROM audit a WHERE a.org_id = o.id)`,
}

// sound checks what has to hold of a database whatever happened to it.
func sound(t *testing.T, d *sql.DB) (ok bool) {
	t.Helper()
	ok = true
	if got := text(t, d, `PRAGMA integrity_check`); got != "ok" {
		t.Errorf("the integrity check says %s", got)
		ok = false
	}
	for what, query := range broken {
		if n := text(t, d, query); n != "0" {
			t.Errorf("there are %s %s", n, what)
			ok = false
		}
	}
	return ok
}

// openNew makes a database of another program's.
func openNew(path string) (*sql.DB, error) {
	d, err := sql.Open("sqlite3", "file:"+path)
	if err != nil {
		return nil, err
	}
	_, err = d.Exec(`CREATE TABLE settings (key TEXT)`)
	return d, err
}

// contents tells what is in a folder: each file's name and a sum of what it holds.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range files {
		if f.Name() == "portico.lock" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[f.Name()] = fmt.Sprintf("%x", sha256.Sum256(b))
	}
	return all
}

// names are those of the files in a folder, with a space behind each.
func names(t *testing.T, dir string) string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range files {
		all.WriteString(f.Name() + " ")
	}
	return all.String()
}
