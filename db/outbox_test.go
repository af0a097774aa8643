package db

import (
	"slices"
	"strings"
	"testing"
	"time"

	"portico/portal"
)

// claim takes the next mail, or fails.
func claim(f *scene) portal.Mail {
	f.t.Helper()
	m, ok, err := f.s.ClaimMail(f.ctx)
	if f.must(err); !ok {
		f.t.Fatal("no mail is due")
	}
	return m
}

func nothingDue(f *scene) {
	f.t.Helper()
	if m, ok, err := f.s.ClaimMail(f.ctx); err != nil || ok {
		f.t.Errorf("a mail is due: %+v, %v", m, err)
	}
}

func TestWithoutAMailServerMailIsKept_SMTP_09(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	woken := 0
	f.s.Wake = func() { woken++ }
	f.s.SMTP = portal.SMTPConfig{ByFlags: true}
	inv, err := f.s.Invite(f.ctx, f.in("ann", "Acme"), invited("nora", portal.TeamMember))
	if f.must(err); inv.MailState != portal.MailKept || woken != 0 {
		t.Errorf("the invitation's mail is %s, the worker was woken %d times", inv.MailState, woken)
	}
	f.noted([]string{"ann invited nora (as Team member)"}, []string{"invitation to nora, kept"})
	nothingDue(f)
	id := f.text(`SELECT public_id FROM outbox ORDER BY id DESC LIMIT 1`)
	before := f.fingerprint()
	_, err = f.s.RetryMail(f.ctx, f.user("ada"), id)
	f.refused(err, portal.Conflict, "No mail server is set up")
	f.unchanged(before)

	f.s.SMTP = mailServer
	m, err := f.s.RetryMail(f.ctx, f.user("ada"), id)
	if f.must(err); m.State != portal.MailQueued || woken != 1 {
		t.Errorf("retried it is %s, the worker was woken %d times", m.State, woken)
	}
	if m = claim(f); m.PublicID != id || m.To != address("nora") {
		t.Errorf("claimed was %+v", m)
	}
}

func TestTheWorkerIsWokenAfterACommitOnly(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	woken := 0
	f.s.Wake = func() { woken++ }
	_, _ = f.s.Invite(f.ctx, f.in("abe", "Acme"), invited("nora", portal.TeamMember))
	_, _ = f.s.Invite(f.ctx, f.in("ann", "Acme"), invited("ivy", portal.TeamMember))
	f.must(f.s.SaveProfile(f.ctx, f.user("ann"), "Anna", "Test"))
	if woken != 0 {
		t.Errorf("it was woken %d times for nothing", woken)
	}
	_, err := f.s.Invite(f.ctx, f.in("ann", "Acme"), invited("nora", portal.TeamMember))
	if f.must(err); woken != 1 {
		t.Errorf("it was woken %d times for a mail", woken)
	}
}

func TestAMailIsHandedOutOnceAndAgainAfterItsLease(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	forgotAnn(f)
	m := claim(f)
	if m.Attempts != 1 || m.LinkTo.Purpose != portal.LinkReset {
		t.Errorf("claimed was %+v", m)
	}
	nothingDue(f)
	f.pass(mailLease - time.Millisecond)
	nothingDue(f)
	f.pass(time.Millisecond)
	if again := claim(f); again.ID != m.ID || again.Attempts != 2 {
		t.Errorf("after the lease came %+v", again)
	}
	f.must(f.s.MailWasSent(f.ctx, m, "Sent", sentText))
	f.must(f.s.MailWasRefused(f.ctx, m, "too late", true)) // the other sender's word
	if got := f.text(`SELECT state || error FROM outbox WHERE id = ?`, m.ID); got != "sent" {
		t.Errorf("it is %s", got)
	}
	f.pass(24 * time.Hour)
	nothingDue(f)
}

