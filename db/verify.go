package db

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"sync"
	"time"

	"portico/portal"
)

// KeyOwner is whose key was shown at /verify. Org is "" for a person's own.
type KeyOwner struct {
	Org        string // public id
	OrgName    string
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

// maxCachedKeys bounds the memory: beyond it the cache begins anew.
const maxCachedKeys = 1 << 18

func (c *keyCache) find(hash [sha256.Size]byte) (k *cachedKey, changes uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.keys[hash], c.changes
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

// Verify says whose key this is, if it works now, and notes its use by a caller
// from that address. Everything that does not work looks the same. It never
// waits for a writer.
func (s *Store) Verify(ctx context.Context, key, from string) (KeyOwner, bool, error) {
	if !portal.WellFormedKey(key) {
		return KeyOwner{}, false, nil
	}
	hash := sha256.Sum256([]byte(key))
	k, changes := s.known.find(hash)
	if k == nil {
		var err error
		if k, err = s.readKey(ctx, hash); err != nil || k == nil {
			return KeyOwner{}, false, err
		}
		s.known.keep(hash, k, changes)
	}
	now := s.Now()
	if !k.until.IsZero() && !now.Before(k.until) {
		return KeyOwner{}, false, nil
	}
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
	k.until = fromNullMillis(ends)
	if e := fromNullMillis(expires); !e.IsZero() && (k.until.IsZero() || e.Before(k.until)) {
		k.until = e
	}
	k.use = s.uses.of(id)
	return &k, nil
}
