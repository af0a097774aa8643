package db

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"portico/portal"
)

// The clock of a machine is set back, or is found to have been wrong by years. No
// operation fails for it, the audit log stays one chain, and what was done
// meanwhile holds nobody up when the clock is right again.

func TestAnHourBackEveryOperationDoesWhatItDoes(t *testing.T) {
	tried, held := 0, 0
	t.Cleanup(func() { t.Attr("faults", fmt.Sprintf("clock an hour back: operation|%d|%d", tried, held)) })
	for _, o := range operations {
		tried++
		ok := t.Run(o.method, func(t *testing.T) {
			f := o.scene(t)
			if o.method != "ClaimMail" && o.method != "NextMailAt" { // mail that is queued waits for the clock
				f.pass(-time.Hour)
			}
			want := o.does
			want.audit = slices.Clone(want.audit)
			for i, line := range want.audit {
				want.audit[i] = strings.ReplaceAll(line, "10:00 UTC", f.clock.read().Format("15:04 UTC"))
			}
			_, err := o.run(f, o.actor(f, o.doer))
			f.is(want, err)
			f.whole()
		})
		if ok {
			held++
		}
	}
}

func TestTenYearsAheadNoOperationFails(t *testing.T) {
	tried, held := 0, 0
	t.Cleanup(func() { t.Attr("faults", fmt.Sprintf("clock ten years ahead: operation|%d|%d", tried, held)) })
	for _, o := range operations {
		tried++
		ok := t.Run(o.method, func(t *testing.T) {
			f := o.scene(t)
			f.at(f.clock.read().AddDate(10, 0, 0))
			before := f.fingerprint()
			// Much has expired, and is refused or not found.
			if _, err := o.run(f, o.actor(f, o.doer)); codeOf(err) == -1 && !strings.HasPrefix(err.Error(), "there are 0 ") {
				t.Errorf("got %v", err)
			} else if err != nil {
				f.unchanged(before)
			}
			f.whole()
			f.sound()
		})
		if ok {
			held++
		}
	}
}

func TestWhatWasDoneTenYearsAheadHoldsNobodyUpWhenTheClockIsRightAgain(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.hasFactor("amy")
	right := f.clock.read()
	f.at(right.AddDate(10, 0, 0))
	tried, held := 0, 0
	t.Cleanup(func() {
		t.Attr("faults", fmt.Sprintf("clock ten years ahead and back: what people do|%d|%d", tried, held))
	})
	bySecondFactor := func(browser string) error {
		if err := f.signIn("amy", password, browser+" half"); err != ErrCodeNeeded {
			return fmt.Errorf("no code is asked for: %w", err)
		}
		return f.s.SignInByCode(f.ctx, f.code("amy", 0), f.from(browser+" half", browser))
	}
	look := func() error { return f.s.RenameOrg(f.ctx, f.in("abe", "Acme"), "Stolen") } // which is refused

	// Meanwhile people did these things.
	f.must(f.signIn("ann", password, "ann then"))
	f.must(bySecondFactor("amy then"))
	f.must(f.s.ForgotPassword(f.ctx, ip, address("stan")))
	f.invite("ann", "Acme", "nora", portal.TeamMember)
	for range portal.MaxRefusals {
		f.refused(look(), portal.Forbidden)
		f.pass(portal.RefusalPause)
	}
	removed, err := f.s.RemoveMember(f.ctx, f.in("ann", "Acme"), f.ids["una"])
	f.must(err)

	f.at(right)
	f.must(f.s.Tidy(f.ctx)) // as it does once an hour, and at each start
	for _, c := range []struct {
		name string
		try  func() error
	}{
		{"a session of then has ended", func() error {
			if f.signedIn("ann then") || f.signedIn("amy then") {
				return fmt.Errorf("it lasts")
			}
			return nil
		}},
		{"somebody signs in", func() error { return f.signIn("ann", password, "ann") }},
		{"somebody signs in by a code", func() error { return bySecondFactor("amy") }},
		{"a code works once", func() error {
			if err := bySecondFactor("amy again"); !portal.IsCode(err, portal.Invalid) {
				return fmt.Errorf("it worked again: %v", err)
			}
			return nil
		}},
		{"mail of then is sent", func() error {
			for {
				m, ok, err := f.s.ClaimMail(f.ctx)
				if err != nil || !ok {
					return fmt.Errorf("it is not due: %w", err)
				}
				if m.Kind == portal.MailInvitation && m.To == address("nora") {
					return nil
				}
			}
		}},
		{"what is refused is noted", func() error {
			f.mark()
			f.refused(look(), portal.Forbidden)
			if got := f.refusals(); len(got) != 1 {
				return fmt.Errorf("noted is %q", got)
			}
			return nil
		}},
		{"what was done then is not undone for years", func() error {
			if _, err := f.s.Undo(f.ctx, f.in("ann", "Acme"), removed.Undo); err == nil {
				return fmt.Errorf("it is")
			}
			return nil
		}},
		{"the audit log is one chain", func() error { _, err := f.s.VerifyAudit(f.ctx, ChainEnd{}); return err }},
	} {
		tried++
		if err := c.try(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else {
			held++
		}
	}
}
