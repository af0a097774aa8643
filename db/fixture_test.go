package db

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portico/portal"
)

// start is when the tests' clock begins.
var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

const (
	password    = "gnu-tree-hill-92" // everybody's
	newPassword = "elm-pond-dale-47"
	ip          = "192.0.2.7"
)

// sentText is what mails of the tests are sent by.
var sentText = portal.MailText{Subject: "Sent", Body: "Sent"}

// scene is a store of its own with people and organizations in it:
//
//	ada, alan       portal admins; adam: a deactivated one
//	Acme            Super admins ann and amy; Team members abe, una (unproven, joined
//	                by a copied link) and dora (deactivated); application Alpha with a
//	                credential; invitations of ivy (as Team member, by ann) and ian
//	                (expired)
//	Beta            Super admins bea and ben; Team member bob; application Bravo with a
//	                credential; an invitation of ivan (by bea)
//	Rigel, Red      a pending request of rita, a rejected one of rex
//	stan            an active account of no organization
//	wanda, ulf      a waiting and an unproven account of no organization
type scene struct {
	t     testing.TB
	ctx   context.Context
	dir   string
	s     *Store
	clock *clock
	ids   map[string]string // public ids by name
	marks struct{ audit, outbox int64 }
}

// clock is the time as a test sets it.
type clock struct {
	sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.Lock()
	defer c.Unlock()
	return c.now
}

func (f *scene) at(t time.Time) { f.clock.Lock(); f.clock.now = t; f.clock.Unlock() }

func (f *scene) pass(d time.Duration) { f.at(f.clock.read().Add(d)) }

var mailServer = portal.SMTPConfig{URL: "smtp://mail.example.org", From: "Portico <portico@example.org>", ByFlags: true, FromFlag: true}

// template is the folder of a scene, made once and copied for each test.
var template = sync.OnceValues(func() (t struct {
	db, key []byte
	ids     map[string]string
}, err error) {
	dir, err := os.MkdirTemp("", "portico-scene")
	if err != nil {
		return t, err
	}
	defer os.RemoveAll(dir)
	f := &scene{t: panicky{}, ctx: context.Background(), dir: dir, clock: &clock{now: start}, ids: map[string]string{}}
	f.open()
	f.fill()
	t.ids = f.ids
	f.exec(`DELETE FROM limit_events`)
	f.exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
	if err := f.s.Close(); err != nil {
		return t, err
	}
	if t.db, err = os.ReadFile(filepath.Join(dir, "portico.db")); err == nil {
		t.key, err = os.ReadFile(filepath.Join(dir, "instance.key"))
	}
	return t, err
})

// panicky is a test that ends at the first failure; the scene is made outside tests.
type panicky struct{ testing.TB }

func (panicky) Helper()                   {}
func (panicky) Fatal(args ...any)         { panic(fmt.Sprint(args...)) }
func (panicky) Fatalf(s string, a ...any) { panic(fmt.Sprintf(s, a...)) }

// empty is a store with nobody in it.
func empty(t testing.TB) *scene {
	t.Helper()
	f := &scene{t: t, ctx: context.Background(), dir: t.TempDir(), clock: &clock{now: start}, ids: map[string]string{}}
	f.open()
	t.Cleanup(func() { f.s.Close() })
	return f
}

