package db

import (
	"context"
	"database/sql"
	"fmt"

	"portico/portal"
)

const appColumns = `a.id, a.public_id, COALESCE(a.org_id, 0), COALESCE(o.public_id, ''), COALESCE(o.name, ''), a.name, a.description, a.visibility, a.version,
	a.owner_id, COALESCE(m.first_name || ' ' || m.last_name, u.first_name || ' ' || u.last_name), u.email, a.created_at,
	(SELECT count(*) FROM credentials c WHERE c.app_id = a.id AND c.revoked_at IS NULL AND (c.ends_at IS NULL OR c.ends_at > ?) AND (c.expires_at IS NULL OR c.expires_at > ?))`

const appTables = ` FROM applications a JOIN users u ON u.id = a.owner_id LEFT JOIN organizations o ON o.id = a.org_id
	LEFT JOIN memberships m ON m.org_id = a.org_id AND m.user_id = a.owner_id `

func scanApp(row interface{ Scan(...any) error }) (portal.Application, error) {
	var a portal.Application
	var created int64
	err := row.Scan(&a.ID, &a.PublicID, &a.OrgID, &a.OrgPublicID, &a.OrgName, &a.Name, &a.Description, &a.Visibility, &a.Version,
		&a.OwnerID, &a.OwnerName, &a.OwnerMail, &created, &a.Live)
	a.CreatedAt = fromMillis(created)
	return a, one(err)
}

// inTeams holds for an application whose teams a user is in.
const inTeams = `EXISTS (SELECT 1 FROM application_teams x JOIN team_members y ON y.team_id = x.team_id WHERE x.app_id = a.id AND y.user_id = `

// sight is the condition that an actor sees the application a. Super admins and
// portal admins see that every application of the organization exists.
func sight(by portal.Actor) (condition string, args []any) {
	condition, args = sightEver(by)
	return condition + ` AND a.deleted_at IS NULL`, args
}

// sightEver is sight of applications that may have been deleted since: it is the
// one place where visibility becomes SQL.
func sightEver(by portal.Actor) (condition string, args []any) {
	if by.Personal {
		return `a.org_id IS NULL AND a.owner_id = ?`, []any{by.UserID}
	}
	if by.Oversees && by.IsAdmin() {
		return `a.org_id IS NULL`, nil
	}
	if by.May(portal.ManageMembers) {
		return `a.org_id = ?`, []any{by.OrgID}
	}
	return `a.org_id = ? AND (a.visibility = 'organization' OR a.owner_id = ? OR a.visibility = 'team' AND ` + inTeams + `?))`,
		[]any{by.OrgID, by.UserID, by.UserID}
}

// changeApps is changeIn for applications, which can also be a person's own.
func (s *Store) changeApps(ctx context.Context, by portal.Actor, action portal.Action, f func(t *tx, by portal.Actor, o portal.Organization) error) error {
	if by.Oversees {
		return s.changeAsAdmin(ctx, by, func(t *tx, by portal.Actor) error {
			if !by.May(action) {
				return portal.NotAllowed(action, "this portal")
			}
			return f(t, by, portal.Organization{})
		})
	}
	if !by.Personal {
		return s.changeIn(ctx, by, action, f)
	}
	return s.change(ctx, by, func(t *tx, by portal.Actor) error {
		if by.UserID == 0 {
			return portal.ErrNotFound
		}
		if !by.May(action) {
			return portal.Errorf(portal.Forbidden, "Confirm your address first. After that you can have applications of your own.")
		}
		return f(t, by, portal.Organization{})
	})
}

// Applications lists the applications that the actor sees, in their organization
// or of their own, newest first; query finds by the beginnings of words in the name.
func (s *Store) Applications(ctx context.Context, by portal.Actor, query, cursor string) (portal.Slice[portal.Application], error) {
	if !by.May(portal.SeeApplications) {
		return portal.Slice[portal.Application]{}, portal.ErrNotFound
	}
	condition, args := sight(by)
	org := by.OrgID
	if by.Personal {
		org = everywhere
	}
	v, err := s.sieve(ctx, searchApps, org, "a.id", query)
	if err != nil {
		return portal.Slice[portal.Application]{}, err
	}
	now := millis(s.Now())
	args = append(append(append([]any{now, now}, args...), v.args...), s.before("apps", cursor), portal.PageSize+1)
	// #nosec G202 -- the condition is one of ours; every value is bound
	rows, err := s.read.QueryContext(ctx, `SELECT `+appColumns+appTables+` WHERE `+condition+v.where+` AND a.id < ? ORDER BY a.id DESC LIMIT ?`, args...)
	return appPage(s, "apps", rows, err)
}

