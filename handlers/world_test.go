package handlers

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/gofiber/fiber/v2"
	"github.com/google/go-cmp/cmp"

	"portico/db"
	"portico/mail"
	"portico/portal"
)

// start is when the tests' clock begins.
var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

const (
	password    = "gnu-tree-hill-92" // everybody's
	newPassword = "elm-pond-dale-47"
)

// world is a portal of its own with people and organizations in it:
//
//	ada             the portal admin
//	Acme            Super admins ann and amy; Team member abe, also in a team of builders; applications Alpha, with a
//	                credential, and Atlas; invitations of ivy (as Team member, by ann) and
//	                ian (expired)
//	Beta            Super admins bea and ben; Team member bob; application Bravo with a
//	                credential; an invitation of ivan (by bea)
//	Rigel, Red      a pending request of rita, a rejected one of rex, who is changing his address
//	                and has the application Solo of his own, with a credential
//	stan            an active account of no organization, with an open reset link
//	wanda, ulf      a waiting and an unproven account of no organization
//	dora            a deactivated account
//
// Everybody but dora has a browser that is signed in.
type world struct {
	t     testing.TB
	dir   string
	store *db.Store
	sql   *sql.DB // one connection beside the store's
	app   *fiber.App
	base  *url.URL
	clock *clock
	ids   map[string]string // public ids by name

	mailbox string // id of the mail in the demo's mailbox
}

// clock is the time as a test sets it.
type clock struct {
	sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time { c.Lock(); defer c.Unlock(); return c.now }

func (w *world) pass(d time.Duration) {
	w.clock.Lock()
	defer w.clock.Unlock()
	w.clock.now = w.clock.now.Add(d)
}

var mailServer = portal.SMTPConfig{URL: "smtp://mail.example.org", From: "Portico <portico@example.org>", ByFlags: true, FromFlag: true}

// template is the folder of a world, made once and copied for each test.
var template = sync.OnceValues(func() (t struct {
	db, key []byte
	ids     map[string]string
}, err error) {
	dir, err := os.MkdirTemp("", "portico-world")
	if err != nil {
		return t, err
	}
	defer os.RemoveAll(dir)
	w := &world{t: panicky{}, dir: dir, clock: &clock{now: start}, ids: map[string]string{}}
	w.open()
	w.populate()
	t.ids = w.ids
	w.exec(`DELETE FROM limit_events`)
	w.exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
	w.close()
	if t.db, err = os.ReadFile(filepath.Join(dir, "portico.db")); err == nil {
		t.key, err = os.ReadFile(filepath.Join(dir, "instance.key"))
	}
	return t, err
})

// panicky is a test that ends at the first failure; the template is made outside tests.
type panicky struct{ testing.TB }

func (panicky) Helper()                   {}
func (panicky) Fatal(args ...any)         { panic(fmt.Sprint(args...)) }
func (panicky) Fatalf(s string, a ...any) { panic(fmt.Sprintf(s, a...)) }

// newWorld is the whole cast half an hour after they came, at http://portal.example.org
// unless a change to the configuration says otherwise.
func newWorld(t testing.TB, changes ...func(*Config)) *world {
	t.Helper()
	tpl, err := template()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: t.TempDir(), clock: &clock{now: start.Add(30 * time.Minute)}, ids: maps.Clone(tpl.ids)}
	for name, content := range map[string][]byte{"portico.db": tpl.db, "instance.key": tpl.key} {
		if err := os.WriteFile(filepath.Join(w.dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.open()
	t.Cleanup(w.close)
	w.serve(changes...)
	return w
}

// emptyWorld has nobody in it yet.
func emptyWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), clock: &clock{now: start}, ids: map[string]string{}}
	w.open()
	t.Cleanup(w.close)
	w.serve()
	return w
}

