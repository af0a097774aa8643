package portal

import (
	"crypto/rand"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// InviteCode lets people join an organization by themselves, as Team members.
type InviteCode struct {
	ID        int64
	PublicID  string
	Name      string
	Org       Organization
	TeamID    string // public id
	Team      string // its name; that of the default team if none is chosen
	Quota     int    // how many may use it, 0: any number
	Uses      int
	ExpiresAt time.Time // zero: never
	Active    bool      // it is switched on
	CreatedAt time.Time
	CreatedBy string
}

// The words for the states of a code.
const (
	CodeActive  = "Active"
	CodeOff     = "Off"
	CodeUsedUp  = "Used up"
	CodeExpired = "Expired"
)

// Words is the state of the code at that time, as people read it.
func (c InviteCode) Words(now time.Time) string {
	switch {
	case !c.Active:
		return CodeOff
	case !c.ExpiresAt.IsZero() && !now.Before(c.ExpiresAt):
		return CodeExpired
	case c.Quota > 0 && c.Uses >= c.Quota:
		return CodeUsedUp
	}
	return CodeActive
}

// ErrCode is the one answer to a code that does not work, whatever the reason.
var ErrCode = Invalidf("code", "This code does not work. Check it, or ask whoever gave it to you for another one.")

// Bounds of codes and their quotas.
const (
	MinCode      = 12 // letters and digits of one that is chosen
	MaxCode      = 40
	minDifferent = 5 // different ones among them
	MaxQuota     = 100_000
	codeLetters  = 16 // of one that is made: 80 bits
)

// codeAlphabet are the digits and letters that cannot be mistaken for each other.
const codeAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// NewCode makes a code: XXXX-XXXX-XXXX-XXXX.
func NewCode() string {
	b := make([]byte, codeLetters)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	var code strings.Builder
	for i, c := range b {
		if i > 0 && i%4 == 0 {
			code.WriteByte('-')
		}
		code.WriteByte(codeAlphabet[c%32])
	}
	return code.String()
}

// CodeKey is the form in which codes are compared: without spaces and dashes,
// in capitals, with letters that look like digits taken for them.
func CodeKey(typed string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			r -= 'a' - 'A'
		case unicode.IsSpace(r) || r == '-' || r == '_':
			return -1
		}
		switch r {
		case 'O':
			return '0'
		case 'I', 'L':
			return '1'
		}
		return r
	}, typed)
}

// checkCode says what is wrong with a chosen code, or "".
func checkCode(typed string) string {
	key := CodeKey(typed)
	different := map[rune]bool{}
	for _, r := range key {
		if (r < 'A' || r > 'Z') && (r < '0' || r > '9') {
			return "Use the letters A to Z, digits, spaces and dashes."
		}
		different[r] = true
	}
	switch n := utf8.RuneCountInString(key); {
	case n < MinCode:
		return "Use at least " + strconv.Itoa(MinCode) + " letters and digits, so that nobody guesses it."
	case n > MaxCode:
		return "Use at most " + strconv.Itoa(MaxCode) + " letters and digits."
	case len(different) < minDifferent:
		return "Use more different letters and digits, so that nobody guesses it."
	}
	return ""
}

// CodeForm is what the form of an invite code holds, as typed.
type CodeForm struct {
	Name    string
	Code    string // "": one is made; it cannot be changed afterwards
	Team    string // public id, "": the default team
	Quota   string // "": no limit
	Expires string // a date as 2006-01-02, "": never
}

// Tidy gives what is stored of the form, or an Invalid Error by field. old is the
// code as it was, if there is one. It works through the day named, in UTC.
func (f CodeForm) Tidy(now time.Time, old InviteCode) (InviteCode, error) {
	var c InviteCode
	var problem string
	p := Problems{}
	c.Name, problem = TidyName(f.Name, "a name")
	p.Add("name", problem)
	if strings.TrimSpace(f.Code) != "" {
		p.Add("code", checkCode(f.Code))
	}
	if quota := strings.TrimSpace(f.Quota); quota != "" {
		n, err := strconv.Atoi(quota)
		switch {
		case err != nil || n < 1 || n > MaxQuota:
			p.Add("quota", "Enter a number from 1 to "+strconv.Itoa(MaxQuota)+", or nothing for no limit.")
		case n < old.Uses:
			p.Add("quota", count(old.Uses, "person has", "people have")+" joined with it already. Enter at least that number.")
		}
		c.Quota = n
	}
	if f.Expires == old.Form().Expires {
		c.ExpiresAt = old.ExpiresAt // also one that is over
	} else if f.Expires != "" {
		var ok bool
		if c.ExpiresAt, ok = endOfDay(f.Expires); !ok || !c.ExpiresAt.After(now) || c.ExpiresAt.After(now.Add(MaxKeyLife)) {
			p.Add("expires", "Choose a date from today on, at most five years away.")
		}
	}
	return c, p.Err()
}

// Form is the code as its form shows it.
func (c InviteCode) Form() CodeForm {
	f := CodeForm{Name: c.Name, Team: c.TeamID}
	if c.Quota > 0 {
		f.Quota = strconv.Itoa(c.Quota)
	}
	if !c.ExpiresAt.IsZero() {
		f.Expires = c.ExpiresAt.Add(-time.Millisecond).UTC().Format(time.DateOnly)
	}
	return f
}
