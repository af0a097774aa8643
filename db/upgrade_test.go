package db

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"

	"portico/portal"
)

// oldRows are what somebody had in a database, by the version of the schema in which
// they wrote it.
var oldRows = map[int64][]string{
	1: {
		`INSERT INTO users (id, public_id, email_key, email, first_name, last_name, password_hash, state, admin, created_at) VALUES
			(1, 'ada', 'ada@example.org', 'ada@example.org', 'Ada', 'Test', $password, 'active', 1, 1),
			(2, 'ann', 'ann@example.org', 'Ann@example.org', 'Ann', 'Test', $password, 'active', 0, 2),
			(3, 'abe', 'abe@example.org', 'abe@example.org', 'Abe', 'Test', $password, 'active', 0, 3),
			(4, 'ulf', 'ulf@example.org', 'ulf@example.org', 'Ulf', 'Test', $password, 'unproven', 0, 4),
			(5, 'dora', 'dora@example.org', 'dora@example.org', 'Dora', 'Test', $password, 'deactivated', 0, 5)`,
		`INSERT INTO settings (key, value) VALUES ('key_check', $check), ('epoch', 'the epoch'), ('register', 'off'), ('min_password', '14')`,
		`INSERT INTO sessions (hash, user_id, created_at, seen_at, proof_at, ip, agent) VALUES (x'01', 2, $now, $now, $now, '192.0.2.1', 'test')`,
		`INSERT INTO limit_events (scope, subject, at) VALUES ('sign-in', 'ann@example.org', $now)`,
	},
	2: {
		`INSERT INTO organizations (id, public_id, name, state, requester_id, requested_at, decided_by, decided_at, reason, created_at) VALUES
			(1, 'acme', 'Acme', 'active', 2, 1, 1, 2, '', 1), (2, 'rigel', 'Rigel', 'pending', 3, 1, NULL, NULL, '', 1),
			(3, 'gone', 'Gone', 'deleted', NULL, 1, 1, 2, '', 1)`,
		`INSERT INTO memberships (org_id, user_id, role, first_name, last_name, joined_at) VALUES (1, 2, 'super_admin', 'Ann', 'Test', 1), (1, 3, 'team_member', 'Abe', 'Test', 1)`,
		`INSERT INTO teams (id, public_id, org_id, name, is_default, created_at) VALUES (1, 'team', 1, 'Acme All users', 1, 1), (2, 'blue', 1, 'Blue', 0, 1)`,
		`INSERT INTO team_members (org_id, team_id, user_id) VALUES (1, 1, 2), (1, 1, 3), (1, 2, 3)`,
		`INSERT INTO search_words (kind, word, id) VALUES ('organization', 'acme', 1)`,
	},
	3: {
		`INSERT INTO invitations (id, public_id, org_id, email_key, email, first_name, last_name, role, state, version, expires_at, inviter_id, created_at)
			VALUES (1, 'abcdefghijklmnopqrstuvwxyz', 1, 'ivy@example.org', 'ivy@example.org', 'Ivy', 'Test', 'team_member', 'pending', 3, $now + 86400000, 2, 1)`,
		`INSERT INTO link_copies (invitation_id, user_id) VALUES (1, 2)`,
	},
	4: {
		`INSERT INTO applications (id, public_id, org_id, owner_id, name, name_key, description, visibility, created_at) VALUES
			(1, 'alpha', 1, 2, 'Alpha', 'alpha', 'The first', 'organization', 1), (2, 'own', NULL, 3, 'Own', 'own', '', 'personal', 1)`,
		`INSERT INTO credentials (id, public_id, org_id, app_id, label, hash, sealed, sealed_by, hint, created_by, created_at)
			VALUES (1, 'key', 1, 1, 'live', $hash, $sealed, 0, 'HINT', 3, 1)`,
		`INSERT INTO reveals (credential_id, user_id, at) VALUES (1, 3, 1)`,
		`INSERT INTO usage (credential_id, day, count) VALUES (1, 20000, 7)`,
	},
	5: {
		`INSERT INTO outbox (id, public_id, kind, recipient, to_name, user_id, org_id, data, link_purpose, link_id, link_version, state, next_at, created_at) VALUES
			(1, 'mail', 'invitation', 'ivy@example.org', 'Ivy Test', NULL, 1, '{"organization":"Acme"}', 105, 'abcdefghijklmnopqrstuvwxyz', 3, 'queued', $now, 1)`,
	},
	6: {
		`INSERT INTO audit (id, at, actor_id, actor_name, actor_mail, org_id, kind, subject, detail, ip) VALUES
			(1, 1, 1, 'Ada Test', 'ada@example.org', NULL, 'became portal admin', '', '', 'shell'),
			(2, 2, 2, 'Ann Test', 'ann@example.org', 1, 'invited', 'ivy@example.org', 'as Team member', '192.0.2.1'),
			(3, 3, 2, 'Ann Test', 'ann@example.org', 1, 'created the application', 'Alpha', '', '192.0.2.1')`,
	},
	12: {`INSERT INTO undos (public_id, org_id, actor_id, kind, data, made_at) VALUES ('undo', 1, 2, 'revocation', '{"Invitation":1}', 1)`},
	20: {`INSERT INTO email_changes (user_id, email_key, email, version, expires_at) VALUES (3, 'abel@example.org', 'abel@example.org', 2, $now)`},
	22: {
		`INSERT INTO second_factors (user_id, sealed, sealed_by, made_at, enabled_at) VALUES (3, $factor, 0, 1, 2)`,
		`INSERT INTO recovery_codes (user_id, hash) VALUES (3, x'02')`,
	},
	30: {`INSERT INTO invitation_teams (org_id, invitation_id, team_id) VALUES (1, 1, 2)`},
	31: {
		`INSERT INTO mail_texts (id, kind, subject, body) VALUES (1, 'reset', 'Hello', 'There: {{link}}')`,
		`INSERT INTO mail_templates (kind, text_id, changed_at) VALUES ('reset', 1, 1)`,
	},
	60: {`INSERT INTO invite_codes (public_id, org_id, name, hash, quota, uses, created_by, created_at) VALUES ('code', 1, 'Fair', x'03', 5, 2, 1, 1)`},
}

