package db

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"math"
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
	use   *use // nil: read from the journal
	id    int64
	count int64
	last  int64
	from  string
}

func (k *use) take() took {
	k.mu.Lock()
	defer k.mu.Unlock()
	t := took{k, k.id, k.count, k.last, k.from}
	k.count = 0
	return t
}

// uses collects the uses of all keys.
type uses struct {
	mu    sync.Mutex
	all   map[int64]*use
	dirty []*use // those with something to write

	writing    sync.Mutex // held while they are written
	journalled int        // how many batches wait in the journal; at a start it is taken for full
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

// useBatch is how many keys are written in one statement.
const useBatch = 1000

// foldEvery is how many batches of very many keys wait in the journal until they
// are added up.
const foldEvery = 15

// WriteUses writes down what was collected of keys' uses. What cannot be written
// now is kept for the next time. Where very many keys are in use, a row for each
// would be dear every few seconds: those batches go into a journal, a row a batch,
// and are added up once there are some of them.
func (s *Store) WriteUses(ctx context.Context) error {
	s.uses.writing.Lock()
	defer s.uses.writing.Unlock()
	dirty := s.uses.take()
	batch := make([]took, len(dirty))
	for i, k := range dirty {
		batch[i] = k.take()
	}
	err := s.inTx(ctx, func(t *tx) error {
		if len(batch) <= useBatch && s.uses.journalled == 0 {
			return t.addUp(batch)
		}
		if len(batch) == 0 {
			return nil
		}
		_, err := t.exec(`INSERT INTO usage_journal (uses) VALUES (?)`, packUses(batch))
		return err
	})
	if err != nil {
		s.uses.giveBack(batch)
		return err
	}
	if len(batch) > useBatch || s.uses.journalled > 0 {
		s.uses.journalled++
	}
	if s.uses.journalled < foldEvery {
		return nil
	}
	return s.foldUses(ctx)
}

// FoldUses adds up what waits in the journal: at a start what a process before
// this one has left, and at a stop what this one has.
func (s *Store) FoldUses(ctx context.Context) error {
	s.uses.writing.Lock()
	defer s.uses.writing.Unlock()
	return s.foldUses(ctx)
}

func (s *Store) foldUses(ctx context.Context) error {
	err := s.inTx(ctx, func(t *tx) error {
		batches, err := t.rows(`SELECT uses FROM usage_journal WHERE id <= ? ORDER BY id`, lastID)
		if err != nil {
			return err
		}
		defer batches.Close()
		type dayOf struct{ id, day int64 }
		sums := map[dayOf]took{}
		for batches.Next() {
			var text []byte
			if err := batches.Scan(&text); err != nil {
				return err
			}
			uses, err := unpackUses(text)
			if err != nil {
				return err
			}
			for _, k := range uses {
				at := dayOf{k.id, k.last / dayMillis}
				k.count += sums[at].count
				sums[at] = k // a later batch is of a later time
			}
		}
		if err := errors.Join(batches.Err(), batches.Close()); err != nil || len(sums) == 0 {
			return err
		}
		if err := t.addUp(slices.Collect(maps.Values(sums))); err != nil {
			return err
		}
		_, err = t.exec(`DELETE FROM usage_journal`)
		return err
	})
	if err == nil {
		s.uses.journalled = 0
	}
	return err
}

// addUp adds uses to their keys' rows.
func (t *tx) addUp(all []took) error {
	slices.SortFunc(all, func(a, b took) int { return cmp.Compare(a.id, b.id) }) // rows side by side share pages
	sums := map[int64]int64{}                                                    // by day, of all keys
	for batch := range slices.Chunk(all, useBatch) {
		args := make([]any, 0, 5*len(batch))
		for _, k := range batch {
			sums[k.last/dayMillis] += k.count
			args = append(args, k.id, k.last/dayMillis, k.count, k.last, k.from)
		}
		if _, err := t.exec(`INSERT INTO usage (credential_id, day, count, last_at, last_from) VALUES (?, ?, ?, ?, ?)`+strings.Repeat(`, (?, ?, ?, ?, ?)`, len(batch)-1)+`
			ON CONFLICT (credential_id, day) DO UPDATE SET count = count + excluded.count, last_at = excluded.last_at, last_from = excluded.last_from`, args...); err != nil {
			return err
		}
	}
	for day, n := range sums {
		if err := t.tally(string(portal.TallyVerified), day, n); err != nil {
			return err
		}
	}
	return nil
}

// packUses writes uses as the journal keeps them.
func packUses(all []took) []byte {
	var b []byte
	for _, k := range all {
		for _, n := range []int64{k.id, k.count, k.last, int64(len(k.from))} {
			b = binary.AppendUvarint(b, uint64(n)) // #nosec G115 -- ids, counts, times and lengths are not negative
		}
		b = append(b, k.from...)
	}
	return b
}

func unpackUses(b []byte) ([]took, error) {
	var all []took
	for len(b) > 0 {
		var n [4]int64
		for i := range n {
			x, size := binary.Uvarint(b)
			if size <= 0 || x > math.MaxInt64 {
				return nil, errJournal
			}
			n[i], b = int64(x), b[size:]
		}
		if n[3] > int64(len(b)) {
			return nil, errJournal
		}
		all = append(all, took{id: n[0], count: n[1], last: n[2], from: string(b[:n[3]])})
		b = b[n[3]:]
	}
	return all, nil
}

var errJournal = errors.New("the journal of uses cannot be read")

// giveBack keeps what could not be written.
func (u *uses) giveBack(batch []took) {
	var dirty []*use
	for _, t := range batch {
		t.use.mu.Lock()
		t.use.count += t.count
		if t.use.count == t.count { // otherwise a later use has noted it
			dirty = append(dirty, t.use)
		}
		t.use.mu.Unlock()
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.dirty = append(u.dirty, dirty...)
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
		if k.last > 0 && !fromMillis(k.last).Before(all[i].UsedAt) {
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
	// #nosec G202 -- the condition is one of ours; every value is bound
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
