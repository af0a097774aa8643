package e2e

import (
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
)

func TestOneChangedByteOfTheAuditLogIsNamed(t *testing.T) {
	journey(t)
	s := newScene(t)
	s.added("Acme Inc", rita)

	verify := func(more ...string) (string, error) {
		return s.command("", append([]string{"audit", "verify"}, more...)...)
	}
	out, err := verify()
	if err != nil || !strings.Contains(out, "The audit log is whole") {
		t.Fatalf("audit verify beside the running portal: %v, %s", err, out)
	}
	_, end, _ := strings.Cut(strings.TrimSpace(out), "Its end: ")
	s.registered(uma)
	if out, err := verify("--seen", end); err != nil {
		t.Errorf("audit verify with its end of before, %s: %v, %s", end, err, out)
	}
	if out, err := verify("--seen", "1:"+strings.Repeat("0", 64)); err == nil || !strings.Contains(out, "entry 1 of the audit log") {
		t.Errorf("audit verify with another end: %v, %s", err, out)
	}
	if out, err := verify("--seen", "yesterday"); err == nil || !strings.Contains(out, "--seen") {
		t.Errorf("audit verify with no end: %v, %s", err, out)
	}
	db := s.database(t)
	var trigger string
	if err := db.QueryRow(`SELECT sql FROM sqlite_schema WHERE name = 'audit_no_update'`).Scan(&trigger); err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{`DROP TRIGGER audit_no_update`, `UPDATE audit SET subject = 'B' || substr(subject, 2) WHERE id = 3`, trigger} {
		if _, err := db.Exec(query); err != nil {
			t.Fatal(err)
		}
	}
	if out, err = verify(); err == nil || !strings.Contains(out, "entry 3 of the audit log") {
		t.Errorf("audit verify after a changed byte: %v, %s", err, out)
	}
}

func TestAnAdminFiltersAndExportsTheAuditLog(t *testing.T) {
	journey(t)
	c := newCompany(t)
	c.member(c.org, rita, tom, teamMember)
	m := c.plainly(t, tom).signIn()
	m.post(c.org+"/settings", url.Values{"name": {"Mine"}}).want(http.StatusForbidden)

	a := c.visitor(t, ada)
	a.signIn()
	a.goes("Audit log")
	a.audit("audit-log")
	a.wears("Refused")
	a.selects("What", "joined")
	a.press("Filter")
	a.sees("as Team member")
	a.misses("added the organization")
	a.sees(rita.email)
	a.fill("Person", tom.email)
	a.press("Filter")
	a.sees(tom.email)
	a.misses(rita.email)
	a.fill("Organization", "nowhere")
	a.press("Filter")
	a.sees("No organization is called that.")
	a.audit("audit-log-with-a-problem")
	a.press("Clear")
	a.press(rita.first + " " + rita.last) // the name leads to all of hers
	a.sees("registered")
	a.fill("From", "2099-01-01")
	a.press("Filter")
	a.sees("Nothing found")
	a.audit("audit-log-nothing-found")
	a.press("Clear the filters")
	a.selects("What", "was refused")
	a.press("Filter")
	a.sees("Only a Super admin of Acme Inc may do that.")

	got, err := a.page.ExpectDownload(func() error { return a.page.GetByText("Export CSV").Click() })
	if err != nil {
		t.Fatal(err)
	}
	path, err := got.Path()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(strings.TrimSpace(string(text)), "\n"); len(lines) != 2 || !strings.Contains(lines[1], tom.email) {
		t.Errorf("the export holds %d lines: %s", len(lines), text)
	}

	// A member filters what happened in their organization.
	p := c.visitor(t, tom)
	p.signIn()
	p.open(c.org + "/activity")
	p.misses("Refused")
	p.selects("What", "joined")
	p.press("Filter")
	p.sees("as Team member")
	p.misses("added the organization")
	p.audit("activity-filtered")
}