// newScene is a store with the whole cast in it, an hour after they came; mail
// is sent by a server.
func newScene(t testing.TB) *scene {
	t.Helper()
	tpl, err := template()
	if err != nil {
		t.Fatal(err)
	}
	f := &scene{t: t, ctx: context.Background(), dir: t.TempDir(), clock: &clock{now: start.Add(time.Hour)}, ids: maps.Clone(tpl.ids)}
	for name, text := range map[string][]byte{"portico.db": tpl.db, "instance.key": tpl.key} {
		if err := os.WriteFile(filepath.Join(f.dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f.open()
	t.Cleanup(func() { f.s.Close() })
	f.mark()
	return f
}

func (f *scene) open() {
	f.t.Helper()
	var err error
	if f.s, err = Open(f.ctx, f.dir, Options{CheapPasswords: true}); err != nil {
		f.t.Fatal(err)
	}
	f.s.Now = f.clock.read
	f.s.SMTP = mailServer
}

// reopen is what a restart of the program does.
func (f *scene) reopen() {
	f.t.Helper()
	if err := f.s.Close(); err != nil {
		f.t.Fatal(err)
	}
	f.open()
}

func address(name string) string { return name + "@example.org" }

func person(name string) portal.NewUser {
	return portal.NewUser{First: strings.ToUpper(name[:1]) + name[1:], Last: "Test", Email: address(name), Password: password}
}

func invited(name string, role portal.Role) portal.NewInvitation {
	p := person(name)
	return portal.NewInvitation{First: p.First, Last: p.Last, Email: p.Email, Role: role}
}

func (f *scene) fill() {
	f.must(f.s.SetUp(f.ctx, person("ada"), f.browser("ada")))
	for _, name := range []string{"alan", "adam"} {
		f.must(f.s.CreateAdmin(f.ctx, person(name)))
	}
	f.exec(`UPDATE users SET state = 'deactivated' WHERE email = 'adam@example.org'`)
	for _, name := range []string{"ann", "amy", "abe", "dora", "bea", "ben", "bob", "rita", "rex", "stan"} {
		f.member(name)
	}
	f.switchTo("approve_users", false)
	f.must(f.s.Register(f.ctx, "192.0.2.200", person("wanda")))
	f.must(f.s.Prove(f.ctx, ip, f.mailedLink(portal.MailProve, "wanda"), "", nil))
	f.switchTo("approve_users", true)
	f.must(f.s.Register(f.ctx, "192.0.2.200", person("ulf")))

	for _, o := range []struct{ org, super, second, member, app string }{{"Acme", "ann", "amy", "abe", "Alpha"}, {"Beta", "bea", "ben", "bob", "Bravo"}} {
		org, err := f.s.RegisterOrg(f.ctx, f.user(o.super), o.org)
		f.must(err)
		f.ids[o.org] = org.PublicID
		_, err = f.s.Approve(f.ctx, f.user("ada"), org.PublicID, o.org, nil)
		f.must(err)
		f.join(o.org, o.super, o.second, portal.SuperAdmin)
		f.join(o.org, o.super, o.member, portal.TeamMember)
		app, err := f.s.CreateApplication(f.ctx, f.in(o.super, o.org), portal.NewApplication{Name: o.app})
		f.must(err)
		f.ids[o.app] = app.PublicID
		key, _, err := f.s.CreateCredential(f.ctx, f.in(o.member, o.org), app.PublicID, portal.NewCredential{Label: "live"})
		f.must(err)
		f.ids[o.app+" key"] = key.PublicID
		f.ids[o.org+" team"] = f.text(`SELECT public_id FROM teams WHERE org_id = ? AND is_default = 1`, org.ID)
	}
	f.join("Acme", "ann", "dora", portal.TeamMember)
	f.exec(`UPDATE users SET state = 'deactivated' WHERE email = 'dora@example.org'`)

	ian := f.invite("ann", "Acme", "ian", portal.TeamMember)
	f.exec(`UPDATE invitations SET expires_at = ? WHERE id = ?`, millis(start), ian.ID)
	f.invite("ann", "Acme", "ivy", portal.TeamMember)
	f.invite("bea", "Beta", "ivan", portal.TeamMember)
	una := f.invite("ann", "Acme", "una", portal.TeamMember)
	_, joined, err := f.s.Join(f.ctx, "192.0.2.201", f.link(una, portal.Copied), person("una"), f.browser("una"))
	if f.must(err); !joined {
		f.t.Fatal("una did not join")
	}

	for _, r := range []struct{ org, by string }{{"Rigel", "rita"}, {"Red", "rex"}} {
		o, err := f.s.RegisterOrg(f.ctx, f.user(r.by), r.org)
		f.must(err)
		f.ids[r.org] = o.PublicID
	}
	_, err = f.s.Reject(f.ctx, f.user("ada"), f.ids["Red"], "Who are you?")
	f.must(err)
	f.exec(`DELETE FROM sessions`)
	f.exec(`UPDATE outbox SET state = 'sent'`)
	for _, name := range []string{"ada", "alan", "adam", "ann", "amy", "abe", "una", "dora", "bea", "ben", "bob", "rita", "rex", "stan", "wanda", "ulf"} {
		f.ids[name] = f.text(`SELECT public_id FROM users WHERE email = ?`, address(name))
	}
	f.ids["mail"] = f.text(`SELECT public_id FROM outbox ORDER BY id LIMIT 1`)
}

// member registers somebody and proves their address.
func (f *scene) member(name string) {
	f.t.Helper()
	f.must(f.s.Register(f.ctx, "192.0.2."+fmt.Sprint(100+len(name)), person(name)))
	f.must(f.s.Prove(f.ctx, ip, f.mailedLink(portal.MailProve, name), "", nil))
}

func (f *scene) invite(by, org, name string, role portal.Role) portal.Invitation {
	f.t.Helper()
	inv, err := f.s.Invite(f.ctx, f.in(by, org), invited(name, role))
	f.must(err)
	f.ids[name+" invitation"] = inv.PublicID
	return inv
}

// join makes somebody with an account a member, by invitation.
func (f *scene) join(org, by, name string, role portal.Role) {
	f.t.Helper()
	inv, err := f.s.Invite(f.ctx, f.in(by, org), invited(name, role))
	f.must(err)
	_, err = f.s.Accept(f.ctx, f.user(name), f.link(inv, portal.Mailed), f.browser(name))
	f.must(err)
}

// newTeam makes a team and puts members into it.
func (f *scene) newTeam(org, by, name string, members ...string) {
	f.t.Helper()
	team, err := f.s.CreateTeam(f.ctx, f.in(by, org), name)
	f.must(err)
	f.ids[name] = team.PublicID
	for _, m := range members {
		_, err := f.s.AddToTeam(f.ctx, f.in(by, org), team.PublicID, []string{f.ids[m]})
		f.must(err)
	}
}

func (f *scene) link(inv portal.Invitation, kind portal.LinkKind) string {
	return f.s.Links().Token(portal.Link{Purpose: portal.LinkInvitation, Kind: kind, Version: inv.Version, ID: inv.PublicID})
}

// linkTo is the link of the present version of somebody's invitation.
func (f *scene) linkTo(name string, kind portal.LinkKind) string {
	f.t.Helper()
	inv := portal.Invitation{PublicID: f.ids[name+" invitation"]}
	inv.Version = f.number(`SELECT version FROM invitations WHERE public_id = ?`, inv.PublicID)
	return f.link(inv, kind)
}

// mailedLink is the token in the latest mail of that kind to somebody.
func (f *scene) mailedLink(kind portal.MailKind, name string) string {
	f.t.Helper()
	return f.tokenIn(kind, name, portal.Mailed)
}

func (f *scene) tokenIn(kind portal.MailKind, name string, how portal.LinkKind) string {
	f.t.Helper()
	var l portal.Link
	l.Kind = how
	err := f.s.write.QueryRow(`SELECT link_purpose, link_id, link_version FROM outbox WHERE kind = ? AND recipient = ? ORDER BY id DESC LIMIT 1`, kind, address(name)).
		Scan(&l.Purpose, &l.ID, &l.Version)
	f.must(err)
	return f.s.Links().Token(l)
}

// browser is a new browser of somebody's; its session's hash is hashOf(name).
func (f *scene) browser(name string) NewSession {
	return NewSession{Hash: hashOf(name), IP: ip, Agent: "test"}
}

func hashOf(name string) []byte {
	sum := sha256.Sum256([]byte("browser of " + name))
	return sum[:]
}

// user is somebody outside organizations, as a request would find them; "" is
// nobody.
func (f *scene) user(name string) portal.Actor {
	f.t.Helper()
	by := portal.Actor{IP: ip}
	if name == "" {
		return by
	}
	var first, last string
	err := f.s.write.QueryRow(`SELECT id, first_name, last_name, email, state, admin FROM users WHERE email_key = ?`, address(name)).
		Scan(&by.UserID, &first, &last, &by.Email, &by.State, &by.Admin)
	if err != nil {
		f.t.Fatalf("%s: %v", name, err)
	}
	by.Name = portal.FullName(first, last)
	return by
}

// in is somebody at the address of an organization, with the role they have
// there, if any: what an operation sees of who was let in by mistake, too.
func (f *scene) in(name, org string) portal.Actor {
	f.t.Helper()
	by := f.user(name)
	by.OrgID = f.number(`SELECT id FROM organizations WHERE public_id = ?`, f.ids[org])
	err := f.s.write.QueryRow(`SELECT role FROM memberships WHERE org_id = ? AND user_id = ?`, by.OrgID, by.UserID).Scan(&by.Role)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		f.t.Fatal(err)
	}
	return by
}

func (f *scene) signIn(name, password, browser string) error {
	return f.s.SignIn(f.ctx, address(name), password, f.browser(browser))
}

// signedIn reports whether a browser's session is somebody's.
func (f *scene) signedIn(browser string) bool {
	f.t.Helper()
	set, err := f.s.Settings(f.ctx)
	f.must(err)
	_, ok, err := f.s.Viewer(f.ctx, hashOf(browser), set)
	f.must(err)
	return ok
}

func (f *scene) switchTo(key string, on bool) {
	f.t.Helper()
	f.must(f.s.SetSwitches(f.ctx, f.user("ada"), map[string]bool{key: on}))
}

func (f *scene) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// refusals is what was refused to people since the mark: "abe: Only a Super admin
// of Acme may do that.".
func (f *scene) refusals() []string {
	f.t.Helper()
	return f.strings(`SELECT replace(actor_mail, '@example.org', '') || ': ' || detail FROM audit WHERE id > ? AND refused = 1 ORDER BY id`, f.marks.audit)
}

// refused checks that err is a refusal of that kind which says each of the words.
func (f *scene) refused(err error, code portal.Code, says ...string) {
	f.t.Helper()
	if !portal.IsCode(err, code) {
		f.t.Fatalf("got %v, want the refusal %s", describe(err), codeNames[code])
	}
	for _, w := range says {
		if text := describe(err); !strings.Contains(text, w) {
			f.t.Errorf("the refusal is %s, want it to say %q", text, w)
		}
	}
}

var codeNames = map[portal.Code]string{0: "ok", portal.Invalid: "invalid", portal.Forbidden: "forbidden", portal.NotFound: "not found",
	portal.Conflict: "conflict", portal.Gone: "gone", portal.TooMany: "too many", portal.StaleProof: "stale proof", portal.FactorMissing: "second factor missing"}

func describe(err error) string {
	var e *portal.Error
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &e):
		text := codeNames[e.Code] + ": " + e.Message
		for field, message := range e.Fields {
			text += " [" + field + ": " + message + "]"
		}
		return text
	}
	return "fault: " + err.Error()
}

