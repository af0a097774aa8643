package db

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"portico/portal"
)

const dayMillis = 24 * 60 * 60 * 1000

// use is what was seen of a key since it was last written down. Gateways are
// answered without waiting for the database: uses are collected here and written
// in batches.
type use struct {
	id int64 // of the credential

	mu    sync.Mutex
	count int64
	last  int64 // milliseconds
	from  string
}

// took is what was collected of one key, taken to be written down.
type took struct {
	use   *use
	count int64
	last  int64
	from  string
}

func (k *use) take() took {
	k.mu.Lock()
	defer k.mu.Unlock()
	t := took{k, k.count, k.last, k.from}
	k.count = 0
	return t
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

// mark notes a use. It is as quick as it can be: all of a key's state lies together.
func (u *uses) mark(k *use, now time.Time, from string) {
	k.mu.Lock()
	k.last, k.from = millis(now), from
	k.count++
	first := k.count == 1
	k.mu.Unlock()
	if first {
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

// useBatch is how many keys are written in one statement and transaction: many,
// because a commit is dear, and few enough that writers hardly wait.
const useBatch = 1000

// writeUse is the statement for n keys.
func writeUse(n int) string {
	return `INSERT INTO usage (credential_id, day, count, last_at, last_from) VALUES (?, ?, ?, ?, ?)` + strings.Repeat(`, (?, ?, ?, ?, ?)`, n-1) + `
		ON CONFLICT (credential_id, day) DO UPDATE SET count = count + excluded.count, last_at = excluded.last_at, last_from = excluded.last_from`
}

// WriteUses writes down what was collected of keys' uses. What cannot be written
// now is kept for the next time.
func (s *Store) WriteUses(ctx context.Context) error {
	dirty := s.uses.take()
	slices.SortFunc(dirty, func(a, b *use) int { return cmp.Compare(a.id, b.id) }) // rows side by side share pages
	for len(dirty) > 0 {
		batch := make([]took, min(useBatch, len(dirty)))
		args := make([]any, 0, 5*len(batch))
		for i := range batch {
			k := dirty[i].take()
			batch[i] = k
			args = append(args, k.use.id, k.last/dayMillis, k.count, k.last, k.from)
		}
		err := s.inTx(ctx, func(t *tx) error {
			_, err := t.exec(writeUse(len(batch)), args...)
			return err
		})
		if err != nil {
			s.uses.giveBack(batch, dirty[len(batch):])
			return err
		}
		dirty = dirty[len(batch):]
	}
	return nil
}

// giveBack keeps what could not be written: what was taken, and what was not tried.
func (u *uses) giveBack(batch []took, rest []*use) {
	for _, t := range batch {
		t.use.mu.Lock()
		t.use.count += t.count
		if t.use.count == t.count { // otherwise a later use has noted it
			rest = append(rest, t.use)
		}
		t.use.mu.Unlock()
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.dirty = append(u.dirty, rest...)
}

// addUses completes what the database says of last uses with what is not written yet.
func (s *Store) addUses(all []portal.Credential) {
	s.uses.mu.Lock()
	defer s.uses.mu.Unlock()
	for i := range all {
		k, ok := s.uses.all[all[i].ID]
		if !ok {
			continue
		}
		k.mu.Lock()
		if k.count > 0 {
			all[i].UsedAt, all[i].UsedFrom = fromMillis(k.last), k.from
		}
		k.mu.Unlock()
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

// forgetUses drops what is older than is shown, but for each key's last use.
func (t *tx) forgetUses() error {
	before := millis(t.now)/dayMillis - portal.UsageDays
	if _, err := t.exec(`
		UPDATE credentials SET (used_at, used_from) =
			(SELECT last_at, last_from FROM usage WHERE credential_id = credentials.id AND last_at > 0 ORDER BY day DESC LIMIT 1)
		WHERE id IN (SELECT credential_id FROM usage WHERE day < ? AND last_at > 0)`, before); err != nil {
		return err
	}
	_, err := t.exec(`DELETE FROM usage WHERE day < ?`, before)
	return err
}
