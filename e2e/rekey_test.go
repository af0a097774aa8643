package e2e

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	crand "crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// vault is the portal's folder as somebody sees it who has both the database and
// the key: each credential, and whether the key opens it.
type vault struct {
	*company
	db     *sql.DB
	values map[string]string // of each credential by its id
	paths  map[string]string // its page's address
}

// aKey makes a well-formed key: 32 random characters and their CRC-32, in base62.
func aKey() string {
	const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	random, sum := make([]byte, 32), make([]byte, 6)
	for i := range random {
		random[i] = base62[rand.IntN(62)]
	}
	n := crc32.ChecksumIEEE(random)
	for i := range sum {
		sum[5-i] = base62[n%62]
		n /= 62
	}
	return "portico_" + string(random) + "_" + string(sum)
}

// sealing are the keys of instance.key that credentials are sealed with, by
// number, and the number of the newest.
func (v *vault) sealing() (keys map[int]cipher.AEAD, newest int) {
	v.t.Helper()
	text, err := os.ReadFile(filepath.Join(v.data, "instance.key"))
	if err != nil {
		v.t.Fatal(err)
	}
	keys = map[int]cipher.AEAD{}
	add := func(n int, key []byte) {
		block, err := aes.NewCipher(key)
		if err != nil {
			v.t.Fatal(err)
		}
		if keys[n], err = cipher.NewGCM(block); err != nil {
			v.t.Fatal(err)
		}
		newest = max(newest, n)
	}
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		words := strings.Fields(line)
		key, err := hex.DecodeString(words[len(words)-1])
		if err != nil {
			v.t.Fatal(err)
		}
		if n := 0; i > 0 {
			fmt.Sscan(words[1], &n)
			add(n, key)
		} else if first, err := hkdf.Key(sha256.New, key, nil, "portico credentials", 32); err == nil {
			add(0, first)
		}
	}
	return keys, newest
}

// fill puts many more credentials beside the one of an application.
func (v *vault) fill(app string, many int) {
	v.t.Helper()
	var org, id int64
	if err := v.db.QueryRow(`SELECT org_id, id FROM applications WHERE public_id = ?`, lastPart(app)).Scan(&org, &id); err != nil {
		v.t.Fatal(err)
	}
	keys, newest := v.sealing()
	tx, err := v.db.Begin()
	if err != nil {
		v.t.Fatal(err)
	}
	defer tx.Rollback()
	for i := range many {
		key, public := aKey(), fmt.Sprintf("filled%020d", i)
		hash, nonce := sha256.Sum256([]byte(key)), make([]byte, keys[newest].NonceSize())
		crand.Read(nonce)
		sealed := keys[newest].Seal(nonce, nonce, []byte(key), fmt.Appendf(nil, "credential %d %d %s", org, id, public))
		if _, err := tx.Exec(`INSERT INTO credentials (public_id, org_id, app_id, label, hash, sealed, sealed_by, hint, created_by, created_at)
			SELECT ?, org_id, id, '', ?, ?, ?, ?, owner_id, created_at FROM applications WHERE id = ?`, public, hash[:], sealed, newest, key[len(key)-4:], id); err != nil {
			v.t.Fatal(err)
		}
		v.values[public], v.paths[public] = key, app+"/credentials/"+public
	}
	if err := tx.Commit(); err != nil {
		v.t.Fatal(err)
	}
}

// opens claims that each credential opens with the keys in the file, to the value
// that it had, and gives how many are sealed with the newest.
func (v *vault) opens() (renewed int) {
	v.t.Helper()
	keys, newest := v.sealing()
	rows, err := v.db.Query(`SELECT COALESCE(org_id, 0), app_id, public_id, sealed, sealed_by FROM credentials WHERE sealed IS NOT NULL`)
	if err != nil {
		v.t.Fatal(err)
	}
	defer rows.Close()
	found := 0
	for rows.Next() {
		var org, app int64
		var public string
		var sealed []byte
		var by int
		if err := rows.Scan(&org, &app, &public, &sealed, &by); err != nil {
			v.t.Fatal(err)
		}
		if keys[by] == nil {
			v.t.Fatalf("credential %s is sealed with key %d, which is not in the file", public, by)
		}
		n := keys[by].NonceSize()
		value, err := keys[by].Open(nil, sealed[:n], sealed[n:], fmt.Appendf(nil, "credential %d %d %s", org, app, public))
		if err != nil || string(value) != v.values[public] {
			v.t.Fatalf("credential %s does not open to what it was: %v", public, err)
		}
		if found++; by == newest {
			renewed++
		}
	}
	if err := rows.Err(); err != nil || found != len(v.values) {
		v.t.Fatalf("%d credentials are there, want %d: %v", found, len(v.values), err)
	}
	return renewed
}

