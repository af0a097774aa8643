// Mutate takes every check on permission out of Portico, one at a time, and says
// which of these mutations no test notices:
//
//	go run ./e2e/mutate                 all of them: an hour or so
//	go run ./e2e/mutate -sample 100     as many, chosen by -seed
//	go run ./e2e/mutate -only tx.go     those whose place or text has that in it
//	go run ./e2e/mutate -numbers 1-100  those with these numbers
//	go run ./e2e/mutate -quick          only with the quick tests, which know who may do what,
//	                                    and those nearest to each
//	go run ./e2e/mutate -keep DIR       keeps the compiled tests there, and uses those that are there
//	go run ./e2e/mutate -list           says which there are
//
// All mutations are compiled into one test binary a package, each behind a number
// that the environment switches on, so that the tree stays as it is and nothing is
// compiled twice. What counts as a check is in sites.go.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/format"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

var packages = []string{"portal", "db", "handlers"}

// A round runs some tests of a package; the quick ones, which know who may do
// what, come first.
type round struct{ pkg, run, skip string }

const slow = `Race|Kill|Cut|Slow|Full|Big|Haste|Backup|Plan|Migrat|Upgrade|Million|Model`

var rounds = []round{
	{"portal", "", ""},
	{"db", `EveryOperationIsRefused|IdsOfOthers|ASuspendedOrganization|EveryOperationIsDone`, ""},
	{"db", `NeitherChangesNorShows`, ""},
	{"handlers", `EveryRoute|InsideOnesOwn`, ""},
	{"handlers", "", slow},
	{"db", "", slow},
}

const quickOnes = 4

func main() {
	sample := flag.Int("sample", 0, "how many to try; 0: all")
	seed := flag.Uint64("seed", 1, "which ones -sample chooses")
	only := flag.String("only", "", "only those whose place or text has this in it")
	numbers := flag.String("numbers", "", "only these, as in 1-100,117")
	quick := flag.Bool("quick", false, "only with the quick tests")
	keep := flag.String("keep", "", "folder for the compiled tests; used again as long as the code is the same")
	list := flag.Bool("list", false, "only say which there are")
	flag.Parse()
	wanted := func(s site) bool { return strings.Contains(s.String(), *only) && among(s.number, *numbers) }
	if err := mutate(wanted, *sample, *seed, *quick, *list, *keep); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// among reports whether a number is in a list like 1-100,117; an empty one has all.
func among(number int, list string) bool {
	for part := range strings.SplitSeq(list, ",") {
		first, last, ok := strings.Cut(part, "-")
		if !ok {
			last = first
		}
		from, _ := strconv.Atoi(first)
		if to, _ := strconv.Atoi(last); list == "" || from <= number && number <= to {
			return true
		}
	}
	return false
}

func mutate(wanted func(site) bool, sample int, seed uint64, quick, list bool, keep string) error {
	dir, err := os.MkdirTemp("", "portico-mutate")
	if err != nil {
		return err
	}
	defer func(made string) { os.RemoveAll(made) }(dir)
	overlay := map[string]string{}
	var sites []site
	for _, pkg := range packages {
		found, err := read(pkg, &sites)
		if err != nil {
			return err
		}
		found[filepath.Join(pkg, "mutants.go")] = []byte("package " + pkg + helpers[pkg])
		for name, text := range found {
			if text, err = format.Source(text); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			to := filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
			if err := os.WriteFile(to, text, 0o600); err != nil {
				return err
			}
			absolute, err := filepath.Abs(name)
			if err != nil {
				return err
			}
			overlay[absolute] = to
		}
	}
	chosen := slices.DeleteFunc(slices.Clone(sites), func(s site) bool { return !wanted(s) })
	if sample > 0 && sample < len(chosen) {
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
		chosen = chosen[:sample]
		slices.SortFunc(chosen, func(a, b site) int { return cmp.Compare(a.number, b.number) })
	}
	if list {
		for _, s := range chosen {
			fmt.Println(s)
		}
		fmt.Println(len(chosen), "of", len(sites))
		return nil
	}
	replaced, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, replaced, 0o600); err != nil {
		return err
	}
	if keep != "" {
		if err := os.MkdirAll(keep, 0o700); err != nil {
			return err
		}
		dir = keep
	}
	built := false
	for _, pkg := range packages {
		if _, err := os.Stat(filepath.Join(dir, pkg+".test")); err == nil {
			continue
		}
		built = true
		build := exec.Command("go", "test", "-c", "-vet=off", "-overlay", file, "-o", filepath.Join(dir, pkg+".test"), "./"+pkg)
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("%s does not compile: %w\n%s", pkg, err, out)
		}
	}
	for _, r := range rounds[:quickOnes] {
		if !built {
			break // it was tried before
		}
		if failed, out := r.fails(dir, 0); failed {
			return fmt.Errorf("the tests of %s fail with nothing taken out:\n%s", r.pkg, out)
		}
	}
	// The quick tests first for all, then the others for those that they let through.
	var left []site
	for _, s := range chosen {
		near, err := s.nearest()
		if err != nil {
			return err
		}
		if by := s.caughtBy(dir, slices.Concat(s.own(), rounds[:quickOnes], near)); by != "" {
			fmt.Printf("%s\n\tcaught by %s\n", s, by)
		} else {
			left = append(left, s)
		}
	}
	caught, same := len(chosen)-len(left), 0
	fmt.Printf("%d of %d caught by the quick tests\n", caught, len(chosen))
	for _, s := range left {
		verdict := "SURVIVES"
		if quick {
			verdict = "survives the quick tests"
		} else if by := s.caughtBy(dir, rounds[quickOnes:]); by != "" {
			verdict = "caught by " + by
			caught++
		} else if why := equivalent[s.key()]; why != "" {
			verdict = "changes nothing: " + why
			same++
		}
		fmt.Printf("%s\n\t%s\n", s, verdict)
	}
	fmt.Printf("%d checks found, %d taken out, %d caught by a test, %d change nothing, %d survive\n", len(sites), len(chosen), caught, same, len(chosen)-caught-same)
	return nil
}

