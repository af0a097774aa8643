package handlers

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"portico/portal"
)

// undoIn is where the Undo of an htmx answer's notice goes.
func undoIn(t *testing.T, a answer) string {
	t.Helper()
	var trigger struct{ Notice struct{ Undo string } }
	if err := json.Unmarshal([]byte(a.header.Get("HX-Trigger")), &trigger); err != nil || trigger.Notice.Undo == "" {
		t.Fatalf("there is no Undo in %q (%v)", a.header.Get("HX-Trigger"), err)
	}
	return trigger.Notice.Undo
}

func TestRemovingAndRevokingOfferToUndo(t *testing.T) {
	t.Parallel()
	for who, base := range map[string]string{"ann": "/o/", "ada": "/admin/organizations/"} {
		w := newWorld(t)
		at := base + w.ids["Acme"]
		members := `SELECT count(*) FROM memberships`
		before := w.number(members)
		for _, c := range []struct{ path, says string }{
			{at + "/users/" + w.ids["abe"] + "/removal", "Abe Test is a member again."},
			{at + "/invitations/" + w.ids["ivy invitation"] + "/revocation", "The invitation of ivy@example.org is open again."},
		} {
			// htmx: the notice tells the page.
			undo := undoIn(t, w.browser(who).post(c.path, nil, hx("")).is(t, 200))
			w.browser("amy").post(strings.Replace(undo, base, "/o/", 1), nil).is(t, 404) // not hers
			a := w.browser(who).post(undo, nil, hx("")).is(t, 200).to(t, at+"/users")
			if !strings.Contains(a.header.Get("HX-Trigger"), c.says) {
				t.Errorf("it says %s", a.header.Get("HX-Trigger"))
			}
			// Without: the page where it ends has a button.
			b := w.browser(who)
			page := b.follow(b.post(c.path, nil).is(t, 303))
			form := page.page(t).Find("#toaster > .toast form")
			if form.Find("button").Text() == "" {
				t.Fatalf("there is no button in %q", page.text(t, "#toaster"))
			}
			action, _ := form.Attr("action")
			b.follow(b.post(action, nil).is(t, 303).to(t, at+"/users")).says(t, c.says)
			b.post(action, nil).is(t, 409).says(t, "undone already")
		}
		if n := w.number(members); n != before {
			t.Errorf("%d are members, want %d", n, before)
		}
		undo := undoIn(t, w.browser(who).post(at+"/users/"+w.ids["abe"]+"/removal", nil, hx("")))
		w.pass(portal.UndoFor + portal.UndoGrace + time.Millisecond)
		w.browser(who).post(undo, nil).is(t, 410).says(t, "too late")
	}
}

func TestTheUndoOfANoticeGoesNowhereElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := strings.Repeat("u", portal.PublicIDLen)
	good := "/o/" + id + "/undo/" + id
	for path, shown := range map[string]bool{good: true, "/admin/organizations/" + id + "/undo/" + id: true, good + "?a": false, good + "\n": false, "//evil.example" + good: false,
		"https://evil.example" + good: false, "/o/" + id + "/departure": false, "/logout": false, "javascript:alert(1)": false} {
		b := w.browser("ann")
		n, _ := json.Marshal(map[string]string{"Kind": "success", "Text": "Look here", "Undo": path})
		b.jar[noticeCookie] = base64.RawURLEncoding.EncodeToString(n)
		body := b.get("/profile").body
		if got := regexp.MustCompile(`class="toast"`).MatchString(body); got != shown {
			t.Errorf("%q: a notice is shown: %v, want %v", path, got, shown)
		}
	}
}
