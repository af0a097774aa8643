package handlers

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"portico/portal"
)

// insider is somebody who may use a route, if only it is asked properly.
func insider(route string) string {
	for _, who := range []string{"ann", "ada", "rita", "rex"} {
		if cell := table[route].cells(route)[who]; cell == "done" || cell == "200" {
			return who
		}
	}
	return ""
}

func TestNothingIsDoneThatNoPageOfOursHasSent_CSRF_01_CSRF_02_CSRF_03_CSRF_06_CSRF_07_SESS_13_SESS_14_ROLE_03(t *testing.T) {
	t.Parallel()
	w := newWorld(t, inDemo(t))
	const evil = "http://evil.example"
	forged := map[string]change{
		"neither header":                without("Origin", "Sec-Fetch-Site"),
		"neither header, by htmx":       func(r *http.Request) { without("Origin", "Sec-Fetch-Site")(r); hx("page")(r) },
		"from another site":             with("Sec-Fetch-Site", "cross-site"),
		"from a sibling":                with("Sec-Fetch-Site", "same-site"),
		"from no page":                  with("Sec-Fetch-Site", "none"),
		"from nonsense":                 with("Sec-Fetch-Site", "SAME-ORIGIN, same-origin"),
		"first another site, then ours": with("Sec-Fetch-Site", "cross-site", "same-origin"),
		"another origin":                func(r *http.Request) { without("Sec-Fetch-Site")(r); r.Header.Set("Origin", evil) },
		"an origin that begins like us": func(r *http.Request) {
			without("Sec-Fetch-Site")(r)
			r.Header.Set("Origin", "http://portal.example.org.evil.example")
		},
		"another scheme": func(r *http.Request) {
			without("Sec-Fetch-Site")(r)
			r.Header.Set("Origin", "https://portal.example.org")
		},
		"another port": func(r *http.Request) {
			without("Sec-Fetch-Site")(r)
			r.Header.Set("Origin", "http://portal.example.org:8080")
		},
		"a sandboxed frame": func(r *http.Request) { without("Sec-Fetch-Site")(r); r.Header.Set("Origin", "null") },
		"only a referrer": func(r *http.Request) {
			without("Sec-Fetch-Site", "Origin")(r)
			r.Header.Set("Referer", "http://portal.example.org/")
		},
		"another origin, which says so": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site"); r.Header.Set("Origin", evil) },
		"an empty origin":               func(r *http.Request) { without("Sec-Fetch-Site")(r); r.Header["Origin"] = []string{""} },
		"another site, a method written": func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("X-HTTP-Method-Override", "GET")
		},
	}
	noForm := map[string]string{
		"application/json": `{"name":"x"}`, "application/xml": `<f><name>x</name></f>`, "text/plain": "name=x", "": "name=x", "form": "name=x",
		"multipart/form-data; boundary=b":                 "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nx\r\n--b--\r\n",
		"application/x-www-form-urlencoded-not":           "name=x",
		"application/octet-stream":                        "name=x",
		"text/plain; a=application/x-www-form-urlencoded": "name=x",
	}
	before := w.fingerprint()
	for _, route := range w.routesOf() {
		path, unsafe := strings.CutPrefix(route, "POST ")
		if !unsafe {
			continue
		}
		b := w.browser(insider(route))
		path = w.own(path)
		form := encode(table[route].form)
		for name, c := range forged {
			if a := b.do("POST", path, form, c); a.status != http.StatusForbidden {
				t.Errorf("%s, %s: %d, want 403", route, name, a.status)
			}
		}
		for kind, body := range noForm {
			if takesFile(path) && strings.HasPrefix(kind, "multipart/") {
				continue
			}
			if a := b.do("POST", path, body, with("Content-Type", kind)); a.status != http.StatusUnsupportedMediaType {
				t.Errorf("%s as %q: %d, want 415", route, kind, a.status)
			}
		}
		for _, body := range []string{"x=1&x=1", form + "&name=a&name=b", "role=team_member&role=super_admin", "a=%zz", "a;b=1", strings.Repeat("a&", 250)} {
			if a := b.do("POST", path, body); a.status != http.StatusBadRequest {
				t.Errorf("%s with %.40s: %d, want 400", route, body, a.status)
			}
		}
	}
	if changed := w.changes(before); changed != nil {
		t.Errorf("the tables %v have changed", changed)
	}
	// An older browser sends no Sec-Fetch-Site; a form may name its letters.
	w.browser("ann").post("/profile", p("first_name", "Anna", "last_name", "Test"), without("Sec-Fetch-Site")).to(t, "/profile")
	w.browser("ann").post("/profile", p("first_name", "Anna", "last_name", "Test"), with("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")).to(t, "/profile")
	w.browser("ann").do("POST", "/logout", "", without("Content-Type")).to(t, "/")
}

