package db

import (
	"fmt"
	"strings"

	"portico/portal"
)

// applicationOperations are: applications and credentials.
var applicationOperations = []operation{
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
		run: func(f *scene, by portal.Actor) (any, error) {
			seen, err := f.s.Exposed(f.ctx, by)
			return seen.Keys, err
		}},
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
}
