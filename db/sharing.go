package db

import (
	"context"
	"database/sql"
	"strings"

	"portico/portal"
)

// TeamsOf are the public ids of the teams an application is for.
func (s *Store) TeamsOf(ctx context.Context, by portal.Actor, a portal.Application) ([]string, error) {
	if !by.May(portal.SeeApplications) || a.OrgID != by.OrgID {
		return nil, portal.ErrNotFound
	}
	rows, err := s.read.QueryContext(ctx, `SELECT t.public_id FROM application_teams x JOIN teams t ON t.id = x.team_id WHERE x.app_id = ? ORDER BY x.team_id`, a.ID)
	return list(rows, err, func(r *sql.Rows) (string, error) {
		var id string
		return id, r.Scan(&id)
	})
}

// maxPeople is how many people an answer about access names.
const maxPeople = 100

// WouldGain lists the people who do not see the application now and would after
// the change, at most maxPeople of them, and how many there are in all.
func (s *Store) WouldGain(ctx context.Context, by portal.Actor, publicID string, v portal.Visibility, teams []string) ([]portal.Access, portal.Count, error) {
	a, err := s.Application(ctx, by, publicID)
	if err != nil || by.Personal || v == portal.VisiblePersonal {
		return nil, 0, err
	}
	if !a.KeysFor(by) {
		return nil, 0, portal.ErrPersonal
	}
	after := `1`
	var args []any
	if v == portal.VisibleTeam {
		if len(teams) == 0 {
			return nil, 0, nil
		}
		after = `(m.role = 'super_admin' OR EXISTS (SELECT 1 FROM team_members y JOIN teams t ON t.id = y.team_id
			WHERE y.user_id = m.user_id AND t.org_id = m.org_id AND t.public_id IN (?` + strings.Repeat(", ?", len(teams)-1) + `)))`
		for _, id := range teams {
			args = append(args, id)
		}
	}
	from := ` FROM memberships m JOIN users u ON u.id = m.user_id JOIN applications a ON a.id = ?
		WHERE m.org_id = ? AND NOT (a.visibility = 'organization' OR a.owner_id = m.user_id
			OR a.visibility = 'team' AND (m.role = 'super_admin' OR ` + inTeams + `m.user_id))) AND ` + after
	args = append([]any{a.ID, by.OrgID}, args...)
	var n int
	if err := s.read.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1`+from+` LIMIT ?)`, append(args, portal.MaxCount+1)...).Scan(&n); err != nil {
		return nil, 0, err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT m.first_name || ' ' || m.last_name, u.email`+from+` ORDER BY m.user_id LIMIT ?`, append(args, maxPeople)...)
	people, err := list(rows, err, func(r *sql.Rows) (portal.Access, error) {
		p := portal.Access{Keys: true}
		return p, r.Scan(&p.Name, &p.Email)
	})
	return people, portal.Count(n), err
}

// ShareApplication changes who sees an application.
func (s *Store) ShareApplication(ctx context.Context, by portal.Actor, publicID string, version int64, v portal.Visibility, teams []string) error {
	return s.changeIn(ctx, by, portal.UseApplications, func(t *tx, by portal.Actor, o portal.Organization) error {
		a, err := t.usableApp(by, publicID)
		if err != nil {
			return err
		}
		n, err := portal.NewApplication{Name: a.Name, Visibility: v, Teams: teams}.Tidy()
		if err != nil {
			return err
		}
		v := n.Visibility
		if v == portal.VisiblePersonal && a.OwnerID != by.UserID && !by.May(portal.ManageMembers) {
			return portal.Errorf(portal.Forbidden, "Only %s or a Super admin may take this application from the others.", a.OwnerName)
		}
		// The keys of one whose owner has left the organization would be nobody's.
		changed, err := t.exec(`UPDATE applications SET visibility = ?, version = version + 1, owner_id = CASE WHEN ? = 'personal'
			AND NOT EXISTS (SELECT 1 FROM memberships m WHERE m.org_id = applications.org_id AND m.user_id = owner_id) THEN ? ELSE owner_id END
			WHERE id = ? AND version = ?`, v, v, by.UserID, a.ID, version)
		if err != nil {
			return err
		}
		if changed == 0 {
			return errEdited(a)
		}
		if err := t.setTeams(a, n.Teams); err != nil {
			return err
		}
		if v == a.Visibility && v != portal.VisibleTeam {
			return nil // nobody sees more or less than before
		}
		return t.audit(by, o.ID, portal.AuditAppShared, a.Name, "from "+a.Visibility.Words()+" to "+v.Words())
	})
}

