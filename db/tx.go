package db

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base32"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"

	"portico/portal"
)

// tx is one transaction that holds the write lock, at one moment in time.
type tx struct {
	*sql.Tx
	s      *Store
	ctx    context.Context
	now    time.Time
	queued bool // mail was queued
	// appID is the application that the change is about, onlyFor its owner if it is
	// personal inside an organization.
	appID, onlyFor int64
	keys           bool           // keys have ended, or their owners have changed
	touched        map[int64]bool // organizations in which something changes, see touch
	off            bool           // it is refused because it is switched off for everybody
}

func (t *tx) row(query string, args ...any) *sql.Row {
	return t.QueryRowContext(t.ctx, query, args...)
}

func (t *tx) rows(query string, args ...any) (*sql.Rows, error) {
	return t.QueryContext(t.ctx, query, args...)
}

// exec runs a statement and returns how many rows it changed.
func (t *tx) exec(query string, args ...any) (int64, error) {
	r, err := t.ExecContext(t.ctx, query, args...)
	if err != nil {
		return 0, lastSuperAdmin(err)
	}
	return r.RowsAffected()
}

func (s *Store) inTx(ctx context.Context, f func(t *tx) error) error {
	sqlTx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	t := &tx{Tx: sqlTx, s: s, ctx: ctx, now: s.Now()}
	defer sqlTx.Rollback() // does nothing after a commit; needed when f panics
	if err := f(t); err != nil {
		return err
	}
	if s.migrated {
		if err := t.reindex(); err != nil {
			return fmt.Errorf("write the words to search by: %w", err)
		}
	}
	err = sqlTx.Commit()
	s.memory.forget()
	if err != nil {
		s.known.forget() // it is not known what was stored
		return fmt.Errorf("commit: %w", err)
	}
	if t.keys {
		s.known.forget()
	}
	s.live.wake(t.touched)
	if t.queued {
		s.Wake()
	}
	return nil
}

// change runs f for an actor that is read again inside the transaction. What is
// refused to a signed-in person is noted in the audit log.
func (s *Store) change(ctx context.Context, by portal.Actor, f func(t *tx, by portal.Actor) error) error {
	var tried attempt
	err := s.inTx(ctx, func(t *tx) error {
		by, err := t.actor(by)
		if err != nil {
			return err
		}
		err = f(t, by)
		if !t.off { // that is nobody's attempt at more than they may
			tried = attempt{by: by, appID: t.appID}
		}
		return err
	})
	return s.noteRefusal(ctx, tried, err)
}

// changeAsAdmin is change for what only portal admins may do. Nobody else learns
// that it exists.
func (s *Store) changeAsAdmin(ctx context.Context, by portal.Actor, f func(t *tx, by portal.Actor) error) error {
	return s.change(ctx, by, func(t *tx, by portal.Actor) error {
		if !by.IsAdmin() {
			return portal.ErrNotFound
		}
		if err := adminNeedsFactor(ctx, t, by); err != nil {
			return err
		}
		return f(t, by)
	})
}

// changeIn is change for an action inside the actor's organization.
func (s *Store) changeIn(ctx context.Context, by portal.Actor, action portal.Action, f func(t *tx, by portal.Actor, org portal.Organization) error) error {
	return s.change(ctx, by, func(t *tx, by portal.Actor) error {
		if !by.Sees() {
			return portal.ErrNotFound
		}
		org, err := t.organization(by.OrgID)
		if err == nil && by.Role != "" {
			by, err = onlyMember(ctx, t, by)
		}
		if err != nil {
			return err
		}
		switch {
		case !org.State.Provisioned():
			return portal.ErrNotFound
		case !by.May(action):
			return portal.NotAllowed(action, org.Name)
		case org.State == portal.OrgSuspended && action != portal.Leave:
			return portal.ErrSuspended
		}
		if by.Role != "" {
			err = needsFactor(ctx, t, by, org)
		} else {
			err = adminNeedsFactor(ctx, t, by)
		}
		if err != nil {
			return err
		}
		return f(t, by, org)
	})
}

