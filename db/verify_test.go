package db

import (
	"crypto/sha256"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"portico/portal"
)

func TestOf32ClientsNoneGetsInOnceARevocationIsAnswered(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.exec(`PRAGMA synchronous = OFF`)
	ann := f.in("ann", "Acme")
	const clients, keys = 32, 12
	ids, values := make([]string, keys), make([]string, keys)
	ended := make([]atomic.Bool, keys)
	for i := range keys {
		k, _, err := f.s.CreateCredential(f.ctx, ann, f.ids["Alpha"], portal.NewCredential{})
		f.must(err)
		ids[i], values[i] = k.PublicID, f.value(k.PublicID)
	}
	var stop atomic.Bool
	var wait, inside sync.WaitGroup
	inside.Add(clients)
	for c := range clients {
		wait.Go(func() {
			last := -1 // set when it is over: one more round of all keys
			for i := 0; last < 0 || i <= last; i++ {
				if last < 0 && stop.Load() {
					last = i + keys
				}
				n := (c + i) % keys
				over := ended[n].Load()
				_, ok, err := f.s.Verify(f.ctx, values[n], ip)
				if err != nil || ok && over || i == 0 && !ok {
					t.Errorf("at question %d, after the answer %v, a key opens: %v, %v", i, over, ok, err)
				}
				if i == 0 {
					inside.Done()
				}
			}
		})
	}
	inside.Wait()
	for i, id := range ids {
		var err error
		switch i % 3 {
		case 0:
			_, err = f.s.RevokeCredential(f.ctx, ann, f.ids["Alpha"], id)
		case 1:
			_, _, err = f.s.Rotate(f.ctx, ann, f.ids["Alpha"], id, portal.GraceNone, "")
		case 2:
			if _, _, err = f.s.Rotate(f.ctx, ann, f.ids["Alpha"], id, portal.GraceDay, ""); err == nil {
				_, err = f.s.CutKey(f.ctx, ann, f.ids["Alpha"], id)
			}
		}
		if err != nil {
			t.Error(describe(err))
		}
		ended[i].Store(true)
	}
	stop.Store(true)
	wait.Wait()
}

func TestOfARotationAndARevocationAtOnceTheKeyIsEndedOnce(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	ann, abe := f.in("ann", "Acme"), f.in("abe", "Acme")
	race(t, f, func(int) []func() error {
		return []func() error{
			func() error {
				_, _, err := f.s.Rotate(f.ctx, ann, f.ids["Alpha"], f.ids["Alpha key"], portal.GraceNone, "")
				return err
			},
			func() error {
				_, err := f.s.RevokeCredential(f.ctx, abe, f.ids["Alpha"], f.ids["Alpha key"])
				return err
			},
		}
	}, func(_ int, answers []error) {
		oneWins(t, answers, portal.Conflict)
		if _, ok := f.opens(f.key("Alpha")); ok {
			t.Error("it opens")
		}
		f.exec(`DELETE FROM credentials WHERE org_id = ? AND public_id <> ?`, ann.OrgID, f.ids["Alpha key"])
		f.exec(`UPDATE credentials SET ends_at = NULL, rotated_at = NULL, revoked_at = NULL, ended_by = NULL WHERE public_id = ?`, f.ids["Alpha key"])
		f.s.known.forget()
	})
}

