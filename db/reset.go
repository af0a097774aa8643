package db

import (
	"context"
	"errors"

	"portico/portal"
)

// ForgotPassword mails a link that sets a new password, if the address has an
// account. The answer is the same if not.
func (s *Store) ForgotPassword(ctx context.Context, ip, email string) error {
	e, problem := portal.ParseEmail(email)
	if problem != "" {
		return portal.Invalidf("email", "%s", problem)
	}
	err := s.inTx(ctx, func(t *tx) error {
		if _, err := t.limit(portal.LimitReset, e.Key); err != nil {
			return err
		}
		return t.ask(askReset, ask{Email: e, IP: ip})
	})
	if err != nil {
		return err
	}
	return s.Asked(ctx)
}

// answerReset mails the owner of an account who has forgotten the password.
func (t *tx) answerReset(n ask) error {
	a, err := t.account(`u.email_key = ?`, n.Email.Key)
	if portal.IsCode(err, portal.NotFound) || err == nil && !a.State.MaySignIn() {
		return nil
	}
	if err != nil {
		return err
	}
	if err := t.audit(portal.Actor{IP: n.IP}, 0, portal.AuditResetAsked, a.Email, ""); err != nil {
		return err
	}
	return t.mailReset(a)
}

// mailReset mails a link that sets a new password; older ones end.
func (t *tx) mailReset(a account) error {
	version := a.resetVersion + 1
	if _, err := t.exec(`UPDATE users SET reset_version = ?, reset_expires_at = ? WHERE id = ?`,
		version, millis(t.now.Add(portal.ResetLife)), a.ID); err != nil {
		return err
	}
	_, err := t.enqueue(letter{kind: portal.MailReset, to: a.Email, toName: a.Name(), userID: a.ID,
		data: map[string]string{"name": a.Name()},
		link: portal.MailLink{Purpose: portal.LinkReset, ID: a.PublicID, Version: version}})
	return err
}

// ResetOf is whose password a reset link sets, or why it is over.
func (s *Store) ResetOf(ctx context.Context, token string) (portal.User, error) {
	a, err := s.reset(ctx, s.read, token)
	return a.User, err
}

func (s *Store) reset(ctx context.Context, q querier, token string) (account, error) {
	l, ok := s.Links().Parse(portal.LinkReset, token)
	if !ok {
		return account{}, portal.ErrNotFound
	}
	a, err := readAccount(ctx, q, `u.public_id = ?`, l.ID)
	if err != nil {
		return a, err
	}
	switch {
	case !a.State.MaySignIn():
		return a, errLinkUsed
	case l.Version < a.resetVersion && a.resetExpires != 0:
		return a, errOlderLink
	case l.Version != a.resetVersion || a.resetExpires == 0:
		return a, errLinkUsed
	case millis(s.Now()) >= a.resetExpires:
		return a, errLinkExpired
	}
	return a, s.mayProve(ctx, q, l)
}

// Reset sets a new password by a mailed link, once, and ends all sessions. The
// link was mailed, so it proves an unproven address too.
func (s *Store) Reset(ctx context.Context, ip, token, password string) error {
	u, err := s.ResetOf(ctx, token)
	if err != nil {
		return err
	}
	hash, err := s.newPassword(ctx, password, u.Email)
	if err != nil {
		return err
	}
	return s.inTx(ctx, func(t *tx) error {
		a, err := s.reset(ctx, t, token)
		if err != nil {
			return err
		}
		if a.State == portal.UserUnproven {
			if err := t.proved(a, hash, nil, a.hasMembership, ip); err != nil {
				return err
			}
			if err := t.joinRegistered(a, ip); err != nil {
				return err
			}
		} else if err := t.setPassword(a.ID, hash, nil); err != nil {
			return err
		}
		return t.audit(a.self(ip), 0, portal.AuditResetDone, "", "")
	})
}

// setPassword stores a new password; open reset links and other sessions end.
func (t *tx) setPassword(userID int64, hash string, keepSession []byte) error {
	if _, err := t.exec(`UPDATE users SET password_hash = ?, reset_version = reset_version + 1, reset_expires_at = 0 WHERE id = ?`, hash, userID); err != nil {
		return err
	}
	if err := t.dropEmailChange(userID); err != nil {
		return err
	}
	return t.endSessions(userID, keepSession)
}

// own checks the actor's own present password, typed in a session of theirs.
func (s *Store) own(ctx context.Context, by portal.Actor, password string, session []byte) error {
	a, err := readAccount(ctx, s.read, `u.id = ?`, by.UserID)
	if err == nil && !a.State.MaySignIn() {
		err = portal.ErrNotFound
	}
	if err != nil {
		return err
	}
	device, err := s.deviceOf(ctx, by.UserID, session)
	if err != nil {
		return err
	}
	_, err = s.checkPassword(ctx, a.emailKey, password, by.IP, device)
	if errors.Is(err, errSignIn) {
		return portal.Invalidf("current_password", "This is not your present password.")
	}
	return err
}

// ChangePassword replaces the actor's own password; other sessions end and this
// browser gets a new one.
func (s *Store) ChangePassword(ctx context.Context, by portal.Actor, current, next string, session NewSession) error {
	set, err := s.Settings(ctx)
	if err != nil {
		return err
	}
	if problem := portal.CheckPassword(next, set.MinPassword, by.Email); problem != "" {
		return portal.Invalidf("password", "%s", problem)
	}
	before, err := readAccount(ctx, s.read, `u.id = ?`, by.UserID)
	if err != nil {
		return err
	}
	if err := s.own(ctx, by, current, session.Old); err != nil {
		return err
	}
	hash, err := s.hash.make(ctx, next)
	if err != nil {
		return err
	}
	return s.change(ctx, by, func(t *tx, by portal.Actor) error {
		if now, err := t.account(`u.id = ?`, by.UserID); err != nil {
			return err
		} else if now.hash != before.hash {
			return portal.Errorf(portal.Conflict, "Your password was changed elsewhere just now. Nothing was changed here.")
		}
		if err := t.setPassword(by.UserID, hash, nil); err != nil {
			return err
		}
		if err := t.startSession(by.UserID, session); err != nil {
			return err
		}
		return t.audit(by, 0, portal.AuditPasswordChanged, "", "")
	})
}

// Reprove notes that the holder of a session has given their password again.
func (s *Store) Reprove(ctx context.Context, by portal.Actor, password string, session []byte) error {
	if err := s.own(ctx, by, password, session); err != nil {
		return err
	}
	return s.change(ctx, by, func(t *tx, by portal.Actor) error {
		_, err := t.exec(`UPDATE sessions SET proof_at = ? WHERE hash = ? AND user_id = ?`, millis(t.now), session, by.UserID)
		return err
	})
}
