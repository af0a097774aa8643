package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"portico/portal"
)

const teamColumns = `t.id, t.public_id, t.name, t.is_default, (SELECT count(*) FROM (SELECT 1 FROM team_members WHERE team_id = t.id LIMIT 1001)), o.public_id, o.name`

func scanTeam(row interface{ Scan(...any) error }) (portal.Team, error) {
	var t portal.Team
	err := row.Scan(&t.ID, &t.PublicID, &t.Name, &t.Default, &t.Members, &t.OrgID, &t.OrgName)
	return t, one(err)
}

func teamPage(s *Store, list1 string, rows *sql.Rows, err error) (portal.Slice[portal.Team], error) {
	all, err := list(rows, err, func(r *sql.Rows) (portal.Team, error) { return scanTeam(r) })
	return pageOf(s, list1, all, func(t portal.Team) int64 { return t.ID }), err
}

// Teams lists the teams of the actor's organization, oldest first; query finds
// by the beginnings of words in the name.
func (s *Store) Teams(ctx context.Context, by portal.Actor, query, cursor string) (portal.Slice[portal.Team], error) {
	if !by.May(portal.SeeMembers) {
		return portal.Slice[portal.Team]{}, portal.ErrNotFound
	}
	after, _ := s.cursorID("teams", cursor)
	v, err := s.sieve(ctx, searchTeams, by.OrgID, "t.id", query)
	if err != nil {
		return portal.Slice[portal.Team]{}, err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT `+teamColumns+` FROM teams t JOIN organizations o ON o.id = t.org_id
		WHERE t.org_id = ? AND t.id > ?`+v.where+` ORDER BY t.id LIMIT ?`, append(append([]any{by.OrgID, after}, v.args...), portal.PageSize+1)...)
	return teamPage(s, "teams", rows, err)
}

// Team is one team of the actor's organization.
func (s *Store) Team(ctx context.Context, by portal.Actor, publicID string) (portal.Team, error) {
	if !by.May(portal.SeeMembers) {
		return portal.Team{}, portal.ErrNotFound
	}
	return scanTeam(s.read.QueryRowContext(ctx, `SELECT `+teamColumns+` FROM teams t JOIN organizations o ON o.id = t.org_id
		WHERE t.public_id = ? AND t.org_id = ?`, publicID, by.OrgID))
}

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

// AllTeams lists the teams of all organizations, by organization, newest first, for
// admins; query finds by the beginnings of words in the name.
func (s *Store) AllTeams(ctx context.Context, by portal.Actor, query, cursor string) (portal.Slice[portal.Team], error) {
	if !by.IsAdmin() {
		return portal.Slice[portal.Team]{}, portal.ErrNotFound
	}
	v, err := s.sieve(ctx, searchTeams, everywhere, "t.id", query)
	if err != nil {
		return portal.Slice[portal.Team]{}, err
	}
	id := s.before("allteam", cursor)
	if v.where != "" {
		rows, err := s.read.QueryContext(ctx, `SELECT `+teamColumns+` FROM teams t JOIN organizations o ON o.id = t.org_id
			WHERE t.id < ? AND `+v.by("o.state")+` IN ('active', 'suspended')`+v.where+` ORDER BY t.id DESC LIMIT ?`, append(append([]any{id}, v.args...), portal.PageSize+1)...)
		return teamPage(s, "allteam", rows, err)
	}
	org := lastID
	if err := s.read.QueryRowContext(ctx, `SELECT org_id FROM teams WHERE id = ?`, id).Scan(&org); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return portal.Slice[portal.Team]{}, err
	}
	// The CROSS JOIN keeps the rows in the order of the index on (org_id, id).
	rows, err := s.read.QueryContext(ctx, `SELECT `+teamColumns+` FROM teams t CROSS JOIN organizations o
		WHERE (t.org_id, t.id) < (?, ?) AND o.id = t.org_id AND o.state IN ('active', 'suspended')
		ORDER BY t.org_id DESC, t.id DESC LIMIT ?`, org, id, portal.PageSize+1)
	return teamPage(s, "allteam", rows, err)
}

// TeamOrg is the public id of the organization a team belongs to, for admins.
func (s *Store) TeamOrg(ctx context.Context, by portal.Actor, publicID string) (string, error) {
	if !by.IsAdmin() {
		return "", portal.ErrNotFound
	}
	var org string
	err := s.read.QueryRowContext(ctx, `SELECT o.public_id FROM teams t JOIN organizations o ON o.id = t.org_id WHERE t.public_id = ?`, publicID).Scan(&org)
	return org, one(err)
}

func (t *tx) team(orgID int64, publicID string) (portal.Team, error) {
	return scanTeam(t.row(`SELECT `+teamColumns+` FROM teams t JOIN organizations o ON o.id = t.org_id
		WHERE t.public_id = ? AND t.org_id = ?`, publicID, orgID))
}

// freeTeamName gives the stored form of a team's name, which no other team of
// the organization has.
func (t *tx) freeTeamName(orgID, teamID int64, name string) (string, error) {
	name, problem := portal.TidyTeamName(name)
	if problem != "" {
		return name, portal.Invalidf("name", "%s", problem)
	}
	rows, err := t.rows(`SELECT name FROM teams WHERE org_id = ? AND id <> ?`, orgID, teamID)
	names, err := list(rows, err, scanText)
	for _, other := range names {
		if portal.NameKey(other) == portal.NameKey(name) {
			return name, portal.Invalidf("name", "There is a team called %s already. Choose another name.", other)
		}
	}
	return name, err
}

func scanText(r *sql.Rows) (string, error) {
	var s string
	err := r.Scan(&s)
	return s, err
}

// CreateTeam makes a team in the actor's organization, with nobody in it yet.
func (s *Store) CreateTeam(ctx context.Context, by portal.Actor, name string) (portal.Team, error) {
	var team portal.Team
	err := s.changeIn(ctx, by, portal.ManageTeams, func(t *tx, by portal.Actor, o portal.Organization) error {
		name, err := t.freeTeamName(o.ID, 0, name)
		if err != nil {
			return err
		}
		var n int
		if err := t.row(`SELECT count(*) FROM teams WHERE org_id = ?`, o.ID).Scan(&n); err != nil {
			return err
		}
		if n >= portal.MaxTeams {
			return portal.Errorf(portal.Conflict, "There are %d teams, which is the most. Delete one first.", n)
		}
		id := newID()
		if _, err := t.exec(`INSERT INTO teams (public_id, org_id, name, is_default, created_at) VALUES (?, ?, ?, 0, ?)`, id, o.ID, name, millis(t.now)); err != nil {
			return fmt.Errorf("insert team: %w", err)
		}
		if team, err = t.team(o.ID, id); err != nil {
			return err
		}
		return t.audit(by, o.ID, portal.AuditTeamCreated, team.Name, "")
	})
	return team, err
}

// RenameTeam renames a team of the actor's organization, the default team too.
func (s *Store) RenameTeam(ctx context.Context, by portal.Actor, publicID, name string) error {
	return s.changeIn(ctx, by, portal.ManageTeams, func(t *tx, by portal.Actor, o portal.Organization) error {
		team, err := t.team(o.ID, publicID)
		if err != nil {
			return err
		}
		name, err := t.freeTeamName(o.ID, team.ID, name)
		if err != nil || name == team.Name {
			return err
		}
		if _, err := t.exec(`UPDATE teams SET name = ? WHERE id = ?`, name, team.ID); err != nil {
			return err
		}
		return t.audit(by, o.ID, portal.AuditTeamRenamed, name, "from "+team.Name)
	})
}

// alone holds for a row x of team_members whose user is in no other team.
const alone = `NOT EXISTS (SELECT 1 FROM team_members y WHERE y.org_id = x.org_id AND y.user_id = x.user_id AND y.team_id <> x.team_id)`

// TeamEnd says what the deletion of a team of the actor's organization would do.
func (s *Store) TeamEnd(ctx context.Context, by portal.Actor, publicID string) (portal.TeamEnd, error) {
	var e portal.TeamEnd
	var err error
	if e.Team, err = s.Team(ctx, by, publicID); err != nil {
		return e, err
	}
	if !by.May(portal.ManageTeams) {
		return e, portal.NotAllowed(portal.ManageTeams, e.Team.OrgName)
	}
	if err := s.read.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM (SELECT 1 FROM team_members x WHERE x.team_id = ? AND `+alone+` LIMIT ?)),
		(SELECT name FROM teams WHERE org_id = ? AND is_default = 1),
		(SELECT count(*) FROM invitation_teams x JOIN invitations i ON i.id = x.invitation_id WHERE x.org_id = ? AND x.team_id = ? AND i.state = 'pending')`,
		e.Team.ID, portal.MaxCount+1, by.OrgID, by.OrgID, e.Team.ID).Scan(&e.Moves, &e.To, &e.Invited); err != nil {
		return e, err
	}
	e.Shared, e.Left, err = teamApps(ctx, s.read, e.Team)
	return e, err
}

