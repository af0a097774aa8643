package db

import (
	"crypto/sha256"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"portico/portal"
)

func TestTheFilesAreTheirOwnersAlone_DB_07(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "deep", "data")
	if err := Folder(dir); err != nil {
		t.Fatal(err)
	}
	lock, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	f := &scene{t: t, ctx: t.Context(), dir: dir, clock: &clock{now: start}}
	f.open()
	defer f.s.Close()
	f.must(f.s.CreateAdmin(f.ctx, person("ada")))
	want := map[string]fs.FileMode{".": 0o700, "portico.db": 0o600, "portico.db-wal": 0o600, "portico.db-shm": 0o600, "instance.key": 0o600, "portico.lock": 0o600}
	entries, err := os.ReadDir(dir)
	f.must(err)
	names := []string{"."}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	for _, name := range names {
		info, err := os.Stat(filepath.Join(dir, name))
		f.must(err)
		if got := info.Mode().Perm(); got != want[name] {
			t.Errorf("%s has the mode %o, want %o", name, got, want[name])
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("there is no %s", name)
	}
	// What was left open to others is closed.
	f.must(f.s.Close())
	f.must(os.Chmod(dir, 0o755))
	f.must(os.Chmod(filepath.Join(dir, "portico.db"), 0o644))
	f.must(Folder(dir))
	f.open()
	for name, mode := range map[string]fs.FileMode{".": 0o700, "portico.db": 0o600} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s has the mode %v, %v", name, info.Mode(), err)
		}
	}
}

func TestAFolderThatCannotBeUsedSaysSo(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Folder(filepath.Join(file, "data")); err == nil || !strings.Contains(err.Error(), "data folder") {
		t.Errorf("got %v", err)
	}
	if _, err := Lock(filepath.Join(t.TempDir(), "nowhere")); err == nil || !strings.Contains(err.Error(), "data folder") {
		t.Errorf("got %v", err)
	}
}

func TestOneProcessHoldsAFolder_DB_06(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir); err == nil || !strings.Contains(err.Error(), "in use by another Portico") {
		t.Errorf("a second lock: %v", err)
	}
	first.Close()
	second, err := Lock(dir)
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	second.Close()
}

func TestOnlyTheRightKeyOpensADatabase_CRED_07(t *testing.T) {
	t.Parallel()
	key := func(f *scene) string { return filepath.Join(f.dir, "instance.key") }
	for _, c := range []struct {
		name string
		do   func(f *scene) error
		says string
	}{
		{"another installation's key", func(f *scene) error { return os.WriteFile(key(f), []byte(strings.Repeat("ab", 32)+"\n"), 0o600) }, "not the key this database was made with"},
		{"no key", func(f *scene) error { return os.Remove(key(f)) }, "is missing, but there is a database"},
		{"an empty key", func(f *scene) error { return os.WriteFile(key(f), nil, 0o600) }, "damaged"},
		{"half a key", func(f *scene) error { return os.WriteFile(key(f), []byte(strings.Repeat("ab", 16)), 0o600) }, "damaged"},
		{"a key of other letters", func(f *scene) error { return os.WriteFile(key(f), []byte(strings.Repeat("zz", 32)), 0o600) }, "damaged"},
		{"a key that its group reads", func(f *scene) error { return os.Chmod(key(f), 0o640) }, "can be read by others"},
		{"a key that everybody reads", func(f *scene) error { return os.Chmod(key(f), 0o604) }, "can be read by others"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			f.must(f.s.Close())
			before, err := os.ReadFile(key(f))
			f.must(err)
			f.must(c.do(f))
			changed, _ := os.ReadFile(key(f))
			if _, err := Open(f.ctx, f.dir, Options{}); err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "instance.key") {
				t.Errorf("got %v, want it to say %q", err, c.says)
			}
			if now, _ := os.ReadFile(key(f)); string(now) != string(changed) {
				t.Error("the key was written anew")
			}
			f.must(os.WriteFile(key(f), before, 0o600))
			f.must(os.Chmod(key(f), 0o600))
			f.open()
			f.must(f.signIn("ann", password, "ann"))
		})
	}
}

