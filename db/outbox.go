package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"portico/portal"
)

// letter is a mail to be queued.
type letter struct {
	kind   portal.MailKind
	to     string // address
	toName string
	userID int64 // whose account it is for, 0: nobody's yet
	orgID  int64
	data   map[string]string
	link   portal.MailLink
	after  time.Duration // how long it waits before it is sent
}

// enqueue puts a mail in the outbox, in the transaction of its cause. Without a
// mail server it is kept; the caller learns which.
func (t *tx) enqueue(l letter) (portal.MailState, error) {
	smtp, err := t.s.smtp(t.ctx, t)
	if err != nil {
		return "", err
	}
	state := portal.MailKept
	if smtp.On() {
		state = portal.MailQueued
		t.queued = true
	}
	t.touch(l.orgID)
	data, err := json.Marshal(l.data)
	if err != nil {
		return "", err
	}
	own, err := mailTemplate(t.ctx, t, l.kind)
	if err != nil {
		return "", err
	}
	subject := t.s.Subject(portal.Mail{Kind: l.kind, To: l.to, ToName: l.toName, Data: l.data, Text: own.Text})
	_, err = t.exec(`
		INSERT INTO outbox (public_id, kind, recipient, to_name, user_id, org_id, data, subject, link_path, link_purpose, link_id, link_version, state, next_at, created_at)
		VALUES (?, ?, ?, ?, NULLIF(?, 0), NULLIF(?, 0), ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		newID(), l.kind, l.to, l.toName, l.userID, l.orgID, string(data), subject,
		l.link.Path, l.link.Purpose, l.link.ID, l.link.Version, state, millis(t.now.Add(l.after)), millis(t.now))
	if err != nil {
		return "", fmt.Errorf("queue mail %s: %w", l.kind, err)
	}
	return state, nil
}

// enqueueToAdmins sends one mail to each active portal admin.
func (t *tx) enqueueToAdmins(l letter) error {
	rows, err := t.rows(`SELECT id, email, first_name, last_name FROM users WHERE admin = 1 AND state = 'active' ORDER BY id`)
	return t.enqueueEach(rows, err, l)
}

// enqueueEach sends l to each person in rows of id, address, first and last name.
func (t *tx) enqueueEach(rows *sql.Rows, err error, l letter) error {
	people, err := list(rows, err, func(r *sql.Rows) (letter, error) {
		p := l
		var first, last string
		err := r.Scan(&p.userID, &p.to, &first, &last)
		p.toName = portal.FullName(first, last)
		return p, err
	})
	if err != nil {
		return err
	}
	for _, p := range people {
		if _, err := t.enqueue(p); err != nil {
			return err
		}
	}
	return nil
}

// textOf is the number of the text that a mail was sent by, or, until then, of the
// one an admin has given its kind.
const textOf = `COALESCE(m.text_id, CASE WHEN m.state <> 'sent' THEN (SELECT p.text_id FROM mail_templates p WHERE p.kind = m.kind) END)`

const mailColumns = `m.id, m.public_id, m.kind, m.recipient, m.to_name, COALESCE((SELECT name FROM organizations WHERE id = m.org_id), ''), m.data,
	m.link_path, m.link_purpose, m.link_id, m.link_version, m.subject,
	COALESCE((SELECT x.subject FROM mail_texts x WHERE x.id = ` + textOf + `), ''), COALESCE((SELECT x.body FROM mail_texts x WHERE x.id = ` + textOf + `), ''),
	m.state, m.attempts, m.next_at, m.error, m.created_at, m.sent_at`

func scanMail(row interface{ Scan(...any) error }) (portal.Mail, error) {
	var m portal.Mail
	var data string
	var next, created int64
	var sent sql.NullInt64
	err := row.Scan(&m.ID, &m.PublicID, &m.Kind, &m.To, &m.ToName, &m.OrgName, &data,
		&m.LinkTo.Path, &m.LinkTo.Purpose, &m.LinkTo.ID, &m.LinkTo.Version, &m.Subject,
		&m.Text.Subject, &m.Text.Body, &m.State, &m.Attempts, &next, &m.Error, &created, &sent)
	if err != nil {
		return m, err
	}
	m.NextAt, m.CreatedAt, m.SentAt = fromMillis(next), fromMillis(created), fromNullMillis(sent)
	return m, json.Unmarshal([]byte(data), &m.Data)
}

// mailLease is how long a mail belongs to whoever claimed it. A process that
// died while sending leaves the mail to be sent again after that.
const mailLease = 5 * time.Minute

// ClaimMail hands out the next mail that is due, for this caller alone, or
// reports false. Mail about something that is over is cancelled on the way.
func (s *Store) ClaimMail(ctx context.Context) (m portal.Mail, ok bool, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		for {
			m, err = scanMail(t.row(`SELECT `+mailColumns+` FROM outbox m
				WHERE m.state = 'queued' AND m.next_at <= ? ORDER BY m.next_at, m.id LIMIT 1`, millis(t.now)))
			if errors.Is(err, sql.ErrNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
			why, err := t.pointless(m)
			if err != nil {
				return err
			}
			if why == "" {
				ok = true
				m.Attempts++
				_, err := t.exec(`UPDATE outbox SET next_at = ?, attempts = ? WHERE id = ?`, millis(t.now.Add(mailLease)), m.Attempts, m.ID)
				return err
			}
			if _, err := t.exec(`UPDATE outbox SET state = 'cancelled', error = ? WHERE id = ? AND state = 'queued'`, why, m.ID); err != nil {
				return err
			}
			if err := t.touchMail(m.ID); err != nil {
				return err
			}
		}
	})
	return m, ok, err
}

// pointless says why a mail should not be sent any more, or "".
func (t *tx) pointless(m portal.Mail) (string, error) {
	var userID, orgID int64
	if err := t.row(`SELECT COALESCE(user_id, 0), COALESCE(org_id, 0) FROM outbox WHERE id = ?`, m.ID).Scan(&userID, &orgID); err != nil {
		return "", err
	}
	var known int
	switch m.LinkTo.Purpose {
	case portal.LinkInvitation:
		inv, err := t.invitation(`i.public_id = ?`, m.LinkTo.ID)
		if err != nil && !portal.IsCode(err, portal.NotFound) {
			return "", err
		}
		if state := inv.State(t.now); state != portal.InvitationPending {
			return "The invitation is " + string(state) + ".", nil
		} else if inv.Version != m.LinkTo.Version {
			return "A newer invitation was sent.", nil
		}
		org, err := t.organization(inv.OrgID)
		if err == nil && org.State != portal.OrgActive {
			return "The organization is " + string(org.State) + ".", nil
		}
		return "", err
	case portal.LinkProof:
		err := t.row(`SELECT count(*) FROM users WHERE public_id = ? AND state = 'unproven' AND proof_version = ? AND proof_expires_at > ?`,
			m.LinkTo.ID, m.LinkTo.Version, millis(t.now)).Scan(&known)
		if err == nil && known == 0 {
			return "The link in it is over.", nil
		}
		return "", err
	case portal.LinkReset:
		err := t.row(`SELECT count(*) FROM users WHERE public_id = ? AND state <> 'deactivated' AND reset_version = ? AND reset_expires_at > ?`,
			m.LinkTo.ID, m.LinkTo.Version, millis(t.now)).Scan(&known)
		if err == nil && known == 0 {
			return "The link in it is over.", nil
		}
		return "", err
	case portal.LinkEmail:
		err := t.row(`SELECT count(*) FROM users u JOIN email_changes c ON c.user_id = u.id WHERE u.public_id = ? AND c.version = ? AND c.expires_at > ?`,
			m.LinkTo.ID, m.LinkTo.Version, millis(t.now)).Scan(&known)
		if err == nil && known == 0 {
			return "The link in it is over.", nil
		}
		return "", err
	}
	// What an admin or a member is told concerns them only while they are one.
	switch m.Kind {
	case portal.MailUserWaiting, portal.MailOrgRequested:
		err := t.row(`SELECT count(*) FROM users WHERE id = ? AND admin = 1 AND state = 'active'`, userID).Scan(&known)
		if err == nil && known == 0 {
			return "The recipient is no portal admin any more.", nil
		}
		return "", err
	case portal.MailOrgSuspended, portal.MailOrgResumed, portal.MailOrgDeleted:
		org, err := t.organization(orgID)
		told := map[portal.MailKind]portal.OrgState{portal.MailOrgSuspended: portal.OrgSuspended, portal.MailOrgResumed: portal.OrgActive, portal.MailOrgDeleted: portal.OrgDeleted}
		if err == nil && org.State != told[m.Kind] {
			return "The organization is " + string(org.State) + " by now.", nil
		} else if err != nil {
			return "", err
		}
		return t.outside(userID, orgID)
	case portal.MailAskAgain, portal.MailAccepted, portal.MailRoleChanged, portal.MailKeyExpiring:
		if orgID == 0 {
			return "", nil // a key of one's own
		}
		return t.outside(userID, orgID)
	}
	return "", nil
}

// outside says that somebody does not belong to an organization any more, or "".
func (t *tx) outside(userID, orgID int64) (string, error) {
	var known int
	err := t.row(`SELECT (SELECT count(*) FROM memberships WHERE org_id = ? AND user_id = ?)
		+ (SELECT count(*) FROM users WHERE id = ? AND admin = 1 AND state = 'active')`, orgID, userID, userID).Scan(&known)
	if err == nil && known == 0 {
		return "The recipient does not belong to the organization any more.", nil
	}
	return "", err
}

// MailWasSent notes that the server took a claimed mail, what its subject was and
// by which text it was written.
func (s *Store) MailWasSent(ctx context.Context, m portal.Mail, subject string, text portal.MailText) error {
	return s.inTx(ctx, func(t *tx) error {
		id, err := t.textID(m.Kind, text)
		if err != nil {
			return err
		}
		n, err := t.exec(`UPDATE outbox SET state = 'sent', sent_at = ?, error = '', text_id = ?, subject = ? WHERE id = ? AND state = 'queued'`, millis(t.now), id, subject, m.ID)
		if err != nil || n == 0 {
			return err
		}
		if err := t.touchMail(m.ID); err != nil || subject == m.Subject {
			return err
		}
		_, err = t.exec(`INSERT INTO search_stale (kind, org_id, id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, searchMails, everywhere, m.ID)
		return err
	})
}

