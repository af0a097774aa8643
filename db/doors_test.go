package db

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"portico/portal"
)

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
	if len(exposed) != 0 {
		t.Errorf("%d keys were seen by abe, who looked at none", len(exposed))
	}
}

func TestATeamMemberReadsOnlyTheirOwnLooks(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	a, k := f.app("ann", "Secret", portal.VisibleTeam, f.team("Some", "abe"))
	_, _, err := f.s.Reveal(f.ctx, f.in("abe", "Acme"), a.PublicID, k.PublicID)
	f.must(err)
	for who, want := range map[string]int{"una": 0, "abe": 1, "ann": 1, "ada": 1} {
		if keys, err := f.s.SeenBy(f.ctx, f.in(who, "Acme"), f.ids["abe"]); err != nil || len(keys) != want {
			t.Errorf("%s reads that abe has seen %d keys, want %d (%v)", who, len(keys), want, err)
		}
	}
}

func TestChosenKeysAreRotatedTogetherOrNotAtAll(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	ann := f.in("ann", "Acme")
	a, k := f.app("ann", "Second", portal.VisibleOrganization)
	once, _, err := f.s.CreateCredential(f.ctx, ann, a.PublicID, portal.NewCredential{Once: true})
	f.must(err)
	_, personal := f.app("abe", "Mine", portal.VisiblePersonal)
	before := f.fingerprint()
	rotate := func(ids ...string) error {
		_, err := f.s.RotateSeen(f.ctx, ann, append([]string{f.ids["Alpha key"]}, ids...), portal.GraceDay, "")
		return err
	}
	f.refused(rotate(once.PublicID), portal.Conflict, "shown once only")
	f.refused(rotate(personal.PublicID), portal.Forbidden, "personal")
	f.refused(rotate(f.ids["Bravo key"]), portal.NotFound)
	f.refused(rotate(f.ids["Alpha key"]), portal.Conflict, "was rotated by Ann Test")
	f.unchanged(before)
	old := []string{f.value(f.ids["Alpha key"]), f.value(k.PublicID)}
	n, err := f.s.RotateSeen(f.ctx, ann, []string{f.ids["Alpha key"], k.PublicID}, portal.GraceHour, "")
	f.must(err)
	if n != 2 {
		t.Errorf("%d were rotated", n)
	}
	f.pass(time.Hour - time.Millisecond)
	for _, v := range old {
		if _, ok := f.opens(v); !ok {
			t.Error("an old key is refused in its grace")
		}
	}
	f.pass(time.Millisecond)
	for _, v := range old {
		if _, ok := f.opens(v); ok {
			t.Error("an old key opens after its grace")
		}
	}
}

