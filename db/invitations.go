package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"portico/portal"
)

// An inviter may invite while they are an active portal admin or an active Super
// admin of the organization (or an unproven one, who is at home there). That
// link_id is not empty is said for the partial index outbox_by_link.
const invitationColumns = `i.id, i.public_id, i.org_id, i.email, i.email_key, i.first_name, i.last_name, i.role, i.state, i.version, i.expires_at, i.created_at,
	i.inviter_id, COALESCE(im.first_name, iu.first_name), COALESCE(im.last_name, iu.last_name), iu.email, iu.state <> 'unproven',
	(iu.state IN ('active', 'waiting', 'unproven') AND im.role IS NOT NULL AND im.role = 'super_admin') OR (iu.state = 'active' AND iu.admin = 1),
	COALESCE((SELECT CASE WHEN x.state = 'queued' AND x.error <> '' THEN 'failed' ELSE x.state END FROM outbox x WHERE x.link_id = i.public_id AND x.link_id <> '' AND x.link_version = i.version ORDER BY x.id DESC LIMIT 1), '')`

const invitationTables = ` FROM invitations i JOIN users iu ON iu.id = i.inviter_id
	LEFT JOIN memberships im ON im.org_id = i.org_id AND im.user_id = i.inviter_id `

func scanInvitation(row interface{ Scan(...any) error }) (portal.Invitation, error) {
	var i portal.Invitation
	var expires, created int64
	var first, last string
	err := row.Scan(&i.ID, &i.PublicID, &i.OrgID, &i.Email, &i.EmailKey, &i.First, &i.Last, &i.Role, &i.Stored, &i.Version, &expires, &created,
		&i.InviterID, &first, &last, &i.InviterEmail, &i.InviterProven, &i.InviterMay, &i.MailState)
	i.InviterName = portal.FullName(first, last)
	i.ExpiresAt, i.CreatedAt = fromMillis(expires), fromMillis(created)
	return i, one(err)
}

func readInvitation(ctx context.Context, q querier, where string, args ...any) (portal.Invitation, error) {
	return scanInvitation(q.QueryRowContext(ctx, `SELECT `+invitationColumns+invitationTables+` WHERE `+where, args...))
}

func (t *tx) invitation(where string, args ...any) (portal.Invitation, error) {
	return readInvitation(t.ctx, t, where, args...)
}

// Invite offers a membership of the actor's organization to an address.
func (s *Store) Invite(ctx context.Context, by portal.Actor, n portal.NewInvitation) (portal.Invitation, error) {
	var inv portal.Invitation
	err := s.changeIn(ctx, by, portal.ManageMembers, func(t *tx, by portal.Actor, o portal.Organization) (err error) {
		inv, err = t.invite(by, o, n)
		return err
	})
	return inv, err
}

func (t *tx) invite(by portal.Actor, o portal.Organization, n portal.NewInvitation) (portal.Invitation, error) {
	n, email, err := n.Tidy()
	if err != nil {
		return portal.Invitation{}, err
	}
	if !by.MayGrant(n.Role) {
		return portal.Invitation{}, portal.Errorf(portal.Forbidden, "You may not invite a %s.", n.Role.Words())
	}
	if member, err := t.isMember(o.ID, email.Key); err != nil {
		return portal.Invitation{}, err
	} else if member {
		return portal.Invitation{}, portal.Errorf(portal.Conflict, "%s is a member of %s already.", email.Display, o.Name)
	}
	if n.Role == portal.TeamMember {
		if err := t.needsSuperAdmin(o.ID, "Invite a Super admin first: "+o.Name+" has none yet."); err != nil {
			return portal.Invitation{}, err
		}
	}
	old, err := t.invitation(`i.org_id = ? AND i.email_key = ? AND i.state = 'pending'`, o.ID, email.Key)
	if err == nil {
		if old.State(t.now) == portal.InvitationPending {
			return old, &portal.Error{Code: portal.Conflict, Ref: old.PublicID,
				Message: email.Display + " has been invited already. You can resend that invitation."}
		}
		// An expired or void one is sent again, as it is typed now.
		return t.resend(by, o, old, &n)
	}
	if !portal.IsCode(err, portal.NotFound) {
		return old, err
	}
	var pending int
	if err := t.row(`SELECT count(*) FROM invitations WHERE org_id = ? AND state = 'pending'`, o.ID).Scan(&pending); err != nil {
		return old, err
	}
	if pending >= portal.MaxPendingInvitations {
		return old, portal.Errorf(portal.Conflict, "There are %d open invitations, which is the most. Revoke some first.", pending)
	}
	if _, err := t.limit(portal.LimitInvite, who(by)); err != nil {
		return old, err
	}
	set, err := t.settings()
	if err != nil {
		return old, err
	}
	// After a revocation it is the same mail to the same person once more.
	var before int
	if err := t.row(`SELECT EXISTS (SELECT 1 FROM invitations WHERE org_id = ? AND email_key = ? AND state IN ('revoked', 'declined') AND decided_at > ?)`,
		o.ID, email.Key, millis(t.now.Add(-portal.LimitResendDay.Window))).Scan(&before); err != nil {
		return old, err
	}
	if before > 0 {
		if err := t.limitResends(o.ID, email.Key); err != nil {
			return old, err
		}
	}
	id := newID()
	if _, err := t.exec(`
		INSERT INTO invitations (public_id, org_id, email_key, email, first_name, last_name, role, state, expires_at, inviter_id, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?)`,
		id, o.ID, email.Key, email.Display, n.First, n.Last, n.Role, millis(t.now.Add(set.InvitationLife)), by.UserID, millis(t.now)); err != nil {
		return old, fmt.Errorf("insert invitation: %w", err)
	}
	if err := t.setInvitedTeams(o, id, n.Teams); err != nil {
		return old, err
	}
	if err := t.audit(by, o.ID, portal.AuditInvited, email.Display, "as "+n.Role.Words()); err != nil {
		return old, err
	}
	return t.sendInvitation(by, o, id)
}

