package handlers

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"portico/portal"
)

// visitors are the people whom each route is tried as: nobody; ulf, who has not
// proven his address; stan, who is in no organization; of Acme the Team member abe
// and the Super admin ann; of Beta bob and bea likewise; dora, who is deactivated;
// and ada, the portal admin. In the matrix dora was a Super admin of Acme and a
// portal admin, and has a session left over.
var visitors = []string{"", "ulf", "stan", "abe", "ann", "bob", "bea", "dora", "ada"}

// insiders are those among them who are signed in.
var insiders = []string{"ulf", "stan", "abe", "ann", "bob", "bea", "ada"}

// roles are those that visitors have in the organizations.
var roles = map[string]map[string]portal.Role{
	"Acme": {"abe": portal.TeamMember, "ann": portal.SuperAdmin},
	"Beta": {"bob": portal.TeamMember, "bea": portal.SuperAdmin},
}

// audience is who may use a route.
type audience string

const (
	everybody   audience = "everybody"
	signedOut   audience = "who is not signed in; others are sent on"
	signedIn    audience = "who is signed in"
	none        audience = "who is signed in and has something that nobody here has"
	proven      audience = "who is signed in and has proven their address"
	member      audience = "members of the organization"
	superAdmin  audience = "its Super admins"
	portalAdmin audience = "portal admins"
	requester   audience = "who has asked for the organization"
	owner       audience = "whose own application it is"
)

// row says of a route whom it is for and what it answers them: a status, or
//
//	login  to the sign-in page: 303, htmx 401 with HX-Redirect
//	done   something has changed: 303, htmx 200 with HX-Location or HX-Redirect
//	goes   303 for both
//	home   303, htmx 200
//
// What it answers everybody else follows from the rule.
type row struct {
	who    audience
	does   string
	form   map[string]string
	except map[string]string // by visitor, where something else stands in the way
}

// lets makes a row: whom it is for, what it does, and the fields of a form that works.
func lets(who audience, does string, form ...string) row {
	return row{who: who, does: does, form: p(form...)}
}

func (r row) with(form map[string]string) row { r.form = form; return r }

func (r row) but(cell string, who ...string) row {
	r.except = maps.Clone(r.except)
	if r.except == nil {
		r.except = map[string]string{}
	}
	for _, name := range who {
		r.except[name] = cell
	}
	return r
}

// cell is what a visitor gets when the address is of things of org. This is the
// rule: signed out → to the sign-in page; a Team member where Super admins may →
// 403; everything of others → 404.
func (r row) cell(route, who, org string) string {
	out := who == "" || who == "dora"
	if cell, ok := r.except[who]; ok {
		return cell
	}
	asks := "rita"
	if r.who == owner || strings.HasSuffix(route, "/resubmission") {
		asks = "rex"
	}
	switch {
	case r.who == everybody, r.who == signedOut && out:
		return r.does
	case out:
		return "login"
	case r.who == signedOut:
		return "goes"
	case r.who == owner && who == "ulf":
		return "403" // whosever it is
	case r.who == none,
		r.who == portalAdmin && who != "ada",
		(r.who == requester || r.who == owner) && who != asks,
		(r.who == member || r.who == superAdmin) && roles[org][who] == "":
		return "404"
	case r.who == proven && who == "ulf",
		r.who == superAdmin && roles[org][who] != portal.SuperAdmin:
		return "403"
	}
	return r.does
}

// cells are what all visitors get at a route for things of Acme.
func (r row) cells(route string) map[string]string {
	cells := map[string]string{}
	for _, who := range slices.Concat(visitors, []string{"rita", "rex"}) {
		if cell := r.cell(route, who, "Acme"); slices.Contains(visitors, who) || cell == r.does && (r.who == requester || r.who == owner) {
			cells[who] = cell
		}
	}
	return cells
}

