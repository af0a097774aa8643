package db

import (
	"context"
	"database/sql"
	"errors"

	"portico/portal"
)

// emailChange is the address an account is about to get, and the account.
type emailChange struct {
	account
	new       portal.Email
	version   int64
	expiresAt int64 // 0: nothing is asked for
}

// AskForEmail mails a link to the address that the actor wants instead of
// theirs. Nothing changes until that address has proven itself. The answer is
// the same when the address has an account; then its owner is told by mail.
func (s *Store) AskForEmail(ctx context.Context, by portal.Actor, email string) error {
	e, problem := portal.ParseEmail(email)
	if problem != "" {
		return portal.Invalidf("email", "%s", problem)
	}
	return s.change(ctx, by, func(t *tx, by portal.Actor) error {
		a, err := t.account(`u.id = ?`, by.UserID)
		if err != nil {
			return err
		}
		if a.State == portal.UserUnproven {
			return portal.Errorf(portal.Conflict, "Confirm your present address first.")
		}
		if e.Key == a.emailKey {
			return portal.Invalidf("email", "This is your address already.")
		}
		if _, err := t.limit(portal.LimitEmail, who(by)); err != nil {
			return err
		}
		var version int64
		err = t.row(`INSERT INTO email_changes (user_id, email_key, email, version, expires_at) VALUES (?, ?, ?, 1, ?)
			ON CONFLICT (user_id) DO UPDATE SET email_key = excluded.email_key, email = excluded.email, version = email_changes.version + 1, expires_at = excluded.expires_at
			RETURNING version`, a.ID, e.Key, e.Display, millis(t.now.Add(portal.EmailLife))).Scan(&version)
		if err != nil {
			return err
		}
		if err := t.audit(by, 0, portal.AuditEmailAsked, e.Display, ""); err != nil {
			return err
		}
		if owner, err := t.account(`u.email_key = ?`, e.Key); err == nil {
			return t.registeredAlready(owner, true)
		} else if !portal.IsCode(err, portal.NotFound) {
			return err
		}
		if _, err := t.limit(portal.LimitProof, e.Key); portal.IsCode(err, portal.TooMany) {
			return nil // enough mail; the page says the same as ever
		} else if err != nil {
			return err
		}
		_, err = t.enqueue(letter{kind: portal.MailEmailProve, to: e.Display, toName: a.Name(), userID: a.ID,
			data: map[string]string{"name": a.Name()},
			link: portal.MailLink{Purpose: portal.LinkEmail, ID: a.PublicID, Version: version}})
		return err
	})
}

// NewEmail is the address that the actor has asked for and that has not proven
// itself yet, or "".
func (s *Store) NewEmail(ctx context.Context, by portal.Actor) (string, error) {
	var email string
	err := s.read.QueryRowContext(ctx, `SELECT email FROM email_changes WHERE user_id = ? AND expires_at > ?`, by.UserID, millis(s.Now())).Scan(&email)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return email, err
}

// KeepEmail takes back what AskForEmail has begun. Twice is no error.
func (s *Store) KeepEmail(ctx context.Context, by portal.Actor) error {
	return s.change(ctx, by, func(t *tx, by portal.Actor) error {
		if by.UserID == 0 {
			return portal.ErrNotFound
		}
		n, err := t.exec(`UPDATE email_changes SET expires_at = 0 WHERE user_id = ? AND expires_at > ?`, by.UserID, millis(t.now))
		if err != nil || n == 0 {
			return err
		}
		return t.audit(by, 0, portal.AuditEmailKept, "", "")
	})
}

// EmailChangeOf is whose address a link changes, and to what, or why it is over.
func (s *Store) EmailChangeOf(ctx context.Context, token string) (portal.EmailChange, error) {
	c, err := s.emailChange(ctx, s.read, token)
	return portal.EmailChange{User: c.User, New: c.new.Display}, err
}

func (s *Store) emailChange(ctx context.Context, q querier, token string) (emailChange, error) {
	l, ok := s.Links().Parse(portal.LinkEmail, token)
	if !ok {
		return emailChange{}, portal.ErrNotFound
	}
	a, err := readAccount(ctx, q, `u.public_id = ?`, l.ID)
	c := emailChange{account: a}
	if err != nil {
		return c, err
	}
	err = q.QueryRowContext(ctx, `SELECT email_key, email, version, expires_at FROM email_changes WHERE user_id = ?`, a.ID).
		Scan(&c.new.Key, &c.new.Display, &c.version, &c.expiresAt)
	if err != nil {
		return c, one(err)
	}
	switch {
	case !a.State.MaySignIn() || c.expiresAt == 0:
		return c, errLinkUsed
	case l.Version != c.version:
		return c, errOlderLink
	case millis(s.Now()) >= c.expiresAt:
		return c, errLinkExpired
	}
	return c, s.mayProve(ctx, q, l)
}

// ChangeEmail gives an account the address that a link was mailed to. Both
// addresses are told. Links mailed to the old one end, and so do all sessions but
// the one that presses the button, if it is the account's own.
func (s *Store) ChangeEmail(ctx context.Context, ip, token string, session []byte) (portal.EmailChange, error) {
	var done portal.EmailChange
	err := s.inTx(ctx, func(t *tx) error {
		c, err := s.emailChange(ctx, t, token)
		if err != nil {
			return err
		}
		done = portal.EmailChange{User: c.User, New: c.new.Display}
		_, err = t.exec(`UPDATE users SET email_key = ?, email = ?, reset_version = reset_version + 1, reset_expires_at = 0 WHERE id = ?`,
			c.new.Key, c.new.Display, c.ID)
		if isUnique(err) {
			return portal.Errorf(portal.Conflict, "This address has an account of its own by now, so nothing was changed.")
		} else if err != nil {
			return err
		}
		if err := t.dropEmailChange(c.ID); err != nil {
			return err
		}
		if err := t.endSessions(c.ID, session); err != nil {
			return err
		}
		u := c.User
		u.Email = c.new.Display
		if err := t.audit(c.self(ip), 0, portal.AuditEmailChanged, u.Email, changedFrom+c.Email); err != nil {
			return err
		}
		for _, to := range []string{c.Email, u.Email} {
			_, err := t.enqueue(letter{kind: portal.MailEmailChanged, to: to, toName: u.Name(), userID: u.ID,
				data: map[string]string{"name": u.Name(), "old_email": c.Email, "new_email": u.Email}, link: portal.MailLink{Path: "/profile"}})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return done, err
}

// changedFrom stands before an account's earlier address in the audit log.
const changedFrom = "from "

// dropEmailChange ends a change of address that is under way: whoever asked for
// it may not be who sets a new password.
func (t *tx) dropEmailChange(userID int64) error {
	_, err := t.exec(`UPDATE email_changes SET expires_at = 0 WHERE user_id = ?`, userID)
	return err
}