func TestAMailWaitsLongerAndIsGivenUpWithTheServersWords_SMTP_03(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.must(f.s.Register(f.ctx, ip, person("ann"))) // a mail whose reason does not end
	for attempt := 1; ; attempt++ {
		m := claim(f)
		if m.Attempts != attempt {
			t.Fatalf("attempt %d is counted as %d", attempt, m.Attempts)
		}
		f.must(f.s.MailWasRefused(f.ctx, m, "450 try later", false))
		if attempt == portal.MaxMailAttempts {
			break
		}
		at, err := f.s.NextMailAt(f.ctx)
		if want := f.clock.read().Add(portal.MailBackoff(attempt)); err != nil || !at.Equal(want) {
			t.Fatalf("after attempt %d it is due at %v, want %v", attempt, at, want)
		}
		f.at(at.Add(-time.Millisecond))
		nothingDue(f)
		f.at(at)
	}
	if got := f.text(`SELECT state || ' ' || error FROM outbox ORDER BY id DESC LIMIT 1`); got != "failed 450 try later" {
		t.Errorf("it is %s", got)
	}
	f.pass(24 * time.Hour)
	nothingDue(f)
	if at, err := f.s.NextMailAt(f.ctx); err != nil || !at.IsZero() {
		t.Errorf("the next is due at %v, %v", at, err)
	}
	counts, err := f.s.MailCounts(f.ctx, f.user("ada"))
	if f.must(err); counts[portal.MailFailed] != 1 {
		t.Errorf("the counts are %v", counts)
	}
	w, err := f.s.Waits(f.ctx, f.user("ada"))
	if f.must(err); w != (Waits{Organizations: 1, Users: 1, FailedMail: 1}) {
		t.Errorf("what waits is %+v", w)
	}
}

func TestMailAboutWhatIsOverIsCancelledAndSaysWhy_TEN_09_SMTP_06_SMTP_07(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		cause func(f *scene)
		over  func(f *scene)
		why   string // "" if it is sent
	}{
		{"an open invitation", func(f *scene) { inviteStan(f) }, nil, ""},
		{"a revoked invitation", func(f *scene) { inviteStan(f) }, func(f *scene) {
			_, err := f.s.Revoke(f.ctx, f.in("amy", "Acme"), f.ids["stan invitation"])
			f.must(err)
		}, "The invitation is revoked."},
		{"an expired invitation", func(f *scene) { inviteStan(f) }, func(f *scene) { f.pass(7 * 24 * time.Hour) }, "The invitation is expired."},
		{"an invitation whose inviter is gone", func(f *scene) { inviteStan(f) }, func(f *scene) {
			_, err := f.s.RemoveMember(f.ctx, f.in("amy", "Acme"), f.ids["ann"])
			f.must(err)
		}, "The invitation is void."},
		{"an invitation to a suspended organization", func(f *scene) { inviteStan(f) }, func(f *scene) {
			f.exec(`UPDATE organizations SET state = 'suspended' WHERE name = 'Acme'`)
		}, "The organization is suspended."},
		{"an older invitation", func(f *scene) { inviteStan(f) }, func(f *scene) {
			_, err := f.s.Resend(f.ctx, f.in("amy", "Acme"), f.ids["stan invitation"])
			f.must(err)
		}, "A newer invitation was sent."},
		{"a reset", forgotAnn, nil, ""},
		{"a reset that was used", forgotAnn, func(f *scene) { f.must(f.s.Reset(f.ctx, ip, f.mailedLink(portal.MailReset, "ann"), newPassword)) }, "The link in it is over."},
		{"a reset that expired", forgotAnn, func(f *scene) { f.pass(time.Hour) }, "The link in it is over."},
		{"a reset of a deactivated account", forgotAnn, func(f *scene) { f.exec(`UPDATE users SET state = 'deactivated' WHERE email = 'ann@example.org'`) }, "The link in it is over."},
		{"an older reset", forgotAnn, forgotAnn, "The link in it is over."},
		{"a proof", func(f *scene) { f.must(f.s.AskForProof(f.ctx, f.user("ulf"))) }, nil, ""},
		{"a proof that was made", func(f *scene) { f.must(f.s.AskForProof(f.ctx, f.user("ulf"))) }, func(f *scene) {
			f.must(f.s.Prove(f.ctx, ip, f.mailedLink(portal.MailProve, "ulf"), "", nil))
		}, "The link in it is over."},
		{"a request to a former admin", func(f *scene) {
			_, err := f.s.RegisterOrg(f.ctx, f.user("stan"), "Org")
			f.must(err)
		}, func(f *scene) { f.exec(`UPDATE users SET admin = 0 WHERE email = 'ada@example.org'`) }, "The recipient is no portal admin any more."},
		{"a new role of somebody removed", func(f *scene) { f.must(demote(f, "ann", "amy")) }, func(f *scene) {
			_, err := f.s.RemoveMember(f.ctx, f.in("ann", "Acme"), f.ids["amy"])
			f.must(err)
		}, "The recipient does not belong to the organization any more."},
		{"a suspension, to somebody removed", func(f *scene) {
			_, err := f.s.SuspendOrg(f.ctx, f.user("ada"), f.ids["Acme"], "Unpaid.")
			f.must(err)
		}, func(f *scene) {
			f.exec(`DELETE FROM memberships WHERE user_id = (SELECT user_id FROM outbox WHERE state = 'queued' ORDER BY id LIMIT 1)`)
		},
			"The recipient does not belong to the organization any more."},
		{"a key that expires, to somebody removed", func(f *scene) {
			f.exec(`UPDATE credentials SET expires_at = ? WHERE public_id = ?`, millis(f.clock.read().Add(time.Hour)), f.ids["Alpha key"])
			f.must(f.s.Remind(f.ctx))
		}, func(f *scene) {
			f.exec(`DELETE FROM memberships WHERE user_id = (SELECT user_id FROM outbox WHERE state = 'queued' ORDER BY id LIMIT 1)`)
		}, "The recipient does not belong to the organization any more."},
		{"a removal", func(f *scene) {
			_, err := f.s.RemoveMember(f.ctx, f.in("ann", "Acme"), f.ids["abe"])
			f.must(err)
		}, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			c.cause(f)
			id := f.number(`SELECT min(id) FROM outbox WHERE state = 'queued'`)
			if c.over != nil {
				c.over(f)
			}
			for {
				if _, ok, err := f.s.ClaimMail(f.ctx); err != nil || !ok {
					f.must(err)
					break
				}
			}
			got := f.text(`SELECT state || ': ' || error FROM outbox WHERE id = ?`, id)
			want := "cancelled: " + c.why
			if c.why == "" {
				want = "queued: " // and leased
			}
			if got != want {
				t.Errorf("the mail is %q, want %q", got, want)
			}
		})
	}
}

