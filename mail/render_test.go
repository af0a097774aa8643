package mail_test

import (
	"bytes"
	"fmt"
	"mime"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"

	"portico/mail"
	"portico/portal"
)

const (
	base = "https://portal.example.com"
	from = "Portico <portico@provider.example>"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// example is a mail of that kind with the examples of its variables.
func example(kind portal.MailKind) portal.Mail {
	m := portal.Mail{PublicID: "abcdefghijklmnopqrstuvwxyz", Kind: kind, To: "ada@example.com", ToName: "Ada Lovelace", Data: map[string]string{}}
	for _, v := range mail.Variables(kind) {
		m.Data[v.Name] = v.Example
	}
	return m
}

// hostile fills every variable of a mail with s.
func hostile(kind portal.MailKind, s string) portal.Mail {
	m := example(kind)
	for name := range m.Data {
		m.Data[name] = s
	}
	m.ToName, m.OrgName = s, s
	return m
}

func rendered(t *testing.T, m portal.Mail, link string) (mail.Message, *goquery.Document) {
	t.Helper()
	msg, err := mail.Render(m, link, base)
	if err != nil {
		t.Fatal(err)
	}
	page, err := goquery.NewDocumentFromReader(strings.NewReader(msg.HTML))
	if err != nil {
		t.Fatal(err)
	}
	return msg, page
}

func hrefs(page *goquery.Document) []string {
	return page.Find("[href], [src], [action]").Map(func(_ int, s *goquery.Selection) string {
		href, _ := s.Attr("href")
		return href
	})
}

func TestEveryKindIsRendered(t *testing.T) {
	t.Parallel()
	if got, want := mail.Kinds, len(portal.MailKinds); got != want {
		t.Errorf("there are %d texts for %d kinds", got, want)
	}
	for _, kind := range portal.MailKinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			const link = base + "/a/page?state=pending"
			msg, page := rendered(t, example(kind), link)
			if strings.Contains(msg.Subject+msg.Text+msg.HTML, "{{") {
				t.Errorf("a variable was left:\n%s", msg.Text)
			}
			want := []string{}
			if strings.Contains(mail.TextOf(kind).Body, "{{link}}") {
				want = []string{link}
				if !strings.Contains(msg.Text, ":\n"+link+"\n") {
					t.Errorf("the address does not stand on a line of its own:\n%s", msg.Text)
				}
				if !strings.Contains(page.Text(), link) {
					t.Error("the address is not written out in HTML")
				}
			}
			if diff := cmp.Diff(want, hrefs(page)); diff != "" {
				t.Errorf("links in HTML:\n%s", diff)
			}
			if strings.Contains(mail.TextOf(kind).Body, "{{organization}}") && !strings.Contains(msg.Subject, "Analytical Engines") {
				t.Errorf("the subject %q does not name the organization", msg.Subject)
			}
			for _, part := range []string{msg.Text, page.Text()} {
				if !strings.Contains(part, "You get this mail because ") || !strings.Contains(part, "Portico at portal.example.com.") {
					t.Errorf("no footer in:\n%s", part)
				}
				if !strings.Contains(part, "Hello Ada Lovelace,") {
					t.Errorf("no greeting in:\n%s", part)
				}
			}
			if page.Find("html").AttrOr("lang", "") != "en" || page.Find("table, img, script").Length() > 0 {
				t.Errorf("not the HTML that is meant:\n%s", msg.HTML)
			}
		})
	}
}

func TestTheTextsSayHowLongLinksWork(t *testing.T) {
	t.Parallel()
	for kind, want := range map[portal.MailKind]struct {
		words string
		life  time.Duration
		says  time.Duration
	}{
		portal.MailProve: {"7 days", portal.ProofLife, 7 * 24 * time.Hour},
		portal.MailReset: {"1 hour, and once", portal.ResetLife, time.Hour},
	} {
		if !strings.Contains(mail.TextOf(kind).Body, want.words) || want.life != want.says {
			t.Errorf("the text of %s does not say the %v that its link works", kind, want.life)
		}
	}
	if !strings.Contains(mail.TextOf(portal.MailInvitation).Body, "until {{expires}}") {
		t.Error("the invitation does not say until when it works")
	}
}

