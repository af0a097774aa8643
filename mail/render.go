package mail

import (
	"bytes"
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"unicode"

	"portico/portal"
)

// Message is a mail as its recipient reads it.
type Message struct {
	Subject string // one line
	Text    string
	HTML    string
	Source  portal.MailText // what it was written by
}

// maxSubject is in characters.
const maxSubject = 150

// Render writes a mail by the text it carries, or else by the text of its kind.
// link is where its button leads, and base the portal's address without a slash at
// its end; a link that does not begin with base is shown as text, and an empty one
// not at all. The values of variables are data: nothing in them is taken for a
// variable, for markup or for a link.
func Render(m portal.Mail, link, base string) (Message, error) {
	own := TextOf(m.Kind)
	if own.Body == "" {
		return Message{}, fmt.Errorf("mail %q has no text", m.Kind)
	}
	if m.Text != (portal.MailText{}) {
		// An admin's text that does not fit the mail, as one written for another
		// version of Portico, must not keep it from being sent.
		if msg, err := render(m.Text, m, link, base); err == nil {
			return msg, nil
		}
	}
	msg, err := render(own, m, link, base)
	if err != nil {
		return msg, fmt.Errorf("mail %q: %w", m.Kind, err)
	}
	return msg, nil
}

// Subject is what a mail is about, in one line; the words of its kind if it cannot
// be written.
func Subject(m portal.Mail, base string) string {
	msg, err := Render(m, "", base)
	if err != nil {
		return m.Kind.Words()
	}
	return msg.Subject
}

func render(t portal.MailText, m portal.Mail, link, base string) (Message, error) {
	host := base
	if u, err := url.Parse(base); err == nil && u.Host != "" {
		host = u.Host
	}
	values := valuesOf(m, host)
	subject, err := parse(t.Subject)
	if err != nil {
		return Message{}, inSubject{err}
	}
	line, err := subject.fill(values)
	if err != nil {
		return Message{}, inSubject{err}
	}
	msg := Message{Subject: shorten(oneLine(line), maxSubject), Source: t}
	if msg.Subject == "" {
		return msg, inSubject{mistake("The subject is empty.")}
	}
	body, err := parse(t.Body)
	if err != nil {
		return msg, err
	}
	f := framed{Subject: msg.Subject}
	if f.Blocks, err = markdown(body, values, link, base); err != nil {
		return msg, err
	}
	var text []string
	for _, b := range f.Blocks {
		text = append(text, b.text)
	}
	f.Footer = "You get this mail because " + kinds[m.Kind].because + ". It comes from Portico at " + host + "."
	msg.Text = strings.Join(text, "\n\n") + "\n\n-- \n" + f.Footer + "\n"
	var html bytes.Buffer
	if err := frame.Execute(&html, f); err != nil {
		return msg, fmt.Errorf("write HTML: %w", err)
	}
	msg.HTML = html.String()
	return msg, nil
}

// mistake is what is wrong with a text, in words for the admin who wrote it.
type mistake string

func (m mistake) Error() string { return string(m) }

// inSubject is a mistake in the subject.
type inSubject struct{ error }

func (s inSubject) Unwrap() error { return s.error }

// value is what stands in the place of a variable.
type value struct {
	text  string
	plain bool // never looks like a link that is not meant
}

// valuesOf gives each variable of a mail its value, if it has one.
func valuesOf(m portal.Mail, host string) map[string]value {
	values := map[string]value{}
	for _, v := range kinds[m.Kind].variables {
		s, ok := m.Data[v.Name]
		if !ok && v.Name == organization.Name && m.OrgName != "" {
			s, ok = m.OrgName, true
		}
		if !ok {
			continue
		}
		if v.Lines {
			s = severalLines(s)
		} else {
			s = oneLine(s)
		}
		values[v.Name] = value{text: s, plain: v.Name == "email" || strings.HasSuffix(v.Name, "_email")}
	}
	recipient := oneLine(m.ToName)
	if recipient == "" {
		recipient = "there"
	}
	values["recipient"] = value{text: recipient}
	values["portal"] = value{text: host, plain: true}
	return values
}

// ours reports whether link leads to the portal at base.
func ours(link, base string) bool {
	web := strings.HasPrefix(base, "https://") || strings.HasPrefix(base, "http://")
	return web && (link == base || strings.HasPrefix(link, base+"/"))
}

// htmlOf escapes a value. What joins the parts of an address gets an element of
// its own, so that mail programs find no address in somebody's name.
func htmlOf(v value) string {
	var b strings.Builder
	runes := []rune(v.text)
	for i, r := range runes {
		switch {
		case r == '\n':
			b.WriteString("<br>\n")
		case !v.plain && joins(runes, i):
			b.WriteString("<span>" + string(r) + "</span>")
		default:
			b.WriteString(template.HTMLEscapeString(string(r)))
		}
	}
	return b.String()
}

