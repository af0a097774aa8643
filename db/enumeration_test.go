package db

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portico/portal"
)

// countedHashes makes a scene's passwords wait for places that count them.
func countedHashes(f *scene) (count func() int) {
	places := make(chan struct{})
	n := 0
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case places <- struct{}{}: // left
			case <-places: // entered
				n++
			case <-stop:
				return
			}
		}
	}()
	f.s.hash.places = places
	return func() int { close(stop); <-done; return n }
}

func TestKnownAndUnknownAddressesAreTheSameWork_ENUM_01_ENUM_02_ENUM_03(t *testing.T) {
	t.Parallel()
	tried, held := 0, 0
	defer func() {
		t.Attr("faults", fmt.Sprintf("%s|%d|%d", "addresses told from unknown ones by the work they make", tried, held))
	}()
	later := func(f *scene) { f.s.Asked = func(context.Context) error { return nil } }
	register := func(f *scene, who, password string) error {
		n := person(who)
		n.Password = password
		return f.s.Register(f.ctx, ip, n)
	}
	open := func(f *scene, who string) {
		f.invite("ann", "Acme", who, portal.TeamMember)
		_, _, err := f.s.CopyLink(f.ctx, f.in("ann", "Acme"), f.ids[who+" invitation"])
		f.must(err)
	}
	for name, c := range map[string]struct {
		prepare func(f *scene, who string)
		do      func(f *scene, who string) error
		hashes  int
		known   []string
	}{
		"signing in": {nil, func(f *scene, who string) error { return notWrong(f.signIn(who, "wrong", "x")) }, 1,
			[]string{"ann", "ada", "abe", "stan", "ulf", "una", "wanda", "dora", "adam"}},
		"signing in with the right password where nobody may": {nil, func(f *scene, who string) error { return notWrong(f.signIn(who, password, "x")) }, 1, []string{"dora", "adam"}},
		"registering":                        {nil, func(f *scene, who string) error { return register(f, who, newPassword) }, 1, []string{"ann", "ada", "stan", "ulf", "wanda", "dora", "ivy"}},
		"registering with the same password": {nil, func(f *scene, who string) error { return register(f, who, password) }, 1, []string{"ann", "ulf"}},
		"forgetting the password":            {nil, func(f *scene, who string) error { return f.s.ForgotPassword(f.ctx, ip, address(who)) }, 0, []string{"ann", "ada", "stan", "ulf", "wanda", "dora", "adam"}},
		"opening a copied link": {open, func(f *scene, who string) error {
			_, err := f.s.Offer(f.ctx, f.linkTo(who, portal.Copied))
			return err
		}, 0, []string{"stan", "ulf", "wanda", "bea", "rita", "ada"}},
		"inviting": {nil, func(f *scene, who string) error {
			_, err := f.s.Invite(f.ctx, f.in("ann", "Acme"), invited(who, portal.TeamMember))
			return err
		}, 0, []string{"stan", "ulf", "wanda", "bea", "rita", "ada"}},
	} {
		work := func(who string) (said []string, hashes int) {
			f := newScene(t)
			later(f)
			if c.prepare != nil {
				c.prepare(f, who)
			}
			r := record(f, map[string][]driver.NamedValue{})
			count := countedHashes(f)
			f.must(c.do(f, who))
			return r.said, count()
		}
		want, n := work("xeno")
		if n != c.hashes || len(want) == 0 {
			t.Errorf("%s an unknown address makes %d hashes, want %d, and %d statements", name, n, c.hashes, len(want))
		}
		for _, who := range c.known {
			tried++
			if got, n := work(who); n != c.hashes || !slices.Equal(got, want) {
				t.Errorf("%s %s makes %d hashes, an unknown address %d; the statements differ (-unknown +known):\n%s", name, who, n, c.hashes, cmp.Diff(want, got))
				continue
			}
			held++
		}
	}
}

func TestWhatWasAskedIsAnsweredLaterAlsoAfterARestart(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.s.Asked = func(context.Context) error { return nil }
	f.must(f.s.Register(f.ctx, ip, person("nora")))
	forgotAnn(f)
	f.must(f.s.ForgotPassword(f.ctx, ip, address("nobody")))
	f.noted(nil, nil)
	f.reopen()
	f.must(f.s.AnswerAsks(f.ctx))
	f.noted([]string{"nora registered", "nobody asked for a new password ann"}, []string{"prove to nora, queued", "reset to ann, queued"})
	if n := f.number(`SELECT count(*) FROM asks`); n != 0 {
		t.Errorf("%d are kept", n)
	}
}