func (w *world) open() {
	w.t.Helper()
	var err error
	if w.store, err = db.Open(context.Background(), w.dir, db.Options{CheapPasswords: true}); err != nil {
		w.t.Fatal(err)
	}
	w.store.Now = w.clock.read
	w.store.SMTP = mailServer
	if w.sql, err = sql.Open("sqlite3", "file:"+filepath.Join(w.dir, "portico.db")+"?_busy_timeout=10000&_foreign_keys=on"); err != nil {
		w.t.Fatal(err)
	}
	w.sql.SetMaxOpenConns(1)
}

func (w *world) close() { w.sql.Close(); w.store.Close() }

func at443(c *Config) { c.Base = &url.URL{Scheme: "https", Host: "portal.example.org"} }

func (w *world) serve(changes ...func(*Config)) {
	c := Config{Store: w.store, Base: &url.URL{Scheme: "http", Host: "portal.example.org"}, Log: slog.New(slog.DiscardHandler),
		TryMail: func(context.Context, portal.SMTPConfig, portal.Mail) error { return nil }}
	for _, change := range changes {
		change(&c)
	}
	w.base = c.Base
	if c.Demo != nil {
		w.mailbox = c.Demo.Mailbox.List()[0].ID
	}
	w.app = New(c)
}

func address(name string) string { return name + "@example.org" }

func person(name string) portal.NewUser {
	return portal.NewUser{First: strings.ToUpper(name[:1]) + name[1:], Last: "Test", Email: address(name), Password: password}
}

func (w *world) populate() {
	ctx := context.Background()
	s := w.store
	w.must(s.SetUp(ctx, person("ada"), w.session("ada")))
	for _, name := range []string{"ann", "amy", "abe", "bea", "ben", "bob", "rita", "rex", "stan", "dora"} {
		w.must(s.Register(ctx, "192.0.2."+fmt.Sprint(100+len(w.ids)), person(name)))
		w.must(s.Prove(ctx, "192.0.2.1", w.latest(portal.MailProve, name, portal.Mailed), "", nil))
		w.ids[name] = w.text(`SELECT public_id FROM users WHERE email = ?`, address(name))
	}
	w.exec(`UPDATE users SET state = 'deactivated' WHERE email = 'dora@example.org'`)
	w.switchTo("approve_users", false)
	w.must(s.Register(ctx, "192.0.2.200", person("wanda")))
	w.must(s.Prove(ctx, "192.0.2.1", w.latest(portal.MailProve, "wanda", portal.Mailed), "", nil))
	w.switchTo("approve_users", true)
	w.must(s.Register(ctx, "192.0.2.201", person("ulf")))

	for _, o := range []struct {
		name, super, second, member string
		apps                        []string
	}{{"Acme", "ann", "amy", "abe", []string{"Alpha", "Atlas"}}, {"Beta", "bea", "ben", "bob", []string{"Bravo"}}} {
		org, err := s.RegisterOrg(ctx, w.user(o.super), o.name)
		w.must(err)
		w.ids[o.name] = org.PublicID
		_, err = s.Approve(ctx, w.user("ada"), org.PublicID, o.name, nil)
		w.must(err)
		for name, role := range map[string]portal.Role{o.second: portal.SuperAdmin, o.member: portal.TeamMember} {
			w.invite(o.super, o.name, name, role)
			_, err = s.Accept(ctx, w.user(name), w.link(name, portal.Mailed), w.session(name))
			w.must(err)
		}
		for _, app := range o.apps {
			a, err := s.CreateApplication(ctx, w.in(o.super, o.name), portal.NewApplication{Name: app})
			w.must(err)
			w.ids[app] = a.PublicID
		}
		key, _, err := s.CreateCredential(ctx, w.in(o.member, o.name), w.ids[o.apps[0]], portal.NewCredential{Label: "live"})
		w.must(err)
		w.ids[o.apps[0]+" key"] = key.PublicID
		team, err := s.CreateTeam(ctx, w.in(o.super, o.name), o.name+" builders")
		w.must(err)
		w.ids[o.name+" builders"] = team.PublicID
		_, err = s.AddToTeam(ctx, w.in(o.super, o.name), team.PublicID, []string{w.ids[o.member]})
		w.must(err)
		ada := w.user("ada")
		ada.OrgID = org.ID
		code, _, err := s.CreateCode(ctx, ada, portal.CodeForm{Name: "Fair", Code: map[string]string{"Acme": "OPEN DOORS 2026"}[o.name]})
		w.must(err)
		w.ids[o.name+" code"] = code.PublicID
		w.ids[o.name+" team"] = w.text(`SELECT public_id FROM teams WHERE org_id = ? AND is_default = 1`, org.ID)
	}
	w.invite("ann", "Acme", "ian", portal.TeamMember)
	w.exec(`UPDATE invitations SET expires_at = ? WHERE email_key = 'ian@example.org'`, start.UnixMilli())
	w.invite("ann", "Acme", "ivy", portal.TeamMember)
	w.invite("bea", "Beta", "ivan", portal.TeamMember)

	for org, by := range map[string]string{"Rigel": "rita", "Red": "rex"} {
		o, err := s.RegisterOrg(ctx, w.user(by), org)
		w.must(err)
		w.ids[org] = o.PublicID
	}
	rex := w.user("rex")
	rex.Personal = true
	solo, err := s.CreateApplication(ctx, rex, portal.NewApplication{Name: "Solo"})
	w.must(err)
	key, _, err := s.CreateCredential(ctx, rex, solo.PublicID, portal.NewCredential{Label: "mine"})
	w.must(err)
	w.ids["Solo"], w.ids["Solo key"] = solo.PublicID, key.PublicID
	_, err = s.Reject(ctx, w.user("ada"), w.ids["Red"], "Who are you?")
	w.must(err)
	w.must(s.ForgotPassword(ctx, "192.0.2.1", address("stan")))
	w.must(s.AskForEmail(ctx, w.user("rex"), address("rex-new")))
	w.exec(`UPDATE outbox SET state = 'sent'`)
	w.exec(`UPDATE outbox SET state = 'failed', error = '550 no' WHERE kind = 'org_requested'`)
	w.ids["mail"] = w.text(`SELECT public_id FROM outbox WHERE kind = 'org_requested' ORDER BY id LIMIT 1`)
	w.exec(`DELETE FROM sessions`)
	for _, name := range []string{"ada", "ann", "amy", "abe", "bea", "ben", "bob", "rita", "rex", "stan", "wanda", "ulf"} {
		w.must(s.SignIn(ctx, address(name), password, w.session(name)))
		w.ids[name] = w.text(`SELECT public_id FROM users WHERE email = ?`, address(name))
	}
	w.ids["dora"] = w.text(`SELECT public_id FROM users WHERE email = ?`, address("dora"))
}