func (f *scene) exec(query string, args ...any) {
	f.t.Helper()
	if _, err := f.s.write.Exec(query, args...); err != nil {
		f.t.Fatalf("%s: %v", query, err)
	}
}

func (f *scene) text(query string, args ...any) string {
	f.t.Helper()
	var s string
	if err := f.s.write.QueryRow(query, args...).Scan(&s); err != nil {
		f.t.Fatalf("%s: %v", query, err)
	}
	return s
}

func (f *scene) number(query string, args ...any) int64 {
	f.t.Helper()
	var n int64
	if err := f.s.write.QueryRow(query, args...).Scan(&n); err != nil {
		f.t.Fatalf("%s: %v", query, err)
	}
	return n
}

func (f *scene) strings(query string, args ...any) []string {
	f.t.Helper()
	rows, err := f.s.write.Query(query, args...)
	all, err := list(rows, err, func(r *sql.Rows) (s string, err error) { return s, r.Scan(&s) })
	if err != nil {
		f.t.Fatalf("%s: %v", query, err)
	}
	return all
}

// mark makes audit and mail begin here.
func (f *scene) mark() {
	f.t.Helper()
	f.marks.audit = f.number(`SELECT COALESCE(max(id), 0) FROM audit`)
	f.marks.outbox = f.number(`SELECT COALESCE(max(id), 0) FROM outbox`)
}

