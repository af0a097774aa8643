package db

import (
	"context"
	"database/sql"
	"fmt"

	"portico/portal"
)

const appColumns = `a.id, a.public_id, a.org_id, o.public_id, o.name, a.name, a.description, a.version,
	COALESCE(m.first_name || ' ' || m.last_name, u.first_name || ' ' || u.last_name), a.created_at,
	(SELECT count(*) FROM credentials c WHERE c.app_id = a.id AND c.revoked_at IS NULL AND (c.ends_at IS NULL OR c.ends_at > ?))`

const appTables = ` FROM applications a JOIN organizations o ON o.id = a.org_id JOIN users u ON u.id = a.created_by
	LEFT JOIN memberships m ON m.org_id = a.org_id AND m.user_id = a.created_by `

func scanApp(row interface{ Scan(...any) error }) (portal.Application, error) {
	var a portal.Application
	var created int64
	err := row.Scan(&a.ID, &a.PublicID, &a.OrgID, &a.OrgPublicID, &a.OrgName, &a.Name, &a.Description, &a.Version, &a.CreatedBy, &created, &a.Live)
	a.CreatedAt = fromMillis(created)
	return a, one(err)
}

// Applications lists the applications of the actor's organization, newest first.
func (s *Store) Applications(ctx context.Context, by portal.Actor, cursor string) (portal.Slice[portal.Application], error) {
	if !by.May(portal.SeeApplications) {
		return portal.Slice[portal.Application]{}, portal.ErrNotFound
	}
	rows, err := s.read.QueryContext(ctx, `SELECT `+appColumns+appTables+`
		WHERE a.org_id = ? AND a.deleted_at IS NULL AND a.id < ? ORDER BY a.id DESC LIMIT ?`,
		millis(s.Now()), by.OrgID, s.before("apps", cursor), portal.PageSize+1)
	return appPage(s, "apps", rows, err)
}

// AllApplications lists the applications of all organizations, for admins.
func (s *Store) AllApplications(ctx context.Context, by portal.Actor, cursor string) (portal.Slice[portal.Application], error) {
	if !by.IsAdmin() {
		return portal.Slice[portal.Application]{}, portal.ErrNotFound
	}
	rows, err := s.read.QueryContext(ctx, `SELECT `+appColumns+appTables+`
		WHERE a.deleted_at IS NULL AND a.id < ? ORDER BY a.id DESC LIMIT ?`,
		millis(s.Now()), s.before("allapps", cursor), portal.PageSize+1)
	return appPage(s, "allapps", rows, err)
}

func appPage(s *Store, name string, rows *sql.Rows, err error) (portal.Slice[portal.Application], error) {
	all, err := list(rows, err, func(r *sql.Rows) (portal.Application, error) { return scanApp(r) })
	return pageOf(s, name, all, func(a portal.Application) int64 { return a.ID }), err
}

// ApplicationCount counts the applications of the actor's organization.
func (s *Store) ApplicationCount(ctx context.Context, by portal.Actor) (portal.Count, error) {
	if !by.May(portal.SeeApplications) {
		return 0, portal.ErrNotFound
	}
	var n int
	err := s.read.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM applications WHERE org_id = ? AND deleted_at IS NULL LIMIT ?)`,
		by.OrgID, portal.MaxCount+1).Scan(&n)
	return portal.Count(n), err
}

// Application is one application of the actor's organization.
func (s *Store) Application(ctx context.Context, by portal.Actor, publicID string) (portal.Application, error) {
	if !by.May(portal.SeeApplications) {
		return portal.Application{}, portal.ErrNotFound
	}
	return readApp(ctx, s.read, by, publicID, millis(s.Now()))
}

func readApp(ctx context.Context, q querier, by portal.Actor, publicID string, now int64) (portal.Application, error) {
	return scanApp(q.QueryRowContext(ctx, `SELECT `+appColumns+appTables+`
		WHERE a.public_id = ? AND a.org_id = ? AND a.deleted_at IS NULL`, now, publicID, by.OrgID))
}

func (t *tx) app(by portal.Actor, publicID string) (portal.Application, error) {
	return readApp(t.ctx, t, by, publicID, millis(t.now))
}

func errAppName(name string) error {
	return portal.Invalidf("name", "There is an application called %s already. Choose another name.", name)
}

// CreateApplication makes an application in the actor's organization.
func (s *Store) CreateApplication(ctx context.Context, by portal.Actor, n portal.NewApplication) (portal.Application, error) {
	var a portal.Application
	err := s.changeIn(ctx, by, portal.UseApplications, func(t *tx, by portal.Actor, o portal.Organization) error {
		n, err := n.Tidy()
		if err != nil {
			return err
		}
		id := newID()
		_, err = t.exec(`INSERT INTO applications (public_id, org_id, name, name_key, description, created_by, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			id, o.ID, n.Name, portal.NameKey(n.Name), n.Description, by.UserID, millis(t.now))
		if isUnique(err) {
			return errAppName(n.Name)
		} else if err != nil {
			return fmt.Errorf("insert application: %w", err)
		}
		if a, err = t.app(by, id); err != nil {
			return err
		}
		return t.audit(by, o.ID, portal.AuditAppCreated, a.Name, "")
	})
	return a, err
}

// EditApplication changes name and description. version is the one the form was
// made from: who comes second is told, and overwrites nothing.
func (s *Store) EditApplication(ctx context.Context, by portal.Actor, publicID string, version int64, n portal.NewApplication) error {
	return s.changeIn(ctx, by, portal.UseApplications, func(t *tx, by portal.Actor, o portal.Organization) error {
		a, err := t.app(by, publicID)
		if err != nil {
			return err
		}
		if n, err = n.Tidy(); err != nil {
			return err
		}
		changed, err := t.exec(`UPDATE applications SET name = ?, name_key = ?, description = ?, version = version + 1 WHERE id = ? AND version = ?`,
			n.Name, portal.NameKey(n.Name), n.Description, a.ID, version)
		if isUnique(err) {
			return errAppName(n.Name)
		} else if err != nil {
			return err
		}
		if changed == 0 {
			return portal.Errorf(portal.Conflict, "Somebody else has changed this application meanwhile; it is called %s now. Load the page again, then repeat your change.", a.Name)
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

// DeleteApplication removes an application; its credentials stop at once.
func (s *Store) DeleteApplication(ctx context.Context, by portal.Actor, publicID string) (portal.Application, error) {
	var a portal.Application
	err := s.changeIn(ctx, by, portal.UseApplications, func(t *tx, by portal.Actor, o portal.Organization) (err error) {
		if a, err = t.app(by, publicID); err != nil {
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
