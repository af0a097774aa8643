package portal

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestKeysAreWellFormedLongAndNeverTheSame(t *testing.T) {
	if bits := keyRandom * math.Log2(62); bits < 128 {
		t.Errorf("a key has %.0f bits, want at least 128", bits)
	}
	seen := map[string]bool{}
	letters := map[rune]int{}
	const keys = 2000
	for range keys {
		k := NewKey()
		if !WellFormedKey(k) || seen[k] {
			t.Fatalf("%q is not well-formed, or came twice", k)
		}
		seen[k] = true
		rest, ok := strings.CutPrefix(k, "portico_")
		random, sum, ok2 := strings.Cut(rest, "_")
		if !ok || !ok2 || len(random) != 32 || len(sum) != 6 {
			t.Fatalf("%q is not portico_<random>_<checksum>", k)
		}
		for _, c := range random {
			letters[c]++
		}
	}
	want := float64(keys*32) / 62
	if len(letters) != 62 {
		t.Errorf("keys use %d letters, want 62", len(letters))
	}
	for c, n := range letters {
		if d := math.Abs(float64(n) - want); d > 7*math.Sqrt(want) {
			t.Errorf("%c came %d times, want about %.0f", c, n, want)
		}
	}
}

func TestAKeyWithAnyCharacterChangedIsNotWellFormed(t *testing.T) {
	k := NewKey()
	for i := range k {
		for _, c := range []byte(base62 + "_- \x00") {
			if c == k[i] {
				continue
			}
			if changed := k[:i] + string(c) + k[i+1:]; WellFormedKey(changed) {
				t.Fatalf("%s with character %d changed is well-formed: %s", k, i, changed)
			}
		}
		if WellFormedKey(k[:i]) || WellFormedKey(k[i+1:]) {
			t.Fatalf("a part of %s is well-formed", k)
		}
	}
	for _, other := range []string{"", "portico_", k + "a", " " + k, k + "\n", strings.ToUpper(k), strings.ReplaceAll(k, "_", "-"), "portico_" + strings.Repeat("é", 16) + "_000000"} {
		if WellFormedKey(other) {
			t.Errorf("%q is well-formed", other)
		}
	}
}

func TestAMaskedKeyShowsOnlyItsEnd(t *testing.T) {
	k := NewKey()
	masked := Masked(k[len(k)-4:])
	if !strings.HasPrefix(masked, "portico_") || !strings.HasSuffix(masked, k[len(k)-4:]) || strings.Contains(masked, k[8:20]) {
		t.Errorf("%s is masked as %s", k, masked)
	}
}

func TestGraceIsOneOfItsChoices(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	for g, want := range map[Grace]time.Duration{GraceNone: 0, GraceHour: time.Hour, GraceDay: 24 * time.Hour, GraceWeek: 7 * 24 * time.Hour} {
		if until, err := g.Until(now, ""); err != nil || until.Sub(now) != want {
			t.Errorf("%q lasts until %v, %v; want %v", g, until, err, want)
		}
	}
	for _, g := range []Grace{"", "never", "-1h", "9999h", "NOW"} {
		if _, err := g.Until(now, "2026-03-05"); !IsCode(err, Invalid) {
			t.Errorf("%q is taken as a grace", g)
		}
	}
}

func TestKeysAreForWhoSeesTheApplicationAndPersonalOnesForTheOwner(t *testing.T) {
	t.Parallel()
	member := func(id int64, role Role) Actor {
		return Actor{UserID: id, OrgID: 1, Role: role, State: UserActive}
	}
	for _, c := range []struct {
		name string
		by   Actor
		want [3]bool // Organization, Team, Personal
	}{
		{"its owner", member(1, TeamMember), [3]bool{true, true, true}},
		{"another member", member(2, TeamMember), [3]bool{true, true, false}},
		{"a Super admin", member(2, SuperAdmin), [3]bool{true, true, false}},
		{"a portal admin", Actor{UserID: 2, OrgID: 1, Admin: true, State: UserActive}, [3]bool{}},
		{"its owner, who left", Actor{UserID: 1, OrgID: 1, State: UserActive}, [3]bool{}},
		{"its owner, deactivated", Actor{UserID: 1, OrgID: 1, Role: TeamMember, State: UserDeactivated}, [3]bool{}},
		{"a person alone", Actor{UserID: 1, Personal: true, State: UserActive}, [3]bool{true, true, true}},
		{"a person alone who waits", Actor{UserID: 1, Personal: true, State: UserWaiting}, [3]bool{}},
	} {
		for i, v := range Visibilities {
			if got := (Application{Visibility: v, OwnerID: 1}).KeysFor(c.by); got != c.want[i] {
				t.Errorf("%s uses keys of a %s application: %v, want %v", c.name, v, got, c.want[i])
			}
		}
	}
}

func TestARotatedKeyIsSafeToCutWhenNothingSeemsToUseIt(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	rotated := now.Add(-72 * time.Hour)
	for _, c := range []struct {
		used time.Time
		want bool
	}{
		{time.Time{}, true},
		{rotated.Add(-time.Millisecond), true},
		{rotated, true}, // long ago, too
		{now.Add(-QuietFor), true},
		{now.Add(-QuietFor + time.Millisecond), false},
		{now, false},
	} {
		if got := (Credential{RotatedAt: rotated, UsedAt: c.used}).SafeToCut(now); got != c.want {
			t.Errorf("last used at %v it is safe to cut: %v", c.used, got)
		}
	}
	for _, used := range []time.Duration{time.Second, 2 * time.Minute, time.Hour} {
		if (Credential{RotatedAt: now.Add(-time.Minute), UsedAt: now.Add(-used)}).SafeToCut(now) {
			t.Errorf("rotated a minute ago and used %v ago it is safe to cut", used)
		}
	}
}

func TestTheFormOfACredentialIsTidiedOrRefusedByField(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 23, 59, 59, 0, time.UTC)
	for expires, want := range map[string]string{
		"":           "",
		"2026-03-02": "2026-03-03T00:00:00Z", // today, for a second
		"2028-02-29": "2028-03-01T00:00:00Z",
		"2031-03-01": "2031-03-02T00:00:00Z",
		"2026-03-01": "refused", "2031-03-06": "refused", "2027-02-29": "refused", "02.03.2026": "refused", "2026-3-3": "refused", " 2026-03-03": "refused",
	} {
		_, at, err := NewCredential{Expires: expires}.Tidy(now)
		got := ""
		if err != nil {
			got = "refused"
			checkField(t, err, "expires")
		} else if !at.IsZero() {
			got = at.Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("%q expires at %q, want %q", expires, got, want)
		}
	}
	_, _, err := NewCredential{Label: "a\u200bb", Expires: "never"}.Tidy(now)
	checkField(t, err, "label")
	checkField(t, err, "expires")
}
