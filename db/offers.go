package db

import (
	"context"
	"database/sql"
	"errors"

	"portico/portal"
)

// InvitationsFor lists the open invitations to the actor's own proven address.
func (s *Store) InvitationsFor(ctx context.Context, by portal.Actor) ([]portal.Waiting, error) {
	if by.State != portal.UserActive {
		return nil, nil
	}
	rows, err := s.read.QueryContext(ctx, `SELECT `+invitationColumns+`, o.public_id, o.name`+invitationTables+`
		JOIN organizations o ON o.id = i.org_id
		WHERE i.email_key = (SELECT email_key FROM users WHERE id = ?) AND i.state = 'pending' AND i.expires_at > ? AND o.state = 'active' AND `+inviterMay+`
		ORDER BY i.id DESC LIMIT ?`, by.UserID, millis(s.Now()), maxOwn)
	return list(rows, err, func(r *sql.Rows) (portal.Waiting, error) {
		var w portal.Waiting
		inv, err := scanInvitation(scanWith{r, []any{&w.Org.PublicID, &w.Org.Name}})
		w.Invitation = inv
		return w, err
	})
}

// scanWith scans further columns behind those of a shared scan function.
type scanWith struct {
	row  interface{ Scan(...any) error }
	more []any
}

func (s scanWith) Scan(dest ...any) error { return s.row.Scan(append(dest, s.more...)...) }

// Offer is what an invitation's link opens. Links that this installation never
// made are NotFound.
func (s *Store) Offer(ctx context.Context, token string) (portal.Offer, error) {
	return s.offer(ctx, s.read, token)
}

func (s *Store) offer(ctx context.Context, q querier, token string) (portal.Offer, error) {
	l, ok := s.Links().Parse(portal.LinkInvitation, token)
	if !ok {
		return portal.Offer{}, portal.ErrNotFound
	}
	inv, err := readInvitation(ctx, q, `i.public_id = ?`, l.ID)
	if err != nil {
		return portal.Offer{}, err
	}
	return s.offerOf(ctx, q, inv, l)
}

func (s *Store) offerOf(ctx context.Context, q querier, inv portal.Invitation, l portal.Link) (portal.Offer, error) {
	o := portal.Offer{Invitation: inv, Kind: l.Kind, Newer: l.Version != inv.Version}
	var created int64
	if err := q.QueryRowContext(ctx, `SELECT `+orgColumns+` FROM organizations o WHERE o.id = ?`, inv.OrgID).Scan(orgFields(&o.Org, &created)...); err != nil {
		return o, one(err)
	}
	err := q.QueryRowContext(ctx, `SELECT u.state, u.doubtful, EXISTS (SELECT 1 FROM memberships WHERE org_id = ? AND user_id = u.id) FROM users u WHERE u.email_key = ?`,
		inv.OrgID, inv.EmailKey).Scan(&o.Account, &o.Doubtful, &o.Member)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return o, err
}

// Accept makes the signed-in, invited person a member. A mailed link proves an
// unproven address; a copied one leaves it unproven.
func (s *Store) Accept(ctx context.Context, by portal.Actor, token string, session NewSession) (portal.Organization, error) {
	var org portal.Organization
	err := s.change(ctx, by, func(t *tx, by portal.Actor) error {
		o, err := s.offer(ctx, t, token)
		if err != nil {
			return err
		}
		org = o.Org
		return t.accept(by, o, session)
	})
	return org, err
}

// AcceptWaiting is Accept without a link, by match of the actor's proven address.
func (s *Store) AcceptWaiting(ctx context.Context, by portal.Actor, publicID string, session NewSession) (portal.Organization, error) {
	var org portal.Organization
	err := s.change(ctx, by, func(t *tx, by portal.Actor) error {
		o, err := t.offerTo(by, publicID)
		if err != nil {
			return err
		}
		org = o.Org
		return t.accept(by, o, session)
	})
	return org, err
}

// offerTo is an invitation to the actor's own proven address.
func (t *tx) offerTo(by portal.Actor, publicID string) (portal.Offer, error) {
	if by.State != portal.UserActive {
		return portal.Offer{}, portal.ErrNotFound
	}
	inv, err := t.invitation(`i.public_id = ? AND i.email_key = (SELECT email_key FROM users WHERE id = ?)`, publicID, by.UserID)
	if err != nil {
		return portal.Offer{}, err
	}
	return t.s.offerOf(t.ctx, t, inv, portal.Link{Kind: portal.Mailed, Version: inv.Version})
}