// TestWorkingKeysAreThoseThatTheRulesSay drives keys at random against a model,
// which also says which changes are refused.
func TestWorkingKeysAreThoseThatTheRulesSay(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.exec(`PRAGMA synchronous = OFF`)
	by := f.in("abe", "Acme")
	rapid.Check(t, func(r *rapid.T) {
		type app struct {
			id      string
			deleted bool
		}
		type key struct {
			app           *app
			id, value     string
			replaces      *key
			made          time.Time
			ends, expires time.Time // zero: not set
			revoked       bool
		}
		var apps []*app
		var keys []*key
		suspended := false
		defer func() { f.suspend(false) }()
		for range 2 {
			a, err := f.s.CreateApplication(f.ctx, by, portal.NewApplication{Name: newID()})
			f.must(err)
			apps = append(apps, &app{id: a.PublicID})
		}
		// alive: nobody has ended it and its time has not come.
		alive := func(k *key) bool {
			now := f.s.Now()
			return !k.app.deleted && !k.revoked && (k.ends.IsZero() || now.Before(k.ends)) && (k.expires.IsZero() || now.Before(k.expires))
		}
		live := func(a *app) (n int) {
			for _, k := range keys {
				if k.app == a && alive(k) {
					n++
				}
			}
			return n
		}
		for range rapid.IntRange(5, 25).Draw(r, "steps") {
			now := f.s.Now()
			a := rapid.SampledFrom(apps).Draw(r, "application")
			step := rapid.SampledFrom([]string{"create", "create", "rotate", "rotate", "extend", "cut", "revoke", "pass", "to a deadline", "suspend", "delete"}).Draw(r, "step")
			if step == "pass" {
				f.pass(rapid.SampledFrom([]time.Duration{time.Millisecond, time.Hour, 25 * time.Hour, 8 * 24 * time.Hour}).Draw(r, "time"))
			}
			var k *key
			if len(keys) > 0 {
				k = rapid.SampledFrom(keys).Draw(r, "key")
			}
			add := func(a *app, c portal.Credential, value string, replaces *key) {
				if value == "" {
					value = f.value(c.PublicID)
				}
				keys = append(keys, &key{app: a, id: c.PublicID, value: value, replaces: replaces, made: now, expires: c.ExpiresAt})
			}
			grace := rapid.SampledFrom([]portal.Grace{portal.GraceNone, portal.GraceHour, portal.GraceDay, portal.GraceWeek}).Draw(r, "grace")
			until := now.Add(map[portal.Grace]time.Duration{portal.GraceHour: time.Hour, portal.GraceDay: 24 * time.Hour, portal.GraceWeek: 7 * 24 * time.Hour}[grace])
			var err error
			allowed := true
			switch {
			case step == "pass":
			case step == "suspend":
				suspended = !suspended
				if suspended {
					_, err = f.s.SuspendOrg(f.ctx, f.user("ada"), f.ids["Acme"], "")
				} else {
					_, err = f.s.ResumeOrg(f.ctx, f.user("ada"), f.ids["Acme"])
				}
			case step == "create" || k == nil:
				n := portal.NewCredential{Once: rapid.Bool().Draw(r, "once")}
				if rapid.Bool().Draw(r, "expires") {
					n.Expires = now.Add(48 * time.Hour).Format(time.DateOnly)
				}
				allowed = !suspended && !a.deleted && live(a) < portal.MaxCredentials
				var c portal.Credential
				var value string
				if c, value, err = f.s.CreateCredential(f.ctx, by, a.id, n); err == nil {
					add(a, c, value, nil)
				}
			case step == "to a deadline":
				if !k.ends.IsZero() && k.ends.After(now) {
					f.at(k.ends)
				} else if k.expires.After(now) {
					f.at(k.expires.Add(-time.Millisecond))
				}
			case step == "delete":
				allowed = !suspended && !a.deleted
				if _, err = f.s.DeleteApplication(f.ctx, by, a.id); err == nil {
					a.deleted = true
				}
			case step == "rotate":
				allowed = !suspended && alive(k) && k.ends.IsZero()
				var c portal.Credential
				var value string
				if c, value, err = f.s.Rotate(f.ctx, by, k.app.id, k.id, grace, ""); err == nil {
					k.ends = until
					if o := k.replaces; o != nil && o.ends.After(now) {
						o.ends = now
					}
					add(k.app, c, value, k)
					if want := k.expires.Sub(k.made); !k.expires.IsZero() && !c.ExpiresAt.Equal(now.Add(want)) {
						r.Fatalf("the successor lives until %v, want %v from %v", c.ExpiresAt, want, now)
					}
				}
				if live(k.app) > portal.MaxCredentials {
					r.Fatal("too many keys work")
				}
				allowed = allowed && (err == nil || live(k.app) < portal.MaxCredentials)
			case step == "extend":
				allowed = !suspended && alive(k) && !k.ends.IsZero() && grace != portal.GraceNone
				if _, err = f.s.ExtendKey(f.ctx, by, k.app.id, k.id, grace, ""); err == nil {
					k.ends = until
				}
			case step == "cut":
				allowed = !suspended && alive(k) && !k.ends.IsZero()
				if _, err = f.s.CutKey(f.ctx, by, k.app.id, k.id); err == nil {
					k.ends = now
				}
			case step == "revoke":
				allowed = !suspended && alive(k)
				if _, err = f.s.RevokeCredential(f.ctx, by, k.app.id, k.id); err == nil {
					k.revoked = true
				}
			}
			var refused *portal.Error
			if err != nil && !errors.As(err, &refused) || (err == nil) != allowed {
				r.Fatalf("%s: %s; allowed: %v; %+v", step, describe(err), allowed, k)
			}
			for _, k := range keys {
				_, ok, err := f.s.Verify(f.ctx, k.value, ip)
				if want := alive(k) && !suspended; err != nil || ok != want {
					r.Fatalf("after %s a key verifies: %v, %v; want %v: %+v", step, ok, err, want, k)
				}
			}
			for _, a := range apps {
				got, err := f.s.Application(f.ctx, by, a.id)
				if a.deleted != (err == portal.ErrNotFound) || got.Live != live(a) {
					r.Fatalf("after %s it says that %d keys work, want %d (%v)", step, got.Live, live(a), err)
				}
			}
		}
	})
}

