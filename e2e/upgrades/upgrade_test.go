package upgrades

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/pressly/goose/v3"
)

// oldFolder is the data folder of the first Portico, with the admin Ada in it.
func oldFolder(t *testing.T) string {
	t.Helper()
	now := newFolder(t)
	dir := withKeyOf(t, now)
	today, old := database(t, filepath.Join(now, "portico.db")), filepath.Join(dir, "portico.db")
	if err := os.WriteFile(old, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d := database(t, old)
	defer d.Close()
	if _, err := d.Exec(`PRAGMA journal_mode = WAL`); err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, d, os.DirFS("../../db/migrations"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Exec(`INSERT INTO users (public_id, email_key, email, first_name, last_name, password_hash, state, admin, created_at) VALUES ('ada', ?, ?, 'Ada', 'Lindqvist', ?, 'active', 1, 1)`,
		ada, ada, text(t, today, `SELECT password_hash FROM users`)); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"key_check", "epoch"} {
		if _, err := d.Exec(`INSERT INTO settings (key, value) VALUES (?, ?)`, key, text(t, today, `SELECT value FROM settings WHERE key = ?`, key)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Exec(`INSERT INTO audit (at, actor_name, actor_mail, kind, subject, detail, ip) VALUES (1, 'Ada Lindqvist', ?, 'became portal admin', '', '', 'shell')`, ada); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestTheProgramBringsADatabaseUpToDateAndKeepsACopy(t *testing.T) {
	dir := oldFolder(t)
	before := contents(t, dir)

	// Without room for the copy nothing is changed.
	tried, held := 2, 0
	defer func() {
		t.Attr("faults", fmt.Sprintf("%s|%d|%d", "upgrade without room for a copy, or beside another", tried, held))
	}()
	unchanged := func(when string) {
		t.Helper()
		if got := contents(t, dir); fmt.Sprint(got) != fmt.Sprint(before) {
			t.Errorf("%s the files have changed from %v to %v", when, before, got)
		} else if !t.Failed() {
			held++
		}
	}
	refuses(t, limited(100, dir, "serve", "--listen", "127.0.0.1:0"), "no copy of it can be made before, so nothing was changed")
	unchanged("on a full disk")

	// Nor is it while another one runs on the folder.
	lock, err := os.OpenFile(filepath.Join(dir, "portico.lock"), os.O_RDWR, 0)
	if err == nil {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := command(dir, "admin", "create", "--email", "ben@provider.example", "--first-name", "Ben", "--last-name", "Aalto")
	cmd.Stdin = strings.NewReader(password + "\n")
	refuses(t, cmd, "another Portico is using it")
	unchanged("beside another one")
	lock.Close()

	r := serve(t, dir)
	r.signIn().wants(http.StatusOK, http.MethodGet, r.url+"/admin", nil)
	r.stop()
	copies, err := filepath.Glob(filepath.Join(dir, "portico.db.before-*"))
	if err != nil || len(copies) != 1 || !strings.Contains(r.printed.String(), copies[0]) {
		t.Fatalf("%v are kept, %v, and it says\n%s", copies, err, r.printed.String())
	}
	if got := text(t, database(t, copies[0]), `SELECT max(version_id) FROM goose_db_version`); got != "7" {
		t.Errorf("the copy is of version %s", got)
	}
	sound(t, database(t, filepath.Join(dir, "portico.db")))
	if out := does(t, dir, "audit", "verify"); !strings.Contains(out, "The audit log is whole") {
		t.Errorf("audit verify says %s", out)
	}

	// The copy is a backup like any other.
	does(t, withKeyOf(t, dir), "restore", copies[0])
}
