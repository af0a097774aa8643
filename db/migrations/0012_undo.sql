-- +goose Up
-- What somebody has just done and can take back for a few seconds.
CREATE TABLE undos (
    id        INTEGER PRIMARY KEY,
    public_id TEXT NOT NULL UNIQUE,
    org_id    INTEGER NOT NULL REFERENCES organizations (id),
    actor_id  INTEGER NOT NULL REFERENCES users (id), -- who did it, and alone may undo it
    kind      TEXT NOT NULL CHECK (kind IN ('removal', 'revocation')),
    data      TEXT NOT NULL CHECK (json_valid(data)), -- how it was before
    made_at   INTEGER NOT NULL,
    undone_at INTEGER
) STRICT;
CREATE INDEX undos_by_time ON undos (made_at);
CREATE INDEX undos_by_org ON undos (org_id);

-- +goose Down
DROP TABLE undos;
