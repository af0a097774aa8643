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
