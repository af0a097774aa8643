package portal

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func TestNamesAreTidiedOrRefusedWithAReason_XSS_09_ORG_09(t *testing.T) {
	const (
		control   = "control characters"
		line      = "line break"
		direction = "text-direction"
		hidden    = "invisible"
		marks     = "stacked accents"
		empty     = "Enter a first name"
	)
	for _, c := range []struct {
		name, in, want, problem string
	}{
		{"a name stays", "Ann", "Ann", ""},
		{"spaces at the ends go", "  Ann \t", "Ann", ""},
		{"inner spaces collapse", "Ann   van  Dyke", "Ann van Dyke", ""},
		{"other spaces become plain ones", "Ann\u00a0van\u3000Dyke", "Ann van Dyke", ""},
		{"markup is only text", "<script>alert(1)</script>", "<script>alert(1)</script>", ""},
		{"quotes and templates are only text", `"O'Hara" {{.X}} %s \n`, `"O'Hara" {{.X}} %s \n`, ""},
		{"decomposed letters are composed", "Rene\u0301", "Ren\u00e9", ""},
		{"other scripts stay", "山田 太郎", "山田 太郎", ""},
		{"plain emoji stay", "Ann 🎈", "Ann 🎈", ""},
		{"right-to-left scripts stay", "שלום", "שלום", ""},
		{"empty is refused", "", "", empty},
		{"only spaces are refused", " \t \u00a0 ", "", empty},
		{"only accents are refused", "\u0301", "", empty},
		{"80 characters fit", strings.Repeat("x", 80), strings.Repeat("x", 80), ""},
		{"80 characters of several bytes fit", strings.Repeat("é", 80), strings.Repeat("é", 80), ""},
		{"80 decomposed characters fit", strings.Repeat("e\u0301", 80), strings.Repeat("é", 80), ""},
		{"spaces at the ends do not count", " " + strings.Repeat("x", 80) + " ", strings.Repeat("x", 80), ""},
		{"81 characters are refused", strings.Repeat("x", 81), "", "at most 80 characters; this is 81"},
		{"a line feed inside is refused", "Ann\nB", "", line},
		{"a carriage return inside is refused", "Ann\r\nBcc: x@y", "", line},
		{"a next-line character is refused", "Ann\u0085B", "", line},
		{"a line separator is refused", "Ann\u2028B", "", line},
		{"a paragraph separator is refused", "Ann\u2029B", "", line},
		{"a line feed at the end is only a space", "Ann\n", "Ann", ""},
		{"NUL is refused", "Ann\x00", "", control},
		{"a tab inside is refused", "Ann\tB", "", control},
		{"escape is refused", "Ann\x1b[31m", "", control},
		{"delete is refused", "Ann\x7f", "", control},
		{"a C1 control is refused", "Ann\u009b", "", control},
		{"right-to-left override is refused", "Ann\u202egnp.exe", "", direction},
		{"left-to-right mark is refused", "Ann\u200e", "", direction},
		{"Arabic letter mark is refused", "Ann\u061c", "", direction},
		{"an isolate is refused", "\u2066Ann\u2069", "", direction},
		{"zero-width space is refused", "An\u200bn", "", hidden},
		{"zero-width joiner is refused", "An\u200dn", "", hidden},
		{"word joiner is refused", "An\u2060n", "", hidden},
		{"soft hyphen is refused", "An\u00adn", "", hidden},
		{"byte-order mark is refused", "\ufeffAnn", "", hidden},
		{"Hangul filler is refused", "\u3164", "", hidden},
		{"braille blank is refused", "\u2800", "", hidden},
		{"a variation selector is refused", "Ann\ufe0f", "", hidden},
		{"tag characters are refused", "Ann\U000e0041", "", hidden},
		{"private use is refused", "Ann\ue000", "", hidden},
		{"the replacement character is refused", "Ann\ufffd", "", "unreadable"},
		{"broken UTF-8 is refused", "Ann\xff", "", "not valid text"},
		{"four accents on a letter stay", "x\u0324\u0325\u0330\u0331y", "x\u0324\u0325\u0330\u0331y", ""},
		{"five accents on a letter are refused", "x\u0324\u0325\u0330\u0331\u0332y", "", marks},
		{"a hundred accents are refused", "x" + strings.Repeat("\u0301", 100), "", marks},
	} {
		got, problem := TidyName(c.in, "a first name")
		switch {
		case c.problem == "" && (problem != "" || got != c.want):
			t.Errorf("%s: got %q, problem %q; want %q", c.name, got, problem, c.want)
		case c.problem != "" && !strings.Contains(problem, c.problem):
			t.Errorf("%s: got %q, problem %q; want a problem about %q", c.name, got, problem, c.problem)
		}
	}
}

