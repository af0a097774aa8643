package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayImport is the way imports go: portal ← db, mail, views ← handlers ← main.
// For each folder with Go files: which of our own packages and which libraries
// its code may use, and which of both its tests may use besides.
var mayImport = map[string]struct{ own, libraries, inTests []string }{
	"portal": {nil, []string{"golang.org/x/text/", "golang.org/x/net/"}, []string{"pgregory.net/rapid"}},
	"db": {[]string{"portal"}, []string{"github.com/mattn/go-sqlite3", "github.com/pressly/goose/", "golang.org/x/crypto/", "golang.org/x/text/"},
		[]string{"pgregory.net/rapid", "github.com/google/go-cmp/"}},
	"mail": {[]string{"portal"}, []string{"github.com/jordan-wright/email", "github.com/yuin/goldmark", "golang.org/x/", "github.com/emersion/go-sasl"},
		[]string{"github.com/emersion/go-smtp", "github.com/PuerkitoBio/goquery", "github.com/google/go-cmp/", "pgregory.net/rapid", "portico/db", "portico/e2e/hostile"}},
	"assets": {nil, nil, nil},
	// What tests type into every field.
	"e2e/hostile": {nil, nil, nil},
	"views": {[]string{"portal", "assets"}, []string{"github.com/a-h/templ", "golang.org/x/", "rsc.io/qr"},
		[]string{"github.com/PuerkitoBio/goquery", "github.com/google/go-cmp/"}},
	"handlers": {[]string{"portal", "db", "mail", "views", "assets"},
		[]string{"github.com/gofiber/fiber/v2", "github.com/valyala/fasthttp", "github.com/gorilla/sessions", "github.com/a-h/templ", "golang.org/x/"},
		[]string{"github.com/PuerkitoBio/goquery", "github.com/google/go-cmp/", "pgregory.net/rapid", "github.com/emersion/", "portico/e2e/hostile"}},
	// The journeys know Portico as a person and a thief do: by its program, its
	// pages, its mail and its file.
	"e2e": {nil, nil, []string{"github.com/", "golang.org/x/", "portico/e2e/hostile"}},
	// So do those who break what it stands on.
	"e2e/faults":   {nil, nil, []string{"github.com/", "golang.org/x/"}},
	"e2e/upgrades": {nil, nil, []string{"github.com/"}},
	// The loader drives the real program too, and fills its file.
	"e2e/load":        {nil, nil, nil},
	"e2e/verifybench": {[]string{"e2e/load"}, []string{"github.com/gofiber/fiber/v2", "github.com/mattn/go-sqlite3"}, nil},
	// Its yardsticks show the same pages as the program.
	"e2e/bench": {[]string{"e2e/load", "portal", "views"}, []string{"github.com/gofiber/fiber/v2", "github.com/mattn/go-sqlite3", "github.com/a-h/templ", "golang.org/x/crypto/argon2"}, nil},
	// It takes the code apart as text.
	"e2e/mutate": {nil, nil, nil},
	".":          {[]string{"portal", "db", "mail", "views", "assets", "handlers"}, []string{"github.com/", "golang.org/x/", "pgregory.net/"}, nil},
}

// impure are the packages of the standard library that do something besides
// computing: none of them belongs where the rules are.
var impure = []string{"context", "database/sql", "io", "io/fs", "io/ioutil", "log", "log/slog", "net", "net/http", "net/mail", "net/smtp", "net/netip",
	"os", "os/exec", "os/signal", "path/filepath", "runtime", "syscall", "testing"}

func goFiles(t *testing.T, visit func(folder, name string, f *ast.File)) {
	t.Helper()
	set := token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); path != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		f, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			return err
		}
		visit(filepath.ToSlash(filepath.Dir(path)), filepath.Base(path), f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func begins(s string, with []string) bool {
	return slices.ContainsFunc(with, func(w string) bool { return s == strings.TrimSuffix(w, "/") || strings.HasPrefix(s, w) })
}

func TestImportsGoOneWay(t *testing.T) {
	goFiles(t, func(folder, name string, f *ast.File) {
		rule, known := mayImport[folder]
		if !known {
			t.Errorf("%s has Go files, but no rule says what it may import", folder)
			return
		}
		test := strings.HasSuffix(name, "_test.go")
		for _, spec := range f.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			own, ours := strings.CutPrefix(path, "portico/")
			first, _, _ := strings.Cut(path, "/")
			var ok bool
			switch {
			case ours:
				ok = slices.Contains(rule.own, own) || own == folder && test
			case !strings.Contains(first, "."):
				ok = folder != "portal" || test || !slices.Contains(impure, path)
			default:
				ok = begins(path, rule.libraries)
			}
			if !ok && !(test && begins(path, rule.inTests)) {
				t.Errorf("%s/%s may not import %s", folder, name, path)
			}
		}
	})
}

func TestTimeIsAnArgumentOfTheRulesAndAFieldOfTheStore(t *testing.T) {
	clocks := 0
	goFiles(t, func(folder, name string, f *ast.File) {
		if folder != "portal" && folder != "db" || strings.HasSuffix(name, "_test.go") {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "After", "Tick", "Sleep"}, s.Sel.Name) {
				if folder == "db" && name == "store.go" && s.Sel.Name == "Now" {
					clocks++
					return true
				}
				t.Errorf("%s/%s reads the clock by time.%s", folder, name, s.Sel.Name)
			}
			return true
		})
	})
	if clocks != 1 {
		t.Errorf("db reads the clock at %d places, want only where Store.Now is set", clocks)
	}
}

