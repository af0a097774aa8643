package db

import (
	"slices"
	"strings"
	"testing"
	"time"

	"portico/portal"
)

// team makes a team of Acme with these members and gives its public id.
func (f *scene) team(name string, members ...string) string {
	f.t.Helper()
	id := newID()
	f.exec(`INSERT INTO teams (public_id, org_id, name, is_default, created_at) SELECT ?, id, ?, 0, 0 FROM organizations WHERE name = 'Acme'`, id, name)
	for _, m := range members {
		f.exec(`INSERT INTO team_members (org_id, team_id, user_id) SELECT t.org_id, t.id, u.id FROM teams t, users u WHERE t.public_id = ? AND u.email = ?`, id, address(m))
	}
	return id
}

func TestWhoSeesAnApplicationAndWhoUsesItsKeys(t *testing.T) {
	t.Parallel()
	// ann and a second Super admin, abe and una are members of Acme; ada is portal admin.
	for _, c := range []struct {
		visibility portal.Visibility
		inTeam     string
		sees, uses string
	}{
		{portal.VisibleOrganization, "", "ann abe una", "ann abe una"},
		{portal.VisibleTeam, "una", "ann una", "ann una"},
		{portal.VisibleTeam, "abe", "ann abe", "ann abe"},
		{portal.VisiblePersonal, "", "ann", "ann"},
	} {
		t.Run(string(c.visibility)+c.inTeam, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			n := portal.NewApplication{Name: "Secret", Visibility: c.visibility}
			if c.visibility == portal.VisibleTeam {
				n.Teams = []string{f.team("Some", c.inTeam)}
			}
			a, err := f.s.CreateApplication(f.ctx, f.in("ann", "Acme"), n)
			f.must(err)
			k, _, err := f.s.CreateCredential(f.ctx, f.in("ann", "Acme"), a.PublicID, portal.NewCredential{})
			f.must(err)
			for _, who := range []string{"ann", "abe", "una"} {
				by := f.in(who, "Acme")
				_, err := f.s.Application(f.ctx, by, a.PublicID)
				if got, want := err == nil, slices.Contains(splitWords(c.sees), who); got != want {
					t.Errorf("%s sees it: %v, want %v (%v)", who, got, want, err)
				}
				list, err := f.s.Applications(f.ctx, by, "", "")
				f.must(err)
				if got, want := slices.ContainsFunc(list.Items, func(x portal.Application) bool { return x.PublicID == a.PublicID }), err == nil && slices.Contains(splitWords(c.sees), who); got != want {
					t.Errorf("%s has it in the list: %v, want %v", who, got, want)
				}
				if n, err := f.s.ApplicationCount(f.ctx, by); err != nil || int(n) != len(list.Items) {
					t.Errorf("%s counts %v of %d, %v", who, n, len(list.Items), err)
				}
				_, key, err := f.s.Reveal(f.ctx, by, a.PublicID, k.PublicID)
				if got, want := err == nil && key != "", slices.Contains(splitWords(c.uses), who); got != want {
					t.Errorf("%s reveals: %v, want %v (%v)", who, got, want, err)
				}
			}
			if _, err := f.s.Application(f.ctx, f.in("bea", "Beta"), a.PublicID); err != portal.ErrNotFound {
				t.Errorf("another organization: %v", err)
			}
		})
	}
}

func splitWords(s string) []string { return strings.Fields(s) }

