package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
)

// plain is somebody without a browser: it reads pages and sends their forms as a
// browser without scripts does. It is quick, and it can send what no browser sends.
type plain struct {
	somebody
	t      *testing.T
	server *server
	http   *http.Client

	at     *url.URL // where it stands
	htmx   bool     // it asks as htmx does, for a dialog
	status int
	header http.Header
	page   *goquery.Document
}

// plainly gives who a way into the server without a browser.
func (s *server) plainly(t *testing.T, who somebody) *plain {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	base, err := url.Parse(s.url + "/")
	if err != nil {
		t.Fatal(err)
	}
	s.keeps(aPassword, who.password)
	return &plain{somebody: who, t: t, server: s, at: base, http: &http.Client{Jar: jar, Timeout: patience, Transport: s.transport}}
}

// request is a request to the server as a browser on its pages sends it.
func (c *plain) request(method, address string, body io.Reader) *http.Request {
	c.t.Helper()
	to, err := c.at.Parse(address)
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := http.NewRequest(method, to.String(), body)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	if c.htmx {
		r.Header.Set("HX-Request", "true")
		r.Header.Set("HX-Target", "dialog-body")
		r.Header.Set("HX-Current-URL", c.at.String())
	}
	if method != http.MethodGet && method != http.MethodHead {
		r.Header.Set("Origin", c.server.url)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

// do sends a request and reads the page it ends at.
func (c *plain) do(r *http.Request) *plain {
	c.t.Helper()
	response, err := c.http.Do(r)
	if err != nil {
		c.t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	page, err := goquery.NewDocumentFromReader(bytes.NewReader(content))
	if err != nil {
		c.t.Fatal(err)
	}
	c.server.keepsKeys(content)
	for _, cookie := range c.http.Jar.Cookies(response.Request.URL) {
		c.server.keepsCookie(cookie.Name, cookie.Value)
	}
	c.at, c.status, c.header, c.page = response.Request.URL, response.StatusCode, response.Header, page
	return c
}

// get opens an address, whatever the answer is.
func (c *plain) get(address string) *plain {
	c.t.Helper()
	return c.do(c.request(http.MethodGet, address, nil))
}

// open opens an address and expects a page there.
func (c *plain) open(address string) *plain {
	c.t.Helper()
	return c.get(address).want(http.StatusOK)
}

// post sends a form's fields to an address, whatever the answer is.
func (c *plain) post(address string, fields url.Values) *plain {
	c.t.Helper()
	return c.do(c.request(http.MethodPost, address, strings.NewReader(fields.Encode())))
}

// want expects this status.
func (c *plain) want(status int) *plain {
	c.t.Helper()
	if c.status != status {
		c.t.Fatalf("%s is answered with %d, want %d\n%s", c.at, c.status, status, c.words())
	}
	return c
}

// isAt expects to stand at this path, in which {id} stands for any one segment.
func (c *plain) isAt(path string) *plain {
	c.t.Helper()
	pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(path), regexp.QuoteMeta("{id}"), `[^/]+`) + "$"
	if !regexp.MustCompile(pattern).MatchString(c.at.Path) {
		c.t.Fatalf("stands at %s, want %s\n%s", c.at, path, c.words())
	}
	return c
}

// words are the words of the page.
func (c *plain) words() string {
	body := c.page.Find("body").Clone()
	body.Find("script, style, template").Remove()
	words := strings.Join(strings.Fields(body.Text()), " ")
	return words[:min(len(words), 3000)]
}

// reads claims that the page has these words.
func (c *plain) reads(pattern *regexp.Regexp) *plain {
	c.t.Helper()
	if !pattern.MatchString(c.words()) {
		c.t.Fatalf("%s does not say %q:\n%s", c.at, pattern, c.words())
	}
	return c
}

// finds claims that the page has exactly these words.
func (c *plain) finds(words string) *plain {
	c.t.Helper()
	return c.reads(regexp.MustCompile(regexp.QuoteMeta(words)))
}

// spoken is what an element says to somebody who cannot see it.
func spoken(e *goquery.Selection) string {
	if label, ok := e.Attr("aria-label"); ok {
		return label
	}
	return strings.Join(strings.Fields(e.Text()), " ")
}

// controls are the buttons and links of that name that can be seen, those of the
// main part first: menus repeat what it offers.
func (c *plain) controls(name string) *goquery.Selection {
	named := func(_ int, e *goquery.Selection) bool { return spoken(e) == name && seen(e) }
	found := c.main().Find("button, a[href]").FilterFunction(named)
	return found.AddSelection(c.page.Find("button, a[href]").FilterFunction(named))
}

// seen says whether an element is shown where no script opens dialogs.
func seen(e *goquery.Selection) bool {
	return e.Closest("dialog:not([open]), [hidden], template").Length() == 0
}

// offers says whether the page has a button or link of that name.
func (c *plain) offers(name string) bool { return c.controls(name).Length() > 0 }

// press presses the button or follows the link of that name.
func (c *plain) press(name string) *plain {
	c.t.Helper()
	return c.pressIn(c.page.Selection, name)
}

// pressIn presses the button of that name in a part of the page.
func (c *plain) pressIn(part *goquery.Selection, name string) *plain {
	c.t.Helper()
	found := c.controls(name).FilterFunction(func(_ int, e *goquery.Selection) bool { return part.Contains(e.Nodes[0]) })
	for i := range found.Nodes {
		e := found.Eq(i)
		if goquery.NodeName(e) == "a" {
			return c.get(e.AttrOr("href", ""))
		}
		if form := c.formOf(e); form != nil {
			return c.submit(form, e)
		}
	}
	c.t.Fatalf("no button %q that works without scripts at %s\n%s", name, c.at, c.words())
	return nil
}

// formOf is the form that a button sends.
func (c *plain) formOf(button *goquery.Selection) *goquery.Selection {
	if button.AttrOr("type", "submit") != "submit" {
		return nil
	}
	if id, ok := button.Attr("form"); ok {
		return c.page.Find("form#" + id).First()
	}
	if form := button.Closest("form"); form.Length() > 0 {
		return form
	}
	return nil
}

// field is the form field with this label.
func (c *plain) field(label string) *goquery.Selection {
	c.t.Helper()
	field := c.main().Find("input, textarea, select").FilterFunction(func(_ int, f *goquery.Selection) bool {
		return c.label(f) == label && seen(f)
	})
	if field.Length() == 0 {
		c.t.Fatalf("no field %q at %s\n%s", label, c.at, c.words())
	}
	return field.First()
}

// main is the main part of the page, or all of an answer that is only a part.
func (c *plain) main() *goquery.Selection {
	if main := c.page.Find("main"); main.Length() > 0 {
		return main
	}
	return c.page.Selection
}

// label is what names a field.
func (c *plain) label(field *goquery.Selection) string {
	if label, ok := field.Attr("aria-label"); ok {
		return label
	}
	if id, ok := field.Attr("id"); ok {
		if label := c.page.Find(fmt.Sprintf("label[for=%q]", id)); label.Length() > 0 {
			return spoken(label.First())
		}
	}
	if label := field.Closest("label"); label.Length() > 0 {
		return spoken(label)
	}
	return ""
}

// fill types into the field with this label.
func (c *plain) fill(label, value string) *plain {
	c.t.Helper()
	field := c.field(label)
	if goquery.NodeName(field) == "textarea" {
		field.SetText(value)
	}
	field.SetAttr("value", value)
	return c
}

// choose takes the radio button, or ticks the box, with this label.
func (c *plain) choose(label string) *plain {
	c.t.Helper()
	field := c.field(label)
	if field.AttrOr("type", "") == "radio" {
		name := field.AttrOr("name", "")
		field.Closest("form").Find("input[type=radio]").Each(func(_ int, other *goquery.Selection) {
			if other.AttrOr("name", "") == name {
				other.RemoveAttr("checked")
			}
		})
	}
	field.SetAttr("checked", "")
	return c
}

// untick takes the tick out of the box with this label.
func (c *plain) untick(label string) *plain {
	c.t.Helper()
	c.field(label).RemoveAttr("checked")
	return c
}

// ticked says whether the box with this label is ticked.
func (c *plain) ticked(label string) bool {
	c.t.Helper()
	_, ticked := c.field(label).Attr("checked")
	return ticked
}

// value is what stands in the field with this label.
func (c *plain) value(label string) string {
	c.t.Helper()
	field := c.field(label)
	if goquery.NodeName(field) == "textarea" {
		return field.Text()
	}
	return field.AttrOr("value", "")
}

// problem is the message at the field with this label, or "".
func (c *plain) problem(label string) string {
	c.t.Helper()
	field := c.field(label)
	if field.AttrOr("aria-invalid", "") != "true" {
		return ""
	}
	var words []string
	for _, attr := range []string{"aria-errormessage", "aria-describedby"} {
		for _, id := range strings.Fields(field.AttrOr(attr, "")) {
			if text := spoken(c.page.Find(fmt.Sprintf("[id=%q]", id)).First()); !slices.Contains(words, text) {
				words = append(words, text)
			}
		}
	}
	return strings.TrimSpace(strings.Join(words, " "))
}

// fields are the fields of a form, as a browser sends them when that button is pressed.
func fields(form, button *goquery.Selection) url.Values {
	sent := url.Values{}
	form.Find("input, textarea, select").Each(func(_ int, f *goquery.Selection) {
		name, named := f.Attr("name")
		if _, disabled := f.Attr("disabled"); !named || disabled {
			return
		}
		_, checked := f.Attr("checked")
		switch kind := f.AttrOr("type", ""); {
		case goquery.NodeName(f) == "textarea":
			sent.Add(name, f.Text())
		case goquery.NodeName(f) == "select":
			option := f.Find("option[selected]")
			if option.Length() == 0 {
				option = f.Find("option").First()
			}
			sent.Add(name, option.AttrOr("value", option.Text()))
		case kind == "checkbox" || kind == "radio":
			if checked {
				sent.Add(name, f.AttrOr("value", "on"))
			}
		case kind == "submit" || kind == "button" || kind == "file":
		default:
			sent.Add(name, f.AttrOr("value", ""))
		}
	})
	if button != nil {
		if name, ok := button.Attr("name"); ok {
			sent.Add(name, button.AttrOr("value", ""))
		}
	}
	return sent
}

// submit sends a form.
func (c *plain) submit(form, button *goquery.Selection) *plain {
	c.t.Helper()
	action := form.AttrOr("action", c.at.String())
	if strings.EqualFold(form.AttrOr("method", "get"), "post") {
		return c.post(action, fields(form, button))
	}
	to, err := c.at.Parse(action)
	if err != nil {
		c.t.Fatal(err)
	}
	to.RawQuery = fields(form, button).Encode()
	return c.get(to.String())
}

// row is the row of a list that says this.
func (c *plain) row(words string) *goquery.Selection {
	c.t.Helper()
	row := c.page.Find(rowsOf).FilterFunction(func(_ int, e *goquery.Selection) bool {
		return strings.Contains(e.Text(), words)
	})
	if row.Length() == 0 {
		c.t.Fatalf("no row says %q at %s\n%s", words, c.at, c.words())
	}
	return row.First()
}

// signIn signs in and expects to be let in.
func (c *plain) signIn() *plain {
	c.t.Helper()
	c.open("/login").fill(emailField, c.email).fill(passwordField, c.password).press(signInButton).want(http.StatusOK)
	if c.at.Path == "/login" {
		c.t.Fatalf("%s cannot sign in:\n%s", c.first, c.words())
	}
	return c
}

// source is the page's whole source.
func (c *plain) source() string {
	c.t.Helper()
	source, err := c.page.Html()
	if err != nil {
		c.t.Fatal(err)
	}
	return source
}

// reveals presses the first Reveal and gives the credential that is then shown.
func (c *plain) reveals() string {
	c.t.Helper()
	key := keyIn(c.press("Reveal").want(http.StatusOK).source())
	if key == "" {
		c.t.Fatalf("no credential is revealed at %s\n%s", c.at, c.words())
	}
	return key
}

// fillIn fills in the form of somebody who makes an account.
func (c *plain) fillIn(who somebody) *plain {
	c.t.Helper()
	return c.fill(firstNameField, who.first).fill(lastNameField, who.last).
		fill(emailField, who.email).fill(passwordField, who.password)
}
