package portal

import (
	"net/mail"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Each target takes what somebody outside may send, and holds the parser to what
// the rest of Portico relies on. The inputs below testdata run in every go test.

// headed reports whether s can stand in one line of a header, a log or a page: it is
// text, and nothing in it ends the line or changes how its neighbours read.
func headed(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Cf, unicode.Co)
	})
}

func FuzzEmail(f *testing.F) {
	for _, s := range []string{"ann@example.org", " Ann.Archer+x@EXAMPLE.org ", "ann@bücher.example", "ann@xn--bcher-kva.example", "a@b@c.org", "ann@example.org\r\nBcc: eve@example.org", "ann@exa\u3002mple.org", "ann@\u212a.org", "ann@exa\u00admple.org", "ann@a\u200db.org", "ann@exa\ufe0fmple.org", "ann@\u0645\u200c\u06cc.org"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, problem := ParseEmail(s)
		if problem != "" {
			if e != (Email{}) {
				t.Fatalf("refused with %q, but gives %+v", problem, e)
			}
			return
		}
		if len(e.Key) > MaxEmail || !headed(e.Key) || !headed(e.Display) || strings.ContainsAny(e.Display, " ,;<>\"()") {
			t.Fatalf("%+v can end a header or be a list", e)
		}
		if a, err := mail.ParseAddress(e.Key); err != nil || a.Address != e.Key || a.Name != "" {
			t.Fatalf("%q is %v to others, %v", e.Key, a, err)
		}
		if strings.ContainsFunc(e.Key, func(r rune) bool { return r > unicode.MaxASCII || unicode.IsUpper(r) }) {
			t.Fatalf("%q is not the one form of the address", e.Key)
		}
		for _, again := range []string{e.Key, e.Display, " " + strings.ToUpper(e.Key) + "\t"} {
			if same, problem := ParseEmail(again); problem != "" || same.Key != e.Key {
				t.Fatalf("%q is %q, and %q is %q: %s", s, e.Key, again, same.Key, problem)
			}
		}
		// Whoever reads the domain sees where the mail goes.
		_, domain, _ := strings.Cut(e.Key, "@")
		if _, err := idna.Lookup.ToUnicode(domain); err != nil {
			t.Fatalf("the domain of %q cannot be read: %v", e.Key, err)
		}
	})
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"Ann", "  Ann \u00a0 van\u3000Dyke ", "Rene\u0301", "<script>alert(1)</script>", "a\r\nb", "a\u202eb", "👩\u200d👧", "e\u0301\u0301\u0301\u0301\u0301", "\u1d15e", "\u0344"} {
		f.Add(s)
	}
	f.Add("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
	f.Add("curl/8.5")
	f.Fuzz(func(t *testing.T, s string) {
		// What a browser calls itself is shown in words of ours, or as a plain name.
		if d := Device(s); d == "" || len(d) > 40 || strings.ContainsFunc(d, func(r rune) bool { return r != ' ' && notInName(r) }) {
			t.Fatalf("%q is called %q", s, d)
		}
		for what, tidy := range map[string]struct {
			do    func(string) (string, string)
			limit int
			lines bool
			empty bool
		}{
			"a name":       {func(s string) (string, string) { return TidyName(s, "a name") }, MaxName, false, false},
			"a team's":     {TidyTeamName, MaxTeamName, false, false},
			"a label":      {func(s string) (string, string) { return TidyOptional(s, "a label") }, MaxName, false, true},
			"a reason":     {func(s string) (string, string) { return TidyText(s, MaxReason) }, MaxReason, true, true},
			"a mail's one": {func(s string) (string, string) { return TidyText(s, MaxMailBody) }, MaxMailBody, true, true},
		} {
			got, problem := tidy.do(s)
			if problem != "" {
				if !headed(problem) {
					t.Fatalf("%s: the problem reads %q", what, problem)
				}
				continue
			}
			one := got
			if tidy.lines {
				one = strings.ReplaceAll(got, "\n", "")
			}
			if n := utf8.RuneCountInString(got); n > tidy.limit || n == 0 && !tidy.empty || !headed(one) {
				t.Fatalf("%s: %q is kept as %q", what, s, got)
			}
			if again, problem := tidy.do(got); problem != "" || again != got {
				t.Fatalf("%s: %q is kept as %q, and that as %q: %s", what, s, got, again, problem)
			}
			if !strings.Contains(got, "\n") && NameKey(got) != NameKey(NameKey(got)) {
				t.Fatalf("%s: %q is compared as %q, and that as %q", what, got, NameKey(got), NameKey(NameKey(got)))
			}
			if !Found(got, got) && len(Words(got)) > 0 {
				t.Fatalf("%s: %q is not found by itself", what, got)
			}
		}
	})
}

