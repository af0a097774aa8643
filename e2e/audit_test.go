package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// The two screens every page is looked at on.
var (
	desktop = playwright.Size{Width: 1280, Height: 800}
	phone   = playwright.Size{Width: 390, Height: 844}
)

// rules are the sets of axe rules every page is held to.
var rules = []string{"wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"}

// audited holds the names of the screens that were audited: journeys meet on
// many of them, and once is enough.
var audited sync.Map

// skeletons are what was audited, without its words: journeys often see the same
// page with other names in it, and once is enough.
var skeletons sync.Map

// skeleton is the shape of what stands there: the elements with their classes and
// roles. Of rows that are alike only one counts, however long the list.
const skeleton = `(() => {
	const own = e => e.tagName + '.' + e.className + [...e.attributes].filter(a => /^(aria-|data-)|^(role|open)$/.test(a.name)).map(a => a.name)
	const shape = e => own(e) + '(' + [...new Set([...e.children].map(shape))].join(' ') + ')'
	return shape
})()`

func seenAlready(t *testing.T, page playwright.Page, within string) bool {
	t.Helper()
	shape, err := page.Evaluate(`within => `+skeleton+`(document.querySelector(within))`, within)
	if err != nil {
		t.Fatal(err)
	}
	_, before := skeletons.LoadOrStore(shape, true)
	return before
}

// show sets what theme.js would set at the next load, as a reload would lose the
// state that is to be looked at. Nothing glides there, and what moves is brought to
// its end; a spinner has none and goes on.
const show = `dark => {
	if (!window.still) {
		window.still = new CSSStyleSheet()
		still.replaceSync('*, ::before, ::after { transition: none !important } ::details-content { transition: none !important }')
		document.adoptedStyleSheets.push(still)
	}
	document.documentElement.classList.toggle('dark', dark)
	for (const one of document.getAnimations()) if (one.effect.getComputedTiming().endTime !== Infinity) one.finish()
}`

// inspect runs axe on a part of the page and tells what it finds, in short; or
// nothing, where axe is still to be loaded.
const inspect = `async ({within, rules}) => {
	if (typeof axe === 'undefined') return ''
	const found = await axe.run(within === 'body' ? document : document.querySelector(within), {runOnly: rules, resultTypes: ['violations'], iframes: false})
	return JSON.stringify(found.violations.map(v => ({
		Rule: v.id, Help: v.help,
		Places: v.nodes.slice(0, 4).map(n => n.target.join(' ') + '  ' + n.html.slice(0, 200) + '\n        ' + n.failureSummary.replace(/\n/g, ' '))
	})))
}`

type violation struct {
	Rule, Help string
	Places     []string
}

// long is whether everything is looked at, as often as it is met and in every look.
var long = os.Getenv("TEST_LONG") != "" || os.Getenv("E2E_SHOTS") != ""

// audit looks at the page as it stands, on a desk and on a phone, in light and
// dark: no violation of an axe rule, and nothing to scroll sideways on a phone.
func audit(t *testing.T, page playwright.Page, name string, but ...string) {
	t.Helper()
	auditWithin(t, page, "body", name, but...)
}

// auditWithin looks at what has come up on a page that was audited before.
func auditWithin(t *testing.T, page playwright.Page, within, name string, but ...string) {
	t.Helper()
	if _, before := audited.LoadOrStore(name, true); before {
		return
	}
	if !long && seenAlready(t, page, within) {
		return
	}
	if long {
		within = "body"
	}
	for _, look := range looks() {
		as := fmt.Sprintf("%s, %d wide, %s", name, look.size.Width, look.theme)
		showLook(t, page, look)
		for _, v := range violations(t, page, within, rules) {
			if !slices.Contains(but, v.Rule) {
				t.Errorf("%s: %s (%s)\n    %s", as, v.Help, v.Rule, strings.Join(v.Places, "\n    "))
			}
		}
		if look.size == phone {
			checkWidth(t, page, as)
		}
		shoot(t, page, fmt.Sprintf("%s-%d-%s", name, look.size.Width, look.theme))
	}
	showLook(t, page, look{desktop, "light"})
}

func showLook(t *testing.T, page playwright.Page, look look) {
	t.Helper()
	if page.ViewportSize().Width != look.size.Width {
		if err := page.SetViewportSize(look.size.Width, look.size.Height); err != nil {
			t.Fatal(err)
		}
	}
	scheme := playwright.ColorSchemeLight
	if look.theme == "dark" {
		scheme = playwright.ColorSchemeDark
	}
	if err := page.EmulateMedia(playwright.PageEmulateMediaOptions{ColorScheme: scheme}); err != nil {
		t.Fatal(err)
	}
	if _, err := page.Evaluate(show, look.theme == "dark"); err != nil {
		t.Fatal(err)
	}
}

// A look is one way of looking at a page.
type look struct {
	size  playwright.Size
	theme string
}

// looks are the ways every page is looked at: each width and each theme once, and
// in the long form each width in each theme.
func looks() []look {
	if !long {
		return []look{{desktop, "light"}, {phone, "dark"}}
	}
	return []look{{desktop, "light"}, {desktop, "dark"}, {phone, "light"}, {phone, "dark"}}
}

func violations(t *testing.T, page playwright.Page, within string, rules []string) []violation {
	t.Helper()
	options := map[string]any{"within": within, "rules": rules}
	result, err := page.Evaluate(inspect, options)
	if err == nil && result == "" {
		source, failed := axe()
		if failed != nil {
			t.Fatal(failed)
		}
		// A script tag would be refused by the page's policy, which stays in force here.
		if _, err := page.Evaluate(source + "\n;undefined"); err != nil {
			t.Fatalf("load axe: %v", err)
		}
		result, err = page.Evaluate(inspect, options)
	}
	if err != nil {
		t.Fatalf("run axe: %v", err)
	}
	var found []violation
	if err := json.Unmarshal([]byte(result.(string)), &found); err != nil {
		t.Fatal(err)
	}
	return found
}

func checkWidth(t *testing.T, page playwright.Page, look string) {
	t.Helper()
	wide, err := page.Evaluate(`() => {
		const width = document.scrollingElement.scrollWidth
		if (width <= innerWidth) return ''
		const out = [...document.body.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)
		return width + ' px: ' + out.slice(0, 3).map(e => e.outerHTML.slice(0, 160)).join(' | ')
	}`)
	if err != nil {
		t.Fatal(err)
	}
	if wide != "" {
		t.Errorf("%s: it scrolls sideways, %s", look, wide)
	}
}

// shoot leaves a picture of the page where E2E_SHOTS says, if it does.
func shoot(t *testing.T, page playwright.Page, name string) {
	t.Helper()
	dir := os.Getenv("E2E_SHOTS")
	if dir == "" {
		return
	}
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\ :{}?=&`, r) {
			return '_'
		}
		return r
	}, name)
	_, err := page.Screenshot(playwright.PageScreenshotOptions{
		Path:     playwright.String(filepath.Join(dir, name+".png")),
		FullPage: playwright.Bool(true),
	})
	if err != nil {
		t.Logf("no picture of %s: %v", name, err)
	}
}
