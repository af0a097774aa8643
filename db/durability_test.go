package db

import (
	"database/sql"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/pressly/goose/v3"
)

func TestTwoProcessesWriteWithoutGettingInEachOthersWay_DB_01_AUD_05(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	other, err := Open(f.ctx, f.dir, Options{CheapPasswords: true})
	f.must(err)
	defer other.Close()
	other.Now = f.clock.read
	each := 40
	if long() {
		each = 2000
	}
	ann, bea := f.in("ann", "Acme"), f.in("bea", "Beta")
	var work []func() error
	for i := range 10 {
		s, by, org := f.s, ann, "Acme"
		if i%2 == 1 {
			s, by, org = other, bea, "Beta"
		}
		work = append(work, func() error {
			for n := range each {
				if err := s.RenameOrg(f.ctx, by, fmt.Sprint(org, " ", i, n)); err != nil {
					return fmt.Errorf("%s %d: %w", org, n, err)
				}
			}
			return nil
		})
	}
	for _, err := range atOnce(work...) {
		if err != nil {
			t.Error(err)
		}
	}
	if n := f.number(`SELECT count(*) FROM audit WHERE id > ?`, f.marks.audit); n != int64(10*each) {
		t.Errorf("%d changes are noted, want %d", n, 10*each)
	}
	// The log is one chain, whoever wrote each entry.
	if _, err := f.s.VerifyAudit(f.ctx, ChainEnd{}); err != nil {
		t.Errorf("the chain of the audit log: %v", err)
	}
	f.sound()
}

// sound checks what has to hold of the file whatever happened to it.
func (f *scene) sound() {
	f.t.Helper()
	if got := f.text(`PRAGMA integrity_check`); got != "ok" {
		f.t.Errorf("the integrity check says %s", got)
	}
	if broken := f.strings(`SELECT "table" FROM pragma_foreign_key_check`); len(broken) > 0 {
		f.t.Errorf("foreign keys are broken in %v", broken)
	}
}

func TestEveryConnectionKeepsForeignKeys_DB_15(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.sound()
	// All connections of both pools at once, so that none is asked twice.
	for pool, n := range map[*sql.DB]int{f.s.write: 1, f.s.read: 4} {
		for range n {
			c, err := pool.Conn(f.ctx)
			f.must(err)
			defer c.Close()
			var on int
			if err := c.QueryRowContext(f.ctx, `PRAGMA foreign_keys`).Scan(&on); err != nil || on != 1 {
				t.Errorf("a connection has foreign_keys %d, %v", on, err)
			}
		}
	}
}

func TestALongReaderKeepsTheLogFromNothingButShrinking_DB_02(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	size := func() int64 {
		info, err := os.Stat(filepath.Join(f.dir, "portico.db-wal"))
		f.must(err)
		return info.Size()
	}
	rows, err := f.s.read.Query(`SELECT a.id FROM audit a, audit b`)
	f.must(err)
	defer rows.Close()
	if !rows.Next() {
		t.Fatal("there is nothing to read")
	}
	write := func() {
		for i := range 400 {
			f.must(f.s.SaveProfile(f.ctx, f.user("ann"), fmt.Sprint("Ann ", i), "Test"))
		}
	}
	write()
	held := size()
	f.must(rows.Close())
	for range 3 {
		write()
	}
	if after := size(); after > held+4<<20 {
		t.Errorf("with a reader the log grew to %d octets, and without one on to %d", held, after)
	}
}

func TestAFullDiskRefusesEveryWriterAndHarmsNothing_DB_03(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	forgotAnn(f)
	f.must(f.signIn("ann", password, "ann"))
	most := f.number(`PRAGMA page_count`)
	f.exec(`PRAGMA max_page_count = ` + strconv.FormatInt(most, 10))
	// Fill what is left of the last pages, as a disk fills.
	full := func(err error) bool { return err != nil && Unavailable(err) }
	filled := false
	for i := range 5000 {
		if _, err := f.s.write.Exec(`INSERT INTO settings (key, value) VALUES (?, zeroblob(3000))`, fmt.Sprint("filler", i)); err != nil {
			if _, err = f.s.write.Exec(`INSERT INTO settings (key, value) VALUES (?, CAST(zeroblob(3000) AS TEXT))`, fmt.Sprint("filler", i)); full(err) {
				filled = true
				break
			}
		}
	}
	if !filled {
		t.Fatal("the database did not fill")
	}
	refused := 0
	for _, o := range operations {
		if o.reads || o.doer == "" || o.prepare != nil || o.does.code != 0 {
			continue
		}
		marks := f.fingerprint()
		_, err := o.run(f, o.actor(f, o.doer))
		switch {
		case full(err):
			refused++
			f.unchanged(marks)
		case err != nil && codeOf(err) == -1:
			t.Errorf("%s: %v", o.method, err)
		}
	}
	if refused < 5 {
		t.Errorf("only %d operations met the full disk", refused)
	}
	if _, _, err := f.s.Enter(f.ctx, f.user("bea"), f.ids["Beta"], false); err != nil {
		t.Errorf("reading: %v", err)
	}
	f.exec(`PRAGMA max_page_count = 1000000`)
	f.exec(`DELETE FROM settings WHERE key LIKE 'filler%'`)
	f.must(f.signIn("abe", password, "abe"))
	f.sound()
}

