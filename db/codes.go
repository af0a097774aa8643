package db

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"

	"portico/portal"
)

const codeColumns = `c.id, c.public_id, c.name, ` + orgColumns + `, COALESCE(t.public_id, ''), COALESCE(t.name, d.name), c.quota, c.uses, c.expires_at, c.active, c.created_at,
	u.first_name, u.last_name`

const codeTables = ` FROM invite_codes c JOIN organizations o ON o.id = c.org_id LEFT JOIN teams t ON t.id = c.team_id
	JOIN teams d ON d.org_id = c.org_id AND d.is_default = 1 JOIN users u ON u.id = c.created_by `

func scanCode(row interface{ Scan(...any) error }) (portal.InviteCode, error) {
	var c portal.InviteCode
	var orgCreated, created int64
	var expires sql.NullInt64
	var first, last string
	fields := append([]any{&c.ID, &c.PublicID, &c.Name}, orgFields(&c.Org, &orgCreated)...)
	err := row.Scan(append(fields, &c.TeamID, &c.Team, &c.Quota, &c.Uses, &expires, &c.Active, &created, &first, &last)...)
	c.Org.CreatedAt, c.CreatedAt, c.ExpiresAt, c.CreatedBy = fromMillis(orgCreated), fromMillis(created), fromNullMillis(expires), portal.FullName(first, last)
	return c, one(err)
}

// codeHash is what is kept of a code: without the instance's key nobody can try
// codes on a copy of the database.
func (s *Store) codeHash(code string) []byte {
	m := hmac.New(sha256.New, s.keys.codes)
	m.Write([]byte(portal.CodeKey(code)))
	return m.Sum(nil)
}

// Codes lists the invite codes of the actor's organization, newest first, for
// portal admins.
func (s *Store) Codes(ctx context.Context, by portal.Actor, cursor string) (portal.Slice[portal.InviteCode], error) {
	return s.codes(ctx, by, "codes", cursor, ` c.org_id = ? AND`, by.OrgID)
}

// AllCodes lists the invite codes of all organizations, newest first, for portal
// admins.
func (s *Store) AllCodes(ctx context.Context, by portal.Actor, cursor string) (portal.Slice[portal.InviteCode], error) {
	return s.codes(ctx, by, "allcodes", cursor, ``)
}

func (s *Store) codes(ctx context.Context, by portal.Actor, name, cursor, condition string, args ...any) (portal.Slice[portal.InviteCode], error) {
	if !by.IsAdmin() {
		return portal.Slice[portal.InviteCode]{}, portal.ErrNotFound
	}
	// #nosec G202 -- the condition is one of ours; every value is bound
	rows, err := s.read.QueryContext(ctx, `SELECT `+codeColumns+codeTables+` WHERE`+condition+` c.id < ? ORDER BY c.id DESC LIMIT ?`,
		append(args, s.before(name, cursor), portal.PageSize+1)...)
	all, err := list(rows, err, func(r *sql.Rows) (portal.InviteCode, error) { return scanCode(r) })
	return pageOf(s, name, all, func(c portal.InviteCode) int64 { return c.ID }), err
}

// Code is one invite code of the actor's organization, for portal admins.
func (s *Store) Code(ctx context.Context, by portal.Actor, publicID string) (portal.InviteCode, error) {
	if !by.IsAdmin() {
		return portal.InviteCode{}, portal.ErrNotFound
	}
	return readCode(ctx, s.read, by, publicID)
}

func readCode(ctx context.Context, q querier, by portal.Actor, publicID string) (portal.InviteCode, error) {
	return scanCode(q.QueryRowContext(ctx, `SELECT `+codeColumns+codeTables+` WHERE c.public_id = ? AND c.org_id = ?`, publicID, by.OrgID))
}

// changeCodes is changeAsAdmin for the codes of the actor's organization.
func (s *Store) changeCodes(ctx context.Context, by portal.Actor, f func(t *tx, by portal.Actor) error) error {
	return s.changeAsAdmin(ctx, by, func(t *tx, by portal.Actor) error {
		o, err := t.organization(by.OrgID)
		if err != nil {
			return err
		}
		if !o.State.Provisioned() {
			return portal.ErrNotFound
		}
		return f(t, by)
	})
}

