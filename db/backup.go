package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/mattn/go-sqlite3"
)

// Backup writes the database of the folder dir to the file path and returns its
// size: one database, whole and as it was at one moment, also while a portal writes.
// It changes nothing in the folder. A file that is there is only replaced if that
// is wanted, and in any case by a whole one.
func Backup(ctx context.Context, dir, path string, replace bool) (int64, error) {
	if _, err := os.Stat(filepath.Join(dir, "portico.db")); err != nil {
		return 0, fmt.Errorf("there is no database in %s", dir)
	}
	if isOurs(dir, path) {
		return 0, fmt.Errorf("%s has a name that belongs to the data folder: choose another one for the backup", path)
	}
	if _, err := os.Lstat(path); err == nil && !replace {
		return 0, fmt.Errorf("%s is there already: choose another name, or replace it with --overwrite", path)
	}
	d, err := openBeside(filepath.Join(dir, "portico.db"))
	if err != nil {
		return 0, err
	}
	defer d.Close()
	size, err := copyDatabase(ctx, d, path, replace)
	switch {
	case errors.Is(err, fs.ErrExist):
		return 0, fmt.Errorf("%s is there already: choose another name, or replace it with --overwrite", path)
	case damaged(err):
		return 0, fmt.Errorf("portico.db is damaged (%w), so there is no backup of it: put an older backup back", err)
	case err != nil:
		return 0, fmt.Errorf("the backup cannot be written to %s: %w", path, plainly(err))
	}
	return size, nil
}

// isOurs reports whether path is one of the files that Portico keeps in dir.
func isOurs(dir, path string) bool {
	ours, err := os.Stat(dir)
	theirs, err2 := os.Stat(filepath.Dir(path))
	name := filepath.Base(path)
	return err == nil && err2 == nil && os.SameFile(ours, theirs) && (strings.HasPrefix(name, "portico.") || strings.HasPrefix(name, "instance.key"))
}

// openBeside opens a database that others may have open too, without making one
// or changing anything in it.
func openBeside(path string) (*sql.DB, error) {
	d, err := sql.Open("sqlite3", dsn(path, url.Values{"mode": {"rw"}, "_busy_timeout": {"10000"}, "_synchronous": {"FULL"}}))
	if err == nil {
		d.SetMaxOpenConns(1)
	}
	return d, err
}

// copyDatabase writes a copy of d to path and returns its size. Until it is whole,
// sound and on disk it has another name.
func copyDatabase(ctx context.Context, d *sql.DB, path string, replace bool) (int64, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := d.ExecContext(ctx, `VACUUM INTO ?`, f.Name()); err != nil {
		return 0, err
	}
	if err := checkFile(ctx, f.Name(), `PRAGMA quick_check(1)`); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return 0, err
	}
	if !replace {
		// Unlike a rename, this fails if the name is taken by now.
		if err := os.Link(f.Name(), path); err == nil || errors.Is(err, fs.ErrExist) {
			return info.Size(), errors.Join(err, syncFolder(filepath.Dir(path)))
		} // some file systems cannot
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return 0, err
	}
	return info.Size(), syncFolder(filepath.Dir(path))
}

// checkFile runs one of SQLite's checks on a database that nobody else uses.
func checkFile(ctx context.Context, path, check string) error {
	d, err := openBeside(path)
	if err != nil {
		return err
	}
	defer d.Close()
	var found string
	if err := d.QueryRowContext(ctx, check).Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return &damage{strings.ReplaceAll(found, "\n", " ")}
	}
	return nil
}

// damage is what one of SQLite's checks has found.
type damage struct{ found string }

func (d *damage) Error() string { return d.found }

// damaged reports whether err says that a file is no sound database.
func damaged(err error) bool {
	var e sqlite3.Error
	var d *damage
	return errors.As(err, &d) || errors.As(err, &e) && (e.Code == sqlite3.ErrCorrupt || e.Code == sqlite3.ErrNotADB)
}

// plainly says first what somebody can do about an error of writing.
func plainly(err error) error {
	var e sqlite3.Error
	if errors.As(err, &e) && (e.Code == sqlite3.ErrFull || e.Code == sqlite3.ErrIoErr) ||
		errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EFBIG) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("there is no room on the disk, or it fails (%w)", err)
	}
	if errors.Is(err, context.Canceled) || errors.As(err, &e) && e.Code == sqlite3.ErrInterrupt {
		return errors.New("it was broken off")
	}
	return err
}

// syncFolder puts the names of a folder on disk.
func syncFolder(path string) error {
	dir, err := os.Open(path) // #nosec G304 -- the data folder, or the one of a backup
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
