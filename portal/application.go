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

// Visibility says which members of an organization an application is for.
type Visibility string

// The visibilities, from wide to narrow.
const (
	VisibleOrganization Visibility = "organization" // every member
	VisibleTeam         Visibility = "team"         // members of the chosen teams
	VisiblePersonal     Visibility = "personal"     // its owner
)

// Visibilities lists them.
var Visibilities = []Visibility{VisibleOrganization, VisibleTeam, VisiblePersonal}

// Valid reports whether v is one of the visibilities.
func (v Visibility) Valid() bool { return contains(Visibilities, v) }

// Words is the visibility as people read it.
func (v Visibility) Words() string {
	switch v {
	case VisibleOrganization:
		return "Organization"
	case VisibleTeam:
		return "Team"
	case VisiblePersonal:
		return "Personal"
	}
	return ""
}

// Application is what a consumer builds; it owns credentials. One of a person
// without an organization has OrgID 0.
type Application struct {
	ID          int64
	PublicID    string
	OrgID       int64
	OrgPublicID string
	OrgName     string
	Name        string
	Description string
	Visibility  Visibility
	Version     int64 // grows with each edit
	OwnerID     int64
	OwnerName   string
	OwnerMail   string
	CreatedAt   time.Time
	Live        int // credentials that work
}

// KeysFor reports whether an actor who sees the application may use its keys:
// everybody who sees it may, but a personal one's keys are its owner's alone.
func (a Application) KeysFor(by Actor) bool {
	return by.May(UseApplications) && (a.Visibility != VisiblePersonal || a.OwnerID == by.UserID)
}

// ErrPersonal refuses what is for the owner of a personal application alone.
var ErrPersonal = &Error{Code: Forbidden, Message: "This application is personal: its keys are for its owner alone."}

// NewApplication is what the form holds.
type NewApplication struct {
	Name        string
	Description string
	Visibility  Visibility // "": Organization, or Personal outside one
	Teams       []string   // public ids, for VisibleTeam
}

// Tidy gives the stored form of the input, or an Invalid Error by field.
func (n NewApplication) Tidy() (NewApplication, error) {
	p := Problems{}
	var problem string
	n.Name, problem = TidyName(n.Name, "an application name")
	p.Add("name", problem)
	n.Description, problem = TidyText(n.Description, MaxDescription)
	p.Add("description", problem)
	if n.Visibility == "" {
		n.Visibility = VisibleOrganization
	}
	if !n.Visibility.Valid() {
		p.Add("visibility", "Choose who sees it.")
	}
	if n.Visibility != VisibleTeam {
		n.Teams = nil
	} else if len(n.Teams) == 0 {
		p.Add("teams", "Choose at least one team.")
	}
	return n, p.Err()
}

// Access is somebody who sees an application, and why.
type Access struct {
	Name  string
	Email string
	Why   string
	Keys  bool // and may reveal its keys
}

// CredentialState is where a credential stands at a time.
type CredentialState string

// The states of a credential.
const (
	CredentialActive   CredentialState = "active"
	CredentialRetiring CredentialState = "retiring" // rotated, works until EndsAt
	CredentialEnded    CredentialState = "rotated"  // rotated, works no more
	CredentialExpired  CredentialState = "expired"
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
	case CredentialExpired:
		return "Expired"
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
	Once      bool   // shown once: only its hash is kept
	CreatedBy string
	CreatedAt time.Time
	ExpiresAt time.Time // zero: it does not expire
	EndsAt    time.Time // zero: not rotated
	RotatedAt time.Time
	RevokedAt time.Time // zero: not revoked
	EndedBy   string    // who rotated or revoked it
	UsedAt    time.Time // zero: never
	UsedFrom  string    // address of the last caller
	Seen      []Reveal  // who has seen its value, newest first
	SeenMore  int       // people beyond those in Seen
}

// Reveal is one person's last look at a credential's value.
type Reveal struct {
	Name string
	At   time.Time
	Gone bool // they do not belong to the organization any more
}

// State is the credential's state at that time. It stops at EndsAt and at
// ExpiresAt themselves.
func (c Credential) State(now time.Time) CredentialState {
	switch {
	case !c.RevokedAt.IsZero():
		return CredentialRevoked
	case !c.EndsAt.IsZero() && !now.Before(c.EndsAt):
		return CredentialEnded
	case !c.ExpiresAt.IsZero() && !now.Before(c.ExpiresAt):
		return CredentialExpired
	case !c.EndsAt.IsZero():
		return CredentialRetiring
	}
	return CredentialActive
}

// QuietFor is how long a rotated key must not have been used to be safe to cut.
const QuietFor = 24 * time.Hour

// SafeToCut reports whether nothing seems to use a retiring key any more: it was
// never used, or not for a whole QuietFor. That the last use was before the
// rotation says nothing while that is shorter ago.
func (c Credential) SafeToCut(now time.Time) bool {
	return c.UsedAt.IsZero() || now.Sub(c.UsedAt) >= QuietFor
}

// Grace is how long a rotated key goes on working.
type Grace string

// The choices at a rotation. With GraceDate a date is given besides.
const (
	GraceNone Grace = "now"
	GraceHour Grace = "1h"
	GraceDay  Grace = "24h"
	GraceWeek Grace = "7d"
	GraceDate Grace = "date"
)

// MaxGrace is how far away the end of a rotated key may be.
const MaxGrace = 30 * 24 * time.Hour

// Until is when a rotated key stops, chosen at now, or an Invalid Error at the
// field. date is what was typed for GraceDate, as 2006-01-02; the key works
// through that day, in UTC.
func (g Grace) Until(now time.Time, date string) (time.Time, error) {
	switch g {
	case GraceNone:
		return now, nil
	case GraceHour:
		return now.Add(time.Hour), nil
	case GraceDay:
		return now.Add(24 * time.Hour), nil
	case GraceWeek:
		return now.Add(7 * 24 * time.Hour), nil
	case GraceDate:
		until, ok := endOfDay(date)
		if !ok || !until.After(now) || until.After(now.Add(MaxGrace)) {
			return now, Invalidf("date", "Choose a date within the next 30 days.")
		}
		return until, nil
	}
	return now, Invalidf("grace", "Choose how long the old key goes on working.")
}

func endOfDay(date string) (time.Time, bool) {
	day, err := time.Parse(time.DateOnly, date)
	return day.Add(24 * time.Hour), err == nil
}

// MaxKeyLife is how far away a key's expiry may be.
const MaxKeyLife = 5 * 366 * 24 * time.Hour

// NewCredential is what the form holds.
type NewCredential struct {
	Label   string
	Expires string // a date as 2006-01-02, "": never
	Once    bool   // show its value once and keep only the hash
}

// Tidy gives the label's stored form and the moment of expiry (zero: never), or
// an Invalid Error by field. The key works through the day named, in UTC.
func (n NewCredential) Tidy(now time.Time) (label string, expires time.Time, err error) {
	p := Problems{}
	label, problem := TidyOptional(n.Label, "a label")
	p.Add("label", problem)
	if n.Expires != "" {
		var ok bool
		if expires, ok = endOfDay(n.Expires); !ok || !expires.After(now) || expires.After(now.Add(MaxKeyLife)) {
			p.Add("expires", "Choose a date from today on, at most five years away.")
		}
	}
	return label, expires, p.Err()
}

// ReminderDays are how many days before a key expires its people are reminded.
var ReminderDays = []int{14, 7, 1}

// DayUse is how often keys were used on one day.
type DayUse struct {
	Day   time.Time // its beginning, UTC
	Count int64
}

// UsageDays is how many days of use are shown and kept.
const UsageDays = 90

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
