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

// hastenMail brings mail back that a clock which was wrong has put off for longer
// than any mail waits.
func (t *tx) hastenMail() error {
	_, err := t.exec(`UPDATE outbox SET next_at = ? WHERE state = 'queued' AND next_at > ?`, millis(t.now), millis(t.now.Add(portal.LongestMailBackoff)))
	return err
}

// NextMailAt is when the next queued mail is due, or the zero time.
func (s *Store) NextMailAt(ctx context.Context) (time.Time, error) {
	var next sql.NullInt64
	err := s.read.QueryRowContext(ctx, `SELECT min(next_at) FROM outbox WHERE state = 'queued'`).Scan(&next)
	return fromNullMillis(next), err
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
