-- +goose Up

-- The address somebody wants instead of theirs, until it has proven itself.
CREATE TABLE email_changes (
    user_id    INTEGER PRIMARY KEY REFERENCES users (id),
    email_key  TEXT NOT NULL,
    email      TEXT NOT NULL,
    version    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL -- 0: nothing is asked for
) STRICT;

-- A person's own sessions are shown by when they were last used.
CREATE INDEX sessions_of_user ON sessions (user_id, seen_at);
DROP INDEX sessions_by_user;

-- +goose Down
CREATE INDEX sessions_by_user ON sessions (user_id);
DROP INDEX sessions_of_user;
DROP TABLE email_changes;
