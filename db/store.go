// Package db keeps Portico's data in SQLite. Each exported method is one thing
// an actor does, in one transaction: check, change, note in the audit log, queue
// the mail, all or nothing. The actor is a parameter, so nobody can forget it,
// and is read again inside the transaction.
package db

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"

	"portico/portal"
)

// Store is the database and the keys that belong to it.
type Store struct {
	write  *sql.DB // one connection; its transactions take the write lock at once
	read   *sql.DB // query_only
	keys   keys
	epoch  string
	hash   hasher
	known  keyCache
	uses   uses
	live   live
	memory memory
	// migrated says that the schema is this program's, and things can be indexed.
	migrated bool

	// Now is the clock. Tests set it; nothing else reads the time.
	Now func() time.Time
	// SMTP is what flags and environment say of mail; it overrides the settings.
	SMTP portal.SMTPConfig
	// Wake is called after a transaction that queued mail.
	Wake func()
	// Asked is called when there is something for AnswerAsks, which it is at first.
	// Where time tells something, it takes as long for each address.
	Asked func(ctx context.Context) error
	// Subject gives a mail that is queued its subject.
	Subject func(portal.Mail) string
}

// Options say how a database is opened. The zero value is for who alone uses it.
type Options struct {
	// CheapPasswords hashes with little memory and time. For tests only.
	CheapPasswords bool
	// Beside says that another process may be using the folder, whose schema is then
	// left as it is.
	Beside bool
	// Log is told when the schema is brought up to date; nil: nobody is.
	Log *slog.Logger

	spareless  bool   // no copy is made before the schema is brought up to date
	driver     string // "": SQLite as it is
	migrations fs.FS  // nil: those of this program
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
	return openFile(ctx, path, file, fresh, o)
}

// openFile is Open for the database at path, which is fresh if it is empty.
func openFile(ctx context.Context, path string, file keyFile, fresh bool, o Options) (*Store, error) {
	var err error
	s := &Store{Now: time.Now, Wake: func() {}, Subject: func(m portal.Mail) string { return m.Kind.Words() }, hash: newHasher(o.CheapPasswords), uses: uses{journalled: foldEvery}}
	s.Asked = s.AnswerAsks
	s.live.began = millis(s.Now())
	if s.keys, err = file.derive(); err != nil {
		return nil, err
	}
	s.write, err = sql.Open(cmp.Or(o.driver, "sqlite3"), dsn(path, url.Values{
		"_txlock": {"immediate"}, "_journal_mode": {"WAL"}, "_synchronous": {"FULL"},
		"_foreign_keys": {"on"}, "_busy_timeout": {"10000"}, "_secure_delete": {"on"}, "_stmt_cache_size": {keptStatements},
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
		err = s.migrate(ctx, path, o)
	}
	if err != nil {
		return nil, errors.Join(err, s.write.Close())
	}
	readOnly := dsn(path, url.Values{
		"_query_only": {"on"}, "_foreign_keys": {"on"}, "_busy_timeout": {"10000"}, "_stmt_cache_size": {keptStatements},
	})
	s.read, err = sql.Open("sqlite3", readOnly)
	if err != nil {
		return nil, errors.Join(err, s.write.Close())
	}
	s.read.SetMaxOpenConns(4)
	s.read.SetMaxIdleConns(4)
	s.memory.kept = map[any]any{}
	if s.memory.watch, err = sql.Open("sqlite3", readOnly); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.memory.watch.SetMaxOpenConns(1)
	s.migrated = true // what a migration left is indexed in checkKey's transaction
	if err = s.checkKey(ctx); err == nil {
		err = s.checkSeals(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// keptStatements is how many prepared statements a connection keeps: more than any
// page or operation has.
const keptStatements = "128"

func keyPath(dir string) string { return filepath.Join(dir, "instance.key") }

// Close lets go of the database.
func (s *Store) Close() error {
	return errors.Join(s.memory.close(), s.read.Close(), s.write.Close())
}

func dsn(path string, q url.Values) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// makePrivate creates the database file readable by its owner alone; SQLite
// gives its other files the same mode. It reports whether the file is new.
func makePrivate(path string) (bool, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) // #nosec G304 -- the data folder's
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

// Ready reports whether the database can be written to. An update that changes
// nothing would not do: SQLite writes nothing then, also not onto a full disk.
func (s *Store) Ready(ctx context.Context) error {
	return s.inTx(ctx, func(t *tx) error {
		var id int64
		if err := t.row(`INSERT INTO limit_events (scope, subject, at) VALUES ('ready', '', ?) RETURNING id`, millis(t.now)).Scan(&id); err != nil {
			return err
		}
		return t.unlimit(id)
	})
}

// Links signs and checks links.
func (s *Store) Links() portal.LinkKey { return portal.LinkKey{Key: s.keys.links, Epoch: s.epoch} }