const oldKey = "portico_0123456789abcdefghijklmnopqrstuv_000000"

func migrationFiles(t *testing.T) fs.FS {
	t.Helper()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// versions are those of all schemas there have been.
func versions(t *testing.T) (all []int64) {
	t.Helper()
	names, err := fs.Glob(migrationFiles(t), "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		n, err := strconv.ParseInt(name[:4], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	all = append(all, 41) // is written in Go
	slices.Sort(all)
	return all
}

// oldFolder is the data folder of a Portico whose schema had that version.
func oldFolder(t *testing.T, version int64) *scene {
	t.Helper()
	f := &scene{t: t, ctx: t.Context(), dir: t.TempDir(), clock: &clock{now: start}}
	file, err := readKeys(keyPath(f.dir), true)
	f.must(err)
	k, err := file.derive()
	f.must(err)
	hash, err := newHasher(true).make(f.ctx, password)
	f.must(err)
	f.must(os.WriteFile(filepath.Join(f.dir, "portico.db"), nil, 0o600))
	d, err := sql.Open("sqlite3", dsn(filepath.Join(f.dir, "portico.db"), map[string][]string{"_txlock": {"immediate"}, "_foreign_keys": {"on"}, "_journal_mode": {"WAL"}}))
	f.must(err)
	defer d.Close()
	d.SetMaxOpenConns(1)
	p, err := goose.NewProvider(goose.DialectSQLite3, d, migrationFiles(t), goose.WithGoMigrations(k.chainOldEntries(41)))
	f.must(err)
	hashOfKey := sha256.Sum256([]byte(oldKey))
	named := []any{
		sql.Named("password", hash), sql.Named("check", k.check()), sql.Named("now", millis(start)),
		sql.Named("hash", hashOfKey[:]), sql.Named("sealed", k.seal(oldKey, sealName(1, 1, "key"))), sql.Named("factor", k.seal("secret", factorSeal(3))),
	}
	for _, v := range versions(t) {
		if v > version {
			break
		}
		_, err := p.UpTo(f.ctx, v)
		f.must(err)
		for _, query := range oldRows[v] {
			if _, err := d.Exec(query, slices.DeleteFunc(slices.Clone(named), func(a any) bool { return !strings.Contains(query, "$"+a.(sql.NamedArg).Name) })...); err != nil {
				t.Fatalf("version %d: %v", v, err)
			}
		}
	}
	return f
}

// reckoned are the tables and columns that are made of what is in others.
var reckoned = []string{"goose_db_version", "search_words", "search_stale", "tallies", "audit_head", "audit.hash", "audit.app_id", "users.email_domain"}

// rowsOf are all rows of a database, by table and column.
func rowsOf(t testing.TB, path string) map[string][]string {
	t.Helper()
	d, err := sql.Open("sqlite3", dsn(path, map[string][]string{"mode": {"rw"}}))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	read := func(query string) []string {
		rows, err := d.Query(query)
		all, err := list(rows, err, func(r *sql.Rows) (s string, err error) { return s, r.Scan(&s) })
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		return all
	}
	all := map[string][]string{}
	for _, name := range read(`SELECT m.name || '.' || c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'`) {
		table, column, _ := strings.Cut(name, ".")
		if !slices.Contains(reckoned, table) && !slices.Contains(reckoned, name) {
			all[name] = read(`SELECT quote("` + column + `") FROM "` + table + `" ORDER BY 1`)
		}
	}
	return all
}

// schemaOf is the schema of the scene's open database.
func (f *scene) schemaOf() []string {
	return f.strings(`SELECT type || ' ' || name || ': ' || sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY 1`)
}

// upgraded claims that the open database is that of an old one, as a whole: before
// are its rows.
func (f *scene) upgraded(from int64, before map[string][]string, want []string) (ok bool) {
	f.t.Helper()
	failed := f.t.Failed()
	f.sound()
	if diff := cmp.Diff(want, f.schemaOf()); diff != "" {
		f.t.Errorf("from version %d the schema differs from a new one (-want +got):\n%s", from, diff)
	}
	now := rowsOf(f.t, filepath.Join(f.dir, "portico.db"))
	for name, rows := range before {
		if got, there := now[name]; there && !slices.Equal(got, rows) {
			f.t.Errorf("from version %d, %s was %v and is %v", from, name, rows, got)
		}
	}
	var entries int64
	if from >= 6 {
		entries = 3
	}
	if end, err := f.s.VerifyAudit(f.ctx, ChainEnd{}); err != nil || end.Entries != entries {
		f.t.Errorf("from version %d the audit log has %d entries, %v", from, end.Entries, err)
	}
	if from >= 2 {
		f.one(`SELECT count(*) FROM teams WHERE is_default = 1 AND org_id = 1`)
		f.one(`SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = 1 AND m.role = 'super_admin' AND u.state = 'active'`)
		found, err := f.s.OrgsNamed(f.ctx, f.user("ada"), "acm")
		if f.must(err); len(found) != 1 {
			f.t.Errorf("from version %d, %d organizations are found by their beginning", from, len(found))
		}
	}
	if from >= 3 {
		f.ids["ivy invitation"] = "abcdefghijklmnopqrstuvwxyz"
		if _, err := f.s.Offer(f.ctx, f.linkTo("ivy", portal.Mailed)); err != nil {
			f.t.Errorf("from version %d a link does not work: %v", from, err)
		}
	}
	if from >= 4 {
		if got := f.value("key"); got != oldKey {
			f.t.Errorf("from version %d a credential reads %q", from, got)
		}
	}
	return f.t.Failed() == failed
}

// one claims that a query counts one.
func (f *scene) one(query string) {
	f.t.Helper()
	if n := f.number(query); n != 1 {
		f.t.Errorf("%s gives %d, want 1", query, n)
	}
}

// freshSchema is the schema of a new database.
func freshSchema(t *testing.T) []string {
	t.Helper()
	f := &scene{t: t, ctx: t.Context(), dir: t.TempDir(), clock: &clock{now: start}}
	f.open()
	defer f.s.Close()
	return f.schemaOf()
}

func TestADatabaseOfEveryVersionOpensWithAllThatWasInIt(t *testing.T) {
	t.Parallel()
	want, all := freshSchema(t), versions(t)
	newest := all[len(all)-1]
	tried, held := 0, 0
	defer func() {
		t.Attr("faults", fmt.Sprintf("%s|%d|%d", "database of an older version, opened", tried, held))
	}()
	for _, version := range all {
		f := oldFolder(t, version)
		f.ids = map[string]string{}
		path := filepath.Join(f.dir, "portico.db")
		before := rowsOf(t, path)
		var log bytes.Buffer
		s, err := Open(f.ctx, f.dir, Options{CheapPasswords: true, Log: slog.New(slog.NewTextHandler(&log, nil))})
		f.must(err)
		f.s, s.Now = s, f.clock.read
		tried++
		ok := f.upgraded(version, before, want)
		f.must(f.signIn("ann", password, "ann"))
		f.must(f.s.Close())
		spare := fmt.Sprintf("%s.before-%d", path, newest)
		info, err := os.Stat(spare)
		switch {
		case version == newest:
			if err == nil || log.Len() > 0 {
				t.Errorf("there was nothing to do, and it says %s", log.String())
			}
		case err != nil || info.Mode().Perm() != 0o600 || versionOf(t.Context(), spare) != version || !cmp.Equal(rowsOf(t, spare), before):
			t.Errorf("the copy of version %d is %v, of version %d, %v", version, info, versionOf(t.Context(), spare), err)
		case !strings.Contains(log.String(), spare) || !strings.Contains(log.String(), fmt.Sprintf("from=%d to=%d", version, newest)):
			t.Errorf("it says %s", log.String())
		case ok:
			held++
		}
		if version == newest && ok {
			held++
		}
	}
}

func TestFewCopiesOfBeforeUpgradesAreKept(t *testing.T) {
	t.Parallel()
	f := oldFolder(t, 7)
	all := versions(t)
	path := filepath.Join(f.dir, "portico.db")
	for _, n := range []string{"9", "10", "11", "12"} {
		f.must(os.WriteFile(path+".before-"+n, nil, 0o600))
	}
	f.must(os.WriteFile(filepath.Join(f.dir, ".portico.db.before-12.4711"), nil, 0o600)) // by one that was killed
	f.ids = map[string]string{}
	f.open()
	left, err := filepath.Glob(filepath.Join(f.dir, "*portico.db.*"))
	f.must(err)
	hidden, err := filepath.Glob(filepath.Join(f.dir, ".portico*"))
	f.must(err)
	want := []string{path + ".before-11", path + ".before-12", fmt.Sprintf("%s.before-%d", path, all[len(all)-1])}
	if !slices.Equal(append(left, hidden...), want) {
		t.Errorf("kept are %v and %v, want %v", left, hidden, want)
	}
}

// Not beside others: a process that they start holds the lock too, until it is another program.
func TestNobodyBringsADatabaseUpToDateUnderARunningPortico(t *testing.T) {
	f := oldFolder(t, 7)
	lock, err := Lock(f.dir)
	f.must(err)
	before := f.fileSum("portico.db")
	if _, err := Open(f.ctx, f.dir, Options{Beside: true}); err == nil || !strings.Contains(err.Error(), "another Portico is using it") {
		t.Errorf("got %v", err)
	}
	if f.fileSum("portico.db") != before {
		t.Error("the database has changed")
	}
	f.must(lock.Close())
	s, err := Open(f.ctx, f.dir, Options{Beside: true, CheapPasswords: true})
	f.must(err)
	defer s.Close()
	if _, err := Lock(f.dir); err != nil {
		t.Errorf("it is still locked: %v", err)
	}
}

// A process that dies when a statement asks for it: init takes the place of the tests
// in one that is started with this variable, as "folder version statement".
const dieAt = "DB_TEST_DIE_AT"

func init() {
	where := strings.Fields(os.Getenv(dieAt))
	if len(where) != 3 {
		return
	}
	sql.Register("mortal", &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
		return c.RegisterFunc("die", func() int64 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}, false)
	}})
	version, _ := strconv.ParseInt(where[1], 10, 64)
	statement, _ := strconv.Atoi(where[2])
	s, err := Open(context.Background(), where[0], Options{CheapPasswords: true, driver: "mortal", migrations: deadly(version, statement)})
	if err == nil {
		err = s.Close()
	}
	fmt.Println("it did not die:", err)
	os.Exit(0)
}