// teamApps are the names of the applications for a team and others, and of those
// for it alone.
func teamApps(ctx context.Context, q querier, team portal.Team) (shared, left []string, err error) {
	rows, err := q.QueryContext(ctx, `SELECT a.name, EXISTS (SELECT 1 FROM application_teams y WHERE y.app_id = x.app_id AND y.team_id <> x.team_id)
		FROM application_teams x JOIN applications a ON a.id = x.app_id
		WHERE x.team_id = ? AND a.visibility = 'team' AND a.deleted_at IS NULL ORDER BY x.app_id LIMIT ?`, team.ID, maxNames)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var others bool
		if err := rows.Scan(&name, &others); err != nil {
			return nil, nil, err
		}
		if others {
			shared = append(shared, name)
		} else {
			left = append(left, name)
		}
	}
	return shared, left, rows.Err()
}

// maxNames is how many applications a warning names.
const maxNames = 100

// DeleteTeam deletes a team of the actor's organization. Its members who have no
// other team move to the default one; applications for it alone stay with their
// owners and the Super admins.
func (s *Store) DeleteTeam(ctx context.Context, by portal.Actor, publicID string) (portal.Team, error) {
	var team portal.Team
	err := s.changeIn(ctx, by, portal.ManageTeams, func(t *tx, by portal.Actor, o portal.Organization) (err error) {
		if team, err = t.team(o.ID, publicID); err != nil {
			return err
		}
		if err := team.MayDelete(); err != nil {
			return err
		}
		moved, err := t.exec(`INSERT INTO team_members (org_id, team_id, user_id)
			SELECT x.org_id, (SELECT id FROM teams WHERE org_id = ? AND is_default = 1), x.user_id FROM team_members x WHERE x.team_id = ? AND `+alone, o.ID, team.ID)
		if err != nil {
			return err
		}
		n, err := t.exec(`DELETE FROM teams WHERE id = ? AND is_default = 0`, team.ID)
		if err != nil {
			return err
		}
		if n == 0 {
			return portal.ErrNotFound
		}
		detail := ""
		if moved > 0 {
			detail = fmt.Sprintf("%d of its members moved to the default team", moved)
		}
		return t.audit(by, o.ID, portal.AuditTeamDeleted, team.Name, detail)
	})
	return team, err
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

// TeamNames are the teams of the actor's organization, the default one first, for
// forms that choose among them.
func (s *Store) TeamNames(ctx context.Context, by portal.Actor) ([]portal.Team, error) {
	if !by.May(portal.SeeMembers) {
		return nil, portal.ErrNotFound
	}
	rows, err := s.read.QueryContext(ctx, `SELECT public_id, name FROM teams WHERE org_id = ? ORDER BY id LIMIT ?`, by.OrgID, portal.MaxTeams)
	return list(rows, err, func(r *sql.Rows) (portal.Team, error) {
		var t portal.Team
		return t, r.Scan(&t.PublicID, &t.Name)
	})
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
