package db

import (
	"strings"
	"testing"

	"portico/portal"
)

func demote(f *scene, by, who string) error {
	return f.s.UpdateMember(f.ctx, f.in(by, "Acme"), f.ids[who], strings.ToUpper(who[:1])+who[1:], "Test", portal.TeamMember)
}

func TestAnOrganizationKeepsItsLastActiveSuperAdmin_ROLE_05_ROLE_06_ROLE_09(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, do string
	}{
		{"the only one", `UPDATE memberships SET role = 'team_member' WHERE user_id = (SELECT id FROM users WHERE email = 'amy@example.org')`},
		{"beside a deactivated one", `UPDATE users SET state = 'deactivated' WHERE email = 'amy@example.org'`},
		{"beside an unproven one", `UPDATE users SET state = 'unproven' WHERE email = 'amy@example.org'`},
		{"beside a waiting one", `UPDATE users SET state = 'waiting' WHERE email = 'amy@example.org'`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			f.exec(c.do)
			before := f.fingerprint()
			const way = "Promote somebody first"
			f.refused(demote(f, "ann", "ann"), portal.Conflict, way)
			f.refused(demote(f, "ada", "ann"), portal.Conflict, way)
			_, err := f.s.LeaveOrg(f.ctx, f.in("ann", "Acme"), "")
			f.refused(err, portal.Conflict, way)
			_, err = f.s.RemoveMember(f.ctx, f.in("ada", "Acme"), f.ids["ann"])
			f.refused(err, portal.Conflict, way)
			// Names and role are saved together or not at all.
			f.refused(f.s.UpdateMember(f.ctx, f.in("ada", "Acme"), f.ids["ann"], "Other", "Name", portal.TeamMember), portal.Conflict, way)
			f.unchanged(before)
			// Behind the operations stands the database.
			for _, query := range []string{
				`UPDATE memberships SET role = 'team_member' WHERE user_id = ?`,
				`DELETE FROM memberships WHERE user_id = ?`,
				`UPDATE users SET state = 'deactivated' WHERE id = ?`,
				`UPDATE users SET state = 'deleted' WHERE id = ?`,
			} {
				if _, err := f.s.write.Exec(query, f.user("ann").UserID); err == nil || !strings.Contains(err.Error(), "last super admin") {
					t.Errorf("%s: got %v", query, err)
				} else if lastSuperAdmin(err) != errLastSuperAdmin {
					t.Errorf("%s: the refusal of the database is not named", query)
				}
			}
			if _, err := f.s.write.Exec(`UPDATE memberships SET role = 'team_member'`); err == nil {
				t.Error("everybody was demoted at once")
			}
			f.unchanged(before)
			f.must(f.s.UpdateMember(f.ctx, f.in("ann", "Acme"), f.ids["abe"], "Abe", "Test", portal.SuperAdmin))
			f.must(demote(f, "ann", "ann"))
			if _, err := f.s.LeaveOrg(f.ctx, f.in("ann", "Acme"), ""); err != nil {
				t.Errorf("a Team member may not leave: %s", describe(err))
			}
		})
	}
}

func TestAnUnprovenSuperAdminMayGoWhileAnotherStays(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.must(f.s.UpdateMember(f.ctx, f.in("ann", "Acme"), f.ids["una"], "Una", "Test", portal.SuperAdmin))
	_, err := f.s.LeaveOrg(f.ctx, f.in("una", "Acme"), "")
	f.must(err)
	f.exec(`UPDATE users SET state = 'deactivated' WHERE email = 'ann@example.org'`)
	_, err = f.s.RemoveMember(f.ctx, f.in("amy", "Acme"), f.ids["ann"]) // who cannot act any more
	f.must(err)
}

func TestSuperAdminsDemoteAndRemoveEachOtherAndTheOthersAreTold(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.must(f.s.UpdateMember(f.ctx, f.in("ann", "Acme"), f.ids["abe"], "Abe", "Test", portal.SuperAdmin))
	f.mark()
	f.must(demote(f, "ann", "amy"))
	f.noted([]string{"ann changed the role of amy (from Super admin to Team member)"}, []string{"role_changed to amy, queued", "role_changed to abe, queued"})
	data := f.strings(`SELECT json_extract(data, '$.whose') FROM outbox ORDER BY id DESC LIMIT 2`)
	if data[1] != "Your" || data[0] != "Amy Test’s" {
		t.Errorf("the mails speak of %q", data)
	}
	_, err := f.s.RemoveMember(f.ctx, f.in("ann", "Acme"), f.ids["abe"])
	f.must(err)
	f.noted([]string{"ann removed abe (Super admin)"}, []string{"removed to abe, queued"}) // no other Super admin is left
	// Who demotes themself is not mailed about it.
	f.must(f.s.UpdateMember(f.ctx, f.in("ann", "Acme"), f.ids["amy"], "Amy", "Test", portal.SuperAdmin))
	f.mark()
	f.must(demote(f, "ann", "ann"))
	f.noted([]string{"ann changed the role of ann (from Super admin to Team member)"}, []string{"role_changed to amy, queued"})
	_, err = f.s.RemoveMember(f.ctx, f.in("amy", "Acme"), f.ids["amy"])
	f.refused(err, portal.Conflict, "Leave")
}

