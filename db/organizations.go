package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"portico/portal"
)

const orgColumns = `o.id, o.public_id, o.name, o.state, o.created_at, o.require_factor`

func orgFields(o *portal.Organization, created *int64) []any {
	return []any{&o.ID, &o.PublicID, &o.Name, &o.State, created, &o.RequireFactor}
}

func scanOrg(row interface{ Scan(...any) error }) (portal.Organization, error) {
	var o portal.Organization
	var created int64
	err := row.Scan(orgFields(&o, &created)...)
	o.CreatedAt = fromMillis(created)
	return o, one(err)
}

func (t *tx) organization(id int64) (portal.Organization, error) {
	return scanOrg(t.row(`SELECT `+orgColumns+` FROM organizations o WHERE o.id = ?`, id))
}

// Enter takes an actor into the organization with that public id: as a member,
// or as a portal admin where admin says so. To everybody else it does not exist.
func (s *Store) Enter(ctx context.Context, by portal.Actor, publicID string, admin bool) (portal.Actor, portal.Organization, error) {
	var o portal.Organization
	var created int64
	var role portal.Role
	var first, last string
	err := s.read.QueryRowContext(ctx, `
		SELECT `+orgColumns+`, COALESCE(m.role, ''), COALESCE(m.first_name, ''), COALESCE(m.last_name, '')
		FROM organizations o LEFT JOIN memberships m ON m.org_id = o.id AND m.user_id = ?
		WHERE o.public_id = ?`, by.UserID, publicID).
		Scan(append(orgFields(&o, &created), &role, &first, &last)...)
	if err != nil {
		return by, o, one(err)
	}
	o.CreatedAt = fromMillis(created)
	by.OrgID = o.ID
	if admin {
		if !by.IsAdmin() {
			return by, o, portal.ErrNotFound
		}
		return by, o, nil
	}
	if by.Role = role; !by.Member() || !o.State.Provisioned() {
		return by, o, portal.ErrNotFound
	}
	by.Name = portal.FullName(first, last)
	if by, err = onlyMember(ctx, s.read, by); err != nil {
		return by, o, err
	}
	return by, o, needsFactor(ctx, s.read, by, o)
}

// maxOwn bounds the lists of what is one's own on the start page.
const maxOwn = 100

// Memberships lists the organizations the actor belongs to, by name.
func (s *Store) Memberships(ctx context.Context, by portal.Actor) ([]portal.Membership, error) {
	all, err := remembered(ctx, s, membershipsOf{by.UserID}, func() ([]portal.Membership, error) {
		rows, err := s.read.QueryContext(ctx, `
			SELECT `+orgColumns+`, m.role FROM memberships m JOIN organizations o ON o.id = m.org_id
			WHERE m.user_id = ? AND o.state IN ('active', 'suspended') ORDER BY o.name, o.id LIMIT ?`, by.UserID, maxOwn)
		return list(rows, err, func(r *sql.Rows) (portal.Membership, error) {
			var m portal.Membership
			var created int64
			err := r.Scan(append(orgFields(&m.Org, &created), &m.Role)...)
			m.Org.CreatedAt = fromMillis(created)
			return m, err
		})
	})
	return slices.Clone(all), err
}

type membershipsOf struct{ userID int64 }

// insertOrg makes an organization without members. requesterID is 0 for one that
// an admin adds.
func (t *tx) insertOrg(name string, state portal.OrgState, requesterID int64) (portal.Organization, error) {
	o := portal.Organization{PublicID: newID(), Name: name, State: state, CreatedAt: t.now}
	err := t.row(`
		INSERT INTO organizations (public_id, name, state, requester_id, requested_at, created_at)
		VALUES (?, ?, ?, NULLIF(?, 0), ?, ?) RETURNING id`,
		o.PublicID, o.Name, o.State, requesterID, millis(t.now), millis(t.now)).Scan(&o.ID)
	if err != nil {
		return o, fmt.Errorf("insert organization: %w", err)
	}
	return o, nil
}

// provision brings an organization to life: state, default team and its first
// Super admin (0: none yet) together. decidedBy is nil when nobody decided.
func (t *tx) provision(o portal.Organization, superAdmin int64, from portal.OrgState, decidedBy *portal.Actor) (portal.Organization, error) {
	var decider any
	if decidedBy != nil {
		decider = decidedBy.UserID
	}
	n, err := t.exec(`UPDATE organizations SET state = 'active', name = ?, decided_by = ?, decided_at = ?, reason = '' WHERE id = ? AND state = ?`,
		o.Name, decider, millis(t.now), o.ID, from)
	if err != nil {
		return o, err
	}
	if n == 0 {
		return o, portal.Errorf(portal.Conflict, "%s has been decided already.", o.Name)
	}
	o.State = portal.OrgActive
	if _, err := t.exec(`INSERT INTO teams (public_id, org_id, name, is_default, created_at) VALUES (?, ?, ?, 1, ?)`,
		newID(), o.ID, portal.DefaultTeamName(o.Name), millis(t.now)); err != nil {
		return o, fmt.Errorf("insert default team: %w", err)
	}
	if superAdmin == 0 {
		return o, nil
	}
	a, err := t.account(`u.id = ?`, superAdmin)
	if err != nil {
		return o, err
	}
	return o, t.join(o.ID, a.ID, portal.SuperAdmin, a.First, a.Last)
}

