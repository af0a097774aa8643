package handlers

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"portico/portal"
)

// reveal is the value of the key of Alpha or Bravo, by pressing Reveal.
func (w *world) reveal(who, app string) string {
	w.t.Helper()
	org := map[string]string{"Alpha": "Acme", "Bravo": "Beta"}[app]
	a := w.browser(who).post("/o/"+w.ids[org]+"/applications/"+w.ids[app]+"/credentials/"+w.ids[app+" key"]+"/reveal", nil).is(w.t, 200)
	key := a.text(w.t, "[data-secret]")
	if !portal.WellFormedKey(key) {
		w.t.Fatalf("the value is %q", key)
	}
	return key
}

func TestOnlyTheAnswerToRevealHoldsAKey_CRED_02_CRED_03(t *testing.T) {
	t.Parallel()
	w := newWorld(t, inDemo(t))
	base := "/o/" + w.ids["Acme"] + "/applications/" + w.ids["Alpha"]
	at := base + "/credentials/" + w.ids["Alpha key"]
	before := w.fingerprint()

	for _, who := range []string{"stan", "bea", "ada", "wanda", "ulf", "rita"} {
		w.browser(who).post(at+"/reveal", nil).is(t, 404)
	}
	w.browser("").post(at+"/reveal", nil).to(t, "/login")
	w.browser("ada").post("/admin/organizations/"+w.ids["Acme"]+"/applications/"+w.ids["Alpha"]+"/credentials/"+w.ids["Alpha key"]+"/reveal", nil).is(t, 404)
	if changed := w.changes(before); changed != nil {
		t.Errorf("refused looks have changed %v", changed)
	}

	key := w.reveal("abe", "Alpha")
	if got := w.text(`SELECT group_concat(u.email) FROM reveals r JOIN users u ON u.id = r.user_id`); got != "abe@example.org" {
		t.Errorf("recorded are looks of %s", got)
	}
	if got, want := w.text(`SELECT kind || ' ' || subject || ' ' || detail FROM audit ORDER BY id DESC LIMIT 1`), "revealed a credential of Alpha live (…"+key[len(key)-4:]+")"; got != want {
		t.Errorf("the audit log says %q, want %q", got, want)
	}
	row := w.browser("ann").post(at+"/reveal", nil, hx("credential-"+w.ids["Alpha key"])).is(t, 200)
	if row.text(t, "[data-secret]") != key || strings.Contains(row.body, "<main") || row.page(t).Find("#credential-"+w.ids["Alpha key"]).Length() != 1 {
		t.Errorf("htmx gets no row with the key: %s", row.body)
	}
	whole := w.browser("ann").post(at+"/reveal", nil).is(t, 200)
	if n := len(row.header.Values("Set-Cookie")) + len(whole.header.Values("Set-Cookie")); n > 0 {
		t.Error("a cookie is set, which could hold the key")
	}
	for name, values := range row.header {
		if strings.Contains(fmt.Sprint(values), key) {
			t.Errorf("the header %s holds the key", name)
		}
	}
	row.says(t, "Seen by", "Ann Test", "Abe Test")
	if row.header.Get("Cache-Control") != "no-store" {
		t.Error("the answer may be kept")
	}

	// Another look at the address, after a reload or a step back, shows nothing.
	w.browser("ann").get(at+"/reveal").to(t, base)
	random := strings.Split(key, "_")[1]
	forms := 0
	for _, route := range w.routesOf() {
		method, path, _ := strings.Cut(route, " ")
		if method != "GET" {
			continue
		}
		for _, who := range append([]string{"rita", "bob", "amy"}, visitors...) {
			for _, how := range []change{func(*http.Request) {}, hx("")} {
				a := w.browser(who).get(w.own(path), how)
				if strings.Contains(a.masked(), random) {
					t.Errorf("%s as %q holds the key", route, who)
				}
				if strings.Contains(a.body, at+"/reveal") {
					forms++
				}
			}
		}
	}
	if forms == 0 {
		t.Error("no page offers Reveal")
	}
	// What follows from it holds no key either, old or new.
	a := w.browser("ann").post(at+"/rotation", p("grace", "now"), hx("")).is(t, 200)
	if strings.Contains(a.masked(), "portico_") {
		t.Error("the answer to a rotation holds a key")
	}
	w.browser("ann").post(at+"/reveal", nil).is(t, 409).says(t, "does not work any more")
}

