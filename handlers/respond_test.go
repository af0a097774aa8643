package handlers

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"portico/views"
)

func TestAnAnswerIsAsMuchOfThePageAsIsAskedFor_CSRF_06(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		how  change
		want views.Mode
	}{
		"a browser":                {func(*http.Request) {}, views.Full},
		"htmx for the page":        {hx("page"), views.Region},
		"htmx for the dialog":      {hx("dialog-body"), views.Bare},
		"htmx for no element":      {hx(""), views.Bare},
		"a boosted link":           {func(r *http.Request) { hx("page")(r); r.Header.Set("HX-Boosted", "true") }, views.Full},
		"htmx restoring a page":    {func(r *http.Request) { hx("page")(r); r.Header.Set("HX-History-Restore-Request", "true") }, views.Full},
		"a header that is not so":  {with("HX-Request", "false"), views.Full},
		"a target without htmx":    {with("HX-Target", "page"), views.Full},
		"a header written as True": {with("HX-Request", "True"), views.Full},
	} {
		for _, path := range []string{"/profile", "/o/" + w.ids["Acme"] + "/users", "/o/" + w.ids["Acme"] + "/invitations/new", "/organizations/new"} {
			a := w.browser("ann").get(path, c.how).is(t, 200)
			document, region := strings.Contains(a.body, "<html"), a.page(t).Find("#page").Length() == 1
			got := views.Bare
			if document && region {
				got = views.Full
			} else if region && strings.HasPrefix(strings.TrimSpace(a.body), "<title>") {
				got = views.Region
			} else if document || region {
				t.Errorf("%s at %s: neither a page nor a part", name, path)
			}
			if got != c.want {
				t.Errorf("%s at %s gets %d, want %d", name, path, got, c.want)
			}
			if vary := a.header.Get("Vary"); !strings.Contains(vary, "HX-Request") || !strings.Contains(vary, "HX-Target") {
				t.Errorf("%s at %s: Vary is %q", name, path, vary)
			}
			if kind := a.header.Get("Content-Type"); kind != "text/html; charset=utf-8" {
				t.Errorf("%s at %s is %s", name, path, kind)
			}
		}
	}
}

func TestARefusalIsAPageARegionOrANotice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/o/" + w.ids["Beta"]
	page := w.browser("ann").get(path).is(t, 404)
	page.says(t, "There is nothing here", "Back to the start")
	region := w.browser("ann").get(path, hx("page")).is(t, 404)
	if region.page(t).Find("#page").Length() != 1 || strings.Contains(region.body, "<html") {
		t.Errorf("the page's region is %s", region.body)
	}
	bare := w.browser("ann").get(path, hx("dialog-body")).is(t, 404)
	if bare.body != "" || bare.header.Get("HX-Reswap") != "none" {
		t.Errorf("a part is swapped in: %s", bare.body)
	}
	if n := notice(t, bare); n.Kind != "error" || !strings.HasPrefix(n.Text, "The address may be mistyped") && n.Text != "There is nothing here." {
		t.Errorf("the notice is %+v", n)
	}
}

// notice is what an answer to htmx lets the page say.
func notice(t *testing.T, a answer) views.Notice {
	t.Helper()
	var events struct {
		Notice struct{ Kind, Text string } `json:"notice"`
	}
	if err := json.Unmarshal([]byte(a.header.Get("HX-Trigger")), &events); err != nil {
		t.Fatalf("HX-Trigger is %q: %v", a.header.Get("HX-Trigger"), err)
	}
	return views.Notice{Kind: events.Notice.Kind, Text: events.Notice.Text}
}

func TestNamesInEveryScriptSurviveHeadersAndCookies_RED_03(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/o/" + w.ids["Acme"] + "/applications"
	for _, name := range []string{"Grüße", "日本語アプリ", "Приложение", "تطبيق", "ऐप", "🎉 Party 👩", "a\"b\\c</script>'&", "𝔐ath", "%0d%0a", "x; y=z, w", "x\u2028y"} {
		a := w.browser("ann").post(path, p("name", name), hx("dialog-body"))
		if name == "x\u2028y" {
			a.is(t, 422)
			continue
		}
		a.is(t, 200)
		if n := notice(t, a); n.Kind != "success" || n.Text != "Created "+name+"." {
			t.Errorf("the notice of %s is %+v", name, n)
		}
		var location map[string]string
		if err := json.Unmarshal([]byte(a.header.Get("HX-Location")), &location); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(location["path"], path+"/") || location["target"] != "#page" || location["swap"] != "outerHTML" || len(location) != 3 {
			t.Errorf("HX-Location is %v", location)
		}
		w.browser("ann").get(location["path"], hx("page")).is(t, 200).says(t, name)

		b := w.browser("ann")
		b.post(location["path"]+"/deletion", nil).to(t, path)
		if got, want := b.get(path).text(t, ".toast"), "Deleted "+name+"."; got != want {
			t.Errorf("the notice is %q, want %q", got, want)
		}
		if again := b.get(path).text(t, ".toast"); again != "" {
			t.Errorf("the notice comes twice: %q", again)
		}
	}
}

func TestANoticeWaitsForThePageThatShowsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser("ann")
	b.post("/o/"+w.ids["Acme"]+"/departure", nil).to(t, "/")
	a := b.get("/").is(t, 200)
	if got := a.text(t, ".toast"); got != "You have left Acme." {
		t.Errorf("the notice is %q", got)
	}
	// Through a redirect.
	b = w.browser("stan")
	w.invite("amy", "Acme", "stan", "team_member")
	b.post("/me/invitations/"+w.ids["stan invitation"]+"/acceptance", nil).to(t, "/o/"+w.ids["Acme"])
	b.get("/").to(t, "/o/"+w.ids["Acme"])
	if got := b.get("/o/"+w.ids["Acme"]).text(t, ".toast"); got != "Welcome to Acme." {
		t.Errorf("the notice is %q", got)
	}
}

func TestATamperedNoticeIsNothingButText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	encoded := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	for cookie, want := range map[string]string{
		encoded(`{"Kind":"success","Text":"<script>alert(1)</script><b>x</b>"}`): "<script>alert(1)</script><b>x</b>",
		encoded(`{"Kind":"evil\" onclick=\"x","Text":"x"}`):                      "",
		encoded(`{"Kind":"","Text":"x"}`):                                        "",
		encoded(`[1,2]`):                                                         "",
		encoded(`{`):                                                             "",
		"%%%":                                                                    "",
		"":                                                                       "",
		encoded(strings.Repeat("x", 3000)):                                       "",
	} {
		b := w.browser("")
		b.jar[noticeCookie] = cookie
		a := b.get("/login").is(t, 200)
		if got := a.text(t, ".toast"); got != want {
			t.Errorf("%q is shown as %q, want %q", cookie, got, want)
		}
		if n := a.page(t).Find("script:not([src]), .toast b, [onclick]").Length(); n > 0 {
			t.Errorf("%q makes elements", cookie)
		}
	}
}

func TestALongNoticeIsCutAndStaysReadable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(`UPDATE organizations SET name = ? WHERE name = 'Acme'`, strings.Repeat("🎉", 900))
	b := w.browser("abe")
	b.post("/o/"+w.ids["Acme"]+"/departure", nil).to(t, "/")
	if got := b.get("/").is(t, 200).text(t, ".toast"); !strings.HasPrefix(got, "You have left 🎉") || strings.Contains(got, "\ufffd") || len([]rune(got)) != 400 {
		t.Errorf("the notice is %q", got)
	}
}
