package db

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"

	"portico/portal"
)

const credentialColumns = `c.id, c.public_id, c.label, c.hint, COALESCE(m.first_name || ' ' || m.last_name, u.first_name || ' ' || u.last_name), c.created_at,
	c.ends_at, c.revoked_at, COALESCE(e.first_name || ' ' || e.last_name, '')`

const credentialTables = ` FROM credentials c JOIN users u ON u.id = c.created_by LEFT JOIN users e ON e.id = c.ended_by
	LEFT JOIN memberships m ON m.org_id = c.org_id AND m.user_id = c.created_by `

func scanCredential(row interface{ Scan(...any) error }) (portal.Credential, error) {
	var c portal.Credential
	var created int64
	var ends, revoked sql.NullInt64
	err := row.Scan(&c.ID, &c.PublicID, &c.Label, &c.Hint, &c.CreatedBy, &created, &ends, &revoked, &c.EndedBy)
	c.CreatedAt, c.EndsAt, c.RevokedAt = fromMillis(created), fromNullMillis(ends), fromNullMillis(revoked)
	return c, one(err)
}

// maxShown is how many credentials of an application are listed: the live ones
// and the latest of the ended.
const maxShown = 50

// Credentials lists an application's credentials, newest first, each with the
// people who have seen its value. No value is among them.
func (s *Store) Credentials(ctx context.Context, by portal.Actor, appID string) ([]portal.Credential, error) {
	if !by.May(portal.SeeApplications) {
		return nil, portal.ErrNotFound
	}
	rows, err := s.read.QueryContext(ctx, `SELECT `+credentialColumns+credentialTables+`
		WHERE c.app_id = (SELECT id FROM applications WHERE public_id = ? AND org_id = ? AND deleted_at IS NULL)
		ORDER BY c.revoked_at IS NULL AND (c.ends_at IS NULL OR c.ends_at > ?) DESC, c.id DESC LIMIT ?`, appID, by.OrgID, millis(s.Now()), maxShown)
	all, err := list(rows, err, func(r *sql.Rows) (portal.Credential, error) { return scanCredential(r) })
	if err != nil || len(all) == 0 {
		return all, err
	}
	return all, s.addSeen(ctx, by, all)
}

// maxSeenNames is how many names stand beside a credential.
const maxSeenNames = 5

func (s *Store) addSeen(ctx context.Context, by portal.Actor, all []portal.Credential) error {
	at := make(map[int64]*portal.Credential, len(all))
	args := make([]any, 0, len(all)+1)
	marks := ""
	for i := range all {
		at[all[i].ID] = &all[i]
		args = append(args, all[i].ID)
		marks += ", ?"
	}
	rows, err := s.read.QueryContext(ctx, `
		SELECT r.credential_id, COALESCE(m.first_name || ' ' || m.last_name, u.first_name || ' ' || u.last_name), max(r.at)
		FROM reveals r JOIN users u ON u.id = r.user_id LEFT JOIN memberships m ON m.org_id = r.org_id AND m.user_id = r.user_id
		WHERE r.credential_id IN (`+marks[2:]+`) AND r.org_id = ?
		GROUP BY r.credential_id, r.user_id ORDER BY r.credential_id, max(r.at) DESC, r.user_id`, append(args, by.OrgID)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id, when int64
		var name string
		if err := rows.Scan(&id, &name, &when); err != nil {
			return err
		}
		if c := at[id]; len(c.Seen) < maxSeenNames {
			c.Seen = append(c.Seen, portal.Reveal{Name: name, At: fromMillis(when)})
		} else {
			c.SeenMore++
		}
	}
	return rows.Err()
}

// Credential is one credential of an application of the actor's organization.
func (s *Store) Credential(ctx context.Context, by portal.Actor, appID, id string) (portal.Credential, error) {
	if !by.May(portal.SeeApplications) {
		return portal.Credential{}, portal.ErrNotFound
	}
	return readCredential(ctx, s.read, by, appID, id)
}

func readCredential(ctx context.Context, q querier, by portal.Actor, appID, id string) (portal.Credential, error) {
	return scanCredential(q.QueryRowContext(ctx, `SELECT `+credentialColumns+credentialTables+`
		WHERE c.public_id = ? AND c.org_id = ?
			AND c.app_id = (SELECT id FROM applications WHERE public_id = ? AND org_id = ? AND deleted_at IS NULL)`, id, by.OrgID, appID, by.OrgID))
}

// sealName binds a sealed key to its place: copied elsewhere it does not open.
func sealName(orgID, appID int64, publicID string) string {
	return fmt.Sprintf("credential %d %d %s", orgID, appID, publicID)
}

