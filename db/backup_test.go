package db

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"portico/portal"
)

// backedUp is a scene with a backup of it.
func backedUp(t *testing.T, prepare func(f *scene)) (f *scene, file string) {
	t.Helper()
	f = newScene(t)
	if prepare != nil {
		prepare(f)
	}
	file = filepath.Join(t.TempDir(), "portal.db")
	if _, err := Backup(f.ctx, f.dir, file, false); err != nil {
		t.Fatal(err)
	}
	return f, file
}

// restore closes the scene's store, restores a backup and opens it again.
func (f *scene) restore(file string) Restored {
	f.t.Helper()
	f.must(f.s.Close())
	done, err := Restore(f.ctx, f.dir, file, Options{CheapPasswords: true})
	f.must(err)
	f.open()
	return done
}

func TestABackupIsOneFileOfItsOwnersAlone(t *testing.T) {
	t.Parallel()
	f, file := backedUp(t, nil)
	files, err := os.ReadDir(filepath.Dir(file))
	f.must(err)
	info, err := files[0].Info()
	f.must(err)
	if len(files) != 1 || info.Mode().Perm() != 0o600 {
		t.Errorf("%d files are there, the first with the mode %v", len(files), info.Mode())
	}
	// It is that of before until another one is whole.
	if _, err := Backup(f.ctx, f.dir, file, false); err == nil || !strings.Contains(err.Error(), "--overwrite") {
		t.Errorf("a second one: %v", err)
	}
	f.must(f.s.RenameOrg(f.ctx, f.in("ann", "Acme"), "Acme again"))
	_, err = Backup(f.ctx, f.dir, file, true)
	f.must(err)
	f.must(f.s.RenameOrg(f.ctx, f.in("ann", "Acme"), "Acme no more"))
	f.restore(file)
	if got := f.text(`SELECT name FROM organizations WHERE public_id = ?`, f.ids["Acme"]); got != "Acme again" {
		t.Errorf("it is called %q", got)
	}
}

func TestOfTwoBackupsToOneNameOneIsRefused(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	file := filepath.Join(t.TempDir(), "portal.db")
	written := 0
	for _, err := range atOnce(slices.Repeat([]func() error{func() error {
		_, err := Backup(f.ctx, f.dir, file, false)
		return err
	}}, 8)...) {
		if err == nil {
			written++
		} else if !strings.Contains(err.Error(), "is there already") {
			t.Error(err)
		}
	}
	if written != 1 {
		t.Errorf("%d were written", written)
	}
}

func TestARestoreEndsSessionsAndLinksAndIsNoted(t *testing.T) {
	t.Parallel()
	f, file := backedUp(t, func(f *scene) {
		f.must(f.signIn("ann", password, "ann"))
		f.exec(`INSERT INTO sign_ins (hash, user_id, expires_at) VALUES (x'00', ?, ?)`, f.user("abe").UserID, millis(start)*2)
	})
	tokens := map[string]string{"mailed": f.linkTo("ivy", portal.Mailed), "copied": f.linkTo("ivy", portal.Copied)}
	f.mark()
	done := f.restore(file)
	for what, token := range tokens {
		if _, err := f.s.Offer(f.ctx, token); codeOf(err) != portal.NotFound {
			t.Errorf("a %s link of before: %s", what, describe(err))
		}
	}
	if _, err := f.s.Offer(f.ctx, f.linkTo("ivy", portal.Mailed)); err != nil {
		t.Errorf("a new link: %s", describe(err))
	}
	for _, table := range []string{"sessions", "sign_ins"} {
		if n := f.number(`SELECT count(*) FROM ` + table); n != 0 {
			t.Errorf("there are %d %s", n, table)
		}
	}
	if got, want := f.audit(), []string{"nobody restored a backup (as of " + done.Until.Format(whenWords) + ")"}; !slices.Equal(got, want) {
		t.Errorf("noted is %q, want %q", got, want)
	}
	if _, err := f.s.VerifyAudit(f.ctx, ChainEnd{}); err != nil {
		t.Errorf("the chain of the audit log: %v", err)
	}
	f.sound()
	f.must(f.signIn("ann", password, "ann"))
}

func TestMailThatWaitedInABackupIsHeldUntilAnAdminSendsIt(t *testing.T) {
	t.Parallel()
	f, file := backedUp(t, forgotAnn)
	old := f.mailedLink(portal.MailReset, "ann")
	if done := f.restore(file); done.Mails != 1 {
		t.Errorf("%d mails are held, want 1", done.Mails)
	}
	if m, ok, err := f.s.ClaimMail(f.ctx); ok || err != nil {
		t.Errorf("a mail to %s is sent by itself, %v", m.To, err)
	}
	id := f.text(`SELECT public_id FROM outbox WHERE state = 'failed' AND error = ?`, heldMail)
	_, err := f.s.RetryMail(f.ctx, f.user("ada"), id)
	f.must(err)
	m, ok, err := f.s.ClaimMail(f.ctx)
	if f.must(err); !ok || m.To != address("ann") {
		t.Fatalf("a mail to %q is sent", m.To)
	}
	if fresh := f.s.Links().Token(portal.Link{Purpose: m.LinkTo.Purpose, Kind: portal.Mailed, ID: m.LinkTo.ID, Version: m.LinkTo.Version}); fresh == old {
		t.Error("it has the link of before")
	}
}