func TestAKeyFileFromBeforeARotationIsRefused(t *testing.T) {
	t.Parallel()
	for _, sealed := range []string{"credentials", "the mail server", "second factors"} {
		f := newScene(t)
		if sealed != "credentials" {
			f.exec(`UPDATE credentials SET sealed = NULL`)
		}
		switch sealed {
		case "second factors":
			id := f.user("ann").UserID
			f.exec(`INSERT INTO second_factors (user_id, sealed, sealed_by, made_at) VALUES (?, ?, 0, 0)`, id, f.s.keys.seal("secret", factorSeal(id)))
		case "the mail server":
			f.s.SMTP = portal.SMTPConfig{}
			f.must(f.s.SetMail(f.ctx, f.user("ada"), "smtp://a:b@mail.example.org", "P <p@example.org>"))
		}
		f.must(f.s.Close())
		rotate := func() []byte {
			file, err := os.ReadFile(keyPath(f.dir))
			f.must(err)
			_, err = RotateKey(f.ctx, f.dir)
			f.must(err)
			return file
		}
		never, once := rotate(), rotate()
		twice, err := os.ReadFile(keyPath(f.dir))
		f.must(err)
		before := f.fileSum("portico.db")
		for old, file := range map[string][]byte{"as it was made": never, "after the first rotation": once} {
			f.must(os.WriteFile(keyPath(f.dir), file, 0o600))
			for what, open := range map[string]func() error{
				"opening":  func() error { _, err := Open(f.ctx, f.dir, Options{}); return err },
				"rotating": func() error { _, err := RotateKey(f.ctx, f.dir); return err },
			} {
				err := open()
				if err == nil || !strings.Contains(err.Error(), "instance.key lacks key 2") || !strings.Contains(err.Error(), "put the instance.key back") {
					t.Errorf("%s: with the key file %s, %s says %v", sealed, old, what, err)
				} else if strings.Contains(err.Error(), "run this again") {
					t.Errorf("it says %v, which does not help", err)
				}
			}
			if now, _ := os.ReadFile(keyPath(f.dir)); string(now) != string(file) {
				t.Error("the key file was written anew")
			}
		}
		if f.fileSum("portico.db") != before {
			t.Error("the database has changed")
		}
		f.must(os.WriteFile(keyPath(f.dir), twice, 0o600))
		f.open()
	}
	// A newer file does not open what an older copy of the database holds.
	f := newScene(t)
	f.must(f.s.Close())
	_, err := RotateKey(f.ctx, f.dir)
	f.must(err)
	old, err := os.ReadFile(filepath.Join(f.dir, "portico.db"))
	f.must(err)
	_, err = RotateKey(f.ctx, f.dir)
	f.must(err)
	f.must(os.WriteFile(filepath.Join(f.dir, "portico.db"), old, 0o600))
	if _, err := Open(f.ctx, f.dir, Options{}); err == nil || !strings.Contains(err.Error(), "lacks key 1") {
		t.Errorf("got %v", err)
	}
}

// fileSum tells whether a file of the folder has changed.
func (f *scene) fileSum(name string) [sha256.Size]byte {
	f.t.Helper()
	text, err := os.ReadFile(filepath.Join(f.dir, name))
	f.must(err)
	return sha256.Sum256(text)
}

