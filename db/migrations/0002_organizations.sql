-- +goose Up

CREATE TABLE organizations (
    id           INTEGER PRIMARY KEY,
    public_id    TEXT NOT NULL UNIQUE,
    name         TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('pending', 'active', 'rejected', 'withdrawn', 'suspended', 'deleted')),
    requester_id INTEGER REFERENCES users (id), -- NULL: added by an admin
    requested_at INTEGER NOT NULL,
    decided_by   INTEGER REFERENCES users (id),
    decided_at   INTEGER,
    reason       TEXT NOT NULL DEFAULT '',
    created_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX organizations_by_state ON organizations (state, id);
CREATE INDEX organizations_by_requester ON organizations (requester_id, id);
CREATE UNIQUE INDEX organizations_one_pending ON organizations (requester_id) WHERE state = 'pending';

-- The words by whose beginnings things are found.
CREATE TABLE search_words (
    kind TEXT NOT NULL CHECK (kind IN ('organization', 'user')),
    word TEXT NOT NULL,
    id   INTEGER NOT NULL,
    PRIMARY KEY (kind, word, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX search_words_by_id ON search_words (kind, id);

CREATE TABLE memberships (
    org_id     INTEGER NOT NULL REFERENCES organizations (id),
    user_id    INTEGER NOT NULL REFERENCES users (id),
    role       TEXT NOT NULL CHECK (role IN ('super_admin', 'team_member')),
    first_name TEXT NOT NULL,
    last_name  TEXT NOT NULL,
    joined_at  INTEGER NOT NULL,
    PRIMARY KEY (org_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_by_user ON memberships (user_id, org_id);
CREATE INDEX memberships_super_admins ON memberships (org_id) WHERE role = 'super_admin';

CREATE TABLE teams (
    id         INTEGER PRIMARY KEY,
    public_id  TEXT NOT NULL UNIQUE,
    org_id     INTEGER NOT NULL REFERENCES organizations (id),
    name       TEXT NOT NULL,
    is_default INTEGER NOT NULL CHECK (is_default IN (0, 1)),
    created_at INTEGER NOT NULL,
    UNIQUE (org_id, id)
) STRICT;
CREATE UNIQUE INDEX teams_one_default ON teams (org_id) WHERE is_default = 1;

CREATE TABLE team_members (
    org_id  INTEGER NOT NULL,
    team_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    PRIMARY KEY (team_id, user_id),
    FOREIGN KEY (org_id, team_id) REFERENCES teams (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, user_id) REFERENCES memberships (org_id, user_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX team_members_by_user ON team_members (org_id, user_id);

-- An organization that has an active Super admin always keeps one. The
-- operations say so kindly; these stand behind them.
-- +goose StatementBegin
CREATE TRIGGER memberships_last_super_admin_demoted
BEFORE UPDATE OF role ON memberships
WHEN old.role = 'super_admin' AND new.role <> 'super_admin'
    AND EXISTS (SELECT 1 FROM users WHERE id = old.user_id AND state = 'active')
    AND EXISTS (SELECT 1 FROM organizations WHERE id = old.org_id AND state IN ('active', 'suspended'))
    AND NOT EXISTS (SELECT 1 FROM memberships m JOIN users u ON u.id = m.user_id
        WHERE m.org_id = old.org_id AND m.user_id <> old.user_id AND m.role = 'super_admin' AND u.state = 'active')
BEGIN
    SELECT RAISE(ABORT, 'last super admin');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER memberships_last_super_admin_removed
BEFORE DELETE ON memberships
WHEN old.role = 'super_admin'
    AND EXISTS (SELECT 1 FROM users WHERE id = old.user_id AND state = 'active')
    AND EXISTS (SELECT 1 FROM organizations WHERE id = old.org_id AND state IN ('active', 'suspended'))
    AND NOT EXISTS (SELECT 1 FROM memberships m JOIN users u ON u.id = m.user_id
        WHERE m.org_id = old.org_id AND m.user_id <> old.user_id AND m.role = 'super_admin' AND u.state = 'active')
BEGIN
    SELECT RAISE(ABORT, 'last super admin');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_last_super_admin_deactivated
BEFORE UPDATE OF state ON users
WHEN old.state = 'active' AND new.state <> 'active'
    AND EXISTS (SELECT 1 FROM memberships m JOIN organizations o ON o.id = m.org_id
        WHERE m.user_id = old.id AND m.role = 'super_admin' AND o.state IN ('active', 'suspended')
            AND NOT EXISTS (SELECT 1 FROM memberships m2 JOIN users u ON u.id = m2.user_id
                WHERE m2.org_id = m.org_id AND m2.user_id <> old.id AND m2.role = 'super_admin' AND u.state = 'active'))
BEGIN
    SELECT RAISE(ABORT, 'last super admin');
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER users_last_super_admin_deactivated;
DROP TABLE team_members;
DROP TABLE teams;
DROP TABLE memberships;
DROP TABLE search_words;
DROP TABLE organizations;
