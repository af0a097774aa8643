package mail

import (
	"bytes"
	"mime"
	netmail "net/mail"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/PuerkitoBio/goquery"

	"portico/portal"
)

// Each target takes what somebody outside, or an admin, may type, and holds the
// parser to what the rest of Portico relies on. The inputs below testdata run in
// every go test.

const fuzzBase = "https://portal.example.org"

// mailElements are those that a mail may be made of, with the attributes of each
// besides style.
var mailElements = map[string]string{"html": "lang", "head": "", "meta": "charset name content", "title": "", "style": "", "body": "class", "div": "class role aria-label", "p": "class", "a": "class href",
	"span": "", "br": "", "em": "", "strong": "", "h2": "", "hr": "", "ul": "", "ol": "start", "li": "", "blockquote": ""}

// soundHTML says what is in the HTML of a mail that may not be in one, or "".
func soundHTML(html string) string {
	page, err := goquery.NewDocumentFromReader(strings.NewReader(html))
	if err != nil {
		return err.Error()
	}
	wrong := ""
	page.Find("*").Each(func(_ int, e *goquery.Selection) {
		name := goquery.NodeName(e)
		may, ok := mailElements[name]
		if !ok {
			wrong = "the element " + name
			return
		}
		for _, a := range e.Nodes[0].Attr {
			switch {
			case a.Key == "href":
				if u, err := url.Parse(a.Val); err != nil || u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "mailto" {
					wrong = "a link to " + a.Val
				}
			case a.Key != "style" && !strings.Contains(" "+may+" ", " "+a.Key+" "):
				wrong = "the attribute " + a.Key + " of " + name
			}
		}
	})
	if n := page.Find("style").Length(); n != 1 {
		wrong = "another style sheet"
	}
	return wrong
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"Hello {{recipient}},\n\n[Open]({{link}})\n\n> quoted\n\n1. one\n2. two", "<script>alert(1)</script>", "[x](javascript:alert(1))", "![x](https://e.example/x.png)", "<https://e.example/\"onmouseover=x>", "{{", "{{link}}", "[{{recipient}}](https://e.example/{{recipient}})",
		"# {{organization}}\n---\n* *a **b***", "<eve@evil.example>", "&#106;avascript:", "[x](http://[::1)", "\ue000\uf8ff", "[x](https://e.example \"title\" onclick=x)"} {
		f.Add("Hello "+s, s, "Ann <b>{{link}}</b>")
	}
	f.Fuzz(func(t *testing.T, subject, text, typed string) {
		m := portal.Mail{PublicID: "abc", Kind: portal.MailInvitation, To: "ann@example.org", ToName: typed,
			OrgName: typed, Data: map[string]string{"inviter": typed, "role": typed, "expires": typed, "organization": typed}}
		link := fuzzBase + "/invitations/token"
		msg, err := render(portal.MailText{Subject: subject, Body: text}, m, link, fuzzBase)
		if err != nil {
			return
		}
		if wrong := soundHTML(msg.HTML); wrong != "" {
			t.Fatalf("the text %q with %q has %s:\n%s", text, typed, wrong, msg.HTML)
		}
		raw, err := Build("Portico <portico@example.org>", m, msg, time.Unix(0, 0), "abc@example.org")
		if err != nil {
			t.Fatalf("the text %q with %q cannot be sent: %v", text, typed, err)
		}
		soundMessage(t, raw, msg.Subject)
		// Values are data: no link in the mail comes from them.
		m.ToName, m.OrgName = "x", "x"
		for name := range m.Data {
			m.Data[name] = "x"
		}
		harmless, err := render(portal.MailText{Subject: subject, Body: text}, m, link, fuzzBase)
		if err != nil {
			return // such as a subject that is nothing but a value
		}
		if got, want := hrefs(msg.HTML), hrefs(harmless.HTML); got != want {
			t.Fatalf("with %q the text %q links to\n%s, not to\n%s", typed, text, got, want)
		}
	})
}

func hrefs(html string) string {
	page, _ := goquery.NewDocumentFromReader(strings.NewReader(html))
	var all []string
	page.Find("[href]").Each(func(_ int, e *goquery.Selection) { all = append(all, e.AttrOr("href", "")) })
	return strings.Join(all, "\n")
}

