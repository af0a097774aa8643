package main

import (
	"bytes"
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// book is what a portal admin does: what was sent, and what was answered as done.
type book struct {
	mu         sync.Mutex
	sent, done map[string]bool
	enough     int           // so many answers
	reached    chan struct{} // closed then
}

func newBook(enough int) *book {
	return &book{sent: map[string]bool{}, done: map[string]bool{}, enough: enough, reached: make(chan struct{})}
}

func (b *book) send(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent[what] = true
}

func (b *book) answer(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done[what] = true
	if len(b.done) == b.enough {
		close(b.reached)
	}
}

// write writes name into the book and the portal until the portal is gone: an
// organization with an invitation to its first Super admin, which touches seven
// tables, and an application with a credential.
func (b *book) write(v *visitor, name string) (goesOn bool) {
	do := func(what, path string, fields ...string) (string, bool) {
		b.send(what)
		a, err := v.do("POST", path, form(fields...))
		if err != nil {
			return "", false
		}
		if a.status != 303 {
			v.s.t.Errorf("%s: %d", what, a.status)
			return "", false
		}
		b.answer(what)
		return a.to, true
	}
	if _, ok := do("organization "+name, "/admin/organizations", "name", name, "first_name", "Nora", "last_name", "New", "email", strings.ReplaceAll(name, " ", ".")+"@example.org"); !ok {
		return false
	}
	app, ok := do("application "+name, "/me/applications", "name", name)
	if !ok {
		return false
	}
	_, ok = do("credential "+name, app+"/credentials", "label", name)
	return ok
}

// stored reads what of the book is in a database, and claims that each of it is
// there whole and once: with its team, invitation, audit entries and mail.
func stored(t *testing.T, d *sql.DB) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	parts := func(what, whole, query string) {
		t.Helper()
		for _, line := range column(t, d, query) {
			name, counts, _ := strings.Cut(line, "|")
			name = what + " " + name
			if counts != whole {
				t.Errorf("%s is not whole: %s, want %s", name, counts, whole)
			}
			if all[name] {
				t.Errorf("%s is there twice", name)
			}
			all[name] = true
		}
	}
	parts("organization", "active, 1 team, 1 invitation, 1 mail, 2 entries", `
		SELECT o.name || '|' || o.state || ', '
			|| (SELECT count(*) FROM teams x WHERE x.org_id = o.id AND x.name = o.name || ' All users') || ' team, '
			|| (SELECT count(*) FROM invitations x WHERE x.org_id = o.id AND x.state = 'pending') || ' invitation, '
			|| (SELECT count(*) FROM outbox x JOIN invitations i ON i.public_id = x.link_id WHERE i.org_id = o.id AND x.org_id = o.id) || ' mail, '
			|| (SELECT count(*) FROM audit x WHERE x.org_id = o.id) || ' entries'
		FROM organizations o WHERE o.name LIKE 'Fault %'`)
	parts("application", "1 entry", `
		SELECT a.name || '|' || ((SELECT count(*) FROM audit x WHERE x.app_id = a.id) - (SELECT count(*) FROM credentials x WHERE x.app_id = a.id)) || ' entry'
		FROM applications a WHERE a.name LIKE 'Fault %'`)
	parts("credential", "1 hash", `
		SELECT c.label || '|' || (SELECT count(*) FROM credentials x WHERE x.hash = c.hash) || ' hash'
		FROM credentials c WHERE c.label LIKE 'Fault %'`)
	// Nothing of what is not there is noted or mailed about.
	for _, query := range []string{
		`SELECT subject FROM audit WHERE org_id > 0 AND org_id NOT IN (SELECT id FROM organizations) OR app_id > 0 AND app_id NOT IN (SELECT id FROM applications)`,
		`SELECT recipient FROM outbox WHERE link_id NOT IN (SELECT public_id FROM invitations)`,
		`SELECT recipient FROM outbox GROUP BY recipient HAVING count(*) > 1`,
	} {
		if left := column(t, d, query); len(left) > 0 {
			t.Errorf("half done is %v", left)
		}
	}
	return all
}

// chainEnd is how portico audit verify names the end of the log.
var chainEnd = regexp.MustCompile(`Its end: (\d+:[0-9a-f]{64})`)

// verified claims that the audit log is whole and goes on from what was its end.
func verified(t *testing.T, data, seen string) (end string) {
	t.Helper()
	args := []string{"audit", "verify"}
	if seen != "" {
		args = append(args, "--seen", seen)
	}
	out, err := command("", data, args...)
	found := chainEnd.FindStringSubmatch(out)
	if err != nil || found == nil {
		t.Fatalf("portico audit verify: %v\n%s", err, out)
	}
	return found[1]
}

