package db

import (
	"context"
	"database/sql"
	"slices"

	"portico/portal"
)

// textID is the number of a text, which is kept once and for all.
func (t *tx) textID(kind portal.MailKind, text portal.MailText) (int64, error) {
	if _, err := t.exec(`INSERT INTO mail_texts (kind, subject, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, kind, text.Subject, text.Body); err != nil {
		return 0, err
	}
	var id int64
	return id, t.row(`SELECT id FROM mail_texts WHERE kind = ? AND subject = ? AND body = ?`, kind, text.Subject, text.Body).Scan(&id)
}

const templateColumns = `p.kind, x.id, x.subject, x.body, p.changed_at`

const templateTables = ` FROM mail_templates p JOIN mail_texts x ON x.id = p.text_id `

func scanTemplate(row interface{ Scan(...any) error }) (portal.MailTemplate, error) {
	var p portal.MailTemplate
	var changed int64
	err := row.Scan(&p.Kind, &p.Version, &p.Text.Subject, &p.Text.Body, &changed)
	p.ChangedAt = fromMillis(changed)
	return p, err
}

// Templates lists every kind of mail, with the text an admin has given it.
func (s *Store) Templates(ctx context.Context, by portal.Actor) ([]portal.MailTemplate, error) {
	if !by.IsAdmin() {
		return nil, portal.ErrNotFound
	}
	rows, err := s.read.QueryContext(ctx, `SELECT `+templateColumns+templateTables)
	changed, err := list(rows, err, func(r *sql.Rows) (portal.MailTemplate, error) { return scanTemplate(r) })
	if err != nil {
		return nil, err
	}
	var all []portal.MailTemplate
	for _, kind := range portal.MailKinds {
		i := slices.IndexFunc(changed, func(p portal.MailTemplate) bool { return p.Kind == kind })
		if i < 0 {
			all = append(all, portal.MailTemplate{Kind: kind})
		} else {
			all = append(all, changed[i])
		}
	}
	return all, nil
}

// Template is one kind of mail, with the text an admin has given it.
func (s *Store) Template(ctx context.Context, by portal.Actor, kind portal.MailKind) (portal.MailTemplate, error) {
	if !by.IsAdmin() {
		return portal.MailTemplate{}, portal.ErrNotFound
	}
	return mailTemplate(ctx, s.read, kind)
}

func mailTemplate(ctx context.Context, q querier, kind portal.MailKind) (portal.MailTemplate, error) {
	if !slices.Contains(portal.MailKinds, kind) {
		return portal.MailTemplate{}, portal.ErrNotFound
	}
	p, err := scanTemplate(q.QueryRowContext(ctx, `SELECT `+templateColumns+templateTables+`WHERE p.kind = ?`, kind))
	if portal.IsCode(one(err), portal.NotFound) {
		return portal.MailTemplate{Kind: kind}, nil
	}
	return p, err
}

// SetTemplate gives a kind of mail a text, which package mail has found good.
// version is the one the form was made from: who comes second is told, and
// overwrites nothing. Mails that were sent keep the text they were sent by.
func (s *Store) SetTemplate(ctx context.Context, by portal.Actor, kind portal.MailKind, version int64, text portal.MailText) error {
	return s.changeAsAdmin(ctx, by, func(t *tx, by portal.Actor) error {
		p, err := mailTemplate(ctx, t, kind)
		if err != nil {
			return err
		}
		if text, err = text.Tidy(); err != nil || text == p.Text {
			return err
		}
		if version != p.Version {
			return portal.Errorf(portal.Conflict, "Somebody else has changed this template meanwhile. Load the page again, then repeat your change.")
		}
		id, err := t.textID(kind, text)
		if err != nil {
			return err
		}
		if _, err := t.exec(`INSERT INTO mail_templates (kind, text_id, changed_at) VALUES (?, ?, ?)
			ON CONFLICT (kind) DO UPDATE SET text_id = excluded.text_id, changed_at = excluded.changed_at`, kind, id, millis(t.now)); err != nil {
			return err
		}
		return t.audit(by, 0, portal.AuditTemplateChanged, kind.Words(), "")
	})
}

// RestoreTemplate gives a kind of mail Portico's own text again.
func (s *Store) RestoreTemplate(ctx context.Context, by portal.Actor, kind portal.MailKind) error {
	return s.changeAsAdmin(ctx, by, func(t *tx, by portal.Actor) error {
		if _, err := mailTemplate(ctx, t, kind); err != nil {
			return err
		}
		n, err := t.exec(`DELETE FROM mail_templates WHERE kind = ?`, kind)
		if err != nil {
			return err
		}
		if n == 0 {
			return portal.Errorf(portal.Conflict, "This template is Portico’s own already.")
		}
		return t.audit(by, 0, portal.AuditTemplateRestored, kind.Words(), "")
	})
}
