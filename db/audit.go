package db

import (
	"context"
	"database/sql"

	"portico/portal"
)

// audit notes what by did, in the same transaction as the deed. orgID is 0
// outside organizations.
func (t *tx) audit(by portal.Actor, orgID int64, kind portal.AuditKind, subject, detail string) error {
	_, err := t.exec(`
		INSERT INTO audit (at, actor_id, actor_name, actor_mail, org_id, kind, subject, detail, ip, only_for)
		VALUES (?, NULLIF(?, 0), ?, ?, NULLIF(?, 0), ?, ?, ?, ?, NULLIF(?, 0))`,
		millis(t.now), by.UserID, by.Name, by.Email, orgID, kind, subject, detail, by.IP, t.onlyFor)
	return err
}

const auditColumns = `a.id, a.at, a.actor_name, a.actor_mail, COALESCE(o.name, ''), COALESCE(o.public_id, ''), a.kind, a.subject, a.detail, a.ip`

func scanAudit(rows *sql.Rows) (portal.AuditEntry, error) {
	var e portal.AuditEntry
	var at int64
	err := rows.Scan(&e.ID, &at, &e.ActorName, &e.ActorMail, &e.OrgName, &e.OrgID, &e.Kind, &e.Subject, &e.Detail, &e.IP)
	e.At = fromMillis(at)
	return e, err
}

// Activity is what happened in the actor's organization, newest first. It tells
// nobody what other pages keep from them: invitations and others' personal
// applications are for Super admins.
func (s *Store) Activity(ctx context.Context, by portal.Actor, cursor string) (portal.Slice[portal.AuditEntry], error) {
	if !by.May(portal.ReadActivity) {
		return portal.Slice[portal.AuditEntry]{}, portal.ErrNotFound
	}
	before := s.before("activity", cursor)
	rows, err := s.read.QueryContext(ctx, `
		SELECT `+auditColumns+` FROM audit a LEFT JOIN organizations o ON o.id = a.org_id
		WHERE a.org_id = ? AND a.id < ? AND (? OR (a.only_for IS NULL OR a.only_for = ?) AND a.kind NOT IN (?, ?, ?, ?, ?, ?, ?)) ORDER BY a.id DESC LIMIT ?`,
		by.OrgID, before, by.May(portal.SeeInvitations), by.UserID, portal.AuditInvited, portal.AuditInvitationResent, portal.AuditInvitationRevoked,
		portal.AuditInvitationCopied, portal.AuditInvitationDeclined, portal.AuditInvitationAsked, portal.AuditRevocationUndone, portal.PageSize+1)
	all, err := list(rows, err, scanAudit)
	return pageOf(s, "activity", all, func(e portal.AuditEntry) int64 { return e.ID }), err
}

// AuditLog is what happened in the whole portal, newest first, for its admins.
func (s *Store) AuditLog(ctx context.Context, by portal.Actor, cursor string) (portal.Slice[portal.AuditEntry], error) {
	if !by.IsAdmin() {
		return portal.Slice[portal.AuditEntry]{}, portal.ErrNotFound
	}
	before := s.before("audit", cursor)
	rows, err := s.read.QueryContext(ctx, `
		SELECT `+auditColumns+` FROM audit a LEFT JOIN organizations o ON o.id = a.org_id
		WHERE a.id < ? ORDER BY a.id DESC LIMIT ?`, before, portal.PageSize+1)
	all, err := list(rows, err, scanAudit)
	return pageOf(s, "audit", all, func(e portal.AuditEntry) int64 { return e.ID }), err
}

const lastID = int64(1) << 62

// before is the id a page of a newest-first list starts below.
func (s *Store) before(list, cursor string) int64 {
	if id, ok := s.cursorID(list, cursor); ok {
		return id
	}
	return lastID
}

// pageOf cuts PageSize+1 rows to a page and the next one's cursor.
func pageOf[T any](s *Store, list string, all []T, id func(T) int64) portal.Slice[T] {
	p := portal.Slice[T]{Items: all}
	if len(all) > portal.PageSize {
		p.Items = all[:portal.PageSize]
		p.Next = s.cursorFor(list, id(p.Items[portal.PageSize-1]))
	}
	return p
}