func (w *world) invite(by, org, name string, role portal.Role) {
	w.t.Helper()
	inv, err := w.store.Invite(context.Background(), w.in(by, org), portal.NewInvitation{First: person(name).First, Last: "Test", Email: address(name), Role: role})
	w.must(err)
	w.ids[name+" invitation"] = inv.PublicID
}

// link is the token of somebody's invitation, in its present version.
func (w *world) link(name string, kind portal.LinkKind) string {
	w.t.Helper()
	id := w.ids[name+" invitation"]
	return w.store.Links().Token(portal.Link{Purpose: portal.LinkInvitation, Kind: kind, ID: id, Version: w.number(`SELECT version FROM invitations WHERE public_id = ?`, id)})
}

// latest is the token of the link in the latest mail of that kind to somebody.
func (w *world) latest(kind portal.MailKind, name string, how portal.LinkKind) string {
	w.t.Helper()
	l := portal.Link{Kind: how}
	w.must(w.sql.QueryRow(`SELECT link_purpose, link_id, link_version FROM outbox WHERE kind = ? AND recipient = ? ORDER BY id DESC LIMIT 1`, kind, address(name)).
		Scan(&l.Purpose, &l.ID, &l.Version))
	return w.store.Links().Token(l)
}

// cookieOf is the session id that somebody's browser holds.
func cookieOf(name string) string {
	sum := sha256.Sum256([]byte("browser of " + name))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (w *world) session(name string) db.NewSession {
	return db.NewSession{Hash: hashID(cookieOf(name)), IP: "192.0.2.7", Agent: "test"}
}

// user is somebody outside organizations, as a request would find them.
func (w *world) user(name string) portal.Actor {
	w.t.Helper()
	by := portal.Actor{IP: "192.0.2.7"}
	w.must(w.sql.QueryRow(`SELECT id, first_name || ' ' || last_name, email, state, admin FROM users WHERE email_key = ?`, address(name)).
		Scan(&by.UserID, &by.Name, &by.Email, &by.State, &by.Admin))
	return by
}

// in is a member inside an organization.
func (w *world) in(name, org string) portal.Actor {
	w.t.Helper()
	by, _, err := w.store.Enter(context.Background(), w.user(name), w.ids[org], false)
	w.must(err)
	return by
}

func (w *world) switchTo(key string, on bool) {
	w.t.Helper()
	w.must(w.store.SetSwitches(context.Background(), w.user("ada"), map[string]bool{key: on}))
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) exec(query string, args ...any) {
	w.t.Helper()
	if _, err := w.sql.Exec(query, args...); err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
}

func (w *world) text(query string, args ...any) string {
	w.t.Helper()
	var s string
	if err := w.sql.QueryRow(query, args...).Scan(&s); err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
	return s
}

func (w *world) number(query string, args ...any) int64 {
	w.t.Helper()
	var n int64
	if err := w.sql.QueryRow(query, args...).Scan(&n); err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// touched is a number that changes with each change to the database by the store.
func (w *world) touched() int64 { return w.number(`PRAGMA data_version`) }

// fingerprint is everything in the database but what reading and trying may
// leave behind: counted attempts and when a session was last seen.
func (w *world) fingerprint() map[string]string {
	w.t.Helper()
	prints := map[string]string{}
	for _, table := range w.strings(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('limit_events', 'audit_head', 'tallies', 'goose_db_version') AND name NOT LIKE 'sqlite_%'`) {
		sum := sha256.New()
		what := `*`
		if table == "sessions" {
			what = `hash, user_id, created_at, proof_at, ip, agent`
		}
		only := ``
		if table == "audit" { // what was refused is noted there, too
			what, only = `at, actor_id, actor_name, actor_mail, org_id, app_id, kind, subject, detail, ip`, ` WHERE refused = 0`
		}
		rows, err := w.sql.Query(`SELECT ` + what + ` FROM ` + table + only)
		w.must(err)
		columns, err := rows.Columns()
		w.must(err)
		cells, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range cells {
			into[i] = &cells[i]
		}
		for rows.Next() {
			w.must(rows.Scan(into...))
			fmt.Fprintf(sum, "%q\n", cells)
		}
		w.must(rows.Err())
		rows.Close()
		prints[table] = hex.EncodeToString(sum.Sum(nil))
	}
	return prints
}

func (w *world) strings(query string, args ...any) []string {
	w.t.Helper()
	rows, err := w.sql.Query(query, args...)
	w.must(err)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var s string
		w.must(rows.Scan(&s))
		all = append(all, s)
	}
	w.must(rows.Err())
	return all
}

// changes lists the tables that have changed since before.
func (w *world) changes(before map[string]string) []string {
	w.t.Helper()
	var changed []string
	for table, print := range w.fingerprint() {
		if before[table] != print {
			changed = append(changed, table)
		}
	}
	slices.Sort(changed)
	return changed
}

// browser sends requests as a browser does, cookies included.
type browser struct {
	w      *world
	jar    map[string]string
	faulty bool // answers may be 500
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// browser is a new browser of somebody's; "" is nobody's.
func (w *world) browser(name string) *browser {
	b := &browser{w: w, jar: map[string]string{}}
	if name != "" {
		b.jar[w.sessionCookie()] = cookieOf(name)
	}
	return b
}

func (w *world) sessionCookie() string {
	if w.base.Scheme == "https" {
		return "__Host-portico"
	}
	return "portico"
}

type change = func(*http.Request)

// hx makes a request htmx's, for the element with that id; "" is one without an id.
func hx(target string) change {
	return func(r *http.Request) {
		r.Header.Set("HX-Request", "true")
		if target != "" {
			r.Header.Set("HX-Target", target)
		}
	}
}

func with(name string, values ...string) change {
	return func(r *http.Request) {
		delete(r.Header, http.CanonicalHeaderKey(name))
		for _, v := range values {
			r.Header.Add(name, v)
		}
	}
}

func without(names ...string) change {
	return func(r *http.Request) {
		for _, n := range names {
			r.Header.Del(n)
		}
	}
}

func (b *browser) get(path string, changes ...change) answer {
	b.w.t.Helper()
	return b.do("GET", path, "", changes...)
}

func (b *browser) post(path string, form map[string]string, changes ...change) answer {
	b.w.t.Helper()
	return b.do("POST", path, encode(form), changes...)
}

func encode(form map[string]string) string {
	v := url.Values{}
	for name, value := range form {
		v.Set(name, value)
	}
	return v.Encode()
}

// do is the one way to the application. It sets what a browser sets on a request
// of our own pages, keeps cookies, and looks at what holds of every answer.
func (b *browser) do(method, path, body string, changes ...change) answer {
	b.w.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, path, reader)
	r.Host = b.w.base.Host
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("User-Agent", "test")
	if method == "POST" {
		r.Header.Set("Origin", b.w.base.Scheme+"://"+b.w.base.Host)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range b.jar {
		r.Header.Add("Cookie", name+"="+value)
	}
	for _, c := range changes {
		c(r)
	}
	resp, err := b.w.app.Test(r, -1)
	if err != nil {
		b.w.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		b.w.t.Fatalf("%s %s: %v", method, path, err)
	}
	for _, c := range resp.Cookies() {
		if c.MaxAge < 0 {
			delete(b.jar, c.Name)
		} else {
			b.jar[c.Name] = c.Value
		}
	}
	a := answer{resp.StatusCode, resp.Header, string(content)}
	b.sound(method+" "+path, a, resp.Cookies())
	return a
}

// unsound says which of the headers that every answer has are missing or wrong.
func (w *world) unsound(what string, a answer) []string {
	var bad []string
	want := map[string]string{
		"Content-Security-Policy":      "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Referrer-Policy":              "same-origin",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Permissions-Policy":           "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
		"Cache-Control":                "no-store",
		"Strict-Transport-Security":    "",
	}
	if w.base.Scheme == "https" {
		want["Strict-Transport-Security"] = "max-age=31536000"
	}
	if address, _, _ := strings.Cut(what, "?"); strings.HasSuffix(address, "/frame") && a.status == http.StatusOK {
		want["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox"
		want["X-Frame-Options"] = "SAMEORIGIN"
	}
	if strings.Contains(what, " /assets/") && a.status == http.StatusOK {
		want["Cache-Control"] = "public, max-age=31536000, immutable"
	}
	for name, value := range want {
		if got := a.header.Values(name); len(got) != 1 && value != "" || value == "" && len(got) > 0 || value != "" && got[0] != value {
			bad = append(bad, fmt.Sprintf("%s %q, want %q", name, got, value))
		}
	}
	for name, values := range a.header {
		if strings.HasPrefix(name, "Access-Control-") {
			bad = append(bad, name)
		}
		for _, v := range values {
			if strings.ContainsFunc(v, func(r rune) bool { return r < 0x20 || r > 0x7e }) {
				bad = append(bad, fmt.Sprintf("%s that is not printable ASCII: %q", name, v))
			}
		}
	}
	return bad
}

// sound checks what holds of every answer.
func (b *browser) sound(what string, a answer, cookies []*http.Cookie) {
	t := b.w.t
	t.Helper()
	secure := b.w.base.Scheme == "https"
	for _, bad := range b.w.unsound(what, a) {
		t.Errorf("%s: %d with %s", what, a.status, bad)
	}
	for _, c := range cookies {
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Domain != "" || c.Path != "/" || c.Secure != secure {
			t.Errorf("%s: a careless cookie: %s", what, c.Raw)
		}
		if name := b.w.sessionCookie(); c.Name != name && c.Name != name+"-device" && c.Name != noticeName(strings.HasPrefix(name, "__Host-")) {
			t.Errorf("%s: the cookie %s, want only %s, %s and %s", what, c.Name, name, name+"-device", noticeCookie)
		}
	}
	if a.status == http.StatusInternalServerError && !b.faulty {
		t.Errorf("%s: %d: %s", what, a.status, a.text(t, "main"))
	}
}

// follow goes where an answer leads: by Location, HX-Redirect or HX-Location.
func (b *browser) follow(a answer) answer {
	b.w.t.Helper()
	to := a.leads()
	if to == "" {
		b.w.t.Fatalf("%d leads nowhere", a.status)
	}
	return b.get(to)
}

// leads is where an answer leads, "" if nowhere.
func (a answer) leads() string {
	if to := a.header.Get("Location"); to != "" {
		return to
	}
	if to := a.header.Get("HX-Redirect"); to != "" {
		return to
	}
	_, rest, _ := strings.Cut(a.header.Get("HX-Location"), `"path":"`)
	path, _, _ := strings.Cut(rest, `"`)
	return path
}

func (a answer) page(t testing.TB) *goquery.Document {
	t.Helper()
	d, err := goquery.NewDocumentFromReader(strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// text is the words of a part of the page, with single spaces between.
func (a answer) text(t testing.TB, selector string) string {
	t.Helper()
	return strings.Join(strings.Fields(a.page(t).Find(selector).Text()), " ")
}

// is checks the status.
func (a answer) is(t testing.TB, status int) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("got %d, want %d; it leads to %q and says: %s", a.status, status, a.leads(), a.text(t, "main"))
	}
	return a
}

func (a answer) to(t testing.TB, path string) answer {
	t.Helper()
	if got := a.leads(); got != path {
		t.Fatalf("%d leads to %q, want %q; it says: %s", a.status, got, path, a.text(t, "main"))
	}
	return a
}

func (a answer) says(t testing.TB, words ...string) answer {
	t.Helper()
	text := a.text(t, "body")
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("it does not say %q but: %s", word, text)
		}
	}
	return a
}

// masked is all that a visitor can tell answers apart by, except for words that
// have to differ, which are replaced.
func (a answer) masked(words ...string) string {
	var out strings.Builder
	fmt.Fprintln(&out, a.status)
	for _, name := range slices.Sorted(maps.Keys(a.header)) {
		if name != "Date" && (name != "Content-Length" || len(words) == 0) {
			fmt.Fprintln(&out, name, a.header[name])
		}
	}
	out.WriteString(a.body)
	text := out.String()
	for _, w := range words {
		text = strings.ReplaceAll(text, w, "*")
	}
	return text
}

// same checks that nobody can tell two answers apart.
func same(t testing.TB, what, one, other string) {
	t.Helper()
	if one != other {
		t.Errorf("%s can be told apart:\n%s", what, cmp.Diff(strings.Split(one, "\n"), strings.Split(other, "\n")))
	}
}

// delivered puts one mail into a mailbox.
func delivered(t testing.TB) *mail.Mailbox {
	t.Helper()
	m := portal.Mail{PublicID: strings.Repeat("m", portal.PublicIDLen), Kind: portal.MailTest, To: address("ivy"), ToName: "Ivy Test"}
	msg, err := mail.Build(mailServer.From, m, mail.Message{Subject: "Hello", Text: "See http://portal.example.org/login", HTML: "<p>See</p>"}, start, m.PublicID+"@example.org")
	if err != nil {
		t.Fatal(err)
	}
	box := &mail.Mailbox{}
	if err := box.Send(context.Background(), mailServer.From, m.To, msg); err != nil {
		t.Fatal(err)
	}
	return box
}
