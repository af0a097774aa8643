package db

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"portico/portal"
)

// columns are those who try every operation, in the order of a row of verdicts.
var columns = []struct{ name, who string }{
	{"nobody", ""},
	{"a stranger", "stan"},
	{"a waiting person", "wanda"},
	{"an unproven person", "ulf"},
	{"a Super admin", "ann"},
	{"a Team member", "abe"},
	{"an unproven Team member", "una"},
	{"another organization's Super admin", "bea"},
	{"a deactivated Team member", "dora"},
	{"a portal admin", "ada"},
	{"a deactivated portal admin", "adam"},
}

// Verdicts: y done, N not found, F forbidden, C conflict, I invalid.
const (
	//              nobody stan wanda ulf ann abe una bea dora ada adam
	membersRead = " N      N    N     N   y   y   y   N   N    y   N"
	superAdmins = " N      N    N     N   y   F   F   N   N    y   N"
	membersUse  = " N      N    N     N   y   y   y   N   N    F   N"
	adminsOnly  = " N      N    N     N   N   N   N   N   N    y   N"
	anybody     = " y      y    y     y   y   y   y   y   y    y   y"
	theirOwn    = " N      y    y     y   y   y   y   y   N    y   N"
	noneOfThem  = " N      N    N     N   N   N   N   N   N    N   N"
)

var verdicts = map[string]portal.Code{"y": 0, "N": portal.NotFound, "F": portal.Forbidden, "C": portal.Conflict, "I": portal.Invalid, "G": portal.Gone}

// outcome is what an operation leaves behind.
type outcome struct {
	code  portal.Code
	says  []string // in the refusal
	audit []string
	mail  []string
	rows  [][2]string // a query and what it yields
}

// operation is one exported method of Store and everything that is promised of it.
type operation struct {
	method  string
	run     func(f *scene, by portal.Actor) (any, error)
	prepare func(f *scene)
	reads   bool   // it changes nothing whoever asks
	outside bool   // it is done outside organizations
	who     string // a row of verdicts; "" for operations without an actor
	ids     string // names of the ids it is given, which must be the organization's
	blank   bool   // an unknown id gives an empty list instead of NotFound
	doer    string // who does what is checked below
	does    outcome
	again   string // who does it a second time
	twice   outcome
	held    portal.Code // to a Super admin of a suspended organization
}

// own is an actor outside organizations, with applications of their own.
func own(by portal.Actor) portal.Actor {
	by.OrgID, by.Role, by.Personal = 0, "", true
	return by
}

// rotated prepares a key that retires.
func rotated(f *scene) {
	_, _, err := f.s.Rotate(f.ctx, f.in("abe", "Acme"), f.ids["Alpha"], f.ids["Alpha key"], portal.GraceDay, "")
	f.must(err)
}

// removedByMistake prepares two removals that can be undone: of abe by ann, and of
// bob by bea.
func removedByMistake(f *scene) {
	for _, r := range []struct{ by, org, who, undo string }{{"ann", "Acme", "abe", "undo"}, {"bea", "Beta", "bob", "Beta undo"}} {
		m, err := f.s.RemoveMember(f.ctx, f.in(r.by, r.org), f.ids[r.who])
		f.must(err)
		f.ids[r.undo] = m.Undo
	}
}

// suspended prepares an organization that is.
func suspended(org string) func(f *scene) {
	return func(f *scene) {
		_, err := f.s.SuspendOrg(f.ctx, f.user("ada"), f.ids[org], "Unpaid.")
		f.must(err)
		f.mark()
	}
}

var operations = slices.Concat(
	requestOperations, orgAdminOperations, orgOperations, invitingOperations,
	offerOperations, newOrgOperations, codeOperations, applicationOperations,
	accountOperations, accountAdminOperations, portalOperations, storeOperations,
)

func inviteStan(f *scene) { f.invite("ann", "Acme", "stan", portal.TeamMember) }

