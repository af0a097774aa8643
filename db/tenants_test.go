package db

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"portico/portal"
)

// inBoth makes all members of Acme members of Beta too, in the same roles, and gives
// Beta what looks like Acme's things: the same people invited, applications of the
// same people. Whatever forgets which organization it is about finds these as well.
func (f *scene) inBoth() {
	f.t.Helper()
	ids := maps.Clone(f.ids)
	f.exec(`UPDATE organizations SET name = 'Beta zq-org' WHERE name = 'Beta'`)
	f.exec(`UPDATE applications SET name = 'Bravo zq-app' WHERE name = 'Bravo'`)
	f.exec(`INSERT INTO memberships (org_id, user_id, role, first_name, last_name, joined_at)
		SELECT b.id, m.user_id, m.role, m.first_name, 'Zq-name', m.joined_at FROM memberships m JOIN organizations a ON a.id = m.org_id JOIN organizations b ON b.public_id = ? WHERE a.name = 'Acme'`, f.ids["Beta"])
	f.exec(`INSERT INTO team_members (org_id, team_id, user_id) SELECT m.org_id, t.id, m.user_id FROM memberships m JOIN teams t ON t.org_id = m.org_id AND t.is_default = 1
		JOIN organizations b ON b.id = m.org_id WHERE b.public_id = ? ON CONFLICT DO NOTHING`, f.ids["Beta"])
	for _, name := range []string{"ivy", "ian"} {
		f.invite("bea", "Beta", name, portal.TeamMember)
	}
	both := f.strings(`SELECT substr(u.email, 1, instr(u.email, '@') - 1) FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.last_name = 'Zq-name' AND u.state = 'active'`)
	for _, who := range both {
		for _, v := range []portal.Visibility{portal.VisiblePersonal, portal.VisibleOrganization} {
			by := f.in(who, "Beta")
			app, err := f.s.CreateApplication(f.ctx, by, portal.NewApplication{Name: who + " zq-" + string(v), Visibility: v})
			f.must(err)
			key, _, err := f.s.CreateCredential(f.ctx, by, app.PublicID, portal.NewCredential{Label: "zq-key"})
			f.must(err)
			_, _, err = f.s.Reveal(f.ctx, by, app.PublicID, key.PublicID)
			f.must(err)
		}
	}
	f.exec(`UPDATE invitations SET last_name = 'zq-invited' WHERE org_id = (SELECT id FROM organizations WHERE public_id = ?)`, f.ids["Beta"])
	f.newTeam("Beta", "bea", "Builders zq-team", both...)
	f.ids = ids
	f.mark()
}

// of is all that belongs to an organization, a line a row.
func (f *scene) of(org string) []string {
	f.t.Helper()
	id := f.number(`SELECT id FROM organizations WHERE public_id = ?`, f.ids[org])
	all := f.strings(`SELECT name || state || require_factor FROM organizations WHERE id = ?`, id)
	for _, table := range f.strings(`SELECT m.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'org_id' AND m.name NOT LIKE 'search_%'`) {
		columns := f.strings(`SELECT name FROM pragma_table_info(?)`, table)
		for i, c := range columns {
			columns[i] = "quote(" + c + ")"
		}
		rows := f.strings(`SELECT `+strings.Join(columns, ` || ' ' || `)+` FROM `+table+` WHERE org_id = ?`, id)
		for _, row := range rows {
			all = append(all, table+" "+row)
		}
	}
	slices.Sort(all)
	return all
}

func TestWhatIsDoneInOneOrganizationNeitherChangesNorShowsAnother_TEN_01_TEN_02(t *testing.T) {
	tried, held := 0, 0
	t.Cleanup(func() {
		t.Attr("faults", fmt.Sprintf("%s|%d|%d", "operations by people of two organizations: the other one is neither changed nor shown", tried, held))
	})
	for _, o := range operations {
		if o.outside || o.who == "" {
			continue
		}
		tried++
		if t.Run(o.method, func(t *testing.T) {
			f := o.scene(t)
			f.t = t
			by := o.actor(f, o.doer)
			f.inBoth()
			before := f.of("Beta")
			got, err := o.run(f, by)
			f.must(err)
			if now := f.of("Beta"); !slices.Equal(now, before) {
				t.Errorf("it has changed Beta:\n%s\n\nit was\n%s", strings.Join(now, "\n"), strings.Join(before, "\n"))
			}
			if shown := strings.ToLower(fmt.Sprintf("%+v", got)); strings.Contains(shown, "zq-") {
				t.Errorf("it shows something of Beta: %s", shown)
			}
			for _, mail := range f.mail() {
				if strings.Contains(mail, " bea,") || strings.Contains(mail, " ben,") || strings.Contains(mail, " bob,") {
					t.Errorf("people of Beta are told: %s", mail)
				}
			}
		}) {
			held++
		}
	}
}
