package db

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"strconv"

	"portico/portal"
)

// factor is the second factor of an account as the database has it.
type factor struct {
	secret  []byte
	enabled bool
	last    int64 // step of the newest code that was used
}

func factorSeal(userID int64) string { return "second factor " + strconv.FormatInt(userID, 10) }

func (s *Store) factor(ctx context.Context, q querier, userID int64) (factor, error) {
	var f factor
	var sealed []byte
	var by int
	err := q.QueryRowContext(ctx, `SELECT sealed, sealed_by, enabled_at IS NOT NULL, last_step FROM second_factors WHERE user_id = ?`, userID).
		Scan(&sealed, &by, &f.enabled, &f.last)
	if err != nil {
		return f, one(err)
	}
	secret, err := s.keys.open(sealed, by, factorSeal(userID))
	f.secret = []byte(secret)
	return f, err
}

const hasFactor = `EXISTS (SELECT 1 FROM second_factors f WHERE f.enabled_at IS NOT NULL AND f.user_id = `

func factorOn(ctx context.Context, q querier, userID int64) (bool, error) {
	var on bool
	err := q.QueryRowContext(ctx, `SELECT `+hasFactor+`?)`, userID).Scan(&on)
	return on, err
}

// needsFactor leads a member without a second factor out of an organization that
// asks for one.
func needsFactor(ctx context.Context, q querier, by portal.Actor, o portal.Organization) error {
	if !o.RequireFactor {
		return nil
	}
	on, err := factorOn(ctx, q, by.UserID)
	if err == nil && !on {
		return portal.ErrFactorMissing(o.Name)
	}
	return err
}

// adminNeedsFactor does the same for portal admins.
func adminNeedsFactor(ctx context.Context, q querier, by portal.Actor) error {
	set, err := readSettings(ctx, q)
	if err != nil || !set.AdminsFactor {
		return err
	}
	on, err := factorOn(ctx, q, by.UserID)
	if err == nil && !on {
		return portal.ErrFactorMissing(portal.ThePortal)
	}
	return err
}

// onlyMember takes from an actor what portal admins may, while they lack the second
// factor that is asked of those: in their own organizations they stay members.
func onlyMember(ctx context.Context, q querier, by portal.Actor) (portal.Actor, error) {
	if !by.IsAdmin() {
		return by, nil
	}
	err := adminNeedsFactor(ctx, q, by)
	if portal.IsCode(err, portal.FactorMissing) {
		by.Admin, err = false, nil
	}
	return by, err
}

// Factor is how the actor's account stands with its second factor.
func (s *Store) Factor(ctx context.Context, by portal.Actor) (portal.Factor, error) {
	return s.factorOf(ctx, by.UserID)
}

// UserFactor is how an account stands with its second factor, for admins.
func (s *Store) UserFactor(ctx context.Context, by portal.Actor, u portal.User) (portal.Factor, error) {
	if !by.IsAdmin() {
		return portal.Factor{}, portal.ErrNotFound
	}
	return s.factorOf(ctx, u.ID)
}

func (s *Store) factorOf(ctx context.Context, userID int64) (portal.Factor, error) {
	var f portal.Factor
	var since int64
	err := s.read.QueryRowContext(ctx, `SELECT enabled_at, (SELECT count(*) FROM recovery_codes c WHERE c.user_id = f.user_id AND c.used_at IS NULL)
		FROM second_factors f WHERE f.user_id = ? AND f.enabled_at IS NOT NULL`, userID).Scan(&since, &f.CodesLeft)
	if errors.Is(err, sql.ErrNoRows) {
		return f, nil
	}
	f.On, f.Since = err == nil, fromMillis(since)
	return f, err
}

var errFactorOn = portal.Errorf(portal.Conflict, "Two-factor sign-in is on already.")

// StartFactor makes a secret for the actor's authenticator app. It counts only
// once a right code has come back.
func (s *Store) StartFactor(ctx context.Context, by portal.Actor) error {
	return s.change(ctx, by, func(t *tx, by portal.Actor) error {
		if by.UserID == 0 {
			return portal.ErrNotFound
		}
		secret := make([]byte, portal.FactorSecretLen)
		_, _ = rand.Read(secret) // never fails, see crypto/rand
		n, err := t.exec(`INSERT INTO second_factors (user_id, sealed, sealed_by, made_at) VALUES (?, ?, ?, ?)
			ON CONFLICT (user_id) DO UPDATE SET sealed = excluded.sealed, sealed_by = excluded.sealed_by, made_at = excluded.made_at WHERE second_factors.enabled_at IS NULL`,
			by.UserID, s.keys.seal(string(secret), factorSeal(by.UserID)), s.keys.newest, millis(t.now))
		if err == nil && n == 0 {
			return errFactorOn
		}
		return err
	})
}

// FactorSetup is what the actor's app has to be told before the first code; name
// is the portal's there. Once two-factor sign-in is on, nobody reads it again.
func (s *Store) FactorSetup(ctx context.Context, by portal.Actor, name string) (portal.FactorSetup, error) {
	f, err := s.factor(ctx, s.read, by.UserID)
	if err == nil && f.enabled {
		err = portal.ErrNotFound
	}
	if err != nil {
		return portal.FactorSetup{}, err
	}
	return portal.NewFactorSetup(f.secret, name, by.Email), nil
}

