package db

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"portico/portal"
)

// #nosec G101 -- the names of columns
const credentialColumns = `c.id, c.public_id, c.label, c.hint, c.sealed IS NULL, COALESCE(m.first_name || ' ' || m.last_name, u.first_name || ' ' || u.last_name), c.created_at,
	c.expires_at, c.ends_at, c.rotated_at, c.revoked_at, COALESCE(e.first_name || ' ' || e.last_name, ''),
	COALESCE(NULLIF(y.last_at, 0), c.used_at), COALESCE(NULLIF(y.last_from, ''), c.used_from)`

// #nosec G101 -- the names of tables
const credentialTables = ` FROM credentials c JOIN users u ON u.id = c.created_by LEFT JOIN users e ON e.id = c.ended_by
	LEFT JOIN memberships m ON m.org_id = c.org_id AND m.user_id = c.created_by
	LEFT JOIN usage y ON y.credential_id = c.id AND y.day = (SELECT max(day) FROM usage WHERE credential_id = c.id) `

// working holds for a credential c that opens doors at ?, ?.
const working = `c.revoked_at IS NULL AND (c.ends_at IS NULL OR c.ends_at > ?) AND (c.expires_at IS NULL OR c.expires_at > ?)`

func scanCredential(row interface{ Scan(...any) error }) (portal.Credential, error) {
	var c portal.Credential
	var created int64
	var expires, ends, rotated, revoked, used sql.NullInt64
	err := row.Scan(&c.ID, &c.PublicID, &c.Label, &c.Hint, &c.Once, &c.CreatedBy, &created, &expires, &ends, &rotated, &revoked, &c.EndedBy, &used, &c.UsedFrom)
	c.CreatedAt, c.ExpiresAt, c.EndsAt, c.RotatedAt = fromMillis(created), fromNullMillis(expires), fromNullMillis(ends), fromNullMillis(rotated)
	c.RevokedAt, c.UsedAt = fromNullMillis(revoked), fromNullMillis(used)
	return c, one(err)
}

// maxShown is how many credentials of an application are listed: the live ones
// and the latest of the ended.
const maxShown = 50

// Credentials lists an application's credentials, the working ones first, each
// with the people who have seen its value. No value is among them. Of somebody
// else's personal application there are none to see, but for portal admins.
func (s *Store) Credentials(ctx context.Context, by portal.Actor, appID string) ([]portal.Credential, error) {
	a, err := s.Application(ctx, by, appID)
	if err != nil {
		return nil, err
	}
	if !a.KeysFor(by) && !by.IsAdmin() {
		return nil, nil
	}
	now := millis(s.Now())
	rows, err := s.read.QueryContext(ctx, `SELECT `+credentialColumns+credentialTables+`
		WHERE c.app_id = ? ORDER BY `+working+` DESC, c.id DESC LIMIT ?`, a.ID, now, now, maxShown)
	all, err := list(rows, err, func(r *sql.Rows) (portal.Credential, error) { return scanCredential(r) })
	if err != nil || len(all) == 0 {
		return all, err
	}
	s.addUses(all)
	return all, s.addSeen(ctx, by, all)
}

// maxSeenNames is how many names stand beside a credential.
const maxSeenNames = 5

func (s *Store) addSeen(ctx context.Context, by portal.Actor, all []portal.Credential) error {
	at := make(map[int64]*portal.Credential, len(all))
	args := []any{by.OrgID, by.OrgID}
	for i := range all {
		at[all[i].ID] = &all[i]
		args = append(args, all[i].ID)
	}
	// #nosec G202 -- only placeholders are added
	rows, err := s.read.QueryContext(ctx, `
		SELECT r.credential_id, COALESCE(m.first_name || ' ' || m.last_name, u.first_name || ' ' || u.last_name), max(r.at), m.user_id IS NULL AND ? <> 0
		FROM reveals r JOIN users u ON u.id = r.user_id LEFT JOIN memberships m ON m.org_id = ? AND m.user_id = r.user_id
		WHERE r.credential_id IN (?`+strings.Repeat(", ?", len(all)-1)+`)
		GROUP BY r.credential_id, r.user_id ORDER BY r.credential_id, max(r.at) DESC, r.user_id`, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id, when int64
		var seen portal.Reveal
		if err := rows.Scan(&id, &seen.Name, &when, &seen.Gone); err != nil {
			return err
		}
		seen.At = fromMillis(when)
		if c := at[id]; len(c.Seen) < maxSeenNames {
			c.Seen = append(c.Seen, seen)
		} else {
			c.SeenMore++
		}
	}
	return rows.Err()
}

