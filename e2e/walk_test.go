package e2e

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// The walk goes to every page that can be reached by links in a filled portal,
// opens every menu and dialog there, and audits all of them.

func TestTheWalkOfAPortalAdmin(t *testing.T) {
	journey(t)
	s := startServer(t, serverOptions{demo: true})
	walk(t, s, "Portal admin", 80, "/", "/admin", "/profile")
}

func TestTheWalkOfConsumers(t *testing.T) {
	journey(t)
	s := startServer(t, serverOptions{demo: true})
	walk(t, s, "", 6, "/", "/forgot-password", "/nowhere")
	walk(t, s, superAdmin, 30, "/", "/profile", "/organizations/new")
	walk(t, s, teamMember, 26, "/", "/profile")
	walk(t, s, "Invitee", 6)
}

// randomID is an id in an address, which may happen to be without a digit, or a
// token, which has too many characters for that.
var randomID = regexp.MustCompile(`^([a-z2-7]{26}|[0-9A-Za-z_.-]*[0-9][0-9A-Za-z_.-]*)$`)

// shape is an address with its random parts left out: pages of one shape are the
// same page with other names in it.
func shape(u *url.URL) string {
	parts := strings.Split(u.Path, "/")
	for i, part := range parts {
		if len(part) >= 16 && randomID.MatchString(part) {
			parts[i] = "{id}"
		}
	}
	s := strings.Join(parts, "/")
	if state := u.Query().Get("state"); state != "" {
		s += "?state=" + state
	}
	return s
}

// walk follows the links of a persona, or of nobody, from these pages on, or
// from where the persona begins, and expects to find at least so many pages.
func walk(t *testing.T, s *server, persona string, least int, from ...string) {
	t.Helper()
	who := persona
	if who == "" {
		who = "Nobody"
	}
	p := s.visitor(t, somebody{first: who})
	if persona != "" {
		p.open("/")
		p.becomes(persona)
	}
	if len(from) == 0 {
		from = []string{p.path()}
	}
	w := &walker{person: p, who: who, menus: map[string]bool{}}
	queue, seen := from, map[string]bool{}
	for len(queue) > 0 {
		address := queue[0]
		queue = queue[1:]
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if seen[shape(u)] {
			continue
		}
		seen[shape(u)] = true
		if len(seen) > 100 {
			t.Fatal("there are more than 100 kinds of pages; is an id not random?")
		}
		if !p.visits(address) {
			continue
		}
		w.page = who + " " + shape(u)
		queue = append(queue, p.links()...)
		p.audit(w.page)
		w.opensDialogs()
		w.opensMenus()
	}
	t.Logf("%s walked through %d pages, %d kinds of menus with %d entries, and %d dialogs", who, len(seen), len(w.menus), w.entries, w.dialogs)
	if len(seen) < least {
		t.Errorf("%s found %d pages, and there are at least %d", who, len(seen), least)
	}
	if persona != "" && persona != "Invitee" && (w.entries == 0 || w.dialogs == 0) {
		t.Errorf("%s found no menu or no dialog", who)
	}
}

// walker is a person on a walk.
type walker struct {
	*person
	who, page        string
	menus            map[string]bool // that were walked through by keyboard
	entries, dialogs int
}

// visits goes to an address and reports whether there is a page to look at. Only
// /nowhere is missing.
func (p *person) visits(address string) bool {
	p.t.Helper()
	response, err := p.page.Goto(p.server.url + address)
	if err != nil {
		p.t.Errorf("%s cannot be opened: %v", address, err)
		return false
	}
	if status := response.Status(); status != 200 && address != "/nowhere" {
		p.t.Errorf("%s is linked to and answers %s with %d", address, p.first, status)
		return false
	}
	return true
}

// links are the addresses that the page links to, on this server.
func (p *person) links() []string {
	p.t.Helper()
	found, err := p.page.Evaluate(`() => [...document.querySelectorAll('a[href]')]
		.filter(a => a.origin === location.origin && !a.hasAttribute('download') && !a.getAttribute('href').startsWith('#'))
		.map(a => a.pathname + a.search)`)
	if err != nil {
		p.t.Fatal(err)
	}
	var links []string
	for _, link := range found.([]any) {
		links = append(links, link.(string))
	}
	return links
}

// openedMenus opens and folds every menu of the page, and tells of each what it
// is called, what is in it, and what is wrong with it.
const openedMenus = `summaries => [...document.querySelectorAll(summaries)].filter(s => s.checkVisibility()).map(summary => {
	summary.scrollIntoView({block: 'center'})
	const menu = summary.parentElement, panel = menu.querySelector('.panel')
	const box = summary.getBoundingClientRect()
	const hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)
	summary.click()
	const at = panel.getBoundingClientRect()
	const shows = menu.open && panel.checkVisibility() && at.width > 0 && at.left >= 0 && at.right <= innerWidth
	summary.click()
	return {
		name: (summary.ariaLabel || summary.textContent).split(/\s+/).join(' ').trim(),
		kind: ` + skeleton + `(panel) + panel.textContent,
		wrong: !summary.contains(hit) ? 'cannot be pressed' : !shows ? 'does not open inside the window' : menu.open ? 'does not fold' : '',
	}
})`

