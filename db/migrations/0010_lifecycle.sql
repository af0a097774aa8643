-- +goose Up
-- What became of an organization after it was decided about: by whom, when and why.
ALTER TABLE organizations ADD COLUMN changed_by INTEGER REFERENCES users (id);
ALTER TABLE organizations ADD COLUMN changed_at INTEGER;
ALTER TABLE organizations ADD COLUMN change_reason TEXT NOT NULL DEFAULT '';
-- Where a deleted one stood before: restoring leads back there.
ALTER TABLE organizations ADD COLUMN deleted_from TEXT CHECK (deleted_from IN ('active', 'suspended'));
-- A purged one has nothing left but this row, so that its number is never another's
-- and the audit log can name it.
ALTER TABLE organizations ADD COLUMN purged_at INTEGER;
CREATE INDEX organizations_listed ON organizations (state, id) WHERE purged_at IS NULL;
CREATE INDEX organizations_deleted ON organizations (changed_at) WHERE deleted_from IS NOT NULL AND purged_at IS NULL;

-- What a purge looks for.
CREATE INDEX outbox_by_org ON outbox (org_id, id) WHERE org_id IS NOT NULL;
CREATE INDEX credentials_replacing ON credentials (replaces_id) WHERE replaces_id IS NOT NULL;
CREATE INDEX applications_all_by_org ON applications (org_id) WHERE org_id IS NOT NULL;

-- +goose Down
DROP INDEX applications_all_by_org;
DROP INDEX credentials_replacing;
DROP INDEX outbox_by_org;
DROP INDEX organizations_deleted;
DROP INDEX organizations_listed;
ALTER TABLE organizations DROP COLUMN purged_at;
ALTER TABLE organizations DROP COLUMN deleted_from;
ALTER TABLE organizations DROP COLUMN change_reason;
ALTER TABLE organizations DROP COLUMN changed_at;
ALTER TABLE organizations DROP COLUMN changed_by;