// MailWasRefused notes the server's words about a claimed mail: for good, or
// until the next attempt.
func (s *Store) MailWasRefused(ctx context.Context, m portal.Mail, words string, forGood bool) error {
	return s.inTx(ctx, func(t *tx) error {
		if err := t.touchMail(m.ID); err != nil {
			return err
		}
		if forGood || m.Attempts >= portal.MaxMailAttempts {
			_, err := t.exec(`UPDATE outbox SET state = 'failed', error = ? WHERE id = ? AND state = 'queued'`, words, m.ID)
			return err
		}
		_, err := t.exec(`UPDATE outbox SET next_at = ?, error = ? WHERE id = ? AND state = 'queued'`,
			millis(t.now.Add(portal.MailBackoff(m.Attempts))), words, m.ID)
		return err
	})
}

// NextMailAt is when the next queued mail is due, or the zero time.
func (s *Store) NextMailAt(ctx context.Context) (time.Time, error) {
	var next sql.NullInt64
	err := s.read.QueryRowContext(ctx, `SELECT min(next_at) FROM outbox WHERE state = 'queued'`).Scan(&next)
	return fromNullMillis(next), err
}

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
	rows, err := s.read.QueryContext(ctx, `SELECT `+mailColumns+` FROM outbox m WHERE `+where+` AND m.id < ?`+v.where+` ORDER BY m.id DESC LIMIT ?`, args...)
	all, err := list(rows, err, func(r *sql.Rows) (portal.Mail, error) { return scanMail(r) })
	return pageOf(s, "mail", all, func(m portal.Mail) int64 { return m.ID }), err
}

// MailCounts counts the outbox by state, as Mails lists it.
func (s *Store) MailCounts(ctx context.Context, by portal.Actor) (map[portal.MailState]portal.Count, error) {
	if !by.IsAdmin() {
		return nil, portal.ErrNotFound
	}
	counts, err := countEach(ctx, s.read, portal.MailStates, `SELECT count(*) FROM (SELECT 1 FROM outbox WHERE state = ? LIMIT ?)`)
	if err != nil {
		return nil, err
	}
	var n int
	err = s.read.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM outbox m WHERE `+failing+` LIMIT ?)`, portal.MaxCount+1).Scan(&n)
	counts[portal.MailFailed] = portal.Count(n)
	return counts, err
}

// countEach counts for each state, exactly up to portal.MaxCount.
func countEach[T ~string](ctx context.Context, q querier, states []T, query string) (map[T]portal.Count, error) {
	counts := make(map[T]portal.Count, len(states))
	for _, state := range states {
		var n int
		if err := q.QueryRowContext(ctx, query, string(state), portal.MaxCount+1).Scan(&n); err != nil {
			return nil, err
		}
		counts[state] = portal.Count(n)
	}
	return counts, nil
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
