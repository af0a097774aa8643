package handlers

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"portico/db"
)

// These tests show abuse cases of docs/abuse-cases.md that nothing else shows.
// They go through the table of routes, so that a new route is tried with the rest.

// long reports whether the long forms of tests are wanted.
func long() bool { return os.Getenv("TEST_LONG") == "1" }

func TestAFreshPortalLetsNobodyIn_OPS_02(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	for _, c := range [][2]string{{"admin", "admin"}, {"admin@example.org", "admin"}, {"admin@localhost", "password"}, {"", ""}, {"root", ""}, {"portico@localhost", "portico"}, {"ada@provider.example", "correct horse battery"}} {
		w.browser("").post("/login", p("email", c[0], "password", c[1])).is(t, 422)
	}
	for _, token := range []string{"", "setup", "1", strings.Repeat("A", 91)} {
		w.browser("").get("/setup/"+token).is(t, 404)
		w.browser("").post("/setup/"+token, newcomer).is(t, 404)
	}
	w.browser("").get("/admin").to(t, "/login?next=%2Fadmin")
	if n := w.number(`SELECT count(*) FROM users`); n != 0 {
		t.Errorf("there are %d people", n)
	}
}

func TestNothingIsThereForDebugging_OPS_03(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/metrics", "/debug/pprof", "/debug/pprof/", "/debug/vars", "/monitor", "/test", "/__reload", "/_templ/reload/events", "/api", "/swagger", "/.env", "/.git/config", "/portico.db", "/data/portico.db", "/instance.key", "/server-status", "/demo/personas/x", "/demo/mailbox"} {
		for _, who := range []string{"", "ann", "ada"} {
			w.browser(who).get(path).is(t, 404)
			w.browser(who).post(path, nil).is(t, 404)
		}
	}
}

func TestSlowAndIdleConnectionsHoldNobodyUp_DOS_02_DOS_07(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- w.app.Listener(listener) }()
	defer func() {
		if err := w.app.ShutdownWithTimeout(5 * time.Second); err != nil {
			t.Errorf("it does not stop: %v", err)
		}
		<-served
	}()
	address := listener.Addr().String()
	each := 100
	if long() {
		each = 1000
	}
	var held atomic.Int64
	defer func() { t.Attr("faults", fmt.Sprintf("%s|%d|%d", "slow and idle connections", 3*each, held.Load())) }()
	var slow, idle []net.Conn
	dial := func(say string) net.Conn {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if _, err := io.WriteString(c, say); err != nil {
			t.Fatal(err)
		}
		return c
	}
	began := time.Now()
	for range each {
		slow = append(slow, dial("GET /login HTTP/1.1\r\nHost: portal.example.org\r\nX-Slow: a"),
			dial("POST /login HTTP/1.1\r\nHost: portal.example.org\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nemail=a"))
		idle = append(idle, dial(""))
	}
	browser := &http.Client{Timeout: 5 * time.Second}
	look := func() {
		t.Helper()
		r := httptest.NewRequest("GET", "http://"+address+"/login", nil)
		r.RequestURI, r.Host = "", "portal.example.org"
		resp, err := browser.Do(r)
		if err != nil {
			t.Errorf("meanwhile: %v", err)
			return
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
			t.Errorf("meanwhile: %d, %v", resp.StatusCode, err)
		}
	}
	for range 20 {
		look()
	}
	// One octet now and then does not keep a connection: the whole request has a time.
	var wg sync.WaitGroup
	for _, c := range slow {
		wg.Go(func() {
			for time.Since(began) < readTimeout {
				if _, err := io.WriteString(c, "a"); err != nil {
					held.Add(1) // it was closed
					return
				}
				time.Sleep(readTimeout / 10)
			}
			c.SetReadDeadline(time.Now().Add(3 * readTimeout))
			if _, err := io.ReadAll(c); err != nil && strings.Contains(err.Error(), "timeout") {
				t.Errorf("a slow connection is still open after %v", time.Since(began))
			} else {
				held.Add(1)
			}
		})
	}
	wg.Wait()
	look()
	for _, c := range idle {
		if c.Close(); !t.Failed() { // pages were answered beside it
			held.Add(1)
		}
	}
}

func TestWhatCannotBeWrittenIsSaidAndReadingGoesOn_DB_03(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.browser("ann").get("/profile").is(t, 200) // the session is noted as seen
	before := w.fingerprint()
	w.exec(`BEGIN IMMEDIATE`) // nobody else writes until the end of this
	answered := make(chan answer, 1)
	go func() {
		answered <- w.browser("ann").post("/profile", p("first_name", "Anna", "last_name", "Test"))
	}()
	w.browser("ann").get("/o/"+w.ids["Acme"]+"/users").is(t, 200)
	a := <-answered
	a.is(t, 503).says(t, "Nothing can be saved right now", "Reading still works")
	w.exec(`ROLLBACK`)
	if changed := w.changes(before); changed != nil {
		t.Errorf("the tables %v have changed", changed)
	}
	w.browser("ann").post("/profile", p("first_name", "Anna", "last_name", "Test")).to(t, "/profile")
}

func TestTwoHundredSignInsAtOnceLeaveRoomForPages_DOS_03(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.TrustedProxies = []string{"0.0.0.0"} })
	w.store.Close()
	var err error
	w.store, err = db.Open(t.Context(), w.dir, db.Options{}) // passwords cost what they cost
	w.must(err)
	w.store.Now = w.clock.read
	w.serve(func(c *Config) { c.TrustedProxies = []string{"0.0.0.0"} })

	const many = 200
	held := 0
	defer func() { t.Attr("faults", fmt.Sprintf("%s|%d|%d", "sign-ins at once", many, held)) }()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, most := m.HeapAlloc, uint64(0)

	statuses := make(chan int, many)
	began := time.Now()
	for i := range many {
		go func() {
			statuses <- w.browser("").post("/login", p("email", fmt.Sprintf("nobody%d@example.org", i), "password", "wrong"), with("X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i))).status
		}()
	}
	var pages []time.Duration
	for n := 0; n < many; {
		select {
		case status := <-statuses:
			if n++; status == http.StatusUnprocessableEntity || status == http.StatusTooManyRequests {
				held++
			} else {
				t.Errorf("a sign-in is answered with %d", status)
			}
		default:
			at := time.Now()
			w.browser("abe").get("/o/"+w.ids["Acme"]+"/applications").is(t, 200)
			pages = append(pages, time.Since(at))
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
	}
	took := time.Since(began)
	if len(pages) == 0 {
		t.Fatal("no page was answered meanwhile")
	}
	slices.Sort(pages)
	if page := pages[len(pages)/2]; page > took/10 {
		t.Errorf("a page takes %v while %d sign-ins take %v", page, many, took)
	}
	// A place costs 19 MiB; what was used before waits to be collected.
	if places := uint64(runtime.NumCPU()); most > before+(places+2)*3*19<<20 {
		t.Errorf("%d MiB are used, and %d places to hash in", (most-before)>>20, places)
	}
	t.Logf("%d sign-ins in %v, %d pages meanwhile, one in %v, %d MiB", many, took, len(pages), pages[len(pages)/2], (int64(most)-int64(before))>>20)
}