func TestADatabaseOfANewerPorticoIsRefused_DB_14(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)`)
	f.must(f.s.Close())
	if _, err := Open(f.ctx, f.dir, Options{}); err == nil || !strings.Contains(err.Error(), "newer Portico") || !strings.Contains(err.Error(), "999") {
		t.Errorf("got %v", err)
	}
}

func TestOpeningAgainChangesNothing(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	link, before := f.linkTo("ivy", portal.Mailed), f.fingerprint()
	f.reopen()
	f.unchanged(before)
	if _, err := f.s.Offer(f.ctx, link); err != nil {
		t.Errorf("a link of before: %s", describe(err))
	}
	if n := f.number(`SELECT count(*) FROM goose_db_version WHERE version_id > 0`); n < 6 {
		t.Errorf("%d migrations are noted", n)
	}
}

func TestTheAuditLogIsOnlyAddedTo_AUD_02(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	before := f.fingerprint()
	for _, query := range []string{
		`UPDATE audit SET actor_name = 'nobody'`, `UPDATE audit SET at = 0 WHERE id = 1`, `DELETE FROM audit`, `DELETE FROM audit WHERE id = 1`,
		`UPDATE OR REPLACE audit SET id = 2 WHERE id = 1`, `REPLACE INTO audit (id, at, actor_name, actor_mail, kind, subject, detail, ip) VALUES (1, 0, '', '', '', '', '', '')`,
	} {
		if _, err := f.s.write.Exec(query); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", query, err)
		}
	}
	f.unchanged(before)
}

func TestTheReadersCannotWriteAndTheWriterKeepsEverything_DB_15(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	if _, err := f.s.read.Exec(`DELETE FROM sessions`); err == nil {
		t.Error("the readers write")
	}
	for pragma, want := range map[string]int64{"foreign_keys": 1, "synchronous": 2, "secure_delete": 1} {
		if got := f.number(`PRAGMA ` + pragma); got != want {
			t.Errorf("%s is %d, want %d", pragma, got, want)
		}
	}
	if got := f.text(`PRAGMA journal_mode`); got != "wal" {
		t.Errorf("the journal is %s", got)
	}
	if n := f.s.write.Stats().MaxOpenConnections; n != 1 {
		t.Errorf("the writer has %d connections", n)
	}
	f.must(f.s.Ready(f.ctx))
}

func TestEachOrganizationReadsItsOwnActivityAndNoSignIns_AUD_03(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.must(f.signIn("ann", password, "ann"))
	for who, org := range map[string]string{"abe": "Acme", "bob": "Beta"} {
		page, err := f.s.Activity(f.ctx, f.in(who, org), portal.AuditFilter{}, "")
		if f.must(err); len(page.Items) == 0 {
			t.Errorf("%s has no activity", org)
		}
		for _, e := range page.Items {
			if e.OrgName != org || e.Kind == portal.AuditSignedIn || e.Kind == portal.AuditRegistered {
				t.Errorf("%s reads %+v", org, e)
			}
		}
	}
	page, err := f.s.AuditLog(f.ctx, f.user("ada"), portal.AuditFilter{}, "")
	if f.must(err); page.Items[0].Kind != portal.AuditSignedIn || page.Items[0].ActorMail != address("ann") || page.Items[0].IP != ip || !page.Items[0].At.Equal(f.clock.read()) {
		t.Errorf("the newest entry is %+v", page.Items[0])
	}
}

func TestIdsAreRandomAndSayNothing_TEN_07(t *testing.T) {
	seen := map[string]bool{}
	for range 10_000 {
		id := newID()
		if len(id) != portal.PublicIDLen || seen[id] || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") != "" {
			t.Fatalf("%q is no id, or came twice", id)
		}
		seen[id] = true
	}
}

func TestAFaultLeavesNothingHalfDone_ORG_15_AUD_01(t *testing.T) {
	t.Parallel()
	for _, broken := range []string{"outbox", "audit", "team_members", "search_words"} {
		f := newScene(t)
		f.exec(`CREATE TRIGGER broken BEFORE INSERT ON ` + broken + ` BEGIN SELECT RAISE(ABORT, 'broken'); END`)
		before := f.fingerprint()
		_, approve := f.s.Approve(f.ctx, f.user("ada"), f.ids["Rigel"], "Rigel Two", nil)
		registering := f.s.Register(f.ctx, ip, person("nora"))
		f.exec(`DELETE FROM asks`) // which would be answered when it works again
		for what, err := range map[string]error{"approving": approve, "registering": registering} {
			if err == nil && broken != "team_members" {
				t.Errorf("%s without %s succeeded", what, broken)
			}
			if err != nil && codeOf(err) != -1 {
				t.Errorf("%s without %s is taken for a person's fault: %s", what, broken, describe(err))
			}
		}
		if broken != "team_members" {
			f.unchanged(before)
		} else if approve == nil || f.text(`SELECT state FROM organizations WHERE public_id = ?`, f.ids["Rigel"]) != "pending" {
			t.Error("an organization was provisioned without its default team's first member")
		}
	}
}
