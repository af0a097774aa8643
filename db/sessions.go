package db

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"time"

	"portico/portal"
)

const userColumns = `u.id, u.public_id, u.email, u.first_name, u.last_name, u.state, u.admin, u.doubtful, u.created_at`

func userFields(u *portal.User, created *int64) []any {
	return []any{&u.ID, &u.PublicID, &u.Email, &u.First, &u.Last, &u.State, &u.Admin, &u.Doubtful, created}
}

func scanUser(row interface{ Scan(...any) error }) (portal.User, error) {
	var u portal.User
	var created int64
	err := row.Scan(userFields(&u, &created)...)
	u.CreatedAt = fromMillis(created)
	return u, err
}

// seenEvery is how exact a session's last use is kept.
const seenEvery = time.Minute

// Viewer is who holds the session with that hash, or nobody: when it has ended,
// when the account may not sign in, and while signing in is switched off for
// consumers.
func (s *Store) Viewer(ctx context.Context, hash []byte, set portal.Settings) (portal.Viewer, bool, error) {
	return s.viewer(ctx, hash, set, true)
}

// ViewerUnseen is Viewer for what a page does by itself: it does not count as a
// use of the session.
func (s *Store) ViewerUnseen(ctx context.Context, hash []byte, set portal.Settings) (portal.Viewer, bool, error) {
	return s.viewer(ctx, hash, set, false)
}

func (s *Store) viewer(ctx context.Context, hash []byte, set portal.Settings, use bool) (portal.Viewer, bool, error) {
	var v portal.Viewer
	var created, sessionCreated, seen, proof int64
	err := s.read.QueryRowContext(ctx, `
		SELECT `+userColumns+`, s.created_at, s.seen_at, s.proof_at, `+hasFactor+`u.id)
		FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.hash = ?`, hash).
		Scan(append(userFields(&v.User, &created), &sessionCreated, &seen, &proof, &v.Factor)...)
	if errors.Is(err, sql.ErrNoRows) {
		return portal.Viewer{}, false, nil
	}
	if err != nil {
		return portal.Viewer{}, false, err
	}
	v.CreatedAt, v.ProofAt = fromMillis(created), fromMillis(proof)
	now := s.Now()
	// What a clock that was wrong has put into the future does not last for ever.
	over := now.Sub(fromMillis(seen)).Abs() >= set.SessionIdle || now.Sub(fromMillis(sessionCreated)).Abs() >= set.SessionAbsolute
	if over || !v.State.MaySignIn() || !v.Admin && !set.SignIn {
		return portal.Viewer{}, false, nil
	}
	if use && now.Sub(fromMillis(seen)) >= seenEvery {
		// A page is not lost because its time could not be noted.
		_ = s.inTx(ctx, func(t *tx) error {
			_, err := t.exec(`UPDATE sessions SET seen_at = ? WHERE hash = ?`, millis(t.now), hash)
			return err
		})
	}
	return v, true, nil
}

// NewSession describes the browser that signs in.
type NewSession struct {
	Hash  []byte // SHA-256 of the cookie's id
	Old   []byte // hash of the session it replaces, if any
	IP    string
	Agent string

	Device    []byte // hash of the id by which the browser is known from now on; nil: by none
	OldDevice []byte // hash of the id by which it was known before, if any
}

