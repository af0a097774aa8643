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

// skeletons are the audited pages without their words: journeys often see the
// same page with other names in it, and once is enough.
var skeletons sync.Map

func seenAlready(t *testing.T, page playwright.Page) bool {
	t.Helper()
	skeleton, err := page.Evaluate(`() => [...document.body.querySelectorAll('*')].map(e => e.tagName + '.' + e.className +
		[...e.attributes].filter(a => a.name.startsWith('aria-') || a.name.startsWith('data-') || a.name === 'role' || a.name === 'open').map(a => a.name).join()).join('\n')`)
	if err != nil {
		t.Fatal(err)
	}
	_, before := skeletons.LoadOrStore(skeleton, true)
	return before
}

// settle waits until nothing on the page moves any more. A spinner has no end and
// is not waited for, nor is what cannot be seen: in folded details a change of
// colours begins, and goes on for as long as they are folded.
const settle = `async () => {
	for (;;) {
		const moving = document.getAnimations().filter(a => a.playState === 'running' && a.effect &&
			a.effect.getComputedTiming().endTime !== Infinity && (!a.effect.target || a.effect.target.checkVisibility()))
		if (moving.length === 0) return
		const slow = new Promise((_, fail) => setTimeout(() => fail(new Error('these do not end: ' + moving.map(a =>
			(a.transitionProperty || a.animationName) + ' of ' + a.effect.pseudoElement + ' ' + a.effect.target.outerHTML.slice(0, 200)).join(', '))), 10000))
		await Promise.race([slow, Promise.all(moving.map(a => a.finished.catch(() => {})))])
	}
}`

// inspect runs axe and tells what it finds, in short.
const inspect = `async rules => {
	const found = await axe.run(document, {runOnly: rules, resultTypes: ['violations'], iframes: false})
	return JSON.stringify(found.violations.map(v => ({
		Rule: v.id, Help: v.help,
		Places: v.nodes.slice(0, 4).map(n => n.target.join(' ') + '  ' + n.html.slice(0, 200) + '\n        ' + n.failureSummary.replace(/\n/g, ' '))
	})))
}`

type violation struct {
	Rule, Help string
	Places     []string
}

// audit looks at the page as it stands, on a desk and on a phone, in light and
// dark: no violation of an axe rule, and nothing to scroll sideways on a phone.
func audit(t *testing.T, page playwright.Page, name string, but ...string) {
	t.Helper()
	if _, before := audited.LoadOrStore(name, true); before {
		return
	}
	if os.Getenv("TEST_LONG") == "" && os.Getenv("E2E_SHOTS") == "" && seenAlready(t, page) {
		return
	}
	for _, look := range looks() {
		if err := page.SetViewportSize(look.size.Width, look.size.Height); err != nil {
			t.Fatal(err)
		}
		as := fmt.Sprintf("%s, %d wide, %s", name, look.size.Width, look.theme)
		showTheme(t, page, look.theme)
		for _, v := range violations(t, page, rules) {
			if !slices.Contains(but, v.Rule) {
				t.Errorf("%s: %s (%s)\n    %s", as, v.Help, v.Rule, strings.Join(v.Places, "\n    "))
			}
		}
		if look.size == phone {
			checkWidth(t, page, as)
		}
		shoot(t, page, fmt.Sprintf("%s-%d-%s", name, look.size.Width, look.theme))
	}
	showTheme(t, page, "light")
	if err := page.SetViewportSize(desktop.Width, desktop.Height); err != nil {
		t.Fatal(err)
	}
}

// showTheme sets what theme.js would set at the next load: a reload would lose
// the state that is to be looked at.
func showTheme(t *testing.T, page playwright.Page, theme string) {
	t.Helper()
	scheme := playwright.ColorSchemeLight
	if theme == "dark" {
		scheme = playwright.ColorSchemeDark
	}
	if err := page.EmulateMedia(playwright.PageEmulateMediaOptions{ColorScheme: scheme}); err != nil {
		t.Fatal(err)
	}
	if _, err := page.Evaluate(`dark => { document.documentElement.classList.toggle('dark', dark) }`, theme == "dark"); err != nil {
		t.Fatal(err)
	}
	if _, err := page.Evaluate(settle); err != nil {
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
	if os.Getenv("TEST_LONG") == "" && os.Getenv("E2E_SHOTS") == "" {
		return []look{{desktop, "light"}, {phone, "dark"}}
	}
	return []look{{desktop, "light"}, {desktop, "dark"}, {phone, "light"}, {phone, "dark"}}
}

func violations(t *testing.T, page playwright.Page, rules []string) []violation {
	t.Helper()
	there, err := page.Evaluate(`() => typeof axe !== 'undefined'`)
	if err != nil {
		t.Fatal(err)
	}
	if there != true {
		source, err := axe()
		if err != nil {
			t.Fatal(err)
		}
		// A script tag would be refused by the page's policy, which stays in force here.
		if _, err := page.Evaluate(source + "\n;undefined"); err != nil {
			t.Fatalf("load axe: %v", err)
		}
	}
	result, err := page.Evaluate(inspect, rules)
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
