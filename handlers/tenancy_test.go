package handlers

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"portico/portal"
)

// each visits every route as somebody who may use it, with a form that works.
func (w *world) each(method string, visit func(route, pattern, who string)) {
	w.t.Helper()
	n := 0
	for _, route := range w.routesOf() {
		m, pattern, _ := strings.Cut(route, " ")
		if m == method {
			n++
			visit(route, pattern, insider(route))
		}
	}
	if n < 40 {
		w.t.Errorf("only %d routes were tried", n)
	}
}

// of is everything that belongs to one organization.
func (w *world) of(org string) string {
	w.t.Helper()
	var all []string
	for _, query := range []string{`SELECT name || state FROM organizations WHERE id = ?`, `SELECT user_id || role || first_name FROM memberships WHERE org_id = ?`,
		`SELECT id || name FROM teams WHERE org_id = ?`, `SELECT team_id || '-' || user_id FROM team_members WHERE org_id = ?`,
		`SELECT id || name || owner_id || visibility || COALESCE(deleted_at, '') FROM applications WHERE org_id = ?`,
		`SELECT id || COALESCE(ends_at, '') || COALESCE(revoked_at, '') FROM credentials WHERE org_id = ?`, `SELECT id || email || state || version FROM invitations WHERE org_id = ?`,
		`SELECT id || kind FROM audit WHERE org_id = ?`, `SELECT r.id || '' FROM reveals r JOIN credentials c ON c.id = r.credential_id WHERE c.org_id = ?`} {
		all = append(all, w.strings(query+` ORDER BY 1`, w.number(`SELECT id FROM organizations WHERE public_id = ?`, w.ids[org]))...)
	}
	return strings.Join(all, "\n")
}

func TestTheOrganizationIsTheOneInTheAddress_TEN_02_INV_09(t *testing.T) {
	t.Parallel()
	routes := newWorld(t)
	routes.each("POST", func(route, pattern, who string) {
		if !strings.Contains(pattern, "/:") || who == "" && !strings.HasPrefix(pattern, "/invitations") {
			return
		}
		w := newWorld(t)
		beta, number := w.of("Beta"), fmt.Sprint(w.number(`SELECT id FROM organizations WHERE public_id = ?`, w.ids["Beta"]))
		form := p("org", w.ids["Beta"], "org_id", number, "orgId", number, "OrgID", number, "app_id", w.ids["Bravo"], "app", w.ids["Bravo"], "credential", w.ids["Bravo key"],
			"user_id", w.ids["bob"], "member_id", w.ids["bob"], "team_id", w.ids["Beta team"], "invitation", w.ids["ivan invitation"], "id", w.ids["Beta"], "owner_id", w.ids["bob"], "invited_by", w.ids["bea"])
		query := "?" + encode(form)
		for name, value := range table[route].form {
			form[name] = value
		}
		a := w.browser(who).post(w.own(pattern)+query, form, with("X-Organization", w.ids["Beta"]), with("X-Org-Id", number), with("X-Portico-Organization", w.ids["Beta"]))
		if a.status >= 400 && table[route].cells(route)[who] == "done" && a.status != http.StatusConflict {
			t.Errorf("%s with fields that nobody named: %d", route, a.status)
		}
		if now := w.of("Beta"); now != beta {
			t.Errorf("%s as %s has changed Beta:\n%s\n\nit was\n%s", route, who, now, beta)
		}
	})
}

func TestWhatAConsumerSeesDependsOnNoOtherOrganization_TEN_06(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pages := func() map[string]string {
		all := map[string]string{}
		w.each("GET", func(route, pattern, _ string) {
			for _, who := range []string{"", "stan", "abe", "ann", "rita"} {
				if pattern == "/admin" || strings.HasPrefix(pattern, "/admin/") || pattern == "/readyz" {
					continue
				}
				a := w.browser(who).get(w.own(pattern))
				if etag := a.header.Get("ETag") + a.header.Get("Last-Modified"); etag != "" && !strings.HasPrefix(pattern, "/assets/") {
					t.Errorf("%s tells %s", route, etag)
				}
				all[route+" as "+who] = a.masked()
			}
		})
		return all
	}
	pages() // sessions are noted as seen
	before := pages()
	for i := range 40 {
		w.exec(`INSERT INTO organizations (public_id, name, state, requested_at, created_at) VALUES (?, ?, 'active', 0, 0)`, fmt.Sprintf("%026d", i), fmt.Sprint("Acme ", i))
		w.exec(`INSERT INTO users (public_id, email_key, email, first_name, last_name, password_hash, state, created_at) VALUES (?1, ?1, ?1, 'Ann', 'Test', '', 'active', 0)`, fmt.Sprint("many", i, "@example.org"))
		w.exec(`INSERT INTO memberships (org_id, user_id, role, first_name, last_name, joined_at) SELECT o.id, u.id, 'super_admin', 'Ann', 'Test', 0
			FROM organizations o, users u WHERE o.public_id = ? AND u.email = ?`, fmt.Sprintf("%026d", i), fmt.Sprint("many", i, "@example.org"))
	}
	for page, after := range pages() {
		same(t, page+" before and after others came", before[page], after)
	}
}