// insertKey makes a key. Its value is in the database only sealed.
func (t *tx) insertKey(by portal.Actor, a portal.Application, label string) (portal.Credential, error) {
	var live int
	if err := t.row(`SELECT count(*) FROM credentials WHERE app_id = ? AND revoked_at IS NULL AND (ends_at IS NULL OR ends_at > ?)`, a.ID, millis(t.now)).Scan(&live); err != nil {
		return portal.Credential{}, err
	}
	if live >= portal.MaxCredentials {
		return portal.Credential{}, portal.Errorf(portal.Conflict, "%s has %d working credentials, which is the most. Revoke one first.", a.Name, live)
	}
	key, id := portal.NewKey(), newID()
	hash := sha256.Sum256([]byte(key))
	if _, err := t.exec(`
		INSERT INTO credentials (public_id, org_id, app_id, label, hash, sealed, hint, created_by, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		id, a.OrgID, a.ID, label, hash[:], t.s.keys.seal(key, sealName(a.OrgID, a.ID, id)), key[len(key)-4:], by.UserID, millis(t.now)); err != nil {
		return portal.Credential{}, fmt.Errorf("insert credential: %w", err)
	}
	return readCredential(t.ctx, t, by, a.PublicID, id)
}

// CreateCredential makes a key for an application of the actor's organization.
func (s *Store) CreateCredential(ctx context.Context, by portal.Actor, appID, label string) (portal.Credential, error) {
	var c portal.Credential
	err := s.changeIn(ctx, by, portal.UseApplications, func(t *tx, by portal.Actor, o portal.Organization) error {
		a, err := t.app(by, appID)
		if err != nil {
			return err
		}
		label, problem := portal.TidyOptional(label, "a label")
		if problem != "" {
			return portal.Invalidf("label", "%s", problem)
		}
		if c, err = t.insertKey(by, a, label); err != nil {
			return err
		}
		return t.audit(by, o.ID, portal.AuditKeyCreated, a.Name, keyName(c))
	})
	return c, err
}

// keyName tells keys apart without giving them away.
func keyName(c portal.Credential) string {
	if c.Label != "" {
		return c.Label + " (…" + c.Hint + ")"
	}
	return "…" + c.Hint
}

// Reveal is the value of a working key. Each look is recorded before it is given.
func (s *Store) Reveal(ctx context.Context, by portal.Actor, appID, id string) (portal.Credential, string, error) {
	var c portal.Credential
	var key string
	err := s.changeIn(ctx, by, portal.UseApplications, func(t *tx, by portal.Actor, o portal.Organization) error {
		a, err := t.app(by, appID)
		if err != nil {
			return err
		}
		if c, err = readCredential(ctx, t, by, appID, id); err != nil {
			return err
		}
		if state := c.State(t.now); !state.Works() {
			return portal.Errorf(portal.Conflict, "This credential does not work any more, so its value is not shown.")
		}
		var sealed []byte
		if err := t.row(`SELECT sealed FROM credentials WHERE id = ?`, c.ID).Scan(&sealed); err != nil {
			return err
		}
		if key, err = s.keys.open(sealed, sealName(o.ID, a.ID, c.PublicID)); err != nil {
			return fmt.Errorf("open credential %s: %w", c.PublicID, err)
		}
		if _, err := t.exec(`INSERT INTO reveals (org_id, credential_id, user_id, at) VALUES (?, ?, ?, ?)`, o.ID, c.ID, by.UserID, millis(t.now)); err != nil {
			return err
		}
		return t.audit(by, o.ID, portal.AuditKeyRevealed, a.Name, keyName(c))
	})
	if err != nil {
		return c, "", err
	}
	one := []portal.Credential{c}
	err = s.addSeen(ctx, by, one)
	return one[0], key, err
}

// Rotate makes a new key in the place of an old one, which works for the time of
// grace and then no more.
func (s *Store) Rotate(ctx context.Context, by portal.Actor, appID, id string, grace portal.Grace) (portal.Credential, error) {
	var c portal.Credential
	err := s.changeIn(ctx, by, portal.UseApplications, func(t *tx, by portal.Actor, o portal.Organization) error {
		a, err := t.app(by, appID)
		if err != nil {
			return err
		}
		old, err := readCredential(ctx, t, by, appID, id)
		if err != nil {
			return err
		}
		wait, ok := grace.Duration()
		if !ok {
			return portal.Invalidf("grace", "Choose how long the old key goes on working.")
		}
		ends := t.now.Add(wait)
		t.keys = true
		n, err := t.exec(`UPDATE credentials SET ends_at = ?, ended_by = ? WHERE id = ? AND ends_at IS NULL AND revoked_at IS NULL`, millis(ends), by.UserID, old.ID)
		if err != nil {
			return err
		}
		if n == 0 {
			return portal.Errorf(portal.Conflict, "This credential is %s already. There is nothing to rotate.", old.State(t.now))
		}
		if c, err = t.insertKey(by, a, old.Label); err != nil {
			return err
		}
		return t.audit(by, o.ID, portal.AuditKeyRotated, a.Name, keyName(old)+" until "+ends.Format("2 Jan 2006 15:04 UTC"))
	})
	return c, err
}

// RevokeCredential stops one key at once.
func (s *Store) RevokeCredential(ctx context.Context, by portal.Actor, appID, id string) (portal.Credential, error) {
	var c portal.Credential
	err := s.changeIn(ctx, by, portal.RevokeCredential, func(t *tx, by portal.Actor, o portal.Organization) error {
		a, err := t.app(by, appID)
		if err != nil {
			return err
		}
		if c, err = readCredential(ctx, t, by, appID, id); err != nil {
			return err
		}
		t.keys = true
		n, err := t.exec(`UPDATE credentials SET revoked_at = ?, ended_by = ? WHERE id = ? AND revoked_at IS NULL AND (ends_at IS NULL OR ends_at > ?)`,
			millis(t.now), by.UserID, c.ID, millis(t.now))
		if err != nil {
			return err
		}
		if n == 0 {
			return portal.Errorf(portal.Conflict, "This credential is %s already.", c.State(t.now))
		}
		return t.audit(by, o.ID, portal.AuditKeyRevoked, a.Name, keyName(c))
	})
	return c, err
}
