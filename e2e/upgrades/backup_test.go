package upgrades

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// ledger is what the portal has answered as done, and when.
type ledger struct {
	mu   sync.Mutex
	done map[string]time.Time // by table and name
}

func (l *ledger) note(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done[what] = time.Now()
}

// before is all that was answered before a moment.
func (l *ledger) before(at time.Time) (all []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for what, then := range l.done {
		if then.Before(at) {
			all = append(all, what)
		}
	}
	return all
}

// acme makes an organization of Ada's own and returns its id.
func (r *running) acme(v *visitor) string {
	r.t.Helper()
	to, _ := v.wants(http.StatusSeeOther, http.MethodPost, r.url+"/organizations", form("name", "Acme"))
	id := to[strings.LastIndex(to, "/")+1:]
	v.wants(http.StatusSeeOther, http.MethodPost, r.url+"/admin/organizations/"+id+"/approval", form("name", "Acme"))
	return id
}

// newFolder is the data folder of a portal that has an admin.
func newFolder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	makeAdmin(t, dir)
	return dir
}

// withKeyOf is a new data folder with nothing in it but the key of another one.
func withKeyOf(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "restored")
	if err := os.Mkdir(to, 0o700); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(dir, "instance.key"))
	if err == nil {
		err = os.WriteFile(filepath.Join(to, "instance.key"), key, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func TestBackupsMadeWhilePeopleWriteRestoreWhole_DB_11(t *testing.T) {
	rounds := 5
	if long() {
		rounds = 30
	}
	made, held := 0, 0
	defer func() { t.Attr("faults", fmt.Sprintf("%s|%d|%d", "backup under load, restored", made, held)) }()
	dir := newFolder(t)
	r := serve(t, dir)
	admin := r.signIn()
	org := r.acme(admin)
	book := &ledger{done: map[string]time.Time{}}
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for i, where := range []struct{ table, path string }{
		{"organizations", "/admin/organizations"}, {"organizations", "/admin/organizations"},
		{"applications", "/me/applications"}, {"applications", "/o/" + org + "/applications"},
	} {
		writers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				name := fmt.Sprintf("%s %d of %d", where.table, n, i)
				if status, _, body, err := admin.do(http.MethodPost, r.url+where.path, form("name", name)); err != nil || status != http.StatusSeeOther {
					t.Errorf("making %s is answered with %d, %v\n%.1000s", name, status, err, body)
					return
				}
				book.note(where.table + "/" + name)
			}
		})
	}
	folder := t.TempDir()
	backups := make([]string, rounds)
	begun := make([]time.Time, rounds)
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for i := range rounds {
		<-second.C
		backups[i], begun[i] = filepath.Join(folder, fmt.Sprintf("%d.db", i)), time.Now()
		out := does(t, dir, "backup", backups[i])
		if made++; !strings.Contains(out, "instance.key") || !strings.Contains(out, "The key is not in it") {
			t.Errorf("it does not say that the key is not in it:\n%s", out)
		}
	}
	close(stop)
	writers.Wait()
	r.stop()
	seen := 0
	for i, file := range backups {
		if entries, err := filepath.Glob(file + "*"); err != nil || len(entries) != 1 {
			t.Errorf("a backup is %d files, %v", len(entries), err)
		}
		to := withKeyOf(t, dir)
		does(t, to, "restore", file)
		d := database(t, filepath.Join(to, "portico.db"))
		ok := sound(t, d)
		there := map[string]map[string]bool{}
		for _, table := range []string{"organizations", "applications"} {
			there[table] = texts(t, d, `SELECT name FROM `+table)
		}
		lost := 0
		acknowledged := book.before(begun[i])
		for _, what := range acknowledged {
			if table, name, _ := strings.Cut(what, "/"); !there[table][name] {
				lost++
			}
		}
		if lost > 0 {
			t.Errorf("backup %d lacks %d of %d writes that were answered before it began", i, lost, len(acknowledged))
		}
		if out := does(t, to, "audit", "verify"); !strings.Contains(out, "The audit log is whole") {
			t.Errorf("audit verify says %s", out)
			ok = false
		}
		if ok && lost == 0 {
			held++
		}
		if len(acknowledged) <= seen {
			t.Errorf("nothing was written before backup %d", i)
		}
		seen = len(acknowledged)
		d.Close()
		if err := os.RemoveAll(to); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d writes, %d backups", len(book.done), made)
}

