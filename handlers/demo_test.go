package handlers

import (
	"net/http"
	"strings"
	"testing"
)

func TestWithoutTheDemoThereIsNothingOfIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.fingerprint()
	for _, r := range w.app.GetRoutes() {
		if strings.HasPrefix(r.Path, "/demo") {
			t.Errorf("%s %s is a route", r.Method, r.Path)
		}
	}
	for _, who := range visitors {
		for _, how := range []change{func(*http.Request) {}, hx("")} {
			b := w.browser(who)
			b.post("/demo/personas/visitor", nil, how).is(t, 404)
			b.post("/demo/personas/admin", nil, how).is(t, 404)
			b.get("/demo/mailbox", how).is(t, 404)
			b.get("/demo/mailbox/x", how).is(t, 404)
		}
	}
	if changed := w.changes(before); changed != nil {
		t.Errorf("the tables %v have changed", changed)
	}
	if text := w.browser("").get("/").body; strings.Contains(text, "/demo/") {
		t.Error("the start leads to the demo")
	}
}

func TestInTheDemoAVisitorLooksThroughTheEyesOfOthers(t *testing.T) {
	t.Parallel()
	var w *world
	w = newWorld(t, inDemo(t), func(c *Config) {
		c.Demo.Personas = append(c.Demo.Personas,
			DemoPersona{ID: "admin", Label: "Portal admin", UserID: 1, Path: func() string { return "/admin" }},
			DemoPersona{ID: "super", Label: "Super admin", UserID: 2, Path: func() string { return "/o/" + w.ids["Acme"] }})
	})
	for id, who := range map[int64]string{1: "ada", 2: "ann"} {
		if got := w.number(`SELECT id FROM users WHERE public_id = ?`, w.ids[who]); got != id {
			t.Fatalf("%s has the number %d", who, got)
		}
	}
	b := w.browser("")
	b.post("/demo/personas/admin", nil).to(t, "/admin")
	first := b.jar["portico"]
	b.get("/admin").is(t, 200).says(t, "Portal admin", "Super admin")
	b.post("/demo/personas/super", nil).to(t, "/o/"+w.ids["Acme"])
	b.get("/o/"+w.ids["Acme"]+"/invitations/new").is(t, 200)
	b.get("/admin").is(t, 404)
	if w.knows(first) {
		t.Error("the first look goes on")
	}
	second := b.jar["portico"]
	b.post("/demo/personas/visitor", nil).to(t, "/login")
	if w.knows(second) || b.jar["portico"] != "" {
		t.Error("the visitor is still somebody")
	}
	b.post("/demo/personas/nobody", nil).is(t, 404)
	b.post("/demo/personas/admin", nil, with("Sec-Fetch-Site", "cross-site")).is(t, 403)
	b.get("/demo/personas/admin").is(t, 404)

	b.get("/demo/mailbox").is(t, 200).says(t, "Hello", "ivy@example.org")
	a := b.get("/demo/mailbox/"+w.mailbox).is(t, 200).says(t, "Hello")
	if n := a.page(t).Find(`main a[href="http://portal.example.org/login"]`).Length(); n == 0 {
		t.Error("the mail's link is none")
	}
	b.get("/demo/mailbox/x").is(t, 404)
}