// audit is what was noted since the mark, but for refusals: "ann invited
// ivy@example.org (as Team member)".
func (f *scene) audit() []string {
	f.t.Helper()
	all := f.strings(`SELECT trim(COALESCE(NULLIF(replace(actor_mail, '@example.org', ''), ''), 'nobody') || ' ' || kind || ' ' || replace(subject, '@example.org', '')
		|| CASE WHEN detail = '' THEN '' ELSE ' (' || detail || ')' END) FROM audit WHERE id > ? AND refused = 0 ORDER BY id`, f.marks.audit)
	for i, line := range all {
		all[i] = strings.ReplaceAll(line, "  ", " ")
	}
	return all
}

// mail is what was put in the outbox since the mark: "invitation to ivy, queued".
func (f *scene) mail() []string {
	f.t.Helper()
	return f.strings(`SELECT kind || ' to ' || replace(recipient, '@example.org', '') || ', ' || state FROM outbox WHERE id > ? ORDER BY id`, f.marks.outbox)
}

// noted checks audit and mail since the mark, and sets the mark anew.
func (f *scene) noted(audit, mail []string) {
	f.t.Helper()
	if got := f.audit(); !slices.Equal(got, audit) {
		f.t.Errorf("the audit log differs (-want +got):\n%s", cmp.Diff(audit, got))
	}
	if got := f.mail(); !slices.Equal(got, mail) {
		f.t.Errorf("the outbox differs (-want +got):\n%s", cmp.Diff(mail, got))
	}
	f.mark()
}