func TestOnlyThePortalsOwnNameIsAnswered_RST_01(t *testing.T) {
	t.Parallel()
	w := newWorld(t, inDemo(t), func(c *Config) { c.Aliases = []string{"127.0.0.1:8080"} })
	before := w.fingerprint()
	machines := map[string]bool{"GET /healthz": true, "GET /readyz": true, "GET /verify": true}
	for _, host := range []string{"evil.example", "portal.example.org.evil.example", "sub.portal.example.org", "portal.example.org:8080", "portal.example.org.", "127.0.0.1"} {
		for _, route := range w.routesOf() {
			method, path, _ := strings.Cut(route, " ")
			a := w.browser(insider(route)).do(method, w.own(path), encode(table[route].form), func(r *http.Request) {
				r.Host = host
				if host != "" && method == "POST" {
					r.Header.Set("Origin", "http://"+host)
				}
				r.Header.Set("X-Forwarded-Host", "portal.example.org")
			})
			if (a.status == http.StatusMisdirectedRequest) == machines[route] {
				t.Errorf("%s at %q: %d", route, host, a.status)
			}
			if !machines[route] && (a.leads() != "" || len(a.header.Values("Set-Cookie")) > 0) {
				t.Errorf("%s at %q leads to %q", route, host, a.leads())
			}
		}
	}
	if changed := w.changes(before); changed != nil {
		t.Errorf("the tables %v have changed", changed)
	}
	alias := func(r *http.Request) { r.Host = "127.0.0.1:8080"; r.Header.Set("Origin", "http://127.0.0.1:8080") }
	w.browser("").get("/login", alias).is(t, 200)
	w.browser("").post("/login", p("email", "ann@example.org", "password", password), alias, without("Sec-Fetch-Site")).to(t, "/")
}

// raw speaks to the application over the network, where a server's own refusals
// can be seen.
func (w *world) raw(t *testing.T, request string) answer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- w.app.Listener(listener) }()
	defer func() {
		if err := w.app.Shutdown(); err != nil {
			t.Error(err)
		}
		<-done
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go io.WriteString(conn, request)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

func TestAssetsMayBeKeptForEverAndComeCompressed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser("ann")
	page := b.get("/profile").is(t, 200).page(t)
	refs := map[string]string{}
	for _, selector := range []string{"link[href]", "script[src]"} {
		for _, n := range page.Find(selector).Nodes {
			for _, attr := range n.Attr {
				if attr.Key == "href" || attr.Key == "src" {
					refs[attr.Val] = selector
				}
			}
		}
	}
	if len(refs) < 6 {
		t.Fatalf("only %d assets are named: %v", len(refs), refs)
	}
	for path := range refs {
		a := b.get(path, with("Accept-Encoding", "identity")).is(t, 200)
		if no := b.get(path, with("Accept-Encoding", "br, gzip;q=0")); no.header.Get("Content-Encoding") != "" {
			t.Errorf("%s comes as gzip to who refuses that", path)
		}
		if a.header.Get("Content-Encoding") != "" || len(a.header.Values("Set-Cookie")) > 0 {
			t.Errorf("%s: %v", path, a.header)
		}
		z := b.get(path, with("Accept-Encoding", "gzip")).is(t, 200)
		if !strings.HasSuffix(path, ".woff2") && (z.header.Get("Content-Encoding") != "gzip" || len(z.body) >= len(a.body) || z.header.Get("Vary") != "Accept-Encoding") {
			t.Errorf("%s is not compressed: %v", path, z.header)
		}
	}
}

