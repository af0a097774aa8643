package db

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"portico/portal"
)

// teamsOf are the names of the teams somebody is in.
func (f *scene) teamsOf(who string) string {
	f.t.Helper()
	return strings.Join(f.strings(`SELECT t.name FROM team_members x JOIN teams t ON t.id = x.team_id JOIN users u ON u.id = x.user_id WHERE u.email_key = ? ORDER BY t.id`, address(who)), ", ")
}

func (f *scene) sees(who, app string) bool {
	f.t.Helper()
	_, err := f.s.Application(f.ctx, f.in(who, "Acme"), app)
	return err == nil
}

func TestATeamsApplicationsAreGainedAndLostAtOnce(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	ann := f.in("ann", "Acme")
	f.newTeam("Acme", "ann", "Blue", "abe")
	f.newTeam("Acme", "ann", "Red")
	only, _ := f.app("ann", "Only blue", portal.VisibleTeam, f.ids["Blue"])
	both, _ := f.app("ann", "Blue and red", portal.VisibleTeam, f.ids["Blue"], f.ids["Red"])
	stands := func(when string, abe, una string) {
		t.Helper()
		for who, want := range map[string]string{"abe": abe, "una": una} {
			if got := fmt.Sprint(f.sees(who, only.PublicID), f.sees(who, both.PublicID)); got != want {
				t.Errorf("%s %s sees %s, want %s", when, who, got, want)
			}
		}
	}
	stands("at first", "true true", "false false")
	_, err := f.s.AddToTeam(f.ctx, ann, f.ids["Red"], []string{f.ids["una"]})
	f.must(err)
	stands("with una in Red", "true true", "false true")
	l, err := f.s.TeamLeaving(f.ctx, ann, f.ids["Blue"], f.ids["abe"])
	if f.must(err); l.Last || !slices.Equal(l.Loses, []string{"Only blue", "Blue and red"}) {
		t.Errorf("abe's leaving reads %+v", l)
	}
	_, err = f.s.AddToTeam(f.ctx, ann, f.ids["Red"], []string{f.ids["abe"]})
	f.must(err)
	if l, err = f.s.TeamLeaving(f.ctx, ann, f.ids["Blue"], f.ids["abe"]); err != nil || !slices.Equal(l.Loses, []string{"Only blue"}) {
		t.Errorf("abe's leaving reads %+v, %v", l, err)
	}
	if l, err := f.s.TeamLeaving(f.ctx, ann, f.ids["Blue"], f.ids["amy"]); err != portal.ErrNotFound {
		t.Errorf("the leaving of who is not in it: %+v, %v", l, err)
	}
	_, err = f.s.RemoveFromTeam(f.ctx, ann, f.ids["Blue"], f.ids["abe"])
	f.must(err)
	stands("without abe in Blue", "false true", "false true")

	// Who would gain or lose by the end of a team is said before.
	end, err := f.s.TeamEnd(f.ctx, ann, f.ids["Blue"])
	if f.must(err); !slices.Equal(end.Left, []string{"Only blue"}) || !slices.Equal(end.Shared, []string{"Blue and red"}) || end.Moves != 0 || end.To != "Acme All users" {
		t.Errorf("the end of Blue reads %+v", end)
	}
	_, err = f.s.DeleteTeam(f.ctx, ann, f.ids["Blue"])
	f.must(err)
	_, err = f.s.DeleteTeam(f.ctx, ann, f.ids["Red"])
	f.must(err)
	stands("without teams", "false false", "false false")
	for _, who := range []string{"ann", "amy"} {
		if !f.sees(who, only.PublicID) || !f.sees(who, both.PublicID) {
			t.Errorf("%s, a Super admin, does not see what the teams left", who)
		}
	}
	// What nobody's team is for can be shared anew.
	a, err := f.s.Application(f.ctx, ann, only.PublicID)
	f.must(err)
	f.must(f.s.ShareApplication(f.ctx, ann, a.PublicID, a.Version, portal.VisibleTeam, []string{f.ids["Acme team"]}))
	stands("shared with everybody", "true false", "true false")
}

