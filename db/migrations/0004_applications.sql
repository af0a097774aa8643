-- +goose Up

CREATE TABLE applications (
    id          INTEGER PRIMARY KEY,
    public_id   TEXT NOT NULL UNIQUE,
    org_id      INTEGER NOT NULL REFERENCES organizations (id),
    name        TEXT NOT NULL,
    name_key    TEXT NOT NULL,
    description TEXT NOT NULL,
    version     INTEGER NOT NULL DEFAULT 1,
    created_by  INTEGER NOT NULL REFERENCES users (id),
    created_at  INTEGER NOT NULL,
    deleted_at  INTEGER,
    UNIQUE (org_id, id)
) STRICT;
CREATE UNIQUE INDEX applications_one_name ON applications (org_id, name_key) WHERE deleted_at IS NULL;
CREATE INDEX applications_by_org ON applications (org_id, id) WHERE deleted_at IS NULL;

CREATE TABLE credentials (
    id         INTEGER PRIMARY KEY,
    public_id  TEXT NOT NULL UNIQUE,
    org_id     INTEGER NOT NULL,
    app_id     INTEGER NOT NULL,
    label      TEXT NOT NULL,
    hash       BLOB NOT NULL UNIQUE, -- SHA-256 of the key
    sealed     BLOB NOT NULL,        -- the key, AES-256-GCM under the instance key, bound to this row
    hint       TEXT NOT NULL,        -- its last four characters
    created_by INTEGER NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    ends_at    INTEGER, -- rotated: works until then
    revoked_at INTEGER,
    ended_by   INTEGER REFERENCES users (id),
    UNIQUE (org_id, id),
    FOREIGN KEY (org_id, app_id) REFERENCES applications (org_id, id)
) STRICT;
CREATE INDEX credentials_by_app ON credentials (app_id, id);

CREATE TABLE reveals (
    id            INTEGER PRIMARY KEY,
    org_id        INTEGER NOT NULL,
    credential_id INTEGER NOT NULL,
    user_id       INTEGER NOT NULL REFERENCES users (id),
    at            INTEGER NOT NULL,
    FOREIGN KEY (org_id, credential_id) REFERENCES credentials (org_id, id)
) STRICT;
CREATE INDEX reveals_by_credential ON reveals (credential_id, user_id, at);
CREATE INDEX reveals_by_user ON reveals (user_id, credential_id);

-- +goose Down
DROP TABLE reveals;
DROP TABLE credentials;
DROP TABLE applications;