// suspend stops Acme or lets it go on, without a trace.
func (f *scene) suspend(on bool) {
	f.t.Helper()
	f.exec(`UPDATE organizations SET state = ? WHERE name = 'Acme'`, map[bool]portal.OrgState{true: portal.OrgSuspended, false: portal.OrgActive}[on])
	f.s.known.forget()
}

// value is what a key reads, opened without a trace.
func (f *scene) value(publicID string) string {
	f.t.Helper()
	var org, id int64
	var sealed []byte
	var by int
	f.must(f.s.write.QueryRow(`SELECT COALESCE(org_id, 0), app_id, sealed, sealed_by FROM credentials WHERE public_id = ?`, publicID).Scan(&org, &id, &sealed, &by))
	key, err := f.s.keys.open(sealed, by, sealName(org, id, publicID))
	f.must(err)
	return key
}

// key is the value of an application's first credential, opened without a trace.
func (f *scene) key(app string) string {
	f.t.Helper()
	return f.value(f.ids[app+" key"])
}

// opens reports whether a gateway lets a key in, and as whose.
func (f *scene) opens(key string) (KeyOwner, bool) {
	f.t.Helper()
	owner, ok, err := f.s.Verify(f.ctx, key, ip)
	f.must(err)
	if !ok && owner != (KeyOwner{}) {
		f.t.Errorf("a key that opens nothing is %+v", owner)
	}
	return owner, ok
}

