package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"slices"
	"strings"
	"testing"
)

// The journeys are only worth what their tools are: these tests hold the tools
// to small pages that are known to be right or wrong.

const strictPolicy = "default-src 'self'"

const rightPage = `<!doctype html><html lang="en"><head><title>Right</title><meta name="viewport" content="width=device-width,initial-scale=1">
<link rel="icon" href="/icon.svg"></head><body>
<main><h1>Right</h1>
<form method="post" action="/echo"><label for="n">Name</label><input id="n" name="n" aria-describedby="p" aria-invalid="true"><p id="p">Say a name.</p>
<button>Save</button></form>
<table><thead><tr><th>Who</th><th>What</th></tr></thead><tbody>
<tr><td height="48">Acme</td><td><a href="/other">Approve</a></td></tr>
<tr><td height="48">Globex</td><td><a href="/third">Approve</a></td></tr>
<tr><td height="48">Initech</td><td><details class="menu"><summary>Actions</summary><a href="/revoked">Revoke</a></details></td></tr></tbody></table>
%s</main></body></html>`

func rightly(inside string) string { return fmt.Sprintf(rightPage, inside) }

// smallServer serves pages by path as a server that a person can visit.
func smallServer(t *testing.T, pages map[string]string) *server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, ok := pages[r.URL.Path]
		w.Header().Set("Content-Security-Policy", strictPolicy)
		switch {
		case r.URL.Path == "/icon.svg":
			w.Header().Set("Content-Type", "image/svg+xml")
			page, ok = `<svg xmlns="http://www.w3.org/2000/svg"/>`, true
		case r.URL.Path == "/echo":
			page, ok = rightly("You said "+r.FormValue("n")), true
		case strings.HasSuffix(r.URL.Path, ".js"):
			w.Header().Set("Content-Type", "text/javascript")
		default:
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
		}
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			page = rightly("Nothing here")
		}
		fmt.Fprint(w, page)
	}))
	t.Cleanup(s.Close)
	return &server{t: t, url: people(t, s.URL)}
}

var anybody = somebody{"Nina", "Novak", "nina@acme.example", "correct horse battery"}

func TestAPersonWorksInAPage(t *testing.T) {
	journey(t)
	s := smallServer(t, map[string]string{
		"/": rightly(""), "/other": rightly("Approving Acme"), "/third": rightly("Approving Globex"), "/revoked": rightly("Revoked Initech"),
	})
	for _, scripts := range []bool{true, false} {
		p := s.newPerson(t, anybody, scripts)
		p.opens("/nowhere", http.StatusNotFound)
		p.open("/")
		if got := p.problem("Name"); got != "Say a name." {
			t.Errorf("the problem at Name reads %q", got)
		}
		p.fill("Name", "Nina")
		p.press("Save")
		p.at("/echo")
		p.sees("You said Nina")
		p.row("Initech").press("Revoke") // which is in a menu
		p.sees("Revoked Initech")
		p.open("/")
		p.row("Globex").ask("Approve").sees("Approving Globex")
		p.misses("Approving Acme")
		p.lacks("Reject")
		p.audit("a right page")
	}
}

func TestADialogIsAsked(t *testing.T) {
	journey(t)
	s := smallServer(t, map[string]string{
		"/": rightly(`<dialog id="d" aria-label="Really?"><p>Really?</p><a href="/third">Approve</a></dialog><script src="a.js"></script>`),
		"/a.js": `document.addEventListener('click', e => {
			if (e.target.getAttribute('href') === '/other') { e.preventDefault(); setTimeout(() => d.showModal(), 100) } })`,
		"/third": rightly("It is approved"),
	})
	p := s.visitor(t, anybody)
	p.open("/")
	d := p.row("Acme").ask("Approve")
	d.sees("Really?")
	p.audit("a right dialog")
	d.press("Approve")
	p.at("/third")
	p.sees("It is approved")
}

func TestAPlainClientSendsForms(t *testing.T) {
	t.Parallel()
	s := smallServer(t, map[string]string{"/": rightly(""), "/third": rightly("Approving Globex")})
	c := s.plainly(t, anybody).open("/")
	if got := c.problem("Name"); got != "Say a name." {
		t.Errorf("the problem at Name reads %q", got)
	}
	c.fill("Name", "Nina & Otto").press("Save").want(http.StatusOK).isAt("/echo").finds("You said Nina & Otto")
	c.pressIn(c.row("Globex"), "Approve").finds("Approving Globex")
}