// matrix is a world for trying all routes in: whatever belongs to an organization
// has its name in it, and a word of its own, by which it would be recognised on
// somebody else's page; and dora has kept what was hers.
func matrix(t testing.TB) *world {
	t.Helper()
	w := newWorld(t, inDemo(t))
	for org := range roles {
		id, mark := w.number(`SELECT id FROM organizations WHERE name = ?`, org), " "+org+"-"
		for _, query := range []string{
			`UPDATE users SET last_name = last_name || ?2 || 'person-' || id, email = replace(email, '@', trim(?2) || id || '@') WHERE id IN (SELECT user_id FROM memberships WHERE org_id = ?1)`,
			`UPDATE memberships SET last_name = last_name || ?2 || 'member-' || user_id WHERE org_id = ?1`,
			`UPDATE organizations SET name = name || ?2 || 'organization-' || id WHERE id = ?1`,
			`UPDATE teams SET name = name || ?2 || 'team-' || id WHERE org_id = ?1`,
			`UPDATE applications SET name = name || ?2 || 'app-' || id, description = ?2 || 'description-' || id WHERE org_id = ?1`,
			`UPDATE credentials SET label = label || ?2 || 'key-' || id WHERE org_id = ?1`,
			`UPDATE invitations SET last_name = last_name || ?2 || 'invited-' || id WHERE org_id = ?1`,
			`UPDATE invite_codes SET name = name || ?2 || 'code-' || id WHERE org_id = ?1`,
		} {
			w.exec(query, id, mark)
		}
	}
	w.exec(`INSERT INTO memberships (org_id, user_id, role, first_name, last_name, joined_at) SELECT o.id, u.id, 'super_admin', 'Dora', 'Test', 0 FROM organizations o, users u WHERE o.public_id = ? AND u.public_id = ?`, w.ids["Acme"], w.ids["dora"])
	w.exec(`UPDATE users SET admin = 1 WHERE public_id = ?`, w.ids["dora"])
	w.exec(`INSERT INTO sessions (hash, user_id, created_at, seen_at, proof_at, ip, agent) SELECT ?, id, ?2, ?2, ?2, '', '' FROM users WHERE public_id = ?3`, w.session("dora").Hash, w.clock.read().UnixMilli(), w.ids["dora"])
	w.browser("abe").post("/o/"+w.ids["Acme"]+"/settings", p("name", "X")).is(t, 403) // a refusal is noted, and the words to search by are written
	return w
}

// secret reports whether an answer holds anything of an organization that is not
// the visitor's.
func (w *world) secret(t *testing.T, what, pattern, who string, a answer) bool {
	t.Helper()
	for org := range roles {
		given := org == "Acme" && strings.HasPrefix(pattern, "/invitations/:token") // the link says whose it is
		if roles[org][who] == "" && who != "ada" && !given && strings.Contains(strings.ToLower(a.masked()), strings.ToLower(org)) {
			t.Errorf("%s: the answer holds something of %s", what, org)
			return true
		}
	}
	return false
}

// tally counts what was tried and what held.
type tally struct{ tried, held atomic.Int64 }

func (y *tally) add(held bool) {
	y.tried.Add(1)
	if held {
		y.held.Add(1)
	}
}

func TestEveryRouteAnswersEachVisitorAsTheTableSays_TEN_01_TEN_05_ORG_07_ROLE_01_INV_22(t *testing.T) {
	t.Parallel()
	w := newWorld(t, inDemo(t))
	routes := w.routesOf()
	for _, route := range routes {
		if _, ok := table[route]; !ok {
			t.Errorf("%s has no row in the table: say there who may use it", route)
		}
	}
	for route := range table {
		if !slices.Contains(routes, route) {
			t.Errorf("%s is in the table, but is no route", route)
		}
	}
	if t.Failed() {
		return
	}
	var y tally
	t.Cleanup(func() {
		t.Attr("faults", fmt.Sprintf("%s|%d|%d", "requests: every route as every kind of visitor, for own and others' things", y.tried.Load(), y.held.Load()))
	})
	// What changes something gets a world of its own; everything else shares one.
	for _, org := range []string{"Acme", "Beta"} {
		t.Run("what changes nothing, of "+org, func(t *testing.T) {
			t.Parallel()
			w := matrix(t)
			before := w.fingerprint()
			for _, route := range routes {
				method, pattern, _ := strings.Cut(route, " ")
				path := w.path(pattern, func(name string) string { return w.param(pattern, name, org) })
				if org != "Acme" && path == w.own(pattern) {
					continue // not of an organization
				}
				was := w.touched()
				for who := range table[route].cells(route) {
					if cell := table[route].cell(route, who, org); !changes(route, cell) {
						for _, htmx := range []bool{false, true} {
							y.add(try(t, w, route, path, who, cell, htmx))
						}
					}
				}
				// The method that it has no route for.
				for _, other := range []string{"GET", "POST"} {
					if _, is := table[other+" "+pattern]; other == method || is {
						continue
					}
					for _, who := range visitors {
						a := w.browser(who).do(other, path, "")
						what := fmt.Sprintf("%s %s as %q, which is no route", other, pattern, who)
						held := a.status == http.StatusNotFound || a.status == http.StatusForbidden || strings.HasPrefix(a.leads(), "/login")
						if !held {
							t.Errorf("%s: %d to %q", what, a.status, a.leads())
						}
						y.add(!w.secret(t, what, pattern, who, a) && held)
					}
				}
				if w.touched() == was {
					continue
				}
				if changed := w.changes(before); changed != nil {
					t.Errorf("%s of %s: those who may not, or who only looked, have changed the tables %v", route, org, changed)
					y.held.Add(-1)
					before = w.fingerprint()
				}
			}
		})
	}
	for _, htmx := range []bool{false, true} {
		t.Run(fmt.Sprintf("what changes something, htmx %v", htmx), func(t *testing.T) {
			t.Parallel()
			for _, route := range routes {
				_, pattern, _ := strings.Cut(route, " ")
				for who, cell := range table[route].cells(route) {
					if who != "" && who != "ann" && table[route].who == everybody {
						continue // open to all alike: two are enough
					}
					if changes(route, cell) {
						t.Run(route+" as "+who, func(t *testing.T) {
							w := newWorld(t, inDemo(t))
							y.add(try(t, w, route, w.own(pattern), who, cell, htmx))
						})
					}
				}
			}
		})
	}
}

