package db

import (
	"context"
	"time"

	"portico/portal"
)

// accountOperations are: accounts, by their owners.
var accountOperations = []operation{
	{method: "SaveProfile", outside: true, who: theirOwn,
		run:  func(f *scene, by portal.Actor) (any, error) { return nil, f.s.SaveProfile(f.ctx, by, "Anna", "Archer") },
		doer: "ann", does: outcome{audit: []string{"ann changed their name (from Ann Test to Anna Archer)"},
			rows: [][2]string{{`SELECT u.first_name || u.last_name || m.first_name || m.last_name FROM users u JOIN memberships m ON m.user_id = u.id WHERE u.email = 'ann@example.org'`, "AnnaArcherAnnaArcher"},
				{`SELECT (SELECT count(*) FROM users WHERE last_name = 'Archer') || (SELECT count(*) FROM memberships WHERE last_name = 'Archer')`, "11"}}},
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
	{method: "KeepEmail", outside: true, who: theirOwn, prepare: func(f *scene) { annMoves(f); f.must(f.s.AskForEmail(f.ctx, f.user("stan"), address("stan-new"))) },
		run:  func(f *scene, by portal.Actor) (any, error) { return nil, f.s.KeepEmail(f.ctx, by) },
		doer: "ann", does: outcome{audit: []string{"ann kept their address"}, rows: [][2]string{{`SELECT u.email FROM email_changes e JOIN users u ON u.id = e.user_id WHERE e.expires_at > 0`, "stan@example.org"}}},
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
	{method: "EnableFactor", outside: true, doer: "ann", prepare: func(f *scene) {
		f.must(f.s.StartFactor(f.ctx, f.user("ann")))
		f.must(f.s.StartFactor(f.ctx, f.user("amy")))
	},
		//    nobody stan wanda ulf ann abe una bea dora ada adam
		who: "N      N    N     N   y   N   N   N   N    N   N",
		run: func(f *scene, by portal.Actor) (any, error) {
			codes, err := f.s.EnableFactor(f.ctx, by, f.code("ann", 0))
			return nil, only(err, "codes", len(codes), err == nil)
		},
		does: outcome{audit: []string{"ann turned two-factor sign-in on"}, rows: [][2]string{{`SELECT count(*) FROM recovery_codes`, "10"},
			{`SELECT u.email FROM second_factors f JOIN users u ON u.id = f.user_id WHERE f.enabled_at IS NOT NULL`, "ann@example.org"}}},
		again: "ann", twice: outcome{code: portal.Conflict, says: []string{"on already"}}},
	{method: "NewRecoveryCodes", outside: true, doer: "ann", prepare: annHasFactor,
		//    nobody stan wanda ulf ann abe una bea dora ada adam
		who: "N      N    N     N   y   N   N   N   N    N   N",
		run: func(f *scene, by portal.Actor) (any, error) {
			codes, err := f.s.NewRecoveryCodes(f.ctx, by)
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
	{method: "Look", reads: true, run: func(f *scene, _ portal.Actor) (any, error) {
		_, err := f.s.Look(f.ctx)
		return nil, err
	}},
	{method: "Changes", reads: true, run: func(f *scene, _ portal.Actor) (any, error) { return f.s.Changes(0), nil }},
	{method: "WatchOthers", reads: true, run: func(f *scene, _ portal.Actor) (any, error) { return nil, f.s.WatchOthers(f.ctx) }},
	{method: "ForgotPassword", run: func(f *scene, _ portal.Actor) (any, error) {
		return nil, f.s.ForgotPassword(f.ctx, ip, " ANN@example.org")
	},
		does:  outcome{audit: []string{"nobody asked for a new password ann"}, mail: []string{"reset to ann, queued"}},
		twice: outcome{audit: []string{"nobody asked for a new password ann"}, mail: []string{"reset to ann, queued"}}},
	{method: "AnswerAsks", prepare: func(f *scene) {
		f.s.Asked = func(context.Context) error { return nil }
		f.must(f.s.Register(f.ctx, ip, person("nora"))) // which answers what is there already
		forgotAnn(f)
		f.s.Asked = f.s.AnswerAsks
	}, run: func(f *scene, _ portal.Actor) (any, error) { return nil, f.s.AnswerAsks(f.ctx) },
		does: outcome{audit: []string{"nora registered", "nobody asked for a new password ann"}, mail: []string{"prove to nora, queued", "reset to ann, queued"},
			rows: [][2]string{{`SELECT count(*) FROM asks`, "0"}}}},
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
}

// accountAdminOperations are: accounts, by portal admins.
var accountAdminOperations = []operation{
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
}
