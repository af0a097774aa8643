package db

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"portico/portal"
)

// whole checks that the audit log verifies.
func (f *scene) whole() ChainEnd {
	f.t.Helper()
	end, err := f.s.VerifyAudit(f.ctx, ChainEnd{})
	if err != nil {
		f.t.Fatalf("the audit log is broken: %v", err)
	}
	if want := f.number(`SELECT count(*) FROM audit`); end.Entries != want {
		f.t.Errorf("%d entries were verified, there are %d", end.Entries, want)
	}
	return end
}

// tamper changes the database as somebody with the file does.
func (f *scene) tamper(statements ...string) {
	f.t.Helper()
	f.exec(`DROP TRIGGER audit_no_update`)
	f.exec(`DROP TRIGGER audit_no_delete`)
	for _, query := range statements {
		f.exec(query)
	}
}

func TestEveryChangeToTheAuditLogIsFoundAndNamed_AUD_02(t *testing.T) {
	t.Parallel()
	whole := newScene(t)
	last, joined := whole.whole().ID, whole.number(`SELECT min(id) FROM audit WHERE kind = 'joined'`)
	if last < 20 {
		t.Fatalf("there are only %d entries", last)
	}
	for _, c := range []struct {
		name  string
		do    []string
		names int64
		says  string
	}{
		{"one byte of a name", []string{`UPDATE audit SET actor_name = 'B' || substr(actor_name, 2) WHERE id = 7`}, 7, "entry 7 "},
		{"the address of who did it", []string{`UPDATE audit SET actor_mail = 'x' WHERE id = 7`}, 7, "entry 7 "},
		{"who did it", []string{`UPDATE audit SET actor_id = 99 WHERE id = 7`}, 7, "entry 7 "},
		{"the time, by a millisecond", []string{`UPDATE audit SET at = at + 1 WHERE id = 9`}, 9, "entry 9 "},
		{"the kind", []string{`UPDATE audit SET kind = 'left the organization' WHERE id = 9`}, 9, "entry 9 "},
		{"to whom", []string{`UPDATE audit SET subject = subject || ' ' WHERE id = 1`}, 1, "entry 1 "},
		{"the detail", []string{`UPDATE audit SET detail = 'as Super admin' WHERE id = 12`}, 12, "entry 12 "},
		{"letters from one field to the next", []string{fmt.Sprintf(`UPDATE audit SET subject = subject || substr(detail, 1, 1), detail = substr(detail, 2) WHERE id = %d`, joined)}, joined, fmt.Sprintf("entry %d ", joined)},
		{"the network address", []string{`UPDATE audit SET ip = '' WHERE id = 12`}, 12, "entry 12 "},
		{"the organization", []string{`UPDATE audit SET org_id = COALESCE(org_id, 0) + 1 WHERE id = 12`}, 12, "entry 12 "},
		{"the application", []string{`UPDATE audit SET app_id = 77 WHERE id = 12`}, 12, "entry 12 "},
		{"for whom it is", []string{`UPDATE audit SET only_for = 1 WHERE id = 12`}, 12, "entry 12 "},
		{"a refusal", []string{`UPDATE audit SET refused = 1 WHERE id = 12`}, 12, "entry 12 "},
		{"a hash", []string{`UPDATE audit SET hash = zeroblob(32) WHERE id = 12`}, 12, "entry 12 "},
		{"the newest", []string{fmt.Sprintf(`UPDATE audit SET detail = 'x' WHERE id = %d`, last)}, last, fmt.Sprintf("entry %d ", last)},
		{"two at once, of which the older is named", []string{`UPDATE audit SET detail = 'x' WHERE id IN (5, 9)`}, 5, "entry 5 "},
		{"one removed", []string{`DELETE FROM audit WHERE id = 8`}, 8, "entry 8 of the audit log is missing"},
		{"the first removed", []string{`DELETE FROM audit WHERE id = 1`}, 1, "entry 1 of the audit log is missing"},
		{"one removed and the others moved up", []string{`DELETE FROM audit WHERE id = 8`, `UPDATE audit SET id = -id WHERE id > 8`, `UPDATE audit SET id = -id - 1 WHERE id < 0`}, 8, "entry 8 "},
		{"two that changed places", []string{`UPDATE audit SET id = -1 WHERE id = 8`, `UPDATE audit SET id = 8 WHERE id = 9`, `UPDATE audit SET id = 9 WHERE id = -1`}, 8, "entry 8 "},
		{"the newest removed", []string{fmt.Sprintf(`DELETE FROM audit WHERE id = %d`, last)}, last, "is missing, and all after it"},
		{"the newer half removed", []string{`DELETE FROM audit WHERE id > 10`}, 11, "entry 11 of the audit log is missing, and all after it"},
		{"all removed", []string{`DELETE FROM audit`}, 1, "entry 1 of the audit log is missing, and all after it"},
		{"the newer half removed, and the seal of the newest moved", []string{`DELETE FROM audit WHERE id > 10`, `UPDATE audit_head SET id = 10`}, 11, "seal of the audit log's newest entry"},
		{"the newer half removed, and the seal of the newest with it", []string{`DELETE FROM audit WHERE id > 10`, `DELETE FROM audit_head`}, 11, "seal of the audit log's newest entry"},
		{"one added", []string{`INSERT INTO audit (at, actor_name, actor_mail, kind, subject, detail, ip) VALUES (1, '', '', 'joined', '', '', '')`}, last + 1, fmt.Sprintf("entry %d ", last+1)},
		{"one added with a copied hash", []string{`INSERT INTO audit (at, actor_name, actor_mail, kind, subject, detail, ip, hash) SELECT at, actor_name, actor_mail, kind, subject, detail, ip, hash FROM audit WHERE id = 3`}, last + 1, fmt.Sprintf("entry %d ", last+1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			f.tamper(c.do...)
			_, err := f.s.VerifyAudit(f.ctx, ChainEnd{})
			var broken *BrokenChain
			if !errors.As(err, &broken) || broken.ID != c.names || !strings.Contains(broken.Text, c.says) {
				t.Errorf("got %v, want entry %d and %q", err, c.names, c.says)
			}
			// What comes later does not cover it up.
			f.must(f.signIn("ann", password, "ann"))
			if _, again := f.s.VerifyAudit(f.ctx, ChainEnd{}); again == nil {
				t.Error("after another entry it is taken for whole")
			}
		})
	}
}

