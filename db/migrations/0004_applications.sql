-- +goose Up

CREATE TABLE applications (
    id          INTEGER PRIMARY KEY,
    public_id   TEXT NOT NULL UNIQUE,
    org_id      INTEGER REFERENCES organizations (id), -- NULL: of a person alone
    owner_id    INTEGER NOT NULL REFERENCES users (id),
    name        TEXT NOT NULL,
    name_key    TEXT NOT NULL,
    description TEXT NOT NULL,
    visibility  TEXT NOT NULL CHECK (visibility IN ('organization', 'team', 'personal')),
    version     INTEGER NOT NULL DEFAULT 1,
    created_at  INTEGER NOT NULL,
    deleted_at  INTEGER,
    UNIQUE (org_id, id),
    CHECK (org_id IS NOT NULL OR visibility = 'personal')
) STRICT;
CREATE UNIQUE INDEX applications_one_name ON applications (org_id, name_key) WHERE deleted_at IS NULL AND org_id IS NOT NULL;
CREATE UNIQUE INDEX applications_one_own_name ON applications (owner_id, name_key) WHERE deleted_at IS NULL AND org_id IS NULL;
CREATE INDEX applications_by_org ON applications (org_id, id) WHERE deleted_at IS NULL;
CREATE INDEX applications_by_owner ON applications (owner_id, id) WHERE deleted_at IS NULL;

CREATE TABLE application_teams (
    org_id  INTEGER NOT NULL,
    app_id  INTEGER NOT NULL,
    team_id INTEGER NOT NULL,
    PRIMARY KEY (app_id, team_id),
    FOREIGN KEY (org_id, app_id) REFERENCES applications (org_id, id),
    FOREIGN KEY (org_id, team_id) REFERENCES teams (org_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX application_teams_by_team ON application_teams (team_id);

CREATE TABLE credentials (
    id          INTEGER PRIMARY KEY,
    public_id   TEXT NOT NULL UNIQUE,
    org_id      INTEGER, -- of its application
    app_id      INTEGER NOT NULL REFERENCES applications (id),
    label       TEXT NOT NULL,
    hash        BLOB NOT NULL UNIQUE, -- SHA-256 of the key
    sealed      BLOB,                 -- the key, AES-256-GCM, bound to this row; NULL: shown once, only the hash is kept
    sealed_by   INTEGER NOT NULL,     -- number of the key it is sealed with
    hint        TEXT NOT NULL,        -- its last four characters
    replaces_id INTEGER REFERENCES credentials (id),
    created_by  INTEGER NOT NULL REFERENCES users (id),
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    reminded    INTEGER NOT NULL DEFAULT 0, -- reminders of its expiry that were sent
    rotated_at  INTEGER,
    ends_at     INTEGER, -- rotated: works until then
    revoked_at  INTEGER,
    ended_by    INTEGER REFERENCES users (id),
    used_at     INTEGER,
    used_from   TEXT NOT NULL DEFAULT '',
    UNIQUE (org_id, id),
    FOREIGN KEY (org_id, app_id) REFERENCES applications (org_id, id) DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE INDEX credentials_by_app ON credentials (app_id, id);
CREATE INDEX credentials_by_expiry ON credentials (expires_at) WHERE expires_at IS NOT NULL AND revoked_at IS NULL;
CREATE INDEX credentials_by_seal ON credentials (sealed_by, id) WHERE sealed IS NOT NULL;

CREATE TABLE reveals (
    id            INTEGER PRIMARY KEY,
    credential_id INTEGER NOT NULL REFERENCES credentials (id),
    user_id       INTEGER NOT NULL REFERENCES users (id),
    at            INTEGER NOT NULL
) STRICT;
CREATE INDEX reveals_by_credential ON reveals (credential_id, user_id, at);
CREATE INDEX reveals_by_user ON reveals (user_id, credential_id);

CREATE TABLE usage (
    credential_id INTEGER NOT NULL REFERENCES credentials (id),
    day           INTEGER NOT NULL, -- days since 1970-01-01, UTC
    count         INTEGER NOT NULL,
    PRIMARY KEY (credential_id, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_by_day ON usage (day);

-- +goose Down
DROP TABLE usage;
DROP TABLE reveals;
DROP TABLE credentials;
DROP TABLE application_teams;
DROP TABLE applications;
