package handlers

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"portico/portal"
)

// These tests show abuse cases of docs/abuse-cases.md that nothing else shows.
// They go through the table of routes, so that a new route is tried with the rest.

// long reports whether the long forms of tests are wanted.
func long() bool { return os.Getenv("TEST_LONG") == "1" }

// each visits every route as somebody who may use it, with a form that works.
func (w *world) each(method string, visit func(route, pattern, who string)) {
	w.t.Helper()
	n := 0
	for _, route := range w.routesOf() {
		m, pattern, _ := strings.Cut(route, " ")
		if m == method {
			n++
			visit(route, pattern, insider(route))
		}
	}
	if n < 40 {
		w.t.Errorf("only %d routes were tried", n)
	}
}

// of is everything that belongs to one organization.
func (w *world) of(org string) string {
	w.t.Helper()
	var all []string
	for _, query := range []string{`SELECT name || state FROM organizations WHERE id = ?`, `SELECT user_id || role || first_name FROM memberships WHERE org_id = ?`,
		`SELECT id || name FROM teams WHERE org_id = ?`, `SELECT team_id || '-' || user_id FROM team_members WHERE org_id = ?`,
		`SELECT id || name || owner_id || visibility || COALESCE(deleted_at, '') FROM applications WHERE org_id = ?`,
		`SELECT id || COALESCE(ends_at, '') || COALESCE(revoked_at, '') FROM credentials WHERE org_id = ?`, `SELECT id || email || state || version FROM invitations WHERE org_id = ?`,
		`SELECT id || kind FROM audit WHERE org_id = ?`, `SELECT r.id || '' FROM reveals r JOIN credentials c ON c.id = r.credential_id WHERE c.org_id = ?`} {
		all = append(all, w.strings(query+` ORDER BY 1`, w.number(`SELECT id FROM organizations WHERE public_id = ?`, w.ids[org]))...)
	}
	return strings.Join(all, "\n")
}

func TestTheOrganizationIsTheOneInTheAddress_TEN_02_INV_09(t *testing.T) {
	t.Parallel()
	routes := newWorld(t)
	routes.each("POST", func(route, pattern, who string) {
		if !strings.Contains(pattern, "/:") || who == "" && !strings.HasPrefix(pattern, "/invitations") {
			return
		}
		w := newWorld(t)
		beta, number := w.of("Beta"), fmt.Sprint(w.number(`SELECT id FROM organizations WHERE public_id = ?`, w.ids["Beta"]))
		form := p("org", w.ids["Beta"], "org_id", number, "orgId", number, "OrgID", number, "app_id", w.ids["Bravo"], "app", w.ids["Bravo"], "credential", w.ids["Bravo key"],
			"user_id", w.ids["bob"], "member_id", w.ids["bob"], "team_id", w.ids["Beta team"], "invitation", w.ids["ivan invitation"], "id", w.ids["Beta"], "owner_id", w.ids["bob"], "invited_by", w.ids["bea"])
		query := "?" + encode(form)
		for name, value := range table[route].form {
			form[name] = value
		}
		a := w.browser(who).post(w.own(pattern)+query, form, with("X-Organization", w.ids["Beta"]), with("X-Org-Id", number), with("X-Portico-Organization", w.ids["Beta"]))
		if a.status >= 400 && table[route].cells(route)[who] == "done" && a.status != http.StatusConflict {
			t.Errorf("%s with fields that nobody named: %d", route, a.status)
		}
		if now := w.of("Beta"); now != beta {
			t.Errorf("%s as %s has changed Beta:\n%s\n\nit was\n%s", route, who, now, beta)
		}
	})
}

