package main

import (
	"fmt"
	"go/ast"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"portico/portal"
)

// abuseCases are the numbers of the cases that docs/abuse-cases.md has to list,
// by area.
var abuseCases = map[string]string{
	"INV":  "01 02 03 05 06 07 09 10 11 13 14 15 17 18 19 21 22 23 25 26 27 29 30",
	"REG":  "01 02 03 05 06 07 09 10 11 13 14",
	"ORG":  "01 02 03 05 06 07 09 10 11 13 14 15 17 18 19",
	"ROLE": "01 02 03 05 06 07 09 10 11 13 14 15",
	"TEN":  "01 02 03 05 06 07 09 10 11 13 14",
	"CRED": "01 02 03 05 06 07 09 10 11",
	"SESS": "01 02 03 05 06 07 09 10 11 13 14",
	"CSRF": "01 02 03 05 06 07 09 10",
	"ENUM": "01 02 03 05 06 07",
	"RST":  "01 02 03 05 06 07 09",
	"RED":  "01 02 03",
	"MAIL": "01 02 03 05 06 07 09 10 11",
	"XSS":  "01 02 03 05 06 07 09",
	"INJ":  "01 02 03 05 06 07",
	"DOS":  "01 02 03 05 06 07 09",
	"DB":   "01 02 03 05 06 07 09 10 11 13 14 15 17 18",
	"SMTP": "01 02 03 05 06 07 09",
	"AUD":  "01 02 03 05",
	"OPS":  "01 02 03 05 06 07",
}

// maxWithout is how many cases may go without a test of their own.
const maxWithout = 6

var (
	caseRow  = regexp.MustCompile(`(?m)^\| ([A-Z]+-\d\d) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$`)
	namedBy  = regexp.MustCompile("^([a-z0-9/.]+): `(Test\\w+)`$")
	markedAs = regexp.MustCompile(`^(not applicable|open): \S`)
)

// explained is how an exception to a tool's finding is written.
var explained = regexp.MustCompile(`^#nosec G\d{3} -- \w.+`)

func TestEveryExceptionToTheScannerSaysWhy(t *testing.T) {
	found := 0
	goFiles(t, func(folder, name string, f *ast.File) {
		for _, group := range f.Comments {
			for _, c := range group.List {
				text := strings.TrimSpace(strings.TrimPrefix(c.Text, "//"))
				if !strings.HasPrefix(text, "#nosec") {
					continue
				}
				found++
				if !explained.MatchString(text) {
					t.Errorf("%s/%s has %q, which names no rule or no reason", folder, name, text)
				}
			}
		}
	})
	if found == 0 {
		t.Error("no exception is found")
	}
}

// theTests are the tests that there are, as "folder: Name".
func theTests(t *testing.T) map[string]bool {
	t.Helper()
	tests := map[string]bool{}
	goFiles(t, func(folder, name string, f *ast.File) {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasSuffix(name, "_test.go") {
				tests[folder+": "+fn.Name.Name] = true
			}
		}
	})
	return tests
}