func TestAGatewayLearnsWhoseKeyItIsUntilItStops(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		do   func(f *scene, by portal.Actor) error
		ends bool
	}{
		{"nothing", func(*scene, portal.Actor) error { return nil }, false},
		{"a look at it", func(f *scene, by portal.Actor) error {
			_, _, err := f.s.Reveal(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"])
			return err
		}, false},
		{"its revocation", func(f *scene, by portal.Actor) error {
			_, err := f.s.RevokeCredential(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"])
			return err
		}, true},
		{"a rotation without grace", func(f *scene, by portal.Actor) error {
			_, _, err := f.s.Rotate(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"], portal.GraceNone, "")
			return err
		}, true},
		{"a rotation with grace", func(f *scene, by portal.Actor) error {
			_, _, err := f.s.Rotate(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"], portal.GraceDay, "")
			return err
		}, false},
		{"the day of grace, but for a millisecond", func(f *scene, by portal.Actor) error {
			_, _, err := f.s.Rotate(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"], portal.GraceDay, "")
			f.opens(f.key("Alpha"))
			f.pass(24*time.Hour - time.Millisecond)
			return err
		}, false},
		{"the day of grace", func(f *scene, by portal.Actor) error {
			_, _, err := f.s.Rotate(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"], portal.GraceDay, "")
			f.opens(f.key("Alpha"))
			f.pass(24 * time.Hour)
			return err
		}, true},
		{"its application's end", func(f *scene, by portal.Actor) error {
			_, err := f.s.DeleteApplication(f.ctx, by, f.ids["Alpha"])
			return err
		}, true},
		{"a refused revocation", func(f *scene, by portal.Actor) error {
			_, _ = f.s.RevokeCredential(f.ctx, f.in("bob", "Beta"), f.ids["Alpha"], f.ids["Alpha key"])
			return nil
		}, false},
		{"the removal of who made it", func(f *scene, by portal.Actor) error {
			_, err := f.s.RemoveMember(f.ctx, by, f.ids["abe"])
			return err
		}, false},
	} {
		t.Run("after "+c.name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			key := f.key("Alpha")
			owner := KeyOwner{Org: f.ids["Acme"], OrgName: "Acme", App: f.ids["Alpha"], Credential: f.ids["Alpha key"]}
			for range 2 { // from the database and from memory
				if got, ok := f.opens(key); !ok || got != owner {
					t.Fatalf("it is %+v, %v; want %+v", got, ok, owner)
				}
			}
			f.must(c.do(f, f.in("ann", "Acme")))
			for range 2 {
				if got, ok := f.opens(key); ok == c.ends || ok && got != owner {
					t.Errorf("it opens: %v, as %+v", ok, got)
				}
			}
			f.reopen()
			if _, ok := f.opens(key); ok == c.ends {
				t.Errorf("after a restart it opens: %v", ok)
			}
			if got, ok := f.opens(f.key("Bravo")); !ok || got.Org != f.ids["Beta"] {
				t.Errorf("another organization's key is %+v, %v", got, ok)
			}
		})
	}
}

func TestAGatewayLetsInNothingThatIsNoWorkingKey_CRED_11(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	key := f.key("Alpha")
	for _, bad := range []string{"", "portico_", key[:len(key)-1], key + "x", " " + key, portal.NewKey(), "Bearer " + key, key[:10] + "x" + key[11:]} {
		if bad == key {
			continue
		}
		if _, ok := f.opens(bad); ok {
			t.Errorf("%q opens", bad)
		}
	}
	f.opens(f.key("Bravo")) // known from memory
	for _, state := range []portal.OrgState{portal.OrgSuspended, portal.OrgDeleted, portal.OrgPending} {
		f.exec(`UPDATE organizations SET state = ? WHERE name = 'Acme'`, state)
		if _, ok := f.opens(key); ok {
			t.Errorf("a key of one that is %s opens", state)
		}
	}
	f.exec(`UPDATE organizations SET state = 'active' WHERE name = 'Acme'`)
	if _, ok := f.opens(key); !ok {
		t.Error("the key of an organization that was resumed does not open")
	}
	f.must(f.s.RenameOrg(f.ctx, f.in("ann", "Acme"), "Apex"))
	if got, _ := f.opens(key); got.OrgName != "Apex" {
		t.Errorf("after a rename gateways read %q", got.OrgName)
	}
}

func TestAKeyOfADeletedApplicationOpensNothingEvenIfItWasNotRevoked(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.exec(`UPDATE applications SET deleted_at = 1 WHERE name = 'Alpha'`)
	if _, ok := f.opens(f.key("Alpha")); ok {
		t.Error("it opens")
	}
}

func TestAReadingThatBeganBeforeAChangeIsNotKept(t *testing.T) {
	t.Parallel()
	var c keyCache
	hash := sha256.Sum256([]byte("key"))
	before := c.seen()
	c.forget()
	c.keep(hash, &cachedKey{}, before)
	if c.find(hash) != nil {
		t.Error("what was read before the change is known after it")
	}
	now := c.seen()
	c.keep(hash, &cachedKey{}, now)
	if c.find(hash) == nil {
		t.Error("what was read after the change is not known")
	}
}
