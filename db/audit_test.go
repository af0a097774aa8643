package db

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"portico/portal"
)

func TestRefusedAttemptsAreNotedOfPeopleWhoAreSignedIn_AUD_03(t *testing.T) {
	t.Parallel()
	const onlySuper = "Only a Super admin of Acme may do that."
	for _, c := range []struct {
		name string
		do   func(f *scene) error
		want []string
	}{
		{"a Team member who renames", func(f *scene) error { return f.s.RenameOrg(f.ctx, f.in("abe", "Acme"), "Mine") }, []string{"abe: " + onlySuper}},
		{"another organization's Super admin", func(f *scene) error { return f.s.RenameOrg(f.ctx, f.in("bea", "Acme"), "Mine") }, []string{"bea: There is nothing here."}},
		{"somebody who is no portal admin", func(f *scene) error { _, err := f.s.ApproveUser(f.ctx, f.user("ann"), f.ids["wanda"]); return err }, []string{"ann: There is nothing here."}},
		{"an admin who comes second", func(f *scene) error {
			_, err := f.s.Reject(f.ctx, f.user("alan"), f.ids["Red"], "No.")
			return err
		}, []string{"alan: Red was rejected by Ada Test on 2 Mar 2026 at 09:00 UTC."}},
		{"a mistake in a form", func(f *scene) error { return f.s.RenameOrg(f.ctx, f.in("ann", "Acme"), "") }, nil},
		{"nobody", func(f *scene) error { return f.s.RenameOrg(f.ctx, portal.Actor{IP: ip}, "Mine") }, nil},
		{"somebody deactivated", func(f *scene) error { return f.s.RenameOrg(f.ctx, f.in("dora", "Acme"), "Mine") }, nil},
		{"what is switched off for everybody", func(f *scene) error { _, err := f.s.RegisterOrg(f.ctx, f.user("stan"), "Mine"); return err }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			if c.name == "what is switched off for everybody" {
				f.switchTo("register_orgs", false)
				f.mark()
			}
			before := f.fingerprint()
			if err := c.do(f); err == nil {
				t.Fatal("it was done")
			}
			if got := f.refusals(); !slices.Equal(got, c.want) {
				t.Errorf("noted was %q, want %q", got, c.want)
			}
			f.unchanged(before)
			f.whole()
		})
	}
}

func TestNobodyFloodsTheAuditLogWithRefusals(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	rename := func(asked string) {
		by := f.in("abe", "Acme")
		by.Asked = asked
		f.refused(f.s.RenameOrg(f.ctx, by, "Mine"), portal.Forbidden)
	}
	for range 50 {
		rename("/o/acme/settings")
	}
	if n := len(f.refusals()); n != 1 {
		t.Errorf("50 equal attempts at once are %d entries", n)
	}
	f.pass(portal.RefusalPause + time.Second)
	rename("/o/acme/settings")
	if n := len(f.refusals()); n != 2 {
		t.Errorf("one more a minute later makes %d entries", n)
	}
	for i := range 2 * portal.MaxRefusals {
		rename(fmt.Sprint("/o/acme/", i))
	}
	if n := len(f.refusals()); n != portal.MaxRefusals {
		t.Errorf("attempts that all differ are %d entries, want %d", n, portal.MaxRefusals)
	}
	f.refused(f.s.RenameOrg(f.ctx, f.in("una", "Acme"), "Mine"), portal.Forbidden)
	if got := f.refusals(); got[len(got)-1] != "una: Only a Super admin of Acme may do that." {
		t.Errorf("another person's attempt is not noted: %q", got[len(got)-1])
	}
	f.pass(portal.RefusalWindow + time.Second)
	rename("/o/acme/settings")
	if n := len(f.refusals()); n != portal.MaxRefusals+2 {
		t.Errorf("an hour later there are %d entries", n)
	}
}

// reads is the activity that somebody reads, as "kind subject" in one text.
func (f *scene) reads(who string, filter portal.AuditFilter) string {
	f.t.Helper()
	page, err := f.s.Activity(f.ctx, f.in(who, "Acme"), filter, "")
	f.must(err)
	var all []string
	for _, e := range page.Items {
		all = append(all, string(e.Kind)+" "+e.Subject)
	}
	return strings.Join(all, "\n")
}

func TestRefusalsAreForSuperAdminsAndStrangersStayUnnamed_AUD_03(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.refused(f.s.RenameOrg(f.ctx, f.in("abe", "Acme"), "Mine"), portal.Forbidden)
	f.refused(f.s.RenameOrg(f.ctx, f.in("bea", "Acme"), "Mine"), portal.NotFound)
	for who, want := range map[string]int{"ann": 1, "abe": 0, "ada": 1} {
		if got := strings.Count(f.reads(who, portal.AuditFilter{}), string(portal.AuditRefused)); got != want {
			t.Errorf("%s reads of %d refusals, want %d", who, got, want)
		}
	}
	page, err := f.s.AuditLog(f.ctx, f.user("ada"), portal.AuditFilter{Kind: portal.AuditRefused}, "")
	if f.must(err); len(page.Items) != 2 || !page.Items[0].Refused || page.Items[0].ActorMail != address("bea") || page.Items[0].OrgName != "" {
		t.Errorf("the refused ones are %+v", page.Items)
	}
}

