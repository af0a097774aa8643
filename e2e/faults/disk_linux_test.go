package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// disk is one that can be filled while the program runs.
type disk struct {
	name string
	data string // the folder on it
	fill func(t *testing.T, s *server)
	free func(t *testing.T, s *server)
}

// limited is a disk on which the program may write no file, as a quota of its
// account would have it: everybody may set that.
func limited(t *testing.T) disk {
	limit := func(t *testing.T, s *server, octets uint64) {
		t.Helper()
		if err := unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: octets, Max: unix.RLIM_INFINITY}, nil); err != nil {
			t.Fatal(err)
		}
	}
	return disk{"a quota", filepath.Join(t.TempDir(), "data"),
		func(t *testing.T, s *server) { limit(t, s, 0) },
		func(t *testing.T, s *server) { limit(t, s, unix.RLIM_INFINITY) }}
}

// small is a file system of its own, filled to its last octet. Only root may
// mount one; elsewhere there is none.
func small(t *testing.T) (disk, bool) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m,mode=700"); err != nil {
		t.Logf("no file system can be mounted (%v): the quota has to do", err)
		return disk{}, false
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	filler := filepath.Join(dir, "filler")
	return disk{"a full file system", filepath.Join(dir, "data"), func(t *testing.T, s *server) {
		t.Helper()
		// The log has no room left in what it has on the disk already.
		if _, err := database(t, s.data).Exec(`PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(filler)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for octets := 1 << 20; octets > 0; {
			if n, err := f.Write(make([]byte, octets)); err != nil || n < octets {
				octets /= 2
			}
		}
	}, func(t *testing.T, s *server) {
		t.Helper()
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
	}}, true
}

// deed is something that somebody does by a form.
type deed struct {
	path   string
	fields url.Values
}

// adminsDeeds are what a portal admin does in round n; each is stored.
func adminsDeeds(n int, org, app, credential string) []deed {
	name := fmt.Sprint("Round ", n)
	return []deed{
		{org + "/name", form("name", name)},
		{org + "/invitations", form("first_name", "Nora", "last_name", "New", "email", invitedIn(n), "role", "super_admin")},
		{org + "/teams", form("name", name)},
		{"/admin/organizations", form("name", name+" Ltd")},
		{"/me/applications", form("name", name)},
		{app + "/credentials", form("label", name)},
		{app + "/credentials/" + credential + "/reveal", form()},
		{"/profile", form("first_name", "Ada", "last_name", name)},
		{"/admin/settings/general", form("register", "on", "sign_in", "on", "min_password", fmt.Sprint(12+n%2), "invitation_hours", "24", "session_idle_hours", "12", "session_days", "7")},
	}
}

func invitedIn(n int) string { return fmt.Sprintf("nora%d@example.org", n) }

// strangersDeeds are what everybody may do.
var strangersDeeds = []deed{
	{"/register", form("first_name", "Otto", "last_name", "Orr", "email", "otto@example.org", "password", "a kettle on the balcony")},
	{"/login", form("email", adminMail, "password", adminPassword)},
	{"/forgot-password", form("email", adminMail)},
}

// Every route is tried in the handlers' tests; here it is the program, with a disk.
func TestOnAFullDiskReadingGoesOnAndWritingOnceThereIsRoom_DB_03(t *testing.T) {
	t.Parallel()
	counted := count(t, "disk full under the running program")
	disks := []disk{limited(t)}
	if d, ok := small(t); ok {
		disks = append(disks, d)
	}
	rounds := 3
	if long() {
		rounds = 15
	}
	for _, disk := range disks {
		office := openOffice(t, takes)
		s := serve(t, disk.data, "--smtp-url", office.url())
		admin, stranger := s.admin(), s.visitor()
		d := database(t, s.data)
		app := admin.must("/me/applications", form("name", "Scanner"))
		admin.must(app+"/credentials", form("label", "old"))
		admin.must("/admin/organizations", form("name", "Acme"))
		org := "/admin/organizations/" + column(t, d, `SELECT public_id FROM organizations`)[0]
		credential := column(t, d, `SELECT public_id FROM credentials`)[0]
		pages := []string{"/", "/admin", "/admin/organizations?state=active", org + "/users", "/admin/users", "/admin/audit-log", "/admin/emails", "/me/applications", app, "/profile", "/healthz"}
		end := ""
		for n := range rounds {
			counted.try(t, fmt.Sprint(disk.name, ", round ", n+1), func(t *testing.T) {
				disk.fill(t, s)
				before := contents(t, d)
				deeds := adminsDeeds(n, org, app, credential)
				refused := func(who *visitor, deeds []deed) {
					for _, one := range deeds {
						if a := who.post(one.path, one.fields); a.status != 503 || !strings.Contains(a.body, "Nothing can be saved right now") {
							t.Errorf("POST %s: %d", one.path, a.status)
						}
					}
				}
				refused(admin, deeds)
				refused(stranger, strangersDeeds)
				for _, path := range pages {
					if a := admin.get(path); a.status >= 400 {
						t.Errorf("GET %s: %d", path, a.status)
					}
				}
				if a := admin.get("/readyz"); a.status != 503 {
					t.Errorf("GET /readyz: %d", a.status)
				}
				if contents(t, d) != before {
					t.Error("something was stored")
				}
				disk.free(t, s)

				// There is room, and nobody has started anything anew.
				if a := admin.get("/readyz"); a.status != 200 {
					t.Errorf("GET /readyz with room: %d", a.status)
				}
				for _, one := range deeds {
					if a := admin.post(one.path, one.fields); a.status != 303 && a.status != 200 {
						t.Errorf("POST %s with room: %d", one.path, a.status)
					}
				}
				office.wait(t, invitedIn(n))
				end = verified(t, s.data, end)
				sound(t, d)
			})
		}
		s.stop()
	}
}
