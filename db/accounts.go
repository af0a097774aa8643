package db

import (
	"context"
	"fmt"

	"portico/portal"
)

// account is a user with what only this package needs to know.
type account struct {
	portal.User
	hash          string
	proofVersion  int64
	proofExpires  int64
	resetVersion  int64
	resetExpires  int64
	emailKey      string
	hasMembership bool
}

const accountColumns = userColumns + `, u.password_hash, u.proof_version, u.proof_expires_at, u.reset_version, u.reset_expires_at, u.email_key,
	EXISTS (SELECT 1 FROM memberships WHERE user_id = u.id)`

func readAccount(ctx context.Context, q querier, where string, arg any) (account, error) {
	var a account
	var created int64
	err := q.QueryRowContext(ctx, `SELECT `+accountColumns+` FROM users u WHERE `+where, arg).
		Scan(append(userFields(&a.User, &created), &a.hash, &a.proofVersion, &a.proofExpires, &a.resetVersion, &a.resetExpires, &a.emailKey, &a.hasMembership)...)
	a.CreatedAt = fromMillis(created)
	return a, one(err)
}

func (t *tx) account(where string, arg any) (account, error) {
	return readAccount(t.ctx, t, where, arg)
}

// self is the account as an actor, for the audit log of what people do before
// they are signed in.
func (a account) self(ip string) portal.Actor {
	return portal.Actor{UserID: a.ID, Name: a.Name(), Email: a.Email, State: a.State, Admin: a.Admin, IP: ip}
}

type newAccount struct {
	portal.NewUser
	email    portal.Email
	hash     string
	state    portal.UserState
	admin    bool
	doubtful bool
}

// makeAccount inserts a user. A taken address is a unique violation, which the
// callers that can meet one have ruled out inside the same transaction.
func (t *tx) makeAccount(n newAccount) (account, error) {
	_, err := t.exec(`
		INSERT INTO users (public_id, email_key, email, first_name, last_name, password_hash, state, admin, doubtful, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		newID(), n.email.Key, n.email.Display, n.First, n.Last, n.hash, n.state, n.admin, n.doubtful, millis(t.now))
	if err != nil {
		return account{}, fmt.Errorf("insert user: %w", err)
	}
	return t.account(`u.email_key = ?`, n.email.Key)
}

// HasAdmin reports whether any portal admin exists.
func (s *Store) HasAdmin(ctx context.Context) (bool, error) {
	return hasAdmin(ctx, s.read)
}

func hasAdmin(ctx context.Context, q querier) (bool, error) {
	var n int
	err := q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM users WHERE admin = 1)`).Scan(&n)
	return n == 1, err
}

// SetUp makes the first portal admin and signs them in. Of two that race one
// wins; after that there is nothing to set up.
func (s *Store) SetUp(ctx context.Context, n portal.NewUser, session NewSession) error {
	return s.makeAdmin(ctx, n, session.IP, func(t *tx, a account) error {
		return t.startSession(a.ID, session)
	}, true)
}

// CreateAdmin makes a portal admin, or makes an existing account one and gives
// it the password, which is enough to sign in then. It is for the shell of the machine, which may do anything.
func (s *Store) CreateAdmin(ctx context.Context, n portal.NewUser) error {
	return s.makeAdmin(ctx, n, "shell", func(*tx, account) error { return nil }, false)
}

func (s *Store) makeAdmin(ctx context.Context, n portal.NewUser, ip string, then func(*tx, account) error, first bool) error {
	set, err := s.Settings(ctx)
	if err != nil {
		return err
	}
	n, email, err := n.Tidy(set.MinPassword)
	if err != nil {
		return err
	}
	hash, err := s.hash.make(ctx, n.Password)
	if err != nil {
		return err
	}
	return s.inTx(ctx, func(t *tx) error {
		if exists, err := hasAdmin(ctx, t); err != nil {
			return err
		} else if exists && first {
			return portal.ErrNotFound
		}
		a, err := t.account(`u.email_key = ?`, email.Key)
		if portal.IsCode(err, portal.NotFound) {
			a, err = t.makeAccount(newAccount{NewUser: n, email: email, hash: hash, state: portal.UserActive, admin: true})
		} else if err == nil {
			if a.State == portal.UserDeleted {
				return portal.ErrNotFound
			}
			_, err = t.exec(`UPDATE users SET admin = 1, state = 'active', doubtful = 0, password_hash = ?, first_name = ?, last_name = ?,
				reset_version = reset_version + 1, reset_expires_at = 0 WHERE id = ?`, hash, n.First, n.Last, a.ID)
			if err == nil { // the shell is the way back in for an admin who is locked out
				err = t.dropFactor(a.ID)
			}
			if err == nil { // which whoever has locked them out may have asked for
				err = t.dropEmailChange(a.ID)
			}
			if err == nil {
				err = t.endSessions(a.ID, nil)
			}
			a.First, a.Last = n.First, n.Last
		}
		if err != nil {
			return err
		}
		if err := t.audit(a.self(ip), 0, portal.AuditAdminCreated, "", ""); err != nil {
			return err
		}
		return then(t, a)
	})
}

// SaveProfile changes the actor's own names, in the account and in each
// membership. It never touches the password.
func (s *Store) SaveProfile(ctx context.Context, by portal.Actor, first, last string) error {
	first, last, err := portal.TidyPerson(first, last)
	if err != nil {
		return err
	}
	return s.change(ctx, by, func(t *tx, by portal.Actor) error {
		if by.UserID == 0 {
			return portal.ErrNotFound
		}
		a, err := t.account(`u.id = ?`, by.UserID)
		if err != nil {
			return err
		}
		if _, err := t.exec(`UPDATE users SET first_name = ?, last_name = ? WHERE id = ?`, first, last, a.ID); err != nil {
			return err
		}
		if _, err := t.exec(`UPDATE memberships SET first_name = ?, last_name = ? WHERE user_id = ?`, first, last, a.ID); err != nil {
			return err
		}
		old := a.Name()
		a.First, a.Last = first, last
		if old == a.Name() {
			return nil
		}
		return t.audit(by, 0, portal.AuditProfileChanged, "", "from "+old+" to "+a.Name())
	})
}