func TestTheAuditLogOfADayIsWholeAndOfNoUseToAnotherKey_AUD_02(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	before := f.whole()
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() { _ = f.signIn("ann", password, fmt.Sprint("browser ", i)) })
		all.Go(func() { f.s.RenameOrg(f.ctx, f.in("ann", "Acme"), fmt.Sprint("Acme ", i)) })
		all.Go(func() { f.s.RenameOrg(f.ctx, f.in("abe", "Acme"), fmt.Sprint("Acme ", i)) })
		all.Go(func() {
			if _, err := f.s.VerifyAudit(f.ctx, ChainEnd{}); err != nil {
				t.Errorf("while entries are written: %v", err)
			}
		})
	}
	all.Wait()
	if after := f.whole(); after.Entries < before.Entries+40 {
		t.Errorf("%d entries have become %d", before.Entries, after.Entries)
	}
	f.reopen()
	f.whole()
	if _, err := f.s.VerifyAudit(f.ctx, before); err != nil {
		t.Errorf("the end of before is not found again: %v", err)
	}
	other := before
	other.Hash = make([]byte, 32)
	if _, err := f.s.VerifyAudit(f.ctx, other); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("entry %d ", before.ID)) {
		t.Errorf("with another end of before: %v", err)
	}
	other.ID = 1000
	if _, err := f.s.VerifyAudit(f.ctx, other); err == nil || !strings.Contains(err.Error(), "entry 1000 ") {
		t.Errorf("with an end of a longer log: %v", err)
	}
	f.s.keys.audit = randomKey()
	if _, err := f.s.VerifyAudit(f.ctx, ChainEnd{}); err == nil || !strings.Contains(err.Error(), "entry 1 ") {
		t.Errorf("with another key: %v", err)
	}

	d := empty(t)
	d.whole()
	d.at(time.Now())
	_, err := d.s.FillDemo(d.ctx)
	d.must(err)
	d.whole()
}

