package portal

import (
	"net/mail"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestAddressesAreComparedInOneForm_REG_06_REG_07(t *testing.T) {
	local64 := strings.Repeat("l", 64)
	label63 := strings.Repeat("d", 63)
	longest := local64 + "@" + label63 + "." + label63 + "." + strings.Repeat("d", 57) + ".org" // 254
	for _, c := range []struct{ name, in, key, display string }{
		{"a plain one", "ann@example.org", "ann@example.org", "ann@example.org"},
		{"spaces at the ends go", "  ann@example.org\t", "ann@example.org", "ann@example.org"},
		{"hard spaces at the ends go", "\u00a0ann@example.org\u00a0", "ann@example.org", "ann@example.org"},
		{"case does not count and is kept for show", "Ann.Archer@EXAMPLE.Org", "ann.archer@example.org", "Ann.Archer@EXAMPLE.Org"},
		{"dots and plus signs count", "a.n.n+portal@example.org", "a.n.n+portal@example.org", "a.n.n+portal@example.org"},
		{"domains are compared in ASCII", "ann@bücher.example", "ann@xn--bcher-kva.example", "ann@bücher.example"},
		{"domains in ASCII already stay", "ann@XN--BCHER-KVA.example", "ann@xn--bcher-kva.example", "ann@XN--BCHER-KVA.example"},
		{"decomposed domains are the same", "ann@bu\u0308cher.example", "ann@xn--bcher-kva.example", "ann@bücher.example"},
		{"full-width domains are the same", "ann@ｅｘａｍｐｌｅ.org", "ann@example.org", "ann@ｅｘａｍｐｌｅ.org"},
		{"a Kelvin sign is a K, for the mail too", "\u212aate@example.org", "kate@example.org", "Kate@example.org"},
		{"all the odd letters of a local part", "a!#$%&'*+-/=?^_`{|}~z@example.org", "a!#$%&'*+-/=?^_`{|}~z@example.org", "a!#$%&'*+-/=?^_`{|}~z@example.org"},
		{"64 octets before the sign", local64 + "@example.org", local64 + "@example.org", local64 + "@example.org"},
		{"254 octets in all", longest, longest, longest},
		{"a digit before letters in the last label", "ann@example.x1", "ann@example.x1", "ann@example.x1"},
	} {
		got, problem := ParseEmail(c.in)
		if problem != "" || got.Key != c.key || got.Display != c.display {
			t.Errorf("%s: got %+v, problem %q; want %q shown as %q", c.name, got, problem, c.key, c.display)
		}
	}
}

func TestWhatIsNotOnePlainAddressIsRefused_REG_06_INV_26_RST_06(t *testing.T) {
	label63 := strings.Repeat("d", 63)
	for _, c := range []struct{ name, in string }{
		{"empty", ""},
		{"only spaces", "   "},
		{"no sign", "ann.example.org"},
		{"no local part", "@example.org"},
		{"no domain", "ann@"},
		{"no dot in the domain", "ann@localhost"},
		{"two signs", "ann@beta@example.org"},
		{"a list by comma", "ann@example.org,bob@example.org"},
		{"a list by semicolon", "ann@example.org;bob@example.org"},
		{"a list by space", "ann@example.org bob@example.org"},
		{"a name before it", "Ann <ann@example.org>"},
		{"angle brackets", "<ann@example.org>"},
		{"a line break and a header", "ann@example.org\r\nBcc: eve@example.org"},
		{"a line feed inside", "ann@exam\nple.org"},
		{"a line feed in the local part", "an\nn@example.org"},
		{"NUL", "ann\x00@example.org"},
		{"a tab inside", "ann@exa\tmple.org"},
		{"a quoted local part", `"ann archer"@example.org`},
		{"a comment", "ann(comment)@example.org"},
		{"an address literal", "ann@[127.0.0.1]"},
		{"an IPv6 literal", "ann@[IPv6:::1]"},
		{"a number for a domain", "ann@127.0.0.1"},
		{"a trailing dot", "ann@example.org."},
		{"a leading dot in the domain", "ann@.example.org"},
		{"two dots in the domain", "ann@example..org"},
		{"a hyphen at a label's end", "ann@example-.org"},
		{"an underscore in the domain", "ann@exa_mple.org"},
		{"a broken IDNA label", "ann@xn--zz.example"},
		{"a percent route", "ann%example.org"},
		{"dot first", ".ann@example.org"},
		{"dot last", "ann.@example.org"},
		{"two dots", "ann..archer@example.org"},
		{"a dotless i, which looks like another's", "m\u0131ke@example.org"},
		{"Cyrillic letters, which look like another's", "\u0430nn@example.org"},
		{"full-width letters before the sign", "ａnn@example.org"},
		{"an accent before the sign", "andré@example.org"},
		{"a zero-width space", "an\u200bn@example.org"},
		{"a soft hyphen in the domain, which cannot be seen", "ann@exa\u00admple.org"},
		{"a right-to-left override", "ann\u202e@example.org"},
		{"broken UTF-8", "ann\xff@example.org"},
		{"65 octets before the sign", strings.Repeat("l", 65) + "@example.org"},
		{"a label of 64 octets", "ann@" + strings.Repeat("d", 64) + ".org"},
		{"255 octets in all", strings.Repeat("l", 64) + "@" + label63 + "." + label63 + "." + strings.Repeat("d", 58) + ".org"},
		{"300 kB", strings.Repeat("x", 300_000) + "@example.org"},
	} {
		if got, problem := ParseEmail(c.in); problem == "" {
			t.Errorf("%s: taken as %+v", c.name, got)
		} else if got.Key != "" || got.Display != "" {
			t.Errorf("%s: refused, but gave %+v", c.name, got)
		}
	}
}

func TestAParsedAddressIsStableAndFitForAHeader(t *testing.T) {
	letters := rapid.StringOf(rapid.SampledFrom([]rune("aZ09.+_-@é\u0301ü\u212a ,;<>\"()\r\n\u00a0。")))
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.OneOf(rapid.String(), letters, rapid.Custom(func(t *rapid.T) string {
			return letters.Draw(t, "local") + "@" + letters.Draw(t, "domain") + ".org"
		})).Draw(t, "in")
		e, problem := ParseEmail(in)
		if problem != "" {
			return
		}
		if strings.ContainsAny(e.Key+e.Display, "\r\n\x00 ,;<>\"()") || !utf8.ValidString(e.Display) || len(e.Key) > MaxEmail {
			t.Fatalf("%q became %+v", in, e)
		}
		for _, again := range []string{e.Display, e.Key, strings.ToUpper(e.Key)} {
			if same, p := ParseEmail(again); p != "" || same.Key != e.Key {
				t.Fatalf("%q became %+v, and that %+v, %q", in, e, same, p)
			}
		}
		if a, err := mail.ParseAddress(e.Key); err != nil || a.Address != e.Key {
			t.Fatalf("%q is no address to net/mail: %v, %v", e.Key, a, err)
		}
	})
}
