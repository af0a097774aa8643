package handlers

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"portico/portal"
)

func TestSigningInNeverTellsWhetherThereIsAnAccount_ENUM_01(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]change{"plain": func(*http.Request) {}, "htmx": hx("page"), "bare": hx("")} {
		w := newWorld(t)
		ask := func(email, password string) string {
			return w.browser("").post("/login", p("email", email, "password", password), how).is(t, 422).masked(email)
		}
		unknown := ask("nobody@example.org", password)
		for about, other := range map[string]string{
			"a wrong password":                     ask("ann@example.org", "wrong-"+password),
			"an admin's":                           ask("ada@example.org", "wrong"),
			"a deactivated account":                ask("dora@example.org", password),
			"a deactivated one's wrong password":   ask("dora@example.org", "wrong"),
			"an unproven one's wrong password":     ask("ulf@example.org", "wrong"),
			"a waiting one's wrong password":       ask("wanda@example.org", "wrong"),
			"no password":                          ask("ann@example.org", ""),
			"an invited person without an account": ask("ivy@example.org", password),
			"no address at all":                    ask("nonsense", password),
		} {
			same(t, name+": an unknown address and "+about, unknown, other)
		}
	}
	// What is typed in another way is the same account.
	w := newWorld(t)
	for _, email := range []string{" ann@example.org ", "ANN@Example.ORG", "\tann@example.org"} {
		w.browser("").post("/login", p("email", email, "password", password)).to(t, "/")
	}
	for _, who := range []string{"ulf", "wanda"} {
		w.browser("").post("/login", p("email", address(who), "password", password)).to(t, "/")
	}
}

func TestTooManyFailedSignInsAreRefusedWhetherThereIsAnAccountOrNot_ENUM_06(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fail := func(email string) string {
		for range 10 {
			w.browser("").post("/login", p("email", email, "password", "wrong")).is(t, 422)
		}
		w.pass(time.Minute)
		a := w.browser("").post("/login", p("email", strings.ToUpper(email), "password", password)).is(t, 429)
		if a.header.Get("Retry-After") != "" && a.header.Get("Retry-After") != "841" {
			t.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
		}
		a.says(t, "Try again in 14 minutes.")
		text := a.masked(strings.ToUpper(email))
		w.pass(14 * time.Minute)
		return text
	}
	same(t, "a known and an unknown address", fail("ann@example.org"), fail("xyz@example.org"))
	w.browser("").post("/login", p("email", "ann@example.org", "password", password)).to(t, "/")
}

func TestRegisteringAndForgettingAnswerTheSameForKnownAndUnknown_ENUM_02_ENUM_03(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]change{"plain": func(*http.Request) {}, "htmx": hx("")} {
		w := newWorld(t)
		for path, form := range map[string]map[string]string{"/register": maps.Clone(newcomer), "/forgot-password": {}} {
			ask := func(email string) string {
				b := w.browser("")
				form["email"] = email
				a := b.post(path, form, how)
				if len(b.jar) != 0 {
					t.Errorf("%s sets a cookie", path)
				}
				return a.masked() + b.follow(a).is(t, 200).masked()
			}
			unknown := ask("never@example.org")
			for _, who := range []string{"ann", "ada", "dora", "ulf", "wanda", "ivy", "ANN"} {
				same(t, name+" "+path+": an unknown address and "+who, unknown, ask(address(who)))
			}
		}
	}
	w := newWorld(t)
	if n := w.number(`SELECT count(*) FROM users`); n != 13 {
		t.Fatalf("there are %d people, not the cast", n)
	}
	w.browser("").post("/register", p("first_name", "Eve", "last_name", "Evil", "email", " Ann@Example.org", "password", newPassword)).to(t, "/register/sent")
	if n := w.number(`SELECT count(*) FROM users`); n != 13 {
		t.Errorf("there are %d people", n)
	}
	w.browser("").post("/login", p("email", "ann@example.org", "password", password)).to(t, "/")
	if got := w.text(`SELECT kind || ' ' || recipient FROM outbox ORDER BY id DESC LIMIT 1`); got != "already_registered ann@example.org" {
		t.Errorf("the last mail is %s", got)
	}
}

