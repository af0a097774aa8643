package handlers

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// full makes the disk full for as long as f runs: no file of this process can be
// written to.
func full(t *testing.T, f func()) {
	t.Helper()
	var room syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &room); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Max: room.Max}); err != nil {
		t.Fatal(err)
	}
	f()
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &room); err != nil {
		t.Fatal(err)
	}
}

// stores reports whether a route's form changes anything in the database.
func stores(t *testing.T, method, pattern, who string, as []change) bool {
	w := newWorld(t, inDemo(t))
	w.browser(who).get("/") // which notes that the session was seen
	was := w.touched()
	w.browser(who).do(method, w.own(pattern), encode(table[method+" "+pattern].form), as...)
	return w.touched() != was
}

// It runs alone in its process: the other tests' files would be as full.
func TestOnAFullDiskEveryRouteThatWritesSaysSoAndEveryPageGoesOn_DB_03(t *testing.T) {
	w := newWorld(t, inDemo(t))
	before := w.fingerprint()
	writes, writesHeld, pages, pagesHeld := 0, 0, 0, 0
	defer func() {
		t.Attr("faults", fmt.Sprintf("disk full at a route that writes|%d|%d", writes, writesHeld))
		t.Attr("faults", fmt.Sprintf("page opened on a full disk|%d|%d", pages, pagesHeld))
	}()
	saysItIsFull := func(a answer) bool {
		said := a.body + a.header.Get("HX-Trigger")
		return strings.Contains(said, "Nothing can be saved right now") && strings.Contains(said, "Reading still works")
	}
	for _, route := range w.routesOf() {
		method, pattern, _ := strings.Cut(route, " ")
		path, cells := w.own(pattern), table[route].cells(route)
		for _, who := range slices.Sorted(maps.Keys(cells)) {
			cell := cells[who]
			for _, htmx := range []bool{false, true} {
				var as []change
				if htmx {
					as = []change{hx("")}
				}
				what, was := fmt.Sprintf("%s as %q, htmx %v", route, who, htmx), w.touched()
				var a answer
				full(t, func() { a = w.browser(who).do(method, path, encode(table[route].form), as...) })
				ok := true
				switch {
				case method == "GET" && pattern == "/readyz":
					ok = a.status == 503
				case a.status == 503 && method == "POST":
					// Also what is refused: to note that is to write.
					ok = saysItIsFull(a)
				case changes(route, cell):
					// Nothing said no, so there was nothing to store.
					ok = !stores(t, method, pattern, who, as)
				default:
					failed := t.Failed()
					check(t, what, cell, htmx, a)
					ok = failed || !t.Failed()
				}
				if !ok {
					t.Errorf("%s: %d %s%s", what, a.status, a.text(t, "main"), a.header.Get("HX-Trigger"))
				}
				if w.touched() != was {
					if changed := w.changes(before); changed != nil {
						t.Errorf("%s: the tables %v have changed", what, changed)
						before, ok = w.fingerprint(), false
					}
				}
				tried, held := &pages, &pagesHeld
				if a.status == 503 || changes(route, cell) {
					tried, held = &writes, &writesHeld
				}
				*tried++
				if ok {
					*held++
				}
			}
		}
	}
	if writes < 200 || pages < 1000 {
		t.Errorf("only %d writes and %d pages were tried", writes, pages)
	}
	// There is room again: nothing has to be started anew.
	w.browser("").get("/readyz").is(t, 200)
	w.browser("ann").post("/o/"+w.ids["Acme"]+"/settings", p("name", "Acme Two")).is(t, 303)
}
