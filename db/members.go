package db

import (
	"context"
	"database/sql"
	"errors"

	"portico/portal"
)

const memberColumns = `u.id, u.public_id, u.email, m.first_name, m.last_name, m.role, u.state, m.joined_at`

func scanMember(row interface{ Scan(...any) error }) (portal.Member, error) {
	var m portal.Member
	var joined int64
	err := row.Scan(&m.UserID, &m.PublicID, &m.Email, &m.First, &m.Last, &m.Role, &m.State, &joined)
	m.JoinedAt = fromMillis(joined)
	return m, one(err)
}

// Members lists the members of the actor's organization, longest-standing
// accounts first; query finds by the beginnings of words in names and addresses.
func (s *Store) Members(ctx context.Context, by portal.Actor, query, cursor string) (portal.Slice[portal.Member], error) {
	if !by.May(portal.SeeMembers) {
		return portal.Slice[portal.Member]{}, portal.ErrNotFound
	}
	after, _ := s.cursorID("members", cursor)
	v, err := s.sieve(ctx, searchMembers, by.OrgID, "m.user_id", query)
	if err != nil {
		return portal.Slice[portal.Member]{}, err
	}
	// #nosec G202 -- the condition is one of ours; every value is bound
	rows, err := s.read.QueryContext(ctx, `SELECT `+memberColumns+` FROM memberships m JOIN users u ON u.id = m.user_id
		WHERE m.org_id = ? AND m.user_id > ?`+v.where+` ORDER BY m.user_id LIMIT ?`, append(append([]any{by.OrgID, after}, v.args...), portal.PageSize+1)...)
	all, err := list(rows, err, func(r *sql.Rows) (portal.Member, error) { return scanMember(r) })
	return pageOf(s, "members", all, func(m portal.Member) int64 { return m.UserID }), err
}