func TestWhatAConsumerSeesDependsOnNoOtherOrganization_TEN_06(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pages := func() map[string]string {
		all := map[string]string{}
		w.each("GET", func(route, pattern, _ string) {
			for _, who := range []string{"", "stan", "abe", "ann", "rita"} {
				if pattern == "/admin" || strings.HasPrefix(pattern, "/admin/") || pattern == "/readyz" {
					continue
				}
				a := w.browser(who).get(w.own(pattern))
				if etag := a.header.Get("ETag") + a.header.Get("Last-Modified"); etag != "" && !strings.HasPrefix(pattern, "/assets/") {
					t.Errorf("%s tells %s", route, etag)
				}
				all[route+" as "+who] = a.masked()
			}
		})
		return all
	}
	pages() // sessions are noted as seen
	before := pages()
	for i := range 40 {
		w.exec(`INSERT INTO organizations (public_id, name, state, requested_at, created_at) VALUES (?, ?, 'active', 0, 0)`, fmt.Sprintf("%026d", i), fmt.Sprint("Acme ", i))
		w.exec(`INSERT INTO users (public_id, email_key, email, first_name, last_name, password_hash, state, created_at) VALUES (?1, ?1, ?1, 'Ann', 'Test', '', 'active', 0)`, fmt.Sprint("many", i, "@example.org"))
		w.exec(`INSERT INTO memberships (org_id, user_id, role, first_name, last_name, joined_at) SELECT o.id, u.id, 'super_admin', 'Ann', 'Test', 0
			FROM organizations o, users u WHERE o.public_id = ? AND u.email = ?`, fmt.Sprintf("%026d", i), fmt.Sprint("many", i, "@example.org"))
	}
	for page, after := range pages() {
		same(t, page+" before and after others came", before[page], after)
	}
}

// noIDs are no ids of anything.
var noIDs = []string{"0", "-1", "1", "01", "1e0", "1,2", "1%00", "1%2f2", "%2e%2e", "..%2f..", "%ff%fe", "null", "%7b%7d", "00000000-0000-0000-0000-000000000000", "'%20OR%201=1--", "%25", "_", "*", strings.Repeat("a", 6000)}

func TestAnIdIsReadInOneWayOnly_TEN_13(t *testing.T) {
	t.Parallel()
	w := newWorld(t, inDemo(t))
	before := w.fingerprint()
	for _, method := range []string{"GET", "POST"} {
		w.each(method, func(route, pattern, who string) {
			if !strings.Contains(pattern, "/:") || method == "GET" && strings.HasSuffix(pattern, "/reveal") {
				return
			}
			for _, odd := range params.FindAllString(pattern, -1) {
				own := w.param(pattern, odd[1:], "Acme")
				values := append([]string{own + "%20", "%20" + own, own + "%00", own + "a", own[1:], own + ";", "{" + own + "}"}, noIDs...)
				if upper := strings.ToUpper(own); upper != own {
					values = append(values, upper)
				}
				for _, value := range values {
					path := w.path(pattern, func(name string) string {
						if name == odd[1:] {
							return value
						}
						return w.param(pattern, name, "Acme")
					})
					if a := w.browser(who).do(method, path, encode(table[route].form)); a.status != 404 && a.status != 303 && a.status != 400 && a.status != 431 || a.status == 303 && !strings.HasPrefix(a.leads(), "/login") {
						t.Errorf("%s with %s = %.60q as %q: %d to %q", route, odd, value, who, a.status, a.leads())
					}
				}
			}
		})
	}
	if changed := w.changes(before); changed != nil {
		t.Errorf("the tables %v have changed", changed)
	}
}

func TestADamagedLinkLooksLikeOneThatNeverWas_INV_10_INV_27(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.link("ivy", portal.Mailed)
	before := w.fingerprint()
	asks := map[string]func(token string) answer{
		"looking":     func(token string) answer { return w.browser("").get("/invitations/" + token) },
		"registering": func(token string) answer { return w.browser("").post("/invitations/"+token+"/registration", ivyForm) },
		"declining":   func(token string) answer { return w.browser("").post("/invitations/"+token+"/refusal", nil) },
		"asking":      func(token string) answer { return w.browser("").post("/invitations/"+token+"/request", nil) },
		"a reset": func(token string) answer {
			return w.browser("").post("/reset-password/"+token, p("password", newPassword))
		},
		"a proof": func(token string) answer { return w.browser("").post("/verify-email/"+token, nil) },
	}
	for what, ask := range asks {
		unknown := ask(strings.Repeat("z", len(token))).is(t, 404).masked()
		var damaged []string
		for i := 0; i < len(token); i += 7 {
			other := "A"
			if token[i] == 'A' {
				other = "B"
			}
			damaged = append(damaged, token[:i]+other+token[i+1:], token[:i]+"z")
		}
		damaged = append(damaged, token+"=", token+"A", token+"%00", strings.ToUpper(token), strings.ToLower(token), strings.NewReplacer("-", "+", "_", "%2f").Replace(token)+"x", strings.Repeat("A", 5000))
		for _, d := range damaged {
			a := ask(d)
			if a.status == 303 { // an address of ours that asks to sign in first
				t.Errorf("%s with %.40q leads to %s", what, d, a.leads())
			}
			same(t, fmt.Sprintf("%s with %.40q and with one that never was", what, d), unknown, a.masked())
		}
	}
	if changed := w.changes(before); changed != nil {
		t.Errorf("the tables %v have changed", changed)
	}
}

