-- +goose Up
-- By whose mail domain requests are told to come from a company that is here already.
ALTER TABLE users ADD COLUMN email_domain TEXT NOT NULL DEFAULT '';
UPDATE users SET email_domain = substr(email_key, instr(email_key, '@') + 1);
CREATE INDEX users_by_domain ON users (email_domain, state, id);

-- +goose StatementBegin
CREATE TRIGGER users_domain_of_a_new_one AFTER INSERT ON users
BEGIN
    UPDATE users SET email_domain = substr(email_key, instr(email_key, '@') + 1) WHERE id = new.id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_domain_of_a_changed_one AFTER UPDATE OF email_key ON users
BEGIN
    UPDATE users SET email_domain = substr(email_key, instr(email_key, '@') + 1) WHERE id = new.id;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER users_domain_of_a_changed_one;
DROP TRIGGER users_domain_of_a_new_one;
DROP INDEX users_by_domain;
ALTER TABLE users DROP COLUMN email_domain;
