package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// What the program prints when it is ready: the address, and on the first start
// the one-time address of the set-up page.
var (
	listeningLine = regexp.MustCompile(`^Portico is listening on (http://\S+)$`)
	setupAddress  = regexp.MustCompile(`https?://\S+/setup/[^\s"]+`)
)

// serverOptions says how the program is started. The zero value is a server
// without mail on a new data folder, with nobody in it.
type serverOptions struct {
	mail *postOffice // where it sends its mail; nil: nowhere
	data string      // an existing data folder
	demo bool        // the demo instead of the real thing
	args []string
	env  []string
	url  string // the address people use, where that is a proxy's

	proxy func(address string) // is told where the program listens
}

// server is a running Portico.
type server struct {
	t    *testing.T
	opts serverOptions
	data string // the data folder
	url  string // the address people use, and the base of links in mails

	transport http.RoundTripper // of plain clients; nil: the usual one

	// Pages that are open while it is down ask in vain.
	down  atomic.Bool
	downs atomic.Int32

	canaries // the secrets of the journey

	cmd    *exec.Cmd
	exited chan error
	output output
}

// startServer starts the program and waits until it listens. It is stopped at
// the end of t, and has to stop in good order.
func startServer(t *testing.T, opts serverOptions) *server {
	t.Helper()
	s := &server{t: t, opts: opts, data: opts.data}
	if s.data == "" {
		s.data = filepath.Join(t.TempDir(), "data")
	}
	t.Cleanup(func() {
		s.searched()
		s.stop()
		if t.Failed() {
			t.Logf("what %s printed:\n%s", t.Name(), s.output.String())
		}
	})
	s.start("127.0.0.1:0")
	return s
}

func (s *server) start(listen string) {
	s.t.Helper()
	binary, err := program()
	if err != nil {
		s.t.Fatal(err)
	}
	args := []string{"serve"}
	if s.opts.demo {
		args = []string{"demo"}
	} else {
		args = append(args, "--data", s.data)
	}
	args = append(args, "--listen", listen)
	if s.opts.url != "" {
		args = append(args, "--base-url", s.opts.url)
	}
	env := environment()
	if mail := s.opts.mail; mail != nil {
		args = append(args, "--smtp-url", mail.url(), "--mail-from", sender)
		if mail.certificate != "" {
			env = append(env, "SSL_CERT_FILE="+mail.certificate)
		}
	}
	s.cmd = exec.Command(binary, append(args, s.opts.args...)...)
	s.cmd.Env = append(env, s.opts.env...)
	s.cmd.Dir = s.t.TempDir()
	s.exited = make(chan error, 1)
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd.Stderr = &s.output
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	listening := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			fmt.Fprintln(&s.output, lines.Text())
			if found := listeningLine.FindStringSubmatch(lines.Text()); found != nil {
				listening <- found[1]
			}
		}
		io.Copy(&s.output, stdout)
		s.exited <- s.cmd.Wait()
	}()
	select {
	case address := <-listening:
		s.down.Store(false)
		// A restart is at the same address, which people's browsers read all the time.
		if s.opts.proxy != nil {
			s.url = s.opts.url
			s.opts.proxy(address)
		} else if url := people(s.t, address); s.url == "" {
			s.url = url
		} else if s.url != url {
			s.t.Fatalf("it listens at %s now, and did at %s", url, s.url)
		}
	case err := <-s.exited:
		s.exited <- err
		s.t.Fatalf("the program ended before it listened: %v", err)
	case <-time.After(patience):
		s.t.Fatal("the program does not say that it listens")
	}
}

// people turns the bound address into the one people use: the default base URL
// says localhost.
func people(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return "http://localhost:" + u.Port()
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

// stop ends the program as a service manager would, and expects it to end well.
func (s *server) stop() {
	s.t.Helper()
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	s.downs.Add(1)
	s.down.Store(true)
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.exited:
		if err != nil {
			s.t.Errorf("the program did not end in good order: %v", err)
		}
	case <-time.After(10 * time.Second):
		s.t.Error("the program does not end within 10 seconds")
		s.cmd.Process.Kill()
		<-s.exited
	}
	s.cmd = nil
}

// restart stops the program and starts it on the same data and address, perhaps
// with another mail server.
func (s *server) restart(change func(*serverOptions)) {
	s.t.Helper()
	u, err := url.Parse(s.url)
	if err != nil {
		s.t.Fatal(err)
	}
	s.stop()
	change(&s.opts)
	s.start("127.0.0.1:" + u.Port())
}

// setupURL waits for the one-time address that a first start prints.
func (s *server) setupURL() string {
	s.t.Helper()
	line, err := s.output.wait(setupAddress)
	if err != nil {
		s.t.Fatalf("the address of the set-up page: %v", err)
	}
	return line
}

// command runs another command of the program on the data folder.
func (s *server) command(stdin string, args ...string) (string, error) {
	s.t.Helper()
	binary, err := program()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(binary, append(args, "--data", s.data)...)
	cmd.Env = environment()
	cmd.Dir = s.t.TempDir()
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// createAdmin makes a portal admin from the shell.
func (s *server) createAdmin(who somebody) {
	s.t.Helper()
	s.keeps(aPassword, who.password)
	out, err := s.command(who.password+"\n", "admin", "create",
		"--email", who.email, "--first-name", who.first, "--last-name", who.last)
	if err != nil {
		s.t.Fatalf("admin create: %v\n%s", err, out)
	}
}

// output collects what the program prints; it can be waited on.
type output struct {
	mu      sync.Mutex
	printed bytes.Buffer
	changed chan struct{}
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.changed != nil {
		close(o.changed)
		o.changed = nil
	}
	return o.printed.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.printed.String()
}

func (o *output) wait(pattern *regexp.Regexp) (string, error) {
	deadline := time.After(patience)
	for {
		o.mu.Lock()
		if found := pattern.FindString(o.printed.String()); found != "" {
			o.mu.Unlock()
			return found, nil
		}
		if o.changed == nil {
			o.changed = make(chan struct{})
		}
		changed := o.changed
		o.mu.Unlock()
		select {
		case <-changed:
		case <-deadline:
			return "", errors.New("it was not printed")
		}
	}
}