func TestNoAnswerIsForOtherSites_CSRF_10(t *testing.T) {
	t.Parallel()
	w := newWorld(t, inDemo(t))
	before := w.fingerprint()
	for _, route := range w.routesOf() {
		_, pattern, _ := strings.Cut(route, " ")
		foreign := func(r *http.Request) {
			r.Header.Set("Origin", "http://evil.example")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Access-Control-Request-Method", "POST")
			r.Header.Set("Access-Control-Request-Headers", "X-API-Key")
		}
		b := w.browser(insider(route)) // whose answers are looked at for Access-Control headers
		b.get(w.own(pattern), foreign)
		if a := b.do("OPTIONS", w.own(pattern), "", foreign); a.status != 405 && !(a.status == 401 && pattern == "/verify") {
			t.Errorf("OPTIONS %s: %d", pattern, a.status)
		}
	}
	if changed := w.changes(before); changed != nil {
		t.Errorf("the tables %v have changed", changed)
	}
}

func TestEveryAnswerSaysWhatItIs_XSS_07(t *testing.T) {
	t.Parallel()
	w := newWorld(t, inDemo(t))
	for _, accept := range []string{"text/html", "application/json", "x"} {
		w.each("GET", func(route, pattern, who string) {
			for name, how := range map[string]change{"plain": func(*http.Request) {}, "page": hx("page"), "dialog": hx("dialog-body")} {
				a := w.browser(who).get(w.own(pattern), with("Accept", accept), how)
				kind := a.header.Get("Content-Type")
				switch {
				case a.body == "":
				case strings.HasPrefix(pattern, "/assets/"):
					if !strings.HasPrefix(kind, "text/css") {
						t.Errorf("%s: %s", route, kind)
					}
				case kind == "text/plain; charset=utf-8" && !strings.Contains(a.body, "<"): // for machines, and bare words of a status
				case (strings.HasPrefix(kind, "text/csv; charset=utf-8") || kind == "application/x-ndjson; charset=utf-8") && strings.HasPrefix(a.header.Get("Content-Disposition"), "attachment"):
				case kind != "text/html; charset=utf-8":
					t.Errorf("%s, %s, accepting %s: %q: %.60s", route, name, accept, kind, a.body)
				case name == "plain" && a.status == 200 && !strings.Contains(a.body, "<html"):
					t.Errorf("%s shows a part to who opens it directly", route)
				}
			}
		})
	}
}

func TestPagesAreKeptNowhereAndRunNothing_TEN_10_XSS_03_XSS_06(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config, _ := w.browser("ann").get("/o/"+w.ids["Acme"]).is(t, 200).page(t).Find(`meta[name=htmx-config]`).Attr("content")
	var got map[string]any
	if err := json.Unmarshal([]byte(config), &got); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{"historyCacheSize": 0.0, "allowEval": false, "allowScriptTags": false, "selfRequestsOnly": true, "includeIndicatorStyles": false} {
		if got[name] != want {
			t.Errorf("htmx's %s is %v, want %v", name, got[name], want)
		}
	}
	w.each("GET", func(route, pattern, who string) {
		a := w.browser(who).get(w.own(pattern))
		if cache := a.header.Get("Cache-Control"); cache != "no-store" && !strings.HasPrefix(pattern, "/assets/") {
			t.Errorf("%s may be kept: %q", route, cache)
		}
		if bad := a.page(t).Find(`[hx-vals], [hx-headers], [hx-on], [hx-vars], [data-hx-on]`).Length(); bad > 0 {
			t.Errorf("%s has %d attributes that htmx might run", route, bad)
		}
	})
}