// needsSuperAdmin refuses with message while the organization has no Super admin
// who can act.
func (t *tx) needsSuperAdmin(orgID int64, message string) error {
	var n int
	err := t.row(`SELECT EXISTS (SELECT 1 FROM memberships m JOIN users u ON u.id = m.user_id
		WHERE m.org_id = ? AND m.role = 'super_admin' AND u.state IN ('active', 'waiting', 'unproven'))`, orgID).Scan(&n)
	if err == nil && n == 0 {
		return portal.Errorf(portal.Conflict, "%s", message)
	}
	return err
}

// sendInvitation queues the mail of an invitation's present version.
func (t *tx) sendInvitation(by portal.Actor, o portal.Organization, publicID string) (portal.Invitation, error) {
	inv, err := t.invitation(`i.public_id = ?`, publicID)
	if err != nil {
		return inv, err
	}
	inv.MailState, err = t.enqueue(letter{kind: portal.MailInvitation, to: inv.Email, toName: inv.Name(), orgID: o.ID,
		data: map[string]string{"name": inv.Name(), "organization": o.Name, "inviter": by.Name, "inviter_email": inv.InviterAddress(),
			"role": inv.Role.Words(), "expires": inv.ExpiresAt.Format("2 January 2006, 15:04 UTC")},
		link: portal.MailLink{Purpose: portal.LinkInvitation, ID: inv.PublicID, Version: inv.Version}})
	return inv, err
}

// ownInvitation is an invitation of the actor's organization.
func (t *tx) ownInvitation(by portal.Actor, publicID string) (portal.Invitation, error) {
	return t.invitation(`i.public_id = ? AND i.org_id = ?`, publicID, by.OrgID)
}

// errInvitationDecided says who decided about an invitation and when.
func (t *tx) errInvitationDecided(inv portal.Invitation) error {
	var state portal.InvitationState
	var who string
	var at sql.NullInt64
	err := t.row(`SELECT i.state, COALESCE(m.first_name || ' ' || m.last_name, u.first_name || ' ' || u.last_name, i.first_name || ' ' || i.last_name), i.decided_at
		FROM invitations i LEFT JOIN users u ON u.id = i.decided_by LEFT JOIN memberships m ON m.org_id = i.org_id AND m.user_id = i.decided_by
		WHERE i.id = ?`, inv.ID).Scan(&state, &who, &at)
	if err != nil {
		return err
	}
	return portal.Errorf(portal.Conflict, "The invitation of %s was %s by %s on %s.", inv.Email, state, who, fromNullMillis(at).Format("2 Jan 2006 at 15:04 UTC"))
}

