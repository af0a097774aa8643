package mail_test

import (
	"fmt"
	"strings"
	"testing"

	"portico/mail"
	"portico/portal"
)

func TestMarkdownInBothParts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, body, text, html string }{
		{"emphasis", "Some *soft* and **strong** words", "Some soft and strong words", "Some <em>soft</em> and <strong>strong</strong> words"},
		{"a heading", "## News\n\nText", "News\n\nText", "line-height:1.3;\">News</h2>"},
		{"a list", "- one\n- two **bold**\n  more", "- one\n- two bold\n  more", "<li style=\"margin:0 0 4px;\">two <strong>bold</strong><br>\nmore</li></ul>"},
		{"a numbered list", "3. three\n4. four", "3. three\n4. four", "<ol start=\"3\""},
		{"a quote", "> said\n> so", "> said\n> so", "<blockquote"},
		{"a rule", "One\n\n---\n\nTwo", "One\n\n* * *\n\nTwo", "<hr "},
		{"a line break", "One\nTwo", "One\nTwo", "One<br>\nTwo"},
		{"a link", "Read [the docs](https://docs.example.com/a?b=c&d) first", "Read the docs (https://docs.example.com/a?b=c&d) first", `<a href="https://docs.example.com/a?b=c&amp;d" style="color:inherit;">the docs</a>`},
		{"an address", "<https://docs.example.com>", "https://docs.example.com", `<a href="https://docs.example.com"`},
		{"a mail address", "<help@example.com>", "help@example.com", `<a href="mailto:help@example.com"`},
		{"HTML is text", "<b>bold</b> <script>x</script>", "<b>bold</b> <script>x</script>", "&lt;b&gt;bold&lt;/b&gt; &lt;script&gt;x&lt;/script&gt;"},
		{"an HTML block is text", "<div onclick=x>\n\nText", "<div onclick=x>\n\nText", "&lt;div onclick=x&gt;"},
		{"escaped", `\*not\* & &lt;`, "*not* & &lt;", "*not* &amp; &amp;lt;"},
		{"a value beside marks", "**{{name}}** _{{name}}_", "Grace Hopper Grace Hopper", "<strong>Grace Hopper</strong> <em>Grace Hopper</em>"},
		{"a private character", "a\uE000b", "ab", "ab"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			msg, err := mail.RenderText(portal.MailText{Subject: "a", Body: c.body}, example(portal.MailReset), base+"/x", base)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(msg.Text, c.text+"\n\n-- \n") {
				t.Errorf("text: %q, want %q", msg.Text, c.text)
			}
			if !strings.Contains(msg.HTML, c.html) {
				t.Errorf("HTML lacks %q:\n%s", c.html, msg.HTML)
			}
		})
	}
}

func TestWhatIsWrongWithATextStandsAtItsField_MAIL_05(t *testing.T) {
	t.Parallel()
	const button = "[Set it]({{link}})"
	for _, c := range []struct{ name, subject, body, field, says string }{
		{"an unknown variable", "a", "Hello {{nobody}}\n\n" + button, "body", "There is no variable {{nobody}} here"},
		{"a variable of another kind", "a", "{{organization}}\n\n" + button, "body", "There is no variable {{organization}} here"},
		{"an unknown variable in the subject", "{{x}}", button, "subject", "There is no variable {{x}} here"},
		{"a link in the subject", "{{link}}", button, "subject", "The link cannot stand here"},
		{"an open brace", "a", "{{name\n\n" + button, "body", "is not closed"},
		{"an open brace in the subject", "{{name", button, "subject", "is not closed"},
		{"a link inside a paragraph", "a", "Go to {{link}} now", "body", "in a paragraph of its own"},
		{"a button in a list", "a", "- " + button, "body", "needs a whole address|A variable cannot be part of an address"},
		{"a variable in an address", "a", "[x](https://example.com/{{name}})\n\n" + button, "body", "A variable cannot be part of an address"},
		{"a script as an address", "a", "[x](javascript:alert(1))\n\n" + button, "body", "begins with https://"},
		{"a picture", "a", "![x](https://example.com/x.png)\n\n" + button, "body", "holds no pictures"},
		{"no link where the mail is for it", "a", "Hello", "body", "Keep it in a paragraph of its own"},
		{"an empty subject", " ", button, "subject", "Enter a subject"},
		{"an empty body", "a", " \n", "body", "Enter the text"},
		{"a line break in the subject", "a\r\nBcc: x@example.com", button, "subject", "line break"},
		{"a long subject", strings.Repeat("a", portal.MaxMailSubject+1), button, "subject", "at most"},
		{"a long body", "a", strings.Repeat("a", portal.MaxMailBody+1), "body", "at most"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := mail.Check(portal.MailReset, portal.MailText{Subject: c.subject, Body: c.body}, base)
			var found bool
			if e, ok := err.(*portal.Error); ok && e.Code == portal.Invalid {
				for _, says := range strings.Split(c.says, "|") {
					found = found || strings.Contains(e.Fields[c.field], says)
				}
			}
			if !found {
				t.Errorf("got %#v, want at %s: %s", err, c.field, c.says)
			}
		})
	}
	for _, kind := range portal.MailKinds {
		if _, err := mail.Check(kind, mail.TextOf(kind), base); err != nil {
			t.Errorf("Portico's own text of %s: %v", kind, err)
		}
	}
}

