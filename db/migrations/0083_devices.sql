-- +goose Up

-- Browsers in which somebody has signed in before: a lock that others have caused
-- does not keep them out there.
CREATE TABLE devices (
    hash    BLOB NOT NULL, -- SHA-256 of the id in the cookie
    user_id INTEGER NOT NULL REFERENCES users (id),
    used_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX devices_by_hash ON devices (hash);
CREATE INDEX devices_by_use ON devices (used_at);
CREATE INDEX devices_of_user ON devices (user_id, used_at);

-- The one that a session began in.
ALTER TABLE sessions ADD COLUMN device BLOB;

-- +goose Down
ALTER TABLE sessions DROP COLUMN device;
DROP TABLE devices;
