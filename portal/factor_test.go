package portal

import (
	"strings"
	"testing"
	"time"
)

// The secret and times of RFC 6238, appendix B, with six digits instead of eight.
var rfcSecret = []byte("12345678901234567890")

func TestCodesAreThoseOfTheStandard(t *testing.T) {
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		if got := FactorCode(rfcSecret, at/30); got != want {
			t.Errorf("at %d the code is %s, want %s", at, got, want)
		}
	}
}

func TestACodeWorksOnceAndOneStepAround(t *testing.T) {
	now := time.Unix(1111111111, 0)
	present := now.Unix() / 30
	for _, c := range []struct {
		name  string
		step  int64
		used  int64
		works bool
	}{
		{"the present one", present, 0, true},
		{"the one before", present - 1, 0, true},
		{"the one after", present + 1, 0, true},
		{"not an older one", present - 2, 0, false},
		{"not a later one", present + 2, 0, false},
		{"not one that was used", present, present, false},
		{"not one before a used one", present - 1, present, false},
		{"the next one after a used one", present + 1, present, true},
	} {
		step, ok := MatchFactor(rfcSecret, FactorCode(rfcSecret, c.step), now, c.used)
		if ok != c.works || ok && step != c.step {
			t.Errorf("%s: %v in step %d", c.name, ok, step)
		}
	}
	for _, code := range []string{"", "0", "000000", "0504711", "five05"} {
		if _, ok := MatchFactor(rfcSecret, code, now, 0); ok {
			t.Errorf("%q works", code)
		}
	}
}

func TestCodesAreReadAsPeopleTypeThem(t *testing.T) {
	for typed, want := range map[string]string{" 050 471 ": "050471", "ABCD-efgh": "abcdefgh", "abcd\u00a0efgh": "abcdefgh", "": ""} {
		if got := TidyCode(typed); got != want {
			t.Errorf("%q is read as %q, want %q", typed, got, want)
		}
	}
	code := RecoveryCode(make([]byte, 10))
	if code != "aaaa-aaaa-aaaa-aaaa" || TidyCode(code) != strings.Repeat("a", 16) {
		t.Errorf("a recovery code is %q", code)
	}
}

func TestAnAppIsToldThePortalTheAccountAndTheSecret(t *testing.T) {
	s := NewFactorSetup(rfcSecret, "Portico portal.example.com", "ann+x@example.org")
	if s.Secret != "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ" {
		t.Errorf("the secret is %q", s.Secret)
	}
	if want := "otpauth://totp/Portico%20portal.example.com:ann+x@example.org?issuer=Portico%20portal.example.com&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"; s.Address != want {
		t.Errorf("the address is %q", s.Address)
	}
}
