package db

import (
	"context"
	"time"

	"portico/portal"
)

// Rotate makes a new key in the place of an old one, which works for the time of
// grace and then no more. If the old one had replaced a third that still works,
// that one ends at once. The value is given only for one that is shown once.
func (s *Store) Rotate(ctx context.Context, by portal.Actor, appID, id string, grace portal.Grace, date string) (portal.Credential, string, error) {
	var c portal.Credential
	var key string
	err := s.changeApps(ctx, by, portal.UseApplications, func(t *tx, by portal.Actor, o portal.Organization) error {
		a, err := t.usableApp(by, appID)
		if err != nil {
			return err
		}
		old, err := readCredential(ctx, t, a, id)
		if err != nil {
			return err
		}
		until, err := grace.Until(t.now, date)
		if err != nil {
			return err
		}
		c, key, err = t.rotate(by, o, a, old, until)
		return err
	})
	return c, key, err
}

func (t *tx) rotate(by portal.Actor, o portal.Organization, a portal.Application, old portal.Credential, until time.Time) (portal.Credential, string, error) {
	t.keys = true
	now := millis(t.now)
	n, err := t.exec(`UPDATE credentials SET ends_at = ?, rotated_at = ?, ended_by = ? WHERE id = ? AND ends_at IS NULL AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)`,
		millis(until), now, by.UserID, old.ID, now)
	if err != nil {
		return old, "", err
	}
	if n == 0 {
		return old, "", errKeyEnded(old, t.now)
	}
	if _, err := t.exec(`UPDATE credentials SET ends_at = ? WHERE id = (SELECT replaces_id FROM credentials WHERE id = ?) AND ends_at > ?`, now, old.ID, now); err != nil {
		return old, "", err
	}
	fresh := newKey{label: old.Label, once: old.Once, replaces: old.ID}
	if !old.ExpiresAt.IsZero() {
		fresh.expires = t.now.Add(old.ExpiresAt.Sub(old.CreatedAt)) // as long a life as the old one had
	}
	c, key, err := t.insertKey(by, a, fresh)
	if err != nil {
		return c, "", err
	}
	return c, key, t.audit(by, o.ID, portal.AuditKeyRotated, a.Name, keyName(old)+" until "+until.Format("2 Jan 2006 15:04 UTC"))
}

// retiring is a rotated key that still works.
func (t *tx) retiring(a portal.Application, id string) (portal.Credential, error) {
	c, err := readCredential(t.ctx, t, a, id)
	if err == nil && c.State(t.now) != portal.CredentialRetiring {
		if c.State(t.now) == portal.CredentialActive {
			return c, portal.Errorf(portal.Conflict, "This credential has not been rotated.")
		}
		return c, errKeyEnded(c, t.now)
	}
	return c, err
}

// ExtendKey lets a rotated key that still works go on until another time.
func (s *Store) ExtendKey(ctx context.Context, by portal.Actor, appID, id string, grace portal.Grace, date string) (portal.Credential, error) {
	return s.endKeyAt(ctx, by, appID, id, portal.AuditKeyExtended, func(now time.Time) (time.Time, error) {
		if grace == portal.GraceNone {
			grace = "" // that is a cut
		}
		return grace.Until(now, date)
	})
}

// CutKey ends a rotated key at once.
func (s *Store) CutKey(ctx context.Context, by portal.Actor, appID, id string) (portal.Credential, error) {
	return s.endKeyAt(ctx, by, appID, id, portal.AuditKeyCut, func(now time.Time) (time.Time, error) { return now, nil })
}

func (s *Store) endKeyAt(ctx context.Context, by portal.Actor, appID, id string, kind portal.AuditKind, when func(now time.Time) (time.Time, error)) (portal.Credential, error) {
	var c portal.Credential
	err := s.changeApps(ctx, by, portal.UseApplications, func(t *tx, by portal.Actor, o portal.Organization) error {
		a, err := t.usableApp(by, appID)
		if err != nil {
			return err
		}
		if c, err = t.retiring(a, id); err != nil {
			return err
		}
		until, err := when(t.now)
		if err != nil {
			return err
		}
		t.keys = true
		if _, err := t.exec(`UPDATE credentials SET ends_at = ? WHERE id = ?`, millis(until), c.ID); err != nil {
			return err
		}
		c.EndsAt = until
		return t.audit(by, o.ID, kind, a.Name, keyName(c)+" until "+until.Format("2 Jan 2006 15:04 UTC"))
	})
	return c, err
}
