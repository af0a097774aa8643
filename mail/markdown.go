package mail

import (
	"fmt"
	"html/template"
	"net/url"
	"strconv"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// reader knows the Markdown of mails: paragraphs, headings, lists, quotes, rules,
// emphasis and links. It knows no HTML: that is text like any other.
var reader = parser.NewParser(
	parser.WithBlockParsers(
		util.Prioritized(parser.NewThematicBreakParser(), 200), util.Prioritized(parser.NewListParser(), 300), util.Prioritized(parser.NewListItemParser(), 400),
		util.Prioritized(parser.NewATXHeadingParser(), 600), util.Prioritized(parser.NewBlockquoteParser(), 800), util.Prioritized(parser.NewParagraphParser(), 1000)),
	parser.WithInlineParsers(
		util.Prioritized(parser.NewLinkParser(), 200), util.Prioritized(parser.NewAutoLinkParser(), 300), util.Prioritized(parser.NewEmphasisParser(), 500)),
)

// block is one block of a mail. A button has a Label, and a URL if it may be pressed.
type block struct {
	text  string
	HTML  template.HTML
	Label template.HTML
	URL   string
}

const linkVariable = "link"

// Each place of a variable is one private character while Markdown is read, so that
// values are put in afterwards and never read.
const (
	firstPlace = '\uE000'
	lastPlace  = '\uF8FF'
)

func isPlace(r rune) bool { return r >= firstPlace && r <= lastPlace }

// body is a text being written.
type body struct {
	source []byte
	places []value // of firstPlace, and the characters after it
	isLink []bool
	link   string
	base   string
}

func markdown(f form, values map[string]value, link, base string) ([]block, error) {
	b := &body{link: oneLine(link), base: base}
	var s strings.Builder
	for _, p := range f {
		if !p.place {
			s.WriteString(strings.Map(func(r rune) rune {
				if isPlace(r) {
					return -1
				}
				return r
			}, p.literal))
			continue
		}
		v := value{}
		if p.variable != linkVariable {
			var err error
			if v, err = p.value(values); err != nil {
				return nil, err
			}
		}
		if len(b.places) > lastPlace-firstPlace {
			return nil, mistake("There are too many variables in this text.")
		}
		place := firstPlace + rune(len(b.places)) // #nosec G115 -- held to that range just above
		b.places, b.isLink = append(b.places, v), append(b.isLink, p.variable == linkVariable)
		s.WriteRune(place)
	}
	b.source = []byte(strings.TrimSpace(strings.ReplaceAll(s.String(), "\r\n", "\n")))
	var blocks []block
	for n := reader.Parse(text.NewReader(b.source)).FirstChild(); n != nil; n = n.NextSibling() {
		one, err := b.top(n)
		if err != nil {
			return nil, err
		}
		if one.text != "" {
			blocks = append(blocks, one)
		}
	}
	return blocks, nil
}

// made is HTML that was written here, in which every value is escaped.
func made(html string) template.HTML { return template.HTML(html) } // #nosec G203 -- all of it comes from block, inline and htmlOf

// top writes a block that stands in no other; only there a paragraph is a button.
func (b *body) top(n ast.Node) (block, error) {
	label, ok := b.button(n)
	if !ok {
		text, html, err := b.block(n)
		return block{text: text, HTML: made(html)}, err
	}
	text, html := "Open Portico", "Open Portico"
	if label != nil {
		var err error
		if text, html, err = b.inline(label); err != nil {
			return block{}, err
		}
	}
	if b.link == "" {
		return block{}, nil
	}
	p := block{text: text + ":\n" + b.link, Label: made(html)}
	if ours(b.link, b.base) {
		p.URL = b.link
	} else {
		p.HTML = made(paragraphOf(html + ":<br>" + htmlOf(value{text: b.link, plain: true})))
	}
	return p, nil
}

// button reports whether n is a paragraph that is nothing but the link; label holds
// its words, if it has any.
func (b *body) button(n ast.Node) (label ast.Node, ok bool) {
	if n.Kind() != ast.KindParagraph || n.ChildCount() != 1 {
		return nil, false
	}
	switch c := n.FirstChild().(type) {
	case *ast.Link:
		return c, b.theLink(string(c.Destination))
	case *ast.Text:
		return nil, b.theLink(strings.TrimSpace(string(c.Value(b.source))))
	}
	return nil, false
}

// theLink reports whether s is the place of the link and nothing else.
func (b *body) theLink(s string) bool {
	r := []rune(s)
	return len(r) == 1 && isPlace(r[0]) && b.isLink[r[0]-firstPlace]
}

func paragraphOf(html string) string { return `<p style="margin:0 0 16px;">` + html + `</p>` }

// block writes one block, in both parts.
func (b *body) block(n ast.Node) (text, html string, err error) {
	switch n := n.(type) {
	case *ast.List:
		return b.list(n)
	case *ast.Blockquote:
		text, html, err = b.blocks(n)
		return indent(text, "> ", "> "), `<blockquote style="margin:0 0 16px;padding:1px 0 0 14px;border-left:3px solid #c9ccd4;">` + html + `</blockquote>`, err
	case *ast.ThematicBreak:
		return "* * *", `<hr style="margin:20px 0;border:0;border-top:1px solid #c9ccd4;">`, nil
	}
	text, html, err = b.inline(n)
	text = strings.TrimSpace(text)
	switch n.Kind() {
	case ast.KindTextBlock: // in a list
	case ast.KindHeading:
		html = `<h2 style="margin:0 0 12px;font-size:18px;line-height:1.3;">` + html + `</h2>`
	default:
		html = paragraphOf(html)
	}
	return text, html, err
}

func (b *body) blocks(parent ast.Node) (text, html string, err error) {
	var texts []string
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		t, h, err := b.block(n)
		if err != nil {
			return "", "", err
		}
		texts = append(texts, t)
		html += h
	}
	return strings.Join(texts, "\n\n"), html, nil
}

