package db

import (
	"context"
	"database/sql"

	"portico/portal"
)

const requestColumns = orgColumns + `, COALESCE(o.requester_id, 0), COALESCE(u.first_name || ' ' || u.last_name, ''), COALESCE(u.email, ''), COALESCE(u.state, ''),
	o.requested_at, COALESCE(d.first_name || ' ' || d.last_name, ''), o.decided_at, o.reason,
	COALESCE(g.first_name || ' ' || g.last_name, ''), o.changed_at, o.change_reason, COALESCE(o.deleted_from, '')`

const requestTables = ` FROM organizations o LEFT JOIN users u ON u.id = o.requester_id LEFT JOIN users d ON d.id = o.decided_by LEFT JOIN users g ON g.id = o.changed_by `

func scanRequest(row interface{ Scan(...any) error }) (portal.OrgRequest, error) {
	var q portal.OrgRequest
	var created, requested int64
	var decided, changed sql.NullInt64
	err := row.Scan(append(orgFields(&q.Organization, &created), &q.RequesterID, &q.RequesterName, &q.RequesterEmail, &q.RequesterState,
		&requested, &q.DecidedBy, &decided, &q.Reason, &q.ChangedBy, &changed, &q.ChangeReason, &q.DeletedFrom)...)
	q.CreatedAt, q.RequestedAt, q.DecidedAt, q.ChangedAt = fromMillis(created), fromMillis(requested), fromNullMillis(decided), fromNullMillis(changed)
	return q, one(err)
}