func TestNoQueryReachesTheDatabaseAsSQL_INJ_01_INJ_05(t *testing.T) {
	t.Parallel()
	w := newWorld(t, inDemo(t))
	before := w.fingerprint()
	hostile := []string{"';DROP TABLE users;--", "name;drop", "1 UNION SELECT password_hash FROM users", "' OR '1'='1", `\`, "%_%_%_%_%_%_%", strings.Repeat("(", 50),
		"a* OR b NEAR(c)", `"a" AND`, "99999999999999999999", "-1", "\x00", "\xff\xfe", "[a-z]{1,99999}", "9999-99-99"}
	names := []string{"q", "sort", "order", "after", "state", "tab", "kind", "who", "actor", "what", "action", "organization", "org", "from", "to", "until", "since", "page", "limit", "next", "seen", "role", "team", "query", "visibility", "notice"}
	w.each("GET", func(route, pattern, who string) {
		path := w.own(pattern)
		usual := w.browser(who).get(path)
		for _, value := range hostile {
			all := url.Values{}
			for _, name := range names {
				all.Set(name, value)
			}
			a := w.browser(who).get(path + "?" + all.Encode())
			if a.status >= 500 || a.status != usual.status && a.status != 303 && a.status != 400 && a.status != 422 && a.status != 404 {
				t.Errorf("%s with %.30q: %d", route, value, a.status)
			}
			if a := w.browser(who).get(path + "?q=" + strings.Repeat("a%20", 1500)); a.status >= 500 {
				t.Errorf("%s with a long search: %d", route, a.status)
			}
			for _, word := range []string{"SQLITE", "sqlite3", "syntax error", "no such column", "$argon2"} {
				if strings.Contains(a.body, word) {
					t.Errorf("%s with %.30q says %s", route, value, word)
				}
			}
		}
	})
	if changed := w.changes(before); changed != nil {
		t.Errorf("the tables %v have changed", changed)
	}
}

func TestTextThatIsNoneIsStoredNowhere_INJ_06(t *testing.T) {
	t.Parallel()
	w := newWorld(t, inDemo(t))
	begin := w.fingerprint()
	w.each("POST", func(route, pattern, who string) {
		form := table[route].form
		for field := range form {
			for about, bad := range map[string]string{"NUL": "\x00", "invalid UTF-8": "\xff\xfe", "an overlong slash": "\xc0\xaf", "a lone surrogate": "\xed\xa0\x80", "half a letter": "\xc3"} {
				changed := p()
				for name, value := range form {
					changed[name] = value
				}
				changed[field] += bad
				if a := w.browser(who).post(w.own(pattern), changed); a.status != 400 {
					t.Errorf("%s with %s in %s: %d, want 400", route, about, field, a.status)
				}
			}
		}
		w.browser(who).post(w.own(pattern), p("a\x00", "b")).is(t, 400)
	})
	upload := func(r *http.Request) { r.Header.Set("Content-Type", "multipart/form-data; boundary=b") }
	for _, part := range []string{"name=\"rows\"\r\n\r\n\x00", "name=\"rows\"\r\n\r\n\xff", "name=\"ro\xffws\"\r\n\r\nNora,New,nora@example.org"} {
		w.browser("ann").do("POST", "/o/"+w.ids["Acme"]+"/invitations/several", "--b\r\nContent-Disposition: form-data; "+part+"\r\n--b--\r\n", upload).is(t, 400)
	}
	if tables := w.changes(begin); tables != nil {
		t.Errorf("the tables %v have changed", tables)
	}
	before := w.fingerprint()
	for _, path := range []string{"/%00", "/%ff", "/o/%c0%af", "/login?next=%00", "/o/" + w.ids["Acme"] + "/users?q=%ff%00", "/admin/users?q=%00"} {
		for _, who := range []string{"", "ann", "ada"} {
			if a := w.browser(who).get(path, with("User-Agent", "\xff\xfe"), with("Referer", "\xff"), with("Accept-Language", "\xc0\xaf")); a.status >= 500 {
				t.Errorf("%s: %d", path, a.status)
			}
		}
	}
	if changed := w.changes(before); changed != nil {
		t.Errorf("the tables %v have changed", changed)
	}
}

func TestNobodyForgesALineOfTheLog_INJ_03(t *testing.T) {
	t.Parallel()
	var log lines
	w := newWorld(t, func(c *Config) { c.Log = slog.New(slog.NewJSONHandler(&log, nil)) })
	forged := "x\r\n{\"level\":\"INFO\",\"msg\":\"forged\"}\x1b[31m\n"
	b := w.browser("")
	requests := 0
	for _, path := range []string{"/" + url.PathEscape(forged), "/login?next=" + url.QueryEscape(forged), "/invitations/" + url.PathEscape(forged), "/o/" + url.PathEscape(forged)} {
		b.get(path, with("X-Request-Id", `{"level":"INFO","msg":"forged"}`), with("X-Forwarded-For", `"forged`))
		requests++
	}
	b.post("/login", p("email", forged, "password", forged))
	b.post("/login", p("email", strings.Repeat("a", 60000), "password", "x"))
	b.post("/register", p("first_name", forged, "last_name", forged, "email", forged, "password", forged))
	requests += 3
	text := strings.TrimSuffix(log.text(), "\n")
	if n := strings.Count(text, "\n") + 1; n != requests {
		t.Errorf("%d requests left %d lines", requests, n)
	}
	for _, line := range strings.Split(text, "\n") {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Errorf("no JSON: %.200s", line)
		}
		if entry["msg"] != "request" || len(line) > 1000 || strings.Contains(line, "forged") || strings.Contains(line, "\x1b") {
			t.Errorf("a line of %d octets: %.300s", len(line), line)
		}
	}
}