func TestWhatARestoreReplacesIsKept(t *testing.T) {
	t.Parallel()
	f, file := backedUp(t, nil)
	f.must(f.s.RenameOrg(f.ctx, f.in("ann", "Acme"), "Acme of later"))
	seen := map[string]bool{}
	for range 2 { // within one second
		done := f.restore(file)
		if done.Kept == "" || seen[done.Kept] {
			t.Fatalf("it is kept as %q", done.Kept)
		}
		seen[done.Kept] = true
		if info, err := os.Stat(done.Kept); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", done.Kept, info, err)
		}
		if name := inFile(t, done.Kept, `SELECT name FROM organizations ORDER BY id LIMIT 1`); name != map[int]string{1: "Acme of later", 2: "Acme"}[len(seen)] {
			t.Errorf("%s has %q", done.Kept, name)
		}
	}
	// A damaged database does not keep anybody from restoring, and is kept with its log.
	f.exec(`PRAGMA wal_autocheckpoint = 0`)
	f.must(f.s.RenameOrg(f.ctx, f.in("ann", "Acme"), "Acme damaged"))
	log, err := os.ReadFile(filepath.Join(f.dir, "portico.db-wal"))
	f.must(err)
	f.must(f.s.Close())
	f.must(os.WriteFile(filepath.Join(f.dir, "portico.db"), []byte(strings.Repeat("no database ", 1000)), 0o600))
	f.must(os.WriteFile(filepath.Join(f.dir, "portico.db-wal"), log, 0o600))
	done, err := Restore(f.ctx, f.dir, file, Options{CheapPasswords: true})
	f.must(err)
	if now, err := os.ReadFile(done.Kept); err != nil || !strings.HasPrefix(string(now), "no database") {
		t.Errorf("the damaged one is not kept: %v", err)
	}
	f.open()
	f.sound()
	if got := f.text(`SELECT name FROM organizations WHERE public_id = ?`, f.ids["Acme"]); got != "Acme" {
		t.Errorf("it is called %q", got)
	}
}

// inFile is what a query gives in a database that nobody has open.
func inFile(t *testing.T, path, query string) (s string) {
	t.Helper()
	d, err := sql.Open("sqlite3", dsn(path, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.QueryRow(query).Scan(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestNothingIsRestoredWhileSomebodyReads(t *testing.T) {
	t.Parallel()
	f, file := backedUp(t, nil)
	_, err := Restore(f.ctx, f.dir, file, Options{CheapPasswords: true}) // as beside portico audit verify
	if err == nil || !strings.Contains(err.Error(), "another program has it open") {
		t.Errorf("got %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(f.dir, "portico.db.*")); len(left) > 0 {
		t.Errorf("%v were left behind", left)
	}
	f.must(f.s.RenameOrg(f.ctx, f.in("ann", "Acme"), "Acme goes on"))
	f.restore(file)
}

func TestABackupFitsTheKeyFileOfItsTime(t *testing.T) {
	t.Parallel()
	f, file := backedUp(t, nil)
	key, err := os.ReadFile(keyPath(f.dir))
	f.must(err)
	f.must(f.s.Close())
	for range 2 {
		_, err := RotateKey(f.ctx, f.dir)
		f.must(err)
	}
	after := filepath.Join(t.TempDir(), "after.db")
	_, err = Backup(f.ctx, f.dir, after, false)
	f.must(err)
	f.must(os.WriteFile(keyPath(f.dir), key, 0o600))
	if _, err := Restore(f.ctx, f.dir, after, Options{CheapPasswords: true}); err == nil || !strings.Contains(err.Error(), "instance.key lacks key 2") {
		t.Errorf("with an older key file: %v", err)
	}
	_, err = Restore(f.ctx, f.dir, file, Options{CheapPasswords: true})
	f.must(err)
	f.open()
	if got := f.value(f.ids["Alpha key"]); got == "" {
		t.Error("its credentials do not open")
	}
}

func TestACopyThatWasMadeByHandIsRestoredWithItsLog(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.exec(`PRAGMA wal_autocheckpoint = 0`)
	f.must(f.s.RenameOrg(f.ctx, f.in("ann", "Acme"), "Acme in the log"))
	by := filepath.Join(t.TempDir(), "copy.db")
	for _, end := range []string{"", "-wal"} {
		f.must(copyFile(filepath.Join(f.dir, "portico.db"+end), by+end))
	}
	f.must(f.s.RenameOrg(f.ctx, f.in("ann", "Acme"), "Acme of later"))
	f.restore(by)
	if got := f.text(`SELECT name FROM organizations WHERE public_id = ?`, f.ids["Acme"]); got != "Acme in the log" {
		t.Errorf("it is called %q", got)
	}
}
