package mail_test

import (
	"strings"
	"testing"
	"time"

	"portico/mail"
	"portico/portal"
)

// A text has variables and no loops, and a length: nothing it can say makes
// writing a mail long or large.
func TestNoTextMakesAMailLongInTheMaking_MAIL_06(t *testing.T) {
	t.Parallel()
	if _, err := mail.Check(portal.MailTest, portal.MailText{Subject: "Hello", Body: strings.Repeat("a", 5<<20)}, base); !portal.IsCode(err, portal.Invalid) {
		t.Errorf("five megabytes: %v", err)
	}
	fill := func(piece string) string { return strings.Repeat(piece, portal.MaxMailBody/len(piece)) }
	for name, body := range map[string]string{
		"nested quotes": fill("> "), "nested lists": fill("- "), "emphasis": fill("*a **b "), "brackets": fill("["), "links": fill("[a]("), "open braces": fill("{{"),
		"variables": fill("{{name}} "), "variables in variables": fill("{{name{{name}}}} "), "backticks": fill("`"), "backslashes": fill("\\"), "headings": fill("# "), "lines": fill("\n"),
		"entities": fill("&amp;"), "deep lists": fill("- a\n  "), "angle brackets": fill("<a "), "underscores": fill("_a__"), "images": fill("!["),
	} {
		m := example(portal.MailTest)
		for variable := range m.Data {
			m.Data[variable] = strings.Repeat("{{name}}", 10)
		}
		m.ToName = strings.Repeat("x", portal.MaxName)
		text := portal.MailText{Subject: "Hello", Body: body}
		began := time.Now()
		_, _ = mail.Check(portal.MailTest, text, base) // most are refused
		m.Text = text
		msg, err := mail.Render(m, base+"/x", base)
		if err != nil {
			t.Errorf("%s: %v", name, err) // what cannot be used falls back to Portico's own
		}
		if took := time.Since(began); took > time.Minute { // no limit of speed: a machine may be busy, but not for so long
			t.Errorf("%s takes %v", name, took)
		}
		if n := len(msg.Text) + len(msg.HTML); n > 100*portal.MaxMailBody {
			t.Errorf("%s becomes %d octets", name, n)
		}
	}
}
