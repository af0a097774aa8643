// Package db keeps Portico's data in SQLite. Each exported method is one thing
// an actor does, in one transaction: check, change, note in the audit log, queue
// the mail, all or nothing. The actor is a parameter, so nobody can forget it,
// and is read again inside the transaction.
package db

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"encoding/base32"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"

	"portico/portal"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is the database and the keys that belong to it.
type Store struct {
	write *sql.DB // one connection; its transactions take the write lock at once
	read  *sql.DB // query_only
	keys  keys
	epoch string
	hash  hasher
	known keyCache
	uses  uses
	live  live
	// migrated says that the schema is this program's, and things can be indexed.
	migrated bool

	// Now is the clock. Tests set it; nothing else reads the time.
	Now func() time.Time
	// SMTP is what flags and environment say of mail; it overrides the settings.
	SMTP portal.SMTPConfig
	// Wake is called after a transaction that queued mail.
	Wake func()
	// Subject gives a mail that is queued its subject.
	Subject func(portal.Mail) string
}

// Options are what tests set differently.
type Options struct {
	// CheapPasswords hashes with little memory and time. For tests only.
	CheapPasswords bool
}

// Open opens or makes the database in the folder dir and brings its schema up to
// date. The master key is read from, or made in, the same folder.
func Open(ctx context.Context, dir string, o Options) (*Store, error) {
	path := filepath.Join(dir, "portico.db")
	fresh, err := makePrivate(path)
	if err != nil {
		return nil, err
	}
	file, err := readKeys(keyPath(dir), fresh)
	if err != nil {
		return nil, err
	}
	s := &Store{Now: time.Now, Wake: func() {}, Subject: func(m portal.Mail) string { return m.Kind.Words() }, hash: newHasher(o.CheapPasswords), uses: uses{journalled: foldEvery}}
	s.live.began = millis(s.Now())
	if s.keys, err = file.derive(); err != nil {
		return nil, err
	}
	s.write, err = sql.Open("sqlite3", dsn(path, url.Values{
		"_txlock": {"immediate"}, "_journal_mode": {"WAL"}, "_synchronous": {"FULL"},
		"_foreign_keys": {"on"}, "_busy_timeout": {"10000"}, "_secure_delete": {"on"},
	}))
	if err != nil {
		return nil, err
	}
	s.write.SetMaxOpenConns(1)
	if !fresh {
		// Before anything is changed in a damaged database, or in somebody else's.
		if err = s.checkPages(ctx); err == nil {
			err = s.checkKey(ctx)
		}
	}
	if err == nil {
		err = s.migrate(ctx)
	}
	if err != nil {
		s.write.Close()
		return nil, err
	}
	s.read, err = sql.Open("sqlite3", dsn(path, url.Values{
		"_query_only": {"on"}, "_foreign_keys": {"on"}, "_busy_timeout": {"10000"},
	}))
	if err != nil {
		s.write.Close()
		return nil, err
	}
	s.read.SetMaxOpenConns(4)
	s.read.SetMaxIdleConns(4)
	s.migrated = true // what a migration left is indexed in checkKey's transaction
	if err = s.checkKey(ctx); err == nil {
		err = s.checkSeals(ctx)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func keyPath(dir string) string { return filepath.Join(dir, "instance.key") }

// Close lets go of the database.
func (s *Store) Close() error {
	return errors.Join(s.read.Close(), s.write.Close())
}

func dsn(path string, q url.Values) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// makePrivate creates the database file readable by its owner alone; SQLite
// gives its other files the same mode. It reports whether the file is new.
func makePrivate(path string) (bool, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	if err := f.Chmod(0o600); err != nil {
		return false, err
	}
	for _, name := range []string{path + "-wal", path + "-shm"} {
		if err := os.Chmod(name, 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
	return info.Size() == 0, nil
}

func (s *Store) migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, s.write, files, goose.WithGoMigrations(s.keys.chainOldEntries(41)))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	newest := p.ListSources()[len(p.ListSources())-1].Version
	if have, err := p.GetDBVersion(ctx); err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	} else if have > newest {
		return fmt.Errorf("the database was made by a newer Portico (schema %d, this one knows %d): use that version, or restore a backup", have, newest)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("bring the database up to date: %w", err)
	}
	return nil
}

// checkPages refuses a database whose file is damaged: to go on writing would
// make it worse.
func (s *Store) checkPages(ctx context.Context) error {
	var found string
	err := s.write.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&found)
	var e sqlite3.Error
	switch {
	case errors.As(err, &e) && (e.Code == sqlite3.ErrCorrupt || e.Code == sqlite3.ErrNotADB):
		found = e.Error()
	case err != nil:
		return fmt.Errorf("check the database: %w", err)
	case found == "ok":
		return nil
	}
	return fmt.Errorf("portico.db is damaged (%s), so nothing was changed: put a backup of portico.db back", strings.ReplaceAll(found, "\n", " "))
}