func (b *body) list(l *ast.List) (text, html string, err error) {
	tag, number := "ul", l.Start
	if l.IsOrdered() {
		tag = "ol"
	}
	var items []string
	for n := l.FirstChild(); n != nil; n = n.NextSibling() {
		t, h, err := b.blocks(n)
		if err != nil {
			return "", "", err
		}
		mark := "- "
		if l.IsOrdered() {
			mark = strconv.Itoa(number) + ". "
			number++
		}
		items = append(items, indent(t, mark, strings.Repeat(" ", len(mark))))
		html += `<li style="margin:0 0 4px;">` + h + "</li>"
	}
	start := ""
	if l.IsOrdered() && l.Start != 1 {
		start = fmt.Sprintf(` start="%d"`, l.Start)
	}
	return strings.Join(items, "\n"), "<" + tag + start + ` style="margin:0 0 16px;padding-left:24px;">` + html + "</" + tag + ">", nil
}

// indent begins the first line of s with first and the others with rest.
func indent(s, first, rest string) string {
	return first + strings.ReplaceAll(s, "\n", "\n"+rest)
}

// inline writes what is in a block, in both parts.
func (b *body) inline(parent ast.Node) (text, html string, err error) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		var t, h string
		switch n := n.(type) {
		case *ast.Text:
			t, h, err = b.words(string(util.UnescapePunctuations(n.Value(b.source))))
			if n.SoftLineBreak() || n.HardLineBreak() {
				t, h = t+"\n", h+"<br>\n"
			}
		case *ast.String:
			t, h, err = b.words(string(n.Value))
		case *ast.Emphasis:
			if t, h, err = b.inline(n); n.Level == 1 {
				h = "<em>" + h + "</em>"
			} else {
				h = "<strong>" + h + "</strong>"
			}
		case *ast.Link:
			t, h, err = b.anchor(n, string(n.Destination))
		case *ast.AutoLink:
			t = string(n.Label(b.source))
			to := string(n.URL(b.source))
			if n.AutoLinkType == ast.AutoLinkEmail {
				to = "mailto:" + t
			}
			h, err = b.address(to, htmlOf(value{text: t, plain: true}))
		case *ast.Image:
			err = mistake("A mail holds no pictures. Write a link instead: without the exclamation mark.")
		default:
			t, h, err = b.inline(n)
		}
		if err != nil {
			return "", "", err
		}
		text, html = text+t, html+h
	}
	return text, html, nil
}

// anchor writes a link to an address that the text names itself.
func (b *body) anchor(n ast.Node, to string) (text, html string, err error) {
	if text, html, err = b.inline(n); err != nil {
		return "", "", err
	}
	if html, err = b.address(to, html); err == nil && text != to {
		text += " (" + to + ")"
	}
	return text, html, err
}

func (b *body) address(to, html string) (string, error) {
	if strings.ContainsFunc(to, isPlace) {
		return "", mistake("A variable cannot be part of an address. The link stands as [label]({{link}}) in a paragraph of its own.")
	}
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "mailto" {
		return "", mistake("A link needs a whole address that begins with https://, http:// or mailto:.")
	}
	return `<a href="` + template.HTMLEscapeString(u.String()) + `" style="color:inherit;">` + html + "</a>", nil
}

// words writes plain words and the values between them.
func (b *body) words(s string) (text, html string, err error) {
	var t, h strings.Builder
	for i := 0; i < len(s); {
		at := strings.IndexFunc(s[i:], isPlace)
		if at != 0 {
			if at < 0 {
				at = len(s) - i
			}
			t.WriteString(s[i : i+at])
			h.WriteString(htmlOf(value{text: s[i : i+at], plain: true}))
			i += at
			continue
		}
		r := []rune(s[i : i+len(string(firstPlace))])[0]
		if b.isLink[r-firstPlace] {
			return "", "", mistake("The link stands as [label]({{link}}) in a paragraph of its own.")
		}
		v := b.places[r-firstPlace]
		t.WriteString(v.text)
		h.WriteString(htmlOf(v))
		i += len(string(firstPlace))
	}
	return t.String(), h.String(), nil
}
