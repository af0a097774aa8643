package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A site is a check on permission that can be taken out.
type site struct {
	number        int
	pkg, file, in string
	line          int
	kind, text    string
}

func (s site) String() string {
	return fmt.Sprintf("%d %s/%s:%d %s [%s] %s", s.number, s.pkg, s.file, s.line, s.in, s.kind, s.text)
}

// key names a site also after lines have moved.
func (s site) key() string { return s.in + ": " + s.text }

// Kinds of checks:
//
//	refusal  an if or case that refuses somebody; it no longer does
//	policy   a condition of a rule of who may; it always holds
//	answer   a rule that is asked otherwise; it always says yes
//	action   the action that an operation or page is held to; everybody may do it
//	admins   an operation for portal admins; it is open
//	door     a guard before routes; it lets everybody through
//	tenant   whose rows an operation reads or writes; everybody's
const (
	refusal = "refusal"
	policy  = "policy"
	answer  = "answer"
	action  = "action"
	admins  = "admins"
	door    = "door"
	tenant  = "tenant"
)

var (
	// rules are the functions that say who may.
	rules = regexp.MustCompile(`^(May|MayGrant|MaySignIn|IsAdmin|Sees|SignedIn|Member|KeysFor|Provisioned|sameOrigin|mayUse|mayManageTeams|mayTake)$`)
	// steps are those that return what is wrong.
	steps = regexp.MustCompile(`^(mayPart|mayProve|mayComeIn|needsFactor|adminNeedsFactor)$`)
	// standing is what a condition about somebody's standing mentions.
	standing = regexp.MustCompile(`\.(UserID|OwnerID|OrgID|Role|Personal|Oversees|Admin|viewer)\b|\b(set|settings)\.(SignIn|Register|RegisterOrgs)\b`)
	// refuses is what turns somebody away because of who they are; hides, also because nothing is there.
	refuses = regexp.MustCompile(`\b(Forbidden|NotAllowed|ErrPersonal|ErrSuspended|errUnproven|keepOut|toLogin|ErrFactorMissing|StatusForbidden|StatusMisdirectedRequest)\b`)
	hides   = regexp.MustCompile(`\b(ErrNotFound)\b`)
	doors   = regexp.MustCompile(`^(s\.(signedIn|inOrg|anyTeam|host|origin)\b|below\()`)
	whose   = regexp.MustCompile(`(?i)(?:^|\bWHERE\s+|\bAND\s+|\bOR\s+|\bON\s+|\()((?:\w+\.)?(?:org_id|user_id|owner_id|requester_id)\s*=\s*\?\d*)`)
)

// helpers are what the mutations of a package need.
var helpers = map[string]string{
	"portal": `
import "os"
var chosen = os.Getenv("MUTANT")
// Mutant reports whether that mutation is switched on.
func Mutant(number string) bool { return chosen == number }
// Anybody is an action that everybody may do.
const Anybody Action = "anything"
// Unless is err but under that mutation.
func Unless(number string, err error) error { if Mutant(number) { return nil }; return err }
`,
	"db": `
import ("context"; "portico/portal")
func mutantAction(number string, a portal.Action) portal.Action { if portal.Mutant(number) { return portal.Anybody }; return a }
func (s *Store) mutantAdmins(number string) func(context.Context, portal.Actor, func(*tx, portal.Actor) error) error { if portal.Mutant(number) { return s.change }; return s.changeAsAdmin }
func mutantSQL(text string, others ...string) string {
	for i := 0; i < len(others); i += 2 { if portal.Mutant(others[i]) { return others[i+1] } }
	return text
}
`,
	"handlers": `
import ("github.com/gofiber/fiber/v2"; "portico/portal")
func mutantAction(number string, a portal.Action) portal.Action { if portal.Mutant(number) { return portal.Anybody }; return a }
func mutantDoor(number string, guard fiber.Handler) fiber.Handler { if portal.Mutant(number) { return func(c *fiber.Ctx) error { return c.Next() } }; return guard }
`,
}

// edit puts text in the place of what stands between two offsets.
type edit struct {
	from, to int
	text     string
}

// reader collects the sites of one file, and what has to be edited for them.
type reader struct {
	fset  *token.FileSet
	src   []byte
	pkg   string
	file  string
	in    string
	acts  bool // what it is in takes an actor
	sites *[]site
	edits []edit
	taken []ast.Expr // in which nothing more is taken out
}

