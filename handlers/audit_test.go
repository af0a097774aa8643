package handlers

import (
	"strings"
	"testing"
)

func TestWhoIsKeptOutIsNotedWhenTheyWouldChangeSomething(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	last := func() string {
		return strings.Join(w.strings(`SELECT actor_mail || ' ' || subject FROM audit WHERE refused = 1 ORDER BY id`), "\n")
	}
	acme, rigel := "/o/"+w.ids["Acme"], "/admin/organizations/"+w.ids["Rigel"]
	w.browser("bea").get(acme+"/users").is(t, 404)
	w.browser("ann").get(rigel).is(t, 404)
	if got := last(); got != "" {
		t.Errorf("looking is noted: %s", got)
	}
	w.browser("bea").post(acme+"/settings", p("name", "Mine")).is(t, 404)
	w.browser("ann").post(rigel+"/approval", p("name", "Mine")).is(t, 404)
	w.browser("abe").post(acme+"/settings", p("name", "Mine")).is(t, 403)
	w.browser("").post(acme+"/settings", p("name", "Mine")).to(t, "/login")
	const token = "abcdefghijklmnopqrstuvwxyz0123456789"
	w.browser("stan").post(acme+"/"+token, p()).is(t, 404)
	want := "bea@example.org " + acme + "/settings\nann@example.org " + rigel + "/approval\nabe@example.org " + acme + "/settings\nstan@example.org " + acme + "/…"
	if got := last(); got != want {
		t.Errorf("noted is\n%s\nwant\n%s", got, want)
	}
}
