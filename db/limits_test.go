package db

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"portico/portal"
)

func TestEachLimitHoldsAtItsBoundAndAcrossARestart_ORG_13_ENUM_07(t *testing.T) {
	t.Parallel()
	var tried, held atomic.Int64
	t.Cleanup(func() {
		t.Attr("faults", fmt.Sprintf("%s|%d|%d", "limits at, below and above their number, also after a restart", tried.Load(), held.Load()))
	})
	wrong := func(f *scene, i int, ip string) error {
		return f.s.SignIn(f.ctx, address("ann"), fmt.Sprint("wrong", i), NewSession{Hash: hashOf("x"), IP: ip})
	}
	for _, c := range []struct {
		name   string
		max    int
		window time.Duration
		spread time.Duration // between attempts
		try    func(f *scene, i int) error
		other  func(f *scene) error // what another account, person or network may do meanwhile
		says   string
	}{
		{"failed sign-ins of an account", 10, 15 * time.Minute, 0,
			func(f *scene, i int) error { return notWrong(wrong(f, i, fmt.Sprintf("198.51.100.%d", i))) },
			func(f *scene) error { return f.signIn("amy", password, "amy") }, "failed sign-ins for this account"},
		{"failed sign-ins from a network address", 50, 15 * time.Minute, 0,
			func(f *scene, i int) error {
				return notWrong(f.s.SignIn(f.ctx, fmt.Sprintf("person%d@example.org", i), "wrong", NewSession{Hash: hashOf("x"), IP: "198.51.100.1"}))
			},
			func(f *scene) error { return f.signIn("amy", password, "amy") }, "from your network"},
		{"failed sign-ins from an IPv6 network", 50, 15 * time.Minute, 0,
			func(f *scene, i int) error {
				return notWrong(f.s.SignIn(f.ctx, fmt.Sprintf("person%d@example.org", i), "wrong", NewSession{Hash: hashOf("x"), IP: fmt.Sprintf("2001:db8:1:2::%x", i+1)}))
			},
			func(f *scene) error {
				return f.s.SignIn(f.ctx, address("amy"), password, NewSession{Hash: hashOf("y"), IP: "2001:db8:1:3::1"})
			}, "from your network"},
		{"registrations from a network address", 20, time.Hour, 0,
			func(f *scene, i int) error {
				return f.s.Register(f.ctx, "198.51.100.1", person(fmt.Sprintf("person%d", i)))
			},
			func(f *scene) error { return f.s.Register(f.ctx, "198.51.100.2", person("nora")) }, "registrations"},
		{"resets of an account", 5, time.Hour, 0,
			func(f *scene, i int) error {
				return f.s.ForgotPassword(f.ctx, fmt.Sprintf("198.51.100.%d", i), address("ann"))
			},
			func(f *scene) error { return f.s.ForgotPassword(f.ctx, ip, address("amy")) }, "requests for a new password"},
		{"resets of an address without an account", 5, time.Hour, 0,
			func(f *scene, i int) error { return f.s.ForgotPassword(f.ctx, ip, address("nora")) },
			func(f *scene) error { return f.s.ForgotPassword(f.ctx, ip, address("amy")) }, "requests for a new password"},
		{"confirmation mails", 5, time.Hour, 0,
			func(f *scene, i int) error { return f.s.AskForProof(f.ctx, f.user("ulf")) },
			func(f *scene) error { return f.s.AskForProof(f.ctx, f.user("una")) }, "confirmation mails"},
		{"invitations by a person", 50, time.Hour, 0,
			func(f *scene, i int) error {
				_, err := f.s.Invite(f.ctx, f.in("ann", "Acme"), invited(fmt.Sprintf("person%d", i), portal.TeamMember))
				return err
			},
			func(f *scene) error {
				_, err := f.s.Invite(f.ctx, f.in("amy", "Acme"), invited("nora", portal.TeamMember))
				return err
			}, "invitations"},
		{"resends of an invitation in a minute", 1, time.Minute, 0,
			func(f *scene, i int) error {
				_, err := f.s.Resend(f.ctx, f.in("ann", "Acme"), f.ids["ivy invitation"])
				return err
			},
			func(f *scene) error {
				_, err := f.s.Resend(f.ctx, f.in("bea", "Beta"), f.ids["ivan invitation"])
				return err
			}, "resends of this invitation"},
		{"resends of an invitation in a day", 5, 24 * time.Hour, time.Minute,
			func(f *scene, i int) error {
				_, err := f.s.Resend(f.ctx, f.in("ann", "Acme"), f.ids["ivy invitation"])
				return err
			},
			func(f *scene) error {
				_, err := f.s.Resend(f.ctx, f.in("bea", "Beta"), f.ids["ivan invitation"])
				return err
			}, "resends of this invitation"},
		{"organization requests by a person", 5, 24 * time.Hour, 0,
			func(f *scene, i int) error {
				o, err := f.s.RegisterOrg(f.ctx, f.user("stan"), "Org")
				if err == nil {
					err = f.s.Withdraw(f.ctx, f.user("stan"), o.PublicID)
				}
				return err
			},
			func(f *scene) error { _, err := f.s.RegisterOrg(f.ctx, f.user("ann"), "Org"); return err }, "organization requests"},
		{"requests for a new invitation", 3, time.Hour, 0,
			func(f *scene, i int) error {
				_, err := f.s.AskAgain(f.ctx, ip, f.linkTo("ian", portal.Mailed))
				return err
			},
			func(f *scene) error { return f.s.ForgotPassword(f.ctx, ip, address("amy")) }, "requests for a new invitation"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tried.Add(1)
			defer func() {
				if !t.Failed() {
					held.Add(1)
				}
			}()
			f := newScene(t)
			first := f.clock.read()
			for i := range c.max {
				if err := c.try(f, i); err != nil {
					t.Fatalf("attempt %d of %d: %s", i+1, c.max, describe(err))
				}
				f.pass(c.spread)
			}
			f.refused(c.try(f, c.max), portal.TooMany, c.says, "Try again in")
			f.reopen()
			f.refused(c.try(f, c.max), portal.TooMany)
			if err := c.other(f); err != nil {
				t.Errorf("somebody else: %s", describe(err))
			}
			f.at(first.Add(c.window - time.Millisecond))
			err := c.try(f, c.max)
			f.refused(err, portal.TooMany)
			if e := err.(*portal.Error); e.Wait != time.Millisecond {
				t.Errorf("a millisecond before its end one waits %v", e.Wait)
			}
			f.at(first.Add(c.window))
			if err := c.try(f, c.max); err != nil {
				t.Errorf("after the window: %s", describe(err))
			}
		})
	}
}