func annMoves(f *scene) { f.must(f.s.AskForEmail(f.ctx, f.user("ann"), address("nora"))) }

// threeBrowsers signs in ann twice and bob once.
func threeBrowsers(f *scene) {
	for _, b := range [][2]string{{"ann", "ann"}, {"ann", "ann elsewhere"}, {"bob", "bob"}} {
		f.must(f.signIn(b[0], password, b[1]))
		f.ids[b[1]+" session"] = sessionID(hashOf(b[1]))
	}
}

// blue prepares two teams: Blue of Acme, in which abe is alone and amy besides the
// default team, and Bleu of Beta with bob.
func blue(f *scene) {
	f.newTeam("Acme", "ann", "Blue", "abe", "amy")
	f.newTeam("Beta", "bea", "Bleu", "bob")
	f.must(noValue(f.s.RemoveFromTeam(f.ctx, f.in("ann", "Acme"), f.ids["Acme team"], f.ids["abe"])))
}

func forgotAnn(f *scene) { f.must(f.s.ForgotPassword(f.ctx, ip, address("ann"))) }

var (
	stanJoined = outcome{audit: []string{"stan joined Acme (as Team member)"}, mail: []string{"accepted to ann, queued"},
		rows: [][2]string{{`SELECT m.role || t.name FROM memberships m JOIN users u ON u.id = m.user_id JOIN team_members tm ON tm.user_id = u.id JOIN teams t ON t.id = tm.team_id
			WHERE u.email = 'stan@example.org'`, "team_memberAcme All users"}, {`SELECT state FROM invitations WHERE email_key = 'stan@example.org'`, "accepted"}, {`SELECT count(*) FROM sessions`, "1"}}}
	stanDeclined = outcome{audit: []string{"stan declined the invitation stan"},
		rows: [][2]string{{`SELECT state FROM invitations WHERE email_key = 'stan@example.org'`, "declined"},
			{`SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email = 'stan@example.org'`, "0"}}}
)

// only is err, or a fault when there are some but should be none, or the other
// way round.
func only(err error, what string, n int, some bool) error {
	if err == nil && (n > 0) != some {
		return fmt.Errorf("there are %d %s", n, what)
	}
	return err
}

// withCode prepares a code of each organization.
func withCode(f *scene) {
	for _, org := range []string{"Beta", "Acme"} {
		c, _, err := f.s.CreateCode(f.ctx, f.in("ada", org), portal.CodeForm{Name: map[string]string{"Acme": "Fair", "Beta": "Other"}[org], Code: theCode + map[string]string{"Beta": "B"}[org], Quota: "5"})
		f.must(err)
		f.ids[org+" code"] = c.PublicID
	}
}

const theCode = "OPEN DOORS 2026"

// inAcme is somebody at the address of Acme, whoever they are.
func (f *scene) inAcme(by portal.Actor) portal.Actor {
	by.OrgID = f.number(`SELECT id FROM organizations WHERE public_id = ?`, f.ids["Acme"])
	return by
}

const twoPeople = "Nora,Test,nora@example.org\nNils,Test,nils@example.org,Super admin"

// others are the ids of Beta, or of somebody else, in the place of one's own.
var others = map[string]string{"Acme": "Beta", "Acme team": "Beta team", "Alpha": "Bravo", "Alpha key": "Bravo key", "Acme code": "Beta code", "abe": "bob", "amy": "ben", "una": "bob", "Blue": "Bleu",
	"ann session": "bob session", "ivy invitation": "ivan invitation", "stan invitation": "ivan invitation", "Rigel": "Red", "Red": "Rigel", "undo": "Beta undo"}

func (o operation) scene(t *testing.T) *scene {
	f := newScene(t)
	if o.prepare != nil {
		o.prepare(f)
		f.mark()
	}
	return f
}

func (o operation) actor(f *scene, who string) portal.Actor {
	if o.outside || o.who == "" {
		return f.user(who)
	}
	return f.in(who, "Acme")
}

