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
	walk(t, s, "Portal admin", "/", "/admin", "/profile")
}

func TestTheWalkOfConsumers(t *testing.T) {
	journey(t)
	s := startServer(t, serverOptions{demo: true})
	walk(t, s, "", "/", "/forgot-password", "/nowhere")
	walk(t, s, superAdmin, "/", "/profile", "/organizations/new")
	walk(t, s, teamMember, "/", "/profile")
	walk(t, s, "Invitee")
}

var randomID = regexp.MustCompile(`^[0-9A-Za-z_-]{16,}$`)

// shape is an address with its random parts left out: pages of one shape are the
// same page with other names in it.
func shape(u *url.URL) string {
	parts := strings.Split(u.Path, "/")
	for i, part := range parts {
		if randomID.MatchString(part) && strings.ContainsAny(part, "0123456789") {
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
// from where the persona begins.
func walk(t *testing.T, s *server, persona string, from ...string) {
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
		name := who + " " + shape(u)
		p.audit(name)
		p.opensMenus(who)
		p.opensDialogs(who)
		queue = append(queue, p.links()...)
	}
	t.Logf("%s walked through %d pages", who, len(seen))
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

// opensMenus opens the page's folded menus one after the other.
func (p *person) opensMenus(persona string) {
	p.t.Helper()
	menus := p.page.Locator(folded).Filter(playwright.LocatorFilterOptions{Visible: playwright.Bool(true)})
	all, err := menus.All()
	if err != nil {
		p.t.Fatal(err)
	}
	done := map[string]bool{}
	for _, menu := range all {
		label, err := menu.Evaluate(`e => e.ariaLabel || e.textContent`, nil)
		if err != nil {
			p.t.Fatal(err)
		}
		words := strings.Join(strings.Fields(label.(string)), " ")
		if kind, _, _ := strings.Cut(words, " "); done[kind] {
			continue // the menus of a list's rows are all alike
		} else {
			done[kind] = true
		}
		p.whole().click(menu, "the menu "+words)
		// What an open menu covers cannot be pressed and is no target meanwhile.
		p.auditBut("target-size", fmt.Sprintf("%s menu %s", persona, words))
		if err := p.page.Keyboard().Press("Escape"); err != nil {
			p.t.Fatal(err)
		}
	}
}

// opensDialogs opens each kind of dialog that the page links to, and closes it again.
func (p *person) opensDialogs(persona string) {
	p.t.Helper()
	openers := p.page.Locator(`a[hx-target="#dialog-body"]`).Filter(playwright.LocatorFilterOptions{Visible: playwright.Bool(true)})
	names, err := openers.AllTextContents()
	if err != nil {
		p.t.Fatal(err)
	}
	done := map[string]bool{}
	for i, words := range names {
		label := strings.Join(strings.Fields(words), " ")
		if done[label] {
			continue
		}
		done[label] = true
		opener := openers.Nth(i)
		p.whole().click(opener, label)
		dialog := p.page.Locator(dialogs)
		if err := expect.Locator(dialog).ToBeVisible(); err != nil {
			p.t.Errorf("%s opens no dialog at %s: %v", label, p.path(), err)
			continue
		}
		p.audit(fmt.Sprintf("%s dialog %s", persona, label))
		if err := p.page.Keyboard().Press("Escape"); err != nil {
			p.t.Fatal(err)
		}
		if err := expect.Locator(dialog).ToHaveCount(0); err != nil {
			p.t.Fatalf("the dialog of %s does not close: %v", label, err)
		}
		if err := expect.Locator(opener).ToBeFocused(); err != nil {
			p.t.Errorf("after the dialog of %s at %s, the focus is not back: %v", label, p.path(), err)
		}
	}
}
