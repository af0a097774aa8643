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

// KeyOwner is whose key was shown at /verify.
type KeyOwner struct {
	Org        string // public id
	OrgName    string
	App        string // public id
	Credential string // public id
}

// keyCache holds what is known of keys that were asked about, so that gateways
// are answered from memory. Whatever ends a key takes it out of here before the
// change is answered.
type keyCache struct {
	mu      sync.RWMutex
	keys    map[[sha256.Size]byte]cachedKey
	changes uint64 // grows with each change, so that no older reading is kept
}

type cachedKey struct {
	KeyOwner
	until time.Time // zero: no end is set
}

// maxCachedKeys bounds the memory: beyond it the cache begins anew.
const maxCachedKeys = 1 << 18

func (c *keyCache) find(hash [sha256.Size]byte) (k cachedKey, ok bool, changes uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	k, ok = c.keys[hash]
	return k, ok, c.changes
}

// keep stores a reading unless something has changed since it began.
func (c *keyCache) keep(hash [sha256.Size]byte, k cachedKey, changes uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if changes != c.changes {
		return
	}
	if c.keys == nil || len(c.keys) >= maxCachedKeys {
		c.keys = make(map[[sha256.Size]byte]cachedKey)
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

// Verify says whose key this is, if it works now. Everything that does not work
// looks the same.
func (s *Store) Verify(ctx context.Context, key string) (KeyOwner, bool, error) {
	if !portal.WellFormedKey(key) {
		return KeyOwner{}, false, nil
	}
	hash := sha256.Sum256([]byte(key))
	k, ok, changes := s.known.find(hash)
	if !ok {
		var ends sql.NullInt64
		err := s.read.QueryRowContext(ctx, `
			SELECT o.public_id, o.name, a.public_id, c.public_id, c.ends_at
			FROM credentials c JOIN applications a ON a.id = c.app_id JOIN organizations o ON o.id = c.org_id
			WHERE c.hash = ? AND c.revoked_at IS NULL AND a.deleted_at IS NULL AND o.state = 'active'`, hash[:]).
			Scan(&k.Org, &k.OrgName, &k.App, &k.Credential, &ends)
		if errors.Is(err, sql.ErrNoRows) {
			return KeyOwner{}, false, nil
		}
		if err != nil {
			return KeyOwner{}, false, err
		}
		k.until = fromNullMillis(ends)
		s.known.keep(hash, k, changes)
	}
	if !k.until.IsZero() && !s.Now().Before(k.until) {
		return KeyOwner{}, false, nil
	}
	return k.KeyOwner, true, nil
}
