package db

import (
	"fmt"
	"testing"
	"time"

	"portico/portal"
)

// home is a browser that is known, or becomes so, by a name.
func (f *scene) home(session, device, before string) NewSession {
	n := f.browser(session)
	n.Device = hashOf(device)
	if before != "" {
		n.OldDevice = hashOf(before)
	}
	return n
}

// locked makes others use up the tries at somebody's password, from other networks
// or from the scene's own.
func (f *scene) locked(name, from string) {
	f.t.Helper()
	for i := range portal.LimitSignInAccount.Max {
		n := NewSession{Hash: hashOf("thief"), IP: fmt.Sprintf(from, i)}
		if err := f.s.SignIn(f.ctx, address(name), fmt.Sprint("guess", i), n); err != errSignIn {
			f.t.Fatal(describe(err))
		}
	}
}

func (f *scene) knownBrowsers(name string) int64 {
	f.t.Helper()
	return f.number(`SELECT count(*) FROM devices d JOIN users u ON u.id = d.user_id WHERE u.email_key = ?`, address(name))
}

func TestALockThatOthersCausedKeepsNobodyOutOfAKnownBrowser(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	tried, held := 0, 0
	defer func() { t.Attr("faults", fmt.Sprintf("%s|%d|%d", "owners locked out by others", tried, held)) }()
	lets := func(want bool, name, password string, n NewSession) {
		t.Helper()
		tried++
		err := f.s.SignIn(f.ctx, address(name), password, n)
		if want && err != nil || !want && !portal.IsCode(err, portal.TooMany) {
			t.Errorf("%s: got %s, want in: %v", name, describe(err), want)
			return
		}
		held++
	}
	f.must(f.s.SignIn(f.ctx, address("ann"), password, f.home("s1", "d1", "")))
	f.must(f.s.SignIn(f.ctx, address("amy"), password, f.home("s2", "amy's", "")))
	f.must(f.s.SignOut(f.ctx, f.user("ann"), hashOf("s1")))
	f.locked("ann", "198.51.100.%d")
	f.reopen()
	lets(false, "ann", password, f.home("s3", "d2", ""))          // a browser that is new
	lets(false, "ann", password, f.home("s3", "d2", "of nobody")) // or says that it is not
	lets(false, "ann", password, f.home("s3", "d2", "amy's"))     // or is another person's
	lets(true, "ann", password, f.home("s3", "d2", "d1"))         // her own
	lets(false, "ann", password, f.home("s4", "d3", "d1"))        // by the id that it has now
	lets(true, "ann", password, f.home("s4", "d3", "d2"))         //
	lets(true, "amy", password, f.home("s5", "amy's 2", "amy's")) // nobody has guessed at hers
	f.refused(f.signIn("ann", password, "thief"), portal.TooMany) // nor does her coming open it to others

	// The network is used up, too.
	for i := range portal.LimitSignInAddress.Max {
		f.refused(f.s.SignIn(f.ctx, fmt.Sprintf("guess%d@example.org", i), "guess", f.browser("thief")), portal.Invalid)
	}
	lets(false, "amy", password, f.home("s6", "amy's 3", ""))
	lets(true, "amy", password, f.home("s6", "amy's 3", "amy's 2"))
	// In the session, too.
	f.pass(time.Minute)
	f.must(f.s.Reprove(f.ctx, f.user("ann"), password, hashOf("s4")))
	changed := f.home("s7", "d4", "d3")
	changed.Old = hashOf("s4")
	f.must(f.s.ChangePassword(f.ctx, f.user("ann"), password, newPassword, changed))
	lets(true, "ann", newPassword, f.home("s8", "d5", "d4"))
}

func TestAKnownBrowserHasAFewTriesOfItsOwn(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	wrong := func(i int, n NewSession) error { return f.s.SignIn(f.ctx, address("ann"), fmt.Sprint("slip", i), n) }
	f.must(f.s.SignIn(f.ctx, address("ann"), password, f.home("s1", "d1", "")))
	known := f.home("s2", "d2", "d1")
	f.locked("ann", "198.51.100.%d")
	first := f.clock.read()
	for i := range portal.LimitSignInDevice.Max {
		f.pass(time.Second)
		f.refused(wrong(i, known), portal.Invalid)
	}
	f.refused(f.s.SignIn(f.ctx, address("ann"), password, known), portal.TooMany, "failed sign-ins for this account")
	f.reopen()
	f.at(first.Add(portal.LimitSignInAccount.Window - time.Millisecond))
	f.refused(f.s.SignIn(f.ctx, address("ann"), password, known), portal.TooMany)
	f.at(first.Add(portal.LimitSignInAccount.Window))
	f.must(f.s.SignIn(f.ctx, address("ann"), password, known))

	// Its own tries count for the account: alone it has no more than any other.
	f.exec(`DELETE FROM limit_events`)
	known = f.home("s3", "d3", "d2")
	for i := range portal.LimitSignInAccount.Max {
		f.refused(wrong(i, known), portal.Invalid)
	}
	f.refused(f.s.SignIn(f.ctx, address("ann"), password, known), portal.TooMany)
	f.refused(f.signIn("ann", password, "x"), portal.TooMany)
}