func TestCookiesOfAnHTTPSPortalAreBoundToItsHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at443)
	b := w.browser("")
	a := b.post("/login", p("email", "ann@example.org", "password", password)).to(t, "/")
	set := a.header.Values("Set-Cookie")
	if len(set) != 2 || !strings.HasPrefix(set[0], "__Host-portico-device=") || !strings.Contains(set[0], "; Secure") ||
		!strings.HasPrefix(set[1], "__Host-portico=") || !strings.Contains(set[1], "; Secure") || strings.Contains(set[1], "Max-Age") {
		t.Errorf("the cookies are %q", set)
	}
	b.get("/profile").is(t, 200)
	b.post("/profile", p("first_name", "Anna", "last_name", "Test")).to(t, "/profile")
	if b.follow(b.post("/profile", p("first_name", "Ann", "last_name", "Test"))).text(t, ".toast") != "Saved." {
		t.Error("the notice does not come through")
	}
	if b.jar[noticeCookie] != "" {
		t.Error("the notice stays")
	}
	plain := w.browser("")
	plain.jar["portico"] = cookieOf("ann") // as an insecure page of the same name could set it
	plain.get("/profile").is(t, 303)
	b.post("/logout", nil).to(t, "/")
	b.get("/profile").is(t, 303)
}

// lines is a log that can be read while it is written.
type lines struct {
	sync.Mutex
	bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) { l.Lock(); defer l.Unlock(); return l.Buffer.Write(b) }

func (l *lines) text() string { l.Lock(); defer l.Unlock(); return l.Buffer.String() }

func logTo(l *lines) func(*Config) {
	return func(c *Config) { c.Log = slog.New(slog.NewTextHandler(l, nil)) }
}

func TestAFaultOfOursIsLoggedOnceAndNotShown_OPS_07(t *testing.T) {
	t.Parallel()
	var log lines
	w := newWorld(t, logTo(&log), func(c *Config) {
		c.WorkerAlive = func() bool { panic("the worker's secret") }
		c.TryMail = func(context.Context, portal.SMTPConfig, portal.Mail) error { return fmt.Errorf("the socket's secret") }
	})
	b := w.browser("ada")
	b.faulty = true
	for what, ask := range map[string]func() answer{
		"the worker's secret": func() answer { return b.get("/readyz") },
		"the socket's secret": func() answer { return b.post("/admin/settings/email/test", nil) },
		"closed": func() answer {
			w.store.Close()
			b.get("/admin", hx("")).is(t, 500)
			b.get("/verify", with("X-API-Key", portal.NewKey())).is(t, 500)
			return b.get("/admin/users")
		},
	} {
		if what == "closed" {
			defer func() {
				a := ask().is(t, 500)
				faultShown(t, what, a, log.text())
			}()
			continue
		}
		faultShown(t, what, ask().is(t, 500), log.text())
	}
}

func faultShown(t *testing.T, what string, a answer, log string) {
	t.Helper()
	a.says(t, "Something went wrong on our side")
	if strings.Contains(a.body, what) || strings.Contains(a.body, ".go") {
		t.Errorf("the page shows the fault: %s", a.body)
	}
	id := a.text(t, "code")
	if id == "" || strings.Count(log, "request="+id) != 1 || strings.Count(log, " id="+id) != 1 {
		t.Errorf("the request %q is logged %d and %d times", id, strings.Count(log, "request="+id), strings.Count(log, " id="+id))
	}
	if !strings.Contains(log, what) {
		t.Errorf("the log does not say %q", what)
	}
}