// Resend sends an invitation again in the actor's name: new link, new expiry.
func (s *Store) Resend(ctx context.Context, by portal.Actor, publicID string) (portal.Invitation, error) {
	var inv portal.Invitation
	err := s.changeIn(ctx, by, portal.ManageMembers, func(t *tx, by portal.Actor, o portal.Organization) (err error) {
		if inv, err = t.ownInvitation(by, publicID); err != nil {
			return err
		}
		if inv.Stored != portal.InvitationPending {
			return t.errInvitationDecided(inv)
		}
		inv, err = t.resend(by, o, inv, nil)
		return err
	})
	return inv, err
}

// resend makes a new version of a pending invitation; n replaces what was typed
// when it was made.
func (t *tx) resend(by portal.Actor, o portal.Organization, inv portal.Invitation, n *portal.NewInvitation) (portal.Invitation, error) {
	typed := n != nil
	if !typed {
		n = &portal.NewInvitation{First: inv.First, Last: inv.Last, Role: inv.Role}
	}
	if !by.MayGrant(n.Role) {
		return inv, portal.Errorf(portal.Forbidden, "You may not invite a %s.", n.Role.Words())
	}
	if err := t.limitResends(o.ID, inv.EmailKey); err != nil {
		return inv, err
	}
	set, err := t.settings()
	if err != nil {
		return inv, err
	}
	changed, err := t.exec(`UPDATE invitations SET version = version + 1, expires_at = ?, inviter_id = ?, first_name = ?, last_name = ?, role = ?
		WHERE id = ? AND state = 'pending'`, millis(t.now.Add(set.InvitationLife)), by.UserID, n.First, n.Last, n.Role, inv.ID)
	if err != nil {
		return inv, err
	}
	if changed == 0 {
		return inv, t.errInvitationDecided(inv)
	}
	if typed {
		if err := t.setInvitedTeams(o, inv.PublicID, n.Teams); err != nil {
			return inv, err
		}
	}
	if _, err := t.exec(`DELETE FROM link_copies WHERE invitation_id = ?`, inv.ID); err != nil {
		return inv, err
	}
	if err := t.audit(by, o.ID, portal.AuditInvitationResent, inv.Email, "as "+n.Role.Words()); err != nil {
		return inv, err
	}
	return t.sendInvitation(by, o, inv.PublicID)
}

// limitResends counts one more mail of the same invitation to an address.
func (t *tx) limitResends(orgID int64, emailKey string) error {
	subject := strconv.FormatInt(orgID, 10) + " " + emailKey
	if _, err := t.limit(portal.LimitResendMinute, subject); err != nil {
		return err
	}
	_, err := t.limit(portal.LimitResendDay, subject)
	return err
}

// Revoke takes an invitation back.
func (s *Store) Revoke(ctx context.Context, by portal.Actor, publicID string) (portal.Invitation, error) {
	var inv portal.Invitation
	err := s.changeIn(ctx, by, portal.ManageMembers, func(t *tx, by portal.Actor, o portal.Organization) (err error) {
		if inv, err = t.ownInvitation(by, publicID); err != nil {
			return err
		}
		if err := t.decide(by, inv, portal.InvitationRevoked); err != nil {
			return err
		}
		if inv.Undo, err = t.remember(by, o, undoRevocation, revocation{inv.ID}); err != nil {
			return err
		}
		return t.audit(by, o.ID, portal.AuditInvitationRevoked, inv.Email, "")
	})
	return inv, err
}

// decide moves a pending invitation to its last state.
func (t *tx) decide(by portal.Actor, inv portal.Invitation, next portal.InvitationState) error {
	n, err := t.exec(`UPDATE invitations SET state = ?, decided_by = NULLIF(?, 0), decided_at = ? WHERE id = ? AND state = 'pending'`, next, by.UserID, millis(t.now), inv.ID)
	if err == nil && n == 0 {
		return t.errInvitationDecided(inv)
	}
	return err
}

// CopyLink is the copied kind of an invitation's link. Who takes it is recorded.
func (s *Store) CopyLink(ctx context.Context, by portal.Actor, publicID string) (portal.MailLink, portal.Invitation, error) {
	var link portal.MailLink
	var inv portal.Invitation
	err := s.changeIn(ctx, by, portal.ManageMembers, func(t *tx, by portal.Actor, o portal.Organization) (err error) {
		if inv, err = t.ownInvitation(by, publicID); err != nil {
			return err
		}
		link, err = t.copyLink(by, o, inv)
		return err
	})
	return link, inv, err
}

