package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"

	"portico/portal"
)

// recorder opens connections that note each statement, with its arguments.
type recorder struct {
	path string
	mu   sync.Mutex
	seen map[string][]driver.NamedValue
	most map[string]int // how many rows a statement has given at most; nil: they are not counted
	said []string       // the statements in their order
}

func (r *recorder) Driver() driver.Driver { return &sqlite3.SQLiteDriver{} }

func (r *recorder) Connect(context.Context) (driver.Conn, error) {
	c, err := r.Driver().Open(r.path)
	if err != nil {
		return nil, err
	}
	return &recording{c.(*sqlite3.SQLiteConn), r}, nil
}

func (r *recorder) note(query string, args []driver.NamedValue) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen[query] = args
	r.said = append(r.said, query)
}

type recording struct {
	*sqlite3.SQLiteConn
	r *recorder
}

func (c *recording) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.r.note(query, args)
	rows, err := c.SQLiteConn.QueryContext(ctx, query, args)
	if err != nil || c.r.most == nil {
		return rows, err
	}
	return &counted{Rows: rows, query: query, r: c.r}, nil
}

// counted counts the rows that a statement gives.
type counted struct {
	driver.Rows
	query string
	r     *recorder
	n     int
}

func (c *counted) Next(into []driver.Value) error {
	err := c.Rows.Next(into)
	if err == nil {
		c.n++
		c.r.mu.Lock()
		defer c.r.mu.Unlock()
		c.r.most[c.query] = max(c.r.most[c.query], c.n)
	}
	return err
}

func (c *recording) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	c.r.note("BEGIN", nil)
	return c.SQLiteConn.BeginTx(ctx, o)
}

func (c *recording) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.r.note(query, args)
	return c.SQLiteConn.ExecContext(ctx, query, args)
}

// record puts recorders under a scene's store.
func record(f *scene, seen map[string][]driver.NamedValue) *recorder {
	path := filepath.Join(f.dir, "portico.db")
	f.must(f.s.read.Close())
	f.must(f.s.write.Close())
	r := &recorder{path: dsn(path, url.Values{"_txlock": {"immediate"}, "_foreign_keys": {"on"}, "_busy_timeout": {"10000"}}), seen: seen}
	f.s.write = sql.OpenDB(r)
	f.s.write.SetMaxOpenConns(1)
	f.s.read = sql.OpenDB(r)
	return r
}

// scans are the walks through a whole table, and the sorts, that a plan may have:
// of tables that stay small, and of rows that a LIMIT ends at once.
var scans = []struct{ query, step string }{
	{`FROM settings`, `SCAN settings`},
	{`FROM mail_templates p`, `SCAN p`},                                // one row a kind of mail
	{`FROM outbox m WHERE (CASE`, `SCAN m USING INDEX outbox_failing`}, // a partial index, up to a LIMIT
	{`FROM search_stale ORDER BY`, `SCAN search_stale`},                // what this transaction has changed
	{`SELECT count(*) FROM (SELECT 1 FROM`, `SCAN (subquery-`},
	{`(SELECT count(*) FROM (SELECT 1 FROM`, `SCAN CONSTANT ROW`},
	{`SELECT EXISTS (`, `SCAN CONSTANT ROW`},
	{`SELECT CASE WHEN EXISTS (`, `SCAN CONSTANT ROW`},
	{`SELECT (EXISTS (`, `SCAN CONSTANT ROW`},
	{`SELECT count(*), COALESCE(min(at), 0) FROM (`, `SCAN (subquery-`},
	{`WHERE admin = 1`, `USING INDEX users_admins`},          // a partial index: admins are few
	{`WHERE admin = 1`, `USING COVERING INDEX users_admins`}, // likewise
	{`members WHERE team_id = t.id LIMIT`, `SCAN (subquery-`},
	{`FROM memberships m JOIN organizations o ON o.id = m.org_id WHERE m.user_id = ?`, `TEMP B-TREE FOR ORDER BY`}, // one person's organizations
	{`WHERE c.app_id = ? ORDER BY c.revoked_at`, `TEMP B-TREE FOR ORDER BY`},                                       // one application's credentials
	{`FROM reveals r JOIN users u`, `TEMP B-TREE FOR ORDER BY`},                                                    // those of a page
	{`FROM audit ORDER BY id`, `SCAN audit`},                                                                       // verifying it reads all of it
	{`WHERE e.id IN (SELECT id FROM (`, `SCAN did`},                                                                // a page's
	{`WHERE e.id IN (SELECT id FROM (`, `SCAN suffered`},                                                           // likewise
	{`WHERE e.id IN (SELECT id FROM (`, `TEMP B-TREE FOR ORDER BY`},                                                // likewise
	{`DELETE FROM sessions WHERE seen_at < ?`, `SCAN sessions`},                                                    // tidying, now and then
}

