package db

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

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

func TestKeysSeenByThoseWhoLeftAreListedUntilRotated_CRED_01(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	ann := f.in("ann", "Acme")
	_, _, err := f.s.Reveal(f.ctx, f.in("abe", "Acme"), f.ids["Alpha"], f.ids["Alpha key"])
	f.must(err)
	exposed := func() int {
		keys, err := f.s.Exposed(f.ctx, ann)
		f.must(err)
		return len(keys)
	}
	if n := exposed(); n != 0 {
		t.Errorf("%d keys are listed while abe belongs to it", n)
	}
	_, err = f.s.RemoveMember(f.ctx, ann, f.ids["abe"])
	f.must(err)
	if n := exposed(); n != 1 {
		t.Errorf("%d keys are listed after abe was removed, want 1", n)
	}
	_, err = f.s.RotateSeen(f.ctx, ann, nil, portal.GraceDay, "")
	f.refused(err, portal.Invalid, "[keys:")
	_, err = f.s.RotateSeen(f.ctx, ann, []string{f.ids["Alpha key"]}, portal.GraceHour, "")
	f.must(err)
	if n := exposed(); n != 0 {
		t.Errorf("%d keys are listed after the rotation", n)
	}
}

func TestAKeyExpiresAtTheEndOfItsDayAndNotBefore(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	by := f.in("abe", "Acme")
	k, _, err := f.s.CreateCredential(f.ctx, by, f.ids["Alpha"], portal.NewCredential{Expires: f.s.Now().Format(time.DateOnly)})
	f.must(err)
	_, key, err := f.s.Reveal(f.ctx, by, f.ids["Alpha"], k.PublicID)
	f.must(err)
	f.pass(k.ExpiresAt.Sub(f.s.Now()) - time.Millisecond)
	if _, ok := f.opens(key); !ok {
		t.Error("a millisecond before its end it is refused")
	}
	f.pass(time.Millisecond)
	if _, ok := f.opens(key); ok {
		t.Error("at its end it is let in")
	}
	for _, bad := range []string{"yesterday", "2026-02-30", "2020-01-01", "2099-01-01"} {
		_, _, err := f.s.CreateCredential(f.ctx, by, f.ids["Alpha"], portal.NewCredential{Expires: bad})
		f.refused(err, portal.Invalid, "[expires:")
	}
}

