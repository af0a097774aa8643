package db

import (
	"strconv"
	"time"

	"portico/portal"
)

// limit counts one event against l for subject, or refuses when it is used up.
// The event's id lets a caller take it back (a sign-in that succeeded).
func (t *tx) limit(l portal.Limit, subject string) (id int64, err error) {
	// What a clock that was wrong has put into the future does not count for ever.
	since, until := millis(t.now.Add(-l.Window)), millis(t.now.Add(l.Window))
	var n int
	var oldest int64
	err = t.row(`SELECT count(*), COALESCE(min(at), 0) FROM (
			SELECT at FROM limit_events WHERE scope = ? AND subject = ? AND at > ? AND at < ? ORDER BY at DESC LIMIT ?)`,
		l.Scope, subject, since, until, l.Max).Scan(&n, &oldest)
	if err != nil {
		return 0, err
	}
	if n >= l.Max {
		return 0, portal.TooManyError(l.Words, fromMillis(oldest).Add(l.Window).Sub(t.now))
	}
	err = t.row(`INSERT INTO limit_events (scope, subject, at) VALUES (?, ?, ?) RETURNING id`, l.Scope, subject, millis(t.now)).Scan(&id)
	return id, err
}

func (t *tx) unlimit(ids ...int64) error {
	for _, id := range ids {
		if _, err := t.exec(`DELETE FROM limit_events WHERE id = ?`, id); err != nil {
			return err
		}
	}
	return nil
}

// who is the subject of limits on a person.
func who(by portal.Actor) string { return strconv.FormatInt(by.UserID, 10) }

// forgetLimits drops events that no window reaches, back or ahead.
func (t *tx) forgetLimits() error {
	_, err := t.exec(`DELETE FROM limit_events WHERE at < ? OR at > ?`, millis(t.now.Add(-25*time.Hour)), millis(t.now.Add(25*time.Hour)))
	return err
}