// codeTeam is the row of the team chosen for a code of the actor's organization;
// nil for the default one.
func (t *tx) codeTeam(by portal.Actor, publicID string) (*int64, error) {
	var id int64
	var standard bool
	if publicID == "" {
		return nil, nil
	}
	err := t.row(`SELECT id, is_default FROM teams WHERE public_id = ? AND org_id = ?`, publicID, by.OrgID).Scan(&id, &standard)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, portal.Invalidf("team", "This team does not exist any more. Choose another one.")
	case err != nil || standard:
		return nil, err
	}
	return &id, nil
}

// CreateCode makes an invite code for the actor's organization and gives the code
// itself, this once.
func (s *Store) CreateCode(ctx context.Context, by portal.Actor, f portal.CodeForm) (portal.InviteCode, string, error) {
	var c portal.InviteCode
	value := f.Code
	if portal.CodeKey(value) == "" {
		value = portal.NewCode()
	}
	err := s.changeCodes(ctx, by, func(t *tx, by portal.Actor) error {
		n, err := f.Tidy(t.now, portal.InviteCode{})
		if err != nil {
			return err
		}
		team, err := t.codeTeam(by, f.Team)
		if err != nil {
			return err
		}
		id := newID()
		_, err = t.exec(`INSERT INTO invite_codes (public_id, org_id, team_id, name, hash, quota, expires_at, created_by, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			id, by.OrgID, team, n.Name, s.codeHash(value), n.Quota, nullMillis(n.ExpiresAt), by.UserID, millis(t.now))
		if isUnique(err) {
			return portal.Invalidf("code", "This code was used before. Choose another one.")
		} else if err != nil {
			return fmt.Errorf("insert code: %w", err)
		}
		if c, err = readCode(ctx, t, by, id); err != nil {
			return err
		}
		return t.audit(by, by.OrgID, portal.AuditCodeCreated, c.Name, codeDetail(c))
	})
	return c, value, err
}

func codeDetail(c portal.InviteCode) string {
	detail := "into " + c.Team
	if c.Quota > 0 {
		detail += fmt.Sprintf(", for %d people", c.Quota)
	}
	if !c.ExpiresAt.IsZero() {
		detail += ", through " + c.Form().Expires
	}
	return detail
}

// EditCode changes everything of an invite code but the code itself.
func (s *Store) EditCode(ctx context.Context, by portal.Actor, publicID string, f portal.CodeForm) error {
	return s.changeCodes(ctx, by, func(t *tx, by portal.Actor) error {
		old, err := readCode(ctx, t, by, publicID)
		if err != nil {
			return err
		}
		f.Code = "" // which cannot be changed
		n, err := f.Tidy(t.now, old)
		if err != nil {
			return err
		}
		team, err := t.codeTeam(by, f.Team)
		if err != nil {
			return err
		}
		if _, err := t.exec(`UPDATE invite_codes SET name = ?, team_id = ?, quota = ?, expires_at = ? WHERE id = ?`, n.Name, team, n.Quota, nullMillis(n.ExpiresAt), old.ID); err != nil {
			return err
		}
		c, err := readCode(ctx, t, by, publicID)
		if err != nil || c == old {
			return err
		}
		return t.audit(by, by.OrgID, portal.AuditCodeEdited, c.Name, codeDetail(c))
	})
}

// SwitchCode switches an invite code off, or on again.
func (s *Store) SwitchCode(ctx context.Context, by portal.Actor, publicID string, on bool) (portal.InviteCode, error) {
	var c portal.InviteCode
	err := s.changeCodes(ctx, by, func(t *tx, by portal.Actor) (err error) {
		if c, err = readCode(ctx, t, by, publicID); err != nil {
			return err
		}
		n, err := t.exec(`UPDATE invite_codes SET active = ? WHERE id = ? AND active <> ?`, on, c.ID, on)
		if err != nil {
			return err
		}
		what, kind := "off", portal.AuditCodeOff
		if on {
			what, kind = "on", portal.AuditCodeOn
		}
		if n == 0 {
			return portal.Errorf(portal.Conflict, "The code %s is switched %s already.", c.Name, what)
		}
		return t.audit(by, by.OrgID, kind, c.Name, "")
	})
	return c, err
}

// AnyCode reports whether there is a code that somebody could have.
func (s *Store) AnyCode(ctx context.Context) (bool, error) {
	until, err := remembered(ctx, s, lastCodeOf{}, func() (until int64, err error) {
		return until, s.read.QueryRowContext(ctx, `SELECT CASE WHEN EXISTS (SELECT 1 FROM invite_codes WHERE active = 1 AND expires_at IS NULL) THEN ?
			ELSE COALESCE((SELECT max(expires_at) FROM invite_codes WHERE active = 1 AND expires_at > 0), 0) END`, math.MaxInt64).Scan(&until)
	})
	return millis(s.Now()) < until, err
}

// lastCodeOf is what is remembered of codes: until when one works.
type lastCodeOf struct{}

// codeWorks holds for a code c that lets somebody in: into an active organization
// o that somebody looks after.
const codeWorks = `c.active = 1 AND (c.quota = 0 OR c.uses < c.quota) AND (c.expires_at IS NULL OR c.expires_at > ?) AND o.state = 'active'
	AND EXISTS (SELECT 1 FROM memberships m JOIN users u ON u.id = m.user_id
		WHERE m.org_id = c.org_id AND m.role = 'super_admin' AND u.state IN ('active', 'waiting', 'unproven'))`

// tryCode finds the code that somebody typed, if it works. An attempt is counted
// before the code is looked at, and taken back when it was right.
func (s *Store) tryCode(ctx context.Context, typed, ip string) (int64, error) {
	var code int64
	err := s.inTx(ctx, func(t *tx) error {
		attempt, err := t.limit(portal.LimitInviteCode, network(ip))
		if err != nil {
			return err
		}
		err = t.row(`SELECT c.id FROM invite_codes c JOIN organizations o ON o.id = c.org_id WHERE c.hash = ? AND `+codeWorks, s.codeHash(typed), millis(t.now)).Scan(&code)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // it stays counted
		} else if err != nil {
			return err
		}
		return t.unlimit(attempt)
	})
	if err == nil && code == 0 {
		err = portal.ErrCode
	}
	return code, err
}

// JoinByCode makes the actor, whose address is proven, a member of the
// organization of a code. Like an invitation it needs no approval.
func (s *Store) JoinByCode(ctx context.Context, by portal.Actor, typed string) (portal.Organization, error) {
	var org portal.Organization
	if by.UserID == 0 {
		return org, portal.ErrNotFound
	}
	if by.State == portal.UserUnproven {
		return org, errUnproven
	}
	code, err := s.tryCode(ctx, typed, by.IP)
	if err != nil {
		return org, err
	}
	err = s.change(ctx, by, func(t *tx, by portal.Actor) error {
		a, err := t.account(`u.id = ?`, by.UserID)
		if err != nil {
			return err
		}
		if a.State == portal.UserUnproven {
			return errUnproven
		}
		if _, err := t.exec(`UPDATE users SET state = 'active' WHERE id = ? AND state = 'waiting'`, a.ID); err != nil {
			return err
		}
		org, err = t.joinByCode(a, code, by.IP)
		return err
	})
	return org, err
}

var errUnproven = portal.Errorf(portal.Forbidden, "Confirm your address first, with the link that your profile can send you.")

// byCode stands before a code's name in the audit log. Who may not see invitations
// does not read on.
const byCode = ", by the invite code "

// joinByCode counts one use of a code, if it still works, and makes the account a
// member.
func (t *tx) joinByCode(a account, code int64, ip string) (portal.Organization, error) {
	c, err := scanCode(t.row(`SELECT `+codeColumns+codeTables+` WHERE c.id = ?`, code))
	if err != nil {
		return c.Org, err
	}
	if member, err := t.isMember(c.Org.ID, a.emailKey); err != nil {
		return c.Org, err
	} else if member {
		return c.Org, portal.Errorf(portal.Conflict, "You are a member of %s already.", c.Org.Name)
	}
	if removed, err := t.wasRemoved(c.Org.ID, a); err != nil {
		return c.Org, err
	} else if removed {
		return c.Org, portal.Errorf(portal.Conflict, "You were removed from %s. Ask one of its Super admins to invite you.", c.Org.Name)
	}
	n, err := t.exec(`UPDATE invite_codes SET uses = uses + 1 WHERE id = (SELECT c.id FROM invite_codes c JOIN organizations o ON o.id = c.org_id WHERE c.id = ? AND `+codeWorks+`)`,
		code, millis(t.now))
	if err != nil {
		return c.Org, err
	}
	if n == 0 {
		return c.Org, portal.ErrCode
	}
	if err := t.join(c.Org.ID, a.ID, portal.TeamMember, a.First, a.Last); err != nil {
		return c.Org, err
	}
	if c.TeamID != "" {
		if _, err := t.exec(`UPDATE team_members SET team_id = (SELECT team_id FROM invite_codes WHERE id = ?) WHERE org_id = ? AND user_id = ?`, code, c.Org.ID, a.ID); err != nil {
			return c.Org, err
		}
	}
	if _, err := t.exec(`DELETE FROM code_registrations WHERE user_id = ?`, a.ID); err != nil {
		return c.Org, err
	}
	by := a.self(ip)
	by.OrgID = c.Org.ID
	return c.Org, t.audit(by, c.Org.ID, portal.AuditJoined, c.Org.Name, "as "+portal.TeamMember.Words()+byCode+c.Name)
}

// wasRemoved reports whether somebody was taken out of an organization, under the
// address they have or under one they had: only an invitation brings them back.
func (t *tx) wasRemoved(orgID int64, a account) (bool, error) {
	rows, err := t.rows(`SELECT e.detail FROM audit e WHERE e.actor_id = ? AND e.kind = ? ORDER BY e.at`, a.ID, portal.AuditEmailChanged)
	addresses, err := list(rows, err, func(r *sql.Rows) (s string, err error) {
		err = r.Scan(&s)
		return strings.TrimPrefix(s, changedFrom), err
	})
	if err != nil {
		return false, err
	}
	for _, address := range append(addresses, a.Email, a.emailKey) {
		var last portal.AuditKind
		err := t.row(`SELECT e.kind FROM audit e WHERE e.subject = ? AND e.org_id = ? AND e.kind IN (?, ?) ORDER BY e.at DESC, e.id DESC LIMIT 1`,
			address, orgID, portal.AuditMemberRemoved, portal.AuditRemovalUndone).Scan(&last)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return false, err
		}
		if last == portal.AuditMemberRemoved {
			return true, nil
		}
	}
	return false, nil
}

// registeredWith keeps in mind with which code an account was registered; 0 is
// none.
func (t *tx) registeredWith(userID, code int64) error {
	if code == 0 {
		return nil
	}
	_, err := t.exec(`INSERT INTO code_registrations (user_id, code_id) VALUES (?, ?) ON CONFLICT (user_id) DO UPDATE SET code_id = excluded.code_id`, userID, code)
	return err
}

// registration is the code that an account was registered with and has not used
// yet, and whether it works.
func registration(ctx context.Context, s *Store, q querier, userID int64) (code int64, org string, works bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT c.id, o.name, `+codeWorks+` FROM code_registrations r JOIN invite_codes c ON c.id = r.code_id JOIN organizations o ON o.id = c.org_id
		WHERE r.user_id = ?`, millis(s.Now()), userID).Scan(&code, &org, &works)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return code, org, works, err
}

// joinRegistered makes an account whose address was just proven a member by the
// code it was registered with. One that does not work any more stays noted.
func (t *tx) joinRegistered(a account, ip string) error {
	code, _, works, err := registration(t.ctx, t.s, t, a.ID)
	if err != nil || !works {
		return err
	}
	_, err = t.joinByCode(a, code, ip)
	if portal.IsCode(err, portal.Conflict) { // an invitation was quicker
		_, err = t.exec(`DELETE FROM code_registrations WHERE user_id = ?`, a.ID)
	}
	return err
}

// CodeEnded reports whether the code that the actor registered with did not work
// any more when they had proven their address.
func (s *Store) CodeEnded(ctx context.Context, by portal.Actor) (bool, error) {
	if by.State != portal.UserActive {
		return false, nil
	}
	code, _, works, err := registration(ctx, s, s.read, by.UserID)
	return code != 0 && !works, err
}
