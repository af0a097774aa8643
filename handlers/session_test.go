package handlers

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"portico/portal"
)

// planted is a session id such as somebody else could have put into a browser.
var planted = base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("p", sessionIDLen)))

func (w *world) knows(id string) bool {
	return w.number(`SELECT count(*) FROM sessions WHERE hash = ?`, hashID(id)) > 0
}

func TestWhoeverBecomesSomebodyElseGetsANewSession_SESS_01(t *testing.T) {
	t.Parallel()
	for about, c := range map[string]struct {
		path func(w *world) string
		form map[string]string
		who  string // signed in before; else the cookie is planted
	}{
		"signing in":                {path: func(*world) string { return "/login" }, form: p("email", "ann@example.org", "password", password)},
		"signing in as another":     {func(*world) string { return "/login" }, p("email", "ann@example.org", "password", password), "abe"},
		"joining":                   {path: func(w *world) string { return "/invitations/" + w.link("ivy", portal.Mailed) + "/registration" }, form: ivyForm},
		"joining by a copied link":  {path: func(w *world) string { return "/invitations/" + w.link("ivy", portal.Copied) + "/registration" }, form: ivyForm},
		"accepting":                 {path: func(w *world) string { return "/invitations/" + w.link("stan", portal.Mailed) + "/acceptance" }, who: "stan"},
		"accepting on the start":    {path: func(w *world) string { return "/me/invitations/" + w.ids["stan invitation"] + "/acceptance" }, who: "stan"},
		"changing the password":     {func(*world) string { return "/profile/password" }, p("current_password", password, "password", newPassword), "stan"},
		"becoming a demo's visitor": {path: func(*world) string { return "/demo/personas/somebody" }},
	} {
		for _, how := range []change{func(*http.Request) {}, hx("")} {
			w := newWorld(t, inDemo(t), func(c *Config) {
				c.Demo.Personas = append(c.Demo.Personas, DemoPersona{ID: "somebody", UserID: 2, Path: func() string { return "/" }})
			})
			w.invite("ann", "Acme", "stan", portal.TeamMember)
			b := w.browser(c.who)
			old := cookieOf(c.who)
			if c.who == "" {
				old = planted
				b.jar["portico"] = old
			}
			a := b.post(c.path(w), c.form, how)
			if a.leads() == "" {
				t.Fatalf("%s: %d: %s", about, a.status, a.text(t, "main"))
			}
			id := b.jar["portico"]
			if id == old || !w.knows(id) {
				t.Errorf("%s: the session %s is not a new one of ours", about, id)
			}
			if w.knows(old) {
				t.Errorf("%s: the earlier session goes on", about)
			}
			b.get("/profile").is(t, 200)
			thief := w.browser("")
			thief.jar["portico"] = old
			thief.get("/profile").is(t, 303)
		}
	}
}

func TestACookieThatIsNoneOfOursIsNobodys_SESS_09_SESS_10(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.browser("ann").get("/profile").is(t, 200)
	ann := cookieOf("ann")
	last := "A"
	if strings.HasSuffix(ann, last) {
		last = "E"
	}
	before := w.fingerprint()
	for about, lines := range map[string][]string{
		"empty":                  {"portico="},
		"without a value":        {"portico"},
		"a word":                 {"portico=x"},
		"cut short":              {"portico=" + ann[:42]},
		"longer":                 {"portico=" + ann + "A"},
		"padded":                 {"portico=" + ann + "="},
		"one letter changed":     {"portico=" + ann[:42] + last},
		"in capitals":            {"portico=" + strings.ToUpper(ann)},
		"planted":                {"portico=" + planted},
		"eight thousand letters": {"portico=" + strings.Repeat("A", 7000)},
		"binary":                 {"portico=\x80\x81\xff"},
		"percent":                {"portico=%00%0a"},
		"its hash":               {"portico=" + base64.RawURLEncoding.EncodeToString(hashID(ann))},
		"another cookie's name":  {"__Host-portico=" + ann},
		"another spelling":       {"Portico=" + ann},
		"twice":                  {"portico=" + ann + "; portico=" + planted},
		"twice the other way":    {"portico=" + planted + "; portico=" + ann},
		"twice the same":         {"portico=" + ann + "; portico=" + ann},
		"on two lines":           {"portico=" + ann, "portico=" + planted},
		"of two people":          {"portico=" + ann + "; portico=" + cookieOf("ada")},
		"nonsense":               {";;;=;portico;= ;"},
	} {
		for _, path := range []string{"/profile", "/", "/o/" + w.ids["Acme"], "/admin"} {
			a := w.browser("").get(path, with("Cookie", lines...))
			if path == "/" && a.status != 200 || path != "/" && !strings.HasPrefix(a.leads(), "/login") {
				t.Errorf("%s at %s: %d to %q", about, path, a.status, a.leads())
			}
		}
		if a := w.browser("").post("/profile", p("first_name", "Eve", "last_name", "Evil"), with("Cookie", lines...)); a.leads() != "/login" {
			t.Errorf("%s: a form is answered with %d to %q", about, a.status, a.leads())
		}
	}
	if changed := w.changes(before); changed != nil {
		t.Errorf("the tables %v have changed", changed)
	}
	w.browser("ann").get("/profile", func(r *http.Request) { r.Header.Set("Cookie", "a=b; portico="+ann+"; c=d") }).is(t, 200)
}