var (
	invitationLink = regexp.MustCompile(`http://[^"\s<]*/invitations/[\w-]+`)
	apiKey         = regexp.MustCompile(`portico_[0-9A-Za-z]+_[0-9A-Za-z]+`)
)

// path is an address without its host: the portal has another port each time.
func path(address string) string { return address[strings.Index(address, "/invitations/"):] }

func TestARestoreEndsSessionsAndLinksAndKeepsWhatWasThere(t *testing.T) {
	tried, held := 0, 0
	defer func() {
		t.Attr("faults", fmt.Sprintf("%s|%d|%d", "session or link from before a restore", tried, held))
	}()
	dir := newFolder(t)
	file := filepath.Join(t.TempDir(), "portal.db")
	r := serve(t, dir)
	v := r.signIn()
	org := r.acme(v)
	// newKey makes a key of the organization.
	newKey := func(r *running, v *visitor, app string) (address, key string) {
		t.Helper()
		to, _ := v.wants(http.StatusSeeOther, http.MethodPost, r.url+"/o/"+org+"/applications", form("name", app))
		to = to[strings.Index(to, "/o/"):]
		v.wants(http.StatusSeeOther, http.MethodPost, r.url+to+"/credentials", nil)
		d := database(t, filepath.Join(dir, "portico.db"))
		address = to + "/credentials/" + text(t, d, `SELECT public_id FROM credentials ORDER BY id DESC LIMIT 1`)
		d.Close()
		_, body := v.wants(http.StatusOK, http.MethodPost, r.url+address+"/reveal", nil)
		return address, apiKey.FindString(body)
	}
	// link copies the link of Tom's invitation.
	link := func(r *running, v *visitor) string {
		t.Helper()
		d := database(t, filepath.Join(dir, "portico.db"))
		id := text(t, d, `SELECT public_id FROM invitations ORDER BY id DESC LIMIT 1`)
		d.Close()
		_, body := v.wants(http.StatusOK, http.MethodPost, r.url+"/o/"+org+"/invitations/"+id+"/link", nil)
		return path(invitationLink.FindString(body))
	}
	verify := func(r *running, key string) int {
		t.Helper()
		request, err := http.NewRequest(http.MethodGet, r.url+"/verify", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-API-Key", key)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	address, old := newKey(r, v, "Old")
	v.wants(http.StatusSeeOther, http.MethodPost, r.url+"/o/"+org+"/invitations",
		form("first_name", "Tom", "last_name", "Baker", "email", "tom@acme.example", "role", "team_member"))
	sent := link(r, v)
	newVisitor(t).wants(http.StatusOK, http.MethodGet, r.url+sent, nil)
	does(t, dir, "backup", file)

	// After the backup: a key more, and the other one revoked.
	_, later := newKey(r, v, "Later")
	v.wants(http.StatusSeeOther, http.MethodPost, r.url+address+"/revocation", form("confirmed", "yes"))
	if verify(r, old) != http.StatusUnauthorized || verify(r, later) != http.StatusNoContent {
		t.Fatal("the keys do not work as they should")
	}
	refuses(t, command(dir, "restore", file), "in use by another Portico")
	r.stop()

	for round := range 2 { // a second restore does the same
		out := does(t, dir, "restore", file)
		for _, words := range []string{"Restored " + file, "kept as " + filepath.Join(dir, "portico.db.replaced-"), "signed out", "held under Emails", "was revoked"} {
			if !strings.Contains(out, words) {
				t.Errorf("restoring says nothing of %q:\n%s", words, out)
			}
		}
		r = serve(t, dir)
		tried += 2
		if to, _ := v.wants(http.StatusSeeOther, http.MethodGet, r.url+"/admin", nil); strings.HasPrefix(to, "/login") {
			held++
		} else {
			t.Errorf("a session of before leads to %s", to)
		}
		if status, _, _, err := newVisitor(t).do(http.MethodGet, r.url+sent, nil); err == nil && status == http.StatusNotFound {
			held++
		} else {
			t.Errorf("a link of before is answered with %d, %v", status, err)
		}
		v = r.signIn()
		again := link(r, v)
		if again == sent {
			t.Error("the link is the same as before")
		}
		newVisitor(t).wants(http.StatusOK, http.MethodGet, r.url+again, nil)
		if got := verify(r, old); got != http.StatusNoContent {
			t.Errorf("a key of the backup is answered with %d", got)
		}
		if got := verify(r, later); got != http.StatusUnauthorized {
			t.Errorf("a key from after the backup is answered with %d", got)
		}
		if _, body := v.wants(http.StatusOK, http.MethodGet, r.url+"/admin/audit-log", nil); !strings.Contains(body, "restored a backup") {
			t.Error("the audit log does not tell of the restore")
		}
		r.stop()
		kept, err := filepath.Glob(filepath.Join(dir, "portico.db.replaced-*"))
		if err != nil || len(kept) != round+1 {
			t.Errorf("%v are kept, %v", kept, err)
		}
		sent = again
	}
	// What was kept is the portal as it was, and can be restored itself.
	kept, _ := filepath.Glob(filepath.Join(dir, "portico.db.replaced-*"))
	does(t, dir, "restore", kept[0])
	r = serve(t, dir)
	if verify(r, old) != http.StatusUnauthorized || verify(r, later) != http.StatusNoContent {
		t.Error("the database that was kept is not as it was")
	}
}

func TestWhatCannotBeBackedUpOrRestoredSaysSoAndChangesNothing(t *testing.T) {
	tried, held := 0, 0
	defer func() {
		t.Attr("faults", fmt.Sprintf("%s|%d|%d", "backup or restore that cannot be done", tried, held))
	}()
	dir, elsewhere := newFolder(t), newFolder(t)
	folder := t.TempDir()
	file := filepath.Join(folder, "portal.db")
	does(t, dir, "backup", file)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	put := func(name string, content []byte) string {
		t.Helper()
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	newer := put("newer.db", whole)
	d := database(t, newer)
	if _, err := d.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`); err != nil {
		t.Fatal(err)
	}
	d.Close()
	dangling := put("dangling.db", whole)
	d = database(t, dangling)
	if _, err := d.Exec(`INSERT INTO memberships (org_id, user_id, role, first_name, last_name, joined_at) VALUES (77, 77, 'team_member', 'A', 'B', 0)`); err != nil {
		t.Fatal(err)
	}
	d.Close()
	stranger := filepath.Join(folder, "stranger.db")
	d, err = openNew(stranger)
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
	torn := append(append([]byte{}, whole[:len(whole)/2]...), make([]byte, len(whole)-len(whole)/2)...)
	empty := filepath.Join(t.TempDir(), "empty")
	cases := map[string]struct {
		cmd  *exec.Cmd
		says string
	}{
		"restoring garbage":                      {command(dir, "restore", put("garbage.db", []byte(strings.Repeat("no database ", 1000)))), "damaged, or no database"},
		"restoring an empty file":                {command(dir, "restore", put("nothing.db", nil)), "no backup of a Portico"},
		"restoring half a file":                  {command(dir, "restore", put("half.db", whole[:len(whole)/2])), "damaged"},
		"restoring a file with a hole":           {command(dir, "restore", put("hole.db", torn)), "damaged"},
		"restoring what refers to missing rows":  {command(dir, "restore", dangling), "refer to others that are missing"},
		"restoring another program's database":   {command(dir, "restore", stranger), "no backup of a Portico"},
		"restoring a newer database":             {command(dir, "restore", newer), "newer Portico"},
		"restoring another installation's":       {command(elsewhere, "restore", file), "instance.key is not the key"},
		"restoring nothing":                      {command(dir, "restore", filepath.Join(folder, "missing.db")), "there is no file"},
		"restoring a folder":                     {command(dir, "restore", folder), "there is no file"},
		"restoring the database itself":          {command(dir, "restore", filepath.Join(dir, "portico.db")), "is the database itself"},
		"restoring into an empty folder":         {command(empty, "restore", file), "there is no instance.key"},
		"restoring on a full disk":               {limited(100, dir, "restore", file), "no room on the disk"},
		"backing up to a file that is there":     {command(dir, "backup", newer), "is there already"},
		"backing up to a folder":                 {command(dir, "backup", folder), "is there already"},
		"backing up over the database":           {command(dir, "backup", "--overwrite", filepath.Join(dir, "portico.db")), "belongs to the data folder"},
		"backing up to nowhere":                  {command(dir, "backup", filepath.Join(folder, "missing", "a.db")), "cannot be written"},
		"backing up on a full disk":              {limited(100, dir, "backup", filepath.Join(folder, "full.db")), "no room on the disk"},
		"backing up over another on a full disk": {limited(100, dir, "backup", "--overwrite", newer), "no room on the disk"},
		"backing up what is not there":           {command(folder, "backup", filepath.Join(folder, "b.db")), "there is no database"},
	}
	everything := func() string { return fmt.Sprint(contents(t, dir), contents(t, folder)) }
	before := everything()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			tried++
			refuses(t, c.cmd, c.says)
			if got := everything(); got != before {
				t.Errorf("the files have changed from %s to %s", before, got)
			}
			if !t.Failed() {
				held++
			}
		})
	}
	// And the same file still does.
	does(t, dir, "restore", file)
	does(t, dir, "backup", "--overwrite", newer)
	does(t, withKeyOf(t, dir), "restore", newer)
}

func TestARestoreThatIsKilledLeavesOneDatabaseOrTheOther(t *testing.T) {
	rounds := 10
	if long() {
		rounds = 100
	}
	tried, held := 0, 0
	defer func() { t.Attr("faults", fmt.Sprintf("%s|%d|%d", "restore killed", tried, held)) }()
	dir := newFolder(t)
	file := filepath.Join(t.TempDir(), "portal.db")
	r := serve(t, dir)
	v := r.signIn()
	does(t, dir, "backup", file)
	v.wants(http.StatusSeeOther, http.MethodPost, r.url+"/admin/organizations", form("name", "Later"))
	r.stop()
	copied := func() string {
		t.Helper()
		to := filepath.Join(t.TempDir(), "data")
		if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(to, "instance.key"), 0o600); err != nil {
			t.Fatal(err)
		}
		return to
	}
	// How far it is when it is killed, by the files that are there.
	moments := []func(files string, ready bool) bool{
		func(string, bool) bool { return true },
		func(files string, _ bool) bool { return strings.Contains(files, "portico.db.restoring ") },
		func(files string, _ bool) bool { return strings.Contains(files, "portico.db.restoring-wal ") },
		func(files string, ready bool) bool {
			return ready && !strings.Contains(files, "portico.db.restoring-wal ")
		},
		func(files string, _ bool) bool { return strings.Contains(files, "portico.db.replaced-") },
	}
	killed := 0
	for i := range rounds {
		to := copied()
		cmd := command(to, "restore", file)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		err, ready := error(nil), false
		for over := false; !over; {
			select {
			case err = <-ended: // it was quicker
				over = true
				continue
			default:
			}
			files := names(t, to)
			ready = ready || strings.Contains(files, "portico.db.restoring-wal ")
			if moments[i%len(moments)](files, ready) {
				cmd.Process.Kill()
				err, over = <-ended, true
			}
		}
		tried++
		if err != nil {
			killed++
		}
		d := database(t, filepath.Join(to, "portico.db"))
		later, noted := text(t, d, `SELECT count(*) FROM organizations WHERE name = 'Later'`), text(t, d, `SELECT count(*) FROM audit WHERE kind = 'restored a backup'`)
		ok := sound(t, d)
		d.Close()
		if later == noted {
			t.Errorf("round %d: there are %s organizations of later and %s restores", i, later, noted)
			ok = false
		}
		if out, err := command(to, "audit", "verify").CombinedOutput(); err != nil {
			t.Errorf("round %d: %v\n%s", i, err, out)
			ok = false
		}
		does(t, to, "restore", file) // it is done again without more ado
		if left, err := filepath.Glob(filepath.Join(to, "*restoring*")); err != nil || len(left) > 0 {
			t.Errorf("round %d: %v were left behind, %v", i, left, err)
			ok = false
		}
		if ok {
			held++
		}
	}
	if killed < rounds/2 {
		t.Errorf("of %d only %d were killed", rounds, killed)
	}
}
