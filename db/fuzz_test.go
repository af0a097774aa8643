package db

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each target takes what somebody outside may send, or what may stand in a file of
// ours, and holds the parser to what the rest of Portico relies on. The inputs below
// testdata run in every go test.

func FuzzCursor(f *testing.F) {
	file := keyFile{master: bytes.Repeat([]byte{1}, masterKeyLen)}
	theirs := keyFile{master: bytes.Repeat([]byte{2}, masterKeyLen)}
	s, other := &Store{}, &Store{}
	var err error
	if s.keys, err = file.derive(); err != nil {
		f.Fatal(err)
	}
	if other.keys, err = theirs.derive(); err != nil {
		f.Fatal(err)
	}
	lists := []string{"members", "apps", "allapps", "audit", "activity", "useract", "mail", "orgs", "codes", "allcodes", "admins"}
	f.Add(s.cursorFor("apps", 7), int64(7))
	f.Add("", int64(0))
	f.Add(strings.Repeat("A", 22), int64(-1))
	f.Add("MTIzNDU2Nzg5MDEyMzQ1Ng", int64(1)<<62)
	f.Fuzz(func(t *testing.T, cursor string, id int64) {
		for i, list := range lists {
			// What is read was made by us, for that list, and there is one way to write it.
			if n, ok := s.cursorID(list, cursor); ok && s.cursorFor(list, n) != cursor {
				t.Fatalf("%q is read as %d of %s, which is %q", cursor, n, list, s.cursorFor(list, n))
			}
			made := s.cursorFor(list, id)
			if n, ok := s.cursorID(list, made); !ok || n != id {
				t.Fatalf("%d of %s is written as %q and read as %d, %v", id, list, made, n, ok)
			}
			if n, ok := s.cursorID(lists[(i+1)%len(lists)], made); ok {
				t.Fatalf("a cursor of %s is one of %s, at %d", list, lists[(i+1)%len(lists)], n)
			}
			if n, ok := other.cursorID(list, made); ok {
				t.Fatalf("a cursor of one installation is one of another, at %d", n)
			}
		}
	})
}

func FuzzKeyFile(f *testing.F) {
	key := strings.Repeat("0a", masterKeyLen)
	for _, s := range []string{key + "\n", key, "  " + key + "\r\n", key + "\ncredentials 1 " + key + "\n", key + "\ncredentials 1 " + key + "\ncredentials 1 " + strings.Repeat("0b", masterKeyLen), key + "\ncredentials 0 " + key,
		key + "\n\ncredentials 2 " + key, strings.ToUpper(key), key[1:], ""} {
		f.Add(s)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		k, err := parseKeys(text)
		if err != nil {
			return
		}
		if len(k.master) != masterKeyLen {
			t.Fatalf("a key of %d octets", len(k.master))
		}
		for n, key := range k.sealing {
			if n < 1 || len(key) != masterKeyLen {
				t.Fatalf("key %d has %d octets", n, len(key))
			}
		}
		if lines := strings.Count(strings.TrimSpace(text), "\n"); lines != len(k.sealing) {
			t.Fatalf("%d lines of keys are read as %d keys", lines, len(k.sealing))
		}
		path := filepath.Join(dir, "instance.key")
		if err := k.write(path); err != nil {
			t.Fatal(err)
		}
		again, err := readKeys(path, false)
		if err != nil || !bytes.Equal(again.master, k.master) || len(again.sealing) != len(k.sealing) || again.newest() != k.newest() {
			t.Fatalf("%q is written and read as something else: %v", text, err)
		}
		for n, key := range k.sealing {
			if !bytes.Equal(again.sealing[n], key) {
				t.Fatalf("key %d is another one after writing", n)
			}
		}
		// What is sealed opens by that key and under that name only.
		keys, err := k.derive()
		if err != nil {
			t.Fatal(err)
		}
		sealed := keys.seal("a value", "a name")
		if got, err := keys.open(sealed, keys.newest, "a name"); err != nil || got != "a value" {
			t.Fatalf("what is sealed opens as %q, %v", got, err)
		}
		if _, err := keys.open(sealed, keys.newest, "another name"); err == nil {
			t.Fatal("what is sealed opens under another name")
		}
		os.Remove(path)
	})
}

// Nothing that is searched for gets past the words it is made of: a search is no
// query, fails never and shows nothing of others.
func FuzzSearch(f *testing.F) {
	for _, s := range []string{"acme", "a b c d e f g h i j", "%", "_", "'; DROP TABLE users; --", "\x00", "\xff", "É", "\U0010ffff", "an* OR b", `"`, "@example.org"} {
		f.Add(s)
	}
	scene := newScene(f)
	by, ada := scene.in("ann", "Acme"), scene.user("ada")
	acme := map[string]bool{}
	for _, id := range scene.strings(`SELECT u.public_id FROM users u JOIN memberships m ON m.user_id = u.id JOIN organizations o ON o.id = m.org_id WHERE o.name = 'Acme'`) {
		acme[id] = true
	}
	f.Fuzz(func(t *testing.T, query string) {
		people, err := scene.s.Members(scene.ctx, by, query, "")
		if err != nil {
			t.Fatalf("%q: %v", query, err)
		}
		for _, m := range people.Items {
			if !acme[m.PublicID] {
				t.Fatalf("%q finds %s, who is elsewhere", query, m.Email)
			}
		}
		for what, search := range map[string]func() error{
			"everything":    func() error { _, err := scene.s.Find(scene.ctx, by, query, ""); return err },
			"as an admin":   func() error { _, err := scene.s.Find(scene.ctx, ada, query, ""); return err },
			"organizations": func() error { _, err := scene.s.OrgsNamed(scene.ctx, ada, query); return err },
		} {
			if err := search(); err != nil {
				t.Fatalf("%s by %q: %v", what, query, err)
			}
		}
	})
}
