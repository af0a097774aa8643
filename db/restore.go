package db

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/mattn/go-sqlite3"

	"portico/portal"
)

// Restored says what a restore has done.
type Restored struct {
	Until time.Time // when the last thing was noted in the backup's audit log
	Kept  string    // the file of the database of before; "": there was none
	Mails int64     // that were waiting and are held
	at    time.Time
}

// besides are the files that may belong to a database.
var besides = []string{"", "-wal", "-journal", "-shm"}

// Restore puts the backup at path in the place of the database of the folder dir,
// which nobody may use meanwhile and which is kept under another name. All is checked
// and made ready in a copy first: killed at any moment, it leaves one or the other.
// Sessions and links of before end, and mails that were waiting are held.
func Restore(ctx context.Context, dir, path string, o Options) (Restored, error) {
	var done Restored
	if _, err := os.Stat(keyPath(dir)); err != nil {
		return done, fmt.Errorf("there is no instance.key in %s: put the one there that belongs to the backup, then restore it", dir)
	}
	present, ready := filepath.Join(dir, "portico.db"), filepath.Join(dir, "portico.db.restoring")
	if given, err := os.Stat(path); err != nil || given.IsDir() {
		return done, fmt.Errorf("there is no file %s", path)
	} else if now, err := os.Stat(present); err == nil && os.SameFile(now, given) {
		return done, fmt.Errorf("%s is the database itself, and no backup of it", path)
	}
	remove := func() {
		for _, end := range besides {
			_ = os.Remove(ready + end) // mostly there is none
		}
	}
	remove() // what one that was killed has left
	defer remove()
	for _, end := range besides[:3] { // a copy that somebody made without portico backup may have some
		if err := copyFile(path+end, ready+end); err != nil && (end == "" || !errors.Is(err, fs.ErrNotExist)) {
			return done, fmt.Errorf("%s cannot be copied into the data folder, so nothing was changed: %w", path, plainly(err))
		}
	}
	if err := checkBackup(ctx, ready); err != nil {
		return done, fmt.Errorf("%s %w, so nothing was changed", path, err)
	}
	file, err := readKeys(keyPath(dir), false)
	if err != nil {
		return done, err
	}
	done, err = makeReady(ctx, ready, file, o)
	if err != nil {
		return done, fmt.Errorf("%s cannot be restored, so nothing was changed: %w", path, plainly(err))
	}
	done.Kept, err = exchange(ctx, ready, present, done.at)
	if err != nil {
		return done, fmt.Errorf("the backup cannot take the place of %s: %w", present, plainly(err))
	}
	return done, nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from) // #nosec G304 -- the backup that who runs the program names
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // #nosec G304 -- the data folder's
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// checkBackup refuses what is no sound database of a Portico.
func checkBackup(ctx context.Context, path string) error {
	d, err := openBeside(path)
	if err != nil {
		return err
	}
	defer d.Close()
	var tables, broken int
	err = d.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('settings', 'users', 'goose_db_version')`).Scan(&tables)
	switch {
	case damaged(err):
		return fmt.Errorf("is damaged, or no database (%w)", err)
	case err != nil:
		return fmt.Errorf("cannot be read: %w", err)
	case tables != 3:
		return errors.New("is no backup of a Portico")
	}
	if err := checkFile(ctx, path, `PRAGMA integrity_check(1)`); err != nil {
		return fmt.Errorf("is damaged (%w)", err)
	}
	if err := d.QueryRowContext(ctx, `SELECT count(*) FROM pragma_foreign_key_check`).Scan(&broken); err != nil {
		return fmt.Errorf("cannot be read: %w", err)
	}
	if broken > 0 {
		return fmt.Errorf("is damaged (%d rows refer to others that are missing)", broken)
	}
	return nil
}

// heldMail is what stands at a mail that was waiting when a backup was made. By now
// it may have been sent: an admin decides, and nothing is sent twice by itself.
const heldMail = "Held when a backup was restored: it may have been sent since the backup was made."

// makeReady brings the database at path up to date, ends what must not outlive a
// restore, and leaves it in one file.
func makeReady(ctx context.Context, path string, file keyFile, o Options) (Restored, error) {
	var done Restored
	o.spareless = true // the backup is one
	s, err := openFile(ctx, path, file, false, o)
	if err != nil {
		return done, err
	}
	err = s.inTx(ctx, func(t *tx) error {
		var until int64
		if err := t.row(`SELECT COALESCE(max(at), 0) FROM audit`).Scan(&until); err != nil {
			return err
		}
		done.Until, done.at = fromMillis(until), t.now
		if err := t.setSetting("epoch", newID()); err != nil {
			return err
		}
		for _, query := range []string{`DELETE FROM sessions`, `DELETE FROM sign_ins`} {
			if _, err := t.exec(query); err != nil {
				return err
			}
		}
		if done.Mails, err = t.exec(`UPDATE outbox SET state = 'failed', error = ? WHERE state = 'queued'`, heldMail); err != nil {
			return err
		}
		return t.audit(portal.Actor{Name: "Portico", IP: "shell"}, 0, portal.AuditRestored, "", "as of "+done.Until.Format(whenWords))
	})
	if err = errors.Join(err, s.Close()); err == nil {
		err = settle(ctx, path)
	}
	return done, err
}

// settle leaves a database that nobody uses in one file.
func settle(ctx context.Context, path string) error {
	d, err := openBeside(path)
	if err != nil {
		return err
	}
	defer d.Close()
	_, err = d.ExecContext(ctx, `PRAGMA journal_mode = DELETE`)
	return err
}

// exchange puts the database ready in the place of present, and returns under which
// name the latter is kept. Killed in between, it leaves present as it was; a file
// beside it that only a damaged one has may then stand beside the kept one.
func exchange(ctx context.Context, ready, present string, now time.Time) (string, error) {
	if _, err := os.Stat(present); errors.Is(err, fs.ErrNotExist) {
		return "", errors.Join(os.Rename(ready, present), syncFolder(filepath.Dir(present)))
	}
	err := settle(ctx, present)
	var e sqlite3.Error
	if errors.As(err, &e) && e.Code == sqlite3.ErrBusy {
		return "", errors.New("another program has it open: let that end first")
	}
	// One that is damaged is kept with whatever belongs to it.
	kept := present + ".replaced-" + now.UTC().Format("20060102-150405")
	for base, n := kept, 2; ; n++ {
		if err = os.Link(present, kept); !errors.Is(err, fs.ErrExist) {
			break
		}
		kept = base + "-" + strconv.Itoa(n)
	}
	if err != nil { // some file systems cannot
		err = os.Rename(present, kept)
	}
	for _, end := range besides[1:] {
		if moveErr := os.Rename(present+end, kept+end); !errors.Is(moveErr, fs.ErrNotExist) {
			err = errors.Join(err, moveErr)
		}
	}
	if err != nil {
		return "", err
	}
	return kept, errors.Join(os.Rename(ready, present), syncFolder(filepath.Dir(present)))
}