// Credential is one credential of an application whose keys the actor may use,
// or, for portal admins, see.
func (s *Store) Credential(ctx context.Context, by portal.Actor, appID, id string) (portal.Credential, error) {
	a, err := s.Application(ctx, by, appID)
	if err != nil {
		return portal.Credential{}, err
	}
	if !a.KeysFor(by) && !by.IsAdmin() {
		return portal.Credential{}, portal.ErrPersonal
	}
	c, err := readCredential(ctx, s.read, a, id)
	all := []portal.Credential{c}
	s.addUses(all)
	return all[0], err
}

func readCredential(ctx context.Context, q querier, a portal.Application, id string) (portal.Credential, error) {
	return scanCredential(q.QueryRowContext(ctx, `SELECT `+credentialColumns+credentialTables+` WHERE c.public_id = ? AND c.app_id = ?`, id, a.ID))
}

// sealName binds a sealed key to its place: copied elsewhere it does not open.
func sealName(orgID, appID int64, publicID string) string {
	return fmt.Sprintf("credential %d %d %s", orgID, appID, publicID)
}

// newKey is what a key is made of.
type newKey struct {
	label    string
	expires  time.Time
	once     bool
	replaces int64
}

// insertKey makes a key and gives its value, which the database holds only
// sealed, or not at all.
func (t *tx) insertKey(by portal.Actor, a portal.Application, n newKey) (portal.Credential, string, error) {
	var live int
	if err := t.row(`SELECT count(*) FROM credentials c WHERE c.app_id = ? AND `+working, a.ID, millis(t.now), millis(t.now)).Scan(&live); err != nil {
		return portal.Credential{}, "", err
	}
	if live >= portal.MaxCredentials {
		return portal.Credential{}, "", portal.Errorf(portal.Conflict, "%s has %d working credentials, which is the most. Revoke one first.", a.Name, live)
	}
	key, id := portal.NewKey(), newID()
	hash := sha256.Sum256([]byte(key))
	var sealed []byte
	if !n.once {
		sealed = t.s.keys.seal(key, sealName(a.OrgID, a.ID, id))
	}
	if _, err := t.exec(`
		INSERT INTO credentials (public_id, org_id, app_id, label, hash, sealed, sealed_by, hint, replaces_id, created_by, created_at, expires_at, reminded)
		VALUES (?, NULLIF(?, 0), ?, ?, ?, ?, ?, ?, NULLIF(?, 0), ?, ?, ?, ?)`,
		id, a.OrgID, a.ID, n.label, hash[:], sealed, t.s.keys.newest, key[len(key)-4:], n.replaces, by.UserID, millis(t.now), nullMillis(n.expires), remindersPast(n.expires, t.now)); err != nil {
		return portal.Credential{}, "", fmt.Errorf("insert credential: %w", err)
	}
	c, err := readCredential(t.ctx, t, a, id)
	if err != nil || !n.once {
		return c, "", err
	}
	return c, key, t.seen(by, c) // shown now, and never again
}

// seen notes that the actor is about to see a key's value.
func (t *tx) seen(by portal.Actor, c portal.Credential) error {
	_, err := t.exec(`INSERT INTO reveals (credential_id, user_id, at) VALUES (?, ?, ?)`, c.ID, by.UserID, millis(t.now))
	return err
}

