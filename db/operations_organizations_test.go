package db

import (
	"fmt"

	"portico/portal"
)

// requestOperations are: organizations, by their requesters.
var requestOperations = []operation{
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
}

// orgAdminOperations are: organizations, by portal admins.
var orgAdminOperations = []operation{
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
}

// orgOperations are: inside an organization.
var orgOperations = []operation{
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
		run: func(f *scene, by portal.Actor) (any, error) {
			seen, err := f.s.SeenBy(f.ctx, by, f.ids["abe"])
			return seen.Keys, err
		}},
	{method: "UpdateMember", who: superAdmins, ids: "abe", held: portal.Conflict,
		run: func(f *scene, by portal.Actor) (any, error) {
			return nil, f.s.UpdateMember(f.ctx, by, f.ids["abe"], "Abel", "Test", portal.SuperAdmin)
		},
		doer: "ann", does: outcome{audit: []string{"ann changed the name of abe (from Abe Test to Abel Test)", "ann changed the role of abe (from Team member to Super admin)"},
			mail: []string{"role_changed to abe, queued"},
			rows: [][2]string{{`SELECT m.role || m.first_name || u.first_name FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email = 'abe@example.org'`, "super_adminAbelAbe"},
				{`SELECT count(*) FROM memberships WHERE first_name = 'Abel'`, "1"},
				{`SELECT count(*) FROM memberships m JOIN organizations o ON o.id = m.org_id WHERE o.name = 'Acme' AND m.role = 'super_admin'`, "3"}}}, // ann, amy and abe
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
}

// newOrgOperations are: a new organization.
var newOrgOperations = []operation{
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
}
