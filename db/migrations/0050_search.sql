-- +goose Up

-- The words by whose beginnings things are found: those of an organization in
-- it, and all but members everywhere, which is organization 0.
DROP TABLE search_words;
CREATE TABLE search_words (
    kind   TEXT NOT NULL,
    org_id INTEGER NOT NULL,
    word   TEXT NOT NULL,
    id     INTEGER NOT NULL,
    PRIMARY KEY (kind, org_id, word, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX search_words_by_id ON search_words (kind, id, org_id, word);

-- What has changed in the present transaction, whose words are written before it
-- ends. Only a migration leaves rows here; opening the store takes them away.
CREATE TABLE search_stale (
    kind   TEXT NOT NULL CHECK (kind IN ('organization', 'user', 'member', 'team', 'application', 'mail')),
    org_id INTEGER NOT NULL, -- of a member
    id     INTEGER NOT NULL,
    PRIMARY KEY (kind, org_id, id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER search_organization_added AFTER INSERT ON organizations
BEGIN
    INSERT INTO search_stale (kind, org_id, id) VALUES ('organization', 0, new.id) ON CONFLICT DO NOTHING;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER search_organization_renamed AFTER UPDATE OF name ON organizations WHEN new.name <> old.name
BEGIN
    INSERT INTO search_stale (kind, org_id, id) VALUES ('organization', 0, new.id) ON CONFLICT DO NOTHING;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER search_organization_deleted AFTER DELETE ON organizations
BEGIN
    INSERT INTO search_stale (kind, org_id, id) VALUES ('organization', 0, old.id) ON CONFLICT DO NOTHING;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER search_user_added AFTER INSERT ON users
BEGIN
    INSERT INTO search_stale (kind, org_id, id) VALUES ('user', 0, new.id) ON CONFLICT DO NOTHING;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER search_user_renamed AFTER UPDATE OF first_name, last_name, email ON users
WHEN new.first_name <> old.first_name OR new.last_name <> old.last_name OR new.email <> old.email
BEGIN
    INSERT INTO search_stale (kind, org_id, id) VALUES ('user', 0, new.id) ON CONFLICT DO NOTHING;
    INSERT INTO search_stale (kind, org_id, id) SELECT 'member', org_id, user_id FROM memberships WHERE user_id = new.id ON CONFLICT DO NOTHING;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER search_user_deleted AFTER DELETE ON users
BEGIN
    INSERT INTO search_stale (kind, org_id, id) VALUES ('user', 0, old.id) ON CONFLICT DO NOTHING;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER search_member_added AFTER INSERT ON memberships
BEGIN
    INSERT INTO search_stale (kind, org_id, id) VALUES ('member', new.org_id, new.user_id) ON CONFLICT DO NOTHING;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER search_member_renamed AFTER UPDATE OF first_name, last_name ON memberships
WHEN new.first_name <> old.first_name OR new.last_name <> old.last_name
BEGIN
    INSERT INTO search_stale (kind, org_id, id) VALUES ('member', new.org_id, new.user_id) ON CONFLICT DO NOTHING;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER search_member_removed AFTER DELETE ON memberships
BEGIN
    INSERT INTO search_stale (kind, org_id, id) VALUES ('member', old.org_id, old.user_id) ON CONFLICT DO NOTHING;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER search_team_added AFTER INSERT ON teams
BEGIN
    INSERT INTO search_stale (kind, org_id, id) VALUES ('team', 0, new.id) ON CONFLICT DO NOTHING;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER search_team_renamed AFTER UPDATE OF name ON teams WHEN new.name <> old.name
BEGIN
    INSERT INTO search_stale (kind, org_id, id) VALUES ('team', 0, new.id) ON CONFLICT DO NOTHING;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER search_team_deleted AFTER DELETE ON teams
BEGIN
    INSERT INTO search_stale (kind, org_id, id) VALUES ('team', 0, old.id) ON CONFLICT DO NOTHING;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER search_application_added AFTER INSERT ON applications
BEGIN
    INSERT INTO search_stale (kind, org_id, id) VALUES ('application', 0, new.id) ON CONFLICT DO NOTHING;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER search_application_changed AFTER UPDATE OF name, org_id, deleted_at ON applications
WHEN new.name <> old.name OR new.org_id IS NOT old.org_id OR (new.deleted_at IS NULL) <> (old.deleted_at IS NULL)
BEGIN
    INSERT INTO search_stale (kind, org_id, id) VALUES ('application', 0, new.id) ON CONFLICT DO NOTHING;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER search_application_deleted AFTER DELETE ON applications
BEGIN
    INSERT INTO search_stale (kind, org_id, id) VALUES ('application', 0, old.id) ON CONFLICT DO NOTHING;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER search_mail_queued AFTER INSERT ON outbox
BEGIN
    INSERT INTO search_stale (kind, org_id, id) VALUES ('mail', 0, new.id) ON CONFLICT DO NOTHING;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER search_mail_deleted AFTER DELETE ON outbox
BEGIN
    INSERT INTO search_stale (kind, org_id, id) VALUES ('mail', 0, old.id) ON CONFLICT DO NOTHING;
END;
-- +goose StatementEnd

INSERT INTO search_stale (kind, org_id, id) SELECT 'organization', 0, id FROM organizations;
INSERT INTO search_stale (kind, org_id, id) SELECT 'user', 0, id FROM users;
INSERT INTO search_stale (kind, org_id, id) SELECT 'member', org_id, user_id FROM memberships;
INSERT INTO search_stale (kind, org_id, id) SELECT 'team', 0, id FROM teams;
INSERT INTO search_stale (kind, org_id, id) SELECT 'application', 0, id FROM applications;
INSERT INTO search_stale (kind, org_id, id) SELECT 'mail', 0, id FROM outbox;

-- +goose Down
DROP TRIGGER search_mail_deleted;
DROP TRIGGER search_mail_queued;
DROP TRIGGER search_application_deleted;
DROP TRIGGER search_application_changed;
DROP TRIGGER search_application_added;
DROP TRIGGER search_team_deleted;
DROP TRIGGER search_team_renamed;
DROP TRIGGER search_team_added;
DROP TRIGGER search_member_removed;
DROP TRIGGER search_member_renamed;
DROP TRIGGER search_member_added;
DROP TRIGGER search_user_deleted;
DROP TRIGGER search_user_renamed;
DROP TRIGGER search_user_added;
DROP TRIGGER search_organization_deleted;
DROP TRIGGER search_organization_renamed;
DROP TRIGGER search_organization_added;
DROP TABLE search_stale;
DELETE FROM search_words;
