package portal

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// MaxEmail is the longest address accepted, in octets (RFC 5321, 4.5.3.1.3,
// with the angle brackets taken off).
const MaxEmail = 254

const emailProblem = "Enter a full email address, like name@company.com."

// Email is an address in the form it is compared in, and as it was typed.
type Email struct {
	Key     string // trimmed, NFC, lower-cased; domain in its ASCII form (IDNA)
	Display string // as typed, trimmed
}

// ParseEmail reads one plain address (RFC 5321 dot-string local part, a domain
// with at least one dot). Quoted local parts, comments, address literals and
// lists are refused, and so are local parts outside ASCII: look-alikes of other
// people's addresses. Dots and plus signs are not folded.
func ParseEmail(s string) (Email, string) {
	if len(s) > 4*MaxEmail {
		return Email{}, "This address is too long. Use at most 254 characters."
	}
	if strings.TrimSpace(s) == "" {
		return Email{}, "Enter an email address."
	}
	if !utf8.ValidString(s) {
		return Email{}, emailProblem
	}
	display := norm.NFC.String(strings.TrimSpace(s))
	if firstForbidden(display, false) != "" {
		return Email{}, emailProblem // IDNA passes over what cannot be seen; whoever reads the address would, too
	}
	at := strings.LastIndexByte(display, '@')
	if at < 1 || strings.IndexByte(display, '@') != at {
		return Email{}, emailProblem
	}
	local, domain := display[:at], display[at+1:]
	if len(local) > 64 || !dotAtom(local) {
		return Email{}, emailProblem
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || !strings.Contains(ascii, ".") || strings.HasSuffix(ascii, ".") || len(ascii) > 253 || !hostname(ascii) {
		return Email{}, emailProblem
	}
	e := Email{Key: norm.NFC.String(strings.ToLower(local)) + "@" + strings.ToLower(ascii), Display: display}
	if len(e.Key) > MaxEmail {
		return Email{}, "This address is too long. Use at most 254 characters."
	}
	return e, ""
}

func dotAtom(s string) bool {
	if strings.HasPrefix(s, ".") || strings.HasSuffix(s, ".") || strings.Contains(s, "..") {
		return false
	}
	for _, r := range s {
		ok := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
			strings.ContainsRune("!#$%&'*+-/=?^_`{|}~.", r)
		if !ok {
			return false
		}
	}
	return true
}

func hostname(s string) bool {
	labels := strings.Split(s, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || strings.HasPrefix(l, "-") || strings.HasSuffix(l, "-") {
			return false
		}
		for _, r := range l {
			if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-') {
				return false
			}
		}
	}
	last := labels[len(labels)-1]
	return strings.ContainsFunc(last, func(r rune) bool { return r < '0' || r > '9' })
}