func TestATornLogOpensToWholeTransactions_DB_05_DB_17(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	// A copy of the files in the middle of use: what a loss of power leaves.
	f.exec(`PRAGMA wal_autocheckpoint = 0`)
	f.mark()
	const changes = 12
	for i := range changes {
		f.must(f.s.RenameOrg(f.ctx, f.in("ann", "Acme"), fmt.Sprint("Acme ", i)))
	}
	files := map[string][]byte{}
	for _, name := range []string{"portico.db", "portico.db-wal", "instance.key"} {
		b, err := os.ReadFile(filepath.Join(f.dir, name))
		f.must(err)
		files[name] = b
	}
	wal := files["portico.db-wal"]
	cuts := 40
	if long() {
		cuts = 500
	}
	names := map[string]bool{}
	for i := range cuts + 1 {
		torn := slices.Clone(wal[:len(wal)*i/cuts])
		if i%4 == 3 && len(torn) > 200 { // a bit flipped besides
			torn[len(torn)-100] ^= 1
		}
		g := &scene{t: t, ctx: f.ctx, dir: t.TempDir(), clock: f.clock, ids: f.ids}
		for name, b := range files {
			if name == "portico.db-wal" {
				b = torn
			}
			if name == "portico.db-wal" && i == 0 {
				continue // somebody has deleted it
			}
			g.must(os.WriteFile(filepath.Join(g.dir, name), b, 0o600))
		}
		g.open()
		g.sound()
		// The name of the organization, of its team and the log say the same.
		name := g.text(`SELECT name FROM organizations WHERE public_id = ?`, f.ids["Acme"])
		team := g.text(`SELECT name FROM teams WHERE public_id = ?`, f.ids["Acme team"])
		noted := g.number(`SELECT count(*) FROM audit WHERE id > ?`, f.marks.audit)
		want := "Acme"
		if noted > 0 {
			want = fmt.Sprint("Acme ", noted-1)
		}
		if name != want || team != want+" All users" {
			t.Errorf("cut at %d: it is called %q, its team %q, and %d renames are noted", len(torn), name, team, noted)
		}
		names[name] = true
		g.must(g.s.Close())
	}
	if len(names) < changes/2 {
		t.Errorf("the cuts fell into %d states only", len(names))
	}
}

func TestADamagedDatabaseIsNotOpened_DB_09(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.must(f.s.Close())
	path := filepath.Join(f.dir, "portico.db")
	sound, err := os.ReadFile(path)
	f.must(err)
	refused := 0
	for page := 1; page < len(sound)/4096; page += 3 {
		damaged := slices.Clone(sound)
		copy(damaged[page*4096:], strings.Repeat("\xa5", 4096))
		f.must(os.WriteFile(path, damaged, 0o600))
		s, err := Open(f.ctx, f.dir, Options{CheapPasswords: true})
		if err == nil {
			s.Close() // a page that holds nothing
			continue
		}
		refused++
		if !strings.Contains(err.Error(), "portico.db is damaged") || !strings.Contains(err.Error(), "backup") {
			t.Errorf("page %d: %v", page, err)
		}
		if now, err := os.ReadFile(path); err != nil || !slices.Equal(now, damaged) {
			t.Errorf("page %d: a damaged file was written to, %v", page, err)
		}
	}
	if refused < 10 {
		t.Errorf("only %d damages were found", refused)
	}
	f.must(os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600))
	if _, err := Open(f.ctx, f.dir, Options{}); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("another file: %v", err)
	}
	f.must(os.WriteFile(path, sound, 0o600))
	f.open()
}

func TestAMigrationIsDoneWholeOrNotAtAll_DB_13(t *testing.T) {
	t.Parallel()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	schema := func(d *sql.DB) string {
		var all string
		if err := d.QueryRow(`SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_schema WHERE name NOT LIKE 'goose%' AND name NOT LIKE 'sqlite%' ORDER BY name)`).Scan(&all); err != nil {
			t.Fatal(err)
		}
		return all
	}
	open := func(path string) *sql.DB {
		d, err := sql.Open("sqlite3", dsn(path, map[string][]string{"_txlock": {"immediate"}, "_foreign_keys": {"on"}, "_journal_mode": {"WAL"}}))
		if err != nil {
			t.Fatal(err)
		}
		d.SetMaxOpenConns(1)
		t.Cleanup(func() { d.Close() })
		return d
	}
	whole := open(filepath.Join(t.TempDir(), "whole.db"))
	p, err := goose.NewProvider(goose.DialectSQLite3, whole, files)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := schema(whole)
	for _, source := range p.ListSources() {
		// The same migrations, with a fault at the end of one of them.
		name := filepath.Base(source.Path)
		broken := fstest.MapFS{}
		for _, other := range p.ListSources() {
			f, err := files.Open(filepath.Base(other.Path))
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(f)
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
			if other.Version == source.Version {
				up, down, _ := strings.Cut(string(text), "-- +goose Down")
				text = []byte(up + "\nINSERT INTO nowhere VALUES (1);\n-- +goose Down" + down)
			}
			broken[filepath.Base(other.Path)] = &fstest.MapFile{Data: text}
		}
		d := open(filepath.Join(t.TempDir(), "broken.db"))
		first, err := goose.NewProvider(goose.DialectSQLite3, d, broken)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := first.Up(t.Context()); err == nil {
			t.Errorf("%s: the fault was passed over", name)
		}
		if have, err := first.GetDBVersion(t.Context()); err != nil || have >= source.Version {
			t.Errorf("%s is noted as done: %d, %v", name, have, err)
		}
		again, err := goose.NewProvider(goose.DialectSQLite3, d, files)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := again.Up(t.Context()); err != nil {
			t.Errorf("%s a second time: %v", name, err)
		} else if got := schema(d); got != want {
			t.Errorf("%s: the schema differs after the second time", name)
		}
	}
}