func TestAfterSigningOutTheCookieIsDead_SESS_02_SESS_14_TEN_10(t *testing.T) {
	t.Parallel()
	for _, how := range []change{func(*http.Request) {}, hx("")} {
		w := newWorld(t)
		b, other := w.browser("ann"), w.browser("")
		other.post("/login", p("email", "ann@example.org", "password", password)).to(t, "/")
		a := b.post("/logout", nil, how).to(t, "/")
		if _, still := b.jar["portico"]; still {
			t.Error("the browser keeps the cookie")
		}
		if a.header.Get("Clear-Site-Data") != `"cache"` {
			t.Errorf("Clear-Site-Data is %q", a.header.Get("Clear-Site-Data"))
		}
		if b.follow(a).text(t, ".toast") != "You are signed out." {
			t.Error("nothing says so")
		}
		old := w.browser("ann")
		for _, path := range []string{"/profile", "/o/" + w.ids["Acme"], "/o/" + w.ids["Acme"] + "/users", "/organizations/new", "/logout"} {
			old.get(path).is(t, 303)
			old.get(path, hx("page")).is(t, 401)
		}
		old.post("/o/"+w.ids["Acme"]+"/settings", p("name", "X")).to(t, "/login")
		other.get("/profile").is(t, 200)
		b.post("/logout", nil, how).to(t, "/")
	}
	w := newWorld(t)
	w.browser("ann").get("/logout").is(t, 200).says(t, "Sign out?", "ann@example.org")
	w.browser("ann").get("/profile").is(t, 200)
}

func TestAChangedPasswordEndsTheOtherSessions_SESS_03(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b, other := w.browser("stan"), w.browser("")
	other.post("/login", p("email", "stan@example.org", "password", password)).to(t, "/")
	reset := "/reset-password/" + w.latest(portal.MailReset, "stan", portal.Mailed)
	b.post("/profile/password", p("current_password", password, "password", newPassword)).to(t, "/profile")
	other.get("/profile").is(t, 303)
	b.get("/profile").is(t, 200)
	w.browser("").get(reset).is(t, 410)

	other.post("/forgot-password", p("email", "stan@example.org")).to(t, "/forgot-password/sent")
	reset = "/reset-password/" + w.latest(portal.MailReset, "stan", portal.Mailed)
	third := w.browser("")
	third.post(reset, p("password", password)).to(t, "/login")
	b.get("/profile").is(t, 303)
	if n := w.number(`SELECT count(*) FROM sessions WHERE user_id = (SELECT id FROM users WHERE public_id = ?)`, w.ids["stan"]); n != 0 {
		t.Errorf("%d sessions go on", n)
	}
	third.post(reset, p("password", newPassword)).is(t, 410)
}

