package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"portico/portal"
)

// Remind queues the mails that say that a key will expire, 14, 7 and 1 day
// before, once each, to the people of its application: its owner, whoever made or
// has seen the key, and the Super admins, if they still see the application. It is
// run now and then.
func (s *Store) Remind(ctx context.Context) error {
	for {
		more := false
		err := s.inTx(ctx, func(t *tx) (err error) {
			more, err = t.remindNext()
			return err
		})
		if err != nil || !more {
			return err
		}
	}
}

// remindNext sends the reminders of one key and reports whether there was one.
func (t *tx) remindNext() (bool, error) {
	condition, args := make([]string, 0, len(portal.ReminderDays)), []any{millis(t.now), millis(t.now.Add(days(portal.ReminderDays[0])))}
	for i, n := range portal.ReminderDays {
		condition = append(condition, `c.reminded <= ? AND c.expires_at <= ?`)
		args = append(args, i, millis(t.now.Add(days(n))))
	}
	var id, appID, orgID, expires int64
	var label, hint, app, appPublic, org, orgPublic string
	err := t.row(`SELECT c.id, a.id, COALESCE(a.org_id, 0), c.expires_at, c.label, c.hint, a.name, a.public_id, COALESCE(o.name, ''), COALESCE(o.public_id, '')
		FROM credentials c JOIN applications a ON a.id = c.app_id LEFT JOIN organizations o ON o.id = a.org_id
		WHERE c.expires_at > ? AND c.expires_at <= ? AND c.revoked_at IS NULL AND c.ends_at IS NULL AND a.deleted_at IS NULL AND (o.state IS NULL OR o.state = 'active')
			AND (`+strings.Join(condition, " OR ")+`) ORDER BY c.expires_at LIMIT 1`, args...).
		Scan(&id, &appID, &orgID, &expires, &label, &hint, &app, &appPublic, &org, &orgPublic)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	at := fromMillis(expires)
	if _, err := t.exec(`UPDATE credentials SET reminded = ? WHERE id = ?`, remindersPast(at, t.now), id); err != nil {
		return false, err
	}
	path := "/me/applications/" + appPublic
	if orgPublic != "" {
		path = "/o/" + orgPublic + "/applications/" + appPublic
	}
	if label == "" {
		label = "the key that ends in " + hint
	}
	where := app
	if org != "" {
		where += " of " + org
	}
	l := letter{kind: portal.MailKeyExpiring, orgID: orgID, link: portal.MailLink{Path: path},
		data: map[string]string{"application": app, "where": where, "credential": label, "expires": at.Format("2 January 2006, 15:04 UTC"), "left": leftWords(at.Sub(t.now))}}
	rows, err := t.rows(`
		SELECT u.id, u.email, COALESCE(m.first_name, u.first_name), COALESCE(m.last_name, u.last_name)
		FROM users u JOIN applications a ON a.id = ? LEFT JOIN memberships m ON m.org_id = a.org_id AND m.user_id = u.id
		WHERE u.state IN ('active', 'waiting', 'unproven') AND (a.org_id IS NULL AND u.id = a.owner_id OR m.user_id IS NOT NULL
			AND (a.visibility = 'organization' OR u.id = a.owner_id OR a.visibility = 'team' AND (m.role = 'super_admin' OR `+inTeams+`u.id)))
			AND u.id IN (SELECT a.owner_id UNION SELECT created_by FROM credentials WHERE id = ? UNION SELECT user_id FROM reveals WHERE credential_id = ?
				UNION SELECT user_id FROM memberships WHERE org_id = a.org_id AND role = 'super_admin'))
		ORDER BY u.id`, appID, id, id)
	return true, t.enqueueEach(rows, err, l)
}

// remindersPast is how many reminders would have been due before a key was made:
// those are left out.
func remindersPast(expires, now time.Time) int {
	past := 0
	for i, n := range portal.ReminderDays {
		if !expires.IsZero() && !expires.After(now.Add(days(n))) {
			past = i + 1
		}
	}
	return past
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

func leftWords(left time.Duration) string {
	if n := int((left + 12*time.Hour) / days(1)); n > 1 {
		return fmt.Sprintf("%d days", n)
	}
	return "a day"
}