// CreateCredential makes a key. The value is given only for one that is shown
// once; all others are read by Reveal.
func (s *Store) CreateCredential(ctx context.Context, by portal.Actor, appID string, n portal.NewCredential) (portal.Credential, string, error) {
	var c portal.Credential
	var key string
	err := s.changeApps(ctx, by, portal.UseApplications, func(t *tx, by portal.Actor, o portal.Organization) error {
		a, err := t.usableApp(by, appID)
		if err != nil {
			return err
		}
		label, expires, err := n.Tidy(t.now)
		if err != nil {
			return err
		}
		if c, key, err = t.insertKey(by, a, newKey{label: label, expires: expires, once: n.Once}); err != nil {
			return err
		}
		return t.audit(by, o.ID, portal.AuditKeyCreated, a.Name, keyName(c))
	})
	return c, key, err
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
	err := s.changeApps(ctx, by, portal.UseApplications, func(t *tx, by portal.Actor, o portal.Organization) error {
		a, err := t.usableApp(by, appID)
		if err != nil {
			return err
		}
		if c, err = readCredential(ctx, t, a, id); err != nil {
			return err
		}
		if state := c.State(t.now); !state.Works() {
			return portal.Errorf(portal.Conflict, "This credential does not work any more, so its value is not shown.")
		}
		if c.Once {
			return portal.Errorf(portal.Conflict, "This credential was shown once, when it was made. Rotate it to get a new value.")
		}
		var sealed []byte
		var sealedBy int
		if err := t.row(`SELECT sealed, sealed_by FROM credentials WHERE id = ?`, c.ID).Scan(&sealed, &sealedBy); err != nil {
			return err
		}
		if key, err = s.keys.open(sealed, sealedBy, sealName(a.OrgID, a.ID, c.PublicID)); err != nil {
			return fmt.Errorf("open credential %s: %w", c.PublicID, err)
		}
		if err := t.seen(by, c); err != nil {
			return err
		}
		return t.audit(by, o.ID, portal.AuditKeyRevealed, a.Name, keyName(c))
	})
	if err != nil {
		return c, "", err
	}
	one := []portal.Credential{c}
	s.addUses(one)
	err = s.addSeen(ctx, by, one)
	return one[0], key, err
}

// errKeyEnded says who ended a key and when, if somebody has.
func errKeyEnded(c portal.Credential, now time.Time) error {
	switch c.State(now) {
	case portal.CredentialRevoked:
		return portal.Errorf(portal.Conflict, "This credential was revoked by %s on %s.", c.EndedBy, c.RevokedAt.Format(whenWords))
	case portal.CredentialRetiring, portal.CredentialEnded:
		return portal.Errorf(portal.Conflict, "This credential was rotated by %s on %s.", c.EndedBy, c.RotatedAt.Format(whenWords))
	}
	return portal.Errorf(portal.Conflict, "This credential has expired. Make a new one.")
}

// RevokeCredential stops one key at once.
func (s *Store) RevokeCredential(ctx context.Context, by portal.Actor, appID, id string) (portal.Credential, error) {
	var c portal.Credential
	err := s.changeApps(ctx, by, portal.RevokeCredential, func(t *tx, by portal.Actor, o portal.Organization) error {
		a, err := t.app(by, appID)
		if err != nil {
			return err
		}
		if !a.KeysFor(by) && !by.IsAdmin() {
			return portal.ErrPersonal
		}
		if c, err = readCredential(ctx, t, a, id); err != nil {
			return err
		}
		t.keys = true
		now := millis(t.now)
		n, err := t.exec(`UPDATE credentials SET revoked_at = ?, ended_by = ? WHERE id = ? AND revoked_at IS NULL AND (ends_at IS NULL OR ends_at > ?) AND (expires_at IS NULL OR expires_at > ?)`,
			now, by.UserID, c.ID, now, now)
		if err != nil {
			return err
		}
		if n == 0 {
			return errKeyEnded(c, t.now)
		}
		return t.audit(by, o.ID, portal.AuditKeyRevoked, a.Name, keyName(c))
	})
	return c, err
}

// moveKeys seals an application's keys for their new organization.
func (t *tx) moveKeys(a portal.Application, orgID int64) error {
	type key struct {
		id       int64
		publicID string
		sealed   []byte
		by       int
	}
	rows, err := t.rows(`SELECT id, public_id, sealed, sealed_by FROM credentials WHERE app_id = ?`, a.ID)
	all, err := list(rows, err, func(r *sql.Rows) (key, error) {
		var k key
		return k, r.Scan(&k.id, &k.publicID, &k.sealed, &k.by)
	})
	if err != nil {
		return err
	}
	for _, k := range all {
		if k.sealed != nil {
			value, err := t.s.keys.open(k.sealed, k.by, sealName(a.OrgID, a.ID, k.publicID))
			if err != nil {
				return fmt.Errorf("open credential %s: %w", k.publicID, err)
			}
			k.sealed, k.by = t.s.keys.seal(value, sealName(orgID, a.ID, k.publicID)), t.s.keys.newest
		}
		if _, err := t.exec(`UPDATE credentials SET org_id = ?, sealed = ?, sealed_by = ? WHERE id = ?`, orgID, k.sealed, k.by, k.id); err != nil {
			return err
		}
	}
	return nil
}