// AccessTo lists who sees an application and why, at most maxPeople of them, and
// how many there are in all. Portal admins, who see everything, are not listed.
func (s *Store) AccessTo(ctx context.Context, by portal.Actor, publicID string) ([]portal.Access, portal.Count, error) {
	a, err := s.Application(ctx, by, publicID)
	if err != nil {
		return nil, 0, err
	}
	if a.OrgID == 0 {
		return []portal.Access{{Name: a.OwnerName, Email: a.OwnerMail, Why: "It is theirs.", Keys: true}}, 1, nil
	}
	from := ` FROM memberships m JOIN users u ON u.id = m.user_id JOIN applications a ON a.id = ?
		WHERE m.org_id = ? AND (a.visibility = 'organization' OR a.owner_id = m.user_id OR m.role = 'super_admin' OR a.visibility = 'team' AND ` + inTeams + `m.user_id))`
	args := []any{a.ID, a.OrgID}
	var n int
	if err := s.read.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1`+from+` LIMIT ?)`, append(args, portal.MaxCount+1)...).Scan(&n); err != nil {
		return nil, 0, err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT m.user_id, m.first_name || ' ' || m.last_name, u.email, m.role,
		COALESCE((SELECT t.name FROM application_teams x JOIN team_members y ON y.team_id = x.team_id JOIN teams t ON t.id = x.team_id
			WHERE x.app_id = a.id AND y.user_id = m.user_id ORDER BY x.team_id LIMIT 1), '')`+from+` ORDER BY m.user_id LIMIT ?`, append(args, maxPeople)...)
	people, err := list(rows, err, func(r *sql.Rows) (portal.Access, error) {
		p := portal.Access{Keys: true}
		var user int64
		var role portal.Role
		var team string
		err := r.Scan(&user, &p.Name, &p.Email, &role, &team)
		switch {
		case user == a.OwnerID:
			p.Why = "Owner"
		case a.Visibility == portal.VisibleOrganization:
			p.Why = "Member of " + a.OrgName
		case a.Visibility == portal.VisiblePersonal:
			p.Why, p.Keys = "Super admin: sees that it exists, not its keys", false
		case team != "":
			p.Why = "In the team " + team
		default:
			p.Why = "Super admin"
		}
		return p, err
	})
	return people, portal.Count(n), err
}

// MoveApplication takes an application of the actor's own into an organization
// they belong to, where every member sees it. Its keys go on working.
func (s *Store) MoveApplication(ctx context.Context, by portal.Actor, publicID, orgID string) (portal.Organization, error) {
	var o portal.Organization
	if !by.Personal {
		return o, portal.ErrNotFound
	}
	err := s.changeApps(ctx, by, portal.UseApplications, func(t *tx, by portal.Actor, _ portal.Organization) error {
		a, err := t.usableApp(by, publicID)
		if err != nil {
			return err
		}
		var id int64
		err = t.row(`SELECT o.id FROM organizations o JOIN memberships m ON m.org_id = o.id WHERE o.public_id = ? AND m.user_id = ? AND o.state = 'active'`, orgID, by.UserID).Scan(&id)
		if portal.IsCode(one(err), portal.NotFound) {
			return portal.Invalidf("organization", "Choose one of your organizations.")
		} else if err != nil {
			return err
		}
		if o, err = t.organization(id); err != nil {
			return err
		}
		if err := needsFactor(ctx, t, by, o); err != nil {
			return err
		}
		t.keys = true
		_, err = t.exec(`UPDATE applications SET org_id = ?, visibility = 'organization', version = version + 1 WHERE id = ? AND org_id IS NULL`, o.ID, a.ID)
		if isUnique(err) {
			return portal.Invalidf("organization", "%s has an application of this name already. Rename yours first.", o.Name)
		} else if err != nil {
			return err
		}
		if err := t.moveKeys(a, o.ID); err != nil {
			return err
		}
		return t.audit(by, o.ID, portal.AuditAppMoved, a.Name, "into "+o.Name)
	})
	return o, err
}

// bequeath passes a leaver's personal applications on to somebody who stays.
func (t *tx) bequeath(by portal.Actor, o portal.Organization, from, to int64) error {
	return t.passOn(by, o, from, to, `visibility = 'personal'`, to)
}

// passOn gives the applications of from for which the condition holds to another
// member; onlyFor is who alone may read of it.
func (t *tx) passOn(by portal.Actor, o portal.Organization, from, to int64, condition string, onlyFor int64) error {
	rows, err := t.rows(`SELECT id, name FROM applications WHERE org_id = ? AND owner_id = ? AND `+condition+` AND deleted_at IS NULL`, o.ID, from)
	apps, err := list(rows, err, func(r *sql.Rows) (portal.Application, error) {
		var a portal.Application
		return a, r.Scan(&a.ID, &a.Name)
	})
	if err != nil || len(apps) == 0 {
		return err
	}
	var heir string
	if err := t.row(`SELECT first_name || ' ' || last_name FROM memberships WHERE org_id = ? AND user_id = ?`, o.ID, to).Scan(&heir); err != nil {
		return one(err)
	}
	t.onlyFor = onlyFor
	for _, a := range apps {
		t.appID = a.ID
		if _, err := t.exec(`UPDATE applications SET owner_id = ?, version = version + 1 WHERE id = ?`, to, a.ID); err != nil {
			return err
		}
		if err := t.audit(by, o.ID, portal.AuditAppInherited, a.Name, "now of "+heir); err != nil {
			return err
		}
	}
	return nil
}