// Every kind, by its own text and by one that uses each of its variables at every
// place where a variable may stand.
func TestEveryKindWithHostileNamesInBothParts_MAIL_01_MAIL_02(t *testing.T) {
	t.Parallel()
	for _, kind := range portal.MailKinds {
		everyPlace := portal.MailText{Subject: "S"}
		for _, v := range mail.Variables(kind) {
			if place := "{{" + v.Name + "}}"; v.Name != "link" {
				everyPlace.Subject += " " + place
				everyPlace.Body += fmt.Sprintf("%s\n\n## %s\n\n**%s** *%s*\n\n- %s\n\n> %s\n\n[%s](https://docs.example.com)\n\n", place, place, place, place, place, place, place)
			}
		}
		everyPlace.Body += "[Go]({{link}})"
		if _, err := mail.Check(kind, portal.MailText{Subject: "S", Body: everyPlace.Body}, base); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		for _, text := range []portal.MailText{{}, everyPlace} {
			for _, name := range []string{`<img src=x onerror=alert(1)>`, "Ada\r\nBcc: victim@example.com\r\n\r\nbody", strings.Repeat("🦊", 80), "**a** [x](https://evil.example) {{link}} {{nobody}} \uE000"} {
				m := hostile(kind, name)
				m.Text = text
				msg, page := rendered(t, m, base+"/x")
				if text.Body != "" && msg.Source != text {
					t.Fatalf("%s was not written by the text it carries", kind)
				}
				if strings.ContainsAny(msg.Subject, "\r\n") {
					t.Errorf("%s: the subject has lines: %q", kind, msg.Subject)
				}
				if page.Find("img, script, [onerror]").Length() > 0 || strings.Contains(msg.HTML, "evil.example\"") {
					t.Errorf("%s: a name became markup:\n%s", kind, msg.HTML)
				}
				plain := strings.Join(strings.Fields(name), " ")
				if text.Body != "" && !strings.Contains(strings.Join(strings.Fields(msg.Text), " "), plain) {
					t.Errorf("%s: the text does not say %q as it is:\n%s", kind, plain, msg.Text)
				}
				if strings.Contains(msg.Text, "&lt;") {
					t.Errorf("%s: the text is escaped as HTML:\n%s", kind, msg.Text)
				}
				raw, err := mail.Build(from, m, msg, noon, "abc@example.com")
				if err != nil {
					t.Fatal(err)
				}
				head, _, _ := strings.Cut(string(raw), "\r\n\r\n")
				if strings.Contains(strings.ToLower(head), "\nbcc:") {
					t.Errorf("%s: a header was made:\n%s", kind, head)
				}
			}
		}
	}
}

func TestATextThatDoesNotFitFallsBackToPorticosOwn_MAIL_05(t *testing.T) {
	t.Parallel()
	m := example(portal.MailReset)
	m.Text = portal.MailText{Subject: "Hello", Body: "{{gone_since_the_upgrade}}"}
	msg, err := mail.Render(m, base+"/x", base)
	if err != nil || msg.Source != mail.TextOf(portal.MailReset) || !strings.Contains(msg.Text, base+"/x") {
		t.Errorf("%+v, %v", msg, err)
	}
	m.Text.Body = "Good: {{name}}"
	if msg, err = mail.Render(m, base+"/x", base); err != nil || msg.Source != m.Text || mail.Subject(m, base) != "Hello" {
		t.Errorf("%+v, %v", msg, err)
	}
}
