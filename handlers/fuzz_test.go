package handlers

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"mime/multipart"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"portico/portal"
	"portico/views"
)

// Each target takes what somebody outside may send, and holds the parser to what
// the rest of Portico relies on. The inputs below testdata run in every go test.

// asBrowsersDo is the host and the path that a browser goes to from ours by an
// address: as the URL standard has it, not as net/url does.
func asBrowsersDo(address string) (host, to string) {
	s := strings.TrimFunc(address, func(r rune) bool { return r <= ' ' })
	s = strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(s)
	if scheme, _, ok := strings.Cut(s, ":"); ok && !strings.ContainsAny(scheme, "/?#") {
		return scheme + ":", ""
	}
	if strings.HasPrefix(s, "//") {
		return strings.TrimLeft(s, "/"), ""
	}
	if at := strings.IndexAny(s, "?#"); at >= 0 {
		s = s[:at]
	}
	return "", path.Clean(strings.NewReplacer("%2e", ".", "%2E", ".").Replace(s))
}

func FuzzNext(f *testing.F) {
	for _, s := range []string{"/o/abc/users?after=x#y", "//evil.example", `/\evil.example`, "/\t/evil.example", "https://evil.example", "javascript:alert(1)", "/%2f/evil.example", "/.//evil.example", "/x/..//evil.example", "/./logout", "/%6cogout", "/x/%2e%2e/login", "/?//evil.example", "/\x00", "@evil.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, next string) {
		to := safeNext(next)
		if to != next && to != "/" {
			t.Fatalf("%q leads to %q, which is neither it nor the start", next, to)
		}
		if strings.ContainsFunc(to, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Fatalf("%q is no line of a header", to)
		}
		host, there := asBrowsersDo(to)
		if host != "" || !strings.HasPrefix(there, "/") {
			t.Fatalf("%q leads a browser to %q, %q", to, host, there)
		}
		if there == "/login" || there == "/logout" {
			t.Fatalf("%q leads a browser to %s", to, there)
		}
	})
}

func FuzzForm(f *testing.F) {
	for _, s := range []string{"first_name=Ann&last_name=Test", "a=1&a=2", "a=%00", "a=%ff", "a;b=c", "&&&", "a=%zz", "=x", "a=+&b=%2B", strings.Repeat("a&", 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		form, err := parseForm(body)
		if err != nil {
			if err != error(errBadForm) {
				t.Fatalf("the refusal is %v", err)
			}
			return
		}
		if len(form) > maxFields {
			t.Fatalf("there are %d fields", len(form))
		}
		for name, value := range form {
			if !isText(name) || !isText(value) || strings.Count("&"+body, "&"+url.QueryEscape(name)+"=") > 1 {
				t.Fatalf("the field %q is %q", name, value)
			}
		}
		again, err := parseForm(encode(form))
		if err != nil || !sameForm(again, form) {
			t.Fatalf("%q is read as %q, and that as %q, %v", body, form, again, err)
		}
	})
}

func sameForm(a, b map[string]string) bool {
	for name, value := range a {
		if got, ok := b[name]; !ok || got != value {
			return false
		}
	}
	return len(a) == len(b)
}

func FuzzUpload(f *testing.F) {
	part := func(head, body string) []byte {
		return []byte("--b\r\nContent-Disposition: form-data; " + head + "\r\n\r\n" + body + "\r\n--b--\r\n")
	}
	f.Add(part(`name="rows"`, "Nora,New,nora@example.org"), "b")
	f.Add(part(`name="file"; filename="../../etc/passwd"`, "\xff\xfe"), "b")
	f.Add(part("name=\"ro\xffws\"", ""), "b")
	f.Add([]byte("--b\r\n\r\n\r\n--b\r\n\r\n"), "b")
	f.Add([]byte("--b"), "b")
	f.Fuzz(func(t *testing.T, body []byte, boundary string) {
		form, err := parseUpload(body, boundary)
		if err != nil {
			if err != error(errBadForm) {
				t.Fatalf("the refusal is %v", err)
			}
			return
		}
		var again bytes.Buffer
		w := multipart.NewWriter(&again)
		for name, value := range form {
			if !isText(name) || len(value) > len(body) {
				t.Fatalf("the field %q is %q", name, value)
			}
			if strings.ContainsAny(name, "\r\n") {
				return // such a name is written otherwise than it was sent
			}
			file, _ := w.CreateFormFile(name, "x") // what is no text is let through of files only
			_, _ = file.Write([]byte(value))
		}
		w.Close()
		if read, err := parseUpload(again.Bytes(), w.Boundary()); len(form) > 0 && (err != nil || !sameForm(read, form)) {
			t.Fatalf("%q is read as %q, and that as %q, %v", body, form, read, err)
		}
	})
}

// fuzzed is a request with such headers, as the handlers get it.
func fuzzed(f *testing.F) func(header string, values ...string) *fiber.Ctx {
	app := fiber.New(fiber.Config{Immutable: true})
	return func(header string, values ...string) *fiber.Ctx {
		r := &fasthttp.RequestCtx{}
		r.Init(&fasthttp.Request{}, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 1}, nil)
		for _, v := range values {
			r.Request.Header.Add(header, v)
		}
		return app.AcquireCtx(r)
	}
}

