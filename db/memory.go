package db

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
)

// memory keeps what was read, until anything in the database changes.
//
// SQLite gives a connection a number that grows with what all others commit, of this
// process or of another. So one connection that never writes is asked for it, and
// what was kept under an older number is forgotten. Whoever asks after a change
// therefore reads it.
type memory struct {
	watch *sql.DB // one connection

	mu      sync.Mutex
	version int64       // of the database, when it was last asked for
	age     int64       // grows each time everything is forgotten
	kept    map[any]any // by what was asked
}

// mostKept bounds how many answers are kept.
const mostKept = 10_000

// forget is called after each change that this process has made.
func (m *memory) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgetAll()
}

func (m *memory) forgetAll() {
	m.age++
	clear(m.kept)
}

// look asks whether anything has changed, and gives the age of what is kept.
func (m *memory) look(ctx context.Context) (int64, error) {
	var version int64
	if err := m.watch.QueryRowContext(ctx, `PRAGMA data_version`).Scan(&version); err != nil {
		return 0, fmt.Errorf("ask for changes: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if version > m.version { // else somebody else has asked since, and knows more
		m.version = version
		m.forgetAll()
	}
	return m.age, nil
}

type lookedKey struct{}

// Look asks once, for all that is read with the context it gives, whether anything
// has changed: as for one request. A change that this process makes later counts all
// the same.
func (s *Store) Look(ctx context.Context) (context.Context, error) {
	age, err := s.memory.look(ctx)
	return context.WithValue(ctx, lookedKey{}, age), err
}

// remembered reads something, or gives what read gave since the last change. read
// must depend on nothing but key and the database: not on the time. What it gives is
// shared, so nobody may change it.
func remembered[K comparable, T any](ctx context.Context, s *Store, key K, read func() (T, error)) (T, error) {
	m := &s.memory
	looked, once := ctx.Value(lookedKey{}).(int64)
	m.mu.Lock()
	age := m.age
	m.mu.Unlock()
	if !once || looked != age {
		var err error
		if age, err = m.look(ctx); err != nil {
			var none T
			return none, err
		}
	}
	m.mu.Lock()
	x, known := m.kept[key].(T)
	m.mu.Unlock()
	if known {
		return x, nil
	}
	x, err := read()
	if err != nil {
		return x, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.age == age { // else it may have been read before the change
		if len(m.kept) >= mostKept {
			clear(m.kept)
		}
		m.kept[key] = x
	}
	return x, nil
}

func (m *memory) close() error {
	if m.watch == nil {
		return nil
	}
	return m.watch.Close()
}