// join makes somebody a member, in the default team.
func (t *tx) join(orgID, userID int64, role portal.Role, first, last string) error {
	if _, err := t.exec(`INSERT INTO memberships (org_id, user_id, role, first_name, last_name, joined_at) VALUES (?, ?, ?, ?, ?, ?)`,
		orgID, userID, role, first, last, millis(t.now)); err != nil {
		return fmt.Errorf("insert membership: %w", err)
	}
	return t.toDefaultTeam(orgID, userID)
}

func (t *tx) rename(by portal.Actor, o portal.Organization, name string) error {
	t.keys = true // gateways are told the name
	if _, err := t.exec(`UPDATE organizations SET name = ? WHERE id = ?`, name, o.ID); err != nil {
		return err
	}
	// A default team that still has its first name goes along.
	if _, err := t.exec(`UPDATE teams SET name = ? WHERE org_id = ? AND is_default = 1 AND name = ?`,
		portal.DefaultTeamName(name), o.ID, portal.DefaultTeamName(o.Name)); err != nil {
		return err
	}
	return t.audit(by, o.ID, portal.AuditOrgRenamed, name, "from "+o.Name)
}

// AddOrg makes an active organization by hand, and invites its first Super admin
// if one is named.
func (s *Store) AddOrg(ctx context.Context, by portal.Actor, name string, first *portal.NewInvitation) (portal.Organization, error) {
	var o portal.Organization
	err := s.changeAsAdmin(ctx, by, func(t *tx, by portal.Actor) error {
		problems := portal.Problems{}
		var nameErr, firstErr *portal.Error
		var err error
		if name, err = portal.TidyOrgName(name); errors.As(err, &nameErr) {
			merge(problems, nameErr)
		}
		if first != nil {
			first.Role = portal.SuperAdmin
			if _, _, err := first.Tidy(); errors.As(err, &firstErr) {
				merge(problems, firstErr)
			}
		}
		if err := problems.Err(); err != nil {
			return err
		}
		if o, err = t.insertOrg(name, portal.OrgPending, 0); err != nil {
			return err
		}
		if o, err = t.provision(o, 0, portal.OrgPending, &by); err != nil {
			return err
		}
		if err := t.audit(by, o.ID, portal.AuditOrgAdded, o.Name, ""); err != nil {
			return err
		}
		if first == nil {
			return nil
		}
		return t.inviteFirst(by, o, *first)
	})
	return o, err
}

func merge(problems portal.Problems, e *portal.Error) {
	for field, message := range e.Fields {
		problems.Add(field, message)
	}
}

// inviteFirst invites an organization's first Super admin.
func (t *tx) inviteFirst(by portal.Actor, o portal.Organization, first portal.NewInvitation) error {
	first.Role = portal.SuperAdmin
	by.OrgID = o.ID
	_, err := t.invite(by, o, first)
	return err
}

// RenameOrg changes the name of the actor's organization; both names are recorded.
func (s *Store) RenameOrg(ctx context.Context, by portal.Actor, name string) error {
	return s.changeIn(ctx, by, portal.RenameOrg, func(t *tx, by portal.Actor, o portal.Organization) error {
		name, err := portal.TidyOrgName(name)
		if err != nil || name == o.Name {
			return err
		}
		return t.rename(by, o, name)
	})
}

// Orgs lists organizations in one state, newest request first, for admins; query
// finds by the beginnings of words in the name.
func (s *Store) Orgs(ctx context.Context, by portal.Actor, state portal.OrgState, query, cursor string) (portal.Slice[portal.OrgRequest], error) {
	if !by.IsAdmin() {
		return portal.Slice[portal.OrgRequest]{}, portal.ErrNotFound
	}
	v, err := s.sieve(ctx, searchOrgs, everywhere, "o.id", query)
	if err != nil {
		return portal.Slice[portal.OrgRequest]{}, err
	}
	args := append(append([]any{state, s.before("orgs", cursor)}, v.args...), portal.PageSize+1)
	// #nosec G202 -- the condition is one of ours; every value is bound
	rows, err := s.read.QueryContext(ctx, `SELECT `+requestColumns+requestTables+`
		WHERE `+v.by("o.state")+` = ? AND o.purged_at IS NULL AND o.id < ?`+v.where+` ORDER BY o.id DESC LIMIT ?`, args...)
	all, err := list(rows, err, func(r *sql.Rows) (portal.OrgRequest, error) { return scanRequest(r) })
	return pageOf(s, "orgs", all, func(q portal.OrgRequest) int64 { return q.ID }), err
}

// OrgCounts counts organizations by state, for admins.
func (s *Store) OrgCounts(ctx context.Context, by portal.Actor) (map[portal.OrgState]portal.Count, error) {
	if !by.IsAdmin() {
		return nil, portal.ErrNotFound
	}
	return countEach(ctx, s, portal.OrgStates, `SELECT count(*) FROM (SELECT 1 FROM organizations WHERE state = ? AND purged_at IS NULL LIMIT ?)`)
}

// OrgForAdmin is one organization in any state, for admins.
func (s *Store) OrgForAdmin(ctx context.Context, by portal.Actor, publicID string) (portal.OrgRequest, error) {
	if !by.IsAdmin() {
		return portal.OrgRequest{}, portal.ErrNotFound
	}
	return scanRequest(s.read.QueryRowContext(ctx, `SELECT `+requestColumns+requestTables+` WHERE o.public_id = ? AND o.purged_at IS NULL`, publicID))
}
