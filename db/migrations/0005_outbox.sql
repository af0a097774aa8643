-- +goose Up

CREATE TABLE outbox (
    id           INTEGER PRIMARY KEY,
    public_id    TEXT NOT NULL UNIQUE,
    kind         TEXT NOT NULL,
    recipient    TEXT NOT NULL, -- address
    to_name      TEXT NOT NULL,
    user_id      INTEGER REFERENCES users (id), -- whose account it is for, if any
    org_id       INTEGER REFERENCES organizations (id),
    data         TEXT NOT NULL CHECK (json_valid(data)), -- the text's variables, no secret among them
    link_path    TEXT NOT NULL DEFAULT '',
    link_purpose INTEGER NOT NULL DEFAULT 0, -- of a link with a token, which is derived when it is needed
    link_id      TEXT NOT NULL DEFAULT '',
    link_version INTEGER NOT NULL DEFAULT 0,
    state        TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'failed', 'kept', 'cancelled')),
    attempts     INTEGER NOT NULL DEFAULT 0,
    next_at      INTEGER NOT NULL, -- of a queued mail; a lease while it is being sent
    error        TEXT NOT NULL DEFAULT '',
    created_at   INTEGER NOT NULL,
    sent_at      INTEGER
) STRICT;
CREATE INDEX outbox_due ON outbox (state, next_at, id);
CREATE INDEX outbox_by_state ON outbox (state, id);
CREATE INDEX outbox_by_link ON outbox (link_id, link_version) WHERE link_id <> '';

-- +goose Down
DROP TABLE outbox;
