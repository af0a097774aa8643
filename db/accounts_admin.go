package db

import (
	"context"
	"database/sql"

	"portico/portal"
)

// Admins lists the portal admins, newest first; query finds as in Users.
func (s *Store) Admins(ctx context.Context, by portal.Actor, query, cursor string) (portal.Slice[portal.User], error) {
	if !by.IsAdmin() {
		return portal.Slice[portal.User]{}, portal.ErrNotFound
	}
	v, err := s.sieve(ctx, searchUsers, everywhere, "u.id", query)
	if err != nil {
		return portal.Slice[portal.User]{}, err
	}
	args := append(append([]any{s.before("admins", cursor)}, v.args...), portal.PageSize+1)
	// #nosec G202 -- the condition is one of ours; every value is bound
	rows, err := s.read.QueryContext(ctx, `SELECT `+userColumns+` FROM users u WHERE u.admin = 1 AND u.id < ?`+v.where+` ORDER BY u.id DESC LIMIT ?`, args...)
	all, err := list(rows, err, func(r *sql.Rows) (portal.User, error) { return scanUser(r) })
	return pageOf(s, "admins", all, func(u portal.User) int64 { return u.ID }), err
}

// AdminCount counts the portal admins.
func (s *Store) AdminCount(ctx context.Context, by portal.Actor) (portal.Count, error) {
	if !by.IsAdmin() {
		return 0, portal.ErrNotFound
	}
	var n int
	err := s.read.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM users WHERE admin = 1 LIMIT ?)`, portal.MaxCount+1).Scan(&n)
	return portal.Count(n), err
}

// UserSessions lists where an account is signed in, for admins.
func (s *Store) UserSessions(ctx context.Context, by portal.Actor, u portal.User) ([]portal.Session, error) {
	if !by.IsAdmin() {
		return nil, portal.ErrNotFound
	}
	return s.sessions(ctx, u.ID, nil)
}

// UserActivity is what an account's owner has done, newest first, for admins.
func (s *Store) UserActivity(ctx context.Context, by portal.Actor, u portal.User, cursor string) (portal.Slice[portal.AuditEntry], error) {
	if !by.IsAdmin() {
		return portal.Slice[portal.AuditEntry]{}, portal.ErrNotFound
	}
	return s.entries(ctx, "useract", condition{text: `e.actor_id = ?`, args: []any{u.ID}}, portal.AuditFilter{}, cursor, portal.PageSize, by)
}

// changeUser is changeAsAdmin for what is done to an account that is not deleted.
func (s *Store) changeUser(ctx context.Context, by portal.Actor, publicID string, f func(t *tx, by portal.Actor, a account) error) (portal.User, error) {
	var u portal.User
	err := s.changeAsAdmin(ctx, by, func(t *tx, by portal.Actor) error {
		a, err := t.account(`u.public_id = ?`, publicID)
		if err != nil {
			return err
		}
		if a.State == portal.UserDeleted {
			return portal.ErrNotFound
		}
		u = a.User
		return f(t, by, a)
	})
	return u, err
}

// RefuseUser turns a waiting account away: it is deactivated, and can be let in
// after all by activating it.
func (s *Store) RefuseUser(ctx context.Context, by portal.Actor, publicID string) (portal.User, error) {
	return s.changeUser(ctx, by, publicID, func(t *tx, by portal.Actor, a account) error {
		if a.State != portal.UserWaiting {
			return t.errNotWaiting(a.User)
		}
		if err := t.mayPart(a); err != nil {
			return err
		}
		if err := t.shut(by, a); err != nil {
			return err
		}
		return t.audit(by, 0, portal.AuditUserRefused, a.Email, "")
	})
}

// DeactivateUser shuts an account: its sessions end at once, and the keys of its
// own applications stop.
func (s *Store) DeactivateUser(ctx context.Context, by portal.Actor, publicID string) (portal.User, error) {
	return s.changeUser(ctx, by, publicID, func(t *tx, by portal.Actor, a account) error {
		if a.ID == by.UserID {
			return portal.Errorf(portal.Conflict, "You cannot deactivate your own account. Ask another portal admin.")
		}
		if a.State == portal.UserDeactivated {
			return t.errDeactivated(a.User)
		}
		if err := t.mayPart(a); err != nil {
			return err
		}
		if err := t.shut(by, a); err != nil {
			return err
		}
		return t.audit(by, 0, portal.AuditUserDeactivated, a.Email, "")
	})
}

func (t *tx) shut(by portal.Actor, a account) error {
	_, err := t.exec(`UPDATE users SET state = 'deactivated', deactivated_from = state, deactivated_by = ?, deactivated_at = ?,
		reset_version = reset_version + 1, reset_expires_at = 0 WHERE id = ? AND state = ?`, by.UserID, millis(t.now), a.ID, a.State)
	if err != nil {
		return err
	}
	t.keys = true
	if err := t.dropEmailChange(a.ID); err != nil {
		return err
	}
	if err := t.endAllCopiedLinks(a.ID); err != nil {
		return err
	}
	return t.endSessions(a.ID, nil)
}

// errDeactivated says who deactivated an account and when.
func (t *tx) errDeactivated(u portal.User) error {
	var who string
	var at sql.NullInt64
	err := t.row(`SELECT COALESCE(a.first_name || ' ' || a.last_name, ''), u.deactivated_at FROM users u LEFT JOIN users a ON a.id = u.deactivated_by WHERE u.id = ?`, u.ID).Scan(&who, &at)
	if err != nil {
		return err
	}
	if who == "" || !at.Valid {
		return portal.Errorf(portal.Conflict, "The account of %s is deactivated already.", u.Name())
	}
	return portal.Errorf(portal.Conflict, "The account of %s was deactivated by %s on %s.", u.Name(), who, fromNullMillis(at).Format(whenWords))
}

// ActivateUser opens a deactivated account again. Whoever had not proven their
// address still has to; whoever was refused is approved, and told.
func (s *Store) ActivateUser(ctx context.Context, by portal.Actor, publicID string) (portal.User, error) {
	return s.changeUser(ctx, by, publicID, func(t *tx, by portal.Actor, a account) error {
		if a.State != portal.UserDeactivated {
			return portal.Errorf(portal.Conflict, "The account of %s is %s: there is nothing to activate.", a.Name(), a.State)
		}
		var from portal.UserState
		if err := t.row(`SELECT deactivated_from FROM users WHERE id = ?`, a.ID).Scan(&from); err != nil {
			return err
		}
		next := portal.Reactivated(from)
		if _, err := t.exec(`UPDATE users SET state = ?, deactivated_from = '', deactivated_by = NULL, deactivated_at = NULL WHERE id = ? AND state = 'deactivated'`, next, a.ID); err != nil {
			return err
		}
		t.keys = true
		if err := t.audit(by, 0, portal.AuditUserActivated, a.Email, ""); err != nil || from != portal.UserWaiting {
			return err
		}
		return t.tellApproved(a.User)
	})
}

// SendReset mails somebody a link that sets a new password, because an admin
// wants them to.
func (s *Store) SendReset(ctx context.Context, by portal.Actor, publicID string) (portal.User, error) {
	return s.changeUser(ctx, by, publicID, func(t *tx, by portal.Actor, a account) error {
		if !a.State.MaySignIn() {
			return portal.Errorf(portal.Conflict, "The account of %s is deactivated. Activate it first.", a.Name())
		}
		if _, err := t.limit(portal.LimitReset, a.emailKey); err != nil {
			return err
		}
		if err := t.audit(by, 0, portal.AuditResetSent, a.Email, ""); err != nil {
			return err
		}
		return t.mailReset(a)
	})
}

// SetAdmin makes somebody a portal admin, or takes that from them. One always
// stays. The caller has asked for the actor's password.
func (s *Store) SetAdmin(ctx context.Context, by portal.Actor, publicID string, admin bool) (portal.User, error) {
	return s.changeUser(ctx, by, publicID, func(t *tx, by portal.Actor, a account) error {
		kind := portal.AuditAdminMade
		switch {
		case a.Admin == admin && admin:
			return portal.Errorf(portal.Conflict, "%s is a portal admin already.", a.Name())
		case a.Admin == admin:
			return portal.Errorf(portal.Conflict, "%s is no portal admin.", a.Name())
		case admin && a.State != portal.UserActive:
			return portal.Errorf(portal.Conflict, "The account of %s is %s. Only an active one can be a portal admin’s.", a.Name(), a.State)
		case !admin:
			kind = portal.AuditAdminUnmade
			if last, err := lastAdmin(t.ctx, t, a.User); err != nil {
				return err
			} else if last {
				return errLastAdmin
			}
			if err := t.endAdminsCopiedLinks(a.ID); err != nil {
				return err
			}
		}
		if _, err := t.exec(`UPDATE users SET admin = ? WHERE id = ?`, admin, a.ID); err != nil {
			return err
		}
		return t.audit(by, 0, kind, a.Email, "")
	})
}