func TestHostileBodiesAndHeadersAreRefusedCheaply_DOS_01_DOS_05(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser("")
	const head = " HTTP/1.1\r\nHost: portal.example.org\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n"
	for about, c := range map[string]struct {
		request string
		status  []int
	}{
		"five megabytes announced": {"POST /login" + head + "Content-Length: 5000000\r\n\r\nemail=", []int{413}},
		"a chunk of 90 kB":         {"POST /login" + head + "Transfer-Encoding: chunked\r\n\r\n15f90\r\n" + strings.Repeat("a", 90000) + "\r\n0\r\n\r\n", []int{413}},
		"chunks of nonsense":       {"POST /login" + head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", []int{400, 413}},
		"both kinds of length":     {"POST /login" + head + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []int{400, 422}},
		"an address of 100 kB":     {"GET /" + strings.Repeat("a", 100_000) + head + "\r\n", []int{414, 431}},
		"hundred cookies":          {"GET /" + head + "Cookie: " + strings.Repeat("a="+strings.Repeat("b", 90)+"; ", 100) + "\r\n\r\n", []int{431}},
		"thousand headers":         {"GET /" + head + strings.Repeat("X-A: b\r\n", 2000) + "\r\n", []int{431}},
		"a header without an end":  {"GET /" + head + "X-A: " + strings.Repeat("b", 20000), []int{431}},
	} {
		began := time.Now()
		a := w.raw(t, c.request)
		if !slices.Contains(c.status, a.status) {
			t.Errorf("%s: %d, want %v", about, a.status, c.status)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: answered after %v", about, took)
		}
		b.sound(about, a, nil)
	}
	for about, body := range map[string]string{"a hundred thousand fields": strings.Repeat("a&", 30000), "an index of a billion": "items[999999999]=x&email=a&password=b", "deep JSON": strings.Repeat("[", 60000)} {
		if a := b.do("POST", "/login", body); a.status != 400 && a.status != 422 {
			t.Errorf("%s: %d", about, a.status)
		}
	}
	w.browser("ann").get("/profile").is(t, 200)
}

func TestOtherNamesForTheHostMakeNoLinks_RST_01(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for about, c := range map[string]struct {
		request string
		refused bool
	}{
		"a foreign address in the request line": {"GET http://evil.example/login HTTP/1.1\r\nHost: portal.example.org\r\n\r\n", true},
		"two hosts":                             {"GET /login HTTP/1.1\r\nHost: portal.example.org\r\nHost: evil.example\r\n\r\n", true},
		"two hosts the other way":               {"GET /login HTTP/1.1\r\nHost: evil.example\r\nHost: portal.example.org\r\n\r\n", true},
		"no host":                               {"GET /login HTTP/1.1\r\n\r\n", true},
		"forwarding headers":                    {"GET /login HTTP/1.1\r\nHost: portal.example.org\r\nX-Forwarded-Host: evil.example\r\nForwarded: host=evil.example\r\nX-Original-URL: /admin\r\nX-Rewrite-URL: /admin\r\n\r\n", false},
	} {
		a := w.raw(t, c.request)
		if strings.Contains(a.body+fmt.Sprint(a.header), "evil.example") {
			t.Errorf("%s: the answer repeats the name", about)
		}
		if refused := a.status == 400 || a.status == 421; refused != c.refused {
			t.Errorf("%s: %d", about, a.status)
		}
	}
	evil := func(r *http.Request) {
		for _, name := range []string{"X-Forwarded-Host", "X-Host", "X-Original-Host", "X-Forwarded-Server"} {
			r.Header.Set(name, "evil.example")
		}
		r.Header.Set("Forwarded", "host=evil.example;proto=https")
		r.Header.Set("X-Forwarded-Proto", "https")
	}
	w.browser("").post("/forgot-password", p("email", "ann@example.org"), evil).is(t, 303)
	w.browser("").post("/register", newcomer, evil).is(t, 303)
	w.browser("ann").post("/o/"+w.ids["Acme"]+"/invitations", p("first_name", "Nina", "last_name", "New", "email", "nina@example.org", "role", "team_member"), evil).is(t, 303)
	if n := w.number(`SELECT count(*) FROM outbox WHERE data || link_path || link_id LIKE '%evil%'`); n != 0 {
		t.Errorf("%d mails name another host", n)
	}
}

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

func TestNamesReachHeadersOnlyAsText_RED_02_RED_03(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	name := "Évil\" \\ ; x"
	w.exec(`UPDATE organizations SET name = ?`, name+"\r\nSet-Cookie: a=b")
	w.exec(`UPDATE users SET first_name = ?`, name+"\r\nLocation: //evil.example")
	for _, route := range w.routesOf() {
		method, pattern, _ := strings.Cut(route, " ")
		if method == "GET" || table[route].cells(route)["ann"] != "done" {
			continue
		}
		for _, how := range []change{func(*http.Request) {}, hx(""), hx("page")} {
			w := newWorld(t)
			w.exec(`UPDATE organizations SET name = ?`, name+"\r\nSet-Cookie: a=b")
			w.exec(`UPDATE memberships SET first_name = ?`, name+"\r\nLocation: //evil.example")
			a := w.browser("ann").post(w.own(pattern), table[route].form, how, with("HX-Current-URL", "http://evil.example/x"), with("Referer", "http://evil.example/x"), with("HX-Prompt", "//evil.example"))
			for _, header := range []string{"Location", "HX-Redirect", "HX-Location", "HX-Push-Url", "HX-Replace-Url", "HX-Retarget", "HX-Reswap"} {
				if v := a.header.Get(header); strings.Contains(v, "evil.example") || strings.HasPrefix(v, "//") {
					t.Errorf("%s: %s is %q", route, header, v)
				}
			}
			if slices.Contains(a.header.Values("Set-Cookie"), "a=b") {
				t.Errorf("%s: a name has set a cookie", route)
			}
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
					return
				}
				time.Sleep(readTimeout / 10)
			}
			c.SetReadDeadline(time.Now().Add(3 * readTimeout))
			if _, err := io.ReadAll(c); err != nil && strings.Contains(err.Error(), "timeout") {
				t.Errorf("a slow connection is still open after %v", time.Since(began))
			}
		})
	}
	wg.Wait()
	look()
	for _, c := range idle {
		c.Close()
	}
}