func TestASuperAdminSeesThatAPersonalApplicationExistsAndNoMore(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	abe, ann := f.in("abe", "Acme"), f.in("ann", "Acme")
	a, err := f.s.CreateApplication(f.ctx, abe, portal.NewApplication{Name: "Mine", Visibility: portal.VisiblePersonal})
	f.must(err)
	k, _, err := f.s.CreateCredential(f.ctx, abe, a.PublicID, portal.NewCredential{})
	f.must(err)
	_, err = f.s.Application(f.ctx, ann, a.PublicID)
	f.must(err)
	if keys, err := f.s.Credentials(f.ctx, ann, a.PublicID); err != nil || len(keys) != 0 {
		t.Errorf("a Super admin reads %d keys, %v", len(keys), err)
	}
	for what, err := range map[string]error{
		"edit":     f.s.EditApplication(f.ctx, ann, a.PublicID, a.Version, portal.NewApplication{Name: "Taken"}),
		"share":    f.s.ShareApplication(f.ctx, ann, a.PublicID, a.Version, portal.VisibleOrganization, nil),
		"delete":   second(f.s.DeleteApplication(f.ctx, ann, a.PublicID)),
		"revoke":   second(f.s.RevokeCredential(f.ctx, ann, a.PublicID, k.PublicID)),
		"look":     second(f.s.Credential(f.ctx, ann, a.PublicID, k.PublicID)),
		"requests": second(f.s.Usage(f.ctx, ann, a.PublicID, "")),
	} {
		if !portal.IsCode(err, portal.Forbidden) {
			t.Errorf("%s: %v, want a refusal", what, err)
		}
	}
	if _, err := f.s.RevokeCredential(f.ctx, f.in("ada", "Acme"), a.PublicID, k.PublicID); err != nil {
		t.Errorf("a portal admin cannot revoke it: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestWideningNamesWhoGainsAccess(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	abe := f.in("abe", "Acme")
	team := f.team("Some", "una")
	a, err := f.s.CreateApplication(f.ctx, abe, portal.NewApplication{Name: "Mine", Visibility: portal.VisiblePersonal})
	f.must(err)
	gains := func(v portal.Visibility, teams ...string) []string {
		people, n, err := f.s.WouldGain(f.ctx, abe, a.PublicID, v, teams)
		f.must(err)
		if int(n) != len(people) {
			t.Errorf("%d people, and %d in all", len(people), n)
		}
		var names []string
		for _, p := range people {
			names = append(names, p.Email)
		}
		slices.Sort(names)
		return names
	}
	everybody := gains(portal.VisibleOrganization)
	if !slices.Contains(everybody, address("una")) || !slices.Contains(everybody, address("ann")) || slices.Contains(everybody, address("abe")) {
		t.Errorf("the organization gains %v", everybody)
	}
	if got := gains(portal.VisibleTeam, team); !slices.Contains(got, address("una")) || !slices.Contains(got, address("ann")) || slices.Contains(got, address("bea")) {
		t.Errorf("the team gains %v", got)
	}
	if got := gains(portal.VisiblePersonal); len(got) != 0 {
		t.Errorf("narrowing gives access to %v", got)
	}
	f.must(f.s.ShareApplication(f.ctx, abe, a.PublicID, a.Version, portal.VisibleTeam, []string{team}))
	if got := gains(portal.VisibleOrganization); slices.Contains(got, address("una")) || slices.Contains(got, address("ann")) {
		t.Errorf("people who see it already are named: %v", got)
	}
	people, _, err := f.s.AccessTo(f.ctx, abe, a.PublicID)
	f.must(err)
	why := map[string]string{}
	for _, p := range people {
		why[p.Email] = p.Why
	}
	if why[address("abe")] != "Owner" || why[address("una")] != "In the team Some" || why[address("ann")] != "Super admin" {
		t.Errorf("they see it because %v", why)
	}
}

func TestAnApplicationOfOnesOwnMovesIntoAnOrganizationWithItsKeys(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	by := own(f.user("abe"))
	a, err := f.s.CreateApplication(f.ctx, by, portal.NewApplication{Name: "Own"})
	f.must(err)
	k, _, err := f.s.CreateCredential(f.ctx, by, a.PublicID, portal.NewCredential{})
	f.must(err)
	_, key, err := f.s.Reveal(f.ctx, by, a.PublicID, k.PublicID)
	f.must(err)
	if owner, ok, err := f.s.Verify(f.ctx, key, ip); err != nil || !ok || owner.Org != "" || owner.App != a.PublicID {
		t.Errorf("alone it verifies as %+v, %v, %v", owner, ok, err)
	}
	if _, err := f.s.Application(f.ctx, own(f.user("ann")), a.PublicID); err != portal.ErrNotFound {
		t.Errorf("somebody else sees it: %v", err)
	}
	_, err = f.s.MoveApplication(f.ctx, by, a.PublicID, f.ids["Acme"])
	f.must(err)
	if owner, ok, err := f.s.Verify(f.ctx, key, ip); err != nil || !ok || owner.Org != f.ids["Acme"] {
		t.Errorf("moved it verifies as %+v, %v, %v", owner, ok, err)
	}
	if _, again, err := f.s.Reveal(f.ctx, f.in("una", "Acme"), a.PublicID, k.PublicID); err != nil || again != key {
		t.Errorf("a teammate reveals %q, %v", again, err)
	}
	if _, err := f.s.Application(f.ctx, by, a.PublicID); err != portal.ErrNotFound {
		t.Errorf("it is still its owner's alone: %v", err)
	}
}

func TestALeaversPersonalApplicationsPassOn(t *testing.T) {
	t.Parallel()
	owner := func(f *scene) string {
		return f.text(`SELECT u.email FROM applications a JOIN users u ON u.id = a.owner_id WHERE a.name = 'Mine'`)
	}
	with := func(t *testing.T) *scene {
		f := newScene(t)
		_, err := f.s.CreateApplication(f.ctx, f.in("abe", "Acme"), portal.NewApplication{Name: "Mine", Visibility: portal.VisiblePersonal})
		f.must(err)
		return f
	}
	t.Run("to whoever removes them", func(t *testing.T) {
		t.Parallel()
		f := with(t)
		_, err := f.s.RemoveMember(f.ctx, f.in("ann", "Acme"), f.ids["abe"])
		f.must(err)
		if got := owner(f); got != address("ann") {
			t.Errorf("it is %s's", got)
		}
	})
	t.Run("to a Super admin when a portal admin removes them", func(t *testing.T) {
		t.Parallel()
		f := with(t)
		_, err := f.s.RemoveMember(f.ctx, f.in("ada", "Acme"), f.ids["abe"])
		f.must(err)
		if got := owner(f); got != address("ann") {
			t.Errorf("it is %s's", got)
		}
	})
	t.Run("to the Super admin whom they choose when they leave", func(t *testing.T) {
		t.Parallel()
		f := with(t)
		abe := f.in("abe", "Acme")
		heirs, err := f.s.Heirs(f.ctx, abe)
		f.must(err)
		if len(heirs) == 0 {
			t.Fatal("nobody can take it over")
		}
		for _, nobody := range []string{"", f.ids["una"], f.ids["bea"], f.ids["abe"]} {
			_, err := f.s.LeaveOrg(f.ctx, abe, nobody)
			f.refused(err, portal.Invalid, "[heir:")
		}
		_, err = f.s.LeaveOrg(f.ctx, abe, f.ids["ann"])
		f.must(err)
		if got := owner(f); got != address("ann") {
			t.Errorf("it is %s's", got)
		}
	})
}

// app makes an application of somebody in Acme with a key in it.
func (f *scene) app(who, name string, v portal.Visibility, teams ...string) (portal.Application, portal.Credential) {
	f.t.Helper()
	return f.appOf(f.in(who, "Acme"), name, v, teams...)
}

func (f *scene) appOf(by portal.Actor, name string, v portal.Visibility, teams ...string) (portal.Application, portal.Credential) {
	f.t.Helper()
	a, err := f.s.CreateApplication(f.ctx, by, portal.NewApplication{Name: name, Visibility: v, Teams: teams})
	f.must(err)
	k, _, err := f.s.CreateCredential(f.ctx, by, a.PublicID, portal.NewCredential{Label: name + " key"})
	f.must(err)
	return a, k
}

func TestVisibilityDecidesForEachPersonWhatTheySeeAndUse(t *testing.T) {
	t.Parallel()
	// abe owns it; una may be in the team; ann and amy are Super admins; ada is a
	// portal admin; bea is of another organization.
	for _, c := range []struct {
		name       string
		visibility portal.Visibility
		team       []string
		sees       string // in the list and alone
		lists      string // its keys
		uses       string // reveals them
	}{
		{"everybody's", portal.VisibleOrganization, nil, "abe una ann amy ada", "abe una ann amy ada", "abe una ann amy"},
		{"a team's with una", portal.VisibleTeam, []string{"una"}, "abe una ann amy ada", "abe una ann amy ada", "abe una ann amy"},
		{"a team's without una", portal.VisibleTeam, []string{"dora"}, "abe ann amy ada", "abe ann amy ada", "abe ann amy"},
		{"abe's alone", portal.VisiblePersonal, nil, "abe ann amy ada", "abe ada", "abe"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			var teams []string
			if c.team != nil {
				teams = []string{f.team("Some", c.team...)}
			}
			a, k := f.app("abe", "Secret", c.visibility, teams...)
			for _, who := range []string{"abe", "una", "ann", "amy", "ada", "bea"} {
				by := f.in(who, "Acme")
				is := func(what string, got bool, names string) {
					t.Helper()
					if want := slices.Contains(strings.Fields(names), who); got != want {
						t.Errorf("%s %s: %v, want %v", who, what, got, want)
					}
				}
				_, err := f.s.Application(f.ctx, by, a.PublicID)
				is("sees it", err == nil, c.sees)
				all, err := f.s.Applications(f.ctx, by, "", "")
				has := slices.ContainsFunc(all.Items, func(x portal.Application) bool { return x.PublicID == a.PublicID })
				is("finds it in the list", has, c.sees)
				if n, countErr := f.s.ApplicationCount(f.ctx, by); (err == nil) != (countErr == nil) || int(n) != len(all.Items) {
					t.Errorf("%s counts %d of %d (%v)", who, n, len(all.Items), countErr)
				}
				keys, _ := f.s.Credentials(f.ctx, by, a.PublicID)
				is("lists its keys", len(keys) == 1, c.lists)
				_, err = f.s.Credential(f.ctx, by, a.PublicID, k.PublicID)
				is("sees its key", err == nil, c.lists)
				_, err = f.s.Usage(f.ctx, by, a.PublicID, "")
				is("reads how much it is used", err == nil, c.lists)
				_, _, err = f.s.Reveal(f.ctx, by, a.PublicID, k.PublicID)
				is("reveals its key", err == nil, c.uses)
				_, _, err = f.s.CreateCredential(f.ctx, by, a.PublicID, portal.NewCredential{})
				is("makes a key", err == nil, c.uses)
				if err == nil {
					f.exec(`DELETE FROM credentials WHERE id = (SELECT max(id) FROM credentials)`)
				}
			}
		})
	}
}

func TestWhoSeesItIsChangedWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	abe, ann := f.in("abe", "Acme"), f.in("ann", "Acme")
	a, k := f.app("abe", "Secret", portal.VisibleOrganization)
	before := f.fingerprint()
	share := func(by portal.Actor, version int64, v portal.Visibility, teams ...string) error {
		return f.s.ShareApplication(f.ctx, by, a.PublicID, version, v, teams)
	}
	f.refused(share(abe, 1, portal.VisibleTeam), portal.Invalid, "[teams:")
	f.refused(share(abe, 1, portal.VisibleTeam, f.ids["Beta team"]), portal.Invalid, "[teams:")
	f.refused(share(abe, 1, portal.VisibleTeam, f.ids["Acme team"], "nonsense"), portal.Invalid, "[teams:")
	f.refused(share(abe, 1, "everybody"), portal.Invalid, "[visibility:")
	f.refused(share(abe, 0, portal.VisiblePersonal), portal.Conflict, "Somebody else")
	f.refused(share(f.in("una", "Acme"), 1, portal.VisiblePersonal), portal.Forbidden, "Only Abe Test or a Super admin")
	f.unchanged(before)
	f.must(share(abe, 1, "")) // the widest, as in a new one
	f.must(share(ann, 2, portal.VisiblePersonal))
	if _, _, err := f.s.Reveal(f.ctx, ann, a.PublicID, k.PublicID); !portal.IsCode(err, portal.Forbidden) {
		t.Errorf("whoever made it personal took it from its owner: %v", err)
	}
	if _, _, err := f.s.Reveal(f.ctx, abe, a.PublicID, k.PublicID); err != nil {
		t.Error(err)
	}
}