// is checks an outcome since the mark.
func (f *scene) is(o outcome, err error) {
	f.t.Helper()
	if o.code != 0 {
		f.refused(err, o.code, o.says...)
	} else {
		f.must(err)
	}
	hint := func(lines []string) []string { // hints are random
		for i := range lines {
			if at := strings.Index(lines[i], "(…"); at >= 0 {
				lines[i] = lines[i][:at] + "(…HINT" + lines[i][at+len("(…")+4:]
			}
		}
		return lines
	}
	if got := hint(f.audit()); !slices.Equal(got, o.audit) {
		f.t.Errorf("the audit log has %q, want %q", got, o.audit)
	}
	if got := f.mail(); !slices.Equal(got, o.mail) {
		f.t.Errorf("the outbox has %q, want %q", got, o.mail)
	}
	for _, row := range o.rows {
		want := row[1]
		if strings.HasPrefix(want, "SELECT") {
			want = f.text(want)
		}
		if got := strings.Join(f.strings(row[0]), " "); got != want {
			f.t.Errorf("%s: got %q, want %q", row[0], got, want)
		}
	}
	f.mark()
}

func TestEveryOperationIsRefusedToWhomItIsNotFor_ROLE_01_INV_22_ORG_07(t *testing.T) {
	for _, o := range operations {
		if o.who == "" {
			continue
		}
		t.Run(o.method, func(t *testing.T) {
			t.Parallel()
			cells := strings.Fields(o.who)
			if len(cells) != len(columns) {
				t.Fatalf("%d verdicts for %d people", len(cells), len(columns))
			}
			f := o.scene(t)
			before := f.fingerprint()
			for i, c := range columns {
				code, known := verdicts[cells[i]]
				if !known {
					t.Fatalf("unknown verdict %q", cells[i])
				}
				if code == 0 && !o.reads {
					continue
				}
				_, err := o.run(f, o.actor(f, c.who))
				if got := codeOf(err); got != code {
					t.Errorf("%s: got %s, want %s", c.name, describe(err), codeNames[code])
				}
				if o.reads {
					continue
				}
				// What a request believes of its sender does not count.
				claims := o.actor(f, c.who)
				claims.Admin, claims.State, claims.Role = true, portal.UserActive, portal.SuperAdmin
				if _, err := o.run(f, claims); codeOf(err) != code {
					t.Errorf("%s who claims to be portal admin and Super admin: got %s, want %s", c.name, describe(err), codeNames[code])
				}
			}
			f.unchanged(before)
		})
	}
}

func codeOf(err error) portal.Code {
	for code := range codeNames {
		if code != 0 && portal.IsCode(err, code) {
			return code
		}
	}
	if err != nil {
		return -1
	}
	return 0
}

func TestEveryOperationIsDoneForWhomItIsFor(t *testing.T) {
	for _, o := range operations {
		if o.reads || o.who == "" {
			continue
		}
		for i, c := range columns {
			if strings.Fields(o.who)[i] != "y" {
				continue
			}
			t.Run(o.method+" by "+c.name, func(t *testing.T) {
				t.Parallel()
				f := o.scene(t)
				if _, err := o.run(f, o.actor(f, c.who)); err != nil {
					t.Errorf("got %s", describe(err))
				}
			})
		}
	}
}

func TestWhatStandsAfterEveryOperationAndAfterASecond_AUD_01_DB_18(t *testing.T) {
	for _, o := range operations {
		t.Run(o.method, func(t *testing.T) {
			t.Parallel()
			f := o.scene(t)
			before := f.fingerprint()
			_, err := o.run(f, o.actor(f, o.doer))
			f.is(o.does, err)
			if o.reads {
				f.unchanged(before)
				return
			}
			if o.method == "SignIn" {
				return // a browser signs in with a new id each time
			}
			f.pass(time.Millisecond)
			before = f.fingerprint()
			_, err = o.run(f, o.actor(f, o.again))
			f.is(o.twice, err)
			if o.twice.code != 0 {
				f.unchanged(before)
			}
		})
	}
}

