package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"portico/portal"
)

// provisioned is an organization that is or was alive; of requests there is
// nothing to suspend or delete.
func (t *tx) provisioned(publicID string) (portal.OrgRequest, error) {
	q, err := t.request(publicID)
	if err == nil && !q.State.Provisioned() && q.State != portal.OrgDeleted {
		return q, portal.Errorf(portal.Conflict, "%s is %s: it can only be approved or rejected.", q.Name, q.State)
	}
	return q, err
}

// errMoved says who did what and when to an organization that is not where the
// actor believed it to be.
func errMoved(q portal.OrgRequest) error {
	if q.ChangedAt.IsZero() {
		return portal.Errorf(portal.Conflict, "%s is %s. Load the page again.", q.Name, q.State)
	}
	what := map[portal.OrgState]string{portal.OrgActive: "made active again", portal.OrgSuspended: "suspended", portal.OrgDeleted: "deleted"}[q.State]
	return portal.Errorf(portal.Conflict, "%s was %s by %s on %s.", q.Name, what, q.ChangedBy, q.ChangedAt.Format(whenWords))
}

// moveOrg takes an organization from where q stands to next. Its keys stop or
// start at the next question of a gateway.
func (t *tx) moveOrg(by portal.Actor, q portal.OrgRequest, next portal.OrgState, reason string) error {
	t.keys = true
	n, err := t.exec(`UPDATE organizations SET state = ?, changed_by = ?, changed_at = ?, change_reason = ?, deleted_from = CASE WHEN ? = 'deleted' THEN state END
		WHERE id = ? AND state = ? AND purged_at IS NULL`, next, by.UserID, millis(t.now), reason, next, q.ID, q.State)
	if err == nil && n == 0 {
		return errMoved(q)
	}
	return err
}

// tellOf tells an organization's Super admins what has become of it.
func (t *tx) tellOf(q portal.OrgRequest, kind portal.MailKind, path string, data map[string]string) error {
	data["organization"] = q.Name
	_, err := t.tellSuperAdmins(letter{kind: kind, orgID: q.ID, data: data, link: portal.MailLink{Path: path}}, 0)
	return err
}

// SuspendOrg stops an organization: its members may look but change nothing, and
// its keys are refused. The reason may be empty.
func (s *Store) SuspendOrg(ctx context.Context, by portal.Actor, publicID, reason string) (portal.Organization, error) {
	var o portal.Organization
	err := s.changeAsAdmin(ctx, by, func(t *tx, by portal.Actor) error {
		q, err := t.provisioned(publicID)
		if err != nil {
			return err
		}
		if q.State != portal.OrgActive {
			return errMoved(q)
		}
		reason, problem := portal.TidyText(reason, portal.MaxReason)
		if problem != "" {
			return portal.Invalidf("reason", "%s", problem)
		}
		if err := t.moveOrg(by, q, portal.OrgSuspended, reason); err != nil {
			return err
		}
		o = q.Organization
		if err := t.audit(by, q.ID, portal.AuditOrgSuspended, q.Name, reason); err != nil {
			return err
		}
		return t.tellOf(q, portal.MailOrgSuspended, "/o/"+q.PublicID, map[string]string{"reason": reason})
	})
	return o, err
}

// ResumeOrg lets a suspended organization go on.
func (s *Store) ResumeOrg(ctx context.Context, by portal.Actor, publicID string) (portal.Organization, error) {
	var o portal.Organization
	err := s.changeAsAdmin(ctx, by, func(t *tx, by portal.Actor) error {
		q, err := t.provisioned(publicID)
		if err != nil {
			return err
		}
		if q.State != portal.OrgSuspended {
			return errMoved(q)
		}
		if err := t.moveOrg(by, q, portal.OrgActive, ""); err != nil {
			return err
		}
		o = q.Organization
		if err := t.audit(by, q.ID, portal.AuditOrgResumed, q.Name, ""); err != nil {
			return err
		}
		return t.tellOf(q, portal.MailOrgResumed, "/o/"+q.PublicID, map[string]string{})
	})
	return o, err
}