func TestAChangeTakesEffectAtTheVeryNextRequest_ROLE_10_ROLE_11(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	asSuper, asMember := f.in("amy", "Acme"), f.in("abe", "Acme") // what the pages of before believe
	f.must(demote(f, "ann", "amy"))
	_, err := f.s.RemoveMember(f.ctx, f.in("ann", "Acme"), f.ids["abe"])
	f.must(err)
	before := f.fingerprint()
	_, err = f.s.Invite(f.ctx, asSuper, invited("nora", portal.TeamMember))
	f.refused(err, portal.Forbidden, "Super admin of Acme")
	f.refused(f.s.UpdateMember(f.ctx, asSuper, f.ids["amy"], "Amy", "Test", portal.SuperAdmin), portal.Forbidden)
	if _, _, err := f.s.Reveal(f.ctx, asMember, f.ids["Alpha"], f.ids["Alpha key"]); err != portal.ErrNotFound {
		t.Errorf("who was removed reveals: %s", describe(err))
	}
	if _, _, err := f.s.Enter(f.ctx, f.user("abe"), f.ids["Acme"], false); err != portal.ErrNotFound {
		t.Errorf("who was removed enters: %s", describe(err))
	}
	if all, err := f.s.Memberships(f.ctx, f.user("abe")); err != nil || len(all) != 0 {
		t.Errorf("who was removed belongs to %v, %v", all, err)
	}
	f.unchanged(before)
}

func TestAMemberIsEditedByNamesAndRoleOnlyAndOnlyThere_ROLE_13(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	account := f.text(`SELECT quote(email) || quote(password_hash) || first_name || state || admin FROM users WHERE email = 'abe@example.org'`)
	by := f.in("ann", "Acme")
	f.refused(f.s.UpdateMember(f.ctx, by, f.ids["abe"], "", "a\u202eb", "owner"), portal.Invalid, "[first_name:", "[last_name:", "[role:")
	for _, role := range []portal.Role{"", "portal_admin", "SUPER_ADMIN", "super_admin\x00"} {
		f.refused(f.s.UpdateMember(f.ctx, by, f.ids["abe"], "Abe", "Test", role), portal.Invalid, "[role:")
	}
	f.must(f.s.UpdateMember(f.ctx, by, f.ids["abe"], "Abel Van", "Test", portal.TeamMember))
	f.must(f.s.UpdateMember(f.ctx, by, f.ids["abe"], "Abel", "Van Test", portal.TeamMember)) // which reads the same in one line
	if got := f.text(`SELECT m.first_name || '|' || m.last_name FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email = 'abe@example.org'`); got != "Abel|Van Test" {
		t.Errorf("the member is called %s", got)
	}
	if got := f.text(`SELECT quote(email) || quote(password_hash) || first_name || state || admin FROM users WHERE email = 'abe@example.org'`); got != account {
		t.Errorf("the account was %s and is %s", account, got)
	}
	f.mark()
	f.must(f.s.UpdateMember(f.ctx, by, f.ids["abe"], " Abel ", "Van  Test", portal.TeamMember))
	f.noted(nil, nil) // nothing changed
}