var hostileValues = []string{
	`<img src=x onerror=alert(1)>`,
	`</div><a href="https://evil.example">verify</a>`,
	"Ada\r\nBcc: victim@example.com\r\n\r\nbody",
	"Ada\nSubject: other",
	strings.Repeat("🦊", 80),
	`{{link}} {{organization}} {{nothing}} {{`,
	`[x](http://evil.example)`,
	`[x]({{link}})`,
	`Win at http://evil.example now`,
	`www.evil.example`,
	"\r\n.\r\nMAIL FROM:<evil@example.com>",
	`"Doe, John" <evil@example.com>, b@c,d`,
	`=?UTF-8?Q?a=0D=0ABcc:_x@y.example?=`,
	"a\u202Eb\x00c",
	"\xff\xfe broken",
	"&lt;b&gt; &amp;",
}

func TestHostileValuesStayData_MAIL_01_MAIL_02_MAIL_03_MAIL_07_MAIL_10(t *testing.T) {
	t.Parallel()
	for _, kind := range portal.MailKinds {
		for i, value := range hostileValues {
			t.Run(fmt.Sprint(kind, i), func(t *testing.T) {
				t.Parallel()
				const link = base + "/invitations/token"
				m := hostile(kind, value)
				msg, page := rendered(t, m, link)
				for _, href := range hrefs(page) {
					if href != link {
						t.Errorf("HTML links to %q", href)
					}
				}
				if n := page.Find("img, script, iframe, form").Length(); n > 0 {
					t.Errorf("HTML holds what was typed:\n%s", msg.HTML)
				}
				if n := len([]rune(msg.Subject)); n > 150 {
					t.Errorf("the subject has %d characters", n)
				}
				if strings.ContainsAny(msg.Subject, "\r\n\x00") {
					t.Errorf("the subject %q has control characters", msg.Subject)
				}

				raw, err := mail.Build(from, m, msg, noon, "abc@provider.example")
				if err != nil {
					t.Fatal(err)
				}
				checkRaw(t, raw)
				d := delivered(t, raw)
				if got, want := d.Subject, msg.Subject; got != want {
					t.Errorf("the subject arrives as %q, want %q", got, want)
				}
				if got, want := d.Text, msg.Text; got != want {
					t.Errorf("the text arrives changed:\n%s", cmp.Diff(want, got))
				}
				if got, want := d.HTML, msg.HTML; got != want {
					t.Errorf("the HTML arrives changed:\n%s", cmp.Diff(want, got))
				}
			})
		}
	}
}

// delivered is what a mail program makes of a message.
func delivered(t *testing.T, raw []byte) mail.Delivered {
	t.Helper()
	var box mail.Mailbox
	if err := box.Send(t.Context(), "portico@provider.example", "ada@example.com", raw); err != nil {
		t.Fatal(err)
	}
	return box.List()[0]
}

// checkRaw holds what is true of every message on the wire.
func checkRaw(t *testing.T, raw []byte) {
	t.Helper()
	if !bytes.HasSuffix(raw, []byte("\r\n")) {
		t.Error("the last line has no end")
	}
	for i, line := range strings.Split(strings.TrimSuffix(string(raw), "\r\n"), "\r\n") {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") || strings.ContainsFunc(line, func(r rune) bool { return r > '~' }) {
			t.Errorf("line %d: %q", i, line)
		}
	}
	head, _, _ := strings.Cut(string(raw), "\r\n\r\n")
	var names []string
	for _, line := range strings.Split(head, "\r\n") {
		if len(line) > 76 {
			t.Errorf("a header's line has %d octets: %q", len(line), line)
		}
		if !strings.HasPrefix(line, " ") {
			name, _, _ := strings.Cut(line, ":")
			names = append(names, name)
		}
	}
	want := []string{"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("headers:\n%s", diff)
	}
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	to, err := m.Header.AddressList("To")
	if err != nil || len(to) != 1 || to[0].Address != "ada@example.com" {
		t.Errorf("To is %q: %v, %v", m.Header.Get("To"), to, err)
	}
}

