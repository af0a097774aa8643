// Command faults runs the tests that attack Portico and break what it stands on,
// and prints one table of them: the attack or fault, how often it was tried, and
// how often what is promised held. Run it in the repository:
//
//	go run ./e2e/faults         the short forms, as in go test ./...
//	go run ./e2e/faults -long   the full numbers
//
// It ends with status 1 if a test failed, or something held less often than it
// was tried.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

func main() {
	long := flag.Bool("long", false, "run the full numbers (TEST_LONG=1), which takes hours")
	flag.Parse()
	if err := run(*long, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "faults: "+err.Error())
		os.Exit(1)
	}
}

func run(long bool, out, log io.Writer) error {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("find the repository: %w", err)
	}
	dir := strings.TrimSpace(string(root))
	tests, err := find(os.DirFS(dir))
	if err != nil {
		return fmt.Errorf("read the tests: %w", err)
	}
	args := []string{"test", "-json", "-count=1", "-timeout", "30m", "-run", pattern(tests)}
	if long {
		args[4] = "12h"
	}
	for _, folder := range slices.Sorted(maps.Keys(tests)) {
		args = append(args, "./"+folder)
	}
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Stderr = dir, log
	if long {
		cmd.Env = append(os.Environ(), "TEST_LONG=1")
	}
	events, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start go test: %w", err)
	}
	r, err := read(events, log)
	if err = errors.Join(err, cmd.Wait()); err != nil {
		err = fmt.Errorf("go test: %w", err)
	}
	r.cases(tests)
	r.print(out)
	return errors.Join(err, r.verdict())
}

var caseID = regexp.MustCompile(`_([A-Z]+_\d\d)`)

// find lists the trust tests by their folders: those that report what they have
// tried, as the attribute "faults", and those of the abuse cases, whose names carry ids.
func find(repository fs.FS) (map[string][]string, error) {
	functions := map[string]map[string]*ast.FuncDecl{} // by folder and name
	err := fs.WalkDir(repository, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := fs.ReadFile(repository, path)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder := filepath.ToSlash(filepath.Dir(path))
		if functions[folder] == nil {
			functions[folder] = map[string]*ast.FuncDecl{}
		}
		for _, d := range f.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
				functions[folder][f.Name.Name] = f
			}
		}
		return nil
	})
	tests := map[string][]string{}
	for folder, all := range functions {
		reporting := map[string]bool{"Attr": true}
		for grown := true; grown; {
			grown = false
			for name, f := range all {
				if !reporting[name] && reports(f, reporting) {
					reporting[name], grown = true, true
				}
			}
		}
		for name := range all {
			if strings.HasPrefix(name, "Test") && (reporting[name] || caseID.MatchString(name)) {
				tests[folder] = append(tests[folder], name)
			}
		}
		slices.Sort(tests[folder])
	}
	return tests, err
}

// reports says whether f calls t.Attr("faults", …), or one of ours that does.
func reports(f *ast.FuncDecl, reporting map[string]bool) (found bool) {
	ast.Inspect(f.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		name := ""
		switch fun := call.Fun.(type) {
		case *ast.Ident:
			name = fun.Name
		case *ast.SelectorExpr:
			name = fun.Sel.Name
		}
		if name == "Attr" {
			literal, ok := call.Args[0].(*ast.BasicLit)
			found = found || ok && literal.Value == `"faults"`
		} else {
			found = found || reporting[name]
		}
		return true
	})
	return found
}

// pattern is for -run.
func pattern(tests map[string][]string) string {
	var all []string
	for _, names := range tests {
		all = append(all, names...)
	}
	slices.Sort(all)
	return "^(" + strings.Join(slices.Compact(all), "|") + ")$"
}

// event is what go test -json says.
type event struct {
	Action, ImportPath, Package, Test, Output, Key, Value string
}

// row is one attack or fault.
type row struct {
	name        string
	tried, held int
}

type report struct {
	rows   []row
	passed map[string]bool // by package and name, of whole tests
	failed []string
}