func TestRemovingSomebodySaysWhatTheyHaveSeen_CRED_01(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	by := f.in("ann", "Acme")
	_, _, err := f.s.Reveal(f.ctx, f.in("abe", "Acme"), f.ids["Alpha"], f.ids["Alpha key"])
	f.must(err)
	seen, err := f.s.SeenBy(f.ctx, by, f.ids["abe"])
	if f.must(err); len(seen.Keys) != 1 || seen.Keys[0].App != "Alpha" || seen.Keys[0].Label != "live" {
		t.Errorf("abe has seen %+v", seen)
	}
	if seen, err := f.s.SeenBy(f.ctx, f.in("bea", "Beta"), f.ids["abe"]); err != nil || len(seen.Keys) != 0 {
		t.Errorf("Beta learns that abe has seen %+v, %v", seen, err)
	}
	_, err = f.s.RevokeCredential(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"])
	f.must(err)
	if seen, err = f.s.SeenBy(f.ctx, by, f.ids["abe"]); err != nil || len(seen.Keys) != 0 {
		t.Errorf("after the key was revoked abe has seen %+v, %v", seen, err)
	}
}

func TestATeamIsItsOrganizationsOwn_ORG_18(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	for _, c := range []struct{ name, query string }{
		{"a member of Beta in a team of Acme", `INSERT INTO team_members (org_id, team_id, user_id) SELECT t.org_id, t.id, (SELECT id FROM users WHERE email = 'bob@example.org') FROM teams t WHERE t.name = 'Acme All users'`},
		{"a team of Acme under Beta", `INSERT INTO team_members (org_id, team_id, user_id) SELECT (SELECT id FROM organizations WHERE name = 'Beta'), t.id, (SELECT id FROM users WHERE email = 'bob@example.org') FROM teams t WHERE t.name = 'Acme All users'`},
		{"a credential under another organization", `UPDATE credentials SET org_id = (SELECT id FROM organizations WHERE name = 'Beta') WHERE org_id = (SELECT id FROM organizations WHERE name = 'Acme')`},
		{"a credential of another organization's application", `UPDATE credentials SET app_id = (SELECT id FROM applications WHERE name = 'Bravo') WHERE app_id = (SELECT id FROM applications WHERE name = 'Alpha')`},
		{"an application for a team of another organization", `INSERT INTO application_teams (org_id, app_id, team_id) SELECT a.org_id, a.id, t.id FROM applications a, teams t WHERE a.name = 'Alpha' AND t.name = 'Beta All users'`},
		{"an application of nobody's that is not personal", `UPDATE applications SET org_id = NULL`},
		{"a membership of nobody", `INSERT INTO memberships (org_id, user_id, role, first_name, last_name, joined_at) SELECT id, 999999, 'team_member', 'x', 'y', 0 FROM organizations LIMIT 1`},
		{"a second default team", `INSERT INTO teams (public_id, org_id, name, is_default, created_at) SELECT 'x', org_id, 'y', 1, 0 FROM teams LIMIT 1`},
		{"a second pending invitation of an address", `INSERT INTO invitations (public_id, org_id, email_key, email, first_name, last_name, role, state, expires_at, inviter_id, created_at)
			SELECT 'x', org_id, email_key, email, first_name, last_name, role, state, expires_at, inviter_id, created_at FROM invitations WHERE state = 'pending' LIMIT 1`},
		{"a second pending request of a person", `INSERT INTO organizations (public_id, name, state, requester_id, requested_at, created_at) SELECT 'x', 'y', 'pending', requester_id, 0, 0 FROM organizations WHERE state = 'pending'`},
		{"a second account of an address", `INSERT INTO users (public_id, email_key, email, first_name, last_name, password_hash, state, created_at) SELECT 'x', email_key, email, 'a', 'b', '', 'active', 0 FROM users LIMIT 1`},
		{"an unknown role", `UPDATE memberships SET role = 'owner'`},
		{"an unknown state of an account", `UPDATE users SET state = 'gone'`},
		{"an unknown state of an organization", `UPDATE organizations SET state = 'gone'`},
		{"an unknown state of an invitation", `UPDATE invitations SET state = 'expired'`},
		{"an unknown state of a mail", `UPDATE outbox SET state = 'gone'`},
	} {
		if _, err := f.s.write.Exec(c.query); err == nil {
			t.Errorf("the database took %s", c.name)
		} else if text := err.Error(); !strings.Contains(text, "constraint failed") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if got := f.strings(`PRAGMA foreign_key_check`); len(got) != 0 {
		t.Errorf("rows point nowhere: %q", got)
	}
}

func TestAnUnprovenFirstSuperAdminIsTheLastToo(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	first := invited("nora", portal.SuperAdmin)
	o, err := f.s.AddOrg(f.ctx, f.user("ada"), "Gamma", &first)
	f.must(err)
	f.ids["Gamma"], f.ids["nora invitation"] = o.PublicID, f.text(`SELECT public_id FROM invitations WHERE email = 'nora@example.org'`)
	_, joined, err := f.s.Join(f.ctx, ip, f.linkTo("nora", portal.Copied), person("nora"), f.browser("nora"))
	if f.must(err); !joined {
		t.Fatal("nora did not join")
	}
	f.ids["nora"] = f.text(`SELECT public_id FROM users WHERE email = 'nora@example.org'`)
	by := f.in("nora", "Gamma")
	before := f.fingerprint()
	f.refused(f.s.UpdateMember(f.ctx, by, f.ids["nora"], "Nora", "Test", portal.TeamMember), portal.Conflict, "Promote somebody first")
	_, err = f.s.LeaveOrg(f.ctx, by, "")
	f.refused(err, portal.Conflict, "Promote somebody first")
	f.unchanged(before)
}
