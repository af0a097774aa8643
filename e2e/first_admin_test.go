package e2e

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func TestTheFirstAdminComesThroughTheSetupAddress(t *testing.T) {
	journey(t)
	s := startServer(t, serverOptions{})
	setup := s.setupURL()
	if !strings.HasPrefix(setup, s.url+"/setup/") {
		t.Fatalf("the set-up address is %s, want one at %s", setup, s.url)
	}

	p := s.visitor(t, ada)
	p.opens("/setup/guessed", http.StatusNotFound)
	p.open(setup)
	p.audit("setup")
	p.fillIn(ada)
	p.submit()
	p.at("/admin")
	p.audit("admin-overview-empty")

	p.opens(setup, http.StatusGone)
	s.visitor(t, ben).opens(setup, http.StatusGone)

	p.open("/admin")
	p.signOut()
	p.signIn()
	p.open("/admin")

	s.restart(func(*serverOptions) {})
	p.opens(setup, http.StatusGone)
	printed := regexp.MustCompile(`http://\S+/setup/`)
	if n := len(printed.FindAllString(s.output.String(), -1)); n != 1 || !printed.MatchString(firstStart(s.output.String())) {
		t.Errorf("a start with an admin prints a set-up address again:\n%s", s.output.String())
	}
}

// firstStart is what was printed before the program was started again.
func firstStart(printed string) string {
	const line = "Portico is listening on"
	if again := strings.LastIndex(printed, line); again != strings.Index(printed, line) {
		return printed[:again]
	}
	return printed
}

func TestAnAdminIsMadeFromTheShell(t *testing.T) {
	journey(t)
	s := startServer(t, serverOptions{})
	setup := s.setupURL()

	refused := func(name, password, email, want string) {
		t.Helper()
		out, err := s.command(password+"\n", "admin", "create", "--email", email, "--first-name", name, "--last-name", "Lindqvist")
		if err == nil || !strings.Contains(strings.ToLower(out), want) {
			t.Errorf("admin create of %q with %q: %v, %q; want a refusal that says %q", email, password, err, out, want)
		}
	}
	refused("Ada", "short", ada.email, "at least 12 characters")
	refused("Ada", "password1234", ada.email, "common")
	refused("Ada", ada.password, "ada", "email")
	refused(" ", ada.password, ada.email, "name")

	s.createAdmin(ada)
	p := s.visitor(t, ada)
	p.opens(setup, http.StatusGone)
	p.signIn()
	p.open("/admin")

	// Who is at the shell may give an admin a new password; it ends what was open.
	again := ada
	again.password = "another harbour at dawn"
	s.createAdmin(again)
	p.open("/admin")
	p.at("/login")
	p.password = again.password
	p.entersLogin()
	p.at("/admin")
}
