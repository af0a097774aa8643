package handlers

import (
	"context"
	"encoding/base32"
	"strings"
	"testing"

	"portico/portal"
)

// hasFactor turns on two-factor sign-in for somebody by the pages, and gives the
// secret and the recovery codes.
func (w *world) hasFactor(name string) (secret []byte, codes []string) {
	w.t.Helper()
	b := w.browser(name)
	b.post("/profile/two-factor", p("current_password", password)).to(w.t, "/profile/two-factor/setup")
	page := b.get("/profile/two-factor/setup").is(w.t, 200)
	typed, _ := page.page(w.t).Find("#factor-secret").Attr("value")
	secret, err := base32.StdEncoding.DecodeString(strings.ReplaceAll(typed, " ", ""))
	w.must(err)
	if svg := page.page(w.t).Find("svg.qr"); svg.Length() != 1 || svg.AttrOr("role", "") != "img" || svg.AttrOr("aria-label", "") == "" {
		w.t.Errorf("there is no picture: %s", page.body)
	}
	b.post("/profile/two-factor/confirmation", p("code", "000000")).is(w.t, 422).says(w.t, "This code is not right")
	done := b.post("/profile/two-factor/confirmation", p("code", w.code(secret, 0))).is(w.t, 200).says(w.t, "They are shown only now")
	for _, li := range done.page(w.t).Find(".codes code").EachIter() {
		codes = append(codes, li.Text())
	}
	if len(codes) != portal.RecoveryCodes {
		w.t.Fatalf("%d recovery codes are shown", len(codes))
	}
	b.get("/profile/two-factor/confirmation").to(w.t, "/profile/two-factor")
	if again := b.get("/profile/two-factor").is(w.t, 200); strings.Contains(again.body, codes[0]) || strings.Contains(again.body, typed) {
		w.t.Error("a secret is shown again")
	}
	b.get("/profile/two-factor/setup").to(w.t, "/profile/two-factor")
	return secret, codes
}

func (w *world) code(secret []byte, steps int64) string {
	return portal.FactorCode(secret, w.clock.read().Unix()/30+steps)
}

func TestSigningInHasTwoSteps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	secret, codes := w.hasFactor("ann")
	login := p("email", "ann@example.org", "password", password, "next", "/o/"+w.ids["Acme"])
	for _, as := range []change{without(), hx("")} {
		b := w.browser("")
		b.post("/login", login, as).to(t, "/login/code?next=%2Fo%2F"+w.ids["Acme"])
		b.get("/profile").to(t, "/login?next=%2Fprofile") // nobody is signed in
		b.post("/profile", p("first_name", "Eve", "last_name", "Test")).to(t, "/login")
		half := b.jar["portico"]
		page := b.get("/login/code?next=/o/"+w.ids["Acme"], without()).is(t, 200).says(t, "ann@example.org", "Enter your code")
		next, _ := page.page(t).Find("input[name=next]").Attr("value")
		b.post("/login/code", p("code", "000000", "next", next), as).is(t, 422).says(t, "This code is not right")
		code := codes[0]
		codes = codes[1:]
		b.post("/login/code", p("code", code, "next", next), as).to(t, "/o/"+w.ids["Acme"])
		b.get("/profile").is(t, 200)
		if b.jar["portico"] == half {
			t.Error("the session keeps the id it had before the second step")
		}
		b.get("/login/code?next=/profile").to(t, "/profile")
	}
	// The second step is of the browser that made the first.
	one, other := w.browser(""), w.browser("")
	one.post("/login", login)
	other.post("/login/code", p("code", w.code(secret, 1))).to(t, "/login?next=%2F")
	other.get("/login/code").to(t, "/login?next=%2F")
	other.get("/login/code?next=https://evil.example").to(t, "/login?next=%2F")
	one.post("/login/code", p("code", w.code(secret, 1))).to(t, "/")
}

func TestWhatIsAboutTheSecondFactorAsksForThePassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hasFactor("ann")
	w.pass(portal.ProofAge + 1)
	b := w.browser("ann")
	for _, path := range []string{"/profile/two-factor/codes", "/profile/two-factor/removal"} {
		b.get(path).is(t, 200).says(t, "Your own password")
		b.post(path, nil).is(t, 422).says(t, "This is not your present password")
	}
	b.post("/profile/email", p("email", "nora@example.org")).is(t, 422).says(t, "This is not your present password")
	w.browser("stan").post("/profile/two-factor", nil).is(t, 422).says(t, "This is not your present password")
	w.browser("abe").post("/profile/deletion", nil).is(t, 422).says(t, "This is not your present password")
	ada := w.browser("ada")
	ada.post("/admin/users/"+w.ids["abe"]+"/deletion", nil).is(t, 422).says(t, "This is not your present password")
	ada.post("/admin/users/"+w.ids["ann"]+"/two-factor-removal", nil).is(t, 422).says(t, "This is not your present password")
	ada.post("/admin/users/"+w.ids["ann"]+"/promotion", nil).is(t, 422).says(t, "This is not your present password")
	ada.post("/admin/users/"+w.ids["ann"]+"/two-factor-removal", p("current_password", password)).to(t, "/admin/users/"+w.ids["ann"])
	w.browser("").post("/login", p("email", "ann@example.org", "password", password)).to(t, "/")
}

func TestWhoLacksTheSecondFactorIsLedToIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	org := "/o/" + w.ids["Acme"]
	w.browser("ann").post(org+"/settings/two-factor", p("two_factor", "on")).to(t, org+"/settings")
	w.browser("ada").post("/admin/settings/two-factor", p("two_factor", "on")).to(t, "/admin/settings/general")
	before := w.fingerprint()
	for path, who := range map[string]string{org: "ann", org + "/users": "abe", org + "/applications/" + w.ids["Alpha"]: "abe", "/admin": "ada", "/admin/users": "ada", "/admin/organizations/" + w.ids["Acme"] + "/users": "ada"} {
		for _, as := range []change{without(), hx("page"), hx("")} {
			w.browser(who).get(path, as).to(t, "/profile/two-factor")
		}
	}
	w.browser("abe").post(org+"/applications", p("name", "New")).to(t, "/profile/two-factor")
	w.browser("ada").post("/admin/users/"+w.ids["wanda"]+"/approval", nil).to(t, "/profile/two-factor")
	if changed := w.changes(before); changed != nil {
		t.Errorf("the tables %v have changed", changed)
	}
	b := w.browser("abe")
	b.follow(b.get(org)).is(t, 200).says(t, "Acme asks for two-factor sign-in", "It is asked for by Acme")
	b.get("/profile").is(t, 200)
	w.browser("bea").get("/o/"+w.ids["Beta"]).is(t, 200)
	w.browser("bea").get(org).is(t, 404)
	w.hasFactor("abe")
	b.get(org).is(t, 200)
	w.hasFactor("ada")
	w.browser("ada").get("/admin").is(t, 200)
	if _, err := w.store.ApproveUser(context.Background(), w.user("ada"), w.ids["wanda"]); err != nil {
		t.Error(err)
	}
}
