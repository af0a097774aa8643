package handlers

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"portico/portal"
)

func TestWhoIsKeptOutIsNotedWhenTheyWouldChangeSomething_AUD_03(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	last := func() string {
		return strings.Join(w.strings(`SELECT actor_mail || ' ' || subject FROM audit WHERE refused = 1 ORDER BY id`), "\n")
	}
	acme, rigel := "/o/"+w.ids["Acme"], "/admin/organizations/"+w.ids["Rigel"]
	w.browser("bea").get(acme+"/users").is(t, 404)
	w.browser("ann").get(rigel).is(t, 404)
	if got := last(); got != "" {
		t.Errorf("looking is noted: %s", got)
	}
	w.browser("bea").post(acme+"/settings", p("name", "Mine")).is(t, 404)
	w.browser("ann").post(rigel+"/approval", p("name", "Mine")).is(t, 404)
	w.browser("abe").post(acme+"/settings", p("name", "Mine")).is(t, 403)
	w.browser("").post(acme+"/settings", p("name", "Mine")).to(t, "/login")
	const token = "abcdefghijklmnopqrstuvwxyz0123456789"
	w.browser("stan").post(acme+"/"+token, p()).is(t, 404)
	want := "bea@example.org " + acme + "/settings\nann@example.org " + rigel + "/approval\nabe@example.org " + acme + "/settings\nstan@example.org " + acme + "/…"
	if got := last(); got != want {
		t.Errorf("noted is\n%s\nwant\n%s", got, want)
	}
}

func TestTheAuditLogIsExportedWholeAndSafeForSpreadsheets_INJ_02_TEN_11(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"=1+1", "+1", "-1", "@x", "plain", "a=1"} {
		w.exec(`INSERT INTO audit (at, actor_name, actor_mail, kind, subject, detail, ip) VALUES (1, ?1, ?1, 'joined', 'a, "b"', ?1, '')`, name)
	}
	w.exec(`INSERT INTO audit (at, actor_name, actor_mail, kind, subject, detail, ip) VALUES (1, ?, ?, 'joined', ?, '', '')`, "\ttab", "\rreturn", "\nline")
	n := int(w.number(`SELECT count(*) FROM audit`))

	a := w.browser("ada").get("/admin/audit-log.csv").is(t, 200)
	if got := a.header.Get("Content-Type"); got != "text/csv; charset=utf-8" {
		t.Errorf("its type is %s", got)
	}
	if got := a.header.Get("Content-Disposition"); !strings.HasPrefix(got, `attachment; filename="portico-audit-log-`) {
		t.Errorf("it is to be kept as %s", got)
	}
	rows, err := csv.NewReader(strings.NewReader(a.body)).ReadAll()
	w.must(err)
	if len(rows) != n+1 || len(rows[0]) != 12 {
		t.Fatalf("there are %d rows of %d cells, want %d of 12", len(rows), len(rows[0]), n+1)
	}
	names := map[string]bool{}
	for _, row := range rows {
		for _, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
				t.Errorf("a spreadsheet calculates %q", cell)
			}
		}
		names[row[3]] = true
	}
	for _, want := range []string{"'=1+1", "'+1", "'-1", "'@x", "plain", "a=1", "'\ttab", "Ada Test"} {
		if !names[want] {
			t.Errorf("no name is %q", want)
		}
	}

	a = w.browser("ada").get("/admin/audit-log.jsonl?kind=joined&person=plain").is(t, 200)
	var e exported
	if err := json.Unmarshal([]byte(a.body), &e); err != nil || e.Name != "plain" || e.Detail != "plain" || e.What != "joined" || e.ID == 0 || e.Time != "1970-01-01T00:00:00.001Z" {
		t.Errorf("as a line of JSON it is %+v (%v), from %s", e, err, a.body)
	}
	whole := w.browser("ada").get("/admin/audit-log.jsonl")
	if got := strings.Count(whole.body, "\n"); got != n {
		t.Errorf("there are %d lines, want %d", got, n)
	}
	w.browser("ada").get("/admin/audit-log.csv?from=someday").to(t, "/admin/audit-log?from=someday")
	w.browser("ada").get("/admin/audit-log?from=someday").is(t, 422).says(t, "Write the day like")
}