func TestWhatSomebodyMayDoIsLookedUpAtEachRequest_SESS_05_ROLE_10_ROLE_11(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	acme := "/o/" + w.ids["Acme"]
	amy, abe, stan, ada := w.browser("amy"), w.browser("abe"), w.browser("stan"), w.browser("ada")
	amy.get(acme+"/invitations/new").is(t, 200)

	// Demoted: the open form is refused.
	w.browser("ann").post(acme+"/users/"+w.ids["amy"], p("first_name", "Amy", "last_name", "Test", "role", "team_member")).is(t, 303)
	amy.post(acme+"/invitations", invites).is(t, 403)
	amy.get(acme+"/invitations/new", hx("dialog-body")).is(t, 403)
	amy.get(acme).is(t, 200)
	// Promoted: at once.
	abe.get(acme+"/invitations/new").is(t, 403)
	w.browser("ann").post(acme+"/users/"+w.ids["abe"], p("first_name", "Abe", "last_name", "Test", "role", "super_admin")).is(t, 303)
	abe.get(acme+"/invitations/new").is(t, 200)
	// Removed: the organization is gone for them.
	w.browser("ann").post(acme+"/users/"+w.ids["amy"]+"/removal", nil).is(t, 303)
	for _, path := range []string{"", "/users", "/applications/" + w.ids["Alpha"], "/activity"} {
		amy.get(acme+path).is(t, 404)
		amy.get(acme+path, hx("page")).is(t, 404)
	}
	amy.post(acme+"/applications/"+w.ids["Alpha"]+"/credentials/"+w.ids["Alpha key"]+"/reveal", nil).is(t, 404)
	amy.get("/").is(t, 200)
	// Suspended: looking goes on, changing does not.
	w.exec(`UPDATE organizations SET state = 'suspended' WHERE name = 'Acme'`)
	abe.get(acme).is(t, 200)
	abe.post(acme+"/settings", p("name", "X")).is(t, 409)
	abe.post(acme+"/applications/"+w.ids["Alpha"]+"/credentials/"+w.ids["Alpha key"]+"/reveal", nil).is(t, 409)
	w.exec(`UPDATE organizations SET state = 'deleted' WHERE name = 'Acme'`)
	abe.get(acme).is(t, 404)
	// Deactivated: signed out.
	stan.get("/profile").is(t, 200)
	w.exec(`UPDATE users SET state = 'deactivated' WHERE email = 'stan@example.org'`)
	stan.get("/profile").is(t, 303)
	stan.post("/organizations", p("name", "X")).to(t, "/login")
	w.exec(`UPDATE users SET state = 'active' WHERE email = 'stan@example.org'`)
	// Signing in switched off: consumers are out, admins are not.
	w.switchTo("sign_in", false)
	stan.get("/profile").is(t, 303)
	w.browser("").post("/login", p("email", "stan@example.org", "password", password)).is(t, 422).says(t, "switched off")
	ada.get("/admin").is(t, 200)
	w.browser("").post("/login", p("email", "ada@example.org", "password", password)).to(t, "/")
	w.browser("").get("/login").is(t, 200).says(t, "Only for portal admins")
	w.switchTo("sign_in", true)
	stan.get("/profile").is(t, 200)
	// No longer an admin.
	w.exec(`UPDATE users SET admin = 0 WHERE email = 'ada@example.org'`)
	ada.get("/admin").is(t, 404)
	ada.post("/admin/organizations", p("name", "X")).is(t, 404)
}

func TestASessionEndsAfterItsTime_SESS_07(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser("ann")
	b.get("/profile").is(t, 200)
	for range 13 {
		w.pass(24*time.Hour - time.Minute)
		b.get("/profile").is(t, 200)
	}
	w.pass(23 * time.Hour)
	b.get("/profile").is(t, 200)
	w.pass(time.Hour)
	b.get("/profile").is(t, 303) // 14 days are over
	w = newWorld(t)
	b = w.browser("ann")
	b.get("/profile").is(t, 200)
	w.pass(24 * time.Hour)
	b.get("/profile").is(t, 303)
}