// MemberCount counts the members of the actor's organization.
func (s *Store) MemberCount(ctx context.Context, by portal.Actor) (portal.Count, error) {
	if !by.May(portal.SeeMembers) {
		return 0, portal.ErrNotFound
	}
	return remembered(ctx, s, memberCountOf{by.OrgID}, func() (n portal.Count, err error) {
		return n, s.read.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM memberships WHERE org_id = ? LIMIT ?)`, by.OrgID, portal.MaxCount+1).Scan(&n)
	})
}

type memberCountOf struct{ orgID int64 }

// Member is one member of the actor's organization.
func (s *Store) Member(ctx context.Context, by portal.Actor, publicID string) (portal.Member, error) {
	if !by.May(portal.SeeMembers) {
		return portal.Member{}, portal.ErrNotFound
	}
	return scanMember(s.read.QueryRowContext(ctx, `SELECT `+memberColumns+` FROM memberships m JOIN users u ON u.id = m.user_id
		WHERE m.org_id = ? AND u.public_id = ?`, by.OrgID, publicID))
}

func (t *tx) member(orgID int64, publicID string) (portal.Member, error) {
	return scanMember(t.row(`SELECT `+memberColumns+` FROM memberships m JOIN users u ON u.id = m.user_id
		WHERE m.org_id = ? AND u.public_id = ?`, orgID, publicID))
}

// keepsSuperAdmin refuses to lose m as a Super admin when nobody would be left
// who can act as one.
func (t *tx) keepsSuperAdmin(o portal.Organization, m portal.Member) error {
	if m.Role != portal.SuperAdmin || !o.State.Provisioned() {
		return nil
	}
	states := `('active')`
	if m.State != portal.UserActive {
		states = `('active', 'waiting', 'unproven')`
	}
	var n int
	err := t.row(`SELECT EXISTS (SELECT 1 FROM memberships m JOIN users u ON u.id = m.user_id
		WHERE m.org_id = ? AND m.user_id <> ? AND m.role = 'super_admin' AND u.state IN `+states+`)`, o.ID, m.UserID).Scan(&n)
	if err == nil && n == 0 {
		return errLastSuperAdmin
	}
	return err
}

// UpdateMember changes a member's names, role and teams inside the organization.
// Teams are given by their public ids; none leaves them as they are.
func (s *Store) UpdateMember(ctx context.Context, by portal.Actor, publicID, first, last string, role portal.Role, teams ...string) error {
	return s.changeIn(ctx, by, portal.ManageMembers, func(t *tx, by portal.Actor, o portal.Organization) error {
		m, err := t.member(o.ID, publicID)
		if err != nil {
			return err
		}
		problems := portal.Problems{}
		var problem string
		first, problem = portal.TidyName(first, "a first name")
		problems.Add("first_name", problem)
		last, problem = portal.TidyName(last, "a last name")
		problems.Add("last_name", problem)
		if !role.Valid() {
			problems.Add("role", "Choose a role.")
		}
		if err := problems.Err(); err != nil {
			return err
		}
		if !by.MayGrant(role) {
			return portal.Errorf(portal.Forbidden, "You may not make somebody %s.", role.Words())
		}
		name := portal.FullName(first, last)
		if first != m.First || last != m.Last {
			if _, err := t.exec(`UPDATE memberships SET first_name = ?, last_name = ? WHERE org_id = ? AND user_id = ?`, first, last, o.ID, m.UserID); err != nil {
				return err
			}
			if err := t.audit(by, o.ID, portal.AuditMemberRenamed, m.Email, "from "+m.Name()+" to "+name); err != nil {
				return err
			}
		}
		if len(teams) > 0 {
			if err := t.setMemberTeams(by, o, m, teams); err != nil {
				return err
			}
		}
		if role == m.Role {
			return nil
		}
		if role != portal.SuperAdmin {
			if err := t.keepsSuperAdmin(o, m); err != nil {
				return err
			}
			if err := t.endCopiedLinks(o.ID, m.UserID); err != nil {
				return err
			}
		}
		n, err := t.exec(`UPDATE memberships SET role = ? WHERE org_id = ? AND user_id = ? AND role = ?`, role, o.ID, m.UserID, m.Role)
		if err != nil {
			return err
		}
		if n == 0 {
			return portal.Errorf(portal.Conflict, "Somebody else has just changed this role. Load the page again.")
		}
		if err := t.audit(by, o.ID, portal.AuditRoleChanged, m.Email, "from "+m.Role.Words()+" to "+role.Words()); err != nil {
			return err
		}
		l := letter{kind: portal.MailRoleChanged, to: m.Email, toName: name, userID: m.UserID, orgID: o.ID,
			data: map[string]string{"name": name, "whose": "Your", "organization": o.Name, "role": role.Words(), "old_role": m.Role.Words(), "actor": by.Name},
			link: portal.MailLink{Path: "/o/" + o.PublicID}}
		if m.UserID != by.UserID {
			if _, err := t.enqueue(l); err != nil {
				return err
			}
		}
		if m.Role != portal.SuperAdmin {
			return nil
		}
		l.data = map[string]string{"name": name, "whose": name + "’s", "organization": o.Name, "role": role.Words(), "old_role": m.Role.Words(), "actor": by.Name}
		return t.tellOtherSuperAdmins(l, by, m)
	})
}

// tellOtherSuperAdmins sends l to the Super admins who are neither the actor nor
// the person it is about.
func (t *tx) tellOtherSuperAdmins(l letter, by portal.Actor, m portal.Member) error {
	rows, err := t.rows(`SELECT u.id, u.email, m.first_name, m.last_name FROM memberships m JOIN users u ON u.id = m.user_id
		WHERE m.org_id = ? AND m.role = 'super_admin' AND u.state IN ('active', 'waiting', 'unproven') AND u.id NOT IN (?, ?) ORDER BY u.id`,
		l.orgID, by.UserID, m.UserID)
	return t.enqueueEach(rows, err, l)
}

// RemoveMember takes somebody out of the actor's organization. Their account
// stays, and so do the organization's keys.
func (s *Store) RemoveMember(ctx context.Context, by portal.Actor, publicID string) (portal.Member, error) {
	var m portal.Member
	err := s.changeIn(ctx, by, portal.ManageMembers, func(t *tx, by portal.Actor, o portal.Organization) (err error) {
		if m, err = t.member(o.ID, publicID); err != nil {
			return err
		}
		if m.UserID == by.UserID {
			return portal.Errorf(portal.Conflict, "This is you. To go, use Leave under Settings.")
		}
		if err := t.keepsSuperAdmin(o, m); err != nil {
			return err
		}
		before, err := t.holdings(o, m)
		if err != nil {
			return err
		}
		if before.Heir, err = t.inherit(by, o, m); err != nil {
			return err
		}
		if err := t.part(o, m); err != nil {
			return err
		}
		if m.Undo, err = t.remember(by, o, undoRemoval, before); err != nil {
			return err
		}
		if err := t.audit(by, o.ID, portal.AuditMemberRemoved, m.Email, m.Role.Words()); err != nil {
			return err
		}
		// Told when it cannot be undone any more.
		l := letter{kind: portal.MailRemoved, to: m.Email, toName: m.Name(), userID: m.UserID, orgID: o.ID, after: portal.UndoFor + portal.UndoGrace,
			data: map[string]string{"name": m.Name(), "who": "You were", "organization": o.Name, "actor": by.Name}, link: portal.MailLink{Path: "/", ID: m.Undo}}
		if _, err := t.enqueue(l); err != nil {
			return err
		}
		if m.Role != portal.SuperAdmin {
			return nil
		}
		l.data = map[string]string{"name": m.Name(), "who": m.Name() + " was", "organization": o.Name, "actor": by.Name}
		l.link.Path = "/o/" + o.PublicID + "/users"
		return t.tellOtherSuperAdmins(l, by, m)
	})
	return m, err
}

// inherit passes a removed member's personal applications to whoever removes
// them, or to the longest-standing Super admin if that is no member. It gives who
// that is, 0 for nobody.
func (t *tx) inherit(by portal.Actor, o portal.Organization, m portal.Member) (heir int64, err error) {
	heir = by.UserID
	if by.Role == "" {
		err := t.row(`SELECT user_id FROM memberships WHERE org_id = ? AND role = 'super_admin' AND user_id <> ? ORDER BY user_id LIMIT 1`, o.ID, m.UserID).Scan(&heir)
		if errors.Is(err, sql.ErrNoRows) {
			return 0, nil // nobody is left to take them
		} else if err != nil {
			return 0, err
		}
	}
	return heir, t.bequeath(by, o, m.UserID, heir)
}

// LeaveOrg takes the actor out of their organization. Their personal applications
// there pass to heir, the public id of a Super admin, who need not be named if
// there are none.
func (s *Store) LeaveOrg(ctx context.Context, by portal.Actor, heir string) (portal.Organization, error) {
	var org portal.Organization
	err := s.changeIn(ctx, by, portal.Leave, func(t *tx, by portal.Actor, o portal.Organization) error {
		org = o
		m, err := scanMember(t.row(`SELECT `+memberColumns+` FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = ? AND m.user_id = ?`, o.ID, by.UserID))
		if err != nil {
			return err
		}
		if err := t.keepsSuperAdmin(o, m); err != nil {
			return err
		}
		if n, err := personalApps(ctx, t, by); err != nil {
			return err
		} else if n > 0 {
			h, err := t.member(o.ID, heir)
			if err != nil || h.Role != portal.SuperAdmin || !h.State.MaySignIn() || h.UserID == m.UserID {
				return portal.Invalidf("heir", "Choose the Super admin who takes over your personal applications.")
			}
			if err := t.bequeath(by, o, m.UserID, h.UserID); err != nil {
				return err
			}
		}
		if err := t.part(o, m); err != nil {
			return err
		}
		return t.audit(by, o.ID, portal.AuditLeft, o.Name, "")
	})
	return org, err
}

func personalApps(ctx context.Context, q querier, by portal.Actor) (int, error) {
	var n int
	err := q.QueryRowContext(ctx, `SELECT count(*) FROM applications WHERE org_id = ? AND owner_id = ? AND visibility = 'personal' AND deleted_at IS NULL`, by.OrgID, by.UserID).Scan(&n)
	return n, err
}

// Heirs are the Super admins who can take over the actor's personal applications
// when they leave; none if there is nothing to take over.
func (s *Store) Heirs(ctx context.Context, by portal.Actor) ([]portal.Member, error) {
	if !by.Member() {
		return nil, portal.ErrNotFound
	}
	if n, err := personalApps(ctx, s.read, by); err != nil || n == 0 {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT `+memberColumns+` FROM memberships m JOIN users u ON u.id = m.user_id
		WHERE m.org_id = ? AND m.role = 'super_admin' AND m.user_id <> ? AND u.state NOT IN ('deactivated', 'deleted')
		ORDER BY m.user_id LIMIT ?`, by.OrgID, by.UserID, maxPeople)
	return list(rows, err, func(r *sql.Rows) (portal.Member, error) { return scanMember(r) })
}

func (t *tx) part(o portal.Organization, m portal.Member) error {
	if err := t.keepsSuperAdmin(o, m); err != nil {
		return err
	}
	if err := t.endCopiedLinks(o.ID, m.UserID); err != nil {
		return err
	}
	n, err := t.exec(`DELETE FROM memberships WHERE org_id = ? AND user_id = ?`, o.ID, m.UserID)
	if err == nil && n == 0 {
		return portal.ErrNotFound
	}
	return err
}

func (t *tx) isMember(orgID int64, emailKey string) (bool, error) {
	var n int
	err := t.row(`SELECT EXISTS (SELECT 1 FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = ? AND u.email_key = ?)`, orgID, emailKey).Scan(&n)
	return n == 1, err
}