// actor reads an actor as the database has it now. Nobody (user 0) stays nobody.
func (t *tx) actor(by portal.Actor) (portal.Actor, error) {
	if by.UserID == 0 {
		return portal.Actor{IP: by.IP}, nil
	}
	fresh := portal.Actor{UserID: by.UserID, OrgID: by.OrgID, IP: by.IP, Asked: by.Asked, Personal: by.Personal, Oversees: by.Oversees}
	var first, last string
	err := t.row(`
		SELECT COALESCE(m.first_name, u.first_name), COALESCE(m.last_name, u.last_name), u.email, u.state, u.admin, COALESCE(m.role, '')
		FROM users u LEFT JOIN memberships m ON m.user_id = u.id AND m.org_id = ?
		WHERE u.id = ?`, by.OrgID, by.UserID).
		Scan(&first, &last, &fresh.Email, &fresh.State, &fresh.Admin, &fresh.Role)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !fresh.State.MaySignIn() {
		return fresh, portal.ErrNotFound
	}
	fresh.Name = portal.FullName(first, last)
	if err == nil && !fresh.Admin {
		var settings portal.Settings
		if settings, err = t.settings(); err == nil && !settings.SignIn {
			return fresh, portal.ErrNotFound
		}
	}
	return fresh, err
}

// newID makes a random id for addresses: 130 bits in lower-case letters and digits.
func newID() string {
	b := make([]byte, 17)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return strings.ToLower(base32.StdEncoding.EncodeToString(b))[:portal.PublicIDLen]
}

// whenWords is how a refusal says when somebody was quicker.
const whenWords = "2 Jan 2006 at 15:04 UTC"

func millis(t time.Time) int64 { return t.UnixMilli() }

func fromMillis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func fromNullMillis(ms sql.NullInt64) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return fromMillis(ms.Int64)
}

// one turns "no such row" into the answer for what does not exist.
func one(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return portal.ErrNotFound
	}
	return err
}

// list reads rows into a slice.
func list[T any](rows *sql.Rows, err error, scan func(*sql.Rows) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		x, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	return all, rows.Err()
}

func isUnique(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && e.ExtendedCode == sqlite3.ErrConstraintUnique
}

// Unavailable reports whether err means that the database cannot be written to
// at the moment, as when the disk is full: nothing was changed, or, at a failed
// commit, it is not known.
func Unavailable(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) &&
		(e.Code == sqlite3.ErrFull || e.Code == sqlite3.ErrIoErr || e.Code == sqlite3.ErrBusy || e.Code == sqlite3.ErrReadonly || e.Code == sqlite3.ErrCantOpen)
}

var errLastSuperAdmin = portal.Errorf(portal.Conflict,
	"An organization needs at least one active Super admin. Promote somebody first.")

// lastSuperAdmin names the refusal of the triggers that stand behind the rule.
func lastSuperAdmin(err error) error {
	var e sqlite3.Error
	if errors.As(err, &e) && e.ExtendedCode == sqlite3.ErrConstraintTrigger && strings.Contains(e.Error(), "last super admin") {
		return errLastSuperAdmin
	}
	return err
}

func nullMillis(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: millis(t), Valid: !t.IsZero()}
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// countEach counts for each state, exactly up to portal.MaxCount.
func countEach[T ~string](ctx context.Context, s *Store, states []T, query string) (map[T]portal.Count, error) {
	counts, err := remembered(ctx, s, countsOf{query}, func() (map[T]portal.Count, error) {
		counts := make(map[T]portal.Count, len(states))
		for _, state := range states {
			var n int
			if err := s.read.QueryRowContext(ctx, query, string(state), portal.MaxCount+1).Scan(&n); err != nil {
				return nil, err
			}
			counts[state] = portal.Count(n)
		}
		return counts, nil
	})
	return maps.Clone(counts), err
}

type countsOf struct{ query string }