func TestSwitchedOffMeansThereIsNothing_ORG_01_REG_05(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	org := "/organizations/requests/" + w.ids["Red"] + "/resubmission"
	for who, way := range map[string]string{"": `[href="/register"]`, "stan": `[href="/organizations/new"]`, "rex": `[href$="/resubmission"]`} {
		if w.browser(who).get("/").page(t).Find(way).Length()+w.browser(who).get("/organizations/requests/"+w.ids["Red"]).page(t).Find(way).Length() == 0 {
			t.Errorf("as %q nothing leads to %s", who, way)
		}
	}
	w.switchTo("register", false)
	w.switchTo("register_orgs", false)
	before := w.fingerprint()
	for _, how := range []change{func(*http.Request) {}, hx("")} {
		w.browser("").get("/register", how).is(t, 404)
		w.browser("").post("/register", newcomer, how).is(t, 404)
		w.browser("").post("/register", nil, how).is(t, 404)
		for _, who := range []string{"stan", "ada", "ann"} {
			w.browser(who).get("/organizations/new", how).is(t, 404)
			w.browser(who).post("/organizations", p("name", "Nimbus"), how).is(t, 404)
		}
		w.browser("rex").get(org, how).is(t, 404)
		w.browser("rex").post(org, p("name", "Red"), how).is(t, 404)
	}
	if changed := w.changes(before); changed != nil {
		t.Errorf("the tables %v have changed", changed)
	}
	for who, way := range map[string]string{"": `[href="/register"]`, "stan": `[href="/organizations/new"]`, "rex": `[href$="/resubmission"]`} {
		for _, path := range []string{"/", "/organizations/requests/" + w.ids["Red"], "/login"} {
			if n := w.browser(who).get(path).page(t).Find(way).Length(); n > 0 {
				t.Errorf("as %q %s leads to what is switched off: %s", who, path, way)
			}
		}
	}
	// An invited person can register all the same.
	w.browser("").post("/invitations/"+w.link("ivy", portal.Mailed)+"/registration", ivyForm).to(t, "/o/"+w.ids["Acme"])
}

func TestAnUnprovenOrWaitingPersonSeesWhatIsMissingAndCanDoNothingYet_REG_02(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for who, says := range map[string]string{"ulf": "Confirm your address", "wanda": "waiting for approval"} {
		w.invite("ann", "Acme", who, portal.TeamMember)
		b := w.browser(who)
		if text := b.get("/").is(t, 200).text(t, "main"); !strings.Contains(strings.ToLower(text), strings.ToLower(says)) && !strings.Contains(text, "Waiting") && !strings.Contains(text, "onfirm") {
			t.Errorf("the start does not say what is missing: %s", text)
		}
		b.get("/organizations/new").is(t, 403).says(t, says)
		before := w.fingerprint()
		b.post("/organizations", p("name", "Nimbus")).is(t, 403).says(t, says)
		b.post("/me/invitations/"+w.ids[who+" invitation"]+"/acceptance", nil).is(t, 404)
		b.post("/me/invitations/"+w.ids[who+" invitation"]+"/refusal", nil).is(t, 404)
		b.get("/admin").is(t, 404)
		if changed := w.changes(before); changed != nil {
			t.Errorf("%s has changed %v", who, changed)
		}
	}
	w.browser("ulf").post("/profile/proof", nil).to(t, "/")
	w.browser("wanda").post("/profile/proof", nil).is(t, 409)
}

func TestABrowserIsKnownByACookieOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at443)
	const name = "__Host-portico-device"
	form := func(who, password string) map[string]string { return p("email", address(who), "password", password) }
	home := w.browser("")
	home.get("/login")
	home.post("/login", form("ann", "wrong")).is(t, 422)
	if home.jar[name] != "" {
		t.Error("a wrong password makes a browser known")
	}
	a := home.post("/login", form("ann", password)).is(t, 303)
	first := home.jar[name]
	if line := strings.Join(a.header.Values("Set-Cookie"), "\n"); !strings.Contains(line, name+"="+first+"; Path=/; ") || !strings.Contains(line, "; Max-Age=15552000; HttpOnly; Secure; SameSite=Lax") {
		t.Errorf("the cookies are %q", a.header.Values("Set-Cookie"))
	}
	home.post("/logout", nil)
	if home.jar[name] != first || home.jar[w.sessionCookie()] != "" {
		t.Error("signing out takes the wrong cookie")
	}
	// It opens nothing.
	home.jar[w.sessionCookie()] = first
	home.get("/profile").is(t, 303)
	delete(home.jar, w.sessionCookie())

	thief := w.browser("")
	for range portal.LimitSignInAccount.Max - 1 { // one was typed at home
		thief.post("/login", form("ann", "guess")).is(t, 422)
	}
	w.browser("").post("/login", form("ann", password)).is(t, 429)
	home.post("/login", form("ann", password)).is(t, 303)
	if home.jar[name] == first {
		t.Error("the id stays the same")
	}
	if n := w.number(`SELECT count(*) FROM devices WHERE hash = ?`, hashID(home.jar[name])); n != 1 || w.number(`SELECT count(*) FROM devices`) != 1 {
		t.Errorf("its hash is kept %d times", n)
	}
	stale := w.browser("")
	stale.jar[name] = first
	stale.post("/login", form("ann", password)).is(t, 429)
}
