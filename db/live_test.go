package db

import (
	"errors"
	"testing"

	"portico/portal"
)

// woken reports whether a watcher has been woken.
func woken(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestWhoWatchesIsWokenByWhatHasChangedThere(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	id := func(org string) int64 { return f.number(`SELECT id FROM organizations WHERE name = ?`, org) }
	watch := func(org int64) <-chan struct{} {
		c, stop := f.s.Watch(org)
		t.Cleanup(stop)
		return c
	}
	acmeID := id("Acme")
	everywhere, acme, beta, rigel := watch(0), watch(acmeID), watch(id("Beta")), watch(id("Rigel"))
	for _, c := range []struct {
		what    string
		do      func() error
		in, not <-chan struct{}
	}{
		{"inviting", func() error {
			_, err := f.s.Invite(f.ctx, f.in("ann", "Acme"), invited("nora", portal.TeamMember))
			return err
		}, acme, beta},
		{"renaming a member", func() error {
			return f.s.UpdateMember(f.ctx, f.in("bea", "Beta"), f.ids["bob"], "Bobby", "Test", portal.TeamMember)
		}, beta, acme},
		{"rejecting", func() error { _, err := f.s.Reject(f.ctx, f.user("ada"), f.ids["Rigel"], "No."); return err }, rigel, acme},
	} {
		f.must(c.do())
		if !woken(everywhere) || !woken(c.in) || woken(c.not) {
			t.Errorf("%s wakes the wrong ones", c.what)
		}
		for _, other := range []<-chan struct{}{acme, beta, rigel} {
			woken(other)
		}
	}

	// A mail that is sent changes the page of the organization it is about.
	m, ok, err := f.s.ClaimMail(f.ctx)
	f.must(err)
	for ok && m.Kind != portal.MailInvitation {
		m, ok, err = f.s.ClaimMail(f.ctx)
		f.must(err)
	}
	woken(acme)
	f.must(f.s.MailWasSent(f.ctx, m, "Subject", portal.MailText{}))
	if !woken(acme) || !woken(everywhere) || woken(beta) {
		t.Error("a mail that was sent wakes the wrong ones")
	}

	// What was not done wakes nobody, nor does what nobody can see.
	fault := errors.New("fault")
	if err := f.s.change(f.ctx, f.user("ada"), func(t *tx, by portal.Actor) error {
		if err := t.audit(by, acmeID, portal.AuditInvited, "x", ""); err != nil {
			return err
		}
		return fault
	}); !errors.Is(err, fault) {
		t.Fatal(err)
	}
	f.must(f.s.Tidy(f.ctx))
	if woken(acme) || woken(everywhere) {
		t.Error("nothing has changed, and somebody is woken")
	}

	// Another process changes something.
	f.must(f.s.WatchOthers(f.ctx))
	f.must(f.s.WatchOthers(f.ctx))
	if woken(everywhere) {
		t.Error("nobody else has done anything, and somebody is woken")
	}
	other, err := Open(f.ctx, f.dir, Options{CheapPasswords: true})
	f.must(err)
	other.Now, other.SMTP = f.clock.read, mailServer
	f.must(other.CreateAdmin(f.ctx, person("aki")))
	f.must(other.Close())
	if woken(everywhere) {
		t.Error("it was seen before it was looked for")
	}
	f.must(f.s.WatchOthers(f.ctx))
	if !woken(everywhere) || !woken(acme) {
		t.Error("what another process does wakes nobody")
	}
}

func TestWhoStopsWatchingIsForgotten(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	_, stop := f.s.Watch(1)
	_, stop2 := f.s.Watch(1)
	stop()
	stop2()
	if n := len(f.s.live.watchers); n != 0 {
		t.Errorf("%d are kept", n)
	}
}
