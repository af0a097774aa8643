-- +goose Up

-- When and from where a key was last used on that day. The last day's is the
-- credential's; credentials.used_at and used_from keep it once that day is forgotten.
ALTER TABLE usage ADD COLUMN last_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage ADD COLUMN last_from TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE usage DROP COLUMN last_from;
ALTER TABLE usage DROP COLUMN last_at;