// fingerprint is everything in the database but what reading and trying may
// leave behind: counted attempts, and refusals in the audit log.
func (f *scene) fingerprint() map[string]string {
	f.t.Helper()
	prints := map[string]string{}
	for _, table := range f.strings(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('limit_events', 'audit_head', 'tallies', 'goose_db_version') AND name NOT LIKE 'sqlite_%'`) {
		sum := sha256.New()
		query := `SELECT * FROM ` + table
		if table == "audit" {
			query = `SELECT at, actor_id, actor_name, actor_mail, org_id, app_id, kind, subject, detail, ip FROM audit WHERE refused = 0`
		}
		rows, err := f.s.write.Query(query)
		f.must(err)
		columns, err := rows.Columns()
		f.must(err)
		for rows.Next() {
			cells := make([]any, len(columns))
			into := make([]any, len(columns))
			for i := range cells {
				into[i] = &cells[i]
			}
			f.must(rows.Scan(into...))
			fmt.Fprintf(sum, "%q\n", cells)
		}
		f.must(rows.Err())
		rows.Close()
		prints[table] = hex.EncodeToString(sum.Sum(nil))
	}
	return prints
}

// unchanged checks that nothing in the database differs from before.
func (f *scene) unchanged(before map[string]string) {
	f.t.Helper()
	for table, print := range f.fingerprint() {
		if before[table] != print {
			f.t.Errorf("the table %s has changed", table)
		}
	}
}

// long reports whether the long forms of tests are wanted.
func long() bool { return os.Getenv("TEST_LONG") == "1" }