func FuzzLinkToken(f *testing.F) {
	key := LinkKey{Key: []byte("a key of the test, of 32 octets."), Epoch: "one"}
	id := strings.Repeat("i", PublicIDLen)
	made := Link{Purpose: LinkInvitation, Kind: Mailed, Version: 3, ID: id}
	f.Add(key.Token(made), int64(3), id)
	f.Add(key.Token(Link{Purpose: LinkReset, Kind: Copied, Version: -1, ID: id}), int64(-1), id)
	f.Add("", int64(0), "")
	f.Add(strings.Repeat("A", len(key.Token(made))), int64(1), strings.Repeat("\x00", PublicIDLen))
	f.Fuzz(func(t *testing.T, token string, version int64, id string) {
		purposes := []LinkPurpose{LinkInvitation, LinkProof, LinkReset, LinkSetup, LinkEmail}
		for _, purpose := range purposes {
			// Only what this installation has made for that purpose is read, and there is one way to write it.
			if l, ok := key.Parse(purpose, token); ok && (key.Token(l) != token || l.Purpose != purpose) {
				t.Fatalf("%q is read as %+v, which is %q", token, l, key.Token(l))
			}
		}
		if len(id) != PublicIDLen {
			return
		}
		for i, purpose := range purposes {
			l := Link{Purpose: purpose, Kind: Copied, Version: version, ID: id}
			text := key.Token(l)
			if got, ok := key.Parse(purpose, text); !ok || got != l || strings.ContainsFunc(text, notInName) {
				t.Fatalf("%+v is written as %q and read as %+v, %v", l, text, got, ok)
			}
			if _, ok := key.Parse(purposes[(i+1)%len(purposes)], text); ok {
				t.Fatalf("a link for %c opens another thing", purpose)
			}
			for _, other := range []LinkKey{{key.Key, "two"}, {[]byte("another key of the same 32 octet"), key.Epoch}} {
				if _, ok := other.Parse(purpose, text); ok {
					t.Fatal("a link opens another installation, or outlives a restored backup")
				}
			}
			// A link with any other letter in it is none.
			at := int(uint64(version) % uint64(len(text)))
			for _, letter := range []string{"A", "B"} {
				if changed := text[:at] + letter + text[at+1:]; changed != text {
					if _, ok := key.Parse(purpose, changed); ok {
						t.Fatalf("%q is read as well as %q", changed, text)
					}
				}
			}
		}
	})
}

func FuzzInviteList(f *testing.F) {
	for _, s := range []string{"Nora,New,nora@example.org", "First name;E-mail;Role\r\nNora;nora@example.org;Super admin\r\n", "\ufefffirst\tlast\temail\n=cmd|' /C calc'!A0\tNew\tx@example.org",
		"a,b,c,d,e,f,g", "email\n\"x@example.org\n", "\n\n a,\"b\nc\",d@example.org", "email,email\na@example.org,b@example.org", `"a ""quoted"" one",B,c@example.org`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := ParseInvites(s)
		if err != nil {
			if !IsCode(err, Invalid) {
				t.Fatalf("the refusal is %v", err)
			}
			return
		}
		if len(l.Rows) == 0 || len(l.Rows) > MaxInviteRows {
			t.Fatalf("there are %d rows", len(l.Rows))
		}
		line := 0
		for i := range l.Rows {
			r := &l.Rows[i]
			if r.Line <= line {
				t.Fatalf("row %d stands on line %d, after one on line %d", i, r.Line, line)
			}
			line = r.Line
			// What would be invited is what one invitation may be.
			n, err := r.Invitation(InviteDefaults{Role: TeamMember}, nil)
			if err != nil && !IsCode(err, Invalid) {
				t.Fatalf("row %d is refused with %v", i, err)
			}
			if _, problem := ParseEmail(n.Email); err == nil && (problem != "" || !headed(n.First) || !headed(n.Last) || !n.Role.Valid()) {
				t.Fatalf("row %d invites %+v", i, n)
			}
			r.Outcome = RowInvalid
		}
		// What is left to be corrected reads as it did.
		rest := l.Rest()
		again, err := ParseInvites(rest)
		if err != nil {
			t.Fatalf("what is left of %q is %q: %v", s, rest, err)
		}
		if len(again.Rows) != len(l.Rows) {
			t.Fatalf("of %d rows %q is left, which is %d", len(l.Rows), rest, len(again.Rows))
		}
		for i, r := range again.Rows {
			w := l.Rows[i]
			if r.First != w.First || r.Last != w.Last || r.Email != w.Email || r.Role != w.Role || r.Team != w.Team {
				t.Fatalf("row %d of %q is %+v, and was %+v", i, rest, r, w)
			}
		}
	})
}

