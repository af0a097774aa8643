package main

import (
	"go/ast"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
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

func TestEveryAbuseCaseIsListedWithATestThatExists(t *testing.T) {
	tests := map[string]bool{}
	goFiles(t, func(folder, name string, f *ast.File) {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasSuffix(name, "_test.go") {
				tests[folder+": "+fn.Name.Name] = true
			}
		}
	})
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
