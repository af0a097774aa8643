package portal

import (
	"encoding/base64"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var linkKey = LinkKey{Key: []byte("0123456789abcdef0123456789abcdef"), Epoch: "epoch one"}

var someLink = Link{Purpose: LinkInvitation, Kind: Mailed, Version: 3, ID: "abcdefghijklmnopqrstuvwxyz"}

func TestALinkSaysWhatWasPutIntoIt(t *testing.T) {
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	rapid.Check(t, func(t *rapid.T) {
		l := Link{
			Purpose: rapid.SampledFrom([]LinkPurpose{LinkInvitation, LinkProof, LinkReset, LinkSetup}).Draw(t, "purpose"),
			Kind:    rapid.SampledFrom([]LinkKind{Mailed, Copied}).Draw(t, "kind"),
			Version: rapid.Int64Range(0, 1<<62).Draw(t, "version"),
			ID:      rapid.StringOfN(rapid.SampledFrom([]rune(letters)), PublicIDLen, PublicIDLen, -1).Draw(t, "id"),
		}
		k := LinkKey{Key: rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key"), Epoch: rapid.StringN(1, 26, -1).Draw(t, "epoch")}
		token := k.Token(l)
		if strings.ContainsFunc(token, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
		}) {
			t.Fatalf("%q is not safe in an address", token)
		}
		if got, ok := k.Parse(l.Purpose, token); !ok || got != l {
			t.Fatalf("%+v came back as %+v, %v", l, got, ok)
		}
		for _, other := range []LinkPurpose{LinkInvitation, LinkProof, LinkReset, LinkSetup, 0} {
			if _, ok := k.Parse(other, token); ok != (other == l.Purpose) {
				t.Fatalf("a link for %c opens for %c: %v", l.Purpose, other, ok)
			}
		}
	})
}

func TestALinkWithAnyCharacterChangedIsRefused_INV_10(t *testing.T) {
	token := linkKey.Token(someLink)
	if _, ok := linkKey.Parse(LinkInvitation, token); !ok {
		t.Fatal("the link itself is refused")
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ .%\x00\n"
	for i := range token {
		for _, c := range []byte(alphabet) {
			if c == token[i] {
				continue
			}
			changed := token[:i] + string(c) + token[i+1:]
			if _, ok := linkKey.Parse(LinkInvitation, changed); ok {
				t.Fatalf("character %d changed from %c to %q still opens", i, token[i], c)
			}
		}
	}
}

func TestALinkCutPaddedOrSpelledOtherwiseIsRefused_INV_10(t *testing.T) {
	token := linkKey.Token(someLink)
	for n := range token {
		if _, ok := linkKey.Parse(LinkInvitation, token[:n]); ok {
			t.Errorf("its first %d characters open", n)
		}
		if _, ok := linkKey.Parse(LinkInvitation, token[n+1:]); ok {
			t.Errorf("what follows its first %d characters opens", n+1)
		}
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]string{
		"padded":            token + "=",
		"padded to four":    token + strings.Repeat("=", (4-len(token)%4)%4),
		"one letter longer": token + "A",
		"a space before":    " " + token,
		"a line break":      token + "\n",
		"twice":             token + token,
		"NUL":               token + "\x00",
		"percent":           token + "%00",
		"small letters":     strings.ToLower(token),
		"capitals":          strings.ToUpper(token),
		"standard alphabet": base64.RawStdEncoding.EncodeToString(raw) + "+",
		"ten kilobytes":     strings.Repeat("A", 10_000),
		"empty":             "",
		"zeros":             strings.Repeat("A", len(token)),
	} {
		if _, ok := linkKey.Parse(LinkInvitation, other); ok {
			t.Errorf("%s: opens", name)
		}
	}
}

func TestALinkOfAnotherKeyOrEpochIsRefused(t *testing.T) {
	token := linkKey.Token(someLink)
	for name, other := range map[string]LinkKey{
		"another key":              {Key: []byte("0123456789abcdef0123456789abcdeX"), Epoch: linkKey.Epoch},
		"another epoch":            {Key: linkKey.Key, Epoch: "epoch two"},
		"no epoch":                 {Key: linkKey.Key},
		"no key":                   {Epoch: linkKey.Epoch},
		"the border moved by NULs": {Key: linkKey.Key, Epoch: linkKey.Epoch + "\x00"},
	} {
		if _, ok := other.Parse(LinkInvitation, token); ok {
			t.Errorf("%s: opens", name)
		}
	}
}

func TestMailedAndCopiedLinksOfEachVersionAllDiffer(t *testing.T) {
	seen := map[string]Link{}
	for _, purpose := range []LinkPurpose{LinkInvitation, LinkProof, LinkReset, LinkSetup} {
		for _, kind := range []LinkKind{Mailed, Copied} {
			for version := range int64(5) {
				l := Link{Purpose: purpose, Kind: kind, Version: version, ID: someLink.ID}
				token := linkKey.Token(l)
				if other, taken := seen[token]; taken {
					t.Errorf("%+v and %+v share a link", l, other)
				}
				seen[token] = l
			}
		}
	}
}

func TestALinkInAMailLeadsBelowTheBaseAddress(t *testing.T) {
	const base = "https://portal.example.org"
	if got := (MailLink{Path: "/login"}).URL(base, linkKey, Mailed); got != base+"/login" {
		t.Errorf("a page has the address %q", got)
	}
	if (MailLink{Path: "/login"}).Secret() {
		t.Error("the address of a page counts as secret")
	}
	for purpose, path := range map[LinkPurpose]string{LinkInvitation: "/invitations/", LinkProof: "/verify-email/", LinkReset: "/reset-password/", LinkSetup: "/setup/"} {
		l := MailLink{Purpose: purpose, ID: someLink.ID, Version: 2}
		got := l.URL(base, linkKey, Copied)
		token, ok := strings.CutPrefix(got, base+path)
		if !ok || !l.Secret() {
			t.Errorf("a link for %c has the address %q", purpose, got)
			continue
		}
		if link, ok := linkKey.Parse(purpose, token); !ok || link != (Link{Purpose: purpose, Kind: Copied, Version: 2, ID: someLink.ID}) {
			t.Errorf("a link for %c says %+v, %v", purpose, link, ok)
		}
	}
}