// soundMessage checks that a message has the headers it should, once each, and that
// its lines are fit to be sent.
func soundMessage(t *testing.T, raw []byte, subject string) {
	t.Helper()
	message, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%q is no message: %v", raw, err)
	}
	want := []string{"From", "To", "Subject", "Date", "Message-Id", "Auto-Submitted", "Mime-Version", "Content-Type"}
	for _, name := range want {
		if n := len(message.Header[name]); n != 1 {
			t.Fatalf("the header %s is there %d times", name, n)
		}
	}
	if len(message.Header) != len(want) {
		t.Fatalf("the headers are %v", message.Header)
	}
	got, err := new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
	if err != nil || got != subject {
		t.Fatalf("the subject is read as %q, and is %q: %v", got, subject, err)
	}
	if strings.ContainsFunc(got, unicode.IsControl) {
		t.Fatalf("the subject is %q", got)
	}
	if to, err := message.Header.AddressList("To"); err != nil || len(to) != 1 || to[0].Address != "ann@example.org" {
		t.Fatalf("it goes to %v, %v", to, err)
	}
	for _, line := range bytes.Split(raw, []byte("\r\n")) {
		if len(line) > 998 || bytes.ContainsAny(line, "\r\n\x00") || bytes.ContainsFunc(line, func(r rune) bool { return r > unicode.MaxASCII }) {
			t.Fatalf("a line reads %q", line)
		}
	}
}

func FuzzServerURL(f *testing.F) {
	for _, s := range []string{"smtp://user:p%40ss@mail.example.com:587", "smtps://mail.example.com", "smtp://localhost:1025?tls=off", "smtp://mail.example.com/..", "smtp://:secret@h", "smtp://a:b@c@d", "smtp://h\r\n.example", "http://h", "smtp://[::1]:25", "smtp://u:secret%0d%0aMAIL@h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		server, err := ParseURL(s)
		if err != nil {
			if !portal.IsCode(err, portal.Invalid) {
				t.Fatalf("the refusal is %v", err)
			}
			return
		}
		for _, part := range []string{server.Host, server.Port, server.User, server.Password} {
			if strings.ContainsFunc(part, unspeakable) {
				t.Fatalf("%q is read as %q, which ends a command", s, part)
			}
		}
		if server.Host == "" || server.User == "" && server.Password != "" || server.User != "" && server.Plain && !isLoopback(server.Host) {
			t.Fatalf("%q is read as %#v", s, server)
		}
		shown := server.Redacted()
		if server.Password != "" {
			hidden := server
			hidden.Password = "another password"
			if hidden.Redacted() != shown {
				t.Fatalf("%q is shown as %q, which depends on the password", s, shown)
			}
		}
		again, err := ParseURL(strings.Replace(shown, ":xxxxx@", ":"+url.QueryEscape("x")+"@", 1))
		if err != nil || again.Host != server.Host || again.Port != server.Port || again.User != server.User || again.TLS != server.TLS || again.Plain != server.Plain {
			t.Fatalf("%q is shown as %q, which reads as %v, %v", s, shown, again, err)
		}
	})
}

func FuzzSender(f *testing.F) {
	for _, s := range []string{"Portico <portico@example.com>", "portico@bücher.example", `"A, B" <a@b.example>`, "=?UTF-8?Q?a=0D=0ABcc:_x?= <a@b.example>", "a@b.example, c@d.example", "<a@b.example>\r\nBcc: x@y.example", "Group: a@b.example;"} {
		f.Add(s, "Ann")
	}
	f.Fuzz(func(t *testing.T, from, to string) {
		sender, err := ParseFrom(from)
		if err != nil {
			if !portal.IsCode(err, portal.Invalid) {
				t.Fatalf("the refusal is %v", err)
			}
			from, sender.Address = "portico@example.org", "portico@example.org"
		}
		raw, err := Build(from, portal.Mail{To: "ann@example.org", ToName: to}, Message{Subject: "Hello", Text: "Hello", HTML: "<p>Hello</p>"}, time.Unix(0, 0), "abc@example.org")
		if err != nil {
			t.Fatalf("from %q to %q: %v", from, to, err)
		}
		soundMessage(t, raw, "Hello")
		message, _ := netmail.ReadMessage(bytes.NewReader(raw))
		list, err := message.Header.AddressList("From")
		if err != nil || len(list) != 1 || list[0].Address != sender.Address {
			t.Fatalf("%q is sent as from %v, %v; want %s", from, list, err, sender.Address)
		}
	})
}