func TestTextAndHTMLSayWhatWasTyped_MAIL_03(t *testing.T) {
	t.Parallel()
	m := example(portal.MailInvitation)
	m.Data["inviter"] = `Ada <b> & "Co" www.evil.example http://evil.example {{link}}`
	msg, page := rendered(t, m, base+"/invitations/token")
	for _, part := range []string{msg.Text, page.Text()} {
		if !strings.Contains(part, m.Data["inviter"]+" (ada@example.com) invites you") {
			t.Errorf("the inviter is not named as typed in:\n%s", part)
		}
	}
	page.Find("p").Each(func(_ int, p *goquery.Selection) {
		if html, err := p.Html(); err != nil || strings.Contains(html, "evil.example") || strings.Contains(html, "http://e") {
			t.Errorf("a mail program would find an address in\n%s", html)
		}
	})
}

func TestAReasonKeepsItsLines(t *testing.T) {
	t.Parallel()
	m := example(portal.MailOrgRejected)
	m.Data["reason"] = "First line.\r\nSecond <line>.\n\nAfter a gap."
	msg, page := rendered(t, m, base+"/organizations/requests/x")
	if !strings.Contains(msg.Text, "First line.\nSecond <line>.\n\nAfter a gap.") {
		t.Errorf("text:\n%s", msg.Text)
	}
	if !strings.Contains(msg.HTML, "First line.<br>\nSecond &lt;line&gt;.<br>\n<br>\nAfter a gap.") {
		t.Errorf("HTML:\n%s", page.Text())
	}
}

func TestALinkThatIsNotOursIsText_MAIL_02(t *testing.T) {
	t.Parallel()
	for _, link := range []string{"(the link is in the mail)", "https://portal.example.com.evil.example/x", "javascript:alert(1)", "https://evil.example/"} {
		msg, page := rendered(t, example(portal.MailReset), link)
		if got := hrefs(page); len(got) > 0 {
			t.Errorf("%q became the link %q", link, got)
		}
		if !strings.Contains(msg.Text, link) || !strings.Contains(page.Text(), link) {
			t.Errorf("%q is not shown", link)
		}
	}
	if msg, _ := rendered(t, example(portal.MailReset), ""); strings.Contains(msg.Text, "Set a new password:") {
		t.Errorf("without a link there is its label:\n%s", msg.Text)
	}
}

func TestTextsWithMistakes(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]portal.MailText{
		"an unknown variable":                 {Subject: "a", Body: "Hello {{nobody}}"},
		"an unknown variable in the subject":  {Subject: "{{nobody}}", Body: "Hello"},
		"an unknown variable in a label":      {Subject: "a", Body: "[{{nobody}}]({{link}})"},
		"a variable of another kind":          {Subject: "a", Body: "{{organization}}"},
		"an open brace":                       {Subject: "a", Body: "Hello {{name"},
		"an empty variable":                   {Subject: "a", Body: "Hello {{}}"},
		"an empty subject":                    {Subject: " ", Body: "Hello"},
		"a link inside a paragraph":           {Subject: "a", Body: "Go to {{link}} now"},
		"a link beside another in one button": {Subject: "a", Body: "[a]({{link}})[b]({{link}})"},
	} {
		if msg, err := mail.RenderText(text, example(portal.MailTest), base, base); err == nil {
			t.Errorf("%s is no error: %+v", name, msg)
		}
	}
	msg, err := mail.RenderText(portal.MailText{Subject: "a", Body: "One\r\n\r\n \r\n{{link}}\r\n\r\n{{ recipient }}"}, example(portal.MailTest), base+"/x", base)
	if err != nil || !strings.HasPrefix(msg.Text, "One\n\nOpen Portico:\n"+base+"/x\n\nAda Lovelace\n\n-- \n") {
		t.Errorf("%q, %v", msg.Text, err)
	}
	m := example(portal.MailReset)
	m.Kind = "other"
	if _, err := mail.Render(m, "", base); err == nil {
		t.Error("a kind without a text is rendered")
	}
	m = example(portal.MailInvitation)
	delete(m.Data, "inviter")
	if _, err := mail.Render(m, "", base); err == nil {
		t.Error("a mail without a value is rendered")
	}
}