func TestTheDefaultTeamIsRenamedAndStays(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	ann := f.in("ann", "Acme")
	f.must(f.s.RenameTeam(f.ctx, ann, f.ids["Acme team"], "Everybody"))
	_, err := f.s.DeleteTeam(f.ctx, ann, f.ids["Acme team"])
	f.refused(err, portal.Conflict, "Everybody is the default team", "renamed, not deleted")
	_, err = f.s.RemoveFromTeam(f.ctx, ann, f.ids["Acme team"], f.ids["abe"])
	f.refused(err, portal.Conflict, "Abe Test is in no other team", "Add them to another team first")
	if got := f.teamsOf("abe"); got != "Everybody" {
		t.Errorf("abe is in %q", got)
	}
}

func TestTeamsOfAnOrganizationHaveTheirOwnNamesAndAreNotEndless(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	ann := f.in("ann", "Acme")
	f.newTeam("Acme", "ann", "Blue")
	for _, name := range []string{"blue", " BLUE ", "Ｂlue", "acme all users"} {
		_, err := f.s.CreateTeam(f.ctx, ann, name)
		f.refused(err, portal.Invalid, "[name: There is a team called")
	}
	f.refused(f.s.RenameTeam(f.ctx, ann, f.ids["Blue"], "Acme All Users"), portal.Invalid, "[name: There is a team called Acme All users")
	f.must(f.s.RenameTeam(f.ctx, ann, f.ids["Blue"], "BLUE"))
	f.newTeam("Beta", "bea", "Blue")
	for _, name := range []string{"", " ", "a\nb", "a\u202eb", strings.Repeat("x", portal.MaxTeamName+1)} {
		_, err := f.s.CreateTeam(f.ctx, ann, name)
		f.refused(err, portal.Invalid, "[name:")
	}
	for i := range portal.MaxTeams - 2 {
		f.newTeam("Acme", "ann", fmt.Sprint("Team ", i))
	}
	_, err := f.s.CreateTeam(f.ctx, ann, "One more")
	f.refused(err, portal.Conflict, "100 teams, which is the most")
}

func TestAnInvitationLeadsIntoItsTeams(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		teams   []string
		between func(f *scene)
		want    string
	}{
		{"none: the default team", nil, nil, "Acme All users"},
		{"one", []string{"Blue"}, nil, "Blue"},
		{"two, the default one among them", []string{"Blue", "Acme team"}, nil, "Acme All users, Blue"},
		{"one that is deleted meanwhile", []string{"Blue"}, func(f *scene) {
			end, err := f.s.TeamEnd(f.ctx, f.in("ann", "Acme"), f.ids["Blue"])
			if f.must(err); end.Invited != 1 {
				f.t.Errorf("the end of Blue reads %+v", end)
			}
			f.must(noValue(f.s.DeleteTeam(f.ctx, f.in("ann", "Acme"), f.ids["Blue"])))
		}, "Acme All users"},
		{"a resend keeps them", []string{"Blue"}, func(f *scene) {
			f.must(noValue(f.s.Resend(f.ctx, f.in("amy", "Acme"), f.ids["nora invitation"])))
		}, "Blue"},
		{"an expired one is made anew with others", []string{"Blue"}, func(f *scene) {
			f.pass(8 * 24 * time.Hour)
			n := invited("nora", portal.TeamMember)
			n.Teams = []string{f.ids["Red"]}
			f.must(noValue(f.s.Invite(f.ctx, f.in("ann", "Acme"), n)))
		}, "Red"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			f.newTeam("Acme", "ann", "Blue")
			f.newTeam("Acme", "ann", "Red")
			n := invited("nora", portal.TeamMember)
			for _, name := range c.teams {
				n.Teams = append(n.Teams, f.ids[name])
			}
			inv, err := f.s.Invite(f.ctx, f.in("ann", "Acme"), n)
			f.must(err)
			f.ids["nora invitation"] = inv.PublicID
			if c.between != nil {
				c.between(f)
			}
			_, _, err = f.s.Join(f.ctx, ip, f.linkTo("nora", portal.Mailed), person("nora"), f.browser("nora"))
			f.must(err)
			if got := f.teamsOf("nora"); got != c.want {
				t.Errorf("nora is in %q, want %q", got, c.want)
			}
		})
	}
	f := newScene(t)
	n := invited("nora", portal.TeamMember)
	n.Teams = []string{f.ids["Beta team"]}
	before := f.fingerprint()
	_, err := f.s.Invite(f.ctx, f.in("ann", "Acme"), n)
	f.refused(err, portal.Invalid, "[teams:")
	f.unchanged(before)
}

