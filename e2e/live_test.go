package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// stays marks the document, and claims at the end that it is still the same one.
func (p *person) stays() (check func()) {
	p.t.Helper()
	if _, err := p.page.Evaluate(`() => { window.stayed = true }`); err != nil {
		p.t.Fatal(err)
	}
	return func() {
		p.t.Helper()
		if same, err := p.page.Evaluate(`() => window.stayed === true`); err != nil || same != true {
			p.t.Errorf("%s has been sent to another page: %v", p.first, err)
		}
	}
}

func TestPagesChangeByThemselves(t *testing.T) {
	journey(t)
	s := newScene(t)
	s.set(approveOrgsSwitch, false)
	acme := s.added("Acme Inc", rita)
	s.registered(uma)

	// The admin's counters and list, and the outbox, while requests come in.
	a := s.visitor(t, ada)
	a.signIn()
	a.open("/admin/organizations")
	a.sees("Nothing waits for a decision")
	stayed := a.stays()
	field := a.field("Search names")
	if err := field.Fill("glo"); err != nil {
		t.Fatal(err)
	}
	a.sees("Nothing found")
	request := s.requested("Globex", uma)
	u := s.visitor(t, uma)
	u.signIn()
	u.open(request)
	u.sees("Pending")
	a.sees("Globex")
	a.holds("Search names", "glo")
	if err := expect.Locator(field).ToBeFocused(); err != nil {
		t.Error(err)
	}
	if err := expect.Locator(a.page.Locator(`#side-menu .badge`).First()).ToContainText("1"); err != nil {
		t.Error(err)
	}
	a.row("Globex").sees("Pending")
	stayed()

	// The pending page says that it is approved, with its way on; a menu that is
	// open meanwhile stays open.
	u.opensAccountMenu()
	stayed = u.stays()
	s.admin.open("/admin/organizations/" + lastPart(request) + "/approval").press("Approve").want(200)
	u.sees("Go to the dashboard")
	if err := expect.Locator(u.page.Locator("details.menu[open]")).ToBeVisible(); err != nil {
		t.Errorf("the menu is closed: %v", err)
	}
	stayed()
	u.audit("request-approved")

	// The Users tab, while a dialog with something typed is open, and the outbox.
	a.open("/admin/emails?state=sent")
	a.sees(rita.email)
	a.lacks(tom.email)
	outboxStayed := a.stays()
	r := s.visitor(t, rita)
	r.signIn()
	r.open(acme + "/users")
	r.sees("Nobody is invited at the moment.")
	stayed = r.stays()
	d := r.ask("Invite")
	d.fill(firstNameField, "Half typed")
	s.invites(acme, rita, tom, teamMember)
	a.sees(tom.email)
	outboxStayed()
	s.joined(tom)
	d.holds(firstNameField, "Half typed")
	r.strikes("Escape")
	r.sees(tom.email)
	stayed()

	// Removed: the page asks by itself, and says that there is nothing any more.
	m := s.visitor(t, tom)
	m.signIn()
	m.open(acme + "/users")
	m.sees(rita.email)
	r.open(s.memberAddress(acme, rita, tom))
	r.does("Remove")
	r.at(acme + "/users")
	m.whole().finds(nothingHere)
}

func TestPagesLookByThemselvesWhereEventsDoNotComeThrough(t *testing.T) {
	journey(t)
	s := newScene(t)
	acme := s.added("Acme Inc", rita)
	r := s.visitor(t, rita)
	r.expects(`/live failed|ERR_FAILED`)
	if err := r.page.Route("**/live", func(route playwright.Route) { route.Abort("failed") }); err != nil {
		t.Fatal(err)
	}
	r.signIn()
	r.open(acme + "/users")
	r.sees("Nobody is invited at the moment.")
	stayed := r.stays()
	s.invites(acme, rita, tom, teamMember)
	r.sees(tom.email)
	stayed()
}

// looksAgain waits until the page has asked for its changing parts twice: what the
// first answer does is done by then. It asks on as long as it owes somebody a change.
func (p *person) looksAgain() {
	p.t.Helper()
	here := p.page.URL()
	for range 2 {
		if _, err := p.page.ExpectResponse(func(url string) bool { return url == here }, func() error { return nil }); err != nil {
			p.t.Fatalf("%s's page does not ask again: %v", p.first, err)
		}
	}
}

