package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"
)

// expect waits for what is claimed, up to the patience of the journeys.
var expect = playwright.NewPlaywrightAssertions(float64(patience.Milliseconds()))

// somebody is who a journey is about, before they have an account or a browser.
type somebody struct{ first, last, email, password string }

func (s somebody) name() string { return s.first + " " + s.last }

// person is somebody in front of a browser of their own. What goes wrong in that
// browser is written down and fails the journey at its end.
type person struct {
	part // the main part of the page
	somebody
	t       *testing.T
	server  *server
	context playwright.BrowserContext
	page    playwright.Page
	scripts bool

	mu       sync.Mutex
	troubles []string
	expected []*regexp.Regexp

	answered atomic.Int32 // how often the server was down before its last answer
}

// watch makes the page say in its log what its policy forbade.
const watch = `addEventListener('securitypolicyviolation', e =>
	console.error('policy violation: ' + e.effectiveDirective + ' ' + e.blockedURI + ' ' + e.sourceFile + ':' + e.lineNumber))`

// visitor gives who a new browser.
func (s *server) visitor(t *testing.T, who somebody) *person {
	t.Helper()
	return s.newPerson(t, who, true)
}

// newPerson gives who a new browser, with or without JavaScript.
func (s *server) newPerson(t *testing.T, who somebody, scripts bool) *person {
	t.Helper()
	b, err := browser()
	if err != nil {
		t.Fatal(err)
	}
	s.keeps(aPassword, who.password)
	p := &person{somebody: who, t: t, server: s, scripts: scripts}
	p.context, err = b.NewContext(playwright.BrowserNewContextOptions{
		JavaScriptEnabled: playwright.Bool(scripts),
		Viewport:          &desktop,
		Locale:            playwright.String("en-GB"),
		Permissions:       []string{"clipboard-read", "clipboard-write"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.leave)
	p.context.SetDefaultTimeout(*milliseconds)
	p.context.SetDefaultNavigationTimeout(*milliseconds)
	if err := p.context.AddInitScript(playwright.Script{Content: playwright.String(watch)}); err != nil {
		t.Fatal(err)
	}
	p.listen()
	if p.page, err = p.context.NewPage(); err != nil {
		t.Fatal(err)
	}
	p.part = part{p, p.page.GetByRole("main")}
	return p
}

// A 4xx is an answer like another; Chromium and htmx put a line into the log for each.
var answers = regexp.MustCompile(`^Failed to load resource: the server responded with a status of 4\d\d|^Response Status Error Code 4\d\d from `)

// listen writes down what goes wrong. Nothing in here may call the browser: the
// calls' answers would wait for these functions to return.
func (p *person) listen() {
	p.context.OnConsole(func(m playwright.ConsoleMessage) {
		if (m.Type() == "error" || m.Type() == "warning") && !answers.MatchString(m.Text()) {
			p.trouble("the browser's log: " + m.Text())
		}
	})
	p.context.OnWebError(func(e playwright.WebError) { p.trouble("a script failed: " + e.Error().Error()) })
	p.context.OnRequest(func(r playwright.Request) {
		if u, err := url.Parse(r.URL()); err != nil || !p.local(u) {
			p.trouble("a request leaves the server: " + r.URL())
		}
	})
	p.context.OnRequestFailed(func(r playwright.Request) {
		// Who goes on to another page cuts off what the last one still asked for.
		if err := r.Failure(); err != nil && !strings.Contains(err.Error(), "ERR_ABORTED") {
			p.trouble(fmt.Sprintf("%s %s failed: %v", r.Method(), r.URL(), err))
		}
	})
	p.context.OnResponse(func(r playwright.Response) {
		if !p.server.down.Load() {
			p.answered.Store(p.server.downs.Load())
		}
		if strange(r.URL(), r.Status()) {
			p.trouble(fmt.Sprintf("%s was answered with %d", r.URL(), r.Status()))
		}
	})
}

// strange is whether no page may be answered so. A page that listens for changes
// is let do it, or it is of somebody who may not look any more.
func strange(address string, status int) bool {
	if strings.HasSuffix(address, "/live") || strings.Contains(address, "/live?") {
		return !slices.Contains([]int{http.StatusOK, http.StatusNoContent, http.StatusUnauthorized, http.StatusNotFound}, status)
	}
	return status >= http.StatusInternalServerError
}

func (p *person) local(u *url.URL) bool {
	switch u.Scheme {
	case "about", "data", "blob":
		return true
	}
	return u.Scheme+"://"+u.Host == p.server.url
}

// away is what pages that change by themselves meet while the program restarts.
var away = regexp.MustCompile(`net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING)`)

func (p *person) trouble(what string) {
	if away.MatchString(what) && (p.server.down.Load() || p.answered.Load() < p.server.downs.Load()) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.troubles = append(p.troubles, what)
}

// expects names trouble that the journey itself makes.
func (p *person) expects(pattern string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected = append(p.expected, regexp.MustCompile(pattern))
}

// leave closes the browser and says what went wrong in it.
func (p *person) leave() {
	if p.t.Failed() && p.page != nil {
		p.t.Logf("%s stands at %s and reads:\n%s", p.first, p.page.URL(), p.reads())
		shoot(p.t, p.page, "FAILED-"+p.t.Name()+"-"+p.first)
	}
	if cookies, err := p.context.Cookies(); err == nil {
		for _, cookie := range cookies {
			p.server.keepsCookie(cookie.Name, cookie.Value)
		}
	}
	p.context.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, what := range p.troubles {
		if !matchesAny(p.expected, what) {
			p.t.Errorf("in %s's browser: %s", p.first, what)
		}
	}
}

func matchesAny(patterns []*regexp.Regexp, s string) bool {
	for _, pattern := range patterns {
		if pattern.MatchString(s) {
			return true
		}
	}
	return false
}

// reads gives the words of the page, cut to what is worth reading in a report.
func (p *person) reads() string {
	words, err := p.page.Locator("body").InnerText(playwright.LocatorInnerTextOptions{Timeout: playwright.Float(2000)})
	if err != nil {
		return err.Error()
	}
	return words[:min(len(words), 3000)]
}

// open goes to an address, of which a path is enough, and expects a page there.
func (p *person) open(address string) {
	p.t.Helper()
	p.opens(address, http.StatusOK)
}

// opens goes to an address and expects this status.
func (p *person) opens(address string, status int) {
	p.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = p.server.url + address
	}
	response, err := p.page.Goto(address)
	if err != nil {
		p.t.Fatalf("%s opens %s: %v", p.first, address, err)
	}
	if response.Status() != status {
		p.t.Fatalf("%s opens %s and gets %d, want %d\n%s", p.first, address, response.Status(), status, p.reads())
	}
}

// reload asks for the page again.
func (p *person) reload() {
	p.t.Helper()
	if _, err := p.page.Reload(); err != nil {
		p.t.Fatal(err)
	}
}

// comesToRead reloads the page until it says this, for what is counted in the background.
func (p *person) comesToRead(words string) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); p.reload() {
		if n, err := visible(p.part.at.GetByText(words)).Count(); err != nil {
			p.t.Fatal(err)
		} else if n > 0 {
			return
		}
	}
	p.t.Fatalf("%s does not come to read %q at %s\n%s", p.first, words, p.page.URL(), p.reads())
}