func TestAKeyShownOnceStandsInOneAnswerOnly(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]change{"plain": func(*http.Request) {}, "htmx for the page": hx("page"), "htmx for the dialog": hx("dialog-body")} {
		w := newWorld(t)
		app := "/o/" + w.ids["Acme"] + "/applications/" + w.ids["Alpha"]
		made := w.browser("abe").post(app+"/credentials", p("label", "deploy", "once", "on"), how).is(t, 200)
		id := w.text(`SELECT public_id FROM credentials ORDER BY id DESC LIMIT 1`)
		rotated := w.browser("abe").post(app+"/credentials/"+id+"/rotation", p("grace", "24h"), how).is(t, 200)
		next := w.text(`SELECT public_id FROM credentials ORDER BY id DESC LIMIT 1`)
		keys := []string{made.text(t, "[data-secret]"), rotated.text(t, "[data-secret]")}
		for i, a := range []answer{made, rotated} {
			if !portal.WellFormedKey(keys[i]) || len(a.header.Values("Set-Cookie")) > 0 || strings.Contains(a.header.Get("HX-Trigger")+a.leads(), keys[i]) {
				t.Errorf("%s: answer %d shows %q, with %v", name, i, keys[i], a.header)
			}
			w.verify(with("X-API-Key", keys[i])).is(t, 204)
		}
		if keys[0] == keys[1] {
			t.Errorf("%s: the rotation has made no new key", name)
		}
		for _, id := range []string{id, next} {
			a := w.browser("abe").post(app+"/credentials/"+id+"/reveal", nil, how).is(t, 409)
			for _, key := range keys {
				if strings.Contains(a.masked(), strings.Split(key, "_")[1]) {
					t.Errorf("%s: a refusal to reveal holds the key", name)
				}
			}
		}
		for _, path := range []string{app, app + "/access", app + "/credentials/" + id + "/usage", app + "/credentials/" + id + "/rotation", "/o/" + w.ids["Acme"] + "/activity", "/o/" + w.ids["Acme"] + "/exposed"} {
			a := w.browser("ann").get(path, how).is(t, 200)
			for _, key := range keys {
				if strings.Contains(a.masked(), strings.Split(key, "_")[1]) {
					t.Errorf("%s: %s holds the key", name, path)
				}
			}
		}
	}
}