func TestAMembersTeamsAreChosenWithTheirRole(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	ann := f.in("ann", "Acme")
	f.newTeam("Acme", "ann", "Blue")
	f.newTeam("Acme", "ann", "Red", "abe")
	f.newTeam("Beta", "bea", "Bleu")
	f.mark()
	f.must(f.s.UpdateMember(f.ctx, ann, f.ids["abe"], "Abe", "Test", portal.TeamMember, f.ids["Blue"], f.ids["Red"]))
	f.noted([]string{"ann took a member out of the team Acme All users (abe@example.org)", "ann added a member to the team Blue (abe@example.org)"}, nil)
	if got := f.teamsOf("abe"); got != "Blue, Red" {
		t.Errorf("abe is in %q", got)
	}
	for _, id := range []string{f.ids["Bleu"], "", newID()} {
		f.refused(f.s.UpdateMember(f.ctx, ann, f.ids["abe"], "Abe", "Test", portal.TeamMember, f.ids["Red"], id), portal.Invalid, "[teams:")
	}
	f.must(f.s.UpdateMember(f.ctx, ann, f.ids["abe"], "Abe", "Test", portal.TeamMember)) // teams are not asked for
	if got := f.teamsOf("abe"); got != "Blue, Red" {
		t.Errorf("abe is in %q", got)
	}
}

func TestAllTeamsStandByOrganizationAndAreFoundByTheirNames(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	ada := f.user("ada")
	for i := range portal.PageSize {
		f.newTeam("Acme", "ann", fmt.Sprint("A", i))
	}
	f.newTeam("Beta", "bea", "Last")
	var got []string
	for cursor := ""; ; {
		page, err := f.s.AllTeams(f.ctx, ada, "", cursor)
		f.must(err)
		for _, team := range page.Items {
			got = append(got, team.OrgName+"/"+team.Name)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if len(got) != portal.PageSize+3 || got[0] != "Beta/Last" || got[1] != "Beta/Beta All users" || got[2] != "Acme/A24" || got[len(got)-1] != "Acme/Acme All users" {
		t.Errorf("the teams are %d: %q", len(got), got)
	}
	page, err := f.s.AllTeams(f.ctx, ada, "bet", "")
	if f.must(err); len(page.Items) != 1 || page.Items[0].OrgName != "Beta" {
		t.Errorf("Beta's teams are %+v", page.Items)
	}
	if page, err = f.s.AllTeams(f.ctx, ada, "!?", ""); err != nil || len(page.Items) != 0 {
		t.Errorf("punctuation finds %+v, %v", page.Items, err)
	}
	f.exec(`UPDATE organizations SET state = 'deleted' WHERE name = 'Beta'`)
	if page, err = f.s.AllTeams(f.ctx, ada, "bet", ""); err != nil || len(page.Items) != 0 {
		t.Errorf("a deleted organization has teams %+v, %v", page.Items, err)
	}
}

func TestWhateverIsDoneEverybodyIsInATeamAndOneIsTheDefault(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	people := []string{"ann", "amy", "abe", "una", "dora"}
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		who := f.ids[rapid.SampledFrom(people).Draw(t, "who")]
		ann := f.in("ann", "Acme")
		teams := f.strings(`SELECT public_id FROM teams WHERE org_id = ?`, ann.OrgID)
		team := rapid.SampledFrom(teams).Draw(t, "team")
		switch rapid.IntRange(0, 4).Draw(t, "what") {
		case 0:
			n++
			_, _ = f.s.CreateTeam(f.ctx, ann, fmt.Sprint("T", n))
		case 1:
			_, _ = f.s.DeleteTeam(f.ctx, ann, team)
		case 2:
			_, _ = f.s.AddToTeam(f.ctx, ann, team, []string{who})
		case 3:
			_, _ = f.s.RemoveFromTeam(f.ctx, ann, team, who)
		case 4:
			_ = f.s.UpdateMember(f.ctx, ann, who, "A", "B", portal.TeamMember, rapid.SliceOfNDistinct(rapid.SampledFrom(teams), 0, len(teams), rapid.ID[string]).Draw(t, "teams")...)
		}
		if got := f.number(`SELECT count(*) FROM memberships m WHERE NOT EXISTS (SELECT 1 FROM team_members x WHERE x.org_id = m.org_id AND x.user_id = m.user_id)`); got != 0 {
			t.Fatalf("%d members are in no team", got)
		}
		if got := f.number(`SELECT count(*) FROM teams WHERE is_default = 1 AND org_id = ?`, ann.OrgID); got != 1 {
			t.Fatalf("there are %d default teams", got)
		}
	})
}
