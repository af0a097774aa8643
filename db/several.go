package db

import (
	"context"
	"errors"

	"portico/portal"
)

// errDryRun takes back a transaction that was only tried.
var errDryRun = errors.New("dry run")

// CheckInvites says what InviteSeveral would do with a list of people, row by row.
func (s *Store) CheckInvites(ctx context.Context, by portal.Actor, text string) (portal.InviteList, error) {
	list, err := s.inviteSeveral(ctx, by, text, errDryRun)
	if errors.Is(err, errDryRun) {
		err = nil
	}
	for i, row := range list.Rows {
		if row.Outcome == portal.RowInvited {
			list.Rows[i].Outcome = portal.RowReady
		}
	}
	return list, err
}

// InviteSeveral invites the people of a list, each row of which is checked as
// Invite checks it, and says of every row what became of it.
func (s *Store) InviteSeveral(ctx context.Context, by portal.Actor, text string) (portal.InviteList, error) {
	return s.inviteSeveral(ctx, by, text, nil)
}

func (s *Store) inviteSeveral(ctx context.Context, by portal.Actor, text string, last error) (portal.InviteList, error) {
	var l portal.InviteList
	err := s.changeIn(ctx, by, portal.ManageMembers, func(t *tx, by portal.Actor, o portal.Organization) (err error) {
		if l, err = portal.ParseInvites(text); err != nil {
			return err
		}
		teams, err := t.teamsByName(o.ID)
		if err != nil {
			return err
		}
		if l.Defaults, err = inviteDefaults(t.ctx, t, o.ID); err != nil {
			return err
		}
		lines := map[string]int{} // by address
		for i := range l.Rows {
			row := &l.Rows[i]
			if row.Repeats(lines) || row.Outcome != "" {
				continue
			}
			if err := t.inviteRow(by, o, row, l.Defaults, teams); err != nil {
				return err
			}
		}
		return last
	})
	return l, err
}

// teamsByName are the public ids of an organization's teams.
func (t *tx) teamsByName(orgID int64) (map[string]string, error) {
	rows, err := t.rows(`SELECT public_id, name FROM teams WHERE org_id = ? ORDER BY id DESC`, orgID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	teams := map[string]string{}
	for rows.Next() {
		var id, name string
		if err := rows.Scan(&id, &name); err != nil {
			return nil, err
		}
		teams[portal.NameKey(name)] = id
	}
	return teams, rows.Err()
}

// inviteRow invites the person of one row, or notes there why not.
func (t *tx) inviteRow(by portal.Actor, o portal.Organization, row *portal.InviteRow, d portal.InviteDefaults, teams map[string]string) error {
	n, err := row.Invitation(d, teams)
	if row.Refuse(err) {
		return nil
	}
	if member, err := t.isMember(o.ID, row.Key()); err != nil {
		return err
	} else if member {
		row.Outcome = portal.RowMember
		return nil
	}
	// What a refused row has counted or changed is taken back.
	if _, err := t.exec(`SAVEPOINT invite_row`); err != nil {
		return err
	}
	inv, err := t.invite(by, o, n)
	if row.Refuse(err) {
		_, err = t.exec(`ROLLBACK TO invite_row`)
	} else if err == nil {
		row.Outcome = portal.RowInvited
		if inv.Version > 1 {
			row.Why = "The earlier invitation had ended; this is a new one."
		}
	}
	if err != nil {
		return err
	}
	_, err = t.exec(`RELEASE invite_row`)
	return err
}