// Requests lists the actor's own requests that are not provisioned, newest first.
func (s *Store) Requests(ctx context.Context, by portal.Actor) ([]portal.OrgRequest, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT `+requestColumns+requestTables+`
		WHERE o.requester_id = ? AND o.state IN ('pending', 'rejected', 'withdrawn') ORDER BY o.id DESC LIMIT ?`, by.UserID, maxOwn)
	return list(rows, err, func(r *sql.Rows) (portal.OrgRequest, error) { return scanRequest(r) })
}

// Request is one of the actor's own requests, also after its decision, as long as
// they belong to what became of it.
func (s *Store) Request(ctx context.Context, by portal.Actor, publicID string) (portal.OrgRequest, error) {
	return scanRequest(s.read.QueryRowContext(ctx, `SELECT `+requestColumns+requestTables+`
		WHERE o.public_id = ? AND o.requester_id = ? AND (o.state IN ('pending', 'rejected', 'withdrawn')
			OR EXISTS (SELECT 1 FROM memberships m WHERE m.org_id = o.id AND m.user_id = o.requester_id))`, publicID, by.UserID))
}

func (t *tx) request(publicID string) (portal.OrgRequest, error) {
	return scanRequest(t.row(`SELECT `+requestColumns+requestTables+` WHERE o.public_id = ? AND o.purged_at IS NULL`, publicID))
}

// ownRequest is a request that is the actor's.
func (t *tx) ownRequest(by portal.Actor, publicID string) (portal.OrgRequest, error) {
	q, err := t.request(publicID)
	if err == nil && (by.UserID == 0 || q.RequesterID != by.UserID) { // added by an admin: of requester 0
		err = portal.ErrNotFound
	}
	return q, err
}

// mayRequest refuses a request: the switch is off, or the actor may not.
func (t *tx) mayRequest(by portal.Actor) (portal.Settings, error) {
	set, err := t.settings()
	if err != nil {
		return set, err
	}
	if t.off = !set.RegisterOrgs; t.off || by.UserID == 0 {
		return set, portal.ErrNotFound
	}
	switch by.State {
	case portal.UserActive:
		return set, nil
	case portal.UserUnproven:
		return set, errUnproven
	}
	return set, portal.Errorf(portal.Forbidden, "Your account is waiting for approval. You can register an organization after that.")
}

// errDecided says who did what and when to a request that is not pending any more.
func errDecided(q portal.OrgRequest) error {
	if q.State == portal.OrgSuspended || q.State == portal.OrgDeleted {
		return errMoved(q)
	}
	what := map[portal.OrgState]string{
		portal.OrgActive: "approved", portal.OrgRejected: "rejected", portal.OrgWithdrawn: "withdrawn", portal.OrgPending: "submitted again",
	}[q.State]
	who, at := q.DecidedBy, q.DecidedAt
	if q.State == portal.OrgWithdrawn || q.State == portal.OrgPending || who == "" {
		who = q.RequesterName
	}
	if at.IsZero() {
		at = q.RequestedAt
	}
	by := " by " + who
	if q.State == portal.OrgActive && q.DecidedBy == "" {
		by = " automatically"
	}
	return portal.Errorf(portal.Conflict, "%s was %s%s on %s.", q.Name, what, by, at.Format(whenWords))
}

// RegisterOrg registers an organization for the actor. With auto-approval it is
// active at once, otherwise pending until a portal admin decides.
func (s *Store) RegisterOrg(ctx context.Context, by portal.Actor, name string) (portal.Organization, error) {
	var o portal.Organization
	err := s.change(ctx, by, func(t *tx, by portal.Actor) error {
		set, err := t.mayRequest(by)
		if err != nil {
			return err
		}
		if name, err = portal.TidyOrgName(name); err != nil {
			return err
		}
		if _, err := t.limit(portal.LimitOrgRequest, who(by)); err != nil {
			return err
		}
		o, err = t.insertOrg(name, portal.OrgPending, by.UserID)
		if isUnique(err) {
			return portal.Errorf(portal.Conflict, "You have a request waiting for a decision already. Withdraw it first, or wait for the answer.")
		} else if err != nil {
			return err
		}
		if !set.ApproveOrgs {
			if err := t.audit(by, o.ID, portal.AuditOrgRequested, o.Name, ""); err != nil {
				return err
			}
			return t.tellAdmins(by, o)
		}
		if o, err = t.provision(o, by.UserID, portal.OrgPending, nil); err != nil {
			return err
		}
		return t.audit(by, o.ID, portal.AuditOrgRegistered, o.Name, "approved automatically")
	})
	return o, err
}

func (t *tx) tellAdmins(by portal.Actor, o portal.Organization) error {
	return t.enqueueToAdmins(letter{kind: portal.MailOrgRequested, orgID: o.ID,
		data: map[string]string{"organization": o.Name, "name": by.Name, "email": by.Email},
		link: portal.MailLink{Path: "/admin/organizations?state=pending"}})
}

// RenameRequest changes the name in a pending request of the actor's.
func (s *Store) RenameRequest(ctx context.Context, by portal.Actor, publicID, name string) error {
	return s.change(ctx, by, func(t *tx, by portal.Actor) error {
		q, err := t.ownRequest(by, publicID)
		if err != nil {
			return err
		}
		if q.State != portal.OrgPending {
			return errDecided(q)
		}
		if name, err = portal.TidyOrgName(name); err != nil || name == q.Name {
			return err
		}
		return t.rename(by, q.Organization, name)
	})
}

// Withdraw takes a pending request of the actor's back.
func (s *Store) Withdraw(ctx context.Context, by portal.Actor, publicID string) error {
	return s.change(ctx, by, func(t *tx, by portal.Actor) error {
		q, err := t.ownRequest(by, publicID)
		if err != nil {
			return err
		}
		n, err := t.exec(`UPDATE organizations SET state = 'withdrawn', decided_by = NULL, decided_at = ? WHERE id = ? AND state = 'pending'`, millis(t.now), q.ID)
		if err != nil {
			return err
		}
		if n == 0 {
			return errDecided(q)
		}
		return t.audit(by, q.ID, portal.AuditOrgWithdrawn, q.Name, "")
	})
}

// Resubmit submits a rejected request of the actor's again, perhaps under
// another name. It counts as registering: the switches hold.
func (s *Store) Resubmit(ctx context.Context, by portal.Actor, publicID, name string) (portal.Organization, error) {
	var o portal.Organization
	err := s.change(ctx, by, func(t *tx, by portal.Actor) error {
		q, err := t.ownRequest(by, publicID)
		if err != nil {
			return err
		}
		set, err := t.mayRequest(by)
		if err != nil {
			return err
		}
		if name, err = portal.TidyOrgName(name); err != nil {
			return err
		}
		if q.State != portal.OrgRejected {
			return errDecided(q)
		}
		if _, err := t.limit(portal.LimitOrgRequest, who(by)); err != nil {
			return err
		}
		n, err := t.exec(`UPDATE organizations SET state = 'pending', name = ?, requested_at = ?, decided_by = NULL, decided_at = NULL
			WHERE id = ? AND state = 'rejected'`, name, millis(t.now), q.ID)
		if isUnique(err) {
			return portal.Errorf(portal.Conflict, "You have another request waiting for a decision. Withdraw it first, or wait for the answer.")
		} else if err != nil {
			return err
		}
		if n == 0 {
			return errDecided(q)
		}
		o = q.Organization
		o.Name, o.State = name, portal.OrgPending
		detail := ""
		if name != q.Name {
			detail = "before: " + q.Name
		}
		if set.ApproveOrgs {
			if o, err = t.provision(o, by.UserID, portal.OrgPending, nil); err != nil {
				return err
			}
			return t.audit(by, o.ID, portal.AuditOrgResubmitted, o.Name, "approved automatically")
		}
		if err := t.audit(by, o.ID, portal.AuditOrgResubmitted, o.Name, detail); err != nil {
			return err
		}
		return t.tellAdmins(by, o)
	})
	return o, err
}

// Approve decides a pending request: it is provisioned under name. When its
// requester cannot be its Super admin any more, first must name somebody to
// invite as one.
func (s *Store) Approve(ctx context.Context, by portal.Actor, publicID, name string, first *portal.NewInvitation) (portal.Organization, error) {
	var o portal.Organization
	err := s.changeAsAdmin(ctx, by, func(t *tx, by portal.Actor) error {
		q, err := t.request(publicID)
		if err != nil {
			return err
		}
		if q.State != portal.OrgPending {
			return errDecided(q)
		}
		if name, err = portal.TidyOrgName(name); err != nil {
			return err
		}
		superAdmin := q.RequesterID
		if q.RequesterState != portal.UserActive {
			if first == nil {
				return portal.Errorf(portal.Conflict, "%s cannot become Super admin: the account is %s. Choose another Super admin.",
					q.RequesterName, q.RequesterState)
			}
			superAdmin = 0
		}
		o = q.Organization
		o.Name = name
		if o, err = t.provision(o, superAdmin, portal.OrgPending, &by); err != nil {
			return err
		}
		detail := ""
		if name != q.Name {
			detail = "requested as " + q.Name
		}
		if err := t.audit(by, o.ID, portal.AuditOrgApproved, o.Name, detail); err != nil {
			return err
		}
		if superAdmin == 0 {
			return t.inviteFirst(by, o, *first)
		}
		_, err = t.enqueue(letter{kind: portal.MailOrgApproved, to: q.RequesterEmail, toName: q.RequesterName, userID: q.RequesterID, orgID: o.ID,
			data: map[string]string{"organization": o.Name, "name": q.RequesterName},
			link: portal.MailLink{Path: "/o/" + o.PublicID}})
		return err
	})
	return o, err
}

// Reject decides a pending request: its requester reads the reason and may
// resubmit.
func (s *Store) Reject(ctx context.Context, by portal.Actor, publicID, reason string) (portal.Organization, error) {
	var o portal.Organization
	err := s.changeAsAdmin(ctx, by, func(t *tx, by portal.Actor) error {
		q, err := t.request(publicID)
		if err != nil {
			return err
		}
		if q.State != portal.OrgPending {
			return errDecided(q)
		}
		o = q.Organization
		return t.reject(by, q, reason)
	})
	return o, err
}

// reject ends a pending request; its requester is mailed the reason.
func (t *tx) reject(by portal.Actor, q portal.OrgRequest, reason string) error {
	reason, problem := portal.TidyText(reason, portal.MaxReason)
	if problem == "" && reason == "" {
		problem = "Enter a reason: it is what the requester reads."
	}
	if problem != "" {
		return portal.Invalidf("reason", "%s", problem)
	}
	n, err := t.exec(`UPDATE organizations SET state = 'rejected', decided_by = ?, decided_at = ?, reason = ? WHERE id = ? AND state = 'pending'`,
		by.UserID, millis(t.now), reason, q.ID)
	if err != nil {
		return err
	}
	if n == 0 {
		return errDecided(q)
	}
	if err := t.audit(by, q.ID, portal.AuditOrgRejected, q.Name, reason); err != nil {
		return err
	}
	_, err = t.enqueue(letter{kind: portal.MailOrgRejected, to: q.RequesterEmail, toName: q.RequesterName, userID: q.RequesterID, orgID: q.ID,
		data: map[string]string{"organization": q.Name, "name": q.RequesterName, "reason": reason},
		link: portal.MailLink{Path: "/organizations/requests/" + q.PublicID}})
	return err
}
