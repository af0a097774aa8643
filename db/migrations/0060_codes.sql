-- +goose Up

-- Codes by which people join an organization by themselves. Of the code itself
-- only a keyed hash is kept.
CREATE TABLE invite_codes (
    id         INTEGER PRIMARY KEY,
    public_id  TEXT NOT NULL UNIQUE,
    org_id     INTEGER NOT NULL REFERENCES organizations (id),
    team_id    INTEGER REFERENCES teams (id) ON DELETE SET NULL, -- NULL: the default team
    name       TEXT NOT NULL,
    hash       BLOB NOT NULL UNIQUE,
    quota      INTEGER NOT NULL CHECK (quota >= 0), -- 0: no limit
    uses       INTEGER NOT NULL DEFAULT 0 CHECK (uses >= 0 AND (quota = 0 OR uses <= quota)),
    expires_at INTEGER, -- NULL: never
    active     INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
    created_by INTEGER NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX invite_codes_by_org ON invite_codes (org_id, id);
CREATE INDEX invite_codes_by_team ON invite_codes (team_id) WHERE team_id IS NOT NULL;
CREATE INDEX invite_codes_active ON invite_codes (expires_at) WHERE active = 1;

-- Who has registered with which code, until they have joined by it.
CREATE TABLE code_registrations (
    user_id INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    code_id INTEGER NOT NULL REFERENCES invite_codes (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX code_registrations_by_code ON code_registrations (code_id);

-- +goose Down
DROP TABLE code_registrations;
DROP TABLE invite_codes;
