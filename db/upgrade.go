package db

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// sparesKept is how many copies of before an upgrade are kept.
const sparesKept = 3

// migrate brings the schema of the database at path up to date: each migration in a
// transaction of its own, and a copy of the whole before the first one. Killed at any
// moment, it goes on the next time.
func (s *Store) migrate(ctx context.Context, path string, o Options) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	if o.migrations != nil {
		files = o.migrations
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, s.write, files, goose.WithGoMigrations(s.keys.chainOldEntries(41)))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	newest := p.ListSources()[len(p.ListSources())-1].Version
	if have > newest {
		return fmt.Errorf("the database was made by a newer Portico (schema %d, this one knows %d): use that version, or restore an older backup", have, newest)
	}
	if have == newest {
		return nil
	}
	if o.Beside {
		lock, err := Lock(filepath.Dir(path))
		if err != nil {
			return errors.New("the database has to be brought up to date, and another Portico is using it: stop that one first, or try again if it has just been started")
		}
		defer lock.Close()
		if have, err = p.GetDBVersion(ctx); err != nil { // it may have been that one's start
			return fmt.Errorf("read the schema's version: %w", err)
		}
	}
	if have > 0 && have < newest && !o.spareless {
		spare, err := s.spare(ctx, path, have, newest)
		if err != nil {
			return fmt.Errorf("the database has to be brought up to date, and no copy of it can be made before, so nothing was changed: %w", plainly(err))
		}
		if o.Log != nil {
			o.Log.Info("bringing the database up to date", "from", have, "to", newest, "copy", spare)
		}
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("bring the database up to date: %w", plainly(err))
	}
	return dropSpares(path)
}

// spare copies the database before it is brought from one version to a newer one,
// and returns where to. The copy of before an upgrade that was broken off is kept.
func (s *Store) spare(ctx context.Context, path string, from, to int64) (string, error) {
	left, err := beginning(filepath.Join(filepath.Dir(path), ".portico.db.")) // by one that was killed
	if err != nil {
		return "", err
	}
	for _, name := range left {
		if err := os.Remove(name); err != nil {
			return "", err
		}
	}
	name := fmt.Sprintf("%s.before-%d", path, to)
	if of := versionOf(ctx, name); of > 0 && of < from {
		return name, nil
	}
	_, err = copyDatabase(ctx, s.write, name, true)
	return name, err
}

// beginning are the files whose path begins so.
func beginning(path string) ([]string, error) {
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	var all []string
	for _, f := range files {
		if strings.HasPrefix(f.Name(), filepath.Base(path)) {
			all = append(all, filepath.Join(filepath.Dir(path), f.Name()))
		}
	}
	return all, nil
}

// versionOf is the version of the schema in a copy; 0: it is none.
func versionOf(ctx context.Context, path string) (version int64) {
	d, err := openBeside(path)
	if err != nil {
		return 0
	}
	defer d.Close()
	if err := d.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version`).Scan(&version); err != nil {
		return 0
	}
	return version
}

// dropSpares removes all but the newest copies of before upgrades.
func dropSpares(path string) error {
	spares, err := beginning(path + ".before-")
	if err != nil {
		return err
	}
	number := func(name string) int {
		n, _ := strconv.Atoi(strings.TrimPrefix(name, path+".before-"))
		return n
	}
	slices.SortFunc(spares, func(a, b string) int { return cmp.Compare(number(b), number(a)) })
	for _, name := range spares[min(sparesKept, len(spares)):] {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}