func TestActivityTellsOfApplicationsToThoseWhoSeeThem(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	by := f.in("ann", "Acme")
	a, err := f.s.CreateApplication(f.ctx, by, portal.NewApplication{Name: "Hidden"})
	f.must(err)
	key, _, err := f.s.CreateCredential(f.ctx, by, a.PublicID, portal.NewCredential{Label: "live"})
	f.must(err)
	f.exec(`INSERT INTO teams (public_id, org_id, name, is_default, created_at) SELECT 'red', id, 'Red', 0, 1 FROM organizations WHERE name = 'Acme'`)
	sees := func(who string, want bool) {
		t.Helper()
		if got := strings.Contains(f.reads(who, portal.AuditFilter{}), "Hidden"); got != want {
			t.Errorf("%s reads of Hidden: %v, want %v", who, got, want)
		}
	}
	sees("abe", true)
	f.must(f.s.ShareApplication(f.ctx, by, a.PublicID, a.Version, portal.VisibleTeam, []string{"red"}))
	sees("abe", false)
	for _, who := range []string{"ann", "amy", "ada"} {
		sees(who, true)
	}
	f.exec(`INSERT INTO team_members (org_id, team_id, user_id) SELECT t.org_id, t.id, u.id FROM teams t, users u WHERE t.public_id = 'red' AND u.email_key = ?`, address("abe"))
	sees("abe", true)
	sees("una", false)
	_, _, err = f.s.Rotate(f.ctx, f.in("abe", "Acme"), a.PublicID, key.PublicID, portal.GraceDay, "")
	f.must(err)
	_, err = f.s.DeleteApplication(f.ctx, f.in("abe", "Acme"), a.PublicID)
	f.must(err)
	sees("abe", true) // a deleted one is told of to those who saw it
	sees("una", false)
	f.exec(`DELETE FROM team_members WHERE team_id = (SELECT id FROM teams WHERE public_id = 'red')`)
	sees("abe", false)
	// Every entry about an application says which.
	if n := f.number(`SELECT count(*) FROM audit WHERE app_id IS NULL AND kind IN (`+marks(len(portal.ApplicationKinds))+`)`, anys(portal.ApplicationKinds)...); n > 0 {
		t.Errorf("%d entries about applications do not say which", n)
	}
	if n := f.number(`SELECT count(*) FROM audit WHERE app_id IS NOT NULL AND refused = 0 AND kind NOT IN (`+marks(len(portal.ApplicationKinds))+`)`, anys(portal.ApplicationKinds)...); n > 0 {
		t.Errorf("%d other entries carry an application", n)
	}
}