// read follows the tests. What a test printed that fails goes to log.
func read(events io.Reader, log io.Writer) (*report, error) {
	r := &report{passed: map[string]bool{}}
	printed := map[string]*strings.Builder{}
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return r, fmt.Errorf("read %q: %w", lines.Text(), err)
		}
		name := e.ImportPath + e.Package + " " + e.Test // what is built has only the first
		switch e.Action {
		case "output", "build-output":
			if printed[name] == nil {
				printed[name] = &strings.Builder{}
			}
			printed[name].WriteString(e.Output)
		case "attr":
			if e.Key != "faults" {
				continue
			}
			if err := r.add(e.Value); err != nil {
				return r, fmt.Errorf("%s: %w", name, err)
			}
		case "pass", "skip":
			r.passed[name] = e.Action == "pass"
			delete(printed, name)
		case "fail", "build-fail":
			r.failed = append(r.failed, strings.TrimSpace(name))
			if text := printed[name]; text != nil {
				fmt.Fprintf(log, "%s fails:\n%s\n", strings.TrimSpace(name), text)
			}
			delete(printed, name)
		}
	}
	return r, lines.Err()
}

// add takes what a test reports: "name|tried|held". The same attack from several
// tests is one.
func (r *report) add(value string) error {
	words := strings.Split(value, "|")
	if len(words) != 3 {
		return fmt.Errorf("it reports %q, which is not name|tried|held", value)
	}
	tried, triedErr := strconv.Atoi(words[1])
	held, heldErr := strconv.Atoi(words[2])
	if err := errors.Join(triedErr, heldErr); err != nil {
		return fmt.Errorf("it reports %q: %w", value, err)
	}
	for i := range r.rows {
		if r.rows[i].name == words[0] {
			r.rows[i].tried, r.rows[i].held = r.rows[i].tried+tried, r.rows[i].held+held
			return nil
		}
	}
	r.rows = append(r.rows, row{words[0], tried, held})
	return nil
}

// cases adds a row for all abuse cases: one is held if every test that carries
// its id ran and passed.
func (r *report) cases(tests map[string][]string) {
	held, carrying := map[string]bool{}, 0
	for folder, names := range tests {
		for _, name := range names {
			ids := caseID.FindAllStringSubmatch(name, -1)
			if len(ids) > 0 {
				carrying++
			}
			for _, id := range ids {
				before, known := held[id[1]]
				held[id[1]] = (before || !known) && r.passed[strings.TrimSuffix("portico/"+folder, "/.")+" "+name]
			}
		}
	}
	all := row{name: fmt.Sprintf("abuse cases of docs/abuse-cases.md, by %d tests", carrying), tried: len(held)}
	for _, ok := range held {
		if ok {
			all.held++
		}
	}
	r.rows = append(r.rows, all)
}

func (r *report) print(out io.Writer) {
	slices.SortFunc(r.rows, func(a, b row) int { return strings.Compare(a.name, b.name) })
	wide := len("attack or fault")
	for _, one := range r.rows {
		wide = max(wide, utf8.RuneCountInString(one.name))
	}
	fmt.Fprintf(out, "| %-*s |   tried |    held |\n| %s | ------: | ------: |\n", wide, "attack or fault", strings.Repeat("-", wide))
	for _, one := range r.rows {
		fmt.Fprintf(out, "| %-*s | %7d | %7d |\n", wide, one.name, one.tried, one.held)
	}
}

// verdict is nil if everything held.
func (r *report) verdict() error {
	var broken []string
	for _, one := range r.rows {
		if one.held < one.tried {
			broken = append(broken, fmt.Sprintf("%s: %d of %d held", one.name, one.held, one.tried))
		}
		if one.tried == 0 {
			broken = append(broken, one.name+": it was not tried")
		}
	}
	for _, name := range r.failed {
		broken = append(broken, name+" failed")
	}
	if len(broken) > 0 {
		return errors.New("not everything held:\n\t" + strings.Join(broken, "\n\t"))
	}
	return nil
}