func (t *tx) startSession(userID int64, n NewSession) error {
	if err := t.leaveBrowser(n); err != nil {
		return err
	}
	agent := n.Agent
	if len(agent) > 200 {
		agent = agent[:200]
	}
	if _, err := t.exec(`INSERT INTO sessions (hash, user_id, created_at, seen_at, proof_at, ip, agent, device) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		n.Hash, userID, millis(t.now), millis(t.now), millis(t.now), n.IP, agent, n.Device); err != nil {
		return err
	}
	if err := t.rememberDevice(userID, n); err != nil {
		return err
	}
	// One too many ends those that were used least lately, never the new one.
	_, err := t.exec(`DELETE FROM sessions WHERE hash IN (
		SELECT hash FROM sessions WHERE user_id = ? AND hash <> ? ORDER BY seen_at DESC LIMIT 1000 OFFSET ?)`, userID, n.Hash, maxSessions-1)
	return err
}

// proofOf is when the holder of the session that is replaced gave their password.
func (t *tx) proofOf(n NewSession) (int64, error) {
	var at int64
	err := t.row(`SELECT proof_at FROM sessions WHERE hash = ?`, n.Old).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return at, err
}

// endSessions ends all sessions of a user but the one with that hash, half-made
// sign-ins, and what the browsers of all others are known by.
func (t *tx) endSessions(userID int64, but []byte) error {
	if but == nil {
		but = []byte{}
	}
	if _, err := t.exec(`DELETE FROM sign_ins WHERE user_id = ?`, userID); err != nil {
		return err
	}
	if err := t.endDevices(userID, but); err != nil {
		return err
	}
	_, err := t.exec(`DELETE FROM sessions WHERE user_id = ? AND hash <> ?`, userID, but)
	return err
}

// maxSessions is how many sessions one person has at most.
const maxSessions = 20

// sessionID is a session's hash as it stands in addresses.
func sessionID(hash []byte) string { return base64.RawURLEncoding.EncodeToString(hash) }

// Sessions lists where the actor is signed in, last used first. current is the
// hash of the session that asks.
func (s *Store) Sessions(ctx context.Context, by portal.Actor, current []byte) ([]portal.Session, error) {
	return s.sessions(ctx, by.UserID, current)
}

func (s *Store) sessions(ctx context.Context, userID int64, current []byte) ([]portal.Session, error) {
	set, err := s.Settings(ctx)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	rows, err := s.read.QueryContext(ctx, `SELECT hash, created_at, seen_at, ip, agent FROM sessions
		WHERE user_id = ? AND seen_at > ? AND seen_at < ? AND created_at > ? ORDER BY seen_at DESC LIMIT ?`,
		userID, millis(now.Add(-set.SessionIdle)), millis(now.Add(set.SessionIdle)), millis(now.Add(-set.SessionAbsolute)), maxSessions)
	return list(rows, err, func(r *sql.Rows) (portal.Session, error) {
		var one portal.Session
		var hash []byte
		var created, seen int64
		var agent string
		err := r.Scan(&hash, &created, &seen, &one.IP, &agent)
		one.ID, one.Device, one.Current = sessionID(hash), portal.Device(agent), bytes.Equal(hash, current)
		one.CreatedAt, one.SeenAt = fromMillis(created), fromMillis(seen)
		return one, err
	})
}

// EndSession signs out one of the actor's devices.
func (s *Store) EndSession(ctx context.Context, by portal.Actor, id string) (device string, err error) {
	err = s.change(ctx, by, func(t *tx, by portal.Actor) error {
		hash, err := base64.RawURLEncoding.Strict().DecodeString(id)
		if err != nil {
			return portal.ErrNotFound
		}
		var agent string
		var known []byte
		if err := t.row(`DELETE FROM sessions WHERE hash = ? AND user_id = ? RETURNING agent, device`, hash, by.UserID).Scan(&agent, &known); err != nil {
			return one(err)
		}
		if _, err := t.exec(`DELETE FROM devices WHERE user_id = ? AND hash = ?`, by.UserID, known); err != nil {
			return err
		}
		device = portal.Device(agent)
		return t.audit(by, 0, portal.AuditSessionEnded, device, "")
	})
	return device, err
}

// EndOtherSessions signs out all of the actor's devices but the one that asks.
func (s *Store) EndOtherSessions(ctx context.Context, by portal.Actor, current []byte) error {
	return s.change(ctx, by, func(t *tx, by portal.Actor) error {
		if by.UserID == 0 {
			return portal.ErrNotFound
		}
		if err := t.endDevices(by.UserID, current); err != nil {
			return err
		}
		n, err := t.exec(`DELETE FROM sessions WHERE user_id = ? AND hash <> ?`, by.UserID, current)
		if err != nil || n == 0 {
			return err
		}
		return t.audit(by, 0, portal.AuditSessionsEnded, "", "")
	})
}

// SignInDemo signs somebody of the demo in without a password. Only the demo's
// own routes call it, and only the demo has those.
func (s *Store) SignInDemo(ctx context.Context, userID int64, session NewSession) error {
	return s.inTx(ctx, func(t *tx) error { return t.startSession(userID, session) })
}

// SignOut ends one session. Ending it twice is no error.
func (s *Store) SignOut(ctx context.Context, by portal.Actor, hash []byte) error {
	return s.inTx(ctx, func(t *tx) error {
		n, err := t.exec(`DELETE FROM sessions WHERE hash = ?`, hash)
		if err != nil || n == 0 {
			return err
		}
		return t.audit(by, 0, portal.AuditSignedOut, "", "")
	})
}

// Tidy removes what has ended: sessions, limit events, and organizations that were
// deleted long ago. It is run now and then.
func (s *Store) Tidy(ctx context.Context) error {
	if err := s.purge(ctx); err != nil {
		return err
	}
	return s.inTx(ctx, func(t *tx) error {
		set, err := t.settings()
		if err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM sessions WHERE seen_at < ? OR created_at < ? OR seen_at > ?`,
			millis(t.now.Add(-set.SessionIdle)), millis(t.now.Add(-set.SessionAbsolute)), millis(t.now.Add(set.SessionIdle))); err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM sign_ins WHERE expires_at < ?`, millis(t.now)); err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM devices WHERE used_at <= ?`, millis(t.now.Add(-portal.DeviceLife))); err != nil {
			return err
		}
		if err := t.forgetUses(); err != nil {
			return err
		}
		if err := t.forgetUndos(); err != nil {
			return err
		}
		if err := t.hastenMail(); err != nil {
			return err
		}
		return t.forgetLimits()
	})
}