func TestAFormKeepsWhatWasTypedAndSaysAtTheFieldWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	acme := "/o/" + w.ids["Acme"]
	app := acme + "/applications/" + w.ids["Alpha"]
	long := strings.Repeat("x", 81)
	for _, c := range []struct {
		who, path string
		form      map[string]string
		field     string // where the message stands, "" for the whole form
		says      string
	}{
		{"", "/register", p("first_name", " ", "last_name", "New", "email", "nora@example.org", "password", password), "first_name", "Enter a first name."},
		{"", "/register", p("first_name", "Nora", "last_name", "Ne\u202ew", "email", "nora@example.org", "password", password), "last_name", "Please remove the hidden text-direction characters."},
		{"", "/register", p("first_name", "Nora", "last_name", "New", "email", "nora", "password", password), "email", "@"},
		{"", "/register", p("first_name", "Nora", "last_name", "New", "email", "nora@example.org", "password", "short"), "password", "12"},
		{"", "/login", p("email", "ann@example.org", "password", "wrong"), "", "do not belong together"},
		{"", "/forgot-password", p("email", "nonsense"), "email", "@"},
		{"", "/reset-password/" + w.latest(portal.MailReset, "stan", portal.Mailed), p("password", "short"), "password", "12"},
		{"", "/invitations/" + w.link("ivy", portal.Mailed) + "/registration", p("first_name", "Yvi", "last_name", "", "password", password), "last_name", "Enter a last name."},
		{"", "/invitations/" + w.link("ivy", portal.Copied) + "/registration", p("first_name", "Yvi", "last_name", "Test", "password", "short"), "password", "12"},
		{"stan", "/profile", p("first_name", "", "last_name", "Other"), "first_name", "Enter a first name."},
		{"stan", "/profile/password", p("current_password", "wrong", "password", newPassword), "current_password", "not your present password"},
		{"stan", "/profile/password", p("current_password", password, "password", "short"), "password", "12"},
		{"stan", "/organizations", p("name", long), "name", "at most 80 characters; this is 81"},
		{"rita", "/organizations/requests/" + w.ids["Rigel"] + "/name", p("name", ""), "name", "Enter an organization name."},
		{"rex", "/organizations/requests/" + w.ids["Red"] + "/resubmission", p("name", ""), "name", "Enter an organization name."},
		{"ann", acme + "/settings", p("name", "a\nb"), "name", "Please remove the line break."},
		{"ann", acme + "/invitations", p("first_name", "Nora", "last_name", "New", "email", "nora at example.org", "role", "super_admin"), "email", "@"},
		{"ann", acme + "/invitations", p("first_name", "Nora", "last_name", "New", "email", "nora@example.org"), "role", "Choose a role."},
		{"ann", acme + "/invitations", p("first_name", "Nora", "last_name", "New", "email", "nora@example.org", "role", "owner"), "role", "Choose a role."},
		{"ann", acme + "/users/" + w.ids["abe"], p("first_name", "", "last_name", "Other", "role", "super_admin"), "first_name", "Enter a first name."},
		{"ann", acme + "/teams/" + w.ids["Acme team"], p("name", ""), "name", "Enter a team name."},
		{"abe", acme + "/applications", p("name", "", "description", "What it is"), "name", "Enter an application name."},
		{"abe", acme + "/applications", p("name", "alpha", "description", "What it is"), "name", "There is an application called alpha already."},
		{"abe", acme + "/applications", p("name", "Nimbus", "description", strings.Repeat("d", 501)), "description", "at most 500"},
		{"abe", app, p("name", "Atlas", "description", "What it is", "version", "1"), "name", "There is an application called Atlas already."},
		{"abe", app + "/credentials", p("label", long), "label", "at most 80"},
		{"abe", app + "/credentials", p("label", "deploy", "expires", "2026-02-30", "once", "on"), "expires", "date"},
		{"abe", app + "/credentials", p("label", "deploy", "expires", "2020-01-01"), "expires", "Choose a date"},
		{"abe", app + "/credentials/" + w.ids["Alpha key"] + "/rotation", p("grace", "never"), "grace", "Choose how long"},
		{"ada", "/admin/organizations", p("name", "", "first_name", "Nora", "last_name", "New", "email", "nora@example.org"), "name", "Enter an organization name."},
		{"ada", "/admin/organizations", p("name", "Nimbus", "first_name", "Nora", "last_name", "", "email", "nora@example.org"), "last_name", "Enter a last name."},
		{"ada", "/admin/organizations/" + w.ids["Rigel"] + "/approval", p("name", ""), "name", "Enter an organization name."},
		{"ada", "/admin/organizations/" + w.ids["Rigel"] + "/rejection", p("reason", " "), "reason", "Enter a reason"},
		{"ada", "/admin/organizations/" + w.ids["Acme"] + "/name", p("name", ""), "name", "Enter an organization name."},
		{"ada", "/admin/organizations/" + w.ids["Acme"] + "/invitations", p("first_name", "", "last_name", "New", "email", "nora@example.org", "role", "super_admin"), "first_name", "Enter a first name."},
		{"ada", "/admin/teams/" + w.ids["Acme team"], p("name", long+"xxxxxxxxxxxxxxxxxxxx"), "name", "at most 100"},
		{"ada", "/admin/settings/general", p("register", "on", "min_password", "7", "invitation_hours", "24", "session_idle_hours", "12", "session_days", "7"), "min_password", "from 8 to 64"},
		{"ada", "/admin/settings/general", p("register", "on", "min_password", "12", "invitation_hours", "many", "session_idle_hours", "12", "session_days", "7"), "invitation_hours", "from 1 to 720"},
	} {
		before := w.fingerprint()
		for name, how := range map[string]change{"plain": func(*http.Request) {}, "page": hx("page"), "dialog": hx("dialog-body")} {
			about := c.path + " with a bad " + c.field + ", " + name
			a := w.browser(c.who).post(c.path, c.form, how)
			if a.status != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d, want 422: %s", about, a.status, a.text(t, "body"))
				continue
			}
			page := a.page(t)
			if whole := strings.Contains(a.body, "<html"); whole != (name == "plain") {
				t.Errorf("%s: a whole page is %v", about, whole)
			}
			form := page.Find(`form[action="` + c.path + `"]`)
			if form.Length() != 1 {
				t.Errorf("%s: %d forms to send again", about, form.Length())
				continue
			}
			if c.field == "" {
				if text := form.Find(".alert, [role=alert]").Text(); !strings.Contains(text, c.says) {
					t.Errorf("%s: it says %q, want %q", about, text, c.says)
				}
			} else {
				field := form.Find(`[name="` + c.field + `"]`).First()
				if kind, _ := field.Attr("type"); kind == "radio" {
					field = field.Closest("fieldset")
				} else if invalid, _ := field.Attr("aria-invalid"); invalid != "true" {
					t.Errorf("%s: the field is not marked", about)
				}
				text := ""
				described, _ := field.Attr("aria-describedby")
				for _, id := range strings.Fields(described) {
					if page.Find("#"+id).Length() != 1 {
						t.Errorf("%s: %d elements have the id %s", about, page.Find("#"+id).Length(), id)
					}
					text += page.Find("#" + id).Text()
				}
				if !strings.Contains(text, c.says) {
					t.Errorf("%s: the field is described as %q, want %q", about, text, c.says)
				}
			}
			for field, typed := range c.form {
				in := form.Find(`[name="` + field + `"]`)
				kind, _ := in.Attr("type")
				got, _ := in.Attr("value")
				switch {
				case field == "version":
					continue
				case kind == "password":
					if got != "" {
						t.Errorf("%s: the password is in the page", about)
					}
					continue
				case kind == "radio":
					got, _ = form.Find(`[name="` + field + `"][checked]`).Attr("value")
					if typed == "owner" || typed == "never" {
						typed = ""
					}
				case kind == "checkbox":
					continue
				case in.Is("textarea"):
					got = in.Text()
				}
				if strings.TrimSpace(got) != strings.TrimSpace(typed) {
					t.Errorf("%s: %s was %q, the form has %q", about, field, typed, got)
				}
			}
			for field, typed := range c.form {
				if strings.Contains(field, "password") && len(typed) > 6 && strings.Contains(a.body, typed) {
					t.Errorf("%s: the password is in the page", about)
				}
			}
		}
		if changed := w.changes(before); changed != nil {
			t.Errorf("%s with a bad %s has changed %v", c.path, c.field, changed)
		}
	}
}

