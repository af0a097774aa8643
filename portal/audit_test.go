package portal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestEveryKindOfEntryCanBeLookedFor(t *testing.T) {
	t.Parallel()
	f, err := parser.ParseFile(token.NewFileSet(), "audit.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := map[AuditKind]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Audit") {
			return true
		}
		if value, ok := spec.Values[0].(*ast.BasicLit); ok && value.Kind == token.STRING {
			words, err := strconv.Unquote(value.Value)
			if err != nil {
				t.Fatal(err)
			}
			declared[AuditKind(words)] = spec.Names[0].Name
		}
		return true
	})
	if len(declared) < 60 {
		t.Fatalf("only %d kinds were found", len(declared))
	}
	grouped := map[AuditKind]bool{}
	for _, g := range AuditGroups {
		for _, k := range g.Kinds {
			if grouped[k] {
				t.Errorf("%q stands in two groups", k)
			}
			grouped[k] = true
		}
	}
	for kind, name := range declared {
		if !grouped[kind] {
			t.Errorf("%s stands in no group of AuditGroups: nobody can look for it", name)
		}
	}
}

func TestMembersAreOfferedWhatTheyMayRead(t *testing.T) {
	t.Parallel()
	labels := func(by Actor) string {
		var all []string
		for _, g := range GroupsFor(by) {
			all = append(all, g.Label)
		}
		return strings.Join(all, ", ")
	}
	member := Actor{UserID: 1, OrgID: 1, Role: TeamMember, State: UserActive}
	if got := labels(member); got != "Organization, Members and teams, Applications and credentials" {
		t.Errorf("a Team member: %s", got)
	}
	member.Role = SuperAdmin
	if got := labels(member); got != "Organization, Invitations, Members and teams, Applications and credentials, Refused" {
		t.Errorf("a Super admin: %s", got)
	}
	if slices.ContainsFunc(OrgAuditGroups, func(g AuditGroup) bool { return slices.Contains(g.Kinds, AuditSignedIn) }) {
		t.Error("sign-ins are the person's, not the organization's")
	}
}