func TestKilledWhileWritingItLosesNothingAndLeavesNothingHalfDone_DB_05_DB_18_AUD_01(t *testing.T) {
	t.Parallel()
	s := serve(t, "")
	admin := s.admin()
	d := database(t, s.data)
	counted := count(t, "kill -9 during writes")
	answered := count(t, "changes that were answered before a kill -9")
	kills := 20
	if long() {
		kills = 200
	}
	before, end := map[string]bool{}, ""
	underWay, unanswered := 0, 0
	for i := range kills {
		counted.try(t, fmt.Sprint("kill ", i+1), func(t *testing.T) {
			// Four people write at once, and it ends after so many answers.
			b := newBook(1 + rand.IntN(40))
			var writers sync.WaitGroup
			for w := range 4 {
				writers.Go(func() {
					for n := 0; b.write(admin, fmt.Sprintf("Fault %d %d %d", i, w, n)); n++ {
					}
				})
			}
			<-b.reached
			time.Sleep(time.Duration(rand.IntN(10_000)) * time.Microsecond) // somewhere in the next ones
			s.kill()
			writers.Wait()

			end = verified(t, s.data, end)
			s.start()
			sound(t, d)
			there := stored(t, d)
			for what := range before {
				if !there[what] {
					t.Errorf("%s was there before, and is lost", what)
				}
			}
			for what := range b.sent {
				switch {
				case b.done[what]:
					answered.tried++
					if there[what] {
						answered.held++
					} else {
						t.Errorf("%s was answered, and is lost", what)
					}
				case there[what]:
					unanswered++
					fallthrough
				default:
					underWay++
				}
			}
			for what := range there {
				if !before[what] && !b.sent[what] {
					t.Errorf("%s is there, and nobody sent it", what)
				}
			}
			before = there
			if _, err := d.Exec(`DELETE FROM limit_events`); err != nil { // one person may not invite so many
				t.Fatal(err)
			}
		})
	}
	t.Logf("%d changes are there; %d were under way at the kills, of which %d are stored", len(before), underWay, unanswered)
	if underWay < kills {
		t.Errorf("only %d requests were under way at %d kills", underWay, kills)
	}
}

func TestAfterALogIsCutAnywhereWhatIsThereIsAWholeBeginning_DB_05_DB_17(t *testing.T) {
	t.Parallel()
	s := serve(t, "")
	admin := s.admin()
	s.stop() // all is in portico.db now
	s.start()
	before, err := os.ReadFile(filepath.Join(s.data, "portico.db"))
	if err != nil {
		t.Fatal(err)
	}
	var order []string // one after the other
	for i := range 10 {
		name := fmt.Sprint("Fault ", i)
		if !newBook(0).write(admin, name) {
			t.Fatal("it does not write")
		}
		order = append(order, "organization "+name, "application "+name, "credential "+name)
	}
	s.kill()
	files := map[string][]byte{}
	for _, name := range []string{"portico.db", "portico.db-wal", "instance.key"} {
		if files[name], err = os.ReadFile(filepath.Join(s.data, name)); err != nil {
			t.Fatal(err)
		}
	}
	// Only while nothing has been moved from the log into the database is a cut log
	// what a loss of power leaves: Portico has the log on disk before it moves it.
	if !bytes.Equal(files["portico.db"], before) {
		t.Fatal("the log has been moved into the database: write less")
	}
	const header, frame = 32, 24 + 4096
	wal := files["portico.db-wal"]
	frames := (len(wal) - header) / frame
	cuts := 50
	if long() {
		cuts = 500
	}
	counted := count(t, "log of the database cut off")
	states := map[int]bool{}
	for i := range cuts + 1 {
		at := len(wal) // whole at last: then nothing is lost
		if at0 := header + frame*(frames*i/cuts); i < cuts && i%2 == 0 {
			at = at0
		} else if i < cuts {
			at = at0 + rand.IntN(frame)
		}
		counted.try(t, fmt.Sprint("cut at ", at), func(t *testing.T) {
			dir := t.TempDir()
			for name, content := range files {
				if name == "portico.db-wal" {
					content = content[:at]
				}
				if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			verified(t, dir, "") // which opens it as serve does
			d := database(t, dir)
			sound(t, d)
			there := stored(t, d)
			for n, what := range order {
				if there[what] != (n < len(there)) {
					t.Errorf("of %d that are there, %s is one: %v", len(there), what, there[what])
				}
			}
			if at == len(wal) && len(there) != len(order) {
				t.Errorf("%d are there, want all %d", len(there), len(order))
			}
			states[len(there)] = true
		})
	}
	t.Logf("%d frames, %d octets; the cuts fell into %d of %d states: %v", frames, len(wal), len(states), len(order)+1, slices.Sorted(maps.Keys(states)))
	if len(states) < min(cuts, len(order))/2 {
		t.Errorf("the cuts fell into %d states only", len(states))
	}
}