// checkKey refuses a master key that is not the one this database was made
// with: links and credentials would silently stop to work. It also reads the
// installation's epoch.
func (s *Store) checkKey(ctx context.Context) error {
	return s.inTx(ctx, func(t *tx) error {
		want := s.keys.check()
		if started, err := t.migrated(); err != nil || !started {
			return err
		}
		got, err := t.setting("key_check")
		if err != nil {
			return err
		}
		if got == "" {
			s.epoch = newID()
			if err := t.setSetting("epoch", s.epoch); err != nil {
				return err
			}
			return t.setSetting("key_check", want)
		}
		if got != want {
			return errors.New("instance.key is not the key this database was made with: put the right one back beside portico.db")
		}
		s.epoch, err = t.setting("epoch")
		return err
	})
}

// checkSeals refuses a key file that lacks a key with which something in the
// database is sealed, as an older copy of the file does after a rotation: what is
// sealed could not be read, and new keys would take the numbers of missing ones.
func (s *Store) checkSeals(ctx context.Context) error {
	return s.inTx(ctx, func(t *tx) error {
		// The oldest and the newest will do: a rotation ends before the next begins.
		rows, err := t.rows(`
			SELECT sealed_by FROM (SELECT sealed_by FROM credentials WHERE sealed IS NOT NULL ORDER BY sealed_by LIMIT 1) oldest
			UNION SELECT sealed_by FROM (SELECT sealed_by FROM credentials WHERE sealed IS NOT NULL ORDER BY sealed_by DESC LIMIT 1) newest
			UNION SELECT sealed_by FROM (SELECT sealed_by FROM second_factors ORDER BY sealed_by LIMIT 1) oldest_factor
			UNION SELECT sealed_by FROM (SELECT sealed_by FROM second_factors ORDER BY sealed_by DESC LIMIT 1) newest_factor`)
		used, err := list(rows, err, func(r *sql.Rows) (n int, err error) { return n, r.Scan(&n) })
		if err != nil {
			return err
		}
		smtp, err := t.setting("smtp_url")
		if err != nil {
			return err
		}
		if number, _, ok := strings.Cut(smtp, ":"); ok {
			n, err := strconv.Atoi(number)
			if err != nil {
				return fmt.Errorf("the number of the mail server's key: %w", err)
			}
			used = append(used, n)
		}
		for _, n := range used {
			if _, ok := s.keys.sealing[n]; !ok {
				return fmt.Errorf("instance.key lacks key %d, with which parts of the database are encrypted: put the instance.key back that Portico wrote at the last key rotate", n)
			}
		}
		return nil
	})
}

// migrated reports whether the first migration has been.
func (t *tx) migrated() (bool, error) {
	var n int
	err := t.row(`SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'settings'`).Scan(&n)
	return n == 1, err
}

// Ready reports whether the database can be written to.
func (s *Store) Ready(ctx context.Context) error {
	return s.inTx(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE settings SET value = value WHERE key = 'epoch'`)
		return err
	})
}

// Links signs and checks links.
func (s *Store) Links() portal.LinkKey { return portal.LinkKey{Key: s.keys.links, Epoch: s.epoch} }

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
	if err := sqlTx.Commit(); err != nil {
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