func TestEveryAbuseCaseIsListedWithATestThatExists(t *testing.T) {
	tests := theTests(t)
	text, err := os.ReadFile("docs/abuse-cases.md")
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for area, numbers := range abuseCases {
		for _, n := range strings.Fields(numbers) {
			if _, err := strconv.Atoi(n); err != nil {
				t.Fatal(err)
			}
			want = append(want, area+"-"+n)
		}
	}
	without := 0
	for _, row := range caseRow.FindAllStringSubmatch(string(text), -1) {
		id, shown := row[1], row[4]
		got = append(got, id)
		if markedAs.MatchString(shown) {
			without++
			continue
		}
		for _, one := range strings.Split(shown, "<br>") {
			named := namedBy.FindStringSubmatch(one)
			switch {
			case named == nil:
				t.Errorf("%s is shown by %q, which names no test", id, one)
			case !tests[named[1]+": "+named[2]]:
				t.Errorf("%s names %s in %s, which is not there", id, named[2], named[1])
			case !slices.Contains(strings.Split(strings.ReplaceAll(named[2], strings.ReplaceAll(id, "-", "_"), "|"), "_"), "|"):
				t.Errorf("%s names %s, whose name does not carry it", id, named[2])
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("listed are %d cases, want %d:\n%v\n%v", len(got), len(want), got, want)
	}
	if without > maxWithout {
		t.Errorf("%d cases have no test, want %d at most", without, maxWithout)
	}
}

// asvs are the numbers of the requirements of OWASP ASVS 5.0.0 of level 1 and of
// level 2, by section.
var asvs = map[string][2]string{
	"V1.1": {"", "1 2"}, "V1.2": {"1 2 3 4 5", "6 7 8 9"}, "V1.3": {"1 2", "3 4 5 6 7 8 9 10 11"}, "V1.4": {"", "1 2 3"}, "V1.5": {"1", "2"},
	"V2.1": {"1", "2 3"}, "V2.2": {"1 2", "3"}, "V2.3": {"1", "2 3 4"}, "V2.4": {"", "1"},
	"V3.2": {"1 2", ""}, "V3.3": {"1", "2 3 4"}, "V3.4": {"1 2", "3 4 5 6"}, "V3.5": {"1 2 3", "4 5"}, "V3.7": {"", "1 2"},
	"V4.1": {"1", "2 3"}, "V4.2": {"", "1"}, "V4.3": {"", "1 2"}, "V4.4": {"1", "2 3 4"},
	"V5.1": {"", "1"}, "V5.2": {"1 2", "3"}, "V5.3": {"1 2", ""}, "V5.4": {"", "1 2 3"},
	"V6.1": {"1", "2 3"}, "V6.2": {"1 2 3 4 5 6 7 8", "9 10 11 12"}, "V6.3": {"1 2", "3 4"}, "V6.4": {"1 2", "3 4"}, "V6.5": {"", "1 2 3 4 5"}, "V6.6": {"", "1 2 3"}, "V6.8": {"", "1 2 3 4"},
	"V7.1": {"", "1 2 3"}, "V7.2": {"1 2 3 4", ""}, "V7.3": {"", "1 2"}, "V7.4": {"1 2", "3 4 5"}, "V7.5": {"", "1 2"}, "V7.6": {"", "1 2"},
	"V8.1": {"1", "2"}, "V8.2": {"1 2", "3"}, "V8.3": {"1", ""}, "V8.4": {"", "1"},
	"V9.1": {"1 2 3", ""}, "V9.2": {"1", "2 3 4"},
	"V10.1": {"", "1 2"}, "V10.2": {"", "1 2"}, "V10.3": {"", "1 2 3 4"}, "V10.4": {"1 2 3 4 5", "6 7 8 9 10 11"}, "V10.5": {"", "1 2 3 4 5"}, "V10.6": {"", "1 2"}, "V10.7": {"", "1 2 3"},
	"V11.1": {"", "1 2"}, "V11.2": {"", "1 2 3"}, "V11.3": {"1 2", "3"}, "V11.4": {"1", "2 3 4"}, "V11.5": {"", "1"}, "V11.6": {"", "1"},
	"V12.1": {"1", "2 3"}, "V12.2": {"1 2", ""}, "V12.3": {"", "1 2 3 4"},
	"V13.1": {"", "1"}, "V13.2": {"", "1 2 3 4 5"}, "V13.3": {"", "1 2"}, "V13.4": {"1", "2 3 4 5"},
	"V14.1": {"", "1 2"}, "V14.2": {"1", "2 3 4"}, "V14.3": {"1", "2 3"},
	"V15.1": {"1", "2 3"}, "V15.2": {"1", "2 3"}, "V15.3": {"1", "2 3 4 5 6 7"},
	"V16.1": {"", "1"}, "V16.2": {"", "1 2 3 4 5"}, "V16.3": {"", "1 2 3 4"}, "V16.4": {"", "1 2 3"}, "V16.5": {"", "1 2 3"},
	"V17.1": {"", "1"}, "V17.2": {"", "1 2 3 4"}, "V17.3": {"", "1 2"},
}

// The standard has that many requirements of these levels.
const asvsLevel1, asvsLevel2 = 70, 183

var (
	asvsRow  = regexp.MustCompile(`(?m)^\| (V[\d.]+)(?: – (V[\d.]+))? \| (1|2|1, 2) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$`)
	linkedTo = regexp.MustCompile(`^\[([\w./-]+)\]\(([\w./-]+)\)$`)
)

// place is a number like V1.2.10 as one that can be compared.
func place(t *testing.T, number string) int {
	t.Helper()
	at := 0
	for _, part := range strings.Split(strings.TrimPrefix(number, "V"), ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			t.Fatalf("%s is no number of a requirement", number)
		}
		at = at*100 + n
	}
	return at
}

func TestEveryRequirementOfTheStandardIsAnsweredAndShown(t *testing.T) {
	tests := theTests(t)
	level := map[int]string{} // of each requirement
	counts := [2]int{}
	for section, numbers := range asvs {
		for i, list := range numbers {
			for _, n := range strings.Fields(list) {
				level[place(t, section+"."+n)] = strconv.Itoa(i + 1)
				counts[i]++
			}
		}
	}
	if counts != [2]int{asvsLevel1, asvsLevel2} {
		t.Errorf("the list has %v requirements", counts)
	}
	text, err := os.ReadFile("docs/asvs.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := asvsRow.FindAllStringSubmatch(string(text), -1)
	if lines := strings.Count(string(text), "\n| V"); lines != len(rows) {
		t.Errorf("%d of %d rows can be read", len(rows), lines)
	}
	last := 0
	for _, row := range rows {
		from, levels, does, shown := place(t, row[1]), row[3], row[5], row[6]
		to := from
		if row[2] != "" {
			to = place(t, row[2])
		}
		if from <= last {
			t.Errorf("%s stands behind a later one", row[1])
		}
		seen := map[string]bool{}
		for at := from; at <= to; at++ {
			if level[at] != "" {
				seen[level[at]] = true
				delete(level, at)
			}
		}
		if got := strings.Join(slices.Sorted(maps.Keys(seen)), ", "); got != levels {
			t.Errorf("%s is said to be of level %s, not %s", row[1], levels, got)
		}
		last = to
		if shown == "–" {
			if !strings.HasPrefix(does, "not met: ") && !strings.HasPrefix(does, "does not apply: ") {
				t.Errorf("%s is shown by nothing", row[1])
			}
			continue
		}
		for _, one := range strings.Split(shown, "<br>") {
			named, linked := namedBy.FindStringSubmatch(one), linkedTo.FindStringSubmatch(one)
			switch {
			case named != nil && !tests[named[1]+": "+named[2]]:
				t.Errorf("%s names %s in %s, which is not there", row[1], named[2], named[1])
			case named == nil && linked == nil:
				t.Errorf("%s is shown by %q, which names no test and no file", row[1], one)
			case linked != nil:
				if _, err := os.Stat(filepath.Join("docs", linked[2])); err != nil || linked[2] != "../"+linked[1] {
					t.Errorf("%s names the file %s, which is not there", row[1], linked[1])
				}
			}
		}
	}
	for at := range level {
		t.Errorf("V%d.%d.%d is not answered", at/10000, at/100%100, at%100)
	}
}

func TestTheLimitsInTheDocumentationAreThoseOfTheProgram(t *testing.T) {
	text, err := os.ReadFile("SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "\n## Limits\n")
	table, _, _ = strings.Cut(table, "\n## ")
	words := map[time.Duration]string{time.Minute: "1 minute", 15 * time.Minute: "15 minutes", time.Hour: "1 hour", 24 * time.Hour: "24 hours"}
	var want []string
	for _, l := range []portal.Limit{portal.LimitSignInAccount, portal.LimitSignInAddress, portal.LimitSignInDevice, portal.LimitCode, portal.LimitRegister, portal.LimitReset,
		portal.LimitProof, portal.LimitEmail, portal.LimitInvite, portal.LimitResendMinute, portal.LimitResendDay, portal.LimitOrgRequest, portal.LimitInviteCode,
		portal.LimitAskAgain, portal.LimitTestMail} {
		want = append(want, fmt.Sprintf("| %s | %d | %s |", l.Words, l.Max, words[l.Window]))
	}
	var got []string
	for _, line := range strings.Split(table, "\n") {
		if strings.HasPrefix(line, "| ") {
			got = append(got, line)
		}
	}
	if want = append([]string{"| at most | how many | in |", "| --- | --- | --- |"}, want...); !slices.Equal(got, want) {
		t.Errorf("SECURITY.md says\n%s\nand the program\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for what, n := range map[string]int{"open invitations": portal.MaxPendingInvitations, "teams": portal.MaxTeams, "working\nkeys": portal.MaxCredentials, "rows": portal.MaxInviteRows,
		"characters (a setting": portal.DefaultSettings().MinPassword, "of any kind": portal.MaxPassword} {
		if said := strconv.Itoa(n) + " " + what; !strings.Contains(strings.ReplaceAll(string(text), ", of any kind", " of any kind"), said) {
			t.Errorf("SECURITY.md does not say %q", said)
		}
	}
}
