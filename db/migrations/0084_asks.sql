-- +goose Up

-- What people have asked for who are not signed in, until it is answered: their
-- request ends before anything depends on whether there is an account.
CREATE TABLE asks (
    id      INTEGER PRIMARY KEY,
    kind    TEXT NOT NULL CHECK (kind IN ('registration', 'reset')),
    data    TEXT NOT NULL, -- what was typed, as JSON; of a password the hash
    made_at INTEGER NOT NULL
) STRICT;

-- +goose Down
DROP TABLE asks;
