package db

import (
	"context"
	"database/sql"

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

// AllTeams lists the teams of all organizations, newest first, for admins; query
// finds by the beginnings of words in the name.
func (s *Store) AllTeams(ctx context.Context, by portal.Actor, query, cursor string) (portal.Slice[portal.Team], error) {
	if !by.IsAdmin() {
		return portal.Slice[portal.Team]{}, portal.ErrNotFound
	}
	v, err := s.sieve(ctx, searchTeams, everywhere, "t.id", query)
	if err != nil {
		return portal.Slice[portal.Team]{}, err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT `+teamColumns+` FROM teams t JOIN organizations o ON o.id = t.org_id
		WHERE t.id < ?`+v.where+` ORDER BY t.id DESC LIMIT ?`, append(append([]any{s.before("allteam", cursor)}, v.args...), portal.PageSize+1)...)
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

// RenameTeam renames a team of the actor's organization, the default team too.
func (s *Store) RenameTeam(ctx context.Context, by portal.Actor, publicID, name string) error {
	return s.changeIn(ctx, by, portal.ManageTeams, func(t *tx, by portal.Actor, o portal.Organization) error {
		var id int64
		var old string
		if err := t.row(`SELECT id, name FROM teams WHERE public_id = ? AND org_id = ?`, publicID, o.ID).Scan(&id, &old); err != nil {
			return one(err)
		}
		name, problem := portal.TidyTeamName(name)
		if problem != "" {
			return portal.Invalidf("name", "%s", problem)
		}
		if name == old {
			return nil
		}
		if _, err := t.exec(`UPDATE teams SET name = ? WHERE id = ?`, name, id); err != nil {
			return err
		}
		return t.audit(by, o.ID, portal.AuditTeamRenamed, name, "from "+old)
	})
}

// maxTeams is how many teams a form offers.
const maxTeams = 200

// TeamNames are the teams of the actor's organization, for forms that choose
// among them.
func (s *Store) TeamNames(ctx context.Context, by portal.Actor) ([]portal.Team, error) {
	if !by.May(portal.SeeMembers) {
		return nil, portal.ErrNotFound
	}
	rows, err := s.read.QueryContext(ctx, `SELECT public_id, name FROM teams WHERE org_id = ? ORDER BY id LIMIT ?`, by.OrgID, maxTeams)
	return list(rows, err, func(r *sql.Rows) (portal.Team, error) {
		var t portal.Team
		return t, r.Scan(&t.PublicID, &t.Name)
	})
}
