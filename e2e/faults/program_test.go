package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
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
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

// These tests break what the real program stands on: its process, its files, its
// disk and its mail server. They talk to it as a browser without scripts does,
// and look into its database beside it.

// patience is how long a step may take on a busy machine. Nothing waits for it
// to pass.
const patience = time.Minute

// long reports whether the full numbers are wanted.
func long() bool { return os.Getenv("TEST_LONG") == "1" }

// program is the binary under test, as it is shipped.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "portico-faults-")
	if err == nil {
		program = filepath.Join(dir, "portico")
		build := exec.Command("go", "build", "-o", program, "../..")
		build.Stderr = os.Stderr
		err = build.Run()
	}
	code := 1
	if err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, "build portico:", err)
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// counted says at the end of a test how often something was tried, and how often
// what is promised held.
type counted struct{ tried, held int }

func count(t *testing.T, name string) *counted {
	c := &counted{}
	t.Cleanup(func() { t.Attr("faults", fmt.Sprintf("%s|%d|%d", name, c.tried, c.held)) })
	return c
}

// try does one try, which holds if it fails nothing.
func (c *counted) try(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	c.tried++
	if t.Run(name, f) {
		c.held++
	}
}

// server is a running Portico.
type server struct {
	t       *testing.T
	data    string
	args    []string // besides --data and --listen
	url     string   // the address people use
	cmd     *exec.Cmd
	exited  chan error
	printed output
}

// output is what the program prints.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

var listening = regexp.MustCompile(`^Portico is listening on http://127\.0\.0\.1:(\d+)$`)

// serve starts the program on a data folder, "" for a new one.
func serve(t *testing.T, data string, args ...string) *server {
	t.Helper()
	if data == "" {
		data = filepath.Join(t.TempDir(), "data")
	}
	s := &server{t: t, data: data, args: args}
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			printed := s.printed.String()
			t.Logf("it printed\n%s", printed[max(0, len(printed)-5000):])
		}
	})
	s.start()
	return s
}

// start starts it, again at the same address, and waits until it listens.
func (s *server) start() {
	s.t.Helper()
	port := "0"
	if s.url != "" {
		port = s.url[strings.LastIndexByte(s.url, ':')+1:]
	}
	s.cmd = exec.Command(program, append([]string{"serve", "--data", s.data, "--listen", "127.0.0.1:" + port}, s.args...)...)
	s.cmd.Env, s.cmd.Stderr = environment(), &s.printed
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.exited = make(chan error, 1)
	ready := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if found := listening.FindStringSubmatch(lines.Text()); found != nil {
				ready <- found[1]
			}
		}
		s.exited <- s.cmd.Wait()
	}()
	select {
	case port := <-ready:
		s.url = "http://localhost:" + port
	case err := <-s.exited:
		s.cmd = nil
		s.t.Fatalf("it ended before it listened: %v\n%s", err, s.printed.String())
	case <-time.After(patience):
		s.t.Fatal("it does not say that it listens")
	}
}

// environment is that of the test without what would configure the program.
func environment() []string {
	var kept []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "PORTICO_") {
			kept = append(kept, pair)
		}
	}
	return kept
}

// kill ends it as a loss of power would, if it runs.
func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Kill()
	<-s.exited
	s.cmd = nil
}

// stop ends it in good order.
func (s *server) stop() {
	s.t.Helper()
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.exited:
		if err != nil {
			s.t.Errorf("it did not end in good order: %v", err)
		}
		s.cmd = nil
	case <-time.After(patience):
		s.t.Fatal("it does not end")
	}
}

// command runs another command of the program on a data folder.
func command(stdin, data string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience) // it may serve where it should refuse
	defer cancel()
	cmd := exec.CommandContext(ctx, program, append(args, "--data", data)...)
	cmd.Env, cmd.Stdin = environment(), strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

const (
	adminMail     = "ada@provider.example"
	adminPassword = "lanterns over the harbour"
)

// admin makes the portal admin and signs in.
func (s *server) admin() *visitor {
	s.t.Helper()
	if out, err := command(adminPassword+"\n", s.data, "admin", "create", "--email", adminMail, "--first-name", "Ada", "--last-name", "Lindqvist"); err != nil {
		s.t.Fatalf("admin create: %v\n%s", err, out)
	}
	v := s.visitor()
	v.must("/login", form("email", adminMail, "password", adminPassword))
	return v
}

// database opens the database beside the program, to look into it.
func database(t testing.TB, data string) *sql.DB {
	t.Helper()
	d, err := sql.Open("sqlite3", "file:"+filepath.Join(data, "portico.db")+"?mode=rw&_busy_timeout=10000&_foreign_keys=on")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// visitor is somebody's browser, without scripts.
type visitor struct {
	s    *server
	http *http.Client
}

func (s *server) visitor() *visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &visitor{s, &http.Client{Jar: jar, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

type answer struct {
	status int
	to     string // where it leads
	body   string
}

func form(pairs ...string) url.Values {
	f := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		f.Set(pairs[i], pairs[i+1])
	}
	return f
}

func (v *visitor) do(method, path string, fields url.Values) (answer, error) {
	r, err := http.NewRequest(method, v.s.url+path, strings.NewReader(fields.Encode()))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		r.Header.Set("Origin", v.s.url)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := v.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, strings.TrimPrefix(response.Header.Get("Location"), v.s.url), string(body)}, err
}

// get opens a page, and post sends a form, to a program that has to answer.
func (v *visitor) get(path string) answer {
	v.s.t.Helper()
	return v.answered("GET", path, nil)
}

func (v *visitor) post(path string, fields url.Values) answer {
	v.s.t.Helper()
	return v.answered("POST", path, fields)
}

func (v *visitor) answered(method, path string, fields url.Values) answer {
	v.s.t.Helper()
	a, err := v.do(method, path, fields)
	if err != nil {
		v.s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// must sends a form that is taken, and gives where that leads.
func (v *visitor) must(path string, fields url.Values) string {
	v.s.t.Helper()
	a := v.post(path, fields)
	if a.status != http.StatusSeeOther {
		v.s.t.Fatalf("POST %s: %d\n%s", path, a.status, a.body)
	}
	return a.to
}

// sound checks what has to hold of the file whatever happened.
func sound(t *testing.T, d *sql.DB) {
	t.Helper()
	var got string
	if err := d.QueryRow(`PRAGMA integrity_check`).Scan(&got); err != nil || got != "ok" {
		t.Errorf("the integrity check says %s, %v", got, err)
	}
	if broken := column(t, d, `SELECT "table" FROM pragma_foreign_key_check`); len(broken) > 0 {
		t.Errorf("foreign keys are broken in %v", broken)
	}
}

// column reads a query's one column.
func column(t *testing.T, d *sql.DB, query string) (all []string) {
	t.Helper()
	rows, err := d.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// contents is everything that is in the database.
func contents(t *testing.T, d *sql.DB) string {
	t.Helper()
	sum := sha256.New()
	for _, table := range column(t, d, `SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`) {
		rows, err := d.Query(`SELECT * FROM "` + table + `"`)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		cells, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range cells {
			into[i] = &cells[i]
		}
		for rows.Next() {
			if err := rows.Scan(into...); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(sum, "%s %q\n", table, cells)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}
