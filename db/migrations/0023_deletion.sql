-- +goose Up

-- Mails to somebody go with their account.
CREATE INDEX outbox_by_user ON outbox (user_id) WHERE user_id IS NOT NULL;

-- +goose Down
DROP INDEX outbox_by_user;
