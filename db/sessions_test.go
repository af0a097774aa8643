package db

import (
	"bytes"
	"testing"
	"time"

	"portico/portal"
)

func TestSessionsEndAfterADayOfRestAndTwoWeeksInAll_SESS_07(t *testing.T) {
	t.Parallel()
	begin := start.Add(time.Hour)
	for _, c := range []struct {
		name string
		uses []time.Duration // since sign-in
		last bool            // whether the last use finds somebody
	}{
		{"a use after 23:59:59.999", []time.Duration{24*time.Hour - time.Millisecond}, true},
		{"a use after 24 hours", []time.Duration{24 * time.Hour}, false},
		{"rest counts from the last use", []time.Duration{23 * time.Hour, 46 * time.Hour, 69 * time.Hour}, true},
		{"a day after the last use", []time.Duration{23 * time.Hour, 47 * time.Hour}, false},
		{"used every day, just before two weeks", append(everyDay(), 14*24*time.Hour-time.Millisecond), true},
		{"used every day, at two weeks", append(everyDay(), 14*24*time.Hour), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			f.must(f.signIn("ann", password, "ann"))
			for i, d := range c.uses {
				f.at(begin.Add(d))
				want := c.last || i < len(c.uses)-1
				if got := f.signedIn("ann"); got != want {
					t.Errorf("after %v somebody is signed in: %v, want %v", d, got, want)
				}
			}
			if !c.last {
				f.pass(time.Millisecond)
			}
			f.must(f.s.Tidy(f.ctx))
			if n := f.number(`SELECT count(*) FROM sessions`); (n == 1) != c.last {
				t.Errorf("%d sessions are left", n)
			}
		})
	}
}

func everyDay() []time.Duration {
	var all []time.Duration
	for use := 12 * time.Hour; use < 14*24*time.Hour; use += 12 * time.Hour {
		all = append(all, use)
	}
	return all
}

func TestTheSettingsOfSessionsHold(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.must(f.s.SetPolicy(f.ctx, f.user("ada"), Policy{MinPassword: 12, InvitationHours: 1, IdleHours: 1, SessionDays: 1}))
	f.must(f.signIn("ann", password, "ann"))
	f.pass(time.Hour - time.Millisecond)
	if !f.signedIn("ann") {
		t.Error("a session ended before its hour of rest")
	}
	f.pass(time.Hour)
	if f.signedIn("ann") {
		t.Error("a session outlived its hour of rest")
	}
}

func TestTheLastUseOfASessionIsWrittenOnceAMinute(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.must(f.signIn("ann", password, "ann"))
	seen := func() time.Time {
		f.signedIn("ann")
		return fromMillis(f.number(`SELECT seen_at FROM sessions`))
	}
	begin := f.clock.read()
	f.pass(59 * time.Second)
	if got := seen(); !got.Equal(begin) {
		t.Errorf("after 59 seconds it was written: %v", got)
	}
	f.pass(time.Second)
	if got := seen(); !got.Equal(begin.Add(time.Minute)) {
		t.Errorf("after a minute it was not written: %v", got)
	}
}

func TestASessionSaysWhoAndNothingElse(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	for _, who := range []string{"ann", "ada", "dora"} {
		if who == "dora" {
			f.exec(`UPDATE users SET state = 'active' WHERE email = 'dora@example.org'`)
		}
		f.must(f.signIn(who, password, who))
	}
	f.exec(`UPDATE users SET state = 'deactivated' WHERE email = 'dora@example.org'`)
	f.exec(`UPDATE users SET admin = 0 WHERE email = 'ada@example.org'`)
	if f.signedIn("dora") {
		t.Error("a deactivated person is signed in")
	}
	v, ok, err := f.s.Viewer(f.ctx, hashOf("ada"), portal.DefaultSettings())
	if f.must(err); !ok || v.Admin || v.Actor(ip).IsAdmin() {
		t.Errorf("a former admin is %+v", v)
	}
	set := portal.DefaultSettings()
	set.SignIn = false
	if _, ok, err := f.s.Viewer(f.ctx, hashOf("ann"), set); err != nil || ok {
		t.Errorf("a consumer is signed in while signing in is switched off: %v, %v", ok, err)
	}
	for _, hash := range [][]byte{nil, {}, hashOf("nobody"), bytes.Repeat([]byte("x"), 10_000)} {
		if _, ok, err := f.s.Viewer(f.ctx, hash, portal.DefaultSettings()); err != nil || ok {
			t.Errorf("the session %.10q is somebody's: %v, %v", hash, ok, err)
		}
	}
	// No id of a cookie is in the database, only its hash.
	if n := f.number(`SELECT count(*) FROM sessions WHERE hash LIKE '%browser%'`); n != 0 {
		t.Errorf("%d sessions hold what the cookie holds", n)
	}
	f.must(f.s.SignOut(f.ctx, f.user("ann"), hashOf("ann")))
	if f.signedIn("ann") {
		t.Error("somebody is signed in after signing out")
	}
	f.mark()
	f.must(f.s.SignOut(f.ctx, f.user("ann"), hashOf("ann")))
	f.noted(nil, nil)
}
