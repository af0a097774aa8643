package db

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"
	"time"

	"portico/portal"
)

func TestAKeyIsTheSameForEverybodyAndEachLookIsRecorded(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	_, first, err := f.s.Reveal(f.ctx, f.in("abe", "Acme"), f.ids["Alpha"], f.ids["Alpha key"])
	f.must(err)
	f.pass(time.Minute)
	c, second, err := f.s.Reveal(f.ctx, f.in("ann", "Acme"), f.ids["Alpha"], f.ids["Alpha key"])
	if f.must(err); first != second {
		t.Error("two people read two values")
	}
	if len(c.Seen) != 2 || c.Seen[0].Name != "Ann Test" || !c.Seen[0].At.Equal(f.clock.read()) || c.Seen[1].Name != "Abe Test" {
		t.Errorf("it was seen by %+v", c.Seen)
	}
	// A second look by the same person moves them to the front.
	f.pass(time.Minute)
	_, _, err = f.s.Reveal(f.ctx, f.in("abe", "Acme"), f.ids["Alpha"], f.ids["Alpha key"])
	f.must(err)
	all, err := f.s.Credentials(f.ctx, f.in("una", "Acme"), f.ids["Alpha"])
	if f.must(err); len(all) != 1 || len(all[0].Seen) != 2 || all[0].Seen[0].Name != "Abe Test" {
		t.Errorf("the list says %+v", all)
	}
	sum := sha256.Sum256([]byte(first))
	if n := f.number(`SELECT count(*) FROM credentials WHERE hash = ? AND public_id = ?`, sum[:], f.ids["Alpha key"]); n != 1 {
		t.Error("the key is not found by its hash")
	}
}

func TestNoSecretStandsInTheFilesOfTheDatabase_CRED_05(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	_, key, err := f.s.Reveal(f.ctx, f.in("abe", "Acme"), f.ids["Alpha"], f.ids["Alpha key"])
	f.must(err)
	forgotAnn(f)
	f.s.SMTP = portal.SMTPConfig{} // what flags set is not stored
	f.must(f.s.SetMail(f.ctx, f.user("ada"), "smtp://portico:s3cret-of-mail@mail.example.org", "P <p@example.org>"))
	secrets := map[string]string{"a key": key, "the random part of a key": key[8:40], "a password": password, "the password of the mail server": "s3cret-of-mail",
		"a link": f.linkTo("ivy", portal.Mailed), "a reset link": f.mailedLink(portal.MailReset, "ann"), "the master key": string(mustRead(t, f, "instance.key"))[:64]}
	files, err := filepath.Glob(filepath.Join(f.dir, "portico.*"))
	f.must(err)
	if len(files) < 2 {
		t.Fatalf("there are only the files %v", files)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		f.must(err)
		for what, secret := range secrets {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s stands in %s", what, filepath.Base(file))
			}
		}
	}
	if c, err := f.s.MailConfig(f.ctx); err != nil || c.URL != "smtp://portico:s3cret-of-mail@mail.example.org" {
		t.Errorf("the mail server is %q, %v", c.URL, err)
	}
}

