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

var operations = []operation{
	// Organizations, by their requesters.
	{method: "RegisterOrg", outside: true,
		//    nobody stan wanda ulf ann abe una bea dora ada adam
		who:  "N      y    F     F   y   y   F   y   N    y   N",
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.RegisterOrg(f.ctx, by, " New  Org ") },
		doer: "stan", does: outcome{audit: []string{"stan requested the organization New Org"}, mail: []string{"org_requested to ada, queued", "org_requested to alan, queued"},
			rows: [][2]string{{`SELECT state || requester_id FROM organizations WHERE name = 'New Org'`, `SELECT 'pending' || id FROM users WHERE email = 'stan@example.org'`},
				{`SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email = 'stan@example.org'`, "0"}, {`SELECT count(*) FROM teams`, "2"}}},
		again: "stan", twice: outcome{code: portal.Conflict, says: []string{"waiting for a decision"}}},
	{method: "RenameRequest", outside: true, who: noneOfThem, ids: "Rigel",
		run: func(f *scene, by portal.Actor) (any, error) {
			return nil, f.s.RenameRequest(f.ctx, by, f.ids["Rigel"], "Rigel Two")
		},
		doer: "rita", does: outcome{audit: []string{"rita renamed the organization Rigel Two (from Rigel)"}, rows: [][2]string{{`SELECT state FROM organizations WHERE name = 'Rigel Two'`, "pending"}}},
		again: "rita"},
	{method: "Withdraw", outside: true, who: noneOfThem, ids: "Rigel",
		run:  func(f *scene, by portal.Actor) (any, error) { return nil, f.s.Withdraw(f.ctx, by, f.ids["Rigel"]) },
		doer: "rita", does: outcome{audit: []string{"rita withdrew the request Rigel"}, rows: [][2]string{{`SELECT state FROM organizations WHERE name = 'Rigel'`, "withdrawn"}}},
		again: "rita", twice: outcome{code: portal.Conflict, says: []string{"withdrawn by Rita Test on 2 Mar 2026 at 10:00 UTC"}}},
	{method: "Resubmit", outside: true, who: noneOfThem, ids: "Red",
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.Resubmit(f.ctx, by, f.ids["Red"], "Red Dot") },
		doer: "rex", does: outcome{audit: []string{"rex resubmitted the request Red Dot (before: Red)"}, mail: []string{"org_requested to ada, queued", "org_requested to alan, queued"},
			rows: [][2]string{{`SELECT state || COALESCE(decided_by, '') FROM organizations WHERE name = 'Red Dot'`, "pending"}}},
		again: "rex", twice: outcome{code: portal.Conflict, says: []string{"Red Dot was submitted again by Rex Test on 2 Mar 2026 at 10:00 UTC"}}},
	{method: "Request", reads: true, outside: true, who: noneOfThem, ids: "Rigel", doer: "rita",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Request(f.ctx, by, f.ids["Rigel"]) }},
	{method: "Requests", reads: true, outside: true, who: anybody, doer: "rita",
		run: func(f *scene, by portal.Actor) (any, error) {
			all, err := f.s.Requests(f.ctx, by)
			return all, only(err, "requests", len(all), by.Email == address("rita"))
		}},
	{method: "Memberships", reads: true, outside: true, who: anybody, doer: "ann",
		run: func(f *scene, by portal.Actor) (any, error) {
			all, err := f.s.Memberships(f.ctx, by)
			return all, only(err, "memberships", len(all), f.number(`SELECT count(*) FROM memberships WHERE user_id = ?`, by.UserID) > 0)
		}},
	{method: "Find", reads: true, outside: true, doer: "ann",
		//    nobody stan wanda ulf ann abe una bea dora ada adam
		who: "N      y    y     y   y   y   y   y   N    y   N",
		run: func(f *scene, by portal.Actor) (any, error) {
			found, err := f.s.Find(f.ctx, by, "al", "")
			return found, only(err, "finds", len(found), f.number(`SELECT count(*) FROM memberships WHERE user_id = ?`, by.UserID) > 0 || by.Admin)
		}},
	{method: "Enter", reads: true, outside: true, ids: "Acme", doer: "ann",
		//    nobody stan wanda ulf ann abe una bea dora ada adam
		who: "N      N    N     N   y   y   y   N   N    N   N",
		run: func(f *scene, by portal.Actor) (any, error) {
			in, org, err := f.s.Enter(f.ctx, by, f.ids["Acme"], false)
			if err == nil && (org.Name != "Acme" || in.OrgID != org.ID || in.Role == "" || in.UserID != by.UserID) {
				err = fmt.Errorf("entered as %+v into %+v", in, org)
			}
			return in, err
		}},

	// Organizations, by portal admins.
	{method: "Approve", outside: true, who: adminsOnly,
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.Approve(f.ctx, by, f.ids["Rigel"], "Rigel Ltd", nil)
		},
		doer: "ada", does: outcome{audit: []string{"ada approved the organization Rigel Ltd (requested as Rigel)"}, mail: []string{"org_approved to rita, queued"},
			rows: [][2]string{{`SELECT o.state || t.name || m.role || u.email FROM organizations o JOIN teams t ON t.org_id = o.id JOIN team_members tm ON tm.team_id = t.id
				JOIN memberships m ON m.org_id = o.id AND m.user_id = tm.user_id JOIN users u ON u.id = m.user_id WHERE o.name = 'Rigel Ltd'`,
				"activeRigel Ltd All userssuper_adminrita@example.org"}}},
		again: "alan", twice: outcome{code: portal.Conflict, says: []string{"Rigel Ltd was approved by Ada Test on 2 Mar 2026 at 10:00 UTC"}}},
	{method: "Reject", outside: true, who: adminsOnly,
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.Reject(f.ctx, by, f.ids["Rigel"], "No such company.")
		},
		doer: "ada", does: outcome{audit: []string{"ada rejected the organization Rigel (No such company.)"}, mail: []string{"org_rejected to rita, queued"},
			rows: [][2]string{{`SELECT state || reason FROM organizations WHERE name = 'Rigel'`, "rejectedNo such company."}, {`SELECT count(*) FROM teams`, "2"}}},
		again: "alan", twice: outcome{code: portal.Conflict, says: []string{"Rigel was rejected by Ada Test on 2 Mar 2026 at 10:00 UTC"}}},
	{method: "AddOrg", outside: true, who: adminsOnly,
		run: func(f *scene, by portal.Actor) (any, error) {
			first := invited("nora", "")
			return f.s.AddOrg(f.ctx, by, "Gamma", &first)
		},
		doer: "ada", does: outcome{audit: []string{"ada added the organization Gamma", "ada invited nora (as Super admin)"}, mail: []string{"invitation to nora, queued"},
			rows: [][2]string{{`SELECT o.state || t.name FROM organizations o JOIN teams t ON t.org_id = o.id AND t.is_default = 1 WHERE o.name = 'Gamma'`, "activeGamma All users"},
				{`SELECT role || state FROM invitations WHERE email_key = 'nora@example.org'`, "super_adminpending"}}},
		again: "alan", twice: outcome{audit: []string{"alan added the organization Gamma", "alan invited nora (as Super admin)"}, mail: []string{"invitation to nora, queued"}}},
	{method: "Orgs", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Orgs(f.ctx, by, portal.OrgActive, "ac", "") }},
	{method: "OrgCounts", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.OrgCounts(f.ctx, by) }},
	{method: "OrgForAdmin", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.OrgForAdmin(f.ctx, by, f.ids["Red"]) }},
	{method: "Resembling", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) {
			q, err := f.s.OrgForAdmin(f.ctx, f.user("ada"), f.ids["Rigel"])
			f.must(err)
			found, err := f.s.Resembling(f.ctx, by, q)
			return found, only(err, "resemblances", len(found[q.ID]), true)
		}},
	{method: "Refer", outside: true, who: adminsOnly,
		run: func(f *scene, by portal.Actor) (any, error) {
			_, inv, err := f.s.Refer(f.ctx, by, f.ids["Rigel"], f.ids["Acme"], "You are here already.")
			return inv, err
		},
		doer: "ada", does: outcome{audit: []string{"ada rejected the organization Rigel (You are here already.)", "ada invited rita (as Team member)"},
			mail: []string{"org_rejected to rita, queued", "invitation to rita, queued"},
			rows: [][2]string{{`SELECT state || reason FROM organizations WHERE name = 'Rigel'`, "rejectedYou are here already."},
				{`SELECT o.name || i.role || i.state FROM invitations i JOIN organizations o ON o.id = i.org_id WHERE i.email_key = 'rita@example.org'`, "Acmeteam_memberpending"}}},
		again: "alan", twice: outcome{code: portal.Conflict, says: []string{"Rigel was rejected by Ada Test on 2 Mar 2026 at 10:00 UTC"}}},
	{method: "SuspendOrg", outside: true, who: adminsOnly,
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.SuspendOrg(f.ctx, by, f.ids["Acme"], " Unpaid. ")
		},
		doer: "ada", does: outcome{audit: []string{"ada suspended the organization Acme (Unpaid.)"}, mail: []string{"org_suspended to ann, queued", "org_suspended to amy, queued"},
			rows: [][2]string{{`SELECT state || change_reason FROM organizations WHERE name = 'Acme'`, "suspendedUnpaid."}, {`SELECT state FROM organizations WHERE name = 'Beta'`, "active"},
				{`SELECT count(*) FROM invitations WHERE state = 'pending'`, "3"}}},
		again: "alan", twice: outcome{code: portal.Conflict, says: []string{"Acme was suspended by Ada Test on 2 Mar 2026 at 10:00 UTC"}}},
	{method: "ResumeOrg", outside: true, who: adminsOnly, prepare: suspended("Acme"),
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.ResumeOrg(f.ctx, by, f.ids["Acme"]) },
		doer: "ada", does: outcome{audit: []string{"ada resumed the organization Acme"}, mail: []string{"org_resumed to ann, queued", "org_resumed to amy, queued"},
			rows: [][2]string{{`SELECT state || change_reason FROM organizations WHERE name = 'Acme'`, "active"}}},
		again: "alan", twice: outcome{code: portal.Conflict, says: []string{"Acme was made active again by Ada Test on 2 Mar 2026 at 10:00 UTC"}}},
	{method: "Deletion", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) {
			d, err := f.s.Deletion(f.ctx, by, f.ids["Acme"])
			if want := (portal.Deletion{Members: 5, Invitations: 2, Applications: 1, Credentials: 1}); err == nil && d != want {
				err = fmt.Errorf("it would end %+v, want %+v", d, want)
			}
			return d, err
		}},
	{method: "DeleteOrg", outside: true, who: adminsOnly,
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.DeleteOrg(f.ctx, by, f.ids["Acme"], " acme ")
		},
		doer: "ada", does: outcome{audit: []string{"ada deleted the organization Acme (with 2 open invitations)"}, mail: []string{"org_deleted to ann, queued", "org_deleted to amy, queued"},
			rows: [][2]string{{`SELECT state || deleted_from FROM organizations WHERE name = 'Acme'`, "deletedactive"}, {`SELECT group_concat(email) FROM invitations WHERE state = 'pending'`, "ivan@example.org"},
				{`SELECT count(*) FROM memberships`, "8"}, {`SELECT count(*) FROM credentials WHERE revoked_at IS NULL`, "2"}}},
		again: "alan", twice: outcome{code: portal.Conflict, says: []string{"Acme was deleted by Ada Test on 2 Mar 2026 at 10:00 UTC"}}},
	{method: "RestoreOrg", outside: true, who: adminsOnly,
		prepare: func(f *scene) {
			_, err := f.s.DeleteOrg(f.ctx, f.user("ada"), f.ids["Acme"], "Acme")
			f.must(err)
			f.mark()
		},
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.RestoreOrg(f.ctx, by, f.ids["Acme"]) },
		doer: "ada", does: outcome{audit: []string{"ada restored the organization Acme (as active)"}, mail: []string{"org_resumed to ann, queued", "org_resumed to amy, queued"},
			rows: [][2]string{{`SELECT state || (deleted_from IS NULL) FROM organizations WHERE name = 'Acme'`, "active1"}, {`SELECT group_concat(email) FROM invitations WHERE state = 'pending'`, "ivan@example.org"}}},
		again: "alan", twice: outcome{code: portal.Conflict, says: []string{"Acme was made active again by Ada Test"}}},
	{method: "Waits", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Waits(f.ctx, by) }},

	// Inside an organization.
	{method: "RenameOrg", who: superAdmins, held: portal.Conflict,
		run:  func(f *scene, by portal.Actor) (any, error) { return nil, f.s.RenameOrg(f.ctx, by, "Acme Two") },
		doer: "ann", does: outcome{audit: []string{"ann renamed the organization Acme Two (from Acme)"},
			rows: [][2]string{{`SELECT o.state || t.name FROM organizations o JOIN teams t ON t.org_id = o.id WHERE o.name = 'Acme Two'`, "activeAcme Two All users"}}},
		again: "amy"},
	{method: "LeaveOrg", held: 0,
		//    nobody stan wanda ulf ann abe una bea dora ada adam
		who:  "N      N    N     N   y   y   y   N   N    F   N",
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.LeaveOrg(f.ctx, by, "") },
		doer: "ann", does: outcome{audit: []string{"ann left the organization Acme"},
			rows: [][2]string{{`SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email = 'ann@example.org'`, "0"},
				{`SELECT count(*) FROM team_members m JOIN users u ON u.id = m.user_id WHERE u.email = 'ann@example.org'`, "0"}, {`SELECT state FROM users WHERE email = 'ann@example.org'`, "active"}}},
		again: "ann", twice: outcome{code: portal.NotFound}},
	{method: "Members", reads: true, who: membersRead, doer: "abe",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Members(f.ctx, by, "", "") }},
	{method: "MemberCount", reads: true, who: membersRead, doer: "abe",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.MemberCount(f.ctx, by) }},
	{method: "Member", reads: true, who: membersRead, ids: "amy", doer: "abe",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Member(f.ctx, by, f.ids["amy"]) }},
	{method: "SeenBy", reads: true, who: membersRead, ids: "abe", blank: true, doer: "ann",
		prepare: func(f *scene) {
			_, _, err := f.s.Reveal(f.ctx, f.in("abe", "Acme"), f.ids["Alpha"], f.ids["Alpha key"])
			f.must(err)
			_, _, err = f.s.Reveal(f.ctx, f.in("bob", "Beta"), f.ids["Bravo"], f.ids["Bravo key"])
			f.must(err)
		},
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.SeenBy(f.ctx, by, f.ids["abe"]) }},
	{method: "UpdateMember", who: superAdmins, ids: "abe", held: portal.Conflict,
		run: func(f *scene, by portal.Actor) (any, error) {
			return nil, f.s.UpdateMember(f.ctx, by, f.ids["abe"], "Abel", "Test", portal.SuperAdmin)
		},
		doer: "ann", does: outcome{audit: []string{"ann changed the name of abe (from Abe Test to Abel Test)", "ann changed the role of abe (from Team member to Super admin)"},
			mail: []string{"role_changed to abe, queued"},
			rows: [][2]string{{`SELECT m.role || m.first_name || u.first_name FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email = 'abe@example.org'`, "super_adminAbelAbe"}}},
		again: "amy"},
	{method: "RemoveMember", who: superAdmins, ids: "abe", held: portal.Conflict,
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.RemoveMember(f.ctx, by, f.ids["abe"]) },
		doer: "ann", does: outcome{audit: []string{"ann removed abe (Team member)"}, mail: []string{"removed to abe, queued"},
			rows: [][2]string{{`SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email = 'abe@example.org'`, "0"}, {`SELECT state FROM users WHERE email = 'abe@example.org'`, "active"},
				{`SELECT count(*) FROM credentials WHERE revoked_at IS NULL AND ends_at IS NULL`, "2"}}},
		again: "amy", twice: outcome{code: portal.NotFound}},
	{method: "Activity", reads: true, who: membersRead, doer: "abe",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Activity(f.ctx, by, portal.AuditFilter{}, "") }},
	{method: "Teams", reads: true, who: membersRead, doer: "abe",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Teams(f.ctx, by, "", "") }},
	{method: "Team", reads: true, who: membersRead, ids: "Acme team", doer: "abe",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Team(f.ctx, by, f.ids["Acme team"]) }},
	{method: "TeamMembers", reads: true, who: membersRead, ids: "Acme team", blank: true, doer: "abe",
		run: func(f *scene, by portal.Actor) (any, error) {
			page, err := f.s.TeamMembers(f.ctx, by, f.ids["Acme team"], "")
			return page.Items, err
		}},
	{method: "RenameTeam", who: superAdmins, ids: "Acme team", held: portal.Conflict,
		run: func(f *scene, by portal.Actor) (any, error) {
			return nil, f.s.RenameTeam(f.ctx, by, f.ids["Acme team"], "Everybody")
		},
		doer: "ann", does: outcome{audit: []string{"ann renamed the team Everybody (from Acme All users)"}, rows: [][2]string{{`SELECT is_default FROM teams WHERE name = 'Everybody'`, "1"}}},
		again: "amy"},
	{method: "AllTeams", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.AllTeams(f.ctx, by, "ac", "") }},
	{method: "CreateTeam", who: superAdmins, held: portal.Conflict,
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.CreateTeam(f.ctx, by, " Red  Team ") },
		doer: "ann", does: outcome{audit: []string{"ann created the team Red Team"}, rows: [][2]string{{`SELECT o.name || t.is_default FROM teams t JOIN organizations o ON o.id = t.org_id WHERE t.name = 'Red Team'`, "Acme0"}}},
		again: "amy", twice: outcome{code: portal.Invalid, says: []string{"[name: There is a team called Red Team already"}}},
	{method: "DeleteTeam", who: superAdmins, ids: "Blue", held: portal.Conflict, prepare: blue,
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.DeleteTeam(f.ctx, by, f.ids["Blue"]) },
		doer: "ann", does: outcome{audit: []string{"ann deleted the team Blue (1 of its members moved to the default team)"},
			rows: [][2]string{{`SELECT group_concat(t.name) FROM team_members x JOIN teams t ON t.id = x.team_id JOIN users u ON u.id = x.user_id WHERE u.email = 'abe@example.org'`, "Acme All users"},
				{`SELECT group_concat(t.name) FROM team_members x JOIN teams t ON t.id = x.team_id JOIN users u ON u.id = x.user_id WHERE u.email = 'amy@example.org'`, "Acme All users"},
				{`SELECT count(*) FROM memberships m JOIN organizations o ON o.id = m.org_id WHERE o.name = 'Acme'`, "5"}}},
		again: "amy", twice: outcome{code: portal.NotFound}},
	{method: "TeamEnd", reads: true, who: superAdmins, ids: "Blue", prepare: blue, doer: "ann",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.TeamEnd(f.ctx, by, f.ids["Blue"]) }},
	{method: "AddToTeam", who: superAdmins, ids: "Blue, una", held: portal.Conflict, prepare: blue,
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.AddToTeam(f.ctx, by, f.ids["Blue"], []string{f.ids["una"]})
		},
		doer: "ann", does: outcome{audit: []string{"ann added a member to the team Blue (una@example.org)"},
			rows: [][2]string{{`SELECT count(*) FROM team_members x JOIN users u ON u.id = x.user_id WHERE u.email = 'una@example.org'`, "2"}}},
		again: "amy"},
	{method: "RemoveFromTeam", who: superAdmins, ids: "Blue, abe", held: portal.Conflict, prepare: blue,
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.RemoveFromTeam(f.ctx, by, f.ids["Blue"], f.ids["abe"])
		},
		doer: "ann", does: outcome{audit: []string{"ann took a member out of the team Blue (abe@example.org, who is in Acme All users now)"},
			rows: [][2]string{{`SELECT group_concat(t.name) FROM team_members x JOIN teams t ON t.id = x.team_id JOIN users u ON u.id = x.user_id WHERE u.email = 'abe@example.org'`, "Acme All users"}}},
		again: "amy", twice: outcome{code: portal.NotFound}},
	{method: "TeamLeaving", reads: true, who: superAdmins, ids: "Blue, abe", prepare: blue, doer: "ann",
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.TeamLeaving(f.ctx, by, f.ids["Blue"], f.ids["abe"])
		}},
	{method: "NotInTeam", reads: true, who: superAdmins, ids: "Blue", prepare: blue, doer: "ann",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.NotInTeam(f.ctx, by, f.ids["Blue"], "") }},
	{method: "MemberTeams", reads: true, who: membersRead, ids: "abe", doer: "una",
		run: func(f *scene, by portal.Actor) (any, error) {
			m, err := f.s.Member(f.ctx, by, f.ids["abe"])
			if err != nil {
				return nil, err
			}
			return f.s.MemberTeams(f.ctx, by, m)
		}},
	{method: "TeamOrg", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.TeamOrg(f.ctx, by, f.ids["Beta team"]) }},

	// Invitations, by those who make them.
	{method: "Invite", who: superAdmins, held: portal.Conflict,
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.Invite(f.ctx, by, invited("nora", portal.TeamMember))
		},
		doer: "ann", does: outcome{audit: []string{"ann invited nora (as Team member)"}, mail: []string{"invitation to nora, queued"},
			rows: [][2]string{{`SELECT role || state || version || (expires_at - created_at) FROM invitations WHERE email_key = 'nora@example.org'`,
				"team_memberpending1" + fmt.Sprint((7 * 24 * time.Hour).Milliseconds())}}},
		again: "amy", twice: outcome{code: portal.Conflict, says: []string{"nora@example.org has been invited already", "resend"}}},
	{method: "InviteSeveral", who: superAdmins, held: portal.Conflict,
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.InviteSeveral(f.ctx, by, twoPeople) },
		doer: "ann", does: outcome{audit: []string{"ann invited nora (as Team member)", "ann invited nils (as Super admin)"},
			mail: []string{"invitation to nora, queued", "invitation to nils, queued"},
			rows: [][2]string{{`SELECT role || state FROM invitations WHERE email_key IN ('nora@example.org', 'nils@example.org') ORDER BY id`, "team_memberpending super_adminpending"}}},
		again: "amy"},
	{method: "CheckInvites", reads: true, who: superAdmins, held: portal.Conflict, doer: "ann",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.CheckInvites(f.ctx, by, twoPeople) }},
	{method: "Resend", who: superAdmins, ids: "ivy invitation", held: portal.Conflict,
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.Resend(f.ctx, by, f.ids["ivy invitation"]) },
		doer: "amy", does: outcome{audit: []string{"amy resent the invitation of ivy (as Team member)"}, mail: []string{"invitation to ivy, queued"},
			rows: [][2]string{{`SELECT i.state || i.version || u.email FROM invitations i JOIN users u ON u.id = i.inviter_id WHERE i.email_key = 'ivy@example.org'`, "pending2amy@example.org"}}},
		again: "ann", twice: outcome{code: portal.TooMany, says: []string{"Try again in 60 seconds"}}},
	{method: "Revoke", who: superAdmins, ids: "ivy invitation", held: portal.Conflict,
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.Revoke(f.ctx, by, f.ids["ivy invitation"]) },
		doer: "amy", does: outcome{audit: []string{"amy revoked the invitation of ivy"}, rows: [][2]string{{`SELECT state FROM invitations WHERE email_key = 'ivy@example.org'`, "revoked"}}},
		again: "ann", twice: outcome{code: portal.Conflict, says: []string{"ivy@example.org was revoked by Amy Test on 2 Mar 2026"}}},
	{method: "Undo", held: portal.Conflict, ids: "undo", prepare: removedByMistake,
		//    nobody stan wanda ulf ann abe una bea dora ada adam
		who:  "N      N    N     N   y   N   F   N   N    N   N",
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.Undo(f.ctx, by, f.ids["undo"]) },
		doer: "ann", does: outcome{audit: []string{"ann undid the removal of abe (Team member)"},
			rows: [][2]string{{`SELECT m.role || t.is_default || (m.joined_at < 1772445600000) FROM memberships m JOIN users u ON u.id = m.user_id JOIN team_members tm ON tm.user_id = u.id JOIN teams t ON t.id = tm.team_id
				WHERE u.email = 'abe@example.org'`, "team_member11"}, {`SELECT group_concat(state) FROM outbox WHERE kind = 'removed'`, "cancelled,queued"}}},
		again: "ann", twice: outcome{code: portal.Conflict, says: []string{"undone already"}}},
	{method: "CopyLink", who: superAdmins, ids: "ivy invitation", held: portal.Conflict,
		run: func(f *scene, by portal.Actor) (any, error) {
			link, _, err := f.s.CopyLink(f.ctx, by, f.ids["ivy invitation"])
			return link, err
		},
		doer: "amy", does: outcome{audit: []string{"amy copied the invitation link of ivy"}},
		again: "ann", twice: outcome{audit: []string{"ann copied the invitation link of ivy"}}},
	{method: "Invitations", reads: true, who: superAdmins, doer: "amy",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Invitations(f.ctx, by) }},

	// Invitations, by those who get them.
	{method: "Accept", outside: true, prepare: inviteStan,
		//    nobody stan wanda ulf ann abe una bea dora ada adam
		who: "N      y    F     F   F   F   F   F   N    F   N",
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.Accept(f.ctx, by, f.linkTo("stan", portal.Mailed), f.browser("stan"))
		},
		doer: "stan", does: stanJoined, again: "stan", twice: outcome{code: portal.Conflict, says: []string{"a member of Acme already"}}},
	{method: "AcceptWaiting", outside: true, prepare: inviteStan, ids: "stan invitation",
		//    nobody stan wanda ulf ann abe una bea dora ada adam
		who: "N      y    N     N   N   N   N   N   N    N   N",
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.AcceptWaiting(f.ctx, by, f.ids["stan invitation"], f.browser("stan"))
		},
		doer: "stan", does: stanJoined, again: "stan", twice: outcome{code: portal.Conflict, says: []string{"a member of Acme already"}}},
	{method: "Decline", outside: true, prepare: inviteStan,
		//    nobody stan wanda ulf ann abe una bea dora ada adam
		who: "y      y    F     F   F   F   F   F   N    F   N",
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.Decline(f.ctx, by, f.linkTo("stan", portal.Mailed))
		},
		doer: "stan", does: stanDeclined, again: "stan", twice: outcome{code: portal.Gone, says: []string{"This invitation is declined"}}},
	{method: "DeclineWaiting", outside: true, prepare: inviteStan, ids: "stan invitation",
		//    nobody stan wanda ulf ann abe una bea dora ada adam
		who: "N      y    N     N   N   N   N   N   N    N   N",
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.DeclineWaiting(f.ctx, by, f.ids["stan invitation"])
		},
		doer: "stan", does: stanDeclined, again: "stan", twice: outcome{code: portal.Gone, says: []string{"This invitation is declined"}}},
	{method: "InvitationsFor", reads: true, outside: true, prepare: inviteStan, who: anybody, doer: "stan",
		run: func(f *scene, by portal.Actor) (any, error) {
			all, err := f.s.InvitationsFor(f.ctx, by)
			return all, only(err, "invitations", len(all), by.Email == address("stan"))
		}},
	{method: "Offer", reads: true, run: func(f *scene, _ portal.Actor) (any, error) { return f.s.Offer(f.ctx, f.linkTo("ivy", portal.Mailed)) }},
	{method: "Join",
		run: func(f *scene, _ portal.Actor) (any, error) {
			_, joined, err := f.s.Join(f.ctx, ip, f.linkTo("ivy", portal.Mailed), portal.NewUser{First: "Ivy", Last: "Vine", Email: "eve@example.org", Password: password}, f.browser("ivy"))
			return nil, only(err, "joined", map[bool]int{true: 1}[joined], err == nil)
		},
		does: outcome{audit: []string{"ivy registered (by an invitation)", "ivy joined Acme (as Team member)"}, mail: []string{"accepted to ann, queued"},
			rows: [][2]string{{`SELECT u.state || u.doubtful || u.last_name || m.last_name || m.role || t.is_default FROM users u JOIN memberships m ON m.user_id = u.id
				JOIN team_members tm ON tm.user_id = u.id JOIN teams t ON t.id = tm.team_id WHERE u.email_key = 'ivy@example.org'`, "active0VineVineteam_member1"},
				{`SELECT state FROM invitations WHERE email_key = 'ivy@example.org'`, "accepted"}, {`SELECT count(*) FROM sessions`, "1"}, {`SELECT count(*) FROM users WHERE email_key = 'eve@example.org'`, "0"}}},
		twice: outcome{code: portal.Gone, says: []string{"This invitation is accepted"}}},
	{method: "AskAgain",
		run: func(f *scene, _ portal.Actor) (any, error) {
			return f.s.AskAgain(f.ctx, ip, f.linkTo("ian", portal.Mailed))
		},
		does: outcome{audit: []string{"ian asked for a new invitation ian"}, mail: []string{"ask_again to ann, queued"},
			rows: [][2]string{{`SELECT state || version FROM invitations WHERE email_key = 'ian@example.org'`, "pending1"}}},
		twice: outcome{audit: []string{"ian asked for a new invitation ian"}, mail: []string{"ask_again to ann, queued"}}},

	// A new organization.
	{method: "Checklist", reads: true, who: membersRead, doer: "ann",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Checklist(f.ctx, by) }},
	{method: "DismissChecklist", who: superAdmins, held: portal.Conflict,
		run:  func(f *scene, by portal.Actor) (any, error) { return nil, f.s.DismissChecklist(f.ctx, by) },
		doer: "ann", does: outcome{audit: []string{"ann put away the checklist of Acme"}, rows: [][2]string{{`SELECT checklist_done FROM organizations WHERE name = 'Acme'`, "1"}}},
		again: "amy"},
	{method: "InviteDefaults", reads: true, who: membersRead, doer: "ann",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.InviteDefaults(f.ctx, by) }},
	{method: "SetInviteDefaults", who: superAdmins, held: portal.Conflict,
		run: func(f *scene, by portal.Actor) (any, error) {
			return nil, f.s.SetInviteDefaults(f.ctx, by, portal.InviteDefaults{Role: portal.SuperAdmin, Team: f.ids["Acme team"]})
		},
		doer: "ann", does: outcome{audit: []string{"ann changed the defaults of invitations to Acme (to Super admin, Acme All users)"},
			rows: [][2]string{{`SELECT invite_role || (invite_team_id IS NULL) FROM organizations WHERE name = 'Acme'`, "super_admin1"}}},
		again: "amy"},

	// Invite codes.
	{method: "Codes", reads: true, outside: true, who: adminsOnly, doer: "ada", prepare: withCode,
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Codes(f.ctx, f.inAcme(by), "") }},
	{method: "AllCodes", reads: true, outside: true, who: adminsOnly, doer: "ada", prepare: withCode,
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.AllCodes(f.ctx, by, "") }},
	{method: "Code", reads: true, outside: true, who: adminsOnly, doer: "ada", prepare: withCode, ids: "Acme code",
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.Code(f.ctx, f.inAcme(by), f.ids["Acme code"])
		}},
	{method: "CreateCode", outside: true, who: adminsOnly,
		run: func(f *scene, by portal.Actor) (any, error) {
			_, value, err := f.s.CreateCode(f.ctx, f.inAcme(by), portal.CodeForm{Name: "Fair", Code: "Open Doors 2026", Quota: "3", Expires: "2026-03-31"})
			return value, err
		},
		doer: "ada", does: outcome{audit: []string{"ada made the invite code Fair (into Acme All users, for 3 people, through 2026-03-31)"},
			rows: [][2]string{{`SELECT quota || uses || active || (team_id IS NULL) || length(hash) FROM invite_codes`, "301132"}}},
		again: "alan", twice: outcome{code: portal.Invalid, says: []string{"[code: This code was used before"}}},
	{method: "EditCode", outside: true, who: adminsOnly, prepare: withCode, ids: "Acme code",
		run: func(f *scene, by portal.Actor) (any, error) {
			return nil, f.s.EditCode(f.ctx, f.inAcme(by), f.ids["Acme code"], portal.CodeForm{Name: "Fair two"})
		},
		doer: "ada", does: outcome{audit: []string{"ada edited the invite code Fair two (into Acme All users)"}, rows: [][2]string{{`SELECT name || quota FROM invite_codes WHERE name LIKE 'Fair%'`, "Fair two0"}}},
		again: "alan"},
	{method: "SwitchCode", outside: true, who: adminsOnly, prepare: withCode, ids: "Acme code",
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.SwitchCode(f.ctx, f.inAcme(by), f.ids["Acme code"], false)
		},
		doer: "ada", does: outcome{audit: []string{"ada switched off the invite code Fair"}, rows: [][2]string{{`SELECT active FROM invite_codes WHERE name = 'Fair'`, "0"}}},
		again: "alan", twice: outcome{code: portal.Conflict, says: []string{"Fair is switched off already"}}},
	{method: "AnyCode", reads: true, prepare: withCode,
		run: func(f *scene, _ portal.Actor) (any, error) { return f.s.AnyCode(f.ctx) }},
	{method: "JoinByCode", outside: true, prepare: withCode,
		//    nobody stan wanda ulf ann abe una bea dora ada adam
		who:  "N      y    y     F   C   C   F   y   N    y   N",
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.JoinByCode(f.ctx, by, theCode) },
		doer: "stan", does: outcome{audit: []string{"stan joined Acme (as Team member, by the invite code Fair)"},
			rows: [][2]string{{`SELECT m.role || t.name || c.uses FROM memberships m JOIN users u ON u.id = m.user_id JOIN team_members x ON x.user_id = u.id JOIN teams t ON t.id = x.team_id
				JOIN invite_codes c ON c.org_id = m.org_id WHERE u.email = 'stan@example.org'`, "team_memberAcme All users1"}}},
		again: "stan", twice: outcome{code: portal.Conflict, says: []string{"a member of Acme already"}}},
	{method: "CodeEnded", reads: true, outside: true, who: anybody, doer: "stan", prepare: withCode,
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.CodeEnded(f.ctx, by) }},

	// Applications and credentials.
	{method: "Applications", reads: true, who: membersRead, doer: "abe",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Applications(f.ctx, by, "", "") }},
	{method: "ApplicationCount", reads: true, who: membersRead, doer: "abe",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.ApplicationCount(f.ctx, by) }},
	{method: "Application", reads: true, who: membersRead, ids: "Alpha", doer: "abe",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Application(f.ctx, by, f.ids["Alpha"]) }},
	{method: "AllApplications", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.AllApplications(f.ctx, by, "", "") }},
	{method: "CreateApplication", who: membersUse, held: portal.Conflict,
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.CreateApplication(f.ctx, by, portal.NewApplication{Name: "Amber"})
		},
		doer: "abe", does: outcome{audit: []string{"abe created the application Amber"},
			rows: [][2]string{{`SELECT o.name || u.email FROM applications a JOIN organizations o ON o.id = a.org_id JOIN users u ON u.id = a.owner_id WHERE a.name = 'Amber'`, "Acmeabe@example.org"}}},
		again: "ann", twice: outcome{code: portal.Invalid, says: []string{"[name: There is an application called Amber already"}}},
	{method: "EditApplication", who: membersUse, ids: "Alpha", held: portal.Conflict,
		run: func(f *scene, by portal.Actor) (any, error) {
			return nil, f.s.EditApplication(f.ctx, by, f.ids["Alpha"], 1, portal.NewApplication{Name: "Alef", Description: "Letters"})
		},
		doer: "abe", does: outcome{audit: []string{"abe edited the application Alef (from Alpha)"}, rows: [][2]string{{`SELECT description || version FROM applications WHERE name = 'Alef'`, "Letters2"}}},
		again: "ann", twice: outcome{code: portal.Conflict, says: []string{"it is called Alef now"}}},
	{method: "DeleteApplication", who: membersUse, ids: "Alpha", held: portal.Conflict,
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.DeleteApplication(f.ctx, by, f.ids["Alpha"]) },
		doer: "abe", does: outcome{audit: []string{"abe deleted the application Alpha (with 1 working credentials)"},
			rows: [][2]string{{`SELECT count(*) FROM credentials WHERE revoked_at IS NULL`, "1"}, {`SELECT count(*) FROM applications WHERE deleted_at IS NULL`, "1"}}},
		again: "ann", twice: outcome{code: portal.NotFound}},
	{method: "Credentials", reads: true, who: membersRead, ids: "Alpha", doer: "abe",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Credentials(f.ctx, by, f.ids["Alpha"]) }},
	{method: "Credential", reads: true, who: membersRead, ids: "Alpha, Alpha key", doer: "abe",
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.Credential(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"])
		}},
	{method: "CreateCredential", who: membersUse, ids: "Alpha", held: portal.Conflict,
		run: func(f *scene, by portal.Actor) (any, error) {
			c, _, err := f.s.CreateCredential(f.ctx, by, f.ids["Alpha"], portal.NewCredential{Label: "test"})
			return c, err
		},
		doer: "abe", does: outcome{audit: []string{"abe created a credential of Alpha (test (…HINT))"}, rows: [][2]string{{`SELECT count(*) FROM credentials WHERE label = 'test'`, "1"}}},
		again: "ann", twice: outcome{audit: []string{"ann created a credential of Alpha (test (…HINT))"}}},
	{method: "Reveal", who: membersUse, ids: "Alpha, Alpha key", held: portal.Conflict,
		run: func(f *scene, by portal.Actor) (any, error) {
			c, key, err := f.s.Reveal(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"])
			if err != nil && key != "" {
				err = fmt.Errorf("a key with a refusal: %w", err)
			} else if err == nil && (!portal.WellFormedKey(key) || !strings.HasSuffix(key, c.Hint) || len(c.Seen) == 0) {
				err = fmt.Errorf("revealed %q of %+v", key, c)
			}
			return nil, err
		},
		doer: "abe", does: outcome{audit: []string{"abe revealed a credential of Alpha (live (…HINT))"}, rows: [][2]string{{`SELECT count(*) FROM reveals`, "1"}}},
		again: "ann", twice: outcome{audit: []string{"ann revealed a credential of Alpha (live (…HINT))"}, rows: [][2]string{{`SELECT count(*) FROM reveals`, "2"}}}},
	{method: "Rotate", who: membersUse, ids: "Alpha, Alpha key", held: portal.Conflict,
		run: func(f *scene, by portal.Actor) (any, error) {
			c, _, err := f.s.Rotate(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"], portal.GraceDay, "")
			return c, err
		},
		doer: "abe", does: outcome{audit: []string{"abe rotated a credential of Alpha (live (…HINT) until 3 Mar 2026 10:00 UTC)"},
			rows: [][2]string{{`SELECT count(*) FROM credentials WHERE label = 'live' AND ends_at IS NULL`, "2"}, {`SELECT count(*) FROM credentials WHERE ends_at IS NOT NULL`, "1"}}},
		again: "ann", twice: outcome{code: portal.Conflict, says: []string{"was rotated by Abe Test on 2 Mar 2026"}}},
	{method: "RevokeCredential", ids: "Alpha, Alpha key", held: portal.Conflict, who: membersRead,
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.RevokeCredential(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"])
		},
		doer: "abe", does: outcome{audit: []string{"abe revoked a credential of Alpha (live (…HINT))"}, rows: [][2]string{{`SELECT count(*) FROM credentials WHERE revoked_at IS NOT NULL`, "1"}}},
		again: "ann", twice: outcome{code: portal.Conflict, says: []string{"was revoked by Abe Test on 2 Mar 2026"}}},
	{method: "ExtendKey", who: membersUse, ids: "Alpha, Alpha key", held: portal.Conflict, prepare: rotated,
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.ExtendKey(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"], portal.GraceWeek, "")
		},
		doer: "abe", does: outcome{audit: []string{"abe extended a rotated credential of Alpha (live (…HINT) until 9 Mar 2026 10:00 UTC)"}},
		again: "ann", twice: outcome{audit: []string{"ann extended a rotated credential of Alpha (live (…HINT) until 9 Mar 2026 10:00 UTC)"}}},
	{method: "CutKey", who: membersUse, ids: "Alpha, Alpha key", held: portal.Conflict, prepare: rotated,
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.CutKey(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"])
		},
		doer: "abe", does: outcome{audit: []string{"abe cut a rotated credential of Alpha (live (…HINT) until 2 Mar 2026 10:00 UTC)"}},
		again: "ann", twice: outcome{code: portal.Conflict, says: []string{"was rotated by Abe Test on 2 Mar 2026"}}},
	{method: "ShareApplication", ids: "Alpha", held: portal.Conflict,
		//    nobody stan wanda ulf ann abe una bea dora ada adam
		who: "N      N    N     N   y   F   F   N   N    F   N", // it is ann's: others may not take it from the rest
		run: func(f *scene, by portal.Actor) (any, error) {
			return nil, f.s.ShareApplication(f.ctx, by, f.ids["Alpha"], 1, portal.VisiblePersonal, nil)
		},
		doer: "ann", does: outcome{audit: []string{"ann changed who sees the application Alpha (from Organization to Personal)"},
			rows: [][2]string{{`SELECT a.visibility || u.email FROM applications a JOIN users u ON u.id = a.owner_id WHERE a.name = 'Alpha'`, "personalann@example.org"}}},
		again: "abe", twice: outcome{code: portal.NotFound}},
	{method: "MoveApplication", outside: true,
		//    nobody stan wanda ulf ann abe una bea dora ada adam
		who: "N      N    F     F   N   y   F   N   N    N   N",
		prepare: func(f *scene) {
			a, err := f.s.CreateApplication(f.ctx, own(f.user("abe")), portal.NewApplication{Name: "Own"})
			f.must(err)
			f.ids["Own"] = a.PublicID
		},
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.MoveApplication(f.ctx, own(by), f.ids["Own"], f.ids["Acme"])
		},
		doer: "abe", does: outcome{audit: []string{"abe moved the application Own (into Acme)"},
			rows: [][2]string{{`SELECT o.name || a.visibility FROM applications a JOIN organizations o ON o.id = a.org_id WHERE a.name = 'Own'`, "Acmeorganization"}}},
		again: "abe", twice: outcome{code: portal.NotFound}},
	{method: "AccessTo", reads: true, who: membersRead, ids: "Alpha", doer: "abe", run: func(f *scene, by portal.Actor) (any, error) {
		people, _, err := f.s.AccessTo(f.ctx, by, f.ids["Alpha"])
		return people, err
	}},
	{method: "WouldGain", reads: true, who: membersUse, ids: "Alpha", doer: "abe", run: func(f *scene, by portal.Actor) (any, error) {
		people, _, err := f.s.WouldGain(f.ctx, by, f.ids["Alpha"], portal.VisibleTeam, []string{f.ids["Acme team"]})
		return people, err
	}},
	{method: "TeamsOf", reads: true, who: membersRead, ids: "Alpha", doer: "abe", run: func(f *scene, by portal.Actor) (any, error) {
		a, err := f.s.Application(f.ctx, by, f.ids["Alpha"])
		if err != nil {
			return nil, err
		}
		return f.s.TeamsOf(f.ctx, by, a)
	}},
	{method: "TeamNames", reads: true, who: membersRead, doer: "abe",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.TeamNames(f.ctx, by) }},
	{method: "Heirs", reads: true, doer: "abe",
		//    nobody stan wanda ulf ann abe una bea dora ada adam
		who: "N      N    N     N   y   y   y   N   N    N   N",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Heirs(f.ctx, by) }},
	{method: "Exposed", reads: true, who: superAdmins, doer: "ann",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Exposed(f.ctx, by) }},
	{method: "RotateSeen", ids: "Alpha key", held: portal.Conflict,
		//    nobody stan wanda ulf ann abe una bea dora ada adam
		who: "N      N    N     N   y   F   F   N   N    F   N",
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.RotateSeen(f.ctx, by, []string{f.ids["Alpha key"]}, portal.GraceDay, "")
		},
		doer: "ann", does: outcome{audit: []string{"ann rotated a credential of Alpha (live (…HINT) until 3 Mar 2026 10:00 UTC)"}},
		again: "ann", twice: outcome{code: portal.Conflict, says: []string{"was rotated by Ann Test on 2 Mar 2026"}}},
	{method: "Usage", reads: true, who: membersRead, ids: "Alpha", doer: "abe",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Usage(f.ctx, by, f.ids["Alpha"], "") }},
	{method: "OrgUsage", reads: true, who: membersRead, doer: "abe",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.OrgUsage(f.ctx, by) }},
	{method: "WriteUses", run: func(f *scene, _ portal.Actor) (any, error) { return nil, f.s.WriteUses(f.ctx) }},
	{method: "FoldUses", run: func(f *scene, _ portal.Actor) (any, error) { return nil, f.s.FoldUses(f.ctx) }},
	{method: "Remind", run: func(f *scene, _ portal.Actor) (any, error) { return nil, f.s.Remind(f.ctx) }},

	{method: "KnownKey", reads: true, prepare: func(f *scene) { f.opens(f.key("Alpha")) },
		run: func(f *scene, _ portal.Actor) (any, error) {
			owner, ok := f.s.KnownKey([]byte(f.key("Alpha")), ip)
			return owner, only(nil, "owners", map[bool]int{true: 1}[ok && owner.Org == f.ids["Acme"] && owner.Credential == f.ids["Alpha key"]], true)
		}},
	{method: "Verify", reads: true, run: func(f *scene, _ portal.Actor) (any, error) {
		owner, ok, err := f.s.Verify(f.ctx, f.key("Alpha"), ip)
		return owner, only(err, "owners", map[bool]int{true: 1}[ok && owner.Org == f.ids["Acme"] && owner.Credential == f.ids["Alpha key"]], true)
	}},

	// Accounts, by their owners.
	{method: "SaveProfile", outside: true, who: theirOwn,
		run:  func(f *scene, by portal.Actor) (any, error) { return nil, f.s.SaveProfile(f.ctx, by, "Anna", "Archer") },
		doer: "ann", does: outcome{audit: []string{"ann changed their name (from Ann Test to Anna Archer)"},
			rows: [][2]string{{`SELECT u.first_name || u.last_name || m.first_name || m.last_name FROM users u JOIN memberships m ON m.user_id = u.id WHERE u.email = 'ann@example.org'`, "AnnaArcherAnnaArcher"}}},
		again: "ann"},
	{method: "ChangePassword", outside: true, who: theirOwn,
		run: func(f *scene, by portal.Actor) (any, error) {
			return nil, f.s.ChangePassword(f.ctx, by, password, newPassword, f.browser("new"))
		},
		doer: "ann", does: outcome{audit: []string{"ann changed their password"}, rows: [][2]string{{`SELECT count(*) FROM sessions`, "1"}}},
		again: "ann", twice: outcome{code: portal.Invalid, says: []string{"[current_password: This is not your present password"}}},
	{method: "Reprove", outside: true, who: theirOwn,
		run: func(f *scene, by portal.Actor) (any, error) {
			return nil, f.s.Reprove(f.ctx, by, password, hashOf("ann"))
		},
		doer: "ann", again: "ann"},
	{method: "Sessions", reads: true, outside: true, who: anybody, doer: "ann",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Sessions(f.ctx, by, hashOf("ann")) }},
	{method: "EndSession", outside: true, ids: "ann session", prepare: threeBrowsers,
		//    nobody stan wanda ulf ann abe una bea dora ada adam
		who:  "N      N    N     N   y   N   N   N   N    N   N",
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.EndSession(f.ctx, by, f.ids["ann session"]) },
		doer: "ann", does: outcome{audit: []string{"ann signed out the device test"}, rows: [][2]string{{`SELECT count(*) FROM sessions`, "2"}}},
		again: "ann", twice: outcome{code: portal.NotFound}},
	{method: "EndOtherSessions", outside: true, who: theirOwn, prepare: threeBrowsers,
		run: func(f *scene, by portal.Actor) (any, error) {
			return nil, f.s.EndOtherSessions(f.ctx, by, hashOf("ann"))
		},
		doer: "ann", does: outcome{audit: []string{"ann signed out all other devices"}, rows: [][2]string{{`SELECT count(*) FROM sessions`, "2"}}},
		again: "ann"},
	{method: "AskForEmail", outside: true,
		//    nobody stan wanda ulf ann abe una bea dora ada adam
		who: "N      y    y     C   y   y   C   y   N    y   N",
		run: func(f *scene, by portal.Actor) (any, error) {
			return nil, f.s.AskForEmail(f.ctx, by, "Nora@example.org")
		},
		doer: "ann", does: outcome{audit: []string{"ann asked for the new address Nora"}, mail: []string{"email_prove to Nora, queued"},
			rows: [][2]string{{`SELECT email_key FROM users WHERE first_name = 'Ann'`, "ann@example.org"}}},
		again: "ann", twice: outcome{audit: []string{"ann asked for the new address Nora"}, mail: []string{"email_prove to Nora, queued"}}},
	{method: "NewEmail", reads: true, outside: true, who: anybody, doer: "ann", prepare: annMoves,
		run: func(f *scene, by portal.Actor) (any, error) {
			email, err := f.s.NewEmail(f.ctx, by)
			return nil, only(err, "new addresses", len(email), by.Email == address("ann"))
		}},
	{method: "KeepEmail", outside: true, who: theirOwn, prepare: annMoves,
		run:  func(f *scene, by portal.Actor) (any, error) { return nil, f.s.KeepEmail(f.ctx, by) },
		doer: "ann", does: outcome{audit: []string{"ann kept their address"}, rows: [][2]string{{`SELECT count(*) FROM email_changes WHERE expires_at > 0`, "0"}}},
		again: "ann"},
	{method: "EmailChangeOf", reads: true, prepare: annMoves, run: func(f *scene, _ portal.Actor) (any, error) {
		return f.s.EmailChangeOf(f.ctx, f.mailedLink(portal.MailEmailProve, "nora"))
	}},
	{method: "ChangeEmail", prepare: annMoves,
		run: func(f *scene, _ portal.Actor) (any, error) {
			return f.s.ChangeEmail(f.ctx, ip, f.mailedLink(portal.MailEmailProve, "nora"), nil)
		},
		does: outcome{audit: []string{"ann changed their address to nora (from ann@example.org)"}, mail: []string{"email_changed to ann, queued", "email_changed to nora, queued"},
			rows: [][2]string{{`SELECT email_key || email FROM users WHERE first_name = 'Ann'`, "nora@example.orgnora@example.org"}}},
		twice: outcome{code: portal.Gone, says: []string{"This link has been used"}}},
	{method: "Factor", reads: true, outside: true, who: anybody, doer: "ann", prepare: annHasFactor,
		run: func(f *scene, by portal.Actor) (any, error) {
			got, err := f.s.Factor(f.ctx, by)
			return nil, only(err, "codes", got.CodesLeft, by.Email == address("ann"))
		}},
	{method: "StartFactor", outside: true, who: theirOwn,
		run:  func(f *scene, by portal.Actor) (any, error) { return nil, f.s.StartFactor(f.ctx, by) },
		doer: "ann", does: outcome{rows: [][2]string{{`SELECT count(*) FROM second_factors WHERE enabled_at IS NULL`, "1"}}},
		again: "ann", twice: outcome{rows: [][2]string{{`SELECT count(*) FROM second_factors WHERE enabled_at IS NULL`, "1"}}}},
	{method: "FactorSetup", reads: true, outside: true, doer: "ann", prepare: func(f *scene) { f.must(f.s.StartFactor(f.ctx, f.user("ann"))) },
		//    nobody stan wanda ulf ann abe una bea dora ada adam
		who: "N      N    N     N   y   N   N   N   N    N   N",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.FactorSetup(f.ctx, by, "Portico") }},
	{method: "EnableFactor", outside: true, doer: "ann", prepare: func(f *scene) { f.must(f.s.StartFactor(f.ctx, f.user("ann"))) },
		//    nobody stan wanda ulf ann abe una bea dora ada adam
		who: "N      N    N     N   y   N   N   N   N    N   N",
		run: func(f *scene, by portal.Actor) (any, error) {
			codes, err := f.s.EnableFactor(f.ctx, by, f.code("ann", 0))
			return nil, only(err, "codes", len(codes), err == nil)
		},
		does:  outcome{audit: []string{"ann turned two-factor sign-in on"}, rows: [][2]string{{`SELECT count(*) FROM recovery_codes`, "10"}}},
		again: "ann", twice: outcome{code: portal.Conflict, says: []string{"on already"}}},
	{method: "NewCodes", outside: true, doer: "ann", prepare: annHasFactor,
		//    nobody stan wanda ulf ann abe una bea dora ada adam
		who: "N      N    N     N   y   N   N   N   N    N   N",
		run: func(f *scene, by portal.Actor) (any, error) {
			codes, err := f.s.NewCodes(f.ctx, by)
			return nil, only(err, "codes", len(codes), err == nil)
		},
		does:  outcome{audit: []string{"ann made new recovery codes"}, rows: [][2]string{{`SELECT count(*) FROM recovery_codes`, "10"}}},
		again: "ann", twice: outcome{audit: []string{"ann made new recovery codes"}, rows: [][2]string{{`SELECT count(*) FROM recovery_codes`, "10"}}}},
	{method: "DisableFactor", outside: true, doer: "ann", prepare: annHasFactor,
		//    nobody stan wanda ulf ann abe una bea dora ada adam
		who:   "N      N    N     N   y   N   N   N   N    N   N",
		run:   func(f *scene, by portal.Actor) (any, error) { return nil, f.s.DisableFactor(f.ctx, by) },
		does:  outcome{audit: []string{"ann turned two-factor sign-in off"}, rows: [][2]string{{`SELECT (SELECT count(*) FROM second_factors) + (SELECT count(*) FROM recovery_codes)`, "0"}}},
		again: "ann", twice: outcome{code: portal.NotFound}},
	{method: "SetOrgFactor", held: portal.Conflict,
		//    nobody stan wanda ulf ann abe una bea dora ada adam
		who:  "N      N    N     N   y   F   F   N   N    F   N",
		run:  func(f *scene, by portal.Actor) (any, error) { return nil, f.s.SetOrgFactor(f.ctx, by, true) },
		doer: "ann", does: outcome{audit: []string{"ann changed who needs two-factor sign-in in Acme (to on)"}, rows: [][2]string{{`SELECT require_factor FROM organizations WHERE name = 'Acme'`, "1"}}},
		again: "ann", twice: outcome{code: portal.FactorMissing, says: []string{"Acme asks for two-factor sign-in"}}},
	{method: "HalfSignedIn", reads: true, prepare: annGivesPassword, run: func(f *scene, _ portal.Actor) (any, error) {
		return f.s.HalfSignedIn(f.ctx, hashOf("half"))
	}},
	{method: "SignInByCode", prepare: annGivesPassword,
		run: func(f *scene, _ portal.Actor) (any, error) {
			return nil, f.s.SignInByCode(f.ctx, f.code("ann", 1), f.from("half", "whole"))
		},
		does: outcome{audit: []string{"ann signed in (with a code)"},
			rows: [][2]string{{`SELECT (SELECT count(*) FROM sessions) || (SELECT count(*) FROM sign_ins)`, "10"}}},
		twice: outcome{code: portal.NotFound}},
	{method: "AskForProof", outside: true,
		//    nobody stan wanda ulf ann abe una bea dora ada adam
		who:  "N      C    C     y   C   C   y   C   N    C   N",
		run:  func(f *scene, by portal.Actor) (any, error) { return nil, f.s.AskForProof(f.ctx, by) },
		doer: "ulf", does: outcome{audit: []string{"ulf asked for the confirmation mail again"}, mail: []string{"prove to ulf, queued"}},
		again: "ulf", twice: outcome{audit: []string{"ulf asked for the confirmation mail again"}, mail: []string{"prove to ulf, queued"}}},
	{method: "Register",
		run: func(f *scene, _ portal.Actor) (any, error) { return nil, f.s.Register(f.ctx, ip, person("nora")) },
		does: outcome{audit: []string{"nora registered"}, mail: []string{"prove to nora, queued"},
			rows: [][2]string{{`SELECT state || admin || doubtful FROM users WHERE email_key = 'nora@example.org'`, "unproven00"}, {`SELECT count(*) FROM sessions`, "0"}}},
		twice: outcome{mail: []string{"prove to nora, queued"}}},
	{method: "ProofOf", reads: true, run: func(f *scene, _ portal.Actor) (any, error) {
		return f.s.ProofOf(f.ctx, f.mailedLink(portal.MailProve, "ulf"))
	}},
	{method: "Prove",
		run: func(f *scene, _ portal.Actor) (any, error) {
			return nil, f.s.Prove(f.ctx, ip, f.mailedLink(portal.MailProve, "ulf"), "", nil)
		},
		does:  outcome{audit: []string{"ulf confirmed their address"}, rows: [][2]string{{`SELECT state FROM users WHERE email = 'ulf@example.org'`, "active"}}},
		twice: outcome{code: portal.Gone, says: []string{"This link has been used"}}},
	{method: "SignIn", run: func(f *scene, _ portal.Actor) (any, error) { return nil, f.signIn("ann", password, "ann") },
		does:  outcome{audit: []string{"ann signed in"}, rows: [][2]string{{`SELECT count(*) FROM sessions`, "1"}}},
		twice: outcome{}, prepare: nil},
	{method: "SignInDemo",
		run: func(f *scene, _ portal.Actor) (any, error) {
			return nil, f.s.SignInDemo(f.ctx, f.user("ann").UserID, f.browser(newID()))
		},
		does:  outcome{rows: [][2]string{{`SELECT count(*) FROM sessions`, "1"}}},
		twice: outcome{rows: [][2]string{{`SELECT count(*) FROM sessions`, "2"}}}},
	{method: "FillDemo", reads: true, run: func(f *scene, _ portal.Actor) (any, error) { // in a store of its own
		g := empty(f.t)
		return g.s.FillDemo(g.ctx)
	}},
	{method: "SignOut", prepare: func(f *scene) { f.must(f.signIn("ann", password, "ann")) },
		run: func(f *scene, by portal.Actor) (any, error) {
			return nil, f.s.SignOut(f.ctx, f.user("ann"), hashOf("ann"))
		},
		does: outcome{audit: []string{"ann signed out"}, rows: [][2]string{{`SELECT count(*) FROM sessions`, "0"}}}},
	{method: "Viewer", prepare: func(f *scene) { f.must(f.signIn("ann", password, "ann")) }, reads: true,
		run: func(f *scene, by portal.Actor) (any, error) {
			v, ok, err := f.s.Viewer(f.ctx, hashOf("ann"), portal.DefaultSettings())
			return v, only(err, "viewers", map[bool]int{true: 1}[ok && v.Email == address("ann")], true)
		}},
	{method: "ViewerUnseen", prepare: func(f *scene) { f.must(f.signIn("ann", password, "ann")); f.pass(time.Hour) }, reads: true,
		run: func(f *scene, by portal.Actor) (any, error) {
			v, ok, err := f.s.ViewerUnseen(f.ctx, hashOf("ann"), portal.DefaultSettings())
			return v, only(err, "viewers", map[bool]int{true: 1}[ok && v.Email == address("ann")], true)
		}},
	{method: "Watch", reads: true, run: func(f *scene, _ portal.Actor) (any, error) {
		_, stop := f.s.Watch(0)
		stop()
		return nil, nil
	}},
	{method: "Changes", reads: true, run: func(f *scene, _ portal.Actor) (any, error) { return f.s.Changes(0), nil }},
	{method: "WatchOthers", reads: true, run: func(f *scene, _ portal.Actor) (any, error) { return nil, f.s.WatchOthers(f.ctx) }},
	{method: "ForgotPassword", run: func(f *scene, _ portal.Actor) (any, error) {
		return nil, f.s.ForgotPassword(f.ctx, ip, " ANN@example.org")
	},
		does:  outcome{audit: []string{"nobody asked for a new password ann"}, mail: []string{"reset to ann, queued"}},
		twice: outcome{audit: []string{"nobody asked for a new password ann"}, mail: []string{"reset to ann, queued"}}},
	{method: "ResetOf", reads: true, prepare: forgotAnn,
		run: func(f *scene, _ portal.Actor) (any, error) {
			return f.s.ResetOf(f.ctx, f.mailedLink(portal.MailReset, "ann"))
		}},
	{method: "Reset", prepare: forgotAnn,
		run: func(f *scene, _ portal.Actor) (any, error) {
			return nil, f.s.Reset(f.ctx, ip, f.mailedLink(portal.MailReset, "ann"), newPassword)
		},
		does:  outcome{audit: []string{"ann set a new password by mail"}, rows: [][2]string{{`SELECT count(*) FROM sessions`, "0"}}},
		twice: outcome{code: portal.Gone, says: []string{"This link has been used"}}},

	// Accounts, by portal admins.
	{method: "Users", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Users(f.ctx, by, portal.UserActive, "an", "") }},
	{method: "UserCounts", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.UserCounts(f.ctx, by) }},
	{method: "User", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.User(f.ctx, by, f.ids["bob"]) }},
	{method: "UserMemberships", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.UserMemberships(f.ctx, by, portal.User{ID: f.user("bob").UserID})
		}},
	{method: "ApproveUser", outside: true, who: adminsOnly,
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.ApproveUser(f.ctx, by, f.ids["wanda"]) },
		doer: "ada", does: outcome{audit: []string{"ada approved the account wanda"}, mail: []string{"user_approved to wanda, queued"}, rows: [][2]string{{`SELECT state FROM users WHERE email = 'wanda@example.org'`, "active"}}},
		again: "alan", twice: outcome{code: portal.Conflict, says: []string{"Wanda Test was approved by Ada Test on 2 Mar 2026 at 10:00 UTC"}}},
	{method: "Admins", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Admins(f.ctx, by, "a", "") }},
	{method: "AdminCount", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.AdminCount(f.ctx, by) }},
	{method: "UserSessions", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.UserSessions(f.ctx, by, portal.User{ID: f.user("bob").UserID})
		}},
	{method: "UserActivity", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.UserActivity(f.ctx, by, portal.User{ID: f.user("bob").UserID}, "")
		}},
	{method: "Parting", reads: true, outside: true, ids: "abe", doer: "abe",
		//    nobody stan wanda ulf ann abe una bea dora ada adam
		who: "N      N    N     N   N   y   N   N   N    y   N",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Parting(f.ctx, by, f.ids["abe"]) }},
	{method: "DeleteUser", outside: true,
		//    nobody stan wanda ulf ann abe una bea dora ada adam
		who:  "N      N    N     N   y   N   N   N   N    y   N",
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.DeleteUser(f.ctx, by, f.ids["ann"], nil) },
		doer: "ann", does: outcome{audit: []string{"ann took over the application Alpha (now of Amy Test)", "ann left the organization Acme (with their account)", "ann deleted their account"},
			rows: [][2]string{{`SELECT count(*) FROM users WHERE email_key = 'ann@example.org'`, "0"}, {`SELECT count(*) FROM users WHERE first_name = 'Ann'`, "0"},
				{`SELECT u.email FROM applications a JOIN users u ON u.id = a.owner_id WHERE a.name = 'Alpha'`, "amy@example.org"}}},
		again: "ada", twice: outcome{code: portal.NotFound}},
	{method: "RefuseUser", outside: true, who: adminsOnly,
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.RefuseUser(f.ctx, by, f.ids["wanda"]) },
		doer: "ada", does: outcome{audit: []string{"ada refused the account wanda"}, rows: [][2]string{{`SELECT state FROM users WHERE email = 'wanda@example.org'`, "deactivated"}}},
		again: "alan", twice: outcome{code: portal.Conflict, says: []string{"The account of Wanda Test is deactivated"}}},
	{method: "DeactivateUser", outside: true, who: adminsOnly,
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.DeactivateUser(f.ctx, by, f.ids["ann"]) },
		doer: "ada", does: outcome{audit: []string{"ada deactivated the account ann"}, rows: [][2]string{{`SELECT state FROM users WHERE email = 'ann@example.org'`, "deactivated"}}},
		again: "alan", twice: outcome{code: portal.Conflict, says: []string{"was deactivated by Ada Test on 2 Mar 2026 at 10:00 UTC"}}},
	{method: "ActivateUser", outside: true, who: adminsOnly,
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.ActivateUser(f.ctx, by, f.ids["dora"]) },
		doer: "ada", does: outcome{audit: []string{"ada activated the account dora"}, rows: [][2]string{{`SELECT state FROM users WHERE email = 'dora@example.org'`, "active"}}},
		again: "alan", twice: outcome{code: portal.Conflict, says: []string{"is active: there is nothing to activate"}}},
	{method: "SendReset", outside: true, who: adminsOnly,
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.SendReset(f.ctx, by, f.ids["ann"]) },
		doer: "ada", does: outcome{audit: []string{"ada sent a password reset to ann"}, mail: []string{"reset to ann, queued"}},
		again: "alan", twice: outcome{audit: []string{"alan sent a password reset to ann"}, mail: []string{"reset to ann, queued"}}},
	{method: "UserFactor", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.UserFactor(f.ctx, by, portal.User{ID: f.user("bob").UserID})
		}},
	{method: "RemoveFactor", outside: true, who: adminsOnly, prepare: annHasFactor,
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.RemoveFactor(f.ctx, by, f.ids["ann"]) },
		doer: "ada", does: outcome{audit: []string{"ada took two-factor sign-in off ann"}, mail: []string{"factor_removed to ann, queued"},
			rows: [][2]string{{`SELECT count(*) FROM second_factors`, "0"}}},
		again: "alan", twice: outcome{code: portal.Conflict, says: []string{"Ann Test has no two-factor sign-in"}}},
	{method: "SetAdminsFactor", outside: true, who: adminsOnly,
		run:  func(f *scene, by portal.Actor) (any, error) { return nil, f.s.SetAdminsFactor(f.ctx, by, true) },
		doer: "ada", does: outcome{audit: []string{"ada changed a setting Require two-factor sign-in of portal admins (to on)"}},
		again: "alan", twice: outcome{code: portal.FactorMissing, says: []string{"This portal asks for two-factor sign-in"}}},
	{method: "SetAdmin", outside: true, who: adminsOnly,
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.SetAdmin(f.ctx, by, f.ids["ann"], true) },
		doer: "ada", does: outcome{audit: []string{"ada made portal admin ann"}, rows: [][2]string{{`SELECT admin FROM users WHERE email = 'ann@example.org'`, "1"}}},
		again: "alan", twice: outcome{code: portal.Conflict, says: []string{"Ann Test is a portal admin already"}}},
	{method: "HasAdmin", reads: true, run: func(f *scene, _ portal.Actor) (any, error) {
		has, err := f.s.HasAdmin(f.ctx)
		return has, only(err, "admins", map[bool]int{true: 1}[has], true)
	}},
	{method: "SetUp", prepare: func(f *scene) { f.exec(`UPDATE users SET admin = 0`) },
		run: func(f *scene, _ portal.Actor) (any, error) {
			return nil, f.s.SetUp(f.ctx, person("nora"), f.browser("nora"))
		},
		does: outcome{audit: []string{"nora became portal admin"},
			rows: [][2]string{{`SELECT group_concat(email || state) FROM users WHERE admin = 1`, "nora@example.orgactive"}, {`SELECT count(*) FROM sessions`, "1"}}},
		twice: outcome{code: portal.NotFound}},
	{method: "CreateAdmin", run: func(f *scene, _ portal.Actor) (any, error) { return nil, f.s.CreateAdmin(f.ctx, person("nora")) },
		does:  outcome{audit: []string{"nora became portal admin"}, rows: [][2]string{{`SELECT admin || state FROM users WHERE email = 'nora@example.org'`, "1active"}}},
		twice: outcome{audit: []string{"nora became portal admin"}}},

	// Settings, mail and the log.
	{method: "Settings", reads: true, run: func(f *scene, _ portal.Actor) (any, error) { return f.s.Settings(f.ctx) }},
	{method: "SetSwitches", outside: true, who: adminsOnly,
		run: func(f *scene, by portal.Actor) (any, error) {
			return nil, f.s.SetSwitches(f.ctx, by, map[string]bool{"register": false, "sign_in": true, "approve_orgs": true, "admin": true})
		},
		doer: "ada", does: outcome{audit: []string{"ada changed a setting Enable API consumers to register (to off)", "ada changed a setting Auto-approve API consumers registering organization (to on)"},
			rows: [][2]string{{`SELECT count(*) FROM settings WHERE key IN ('admin', 'sign_in')`, "0"}}},
		again: "alan"},
	{method: "SetPolicy", outside: true, who: adminsOnly,
		run: func(f *scene, by portal.Actor) (any, error) {
			return nil, f.s.SetPolicy(f.ctx, by, Policy{MinPassword: 16, InvitationHours: 7 * 24, IdleHours: 24, SessionDays: 14})
		},
		doer: "ada", does: outcome{audit: []string{"ada changed a setting Shortest password (to 16)"}, rows: [][2]string{{`SELECT value FROM settings WHERE key = 'min_password'`, "16"}}},
		again: "alan"},
	{method: "SetMail", outside: true, who: adminsOnly,
		run: func(f *scene, by portal.Actor) (any, error) {
			return nil, f.s.SetMail(f.ctx, by, "smtp://ann:s3cret@mail.example.org", "P <p@example.org>")
		},
		doer: "ada", does: outcome{audit: []string{"ada changed the mail settings"}, rows: [][2]string{{`SELECT count(*) FROM settings WHERE value LIKE '%s3cret%'`, "0"}}},
		again: "alan", twice: outcome{audit: []string{"alan changed the mail settings"}}},
	{method: "MailConfig", reads: true, run: func(f *scene, _ portal.Actor) (any, error) { return f.s.MailConfig(f.ctx) }},
	{method: "StartTest", outside: true, who: adminsOnly,
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.StartTest(f.ctx, by) },
		doer: "ada", does: outcome{audit: []string{"ada sent a test mail (to ada@example.org)"}, mail: []string{"test to ada, queued"}},
		again: "alan", twice: outcome{audit: []string{"alan sent a test mail (to alan@example.org)"}, mail: []string{"test to alan, queued"}}},
	{method: "Mails", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.Mails(f.ctx, by, portal.MailFilter{State: portal.MailSent}, "")
		}},
	{method: "MailCounts", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.MailCounts(f.ctx, by) }},
	{method: "Mail", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Mail(f.ctx, by, f.ids["mail"]) }},
	{method: "RetryMail", outside: true, who: adminsOnly,
		prepare: func(f *scene) {
			f.exec(`UPDATE outbox SET state = 'failed', attempts = 12, error = '554 no' WHERE public_id = ?`, f.ids["mail"])
		},
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.RetryMail(f.ctx, by, f.ids["mail"]) },
		doer: "ada", does: outcome{audit: []string{"ada retried a mail Prove your address (to ann@example.org)"}, rows: [][2]string{{`SELECT state || attempts FROM outbox ORDER BY id LIMIT 1`, "queued0"}}},
		again: "alan", twice: outcome{code: portal.Conflict, says: []string{"This mail is queued"}}},
	{method: "RetryMails", outside: true, who: adminsOnly,
		prepare: func(f *scene) {
			f.exec(`UPDATE outbox SET state = 'failed', attempts = 12, error = '554 no' WHERE kind = 'org_requested'`)
			f.exec(`UPDATE outbox SET state = 'queued', attempts = 1, error = '451 later' WHERE public_id = ?`, f.ids["mail"])
		},
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.RetryMails(f.ctx, by, portal.MailFailed) },
		doer: "ada", does: outcome{audit: []string{"ada retried mails Failed (9 of them)"},
			rows: [][2]string{{`SELECT count(*) FROM outbox WHERE state = 'queued' AND attempts = 0 AND error = ''`, "9"}, {`SELECT count(*) FROM outbox WHERE state = 'failed'`, "0"}}},
		again: "alan", twice: outcome{code: portal.Conflict, says: []string{"there is nothing to retry"}}},
	{method: "CopyMailLink", outside: true, who: adminsOnly,
		prepare: func(f *scene) {
			f.ids["ivy mail"] = f.text(`SELECT public_id FROM outbox WHERE link_id = ?`, f.ids["ivy invitation"])
		},
		run: func(f *scene, by portal.Actor) (any, error) {
			link, _, err := f.s.CopyMailLink(f.ctx, by, f.ids["ivy mail"])
			return link, err
		},
		doer: "ada", does: outcome{audit: []string{"ada copied the invitation link of ivy"}, rows: [][2]string{{`SELECT count(*) FROM link_copies`, "1"}}},
		again: "alan", twice: outcome{audit: []string{"alan copied the invitation link of ivy"}, rows: [][2]string{{`SELECT count(*) FROM link_copies`, "2"}}}},
	{method: "Templates", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Templates(f.ctx, by) }},
	{method: "Template", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Template(f.ctx, by, portal.MailReset) }},
	{method: "SetTemplate", outside: true, who: adminsOnly,
		run: func(f *scene, by portal.Actor) (any, error) {
			return nil, f.s.SetTemplate(f.ctx, by, portal.MailReset, 0, portal.MailText{Subject: " New  word ", Body: "\nHere: {{link}}\n"})
		},
		doer: "ada", does: outcome{audit: []string{"ada changed the template Password reset"},
			rows: [][2]string{{`SELECT x.subject || '|' || x.body FROM mail_templates p JOIN mail_texts x ON x.id = p.text_id WHERE p.kind = 'reset'`, "New word|Here: {{link}}"}}},
		again: "alan"},
	{method: "RestoreTemplate", outside: true, who: adminsOnly,
		prepare: func(f *scene) {
			f.must(f.s.SetTemplate(f.ctx, f.user("ada"), portal.MailReset, 0, sentText))
		},
		run: func(f *scene, by portal.Actor) (any, error) {
			return nil, f.s.RestoreTemplate(f.ctx, by, portal.MailReset)
		},
		doer: "ada", does: outcome{audit: []string{"ada restored the template Password reset"}, rows: [][2]string{{`SELECT count(*) FROM mail_templates`, "0"}}},
		again: "alan", twice: outcome{code: portal.Conflict, says: []string{"Portico’s own already"}}},
	{method: "StartSample", outside: true, who: adminsOnly,
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.StartSample(f.ctx, by, portal.Mail{Kind: portal.MailReset, Text: sentText, LinkTo: portal.MailLink{Path: "/"}})
		},
		doer: "ada", does: outcome{audit: []string{"ada sent a test mail (Password reset, to ada@example.org)"}, mail: []string{"reset to ada, queued"},
			rows: [][2]string{{`SELECT x.subject FROM outbox m JOIN mail_texts x ON x.id = m.text_id ORDER BY m.id DESC LIMIT 1`, "Sent"}}},
		again: "alan", twice: outcome{audit: []string{"alan sent a test mail (Password reset, to alan@example.org)"}, mail: []string{"reset to alan, queued"}}},
	{method: "ClaimMail", prepare: forgotAnn,
		run: func(f *scene, _ portal.Actor) (any, error) {
			m, _, err := f.s.ClaimMail(f.ctx)
			return m, err
		},
		does: outcome{rows: [][2]string{{`SELECT state || attempts FROM outbox ORDER BY id DESC LIMIT 1`, "queued1"}}}, twice: outcome{rows: [][2]string{{`SELECT state || attempts FROM outbox ORDER BY id DESC LIMIT 1`, "queued1"}}}},
	{method: "MailWasSent", prepare: forgotAnn,
		run: func(f *scene, _ portal.Actor) (any, error) {
			m := portal.Mail{ID: f.number(`SELECT max(id) FROM outbox`), Kind: portal.MailReset}
			return nil, f.s.MailWasSent(f.ctx, m, "New word", sentText)
		},
		does: outcome{rows: [][2]string{{`SELECT m.state || (m.sent_at > 0) || m.subject || x.body FROM outbox m JOIN mail_texts x ON x.id = m.text_id ORDER BY m.id DESC LIMIT 1`, "sent1New wordSent"}}}},
	{method: "MailWasRefused", prepare: forgotAnn,
		run: func(f *scene, _ portal.Actor) (any, error) {
			return nil, f.s.MailWasRefused(f.ctx, portal.Mail{ID: f.number(`SELECT max(id) FROM outbox`), Attempts: 1}, "550 no such user", true)
		},
		does: outcome{rows: [][2]string{{`SELECT state || error FROM outbox ORDER BY id DESC LIMIT 1`, "failed550 no such user"}}}},
	{method: "NextMailAt", reads: true, prepare: forgotAnn, run: func(f *scene, _ portal.Actor) (any, error) {
		at, err := f.s.NextMailAt(f.ctx)
		return at, only(err, "mails due", map[bool]int{true: 1}[at.Equal(f.clock.read())], true)
	}},
	{method: "AuditLog", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.AuditLog(f.ctx, by, portal.AuditFilter{}, "") }},

	{method: "AuditPage", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.AuditPage(f.ctx, by, portal.AuditFilter{}, "")
		}},
	{method: "FigureSeries", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.FigureSeries(f.ctx, by) }},
	{method: "SetUpState", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.SetUpState(f.ctx, by) }},
	{method: "OrgsNamed", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) {
			all, err := f.s.OrgsNamed(f.ctx, by, "acm")
			return all, only(err, "organizations", len(all), true)
		}},
	{method: "VerifyAudit", reads: true, run: func(f *scene, _ portal.Actor) (any, error) { return f.s.VerifyAudit(f.ctx, ChainEnd{}) }},
	{method: "Refuse", outside: true, who: noneOfThem, doer: "stan",
		run:  func(f *scene, by portal.Actor) (any, error) { return nil, f.s.Refuse(f.ctx, by, portal.ErrNotFound) },
		does: outcome{code: portal.NotFound}, twice: outcome{code: portal.NotFound}},

	// The store itself.
	{method: "Links", reads: true, run: func(f *scene, _ portal.Actor) (any, error) { return f.s.Links(), nil }},
	{method: "Ready", run: func(f *scene, _ portal.Actor) (any, error) { return nil, f.s.Ready(f.ctx) }},
	{method: "Tidy", prepare: func(f *scene) { f.must(f.signIn("ann", password, "ann")); f.pass(15 * 24 * time.Hour) },
		run: func(f *scene, _ portal.Actor) (any, error) { return nil, f.s.Tidy(f.ctx) }, does: outcome{rows: [][2]string{{`SELECT count(*) FROM sessions`, "0"}}}},
	{method: "Close", reads: true, run: func(f *scene, _ portal.Actor) (any, error) { f.reopen(); return nil, nil }},
}

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