// read collects the sites of a package and returns its files with all mutations in.
func read(pkg string, sites *[]site) (map[string][]byte, error) {
	names, err := filepath.Glob(pkg + "/*.go")
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || name == "db/demo.go" {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		r := &reader{fset: token.NewFileSet(), src: src, pkg: pkg, file: filepath.Base(name), sites: sites}
		tree, err := parser.ParseFile(r.fset, name, src, 0)
		if err != nil {
			return nil, err
		}
		for _, d := range tree.Decls {
			r.declaration(d)
		}
		if len(r.edits) > 0 {
			files[name] = r.edited()
		}
	}
	return files, nil
}

func (r *reader) declaration(d ast.Decl) {
	if f, ok := d.(*ast.FuncDecl); ok {
		r.in, r.acts = f.Name.Name, strings.Contains(r.text(f.Type), "portal.Actor")
		if f.Body == nil {
			return
		}
		if r.pkg == "portal" && r.in == "May" {
			at := r.offset(f.Body.Lbrace) + 1
			r.edits = append(r.edits, edit{at, at, "\nif action == Anybody { return true }\n"})
		}
		if isRule(r.in) && f.Type.Results != nil && len(f.Type.Results.List) == 1 && r.text(f.Type.Results.List[0].Type) == "bool" {
			r.rule(f.Body)
			return
		}
	} else if g := d.(*ast.GenDecl); g.Tok == token.CONST || g.Tok == token.VAR {
		r.in, r.acts = "(package)", false
		if len(g.Specs) > 0 {
			if v, ok := g.Specs[0].(*ast.ValueSpec); ok {
				r.in = v.Names[0].Name
			}
		}
	}
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			if n.Tok == token.CONST && r.hasTenant(n) { // the mutations are chosen when the program runs
				at := r.offset(n.Pos())
				r.edits = append(r.edits, edit{at, at + len("const"), "var"})
			}
		case *ast.IfStmt:
			r.refusing(n.Cond, n.Body)
		case *ast.CaseClause:
			if body := r.text(n); len(n.List) == 1 && isCondition(n.List[0]) && len(n.Body) > 0 {
				r.disjuncts(n.List[0], body[len(r.text(n.List[0])):])
			}
		case *ast.CallExpr:
			r.call(n)
		case *ast.BasicLit:
			r.literal(n)
		}
		return true
	})
}

func (r *reader) refusing(cond ast.Expr, body *ast.BlockStmt) { r.disjuncts(cond, r.text(body)) }

// disjuncts takes out each alternative of a condition to refuse.
func (r *reader) disjuncts(cond ast.Expr, body string) {
	if strong := refuses.MatchString(body); !strong && !hides.MatchString(body) {
		return
	} else if len(body) > 600 {
		return // no refusal, but work
	} else {
		for _, part := range split(cond, token.LOR) {
			if strong || r.aboutStanding(part) {
				r.wrap(refusal, part, "(", " && !%s)")
			}
		}
	}
}

// rule makes each condition of a rule hold.
func (r *reader) rule(body *ast.BlockStmt) {
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ReturnStmt:
			if _, literal := n.Results[0].(*ast.Ident); !literal {
				for _, part := range split(n.Results[0], token.LAND) {
					r.wrap(policy, part, "(", " || %s)")
				}
			}
		case *ast.IfStmt:
			if strings.Contains(r.text(n.Body), "return true") {
				for _, part := range split(n.Cond, token.LAND) {
					r.wrap(policy, part, "(", " || %s)")
				}
			}
		}
		return true
	})
}

func (r *reader) call(c *ast.CallExpr) {
	name := ""
	switch f := c.Fun.(type) {
	case *ast.SelectorExpr:
		name = f.Sel.Name
	case *ast.Ident:
		name = f.Name
	}
	switch {
	case name == "changeAsAdmin" && r.in != "changeAsAdmin":
		n := r.add(admins, c.Fun, r.in)
		r.edits = append(r.edits, edit{r.offset(c.Fun.Pos()), r.offset(c.Fun.End()), "s.mutantAdmins(\"" + n + "\")"})
	case (name == "changeIn" || name == "changeApps") && len(c.Args) == 4 && strings.HasPrefix(r.text(c.Args[2]), "portal."):
		r.wrap(action, c.Args[2], "mutantAction(NUMBER, ", ")")
	case r.pkg == "handlers" && name == "may" && r.text(c.Args[0]) == "c":
		r.wrap(action, c.Args[1], "mutantAction(NUMBER, ", ")")
	case r.file == "routes.go":
		for _, a := range c.Args {
			if doors.MatchString(r.text(a)) && name != "below" {
				r.wrap(door, a, "mutantDoor(NUMBER, ", ")")
			}
		}
	case steps.MatchString(name):
		r.wrap(refusal, c, "portal.Unless(NUMBER, ", ")")
	case isRule(name) && (name != "Member" || len(c.Args) == 0) && r.pkg != "portal":
		r.wrap(answer, c, "(", " || %s)")
	}
}