func TestASecondClickIsToldWhatIsAlreadySo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	acme := "/o/" + w.ids["Acme"]
	key := acme + "/applications/" + w.ids["Alpha"] + "/credentials/" + w.ids["Alpha key"]
	admin := "/admin/organizations/" + w.ids["Rigel"]
	mine := "/organizations/requests/"
	when := "2 Mar 2026 at 09:30 UTC"
	for _, c := range []struct {
		about, who, first string
		form              map[string]string
		again             string // "" for the same once more
		says              []string
	}{
		{"approve twice", "ada", admin + "/approval", p("name", "Rigel"), "", []string{"Rigel was approved by Ada Test on " + when}},
		{"reject what is approved", "ada", admin + "/approval", p("name", "Rigel"), admin + "/rejection", []string{"Rigel was approved by Ada Test on " + when}},
		{"approve what is rejected", "ada", admin + "/rejection", p("reason", "No."), admin + "/approval", []string{"Rigel was rejected by Ada Test on " + when}},
		{"approve an account twice", "ada", "/admin/users/" + w.ids["wanda"] + "/approval", nil, "", []string{"Wanda Test was approved by Ada Test on " + when}},
		{"withdraw twice", "rita", mine + w.ids["Rigel"] + "/withdrawal", nil, "", []string{"Rigel was withdrawn by Rita Test on " + when}},
		{"rename what is withdrawn", "rita", mine + w.ids["Rigel"] + "/withdrawal", nil, mine + w.ids["Rigel"] + "/name", []string{"Rigel was withdrawn by Rita Test on " + when}},
		{"resubmit twice", "rex", mine + w.ids["Red"] + "/resubmission", p("name", "Red"), "", []string{"Red was submitted again by Rex Test on " + when}},
		{"request twice", "stan", "/organizations", p("name", "Nimbus"), "", []string{"You have a request waiting for a decision already"}},
		{"invite twice", "ann", acme + "/invitations", invites, "", []string{"nora@example.org has been invited already", "resend"}},
		{"revoke an invitation twice", "ann", acme + "/invitations/" + w.ids["ivy invitation"] + "/revocation", nil, "", []string{"The invitation of ivy@example.org was revoked by Ann Test on " + when}},
		{"resend what is revoked", "ann", acme + "/invitations/" + w.ids["ivy invitation"] + "/revocation", nil, acme + "/invitations/" + w.ids["ivy invitation"] + "/renewal", []string{"The invitation of ivy@example.org was revoked by Ann Test on " + when}},
		{"rotate twice", "abe", key + "/rotation", p("grace", "24h"), "", []string{"was rotated by Abe Test"}},
		{"revoke a key twice", "abe", key + "/revocation", nil, "", []string{"was revoked by Abe Test"}},
		{"edit from an older page", "abe", acme + "/applications/" + w.ids["Alpha"], p("name", "Aleph", "version", "1"), "", []string{"it is called Aleph now"}},
	} {
		for _, how := range []string{"plain", "dialog"} {
			w := newWorld(t)
			as := func(*http.Request) {}
			if how == "dialog" {
				as = hx("dialog-body")
			}
			b := w.browser(c.who)
			check(t, c.about, "done", how == "dialog", b.post(c.first, c.form, as))
			before := w.fingerprint()
			again := c.again
			if again == "" {
				again = c.first
			}
			a := b.post(again, c.form, as)
			if a.status != http.StatusConflict {
				t.Errorf("%s, %s: %d, want 409", c.about, how, a.status)
			}
			said := a.text(t, "body") + a.header.Get("HX-Trigger")
			for _, word := range c.says {
				if !strings.Contains(said, word) {
					t.Errorf("%s, %s: it does not say %q but: %s", c.about, how, word, said)
				}
			}
			if changed := w.changes(before); changed != nil {
				t.Errorf("%s, %s: the second click has changed %v", c.about, how, changed)
			}
		}
	}
}

func TestPagesSayThatMoreKeysWereSeenThanTheyName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, acme := context.Background(), "/o/"+w.ids["Acme"]
	for i := range 51 {
		a, err := w.store.CreateApplication(ctx, w.in("ann", "Acme"), portal.NewApplication{Name: fmt.Sprint("App ", i)})
		w.must(err)
		k, _, err := w.store.CreateCredential(ctx, w.in("ann", "Acme"), a.PublicID, portal.NewCredential{})
		w.must(err)
		_, _, err = w.store.Reveal(ctx, w.in("abe", "Acme"), a.PublicID, k.PublicID)
		w.must(err)
	}
	ann := w.browser("ann")
	ann.get(acme+"/users/"+w.ids["abe"]+"/removal").says(t, "These are the first 50. There are more.")
	w.browser("abe").get(acme+"/departure").says(t, "These are the first 50. There are more.")
	ann.post(acme+"/users/"+w.ids["abe"]+"/removal", nil).to(t, acme+"/exposed")
	ann.get(acme+"/exposed").says(t, "These are the first 50. More come when these have been rotated.")
	w.browser("ada").get("/admin/organizations/"+w.ids["Acme"]+"/exposed").says(t, "These are the first 50.")
	ann.get(acme+"/applications").says(t, "More than 50 working keys were seen by people who have left")
}