// changes reports whether a cell stands for a change.
func changes(route, cell string) bool {
	return cell == "done" || strings.HasPrefix(route, "POST ") && cell == "200"
}

// try asks for a route as one visitor, and where they see nothing, whether what
// is there and what never was look the same. It reports whether all was as the
// table says.
func try(t *testing.T, w *world, route, path, who, cell string, htmx bool) bool {
	t.Helper()
	method, pattern, _ := strings.Cut(route, " ")
	var as []change
	if htmx {
		as = []change{hx("")}
	}
	ask := func(path string) answer {
		return w.browser(who).do(method, path, encode(table[route].form), as...)
	}
	a := ask(path)
	what := fmt.Sprintf("%s as %q, htmx %v", route, who, htmx)
	held := check(t, what, cell, htmx, a)
	if (cell == "404" || cell == "403" && table[route].who == owner) && strings.Contains(pattern, ":") {
		there, never := a.masked(), ask(w.unknown(pattern)).masked()
		same(t, what+": what is there and what never was", there, never)
		held = held && there == never
	}
	if !changes(route, cell) {
		held = !w.secret(t, what, pattern, who, a) && held
	}
	return held
}

func TestInsideOnesOwnOrganizationTheThingsOfAnotherAreMissing_TEN_01_TEN_05_TEN_11_INV_21_CRED_10_ORG_02_ORG_03(t *testing.T) {
	t.Parallel()
	w := matrix(t)
	before := w.fingerprint()
	var y tally
	t.Cleanup(func() {
		t.Attr("faults", fmt.Sprintf("%s|%d|%d", "requests: another organization's ids under one's own address", y.tried.Load(), y.held.Load()))
	})
	for _, route := range w.routesOf() {
		method, pattern, _ := strings.Cut(route, " ")
		if !strings.Contains(pattern, "/:org/") || strings.Count(pattern, ":") < 2 {
			continue
		}
		who := "bea"
		if strings.HasPrefix(pattern, "/admin") {
			who = "ada"
		}
		// Each parameter behind the organization in turn is another's, the rest is ours.
		for _, foreign := range params.FindAllString(pattern, -1)[1:] {
			at := func(id func(string) string) string {
				return w.path(pattern, func(name string) string {
					if name == foreign[1:] {
						return id(name)
					}
					return w.param(pattern, name, "Beta")
				})
			}
			theirs := at(func(name string) string { return w.param(pattern, name, "Acme") })
			never := at(func(string) string { return strings.Repeat("z", portal.PublicIDLen) })
			for _, as := range []change{func(*http.Request) {}, hx("")} {
				a := w.browser(who).do(method, theirs, encode(table[route].form), as)
				if method == "GET" && strings.HasSuffix(pattern, "/reveal") {
					continue // leads to the application's page, whatever the ids
				}
				what := route + " with another organization's " + foreign
				held := a.status == http.StatusNotFound && !w.secret(t, what, pattern, who, a)
				if !held {
					t.Errorf("%s: %d", what, a.status)
				}
				there, none := a.masked(), w.browser(who).do(method, never, encode(table[route].form), as).masked()
				same(t, what+" and with none", there, none)
				y.add(held && there == none)
			}
		}
	}
	if changed := w.changes(before); changed != nil {
		t.Errorf("the tables %v have changed", changed)
	}
	if n := y.tried.Load(); n < 80 {
		t.Errorf("only %d addresses were tried", n)
	}
	// What is not provisioned has no pages inside, for its requester and for admins neither.
	for _, route := range w.routesOf() {
		method, pattern, _ := strings.Cut(route, " ")
		if who, inside := map[bool]string{true: "ada", false: "rita"}[strings.HasPrefix(pattern, "/admin")], strings.Contains(pattern, "/:org"); inside {
			path := w.path(pattern, func(name string) string {
				if name == "org" {
					return w.ids["Rigel"]
				}
				return w.param(pattern, name, "Beta")
			})
			if a := w.browser(who).do(method, path, encode(table[route].form)); a.status != http.StatusNotFound {
				t.Errorf("%s of a pending organization as %s: %d", route, who, a.status)
			}
		}
	}
	// A credential is found below its own application only.
	for _, what := range []string{"reveal", "rotation", "revocation"} {
		w.browser("ann").post("/o/"+w.ids["Acme"]+"/applications/"+w.ids["Atlas"]+"/credentials/"+w.ids["Alpha key"]+"/"+what, p("grace", "now")).is(t, 404)
	}
}
