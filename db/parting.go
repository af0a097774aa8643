package db

import (
	"context"
	"database/sql"
	"strings"

	"portico/portal"
)

// Parting is what would happen if an account were deactivated or deleted: one's
// own, or any for a portal admin.
func (s *Store) Parting(ctx context.Context, by portal.Actor, publicID string) (portal.Parting, error) {
	a, err := readAccount(ctx, s.read, `u.public_id = ?`, publicID)
	if err == nil && a.ID != by.UserID && !by.IsAdmin() || a.State == portal.UserDeleted {
		err = portal.ErrNotFound
	}
	if err != nil {
		return portal.Parting{}, err
	}
	p := portal.Parting{User: a.User}
	if p.LastIn, err = lastIn(ctx, s.read, a.User); err != nil {
		return p, err
	}
	if p.LastAdmin, err = lastAdmin(ctx, s.read, a.User); err != nil {
		return p, err
	}
	now := millis(s.Now())
	err = s.read.QueryRowContext(ctx, `SELECT count(*), COALESCE(sum((SELECT count(*) FROM credentials c WHERE c.app_id = a.id AND `+working+`)), 0)
		FROM applications a WHERE a.owner_id = ? AND a.org_id IS NULL AND a.deleted_at IS NULL`, now, now, a.ID).Scan(&p.Apps, &p.Keys)
	if err != nil {
		return p, err
	}
	if p.Leaves, err = leaves(ctx, s.read, a.ID); err != nil {
		return p, err
	}
	return p, heirs(ctx, s.read, a.ID, p.Leaves)
}

// lastIn are the organizations in which nobody but u could act as Super admin.
func lastIn(ctx context.Context, q querier, u portal.User) ([]portal.Organization, error) {
	states := `('active')`
	if u.State != portal.UserActive {
		states = `('active', 'waiting', 'unproven')`
	}
	rows, err := q.QueryContext(ctx, `SELECT `+orgColumns+` FROM memberships m JOIN organizations o ON o.id = m.org_id
		WHERE m.user_id = ? AND m.role = 'super_admin' AND o.state IN ('active', 'suspended')
			AND NOT EXISTS (SELECT 1 FROM memberships x JOIN users u ON u.id = x.user_id
				WHERE x.org_id = m.org_id AND x.user_id <> m.user_id AND x.role = 'super_admin' AND u.state IN `+states+`)
		ORDER BY m.org_id LIMIT ?`, u.ID, maxOwn)
	return list(rows, err, func(r *sql.Rows) (portal.Organization, error) { return scanOrg(r) })
}

// lastAdmin reports whether u is the one portal admin who can act.
func lastAdmin(ctx context.Context, q querier, u portal.User) (bool, error) {
	if !u.Admin || u.State != portal.UserActive {
		return false, nil
	}
	var others int
	err := q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM users WHERE admin = 1 AND state = 'active' AND id <> ?)`, u.ID).Scan(&others)
	return others == 0, err
}

// leaves are the organizations somebody belongs to, with what they own there.
func leaves(ctx context.Context, q querier, userID int64) ([]portal.PartingOrg, error) {
	const owned = `(SELECT count(*) FROM applications a WHERE a.owner_id = m.user_id AND a.org_id = m.org_id AND a.deleted_at IS NULL AND a.visibility `
	rows, err := q.QueryContext(ctx, `SELECT `+orgColumns+`, m.role, `+owned+`= 'personal'), `+owned+`<> 'personal')
		FROM memberships m JOIN organizations o ON o.id = m.org_id WHERE m.user_id = ? ORDER BY m.org_id`, userID)
	return list(rows, err, func(r *sql.Rows) (portal.PartingOrg, error) {
		var p portal.PartingOrg
		var created int64
		err := r.Scan(append(orgFields(&p.Org, &created), &p.Role, &p.Personal, &p.Shared)...)
		p.Org.CreatedAt = fromMillis(created)
		return p, err
	})
}

// heirs fills in who could take over what somebody owns in each organization.
func heirs(ctx context.Context, q querier, userID int64, orgs []portal.PartingOrg) error {
	rows, err := q.QueryContext(ctx, `SELECT m.org_id, `+memberColumns+` FROM memberships mine JOIN memberships m ON m.org_id = mine.org_id JOIN users u ON u.id = m.user_id
		WHERE mine.user_id = ? AND m.role = 'super_admin' AND m.user_id <> mine.user_id AND u.state = 'active' ORDER BY mine.org_id, m.user_id LIMIT ?`,
		userID, maxOwn*maxPeople)
	_, err = list(rows, err, func(r *sql.Rows) (struct{}, error) {
		var h portal.Member
		var org, joined int64
		err := r.Scan(&org, &h.UserID, &h.PublicID, &h.Email, &h.First, &h.Last, &h.Role, &h.State, &joined)
		h.JoinedAt = fromMillis(joined)
		for i := range orgs {
			if orgs[i].Org.ID == org && orgs[i].Personal+orgs[i].Shared > 0 && len(orgs[i].Heirs) < maxPeople {
				orgs[i].Heirs = append(orgs[i].Heirs, h)
			}
		}
		return struct{}{}, err
	})
	return err
}

// mayPart refuses to lose an account that others cannot do without.
func (t *tx) mayPart(a account) error {
	last, err := lastIn(t.ctx, t, a.User)
	if err != nil {
		return err
	}
	if len(last) > 0 {
		return errLastIn(a.User, last)
	}
	if only, err := lastAdmin(t.ctx, t, a.User); err != nil {
		return err
	} else if only {
		return errLastAdmin
	}
	return nil
}

var errLastAdmin = portal.Errorf(portal.Conflict, "Portico needs at least one portal admin. Make somebody else one first.")

func errLastIn(u portal.User, orgs []portal.Organization) error {
	var names []string
	for _, o := range orgs[:min(3, len(orgs))] {
		names = append(names, o.Name)
	}
	list := strings.Join(names, ", ")
	if len(orgs) > len(names) {
		list += " and others"
	}
	return portal.Errorf(portal.Conflict, "%s is the only Super admin of %s. Promote somebody there first.", u.Name(), list)
}
