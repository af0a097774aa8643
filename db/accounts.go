package db

import (
	"context"
	"errors"
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
	hash, same, err := s.hashOrCompare(ctx, email.Key, n.Password)
	if err != nil {
		return err
	}
	return s.inTx(ctx, func(t *tx) error {
		if set, err := t.settings(); err != nil || !set.Register {
			return errors.Join(err, onlyIf(err == nil, portal.ErrNotFound))
		}
		a, err := t.account(`u.email_key = ?`, email.Key)
		if err == nil && same && a.State == portal.UserUnproven {
			err = t.registeredWith(a.ID, code)
		}
		if err == nil {
			return t.registeredAlready(a, same)
		}
		if !portal.IsCode(err, portal.NotFound) {
			return err
		}
		if hash == "" { // the account it was compared with is gone
			return portal.Errorf(portal.Conflict, "Something has changed meanwhile. Send the form again.")
		}
		a, err = t.makeAccount(newAccount{NewUser: n, email: email, hash: hash, state: portal.UserUnproven})
		if err != nil {
			return err
		}
		if err := t.registeredWith(a.ID, code); err != nil {
			return err
		}
		if err := t.audit(a.self(ip), 0, portal.AuditRegistered, "", ""); err != nil {
			return err
		}
		return t.askForProof(a)
	})
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

var errSignIn = &portal.Error{Code: portal.Invalid, Message: "This address and password do not belong together. Check both, or use “Forgot password”."}

// SignIn checks a password and starts a session, or ends in ErrCodeNeeded. Unknown addresses, wrong
// passwords and deactivated accounts get one answer, at one cost.
func (s *Store) SignIn(ctx context.Context, email, password string, session NewSession) error {
	e, problem := portal.ParseEmail(email)
	if problem != "" {
		e.Key = "" // belongs to nobody, costs the same
	}
	a, err := s.checkPassword(ctx, e.Key, password, session.IP)
	if err != nil {
		return err
	}
	if !a.State.MaySignIn() {
		return errSignIn
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
func (s *Store) checkPassword(ctx context.Context, emailKey, password, ip string) (account, error) {
	var byAccount, byAddress int64
	subject := emailKey
	if subject == "" {
		subject = "no address, from " + network(ip) // one network's slips are not everybody's
	}
	err := s.inTx(ctx, func(t *tx) (err error) {
		if byAccount, err = t.limit(portal.LimitSignInAccount, subject); err != nil {
			return err
		}
		byAddress, err = t.limit(portal.LimitSignInAddress, network(ip))
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
	if !right {
		return a, errSignIn
	}
	return a, s.inTx(ctx, func(t *tx) error { return t.unlimit(byAccount, byAddress) })
}

// ForgotPassword mails a link that sets a new password, if the address has an
// account. The answer is the same if not.
func (s *Store) ForgotPassword(ctx context.Context, ip, email string) error {
	e, problem := portal.ParseEmail(email)
	if problem != "" {
		return portal.Invalidf("email", "%s", problem)
	}
	if err := s.count(ctx, portal.LimitReset, e.Key); err != nil {
		return err
	}
	return s.inTx(ctx, func(t *tx) error {
		a, err := t.account(`u.email_key = ?`, e.Key)
		if portal.IsCode(err, portal.NotFound) || err == nil && !a.State.MaySignIn() {
			return nil
		}
		if err != nil {
			return err
		}
		if err := t.audit(portal.Actor{IP: ip}, 0, portal.AuditResetAsked, a.Email, ""); err != nil {
			return err
		}
		return t.mailReset(a)
	})
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

// own checks the actor's own present password.
func (s *Store) own(ctx context.Context, by portal.Actor, password string) error {
	a, err := readAccount(ctx, s.read, `u.id = ?`, by.UserID)
	if err != nil {
		return err
	}
	_, err = s.checkPassword(ctx, a.emailKey, password, by.IP)
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
	if err := s.own(ctx, by, current); err != nil {
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
	if err := s.own(ctx, by, password); err != nil {
		return err
	}
	return s.change(ctx, by, func(t *tx, by portal.Actor) error {
		_, err := t.exec(`UPDATE sessions SET proof_at = ? WHERE hash = ? AND user_id = ?`, millis(t.now), session, by.UserID)
		return err
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
