package db

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"portico/portal"
)

const dayMillis = 24 * 60 * 60 * 1000

// use is what was seen of a key since it was last written down. Gateways are
// answered without waiting for the database: uses are collected here and written
// in batches.
type use struct {
	id    int64 // of the credential
	count atomic.Int64
	last  atomic.Int64 // milliseconds
	from  atomic.Pointer[string]
}

// uses collects the uses of all keys.
type uses struct {
	mu    sync.Mutex
	all   map[int64]*use
	dirty []*use // those with something to write
}

func (u *uses) of(id int64) *use {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.all == nil {
		u.all = map[int64]*use{}
	}
	k, ok := u.all[id]
	if !ok {
		k = &use{id: id}
		u.all[id] = k
	}
	return k
}

func (u *uses) mark(k *use, now time.Time, from string) {
	k.last.Store(millis(now))
	if old := k.from.Load(); old == nil || *old != from {
		k.from.Store(&from)
	}
	if k.count.Add(1) == 1 {
		u.mu.Lock()
		u.dirty = append(u.dirty, k)
		u.mu.Unlock()
	}
}

// take hands out the keys with something to write and begins anew.
func (u *uses) take() []*use {
	u.mu.Lock()
	defer u.mu.Unlock()
	dirty := u.dirty
	u.dirty = nil
	return dirty
}

// useBatch is how many keys are written in one transaction.
const useBatch = 500

// WriteUses writes down what was collected of keys' uses. What cannot be written
// now is kept for the next time.
func (s *Store) WriteUses(ctx context.Context) error {
	dirty := s.uses.take()
	for len(dirty) > 0 {
		batch := dirty[:min(useBatch, len(dirty))]
		counts := make([]int64, len(batch))
		err := s.inTx(ctx, func(t *tx) error {
			count, err := t.PrepareContext(ctx, `INSERT INTO usage (credential_id, day, count) VALUES (?, ?, ?) ON CONFLICT (credential_id, day) DO UPDATE SET count = count + excluded.count`)
			if err != nil {
				return err
			}
			defer count.Close()
			last, err := t.PrepareContext(ctx, `UPDATE credentials SET used_at = ?, used_from = ? WHERE id = ?`)
			if err != nil {
				return err
			}
			defer last.Close()
			for i, k := range batch {
				counts[i] = k.count.Swap(0)
				at := k.last.Load()
				if _, err := count.ExecContext(ctx, k.id, at/dayMillis, counts[i]); err != nil {
					return err
				}
				if _, err := last.ExecContext(ctx, at, *k.from.Load(), k.id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			s.uses.giveBack(dirty, counts)
			return err
		}
		dirty = dirty[len(batch):]
	}
	return nil
}

// giveBack keeps what could not be written.
func (u *uses) giveBack(dirty []*use, counts []int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i, k := range dirty {
		again := true // not tried, so nobody else has noted it
		if i < len(counts) && counts[i] > 0 {
			again = k.count.Add(counts[i]) == counts[i] // otherwise a later use has noted it
		}
		if again {
			u.dirty = append(u.dirty, k)
		}
	}
}

// addUses completes what the database says of last uses with what is not written yet.
func (s *Store) addUses(all []portal.Credential) {
	s.uses.mu.Lock()
	defer s.uses.mu.Unlock()
	for i := range all {
		if k, ok := s.uses.all[all[i].ID]; ok && k.count.Load() > 0 {
			all[i].UsedAt = fromMillis(k.last.Load())
			if from := k.from.Load(); from != nil {
				all[i].UsedFrom = *from
			}
		}
	}
}

// Usage is how often an application's keys were used on each of the last
// portal.UsageDays days, the oldest first; keyID narrows it to one credential.
func (s *Store) Usage(ctx context.Context, by portal.Actor, appID, keyID string) ([]portal.DayUse, error) {
	a, err := s.Application(ctx, by, appID)
	if err != nil {
		return nil, err
	}
	if !a.KeysFor(by) && !by.IsAdmin() {
		return nil, portal.ErrPersonal
	}
	return s.days(ctx, `c.app_id = ? AND (? = '' OR c.public_id = ?)`, a.ID, keyID, keyID)
}

// OrgUsage is the same for all keys of the actor's organization.
func (s *Store) OrgUsage(ctx context.Context, by portal.Actor) ([]portal.DayUse, error) {
	if by.OrgID == 0 || !by.Sees() {
		return nil, portal.ErrNotFound
	}
	return s.days(ctx, `c.app_id IN (SELECT id FROM applications WHERE org_id = ?)`, by.OrgID)
}

func (s *Store) days(ctx context.Context, condition string, args ...any) ([]portal.DayUse, error) {
	today := millis(s.Now()) / dayMillis
	first := today - portal.UsageDays + 1
	days := make([]portal.DayUse, portal.UsageDays)
	for i := range days {
		days[i].Day = fromMillis((first + int64(i)) * dayMillis)
	}
	rows, err := s.read.QueryContext(ctx, `SELECT y.day, sum(y.count) FROM credentials c JOIN usage y ON y.credential_id = c.id
		WHERE `+condition+` AND y.day >= ? GROUP BY y.day`, append(args, first)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var day, n int64
		if err := rows.Scan(&day, &n); err != nil {
			return nil, err
		}
		if i := day - first; i >= 0 && i < portal.UsageDays {
			days[i].Count = n
		}
	}
	return days, rows.Err()
}

// forgetUses drops what is older than is shown.
func (t *tx) forgetUses() error {
	_, err := t.exec(`DELETE FROM usage WHERE day < ?`, millis(t.now)/dayMillis-portal.UsageDays)
	return err
}
