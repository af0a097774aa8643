package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"portico/portal"
)

// failing holds for mails that were given up, and for those that a server has
// refused and that are tried again: the condition of the indexes outbox_failing.
const failing = `(CASE WHEN m.state = 'failed' THEN 1 WHEN m.state = 'queued' AND m.error <> '' THEN 1 ELSE 0 END) = 1`

// Mails lists the outbox, newest first. Among the failed are those that a server
// has refused so far.
func (s *Store) Mails(ctx context.Context, by portal.Actor, f portal.MailFilter, cursor string) (portal.Slice[portal.Mail], error) {
	if !by.IsAdmin() {
		return portal.Slice[portal.Mail]{}, portal.ErrNotFound
	}
	v, err := s.sieve(ctx, searchMails, everywhere, "m.id", f.Query)
	if err != nil {
		return portal.Slice[portal.Mail]{}, err
	}
	var where string
	var args []any
	if f.State == portal.MailFailed {
		where = failing
	} else {
		where, args = v.by("m.state")+` = ?`, []any{f.State}
	}
	if f.Kind != "" {
		where, args = where+` AND `+v.by("m.kind")+` = ?`, append(args, f.Kind)
	}
	args = append(append(append(args, s.before("mail", cursor)), v.args...), portal.PageSize+1)
	// #nosec G202 -- the condition is one of ours; every value is bound
	rows, err := s.read.QueryContext(ctx, `SELECT `+mailColumns+` FROM outbox m WHERE `+where+` AND m.id < ?`+v.where+` ORDER BY m.id DESC LIMIT ?`, args...)
	all, err := list(rows, err, func(r *sql.Rows) (portal.Mail, error) { return scanMail(r) })
	return pageOf(s, "mail", all, func(m portal.Mail) int64 { return m.ID }), err
}

