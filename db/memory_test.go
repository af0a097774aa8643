package db

import (
	"context"
	"sync"
	"testing"

	"portico/portal"
)

// reads tells how often something that is remembered is really read.
func reads(ctx context.Context, f *scene) int {
	n := 0
	_, err := remembered(ctx, f.s, "something", func() (int, error) { n++; return n, nil })
	f.must(err)
	return n
}

func TestWhatIsRememberedIsReadOnce(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	if reads(f.ctx, f)+reads(f.ctx, f) != 1 {
		t.Error("it was not read once")
	}
}

func TestEveryChangeIsSeenAtTheNextLook(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	other, err := Open(f.ctx, f.dir, Options{CheapPasswords: true})
	f.must(err)
	defer other.Close()
	other.Now = f.s.Now
	for _, c := range []struct {
		name   string
		change func()
	}{
		{"of this process", func() { f.must(f.s.SetSwitches(f.ctx, f.user("ada"), map[string]bool{portal.Switches[0].Key: false})) }},
		{"of another process", func() {
			f.must(other.SetSwitches(f.ctx, f.user("ada"), map[string]bool{portal.Switches[0].Key: true}))
		}},
		{"by another program", func() {
			f.exec(`UPDATE settings SET value = 'x' WHERE key = 'mail_from'`)
			f.exec(`INSERT INTO settings VALUES ('mail_from', 'x')`)
		}},
	} {
		reads(f.ctx, f)
		if c.change(); reads(f.ctx, f) != 1 {
			t.Errorf("a change %s is not seen", c.name)
		}
	}
}

func TestOneRequestLooksOnceButSeesItsOwnChanges(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	ctx, err := f.s.Look(f.ctx)
	f.must(err)
	reads(ctx, f)
	f.exec(`DELETE FROM limit_events`)
	f.exec(`INSERT INTO limit_events (scope, subject, at) VALUES ('x', 'x', 1)`)
	if reads(ctx, f) != 0 {
		t.Error("it looks again")
	}
	f.must(f.s.SetSwitches(ctx, f.user("ada"), map[string]bool{portal.Switches[0].Key: false}))
	if reads(ctx, f) != 1 {
		t.Error("its own change is not seen")
	}
	set, err := f.s.Settings(ctx)
	f.must(err)
	if set.Get(portal.Switches[0].Key) {
		t.Error("the old setting is seen")
	}
}

func TestWhatWasReadBeforeAChangeIsNotKeptAfterIt(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	read := func(during func()) (n int) {
		n, err := remembered(f.ctx, f.s, "slow", func() (int, error) {
			var n int
			err := f.s.read.QueryRow(`SELECT count(*) FROM memberships`).Scan(&n)
			during()
			return n, err
		})
		f.must(err)
		return n
	}
	before := read(func() {
		_, err := f.s.RemoveMember(f.ctx, f.in("ann", "Acme"), f.ids["abe"])
		f.must(err)
		_, err = f.s.Look(f.ctx) // as another request does
		f.must(err)
	})
	if after := read(func() {}); after != before-1 {
		t.Errorf("%d members before, %d after", before, after)
	}
}

func TestManyReadersNeverSeeWhatIsOver(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	key := portal.Switches[0].Key
	var group sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_, _ = f.s.Settings(f.ctx)
				}
			}
		})
	}
	for i := range 200 {
		on := i%2 == 1
		if err := f.s.SetSwitches(f.ctx, f.user("ada"), map[string]bool{key: on}); err != nil {
			t.Error(err)
		}
		set, err := f.s.Settings(f.ctx)
		if err != nil || set.Get(key) != on {
			t.Errorf("change %d is not seen: %v", i, err)
		}
	}
	close(stop)
	group.Wait()
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	ctx, err := f.s.Look(f.ctx)
	f.must(err)
	for i := range mostKept + 5 {
		_, err := remembered(ctx, f.s, i, func() (int, error) { return i, nil })
		f.must(err)
	}
	if len(f.s.memory.kept) > mostKept {
		t.Errorf("%d answers are kept", len(f.s.memory.kept))
	}
}