func TestTheFirstAdminIsMadeOnce_REG_14(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	path := "/setup/" + w.store.Links().Token(setupLink)
	if got := SetupURL("http://portal.example.org", w.store.Links()); got != "http://portal.example.org"+path {
		t.Errorf("the address of the set-up is %s", got)
	}
	w.browser("").get("/setup/x").is(t, 404)
	w.browser("").get("/setup/"+flip(w.store.Links().Token(setupLink))).is(t, 404)
	other := setupLink
	other.Version = 2
	w.browser("").post("/setup/"+w.store.Links().Token(other), newcomer).is(t, 404)
	w.browser("").get(path).is(t, 200)
	w.browser("").post(path, p("first_name", "Nora")).is(t, 422)
	b := w.browser("")
	b.jar["portico"] = planted
	b.post(path, newcomer).to(t, "/admin")
	b.get("/admin").is(t, 200)
	if b.jar["portico"] == planted || w.knows(planted) {
		t.Error("a planted session is used")
	}
	w.browser("").get(path).is(t, 410).says(t, "This portal is set up")
	w.browser("").post(path, p("first_name", "Eve", "last_name", "Evil", "email", "eve@example.org", "password", password)).is(t, 410)
	if n := w.number(`SELECT count(*) FROM users`); n != 1 {
		t.Errorf("there are %d people", n)
	}
}