func (t *tx) accept(by portal.Actor, o portal.Offer, session NewSession) error {
	a, err := t.account(`u.id = ?`, by.UserID)
	if err != nil {
		return err
	}
	if a.emailKey != o.EmailKey {
		return portal.Errorf(portal.Forbidden, "This invitation was sent to another address.")
	}
	if o.Member {
		return portal.Errorf(portal.Conflict, "You are a member of %s already.", o.Org.Name)
	}
	if err := o.Open(t.now); err != nil {
		return err
	}
	proof, err := t.proofOf(session)
	if err != nil {
		return err
	}
	switch {
	case a.Doubtful && o.Kind == portal.Mailed:
		// The mailbox's owner may be somebody else than who set the password.
		return portal.Errorf(portal.Conflict, "Confirm your address first, with the link that your profile can send you.")
	case a.State == portal.UserUnproven && o.Kind == portal.Mailed:
		if err := t.proved(a, "", nil, true, by.IP); err != nil {
			return err
		}
	case a.State == portal.UserUnproven:
		if _, err := t.exec(`UPDATE users SET doubtful = 1 WHERE id = ?`, a.ID); err != nil {
			return err
		}
	case a.State == portal.UserWaiting:
		if _, err := t.exec(`UPDATE users SET state = 'active' WHERE id = ? AND state = 'waiting'`, a.ID); err != nil {
			return err
		}
	}
	if err := t.admit(by, o, a); err != nil {
		return err
	}
	if a.State == portal.UserUnproven && o.Kind == portal.Mailed {
		if err := t.joinRegistered(a, by.IP); err != nil {
			return err
		}
	}
	if err := t.startSession(a.ID, session); err != nil {
		return err
	}
	// A press on Accept proves no password.
	_, err = t.exec(`UPDATE sessions SET proof_at = ? WHERE hash = ?`, proof, session.Hash)
	return err
}

// admit turns an open invitation into a membership, once.
func (t *tx) admit(by portal.Actor, o portal.Offer, a account) error {
	if o.Role == portal.TeamMember {
		if err := t.needsSuperAdmin(o.OrgID, o.Org.Name+" has no Super admin yet. Ask its Super admin to join first."); err != nil {
			return err
		}
	}
	if err := t.decide(by, o.Invitation, portal.InvitationAccepted); err != nil {
		return err
	}
	if err := t.join(o.OrgID, a.ID, o.Role, o.First, o.Last); err != nil {
		return err
	}
	if err := t.joinInvitedTeams(o.Invitation, a.ID); err != nil {
		return err
	}
	by.OrgID = o.OrgID
	if err := t.audit(by, o.OrgID, portal.AuditJoined, o.Org.Name, "as "+o.Role.Words()); err != nil {
		return err
	}
	path := "/o/" + o.Org.PublicID + "/users"
	var inside int
	if err := t.row(`SELECT count(*) FROM memberships WHERE org_id = ? AND user_id = ?`, o.OrgID, o.InviterID).Scan(&inside); err != nil {
		return err
	}
	if inside == 0 {
		path = "/admin/organizations/" + o.Org.PublicID + "/users"
	}
	_, err := t.enqueue(letter{kind: portal.MailAccepted, to: o.InviterEmail, toName: o.InviterName, userID: o.InviterID, orgID: o.OrgID,
		data: map[string]string{"name": o.Name(), "email": o.Email, "organization": o.Org.Name, "role": o.Role.Words(), "inviter": o.InviterName},
		link: portal.MailLink{Path: path}})
	return err
}

// Join registers the invited person by the link and makes them a member at once.
// By a mailed link the address is proven and nobody's approval is needed; by a
// copied one the person stays unproven. joined is false when a copied link met
// an address that has an account: then its owner is told by mail, and the answer
// says only "look into your mail".
func (s *Store) Join(ctx context.Context, ip, token string, n portal.NewUser, session NewSession) (org portal.Organization, joined bool, err error) {
	o, err := s.Offer(ctx, token)
	if err != nil {
		return org, false, err
	}
	if err := o.Open(s.Now()); err != nil {
		return org, false, err
	}
	n.Email = o.Email // the address is fixed, whatever the form says
	set, err := s.Settings(ctx)
	if err != nil {
		return org, false, err
	}
	n, email, err := n.Tidy(set.MinPassword)
	if err != nil {
		return org, false, err
	}
	if err := s.count(ctx, portal.LimitRegister, network(ip)); err != nil {
		return org, false, err
	}
	hash, err := s.hash.make(ctx, n.Password)
	if err != nil {
		return org, false, err
	}
	err = s.inTx(ctx, func(t *tx) error {
		o, err := s.offer(ctx, t, token)
		if err != nil {
			return err
		}
		if err := o.Open(s.Now()); err != nil {
			return err
		}
		o.First, o.Last = n.First, n.Last
		org = o.Org
		a, err := t.account(`u.email_key = ?`, email.Key)
		switch {
		case portal.IsCode(err, portal.NotFound):
			state := portal.UserActive
			if o.Kind == portal.Copied {
				state = portal.UserUnproven
			}
			if a, err = t.makeAccount(newAccount{NewUser: n, email: email, hash: hash, state: state, doubtful: o.Kind == portal.Copied}); err != nil {
				return err
			}
			if err := t.audit(a.self(ip), 0, portal.AuditRegistered, "", "by an invitation"); err != nil {
				return err
			}
			if state == portal.UserUnproven {
				if err := t.askForProof(a); err != nil {
					return err
				}
			}
		case err != nil:
			return err
		case o.Kind == portal.Copied:
			return t.registeredAlready(a, false)
		case a.State != portal.UserUnproven || o.Member:
			return portal.Errorf(portal.Conflict, "There is an account for %s already. Sign in to accept.", o.Email)
		default:
			// Whoever registered this address before has never proven it: the
			// mailbox's owner takes the account over.
			if _, err := t.exec(`UPDATE users SET first_name = ?, last_name = ? WHERE id = ?`, n.First, n.Last, a.ID); err != nil {
				return err
			}
			a.First, a.Last = n.First, n.Last
			if err := t.proved(a, hash, nil, true, ip); err != nil {
				return err
			}
			// So may the code be that they had.
			if _, err := t.exec(`DELETE FROM code_registrations WHERE user_id = ?`, a.ID); err != nil {
				return err
			}
		}
		joined = true
		if err := t.admit(a.self(ip), o, a); err != nil {
			return err
		}
		return t.startSession(a.ID, session)
	})
	return org, joined && err == nil, err
}

