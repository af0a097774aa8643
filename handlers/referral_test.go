package handlers

import (
	"strings"
	"testing"
)

func TestARequesterIsInvitedElsewhereInstead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at := "/admin/organizations/" + w.ids["Rigel"]
	ada := w.browser("ada")
	for _, path := range []string{"/admin/organizations", at, at + "/approval"} {
		ada.get(path).is(t, 200).says(t, "be here already", "Acme")
	}
	if w.browser("rita").get("/organizations/requests/"+w.ids["Rigel"]).says(t, "Rigel"); strings.Contains(w.browser("rita").get("/organizations/requests/"+w.ids["Rigel"]).body, "Acme") {
		t.Error("the requester learns of Acme")
	}
	form := ada.get(at+"/referral").is(t, 200).page(t)
	if n := form.Find("input[type=radio]").Length(); n != 2 {
		t.Errorf("%d organizations are offered, want Acme and Beta", n)
	}
	if form.Find("textarea").Text() == "" {
		t.Error("no reason is proposed")
	}
	a := ada.post(at+"/referral", p("organization", w.ids["Acme"], "reason", " ")).is(t, 422)
	if id, _ := a.page(t).Find("input[type=radio][checked]").Attr("value"); id != w.ids["Acme"] {
		t.Errorf("what was chosen is lost: %q", id)
	}
	a = ada.post(at+"/referral", p("reason", "Mine.")).is(t, 422)
	if got := a.text(t, "textarea"); got != "Mine." {
		t.Errorf("the reason typed became %q", got)
	}
	ada.post(at+"/referral", p("organization", w.ids["Acme"], "reason", "You are here.")).is(t, 303).to(t, "/admin/organizations?state=pending")
	w.browser("rita").get("/").says(t, "Acme", "Accept", "Rejected")
	w.browser("rita").get("/organizations/requests/"+w.ids["Rigel"]).says(t, "You are here.")
	ada.get(at+"/referral").is(t, 409)
	ada.post(at+"/referral", p("organization", w.ids["Acme"], "reason", "Again.")).is(t, 409).says(t, "Rigel was rejected by Ada Test")
}