func TestOldEntriesJoinTheChainAndFindTheirApplications(t *testing.T) {
	t.Parallel()
	f := &scene{t: t, ctx: t.Context(), dir: t.TempDir(), clock: &clock{now: start}, ids: map[string]string{}}
	_, err := readKeys(keyPath(f.dir), true)
	f.must(err)
	old, err := sql.Open("sqlite3", "file:"+filepath.Join(f.dir, "portico.db")+"?_foreign_keys=on")
	f.must(err)
	files, err := fs.Sub(migrations, "migrations")
	f.must(err)
	p, err := goose.NewProvider(goose.DialectSQLite3, old, files)
	f.must(err)
	_, err = p.UpTo(f.ctx, 6)
	f.must(err)
	for _, query := range []string{
		`INSERT INTO users (id, public_id, email_key, email, first_name, last_name, password_hash, state, created_at) VALUES (1, 'u1', 'ann@example.org', 'ann@example.org', 'Ann', 'Test', '', 'active', 1)`,
		`INSERT INTO organizations (id, public_id, name, state, requested_at, created_at) VALUES (1, 'o1', 'Acme', 'active', 1, 1), (2, 'o2', 'Beta', 'active', 1, 1)`,
		`INSERT INTO applications (id, public_id, org_id, owner_id, name, name_key, description, visibility, created_at, deleted_at) VALUES
			(1, 'a1', 1, 1, 'Sure', 'sure', '', 'team', 1, NULL), (2, 'a2', 1, 1, 'Twice', 'twice', '', 'team', 1, 5), (3, 'a3', 1, 1, 'Twice', 'twice', '', 'organization', 6, NULL),
			(4, 'a4', 1, 1, 'Moved on', 'moved on', '', 'team', 1, NULL), (5, 'a5', 1, 1, 'Was', 'was', '', 'organization', 9, NULL), (6, 'a6', 2, 1, 'Other', 'other', '', 'organization', 1, NULL)`,
		`INSERT INTO audit (at, actor_id, actor_name, actor_mail, org_id, kind, subject, detail, ip) VALUES
			(1, 1, 'Ann Test', 'ann@example.org', 1, 'created the application', 'Sure', '', ''),
			(2, 1, 'Ann Test', 'ann@example.org', 1, 'revealed a credential of', 'Twice', '', ''),
			(3, 1, 'Ann Test', 'ann@example.org', 1, 'revealed a credential of', 'Was', '', ''),
			(4, 1, 'Ann Test', 'ann@example.org', 1, 'edited the application', 'Moved on', 'from Was', ''),
			(5, 1, 'Ann Test', 'ann@example.org', 1, 'deleted the application', 'Other', '', ''),
			(6, NULL, '', '', NULL, 'asked for a new password', 'Sure', '', '')`,
		`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
			INSERT INTO audit (at, actor_id, actor_name, actor_mail, kind, subject, detail, ip) SELECT 6, 1, 'Ann Test', 'ann@example.org', 'signed in', '', '', '' FROM n`,
	} {
		_, err := old.Exec(query)
		f.must(err)
	}
	f.must(old.Close())

	f.open()
	t.Cleanup(func() { f.s.Close() })
	if end := f.whole(); end.Entries != 2506 {
		t.Errorf("%d entries are in the chain", end.Entries)
	}
	if got, want := f.strings(`SELECT id || '=' || COALESCE(app_id, 'none') FROM audit WHERE id < 7 ORDER BY id`), []string{"1=1", "2=none", "3=none", "4=4", "5=none", "6=none"}; !slices.Equal(got, want) {
		t.Errorf("entries and applications are %q, want %q", got, want)
	}
	if _, err := f.s.write.Exec(`UPDATE audit SET detail = 'x'`); err == nil || !strings.Contains(err.Error(), "append-only") {
		t.Errorf("an entry is changed: %v", err)
	}
	if n := f.number(`SELECT count FROM tallies WHERE what = 'signed in' AND day = 0`); n != 2500 {
		t.Errorf("%d sign-ins were tallied", n)
	}
	// Who sees no application of the old name reads nothing of it.
	f.exec(`INSERT INTO users (id, public_id, email_key, email, first_name, last_name, password_hash, state, created_at) VALUES (2, 'u2', 'abe@example.org', 'abe@example.org', 'Abe', 'Test', '', 'active', 1)`)
	f.exec(`INSERT INTO memberships (org_id, user_id, role, first_name, last_name, joined_at) VALUES (1, 1, 'super_admin', 'Ann', 'Test', 1), (1, 2, 'team_member', 'Abe', 'Test', 1)`)
	f.ids["Acme"] = "o1"
	for who, want := range map[string]int{"ann": 5, "abe": 0} {
		page, err := f.s.Activity(f.ctx, f.in(who, "Acme"), portal.AuditFilter{}, "")
		if f.must(err); len(page.Items) != want {
			t.Errorf("%s reads %d old entries, want %d", who, len(page.Items), want)
		}
	}
	f.must(f.s.RenameOrg(f.ctx, f.in("ann", "Acme"), "Acme Two"))
	f.whole()
}
