package db

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"net/url"
	"sync"
	"time"

	"portico/portal"
)

// KeyOwner is whose key was shown at /verify. Org is "" for a person's own.
type KeyOwner struct {
	Org        string // public id
	OrgName    string // percent-encoded, as headers need it
	App        string // public id
	Credential string // public id
}

// keyCache holds what is known of keys that were asked about, so that gateways
// are answered from memory. Whatever ends a key empties it before the change is
// answered.
type keyCache struct {
	mu      sync.RWMutex
	keys    map[[sha256.Size]byte]*cachedKey
	changes uint64 // grows with each change, so that no older reading is kept
}

type cachedKey struct {
	KeyOwner
	until time.Time // zero: no end is set
	use   *use
}

func (k *cachedKey) worksAt(now time.Time) bool { return k.until.IsZero() || now.Before(k.until) }

// maxCachedKeys bounds the memory: beyond it the cache begins anew.
const maxCachedKeys = 1 << 18

func (c *keyCache) find(hash [sha256.Size]byte) *cachedKey {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.keys[hash]
}

// seen is how many changes there have been.
func (c *keyCache) seen() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.changes
}

// keep stores a reading unless something has changed since it began.
func (c *keyCache) keep(hash [sha256.Size]byte, k *cachedKey, changes uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if changes != c.changes {
		return
	}
	if c.keys == nil || len(c.keys) >= maxCachedKeys {
		c.keys = make(map[[sha256.Size]byte]*cachedKey)
	}
	c.keys[hash] = k
}

// forget drops everything: keys have ended, or their owners have changed.
func (c *keyCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
	c.keys = nil
}

// KnownKey is Verify for keys that were asked about before and still work: it is
// answered from memory alone. For all others it says false, and Verify knows more.
func (s *Store) KnownKey(key []byte, from string) (KeyOwner, bool) {
	k := s.known.find(sha256.Sum256(key))
	if k == nil {
		return KeyOwner{}, false
	}
	now := s.Now()
	if !k.worksAt(now) {
		return KeyOwner{}, false
	}
	s.uses.mark(k.use, now, from)
	return k.KeyOwner, true
}

// Verify says whose key this is, if it works now, and notes its use by a caller
// from that address. Everything that does not work looks the same and takes the
// same time, unless it is no key at all. It never waits for a writer.
func (s *Store) Verify(ctx context.Context, key, from string) (KeyOwner, bool, error) {
	if owner, ok := s.KnownKey([]byte(key), from); ok {
		return owner, true, nil
	}
	if !portal.WellFormedKey(key) {
		return KeyOwner{}, false, nil
	}
	hash := sha256.Sum256([]byte(key))
	changes := s.known.seen()
	k, err := s.readKey(ctx, hash)
	if err != nil || k == nil {
		return KeyOwner{}, false, err
	}
	now := s.Now()
	if !k.worksAt(now) {
		return KeyOwner{}, false, nil
	}
	s.known.keep(hash, k, changes)
	s.uses.mark(k.use, now, from)
	return k.KeyOwner, true, nil
}

// readKey reads a key that nobody has ended, or nil.
func (s *Store) readKey(ctx context.Context, hash [sha256.Size]byte) (*cachedKey, error) {
	var k cachedKey
	var id int64
	var ends, expires sql.NullInt64
	err := s.read.QueryRowContext(ctx, `
		SELECT c.id, COALESCE(o.public_id, ''), COALESCE(o.name, ''), a.public_id, c.public_id, c.ends_at, c.expires_at
		FROM credentials c JOIN applications a ON a.id = c.app_id JOIN users u ON u.id = a.owner_id LEFT JOIN organizations o ON o.id = a.org_id
		WHERE c.hash = ? AND c.revoked_at IS NULL AND a.deleted_at IS NULL AND (o.state = 'active' OR a.org_id IS NULL AND u.state = 'active')`, hash[:]).
		Scan(&id, &k.Org, &k.OrgName, &k.App, &k.Credential, &ends, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	k.KeyOwner = packed(k.KeyOwner)
	k.until = fromNullMillis(ends)
	if e := fromNullMillis(expires); !e.IsZero() && (k.until.IsZero() || e.Before(k.until)) {
		k.until = e
	}
	k.use = s.uses.of(id)
	return &k, nil
}

// packed lays an owner's words side by side in memory, where they are read together.
func packed(o KeyOwner) KeyOwner {
	all := o.Org + url.PathEscape(o.OrgName) + o.App + o.Credential
	rest := len(all) - len(o.Credential)
	return KeyOwner{
		Org:        all[:len(o.Org)],
		OrgName:    all[len(o.Org) : rest-len(o.App)],
		App:        all[rest-len(o.App) : rest],
		Credential: all[rest:],
	}
}
