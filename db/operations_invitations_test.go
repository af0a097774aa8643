package db

import (
	"fmt"
	"time"

	"portico/portal"
)

// invitingOperations are: invitations, by those who make them.
var invitingOperations = []operation{
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
}

// offerOperations are: invitations, by those who get them.
var offerOperations = []operation{
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
}

// codeOperations are: invite codes.
var codeOperations = []operation{
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
}
