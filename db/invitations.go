package db

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"portico/portal"
)

// inviterMay holds while the inviter is an active portal admin or an active Super
// admin of the organization (or an unproven one, who is at home there).
const inviterMay = `((iu.state IN ('active', 'waiting', 'unproven') AND im.role IS NOT NULL AND im.role = 'super_admin') OR (iu.state = 'active' AND iu.admin = 1))`

// That link_id is not empty is said for the partial index outbox_by_link.
const invitationColumns = `i.id, i.public_id, i.org_id, i.email, i.email_key, i.first_name, i.last_name, i.role, i.state, i.version, i.expires_at, i.created_at,
	i.inviter_id, COALESCE(im.first_name, iu.first_name), COALESCE(im.last_name, iu.last_name), iu.email, iu.state <> 'unproven',
	` + inviterMay + `,
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
	return portal.Errorf(portal.Conflict, "The invitation of %s was %s by %s on %s.", inv.Email, state, who, fromNullMillis(at).Format(whenWords))
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
// any more: they could let themselves in with it. A revoked one may be opened again.
const endCopied = `UPDATE invitations SET expires_at = min(expires_at, ?) WHERE state IN ('pending', 'revoked')
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
