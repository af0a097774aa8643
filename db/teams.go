package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

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
	// #nosec G202 -- the condition is one of ours; every value is bound
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
		// #nosec G202 -- the condition is one of ours; every value is bound
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
