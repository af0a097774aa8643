package portal

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Limits of texts, in characters (runes after NFC normalisation).
const (
	MaxName        = 80
	MaxTeamName    = 100 // "<Name> All users" of a name of MaxName fits
	MaxReason      = 1000
	MaxDescription = 500
	maxMarks       = 4 // combining marks on one letter; more hides its neighbours
)

// TidyName gives the stored form of a name (NFC, trimmed, inner spaces
// collapsed) and what is wrong with it, or "". what names it in the message, as
// in "a first name".
func TidyName(s, what string) (name, problem string) {
	return tidyLine(s, what, MaxName)
}

// TidyTeamName is TidyName with the limit of team names.
func TidyTeamName(s string) (name, problem string) {
	return tidyLine(s, "a team name", MaxTeamName)
}

// TidyOptional is TidyName for a line that may be empty.
func TidyOptional(s, what string) (line, problem string) {
	if strings.TrimSpace(s) == "" {
		return "", ""
	}
	return tidyLine(s, what, MaxName)
}

func tidyLine(s, what string, limit int) (line, problem string) {
	if !utf8.ValidString(s) {
		return "", "This is not valid text. Type it again."
	}
	// Control characters are looked for before spaces collapse, so that a line
	// break inside a name is refused rather than quietly turned into a space.
	if bad := firstForbidden(strings.TrimSpace(s), false); bad != "" {
		return s, "Please remove " + bad + "."
	}
	line = strings.Join(strings.Fields(norm.NFC.String(s)), " ")
	switch n := utf8.RuneCountInString(line); {
	case n == 0:
		return line, fmt.Sprintf("Enter %s.", what)
	case n > limit:
		return line, fmt.Sprintf("Use at most %d characters; this is %d.", limit, n)
	case !strings.ContainsFunc(line, visible):
		return line, fmt.Sprintf("Enter %s with at least one letter or digit.", what)
	}
	return line, ""
}

// TidyText is for text of several lines, such as a reason: line breaks are kept
// (as LF), ends are trimmed. It may be empty.
func TidyText(s string, limit int) (text, problem string) {
	if !utf8.ValidString(s) {
		return "", "This is not valid text. Type it again."
	}
	text = strings.TrimSpace(norm.NFC.String(strings.ReplaceAll(s, "\r\n", "\n")))
	if bad := firstForbidden(text, true); bad != "" {
		return s, "Please remove " + bad + "."
	}
	if n := utf8.RuneCountInString(text); n > limit {
		return text, fmt.Sprintf("Use at most %d characters; this is %d.", limit, n)
	}
	return text, ""
}

func visible(r rune) bool {
	return unicode.In(r, unicode.L, unicode.N, unicode.S, unicode.P)
}

// firstForbidden says in words what in s may not stand in a name, or "".
func firstForbidden(s string, lines bool) string {
	marks := 0
	for _, r := range s {
		if unicode.In(r, unicode.Mn, unicode.Me) {
			if marks++; marks > maxMarks {
				return "the stacked accents"
			}
		} else {
			marks = 0
		}
		switch {
		case lines && r == '\n':
		case r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029' || r == '\u0085':
			return "the line break"
		case unicode.IsControl(r):
			return "the control characters"
		case r == utf8.RuneError:
			return "the unreadable characters"
		case bidiControl(r):
			return "the hidden text-direction characters"
		case invisible(r):
			return "the invisible characters"
		}
	}
	return ""
}

func bidiControl(r rune) bool {
	return r == 0x061C || r == 0x200E || r == 0x200F || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}

// invisible follows Unicode's Default_Ignorable_Code_Point, plus letters that
// render as nothing and private use; emoji joiners and variation selectors
// count too: names are told apart by eye.
func invisible(r rune) bool {
	switch {
	case r == 0x00AD, r == 0x034F, r == 0x115F, r == 0x1160, r == 0x17B4, r == 0x17B5,
		r >= 0x180B && r <= 0x180F, r >= 0x200B && r <= 0x200D, r >= 0x2060 && r <= 0x206F,
		r == 0x2800, r == 0x3164, r >= 0xFE00 && r <= 0xFE0F, r == 0xFEFF, r == 0xFFA0,
		r >= 0xFFF0 && r <= 0xFFFB, r >= 0x1BCA0 && r <= 0x1BCA3, r >= 0x1D173 && r <= 0x1D17A,
		r >= 0xE0000 && r <= 0xE0FFF:
		return true
	}
	return unicode.Is(unicode.Co, r) || unicode.Is(unicode.Cf, r)
}

// FullName joins first and last name.
func FullName(first, last string) string { return strings.TrimSpace(first + " " + last) }

// NameKey is the form in which names inside one organization are compared for
// being taken: compatibility-normalised and case-folded.
func NameKey(s string) string { return norm.NFKC.String(strings.ToLower(norm.NFKC.String(s))) }