func TestEveryStatementOfEveryOperationGoesByAnIndex_DOS_09(t *testing.T) {
	seen := map[string][]driver.NamedValue{}
	for _, o := range operations {
		if o.method == "Close" || o.method == "FillDemo" {
			continue
		}
		f := o.scene(t)
		record(f, seen)
		if _, err := o.run(f, o.actor(f, o.doer)); codeOf(err) != o.does.code {
			t.Errorf("%s: %s", o.method, describe(err))
		}
		_, _ = o.run(f, o.actor(f, o.again))
		f.s.Close()
	}
	f := newScene(t)
	record(f, seen)
	for _, o := range []func() error{ // further shapes of the same lists
		func() error { _, err := f.s.Orgs(f.ctx, f.user("ada"), portal.OrgPending, "", ""); return err },
		func() error {
			_, err := f.s.Orgs(f.ctx, f.user("ada"), portal.OrgPending, "one two three four five six", f.s.cursorFor("orgs", 5))
			return err
		},
		func() error { _, err := f.s.Users(f.ctx, f.user("ada"), portal.UserActive, "", ""); return err },
		func() error { _, err := f.s.Users(f.ctx, f.user("ada"), portal.UserActive, "a b c", ""); return err },
		func() error { _, err := f.s.Admins(f.ctx, f.user("ada"), "", f.s.cursorFor("admins", 5)); return err },
		func() error { _, err := f.s.Parting(f.ctx, f.user("wanda"), f.ids["wanda"]); return err },
		func() error {
			_, err := f.s.AllTeams(f.ctx, f.user("ada"), "", f.s.cursorFor("allteam", 1))
			return err
		},
		func() error { _, err := f.s.AllTeams(f.ctx, f.user("ada"), "a b", ""); return err },
		func() error {
			blue(f)
			_, err := f.s.TeamLeaving(f.ctx, f.in("ann", "Acme"), f.ids["Blue"], f.ids["abe"])
			f.must(err)
			n := invited("tia", portal.TeamMember)
			n.Teams = []string{f.ids["Blue"]}
			inv, err := f.s.Invite(f.ctx, f.in("ann", "Acme"), n)
			f.must(err)
			_, _, err = f.s.Join(f.ctx, ip, f.link(inv, portal.Mailed), person("tia"), f.browser("tia"))
			f.must(err)
			return f.s.UpdateMember(f.ctx, f.in("ann", "Acme"), f.ids["abe"], "Abe", "Test", portal.TeamMember, f.ids["Acme team"])
		},
		func() error { _, _, err := f.s.Enter(f.ctx, f.user("ada"), f.ids["Acme"], true); return err },
		func() error { return audits(f) },
		func() error {
			for _, state := range portal.MailStates {
				for _, kind := range []portal.MailKind{"", portal.MailProve} {
					for _, query := range []string{"", "ann exa"} {
						if _, err := f.s.Mails(f.ctx, f.user("ada"), portal.MailFilter{State: state, Kind: kind, Query: query}, f.s.cursorFor("mail", 5)); err != nil {
							return err
						}
					}
				}
			}
			_, err := f.s.RetryMails(f.ctx, f.user("ada"), portal.MailKept)
			f.refused(err, portal.Conflict)
			return nil
		},
		func() error { return lists(f, f.in("ann", "Acme")) },
		func() error { return lists(f, f.in("abe", "Acme")) },
		func() error { return lists(f, own(f.user("abe"))) },
		func() error { _, err := f.s.SeenBy(f.ctx, f.in("abe", "Acme"), f.ids["abe"]); return err },
		func() error { return f.s.WriteUses(f.ctx) },
		func() error {
			a, k := f.appOf(own(f.user("abe")), "Own", "")
			f.opens(f.value(k.PublicID))
			f.must(f.s.WriteUses(f.ctx))
			_, err := f.s.MoveApplication(f.ctx, own(f.user("abe")), a.PublicID, f.ids["Acme"])
			return err
		},
		func() error {
			f.app("abe", "Mine", portal.VisiblePersonal)
			_, err := f.s.LeaveOrg(f.ctx, f.in("abe", "Acme"), f.ids["ann"])
			return err
		},
		func() error { _, err := f.s.rekey(f.ctx); return err },
		func() error { _, err := f.s.Undo(f.ctx, f.in("amy", "Acme"), f.revokes("amy", "ivy")); return err },
		func() error {
			f.app("una", "Hers", portal.VisiblePersonal)
			_, err := f.s.Undo(f.ctx, f.in("amy", "Acme"), f.removes("amy", "una"))
			return err
		},
		func() error {
			f.must(f.s.SignIn(f.ctx, address("bob"), password, f.home("bob's", "bob's", "")))
			f.must(f.s.SignIn(f.ctx, address("bob"), password, f.home("bob's 2", "bob's 2", "bob's")))
			f.must(f.s.Reprove(f.ctx, f.user("bob"), password, hashOf("bob's 2")))
			return f.s.EndOtherSessions(f.ctx, f.user("bob"), hashOf("bob's 2"))
		},
	} {
		f.must(o())
	}
	conn, err := f.s.write.Conn(t.Context())
	f.must(err)
	defer conn.Close()
	insert := regexp.MustCompile(`(?i)^\s*INSERT\b[^;]*\bVALUES\b`)
	statement := regexp.MustCompile(`(?i)^\s*(SELECT|INSERT|UPDATE|DELETE)\b`)
	checked := 0
	for query, named := range seen {
		if !statement.MatchString(query) || strings.Contains(query, "sqlite_schema") || fixtures(query) {
			continue
		}
		args := make([]any, len(named))
		for i, a := range named {
			args[i] = a.Value
		}
		rows, err := conn.QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+query, args...)
		steps, err := list(rows, err, func(r *sql.Rows) (string, error) {
			var id, parent, unused int
			var detail string
			err := r.Scan(&id, &parent, &unused, &detail)
			return detail, err
		})
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		checked++
		if insert.MatchString(query) {
			continue // it shows look-ups of references that only happen when one is broken
		}
		for _, step := range steps {
			if problem := walks(query, step); problem {
				t.Errorf("%s\n\tin the plan of %s", step, strings.Join(strings.Fields(query), " "))
			}
		}
	}
	if checked < 120 {
		t.Errorf("only %d plans were looked at", checked)
	}
}

