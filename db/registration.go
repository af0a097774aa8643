package db

import (
	"context"
	"errors"

	"portico/portal"
)

// Register takes a registration. Its answer is the same whether the address has
// an account or not: look into your mail.
func (s *Store) Register(ctx context.Context, ip string, n portal.NewUser) error {
	set, err := s.Settings(ctx)
	if err != nil {
		return err
	}
	if !set.Register {
		return portal.ErrNotFound
	}
	n, email, err := n.Tidy(set.MinPassword)
	if err != nil {
		return err
	}
	var code int64
	if n.Code != "" {
		if code, err = s.tryCode(ctx, n.Code, ip); err != nil {
			return err
		}
	}
	if err := s.count(ctx, portal.LimitRegister, network(ip)); err != nil {
		return err
	}
	for again := true; again; {
		if again, err = s.register(ctx, ip, n, email, code); err != nil {
			return err
		}
	}
	return s.Asked(ctx)
}

// register notes that an account is asked for. It is to be done again if one has
// come or gone while the password was looked at.
func (s *Store) register(ctx context.Context, ip string, n portal.NewUser, email portal.Email, code int64) (again bool, err error) {
	hash, same, err := s.hashOrCompare(ctx, email.Key, n.Password)
	if err != nil {
		return false, err
	}
	err = s.inTx(ctx, func(t *tx) error {
		if set, err := t.settings(); err != nil || !set.Register {
			return errors.Join(err, onlyIf(err == nil, portal.ErrNotFound))
		}
		// What was asked before is answered first: it may be the same form, sent twice.
		for more := true; more; {
			var err error
			if more, err = t.answerNext(); err != nil {
				return err
			}
		}
		a, err := t.account(`u.email_key = ?`, email.Key)
		unproven, none := err == nil && a.State == portal.UserUnproven, portal.IsCode(err, portal.NotFound)
		if err != nil && !none {
			return err
		}
		if again = unproven && hash != "" || hash == "" && none; again {
			return nil
		}
		return t.ask(askRegistration, ask{First: n.First, Last: n.Last, Email: email, Hash: hash, Same: same, Code: code, IP: ip})
	})
	return again, err
}

// answerRegistration makes an account, or tells the owner of the one there is.
func (t *tx) answerRegistration(n ask) error {
	a, err := t.account(`u.email_key = ?`, n.Email.Key)
	if err == nil && n.Same && a.State == portal.UserUnproven {
		err = t.registeredWith(a.ID, n.Code)
	}
	if err == nil {
		return t.registeredAlready(a, n.Same)
	}
	if !portal.IsCode(err, portal.NotFound) {
		return err
	}
	if n.Hash == "" { // the account it was compared with is gone
		return nil
	}
	a, err = t.makeAccount(newAccount{NewUser: portal.NewUser{First: n.First, Last: n.Last}, email: n.Email, hash: n.Hash, state: portal.UserUnproven})
	if err != nil {
		return err
	}
	if err := t.registeredWith(a.ID, n.Code); err != nil {
		return err
	}
	if err := t.audit(a.self(n.IP), 0, portal.AuditRegistered, "", ""); err != nil {
		return err
	}
	return t.askForProof(a)
}

// hashOrCompare hashes a new account's password, or tells whether it is the one
// that an unproven account of that address has already. Both cost the same.
func (s *Store) hashOrCompare(ctx context.Context, emailKey, password string) (hash string, same bool, err error) {
	a, err := readAccount(ctx, s.read, `u.email_key = ?`, emailKey)
	if err == nil && a.State == portal.UserUnproven {
		same, err = s.hash.matches(ctx, password, a.hash)
		return "", same, err
	}
	if err != nil && !portal.IsCode(err, portal.NotFound) {
		return "", false, err
	}
	hash, err = s.hash.make(ctx, password)
	return hash, false, err
}

