package db

import (
	"slices"
	"strings"
	"testing"
	"time"

	"portico/portal"
)

func TestAResetLinkWorksForAnHourAndOnce_RST_05_RST_02(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		after time.Duration
		works bool
	}{
		{"at once", 0, true},
		{"after 59 minutes and 59 seconds", 59*time.Minute + 59*time.Second, true},
		{"a millisecond before its end", time.Hour - time.Millisecond, true},
		{"not after 60 minutes", time.Hour, false},
		{"not a day later", 24 * time.Hour, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			f.must(f.signIn("ann", password, "old browser"))
			forgotAnn(f)
			token := f.mailedLink(portal.MailReset, "ann")
			f.pass(c.after)
			f.mark()
			if !c.works {
				before := f.fingerprint()
				_, err := f.s.ResetOf(f.ctx, token)
				f.refused(err, portal.Gone, "expired")
				f.refused(f.s.Reset(f.ctx, ip, token, newPassword), portal.Gone, "expired")
				f.unchanged(before)
				return
			}
			_, err := f.s.ResetOf(f.ctx, token)
			f.must(err)
			f.refused(f.s.Reset(f.ctx, ip, token, "short"), portal.Invalid, "[password: Use at least 12")
			f.refused(f.s.Reset(f.ctx, ip, token, "ann@example.org"), portal.Invalid, "not your address")
			f.must(f.s.Reset(f.ctx, ip, token, newPassword))
			f.refused(f.s.Reset(f.ctx, ip, token, "fir-brook-lea-13"), portal.Gone, "has been used")
			if f.signedIn("old browser") {
				t.Error("a session outlived the reset")
			}
			f.refused(f.signIn("ann", password, "a"), portal.Invalid, "do not belong together")
			f.must(f.signIn("ann", newPassword, "b"))
		})
	}
}

func TestAnOlderResetLinkEndsWithANewer_RST_03(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	forgotAnn(f)
	first := f.mailedLink(portal.MailReset, "ann")
	f.pass(time.Minute)
	forgotAnn(f)
	second := f.mailedLink(portal.MailReset, "ann")
	f.refused(f.s.Reset(f.ctx, ip, first, newPassword), portal.Gone, "older one")
	f.must(f.s.Reset(f.ctx, ip, second, newPassword))
	f.refused(f.s.Reset(f.ctx, ip, first, newPassword), portal.Gone)
	f.refused(f.s.Reset(f.ctx, ip, second, newPassword), portal.Gone, "used")
}

func TestAResetLinkEndsWithAChangeOfThePassword(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	forgotAnn(f)
	token := f.mailedLink(portal.MailReset, "ann")
	f.must(f.s.ChangePassword(f.ctx, f.user("ann"), password, newPassword, f.browser("a")))
	f.refused(f.s.Reset(f.ctx, ip, token, "fir-brook-lea-13"), portal.Gone, "used")
}

func TestAResetChangesNoStateButProvesAnUnprovenAddress_RST_07(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, who, state string
		approve          bool
		audit, mail      []string
	}{
		{"an active account stays active", "stan", "active", true, []string{"stan set a new password by mail"}, nil},
		{"a waiting account stays waiting", "wanda", "waiting", true, []string{"wanda set a new password by mail"}, nil},
		{"an unproven account is proven", "ulf", "active", true, []string{"ulf confirmed their address", "ulf set a new password by mail"}, nil},
		{"an unproven account waits where approval is asked for", "ulf", "waiting", false, []string{"ulf confirmed their address", "ulf set a new password by mail"},
			[]string{"user_waiting to ada, queued", "user_waiting to alan, queued"}},
		{"an unproven member needs no approval", "una", "active", false, []string{"una confirmed their address", "una set a new password by mail"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			f.switchTo("approve_users", c.approve)
			f.must(f.s.ForgotPassword(f.ctx, ip, address(c.who)))
			f.mark()
			f.must(f.s.Reset(f.ctx, ip, f.mailedLink(portal.MailReset, c.who), newPassword))
			f.noted(c.audit, c.mail)
			if got := f.text(`SELECT state || doubtful FROM users WHERE email = ?`, address(c.who)); got != c.state+"0" {
				t.Errorf("the account is %s", got)
			}
			f.must(f.signIn(c.who, newPassword, "x"))
		})
	}
	f := newScene(t)
	forgotAnn(f)
	token := f.mailedLink(portal.MailReset, "ann")
	f.exec(`UPDATE users SET state = 'deactivated' WHERE email = 'ann@example.org'`)
	f.refused(f.s.Reset(f.ctx, ip, token, newPassword), portal.Gone)
}

func TestAskingForAPasswordAnswersTheSameForEverybody_ENUM_02_RST_06(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	for who, mail := range map[string][]string{"ann": {"reset to ann, queued"}, "nora": nil, "dora": nil, "adam": nil, "ulf": {"reset to ulf, queued"}} {
		f.mark()
		f.must(f.s.ForgotPassword(f.ctx, ip, strings.ToUpper(address(who))))
		if got := f.mail(); !slices.Equal(got, mail) {
			t.Errorf("%s: the outbox has %q, want %q", who, got, mail)
		}
	}
	for _, bad := range []string{"", "nobody", "ann@example.org,eve@example.org", "ann@example.org\r\nBcc: eve@example.org", `"ann"@example.org`} {
		f.refused(f.s.ForgotPassword(f.ctx, ip, bad), portal.Invalid, "[email:")
	}
}