// literal takes out whose rows a statement is about.
func (r *reader) literal(l *ast.BasicLit) {
	if l.Kind != token.STRING || r.pkg != "db" {
		return
	}
	text := r.text(l)
	if !r.acts && !strings.Contains(text, "public_id = ?") && !strings.Contains(text, "hash = ?") {
		return // a step, told which rows by an operation that has checked
	}
	var others []string
	inner := text[1 : len(text)-1]
	for _, at := range whose.FindAllStringSubmatchIndex(inner, -1) {
		from, to := at[2]+1, at[3]+1
		n := r.add(tenant, l, text[from:to]+" in "+strings.Join(strings.Fields(text[max(0, from-90):min(len(text), to+60)]), " "))
		others = append(others, `"`+n+`", `+text[:from]+"("+text[from:to]+" OR 1 = 1)"+text[to:])
	}
	if others != nil {
		r.edits = append(r.edits, edit{r.offset(l.Pos()), r.offset(l.End()), "mutantSQL(" + text + ", " + strings.Join(others, ", ") + ")"})
	}
}

func (r *reader) hasTenant(n ast.Node) bool {
	return r.pkg == "db" && whose.MatchString(strings.ReplaceAll(r.text(n), "`", "("))
}

// wrap puts a check that can be taken out in the place of an expression.
func (r *reader) wrap(kind string, e ast.Expr, before, after string) {
	for _, t := range r.taken {
		if t.Pos() <= e.Pos() && e.End() <= t.End() {
			return
		}
	}
	r.taken = append(r.taken, e)
	n := r.add(kind, e, r.text(e))
	mutant := map[bool]string{true: "Mutant", false: "portal.Mutant"}[r.pkg == "portal"] + `("` + n + `")`
	if strings.Contains(after, "%s") {
		after = fmt.Sprintf(after, mutant)
	}
	before = strings.Replace(before, "NUMBER", `"`+n+`"`, 1)
	from, to := r.offset(e.Pos()), r.offset(e.End())
	r.edits = append(r.edits, edit{from, from, before}, edit{to, to, after})
}

func (r *reader) add(kind string, at ast.Node, text string) string {
	s := site{number: len(*r.sites) + 1, pkg: r.pkg, file: r.file, in: r.in, line: r.fset.Position(at.Pos()).Line, kind: kind, text: strings.Join(strings.Fields(text), " ")}
	*r.sites = append(*r.sites, s)
	return fmt.Sprint(s.number)
}

// edited is the file with its edits, the last first.
func (r *reader) edited() []byte {
	slices.SortStableFunc(r.edits, func(a, b edit) int { return b.from - a.from })
	out := slices.Clone(r.src)
	for _, e := range r.edits {
		out = slices.Concat(out[:e.from], []byte(e.text), out[e.to:])
	}
	return out
}

func (r *reader) aboutStanding(e ast.Expr) bool {
	found := standing.MatchString(r.text(e))
	ast.Inspect(e, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok {
			if f, ok := c.Fun.(*ast.SelectorExpr); ok && isRule(f.Sel.Name) {
				found = true
			}
		}
		return true
	})
	return found
}

func isRule(name string) bool { return rules.MatchString(name) }

// isCondition reports whether a case is of a switch without a subject.
func isCondition(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		return e.Op == token.LAND || e.Op == token.LOR || e.Op == token.EQL || e.Op == token.NEQ
	case *ast.UnaryExpr:
		return e.Op == token.NOT
	}
	return false
}

// split are the parts that op joins.
func split(e ast.Expr, op token.Token) []ast.Expr {
	if p, ok := e.(*ast.ParenExpr); ok {
		return split(p.X, op)
	}
	if b, ok := e.(*ast.BinaryExpr); ok && b.Op == op {
		return append(split(b.X, op), split(b.Y, op)...)
	}
	return []ast.Expr{e}
}

func (r *reader) offset(p token.Pos) int { return r.fset.Position(p).Offset }

func (r *reader) text(n ast.Node) string {
	return string(r.src[r.offset(n.Pos()):r.offset(n.End())])
}