// notWrong takes the answer to a wrong password for success: it was looked at.
func notWrong(err error) error {
	if err == errSignIn {
		return nil
	}
	return err
}

func TestSignInsThatSucceedDoNotCount_REG_07(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	for i := range 60 {
		f.must(f.signIn("ann", password, fmt.Sprint(i)))
	}
	for i := range 9 {
		f.refused(f.signIn("ann", fmt.Sprint(i), "x"), portal.Invalid)
	}
	f.must(f.signIn("ann", password, "y"))
	f.refused(f.signIn("ann", "tenth", "x"), portal.Invalid)
	f.refused(f.signIn("ann", password, "z"), portal.TooMany) // the right one neither: nobody learns that it is
	f.refused(f.s.SignIn(f.ctx, " ANN@EXAMPLE.org", password, f.browser("z")), portal.TooMany)
	f.refused(f.s.Reprove(f.ctx, f.user("ann"), password, hashOf("y")), portal.TooMany)
	f.refused(f.s.ChangePassword(f.ctx, f.user("ann"), password, newPassword, f.browser("q")), portal.TooMany)
}

func TestSlipsOfOneNetworkStopNobodyElse_ENUM_07(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	slip := func(ip string) error {
		return f.s.SignIn(f.ctx, "not an address", password, NewSession{Hash: hashOf("x"), IP: ip})
	}
	for range portal.LimitSignInAccount.Max {
		f.refused(slip("198.51.100.1"), portal.Invalid)
	}
	f.refused(slip("198.51.100.1"), portal.TooMany)
	f.refused(slip("198.51.100.2"), portal.Invalid)
}

func TestRegisteringAnAddressAgainAndAgainSendsLittleMail_ENUM_03(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	for range 8 {
		f.must(f.s.Register(f.ctx, ip, person("ann")))
	}
	if n := len(f.mail()); n != portal.LimitProof.Max {
		t.Errorf("%d mails were sent, want %d", n, portal.LimitProof.Max)
	}
}

func TestJoiningByInvitationCountsAsRegistering(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	for i := range portal.LimitRegister.Max {
		f.must(f.s.Register(f.ctx, ip, person(fmt.Sprintf("person%d", i))))
	}
	_, err := ivyJoins(f, portal.Mailed)
	f.refused(err, portal.TooMany, "registrations")
}

func TestOldEventsAreForgottenAndNoneThatCount_DOS_09(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	for range 5 {
		o, err := f.s.RegisterOrg(f.ctx, f.user("stan"), "Org")
		f.must(err)
		f.must(f.s.Withdraw(f.ctx, f.user("stan"), o.PublicID))
	}
	f.pass(24*time.Hour - time.Millisecond)
	f.must(f.s.Tidy(f.ctx))
	_, err := f.s.RegisterOrg(f.ctx, f.user("stan"), "Org")
	f.refused(err, portal.TooMany)
	f.pass(2 * time.Hour)
	f.must(f.s.Tidy(f.ctx))
	if n := f.number(`SELECT count(*) FROM limit_events`); n != 0 {
		t.Errorf("%d events are kept", n)
	}
}

func TestNetworksAreWholeIPv4AddressesAndHalvesOfIPv6_DOS_06(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2::": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "": "", "shell": "shell",
	} {
		if got := network(in); got != want {
			t.Errorf("%q counts as %q, want %q", in, got, want)
		}
	}
}