func TestASecondRotationEndsTheOlderKeyAtOnce(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	by := f.in("abe", "Acme")
	first := f.key("Alpha")
	k, _, err := f.s.Rotate(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"], portal.GraceWeek, "")
	f.must(err)
	_, second, err := f.s.Reveal(f.ctx, by, f.ids["Alpha"], k.PublicID)
	f.must(err)
	if _, ok := f.opens(first); !ok {
		t.Fatal("the old key is refused in its time of grace")
	}
	_, _, err = f.s.Rotate(f.ctx, by, f.ids["Alpha"], k.PublicID, portal.GraceDay, "")
	f.must(err)
	if _, ok := f.opens(first); ok {
		t.Error("the oldest key still works")
	}
	if _, ok := f.opens(second); !ok {
		t.Error("the one before is refused in its time of grace")
	}
}

func TestTheEndOfARotatedKeyMayBeADateWithinThirtyDays(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	for date, want := range map[string]bool{"2026-03-02": true, "2026-03-31": true, "2026-04-01": false, "2026-03-01": false, "": false, "soon": false} {
		until, err := portal.GraceDate.Until(now, date)
		if (err == nil) != want {
			t.Errorf("%q: %v", date, err)
		}
		if err == nil && until.Format("15:04:05") != "00:00:00" {
			t.Errorf("%q ends at %v", date, until)
		}
	}
}

func TestAKeyThatIsShownOnceIsNotKept(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	by := f.in("abe", "Acme")
	k, key, err := f.s.CreateCredential(f.ctx, by, f.ids["Alpha"], portal.NewCredential{Once: true})
	f.must(err)
	if _, ok := f.opens(key); !ok {
		t.Error("it does not work")
	}
	_, _, err = f.s.Reveal(f.ctx, by, f.ids["Alpha"], k.PublicID)
	f.refused(err, portal.Conflict, "shown once")
	if n := f.number(`SELECT count(*) FROM credentials WHERE public_id = ? AND sealed IS NULL`, k.PublicID); n != 1 {
		t.Error("the database holds its value")
	}
	next, fresh, err := f.s.Rotate(f.ctx, by, f.ids["Alpha"], k.PublicID, portal.GraceNone, "")
	f.must(err)
	if !next.Once || !portal.WellFormedKey(fresh) || fresh == key {
		t.Errorf("its successor is %+v", next)
	}
	if n := f.number(`SELECT count(*) FROM reveals`); n != 2 {
		t.Errorf("%d looks are recorded, want one for each value shown", n)
	}
}

func TestPeopleAreRemindedOfAKeysEndOnceAtEachTime(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	by := f.in("abe", "Acme")
	k, _, err := f.s.CreateCredential(f.ctx, by, f.ids["Alpha"], portal.NewCredential{Label: "soon", Expires: f.s.Now().Add(20 * 24 * time.Hour).Format(time.DateOnly)})
	f.must(err)
	step := func(before time.Duration, want int) {
		t.Helper()
		f.pass(k.ExpiresAt.Add(-before).Sub(f.s.Now()))
		f.mark()
		f.must(f.s.Remind(f.ctx))
		f.must(f.s.Remind(f.ctx))
		if got := f.mail(); len(got) != want {
			t.Errorf("%v before its end: %q, want %d mails", before, got, want)
		}
	}
	const day = 24 * time.Hour
	people := 3 // its maker and the two Super admins
	step(14*day+time.Millisecond, 0)
	step(14*day, people)
	step(8*day, 0)
	step(7*day, people)
	step(2*day, 0)
	step(day, people)
	step(time.Hour, 0)

	late, _, err := f.s.CreateCredential(f.ctx, by, f.ids["Alpha"], portal.NewCredential{Expires: f.s.Now().Add(3 * day).Format(time.DateOnly)})
	f.must(err)
	f.mark()
	f.must(f.s.Remind(f.ctx))
	if got := f.mail(); len(got) != 0 {
		t.Errorf("a key that was just made is reminded of: %q", got)
	}
	_, err = f.s.RevokeCredential(f.ctx, by, f.ids["Alpha"], late.PublicID)
	f.must(err)
	f.pass(late.ExpiresAt.Add(-day).Sub(f.s.Now()))
	f.must(f.s.Remind(f.ctx))
	if got := f.mail(); len(got) != 0 {
		t.Errorf("a revoked key is reminded of: %q", got)
	}
}

func TestUsesAreCountedADayAndKeptWhenTheyCannotBeWritten(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	by := f.in("abe", "Acme")
	key := f.key("Alpha")
	for range 3 {
		f.opens(key)
	}
	keys, err := f.s.Credentials(f.ctx, by, f.ids["Alpha"])
	f.must(err)
	if !keys[0].UsedAt.Equal(f.s.Now()) || keys[0].UsedFrom != ip {
		t.Errorf("before it is written its last use is %v from %q", keys[0].UsedAt, keys[0].UsedFrom)
	}
	cancelled, cancel := context.WithCancel(f.ctx)
	cancel()
	if err := f.s.WriteUses(cancelled); err == nil {
		t.Error("it was written without a transaction")
	}
	f.must(f.s.WriteUses(f.ctx))
	f.pass(24 * time.Hour)
	f.opens(key)
	f.must(f.s.WriteUses(f.ctx))
	f.must(f.s.WriteUses(f.ctx))
	use, err := f.s.Usage(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"])
	f.must(err)
	if n := len(use); n != portal.UsageDays || use[n-1].Count != 1 || use[n-2].Count != 3 || use[n-3].Count != 0 {
		t.Errorf("the last days are %+v", use[max(0, n-3):])
	}
	if all, err := f.s.OrgUsage(f.ctx, by); err != nil || all[len(all)-2].Count != 3 {
		t.Errorf("the organization's: %v", err)
	}
}

func TestANewKeyForCredentialsLosesNothing(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	key := f.key("Alpha")
	f.s.SMTP = portal.SMTPConfig{}
	f.must(f.s.SetMail(f.ctx, f.user("ada"), "smtp://a:b@mail.example.org", "P <p@example.org>"))
	link := f.linkTo("ivy", portal.Mailed)
	sealed := func() []byte {
		var b []byte
		f.must(f.s.write.QueryRow(`SELECT sealed FROM credentials WHERE public_id = ?`, f.ids["Alpha key"]).Scan(&b))
		return b
	}
	before := sealed()
	n := f.number(`SELECT count(*) FROM credentials WHERE sealed IS NOT NULL`)
	f.must(f.s.Close())

	// Killed after the new key was written, and again after one credential.
	file, err := readKeys(keyPath(f.dir), false)
	f.must(err)
	file.sealing[1] = randomKey()
	f.must(file.write(keyPath(f.dir)))
	f.open()
	f.exec(`UPDATE credentials SET sealed_by = 0`)
	if got := f.key("Alpha"); got != key {
		t.Fatal("with the new key in the file, the old one does not open any more")
	}
	f.must(f.s.Close())

	for range 2 {
		done, err := RotateKey(f.ctx, f.dir)
		if err != nil || int64(done) != n {
			t.Fatalf("%d credentials, %v; want %d", done, err, n)
		}
	}
	f.open()
	if got := f.key("Alpha"); got != key {
		t.Errorf("the key reads %q, want %q", got, key)
	}
	if bytes.Equal(before, sealed()) {
		t.Error("it is sealed as before")
	}
	f.s.SMTP = portal.SMTPConfig{}
	if c, err := f.s.MailConfig(f.ctx); err != nil || c.URL != "smtp://a:b@mail.example.org" {
		t.Errorf("the mail server is %q, %v", c.URL, err)
	}
	if _, err := f.s.Offer(f.ctx, link); err != nil {
		t.Errorf("a link made before: %v", err)
	}
	text, err := os.ReadFile(filepath.Join(f.dir, "instance.key"))
	f.must(err)
	if lines := bytes.Count(bytes.TrimSpace(text), []byte("\n")); lines != 1 {
		t.Errorf("the file holds %d keys for credentials, want 1", lines)
	}
}

// TestWorkingKeysAreThoseThatTheRulesSay drives keys at random against a model,
// which also says which changes are refused.
func TestWorkingKeysAreThoseThatTheRulesSay(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.exec(`PRAGMA synchronous = OFF`)
	by := f.in("abe", "Acme")
	rapid.Check(t, func(r *rapid.T) {
		type app struct {
			id      string
			deleted bool
		}
		type key struct {
			app           *app
			id, value     string
			replaces      *key
			made          time.Time
			ends, expires time.Time // zero: not set
			revoked       bool
		}
		var apps []*app
		var keys []*key
		suspended := false
		defer func() { f.suspend(false) }()
		for range 2 {
			a, err := f.s.CreateApplication(f.ctx, by, portal.NewApplication{Name: newID()})
			f.must(err)
			apps = append(apps, &app{id: a.PublicID})
		}
		// alive: nobody has ended it and its time has not come.
		alive := func(k *key) bool {
			now := f.s.Now()
			return !k.app.deleted && !k.revoked && (k.ends.IsZero() || now.Before(k.ends)) && (k.expires.IsZero() || now.Before(k.expires))
		}
		live := func(a *app) (n int) {
			for _, k := range keys {
				if k.app == a && alive(k) {
					n++
				}
			}
			return n
		}
		for range rapid.IntRange(5, 25).Draw(r, "steps") {
			now := f.s.Now()
			a := rapid.SampledFrom(apps).Draw(r, "application")
			step := rapid.SampledFrom([]string{"create", "create", "rotate", "rotate", "extend", "cut", "revoke", "pass", "to a deadline", "suspend", "delete"}).Draw(r, "step")
			if step == "pass" {
				f.pass(rapid.SampledFrom([]time.Duration{time.Millisecond, time.Hour, 25 * time.Hour, 8 * 24 * time.Hour}).Draw(r, "time"))
			}
			var k *key
			if len(keys) > 0 {
				k = rapid.SampledFrom(keys).Draw(r, "key")
			}
			add := func(a *app, c portal.Credential, value string, replaces *key) {
				if value == "" {
					value = f.value(c.PublicID)
				}
				keys = append(keys, &key{app: a, id: c.PublicID, value: value, replaces: replaces, made: now, expires: c.ExpiresAt})
			}
			grace := rapid.SampledFrom([]portal.Grace{portal.GraceNone, portal.GraceHour, portal.GraceDay, portal.GraceWeek}).Draw(r, "grace")
			until := now.Add(map[portal.Grace]time.Duration{portal.GraceHour: time.Hour, portal.GraceDay: 24 * time.Hour, portal.GraceWeek: 7 * 24 * time.Hour}[grace])
			var err error
			allowed := true
			switch {
			case step == "pass":
			case step == "suspend":
				suspended = !suspended
				f.suspend(suspended)
			case step == "create" || k == nil:
				n := portal.NewCredential{Once: rapid.Bool().Draw(r, "once")}
				if rapid.Bool().Draw(r, "expires") {
					n.Expires = now.Add(48 * time.Hour).Format(time.DateOnly)
				}
				allowed = !suspended && !a.deleted && live(a) < portal.MaxCredentials
				var c portal.Credential
				var value string
				if c, value, err = f.s.CreateCredential(f.ctx, by, a.id, n); err == nil {
					add(a, c, value, nil)
				}
			case step == "to a deadline":
				if !k.ends.IsZero() && k.ends.After(now) {
					f.at(k.ends)
				} else if k.expires.After(now) {
					f.at(k.expires.Add(-time.Millisecond))
				}
			case step == "delete":
				allowed = !suspended && !a.deleted
				if _, err = f.s.DeleteApplication(f.ctx, by, a.id); err == nil {
					a.deleted = true
				}
			case step == "rotate":
				allowed = !suspended && alive(k) && k.ends.IsZero()
				var c portal.Credential
				var value string
				if c, value, err = f.s.Rotate(f.ctx, by, k.app.id, k.id, grace, ""); err == nil {
					k.ends = until
					if o := k.replaces; o != nil && o.ends.After(now) {
						o.ends = now
					}
					add(k.app, c, value, k)
					if want := k.expires.Sub(k.made); !k.expires.IsZero() && !c.ExpiresAt.Equal(now.Add(want)) {
						r.Fatalf("the successor lives until %v, want %v from %v", c.ExpiresAt, want, now)
					}
				}
				if live(k.app) > portal.MaxCredentials {
					r.Fatal("too many keys work")
				}
				allowed = allowed && (err == nil || live(k.app) < portal.MaxCredentials)
			case step == "extend":
				allowed = !suspended && alive(k) && !k.ends.IsZero() && grace != portal.GraceNone
				if _, err = f.s.ExtendKey(f.ctx, by, k.app.id, k.id, grace, ""); err == nil {
					k.ends = until
				}
			case step == "cut":
				allowed = !suspended && alive(k) && !k.ends.IsZero()
				if _, err = f.s.CutKey(f.ctx, by, k.app.id, k.id); err == nil {
					k.ends = now
				}
			case step == "revoke":
				allowed = !suspended && alive(k)
				if _, err = f.s.RevokeCredential(f.ctx, by, k.app.id, k.id); err == nil {
					k.revoked = true
				}
			}
			var refused *portal.Error
			if err != nil && !errors.As(err, &refused) || (err == nil) != allowed {
				r.Fatalf("%s: %s; allowed: %v; %+v", step, describe(err), allowed, k)
			}
			for _, k := range keys {
				_, ok, err := f.s.Verify(f.ctx, k.value, ip)
				if want := alive(k) && !suspended; err != nil || ok != want {
					r.Fatalf("after %s a key verifies: %v, %v; want %v: %+v", step, ok, err, want, k)
				}
			}
			for _, a := range apps {
				got, err := f.s.Application(f.ctx, by, a.id)
				if a.deleted != (err == portal.ErrNotFound) || got.Live != live(a) {
					r.Fatalf("after %s it says that %d keys work, want %d (%v)", step, got.Live, live(a), err)
				}
			}
		}
	})
}

// suspend stops Acme or lets it go on, as an operation will.
func (f *scene) suspend(on bool) {
	f.t.Helper()
	f.exec(`UPDATE organizations SET state = ? WHERE name = 'Acme'`, map[bool]portal.OrgState{true: portal.OrgSuspended, false: portal.OrgActive}[on])
	f.s.known.forget()
}

// value is what a key reads, opened without a trace.
func (f *scene) value(publicID string) string {
	f.t.Helper()
	var org, id int64
	var sealed []byte
	var by int
	f.must(f.s.write.QueryRow(`SELECT COALESCE(org_id, 0), app_id, sealed, sealed_by FROM credentials WHERE public_id = ?`, publicID).Scan(&org, &id, &sealed, &by))
	key, err := f.s.keys.open(sealed, by, sealName(org, id, publicID))
	f.must(err)
	return key
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

func TestWhoIsNotToInviteAnyMoreComesBackByNoCopiedLink(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	inv, err := f.s.Invite(f.ctx, f.in("ann", "Acme"), portal.NewInvitation{First: "Zoe", Last: "Test", Email: "zoe@example.org", Role: portal.SuperAdmin})
	f.must(err)
	f.exec(`UPDATE memberships SET role = 'super_admin' WHERE user_id = (SELECT id FROM users WHERE email = ?)`, address("abe"))
	_, _, err = f.s.CopyLink(f.ctx, f.in("abe", "Acme"), inv.PublicID)
	f.must(err)
	_, err = f.s.RemoveMember(f.ctx, f.in("ann", "Acme"), f.ids["abe"])
	f.must(err)
	_, _, err = f.s.Join(f.ctx, ip, f.link(inv, portal.Copied), portal.NewUser{First: "Mal", Last: "Lory", Password: newPassword}, NewSession{Hash: []byte("x"), IP: ip})
	f.refused(err, portal.Gone, "expired")
}

func TestAcceptingProvesNoPassword(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.must(f.s.SignIn(f.ctx, address("stan"), password, NewSession{Hash: []byte("old"), IP: ip}))
	proved := f.number(`SELECT proof_at FROM sessions WHERE hash = ?`, []byte("old"))
	f.pass(time.Hour)
	inv, err := f.s.Invite(f.ctx, f.in("ann", "Acme"), portal.NewInvitation{First: "Stan", Last: "Test", Email: address("stan"), Role: portal.TeamMember})
	f.must(err)
	_, err = f.s.AcceptWaiting(f.ctx, f.user("stan"), inv.PublicID, NewSession{Hash: []byte("new"), Old: []byte("old"), IP: ip})
	f.must(err)
	if got := f.number(`SELECT proof_at FROM sessions WHERE hash = ?`, []byte("new")); got != proved {
		t.Errorf("the password counts as given at %d, and was given at %d", got, proved)
	}
}