func FuzzCookie(f *testing.F) {
	good := cookieOf("ann")
	undo := base64.RawURLEncoding.EncodeToString([]byte(`{"kind":"success","text":"Removed Abe.","undo":"/o/` + strings.Repeat("a", portal.PublicIDLen) + "/undo/" + strings.Repeat("b", portal.PublicIDLen) + `"}`))
	for _, s := range []string{"portico=" + good, "portico=" + good + "; portico=" + good, "portico=" + good[1:], `portico="` + good + `"`, "portico=%00", "; ;portico=" + good + ";", "portico-notice=" + undo,
		"portico-notice=" + base64.RawURLEncoding.EncodeToString([]byte(`{"Kind":"success","Text":"x","Undo":"//evil.example/undo/x"}`))} {
		f.Add(s)
	}
	request := fuzzed(f)
	s := &server{cookies: newSessionStore(false)}
	f.Fuzz(func(t *testing.T, line string) {
		c := request("Cookie", line)
		session := s.session(c)
		if !session.IsNew {
			id, err := base64.RawURLEncoding.Strict().DecodeString(session.ID)
			if err != nil || len(id) != sessionIDLen || strings.Count(line, session.ID) == 0 {
				t.Fatalf("%q is the session %q", line, session.ID)
			}
			// The id is written as it was read, so that it is found by one hash only.
			w := cookieWriter{http.Header{}}
			if err := session.Save(&http.Request{}, w); err != nil {
				t.Fatal(err)
			}
			if again := s.session(request("Cookie", strings.SplitN(w.header.Get("Set-Cookie"), ";", 2)[0])); again.ID != session.ID {
				t.Fatalf("the session %q is %q when its cookie comes back", session.ID, again.ID)
			}
		} else if session.ID != "" {
			t.Fatalf("a new session is called %q", session.ID)
		}
		if n := takeNotice(c, false); n != nil {
			if !utf8.ValidString(n.Text) || n.Undo != "" && !undoPath.MatchString(n.Undo) {
				t.Fatalf("%q is the notice %+v", line, n)
			}
			// What the notice says for htmx can be sent in a header.
			if event := noticeEvent(*n); strings.ContainsFunc(event, func(r rune) bool { return r < ' ' || r > '~' }) || !json.Valid([]byte(event)) {
				t.Fatalf("the notice %+v is the header %q", n, event)
			}
			kept := request("Cookie", "")
			keepNotice(kept, *n, false)
			if again := takeNotice(request("Cookie", strings.SplitN(string(kept.Response().Header.Peek("Set-Cookie")), ";", 2)[0]), false); n.Text != "" && (again == nil || again.Kind != n.Kind || again.Undo != n.Undo || !strings.HasPrefix(n.Text, again.Text)) {
				t.Fatalf("the notice %+v is %+v on the next page", n, again)
			}
		}
	})
}

var _ = views.Notice{} // its fields are what the cookie holds

func FuzzForwarded(f *testing.F) {
	for _, s := range []string{"203.0.113.7", "203.0.113.7, 10.0.0.9", "evil, 203.0.113.7,10.0.0.2", "::ffff:203.0.113.7", "fe80::1%eth0", "203.0.113.7:80", "[2001:db8::1]", ", ,", "203.0.113.7\n10.1.1.1", "010.0.0.1"} {
		f.Add(s, s)
	}
	f.Add("203.0.113.7", "10.0.0.3")
	request := fuzzed(f)
	trusting := &server{Config: Config{TrustedProxies: []string{"10.0.0.0/8", "192.0.2.9"}}}
	f.Fuzz(func(t *testing.T, first, second string) {
		c := request("X-Forwarded-For", first, second)
		if got := (&server{}).clientIP(c); got != "10.0.0.1" {
			t.Fatalf("without proxies of ours %q, %q is believed: %q", first, second, got)
		}
		got := trusting.clientIP(c)
		a, err := netip.ParseAddr(got)
		if err != nil || a.Zone() != "" || a.Is4In6() || a.String() != got {
			t.Fatalf("%q, %q is the address %q, which is not the one form of one", first, second, got)
		}
		if got != "10.0.0.1" && trusting.trusted(got) {
			t.Fatalf("%q, %q is %q, a proxy of ours", first, second, got)
		}
		// What the client writes before the hop that our proxy has seen counts for nothing.
		for _, seen := range []string{"203.0.113.77", "203.0.113.77, 10.0.0.2"} {
			if got := trusting.clientIP(request("X-Forwarded-For", first, second, seen)); got != "203.0.113.77" {
				t.Fatalf("%q, %q before %q is %q", first, second, seen, got)
			}
		}
	})
}

func FuzzShownKey(f *testing.F) {
	for _, s := range []string{"Bearer portico_x", "bearer  portico_x ", "Basic x", "Bearer", "Bearer\tx", "Bearer a b", ""} {
		f.Add(s)
	}
	request := fuzzed(f)
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsAny(s, "\r\n") {
			return // a header's value ends there
		}
		c := request("Authorization", s)
		if key, ok := shownKey(c); ok && (len(s) < len("Bearer ") || !strings.EqualFold(s[:len("Bearer ")], "Bearer ") || !strings.HasSuffix(strings.TrimSpace(s), string(key))) {
			t.Fatalf("%q shows the key %q", s, key)
		}
		c.Request().Header.Add("X-API-Key", s)
		if key, ok := shownKey(c); ok {
			t.Fatalf("of two keys %q is taken", key)
		}
		if key, ok := shownKey(request("X-API-Key", s)); !ok || len(key) > len(s) {
			t.Fatalf("%q shows the key %q, %v", s, key, ok)
		}
	})
}