// joins reports whether the character at i may join the parts of an address.
func joins(s []rune, i int) bool {
	if i == 0 || i == len(s)-1 {
		return false
	}
	word := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }
	switch s[i] {
	case '.', '@':
		return word(s[i-1]) && word(s[i+1])
	case ':':
		return s[i+1] == '/'
	}
	return false
}

// form is a text taken apart once: what is put in is not looked at again.
type form []piece

// piece is literal text, or the place of a variable.
type piece struct {
	literal  string
	place    bool
	variable string
}

func parse(s string) (form, error) {
	var f form
	for {
		literal, rest, found := strings.Cut(s, "{{")
		f = append(f, piece{literal: literal})
		if !found {
			return f, nil
		}
		name, after, closed := strings.Cut(rest, "}}")
		if !closed || strings.ContainsAny(name, "{\n") {
			return nil, mistake("A {{ is not closed. Write }} behind the variable’s name.")
		}
		f = append(f, piece{place: true, variable: strings.TrimSpace(name)})
		s = after
	}
}

// fill puts the values into a text that is one line.
func (f form) fill(values map[string]value) (string, error) {
	var b strings.Builder
	for _, p := range f {
		if !p.place {
			b.WriteString(p.literal)
			continue
		}
		if p.variable == linkVariable {
			return "", mistake("The link cannot stand here.")
		}
		v, err := p.value(values)
		if err != nil {
			return "", err
		}
		b.WriteString(v.text)
	}
	return b.String(), nil
}

func (p piece) value(values map[string]value) (value, error) {
	v, ok := values[p.variable]
	if !ok {
		return v, mistake("There is no variable {{" + shorten(oneLine(p.variable), 40) + "}} here. Choose one from the list.")
	}
	return v, nil
}

// oneLine makes one line of s, without control characters.
func oneLine(s string) string {
	return strings.Join(strings.Fields(clean(s, ' ')), " ")
}

// severalLines keeps the line breaks of s, and no other control characters.
func severalLines(s string) string {
	return strings.TrimSpace(clean(strings.ReplaceAll(s, "\r\n", "\n"), '\n'))
}

// clean replaces line breaks and drops what cannot be seen and changes what can.
func clean(s string, lineBreak rune) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029':
			return lineBreak
		case r == '\t':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// shorten cuts s to n characters.
func shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return strings.TrimSpace(string(r[:n-1])) + "…"
	}
	return s
}

// framed is what the frame of an HTML mail shows.
type framed struct {
	Subject string
	Blocks  []block
	Footer  string
}

// Mail programs drop style sheets, so the style stands at each element; what they
// keep of the sheet darkens it.
var frame = template.Must(template.New("mail").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{{.Subject}}</title>
<style>
:root { color-scheme: light dark; }
@media (prefers-color-scheme: dark) {
  .page { background: #0f1115 !important; }
  .card { background: #191b20 !important; border-color: #34373f !important; color: #ececf0 !important; }
  .quiet { color: #a9acb6 !important; }
  .button { background: #86a5f7 !important; color: #10131c !important; }
}
</style>
</head>
<body class="page" style="margin:0;padding:0;background:#f4f4f6;">
<div class="page" style="padding:24px 12px;background:#f4f4f6;font-family:Inter,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:16px;line-height:1.5;">
<div class="card" role="article" aria-label="{{.Subject}}" style="max-width:560px;margin:0 auto;padding:28px 24px 12px;background:#ffffff;border:1px solid #e1e2e6;border-radius:12px;color:#17181c;overflow-wrap:anywhere;">
<p style="margin:0 0 20px;font-weight:600;">Portico</p>
{{- range .Blocks}}
{{- if .URL}}
<p style="margin:24px 0 16px;"><a class="button" href="{{.URL}}" style="display:inline-block;padding:10px 20px;background:#2f50c8;color:#ffffff;border-radius:8px;font-weight:600;text-decoration:none;">{{.Label}}</a></p>
<p class="quiet" style="margin:0 0 20px;font-size:13px;color:#5d606a;">If the button does nothing, copy this address into your browser:<br><span style="word-break:break-all;">{{.URL}}</span></p>
{{- else}}
{{.HTML}}
{{- end}}
{{- end}}
</div>
<p class="quiet" style="max-width:560px;margin:16px auto 0;padding:0 24px;font-size:13px;color:#5d606a;box-sizing:border-box;">{{.Footer}}</p>
</div>
</body>
</html>
`))
