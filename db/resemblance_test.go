package db

import (
	"strings"
	"testing"

	"portico/portal"
)

// alike is what an admin is told that somebody's request resembles.
func (f *scene) alike(request string) string {
	f.t.Helper()
	q, err := f.s.OrgForAdmin(f.ctx, f.user("ada"), request)
	f.must(err)
	found, err := f.s.Resembling(f.ctx, f.user("ada"), q)
	f.must(err)
	var all []string
	for _, r := range found[q.ID] {
		line := r.Organization.Name + " (" + string(r.State) + ")"
		if r.Name {
			line += " by name"
		}
		if r.Domain != "" {
			line += " by " + r.Domain
		}
		all = append(all, line)
	}
	return strings.Join(all, ", ")
}

// movesTo gives somebody an address at another domain.
func (f *scene) movesTo(who, domain string) {
	f.t.Helper()
	f.exec(`UPDATE users SET email = ?, email_key = ? WHERE email = ?`, who+"@"+domain, who+"@"+domain, address(who))
}

func TestARequestThatMeansAnOrganizationThatIsThereSaysSo_ORG_09_ORG_10(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.movesTo("stan", "elsewhere.example")
	f.movesTo("bob", "beta.example")
	stan := portal.Actor{UserID: f.number(`SELECT id FROM users WHERE email = 'stan@elsewhere.example'`)}
	o, err := f.s.RegisterOrg(f.ctx, stan, "ACME Incorporated")
	f.must(err)
	if got := f.alike(o.PublicID); got != "Acme (active) by name" {
		t.Errorf("by its name: %s", got)
	}
	f.exec(`UPDATE users SET email_key = 'stan@beta.example', email = 'Stan@Beta.example' WHERE id = ?`, stan.UserID)
	for name, want := range map[string]string{
		"Аcme":              "Acme (active) by name, Beta (active) by beta.example", // by a Cyrillic letter
		"Acrne Labs":        "Acme (active) by name, Beta (active) by beta.example",
		"ACME Incorporated": "Acme (active) by name, Beta (active) by beta.example",
		"Betta GmbH":        "Beta (active) by beta.example", // a letter matters in so short a name
		"The Beta Company":  "Beta (active) by name by beta.example",
		"Riggel":            "Rigel (pending) by name, Beta (active) by beta.example",
		"Acm":               "Beta (active) by beta.example",
	} {
		f.must(f.s.RenameRequest(f.ctx, stan, o.PublicID, name))
		if got := f.alike(o.PublicID); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	f.must(f.s.RenameRequest(f.ctx, stan, o.PublicID, "Acm"))
	// An address says nothing where anybody gets one, or while it is not proven; nor
	// does an organization that is gone.
	for _, c := range []string{
		`UPDATE users SET email_key = substr(email_key, 1, instr(email_key, '@')) || 'gmail.com', email = substr(email, 1, instr(email, '@')) || 'gmail.com' WHERE email_key LIKE '%@beta.example'`,
		`UPDATE users SET email_key = substr(email_key, 1, instr(email_key, '@')) || 'beta.example', email = substr(email, 1, instr(email, '@')) || 'beta.example' WHERE email_key LIKE '%@gmail.com'`,
		`UPDATE users SET state = 'unproven' WHERE email_key = 'bob@beta.example'`,
		`UPDATE users SET state = 'active' WHERE email_key = 'bob@beta.example'`,
		`UPDATE organizations SET state = 'deleted' WHERE name = 'Beta'`,
	} {
		f.exec(c)
		want := ""
		if strings.Contains(c, "'active'") || strings.Contains(c, "'beta.example', email") {
			want = "Beta (active) by beta.example"
		}
		if got := f.alike(o.PublicID); got != want {
			t.Errorf("after %s: %s, want %s", c, got, want)
		}
	}
}

func TestARequestIsAnsweredWithAnInvitation(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	ada := f.user("ada")
	before := f.fingerprint()
	for _, org := range []string{"", "unknown", f.ids["Red"], f.ids["Rigel"]} {
		_, _, err := f.s.Refer(f.ctx, ada, f.ids["Rigel"], org, "Here.")
		f.refused(err, portal.Invalid, "[organization: Choose an active organization.]")
	}
	_, _, err := f.s.Refer(f.ctx, ada, f.ids["Rigel"], f.ids["Acme"], " ")
	f.refused(err, portal.Invalid, "[reason: Enter a reason")
	_, _, err = f.s.Refer(f.ctx, ada, f.ids["Red"], f.ids["Acme"], "Here.")
	f.refused(err, portal.Conflict, "Red was rejected by Ada Test")
	f.unchanged(before)

	// Where the invitation is refused, the request goes on waiting.
	f.invite("ann", "Acme", "rita", portal.TeamMember)
	before = f.fingerprint()
	_, _, err = f.s.Refer(f.ctx, ada, f.ids["Rigel"], f.ids["Acme"], "Here.")
	f.refused(err, portal.Conflict, "has been invited already")
	f.exec(`UPDATE users SET state = 'deactivated' WHERE email = 'rita@example.org'`)
	_, _, err = f.s.Refer(f.ctx, ada, f.ids["Rigel"], f.ids["Beta"], "Here.")
	f.refused(err, portal.Conflict, "the account is deactivated")
	f.exec(`UPDATE users SET state = 'active' WHERE email = 'rita@example.org'`)
	f.unchanged(before)

	o, inv, err := f.s.Refer(f.ctx, ada, f.ids["Rigel"], f.ids["Beta"], "Here.")
	f.must(err)
	if o.Name != "Beta" || inv.Role != portal.TeamMember || inv.Email != address("rita") {
		t.Errorf("invited is %+v into %s", inv, o.Name)
	}
	_, err = f.s.AcceptWaiting(f.ctx, f.user("rita"), inv.PublicID, f.browser("rita"))
	f.must(err)
}
