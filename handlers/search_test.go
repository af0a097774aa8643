package handlers

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestAPaletteShowsNothingOfAnotherOrganization(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	words := []string{"a", "b", "al", "be", "test", "example", "all users", "org"}
	for who, canaries := range map[string][]string{
		"ann":  {"Beta", "Bravo", w.ids["Beta"], w.ids["bea"], "bob@", w.ids["Bravo"]},
		"abe":  {"Beta", "Bravo", w.ids["Beta"], w.ids["bea"], "bob@"},
		"bea":  {"Acme", "Alpha", w.ids["Acme"], "ann@", w.ids["Alpha"]},
		"stan": {"Acme", "Beta", "Alpha", "Bravo", "ann@", "bob@", "/admin"},
	} {
		for _, q := range words {
			for _, target := range []string{"", "results", "palette-results"} {
				var as []change
				if target != "" {
					as = []change{hx(target), with("HX-Current-URL", w.base.String()+"/o/"+w.ids["Acme"])}
				}
				a := w.browser(who).get("/search?q="+strings.ReplaceAll(q, " ", "+"), as...)
				if a.status != http.StatusOK {
					t.Fatalf("%s searches %s: %d", who, q, a.status)
				}
				for _, canary := range canaries {
					if strings.Contains(a.body, canary) {
						t.Errorf("%s reads %q by searching %q (%s)", who, canary, q, target)
					}
				}
			}
		}
	}
}

func TestSearchesAreBounded(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 9, 0, 1, 0, time.UTC)
	var m meter
	for i := range meterMax {
		if m.wait(1, now) != 0 {
			t.Fatalf("search %d has to wait", i)
		}
	}
	if wait := m.wait(1, now); wait != 9*time.Second {
		t.Errorf("one more waits %v", wait)
	}
	if m.wait(2, now) != 0 || m.wait(1, now.Add(9*time.Second)) != 0 {
		t.Error("somebody else, or the same later, has to wait")
	}
}

func TestAListIsSearchedInParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.browser("ada")
	a := ada.get("/admin/organizations?state=active&q=", hx("results"), with("HX-Current-URL", w.base.String()+"/admin/organizations?state=active"))
	if a.header.Get("HX-Push-Url") != "" || a.header.Get("HX-Replace-Url") != "/admin/organizations?state=active" || strings.Contains(a.body, "<html") {
		t.Errorf("without words: %v\n%s", a.header, a.body)
	}
	a = ada.get("/admin/organizations?state=active&q=%C3%A4cm", hx("results"), with("HX-Current-URL", w.base.String()+"/admin/organizations?state=active"))
	if a.header.Get("HX-Push-Url") != "/admin/organizations?q=%C3%A4cm&state=active" || !strings.Contains(a.body, "Acme") || strings.Contains(a.body, "Beta") {
		t.Errorf("the first letter: %v\n%s", a.header, a.body)
	}
	a = ada.get("/admin/organizations?state=active&q=acme", hx("results"), with("HX-Current-URL", w.base.String()+"/admin/organizations?q=a&state=active"))
	if a.header.Get("HX-Push-Url") != "" || a.header.Get("HX-Replace-Url") != "/admin/organizations?q=acme&state=active" {
		t.Errorf("a further letter: %v", a.header)
	}
	if a := ada.get("/search?q=ac", hx("palette-results")); a.header.Get("HX-Push-Url")+a.header.Get("HX-Replace-Url") != "" || !strings.Contains(a.body, `role="option"`) {
		t.Errorf("the palette: %v\n%s", a.header, a.body)
	}
}
