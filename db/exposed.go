package db

import (
	"context"
	"database/sql"

	"portico/portal"
)

// maxSeen is how many credentials a list of seen ones names.
const maxSeen = 50

// SeenBy lists the working credentials of the actor's organization that a member
// has seen and that have not been rotated since. A Team member reads only what
// they have seen themselves.
func (s *Store) SeenBy(ctx context.Context, by portal.Actor, publicID string) (portal.SeenKeys, error) {
	if !by.May(portal.ManageMembers) && !by.Member() {
		return portal.SeenKeys{}, portal.ErrNotFound
	}
	return s.seenKeys(ctx, by, `r.user_id = (SELECT id FROM users WHERE public_id = ? AND (? OR id = ?))`, publicID, by.May(portal.ManageMembers), by.UserID)
}

// Exposed lists the working credentials of the actor's organization that people
// have seen who do not belong to it any more, and that have not been rotated since.
func (s *Store) Exposed(ctx context.Context, by portal.Actor) (portal.SeenKeys, error) {
	if !by.Sees() {
		return portal.SeenKeys{}, portal.ErrNotFound
	}
	if !by.May(portal.ManageMembers) {
		return portal.SeenKeys{}, portal.Errorf(portal.Forbidden, "Only Super admins see which keys people who left have seen.")
	}
	return s.seenKeys(ctx, by, `NOT EXISTS (SELECT 1 FROM memberships m WHERE m.org_id = c.org_id AND m.user_id = r.user_id)`)
}

// seenKeys lists working, unrotated credentials with reveals r for which the
// condition holds. Keys of others' personal applications are not named.
func (s *Store) seenKeys(ctx context.Context, by portal.Actor, condition string, args ...any) (portal.SeenKeys, error) {
	now := millis(s.Now())
	args = append(append([]any{by.OrgID, by.UserID, now, now}, args...), maxSeen+1)
	// #nosec G202 -- the condition is one of ours; every value is bound
	rows, err := s.read.QueryContext(ctx, `
		SELECT a.name, a.public_id, c.public_id, c.label, c.hint, group_concat(DISTINCT u.first_name || ' ' || u.last_name)
		FROM credentials c JOIN applications a ON a.id = c.app_id JOIN reveals r ON r.credential_id = c.id JOIN users u ON u.id = r.user_id
		WHERE a.org_id = ? AND a.deleted_at IS NULL AND (a.visibility <> 'personal' OR a.owner_id = ?) AND c.ends_at IS NULL AND `+working+` AND `+condition+`
		GROUP BY c.id ORDER BY c.id LIMIT ?`, args...)
	keys, err := list(rows, err, func(r *sql.Rows) (portal.SeenKey, error) {
		var k portal.SeenKey
		return k, r.Scan(&k.App, &k.AppID, &k.ID, &k.Label, &k.Hint, &k.By)
	})
	return portal.SeenKeys{Keys: keys[:min(len(keys), maxSeen)], More: len(keys) > maxSeen}, err
}

// RotateSeen rotates the chosen ones of credentials that people have seen, in one
// step, with one time of grace. Keys that are shown once cannot be: nobody would
// see the new value. It returns how many were rotated.
func (s *Store) RotateSeen(ctx context.Context, by portal.Actor, ids []string, grace portal.Grace, date string) (int, error) {
	err := s.changeIn(ctx, by, portal.ManageMembers, func(t *tx, by portal.Actor, o portal.Organization) error {
		if len(ids) == 0 {
			return portal.Invalidf("keys", "Choose at least one key.")
		}
		if !by.May(portal.UseApplications) {
			return portal.NotAllowed(portal.UseApplications, o.Name)
		}
		until, err := grace.Until(t.now, date)
		if err != nil {
			return err
		}
		for _, id := range ids {
			var appID string
			err := t.row(`SELECT a.public_id FROM credentials c JOIN applications a ON a.id = c.app_id WHERE c.public_id = ? AND c.org_id = ?`, id, o.ID).Scan(&appID)
			if err != nil {
				return one(err)
			}
			a, err := t.usableApp(by, appID)
			if err != nil {
				return err
			}
			c, err := readCredential(ctx, t, a, id)
			if err != nil {
				return err
			}
			if c.Once {
				return portal.Errorf(portal.Conflict, "A key of %s is shown once only. Rotate it on the application’s own page, where you see the new value.", a.Name)
			}
			if _, _, err := t.rotate(by, o, a, c, until); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(ids), nil
}
