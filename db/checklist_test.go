package db

import (
	"fmt"
	"strings"
	"testing"

	"portico/portal"
)

func (f *scene) checklist(name string) string {
	f.t.Helper()
	l, err := f.s.Checklist(f.ctx, f.in(name, "Gamma"))
	f.must(err)
	var all []string
	for _, step := range l {
		all = append(all, fmt.Sprint(step.Key, " ", step.Done))
	}
	return strings.Join(all, ", ")
}

func TestTheChecklistOfANewOrganizationEndsWithItsLastStep(t *testing.T) {
	f := newScene(t)
	org, err := f.s.RegisterOrg(f.ctx, f.user("stan"), "Gamma")
	f.must(err)
	_, err = f.s.Approve(f.ctx, f.user("ada"), org.PublicID, "Gamma", nil)
	f.must(err)
	f.ids["Gamma"] = org.PublicID
	stan := f.in("stan", "Gamma")
	steps := []struct {
		do   func()
		want string
	}{
		{func() {}, "invite false, application false, credential false, request false, super_admin false"},
		{func() {
			_, err := f.s.Invite(f.ctx, stan, invited("bob", portal.SuperAdmin))
			f.must(err)
		}, "invite true, application false, credential false, request false, super_admin false"},
		{func() {
			a, err := f.s.CreateApplication(f.ctx, stan, portal.NewApplication{Name: "Gamma app"})
			f.must(err)
			f.ids["Gamma app"] = a.PublicID
		}, "invite true, application true, credential false, request false, super_admin false"},
		{func() {
			k, _, err := f.s.CreateCredential(f.ctx, stan, f.ids["Gamma app"], portal.NewCredential{})
			f.must(err)
			f.ids["Gamma key"] = k.PublicID
		}, "invite true, application true, credential true, request false, super_admin false"},
		{func() {
			_, value, err := f.s.Reveal(f.ctx, stan, f.ids["Gamma app"], f.ids["Gamma key"])
			f.must(err)
			f.opens(value)
			f.must(f.s.WriteUses(f.ctx))
		}, "invite true, application true, credential true, request true, super_admin false"},
		{func() { f.exec(`UPDATE memberships SET role = 'super_admin' WHERE org_id = ?`, org.ID) }, "invite true, application true, credential true, request true, super_admin false"},
		{func() { f.joinAs("Gamma", "bob") }, ""},
	}
	for i, step := range steps {
		if step.do(); f.checklist("stan") != step.want {
			t.Errorf("after step %d: %s, want %s", i, f.checklist("stan"), step.want)
		}
	}
}

// joinAs accepts the invitation that somebody has to an organization.
func (f *scene) joinAs(org, name string) {
	f.t.Helper()
	id := f.text(`SELECT i.public_id FROM invitations i JOIN organizations o ON o.id = i.org_id WHERE o.name = ? AND i.email_key = ? AND i.state = 'pending'`, org, address(name))
	_, err := f.s.AcceptWaiting(f.ctx, f.user(name), id, f.browser(name))
	f.must(err)
}

func TestTheChecklistIsTheSuperAdminsAndCanBePutAway(t *testing.T) {
	f := newScene(t)
	f.exec(`UPDATE memberships SET role = 'team_member' WHERE user_id = (SELECT id FROM users WHERE email_key = 'amy@example.org')`)
	f.exec(`DELETE FROM usage`)
	for who, some := range map[string]bool{"ann": true, "abe": false, "ada": false} {
		l, err := f.s.Checklist(f.ctx, f.in(who, "Acme"))
		if f.must(err); (len(l) > 0) != some {
			t.Errorf("%s has a checklist of %d", who, len(l))
		}
	}
	f.must(f.s.DismissChecklist(f.ctx, f.in("ann", "Acme")))
	if l, err := f.s.Checklist(f.ctx, f.in("ann", "Acme")); err != nil || l != nil {
		t.Errorf("put away, it is %v, %v", l, err)
	}
}

func TestWhatInvitationsBeginWith(t *testing.T) {
	f := newScene(t)
	ann := f.in("ann", "Acme")
	f.refused(f.s.SetInviteDefaults(f.ctx, ann, portal.InviteDefaults{Role: "owner"}), portal.Invalid, "[role: ")
	f.refused(f.s.SetInviteDefaults(f.ctx, ann, portal.InviteDefaults{Role: portal.TeamMember, Team: f.ids["Beta team"]}), portal.Invalid, "[team: ")
	team, err := f.s.CreateTeam(f.ctx, ann, "Ops")
	f.must(err)
	want := portal.InviteDefaults{Role: portal.SuperAdmin, Team: team.PublicID}
	f.must(f.s.SetInviteDefaults(f.ctx, ann, want))
	if got, err := f.s.InviteDefaults(f.ctx, ann); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	// Rows of a list that say nothing else follow them; a team by its name wins.
	_, err = f.s.InviteSeveral(f.ctx, ann, "Nora,Test,nora@example.org\nNils,Test,nils@example.org,Team member,acme all users")
	f.must(err)
	if got := strings.Join(f.strings(`SELECT i.role || ' ' || t.name FROM invitations i JOIN invitation_teams x ON x.invitation_id = i.id JOIN teams t ON t.id = x.team_id
		WHERE i.email_key IN ('nora@example.org', 'nils@example.org') ORDER BY i.id`), ", "); got != "super_admin Ops, team_member Acme All users" {
		t.Errorf("the list is invited as %s", got)
	}
	_, err = f.s.DeleteTeam(f.ctx, ann, team.PublicID)
	f.must(err)
	if got, err := f.s.InviteDefaults(f.ctx, ann); err != nil || got.Team != "" {
		t.Errorf("after its deletion, the team is %+v, %v", got, err)
	}
}
