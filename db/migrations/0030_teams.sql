-- +goose Up

-- The teams that an invitation is for; none: the default team. One that is
-- deleted meanwhile is forgotten.
CREATE TABLE invitation_teams (
    org_id        INTEGER NOT NULL,
    invitation_id INTEGER NOT NULL REFERENCES invitations (id),
    team_id       INTEGER NOT NULL,
    PRIMARY KEY (invitation_id, team_id),
    FOREIGN KEY (org_id, team_id) REFERENCES teams (org_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX invitation_teams_by_team ON invitation_teams (org_id, team_id);

-- +goose Down
DROP TABLE invitation_teams;
