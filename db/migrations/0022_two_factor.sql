-- +goose Up

-- The secret that an account shares with an authenticator app.
CREATE TABLE second_factors (
    user_id    INTEGER PRIMARY KEY REFERENCES users (id),
    sealed     BLOB NOT NULL,    -- the secret, AES-256-GCM, bound to this account
    sealed_by  INTEGER NOT NULL, -- number of the key it is sealed with
    made_at    INTEGER NOT NULL,
    enabled_at INTEGER,          -- NULL: no right code has been given yet
    last_step  INTEGER NOT NULL DEFAULT 0 -- of the newest code that was used
) STRICT;
CREATE INDEX second_factors_by_seal ON second_factors (sealed_by, user_id);

CREATE TABLE recovery_codes (
    user_id INTEGER NOT NULL REFERENCES users (id),
    hash    BLOB NOT NULL,
    used_at INTEGER,
    PRIMARY KEY (user_id, hash)
) STRICT, WITHOUT ROWID;

-- Browsers that have given the password and owe the code. None of them is signed in.
CREATE TABLE sign_ins (
    hash       BLOB PRIMARY KEY, -- SHA-256 of the id in the cookie
    user_id    INTEGER NOT NULL REFERENCES users (id),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_ins_by_user ON sign_ins (user_id);
CREATE INDEX sign_ins_by_end ON sign_ins (expires_at);

-- Whether only members with two-factor sign-in may work in the organization.
ALTER TABLE organizations ADD COLUMN require_factor INTEGER NOT NULL DEFAULT 0 CHECK (require_factor IN (0, 1));

-- +goose Down
ALTER TABLE organizations DROP COLUMN require_factor;
DROP TABLE sign_ins;
DROP TABLE recovery_codes;
DROP TABLE second_factors;