func TestDeadlinesAreStrictEverywhere(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.at(f.s.Now().Add(999_999 * time.Nanosecond)) // the database keeps milliseconds
	by := f.in("abe", "Acme")
	date := f.s.Now().Add(10 * 24 * time.Hour).Format(time.DateOnly)
	set := func(n portal.NewCredential, then func(id string)) string {
		k, _, err := f.s.CreateCredential(f.ctx, by, f.ids["Alpha"], n)
		f.must(err)
		if then != nil {
			then(k.PublicID)
		}
		return k.PublicID
	}
	rotate := func(grace portal.Grace, date string) func(string) {
		return func(id string) {
			_, _, err := f.s.Rotate(f.ctx, by, f.ids["Alpha"], id, grace, date)
			f.must(err)
		}
	}
	begin := f.s.Now().Truncate(time.Millisecond)
	day := time.Date(2026, 3, 13, 0, 0, 0, 0, time.UTC) // the end of date
	for _, c := range []struct {
		name string
		id   string
		end  time.Time
		then portal.CredentialState
	}{
		{"an hour of grace", set(portal.NewCredential{}, rotate(portal.GraceHour, "")), begin.Add(time.Hour), portal.CredentialEnded},
		{"a day of grace", set(portal.NewCredential{}, rotate(portal.GraceDay, "")), begin.Add(24 * time.Hour), portal.CredentialEnded},
		{"an hour, extended by a day", set(portal.NewCredential{}, func(id string) {
			rotate(portal.GraceHour, "")(id)
			k, err := f.s.ExtendKey(f.ctx, by, f.ids["Alpha"], id, portal.GraceDay, "")
			f.must(err)
			if !k.EndsAt.Equal(f.s.Now().Add(24 * time.Hour)) {
				t.Errorf("it says that it works until %v", k.EndsAt)
			}
		}), begin.Add(24 * time.Hour), portal.CredentialEnded},
		{"grace beyond the expiry", set(portal.NewCredential{Expires: f.s.Now().Add(48 * time.Hour).Format(time.DateOnly)}, rotate(portal.GraceWeek, "")), time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC), portal.CredentialExpired},
		{"a week of grace", set(portal.NewCredential{}, rotate(portal.GraceWeek, "")), begin.Add(7 * 24 * time.Hour), portal.CredentialEnded},
		{"an expiry", set(portal.NewCredential{Expires: date}, nil), day, portal.CredentialExpired},
		{"grace up to a date", set(portal.NewCredential{}, rotate(portal.GraceDate, date)), day, portal.CredentialEnded},
	} {
		value := f.value(c.id)
		f.at(c.end.Add(-time.Millisecond))
		k, err := f.s.Credential(f.ctx, by, f.ids["Alpha"], c.id)
		f.must(err)
		if _, ok := f.opens(value); !ok || !k.State(f.s.Now()).Works() {
			t.Errorf("%s: a millisecond before it is %s and opens: %v", c.name, k.State(f.s.Now()), ok)
		}
		live := func() int {
			a, err := f.s.Application(f.ctx, by, f.ids["Alpha"])
			f.must(err)
			return a.Live
		}
		before := live()
		f.at(c.end)
		if _, ok := f.opens(value); ok || k.State(f.s.Now()) != c.then {
			t.Errorf("%s: at its end it is %s and opens: %v", c.name, k.State(f.s.Now()), ok)
		}
		if live() >= before {
			t.Errorf("%s: at its end it still counts", c.name)
		}
		_, _, reveal := f.s.Reveal(f.ctx, by, f.ids["Alpha"], c.id)
		_, _, again := f.s.Rotate(f.ctx, by, f.ids["Alpha"], c.id, portal.GraceDay, "")
		_, extend := f.s.ExtendKey(f.ctx, by, f.ids["Alpha"], c.id, portal.GraceDay, "")
		_, cut := f.s.CutKey(f.ctx, by, f.ids["Alpha"], c.id)
		_, revoke := f.s.RevokeCredential(f.ctx, by, f.ids["Alpha"], c.id)
		for what, err := range map[string]error{"revealed": reveal, "rotated": again, "extended": extend, "cut": cut, "revoked": revoke} {
			if !portal.IsCode(err, portal.Conflict) {
				t.Errorf("%s: at its end it can be %s: %s", c.name, what, describe(err))
			}
		}
	}
}