// AllApplications lists the applications of all organizations and people, for
// admins; query finds by the beginnings of words in the name.
func (s *Store) AllApplications(ctx context.Context, by portal.Actor, query, cursor string) (portal.Slice[portal.Application], error) {
	if !by.IsAdmin() {
		return portal.Slice[portal.Application]{}, portal.ErrNotFound
	}
	v, err := s.sieve(ctx, searchApps, everywhere, "a.id", query)
	if err != nil {
		return portal.Slice[portal.Application]{}, err
	}
	now := millis(s.Now())
	// #nosec G202 -- the condition is one of ours; every value is bound
	rows, err := s.read.QueryContext(ctx, `SELECT `+appColumns+appTables+` WHERE a.deleted_at IS NULL AND (o.state IS NULL OR o.state <> 'deleted') AND a.id < ?`+v.where+` ORDER BY a.id DESC LIMIT ?`,
		append(append([]any{now, now, s.before("allapps", cursor)}, v.args...), portal.PageSize+1)...)
	return appPage(s, "allapps", rows, err)
}

func appPage(s *Store, name string, rows *sql.Rows, err error) (portal.Slice[portal.Application], error) {
	all, err := list(rows, err, func(r *sql.Rows) (portal.Application, error) { return scanApp(r) })
	return pageOf(s, name, all, func(a portal.Application) int64 { return a.ID }), err
}

