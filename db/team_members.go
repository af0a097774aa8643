package db

import (
	"context"
	"database/sql"
	"slices"

	"portico/portal"
)

// TeamMembers lists the members of one team of the actor's organization.
func (s *Store) TeamMembers(ctx context.Context, by portal.Actor, publicID, cursor string) (portal.Slice[portal.Member], error) {
	if !by.May(portal.SeeMembers) {
		return portal.Slice[portal.Member]{}, portal.ErrNotFound
	}
	after, _ := s.cursorID("teammem", cursor)
	rows, err := s.read.QueryContext(ctx, `SELECT `+memberColumns+`
		FROM team_members tm JOIN teams t ON t.id = tm.team_id
		JOIN memberships m ON m.org_id = tm.org_id AND m.user_id = tm.user_id JOIN users u ON u.id = m.user_id
		WHERE t.public_id = ? AND t.org_id = ? AND tm.user_id > ? ORDER BY tm.user_id LIMIT ?`, publicID, by.OrgID, after, portal.PageSize+1)
	all, err := list(rows, err, func(r *sql.Rows) (portal.Member, error) { return scanMember(r) })
	return pageOf(s, "teammem", all, func(m portal.Member) int64 { return m.UserID }), err
}

// NotInTeam lists the members of the actor's organization who are not in one of
// its teams.
func (s *Store) NotInTeam(ctx context.Context, by portal.Actor, publicID, cursor string) (portal.Slice[portal.Member], error) {
	team, err := s.Team(ctx, by, publicID)
	if err != nil {
		return portal.Slice[portal.Member]{}, err
	}
	if !by.May(portal.ManageTeams) {
		return portal.Slice[portal.Member]{}, portal.NotAllowed(portal.ManageTeams, team.OrgName)
	}
	after, _ := s.cursorID("notteam", cursor)
	rows, err := s.read.QueryContext(ctx, `SELECT `+memberColumns+` FROM memberships m JOIN users u ON u.id = m.user_id
		WHERE m.org_id = ? AND m.user_id > ? AND NOT EXISTS (SELECT 1 FROM team_members x WHERE x.team_id = ? AND x.user_id = m.user_id)
		ORDER BY m.user_id LIMIT ?`, by.OrgID, after, team.ID, portal.PageSize+1)
	all, err := list(rows, err, func(r *sql.Rows) (portal.Member, error) { return scanMember(r) })
	return pageOf(s, "notteam", all, func(m portal.Member) int64 { return m.UserID }), err
}

// AddToTeam puts members, by their public ids, into a team of the actor's
// organization. Who is in it already stays.
func (s *Store) AddToTeam(ctx context.Context, by portal.Actor, publicID string, members []string) (portal.Team, error) {
	var team portal.Team
	err := s.changeIn(ctx, by, portal.ManageTeams, func(t *tx, by portal.Actor, o portal.Organization) (err error) {
		if team, err = t.team(o.ID, publicID); err != nil {
			return err
		}
		if len(members) == 0 {
			return portal.Invalidf("members", "Choose at least one person.")
		}
		for _, id := range members {
			m, err := t.member(o.ID, id)
			if err != nil {
				return err
			}
			if err := t.addToTeam(by, o, team, m); err != nil {
				return err
			}
		}
		return nil
	})
	return team, err
}

