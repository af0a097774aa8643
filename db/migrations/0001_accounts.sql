-- +goose Up
-- Times are UTC milliseconds. public_id is the random id in addresses.

CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE users (
    id               INTEGER PRIMARY KEY,
    public_id        TEXT NOT NULL UNIQUE,
    email_key        TEXT NOT NULL UNIQUE,
    email            TEXT NOT NULL,
    first_name       TEXT NOT NULL,
    last_name        TEXT NOT NULL,
    password_hash    TEXT NOT NULL,
    state            TEXT NOT NULL CHECK (state IN ('unproven', 'waiting', 'active', 'deactivated', 'deleted')),
    admin            INTEGER NOT NULL DEFAULT 0 CHECK (admin IN (0, 1)),
    -- unproven, and perhaps not the address's owner's password: joined by a copied link, or registered twice
    doubtful         INTEGER NOT NULL DEFAULT 0 CHECK (doubtful IN (0, 1)),
    proof_version    INTEGER NOT NULL DEFAULT 0,
    proof_expires_at INTEGER NOT NULL DEFAULT 0,
    reset_version    INTEGER NOT NULL DEFAULT 0,
    reset_expires_at INTEGER NOT NULL DEFAULT 0, -- 0: no reset is open
    approved_by      INTEGER REFERENCES users (id),
    approved_at      INTEGER,
    created_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX users_by_state ON users (state, id);
CREATE INDEX users_admins ON users (id) WHERE admin = 1;

CREATE TABLE sessions (
    hash       BLOB PRIMARY KEY, -- SHA-256 of the id in the cookie
    user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    proof_at   INTEGER NOT NULL, -- when the password was last given
    ip         TEXT NOT NULL,
    agent      TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_seen ON sessions (seen_at);
CREATE INDEX sessions_by_age ON sessions (created_at);

CREATE TABLE limit_events (
    id      INTEGER PRIMARY KEY,
    scope   TEXT NOT NULL,
    subject TEXT NOT NULL,
    at      INTEGER NOT NULL
) STRICT;
CREATE INDEX limit_events_by_subject ON limit_events (scope, subject, at);
CREATE INDEX limit_events_by_time ON limit_events (at);

-- +goose Down
DROP TABLE limit_events;
DROP TABLE sessions;
DROP TABLE users;
DROP TABLE settings;
