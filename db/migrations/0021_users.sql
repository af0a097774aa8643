-- +goose Up

-- What an account was before it was deactivated, by whom and when.
ALTER TABLE users ADD COLUMN deactivated_from TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN deactivated_by INTEGER;
ALTER TABLE users ADD COLUMN deactivated_at INTEGER;

-- What one person did.
CREATE INDEX IF NOT EXISTS audit_by_actor ON audit (actor_id, id);

-- +goose Down
DROP INDEX IF EXISTS audit_by_actor;
ALTER TABLE users DROP COLUMN deactivated_at;
ALTER TABLE users DROP COLUMN deactivated_by;
ALTER TABLE users DROP COLUMN deactivated_from;