// progress is how far a rotation that follows that of key before has come: -1
// until its key is in the file, then how many credentials are sealed with it.
func (v *vault) progress(before int) (n int) {
	v.t.Helper()
	_, newest := v.sealing()
	if newest == before {
		return -1
	}
	if err := v.db.QueryRow(`SELECT count(*) FROM credentials WHERE sealed_by = ? AND sealed IS NOT NULL`, newest).Scan(&n); err != nil {
		v.t.Fatal(err)
	}
	return n
}

// killed runs portico key rotate and kills it as soon as it has come so far. It
// reports whether that was before it had ended by itself.
func (v *vault) killed(before, soFar int) bool {
	v.t.Helper()
	binary, err := program()
	if err != nil {
		v.t.Fatal(err)
	}
	cmd := exec.Command(binary, "key", "rotate", "--data", v.data)
	cmd.Env, cmd.Dir = environment(), v.t.TempDir()
	var printed output
	cmd.Stdout, cmd.Stderr = &printed, &printed
	if err := cmd.Start(); err != nil {
		v.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for deadline := time.Now().Add(patience); v.progress(before) < soFar; {
		select {
		case err := <-ended:
			if err != nil {
				v.t.Fatalf("it ends with %v:\n%s", err, printed.String())
			}
			return false
		default:
			if time.Now().After(deadline) {
				v.t.Fatalf("it does not come as far as %d", soFar)
			}
		}
	}
	cmd.Process.Kill()
	var exit *exec.ExitError
	if err := <-ended; errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signaled() {
		return true
	} else if err != nil {
		v.t.Fatalf("it ends with %v:\n%s", err, printed.String())
	}
	return false
}

// rotates runs portico key rotate to its end.
func (v *vault) rotates() {
	v.t.Helper()
	if out, err := v.command("", "key", "rotate"); err != nil {
		v.t.Fatalf("key rotate: %v\n%s", err, out)
	}
	keys, newest := v.sealing()
	if renewed := v.opens(); renewed != len(v.values) || len(keys) != 2 {
		v.t.Errorf("after key %d, %d of %d are sealed with it, and the file holds %d keys", newest, renewed, len(v.values), len(keys))
	}
}

// shows claims that the running portal reveals these credentials and lets them in.
func (v *vault) shows(ids []string) {
	v.t.Helper()
	v.reader.htmx = true // for the one row: the page does not list so many
	defer func() { v.reader.htmx = false }()
	for _, id := range ids {
		if key := keyIn(v.reader.post(v.paths[id]+"/reveal", nil).want(http.StatusOK).source()); key != v.values[id] {
			v.t.Fatalf("%s is revealed as another key", v.paths[id])
		}
		v.verifies(v.values[id], http.StatusNoContent)
	}
}

// written is the whole audit log, as it stands in the file.
func (v *vault) written(upTo int) (lines []string) {
	v.t.Helper()
	rows, err := v.db.Query(`SELECT id, at, actor_name, kind, subject, detail FROM audit WHERE id <= ? ORDER BY id`, upTo)
	if err != nil {
		v.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, at int64
		var words [4]string
		if err := rows.Scan(&id, &at, &words[0], &words[1], &words[2], &words[3]); err != nil {
			v.t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%d %d %q", id, at, words))
	}
	if err := rows.Err(); err != nil {
		v.t.Fatal(err)
	}
	return lines
}

// What portico key rotate promises: it may be killed whenever, and run again.
func TestARotationOfKeysIsKilledAndGoesOn(t *testing.T) {
	t.Parallel()
	v := &vault{company: newCompany(t), values: map[string]string{}, paths: map[string]string{}}
	v.db = v.database(t)

	// A mail server whose address is sealed too, a link that was mailed, credentials
	// in an organization and of a person's own, and one that is only a hash.
	v.restart(func(o *serverOptions) { o.mail = nil })
	v.admin.open("/admin/settings/email").fill("Server", v.mail.url()).fill("Sender", sender).press("Save").want(http.StatusOK)
	link := v.fresh(tom)
	create := func(base string) (app string) {
		app = v.reader.open(base+"/applications").press("New application").fill("Name", "Scanner").press("Create").want(http.StatusOK).at.Path
		v.reader.press("New credential").press("Create").want(http.StatusOK)
		key := v.reader.reveals()
		var id string
		hash := sha256.Sum256([]byte(key))
		if err := v.db.QueryRow(`SELECT public_id FROM credentials WHERE hash = ?`, hash[:]).Scan(&id); err != nil {
			t.Fatal(err)
		}
		v.values[id], v.paths[id] = key, app+"/credentials/"+id
		return app
	}
	app := create(v.org)
	create("/me")
	once := keyIn(v.reader.open(app).press("New credential").choose("Show once").press("Create").want(http.StatusOK).source())
	v.verifies(once, http.StatusNoContent)
	v.stop()
	rounds, many := 10, 3000
	if os.Getenv("TEST_LONG") != "" {
		rounds = 60
	}
	v.fill(app, many)
	v.opens()
	var entries int
	if err := v.db.QueryRow(`SELECT max(id) FROM audit`).Scan(&entries); err != nil {
		t.Fatal(err)
	}
	before := v.written(entries)
	ids := make([]string, 0, len(v.values))
	for id := range v.values {
		ids = append(ids, id)
	}
	rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })

	// Killed again and again, at a moment that chance chooses, with the portal run
	// on what was left each time.
	ended, halfDone := 0, 0
	for kills, tries := 0, 0; kills < rounds; tries++ {
		if tries > 10*rounds {
			t.Fatalf("it was killed %d times only in %d", kills, tries)
		}
		begins := max(0, v.progress(ended))
		if !v.killed(ended, min(len(ids), begins+rand.IntN(len(ids)-begins+1))) {
			_, ended = v.sealing()
			continue
		}
		kills++
		if renewed := v.opens(); 0 < renewed && renewed < len(ids) {
			halfDone++
		}
		v.restart(func(*serverOptions) {})
		v.shows(ids[kills*3 : kills*3+3])
		v.verifies(once, http.StatusNoContent)
		v.stop()
		if kills%3 != 0 { // or else it is killed once more in what it left
			v.rotates()
			_, ended = v.sealing()
		}
	}
	if halfDone < rounds/4 {
		t.Errorf("of %d kills %d came in the middle of it", rounds, halfDone)
	}
	file := filepath.Join(v.data, "instance.key")
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	v.rotates()
	v.rotates()

	// An older copy of the key file is refused by everything, and in words that help.
	now, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, old, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"serve", "--listen", "127.0.0.1:0"}, {"key", "rotate"}, {"admin", "create", "--email", ben.email, "--first-name", ben.first, "--last-name", ben.last}} {
		out, err := v.command(ben.password+"\n", args...)
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(out, "put the instance.key back") || strings.Count(out, "\n") != 1 {
			t.Errorf("portico %s with an old key file: %v\n%s", args[0], err, out)
		}
	}
	if err := os.WriteFile(file, now, 0o600); err != nil {
		t.Fatal(err)
	}

	// All of it is as it was.
	v.opens()
	if !slices.Equal(v.written(entries), before) {
		t.Error("the audit log has changed")
	}
	v.restart(func(*serverOptions) {})
	if os.Getenv("TEST_LONG") == "" {
		v.shows(ids[:300])
	} else {
		v.shows(ids)
	}
	for _, key := range append([]string{once}, values(v.values)...) {
		v.verifies(key, http.StatusNoContent)
	}
	v.reader.open(v.org + "/activity").finds("revealed a credential of")
	v.plainly(t, tom).open(link).fill(passwordField, tom.password).press("Join").want(http.StatusOK).isAt(v.org)
	v.mail.next(rita.email, tom.first) // by the server whose address was sealed
}

func values(m map[string]string) (all []string) {
	for _, value := range m {
		all = append(all, value)
	}
	return all
}
