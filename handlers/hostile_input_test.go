package handlers

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"portico/portal"
)

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