// Deletion is what deleting an organization would end, for admins. Uses of keys
// that were only collected so far are written down first.
func (s *Store) Deletion(ctx context.Context, by portal.Actor, publicID string) (portal.Deletion, error) {
	var d portal.Deletion
	if !by.IsAdmin() {
		return d, portal.ErrNotFound
	}
	if err := errors.Join(s.WriteUses(ctx), s.FoldUses(ctx)); err != nil {
		return d, err
	}
	now, today := millis(s.Now()), millis(s.Now())/dayMillis
	const most = portal.MaxCount + 1
	const keys = `SELECT 1 FROM applications a JOIN credentials c ON c.app_id = a.id WHERE a.org_id = o.id AND a.deleted_at IS NULL AND ` + working
	err := s.read.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM (SELECT 1 FROM memberships WHERE org_id = o.id LIMIT ?)),
		(SELECT count(*) FROM (SELECT 1 FROM invitations WHERE org_id = o.id AND state = 'pending' LIMIT ?)),
		(SELECT count(*) FROM (SELECT 1 FROM applications WHERE org_id = o.id AND deleted_at IS NULL LIMIT ?)),
		(SELECT count(*) FROM (`+keys+` LIMIT ?)),
		(SELECT count(*) FROM (`+keys+` AND EXISTS (SELECT 1 FROM usage y WHERE y.credential_id = c.id AND y.day = ?) LIMIT ?))
		FROM organizations o WHERE o.public_id = ? AND o.purged_at IS NULL`,
		most, most, most, now, now, most, now, now, today, most, publicID).
		Scan(&d.Members, &d.Invitations, &d.Applications, &d.Credentials, &d.UsedToday)
	return d, one(err)
}

// DeleteOrg deletes an organization, whose name must have been typed: its
// invitations are revoked, its keys are refused, nobody gets in any more. All the
// rest is kept as it is, to be restored or purged.
func (s *Store) DeleteOrg(ctx context.Context, by portal.Actor, publicID, typed string) (portal.Organization, error) {
	var o portal.Organization
	err := s.changeAsAdmin(ctx, by, func(t *tx, by portal.Actor) error {
		q, err := t.provisioned(publicID)
		if err != nil {
			return err
		}
		if q.State == portal.OrgDeleted {
			return errMoved(q)
		}
		if !portal.TypedName(typed, q.Name) {
			return portal.Invalidf("confirm", "Type the name exactly: %s", q.Name)
		}
		if err := t.tellOf(q, portal.MailOrgDeleted, "/", map[string]string{"until": t.now.Add(portal.RestoreFor).Format("2 January 2006")}); err != nil {
			return err
		}
		if err := t.moveOrg(by, q, portal.OrgDeleted, ""); err != nil {
			return err
		}
		n, err := t.exec(`UPDATE invitations SET state = 'revoked', decided_by = ?, decided_at = ? WHERE org_id = ? AND state = 'pending'`, by.UserID, millis(t.now), q.ID)
		if err != nil {
			return err
		}
		o = q.Organization
		return t.audit(by, q.ID, portal.AuditOrgDeleted, q.Name, fmt.Sprintf("with %d open invitations", n))
	})
	return o, err
}

// RestoreOrg brings a deleted organization back to where it stood, with its
// members, applications and keys. Its invitations stay revoked.
func (s *Store) RestoreOrg(ctx context.Context, by portal.Actor, publicID string) (portal.Organization, error) {
	var o portal.Organization
	err := s.changeAsAdmin(ctx, by, func(t *tx, by portal.Actor) error {
		q, err := t.provisioned(publicID)
		if err != nil {
			return err
		}
		if q.State != portal.OrgDeleted {
			return errMoved(q)
		}
		if !t.now.Before(q.RestorableUntil()) {
			return portal.Errorf(portal.Gone, "%s was deleted more than 30 days ago: it cannot be restored any more.", q.Name)
		}
		if err := t.hasSuperAdminAgain(q); err != nil {
			return err
		}
		if err := t.moveOrg(by, q, q.DeletedFrom, ""); err != nil {
			return err
		}
		o = q.Organization
		o.State = q.DeletedFrom
		if err := t.audit(by, q.ID, portal.AuditOrgRestored, q.Name, "as "+string(o.State)); err != nil {
			return err
		}
		if o.State == portal.OrgSuspended {
			return t.tellOf(q, portal.MailOrgSuspended, "/o/"+q.PublicID, map[string]string{"reason": "It had been deleted, and is restored as it was before."})
		}
		return t.tellOf(q, portal.MailOrgResumed, "/o/"+q.PublicID, map[string]string{})
	})
	return o, err
}

// hasSuperAdminAgain refuses to bring an organization back to members without an
// active Super admin: nothing keeps the last one's account while it is deleted.
func (t *tx) hasSuperAdminAgain(q portal.OrgRequest) error {
	var first, last string
	err := t.row(`SELECT u.first_name, u.last_name FROM memberships m JOIN users u ON u.id = m.user_id
		WHERE m.org_id = ? AND m.role = 'super_admin' AND u.state = 'deactivated'
			AND NOT EXISTS (SELECT 1 FROM memberships x JOIN users y ON y.id = x.user_id WHERE x.org_id = m.org_id AND x.role = 'super_admin' AND y.state = 'active')
		ORDER BY m.user_id LIMIT 1`, q.ID).Scan(&first, &last)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil {
		err = portal.Errorf(portal.Conflict, "%s would have no active Super admin. Activate the account of %s first.", q.Name, portal.FullName(first, last))
	}
	return err
}

// purge removes what deleted organizations have left, when they cannot be
// restored any more. The audit log stays.
func (s *Store) purge(ctx context.Context) error {
	if err := s.FoldUses(ctx); err != nil { // uses that wait would point at nothing
		return err
	}
	for {
		more := false
		err := s.inTx(ctx, func(t *tx) (err error) {
			more, err = t.purgeNext()
			return err
		})
		if err != nil || !more {
			return err
		}
	}
}

// purges removes an organization's rows, those that point at others first.
var purges = []string{
	`DELETE FROM usage WHERE credential_id IN (SELECT c.id FROM applications a JOIN credentials c ON c.app_id = a.id WHERE a.org_id = ?)`,
	`DELETE FROM reveals WHERE credential_id IN (SELECT c.id FROM applications a JOIN credentials c ON c.app_id = a.id WHERE a.org_id = ?)`,
	`DELETE FROM credentials WHERE app_id IN (SELECT id FROM applications WHERE org_id = ?)`,
	`DELETE FROM application_teams WHERE app_id IN (SELECT id FROM applications WHERE org_id = ?)`,
	`DELETE FROM applications WHERE org_id = ?`,
	`DELETE FROM link_copies WHERE invitation_id IN (SELECT id FROM invitations WHERE org_id = ?)`,
	`DELETE FROM invitation_teams WHERE invitation_id IN (SELECT id FROM invitations WHERE org_id = ?)`,
	`DELETE FROM invitations WHERE org_id = ?`,
	`DELETE FROM memberships WHERE org_id = ?`, // and with them who is in which team
	`DELETE FROM invite_codes WHERE org_id = ?`,
	`DELETE FROM teams WHERE org_id = ?`,
	`DELETE FROM undos WHERE org_id = ?`,
	`DELETE FROM search_words WHERE kind = 'organization' AND id = ?`,
	`DELETE FROM outbox WHERE org_id = ?`,
}

func (t *tx) purgeNext() (bool, error) {
	var id int64
	var name string
	err := t.row(`SELECT id, name FROM organizations WHERE deleted_from IS NOT NULL AND purged_at IS NULL AND changed_at <= ? ORDER BY changed_at LIMIT 1`,
		millis(t.now.Add(-portal.RestoreFor))).Scan(&id, &name)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, query := range purges {
		if _, err := t.exec(query, id); err != nil {
			return false, fmt.Errorf("purge organization: %w", err)
		}
	}
	if _, err := t.exec(`UPDATE organizations SET purged_at = ? WHERE id = ?`, millis(t.now), id); err != nil {
		return false, err
	}
	return true, t.audit(portal.Actor{Name: "Portico"}, id, portal.AuditOrgPurged, name, "deleted 30 days before")
}
