package db

import (
	"context"
	"database/sql"

	"portico/portal"
)

// Users lists accounts in one state, newest first,
// for admins; query finds by the beginnings of words in names and addresses.
func (s *Store) Users(ctx context.Context, by portal.Actor, state portal.UserState, query, cursor string) (portal.Slice[portal.User], error) {
	if !by.IsAdmin() {
		return portal.Slice[portal.User]{}, portal.ErrNotFound
	}
	v, err := s.sieve(ctx, searchUsers, everywhere, "u.id", query)
	if err != nil {
		return portal.Slice[portal.User]{}, err
	}
	args := append(append([]any{state, s.before("users", cursor)}, v.args...), portal.PageSize+1)
	// #nosec G202 -- the condition is one of ours; every value is bound
	rows, err := s.read.QueryContext(ctx, `SELECT `+userColumns+` FROM users u
		WHERE `+v.by("u.state")+` = ? AND u.id < ?`+v.where+` ORDER BY u.id DESC LIMIT ?`, args...)
	all, err := list(rows, err, func(r *sql.Rows) (portal.User, error) { return scanUser(r) })
	return pageOf(s, "users", all, func(u portal.User) int64 { return u.ID }), err
}

// UserCounts counts accounts by state, for admins.
func (s *Store) UserCounts(ctx context.Context, by portal.Actor) (map[portal.UserState]portal.Count, error) {
	if !by.IsAdmin() {
		return nil, portal.ErrNotFound
	}
	return countEach(ctx, s, portal.UserStates, `SELECT count(*) FROM (SELECT 1 FROM users WHERE state = ? LIMIT ?)`)
}

// User is one account, for admins.
func (s *Store) User(ctx context.Context, by portal.Actor, publicID string) (portal.User, error) {
	if !by.IsAdmin() {
		return portal.User{}, portal.ErrNotFound
	}
	u, err := scanUser(s.read.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users u WHERE u.public_id = ?`, publicID))
	return u, one(err)
}

// UserMemberships lists the organizations of one account, for admins.
func (s *Store) UserMemberships(ctx context.Context, by portal.Actor, u portal.User) ([]portal.Membership, error) {
	if !by.IsAdmin() {
		return nil, portal.ErrNotFound
	}
	return s.Memberships(ctx, portal.Actor{UserID: u.ID})
}

// ApproveUser lets a waiting account in; its owner is mailed.
func (s *Store) ApproveUser(ctx context.Context, by portal.Actor, publicID string) (portal.User, error) {
	var u portal.User
	err := s.changeAsAdmin(ctx, by, func(t *tx, by portal.Actor) error {
		a, err := t.account(`u.public_id = ?`, publicID)
		if err != nil {
			return err
		}
		u = a.User
		n, err := t.exec(`UPDATE users SET state = 'active', approved_by = ?, approved_at = ? WHERE id = ? AND state = 'waiting'`, by.UserID, millis(t.now), u.ID)
		if err != nil {
			return err
		}
		if n == 0 {
			return t.errNotWaiting(u)
		}
		if err := t.audit(by, 0, portal.AuditUserApproved, u.Email, ""); err != nil {
			return err
		}
		return t.tellApproved(u)
	})
	return u, err
}

func (t *tx) tellApproved(u portal.User) error {
	_, err := t.enqueue(letter{kind: portal.MailUserApproved, to: u.Email, toName: u.Name(), userID: u.ID,
		data: map[string]string{"name": u.Name()}, link: portal.MailLink{Path: "/login"}})
	return err
}

// errNotWaiting says who approved an account and when, if somebody did.
func (t *tx) errNotWaiting(u portal.User) error {
	var who string
	var at sql.NullInt64
	err := t.row(`SELECT COALESCE(a.first_name || ' ' || a.last_name, ''), u.approved_at FROM users u LEFT JOIN users a ON a.id = u.approved_by WHERE u.id = ?`, u.ID).Scan(&who, &at)
	if err != nil {
		return err
	}
	if who != "" {
		return portal.Errorf(portal.Conflict, "%s was approved by %s on %s.", u.Name(), who, fromNullMillis(at).Format(whenWords))
	}
	return portal.Errorf(portal.Conflict, "The account of %s is %s: there is nothing to decide.", u.Name(), u.State)
}

// Waits is what waits for a portal admin.
type Waits struct {
	Organizations portal.Count // pending requests
	Users         portal.Count // accounts waiting for approval
	FailedMail    portal.Count // given up, or refused so far
}

// Waits counts what waits for a portal admin, in one query.
func (s *Store) Waits(ctx context.Context, by portal.Actor) (Waits, error) {
	if !by.IsAdmin() {
		return Waits{}, portal.ErrNotFound
	}
	const most = portal.MaxCount + 1
	return remembered(ctx, s, waitsOf{}, func() (w Waits, err error) {
		return w, s.read.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM (SELECT 1 FROM organizations WHERE state = 'pending' LIMIT ?)),
		(SELECT count(*) FROM (SELECT 1 FROM users WHERE state = 'waiting' LIMIT ?)),
		(SELECT count(*) FROM (SELECT 1 FROM outbox m WHERE `+failing+` LIMIT ?))`, most, most, most).
			Scan(&w.Organizations, &w.Users, &w.FailedMail)
	})
}

type waitsOf struct{}
