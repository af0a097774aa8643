package handlers

import (
	"strings"
	"testing"

	"portico/portal"
)

func TestAnInviteCodeIsTypedAtRegistration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	with := func(code string) map[string]string {
		form := p("code", code)
		for name, value := range newcomer {
			form[name] = value
		}
		return form
	}
	// The field is optional, takes the code of a link, and says what is wrong.
	page := w.browser("").get("/register?code=OPEN+DOORS").is(t, 200).page(t)
	if code, _ := page.Find("#field-code").Attr("value"); code != "OPEN DOORS" {
		t.Errorf("the field holds %q", code)
	}
	a := w.browser("").post("/register", with("OPEN DOORS 2027")).is(t, 422)
	if problem := a.text(t, "#field-code-problem"); !strings.Contains(problem, "This code does not work") {
		t.Errorf("at the field stands %q", problem)
	}
	if code, _ := a.page(t).Find("#field-code").Attr("value"); code != "OPEN DOORS 2027" {
		t.Errorf("what was typed is now %q", code)
	}
	w.browser("").post("/register", with("open doors 2026")).to(t, "/register/sent")
	link := w.latest(portal.MailProve, "nora", portal.Mailed)
	w.browser("").get("/verify-email/"+link).is(t, 200).says(t, "With your invite code you join Acme")
	w.browser("").post("/verify-email/"+link, nil).to(t, "/")
	w.browser("").post("/login", p("email", "nora@example.org", "password", password)).to(t, "/")
	if w.text(`SELECT m.role FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email_key = 'nora@example.org'`) != "team_member" {
		t.Error("nora is no Team member")
	}
	// Who is signed in joins instead.
	w.browser("stan").get("/register?code=OPEN+DOORS+2026").to(t, "/join?code=OPEN+DOORS+2026")
	w.browser("stan").post("/join", p("code", "guess")).is(t, 422).says(t, "This code does not work")
	w.browser("ulf").get("/join").is(t, 403).says(t, "Confirm your address first")
	w.browser("ulf").post("/join", p("code", "OPEN DOORS 2026")).is(t, 403)

	// Without a code, or without registration, the field is not there.
	w.exec(`UPDATE invite_codes SET active = 0`)
	if w.browser("").get("/register").is(t, 200).page(t).Find("#field-code").Length() != 0 {
		t.Error("the field is there without any code")
	}
	if w.browser("").get("/register?code=x").page(t).Find("#field-code").Length() != 1 {
		t.Error("the field of a link is not there")
	}
	w.switchTo("register", false)
	w.browser("").get("/register?code=x").is(t, 404)
	w.browser("").post("/register", with("OPEN DOORS 2026")).is(t, 404)
	w.browser("ada").get("/admin/codes").is(t, 200).says(t, "Registration is switched off")
}

func TestACodeIsShownOnceAndLeadsToRegistration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, codes := w.browser("ada"), "/admin/organizations/"+w.ids["Acme"]+"/codes"
	a := ada.post(codes, p("name", "Workshop")).is(t, 200).says(t, "it is shown this once")
	code, _ := a.page(t).Find("#invite-code").Attr("value")
	link, _ := a.page(t).Find("#invite-code-link").Attr("value")
	if len(code) != 19 || link != "http://portal.example.org/register?code="+code {
		t.Errorf("the code is %q, the link %q", code, link)
	}
	for _, page := range []string{codes, "/admin/codes", "/admin/audit-log", codes + "/" + w.text(`SELECT public_id FROM invite_codes WHERE name = 'Workshop'`)} {
		if a := ada.get(page).is(t, 200); strings.Contains(a.body, code) {
			t.Errorf("%s holds the code", page)
		}
	}
	a = ada.post(codes, p("name", "", "code", "short", "quota", "0", "expires", "yesterday")).is(t, 422)
	for _, field := range []string{"name", "code", "quota", "expires"} {
		if a.text(t, "#field-"+field+"-problem") == "" {
			t.Errorf("nothing stands at %s", field)
		}
	}
}
