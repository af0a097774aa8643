-- +goose Up

-- When and from where a key was last used on that day. The last day's is the
-- credential's; credentials.used_at and used_from keep it once that day is forgotten.
ALTER TABLE usage ADD COLUMN last_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage ADD COLUMN last_from TEXT NOT NULL DEFAULT '';

-- Uses that are not yet added up, a row a batch, where very many keys are in use.
CREATE TABLE usage_journal (
    id   INTEGER PRIMARY KEY,
    uses BLOB NOT NULL
) STRICT;

-- +goose Down
DROP TABLE usage_journal;
ALTER TABLE usage DROP COLUMN last_from;
ALTER TABLE usage DROP COLUMN last_at;