// EnableFactor turns two-factor sign-in on, if the code is the app's. It returns
// the recovery codes, of which only hashes are kept.
func (s *Store) EnableFactor(ctx context.Context, by portal.Actor, code string) ([]string, error) {
	var codes []string
	wrong := false
	err := s.change(ctx, by, func(t *tx, by portal.Actor) error {
		f, err := s.factor(ctx, t, by.UserID)
		if err != nil {
			return err
		}
		if f.enabled {
			return errFactorOn
		}
		try, err := t.limit(portal.LimitCode, who(by))
		if err != nil {
			return err
		}
		step, ok := portal.MatchFactor(f.secret, portal.TidyCode(code), t.now, 0)
		if wrong = !ok; wrong {
			return nil // the attempt stays counted
		}
		if err := t.unlimit(try); err != nil {
			return err
		}
		if _, err := t.exec(`UPDATE second_factors SET enabled_at = ?, last_step = ? WHERE user_id = ?`, millis(t.now), step, by.UserID); err != nil {
			return err
		}
		if codes, err = t.makeRecoveryCodes(by.UserID); err != nil {
			return err
		}
		return t.audit(by, 0, portal.AuditFactorOn, "", "")
	})
	if err == nil && wrong {
		err = portal.Invalidf("code", "This code is not right. Look at the app again: it changes every 30 seconds. Your clocks must agree.")
	}
	return codes, err
}

// makeRecoveryCodes replaces somebody's recovery codes.
func (t *tx) makeRecoveryCodes(userID int64) ([]string, error) {
	if _, err := t.exec(`DELETE FROM recovery_codes WHERE user_id = ?`, userID); err != nil {
		return nil, err
	}
	var codes []string
	for range portal.RecoveryCodes {
		random := make([]byte, 10)
		_, _ = rand.Read(random) // never fails, see crypto/rand
		code := portal.RecoveryCode(random)
		if _, err := t.exec(`INSERT INTO recovery_codes (user_id, hash) VALUES (?, ?)`, userID, hashRecoveryCode(code)); err != nil {
			return nil, err
		}
		codes = append(codes, code)
	}
	return codes, nil
}

// hashRecoveryCode is what is kept of a recovery code. It is as random as a key, so one
// round of a plain hash will do.
func hashRecoveryCode(code string) []byte {
	sum := sha256.Sum256([]byte("portico recovery " + portal.TidyCode(code)))
	return sum[:]
}

// NewRecoveryCodes replaces the actor's recovery codes. The old ones end.
func (s *Store) NewRecoveryCodes(ctx context.Context, by portal.Actor) ([]string, error) {
	var codes []string
	err := s.change(ctx, by, func(t *tx, by portal.Actor) error {
		if on, err := factorOn(ctx, t, by.UserID); err != nil {
			return err
		} else if !on {
			return portal.ErrNotFound
		}
		var err error
		if codes, err = t.makeRecoveryCodes(by.UserID); err != nil {
			return err
		}
		return t.audit(by, 0, portal.AuditCodesMade, "", "")
	})
	return codes, err
}

// DisableFactor turns the actor's two-factor sign-in off.
func (s *Store) DisableFactor(ctx context.Context, by portal.Actor) error {
	return s.change(ctx, by, func(t *tx, by portal.Actor) error {
		if on, err := factorOn(ctx, t, by.UserID); err != nil {
			return err
		} else if !on {
			return portal.ErrNotFound
		}
		if err := t.dropFactor(by.UserID); err != nil {
			return err
		}
		return t.audit(by, 0, portal.AuditFactorOff, "", "")
	})
}

// dropFactor forgets somebody's second factor, and half-made sign-ins with it.
func (t *tx) dropFactor(userID int64) error {
	for _, table := range []string{"second_factors", "recovery_codes", "sign_ins"} {
		if _, err := t.exec(`DELETE FROM `+table+` WHERE user_id = ?`, userID); err != nil {
			return err
		}
	}
	return nil
}

// RemoveFactor takes the second factor off somebody who is locked out; they are
// told by mail. The caller has asked for the admin's password.
func (s *Store) RemoveFactor(ctx context.Context, by portal.Actor, publicID string) (portal.User, error) {
	return s.changeUser(ctx, by, publicID, func(t *tx, by portal.Actor, a account) error {
		if on, err := factorOn(ctx, t, a.ID); err != nil {
			return err
		} else if !on {
			return portal.Errorf(portal.Conflict, "%s has no two-factor sign-in.", a.Name())
		}
		if err := t.dropFactor(a.ID); err != nil {
			return err
		}
		if err := t.audit(by, 0, portal.AuditFactorRemoved, a.Email, ""); err != nil {
			return err
		}
		_, err := t.enqueue(letter{kind: portal.MailFactorRemoved, to: a.Email, toName: a.Name(), userID: a.ID,
			data: map[string]string{"name": a.Name(), "actor": by.Name}, link: portal.MailLink{Path: "/profile/two-factor"}})
		return err
	})
}

// SetAdminsFactor says whether portal admins must have a second factor.
func (s *Store) SetAdminsFactor(ctx context.Context, by portal.Actor, on bool) error {
	return s.changeAsAdmin(ctx, by, func(t *tx, by portal.Actor) error {
		set, err := t.settings()
		if err != nil || set.AdminsFactor == on {
			return err
		}
		if err := t.setSetting("admins_factor", onOff(on)); err != nil {
			return err
		}
		return t.audit(by, 0, portal.AuditSettingChanged, "Require two-factor sign-in of portal admins", "to "+onOff(on))
	})
}

// SetOrgFactor says whether members of the actor's organization must have a second
// factor.
func (s *Store) SetOrgFactor(ctx context.Context, by portal.Actor, on bool) error {
	return s.changeIn(ctx, by, portal.RequireFactor, func(t *tx, by portal.Actor, o portal.Organization) error {
		n, err := t.exec(`UPDATE organizations SET require_factor = ? WHERE id = ? AND require_factor <> ?`, on, o.ID, on)
		if err != nil || n == 0 {
			return err
		}
		return t.audit(by, o.ID, portal.AuditOrgFactor, o.Name, "to "+onOff(on))
	})
}