func TestOnlyARetiringKeyIsExtendedOrCut(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	by := f.in("abe", "Acme")
	extend := func(grace portal.Grace, date string) error {
		_, err := f.s.ExtendKey(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"], grace, date)
		return err
	}
	cut := func() error { _, err := f.s.CutKey(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"]); return err }
	f.refused(extend(portal.GraceDay, ""), portal.Conflict, "has not been rotated")
	f.refused(cut(), portal.Conflict, "has not been rotated")
	rotated(f)
	f.refused(extend(portal.GraceNone, ""), portal.Invalid, "[grace:")
	f.refused(extend(portal.GraceDate, "2026-04-01"), portal.Invalid, "[date:")
	f.must(extend(portal.GraceDate, "2026-03-20"))
	key := f.key("Alpha")
	f.opens(key) // known from memory
	f.must(cut())
	if _, ok := f.opens(key); ok {
		t.Error("a key that was cut opens")
	}
	f.refused(cut(), portal.Conflict, "was rotated by Abe Test")
}

func TestAKeyThatIsShownOnceStandsInNoFile_CRED_05(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	by := f.in("abe", "Acme")
	k, first, err := f.s.CreateCredential(f.ctx, by, f.ids["Alpha"], portal.NewCredential{Once: true})
	f.must(err)
	next, second, err := f.s.Rotate(f.ctx, by, f.ids["Alpha"], k.PublicID, portal.GraceDay, "")
	f.must(err)
	for _, key := range []string{first, second} {
		if _, ok := f.opens(key); !ok {
			t.Error("it does not open")
		}
		f.must(f.s.WriteUses(f.ctx))
		files, err := filepath.Glob(filepath.Join(f.dir, "portico.*"))
		f.must(err)
		for _, file := range files {
			if text, err := os.ReadFile(file); err != nil || bytes.Contains(text, []byte(key[8:40])) {
				t.Errorf("it stands in %s (%v)", filepath.Base(file), err)
			}
		}
	}
	all, err := f.s.Credentials(f.ctx, f.in("una", "Acme"), f.ids["Alpha"])
	f.must(err)
	for _, c := range all {
		if (c.PublicID == k.PublicID || c.PublicID == next.PublicID) && (!c.Once || len(c.Seen) != 1 || c.Seen[0].Name != "Abe Test") {
			t.Errorf("it is listed as %+v", c)
		}
	}
	if n := f.number(`SELECT count(*) FROM credentials WHERE sealed IS NULL`); n != 2 {
		t.Errorf("%d keys are kept as hashes only", n)
	}
}

func TestOnlyWhoSeesTheApplicationIsReminded(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	soon := func(f *scene) portal.NewCredential {
		return portal.NewCredential{Expires: f.s.Now().Add(20 * day).Format(time.DateOnly)}
	}
	for _, c := range []struct {
		name string
		make func(f *scene) // a key that expires soon
		want []string
	}{
		{"everybody's: its owner, who looked, the Super admins", func(f *scene) {
			a, _ := f.app("abe", "Secret", portal.VisibleOrganization)
			k, _, err := f.s.CreateCredential(f.ctx, f.in("abe", "Acme"), a.PublicID, soon(f))
			f.must(err)
			_, _, err = f.s.Reveal(f.ctx, f.in("una", "Acme"), a.PublicID, k.PublicID)
			f.must(err)
		}, []string{"abe", "amy", "ann", "una"}},
		{"a team's, not to who left the team", func(f *scene) {
			a, _ := f.app("ann", "Secret", portal.VisibleTeam, f.team("Some", "abe", "una"))
			k, _, err := f.s.CreateCredential(f.ctx, f.in("abe", "Acme"), a.PublicID, soon(f))
			f.must(err)
			_, _, err = f.s.Reveal(f.ctx, f.in("una", "Acme"), a.PublicID, k.PublicID)
			f.must(err)
			f.exec(`DELETE FROM team_members WHERE team_id = (SELECT id FROM teams WHERE name = 'Some') AND user_id = ?`, f.user("una").UserID)
		}, []string{"abe", "amy", "ann"}},
		{"a personal one's: its owner", func(f *scene) {
			a, _ := f.app("abe", "Secret", portal.VisiblePersonal)
			_, _, err := f.s.CreateCredential(f.ctx, f.in("abe", "Acme"), a.PublicID, soon(f))
			f.must(err)
		}, []string{"abe"}},
		{"of a person alone", func(f *scene) {
			a, _ := f.appOf(own(f.user("stan")), "Secret", "")
			_, _, err := f.s.CreateCredential(f.ctx, own(f.user("stan")), a.PublicID, soon(f))
			f.must(err)
		}, []string{"stan"}},
		{"not to who left the organization", func(f *scene) {
			_, _, err := f.s.CreateCredential(f.ctx, f.in("abe", "Acme"), f.ids["Alpha"], soon(f))
			f.must(err)
			_, err = f.s.RemoveMember(f.ctx, f.in("ann", "Acme"), f.ids["abe"])
			f.must(err)
		}, []string{"amy", "ann"}},
		{"a rotated key's: the new one has its own time", func(f *scene) {
			k, _, err := f.s.CreateCredential(f.ctx, f.in("abe", "Acme"), f.ids["Alpha"], soon(f))
			f.must(err)
			f.pass(day)
			_, _, err = f.s.Rotate(f.ctx, f.in("abe", "Acme"), f.ids["Alpha"], k.PublicID, portal.GraceWeek, "")
			f.must(err)
			f.exec(`UPDATE credentials SET expires_at = expires_at + ? WHERE ends_at IS NULL AND expires_at IS NOT NULL`, (30 * day).Milliseconds())
		}, nil},
		{"of a deleted application", func(f *scene) {
			_, _, err := f.s.CreateCredential(f.ctx, f.in("abe", "Acme"), f.ids["Alpha"], soon(f))
			f.must(err)
			_, err = f.s.DeleteApplication(f.ctx, f.in("abe", "Acme"), f.ids["Alpha"])
			f.must(err)
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			c.make(f)
			end := start.Truncate(day).Add(21 * day)
			f.at(end.Add(-6 * day)) // two are due, after a time of rest: one is sent
			f.mark()
			f.must(f.s.Remind(f.ctx))
			f.must(f.s.Remind(f.ctx))
			var want []string
			for _, who := range c.want {
				want = append(want, "key_expiring to "+who+", queued")
			}
			got := f.mail()
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("mail is %q, want %q", got, want)
			}
			f.at(end) // too late
			f.mark()
			f.must(f.s.Remind(f.ctx))
			if got := f.mail(); len(got) != 0 {
				t.Errorf("at its end: %q", got)
			}
		})
	}
}

// manyKeys adds keys to Alpha without ceremony and returns their numbers.
func (f *scene) manyKeys(n int) []int64 {
	alpha := f.number(`SELECT id FROM applications WHERE name = 'Alpha'`)
	f.must(f.s.inTx(f.ctx, func(t *tx) error {
		for i := range n {
			if _, err := t.exec(`INSERT INTO credentials (public_id, org_id, app_id, label, hash, sealed_by, hint, created_by, created_at)
				SELECT ?, org_id, id, '', randomblob(32), 0, 'aaaa', owner_id, 0 FROM applications WHERE id = ?`, fmt.Sprint("k", i), alpha); err != nil {
				return err
			}
		}
		return nil
	}))
	ids := f.strings(`SELECT id FROM credentials WHERE app_id = ? AND hint = 'aaaa' ORDER BY id`, alpha)
	numbers := make([]int64, len(ids))
	for i, id := range ids {
		_, err := fmt.Sscan(id, &numbers[i])
		f.must(err)
	}
	return numbers
}

func TestUsesOfVeryManyKeysAreAddedUpLater(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.exec(`PRAGMA synchronous = OFF`)
	numbers := f.manyKeys(useBatch + 100)
	from := func(i int) string { return fmt.Sprintf("192.0.2.%d", i) }
	use := func(ids []int64, i int) {
		f.pass(time.Second)
		for _, id := range ids {
			f.s.uses.mark(f.s.uses.of(id), f.s.Now(), from(i))
		}
		f.must(f.s.WriteUses(f.ctx))
	}
	counted := func() int64 { return f.number(`SELECT COALESCE(sum(count), 0) FROM usage`) }
	waiting := func() int64 { return f.number(`SELECT count(*) FROM usage_journal`) }
	use(numbers[:1], 1)
	if counted() != 1 || waiting() != 0 {
		t.Fatalf("the use of one key: %d counted, %d waiting", counted(), waiting())
	}
	use(numbers, 2)
	use(numbers[:5], 3) // few, but later than those that wait
	if counted() != 1 || waiting() != 2 {
		t.Errorf("of very many: %d counted, %d waiting", counted(), waiting())
	}
	look := func(about string, s *Store) {
		t.Helper()
		for key, want := range map[string]int{"k0": 3, "k9": 2} {
			c, err := s.Credential(f.ctx, f.in("abe", "Acme"), f.ids["Alpha"], key)
			if f.must(err); c.UsedFrom != from(want) {
				t.Errorf("%s: the last use of %s was from %q", about, key, c.UsedFrom)
			}
		}
	}
	look("while they wait", f.s)
	all := int64(1 + len(numbers) + 5)

	// A process that is killed leaves them to the next.
	next := &Store{Now: f.s.Now, write: f.s.write, read: f.s.read, Wake: func() {}, uses: uses{journalled: foldEvery}}
	f.must(next.WriteUses(f.ctx))
	if counted() != all || waiting() != 0 {
		t.Errorf("at the next start: %d counted of %d, %d waiting", counted(), all, waiting())
	}
	look("at the next start", next)

	for i := range foldEvery - 2 { // two have been
		use(numbers, 10+i)
	}
	if all += int64((foldEvery - 2) * len(numbers)); counted() != all || waiting() != 0 {
		t.Errorf("in the end: %d counted of %d, %d waiting", counted(), all, waiting())
	}
}

func TestTheJournalOfUsesIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOf(rapid.Custom(func(t *rapid.T) took {
			n := rapid.Int64Min(0)
			return took{id: n.Draw(t, "id"), count: n.Draw(t, "count"), last: n.Draw(t, "last"), from: rapid.String().Draw(t, "from")}
		})).Draw(t, "uses")
		text := packUses(all)
		got, err := unpackUses(text)
		if err != nil || !slices.Equal(got, all) {
			t.Fatalf("%v, %v", got, err)
		}
		if len(text) > 0 { // cut anywhere it is an error or shorter, never a panic
			if got, err := unpackUses(text[:rapid.IntRange(0, len(text)-1).Draw(t, "cut")]); err == nil && len(got) >= len(all) {
				t.Fatalf("cut: %v", got)
			}
		}
	})
}