func mustRead(t *testing.T, f *scene, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(f.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestASealedKeyOpensOnlyInItsOwnRow_CRED_06(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	second, _, err := f.s.CreateCredential(f.ctx, f.in("abe", "Acme"), f.ids["Alpha"], portal.NewCredential{Label: "second"})
	f.must(err)
	other := `UPDATE credentials SET sealed = (SELECT sealed FROM credentials WHERE public_id = ?) WHERE public_id = ?`
	flip := `UPDATE credentials SET sealed = ? WHERE public_id = ?`
	sealed := []byte(f.text(`SELECT sealed FROM credentials WHERE public_id = ?`, f.ids["Alpha key"]))
	sealed[len(sealed)/2] ^= 1
	for name, change := range map[string]func(){
		"of another application": func() { f.exec(other, f.ids["Bravo key"], f.ids["Alpha key"]) },
		"of the same one":        func() { f.exec(other, second.PublicID, f.ids["Alpha key"]) },
		"with a bit flipped":     func() { f.exec(flip, sealed, f.ids["Alpha key"]) },
		"cut short":              func() { f.exec(flip, sealed[:5], f.ids["Alpha key"]) },
	} {
		change()
		before := f.fingerprint()
		_, key, err := f.s.Reveal(f.ctx, f.in("ann", "Acme"), f.ids["Alpha"], f.ids["Alpha key"])
		if err == nil || key != "" || codeOf(err) != -1 {
			t.Errorf("a sealed key %s: %q, %s", name, key, describe(err))
		}
		f.unchanged(before) // no look is recorded that gave nothing
	}
}

func TestARotatedKeyWorksForItsGraceAndIsThenNotShown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		grace portal.Grace
		after time.Duration
		state portal.CredentialState
	}{
		{portal.GraceNone, 0, portal.CredentialEnded},
		{portal.GraceDay, 24*time.Hour - time.Millisecond, portal.CredentialRetiring},
		{portal.GraceDay, 24 * time.Hour, portal.CredentialEnded},
	} {
		f := newScene(t)
		by := f.in("abe", "Acme")
		fresh, _, err := f.s.Rotate(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"], c.grace, "")
		f.must(err)
		f.pass(c.after)
		old, err := f.s.Credential(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"])
		if f.must(err); old.State(f.clock.read()) != c.state || old.EndedBy != "Abe Test" {
			t.Errorf("%s, after %v: it is %s", c.grace, c.after, old.State(f.clock.read()))
		}
		live := 1
		if c.state.Works() {
			live = 2
		}
		app, err := f.s.Application(f.ctx, by, f.ids["Alpha"])
		if f.must(err); app.Live != live {
			t.Errorf("%s, after %v: %d keys work, want %d", c.grace, c.after, app.Live, live)
		}
		_, _, err = f.s.Reveal(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"])
		_, revokeErr := f.s.RevokeCredential(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"])
		if c.state.Works() {
			f.must(err)
			f.must(revokeErr)
		} else {
			f.refused(err, portal.Conflict, "does not work any more")
			f.refused(revokeErr, portal.Conflict, "was rotated by")
		}
		if _, key, err := f.s.Reveal(f.ctx, by, f.ids["Alpha"], fresh.PublicID); err != nil || fresh.Label != "live" || key[len(key)-4:] != fresh.Hint {
			t.Errorf("the new key: %v, %+v", err, fresh)
		}
	}
	f := newScene(t)
	before := f.fingerprint()
	for _, grace := range []portal.Grace{"", "forever", "-1h"} {
		_, _, err := f.s.Rotate(f.ctx, f.in("abe", "Acme"), f.ids["Alpha"], f.ids["Alpha key"], grace, "")
		f.refused(err, portal.Invalid, "[grace:")
	}
	f.unchanged(before)
}

func TestAnApplicationHasAtMostTwentyWorkingKeys(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	by := f.in("abe", "Acme")
	for range portal.MaxCredentials - 1 {
		_, _, err := f.s.CreateCredential(f.ctx, by, f.ids["Alpha"], portal.NewCredential{Label: ""})
		f.must(err)
	}
	before := f.fingerprint()
	_, _, err := f.s.CreateCredential(f.ctx, by, f.ids["Alpha"], portal.NewCredential{Label: ""})
	f.refused(err, portal.Conflict, "20 working credentials", "Revoke one")
	_, _, err = f.s.Rotate(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"], portal.GraceDay, "")
	f.refused(err, portal.Conflict, "20 working credentials")
	f.unchanged(before)
	_, _, err = f.s.Rotate(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"], portal.GraceNone, "")
	f.must(err)
	_, _, err = f.s.CreateCredential(f.ctx, f.in("bob", "Beta"), f.ids["Bravo"], portal.NewCredential{Label: ""})
	f.must(err)
	_, _, err = f.s.CreateCredential(f.ctx, by, f.ids["Alpha"], portal.NewCredential{Label: "a\u200bb"})
	f.refused(err, portal.Invalid, "[label:")
}

func TestApplicationsAreNamedOnceInAnOrganizationAndEditedOneAfterTheOther_CRED_09(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	by := f.in("abe", "Acme")
	before := f.fingerprint()
	for _, taken := range []string{"Alpha", "ALPHA", " Ａlpha "} {
		_, err := f.s.CreateApplication(f.ctx, by, portal.NewApplication{Name: taken})
		f.refused(err, portal.Invalid, "[name: There is an application called")
	}
	f.refused(f.s.EditApplication(f.ctx, by, f.ids["Alpha"], 0, portal.NewApplication{Name: "Other"}), portal.Conflict, "Alpha")
	f.refused(f.s.EditApplication(f.ctx, by, f.ids["Alpha"], 1, portal.NewApplication{Name: "\n"}), portal.Invalid, "[name:")
	f.unchanged(before)
	_, err := f.s.CreateApplication(f.ctx, f.in("bob", "Beta"), portal.NewApplication{Name: "Alpha"}) // Beta has none of that name
	f.must(err)
	second, err := f.s.CreateApplication(f.ctx, by, portal.NewApplication{Name: "Second"})
	f.must(err)
	f.refused(f.s.EditApplication(f.ctx, by, second.PublicID, 1, portal.NewApplication{Name: "alpha"}), portal.Invalid, "[name:")
	f.must(f.s.EditApplication(f.ctx, by, f.ids["Alpha"], 1, portal.NewApplication{Name: "Alpha", Description: "one"}))
	f.refused(f.s.EditApplication(f.ctx, f.in("ann", "Acme"), f.ids["Alpha"], 1, portal.NewApplication{Name: "Alpha", Description: "two"}), portal.Conflict, "Somebody else")
	_, err = f.s.DeleteApplication(f.ctx, by, f.ids["Alpha"])
	f.must(err)
	_, err = f.s.CreateApplication(f.ctx, by, portal.NewApplication{Name: "Alpha"}) // its name is free again
	f.must(err)
	for what, err := range map[string]error{
		"look":   func() error { _, err := f.s.Application(f.ctx, by, f.ids["Alpha"]); return err }(),
		"reveal": func() error { _, _, err := f.s.Reveal(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"]); return err }(),
		"edit":   f.s.EditApplication(f.ctx, by, f.ids["Alpha"], 2, portal.NewApplication{Name: "Alpha"}),
	} {
		if err != portal.ErrNotFound {
			t.Errorf("%s at a deleted one: %s", what, describe(err))
		}
	}
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

func TestACredentialIsFoundOnlyUnderItsOwnApplication_CRED_10(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	by := f.in("abe", "Acme")
	other, err := f.s.CreateApplication(f.ctx, by, portal.NewApplication{Name: "Other"})
	f.must(err)
	before := f.fingerprint()
	_, look := f.s.Credential(f.ctx, by, other.PublicID, f.ids["Alpha key"])
	_, _, reveal := f.s.Reveal(f.ctx, by, other.PublicID, f.ids["Alpha key"])
	_, _, rotate := f.s.Rotate(f.ctx, by, other.PublicID, f.ids["Alpha key"], portal.GraceDay, "")
	_, revoke := f.s.RevokeCredential(f.ctx, by, other.PublicID, f.ids["Alpha key"])
	for what, err := range map[string]error{"look": look, "reveal": reveal, "rotate": rotate, "revoke": revoke} {
		if err != portal.ErrNotFound {
			t.Errorf("%s: %s", what, describe(err))
		}
	}
	f.unchanged(before)
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