// lists reads the lists of applications as each kind of actor does.
func lists(f *scene, by portal.Actor) error {
	if _, err := f.s.Applications(f.ctx, by, "", f.s.cursorFor("apps", 5)); err != nil {
		return err
	}
	if _, err := f.s.ApplicationCount(f.ctx, by); err != nil {
		return err
	}
	_, err := f.s.Applications(f.ctx, by, "", "")
	return err
}

// audits reads the audit log through every filter, alone and with the others.
func audits(f *scene) error {
	for i := range 1 << 4 {
		var filter portal.AuditFilter
		if i&1 != 0 {
			filter.From, filter.To = start, start.Add(time.Hour)
		}
		if i&2 != 0 {
			filter.Kind = portal.AuditJoined
		}
		if i&4 != 0 {
			filter.Person = address("ann")
		}
		if i&8 != 0 {
			filter.Org = f.ids["Acme"]
		}
		for _, cursor := range []string{"", f.s.cursorFor("audit", f.marks.audit)} {
			if _, err := f.s.AuditLog(f.ctx, f.user("ada"), filter, cursor); err != nil {
				return err
			}
		}
		for _, who := range []string{"ann", "abe"} {
			if _, err := f.s.Activity(f.ctx, f.in(who, "Acme"), filter, f.s.cursorFor("activity", f.marks.audit)); err != nil {
				return err
			}
		}
	}
	_, err := f.s.AuditLog(f.ctx, f.user("ada"), portal.AuditFilter{Person: address("nobody")}, "")
	return err
}

func walks(query, step string) bool {
	if !strings.Contains(step, "SCAN") && !strings.Contains(step, "AUTOMATIC") && !strings.Contains(step, "TEMP B-TREE FOR ORDER BY") {
		return false
	}
	flat := strings.Join(strings.Fields(query), " ")
	for _, s := range scans {
		if strings.Contains(flat, s.query) && strings.Contains(step, s.step) {
			return false
		}
	}
	return true
}

// fixtures reports whether a statement is of these tests and not of the store.
func fixtures(query string) bool {
	for _, own := range []string{`SELECT * FROM `, `SELECT COALESCE(max(id), 0) FROM`, `SELECT max(id)`, `WHERE email = ?`, `WHERE kind = ? AND recipient = ?`, `replace(recipient`, `replace(actor_mail`} {
		if strings.Contains(query, own) {
			return true
		}
	}
	return false
}

func TestTheCheckOfPlansSeesAWalkThroughATable(t *testing.T) {
	f := newScene(t)
	for query, walk := range map[string]bool{
		`SELECT id FROM users WHERE first_name = 'Ann'`:                             true,
		`SELECT id FROM audit ORDER BY at`:                                          true,
		`SELECT count(*) FROM users`:                                                true,
		`SELECT id FROM organizations WHERE state = 'active' ORDER BY name LIMIT 1`: true,
		`SELECT id FROM users WHERE id < 7 ORDER BY id DESC LIMIT 3`:                false,
	} {
		found := false
		for _, step := range f.plan(query) {
			found = found || walks(query, step)
		}
		if found != walk {
			t.Errorf("%s: a walk was seen: %v, in %q", query, found, f.plan(query))
		}
	}
}

func (f *scene) plan(query string) []string {
	f.t.Helper()
	rows, err := f.s.write.Query(`EXPLAIN QUERY PLAN ` + query)
	steps, err := list(rows, err, func(r *sql.Rows) (string, error) {
		var id, parent, unused int
		var detail string
		err := r.Scan(&id, &parent, &unused, &detail)
		return detail, err
	})
	if err != nil {
		f.t.Fatal(fmt.Errorf("%s: %w", query, err))
	}
	return steps
}