func TestUsesSurviveAWriteThatFailsHalfWay(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.exec(`PRAGMA synchronous = OFF`)
	numbers := f.manyKeys(useBatch + 100)
	use := func() {
		for _, id := range numbers {
			f.s.uses.mark(f.s.uses.of(id), f.s.Now(), ip)
		}
	}
	use()
	use()
	f.exec(fmt.Sprintf(`CREATE TRIGGER refuse BEFORE INSERT ON usage WHEN NEW.credential_id = %d BEGIN SELECT RAISE(ABORT, 'no room'); END`, numbers[useBatch+50]))
	if err := f.s.WriteUses(f.ctx); err == nil {
		t.Fatal("it was written past a failure")
	}
	use()
	if err := f.s.WriteUses(f.ctx); err == nil {
		t.Fatal("it was written past a failure")
	}
	f.exec(`DROP TRIGGER refuse`)
	f.must(f.s.WriteUses(f.ctx))
	f.must(f.s.WriteUses(f.ctx))
	if n, all := f.number(`SELECT count(*) FROM usage WHERE count = 3`), f.number(`SELECT count(*) FROM usage`); int(n) != len(numbers) || n != all {
		t.Errorf("%d of %d keys (%d rows) were counted three times", n, len(numbers), all)
	}
	// A day is one of UTC; what is older than 90 days is not shown.
	last := f.number(`SELECT max(day) FROM usage`)
	f.at(start.Truncate(24 * time.Hour).Add(24*time.Hour - time.Millisecond))
	f.s.uses.mark(f.s.uses.of(numbers[0]), f.s.Now(), "192.0.2.8")
	f.must(f.s.WriteUses(f.ctx))
	f.pass(time.Millisecond)
	f.s.uses.mark(f.s.uses.of(numbers[0]), f.s.Now(), "2001:db8::1")
	f.must(f.s.WriteUses(f.ctx))
	for day, want := range map[int64]int64{last: 4, last + 1: 1} {
		if got := f.number(`SELECT count FROM usage WHERE credential_id = ? AND day = ?`, numbers[0], day); got != want {
			t.Errorf("on day %d it was used %d times, want %d", day, got, want)
		}
	}
	c, err := f.s.Credential(f.ctx, f.in("abe", "Acme"), f.ids["Alpha"], "k0")
	f.must(err)
	if !c.UsedAt.Equal(f.s.Now()) || c.UsedFrom != "2001:db8::1" {
		t.Errorf("its last use was %v from %q", c.UsedAt, c.UsedFrom)
	}
	f.at(fromMillis((last + portal.UsageDays - 1) * dayMillis))
	days, err := f.s.Usage(f.ctx, f.in("abe", "Acme"), f.ids["Alpha"], "k0")
	f.must(err)
	if len(days) != portal.UsageDays || days[0].Count != 4 || days[1].Count != 1 {
		t.Errorf("the first of %d days is %+v", len(days), days[0])
	}
	f.pass(24 * time.Hour)
	if days, err = f.s.Usage(f.ctx, f.in("abe", "Acme"), f.ids["Alpha"], "k0"); err != nil || days[0].Count != 1 {
		t.Errorf("a day later the first is %+v, %v", days[0], err)
	}
	// What was counted is forgotten then, the last use is not.
	f.pass(48 * time.Hour)
	f.must(f.s.Tidy(f.ctx))
	if n := f.number(`SELECT count(*) FROM usage`); n != 0 {
		t.Errorf("%d days are kept", n)
	}
	again, err := f.s.Credential(f.ctx, f.in("abe", "Acme"), f.ids["Alpha"], "k0")
	if f.must(err); !again.UsedAt.Equal(c.UsedAt) || again.UsedFrom != c.UsedFrom {
		t.Errorf("its last use was %v from %q", again.UsedAt, again.UsedFrom)
	}
}

