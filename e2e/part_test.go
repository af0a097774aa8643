package e2e

import (
	"regexp"

	"github.com/playwright-community/playwright-go"
)

// part is a piece of a page that a person reads and works in: its main part, a
// row of a list, a dialog.
type part struct {
	p  *person
	at playwright.Locator
}

// visible narrows a locator to the first of its elements that can be seen.
func visible(l playwright.Locator) playwright.Locator {
	return l.Filter(playwright.LocatorFilterOptions{Visible: playwright.Bool(true)}).First()
}

func (a part) click(what playwright.Locator, name string) {
	a.p.t.Helper()
	if err := what.Click(); err != nil {
		a.p.t.Fatalf("%s cannot press %s at %s: %v\n%s", a.p.first, name, a.p.page.URL(), err, a.p.reads())
	}
}

// button is what is pressed under that name: a button, or a link that looks like one.
func (a part) button(name string) playwright.Locator {
	options := playwright.LocatorGetByRoleOptions{Name: name, Exact: playwright.Bool(true)}
	return a.at.GetByRole("button", options).
		Or(a.at.GetByRole("link", options))
}

// press presses the button or follows the link of that name, if need be in the
// part's menu of further ones.
func (a part) press(name string) {
	a.p.t.Helper()
	a.unfold(name)
	a.click(visible(a.button(name)), "the button "+name)
}

// unfold opens the part's menu where the button is only in there.
func (a part) unfold(name string) {
	a.p.t.Helper()
	menu := a.at.Locator("details.menu:not([open])").
		Filter(playwright.LocatorFilterOptions{Has: a.p.page.Locator("a, button").Filter(playwright.LocatorFilterOptions{HasText: name})}).
		Locator("> summary")
	button := visible(a.button(name))
	if err := visible(button.Or(menu)).WaitFor(); err != nil {
		a.p.t.Fatalf("%s finds no button %s at %s: %v\n%s", a.p.first, name, a.p.page.URL(), err, a.p.reads())
	}
	if n, err := button.Count(); err != nil {
		a.p.t.Fatal(err)
	} else if n == 0 {
		a.click(visible(menu), "the menu with "+name)
	}
}

// submit presses the part's one button that sends a form.
func (a part) submit() {
	a.p.t.Helper()
	a.click(a.at.Locator("form button[type=submit]"), "the button")
}

// field is the field with this label.
func (a part) field(label string) playwright.Locator {
	return visible(a.at.GetByLabel(label, playwright.LocatorGetByLabelOptions{Exact: playwright.Bool(true)}))
}

// fill types into the field with this label.
func (a part) fill(label, value string) {
	a.p.t.Helper()
	if err := a.field(label).Fill(value); err != nil {
		a.p.t.Fatalf("%s cannot fill in %s at %s: %v\n%s", a.p.first, label, a.p.page.URL(), err, a.p.reads())
	}
}

// choose takes the radio button with this label.
func (a part) choose(label string) {
	a.p.t.Helper()
	radio := a.at.GetByRole("radio", playwright.LocatorGetByRoleOptions{Name: label, Exact: playwright.Bool(true)})
	if err := radio.First().Check(); err != nil {
		a.p.t.Fatalf("%s cannot choose %s at %s: %v\n%s", a.p.first, label, a.p.page.URL(), err, a.p.reads())
	}
}

// chosen waits until the radio button with this label is the chosen one.
func (a part) chosen(label string) {
	a.p.t.Helper()
	radio := a.at.GetByRole("radio", playwright.LocatorGetByRoleOptions{Name: label, Exact: playwright.Bool(true)})
	if err := expect.Locator(radio.First()).ToBeChecked(); err != nil {
		a.p.t.Fatalf("%s does not find %s chosen: %v", a.p.first, label, err)
	}
}

// holds waits until the field with this label has this value.
func (a part) holds(label, value string) {
	a.p.t.Helper()
	if err := expect.Locator(a.field(label)).ToHaveValue(value); err != nil {
		a.p.t.Fatalf("%s does not find %q in %s: %v\n%s", a.p.first, value, label, err, a.p.reads())
	}
}

// fixed waits for a field that cannot be changed, or for its value as plain text.
func (a part) fixed(label, value string) {
	a.p.t.Helper()
	field := a.at.GetByLabel(label, playwright.LocatorGetByLabelOptions{Exact: playwright.Bool(true)})
	if n, err := visible(field).Count(); err != nil {
		a.p.t.Fatal(err)
	} else if n == 0 {
		a.sees(value)
		return
	}
	a.holds(label, value)
	if err := expect.Locator(visible(field)).Not().ToBeEditable(); err != nil {
		a.p.t.Errorf("%s can change %s: %v", a.p.first, label, err)
	}
}

// holdsChoice waits until the list with this label shows this choice.
func (a part) holdsChoice(label, choice string) {
	a.p.t.Helper()
	chosen := a.field(label).Locator("option:checked")
	if err := expect.Locator(chosen).ToContainText(choice); err != nil {
		a.p.t.Fatalf("%s does not find %q chosen in %s: %v\n%s", a.p.first, choice, label, err, a.p.reads())
	}
}