// entries are what can be pressed in the open menu.
const entries = `details.menu[open] .panel :is(a, button):not([disabled])`

// opensMenus tries every menu of the page, and walks through each kind by keyboard.
func (w *walker) opensMenus() {
	w.t.Helper()
	found, err := w.person.page.Evaluate(openedMenus, folded)
	if err != nil {
		w.t.Fatal(err)
	}
	menus := w.person.page.Locator(folded).Filter(playwright.LocatorFilterOptions{Visible: playwright.Bool(true)})
	for i, one := range found.([]any) {
		menu := one.(map[string]any)
		name, kind := menu["name"].(string), menu["kind"].(string)
		if menu["wrong"] != "" {
			w.t.Errorf("the menu %s at %s %s", name, w.page, menu["wrong"])
		}
		if !w.menus[kind] {
			w.menus[kind] = true
			w.walksThrough(menus.Nth(i), name)
		}
	}
}

// walksThrough opens a menu and reaches each of its entries by Tab, and the
// dialogs behind them by Enter; Escape leads back.
func (w *walker) walksThrough(menu playwright.Locator, name string) {
	w.t.Helper()
	name = w.page + " menu " + name
	w.whole().click(menu, name)
	// What an open menu covers cannot be pressed and is no target meanwhile.
	auditWithin(w.t, w.person.page, "details.menu[open]", name, "target-size")
	w.whole().click(menu, name)
	if err := menu.Focus(); err != nil {
		w.t.Fatal(err)
	}
	w.strikes("Enter")
	count, err := w.person.page.Locator(entries).Count()
	if err != nil {
		w.t.Fatal(err)
	}
	if count == 0 {
		w.t.Errorf("%s has no entries", name)
	}
	for i := range count {
		w.strikes("Tab")
		w.entries++
		kind, err := w.person.page.Evaluate(`([entries, i]) => {
			const entry = document.querySelectorAll(entries)[i]
			return entry !== document.activeElement ? 'not reached' : entry.getAttribute('hx-target') === '#dialog-body' ? 'dialog' : ''
		}`, []any{entries, i})
		if err != nil {
			w.t.Fatal(err)
		}
		switch kind {
		case "not reached":
			w.t.Fatalf("the %d. entry of %s is not reached by Tab", i+1, name)
		case "dialog":
			w.strikes("Enter")
			w.inDialog(fmt.Sprintf("%s, entry %d", name, i+1))
			if err := expect.Locator(menu).ToBeFocused(); err != nil {
				w.t.Errorf("after the dialog of %s the focus is not back: %v", name, err)
			}
			w.strikes("Enter")
			for range i + 1 {
				w.strikes("Tab")
			}
		}
	}
	w.strikes("Escape")
	if err := expect.Locator(menu).ToBeFocused(); err != nil {
		w.t.Errorf("after %s the focus is not back: %v", name, err)
	}
}

// inDialog audits the dialog that has come up, and closes it again.
func (w *walker) inDialog(name string) {
	w.t.Helper()
	dialog := w.person.page.Locator(dialogs)
	if err := expect.Locator(dialog).ToBeVisible(); err != nil {
		w.t.Fatalf("%s opens no dialog: %v", name, err)
	}
	w.dialogs++
	auditWithin(w.t, w.person.page, dialogs, name)
	w.strikes("Escape")
	if err := expect.Locator(dialog).ToHaveCount(0); err != nil {
		w.t.Fatalf("the dialog of %s does not close: %v", name, err)
	}
}

// opensDialogs opens each kind of dialog that the page links to, and closes it again.
func (w *walker) opensDialogs() {
	w.t.Helper()
	openers := w.person.page.Locator(`a[hx-target="#dialog-body"]`).Filter(playwright.LocatorFilterOptions{Visible: playwright.Bool(true)})
	names, err := openers.AllTextContents()
	if err != nil {
		w.t.Fatal(err)
	}
	done := map[string]bool{}
	for i, words := range names {
		label := strings.Join(strings.Fields(words), " ")
		if done[label] {
			continue
		}
		done[label] = true
		opener := openers.Nth(i)
		w.whole().click(opener, label)
		w.inDialog(w.page + " dialog " + label)
		if err := expect.Locator(opener).ToBeFocused(); err != nil {
			w.t.Errorf("after the dialog of %s at %s, the focus is not back: %v", label, w.path(), err)
		}
	}
}