func TestATidyNameIsStableVisibleAndShort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("ab é\u0301\u0300 \t\n\u00a0\u202e\u200b<ﬁÅ\u212b")))).Draw(t, "in")
		got, problem := TidyName(in, "a name")
		if problem != "" {
			return
		}
		if again, p := TidyName(got, "a name"); p != "" || again != got {
			t.Fatalf("tidying %q again gives %q, %q", got, again, p)
		}
		if !norm.NFC.IsNormalString(got) || strings.TrimSpace(got) != got || strings.Contains(got, "  ") {
			t.Fatalf("%q is not in its stored form", got)
		}
		if n := utf8.RuneCountInString(got); n < 1 || n > MaxName {
			t.Fatalf("%q has %d characters", got, n)
		}
		if strings.ContainsFunc(got, func(r rune) bool {
			return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r != ' ' && unicode.IsSpace(r)
		}) {
			t.Fatalf("%q holds what nobody sees", got)
		}
	})
}

func TestTextKeepsItsLinesAndMayBeEmpty(t *testing.T) {
	for _, c := range []struct{ name, in, want, problem string }{
		{"lines stay", "a\r\nb\n\nc", "a\nb\n\nc", ""},
		{"ends are trimmed", "\n one \r\n", "one", ""},
		{"it may be empty", " \n ", "", ""},
		{"ten characters fit", strings.Repeat("é", 10), strings.Repeat("é", 10), ""},
		{"eleven are refused", strings.Repeat("x", 11), "", "at most 10 characters; this is 11"},
		{"a lone carriage return is refused", "a\rb", "", "line break"},
		{"NUL is refused", "a\x00b", "", "control"},
		{"right-to-left override is refused", "a\u202eb", "", "text-direction"},
		{"broken UTF-8 is refused", "\xc3(", "", "not valid text"},
	} {
		got, problem := TidyText(c.in, 10)
		if c.problem == "" && (problem != "" || got != c.want) || c.problem != "" && !strings.Contains(problem, c.problem) {
			t.Errorf("%s: got %q, problem %q; want %q, %q", c.name, got, problem, c.want, c.problem)
		}
	}
}

func TestTheDefaultTeamOfTheLongestNameFits(t *testing.T) {
	name, problem := TidyTeamName(DefaultTeamName(strings.Repeat("é", MaxName)))
	if problem != "" || !strings.HasSuffix(name, " All users") {
		t.Errorf("got %q, problem %q", name, problem)
	}
	if _, problem := TidyTeamName(strings.Repeat("x", MaxTeamName+1)); problem == "" {
		t.Error("a team name over the limit was taken")
	}
	if DefaultTeamName("Acme") != "Acme All users" {
		t.Errorf("the default team is called %q", DefaultTeamName("Acme"))
	}
}

func TestAnOptionalLineMayBeEmptyButNotWrong(t *testing.T) {
	if got, problem := TidyOptional("  ", "a label"); got != "" || problem != "" {
		t.Errorf("an empty label: got %q, %q", got, problem)
	}
	if _, problem := TidyOptional("a\u200bb", "a label"); problem == "" {
		t.Error("an invisible character was taken in a label")
	}
	if _, problem := TidyOptional(strings.Repeat("x", 81), "a label"); problem == "" {
		t.Error("81 characters were taken as a label")
	}
}

func TestNamesThatLookAlikeInsideAnOrganizationShareAKey(t *testing.T) {
	for _, pair := range [][2]string{{"Acme", "ACME"}, {"Ａcme", "Acme"}, {"Rene\u0301", "ren\u00e9"}, {"ﬁne", "fine"}} {
		if NameKey(pair[0]) != NameKey(pair[1]) {
			t.Errorf("%q and %q are told apart", pair[0], pair[1])
		}
	}
	if NameKey("Acme 1") == NameKey("Acme 2") {
		t.Error("different names share a key")
	}
}

func TestProblemsStandAtTheirFields(t *testing.T) {
	_, _, err := NewUser{First: "", Last: "a\u202e", Email: "nobody", Password: "short"}.Tidy(12)
	for _, field := range []string{"first_name", "last_name", "email", "password"} {
		checkField(t, err, field)
	}
	_, _, err = NewInvitation{First: " ", Last: " ", Email: "", Role: "owner"}.Tidy()
	for _, field := range []string{"first_name", "last_name", "email", "role"} {
		checkField(t, err, field)
	}
	_, err = NewApplication{Name: " ", Description: strings.Repeat("x", MaxDescription+1)}.Tidy()
	checkField(t, err, "name")
	checkField(t, err, "description")
	_, err = TidyOrgName("a\nb")
	checkField(t, err, "name")
	_, _, err = TidyPerson("", "")
	checkField(t, err, "first_name")
	checkField(t, err, "last_name")
	if (Problems{}).Err() != nil {
		t.Error("no problems are an error")
	}
	p := Problems{}
	p.Add("name", "first")
	p.Add("name", "second")
	p.Add("other", "")
	if len(p) != 1 || p["name"] != "first" {
		t.Errorf("problems are %v, want the first at its field only", p)
	}
}

func checkField(t *testing.T, err error, field string) {
	t.Helper()
	e, ok := err.(*Error)
	if !ok || e.Code != Invalid || e.Fields[field] == "" {
		t.Errorf("got %#v, want a problem at %s", err, field)
	}
}