// problem waits for the message at a field, and gives it.
func (a part) problem(label string) string {
	a.p.t.Helper()
	field := a.field(label)
	if err := expect.Locator(field).ToHaveAttribute("aria-invalid", "true"); err != nil {
		a.p.t.Fatalf("%s reads no problem at %s: %v\n%s", a.p.first, label, err, a.p.reads())
	}
	if err := expect.Locator(field).ToHaveAccessibleDescription(regexp.MustCompile(`\S`)); err != nil {
		a.p.t.Fatalf("%s reads no message at %s: %v", a.p.first, label, err)
	}
	words, err := field.Evaluate(`e => (e.getAttribute('aria-describedby') || '').split(/\s+/)
		.map(id => document.getElementById(id)).filter(e => e).map(e => e.textContent).join(' ')`, nil)
	if err != nil {
		a.p.t.Fatal(err)
	}
	return words.(string)
}

// sees waits for these words.
func (a part) sees(words string) {
	a.p.t.Helper()
	a.waitsFor(a.at.GetByText(words), words)
}

// finds waits for words of this kind.
func (a part) finds(words *regexp.Regexp) {
	a.p.t.Helper()
	a.waitsFor(a.at.GetByText(words), words.String())
}

func (a part) waitsFor(words playwright.Locator, what string) {
	a.p.t.Helper()
	if err := expect.Locator(visible(words)).ToBeVisible(); err != nil {
		a.p.t.Fatalf("%s does not read %q at %s: %v\n%s", a.p.first, what, a.p.page.URL(), err, a.p.reads())
	}
}

// misses waits until these words are nowhere to be seen.
func (a part) misses(words string) {
	a.p.t.Helper()
	l := a.at.GetByText(words).Filter(playwright.LocatorFilterOptions{Visible: playwright.Bool(true)})
	if err := expect.Locator(l).ToHaveCount(0); err != nil {
		a.p.t.Fatalf("%s still reads %q at %s: %v\n%s", a.p.first, words, a.p.page.URL(), err, a.p.reads())
	}
}

// wears waits for a badge that says this and nothing else.
func (a part) wears(words string) {
	a.p.t.Helper()
	a.waitsFor(a.at.Locator(".badge").GetByText(words, playwright.LocatorGetByTextOptions{Exact: playwright.Bool(true)}), "the badge "+words)
}

// offers waits for a button of that name.
func (a part) offers(name string) {
	a.p.t.Helper()
	a.waitsFor(a.button(name), "the button "+name)
}

// lacks claims that there is no button of that name; the page has to be there already.
func (a part) lacks(name string) {
	a.p.t.Helper()
	buttons := a.button(name).Filter(playwright.LocatorFilterOptions{Visible: playwright.Bool(true)})
	if err := expect.Locator(buttons).ToHaveCount(0); err != nil {
		a.p.t.Fatalf("%s finds the button %s at %s: %v", a.p.first, name, a.p.page.URL(), err)
	}
}

// row is the row of a list that says this.
func (a part) row(words string) part {
	return part{a.p, visible(a.at.Locator(rowsOf).Filter(playwright.LocatorFilterOptions{HasText: words}))}
}

// rowWith is the row of a list that has a button of that name.
func (a part) rowWith(button string) part {
	named := regexp.MustCompile(`^\s*` + regexp.QuoteMeta(button) + `\s*$`)
	buttons := a.p.page.Locator("button, a").Filter(playwright.LocatorFilterOptions{HasText: named})
	return part{a.p, visible(a.at.Locator(rowsOf).Filter(playwright.LocatorFilterOptions{Has: buttons}))}
}

// shows waits until the part itself is there.
func (a part) shows() part {
	a.p.t.Helper()
	if err := expect.Locator(a.at).ToBeVisible(); err != nil {
		a.p.t.Fatalf("%s does not find it at %s: %v\n%s", a.p.first, a.p.page.URL(), err, a.p.reads())
	}
	return a
}

// ask presses a button that asks something before it acts, and gives the part
// that asks: a dialog, or without scripts a page of its own.
func (a part) ask(name string) part {
	a.p.t.Helper()
	// The mark tells the page that stands there from the one that may come.
	if _, err := a.p.page.Evaluate(`() => { for (const m of document.querySelectorAll('main')) m.dataset.left = '' }`); err != nil {
		a.p.t.Fatal(err)
	}
	a.press(name)
	dialog := a.p.page.Locator(dialogs)
	if err := visible(dialog.Or(a.p.page.Locator("main:not([data-left])"))).WaitFor(); err != nil {
		a.p.t.Fatalf("%s presses %s and is asked nothing at %s: %v\n%s", a.p.first, name, a.p.page.URL(), err, a.p.reads())
	}
	if n, err := dialog.Count(); err != nil {
		a.p.t.Fatal(err)
	} else if n > 0 {
		return part{a.p, dialog.Last()}
	}
	return a.p.part
}

// does presses a button, and once more where it is asked first.
func (a part) does(name string) {
	a.p.t.Helper()
	a.ask(name)
	dialog := a.p.page.Locator(dialogs)
	if n, err := dialog.Count(); err != nil {
		a.p.t.Fatal(err)
	} else if n > 0 {
		part{a.p, dialog}.press(name)
	}
}
