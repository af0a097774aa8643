-- +goose Up

-- What the form of an invitation begins with, and whether the checklist of a new
-- organization was put away.
ALTER TABLE organizations ADD COLUMN invite_role TEXT NOT NULL DEFAULT 'team_member' CHECK (invite_role IN ('super_admin', 'team_member'));
ALTER TABLE organizations ADD COLUMN invite_team_id INTEGER REFERENCES teams (id) ON DELETE SET NULL; -- NULL: the default team
ALTER TABLE organizations ADD COLUMN checklist_done INTEGER NOT NULL DEFAULT 0 CHECK (checklist_done IN (0, 1));
CREATE INDEX organizations_by_invite_team ON organizations (invite_team_id) WHERE invite_team_id IS NOT NULL;

-- +goose Down
DROP INDEX organizations_by_invite_team;
ALTER TABLE organizations DROP COLUMN checklist_done;
ALTER TABLE organizations DROP COLUMN invite_team_id;
ALTER TABLE organizations DROP COLUMN invite_role;