// ApplicationCount counts the applications that the actor sees.
func (s *Store) ApplicationCount(ctx context.Context, by portal.Actor) (portal.Count, error) {
	if !by.May(portal.SeeApplications) {
		return 0, portal.ErrNotFound
	}
	condition, args := sight(by)
	var n int
	err := s.read.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM applications a WHERE `+condition+` LIMIT ?)`, append(args, portal.MaxCount+1)...).Scan(&n)
	return portal.Count(n), err
}

// Application is one application that the actor sees.
func (s *Store) Application(ctx context.Context, by portal.Actor, publicID string) (portal.Application, error) {
	if !by.May(portal.SeeApplications) {
		return portal.Application{}, portal.ErrNotFound
	}
	return readApp(ctx, s.read, by, publicID, millis(s.Now()))
}

func readApp(ctx context.Context, q querier, by portal.Actor, publicID string, now int64) (portal.Application, error) {
	condition, args := sight(by)
	return scanApp(q.QueryRowContext(ctx, `SELECT `+appColumns+appTables+` WHERE a.public_id = ? AND `+condition, append([]any{now, now, publicID}, args...)...))
}

// app is an application that the actor sees. What is noted after it in the audit
// log is for its owner if it is personal.
func (t *tx) app(by portal.Actor, publicID string) (portal.Application, error) {
	a, err := readApp(t.ctx, t, by, publicID, millis(t.now))
	if t.appID, t.onlyFor = a.ID, 0; err == nil && a.Visibility == portal.VisiblePersonal && a.OrgID != 0 {
		t.onlyFor = a.OwnerID
	}
	return a, err
}

// usableApp is an application whose keys the actor may use.
func (t *tx) usableApp(by portal.Actor, publicID string) (portal.Application, error) {
	a, err := t.app(by, publicID)
	if err == nil && !a.KeysFor(by) {
		err = portal.ErrPersonal
	}
	return a, err
}

func errAppName(name string) error {
	return portal.Invalidf("name", "There is an application called %s already. Choose another name.", name)
}

// CreateApplication makes an application, in the actor's organization or of
// their own.
func (s *Store) CreateApplication(ctx context.Context, by portal.Actor, n portal.NewApplication) (portal.Application, error) {
	var a portal.Application
	err := s.changeApps(ctx, by, portal.UseApplications, func(t *tx, by portal.Actor, o portal.Organization) error {
		if by.Personal {
			n.Visibility, n.Teams = portal.VisiblePersonal, nil
		}
		n, err := n.Tidy()
		if err != nil {
			return err
		}
		id := newID()
		_, err = t.exec(`INSERT INTO applications (public_id, org_id, owner_id, name, name_key, description, visibility, created_at) VALUES (?, NULLIF(?, 0), ?, ?, ?, ?, ?, ?)`,
			id, o.ID, by.UserID, n.Name, portal.NameKey(n.Name), n.Description, n.Visibility, millis(t.now))
		if isUnique(err) {
			return t.errTaken(by, o, n.Name)
		} else if err != nil {
			return fmt.Errorf("insert application: %w", err)
		}
		if a, err = t.app(by, id); err != nil {
			return err
		}
		if err := t.setTeams(a, n.Teams); err != nil {
			return err
		}
		return t.audit(by, o.ID, portal.AuditAppCreated, a.Name, "")
	})
	return a, err
}

// errTaken says that a name is taken. When the actor does not see the one that
// has it, it says only that the name cannot be used.
func (t *tx) errTaken(by portal.Actor, o portal.Organization, name string) error {
	condition, args := sight(by)
	var seen int
	err := t.row(`SELECT count(*) FROM applications a WHERE a.name_key = ? AND `+condition, append([]any{portal.NameKey(name)}, args...)...).Scan(&seen)
	if err == nil && seen == 0 {
		return portal.Invalidf("name", "This name cannot be used here. Choose another one.")
	}
	if err != nil {
		return err
	}
	return errAppName(name)
}

// setTeams makes the teams with these public ids those of an application.
func (t *tx) setTeams(a portal.Application, teams []string) error {
	if _, err := t.exec(`DELETE FROM application_teams WHERE app_id = ?`, a.ID); err != nil {
		return err
	}
	for _, id := range teams {
		n, err := t.exec(`INSERT INTO application_teams (org_id, app_id, team_id) SELECT org_id, ?, id FROM teams WHERE org_id = ? AND public_id = ?
			ON CONFLICT DO NOTHING`, a.ID, a.OrgID, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return portal.Invalidf("teams", "One of these teams does not exist any more. Load the page again.")
		}
	}
	return nil
}

// EditApplication changes name and description. version is the one the form was
// made from: who comes second is told, and overwrites nothing.
func (s *Store) EditApplication(ctx context.Context, by portal.Actor, publicID string, version int64, n portal.NewApplication) error {
	return s.changeApps(ctx, by, portal.UseApplications, func(t *tx, by portal.Actor, o portal.Organization) error {
		a, err := t.usableApp(by, publicID)
		if err != nil {
			return err
		}
		n.Visibility = ""
		if n, err = n.Tidy(); err != nil {
			return err
		}
		changed, err := t.exec(`UPDATE applications SET name = ?, name_key = ?, description = ?, version = version + 1 WHERE id = ? AND version = ?`,
			n.Name, portal.NameKey(n.Name), n.Description, a.ID, version)
		if isUnique(err) {
			return t.errTaken(by, o, n.Name)
		} else if err != nil {
			return err
		}
		if changed == 0 {
			return errEdited(a)
		}
		if n.Name == a.Name && n.Description == a.Description {
			return nil
		}
		detail := "description"
		if n.Name != a.Name {
			detail = "from " + a.Name
		}
		return t.audit(by, o.ID, portal.AuditAppEdited, n.Name, detail)
	})
}

func errEdited(a portal.Application) error {
	return portal.Errorf(portal.Conflict, "Somebody else has changed this application meanwhile; it is called %s now. Load the page again, then repeat your change.", a.Name)
}

// DeleteApplication removes an application; its credentials stop at once.
func (s *Store) DeleteApplication(ctx context.Context, by portal.Actor, publicID string) (portal.Application, error) {
	var a portal.Application
	err := s.changeApps(ctx, by, portal.UseApplications, func(t *tx, by portal.Actor, o portal.Organization) (err error) {
		if a, err = t.usableApp(by, publicID); err != nil {
			return err
		}
		t.keys = true
		if _, err := t.exec(`UPDATE credentials SET revoked_at = ?, ended_by = ? WHERE app_id = ? AND revoked_at IS NULL`, millis(t.now), by.UserID, a.ID); err != nil {
			return err
		}
		if _, err := t.exec(`UPDATE applications SET deleted_at = ? WHERE id = ? AND deleted_at IS NULL`, millis(t.now), a.ID); err != nil {
			return err
		}
		return t.audit(by, o.ID, portal.AuditAppDeleted, a.Name, fmt.Sprintf("with %d working credentials", a.Live))
	})
	return a, err
}
