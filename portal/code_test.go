package portal

import (
	"strings"
	"testing"
	"time"
)

func TestCodesAreComparedAsPeopleReadThem(t *testing.T) {
	for typed, want := range map[string]string{
		" 7F2K-9QWX-0ABC-1DEF ": "7F2K9QWX0ABC1DEF",
		"7f2k 9qwx oabc ldef":   "7F2K9QWX0ABC1DEF",
		"7F2K_9QWX-OABC-IDEF":   "7F2K9QWX0ABC1DEF",
	} {
		if got := CodeKey(typed); got != want {
			t.Errorf("%q is %s, want %s", typed, got, want)
		}
	}
}

func TestAMadeCodeIsReadableAndLong(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		code := NewCode()
		if len(code) != 19 || seen[code] || CodeKey(code) != strings.ReplaceAll(code, "-", "") || checkCode(code) != "" && !strings.Contains(checkCode(code), "different") {
			t.Fatalf("made %s: %s", code, checkCode(code))
		}
		seen[code] = true
	}
}

func TestTheFormOfACode(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	used := InviteCode{Name: "Fair", Uses: 3, ExpiresAt: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)}
	for _, c := range []struct {
		form  CodeForm
		old   InviteCode
		field string // with a problem; "" if there is none
	}{
		{CodeForm{Name: "Fair"}, InviteCode{}, ""},
		{CodeForm{Name: "Fair", Code: "OPEN-DOORS-2026", Quota: " 12 ", Expires: "2026-03-02"}, InviteCode{}, ""},
		{CodeForm{Name: ""}, InviteCode{}, "name"},
		{CodeForm{Name: "Fair", Code: "OPEN-DOORS"}, InviteCode{}, "code"},
		{CodeForm{Name: "Fair", Code: "AAAAAAAAAAAAAAAA"}, InviteCode{}, "code"},
		{CodeForm{Name: "Fair", Code: "ÖFFNET-EUCH-2026"}, InviteCode{}, "code"},
		{CodeForm{Name: "Fair", Code: strings.Repeat("ABCDEF", 7)}, InviteCode{}, "code"},
		{CodeForm{Name: "Fair", Quota: "0"}, InviteCode{}, "quota"},
		{CodeForm{Name: "Fair", Quota: "-1"}, InviteCode{}, "quota"},
		{CodeForm{Name: "Fair", Quota: "many"}, InviteCode{}, "quota"},
		{CodeForm{Name: "Fair", Quota: "100001"}, InviteCode{}, "quota"},
		{CodeForm{Name: "Fair", Quota: "2"}, used, "quota"},
		{CodeForm{Name: "Fair", Quota: "3", Expires: "2026-03-01"}, used, ""}, // as it was
		{CodeForm{Name: "Fair", Expires: "2026-03-01"}, InviteCode{}, "expires"},
		{CodeForm{Name: "Fair", Expires: "1.4.2026"}, InviteCode{}, "expires"},
		{CodeForm{Name: "Fair", Expires: "2036-03-01"}, InviteCode{}, "expires"},
	} {
		_, err := c.form.Tidy(now, c.old)
		e, _ := err.(*Error)
		if c.field == "" && err != nil || c.field != "" && (e == nil || e.Fields[c.field] == "" || len(e.Fields) != 1) {
			t.Errorf("%+v: got %v, want a problem at %q", c.form, err, c.field)
		}
	}
}

func TestTheStatesOfACode(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for want, c := range map[string]InviteCode{
		CodeActive:  {Active: true, Quota: 3, Uses: 2, ExpiresAt: now.Add(time.Millisecond)},
		CodeOff:     {Quota: 3, Uses: 3},
		CodeUsedUp:  {Active: true, Quota: 3, Uses: 3},
		CodeExpired: {Active: true, ExpiresAt: now},
	} {
		if got := c.Words(now); got != want {
			t.Errorf("%+v is %s, want %s", c, got, want)
		}
	}
}