func TestNoUseIsLostOrCountedTwiceWhileItIsWritten(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.exec(`PRAGMA synchronous = OFF`)
	keys := []string{f.key("Alpha"), f.key("Bravo")}
	const workers, each = 16, 200
	var verifying, writing sync.WaitGroup
	stop := make(chan struct{})
	writing.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			ctx, cancel := context.WithCancel(f.ctx)
			if i%3 == 0 {
				cancel()
			}
			_ = f.s.WriteUses(ctx)
			cancel()
		}
	})
	for range workers {
		verifying.Go(func() {
			for i := range each {
				if _, ok, err := f.s.Verify(f.ctx, keys[i%2], ip); err != nil || !ok {
					t.Errorf("%v, %v", ok, err)
					return
				}
			}
		})
	}
	verifying.Wait()
	close(stop)
	writing.Wait()
	f.must(f.s.WriteUses(f.ctx))
	if got := f.number(`SELECT sum(count) FROM usage`); got != workers*each {
		t.Errorf("%d uses were counted, want %d", got, workers*each)
	}
}

func TestANewKeyMayBeKilledAfterAnyBatch(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.exec(`PRAGMA synchronous = OFF`)
	by := f.in("abe", "Acme")
	alpha := f.number(`SELECT id FROM applications WHERE name = 'Alpha'`)
	want := map[string]string{}
	f.must(f.s.inTx(f.ctx, func(t *tx) error {
		for i := range 2*rekeyBatch + 50 {
			id, key := fmt.Sprint("key", i), portal.NewKey()
			want[id] = key
			if _, err := t.exec(`INSERT INTO credentials (public_id, org_id, app_id, label, hash, sealed, sealed_by, hint, created_by, created_at)
				SELECT ?, org_id, id, '', randomblob(32), ?, 0, '', owner_id, 0 FROM applications WHERE id = ?`, id, f.s.keys.seal(key, sealName(by.OrgID, alpha, id)), alpha); err != nil {
				return err
			}
		}
		return nil
	}))
	a, k := f.appOf(own(f.user("stan")), "Own", "")
	once, onceValue, err := f.s.CreateCredential(f.ctx, own(f.user("stan")), a.PublicID, portal.NewCredential{Once: true})
	f.must(err)
	for _, id := range []string{k.PublicID, f.ids["Alpha key"], f.ids["Bravo key"]} {
		want[id] = f.value(id)
	}
	f.s.SMTP = portal.SMTPConfig{}
	f.must(f.s.SetMail(f.ctx, f.user("ada"), "smtp://a:b@mail.example.org", "P <p@example.org>"))
	readable := func(when string) {
		t.Helper()
		for id, key := range want {
			if got := f.value(id); got != key {
				t.Errorf("%s: %s reads %q, want %q", when, id, got, key)
			}
		}
		f.s.SMTP = portal.SMTPConfig{}
		if c, err := f.s.MailConfig(f.ctx); err != nil || c.URL != "smtp://a:b@mail.example.org" {
			t.Errorf("%s: the mail server is %q, %v", when, c.URL, err)
		}
		for _, key := range []string{want[k.PublicID], want[f.ids["Alpha key"]], onceValue} {
			if _, ok := f.opens(key); !ok {
				t.Errorf("%s: a key opens nothing", when)
			}
		}
	}
	numbers := func() []int {
		file, err := readKeys(keyPath(f.dir), false)
		f.must(err)
		var all []int
		for n := range file.sealing {
			all = append(all, n)
		}
		slices.Sort(all)
		return all
	}
	begin := func() {
		file, err := readKeys(keyPath(f.dir), false)
		f.must(err)
		file.sealing[file.newest()+1] = randomKey()
		f.must(file.write(keyPath(f.dir)))
		f.reopen()
	}
	finish := func(done int) {
		t.Helper()
		f.must(f.s.Close())
		n, err := RotateKey(f.ctx, f.dir)
		f.must(err)
		if n != done {
			t.Errorf("%d were sealed anew, want %d", n, done)
		}
		f.open()
		if n := f.number(`SELECT count(*) FROM credentials WHERE sealed IS NOT NULL AND sealed_by <> ?`, f.s.keys.newest); n != 0 {
			t.Errorf("%d are sealed with an old key", n)
		}
	}

	begin()
	readable("when the file was written")
	n, err := f.s.rekey(f.ctx)
	f.must(err)
	if n != rekeyBatch {
		t.Errorf("a batch is %d", n)
	}
	readable("after a batch")
	_, _, err = f.s.CreateCredential(f.ctx, by, f.ids["Alpha"], portal.NewCredential{})
	f.refused(err, portal.Conflict, "working credentials")
	between, _, err := f.s.CreateCredential(f.ctx, f.in("bob", "Beta"), f.ids["Bravo"], portal.NewCredential{})
	f.must(err)
	want[between.PublicID] = f.value(between.PublicID) // sealed with the new key at once
	finish(len(want) - 1 - rekeyBatch)
	readable("when it was finished")
	if got := numbers(); !slices.Equal(got, []int{1}) {
		t.Errorf("the file holds the keys %v", got)
	}

	// Killed when all keys were done and the setting and the file were not.
	begin()
	for n := 1; n > 0; {
		n, err = f.s.rekey(f.ctx)
		f.must(err)
	}
	readable("before the setting")
	finish(len(want)) // it does not know, and makes one more
	readable("after a second time")
	if got := numbers(); !slices.Equal(got, []int{3}) {
		t.Errorf("the file holds the keys %v", got)
	}

	// One that does not open stops it, by name, and no key is forgotten.
	f.exec(`UPDATE credentials SET sealed = randomblob(90) WHERE public_id = 'key7'`)
	f.must(f.s.Close())
	if _, err := RotateKey(f.ctx, f.dir); err == nil || !strings.Contains(err.Error(), "key7") {
		t.Errorf("a damaged credential: %v", err)
	}
	f.open()
	delete(want, "key7")
	readable("after it was stopped")
	if got := numbers(); !slices.Equal(got, []int{3, 4}) {
		t.Errorf("the file holds the keys %v", got)
	}
	if n := f.number(`SELECT count(*) FROM credentials WHERE public_id = ? AND sealed IS NULL`, once.PublicID); n != 1 {
		t.Error("a key that is shown once has a value now")
	}
}