// deadly are the migrations with a death before that statement of one of them.
func deadly(version int64, statement int) fs.FS {
	files, _ := fs.Sub(migrations, "migrations")
	names, _ := fs.Glob(files, "*.sql")
	changed := fstest.MapFS{}
	for _, name := range names {
		text, _ := fs.ReadFile(files, name)
		if strings.HasPrefix(name, fmt.Sprintf("%04d_", version)) {
			all := statements(string(text))
			all = slices.Insert(all, statement, "SELECT die();\n")
			_, down, _ := strings.Cut(string(text), "-- +goose Down")
			text = []byte("-- +goose Up\n" + strings.Join(all, "") + "-- +goose Down" + down)
		}
		changed[name] = &fstest.MapFile{Data: text}
	}
	return changed
}

// statements are those of a migration's way up.
func statements(text string) (all []string) {
	up, _, _ := strings.Cut(text, "-- +goose Down")
	_, up, _ = strings.Cut(up, "-- +goose Up\n")
	var one strings.Builder
	whole := false // inside a trigger
	for line := range strings.Lines(up) {
		one.WriteString(line)
		code, _, _ := strings.Cut(line, " --")
		code = strings.TrimSpace(code)
		switch {
		case code == "-- +goose StatementBegin":
			whole = true
			continue
		case code == "-- +goose StatementEnd":
			whole = false
		case whole || !strings.HasSuffix(code, ";"):
			continue
		}
		all = append(all, one.String())
		one.Reset()
	}
	return all
}