// onlyIf is err when the condition holds.
func onlyIf(condition bool, err error) error {
	if condition {
		return err
	}
	return nil
}

// count counts one event in a transaction of its own, so that it stays counted
// whatever comes after.
func (s *Store) count(ctx context.Context, l portal.Limit, subject string) error {
	return s.inTx(ctx, func(t *tx) error {
		_, err := t.limit(l, subject)
		return err
	})
}

// askForProof mails a link that proves the account's address; older ones end.
func (t *tx) askForProof(a account) error {
	expires := t.now.Add(portal.ProofLife)
	version := a.proofVersion + 1
	if _, err := t.exec(`UPDATE users SET proof_version = ?, proof_expires_at = ? WHERE id = ?`, version, millis(expires), a.ID); err != nil {
		return err
	}
	_, err := t.enqueue(letter{kind: portal.MailProve, to: a.Email, toName: a.Name(), userID: a.ID,
		data: map[string]string{"name": a.Name()},
		link: portal.MailLink{Purpose: portal.LinkProof, ID: a.PublicID, Version: version}})
	return err
}

// registeredAlready tells the owner of an address, by mail alone, that somebody
// registered with it again. Two unproven registrations with different passwords
// may be two people's: then whoever proves the address sets a new one.
func (t *tx) registeredAlready(a account, samePassword bool) error {
	if a.State == portal.UserUnproven && !samePassword {
		if _, err := t.exec(`UPDATE users SET doubtful = 1 WHERE id = ?`, a.ID); err != nil {
			return err
		}
	}
	if _, err := t.limit(portal.LimitProof, a.emailKey); portal.IsCode(err, portal.TooMany) {
		return nil // enough mail; the page says the same as ever
	} else if err != nil {
		return err
	}
	if a.State == portal.UserUnproven {
		return t.askForProof(a)
	}
	_, err := t.enqueue(letter{kind: portal.MailAlreadyRegistered, to: a.Email, toName: a.Name(), userID: a.ID,
		data: map[string]string{"name": a.Name()}, link: portal.MailLink{Path: "/login"}})
	return err
}

// AskForProof mails an unproven person their link once more.
func (s *Store) AskForProof(ctx context.Context, by portal.Actor) error {
	return s.change(ctx, by, func(t *tx, by portal.Actor) error {
		a, err := t.account(`u.id = ?`, by.UserID)
		if err != nil {
			return err
		}
		if a.State != portal.UserUnproven {
			return portal.Errorf(portal.Conflict, "Your address is confirmed already.")
		}
		if _, err := t.limit(portal.LimitProof, a.emailKey); err != nil {
			return err
		}
		if err := t.audit(by, 0, portal.AuditProofAsked, "", ""); err != nil {
			return err
		}
		return t.askForProof(a)
	})
}

var (
	errOlderLink   = portal.Errorf(portal.Gone, "This link is an older one: a newer mail was sent. Look for the newest.")
	errLinkExpired = portal.Errorf(portal.Gone, "This link has expired.")
	errLinkUsed    = portal.Errorf(portal.Gone, "This link has been used. There is nothing left to do.")
	errLinkCopied  = portal.Errorf(portal.Gone, "This link was copied, not mailed, so it proves nothing. Use the link in the mail itself.")
)

// ProofOf is what a link that proves an address opens, or why it is over.
func (s *Store) ProofOf(ctx context.Context, token string) (portal.Proof, error) {
	a, err := s.proof(ctx, s.read, token)
	p := portal.Proof{User: a.User, NewPassword: a.Doubtful}
	if err != nil {
		return p, err
	}
	code, org, works, err := registration(ctx, s, s.read, a.ID)
	if p.CodeEnded = code != 0 && !works; works {
		p.Joins = org
	}
	return p, err
}

