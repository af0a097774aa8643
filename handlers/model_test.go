package handlers

import (
	"flag"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/valyala/fasthttp"
	"pgregory.net/rapid"

	"portico/portal"
)

// The model is Portico in a few maps: it foresees the answer to each request, what
// stands in the database afterwards, the audit entries and the mails. Random
// sequences of requests go to the real handlers, and after each one both must agree.

// steps is the length of a sequence: in a few of them nobody finds anything to do.
const steps = 60

func TestWhateverPeopleDoPorticoDoesWhatTheModelSays(t *testing.T) {
	t.Parallel()
	sequences := 1000
	seed := flag.Lookup("rapid.seed").Value.String()
	if os.Getenv("TEST_LONG") == "1" {
		sequences = 4000
	} else if seed == "0" {
		seed = "1" // the same sequences each time; others come with the long form
	}
	for name, value := range map[string]string{"rapid.checks": fmt.Sprint(sequences), "rapid.seed": seed, "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	m := newModel(t)
	defer func() { t.Attr("faults", fmt.Sprintf("random steps against the model|%d|%d", m.tried, m.held)) }()
	rapid.Check(t, m.sequence)
}

// model is what should hold, and the world in which it should.
type model struct {
	w      *world
	rt     *rapid.T
	gate   fasthttp.RequestHandler // answers gateways
	number int                     // of the sequence
	tried  int
	held   int

	admin  *someone
	people []*someone
	orgs   []*company
	offers []*offer
	on     map[string]bool // the switches

	marks  struct{ org, user, audit, mail int64 }
	audits []string // entries and mails that the step should make
	mails  []string
	lost   []place // what somebody should have lost by the step
}

// someone is a person; state is "" while they have no account.
type someone struct {
	name, email, id string
	state, before   portal.UserState // before they were deactivated
	doubtful, admin bool
	proofUntil      time.Time
	browser         *browser
	session         bool
	began, seen     time.Time
}

// company is an organization. No answer to an outsider may hold its canary.
type company struct {
	letter, canary, id, name string
	state, before            portal.OrgState // before it was deleted
	changed                  time.Time
	requester                *someone
	roles                    map[*someone]portal.Role
	app                      string
	keys                     []*key
}

type offer struct {
	org     *company
	to, by  *someone
	id      string
	role    portal.Role
	state   portal.InvitationState // as stored
	version int64
	until   time.Time
	label   string
}

type key struct {
	org        *company
	id         string
	value      string
	revoked    bool
	ends       time.Time
	replacedBy *key
	label      string
}

// place is where somebody has been.
type place struct {
	who *someone
	org *company
}

const canaryStart = "Canary-"

func newModel(t *testing.T) *model {
	w := newWorld(t)
	m := &model{w: w, gate: w.app.Handler()}
	m.admin = &someone{name: "ada", email: address("ada"), id: w.ids["ada"], state: portal.UserActive, admin: true, browser: w.browser("")}
	return m
}

// sequence is one random sequence, of new people and new organizations.
func (m *model) sequence(rt *rapid.T) {
	m.begin(rt)
	for range steps {
		before := m.tried
		m.audits, m.mails, m.lost = nil, nil, nil
		pick(m, moves...).do(m)
		m.agree()
		m.held += m.tried - before
	}
}

// begin puts the world back as far as it has to be: three people with an account and
// two without, a new company each of the first, with the second, and of the third.
func (m *model) begin(rt *rapid.T) {
	w := m.w
	m.rt, w.t = rt, reporter{w.t, rt}
	m.number++
	m.people, m.orgs, m.offers = nil, nil, nil
	m.on = map[string]bool{}
	for _, s := range portal.Switches {
		m.on[s.Key] = true
		w.exec(`INSERT INTO settings (key, value) VALUES (?, 'on') ON CONFLICT (key) DO UPDATE SET value = 'on'`, s.Key)
	}
	w.must(w.sql.QueryRow(`SELECT (SELECT max(id) FROM organizations), (SELECT max(id) FROM users)`).Scan(&m.marks.org, &m.marks.user))
	w.pass(25 * time.Hour)
	w.exec(`DELETE FROM sessions`)
	m.admin.session = false
	for _, name := range []string{"ann", "bea", "cleo", "dan", "eve"} {
		p := &someone{name: name, email: fmt.Sprintf("%s-%d@model.example", name, m.number), browser: w.browser("")}
		m.people = append(m.people, p)
		if len(m.people) <= 3 {
			p.id, p.state = fmt.Sprintf("%s%023d", name[:3], m.number), portal.UserActive
			w.exec(`INSERT INTO users (public_id, email_key, email, first_name, last_name, password_hash, state, created_at)
				SELECT ?, ?, ?, ?, 'Model', password_hash, 'active', 0 FROM users WHERE email_key = 'ann@example.org'`, p.id, p.email, p.email, name)
		}
	}
	for _, founder := range []int{0, 2} {
		m.mark()
		m.audits, m.mails = nil, nil
		m.found(m.people[founder])
		m.agree()
		m.tried-- // that is no random one
	}
	first, second := m.orgs[0], m.people[1]
	w.exec(`INSERT INTO memberships (org_id, user_id, role, first_name, last_name, joined_at) SELECT o.id, u.id, 'super_admin', 'bea', 'Model', 0
		FROM organizations o, users u WHERE o.public_id = ? AND u.public_id = ?`, first.id, second.id)
	w.exec(`INSERT INTO team_members (org_id, team_id, user_id) SELECT t.org_id, t.id, u.id
		FROM organizations o JOIN teams t ON t.org_id = o.id, users u WHERE o.public_id = ? AND u.public_id = ?`, first.id, second.id)
	first.roles[second] = portal.SuperAdmin
	for _, key := range []string{"approve_users", "approve_orgs"} {
		if m.on[key] = pick(m, true, false); !m.on[key] {
			w.exec(`UPDATE settings SET value = 'off' WHERE key = ?`, key)
		}
	}
}

// reporter reports failures to rapid, which makes the sequence shorter.
type reporter struct {
	testing.TB
	rt *rapid.T
}

func (r reporter) Helper()                        {}
func (r reporter) Errorf(format string, a ...any) { r.rt.Errorf(format, a...) }
func (r reporter) Fatalf(format string, a ...any) { r.rt.Fatalf(format, a...) }
func (r reporter) Fatal(a ...any)                 { r.rt.Fatal(a...) }

func (m *model) now() time.Time { return m.w.clock.read() }

// mark makes audit and mail begin here.
func (m *model) mark() {
	m.w.must(m.w.sql.QueryRow(`SELECT (SELECT max(id) FROM audit), (SELECT max(id) FROM outbox)`).Scan(&m.marks.audit, &m.marks.mail))
}

func (m *model) note(by *someone, kind portal.AuditKind) {
	m.audits = append(m.audits, "audit "+by.email+" "+string(kind))
}

func (m *model) mail(kind portal.MailKind, to ...*someone) {
	for _, p := range to {
		m.mails = append(m.mails, "mail "+string(kind)+" to "+p.email)
	}
}

// in reports whether somebody's browser is signed in.
func (m *model) in(p *someone) bool {
	return p.session && m.now().Sub(p.seen) < 24*time.Hour && m.now().Sub(p.began) < 14*24*time.Hour && p.state.MaySignIn() && (p.admin || m.on["sign_in"])
}

// signIn gives somebody a new session where they may have one.
func (m *model) signIn(p *someone) {
	if m.in(p) || !p.state.MaySignIn() || !p.admin && !m.on["sign_in"] {
		return
	}
	cookie := cookieOf(fmt.Sprint(p.email, m.now()))
	m.w.exec(`INSERT INTO sessions (hash, user_id, created_at, seen_at, proof_at, ip, agent) SELECT ?, id, ?, ?, ?, '192.0.2.7', 'test' FROM users WHERE public_id = ?
		ON CONFLICT DO NOTHING`, hashID(cookie), m.now().UnixMilli(), m.now().UnixMilli(), m.now().UnixMilli(), p.id)
	p.browser.jar[m.w.sessionCookie()] = cookie
	m.began(p)
}

func (m *model) began(p *someone) { p.session, p.began, p.seen = true, m.now(), m.now() }

// provisioned reports whether there is an organization at all for its members.
func (o *company) provisioned() bool { return o.state.Provisioned() }

// superAdmins are those in the given states, but for some.
func (o *company) superAdmins(states []portal.UserState, but ...*someone) []*someone {
	var all []*someone
	for p, role := range o.roles {
		if role == portal.SuperAdmin && slices.Contains(states, p.state) && !slices.Contains(but, p) {
			all = append(all, p)
		}
	}
	return all
}

var (
	acting     = []portal.UserState{portal.UserActive, portal.UserWaiting, portal.UserUnproven}
	onlyActive = []portal.UserState{portal.UserActive}
)

// keeps reports whether an organization can do without p.
func (o *company) keeps(p *someone) bool {
	if o.roles[p] != portal.SuperAdmin || !o.provisioned() {
		return true
	}
	if p.state == portal.UserActive {
		return len(o.superAdmins(onlyActive, p)) > 0
	}
	return len(o.superAdmins(acting, p)) > 0
}

// stands is what an offer's state is at this time.
func (m *model) stands(i *offer) portal.InvitationState {
	inviting := i.by.admin && i.by.state == portal.UserActive || slices.Contains(acting, i.by.state) && i.org.roles[i.by] == portal.SuperAdmin
	switch {
	case i.state != portal.InvitationPending:
		return i.state
	case !m.now().Before(i.until):
		return portal.InvitationExpired
	case !inviting:
		return portal.InvitationVoid
	}
	return portal.InvitationPending
}

// works reports whether a gateway lets a key in.
func (m *model) works(k *key) bool {
	return k.org.state == portal.OrgActive && !k.revoked && (k.ends.IsZero() || m.now().Before(k.ends))
}

// mayKnow reports whether an organization's name may stand on somebody's pages.
func (m *model) mayKnow(p *someone, o *company) bool {
	if p.admin || o.roles[p] != "" && o.provisioned() || o.requester == p && !o.provisioned() && o.state != portal.OrgDeleted {
		return true
	}
	for _, i := range m.offers {
		if i.org == o && i.to == p && p.state == portal.UserActive && o.state == portal.OrgActive && m.stands(i) == portal.InvitationPending {
			return true
		}
	}
	return false
}

// ledToLogin is the status that stands for being led to the sign-in page.
const ledToLogin = 401

// ask sends a request as somebody, who is signed in if they may be, and checks the
// answer: its status, and that it tells of no organization but those that they
// may know of before or after, and those named.
func (m *model) ask(p *someone, method, path string, form map[string]string, want int, knows ...*company) answer {
	for _, o := range m.orgs {
		if m.mayKnow(p, o) {
			knows = append(knows, o)
		}
	}
	return m.send(p.browser, p, method, path, form, want, knows)
}

func (m *model) send(b *browser, p *someone, method, path string, form map[string]string, want int, knows []*company) answer {
	a := b.do(method, path, encode(form))
	delete(b.jar, noticeCookie) // the next page would tell what has been left
	if m.in(p) {
		p.seen = m.now()
	}
	got := a.status
	if got == 303 && strings.HasPrefix(a.leads(), "/login") {
		got = ledToLogin
	}
	if got != want {
		m.rt.Fatalf("the answer is %d, not %d, and leads to %q: %s", got, want, a.leads(), a.text(m.w.t, "main"))
	}
	if !p.admin {
		m.silent(p, a.body+a.leads(), knows)
	}
	return a
}

// silent checks that a text tells of no organization but those.
func (m *model) silent(p *someone, text string, knows []*company) {
	for at := strings.Index(text, canaryStart); at >= 0; {
		rest := text[at:]
		if !slices.ContainsFunc(knows, func(o *company) bool { return strings.HasPrefix(rest, o.canary) }) {
			m.rt.Fatalf("%s is told of an organization that is not theirs: %.30q", p.name, rest)
		}
		next := strings.Index(rest[len(canaryStart):], canaryStart)
		if next < 0 {
			return
		}
		at += len(canaryStart) + next
	}
}

// agree checks that the database, the audit log, the mail and the gateway say what
// the model says, and that whoever has lost something gets nothing any more.
func (m *model) agree() {
	want := slices.Concat(m.audits, m.mails)
	for _, p := range m.people {
		if p.state != "" {
			want = append(want, fmt.Sprintf("user %s %s %t", p.email, p.state, p.doubtful))
		}
	}
	for _, o := range m.orgs {
		teams := 0
		if o.provisioned() || o.state == portal.OrgDeleted {
			teams = 1
		}
		want = append(want, fmt.Sprintf("organization %s %s %d %s", o.id, o.state, teams, o.name))
		for p, role := range o.roles {
			want = append(want, fmt.Sprintf("member %s %s %s 1", o.id, p.email, role))
		}
		if o.state == portal.OrgActive && len(o.roles) > 0 && len(o.superAdmins(onlyActive)) == 0 {
			m.rt.Fatalf("%s has no active Super admin", o.letter)
		}
	}
	for _, i := range m.offers {
		want = append(want, fmt.Sprintf("invitation %s %s %s %s %d", i.org.id, i.to.email, i.role, i.state, i.version))
	}
	slices.Sort(want)
	if got := m.rows(); !slices.Equal(got, want) {
		m.rt.Fatalf("it differs from the model (-model +Portico):\n%s", cmp.Diff(want, got))
	}
	m.mark()
	for _, o := range m.orgs {
		for _, k := range o.keys {
			if got, want := m.letsIn(k), m.works(k); got != want {
				m.rt.Fatalf("that %s works is %t, want %t", k.label, got, want)
			}
		}
	}
	for _, l := range m.lost {
		want := 404
		if !m.in(l.who) {
			want = ledToLogin
		}
		m.ask(l.who, "GET", "/o/"+l.org.id, nil, want)
	}
}

// rows is what stands in the database of this sequence, and what is new in the
// audit log and the outbox.
func (m *model) rows() []string {
	all := m.w.strings(`
		SELECT 'user ' || email || ' ' || state || ' ' || CASE doubtful WHEN 1 THEN 'true' ELSE 'false' END FROM users WHERE id > ?
		UNION ALL SELECT 'organization ' || public_id || ' ' || state || ' ' || (SELECT count(*) FROM teams t WHERE t.org_id = o.id AND t.is_default = 1) || ' ' || name FROM organizations o WHERE id > ?
		UNION ALL SELECT 'member ' || o.public_id || ' ' || u.email || ' ' || m.role || ' ' || (SELECT count(*) FROM team_members t WHERE t.org_id = o.id AND t.user_id = u.id)
			FROM organizations o JOIN memberships m ON m.org_id = o.id JOIN users u ON u.id = m.user_id WHERE o.id > ?
		UNION ALL SELECT 'invitation ' || o.public_id || ' ' || i.email || ' ' || i.role || ' ' || i.state || ' ' || i.version FROM organizations o JOIN invitations i ON i.org_id = o.id WHERE o.id > ?
		UNION ALL SELECT 'audit ' || actor_mail || ' ' || kind FROM audit WHERE id > ? AND refused = 0
		UNION ALL SELECT 'mail ' || kind || ' to ' || recipient FROM outbox WHERE id > ?`,
		m.marks.user, m.marks.org, m.marks.org, m.marks.org, m.marks.audit, m.marks.mail)
	slices.Sort(all)
	return all
}

// letsIn asks as a gateway does, and checks whose key it is told it is.
func (m *model) letsIn(k *key) bool {
	r := &fasthttp.RequestCtx{}
	r.Init2(nil, nil, false)
	r.SetRemoteAddr(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9})
	r.Request.SetRequestURI("/verify")
	r.Request.Header.SetHost("10.0.0.7:9000")
	r.Request.Header.Set("X-API-Key", k.value)
	m.gate(r)
	switch r.Response.StatusCode() {
	case 401:
		return false
	case 204:
		for name, want := range map[string]string{"X-Portico-Organization": k.org.id, "X-Portico-Organization-Name": k.org.name, "X-Portico-Application": k.org.app, "X-Portico-Credential": k.id} {
			if got := string(r.Response.Header.Peek(name)); got != want {
				m.rt.Fatalf("the gateway is told %s %q of %s, want %q", name, got, k.label, want)
			}
		}
		return true
	}
	m.rt.Fatalf("the gateway is answered %d", r.Response.StatusCode())
	return false
}