func TestThePortalIsReadyWhileItsWorkerRuns(t *testing.T) {
	t.Parallel()
	alive := true
	w := newWorld(t, func(c *Config) { c.WorkerAlive = func() bool { return alive } })
	b := w.browser("")
	b.get("/readyz").is(t, 200)
	alive = false
	b.get("/readyz").is(t, 503)
	b.get("/healthz").is(t, 200)
	w.store.Close()
	alive = true
	b.get("/readyz").is(t, 503)
}

func TestTheLogHoldsNoSecretAndNoToken_INV_19(t *testing.T) {
	t.Parallel()
	var log lines
	w := newWorld(t, logTo(&log), inDemo(t))
	key := w.reveal("ann", "Alpha")
	b := w.browser("")
	b.get("/verify", with("Authorization", "Bearer "+key)).is(t, 204)
	b.post("/login", p("email", "ann@example.org", "password", "wrong-"+password))
	b.post("/login", p("email", "ann@example.org", "password", password))
	secrets := []string{key, password, newPassword, b.jar["portico"], cookieOf("ann")}
	for _, route := range w.routesOf() {
		method, path, _ := strings.Cut(route, " ")
		if strings.Contains(path, ":token") {
			secrets = append(secrets, w.own(path)[strings.Index(path, ":"):])
			w.browser("").do(method, w.own(path)+"?q=1", encode(table[route].form))
		}
	}
	for _, s := range secrets {
		if token, _, _ := strings.Cut(s, "/"); strings.Contains(log.text(), token) {
			t.Errorf("the log holds %s", token)
		}
	}
	if n := strings.Count(log.text(), "msg=request"); n < 15 {
		t.Errorf("only %d requests are logged", n)
	}
}

func TestTheSignInPageLeadsToOurOwnAddressesOnly_RED_01_RED_02(t *testing.T) {
	t.Parallel()
	for next, want := range map[string]string{
		"/o/abc?after=1": "/o/abc?after=1", "/": "/", "/a%20b": "/a%20b", "/profile#x": "/profile#x", "/?u=http://evil.example": "/?u=http://evil.example",
		"": "/", "//evil.example": "/", "///evil.example": "/", `/\evil.example`: "/", `\\evil.example`: "/", "https:evil.example": "/", "https://evil.example/": "/",
		"/%5cevil.example": "/", "/%2fevil.example": "/", "/%2f%2fevil.example": "/", "/%09/evil.example": "/", "/\t/evil.example": "/", "/\n/evil.example": "/", "/%0d%0aSet-Cookie:x": "/",
		"javascript:alert(1)": "/", "data:text/html,x": "/", "evil.example": "/", "@evil.example": "/", " //evil.example": "/", "/ evil": "/", "/é": "/",
		"/login": "/", "/login?next=//evil.example": "/", "/logout": "/", "/./logout": "/", "/x/%2e%2e/login": "/", "/%zz": "/", "/" + strings.Repeat("a", 5000): "/", "?x": "/", "#x": "/", "/\x00": "/", "http:/evil": "/",
	} {
		if got := safeNext(next); got != want {
			t.Errorf("next=%.60q leads to %q, want %q", next, got, want)
		}
	}
	w := newWorld(t)
	for _, next := range []string{"//evil.example", `/\evil.example`, "https://evil.example", "/%5cevil.example", "javascript:alert(1)", "/\r\nSet-Cookie: a=b"} {
		q := url.QueryEscape(next)
		w.browser("ann").get("/login?next="+q).to(t, "/")
		page := w.browser("").get("/login?next="+q).is(t, 200).page(t)
		if n := page.Find(`input[name=next]`).Length(); n != 0 {
			t.Errorf("%q is kept in the form", next)
		}
		for _, how := range []change{func(*http.Request) {}, hx("")} {
			w.browser("").post("/login", p("email", "ann@example.org", "password", password, "next", next), how).to(t, "/")
		}
	}
	b := w.browser("")
	org := "/o/" + w.ids["Acme"] + "/users?after=x"
	a := b.get(org)
	a.to(t, "/login?next="+url.QueryEscape(org))
	next, _ := b.follow(a).is(t, 200).page(t).Find("input[name=next]").Attr("value")
	if next != org {
		t.Fatalf("the form keeps %q", next)
	}
	b.post("/login", p("email", "ann@example.org", "password", "wrong", "next", next)).is(t, 422).says(t)
	b.post("/login", p("email", "ann@example.org", "password", password, "next", next)).to(t, org)
}

