package portal

import (
	"slices"
	"strings"
	"testing"
)

func TestTextsFallIntoTheWordsTheyAreFoundBy(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{" - ", nil},
		{"Northbank Logistics", []string{"northbank", "logistics"}},
		{"Zoë Ångström-Łuka", []string{"zoe", "angstrom", "luka"}},
		{"Zoe\u0308", []string{"zoe"}},
		{"STRASSE straße", []string{"strasse"}},
		{"ann.lee+x@mail.example.org", []string{"ann", "lee", "x", "mail", "example", "org"}},
		{"A&B, R2-D2", []string{"a", "b", "r2", "d2"}},
		{"Ｆｕｌｌ ﬁne", []string{"full", "fine"}},
		{"東京 Ελλάς", []string{"東京", "ελλασ"}},
		{"İstanbul ırmak", []string{"istanbul", "irmak"}},
		{"twice Twice", []string{"twice"}},
	} {
		if got := Words(c.text); !slices.Equal(got, c.want) {
			t.Errorf("%q falls into %q, want %q", c.text, got, c.want)
		}
	}
	if long := Words(strings.Repeat("é", 100)); len(long) != 1 || len(long[0]) != maxWord {
		t.Errorf("a long word is kept as %q", long)
	}
	if many := Words(strings.Repeat("a b c d ", 20), strings.Join(strings.Split("bcdefghijklmnopqrstuvwxyz0123456789", ""), "x ")+strings.Repeat("q", 9)); len(many) > maxWords {
		t.Errorf("%d words are kept", len(many))
	}
}

func TestAllWordsOfASearchMustBeginOne(t *testing.T) {
	for _, c := range []struct {
		query string
		want  bool
	}{
		{"", true}, {"  ", true}, {"nor", true}, {"NÖR", true}, {"log north", true}, {"ann@exa", true},
		{"bank", false}, {"north z", false}, {"!", false}, {"orthbank", false},
		{"n l a e o zzz", true}, // the sixth word does not count any more
	} {
		if got := Found(c.query, "Northbank Logistics", "ann@example.org"); got != c.want {
			t.Errorf("%q finds it: %v, want %v", c.query, got, c.want)
		}
	}
}
