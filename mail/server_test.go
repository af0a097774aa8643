package mail_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"portico/mail"
	"portico/portal"
)

func TestParseURL(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]struct{ host, port, redacted string }{
		"smtp://mail.example.com":                    {"mail.example.com", "587", "smtp://mail.example.com:587"},
		"smtps://mail.example.com":                   {"mail.example.com", "465", "smtps://mail.example.com:465"},
		" smtp://u:p@mail.example.com:2525/ ":        {"mail.example.com", "2525", "smtp://u:xxxxx@mail.example.com:2525"},
		"smtp://mailpit:1025?tls=off":                {"mailpit", "1025", "smtp://mailpit:1025?tls=off"},
		"smtp://u%40x.example:p%40%3A@[::1]?tls=off": {"::1", "587", "smtp://u%40x.example:xxxxx@[::1]:587?tls=off"},
		"smtp://u@mail.example.com":                  {"mail.example.com", "587", "smtp://u@mail.example.com:587"},
	} {
		s, err := mail.ParseURL(url)
		if err != nil || s.Host != want.host || s.Port != want.port || s.Redacted() != want.redacted {
			t.Errorf("%s: %#v, %v", url, s, err)
		}
		if printed := fmt.Sprintf("%v %+v %#v", s, s, s); strings.Contains(printed, "p@:") {
			t.Errorf("the password is printed: %s", printed)
		}
	}
	const secret = "hush"
	for _, url := range []string{
		"", "mail.example.com", "mail.example.com:587", "http://mail.example.com", "smtp://", "smtp://:587", "smtp:mail.example.com",
		"smtp://mail.example.com:0", "smtp://mail.example.com:65536", "smtp://mail.example.com:smtp", "smtp://mail.example.com/inbox",
		"smtp://mail.example.com?insecure=1", "smtp://mail.example.com?tls=on", "smtp://mail.example.com?tls=off&tls=off", "smtp://mail.example.com?%zz",
		"smtps://mail.example.com?tls=off", "smtp://u:hush@mail.example.com?tls=off", "smtp://:hush@mail.example.com",
		"smtp://u:hu/hush@mail.example.com", "smtp://u:hush#1@mail.example.com", "smtp://u:hush%@mail.example.com", "smtp://u:hush%0a@mail.example.com",
		"smtp://ma\x00il.example.com", "smtp://mail example.com", "smtp://mail.example.com#hush",
	} {
		_, err := mail.ParseURL(url)
		var forPeople *portal.Error
		if !errors.As(err, &forPeople) || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "%!") {
			t.Errorf("%q: %v", url, err)
		}
	}
}