func TestTheNetworkAddressIsThePeersOrTheLastThatIsNoProxyOfOurs_DOS_06(t *testing.T) {
	t.Parallel()
	trusted := []string{"10.0.0.0/8", "192.0.2.9", "2001:db8::/32"}
	for _, c := range []struct {
		about, peer string
		trusted     []string
		forwarded   []string
		want        string
	}{
		{"no proxy, nothing sent", "203.0.113.5", trusted, nil, "203.0.113.5"},
		{"a stranger claims an address", "203.0.113.5", trusted, []string{"198.51.100.1"}, "203.0.113.5"},
		{"nobody is trusted", "10.0.0.1", nil, []string{"198.51.100.1"}, "10.0.0.1"},
		{"one proxy", "10.0.0.1", trusted, []string{"198.51.100.1"}, "198.51.100.1"},
		{"a proxy named by its address", "192.0.2.9", trusted, []string{"198.51.100.1"}, "198.51.100.1"},
		{"the client wrote something before", "10.0.0.1", trusted, []string{"1.1.1.1, 198.51.100.1"}, "198.51.100.1"},
		{"two proxies", "10.0.0.1", trusted, []string{"1.1.1.1, 198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		{"the proxy adds a line of its own", "10.0.0.1", trusted, []string{"1.1.1.1", "198.51.100.1"}, "198.51.100.1"},
		{"three lines, the last is a proxy", "10.0.0.1", trusted, []string{"1.1.1.1", "198.51.100.1", "10.0.0.2"}, "198.51.100.1"},
		{"the proxy says nothing", "10.0.0.1", trusted, nil, "10.0.0.1"},
		{"the proxy says nonsense", "10.0.0.1", trusted, []string{"198.51.100.1, unknown"}, "10.0.0.1"},
		{"all are proxies", "10.0.0.1", trusted, []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.1"},
		{"IPv6", "2001:db8::1", trusted, []string{"2001:dead::7"}, "2001:dead::7"},
		{"an IPv4 address written as IPv6", "::ffff:10.0.0.1", trusted, []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"an address with the name of a network card", "10.0.0.1", trusted, []string{"fe80::1%eth0"}, "fe80::1"},
		{"with a port", "10.0.0.1", trusted, []string{"198.51.100.1:4711"}, "10.0.0.1"},
		{"empty", "10.0.0.1", trusted, []string{""}, "10.0.0.1"},
	} {
		base := &url.URL{Scheme: "http", Host: "portal.example.org"}
		app := fiber.New(fiber.Config{DisableStartupMessage: true})
		var request fasthttp.Request
		for _, line := range c.forwarded {
			request.Header.Add("X-Forwarded-For", line)
		}
		var ctx fasthttp.RequestCtx
		ctx.Init(&request, &net.TCPAddr{IP: net.ParseIP(c.peer), Port: 1}, nil)
		fc := app.AcquireCtx(&ctx)
		s := &server{Config: Config{Base: base, TrustedProxies: c.trusted}}
		if got := s.clientIP(fc); got != c.want {
			t.Errorf("%s: %s, want %s", c.about, got, c.want)
		}
		app.ReleaseCtx(fc)
	}
	// Through the whole application: what the audit log holds.
	for _, c := range []struct {
		trusted []string
		want    string
	}{{nil, "0.0.0.0"}, {[]string{"0.0.0.0"}, "198.51.100.1"}} {
		w := newWorld(t, func(config *Config) { config.TrustedProxies = c.trusted })
		w.browser("").post("/login", p("email", "ann@example.org", "password", password), with("X-Forwarded-For", "1.1.1.1, 198.51.100.1"), with("X-Real-IP", "1.1.1.1"), with("Forwarded", "for=1.1.1.1")).to(t, "/")
		if got := w.text(`SELECT ip FROM audit ORDER BY id DESC LIMIT 1`); got != c.want {
			t.Errorf("trusting %v: the audit log holds %s, want %s", c.trusted, got, c.want)
		}
	}
}

func TestNoPageRunsWhatSomebodyTyped_XSS_01_XSS_05(t *testing.T) {
	t.Parallel()
	w := newWorld(t, inDemo(t))
	const payload = `<img src=x onerror=alert(1)>"'><script>alert(1)</script>`
	for _, query := range []string{`UPDATE organizations SET name = ?1, reason = ?1`, `UPDATE users SET first_name = ?1, last_name = ?1`, `UPDATE memberships SET first_name = ?1, last_name = ?1`,
		`UPDATE teams SET name = ?1`, `UPDATE applications SET name = name || ?1, description = ?1`, `UPDATE credentials SET label = ?1`, `UPDATE invitations SET first_name = ?1, last_name = ?1`,
		`UPDATE outbox SET to_name = ?1, error = ?1, data = json_object('name', ?1, 'organization', ?1, 'reason', ?1, 'inviter', ?1, 'email', ?1)`,
		`INSERT INTO audit (at, actor_name, actor_mail, kind, subject, detail, ip, org_id) SELECT 1 << 60, ?1, ?1, 'invited', ?1, ?1, ?1, id FROM organizations`} {
		w.exec(query, payload)
	}
	seen := 0
	look := func(what string, a answer) {
		if a.header.Get("Content-Disposition") != "" {
			return // it is kept, not shown
		}
		page := a.page(t)
		bads := []string{"img", "[onerror]", "script:not([src])", "[onclick]", "[onload]", `iframe:not([sandbox=""])`, "[href^=javascript]"}
		if !strings.Contains(what, "/frame ") { // a mail's HTML, whose policy allows styles
			bads = append(bads, "style", "[style]")
		}
		for _, bad := range bads {
			if n := page.Find(bad).Length(); n > 0 {
				t.Errorf("%s has %d of %s", what, n, bad)
			}
		}
		if strings.Contains(page.Find("body").Text(), payload) {
			seen++
		}
	}
	for _, route := range w.routesOf() {
		method, path, _ := strings.Cut(route, " ")
		for _, who := range []string{"", "ann", "ada", "rita", "rex"} {
			for _, how := range []change{func(*http.Request) {}, hx("dialog-body")} {
				if method == "GET" {
					look(route+" as "+who, w.browser(who).get(w.own(path), how))
				}
			}
		}
	}
	for _, path := range []string{"/login", "/register", "/forgot-password", "/setup/x", "/invitations/" + w.link("ivy", portal.Copied) + "/registration"} {
		look("POST "+path, w.browser("").post(path, p("email", payload, "first_name", payload, "last_name", payload, "next", payload)))
	}
	for _, path := range []string{"/" + url.PathEscape(payload), "/login?next=" + url.QueryEscape(payload), "/admin/organizations?q=" + url.QueryEscape(payload), "/admin/users?state=" + url.QueryEscape(payload)} {
		look(path, w.browser("ada").get(path, with("Referer", payload), with("User-Agent", payload)))
	}
	if seen < 60 {
		t.Errorf("what was typed stands on %d pages only", seen)
	}
}