func TestAnExportOfAnyLengthTakesLittleMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const rows = 100_000
	w.exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO audit (at, actor_name, actor_mail, kind, subject, detail, ip) SELECT i, 'Ann Test', 'ann@example.org', 'signed in', '', '', '192.0.2.1' FROM n`, rows)
	ada := w.user("ada")
	x := &auditExport{as: asJSONLines, page: func(cursor string) (portal.Slice[portal.AuditEntry], error) {
		return w.store.AuditPage(t.Context(), ada, portal.AuditFilter{Kind: portal.AuditSignedIn}, cursor)
	}}
	lines, most := 0, 0
	buffer := make([]byte, 4096)
	for {
		n, err := x.Read(buffer)
		lines += bytes.Count(buffer[:n], []byte("\n"))
		if most = max(most, x.ready.Cap()); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if want := int(w.number(`SELECT count(*) FROM audit WHERE kind = 'signed in'`)); lines != want || lines < rows {
		t.Errorf("%d entries were exported, want %d", lines, want)
	}
	if most > 1<<20 {
		t.Errorf("%d octets were kept at once", most)
	}
	// What breaks off does not look like an end.
	calls := 0
	x = &auditExport{as: asCSV, page: func(string) (portal.Slice[portal.AuditEntry], error) {
		if calls++; calls > 1 {
			return portal.Slice[portal.AuditEntry]{}, errors.New("gone")
		}
		return portal.Slice[portal.AuditEntry]{Items: []portal.AuditEntry{{ID: 1}}, Next: "x"}, nil
	}}
	if text, err := io.ReadAll(x); err == nil || len(text) == 0 {
		t.Errorf("%d octets and %v", len(text), err)
	}
}

func TestListsOfEntriesAreFilteredByTheirAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.browser("ada")
	cells := func(a answer) string { return a.is(t, 200).text(t, "#page tbody") }
	all := cells(ada.get("/admin/audit-log"))
	ofBea := cells(ada.get("/admin/audit-log?person=bea%40example.org"))
	if !strings.Contains(ofBea, "bea@example.org") || len(ofBea) >= len(all) {
		t.Errorf("of bea there is %s", ofBea)
	}
	beta := cells(ada.get("/admin/audit-log?organization=beta"))
	if !strings.Contains(beta, "Beta") || strings.Contains(beta, "Acme") || beta != cells(ada.get("/admin/audit-log?org="+w.ids["Beta"])) {
		t.Errorf("of Beta there is %s", beta)
	}
	ada.get("/admin/audit-log?organization=nowhere").is(t, 422).says(t, "No organization is called that.")
	ada.get("/admin/audit-log?kind=what").is(t, 200).says(t, "Nothing found", "Clear the filters")
	ada.get("/admin/audit-log?from=2026-03-02&to=2026-03-01").is(t, 422).says(t, "This day is before the first one.")
	w.must(w.store.RenameOrg(t.Context(), w.in("bea", "Beta"), "Acme"))
	several := ada.get("/admin/audit-log?organization=acme&kind=joined").is(t, 422).says(t, "choose one below")
	if href, _ := several.page(t).Find(`a[href*="org="]`).First().Attr("href"); !strings.Contains(href, "kind=joined") || strings.Contains(href, "organization=") {
		t.Errorf("a choice leads to %s", href)
	}

	acme := "/o/" + w.ids["Acme"] + "/activity"
	if got := cells(w.browser("abe").get(acme + "?kind=joined")); !strings.Contains(got, "joined") || strings.Contains(got, "invited") {
		t.Errorf("who joined: %s", got)
	}
	w.browser("abe").get(acme+"?to=never").is(t, 422).says(t, "Write the day like")
	if got := w.browser("abe").get(acme).text(t, "select[name=kind]"); strings.Contains(got, "invited") || strings.Contains(got, "signed in") {
		t.Errorf("a Team member is offered %s", got)
	}
}