func TestWhoIsBusyInAPageIsNotDisturbed(t *testing.T) {
	journey(t)
	s := newScene(t)
	s.set(approveOrgsSwitch, false)
	for _, who := range []somebody{rita, uma, ben, tom} {
		s.registered(who)
	}
	s.requested("Globex", uma)
	a := s.visitor(t, ada)
	a.signIn()
	a.open("/admin/organizations")
	stayed := a.stays()
	approve := visible(a.row("Globex").button("Approve"))
	badge := a.page.Locator("#side-menu .badge").First()

	// A part changes around the link that has the focus, which stays on it.
	if err := approve.Focus(); err != nil {
		t.Fatal(err)
	}
	s.requested("Initech", ben)
	a.sees("Initech")
	if err := expect.Locator(approve).ToBeFocused(); err != nil {
		t.Errorf("the focus was lost when the list changed: %v", err)
	}

	// Behind an open dialog nothing changes, and the focus goes back where it was.
	a.strikes("Enter")
	dialog := a.page.Locator(dialogs)
	if err := expect.Locator(dialog).ToBeVisible(); err != nil {
		t.Fatal(err)
	}
	s.requested("Hooli", rita)
	a.looksAgain()
	if err := expect.Locator(dialog).ToBeVisible(); err != nil {
		t.Error(err)
	}
	if n, err := a.page.Locator("#results").GetByText("Hooli").Count(); err != nil || n != 0 {
		t.Errorf("the list changes behind the dialog: %d, %v", n, err)
	}
	a.strikes("Escape")
	if err := expect.Locator(approve).ToBeFocused(); err != nil {
		t.Errorf("the focus is not back where the dialog was opened: %v", err)
	}
	a.sees("Hooli")
	if err := expect.Locator(badge).ToContainText("3"); err != nil {
		t.Error(err)
	}

	// What is selected stays so, and a menu that is open stays open.
	if _, err := a.page.Evaluate(`() => getSelection().selectAllChildren(document.querySelector('#results .item h3, #results td'))`); err != nil {
		t.Fatal(err)
	}
	a.opensAccountMenu()
	selected, err := a.page.Evaluate(`() => String(getSelection())`)
	if err != nil || selected == "" {
		t.Fatalf("nothing is selected: %v, %v", selected, err)
	}
	s.requested("Umbrella", tom)
	a.looksAgain()
	if still, err := a.page.Evaluate(`() => String(getSelection())`); err != nil || still != selected {
		t.Errorf("selected were %q, and now %q, %v", selected, still, err)
	}
	if err := expect.Locator(a.page.Locator("details.menu[open]")).ToBeVisible(); err != nil {
		t.Errorf("the menu is closed: %v", err)
	}
	if _, err := a.page.Evaluate(`() => getSelection().removeAllRanges()`); err != nil {
		t.Fatal(err)
	}
	a.sees("Umbrella")
	stayed()
}

// A proxy that keeps answers until they are whole lets no event through.
func TestPagesChangeBehindAProxyThatHoldsEventsBack(t *testing.T) {
	journey(t)
	var portico atomic.Pointer[url.URL]
	var held atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		through := httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(portico.Load())
			p.Out.Host = p.In.Host
		}}
		if strings.HasSuffix(r.URL.Path, "/live") {
			through.ModifyResponse = func(answer *http.Response) error {
				held.Add(1)
				whole, err := io.ReadAll(answer.Body)
				answer.Body.Close()
				answer.Body = io.NopCloser(bytes.NewReader(whole))
				return err
			}
			through.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusNoContent) }
		}
		through.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		proxy.CloseClientConnections()
		proxy.Close()
	})
	s := newSceneWith(t, serverOptions{url: people(t, proxy.URL), proxy: func(address string) {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		portico.Store(u)
	}})
	acme := s.added("Acme Inc", rita)
	r := s.visitor(t, rita)
	r.signIn()
	r.open(acme + "/users")
	r.sees("Nobody is invited at the moment.")
	stayed := r.stays()
	s.invites(acme, rita, tom, teamMember)
	r.sees(tom.email)
	stayed()
	if held.Load() == 0 {
		t.Error("no events were held back")
	}
}
