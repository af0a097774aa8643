package db

import (
	"context"
	"errors"

	"portico/portal"
)

var errSignIn = &portal.Error{Code: portal.Invalid, Message: "This address and password do not belong together. Check both, or use “Forgot password”."}

// SignIn checks a password and starts a session, or ends in ErrCodeNeeded. Unknown addresses, wrong
// passwords and deactivated accounts get one answer, at one cost.
func (s *Store) SignIn(ctx context.Context, email, password string, session NewSession) error {
	e, problem := portal.ParseEmail(email)
	if problem != "" {
		e.Key = "" // belongs to nobody, costs the same
	}
	a, err := s.checkPassword(ctx, e.Key, password, session.IP, session.OldDevice)
	if err != nil {
		return err
	}
	codeNeeded := false
	err = s.inTx(ctx, func(t *tx) error {
		fresh, err := t.account(`u.id = ?`, a.ID)
		if err != nil {
			return err
		}
		if fresh.hash != a.hash || !fresh.State.MaySignIn() {
			return errSignIn
		}
		if err := t.mayComeIn(fresh); err != nil {
			return err
		}
		if codeNeeded, err = factorOn(ctx, t, fresh.ID); err != nil {
			return err
		} else if codeNeeded {
			return t.startSignIn(fresh.ID, session)
		}
		if err := t.startSession(fresh.ID, session); err != nil {
			return err
		}
		return t.audit(fresh.self(session.IP), 0, portal.AuditSignedIn, "", "")
	})
	if err == nil && codeNeeded {
		err = ErrCodeNeeded
	}
	return err
}

// mayComeIn refuses consumers while signing in is switched off.
func (t *tx) mayComeIn(a account) error {
	set, err := t.settings()
	if err == nil && !set.SignIn && !a.Admin {
		err = portal.Errorf(portal.Invalid, "Signing in is switched off at the moment. Please come back later.")
	}
	return err
}

// checkPassword is the one place where passwords are tried. An attempt is
// counted before the password is looked at, so that parallel guesses count too,
// and taken back when it was right.
func (s *Store) checkPassword(ctx context.Context, emailKey, password, ip string, device []byte) (account, error) {
	var counted []int64
	err := s.inTx(ctx, func(t *tx) (err error) {
		counted, err = t.attempts(emailKey, ip, device)
		return err
	})
	if err != nil {
		return account{}, err
	}
	a, err := readAccount(ctx, s.read, `u.email_key = ?`, emailKey)
	if err != nil && !portal.IsCode(err, portal.NotFound) {
		return a, err
	}
	right, err := s.hash.matches(ctx, password, a.hash)
	if err != nil {
		return a, err
	}
	if !right || !a.State.MaySignIn() {
		return a, errSignIn
	}
	return a, s.inTx(ctx, func(t *tx) error { return t.unlimit(counted...) })
}

// ErrCodeNeeded is how SignIn ends when the password was right and the account
// has a second factor: nobody is signed in before SignInByCode.
var ErrCodeNeeded = errors.New("the code of the second factor is needed")

// startSignIn notes that a browser has given an account's password.
func (t *tx) startSignIn(userID int64, n NewSession) error {
	if err := t.leaveBrowser(n); err != nil {
		return err
	}
	_, err := t.exec(`INSERT INTO sign_ins (hash, user_id, expires_at) VALUES (?, ?, ?)`, n.Hash, userID, millis(t.now.Add(portal.SignInLife)))
	return err
}

// leaveBrowser ends what the browser of a new session held before.
func (t *tx) leaveBrowser(n NewSession) error {
	if _, err := t.exec(`DELETE FROM sessions WHERE hash = ?`, n.Old); err != nil {
		return err
	}
	_, err := t.exec(`DELETE FROM sign_ins WHERE hash = ?`, n.Old)
	return err
}

// HalfSignedIn is who has given their password in the browser with that hash and
// owes the code, or NotFound.
func (s *Store) HalfSignedIn(ctx context.Context, hash []byte) (portal.User, error) {
	a, err := s.halfSignedIn(ctx, s.read, hash)
	return a.User, err
}

func (s *Store) halfSignedIn(ctx context.Context, q querier, hash []byte) (account, error) {
	var userID int64
	err := q.QueryRowContext(ctx, `SELECT user_id FROM sign_ins WHERE hash = ? AND expires_at > ?`, hash, millis(s.Now())).Scan(&userID)
	if err != nil {
		return account{}, one(err)
	}
	a, err := readAccount(ctx, q, `u.id = ?`, userID)
	if err == nil && !a.State.MaySignIn() {
		err = portal.ErrNotFound
	}
	return a, err
}

// SignInByCode is the second step of signing in, in the browser that has made the
// first: by a code of the app, or by a recovery code, each of which works once.
func (s *Store) SignInByCode(ctx context.Context, code string, session NewSession) error {
	wrong := false
	err := s.inTx(ctx, func(t *tx) error {
		a, err := s.halfSignedIn(ctx, t, session.Old)
		if err != nil {
			return err
		}
		if err := t.mayComeIn(a); err != nil {
			return err
		}
		try, err := t.limit(portal.LimitCode, who(a.self(session.IP)))
		if err != nil {
			return err
		}
		detail, ok, err := t.useCode(a, portal.TidyCode(code))
		if err != nil {
			return err
		}
		if wrong = !ok; wrong {
			return nil // the attempt stays counted
		}
		if err := t.unlimit(try); err != nil {
			return err
		}
		if err := t.startSession(a.ID, session); err != nil {
			return err
		}
		return t.audit(a.self(session.IP), 0, portal.AuditSignedIn, "", detail)
	})
	if err == nil && wrong {
		err = portal.Invalidf("code", "This code is not right, or has been used. Wait for the next one.")
	}
	return err
}

// useCode uses up a code, if it is one of the account's.
func (t *tx) useCode(a account, code string) (detail string, ok bool, err error) {
	f, err := t.s.factor(t.ctx, t, a.ID)
	if err != nil {
		return "", false, err
	}
	if step, ok := portal.MatchFactor(f.secret, code, t.now, f.last); ok {
		_, err := t.exec(`UPDATE second_factors SET last_step = ? WHERE user_id = ?`, step, a.ID)
		return "with a code", true, err
	}
	n, err := t.exec(`UPDATE recovery_codes SET used_at = ? WHERE user_id = ? AND hash = ? AND used_at IS NULL`, millis(t.now), a.ID, hashRecoveryCode(code))
	return "with a recovery code", n == 1, err
}