// caughtBy is the first test that fails with the check taken out, or "".
func (s site) caughtBy(dir string, rounds []round) string {
	for _, r := range rounds {
		if slices.Index(packages, r.pkg) < slices.Index(packages, s.pkg) {
			continue // imports go one way: it cannot notice
		}
		if failed, out := r.fails(dir, s.number); failed {
			return r.pkg + ": " + firstFailure(out)
		}
	}
	return ""
}

// own are the tests of the operation that the site stands in.
func (s site) own() []round {
	if s.pkg != "db" || !ast.IsExported(s.in) {
		return nil
	}
	return []round{{s.pkg, "(" + rounds[1].run + "|" + rounds[2].run + ")/^" + s.in + "$", ""}}
}

// nearest are the tests of the site's package that stand in the file beside it or
// name what it stands in.
func (s site) nearest() ([]round, error) {
	files, err := filepath.Glob(s.pkg + "/*_test.go")
	if err != nil {
		return nil, err
	}
	var tests []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		beside := filepath.Base(file) == strings.TrimSuffix(s.file, ".go")+"_test.go"
		for test := range strings.SplitSeq(string(text), "\nfunc Test") {
			name, body, isTest := strings.Cut(test, "(t *testing.T) {")
			if isTest && !strings.Contains(name, "\n") && (beside || strings.Contains(body, "."+s.in+"(")) {
				tests = append(tests, "Test"+name)
			}
		}
	}
	if tests == nil {
		return nil, nil
	}
	return []round{{s.pkg, "^(" + strings.Join(tests, "|") + ")$", slow}}, nil
}

// fails reports whether a round's tests fail with a mutation. A test that does
// not come to an end has failed too.
func (r round) fails(dir string, number int) (bool, string) {
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	defer cancel()
	args := []string{"-test.failfast"}
	if r.run != "" {
		args = append(args, "-test.run", r.run)
	}
	if r.skip != "" {
		args = append(args, "-test.skip", r.skip)
	}
	test := exec.CommandContext(ctx, filepath.Join(dir, r.pkg+".test"), args...)
	test.Dir = r.pkg
	test.Env = append(os.Environ(), fmt.Sprintf("MUTANT=%d", number))
	var out bytes.Buffer
	test.Stdout, test.Stderr = &out, &out
	err := test.Run()
	return err != nil, out.String()
}

func firstFailure(out string) string {
	for line := range strings.Lines(out) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "--- FAIL: ") || strings.HasPrefix(line, "panic: ") {
			name, _, _ := strings.Cut(strings.TrimPrefix(line, "--- FAIL: "), " (")
			return name
		}
	}
	return "no end"
}