// path is the address the person is at, without the server.
func (p *person) path() string {
	u, err := url.Parse(p.page.URL())
	if err != nil {
		p.t.Fatal(err)
	}
	return u.Path
}

// at waits until the person is at this path, in which {id} stands for any one segment.
func (p *person) at(path string) {
	p.t.Helper()
	pattern := regexp.QuoteMeta(p.server.url+path) + `([?#].*)?$`
	pattern = "^" + strings.ReplaceAll(pattern, regexp.QuoteMeta("{id}"), `[^/?#]+`)
	if err := expect.Page(p.page).ToHaveURL(regexp.MustCompile(pattern)); err != nil {
		p.t.Fatalf("%s is not at %s but at %s: %v\n%s", p.first, path, p.page.URL(), err, p.reads())
	}
}

// whole is the whole page, with its menus and dialogs.
func (p *person) whole() part { return part{p, p.page.Locator("body")} }

// goes follows a link of a menu.
func (p *person) goes(menu string) {
	p.t.Helper()
	link := p.page.Locator(menus).GetByRole("link", playwright.LocatorGetByRoleOptions{Name: menu, Exact: playwright.Bool(true)})
	part{p, p.page.Locator(menus)}.click(visible(link), "the menu "+menu)
}

// signIn signs in at the sign-in page and waits for the next page.
func (p *person) signIn() {
	p.t.Helper()
	p.open("/login")
	p.entersLogin()
}

// entersLogin fills in the sign-in page the person is at.
func (p *person) entersLogin() {
	p.t.Helper()
	p.fill(emailField, p.email)
	p.fill(passwordField, p.password)
	p.press(signInButton)
	if err := expect.Page(p.page).Not().ToHaveURL(regexp.MustCompile(`/login`)); err != nil {
		p.t.Fatalf("%s cannot sign in: %v\n%s", p.first, err, p.reads())
	}
}

// signOut presses Sign out, which stands in the account's menu.
func (p *person) signOut() {
	p.t.Helper()
	p.opensAccountMenu()
	p.whole().press(signOutButton)
	p.at("/")
	p.whole().offers(signInButton)
}

func (p *person) opensAccountMenu() {
	p.t.Helper()
	menu := p.page.Locator(accountMenu)
	p.whole().click(visible(menu), "the account's menu")
}

// tab goes to the tab of a list that begins with this word; its count may follow.
func (p *person) tab(word string) {
	p.t.Helper()
	tab := p.page.Locator(tabs).Filter(playwright.LocatorFilterOptions{
		HasText: regexp.MustCompile(`^\s*` + regexp.QuoteMeta(word) + `\s*[\d,+]*\s*$`),
	})
	p.click(visible(tab), "the tab "+word)
	if err := expect.Locator(visible(tab)).ToHaveAttribute("aria-current", "page"); err != nil {
		p.t.Fatalf("%s does not get to the tab %s: %v\n%s", p.first, word, err, p.reads())
	}
}

// registers fills in the registration page, from the first page on.
func (p *person) registers() {
	p.t.Helper()
	p.open("/")
	p.whole().press(registerButton)
	p.at("/register")
	p.fillIn(p.somebody)
	p.press(registerButton)
	p.finds(lookIntoYourMail)
}

// fillIn fills in the form of somebody who makes an account.
func (a part) fillIn(who somebody) {
	a.p.t.Helper()
	a.fill(firstNameField, who.first)
	a.fill(lastNameField, who.last)
	a.fill(emailField, who.email)
	a.fill(passwordField, who.password)
}

// toast waits for the notice that answers a change.
func (p *person) toast(words string) {
	p.t.Helper()
	notice := p.page.Locator(notices).Filter(playwright.LocatorFilterOptions{HasText: words})
	if err := expect.Locator(visible(notice)).ToBeVisible(); err != nil {
		p.t.Fatalf("%s is not told %q: %v\n%s", p.first, words, err, p.reads())
	}
}

// audit looks at the page as it stands: see the function of that name.
func (p *person) audit(name string) {
	p.t.Helper()
	audit(p.t, p.page, name)
}
