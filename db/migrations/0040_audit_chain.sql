-- +goose Up
-- Each entry carries a hash over itself and the hash of the one before. Entries
-- from before get theirs in the next migration, which then shuts the table again.
DROP TRIGGER audit_no_update;
ALTER TABLE audit ADD COLUMN app_id INTEGER; -- about an application: who may see it reads the entry
ALTER TABLE audit ADD COLUMN refused INTEGER NOT NULL DEFAULT 0 CHECK (refused IN (0, 1)); -- it was tried, and not done
ALTER TABLE audit ADD COLUMN hash BLOB NOT NULL DEFAULT x'';

-- Old entries name their application only. Where it is not sure which one that
-- was, no member but Super admins reads them.
CREATE INDEX old_names ON applications (org_id, name);
CREATE INDEX old_renames ON audit (org_id, detail) WHERE kind = 'edited the application';
UPDATE audit SET app_id = (SELECT a.id FROM applications a WHERE a.org_id = audit.org_id AND a.name = audit.subject)
WHERE (kind LIKE '% the application' OR kind LIKE '% credential of')
    AND (SELECT count(*) FROM applications a WHERE a.org_id = audit.org_id AND a.name = audit.subject) = 1
    AND NOT EXISTS (SELECT 1 FROM audit r WHERE r.kind = 'edited the application' AND r.org_id = audit.org_id AND r.detail = 'from ' || audit.subject);
DROP INDEX old_renames;
DROP INDEX old_names;

-- The newest entry, under the instance's key: so that a cut end is noticed.
CREATE TABLE audit_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id  INTEGER NOT NULL,
    mac BLOB NOT NULL
) STRICT;

DROP INDEX audit_by_org;
DROP INDEX audit_by_actor;
CREATE INDEX audit_by_time ON audit (at, id);
CREATE INDEX audit_by_kind ON audit (kind, at, id);
CREATE INDEX audit_by_actor ON audit (actor_id, at, id);
CREATE INDEX audit_by_mail ON audit (actor_mail, at, id);
CREATE INDEX audit_by_subject ON audit (subject, at, id);
CREATE INDEX audit_by_org ON audit (org_id, at, id);
CREATE INDEX audit_by_org_actor ON audit (org_id, actor_id, at, id);
CREATE INDEX audit_by_org_kind ON audit (org_id, kind, at, id);
CREATE INDEX audit_refused_by_actor ON audit (actor_id, at) WHERE refused = 1;

-- How much happened on each day: what charts show without counting a table.
CREATE TABLE tallies (
    what  TEXT NOT NULL,
    day   INTEGER NOT NULL, -- days since 1970-01-01, UTC
    count INTEGER NOT NULL,
    PRIMARY KEY (what, day)
) STRICT, WITHOUT ROWID;
INSERT INTO tallies (what, day, count) SELECT kind, at / 86400000, count(*) FROM audit GROUP BY 1, 2;
INSERT INTO tallies (what, day, count) SELECT 'verified a key', day, sum(count) FROM usage GROUP BY day;

-- +goose Down
DROP TABLE tallies;
DROP TABLE audit_head;