// MailCounts counts the outbox by state, as Mails lists it.
func (s *Store) MailCounts(ctx context.Context, by portal.Actor) (map[portal.MailState]portal.Count, error) {
	if !by.IsAdmin() {
		return nil, portal.ErrNotFound
	}
	counts, err := countEach(ctx, s, portal.MailStates, `SELECT count(*) FROM (SELECT 1 FROM outbox WHERE state = ? LIMIT ?)`)
	if err != nil {
		return nil, err
	}
	var n int
	err = s.read.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM outbox m WHERE `+failing+` LIMIT ?)`, portal.MaxCount+1).Scan(&n)
	counts[portal.MailFailed] = portal.Count(n)
	return counts, err
}

// Mail is one mail of the outbox, for admins.
func (s *Store) Mail(ctx context.Context, by portal.Actor, id string) (portal.Mail, error) {
	if !by.IsAdmin() {
		return portal.Mail{}, portal.ErrNotFound
	}
	m, err := scanMail(s.read.QueryRowContext(ctx, `SELECT `+mailColumns+` FROM outbox m WHERE m.public_id = ?`, id))
	return m, one(err)
}

// mailOn refuses what needs a mail server while there is none.
func (t *tx) mailOn() error {
	smtp, err := t.s.smtp(t.ctx, t)
	if err == nil && !smtp.On() {
		err = portal.Errorf(portal.Conflict, "No mail server is set up. Set one up under Settings > Email, then try again.")
	}
	return err
}

// again puts mails back in the queue.
const again = `UPDATE outbox SET state = 'queued', attempts = 0, next_at = ?, error = '' WHERE `

// RetryMail puts a failed or kept mail back in the queue, and tries one at once that
// was refused so far.
func (s *Store) RetryMail(ctx context.Context, by portal.Actor, id string) (portal.Mail, error) {
	var m portal.Mail
	err := s.changeAsAdmin(ctx, by, func(t *tx, by portal.Actor) error {
		err := t.mailOn()
		if err != nil {
			return err
		}
		m, err = scanMail(t.row(`SELECT `+mailColumns+` FROM outbox m WHERE m.public_id = ?`, id))
		if err != nil {
			return one(err)
		}
		if !m.MayRetry() {
			return portal.Errorf(portal.Conflict, "This mail is %s: there is nothing to retry.", m.State)
		}
		if _, err := t.exec(again+`id = ?`, millis(t.now), m.ID); err != nil {
			return err
		}
		t.queued = true
		m.State, m.Error = portal.MailQueued, ""
		return t.audit(by, 0, portal.AuditMailRetried, m.Kind.Words(), "to "+m.To)
	})
	return m, err
}

// maxRetries is how many mails are put back in the queue at once.
const maxRetries = 1000

// RetryMails puts the failed or the kept mails back in the queue, the oldest first
// and at most maxRetries, and returns how many they were. Those about something
// that is over are cancelled when their turn comes.
func (s *Store) RetryMails(ctx context.Context, by portal.Actor, state portal.MailState) (int, error) {
	var n int64
	err := s.changeAsAdmin(ctx, by, func(t *tx, by portal.Actor) error {
		if !state.MayRetry() {
			return portal.ErrNotFound
		}
		err := t.mailOn()
		if err != nil {
			return err
		}
		if state == portal.MailFailed {
			n, err = t.exec(again+`id IN (SELECT m.id FROM outbox m WHERE `+failing+` ORDER BY m.id LIMIT ?)`, millis(t.now), maxRetries)
		} else {
			n, err = t.exec(again+`id IN (SELECT m.id FROM outbox m WHERE m.state = ? ORDER BY m.id LIMIT ?)`, millis(t.now), state, maxRetries)
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return portal.Errorf(portal.Conflict, "No mail is %s any more: there is nothing to retry.", state)
		}
		t.queued = true
		return t.audit(by, 0, portal.AuditMailsRetried, state.Words(), fmt.Sprintf("%d of them", n))
	})
	return int(n), err
}

// CopyMailLink is CopyLink for the invitation that a mail carries, for admins.
func (s *Store) CopyMailLink(ctx context.Context, by portal.Actor, id string) (portal.MailLink, portal.Invitation, error) {
	var link portal.MailLink
	var inv portal.Invitation
	err := s.changeAsAdmin(ctx, by, func(t *tx, by portal.Actor) error {
		m, err := scanMail(t.row(`SELECT `+mailColumns+` FROM outbox m WHERE m.public_id = ? AND m.link_purpose = ?`, id, portal.LinkInvitation))
		if err != nil {
			return one(err)
		}
		if inv, err = t.invitation(`i.public_id = ?`, m.LinkTo.ID); err != nil {
			return err
		}
		if inv.Version != m.LinkTo.Version {
			return portal.Errorf(portal.Conflict, "A newer invitation was sent to %s. Copy the link of that one.", inv.Email)
		}
		o, err := t.organization(inv.OrgID)
		if err != nil {
			return err
		}
		if o.State == portal.OrgSuspended {
			return portal.ErrSuspended
		}
		link, err = t.copyLink(by, o, inv)
		return err
	})
	return link, inv, err
}

// StartTest makes a test mail to the admin who asks for it. The caller sends it at
// once and says what came of it; if it dies meanwhile, the worker does.
func (s *Store) StartTest(ctx context.Context, by portal.Actor) (portal.Mail, error) {
	return s.startTest(ctx, by, portal.Mail{Kind: portal.MailTest})
}

// StartSample is StartTest for a text that an admin is writing: sample is a mail of
// that kind and text with examples in the place of its values.
func (s *Store) StartSample(ctx context.Context, by portal.Actor, sample portal.Mail) (portal.Mail, error) {
	return s.startTest(ctx, by, sample)
}

func (s *Store) startTest(ctx context.Context, by portal.Actor, m portal.Mail) (portal.Mail, error) {
	err := s.changeAsAdmin(ctx, by, func(t *tx, by portal.Actor) error {
		if m.LinkTo.Secret() {
			return portal.ErrNotFound
		}
		if _, err := t.limit(portal.LimitTestMail, who(by)); err != nil {
			return err
		}
		detail := "to " + by.Email
		if m.Kind != portal.MailTest {
			detail = m.Kind.Words() + ", " + detail
		}
		if err := t.audit(by, 0, portal.AuditTestMail, "", detail); err != nil {
			return err
		}
		var text any
		if m.Text != (portal.MailText{}) {
			id, err := t.textID(m.Kind, m.Text)
			if err != nil {
				return err
			}
			text = id
		}
		if m.Data == nil {
			m.Data = map[string]string{}
		}
		data, err := json.Marshal(m.Data)
		if err != nil {
			return err
		}
		m.ToName = by.Name
		id := newID()
		_, err = t.exec(`
			INSERT INTO outbox (public_id, kind, recipient, to_name, user_id, data, text_id, subject, link_path, state, attempts, next_at, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', 1, ?, ?)`,
			id, m.Kind, by.Email, by.Name, by.UserID, string(data), text, s.Subject(m), m.LinkTo.Path, millis(t.now.Add(mailLease)), millis(t.now))
		if err != nil {
			return err
		}
		m, err = scanMail(t.row(`SELECT `+mailColumns+` FROM outbox m WHERE m.public_id = ?`, id))
		return err
	})
	return m, err
}
