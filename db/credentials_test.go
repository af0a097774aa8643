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