// noIDs are no ids of anything.
var noIDs = []string{"0", "-1", "1", "01", "1e0", "1,2", "1%00", "1%2f2", "%2e%2e", "..%2f..", "%ff%fe", "null", "%7b%7d", "00000000-0000-0000-0000-000000000000", "'%20OR%201=1--", "%25", "_", "*", strings.Repeat("a", 6000)}

func TestAnIdIsReadInOneWayOnly_TEN_13(t *testing.T) {
	t.Parallel()
	w := newWorld(t, inDemo(t))
	before := w.fingerprint()
	for _, method := range []string{"GET", "POST"} {
		w.each(method, func(route, pattern, who string) {
			if !strings.Contains(pattern, "/:") || method == "GET" && strings.HasSuffix(pattern, "/reveal") {
				return
			}
			for _, odd := range params.FindAllString(pattern, -1) {
				own := w.param(pattern, odd[1:], "Acme")
				values := append([]string{own + "%20", "%20" + own, own + "%00", own + "a", own[1:], own + ";", "{" + own + "}"}, noIDs...)
				if upper := strings.ToUpper(own); upper != own {
					values = append(values, upper)
				}
				for _, value := range values {
					path := w.path(pattern, func(name string) string {
						if name == odd[1:] {
							return value
						}
						return w.param(pattern, name, "Acme")
					})
					if a := w.browser(who).do(method, path, encode(table[route].form)); a.status != 404 && a.status != 303 && a.status != 400 && a.status != 431 || a.status == 303 && !strings.HasPrefix(a.leads(), "/login") {
						t.Errorf("%s with %s = %.60q as %q: %d to %q", route, odd, value, who, a.status, a.leads())
					}
				}
			}
		})
	}
	if changed := w.changes(before); changed != nil {
		t.Errorf("the tables %v have changed", changed)
	}
}

func TestOneOrganizationsHasteLeavesRoomForOthers_TEN_14(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	beta := "/o/" + w.ids["Beta"]
	workers, each := 4, 60
	if long() {
		workers, each = 16, 2000
	}
	// What makes mail is limited for each person, and what is open for each organization.
	refused := 0
	for i := range portal.LimitInvite.Max + 5 {
		a := w.browser("bea").post(beta+"/invitations", p("first_name", "Nora", "last_name", "New", "email", fmt.Sprintf("nora%d@example.org", i), "role", "team_member"))
		if a.status == 429 {
			refused++
		}
	}
	if refused < 5 {
		t.Errorf("%d invitations beyond the limit were refused", refused)
	}
	w.browser("ann").post("/o/"+w.ids["Acme"]+"/invitations", invites).is(t, 303)
	for i := range portal.MaxCredentials + 3 {
		a := w.browser("bea").post(beta+"/applications/"+w.ids["Bravo"]+"/credentials", p("label", fmt.Sprint(i)))
		if over := i+1 >= portal.MaxCredentials; over != (a.status == 409) {
			t.Errorf("the key %d: %d", i+2, a.status)
		}
	}
	// Everybody's pages go on while one organization asks as fast as it can.
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range workers {
		wg.Go(func() {
			b := w.browser("bea")
			for i := range each {
				select {
				case <-stop:
					return
				default:
				}
				b.get(beta + "/users?q=b")
				b.post(beta+"/applications", p("name", fmt.Sprint("App ", i)))
			}
		})
	}
	var slowest time.Duration
	for range 30 {
		began := time.Now()
		w.browser("ann").get("/o/"+w.ids["Acme"]+"/users").is(t, 200)
		slowest = max(slowest, time.Since(began))
	}
	close(stop)
	wg.Wait()
	if slowest > 5*time.Second {
		t.Errorf("a page of Acme took %v", slowest)
	}
}
