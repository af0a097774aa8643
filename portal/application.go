package portal

import (
	"crypto/rand"
	"fmt"
	"hash/crc32"
	"strings"
	"time"
)

// MaxCredentials is how many credentials of an application may be alive.
const MaxCredentials = 20

// Application is what a consumer builds; it owns credentials.
type Application struct {
	ID          int64
	PublicID    string
	OrgID       int64
	OrgPublicID string
	OrgName     string
	Name        string
	Description string
	Version     int64 // grows with each edit
	CreatedBy   string
	CreatedAt   time.Time
	Live        int // credentials that work
}

// NewApplication is what the form holds.
type NewApplication struct {
	Name        string
	Description string
}

// Tidy gives the stored form of the input, or an Invalid Error by field.
func (n NewApplication) Tidy() (NewApplication, error) {
	p := Problems{}
	var problem string
	n.Name, problem = TidyName(n.Name, "an application name")
	p.Add("name", problem)
	n.Description, problem = TidyText(n.Description, MaxDescription)
	p.Add("description", problem)
	return n, p.Err()
}

// CredentialState is where a credential stands at a time.
type CredentialState string

// The states of a credential.
const (
	CredentialActive   CredentialState = "active"
	CredentialRetiring CredentialState = "retiring" // rotated, works until EndsAt
	CredentialEnded    CredentialState = "rotated"  // rotated, works no more
	CredentialRevoked  CredentialState = "revoked"
)

// Words is the state as people read it.
func (s CredentialState) Words() string {
	switch s {
	case CredentialActive:
		return "Active"
	case CredentialRetiring:
		return "Retiring"
	case CredentialEnded:
		return "Rotated out"
	case CredentialRevoked:
		return "Revoked"
	}
	return ""
}

// Works reports whether a key in that state opens doors.
func (s CredentialState) Works() bool { return s == CredentialActive || s == CredentialRetiring }

// Credential is an API key of an application, without its value.
type Credential struct {
	ID        int64
	PublicID  string
	Label     string
	Hint      string // the last four characters
	CreatedBy string
	CreatedAt time.Time
	EndsAt    time.Time // zero: not rotated
	RevokedAt time.Time // zero: not revoked
	EndedBy   string    // who rotated or revoked it
	Seen      []Reveal  // who has seen its value, newest first
	SeenMore  int       // people beyond those in Seen
}

// Reveal is one person's last look at a credential's value.
type Reveal struct {
	Name string
	At   time.Time
}

// State is the credential's state at that time. A rotated one stops at EndsAt
// itself.
func (c Credential) State(now time.Time) CredentialState {
	switch {
	case !c.RevokedAt.IsZero():
		return CredentialRevoked
	case c.EndsAt.IsZero():
		return CredentialActive
	case now.Before(c.EndsAt):
		return CredentialRetiring
	}
	return CredentialEnded
}

// Grace is how long a rotated key goes on working.
type Grace string

// The choices at a rotation.
const (
	GraceNone Grace = "now"
	GraceDay  Grace = "24h"
)

// Duration is the grace in time, and whether it is one of the choices.
func (g Grace) Duration() (time.Duration, bool) {
	switch g {
	case GraceNone:
		return 0, true
	case GraceDay:
		return 24 * time.Hour, true
	}
	return 0, false
}

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

const (
	keyPrefix   = "portico_"
	keyRandom   = 32 // base62 characters: 190 bits
	keyChecksum = 6  // base62 characters of the CRC-32
)

// NewKey makes a key value: portico_<random>_<checksum>.
func NewKey() string {
	b := make([]byte, 0, keyRandom)
	buf := make([]byte, 64)
	for len(b) < keyRandom {
		_, _ = rand.Read(buf) // never fails, see crypto/rand
		for _, c := range buf {
			// 248 is the largest multiple of 62 in a byte: no letter is likelier.
			if c < 248 && len(b) < keyRandom {
				b = append(b, base62[c%62])
			}
		}
	}
	return keyPrefix + string(b) + "_" + checksum(string(b))
}

// WellFormedKey reports whether s can be a key at all. It tells typing errors
// from keys without a look-up; it says nothing about whether the key exists.
func WellFormedKey(s string) bool {
	rest, ok := strings.CutPrefix(s, keyPrefix)
	if !ok || len(rest) != keyRandom+1+keyChecksum || rest[keyRandom] != '_' {
		return false
	}
	for _, c := range []byte(rest[:keyRandom]) {
		if strings.IndexByte(base62, c) < 0 {
			return false
		}
	}
	return rest[keyRandom+1:] == checksum(rest[:keyRandom])
}

func checksum(random string) string {
	n := crc32.ChecksumIEEE([]byte(random))
	out := make([]byte, keyChecksum)
	for i := range out {
		out[keyChecksum-1-i] = base62[n%62]
		n /= 62
	}
	return string(out)
}

// Masked is how a key is shown before Reveal.
func Masked(hint string) string { return fmt.Sprintf("%s••••••••%s", keyPrefix, hint) }