func TestOneOrganizationsHasteLeavesRoomForOthers_TEN_14(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	beta := "/o/" + w.ids["Beta"]
	workers, each := 4, 60
	if long() {
		workers, each = 16, 2000
	}
	// What makes mail is limited for each person, and what is open for each organization.
	refused := 0
	for i := range portal.LimitInvite.Max + 5 {
		a := w.browser("bea").post(beta+"/invitations", p("first_name", "Nora", "last_name", "New", "email", fmt.Sprintf("nora%d@example.org", i), "role", "team_member"))
		if a.status == 429 {
			refused++
		}
	}
	if refused < 5 {
		t.Errorf("%d invitations beyond the limit were refused", refused)
	}
	w.browser("ann").post("/o/"+w.ids["Acme"]+"/invitations", invites).is(t, 303)
	for i := range portal.MaxCredentials + 3 {
		a := w.browser("bea").post(beta+"/applications/"+w.ids["Bravo"]+"/credentials", p("label", fmt.Sprint(i)))
		if over := i+1 >= portal.MaxCredentials; over != (a.status == 409) {
			t.Errorf("the key %d: %d", i+2, a.status)
		}
	}
	// Everybody's pages go on while one organization asks as fast as it can.
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range workers {
		wg.Go(func() {
			b := w.browser("bea")
			for i := range each {
				select {
				case <-stop:
					return
				default:
				}
				b.get(beta + "/users?q=b")
				b.post(beta+"/applications", p("name", fmt.Sprint("App ", i)))
			}
		})
	}
	var slowest time.Duration
	for range 30 {
		began := time.Now()
		w.browser("ann").get("/o/"+w.ids["Acme"]+"/users").is(t, 200)
		slowest = max(slowest, time.Since(began))
	}
	close(stop)
	wg.Wait()
	if slowest > 5*time.Second {
		t.Errorf("a page of Acme took %v", slowest)
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