var (
	inlineCode = regexp.MustCompile(`(?i)[\s{"](style|on[a-z]+|hx-on[-:a-z]*)\s*[?]?=`)
	inlineTag  = regexp.MustCompile(`(?i)<style\b|<script\b[^>]*>[^<\s]|javascript:`)
	rawAddress = regexp.MustCompile(`\s(formaction|src|srcset|poster|hx-[a-z-]+)\??=\{\s*(.+?)\s*\}`)
	spread     = regexp.MustCompile(`templ\.(Raw|JSFuncCall|JSUnsafeFuncCall|SafeScript)\b`)
)

// builtAddresses are the expressions that may stand where templ does not clean
// addresses: constants behind a function, fields that only handlers fill with
// addresses of ours, and ids.
var builtAddresses = regexp.MustCompile(`^(assets\.Path\("[a-z0-9.-]+"\)|[fbl]\.(Action|Href)|"#[a-z-]+-?" \+ [a-z]\.PublicID|at \+ "[a-z/?=&-]+")$`)

func TestTemplatesHoldNoCodeAndNoAddressThatAnybodyTyped_XSS_02_XSS_03(t *testing.T) {
	files, err := filepath.Glob("views/*.templ")
	if err != nil || len(files) == 0 {
		t.Fatalf("no templates: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if m := inlineCode.FindStringSubmatch(line); m != nil {
				t.Errorf("%s:%d has the inline attribute %s", file, i+1, m[1])
			}
			if m := inlineTag.FindString(line); m != "" {
				t.Errorf("%s:%d has inline code: %s", file, i+1, m)
			}
			if m := spread.FindString(line); m != "" {
				t.Errorf("%s:%d writes text that templ does not escape: %s", file, i+1, m)
			}
			for _, m := range rawAddress.FindAllStringSubmatch(line, -1) {
				if !builtAddresses.MatchString(m[2]) {
					t.Errorf("%s:%d puts %s into %s, which templ does not clean; if it is built by us, add it to builtAddresses", file, i+1, m[2], m[1])
				}
			}
		}
	}
}

func TestTheChecksOfTemplatesSeeWhatTheyShould(t *testing.T) {
	for _, c := range []struct {
		line string
		re   *regexp.Regexp
		hit  bool
	}{
		{`<p style="color:red">`, inlineCode, true},
		{`<button onclick="x()">`, inlineCode, true},
		{`<button hx-on:click="x()">`, inlineCode, true},
		{`<button hx-on::after-request={ x }>`, inlineCode, true},
		{`<a data-style="x" content="a">`, inlineCode, false},
		{`<script>alert(1)</script>`, inlineTag, true},
		{`<style>p{}</style>`, inlineTag, true},
		{`<script src={ assets.Path("theme.js") }></script>`, inlineTag, false},
		{`<button formaction={ x }>`, rawAddress, true},
		{`<form action={ templ.SafeURL(x) }>`, rawAddress, false},
	} {
		if got := c.re.MatchString(c.line); got != c.hit {
			t.Errorf("%s: seen %v, want %v", c.line, got, c.hit)
		}
	}
	for expression, ok := range map[string]bool{
		`assets.Path("app.js")`: true, `f.Action`: true, `at + "/reveal"`: true, `"#credential-" + c.PublicID`: true,
		`u.Website`: false, `inv.Email`: false, `"/x?q=" + query`: false, `o.Name`: false,
	} {
		if builtAddresses.MatchString(expression) != ok {
			t.Errorf("%s may stand as an address: %v, want %v", expression, !ok, ok)
		}
	}
}

// The program calls nobody but its mail server: no address that somebody types is
// ever fetched.
func TestNothingIsFetched_INJ_07(t *testing.T) {
	callers := []string{"Get", "Post", "PostForm", "Head", "Client", "DefaultClient", "DefaultTransport", "Transport", "NewRequest", "NewRequestWithContext", "Dial", "DialTimeout", "Dialer", "DialTCP", "DialContext"}
	goFiles(t, func(folder, name string, f *ast.File) {
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(folder, "e2e") {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := s.X.(*ast.Ident)
			if ok && (x.Name == "http" || x.Name == "net" || x.Name == "fasthttp") && slices.Contains(callers, s.Sel.Name) && !(folder == "mail" && name == "smtp.go") {
				t.Errorf("%s/%s calls somebody by %s.%s", folder, name, x.Name, s.Sel.Name)
			}
			return true
		})
	})
}

func TestNoOtherProgramIsStarted(t *testing.T) {
	goFiles(t, func(folder, name string, f *ast.File) {
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(folder, "e2e") {
			return
		}
		for _, spec := range f.Imports {
			if path, _ := strconv.Unquote(spec.Path.Value); path == "os/exec" || path == "plugin" {
				t.Errorf("%s/%s imports %s", folder, name, path)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := s.X.(*ast.Ident)
			if ok && (x.Name == "os" || x.Name == "syscall") && slices.Contains([]string{"StartProcess", "ForkExec", "Exec"}, s.Sel.Name) {
				t.Errorf("%s/%s starts another program by %s.%s", folder, name, x.Name, s.Sel.Name)
			}
			return true
		})
	})
}