func TestAnApplicationOfSomebodyWhoLeftBecomesPersonalOfWhoMakesItSo(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	ann := f.in("ann", "Acme")
	a, k := f.app("abe", "Secret", portal.VisibleOrganization)
	_, err := f.s.RemoveMember(f.ctx, ann, f.ids["abe"])
	f.must(err)
	f.must(f.s.ShareApplication(f.ctx, ann, a.PublicID, 1, portal.VisiblePersonal, nil))
	if _, _, err := f.s.Reveal(f.ctx, ann, a.PublicID, k.PublicID); err != nil {
		t.Errorf("its keys are nobody's: %v", err)
	}
}

func TestWideningNamesExactlyThoseWhoDidNotSeeItBefore(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	one, two := f.team("One", "una"), f.team("Two", "una", "dora")
	a, _ := f.app("abe", "Secret", portal.VisiblePersonal)
	for _, c := range []struct {
		from   portal.Visibility
		teams  []string
		to     portal.Visibility
		chosen []string
		gain   string
	}{
		{portal.VisiblePersonal, nil, portal.VisibleOrganization, nil, "amy ann dora una"},
		{portal.VisiblePersonal, nil, portal.VisibleTeam, []string{one}, "amy ann una"},
		{portal.VisiblePersonal, nil, portal.VisibleTeam, []string{one, two}, "amy ann dora una"},
		{portal.VisiblePersonal, nil, portal.VisibleTeam, []string{f.ids["Beta team"]}, "amy ann"},
		{portal.VisiblePersonal, nil, portal.VisibleTeam, nil, ""},
		{portal.VisibleTeam, []string{one}, portal.VisibleTeam, []string{two}, "dora"},
		{portal.VisibleTeam, []string{two}, portal.VisibleTeam, []string{one}, ""},
		{portal.VisibleTeam, []string{two}, portal.VisibleOrganization, nil, ""},
		{portal.VisibleTeam, []string{one}, portal.VisibleOrganization, nil, "dora"},
		{portal.VisibleOrganization, nil, portal.VisibleTeam, []string{two}, ""},
		{portal.VisibleOrganization, nil, portal.VisiblePersonal, nil, ""},
	} {
		version := f.number(`SELECT version FROM applications WHERE id = ?`, a.ID)
		f.must(f.s.ShareApplication(f.ctx, f.in("abe", "Acme"), a.PublicID, version, c.from, c.teams))
		people, n, err := f.s.WouldGain(f.ctx, f.in("abe", "Acme"), a.PublicID, c.to, c.chosen)
		f.must(err)
		var names []string
		for _, p := range people {
			names = append(names, strings.TrimSuffix(p.Email, "@example.org"))
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != c.gain || int(n) != len(names) {
			t.Errorf("from %s %v to %s %v %q gain (%d), want %q", c.from, c.teams, c.to, c.chosen, got, n, c.gain)
		}
		// And so it is.
		sees := func() (all []string) {
			for _, who := range []string{"abe", "amy", "ann", "dora", "una"} {
				by := f.in(who, "Acme")
				by.State = portal.UserActive
				if x, err := f.s.Application(f.ctx, by, a.PublicID); err == nil && x.KeysFor(by) {
					all = append(all, who)
				}
			}
			return all
		}
		if c.to == portal.VisibleTeam && len(c.chosen) == 0 || slices.Contains(c.chosen, f.ids["Beta team"]) {
			continue // refused
		}
		before := sees()
		f.must(f.s.ShareApplication(f.ctx, f.in("abe", "Acme"), a.PublicID, version+1, c.to, c.chosen))
		gained := slices.DeleteFunc(sees(), func(who string) bool { return slices.Contains(before, who) })
		if got := strings.Join(gained, " "); got != c.gain {
			t.Errorf("from %s to %s %q gained it, %q were named", c.from, c.to, got, c.gain)
		}
	}
}

func TestMovingTakesAllKeysAlongOrNothing(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	by := own(f.user("abe"))
	a, k := f.appOf(by, "Own", "")
	_, once, err := f.s.CreateCredential(f.ctx, by, a.PublicID, portal.NewCredential{Once: true})
	f.must(err)
	next, _, err := f.s.Rotate(f.ctx, by, a.PublicID, k.PublicID, portal.GraceDay, "")
	f.must(err)
	values := map[string]string{k.PublicID: f.value(k.PublicID), next.PublicID: f.value(next.PublicID)}
	sealed := f.text(`SELECT sealed FROM credentials WHERE id = ?`, k.ID)

	taken, err := f.s.CreateApplication(f.ctx, f.in("una", "Acme"), portal.NewApplication{Name: "OWN"})
	f.must(err)
	before := f.fingerprint()
	move := func(by portal.Actor, org string) error {
		_, err := f.s.MoveApplication(f.ctx, by, a.PublicID, f.ids[org])
		return err
	}
	f.refused(move(by, "Acme"), portal.Invalid, "[organization: Acme has an application of this name")
	f.refused(move(by, "Beta"), portal.Invalid, "[organization: Choose one of your organizations")
	f.refused(move(by, "nowhere"), portal.Invalid, "[organization:")
	f.refused(move(own(f.user("ann")), "Acme"), portal.NotFound)
	f.refused(move(f.in("abe", "Acme"), "Acme"), portal.NotFound)
	f.unchanged(before)
	f.suspend(true)
	f.refused(move(by, "Acme"), portal.Invalid, "[organization:")
	f.suspend(false)
	f.exec(`UPDATE applications SET deleted_at = 1 WHERE id = ?`, taken.ID)

	for _, key := range append([]string{once}, values[k.PublicID], values[next.PublicID]) {
		if owner, ok := f.opens(key); !ok || owner.Org != "" || owner.OrgName != "" {
			t.Errorf("before, a key opens %v as %+v", ok, owner)
		}
	}
	f.mark()
	f.must(move(by, "Acme"))
	f.noted([]string{"abe moved the application Own (into Acme)"}, nil)
	for _, key := range append([]string{once}, values[k.PublicID], values[next.PublicID]) {
		if owner, ok := f.opens(key); !ok || owner.Org != f.ids["Acme"] || owner.App != a.PublicID {
			t.Errorf("after it, a key opens %v as %+v", ok, owner)
		}
	}
	for id, want := range values {
		if _, got, err := f.s.Reveal(f.ctx, f.in("una", "Acme"), a.PublicID, id); err != nil || got != want {
			t.Errorf("a key reads %q, %v", got, err)
		}
	}
	if f.text(`SELECT sealed FROM credentials WHERE id = ?`, k.ID) == sealed {
		t.Error("a key is sealed for the place where it was")
	}
	f.refused(move(by, "Acme"), portal.NotFound)
	f.pass(24 * time.Hour)
	if _, ok := f.opens(values[k.PublicID]); ok {
		t.Error("the move took away the end of a rotated key")
	}
}

func TestPersonalApplicationsOfALeaverGoOnWorkingForTheirHeir(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	abe, amy := f.in("abe", "Acme"), f.in("amy", "Acme")
	a, k := f.app("abe", "Mine", portal.VisiblePersonal)
	alone, _ := f.appOf(own(f.user("abe")), "Own", "")
	value := f.value(k.PublicID)
	heirs, err := f.s.Heirs(f.ctx, abe)
	f.must(err)
	if len(heirs) != 2 {
		t.Errorf("%d can take it over, want the Super admins ann and amy", len(heirs))
	}
	if none, err := f.s.Heirs(f.ctx, f.in("una", "Acme")); err != nil || len(none) != 0 {
		t.Errorf("una, who has none, chooses among %d, %v", len(none), err)
	}
	f.exec(`UPDATE users SET state = 'deactivated' WHERE email = 'amy@example.org'`)
	if heirs, err = f.s.Heirs(f.ctx, abe); err != nil || len(heirs) != 1 {
		t.Errorf("%d can take it over while amy is deactivated, %v", len(heirs), err)
	}
	_, err = f.s.LeaveOrg(f.ctx, abe, f.ids["amy"])
	f.refused(err, portal.Invalid, "[heir:")
	f.exec(`UPDATE users SET state = 'active' WHERE email = 'amy@example.org'`)
	_, err = f.s.LeaveOrg(f.ctx, abe, f.ids["amy"])
	f.must(err)
	if got, want := strings.Join(f.audit(), "\n"), "Mine (now of Amy Test)"; !strings.Contains(got, want) {
		t.Errorf("it is noted %q, want %q", got, want)
	}
	if _, ok := f.opens(value); !ok {
		t.Error("its key stopped")
	}
	if _, got, err := f.s.Reveal(f.ctx, amy, a.PublicID, k.PublicID); err != nil || got != value {
		t.Errorf("its heir reads %q, %v", got, err)
	}
	if _, _, err := f.s.Reveal(f.ctx, f.in("ann", "Acme"), a.PublicID, k.PublicID); !portal.IsCode(err, portal.Forbidden) {
		t.Errorf("another Super admin: %v", err)
	}
	if _, err := f.s.Application(f.ctx, f.in("abe", "Acme"), a.PublicID); err != portal.ErrNotFound {
		t.Errorf("the leaver: %v", err)
	}
	if _, err := f.s.Application(f.ctx, own(f.user("abe")), alone.PublicID); err != nil {
		t.Errorf("what is the leaver's outside the organization: %v", err)
	}
	log, err := f.s.Activity(f.ctx, f.in("una", "Acme"), portal.AuditFilter{}, "")
	f.must(err)
	if slices.ContainsFunc(log.Items, func(e portal.AuditEntry) bool { return e.Subject == "Mine" }) {
		t.Error("everybody reads of a personal application that passed on")
	}
	exposed, err := f.s.Exposed(f.ctx, amy)
	f.must(err)
	if len(exposed.Keys) != 0 {
		t.Errorf("%d keys were seen by abe, who looked at none", len(exposed.Keys))
	}
}
