package db

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"

	"portico/portal"
)

// maxDevices is how many browsers are known of one person at most.
const maxDevices = 20

// rememberDevice notes that somebody is signed in in a browser. It gets a new id at
// each sign-in, also for others who use it.
func (t *tx) rememberDevice(userID int64, n NewSession) error {
	if n.Device == nil {
		return nil
	}
	if _, err := t.exec(`UPDATE devices SET hash = ? WHERE hash = ?`, n.Device, n.OldDevice); err != nil {
		return err
	}
	if _, err := t.exec(`INSERT INTO devices (hash, user_id, used_at) VALUES (?, ?, ?) ON CONFLICT (user_id, hash) DO UPDATE SET used_at = excluded.used_at`,
		n.Device, userID, millis(t.now)); err != nil {
		return err
	}
	_, err := t.exec(`DELETE FROM devices WHERE user_id = ? AND hash IN (
		SELECT hash FROM devices WHERE user_id = ? AND hash <> ? ORDER BY used_at DESC LIMIT 1000 OFFSET ?)`, userID, userID, n.Device, maxDevices-1)
	return err
}

// knownDevice reports whether the account of an address was signed in to in a
// browser before.
func (t *tx) knownDevice(emailKey string, device []byte) (bool, error) {
	if len(device) == 0 {
		return false, nil
	}
	var n int
	err := t.row(`SELECT EXISTS (SELECT 1 FROM users u JOIN devices d ON d.user_id = u.id WHERE u.email_key = ? AND d.hash = ? AND d.used_at > ?)`,
		emailKey, device, millis(t.now.Add(-portal.DeviceLife))).Scan(&n)
	return n == 1, err
}

// deviceOf is the browser that a session of an account began in, if it is known.
func (s *Store) deviceOf(ctx context.Context, userID int64, session []byte) ([]byte, error) {
	var device []byte
	err := s.read.QueryRowContext(ctx, `SELECT device FROM sessions WHERE hash = ? AND user_id = ?`, session, userID).Scan(&device)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return device, err
}

// endDevices forgets the browsers of a user but the one of the session with that
// hash.
func (t *tx) endDevices(userID int64, but []byte) error {
	_, err := t.exec(`DELETE FROM devices WHERE user_id = ? AND hash NOT IN (SELECT device FROM sessions WHERE hash = ? AND user_id = ? AND device IS NOT NULL)`,
		userID, but, userID)
	return err
}

// attempts counts a try at the password of an account, and gives what to take back
// if it was right. Where others have used up the tries, a browser in which the owner
// has signed in before has a few of its own.
func (t *tx) attempts(emailKey, ip string, device []byte) ([]int64, error) {
	subject := emailKey
	if subject == "" {
		subject = "no address, from " + network(ip) // one network's slips are not everybody's
	}
	known, err := t.knownDevice(emailKey, device)
	if err != nil {
		return nil, err
	}
	var counted []int64
	var full error
	for _, l := range []struct {
		portal.Limit
		subject string
	}{{portal.LimitSignInAccount, subject}, {portal.LimitSignInAddress, network(ip)}} {
		id, err := t.limit(l.Limit, l.subject)
		if portal.IsCode(err, portal.TooMany) && known {
			full = err
		} else if err != nil {
			return nil, err
		} else {
			counted = append(counted, id)
		}
	}
	if !known {
		return counted, nil
	}
	id, err := t.limit(portal.LimitSignInDevice, emailKey+" "+hex.EncodeToString(device))
	switch {
	case err == nil:
		counted = append(counted, id)
	case !portal.IsCode(err, portal.TooMany):
		return nil, err
	case full != nil:
		return nil, full
	}
	return counted, nil
}
