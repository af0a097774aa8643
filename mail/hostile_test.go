package mail_test

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"os"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/PuerkitoBio/goquery"

	texts "portico/e2e/hostile"
	"portico/mail"
	"portico/portal"
)

// Whatever stands in a mail's variables, and in the name of whom it goes to, is text
// there: the mail has the headers, the elements and the links of a harmless one.
func TestHostileTextIsTextInEveryMail_XSS_01(t *testing.T) {
	t.Parallel()
	var tried, held int
	t.Cleanup(func() { t.Attr("faults", fmt.Sprintf("%s|%d|%d", "hostile text in a mail", tried, held)) })
	const link = base + "/invitations/token"
	for _, kind := range portal.MailKinds {
		usual, bare := sent(t, hostile(kind, "Harmless"), link), sent(t, hostile(kind, ""), link)
		for i, text := range texts.Texts() {
			if os.Getenv("TEST_LONG") != "1" && i%4 != int(kind[0])%4 {
				continue // each text still stands in several kinds of mail
			}
			tried++
			got := sent(t, hostile(kind, text.Value), link)
			switch {
			case got.headers != usual.headers:
				t.Errorf("%s of %q has the headers %s, not %s", kind, text.Value, got.headers, usual.headers)
			case got.elements != usual.elements && got.elements != bare.elements:
				t.Errorf("%s of %q has the elements\n%s, not\n%s", kind, text.Value, got.elements, usual.elements)
			case strings.ContainsFunc(got.subject, unicode.IsControl) || strings.ContainsFunc(strings.ReplaceAll(got.text, "\n", ""), unicode.IsControl):
				t.Errorf("%s of %q reads %q and %q", kind, text.Value, got.subject, got.text)
			case strings.Count(got.text, base) != strings.Count(usual.text, base):
				t.Errorf("%s of %q has the links of\n%s", kind, text.Value, got.text)
			default:
				held++
			}
		}
	}
	if tried < 500 {
		t.Errorf("only %d mails were written", tried)
	}
}

// form is what can be told of a mail that was sent: everything but the words.
type form struct {
	headers, elements, subject, text string
}

func sent(t *testing.T, m portal.Mail, link string) form {
	t.Helper()
	msg, err := mail.Render(m, link, base)
	if err != nil {
		t.Fatalf("%s with %q: %v", m.Kind, m.ToName, err)
	}
	raw, err := mail.Build("Portico <portico@example.com>", m, msg, time.Unix(0, 0), "abc@example.com")
	if err != nil {
		t.Fatalf("%s with %q: %v", m.Kind, m.ToName, err)
	}
	message, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%s with %q: %v", m.Kind, m.ToName, err)
	}
	var l form
	for _, name := range []string{"From", "To", "Subject", "Date", "Message-Id", "Auto-Submitted", "Mime-Version", "Content-Type"} {
		l.headers += fmt.Sprintf("%s %d ", name, len(message.Header[name]))
	}
	to, err := message.Header.AddressList("To")
	if err != nil || len(to) != 1 {
		t.Fatalf("%s to %q goes to %v, %v", m.Kind, m.ToName, to, err)
	}
	l.headers += fmt.Sprint(len(message.Header), to[0].Address)
	if l.subject, err = new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(message.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return l
		} else if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		l.headers += " " + part.Header.Get("Content-Type")
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/plain") {
			l.text = strings.ReplaceAll(string(content), "\r\n", "\n")
			continue
		}
		page, err := goquery.NewDocumentFromReader(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		page.Find("*").Each(func(_ int, e *goquery.Selection) {
			name := goquery.NodeName(e)
			if name == "span" && len(e.Nodes[0].Attr) == 0 || name == "br" {
				return // within words, and at the ends of lines
			}
			l.elements += name
			for _, a := range e.Nodes[0].Attr {
				if l.elements += " " + a.Key; a.Key != "aria-label" {
					l.elements += "=" + a.Val
				}
			}
			l.elements += "\n"
		})
	}
}
