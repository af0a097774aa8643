package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// refused claims that a command ends with status 1 and one sentence that says this.
func refused(t *testing.T, data, says string, args ...string) {
	t.Helper()
	out, err := command(adminPassword+"\n", data, args...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("portico %s: %v, want status 1\n%s", strings.Join(args, " "), err, out)
	}
	if strings.Count(out, "\n") != 1 || !strings.HasPrefix(out, "portico: ") || !strings.Contains(out, says) {
		t.Errorf("portico %s says\n%s\nwant one line with %q", strings.Join(args, " "), out, says)
	}
}

var (
	serving   = []string{"serve", "--listen", "127.0.0.1:0"}
	rotating  = []string{"key", "rotate"}
	admitting = []string{"admin", "create", "--email", "eve@provider.example", "--first-name", "Eve", "--last-name", "Evans"}
)

func TestASecondProcessOnTheSameFolderIsRefusedWithASentence_DB_06(t *testing.T) {
	t.Parallel()
	counted := count(t, "second process on the same data folder")
	s := serve(t, "")
	admin := s.admin()
	rounds := 3
	if long() {
		rounds = 30
	}
	for n := range rounds {
		for _, args := range [][]string{serving, rotating} {
			counted.try(t, fmt.Sprint(args[0], " ", n+1), func(t *testing.T) {
				refused(t, s.data, "is in use by another Portico: stop that one first, or choose another folder with --data", args...)
				admin.must("/admin/organizations", form("name", fmt.Sprint("Fault ", args[0], n))) // the first goes on
			})
		}
		counted.try(t, fmt.Sprint("after a kill ", n+1), func(t *testing.T) {
			s.kill()
			s.start() // nothing is left that would have to be removed by hand
		})
	}
}

func TestAKeyFileThatIsMissingWrongOrReadByOthersIsRefusedWithASentence_CRED_07(t *testing.T) {
	t.Parallel()
	counted := count(t, "key file missing, wrong or readable by others")
	s := serve(t, "")
	admin := s.admin()
	app := admin.must("/me/applications", form("name", "Scanner"))
	admin.must(app+"/credentials", form("label", "old"))
	d := database(t, s.data)
	reveal := app + "/credentials/" + column(t, d, `SELECT public_id FROM credentials`)[0] + "/reveal"
	revealed := func() string {
		t.Helper()
		_, key, _ := strings.Cut(admin.post(reveal, form()).body, "portico_")
		if len(key) < 40 {
			t.Fatal("the credential is not revealed")
		}
		return key[:39]
	}
	value := revealed()
	s.stop()
	file := filepath.Join(s.data, "instance.key")
	right, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) func() error {
		return func() error { return os.WriteFile(file, []byte(text), 0o600) }
	}
	before := contents(t, d)
	for _, c := range []struct {
		name, says string
		do         func() error
	}{
		{"missing", "is missing, but there is a database: put the key back", func() error { return os.Remove(file) }},
		{"another installation's", "is not the key this database was made with", write(strings.Repeat("ab", 32) + "\n")},
		{"one digit changed", "is not the key this database was made with", write(flip(string(right)))},
		{"empty", "is damaged: put the right key back", write("")},
		{"half", "is damaged: put the right key back", write(string(right[:32]))},
		{"no key at all", "is damaged: put the right key back", write("hello\n")},
		{"with a second line that is none", "is damaged: put the right key back", write(string(right) + "hello\n")},
		{"read by its group", "can be read by others: chmod 600 it", func() error { return os.Chmod(file, 0o640) }},
		{"read by everybody", "can be read by others: chmod 600 it", func() error { return os.Chmod(file, 0o604) }},
		{"written by everybody", "can be read by others: chmod 600 it", func() error { return os.Chmod(file, 0o602) }},
	} {
		counted.try(t, c.name, func(t *testing.T) {
			if err := c.do(); err != nil {
				t.Fatal(err)
			}
			wrong, _ := os.ReadFile(file)
			for _, args := range [][]string{serving, rotating, admitting, {"audit", "verify"}} {
				refused(t, s.data, c.says, args...)
				refused(t, s.data, "instance.key", args...)
			}
			if now, _ := os.ReadFile(file); string(now) != string(wrong) {
				t.Error("another key was written")
			}
			if contents(t, d) != before {
				t.Error("the database has changed")
			}
			if err := errors.Join(os.WriteFile(file, right, 0o600), os.Chmod(file, 0o600)); err != nil {
				t.Fatal(err)
			}
		})
	}
	s.start() // with the right one all is as it was
	if got := revealed(); got != value {
		t.Error("the credential opens to something else")
	}
}

// flip changes the first digit.
func flip(key string) string {
	if key[0] == '0' {
		return "1" + key[1:]
	}
	return "0" + key[1:]
}