func TestTheAuditLogIsFilteredAndPaged(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	for i := range 70 {
		f.pass(time.Minute)
		f.must(f.s.RenameOrg(f.ctx, f.in("amy", "Acme"), fmt.Sprint("Acme ", i)))
		f.must(f.s.RenameOrg(f.ctx, f.in("bea", "Beta"), fmt.Sprint("Beta ", i)))
	}
	ada := f.user("ada")
	read := func(filter portal.AuditFilter) []portal.AuditEntry {
		t.Helper()
		var all []portal.AuditEntry
		cursor := ""
		for {
			page, err := f.s.AuditLog(f.ctx, ada, filter, cursor)
			f.must(err)
			all = append(all, page.Items...)
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		for i := 1; i < len(all); i++ {
			if all[i].At.After(all[i-1].At) || all[i].ID == all[i-1].ID {
				t.Fatalf("%v: entry %d of %v comes after %d of %v", filter, all[i].ID, all[i].At, all[i-1].ID, all[i-1].At)
			}
		}
		return all
	}
	for name, c := range map[string]struct {
		filter portal.AuditFilter
		query  string
	}{
		"all":            {portal.AuditFilter{}, `1`},
		"kind":           {portal.AuditFilter{Kind: portal.AuditOrgRenamed}, `kind = 'renamed the organization'`},
		"organization":   {portal.AuditFilter{Org: f.ids["Acme"]}, `org_id = (SELECT id FROM organizations WHERE name LIKE 'Acme%')`},
		"person":         {portal.AuditFilter{Person: " AMY@example.org "}, `actor_mail = 'amy@example.org' OR subject = 'amy@example.org'`},
		"time":           {portal.AuditFilter{From: start.Add(70 * time.Minute), To: start.Add(100 * time.Minute)}, fmt.Sprintf(`at >= %d AND at < %d`, millis(start.Add(70*time.Minute)), millis(start.Add(100*time.Minute)))},
		"all of them":    {portal.AuditFilter{Org: f.ids["Acme"], Person: address("amy"), Kind: portal.AuditOrgRenamed, From: start.Add(70 * time.Minute)}, fmt.Sprintf(`actor_mail = 'amy@example.org' AND kind = 'renamed the organization' AND at >= %d`, millis(start.Add(70*time.Minute)))},
		"nobody":         {portal.AuditFilter{Person: "no address"}, `0`},
		"no such one":    {portal.AuditFilter{Org: newID()}, `0`},
		"another's kind": {portal.AuditFilter{Org: f.ids["Beta"], Person: address("amy")}, `0`},
	} {
		want := f.number(`SELECT count(*) FROM audit WHERE ` + c.query)
		if got := read(c.filter); int64(len(got)) != want {
			t.Errorf("%s: %d entries, want %d", name, len(got), want)
		}
	}
	if got := f.reads("abe", portal.AuditFilter{Person: address("bea")}); got != "" {
		t.Errorf("Acme reads of Beta's Super admin: %s", got)
	}
	// An account that is gone is found by the address it had.
	f.exec(`UPDATE users SET email = 'gone', email_key = 'gone' WHERE email_key = ?`, address("amy"))
	if got := read(portal.AuditFilter{Person: address("amy"), Kind: portal.AuditOrgRenamed}); len(got) != 70 {
		t.Errorf("of somebody who is gone there are %d entries", len(got))
	}
}

func TestActivityKeepsWhatOtherPagesKeep_AUD_03(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	una := f.in("una", "Acme")
	a, err := f.s.CreateApplication(f.ctx, f.in("abe", "Acme"), portal.NewApplication{Name: "Hidden", Visibility: portal.VisiblePersonal})
	f.must(err)
	_, _, err = f.s.CreateCredential(f.ctx, f.in("abe", "Acme"), a.PublicID, portal.NewCredential{Label: "secret label"})
	f.must(err)
	_, err = f.s.Invite(f.ctx, f.in("ann", "Acme"), portal.NewInvitation{First: "Zoe", Last: "Test", Email: "zoe@example.org", Role: portal.TeamMember})
	f.must(err)
	for who, want := range map[string]bool{"una": false, "ann": true} {
		by := una
		if who == "ann" {
			by = f.in("ann", "Acme")
		}
		list, err := f.s.Activity(f.ctx, by, portal.AuditFilter{}, "")
		f.must(err)
		for _, what := range []string{"Hidden", "zoe@example.org"} {
			if got := slices.ContainsFunc(list.Items, func(e portal.AuditEntry) bool { return e.Subject == what }); got != want {
				t.Errorf("%s reads of %s: %v, want %v", who, what, got, want)
			}
		}
	}
	own, err := f.s.Activity(f.ctx, f.in("abe", "Acme"), portal.AuditFilter{}, "")
	f.must(err)
	if !slices.ContainsFunc(own.Items, func(e portal.AuditEntry) bool { return e.Subject == "Hidden" }) {
		t.Error("its owner does not read of it")
	}
}

func TestActivityFindsNobodyByWhatOnlyTheirAccountElsewhereTells(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.invite("ann", "Acme", "stan", portal.TeamMember) // who has an account
	f.invite("ann", "Acme", "nora", portal.TeamMember) // who has none
	for _, spelling := range []func(string) string{strings.ToLower, strings.ToUpper} {
		stan := f.reads("ann", portal.AuditFilter{Person: spelling(address("stan"))})
		nora := f.reads("ann", portal.AuditFilter{Person: spelling(address("nora"))})
		if strings.ReplaceAll(stan, "stan", "nora") != nora {
			t.Errorf("who has an account and who has none are told apart: %q, %q", stan, nora)
		}
	}
	// Nor is somebody who left found by the address they have now.
	abe := f.user("abe")
	_, err := f.s.LeaveOrg(f.ctx, f.in("abe", "Acme"), "")
	f.must(err)
	f.must(f.s.AskForEmail(f.ctx, abe, address("moved")))
	_, err = f.s.ChangeEmail(f.ctx, ip, f.mailedLink(portal.MailEmailProve, "moved"), nil)
	f.must(err)
	if got := f.reads("ann", portal.AuditFilter{Person: address("moved")}); got != "" {
		t.Errorf("the new address of somebody who left is known: %s", got)
	}
	if got := f.reads("ann", portal.AuditFilter{Person: address("abe")}); !strings.Contains(got, "left") {
		t.Errorf("under the address they had one reads %q", got)
	}
	// A member is found however the address is typed.
	if got := f.reads("ann", portal.AuditFilter{Person: " AMY@example.org"}); !strings.Contains(got, "joined") {
		t.Errorf("of a member one reads %q", got)
	}
}

func TestActivityTellsTeamMembersNoInviteCode(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.inviteCode(portal.CodeForm{})
	_, err := f.s.JoinByCode(f.ctx, f.user("stan"), theCode)
	f.must(err)
	for who, want := range map[string]string{"abe": "as Team member", "ann": "as Team member, by the invite code Fair", "ada": "as Team member, by the invite code Fair"} {
		list, err := f.s.Activity(f.ctx, f.in(who, "Acme"), portal.AuditFilter{Kind: portal.AuditJoined}, "")
		f.must(err)
		if got := list.Items[0].Detail; got != want {
			t.Errorf("%s reads %q, want %q", who, got, want)
		}
	}
}
