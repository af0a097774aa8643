package handlers

import (
	"net/http"
	"slices"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"portico/portal"
)

func TestPasswordFieldsHideWhatIsTypedAndLetManagersFillThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.pass(portal.ProofAge + 1) // so that what is sensitive asks for the password
	found := map[string]bool{}
	look := func(route string, page *goquery.Selection) {
		page.Find(`input[name$=password]:not([name=min_password])`).Each(func(_ int, field *goquery.Selection) {
			name, fill := field.AttrOr("name", ""), field.AttrOr("autocomplete", "")
			found[name+" "+fill] = true
			if kind := field.AttrOr("type", "text"); kind != "password" {
				t.Errorf("%s: %s is a field of the type %s", route, name, kind)
			}
			if want := []string{"new-password", "current-password"}; !slices.Contains(want, fill) {
				t.Errorf("%s: %s is to be filled in with %q", route, name, fill)
			}
			if field.Is("[maxlength], [pattern], [readonly]") {
				t.Errorf("%s: %s does not take every password", route, name)
			}
		})
	}
	w.each("GET", func(route, pattern, who string) {
		look(route, w.browser(who).get(w.own(pattern)).page(t).Selection)
	})
	for _, path := range []string{"/register", "/login"} {
		look(path, w.browser("").get(path).is(t, http.StatusOK).page(t).Selection)
	}
	for _, field := range []string{"password new-password", "password current-password", "current_password current-password"} {
		if !found[field] {
			t.Errorf("no page has the field %s", field)
		}
	}
}

func TestSigningOutIsWithinReachOnEveryPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pages := 0
	w.each("GET", func(route, pattern, who string) {
		a := w.browser(who).get(w.own(pattern))
		page := a.page(t)
		if who == "" || a.status != http.StatusOK || page.Find("html #page").Length() == 0 {
			return // signed out, or no page of ours: exports, streams and frames
		}
		pages++
		if page.Find(`form[method=post][action="/logout"] button[type=submit]`).Length() == 0 {
			t.Errorf("%s has no button to sign out", route)
		}
	})
	if pages < 40 {
		t.Errorf("only %d pages were looked at", pages)
	}
}
