package db

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"portico/portal"
)

// Whatever is called Canary belongs to somebody: nobody else finds it.
func TestNothingOfOthersIsFound(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	for _, o := range []struct{ org, by string }{{"Acme", "ann"}, {"Beta", "bea"}} {
		in := f.in(o.by, o.org)
		f.must(f.s.RenameOrg(f.ctx, in, "Canary "+o.org))
		for name, visibility := range map[string]portal.Visibility{"Canary of all " + o.org: portal.VisibleOrganization, "Canary of " + o.by: portal.VisiblePersonal} {
			_, err := f.s.CreateApplication(f.ctx, in, portal.NewApplication{Name: name, Visibility: visibility})
			f.must(err)
		}
		f.must(f.s.RenameTeam(f.ctx, in, f.ids[o.org+" team"], "Canary team "+o.org))
	}
	f.must(f.s.UpdateMember(f.ctx, f.in("ann", "Acme"), f.ids["abe"], "Canary", "Abe", portal.TeamMember))
	f.must(f.s.UpdateMember(f.ctx, f.in("bea", "Beta"), f.ids["bob"], "Canary", "Bob", portal.TeamMember))
	mine, err := f.s.CreateApplication(f.ctx, own(f.user("stan")), portal.NewApplication{Name: "Canary of stan"})
	f.must(err)

	acme := []string{"Organization Canary Acme", "Person Canary Abe", "Application Canary of all Acme", "Team Canary team Acme"}
	beta := []string{"Organization Canary Beta", "Person Canary Bob", "Application Canary of all Beta", "Team Canary team Beta"}
	for who, want := range map[string][]string{
		"ann": append(slices.Clone(acme), "Application Canary of ann"),
		"amy": append(slices.Clone(acme), "Application Canary of ann"), // a Super admin sees that it exists
		"abe": acme, "una": acme,
		"bea":  append(slices.Clone(beta), "Application Canary of bea"),
		"bob":  beta,
		"stan": {"Application Canary of stan"}, "wanda": nil, "ulf": nil, "rita": nil,
		"ada": append(slices.Concat(acme[:1], acme[2:], beta[:1], beta[2:]), "Application Canary of ann", "Application Canary of bea"), // accounts are not called so
	} {
		found, err := f.s.Find(f.ctx, f.user(who), "canar", f.ids["Beta"])
		f.must(err)
		var got []string
		for _, x := range found {
			got = append(got, string(x.Kind)+" "+x.Name)
			if !x.AsAdmin && x.Kind != portal.FindOrganization && x.ID != mine.PublicID && x.OrgID == "" {
				t.Errorf("%s finds %s nowhere", who, x.Name)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s finds\n\t%s\nwant\n\t%s", who, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
		}
	}
	for _, query := range []string{"", "  ", "%", "***"} {
		if found, err := f.s.Find(f.ctx, f.user("ada"), query, ""); err != nil || len(found) != 0 {
			t.Errorf("%q finds %v, %v", query, found, err)
		}
	}
}

func TestFindsAreFew(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.grow(100)
	for _, who := range []string{"ada", "ann"} {
		found, err := f.s.Find(f.ctx, f.user(who), "common", "")
		f.must(err)
		kinds := map[portal.FindKind]int{}
		for _, x := range found {
			kinds[x.Kind]++
		}
		if got := fmt.Sprint(kinds[portal.FindPerson], kinds[portal.FindApplication], kinds[portal.FindTeam]); got != "6 6 6" {
			t.Errorf("%s finds %s people, applications and teams", who, got)
		}
	}
}