func TestOf32ClientsNoneGetsInOnceARevocationIsAnswered(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.exec(`PRAGMA synchronous = OFF`)
	ann := f.in("ann", "Acme")
	const clients, keys = 32, 12
	ids, values := make([]string, keys), make([]string, keys)
	ended := make([]atomic.Bool, keys)
	for i := range keys {
		k, _, err := f.s.CreateCredential(f.ctx, ann, f.ids["Alpha"], portal.NewCredential{})
		f.must(err)
		ids[i], values[i] = k.PublicID, f.value(k.PublicID)
	}
	var stop atomic.Bool
	var wait, inside sync.WaitGroup
	inside.Add(clients)
	for c := range clients {
		wait.Go(func() {
			last := -1 // set when it is over: one more round of all keys
			for i := 0; last < 0 || i <= last; i++ {
				if last < 0 && stop.Load() {
					last = i + keys
				}
				n := (c + i) % keys
				over := ended[n].Load()
				_, ok, err := f.s.Verify(f.ctx, values[n], ip)
				if err != nil || ok && over || i == 0 && !ok {
					t.Errorf("at question %d, after the answer %v, a key opens: %v, %v", i, over, ok, err)
				}
				if i == 0 {
					inside.Done()
				}
			}
		})
	}
	inside.Wait()
	for i, id := range ids {
		var err error
		switch i % 3 {
		case 0:
			_, err = f.s.RevokeCredential(f.ctx, ann, f.ids["Alpha"], id)
		case 1:
			_, _, err = f.s.Rotate(f.ctx, ann, f.ids["Alpha"], id, portal.GraceNone, "")
		case 2:
			if _, _, err = f.s.Rotate(f.ctx, ann, f.ids["Alpha"], id, portal.GraceDay, ""); err == nil {
				_, err = f.s.CutKey(f.ctx, ann, f.ids["Alpha"], id)
			}
		}
		if err != nil {
			t.Error(describe(err))
		}
		ended[i].Store(true)
	}
	stop.Store(true)
	wait.Wait()
}

func TestOfARotationAndARevocationAtOnceTheKeyIsEndedOnce(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	ann, abe := f.in("ann", "Acme"), f.in("abe", "Acme")
	race(t, f, func(int) []func() error {
		return []func() error{
			func() error {
				_, _, err := f.s.Rotate(f.ctx, ann, f.ids["Alpha"], f.ids["Alpha key"], portal.GraceNone, "")
				return err
			},
			func() error {
				_, err := f.s.RevokeCredential(f.ctx, abe, f.ids["Alpha"], f.ids["Alpha key"])
				return err
			},
		}
	}, func(_ int, answers []error) {
		oneWins(t, answers, portal.Conflict)
		if _, ok := f.opens(f.key("Alpha")); ok {
			t.Error("it opens")
		}
		f.exec(`DELETE FROM credentials WHERE org_id = ? AND public_id <> ?`, ann.OrgID, f.ids["Alpha key"])
		f.exec(`UPDATE credentials SET ends_at = NULL, rotated_at = NULL, revoked_at = NULL, ended_by = NULL WHERE public_id = ?`, f.ids["Alpha key"])
		f.s.known.forget()
	})
}
