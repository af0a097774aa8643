package e2e

import (
	"strings"
	"testing"
)

func TestOneChangedByteOfTheAuditLogIsNamed(t *testing.T) {
	journey(t)
	s := newScene(t)
	s.added("Acme Inc", rita)

	verify := func() (string, error) { return s.command("", "audit", "verify") }
	if out, err := verify(); err != nil || !strings.Contains(out, "The audit log is whole") {
		t.Fatalf("audit verify beside the running portal: %v, %s", err, out)
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
	out, err := verify()
	if err == nil || !strings.Contains(out, "entry 3 of the audit log") {
		t.Errorf("audit verify after a changed byte: %v, %s", err, out)
	}
}