func TestABrowserIsKnownUntilSomethingEndsIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do    func(f *scene) error
		stays bool
	}{
		"signing out":            {func(f *scene) error { return f.s.SignOut(f.ctx, f.user("ann"), hashOf("s1")) }, true},
		"the end of the session": {func(f *scene) error { f.pass(30 * 24 * time.Hour); return f.s.Tidy(f.ctx) }, true},
		"half a year":            {func(f *scene) error { f.pass(portal.DeviceLife - time.Second); return nil }, false},
		"half a year less a moment": {func(f *scene) error {
			f.pass(portal.DeviceLife - time.Second - time.Millisecond)
			return f.s.Tidy(f.ctx)
		}, true},
		"signing out all other devices": {func(f *scene) error { return f.s.EndOtherSessions(f.ctx, f.user("ann"), hashOf("elsewhere")) }, false},
		"signing them out from here":    {func(f *scene) error { return f.s.EndOtherSessions(f.ctx, f.user("ann"), hashOf("s1")) }, true},
		"signing out the device": {func(f *scene) error {
			_, err := f.s.EndSession(f.ctx, f.user("ann"), sessionID(hashOf("s1")))
			return err
		}, false},
		"signing out another device": {func(f *scene) error {
			_, err := f.s.EndSession(f.ctx, f.user("ann"), sessionID(hashOf("elsewhere")))
			return err
		}, true},
		"a new password": {func(f *scene) error {
			f.must(f.s.ChangePassword(f.ctx, f.user("ann"), password, newPassword, f.home("s3", "other 2", "other")))
			return f.s.ChangePassword(f.ctx, f.user("ann"), newPassword, password, f.home("s4", "other 3", "other 2"))
		}, false},
		"a reset": {func(f *scene) error {
			forgotAnn(f)
			return f.s.Reset(f.ctx, ip, f.mailedLink(portal.MailReset, "ann"), password)
		}, false},
		"being deactivated": {func(f *scene) error {
			f.join("Acme", "ann", "stan", portal.SuperAdmin)
			if _, err := f.s.DeactivateUser(f.ctx, f.user("ada"), f.ids["ann"]); err != nil {
				return err
			}
			_, err := f.s.ActivateUser(f.ctx, f.user("ada"), f.ids["ann"])
			return err
		}, false},
		"twenty others": {func(f *scene) error {
			for i := range maxDevices {
				f.pass(time.Second)
				f.must(f.s.SignIn(f.ctx, address("ann"), password, f.home(fmt.Sprint("many", i), fmt.Sprint("many", i), "")))
			}
			return nil
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			f.must(f.s.SignIn(f.ctx, address("ann"), password, f.home("s1", "d1", "")))
			f.pass(time.Second)
			f.must(f.s.SignIn(f.ctx, address("ann"), password, f.home("elsewhere", "other", "")))
			f.must(c.do(f))
			f.locked("ann", "198.51.100.%d")
			err := f.s.SignIn(f.ctx, address("ann"), password, f.home("s2", "d2", "d1"))
			if (err == nil) != c.stays || err != nil && !portal.IsCode(err, portal.TooMany) {
				t.Errorf("got %s, want it known: %v", describe(err), c.stays)
			}
		})
	}
}

func TestABrowserIsKnownOnlyOnceTheCodeWasRight(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.hasFactor("ann")
	if err := f.s.SignIn(f.ctx, address("ann"), password, f.home("half", "d1", "")); err != ErrCodeNeeded {
		t.Fatal(describe(err))
	}
	if n := f.knownBrowsers("ann"); n != 0 {
		t.Errorf("%d browsers are known before the code", n)
	}
	whole := f.home("whole", "d2", "d1")
	whole.Old = hashOf("half")
	f.must(f.s.SignInByCode(f.ctx, f.code("ann", 1), whole))
	if n := f.knownBrowsers("ann"); n != 1 {
		t.Errorf("%d browsers are known after the code", n)
	}
}