func (t *tx) addToTeam(by portal.Actor, o portal.Organization, team portal.Team, m portal.Member) error {
	n, err := t.exec(`INSERT INTO team_members (org_id, team_id, user_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, o.ID, team.ID, m.UserID)
	if err != nil || n == 0 {
		return err
	}
	return t.audit(by, o.ID, portal.AuditTeamJoined, team.Name, m.Email)
}

// TeamLeaving says what it would do to take a member out of a team of the
// actor's organization.
func (s *Store) TeamLeaving(ctx context.Context, by portal.Actor, publicID, member string) (portal.TeamLeaving, error) {
	team, err := s.Team(ctx, by, publicID)
	if err != nil {
		return portal.TeamLeaving{}, err
	}
	if !by.May(portal.ManageTeams) {
		return portal.TeamLeaving{}, portal.NotAllowed(portal.ManageTeams, team.OrgName)
	}
	m, err := s.Member(ctx, by, member)
	if err != nil {
		return portal.TeamLeaving{}, err
	}
	return teamLeaving(ctx, s.read, by.OrgID, team, m)
}

func teamLeaving(ctx context.Context, q querier, orgID int64, team portal.Team, m portal.Member) (portal.TeamLeaving, error) {
	l := portal.TeamLeaving{Team: team, Member: m}
	var to int64
	err := q.QueryRowContext(ctx, `SELECT `+alone+`, d.id, d.name FROM team_members x JOIN teams d ON d.org_id = x.org_id AND d.is_default = 1
		WHERE x.team_id = ? AND x.user_id = ?`, team.ID, m.UserID).Scan(&l.Last, &to, &l.To)
	if err != nil {
		return l, one(err)
	}
	if m.Role == portal.SuperAdmin {
		return l, nil // who sees every application
	}
	if !l.Last {
		to = 0
	}
	rows, err := q.QueryContext(ctx, `SELECT a.name FROM application_teams x JOIN applications a ON a.id = x.app_id
		WHERE x.team_id = ? AND a.visibility = 'team' AND a.deleted_at IS NULL AND a.owner_id <> ? AND NOT EXISTS (
			SELECT 1 FROM application_teams y WHERE y.app_id = a.id AND y.team_id <> x.team_id AND
				(y.team_id = ? OR EXISTS (SELECT 1 FROM team_members z WHERE z.team_id = y.team_id AND z.user_id = ?)))
		ORDER BY x.app_id LIMIT ?`, team.ID, m.UserID, to, m.UserID, maxNames)
	l.Loses, err = list(rows, err, scanText)
	return l, err
}

// RemoveFromTeam takes a member out of a team of the actor's organization. If it
// was their last one, they are in the default team from then on.
func (s *Store) RemoveFromTeam(ctx context.Context, by portal.Actor, publicID, member string) (portal.TeamLeaving, error) {
	var l portal.TeamLeaving
	err := s.changeIn(ctx, by, portal.ManageTeams, func(t *tx, by portal.Actor, o portal.Organization) error {
		team, err := t.team(o.ID, publicID)
		if err != nil {
			return err
		}
		m, err := t.member(o.ID, member)
		if err != nil {
			return err
		}
		if l, err = teamLeaving(ctx, t, o.ID, team, m); err != nil {
			return err
		}
		if err := l.MayLeave(); err != nil {
			return err
		}
		detail := m.Email
		if l.Last {
			detail += ", who is in " + l.To + " now"
			if err := t.toDefaultTeam(o.ID, m.UserID); err != nil {
				return err
			}
		}
		if _, err := t.exec(`DELETE FROM team_members WHERE team_id = ? AND user_id = ?`, team.ID, m.UserID); err != nil {
			return err
		}
		return t.audit(by, o.ID, portal.AuditTeamLeft, team.Name, detail)
	})
	return l, err
}

// toDefaultTeam puts a member into the team that everybody can be in.
func (t *tx) toDefaultTeam(orgID, userID int64) error {
	_, err := t.exec(`INSERT INTO team_members (org_id, team_id, user_id) SELECT org_id, id, ? FROM teams WHERE org_id = ? AND is_default = 1 ON CONFLICT DO NOTHING`, userID, orgID)
	return err
}

// errTeamGone is for a form that still offers a team which was deleted meanwhile.
var errTeamGone = portal.Invalidf("teams", "One of these teams does not exist any more. Load the page again.")

// setMemberTeams makes the teams with these public ids those of a member.
func (t *tx) setMemberTeams(by portal.Actor, o portal.Organization, m portal.Member, teams []string) error {
	type place struct {
		portal.Team
		in bool
	}
	rows, err := t.rows(`SELECT t.id, t.public_id, t.name, EXISTS (SELECT 1 FROM team_members x WHERE x.team_id = t.id AND x.user_id = ?)
		FROM teams t WHERE t.org_id = ? ORDER BY t.id`, m.UserID, o.ID)
	all, err := list(rows, err, func(r *sql.Rows) (p place, err error) {
		return p, r.Scan(&p.ID, &p.PublicID, &p.Name, &p.in)
	})
	if err != nil {
		return err
	}
	for _, id := range teams {
		if !slices.ContainsFunc(all, func(p place) bool { return p.PublicID == id }) {
			return errTeamGone
		}
	}
	for _, p := range all {
		wanted := slices.Contains(teams, p.PublicID)
		if wanted && !p.in {
			if err := t.addToTeam(by, o, p.Team, m); err != nil {
				return err
			}
		}
		if p.in && !wanted {
			if _, err := t.exec(`DELETE FROM team_members WHERE team_id = ? AND user_id = ?`, p.ID, m.UserID); err != nil {
				return err
			}
			if err := t.audit(by, o.ID, portal.AuditTeamLeft, p.Name, m.Email); err != nil {
				return err
			}
		}
	}
	return nil
}

// setInvitedTeams makes the teams with these public ids those that an invitation
// is for.
func (t *tx) setInvitedTeams(o portal.Organization, invitation string, teams []string) error {
	if _, err := t.exec(`DELETE FROM invitation_teams WHERE invitation_id = (SELECT id FROM invitations WHERE public_id = ?)`, invitation); err != nil {
		return err
	}
	for _, id := range teams {
		n, err := t.exec(`INSERT INTO invitation_teams (org_id, invitation_id, team_id)
			SELECT t.org_id, i.id, t.id FROM invitations i JOIN teams t ON t.org_id = i.org_id WHERE i.public_id = ? AND t.public_id = ? AND t.org_id = ?
			ON CONFLICT DO NOTHING`, invitation, id, o.ID)
		if err != nil {
			return err
		}
		if n == 0 {
			return errTeamGone
		}
	}
	return nil
}

// joinInvitedTeams puts a new member into the teams of their invitation, instead
// of the default one.
func (t *tx) joinInvitedTeams(inv portal.Invitation, userID int64) error {
	_, err := t.exec(`INSERT INTO team_members (org_id, team_id, user_id) SELECT org_id, team_id, ? FROM invitation_teams WHERE invitation_id = ?
		ON CONFLICT DO NOTHING`, userID, inv.ID)
	if err != nil {
		return err
	}
	_, err = t.exec(`DELETE FROM team_members WHERE user_id = ? AND team_id = (SELECT id FROM teams WHERE org_id = ? AND is_default = 1)
		AND EXISTS (SELECT 1 FROM invitation_teams WHERE invitation_id = ?)
		AND NOT EXISTS (SELECT 1 FROM invitation_teams x WHERE x.invitation_id = ? AND x.team_id = team_members.team_id)`, userID, inv.OrgID, inv.ID, inv.ID)
	return err
}

// MemberTeams are the public ids of the teams that a member of the actor's
// organization is in.
func (s *Store) MemberTeams(ctx context.Context, by portal.Actor, m portal.Member) ([]string, error) {
	if !by.May(portal.SeeMembers) {
		return nil, portal.ErrNotFound
	}
	rows, err := s.read.QueryContext(ctx, `SELECT t.public_id FROM team_members x JOIN teams t ON t.id = x.team_id
		WHERE x.org_id = ? AND x.user_id = ? ORDER BY x.team_id`, by.OrgID, m.UserID)
	return list(rows, err, scanText)
}