func TestTheAuditFindsWhatIsPlanted(t *testing.T) {
	journey(t)
	wrong := strings.Replace(rightly(""), "<label for=\"n\">Name</label>", "", 1)
	s := smallServer(t, map[string]string{"/": wrong})
	p := s.visitor(t, anybody)
	p.open("/")
	found := violations(t, p.page, "body", rules)
	if !slices.ContainsFunc(found, func(v violation) bool { return v.Rule == "label" }) {
		t.Errorf("axe finds %+v, want the field without a label", found)
	}
}

func TestThePageIsWatched_XSS_06(t *testing.T) {
	journey(t)
	for name, test := range map[string]struct{ inside, script, want string }{
		"a forbidden script":       {`<script>1</script>`, "", "policy violation: script-src"},
		"an inline style":          {`<p style="color:red">red</p>`, "", "policy violation: style-src"},
		"an error in the log":      {`<script src="a.js"></script>`, "console.error('bad luck')", "bad luck"},
		"a script that fails":      {`<script src="a.js"></script>`, "undefinedFunction()", "undefinedFunction"},
		"a request to elsewhere":   {`<script src="a.js"></script>`, "location = 'http://elsewhere.invalid/'", "leaves the server"},
		"a 404 is an answer":       {`<script src="a.js"></script>`, "fetch('/missing')", ""},
		"a sandboxed frame is not": {`<iframe title="mail" sandbox src="/mail"></iframe>`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := smallServer(t, map[string]string{"/": rightly(test.inside), "/a.js": test.script, "/mail": rightly("")})
			p := s.visitor(t, anybody)
			p.open("/")
			// What the page has to say, it says within a moment of being there.
			if _, err := p.page.Evaluate(`() => new Promise(done => setTimeout(done, 100))`); err != nil && test.want != "leaves the server" {
				t.Fatal(err)
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			all := strings.Join(p.troubles, "\n")
			p.troubles = nil
			if test.want == "" && all != "" || !strings.Contains(all, test.want) {
				t.Errorf("it says %q, want %q", all, test.want)
			}
		})
	}
}

func TestPostOffices(t *testing.T) {
	t.Parallel()
	raw := "From: a@provider.example\r\nTo: nina@acme.example\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n" +
		"Date: Mon, 02 Jan 2006 15:04:05 -0700\r\nMessage-Id: <1@x>\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nLook: http://h/verify-email/abc=3Dd=\r\ne\r\n" +
		"--b\r\nContent-Type: text/html; charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<a href=3D\"http://h/verify-email/abc=3Dde\">Look</a>\r\n--b--\r\n"
	send := func(p *postOffice, auth smtp.Auth) error {
		return smtp.SendMail(p.address, auth, "a@provider.example", []string{"nina@acme.example"}, []byte(raw))
	}

	open := openPostOffice(t)
	if err := send(open, nil); err != nil {
		t.Fatal(err)
	}
	if open.holds("nina@acme.example", "nothing of the kind") || !open.holds("Nina@acme.example", "grüße") {
		t.Error("the mail is not found by its words")
	}
	m := open.next("nina@acme.example", "Grüße", "look")
	if got, want := m.link(t, "http://h", "/verify-email/"), "http://h/verify-email/abc=de"; got != want {
		t.Errorf("the link is %q, want %q", got, want)
	}
	if open.holds("nina@acme.example") {
		t.Error("a mail that was taken is still there")
	}

	secure := openSecurePostOffice(t)
	if err := send(secure, nil); err == nil {
		t.Error("a certificate of nobody's was accepted")
	}
	if secure.holds("nina@acme.example") {
		t.Error("a mail went through without TLS")
	}

	refusing := openRefusingPostOffice(t, "No such person here")
	if err := send(refusing, nil); err == nil || !strings.Contains(err.Error(), "No such person here") {
		t.Errorf("it refuses with %v", err)
	}
}

func TestAMailWithoutWhatAMailNeedsIsNotRead(t *testing.T) {
	t.Parallel()
	if _, err := parseMessage([]byte("From: a@b.example\r\nTo: c@d.example\r\nSubject: x\r\n\r\nbody")); err == nil {
		t.Error("it has neither Date nor Message-Id, and was read")
	}
}

// Two journeys drive the one browser at once; this is where that would show under the race detector.
func TestTwoPeopleAtOnce(t *testing.T) {
	for i := range 2 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			journey(t)
			s := smallServer(t, map[string]string{"/": rightly("")})
			for range 2 {
				p := s.visitor(t, anybody)
				for range 3 {
					p.open("/")
					p.fill("Name", "Nina")
					p.press("Save")
					p.sees("You said Nina")
				}
			}
		})
	}
}
