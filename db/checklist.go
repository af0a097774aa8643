package db

import (
	"context"
	"database/sql"
	"errors"

	"portico/portal"
)

// Checklist is what the actor's new organization still has to do, for its Super
// admins; nobody else has one.
func (s *Store) Checklist(ctx context.Context, by portal.Actor) (portal.Checklist, error) {
	if !by.Sees() {
		return nil, portal.ErrNotFound
	}
	if by.Role != portal.SuperAdmin {
		return nil, nil
	}
	var away, invite, application, credential, request, super bool
	err := s.read.QueryRowContext(ctx, `SELECT o.checklist_done,
		(SELECT count(*) FROM (SELECT 1 FROM memberships WHERE org_id = o.id LIMIT 2)) > 1 OR EXISTS (SELECT 1 FROM invitations WHERE org_id = o.id AND state = 'pending'),
		EXISTS (SELECT 1 FROM applications WHERE org_id = o.id),
		EXISTS (SELECT 1 FROM applications a JOIN credentials c ON c.app_id = a.id WHERE a.org_id = o.id),
		EXISTS (SELECT 1 FROM applications a JOIN credentials c ON c.app_id = a.id WHERE a.org_id = o.id
			AND (c.used_at IS NOT NULL OR EXISTS (SELECT 1 FROM usage WHERE credential_id = c.id))),
		(SELECT count(*) FROM (SELECT 1 FROM memberships WHERE org_id = o.id AND role = 'super_admin' LIMIT 2)) > 1
		FROM organizations o WHERE o.id = ?`, by.OrgID).Scan(&away, &invite, &application, &credential, &request, &super)
	if err != nil || away {
		return nil, one(err)
	}
	return portal.NewChecklist(map[string]bool{portal.StepInvite: invite, portal.StepApplication: application,
		portal.StepCredential: credential, portal.StepRequest: request, portal.StepSuperAdmin: super}), nil
}

// DismissChecklist puts the checklist of the actor's organization away, for all
// its Super admins.
func (s *Store) DismissChecklist(ctx context.Context, by portal.Actor) error {
	return s.changeIn(ctx, by, portal.ManageMembers, func(t *tx, by portal.Actor, o portal.Organization) error {
		n, err := t.exec(`UPDATE organizations SET checklist_done = 1 WHERE id = ? AND checklist_done = 0`, o.ID)
		if err != nil || n == 0 {
			return err
		}
		return t.audit(by, o.ID, portal.AuditChecklistDone, o.Name, "")
	})
}

// InviteDefaults are what the form of an invitation to the actor's organization
// begins with.
func (s *Store) InviteDefaults(ctx context.Context, by portal.Actor) (portal.InviteDefaults, error) {
	if !by.Sees() {
		return portal.InviteDefaults{}, portal.ErrNotFound
	}
	return inviteDefaults(ctx, s.read, by.OrgID)
}

func inviteDefaults(ctx context.Context, q querier, orgID int64) (portal.InviteDefaults, error) {
	var d portal.InviteDefaults
	err := q.QueryRowContext(ctx, `SELECT o.invite_role, COALESCE(t.public_id, '') FROM organizations o LEFT JOIN teams t ON t.id = o.invite_team_id WHERE o.id = ?`, orgID).
		Scan(&d.Role, &d.Team)
	return d, one(err)
}

// SetInviteDefaults changes what the form of an invitation begins with.
func (s *Store) SetInviteDefaults(ctx context.Context, by portal.Actor, d portal.InviteDefaults) error {
	return s.changeIn(ctx, by, portal.ManageMembers, func(t *tx, by portal.Actor, o portal.Organization) error {
		if !d.Role.Valid() {
			return portal.Invalidf("role", "Choose a role.")
		}
		var id *int64
		name := "the default team"
		if d.Team != "" {
			var team int64
			var standard bool
			err := t.row(`SELECT id, name, is_default FROM teams WHERE public_id = ? AND org_id = ?`, d.Team, o.ID).Scan(&team, &name, &standard)
			if errors.Is(err, sql.ErrNoRows) {
				return portal.Invalidf("team", "This team does not exist any more. Choose another one.")
			} else if err != nil {
				return err
			}
			if id = &team; standard {
				id, d.Team = nil, ""
			}
		}
		old, err := inviteDefaults(t.ctx, t, o.ID)
		if err != nil || old == d {
			return err
		}
		if _, err := t.exec(`UPDATE organizations SET invite_role = ?, invite_team_id = ? WHERE id = ?`, d.Role, id, o.ID); err != nil {
			return err
		}
		return t.audit(by, o.ID, portal.AuditInviteDefaults, o.Name, "to "+d.Role.Words()+", "+name)
	})
}