func TestIdsOfOthersLookLikeIdsThatNeverWere_TEN_05_CRED_10(t *testing.T) {
	for _, o := range operations {
		if o.ids == "" {
			continue
		}
		t.Run(o.method, func(t *testing.T) {
			t.Parallel()
			f := o.scene(t)
			before := f.fingerprint()
			by := o.actor(f, o.doer)
			names := strings.Split(o.ids, ", ")
			for mask := 1; mask < 1<<len(names); mask++ { // each of them, and all at once
				for _, strange := range []string{"", "unknown", "empty", "a cursor's beginning", "%"} {
					ids := map[string]string{}
					for i, name := range names {
						ids[name] = f.ids[name]
						if mask&(1<<i) != 0 {
							ids[name] = map[string]string{"": f.ids[others[name]], "unknown": newID(), "empty": "", "a cursor's beginning": "1", "%": "%"}[strange]
						}
						if ids[name] == "" && strange == "" {
							t.Fatalf("%s has no other", name)
						}
					}
					g := *f
					g.ids = ids
					for name, id := range f.ids {
						if _, changed := ids[name]; !changed {
							g.ids[name] = id
						}
					}
					got, err := o.run(&g, by)
					if o.blank && err == nil && (got == nil || reflect.ValueOf(got).Len() == 0) {
						continue
					}
					if o.blank || err != portal.ErrNotFound {
						t.Errorf("with %v in the place of %v: got %v, %s", strange, names, got, describe(err))
					}
				}
			}
			f.unchanged(before)
		})
	}
}

func TestASuspendedOrganizationIsSeenAndNotChanged_ORG_03(t *testing.T) {
	for _, o := range operations {
		if o.outside || o.who == "" {
			continue
		}
		t.Run(o.method, func(t *testing.T) {
			t.Parallel()
			f := o.scene(t)
			by := f.in("ann", "Acme")
			f.exec(`UPDATE organizations SET state = 'suspended' WHERE name = 'Acme'`)
			before := f.fingerprint()
			_, err := o.run(f, by)
			if got := codeOf(err); got != o.held {
				t.Errorf("got %s, want %s", describe(err), codeNames[o.held])
			}
			if o.held != 0 {
				if !strings.Contains(describe(err), "suspended") {
					t.Errorf("the refusal does not say why: %s", describe(err))
				}
				f.unchanged(before)
			}
			if o.reads {
				return
			}
			for _, state := range []portal.OrgState{portal.OrgPending, portal.OrgRejected, portal.OrgWithdrawn, portal.OrgDeleted} {
				f.exec(`UPDATE organizations SET state = ? WHERE name = 'Acme'`, state)
				if _, err := o.run(f, by); err != portal.ErrNotFound {
					t.Errorf("in one that is %s: got %s", state, describe(err))
				}
			}
		})
	}
}

func TestEveryExportedMethodIsAmongTheOperations(t *testing.T) {
	known := map[string]operation{}
	for _, o := range operations {
		if _, twice := known[o.method]; twice {
			t.Errorf("%s stands there twice", o.method)
		}
		known[o.method] = o
	}
	store := reflect.TypeFor[*Store]()
	for i := range store.NumMethod() {
		m := store.Method(i)
		o, ok := known[m.Name]
		if !ok {
			t.Errorf("%s is not among the operations", m.Name)
			continue
		}
		delete(known, m.Name)
		takesActor := false
		for j := range m.Type.NumIn() {
			takesActor = takesActor || m.Type.In(j) == reflect.TypeFor[portal.Actor]()
		}
		if takesActor && o.who == "" && m.Name != "SignOut" {
			t.Errorf("%s takes an actor, but it is not said who may do it", m.Name)
		}
		if takesActor && o.doer == "" && o.who != "" {
			t.Errorf("%s has nobody who does it", m.Name)
		}
	}
	for name := range known {
		t.Errorf("there is no operation %s any more", name)
	}
}
