package handlers

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"portico/portal"
)

// upload is a form with a file, as a browser sends it.
func upload(t *testing.T, fields map[string]string, file string) (body string, as change) {
	t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for name, value := range fields {
		if err := form.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	part, err := form.CreateFormFile("file", "people.csv")
	if err == nil {
		_, err = part.Write([]byte(file))
	}
	if err != nil || form.Close() != nil {
		t.Fatal(err)
	}
	return b.String(), with("Content-Type", form.FormDataContentType())
}

func TestAListIsCheckedBeforeItIsSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.browser("ann")
	path := "/o/" + w.ids["Acme"] + "/invitations/several"
	before := w.fingerprint()
	list := "Nora,New,nora@example.org\nOtto,,otto@example.org\nAbe,Test,abe@example.org"
	body, as := upload(t, nil, "\ufeff"+strings.ReplaceAll(list, "\n", "\r\n"))
	a := ann.do("POST", path, body, as).is(t, 200).says(t, "1 of 3 rows can be invited now", "Already a member", "Enter a last name.", "1 row needs a correction")
	if got := a.page(t).Find("textarea").Text(); got != list {
		t.Errorf("the list is %q, want %q", got, list)
	}
	if changed := w.changes(before); changed != nil {
		t.Errorf("the tables %v have changed", changed)
	}
	checked, _ := a.page(t).Find("input[name=checked]").Attr("value")
	if words := a.text(t, "form button[name=send]"); words != "Send 1 invitation" {
		t.Errorf("the button says %q", words)
	}

	// What was not looked at is not sent: neither another text nor a file.
	ann.post(path, p("rows", list+"\nPia,New,pia@example.org", "send", "on", "checked", checked)).is(t, 200).says(t, "nothing was sent", "2 of 4 rows can be invited now", "Send 2 invitations")
	body, as = upload(t, p("rows", list, "send", "on", "checked", checked), "Pia,New,pia@example.org")
	ann.do("POST", path, body, as).is(t, 200).says(t, "nothing was sent")
	if changed := w.changes(before); changed != nil {
		t.Errorf("the tables %v have changed", changed)
	}

	a = ann.post(path, p("rows", strings.ReplaceAll(list, "\n", "\r\n"), "send", "on", "checked", checked)).is(t, 200).says(t, "1 of 3 rows invited", "What is left")
	if got := a.page(t).Find("textarea").Text(); got != "Otto,,otto@example.org\n" {
		t.Errorf("left is %q", got)
	}
	if w.number(`SELECT count(*) FROM invitations WHERE email_key = 'nora@example.org' AND state = 'pending'`) != 1 {
		t.Error("nora is not invited")
	}
}

func TestAListThatCannotBeReadIsSaidAtItsField(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.browser("ann")
	path := "/o/" + w.ids["Acme"] + "/invitations/several"
	ann.post(path, p("rows", "")).is(t, 422).says(t, "Paste at least one row")
	for _, file := range []string{"\xff\xfeN\x00o\x00", strings.Repeat("x", 100<<10)} {
		body, as := upload(t, p("rows", "Nora,New,nora@example.org"), file)
		a := ann.do("POST", path, body, as).is(t, 422)
		if a.text(t, "#field-file-problem") == "" || a.page(t).Find("textarea").Text() != "Nora,New,nora@example.org" {
			t.Errorf("a file of %d: %s", len(file), a.text(t, "main"))
		}
	}
	body, as := upload(t, nil, "x")
	ann.do("POST", path, body[:len(body)-20], as).is(t, http.StatusBadRequest)
	ann.do("POST", path, body, with("Content-Type", "multipart/form-data")).is(t, http.StatusBadRequest)
	// Elsewhere no file is taken.
	body, as = upload(t, p("name", "Acme Two"), "x")
	ann.do("POST", "/o/"+w.ids["Acme"]+"/settings", body, as).is(t, http.StatusUnsupportedMediaType)
}

func TestOnlyAFormWithAFileMayBeLong(t *testing.T) {
	t.Parallel()
	for path, limit := range map[string]int{"/o/x/invitations/several": uploadLimit, "/o/x/invitations/several?a=/b": uploadLimit, "/o/x/settings": bodyLimit, "/o/x/settings?/invitations/several": bodyLimit} {
		for octets, status := range map[int]int{limit: http.StatusSeeOther, limit + 1: http.StatusRequestEntityTooLarge} {
			a := newWorld(t).raw(t, fmt.Sprintf("POST %s HTTP/1.1\r\nHost: portal.example.org\r\nOrigin: http://portal.example.org\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
				path, octets, strings.Repeat("x", octets)))
			if a.status != status {
				t.Errorf("%s with %d octets: %d, want %d", path, octets, a.status, status)
			}
		}
	}
}

func TestWhatAMailWouldHaveToldIsSaidWithoutOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.Store.SMTP = portal.SMTPConfig{} })
	path := "/o/" + w.ids["Acme"] + "/users/" + w.ids["abe"]
	edit := p("first_name", "Abe", "last_name", "Test", "role", "super_admin")
	for _, c := range []struct {
		path string
		form map[string]string
	}{{path, edit}, {path + "/removal", nil}} {
		a := w.browser("ann").post(c.path, c.form, hx("page")).is(t, 200)
		if notice := a.header.Get("HX-Trigger"); !strings.Contains(notice, "Not sent: no mail server is set up") {
			t.Errorf("%s says %s", c.path, notice)
		}
	}
}

func TestTakingAMembersApplicationIsAskedFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.browser("ann")
	app := w.ids["Alpha"]
	w.exec(`UPDATE applications SET owner_id = (SELECT id FROM users WHERE public_id = ?) WHERE public_id = ?`, w.ids["abe"], app)
	path := "/o/" + w.ids["Acme"] + "/applications/" + app + "/visibility"
	ann.post(path, p("version", "1", "visibility", "personal")).is(t, 200).says(t, "Make it personal?")
	seen := func() string { return w.text(`SELECT visibility FROM applications WHERE public_id = ?`, app) }
	if seen() != "organization" {
		t.Errorf("unasked, it is %s", seen())
	}
	ann.post(path, p("version", "1", "visibility", "personal", "confirmed", "yes")).is(t, 303)
	if seen() != "personal" {
		t.Errorf("confirmed, it is %s", seen())
	}
}

func TestWhoHasARequestWaitingIsToldBeforeTyping(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if a := w.browser("rita").get("/organizations/new").is(t, 200).says(t, "You have a request waiting", "Rigel"); a.page(t).Find("#field-name").Length() != 0 {
		t.Error("the form is there all the same")
	}
	w.browser("rex").get("/organizations/new").is(t, 200).says(t, "Organization name")
}