func TestAMigrationKilledAtAStatementLeavesTheOldStateAndGoesOn_DB_13(t *testing.T) {
	t.Parallel()
	every := 8
	if long() {
		every = 1
	}
	want, all := freshSchema(t), versions(t)
	newest := all[len(all)-1]
	tried, held := 0, 0
	defer func() {
		t.Attr("faults", fmt.Sprintf("%s|%d|%d", "migration killed at a statement", tried, held))
	}()
	n := 0
	for i, version := range all[1:] {
		from := all[i]
		deaths := []int{0} // of the one in Go, see below
		if version != 41 {
			names, err := fs.Glob(migrationFiles(t), fmt.Sprintf("%04d_*", version))
			if err != nil || len(names) != 1 {
				t.Fatal(names, err)
			}
			text, err := fs.ReadFile(migrationFiles(t), names[0])
			if err != nil {
				t.Fatal(err)
			}
			deaths = deaths[:0]
			for k := range len(statements(string(text))) + 1 {
				deaths = append(deaths, k)
			}
		}
		var old *scene
		for _, k := range deaths {
			if n++; n%every != 0 && version != 41 {
				continue
			}
			if old == nil {
				old = oldFolder(t, from)
			}
			f := &scene{t: t, ctx: t.Context(), dir: t.TempDir(), clock: &clock{now: start}, ids: map[string]string{}}
			for _, name := range []string{"portico.db", "instance.key"} {
				f.must(copyFile(filepath.Join(old.dir, name), filepath.Join(f.dir, name)))
			}
			path := filepath.Join(f.dir, "portico.db")
			if version == 41 {
				inDatabase(t, path, `CREATE TRIGGER deadly AFTER UPDATE ON audit WHEN new.id = 2 BEGIN SELECT die(); END`)
			}
			before := rowsOf(t, path)
			tried++
			dies := exec.Command(os.Args[0])
			dies.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %d", dieAt, f.dir, version, k))
			out, err := dies.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("version %d was not killed at its statement %d: %v\n%s", version, k, err, out)
			}
			ok := true
			if got := versionOf(t.Context(), path); got != from {
				t.Errorf("killed at statement %d of version %d it is of version %d", k, version, got)
				ok = false
			}
			if diff := cmp.Diff(before, rowsOf(t, path)); diff != "" {
				t.Errorf("killed at statement %d of version %d something is different:\n%s", k, version, diff)
				ok = false
			}
			if spare := fmt.Sprintf("%s.before-%d", path, newest); versionOf(t.Context(), spare) != from || !cmp.Equal(before, rowsOf(t, spare)) {
				t.Errorf("killed at statement %d of version %d the copy of before is of version %d", k, version, versionOf(t.Context(), spare))
				ok = false
			}
			if version == 41 {
				inDatabase(t, path, `DROP TRIGGER deadly`)
			}
			f.open()
			if f.upgraded(from, before, want) && ok {
				held++
			}
			f.must(f.s.Close())
		}
	}
}

// inDatabase runs a statement in a database that nobody has open.
func inDatabase(t *testing.T, path, query string) {
	t.Helper()
	d, err := sql.Open("sqlite3", dsn(path, map[string][]string{"mode": {"rw"}}))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Exec(query); err != nil {
		t.Fatal(err)
	}
}

func TestTheCopyOfBeforeAnUpgradeThatWasBrokenOffIsKept(t *testing.T) {
	t.Parallel()
	f := oldFolder(t, 7)
	all := versions(t)
	dies := exec.Command(os.Args[0])
	dies.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %d", dieAt, f.dir, 60, 1))
	_ = dies.Run()
	path := filepath.Join(f.dir, "portico.db")
	if got := versionOf(t.Context(), path); got != 50 {
		t.Fatalf("it was broken off at version %d", got)
	}
	f.ids = map[string]string{}
	f.open()
	if got := versionOf(t.Context(), fmt.Sprintf("%s.before-%d", path, all[len(all)-1])); got != 7 {
		t.Errorf("the copy is of version %d, want 7", got)
	}
}
