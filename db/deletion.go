package db

import (
	"context"
	"database/sql"
	"fmt"

	"portico/portal"
)

// DeleteUser deletes an account, one's own or any for a portal admin: what it
// did stays, without a name. Applications of its own end; those it owns inside
// organizations pass to the heirs, which are public ids of Super admins by the
// public id of the organization, or to the longest-standing Super admin. The
// caller has asked for the actor's password.
func (s *Store) DeleteUser(ctx context.Context, by portal.Actor, publicID string, heirs map[string]string) (portal.User, error) {
	var u portal.User
	err := s.change(ctx, by, func(t *tx, by portal.Actor) error {
		a, err := t.account(`u.public_id = ?`, publicID)
		if err != nil {
			return err
		}
		if u = a.User; a.State == portal.UserDeleted || a.ID != by.UserID && !by.IsAdmin() {
			return portal.ErrNotFound
		}
		if a.ID != by.UserID {
			if err := adminNeedsFactor(ctx, t, by); err != nil {
				return err
			}
		}
		if err := t.mayPart(a); err != nil {
			return err
		}
		apps, err := t.endOwnApps(by, a)
		if err != nil {
			return err
		}
		if err := t.leaveAll(by, a, heirs); err != nil {
			return err
		}
		if err := t.withdrawAll(by, a); err != nil {
			return err
		}
		if err := t.anonymise(a); err != nil {
			return err
		}
		detail := ""
		if apps > 0 {
			detail = fmt.Sprintf("own applications ended: %d", apps)
		}
		if a.ID == by.UserID {
			return t.audit(by, 0, portal.AuditOwnDeleted, "", detail)
		}
		return t.audit(by, 0, portal.AuditUserDeleted, a.Email, detail)
	})
	return u, err
}

// endOwnApps ends the applications that somebody has outside organizations.
func (t *tx) endOwnApps(by portal.Actor, a account) (int64, error) {
	t.keys = true
	if _, err := t.exec(`UPDATE credentials SET revoked_at = ?, ended_by = ? WHERE revoked_at IS NULL
		AND app_id IN (SELECT id FROM applications WHERE owner_id = ? AND org_id IS NULL AND deleted_at IS NULL)`, millis(t.now), by.UserID, a.ID); err != nil {
		return 0, err
	}
	return t.exec(`UPDATE applications SET deleted_at = ? WHERE owner_id = ? AND org_id IS NULL AND deleted_at IS NULL`, millis(t.now), a.ID)
}

// leaveAll takes somebody out of all organizations, each of which notes it.
func (t *tx) leaveAll(by portal.Actor, a account, chosen map[string]string) error {
	orgs, err := leaves(t.ctx, t, a.ID)
	if err != nil {
		return err
	}
	if err := heirs(t.ctx, t, a.ID, orgs); err != nil {
		return err
	}
	for _, o := range orgs {
		heir, err := heirOf(o, chosen[o.Org.PublicID])
		if err != nil {
			return err
		}
		if heir != 0 {
			if err := t.bequeathAll(by, o.Org, a.ID, heir); err != nil {
				return err
			}
		}
		m, err := t.member(o.Org.ID, a.PublicID)
		if err != nil {
			return err
		}
		if err := t.part(o.Org, m); err != nil {
			return err
		}
		if a.ID == by.UserID {
			err = t.audit(by, o.Org.ID, portal.AuditLeft, o.Org.Name, "with their account")
		} else {
			err = t.audit(by, o.Org.ID, portal.AuditMemberRemoved, a.Email, "with their account")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// heirOf is who takes over what somebody owns in an organization: the chosen one,
// or the first who can; 0 if there is nothing, or nobody.
func heirOf(o portal.PartingOrg, chosen string) (int64, error) {
	for _, h := range o.Heirs {
		if chosen == "" || h.PublicID == chosen {
			return h.UserID, nil
		}
	}
	if chosen != "" && o.Personal+o.Shared > 0 {
		return 0, portal.Invalidf("heir-"+o.Org.PublicID, "Choose a Super admin of %s.", o.Org.Name)
	}
	return 0, nil
}

// bequeathAll passes all that somebody owns in an organization on.
func (t *tx) bequeathAll(by portal.Actor, o portal.Organization, from, to int64) error {
	if err := t.bequeath(by, o, from, to); err != nil {
		return err
	}
	return t.passOn(by, o, from, to, `visibility <> 'personal'`, 0) // every member may know of these
}

// withdrawAll withdraws somebody's request for an organization that waits for a
// decision.
func (t *tx) withdrawAll(by portal.Actor, a account) error {
	rows, err := t.rows(`SELECT `+orgColumns+` FROM organizations o WHERE o.requester_id = ? AND o.state = 'pending' LIMIT ?`, a.ID, maxOwn)
	open, err := list(rows, err, func(r *sql.Rows) (portal.Organization, error) { return scanOrg(r) })
	if err != nil {
		return err
	}
	for _, o := range open {
		if _, err := t.exec(`UPDATE organizations SET state = 'withdrawn', decided_by = ?, decided_at = ? WHERE id = ? AND state = 'pending'`, by.UserID, millis(t.now), o.ID); err != nil {
			return err
		}
		if err := t.audit(by, o.ID, portal.AuditOrgWithdrawn, o.Name, "with the account"); err != nil {
			return err
		}
	}
	return nil
}

// anonymise leaves of an account only what others need to understand the past: a
// row that names nobody and that nobody signs in to. Its address is free again.
func (t *tx) anonymise(a account) error {
	if err := t.endSessions(a.ID, nil); err != nil {
		return err
	}
	if err := t.dropFactor(a.ID); err != nil {
		return err
	}
	if err := t.endAllCopiedLinks(a.ID); err != nil {
		return err
	}
	nobody := "deleted " + a.PublicID // no address: it has no @
	for _, q := range []struct {
		query string
		args  []any
	}{
		{`DELETE FROM email_changes WHERE user_id = ?`, []any{a.ID}},
		{`DELETE FROM outbox WHERE user_id = ?`, []any{a.ID}},
		{`DELETE FROM outbox WHERE link_id <> '' AND link_id IN (SELECT public_id FROM invitations WHERE email_key = ? AND state IN ('accepted', 'declined', 'revoked'))`, []any{a.emailKey}},
		{`DELETE FROM link_copies WHERE user_id = ?`, []any{a.ID}},
		{`UPDATE invitations SET email_key = ?, email = '', first_name = ?, last_name = ? WHERE email_key = ? AND state IN ('accepted', 'declined', 'revoked')`,
			[]any{nobody, portal.DeletedFirst, portal.DeletedLast, a.emailKey}},
		{`UPDATE users SET state = 'deleted', email_key = ?, email = '', first_name = ?, last_name = ?, password_hash = '', admin = 0, doubtful = 0,
			proof_version = proof_version + 1, proof_expires_at = 0, reset_version = reset_version + 1, reset_expires_at = 0 WHERE id = ?`,
			[]any{nobody, portal.DeletedFirst, portal.DeletedLast, a.ID}},
	} {
		if _, err := t.exec(q.query, q.args...); err != nil {
			return err
		}
	}
	return nil
}
