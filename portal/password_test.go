package portal

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPasswordsAreLongEnoughAndNotCommon_REG_09_REG_10(t *testing.T) {
	const (
		short  = "at least"
		long   = "at most 128"
		common = "common passwords"
		own    = "not your address"
		words  = "words like"
	)
	for _, c := range []struct {
		name, password string
		minimum        int
		problem        string
	}{
		{"twelve characters are enough", "gnu-tree-92!", 12, ""},
		{"eleven are not", "gnu-tree-92", 12, short},
		{"none at all says so", "", 12, "Enter a password"},
		{"the minimum is a setting", "gnu-tree", 8, ""},
		{"one below the setting is refused", "gnu-tre", 8, short},
		{"64 can be asked for", strings.Repeat("gnu tree ", 7) + "a", 64, ""},
		{"63 of 64 are refused", strings.Repeat("gnu tree ", 7), 64, short},
		{"128 characters are taken", (strings.Repeat("gnu tree hill ", 10))[:128], 12, ""},
		{"129 are refused", (strings.Repeat("gnu tree hill ", 10))[:129], 12, long},
		{"128 characters of four bytes are taken", strings.Repeat("🌲🏔🌊🔥", 31) + "🌲🏔🌊🌳", 12, ""},
		{"a megabyte is refused", strings.Repeat("x", 1<<20), 12, long},
		{"no classes of letters are asked for", "onlysmallletterswithoutend", 12, ""},
		{"spaces are letters like others", "a walk on the hill", 12, ""},
		{"emoji are letters like others", "🌲🏔🌊🔥🌳🍁🍂🌾🌵🌴🌱🌿", 12, ""},
		{"decomposed letters count once", strings.Repeat("e\u0301", 11), 12, short},
		{"broken UTF-8 is refused", "gnu-tree-92!\xff", 12, "not valid text"},
		{"a common one is refused", "passwordpassword", 12, common},
		{"a common one in capitals is refused", "QWERTYUIOP123", 8, common},
		{"a common one with a year is refused", "password2024", 12, common},
		{"one letter again and again is refused", "aaaaaaaaaaaa", 12, common},
		{"a short piece again and again is refused", "abcabcabcabc", 12, common},
		{"digits in order are refused", "123456789012", 12, common},
		{"letters in order are refused", "abcdefghijklmn", 12, common},
		{"one's own address is refused", "Ann.Archer@Example.org", 12, own},
		{"what stands before the sign, with digits, is refused", "ann.archer2024", 12, own},
		{"the program's name again and again is refused", "portico-PORTICO!", 12, words},
		{"the portal's words in a row are refused", "Developer Portal 2026!", 12, words},
		{"the portal's words beside another are taken", "portico on the hill", 12, ""},
		{"such a word cut short is another", "portals-portico", 12, ""},
		{"an address inside a longer one is taken", "ann.archer likes hills", 12, ""},
	} {
		got := CheckPassword(c.password, c.minimum, "ann.archer@example.org")
		if c.problem == "" && got != "" || c.problem != "" && !strings.Contains(got, c.problem) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.problem)
		}
	}
}

func TestThePasswordListIsThere(t *testing.T) {
	if n := len(commonPasswords()); n < 10_000 {
		t.Fatalf("the list has %d passwords", n)
	}
	for p := range commonPasswords() {
		if len(p) >= MinMinPassword && CheckPassword(p, MinMinPassword) == "" {
			t.Fatalf("%q is on the list and was taken", p)
		}
	}
}

func TestThePasswordOfAnotherKeyboardIsTheSame(t *testing.T) {
	if NormalPassword("cafe\u0301") != NormalPassword("caf\u00e9") {
		t.Error("two ways of typing é are two passwords")
	}
	if NormalPassword("Straße ") != "Straße " {
		t.Error("a password was changed beyond its normal form")
	}
}

func TestAPasswordThatIsTakenHasTheRightLength(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.OneOf(rapid.String(), rapid.StringN(0, 140, -1)).Draw(t, "password")
		minimum := rapid.IntRange(MinMinPassword, MaxMinPassword).Draw(t, "minimum")
		if CheckPassword(p, minimum, "ann@example.org") == "" {
			if n := len([]rune(NormalPassword(p))); n < minimum || n > MaxPassword {
				t.Fatalf("%q with %d characters was taken, minimum %d", p, n, minimum)
			}
		}
	})
}