func TestVariablesAreThoseOfTheTexts(t *testing.T) {
	t.Parallel()
	for _, kind := range portal.MailKinds {
		var names []string
		for _, v := range mail.Variables(kind) {
			if v.Meaning == "" || v.Example == "" || slices.Contains(names, v.Name) {
				t.Errorf("%s: variable %+v", kind, v)
			}
			names = append(names, v.Name)
		}
	}
}

func TestBuildRefusesAddresses_MAIL_01(t *testing.T) {
	t.Parallel()
	msg := mail.Message{Subject: "a", Text: "b", HTML: "c"}
	for _, to := range []string{"", "ada", "a@b@c", "ada@example.com\r\nBcc: x@y.example", "ada@example.com, bob@example.com", "<ada@example.com>",
		"Ada <ada@example.com>", "ada>@example.com", "ad a@example.com", "ada@exa mple.com", "ädä@example.com", `"a"@example.com`, "ada@"} {
		m := example(portal.MailTest)
		m.To = to
		if raw, err := mail.Build(from, m, msg, noon, "a@b"); err == nil {
			t.Errorf("to %q:\n%s", to, raw)
		}
	}
	for _, sender := range []string{"", "Portico", "a@b.example, c@d.example", "a@b.example\r\nBcc: x@y.example", "Portico <portico@provider.example", "pörtico@provider.example"} {
		if raw, err := mail.Build(sender, example(portal.MailTest), msg, noon, "a@b"); err == nil {
			t.Errorf("from %q:\n%s", sender, raw)
		}
		if mail.CheckSender(sender) == nil {
			t.Errorf("the sender %q is accepted", sender)
		}
	}
	if raw, err := mail.Build(from, example(portal.MailTest), msg, noon, "a@b>\r\nX: y"); err == nil {
		t.Errorf("a header by the message id:\n%s", raw)
	}
}

func TestBuild_MAIL_07(t *testing.T) {
	t.Parallel()
	m := example(portal.MailTest)
	m.To, m.ToName = "Ada@bücher.example", "Doe, Jöhn “J.” 🦊"
	sender, err := mail.ParseFrom(`"Die Bücherei, GmbH" <post@bücher.example>`)
	if err != nil {
		t.Fatal(err)
	}
	msg := mail.Message{Subject: "Grüße", Text: "Zeile\n.\nFrom x\n" + strings.Repeat("lang ", 500), HTML: "<p>ä</p>"}
	raw, err := mail.Build(`"Die Bücherei, GmbH" <post@bücher.example>`, m, msg, noon, mail.MessageID(m, sender))
	if err != nil {
		t.Fatal(err)
	}
	got, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	to, err := got.Header.AddressList("To")
	if err != nil || len(to) != 1 || *to[0] != (netmail.Address{Name: m.ToName, Address: "Ada@xn--bcher-kva.example"}) {
		t.Errorf("To: %v, %v", to, err)
	}
	origin, err := got.Header.AddressList("From")
	if err != nil || len(origin) != 1 || *origin[0] != (netmail.Address{Name: "Die Bücherei, GmbH", Address: "post@xn--bcher-kva.example"}) {
		t.Errorf("From: %v, %v", origin, err)
	}
	for name, want := range map[string]string{
		"Date":           "Sun, 01 Mar 2026 12:00:00 +0000",
		"Message-ID":     "<abcdefghijklmnopqrstuvwxyz@xn--bcher-kva.example>",
		"Auto-Submitted": "auto-generated",
		"MIME-Version":   "1.0",
	} {
		if got := got.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if kind, _, err := mime.ParseMediaType(got.Header.Get("Content-Type")); err != nil || kind != "multipart/alternative" {
		t.Errorf("Content-Type: %s, %v", kind, err)
	}
	d := delivered(t, raw)
	if d.ID != m.PublicID || d.Text != msg.Text || d.HTML != msg.HTML || d.Subject != msg.Subject {
		t.Errorf("arrived: %+v", d)
	}
}