func (t *tx) copyLink(by portal.Actor, o portal.Organization, inv portal.Invitation) (portal.MailLink, error) {
	link := portal.MailLink{Purpose: portal.LinkInvitation, ID: inv.PublicID, Version: inv.Version}
	if state := inv.State(t.now); state != portal.InvitationPending {
		return link, portal.Errorf(portal.Conflict, "The invitation of %s is %s: its link does not work. Resend it first.", inv.Email, state)
	}
	if _, err := t.exec(`INSERT INTO link_copies (invitation_id, user_id) VALUES (?, ?) ON CONFLICT DO NOTHING`, inv.ID, by.UserID); err != nil {
		return link, err
	}
	return link, t.audit(by, o.ID, portal.AuditInvitationCopied, inv.Email, "")
}

// endCopied ends the invitations whose link somebody has copied who is not to invite
// any more: they could let themselves in with it.
const endCopied = `UPDATE invitations SET expires_at = min(expires_at, ?) WHERE state = 'pending'
	AND id IN (SELECT invitation_id FROM link_copies WHERE user_id = ?)`

// endCopiedLinks does that in one organization.
func (t *tx) endCopiedLinks(orgID, userID int64) error {
	_, err := t.exec(endCopied+` AND org_id = ?`, millis(t.now), userID, orgID)
	return err
}

// endAllCopiedLinks does that in all organizations.
func (t *tx) endAllCopiedLinks(userID int64) error {
	_, err := t.exec(endCopied, millis(t.now), userID)
	return err
}

// endAdminsCopiedLinks does that where somebody is no Super admin.
func (t *tx) endAdminsCopiedLinks(userID int64) error {
	_, err := t.exec(endCopied+` AND org_id NOT IN (SELECT org_id FROM memberships WHERE user_id = ? AND role = 'super_admin')`, millis(t.now), userID, userID)
	return err
}

// Invitations lists the open invitations of the actor's organization, newest
// first; there are at most portal.MaxPendingInvitations.
func (s *Store) Invitations(ctx context.Context, by portal.Actor) ([]portal.Invitation, error) {
	if !by.Sees() {
		return nil, portal.ErrNotFound
	}
	if !by.May(portal.SeeInvitations) {
		return nil, portal.Errorf(portal.Forbidden, "Only Super admins see invitations.")
	}
	rows, err := s.read.QueryContext(ctx, `SELECT `+invitationColumns+invitationTables+`
		WHERE i.org_id = ? AND i.state = 'pending' ORDER BY i.id DESC LIMIT ?`, by.OrgID, portal.MaxPendingInvitations)
	return list(rows, err, func(r *sql.Rows) (portal.Invitation, error) { return scanInvitation(r) })
}

// InvitationsFor lists the open invitations to the actor's own proven address.
func (s *Store) InvitationsFor(ctx context.Context, by portal.Actor) ([]portal.Waiting, error) {
	if by.State != portal.UserActive {
		return nil, nil
	}
	rows, err := s.read.QueryContext(ctx, `SELECT `+invitationColumns+`, o.public_id, o.name`+invitationTables+`
		JOIN organizations o ON o.id = i.org_id
		WHERE i.email_key = (SELECT email_key FROM users WHERE id = ?) AND i.state = 'pending' AND i.expires_at > ? AND o.state = 'active'
		ORDER BY i.id DESC LIMIT ?`, by.UserID, millis(s.Now()), maxOwn)
	all, err := list(rows, err, func(r *sql.Rows) (portal.Waiting, error) {
		var w portal.Waiting
		inv, err := scanInvitation(scanWith{r, []any{&w.Org.PublicID, &w.Org.Name}})
		w.Invitation = inv
		return w, err
	})
	open := all[:0]
	for _, w := range all {
		if w.State(s.Now()) == portal.InvitationPending {
			open = append(open, w)
		}
	}
	return open, err
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

// tellSuperAdmins sends l to each Super admin of its organization but one, and
// returns how many there are.
func (t *tx) tellSuperAdmins(l letter, but int64) (int, error) {
	const who = ` FROM memberships m JOIN users u ON u.id = m.user_id
		WHERE m.org_id = ? AND m.role = 'super_admin' AND u.state IN ('active', 'waiting', 'unproven') AND m.user_id <> ?`
	var n int
	if err := t.row(`SELECT count(*)`+who, l.orgID, but).Scan(&n); err != nil {
		return 0, err
	}
	rows, err := t.rows(`SELECT u.id, u.email, m.first_name, m.last_name`+who+` ORDER BY m.user_id`, l.orgID, but)
	return n, t.enqueueEach(rows, err, l)
}
