package db

import (
	"slices"
	"testing"
	"time"

	"portico/portal"
)

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