func (s *Store) proof(ctx context.Context, q querier, token string) (account, error) {
	l, ok := s.Links().Parse(portal.LinkProof, token)
	if !ok {
		return account{}, portal.ErrNotFound
	}
	a, err := readAccount(ctx, q, `u.public_id = ?`, l.ID)
	if err != nil {
		return a, err
	}
	switch {
	case a.State != portal.UserUnproven:
		return a, errLinkUsed
	case l.Version != a.proofVersion:
		return a, errOlderLink
	case millis(s.Now()) >= a.proofExpires:
		return a, errLinkExpired
	}
	return a, s.mayProve(ctx, q, l)
}

// mayProve refuses a copied link as proof of an address. Only where no mail can
// be sent at all, a link that a portal admin handed on from a kept mail counts:
// there the admin vouches for the address.
func (s *Store) mayProve(ctx context.Context, q querier, l portal.Link) error {
	if l.Kind == portal.Mailed {
		return nil
	}
	smtp, err := s.smtp(ctx, q)
	if err != nil {
		return err
	}
	if smtp.On() {
		return errLinkCopied
	}
	return nil
}

// Prove proves the address that a link was mailed to. All sessions of the
// account end, but the one that presses the button if it is the account's own
// and the password stays.
func (s *Store) Prove(ctx context.Context, ip, token, newPassword string, session []byte) error {
	p, err := s.ProofOf(ctx, token)
	if err != nil {
		return err
	}
	hash := ""
	if p.NewPassword {
		if hash, err = s.newPassword(ctx, newPassword, p.Email); err != nil {
			return err
		}
		session = nil
	}
	return s.inTx(ctx, func(t *tx) error {
		a, err := s.proof(ctx, t, token)
		if err != nil {
			return err
		}
		if a.Doubtful != p.NewPassword {
			return portal.Errorf(portal.Conflict, "This account has changed meanwhile. Load the page again.")
		}
		if err := t.proved(a, hash, session, a.hasMembership, ip); err != nil {
			return err
		}
		return t.joinRegistered(a, ip)
	})
}

// newPassword checks a new password and hashes it.
func (s *Store) newPassword(ctx context.Context, password, email string) (string, error) {
	set, err := s.Settings(ctx)
	if err != nil {
		return "", err
	}
	if problem := portal.CheckPassword(password, set.MinPassword, email); problem != "" {
		return "", portal.Invalidf("password", "%s", problem)
	}
	return s.hash.make(ctx, password)
}

// proved makes an unproven account its mailbox's. hash is the new password's, ""
// to keep the old one; people who were invited, or have a code that works, need no
// approval.
func (t *tx) proved(a account, hash string, keepSession []byte, invited bool, ip string) error {
	set, err := t.settings()
	if err != nil {
		return err
	}
	_, _, code, err := registration(t.ctx, t.s, t, a.ID)
	if err != nil {
		return err
	}
	next := portal.AfterProof(set.ApproveUsers, invited || code)
	n, err := t.exec(`
		UPDATE users SET state = ?, doubtful = 0, proof_version = proof_version + 1, reset_version = reset_version + 1, reset_expires_at = 0,
			password_hash = CASE WHEN ? = '' THEN password_hash ELSE ? END
		WHERE id = ? AND state = 'unproven'`, next, hash, hash, a.ID)
	if err != nil {
		return err
	}
	if n == 0 {
		return errLinkUsed
	}
	if hash != "" { // it may have been set up by whoever had the old password
		if err := t.dropFactor(a.ID); err != nil {
			return err
		}
	}
	if err := t.endSessions(a.ID, keepSession); err != nil {
		return err
	}
	if err := t.audit(a.self(ip), 0, portal.AuditProved, "", ""); err != nil {
		return err
	}
	if next != portal.UserWaiting {
		return nil
	}
	return t.enqueueToAdmins(letter{kind: portal.MailUserWaiting,
		data: map[string]string{"name": a.Name(), "email": a.Email},
		link: portal.MailLink{Path: "/admin/users?state=waiting"}})
}
