-- +goose Up

-- An invitation is for teams of its own organization: the schema says so too.
CREATE UNIQUE INDEX invitations_of_org ON invitations (org_id, id);
CREATE TABLE invitation_teams_new (
    org_id        INTEGER NOT NULL,
    invitation_id INTEGER NOT NULL,
    team_id       INTEGER NOT NULL,
    PRIMARY KEY (invitation_id, team_id),
    FOREIGN KEY (org_id, invitation_id) REFERENCES invitations (org_id, id),
    FOREIGN KEY (org_id, team_id) REFERENCES teams (org_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO invitation_teams_new (org_id, invitation_id, team_id) SELECT org_id, invitation_id, team_id FROM invitation_teams;
DROP TABLE invitation_teams;
ALTER TABLE invitation_teams_new RENAME TO invitation_teams;
CREATE INDEX invitation_teams_by_team ON invitation_teams (org_id, team_id);

-- +goose Down
CREATE TABLE invitation_teams_old (
    org_id        INTEGER NOT NULL,
    invitation_id INTEGER NOT NULL REFERENCES invitations (id),
    team_id       INTEGER NOT NULL,
    PRIMARY KEY (invitation_id, team_id),
    FOREIGN KEY (org_id, team_id) REFERENCES teams (org_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO invitation_teams_old (org_id, invitation_id, team_id) SELECT org_id, invitation_id, team_id FROM invitation_teams;
DROP TABLE invitation_teams;
ALTER TABLE invitation_teams_old RENAME TO invitation_teams;
CREATE INDEX invitation_teams_by_team ON invitation_teams (org_id, team_id);
DROP INDEX invitations_of_org;