// Decline refuses an invitation: by its link, when the link was mailed or the
// invited person is signed in.
func (s *Store) Decline(ctx context.Context, by portal.Actor, token string) (portal.Organization, error) {
	var org portal.Organization
	err := s.change(ctx, by, func(t *tx, by portal.Actor) error {
		o, err := s.offer(ctx, t, token)
		if err != nil {
			return err
		}
		org = o.Org
		if by.UserID == 0 && o.Kind == portal.Copied {
			return portal.Errorf(portal.Forbidden, "Sign in as %s to decline.", o.Email)
		} else if by.UserID == 0 {
			by.Name, by.Email = o.Name(), o.Email
		} else if a, err := t.account(`u.id = ?`, by.UserID); err != nil {
			return err
		} else if a.emailKey != o.EmailKey {
			return portal.Errorf(portal.Forbidden, "This invitation was sent to another address.")
		}
		return t.decline(by, o)
	})
	return org, err
}

// DeclineWaiting is Decline without a link, by match of the actor's proven address.
func (s *Store) DeclineWaiting(ctx context.Context, by portal.Actor, publicID string) (portal.Organization, error) {
	var org portal.Organization
	err := s.change(ctx, by, func(t *tx, by portal.Actor) error {
		o, err := t.offerTo(by, publicID)
		if err != nil {
			return err
		}
		org = o.Org
		return t.decline(by, o)
	})
	return org, err
}

func (t *tx) decline(by portal.Actor, o portal.Offer) error {
	if err := o.Open(t.now); err != nil {
		return err
	}
	if err := t.decide(by, o.Invitation, portal.InvitationDeclined); err != nil {
		return err
	}
	return t.audit(by, o.OrgID, portal.AuditInvitationDeclined, o.Email, "")
}

// AskAgain asks for a new invitation when a link has expired or its inviter may
// not invite any more: the inviter is mailed, or else the Super admins, or else
// the portal admins.
func (s *Store) AskAgain(ctx context.Context, ip, token string) (portal.Organization, error) {
	var org portal.Organization
	err := s.inTx(ctx, func(t *tx) error {
		o, err := s.offer(ctx, t, token)
		if err != nil {
			return err
		}
		org = o.Org
		if !o.MayAskAgain(t.now) {
			return portal.Errorf(portal.Conflict, "There is nothing to ask for: this invitation is %s.", o.State(t.now))
		}
		if _, err := t.limit(portal.LimitAskAgain, o.PublicID); err != nil {
			return err
		}
		if err := t.audit(portal.Actor{Name: o.Name(), Email: o.Email, IP: ip}, o.OrgID, portal.AuditInvitationAsked, o.Email, ""); err != nil {
			return err
		}
		l := letter{kind: portal.MailAskAgain, orgID: o.OrgID,
			data: map[string]string{"name": o.Name(), "email": o.Email, "organization": org.Name},
			link: portal.MailLink{Path: "/o/" + org.PublicID + "/users"}}
		if o.InviterMay {
			l.to, l.toName, l.userID = o.InviterEmail, o.InviterName, o.InviterID
			var inside int
			if err := t.row(`SELECT count(*) FROM memberships WHERE org_id = ? AND user_id = ?`, o.OrgID, o.InviterID).Scan(&inside); err != nil {
				return err
			}
			if inside == 0 {
				l.link.Path = "/admin/organizations/" + org.PublicID + "/users"
			}
			_, err = t.enqueue(l)
			return err
		}
		told, err := t.tellSuperAdmins(l, 0)
		if err != nil || told > 0 {
			return err
		}
		l.link.Path = "/admin/organizations/" + org.PublicID + "/users"
		return t.enqueueToAdmins(l)
	})
	return org, err
}
