package db

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"

	"portico/portal"
)

// hasher hashes passwords with argon2id, as many at once as there are cores.
type hasher struct {
	places chan struct{}
	memory uint32 // KiB
	time   uint32
	dummy  string
}

// Parameters of argon2id: 19 MiB, two passes, one lane (OWASP Password Storage
// Cheat Sheet).
func newHasher(cheap bool) hasher {
	h := hasher{places: make(chan struct{}, runtime.NumCPU()), memory: 19 * 1024, time: 2}
	if cheap {
		h.memory, h.time = 64, 1
	}
	h.dummy = h.encode("", make([]byte, 16))
	return h
}

// hashLen is the length of a hash, in octets.
const hashLen = 32

// patience is how long a password waits for a place before the answer is 429.
const patience = 10 * time.Second

func (h hasher) enter(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case h.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return portal.TooManyError("people are signing in right now", time.Minute)
	}
}

func (h hasher) leave() { <-h.places }

// make hashes a new password.
func (h hasher) make(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	salt := make([]byte, 16)
	_, _ = rand.Read(salt)
	return h.encode(password, salt), nil
}

func (h hasher) encode(password string, salt []byte) string {
	key := argon2.IDKey([]byte(portal.NormalPassword(password)), salt, h.time, h.memory, 1, hashLen)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, h.memory, h.time, b64.EncodeToString(salt), b64.EncodeToString(key))
}

// matches reports whether password belongs to hash. An empty hash costs the same
// time and never matches.
func (h hasher) matches(ctx context.Context, password, hash string) (bool, error) {
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()
	known := hash != ""
	if !known {
		hash = h.dummy
	}
	if len(password) > 4*portal.MaxPassword {
		password = "" // too long to be anybody's
		known = false
	}
	parts := strings.Split(hash, "$")
	if len(parts) != 6 {
		return false, fmt.Errorf("password hash has %d parts", len(parts))
	}
	var memory, passes uint32
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=1", &memory, &passes); err != nil {
		return false, fmt.Errorf("read password hash: %w", err)
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false, fmt.Errorf("read password hash: %w", err)
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil {
		return false, fmt.Errorf("read password hash: %w", err)
	}
	if len(want) != hashLen {
		return false, fmt.Errorf("password hash has %d octets", len(want))
	}
	got := argon2.IDKey([]byte(portal.NormalPassword(password)), salt, passes, memory, 1, hashLen)
	return subtle.ConstantTimeCompare(got, want) == 1 && known, nil
}
