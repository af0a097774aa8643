package db

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"portico/portal"
)

func TestANewKeyMayBeKilledAfterAnyBatch(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.exec(`PRAGMA synchronous = OFF`)
	by := f.in("abe", "Acme")
	alpha := f.number(`SELECT id FROM applications WHERE name = 'Alpha'`)
	want := map[string]string{}
	f.must(f.s.inTx(f.ctx, func(t *tx) error {
		for i := range 2*rekeyBatch + 50 {
			id, key := fmt.Sprint("key", i), portal.NewKey()
			want[id] = key
			if _, err := t.exec(`INSERT INTO credentials (public_id, org_id, app_id, label, hash, sealed, sealed_by, hint, created_by, created_at)
				SELECT ?, org_id, id, '', randomblob(32), ?, 0, '', owner_id, 0 FROM applications WHERE id = ?`, id, f.s.keys.seal(key, sealName(by.OrgID, alpha, id)), alpha); err != nil {
				return err
			}
		}
		return nil
	}))
	a, k := f.appOf(own(f.user("stan")), "Own", "")
	once, onceValue, err := f.s.CreateCredential(f.ctx, own(f.user("stan")), a.PublicID, portal.NewCredential{Once: true})
	f.must(err)
	for _, id := range []string{k.PublicID, f.ids["Alpha key"], f.ids["Bravo key"]} {
		want[id] = f.value(id)
	}
	f.s.SMTP = portal.SMTPConfig{}
	f.must(f.s.SetMail(f.ctx, f.user("ada"), "smtp://a:b@mail.example.org", "P <p@example.org>"))
	readable := func(when string) {
		t.Helper()
		for id, key := range want {
			if got := f.value(id); got != key {
				t.Errorf("%s: %s reads %q, want %q", when, id, got, key)
			}
		}
		f.s.SMTP = portal.SMTPConfig{}
		if c, err := f.s.MailConfig(f.ctx); err != nil || c.URL != "smtp://a:b@mail.example.org" {
			t.Errorf("%s: the mail server is %q, %v", when, c.URL, err)
		}
		for _, key := range []string{want[k.PublicID], want[f.ids["Alpha key"]], onceValue} {
			if _, ok := f.opens(key); !ok {
				t.Errorf("%s: a key opens nothing", when)
			}
		}
	}
	numbers := func() []int {
		file, err := readKeys(keyPath(f.dir), false)
		f.must(err)
		var all []int
		for n := range file.sealing {
			all = append(all, n)
		}
		slices.Sort(all)
		return all
	}
	begin := func() {
		file, err := readKeys(keyPath(f.dir), false)
		f.must(err)
		file.sealing[file.newest()+1] = randomKey()
		f.must(file.write(keyPath(f.dir)))
		f.reopen()
	}
	finish := func(done int) {
		t.Helper()
		f.must(f.s.Close())
		n, err := RotateKey(f.ctx, f.dir)
		f.must(err)
		if n != done {
			t.Errorf("%d were sealed anew, want %d", n, done)
		}
		f.open()
		if n := f.number(`SELECT count(*) FROM credentials WHERE sealed IS NOT NULL AND sealed_by <> ?`, f.s.keys.newest); n != 0 {
			t.Errorf("%d are sealed with an old key", n)
		}
	}

	begin()
	readable("when the file was written")
	n, err := f.s.rekey(f.ctx)
	f.must(err)
	if n != rekeyBatch {
		t.Errorf("a batch is %d", n)
	}
	readable("after a batch")
	_, _, err = f.s.CreateCredential(f.ctx, by, f.ids["Alpha"], portal.NewCredential{})
	f.refused(err, portal.Conflict, "working credentials")
	between, _, err := f.s.CreateCredential(f.ctx, f.in("bob", "Beta"), f.ids["Bravo"], portal.NewCredential{})
	f.must(err)
	want[between.PublicID] = f.value(between.PublicID) // sealed with the new key at once
	finish(len(want) - 1 - rekeyBatch)
	readable("when it was finished")
	if got := numbers(); !slices.Equal(got, []int{1}) {
		t.Errorf("the file holds the keys %v", got)
	}

	// Killed when all keys were done and the setting and the file were not.
	begin()
	for n := 1; n > 0; {
		n, err = f.s.rekey(f.ctx)
		f.must(err)
	}
	readable("before the setting")
	finish(len(want)) // it does not know, and makes one more
	readable("after a second time")
	if got := numbers(); !slices.Equal(got, []int{3}) {
		t.Errorf("the file holds the keys %v", got)
	}

	// One that does not open stops it, by name, and no key is forgotten.
	f.exec(`UPDATE credentials SET sealed = randomblob(90) WHERE public_id = 'key7'`)
	f.must(f.s.Close())
	if _, err := RotateKey(f.ctx, f.dir); err == nil || !strings.Contains(err.Error(), "key7") {
		t.Errorf("a damaged credential: %v", err)
	}
	f.open()
	delete(want, "key7")
	readable("after it was stopped")
	if got := numbers(); !slices.Equal(got, []int{3, 4}) {
		t.Errorf("the file holds the keys %v", got)
	}
	if n := f.number(`SELECT count(*) FROM credentials WHERE public_id = ? AND sealed IS NULL`, once.PublicID); n != 1 {
		t.Error("a key that is shown once has a value now")
	}
}

func TestANewKeyForCredentialsLosesNothing(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	key := f.key("Alpha")
	f.s.SMTP = portal.SMTPConfig{}
	f.must(f.s.SetMail(f.ctx, f.user("ada"), "smtp://a:b@mail.example.org", "P <p@example.org>"))
	link := f.linkTo("ivy", portal.Mailed)
	sealed := func() []byte {
		var b []byte
		f.must(f.s.write.QueryRow(`SELECT sealed FROM credentials WHERE public_id = ?`, f.ids["Alpha key"]).Scan(&b))
		return b
	}
	before := sealed()
	n := f.number(`SELECT count(*) FROM credentials WHERE sealed IS NOT NULL`)
	f.must(f.s.Close())

	// Killed after the new key was written, and again after one credential.
	file, err := readKeys(keyPath(f.dir), false)
	f.must(err)
	file.sealing[1] = randomKey()
	f.must(file.write(keyPath(f.dir)))
	f.open()
	f.exec(`UPDATE credentials SET sealed_by = 0`)
	if got := f.key("Alpha"); got != key {
		t.Fatal("with the new key in the file, the old one does not open any more")
	}
	f.must(f.s.Close())

	for range 2 {
		done, err := RotateKey(f.ctx, f.dir)
		if err != nil || int64(done) != n {
			t.Fatalf("%d credentials, %v; want %d", done, err, n)
		}
	}
	f.open()
	if got := f.key("Alpha"); got != key {
		t.Errorf("the key reads %q, want %q", got, key)
	}
	if bytes.Equal(before, sealed()) {
		t.Error("it is sealed as before")
	}
	f.s.SMTP = portal.SMTPConfig{}
	if c, err := f.s.MailConfig(f.ctx); err != nil || c.URL != "smtp://a:b@mail.example.org" {
		t.Errorf("the mail server is %q, %v", c.URL, err)
	}
	if _, err := f.s.Offer(f.ctx, link); err != nil {
		t.Errorf("a link made before: %v", err)
	}
	text, err := os.ReadFile(filepath.Join(f.dir, "instance.key"))
	f.must(err)
	if lines := bytes.Count(bytes.TrimSpace(text), []byte("\n")); lines != 1 {
		t.Errorf("the file holds %d keys for credentials, want 1", lines)
	}
}
