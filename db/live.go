package db

import (
	"context"
	"sync"
)

// live wakes those who watch an organization, or the whole portal, after
// something in it has changed. It says that, and never what.
type live struct {
	mu       sync.Mutex
	watchers map[int64]map[chan struct{}]bool // by organization; 0: the whole portal
	changes  map[int64]int64                  // how many there have been, likewise
	began    int64                            // what is added to them, so that those of another process do not look the same
	version  int64                            // of the database, as other processes have left it
}

// Watch gives a channel that is written to after changes in the organization
// with that id, or anywhere if it is 0. Changes that nobody has waited for
// meanwhile are one. stop has to be called in the end.
func (s *Store) Watch(orgID int64) (changed <-chan struct{}, stop func()) {
	l, c := &s.live, make(chan struct{}, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.watchers == nil {
		l.watchers = map[int64]map[chan struct{}]bool{}
	}
	if l.watchers[orgID] == nil {
		l.watchers[orgID] = map[chan struct{}]bool{}
	}
	l.watchers[orgID][c] = true
	return c, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if delete(l.watchers[orgID], c); len(l.watchers[orgID]) == 0 {
			delete(l.watchers, orgID)
		}
	}
}

// Changes is a number that grows with each change in the organization with that
// id, or anywhere if it is 0. What was read after it was asked for is as new as it.
func (s *Store) Changes(orgID int64) int64 {
	s.live.mu.Lock()
	defer s.live.mu.Unlock()
	return s.live.began + s.live.changes[orgID]
}

// wake tells the watchers of these organizations, and those of the whole portal.
func (l *live) wake(orgs map[int64]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for org := range orgs {
		l.wakeOne(org)
	}
	if len(orgs) > 0 && !orgs[everywhere] {
		l.wakeOne(everywhere)
	}
}

func (l *live) wakeOne(org int64) {
	if l.changes == nil {
		l.changes = map[int64]int64{}
	}
	l.changes[org]++
	for c := range l.watchers[org] {
		select {
		case c <- struct{}{}:
		default: // it has not yet heard of the last change
		}
	}
}

// WatchOthers wakes everybody if another process, as portico admin, has changed
// the database since the last look. It is called now and then while somebody watches.
func (s *Store) WatchOthers(ctx context.Context) error {
	var version int64
	// The writer's connection does not count its own changes.
	if err := s.write.QueryRowContext(ctx, `PRAGMA data_version`).Scan(&version); err != nil {
		return err
	}
	s.live.mu.Lock()
	defer s.live.mu.Unlock()
	if s.live.version != version && s.live.version != 0 {
		s.live.began++ // whatever anybody has looked at may have changed
		for org := range s.live.watchers {
			s.live.wakeOne(org)
		}
	}
	s.live.version = version
	return nil
}

// touch notes that something that can be watched changes in an organization, or
// outside of all.
func (t *tx) touch(orgID int64) {
	if t.touched == nil {
		t.touched = map[int64]bool{}
	}
	t.touched[orgID] = true
}

// touchMail is touch for what a mail is about.
func (t *tx) touchMail(id int64) error {
	var org int64
	err := t.row(`SELECT COALESCE(org_id, 0) FROM outbox WHERE id = ?`, id).Scan(&org)
	t.touch(org)
	return one(err)
}
