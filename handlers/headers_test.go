package handlers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"portico/portal"
)

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

// malformed are requests that the server refuses before they reach us, and what
// it should answer.
var malformed = map[string]int{
	"POST /login HTTP/1.1\r\nHost: portal.example.org\r\nContent-Length: 70000\r\n\r\n" + strings.Repeat("a", 70000): 413,
	"GET / HTTP/1.1\r\nHost: portal.example.org\r\nX-Big: " + strings.Repeat("a", 9000) + "\r\n\r\n":                 431,
	"GET /" + strings.Repeat("a", 9000) + " HTTP/1.1\r\nHost: portal.example.org\r\n\r\n":                            431,
	"DELETE / HTTP/1.1\r\nHost: portal.example.org\r\nConnection: close\r\n\r\n":                                     405,
	"BREW /pot HTTP/1.1\r\nHost: portal.example.org\r\nConnection: close\r\n\r\n":                                    405,
	"GET / HTTP/1.1\r\nHost portal.example.org\r\n\r\n":                                                              400,
	"GARBAGE\r\n\r\n": 400,
	"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n":                                                                                                 400,
	"GET /login HTTP/1.1\r\nHost: portal.example.org\r\n Folded: a\r\n\r\n":                                                                                400,
	"POST /login HTTP/1.1\r\nHost: portal.example.org\r\nContent-Length: x\r\n\r\n":                                                                        400,
	"POST /login HTTP/1.1\r\nHost: portal.example.org\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n":                                                         400,
	"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n":                                                                                    421,
	"GET /login HTTP/1.1\r\n\r\n":                                                                                                                          400,
	"GET /login HTTP/1.1\r\nHost: portal.example.org\r\nIf-None-Match: *\r\nIf-Modified-Since: Mon, 02 Mar 2026 09:00:00 GMT\r\nConnection: close\r\n\r\n": 200,
}

func TestTheHeadersStandOnEveryAnswerWhateverItsStatus_CSRF_09_OPS_06(t *testing.T) {
	t.Parallel()
	var y tally
	seen := map[int]bool{}
	t.Cleanup(func() {
		t.Attr("faults", fmt.Sprintf("%s|%d|%d", "answers of every route and status, malformed requests too: all protecting headers are there", y.tried.Load(), y.held.Load()))
	})
	for _, scheme := range []func(*Config){func(*Config) {}, at443} {
		alive := true
		w := newWorld(t, inDemo(t), scheme, func(c *Config) { c.WorkerAlive = func() bool { return alive } })
		note := func(what string, a answer) answer {
			seen[a.status] = true
			y.add(len(w.unsound(what, a)) == 0) // do says what is missing
			return a
		}
		get := func(who, path string, how ...change) answer {
			return note("GET "+path, w.browser(who).get(path, how...))
		}
		post := func(who, path string, form map[string]string, how ...change) answer {
			return note("POST "+path, w.browser(who).post(path, form, how...))
		}
		for _, route := range w.routesOf() {
			method, pattern, _ := strings.Cut(route, " ")
			path := w.own(pattern)
			for _, who := range []string{"", "stan", "ann", "ada"} {
				for _, how := range []change{func(*http.Request) {}, hx("page"), hx("")} {
					if method == "GET" {
						get(who, path, how)
					} else if !changes(route, table[route].cells(route)[who]) { // what works is in the table's test
						post(who, path, table[route].form, how)
					}
				}
			}
		}
		for _, path := range []string{"/nothing", "/assets/nothing.css", "/assets/..%2f..%2fgo.mod"} {
			get("", path).is(t, 404)
		}
		post("", "/healthz", nil).is(t, 404)
		note("PUT /login", w.browser("").do("PUT", "/login", "")).is(t, 405)
		note("HEAD /login", w.browser("").do("HEAD", "/login", "")).is(t, 200)
		get("", "/login?next="+strings.Repeat("a", 5000)).is(t, 200)
		get("", "/login", func(r *http.Request) { r.Host = "evil.example" }).is(t, 421)
		get("", "/verify").is(t, 401)
		get("", "/verify", with("X-API-Key", portal.NewKey())).is(t, 401)
		key := w.reveal("ann", "Alpha")
		for range 2 { // from the database, and from memory
			get("", "/verify", with("X-API-Key", key)).is(t, 204)
		}
		post("ann", "/profile", nil, with("Sec-Fetch-Site", "cross-site")).is(t, 403)
		post("ann", "/profile", p("first_name", "A"), with("Content-Type", "application/json")).is(t, 415)
		post("ann", "/profile", p("first_name", "")).is(t, 422)
		note("POST /profile", w.browser("ann").do("POST", "/profile", "a=1&a=2")).is(t, 400)
		for range portal.LimitSignInAccount.Max {
			post("", "/login", p("email", "bob@example.org", "password", "wrong")).is(t, 422)
		}
		post("", "/login", p("email", "bob@example.org", "password", "wrong")).is(t, 429)
		get("ada", "/admin/audit-log.csv").is(t, 200)
		get("ada", "/admin/settings/email-templates/"+string(portal.MailRemoved)+"/frame").is(t, 200)
		alive = false
		get("", "/readyz").is(t, 503)
		for request, status := range malformed {
			a := note(fmt.Sprintf("%.30q…", request), w.raw(t, request))
			if a.status != status {
				t.Errorf("%.60q…: %d, want %d", request, a.status, status)
			}
			w.browser("").sound(fmt.Sprintf("%.60q…", request), a, nil)
			if strings.Contains(a.body, "aaaaaaaa") {
				t.Errorf("%d repeats what was sent", a.status)
			}
		}
		faulty := w.browser("ada")
		faulty.faulty = true
		w.store.Close()
		for _, path := range []string{"/admin", "/login", "/verify"} {
			note("GET "+path+" with the database gone", faulty.get(path, with("X-API-Key", portal.NewKey()))).is(t, 500)
		}
	}
	for _, status := range []int{200, 204, 303, 400, 401, 403, 404, 405, 406, 409, 413, 415, 421, 422, 429, 431, 500, 503} {
		if !seen[status] {
			t.Errorf("nothing answered %d", status)
		}
	}
}

func TestALiveStreamHasTheHeadersToo(t *testing.T) {
	t.Parallel()
	w, at, _ := served(t)
	for who, path := range map[string]string{"ann": "/o/" + w.ids["Acme"] + "/live", "ada": "/admin/live", "rita": "/organizations/requests/" + w.ids["Rigel"] + "/live"} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", at+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = w.base.Host
		r.Header.Set("Accept", "text/event-stream")
		r.AddCookie(&http.Cookie{Name: w.sessionCookie(), Value: cookieOf(who)})
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s as %s: %d", path, who, resp.StatusCode)
		}
		w.browser("").sound("GET "+path, answer{resp.StatusCode, resp.Header, ""}, nil)
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
