package db

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"portico/portal"
)

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
