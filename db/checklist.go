package db

import (
	"context"

	"portico/portal"
)

// Checklist is what the actor's new organization still has to do, for its Super
// admins; nobody else has one.
func (s *Store) Checklist(ctx context.Context, by portal.Actor) (portal.Checklist, error) {
	if !by.Sees() {
		return nil, portal.ErrNotFound
	}
	if by.Role != portal.SuperAdmin {
		return nil, nil
	}
	var away, invite, application, credential, request, super bool
	err := s.read.QueryRowContext(ctx, `SELECT o.checklist_done,
		(SELECT count(*) FROM (SELECT 1 FROM memberships WHERE org_id = o.id LIMIT 2)) > 1 OR EXISTS (SELECT 1 FROM invitations WHERE org_id = o.id AND state = 'pending'),
		EXISTS (SELECT 1 FROM applications WHERE org_id = o.id),
		EXISTS (SELECT 1 FROM applications a JOIN credentials c ON c.app_id = a.id WHERE a.org_id = o.id),
		EXISTS (SELECT 1 FROM applications a JOIN credentials c ON c.app_id = a.id WHERE a.org_id = o.id
			AND (c.used_at IS NOT NULL OR EXISTS (SELECT 1 FROM usage WHERE credential_id = c.id))),
		(SELECT count(*) FROM (SELECT 1 FROM memberships WHERE org_id = o.id AND role = 'super_admin' LIMIT 2)) > 1
		FROM organizations o WHERE o.id = ?`, by.OrgID).Scan(&away, &invite, &application, &credential, &request, &super)
	if err != nil || away {
		return nil, one(err)
	}
	return portal.NewChecklist(map[string]bool{portal.StepInvite: invite, portal.StepApplication: application,
		portal.StepCredential: credential, portal.StepRequest: request, portal.StepSuperAdmin: super}), nil
}

// DismissChecklist puts the checklist of the actor's organization away, for all
// its Super admins.
func (s *Store) DismissChecklist(ctx context.Context, by portal.Actor) error {
	return s.changeIn(ctx, by, portal.ManageMembers, func(t *tx, by portal.Actor, o portal.Organization) error {
		n, err := t.exec(`UPDATE organizations SET checklist_done = 1 WHERE id = ? AND checklist_done = 0`, o.ID)
		if err != nil || n == 0 {
			return err
		}
		return t.audit(by, o.ID, portal.AuditChecklistDone, o.Name, "")
	})
}
