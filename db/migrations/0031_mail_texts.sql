-- +goose Up

-- Every text that mails have been written by. It is kept, so that a mail which was
-- sent can be read as it was, whatever its template says now.
CREATE TABLE mail_texts (
    id      INTEGER PRIMARY KEY,
    kind    TEXT NOT NULL,
    subject TEXT NOT NULL,
    body    TEXT NOT NULL,
    UNIQUE (kind, subject, body)
) STRICT;

-- The kinds whose text an admin has changed.
CREATE TABLE mail_templates (
    kind       TEXT PRIMARY KEY,
    text_id    INTEGER NOT NULL REFERENCES mail_texts (id),
    changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE outbox ADD COLUMN text_id INTEGER REFERENCES mail_texts (id); -- by which it was sent
ALTER TABLE outbox ADD COLUMN subject TEXT NOT NULL DEFAULT '';           -- when it was queued, and then as it was sent

CREATE INDEX outbox_by_kind ON outbox (state, kind, id);
CREATE INDEX outbox_failing ON outbox (id) WHERE (CASE WHEN state = 'failed' THEN 1 WHEN state = 'queued' AND error <> '' THEN 1 ELSE 0 END) = 1;
CREATE INDEX outbox_failing_by_kind ON outbox (kind, id) WHERE (CASE WHEN state = 'failed' THEN 1 WHEN state = 'queued' AND error <> '' THEN 1 ELSE 0 END) = 1;

-- +goose Down
DROP INDEX outbox_failing_by_kind;
DROP INDEX outbox_failing;
DROP INDEX outbox_by_kind;
ALTER TABLE outbox DROP COLUMN subject;
ALTER TABLE outbox DROP COLUMN text_id;
DROP TABLE mail_templates;
DROP TABLE mail_texts;
