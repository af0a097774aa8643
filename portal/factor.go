package portal

import (
	"crypto/hmac"
	"crypto/sha1" // #nosec G505 -- what authenticator apps speak (RFC 6238), in an HMAC
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Parameters of the second factor (RFC 6238), those that every app knows.
const (
	FactorSecretLen  = 20 // octets
	FactorStep       = 30 * time.Second
	factorDigits     = 6
	factorDrift      = 1 // steps by which a clock may be wrong
	RecoveryCodes    = 10
	recoveryCodeLen  = 16 // characters, of five bits each
	recoveryCodePart = 4
)

// Factor is how an account stands with its second factor.
type Factor struct {
	On        bool
	Since     time.Time
	CodesLeft int // recovery codes that have not been used
}

// FactorSetup is what an authenticator app has to be told.
type FactorSetup struct {
	Secret  string // as people type it
	Address string // the same as an address, for the picture
}

var factorEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewFactorSetup tells an app of a secret; portal and account name it there.
func NewFactorSetup(secret []byte, portal, account string) FactorSetup {
	text := factorEncoding.EncodeToString(secret)
	q := url.Values{"secret": {text}, "issuer": {portal}}
	return FactorSetup{Secret: parts(text, " "),
		Address: "otpauth://totp/" + url.PathEscape(portal) + ":" + url.PathEscape(account) + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")}
}

// FactorCode is the code of a secret in one step of time.
func FactorCode(secret []byte, step int64) string {
	m := hmac.New(sha1.New, secret)
	m.Write(binary.BigEndian.AppendUint64(nil, uint64(step))) // #nosec G115 -- RFC 6238 counts so, from 1970 on
	sum := m.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	n := binary.BigEndian.Uint32(sum[at:]) & 0x7fffffff
	return fmt.Sprintf("%0*d", factorDigits, n%1_000_000)
}

// MatchFactor finds the step of time to which a code belongs: the present one, or
// one beside it for clocks that are wrong. Steps up to used have been used: a code
// works once. One that lies further ahead was used while our own clock was wrong.
func MatchFactor(secret []byte, code string, now time.Time, used int64) (step int64, ok bool) {
	present := now.Unix() / int64(FactorStep/time.Second)
	for s := present - factorDrift; s <= present+factorDrift; s++ {
		right := subtle.ConstantTimeCompare([]byte(FactorCode(secret, s)), []byte(code)) == 1
		if right && (s > used || used > present+factorDrift) {
			step, ok = s, true
		}
	}
	return step, ok
}

// TidyCode gives a typed code its one form: without spaces and dashes, in lower case.
func TidyCode(s string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '\u00a0' {
			return -1
		}
		return r
	}, s))
}

// RecoveryCode writes random octets as a code to keep: "abcd-efgh-ijkl-mnop".
func RecoveryCode(random []byte) string {
	return parts(strings.ToLower(factorEncoding.EncodeToString(random))[:recoveryCodeLen], "-")
}

// parts puts a separator after every fourth character.
func parts(s, separator string) string {
	var all []string
	for ; len(s) > recoveryCodePart; s = s[recoveryCodePart:] {
		all = append(all, s[:recoveryCodePart])
	}
	return strings.Join(append(all, s), separator)
}

// ErrFactorMissing leads somebody without a second factor to where they set it
// up; who is who asks for it.
func ErrFactorMissing(who string) *Error {
	return Errorf(FactorMissing, "%s asks for two-factor sign-in. Set it up to go on.", who)
}

// ThePortal is who asks portal admins for a second factor.
const ThePortal = "This portal"