func FuzzKey(f *testing.F) {
	f.Add(NewKey())
	f.Add("portico_00000000000000000000000000000000_" + checksum(strings.Repeat("0", keyRandom)))
	f.Add("portico_00000000000000000000000000000000_000000")
	f.Add("Portico_é")
	f.Fuzz(func(t *testing.T, s string) {
		if WellFormedKey(s) && (keyPrefix+s[len(keyPrefix):len(keyPrefix)+keyRandom]+"_"+checksum(s[len(keyPrefix):len(keyPrefix)+keyRandom]) != s || strings.ContainsFunc(s, notInName)) {
			t.Fatalf("%q passes for a key", s)
		}
		// A key with one letter changed is none.
		key := []byte(NewKey())
		if len(s) > 0 {
			at := len(keyPrefix) + len(s)%(len(key)-len(keyPrefix))
			if was := key[at]; was != s[0] {
				key[at] = s[0]
				if WellFormedKey(string(key)) {
					t.Fatalf("%q passes for a key, and %q was changed in it", key, was)
				}
			}
		}
	})
}

func FuzzCode(f *testing.F) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for _, s := range []string{"OPEN DOORS 2026", "open-doors_2026", "0OIL 1234 5678 9ABC", "ａｂｃ", "é", "AAAAAAAAAAAA", "123456", "abcd-efgh-ijkl-mnop"} {
		f.Add(s, "5", "2026-12-31")
	}
	f.Add("", "-1", "9999-99-99")
	f.Fuzz(func(t *testing.T, code, quota, expires string) {
		key := CodeKey(code)
		if CodeKey(key) != key || CodeKey(strings.ToLower(key)) != key && checkCode(code) == "" {
			t.Fatalf("%q is compared as %q, and that as %q", code, key, CodeKey(key))
		}
		if checkCode(code) == "" {
			if strings.ContainsFunc(key, notInName) || len(key) < MinCode || len(key) > MaxCode {
				t.Fatalf("%q is taken for a code, as %q", code, key)
			}
			if again := checkCode(key); again != "" {
				t.Fatalf("%q is taken for a code, and %q is not: %s", code, key, again)
			}
		}
		c, err := CodeForm{Name: "Fair", Code: code, Quota: quota, Expires: expires}.Tidy(now, InviteCode{})
		if err == nil && (c.Quota < 0 || c.Quota > MaxQuota || !c.ExpiresAt.IsZero() && (!c.ExpiresAt.After(now) || c.ExpiresAt.After(now.Add(MaxKeyLife)))) {
			t.Fatalf("quota %q and day %q make %+v", quota, expires, c)
		}
		// What is typed at sign-in is compared in one form, whichever of the two kinds it is.
		if tidy := TidyCode(code); TidyCode(tidy) != tidy {
			t.Fatalf("%q is compared as %q, and that as %q", code, tidy, TidyCode(tidy))
		}
		secret := []byte("twenty octets of it.")
		if step, ok := MatchFactor(secret, code, now, 0); ok && FactorCode(secret, step) != code {
			t.Fatalf("%q passes for the code of step %d", code, step)
		}
	})
}
