package db

import (
	"context"
	"database/sql"
	"errors"

	"portico/portal"
)

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
