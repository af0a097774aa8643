-- +goose Up

CREATE TABLE invitations (
    id         INTEGER PRIMARY KEY,
    public_id  TEXT NOT NULL UNIQUE,
    org_id     INTEGER NOT NULL REFERENCES organizations (id),
    email_key  TEXT NOT NULL,
    email      TEXT NOT NULL,
    first_name TEXT NOT NULL,
    last_name  TEXT NOT NULL,
    role       TEXT NOT NULL CHECK (role IN ('super_admin', 'team_member')),
    state      TEXT NOT NULL CHECK (state IN ('pending', 'accepted', 'declined', 'revoked')),
    version    INTEGER NOT NULL DEFAULT 1,
    expires_at INTEGER NOT NULL,
    inviter_id INTEGER NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    decided_by INTEGER REFERENCES users (id), -- NULL: the invited person, not signed in
    decided_at INTEGER
) STRICT;
CREATE UNIQUE INDEX invitations_one_pending ON invitations (org_id, email_key) WHERE state = 'pending';
CREATE INDEX invitations_by_org ON invitations (org_id, state, id);
CREATE INDEX invitations_by_address ON invitations (org_id, email_key, state);
CREATE INDEX invitations_by_email ON invitations (email_key, state);

-- Who has copied the link of an invitation's present version.
CREATE TABLE link_copies (
    invitation_id INTEGER NOT NULL REFERENCES invitations (id),
    user_id       INTEGER NOT NULL REFERENCES users (id),
    PRIMARY KEY (user_id, invitation_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX link_copies_by_invitation ON link_copies (invitation_id);

-- +goose Down
DROP TABLE link_copies;
DROP TABLE invitations;
