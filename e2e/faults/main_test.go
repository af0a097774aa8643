package main

import (
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func TestTheTrustTestsAreThoseThatReportAndThoseOfAbuseCases(t *testing.T) {
	tests, err := find(fstest.MapFS{
		"db/a_test.go": {Data: []byte(`package db
			func TestReports(t *testing.T) { defer func() { t.Attr("faults", "a|1|1") }() }
			func TestReportsByAnother(t *testing.T) { f.counted(1) }
			func (f *scene) counted(n int) { noted(n) }
			func noted(n int) { f.t.Attr("faults", "b") }
			func TestCase_DB_03_SMTP_01(t *testing.T) {}
			func TestOther(t *testing.T) { t.Attr("size", "1"); other() }`)},
		"main_test.go": {Data: []byte(`package main
			func TestNothing_AT_ALL(t *testing.T) {}
			func TestCase_OPS_01(t *testing.T) {}`)},
		"db/db.go": {Data: []byte(`package db`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := pattern(tests), "^(TestCase_DB_03_SMTP_01|TestCase_OPS_01|TestReports|TestReportsByAnother)$"; got != want {
		t.Errorf("the pattern is %s, want %s", got, want)
	}
	if len(tests) != 2 || len(tests["."]) != 1 || len(tests["db"]) != 3 {
		t.Errorf("found are %v", tests)
	}
}

var spaces = regexp.MustCompile(` +`)

// said is what go test -json says of two packages.
func said(lines ...string) string { return strings.Join(lines, "\n") }

func TestTheTableAddsUpAndSaysWhatDidNotHold(t *testing.T) {
	tests := map[string][]string{"db": {"TestA_DB_01_DB_02", "TestB_DB_02", "TestC"}, ".": {"TestD_OPS_01"}}
	passed := []string{
		`{"Action":"start","Package":"portico/db"}`,
		`{"Action":"output","Package":"portico/db","Test":"TestC","Output":"    c_test.go:1: a word\n"}`,
		`{"Action":"attr","Package":"portico/db","Test":"TestC","Key":"faults","Value":"a fault|20|20"}`,
		`{"Action":"attr","Package":"portico/db","Test":"TestA_DB_01_DB_02","Key":"faults","Value":"a fault|3|3"}`,
		`{"Action":"attr","Package":"portico/db","Test":"TestC","Key":"other","Value":"x"}`,
		`{"Action":"pass","Package":"portico/db","Test":"TestA_DB_01_DB_02"}`,
		`{"Action":"pass","Package":"portico/db","Test":"TestB_DB_02"}`,
		`{"Action":"pass","Package":"portico","Test":"TestD_OPS_01"}`,
	}
	for _, c := range []struct {
		name, table, says, logs string
		also                    []string
	}{
		{"all held", "| a fault | 23 | 23 |", "", "",
			[]string{`{"Action":"pass","Package":"portico/db","Test":"TestC"}`}},
		{"one did not hold", "| b | 2 | 1 |", "b: 1 of 2 held", "",
			[]string{`{"Action":"attr","Package":"portico/db","Test":"TestC","Key":"faults","Value":"b|2|1"}`}},
		{"nothing was tried", "| b | 0 | 0 |", "b: it was not tried", "",
			[]string{`{"Action":"attr","Package":"portico/db","Test":"TestC","Key":"faults","Value":"b|0|0"}`}},
		{"a test fails", "| abuse cases of docs/abuse-cases.md, by 3 tests | 3 | 3 |", "portico/db TestC failed", "a word",
			[]string{`{"Action":"fail","Package":"portico/db","Test":"TestC"}`}},
		{"a case's test fails", "| abuse cases of docs/abuse-cases.md, by 3 tests | 3 | 2 |", "2 of 3 held", "",
			[]string{`{"Action":"fail","Package":"portico/db","Test":"TestB_DB_02"}`, `{"Action":"skip","Package":"portico/db","Test":"TestB_DB_02"}`}},
		{"a package does not compile", "", "portico/db failed", "undefined",
			[]string{`{"ImportPath":"portico/db [portico/db.test]","Action":"build-output","Output":"undefined: x\n"}`,
				`{"ImportPath":"portico/db [portico/db.test]","Action":"build-fail"}`, `{"Action":"fail","Package":"portico/db"}`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log, out strings.Builder
			r, err := read(strings.NewReader(said(append(passed, c.also...)...)), &log)
			if err != nil {
				t.Fatal(err)
			}
			r.cases(tests)
			r.print(&out)
			if !strings.Contains(spaces.ReplaceAllString(out.String(), " "), c.table) {
				t.Errorf("the table is\n%s", out.String())
			}
			if err := r.verdict(); (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("the verdict is %v, want %q", err, c.says)
			}
			if !strings.Contains(log.String(), c.logs) {
				t.Errorf("the log is %q, want %q in it", log.String(), c.logs)
			}
		})
	}
	for _, wrong := range []string{"a|1", "a|one|1", "a|1|1|1"} {
		if err := new(report).add(wrong); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}