func TestNoMailHoldsASecret(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	forgotAnn(f)
	inviteStan(f)
	secrets := []string{f.mailedLink(portal.MailReset, "ann"), f.linkTo("stan", portal.Mailed), password}
	for _, row := range f.strings(`SELECT data || ' ' || link_path || ' ' || link_id || ' ' || recipient || ' ' || to_name || ' ' || error FROM outbox`) {
		if slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(row, s) }) {
			t.Errorf("a secret stands in the outbox: %s", row)
		}
	}
	for _, row := range f.strings(`SELECT actor_name || actor_mail || kind || subject || detail || ip FROM audit`) {
		if slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(row, s) }) {
			t.Errorf("a secret stands in the audit log: %s", row)
		}
	}
}

func TestATestMailGoesToWhoAsksAndWaitsForItsSender(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	m, err := f.s.StartTest(f.ctx, f.user("ada"))
	if f.must(err); m.To != address("ada") || m.Kind != portal.MailTest {
		t.Errorf("it is %+v", m)
	}
	nothingDue(f)
	f.pass(mailLease)
	if got := claim(f); got.ID != m.ID {
		t.Errorf("after the lease came %+v", got)
	}
	for range portal.LimitTestMail.Max - 1 {
		_, err := f.s.StartTest(f.ctx, f.user("ada"))
		f.must(err)
	}
	_, err = f.s.StartTest(f.ctx, f.user("ada"))
	f.refused(err, portal.TooMany, "test mails")
}

func TestThePolicyStaysInItsBounds(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	good := Policy{MinPassword: 12, InvitationHours: 168, IdleHours: 24, SessionDays: 14}
	before := f.fingerprint()
	for field, bad := range map[string][]Policy{
		"min_password":       {with(good, func(p *Policy) { p.MinPassword = 7 }), with(good, func(p *Policy) { p.MinPassword = 65 })},
		"invitation_hours":   {with(good, func(p *Policy) { p.InvitationHours = 0 }), with(good, func(p *Policy) { p.InvitationHours = 30*24 + 1 })},
		"session_idle_hours": {with(good, func(p *Policy) { p.IdleHours = 0 })},
		"session_days":       {with(good, func(p *Policy) { p.SessionDays = 0 })},
	} {
		for _, p := range bad {
			f.refused(f.s.SetPolicy(f.ctx, f.user("ada"), p), portal.Invalid, "["+field+":")
		}
	}
	f.unchanged(before)
	f.must(f.s.SetPolicy(f.ctx, f.user("ada"), Policy{MinPassword: 64, InvitationHours: 720, IdleHours: 1, SessionDays: 1}))
	f.refused(f.s.Register(f.ctx, ip, person("nora")), portal.Invalid, "[password: Use at least 64")
	f.must(f.s.SetPolicy(f.ctx, f.user("ada"), Policy{MinPassword: 8, InvitationHours: 1, IdleHours: 1, SessionDays: 1}))
	n := person("nora")
	n.Password = "gnu-tree"
	f.must(f.s.Register(f.ctx, ip, n))
}

func with(p Policy, change func(*Policy)) Policy {
	change(&p)
	return p
}
