package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"portico/portal"
)

const (
	undoRemoval    = "removal"
	undoRevocation = "revocation"
)

// removal is what a member had before they were removed.
type removal struct {
	User, Joined int64
	Role         portal.Role
	First, Last  string
	Teams        []int64
	Apps         []int64 // personal ones, which passed to
	Heir         int64   // 0: nobody
	Links        []link  // invitations that ended because they had copied the link
}

type link struct{ Invitation, Version, Expires int64 }

// revocation is the invitation that was revoked.
type revocation struct{ Invitation int64 }

// holdings notes what a member has, before they are removed.
func (t *tx) holdings(o portal.Organization, m portal.Member) (removal, error) {
	r := removal{User: m.UserID, Joined: millis(m.JoinedAt), Role: m.Role, First: m.First, Last: m.Last}
	var err error
	if r.Teams, err = t.numbers(`SELECT team_id FROM team_members WHERE org_id = ? AND user_id = ?`, o.ID, m.UserID); err != nil {
		return r, err
	}
	if r.Apps, err = t.numbers(`SELECT id FROM applications WHERE org_id = ? AND owner_id = ? AND visibility = 'personal' AND deleted_at IS NULL`, o.ID, m.UserID); err != nil {
		return r, err
	}
	rows, err := t.rows(`SELECT id, version, expires_at FROM invitations WHERE org_id = ? AND state IN ('pending', 'revoked') AND expires_at > ?
		AND id IN (SELECT invitation_id FROM link_copies WHERE user_id = ?)`, o.ID, millis(t.now), m.UserID)
	r.Links, err = list(rows, err, func(r *sql.Rows) (link, error) {
		var l link
		return l, r.Scan(&l.Invitation, &l.Version, &l.Expires)
	})
	return r, err
}

func (t *tx) numbers(query string, args ...any) ([]int64, error) {
	rows, err := t.rows(query, args...)
	return list(rows, err, func(r *sql.Rows) (int64, error) {
		var n int64
		return n, r.Scan(&n)
	})
}

// remember makes what by does now undoable, and gives the id by which it is.
func (t *tx) remember(by portal.Actor, o portal.Organization, kind string, before any) (string, error) {
	data, err := json.Marshal(before)
	if err != nil {
		return "", err
	}
	id := newID()
	_, err = t.exec(`INSERT INTO undos (public_id, org_id, actor_id, kind, data, made_at) VALUES (?, ?, ?, ?, ?, ?)`,
		id, o.ID, by.UserID, kind, string(data), millis(t.now))
	return id, err
}

// Undo takes back the removal of a member or the revocation of an invitation, for
// who did it, once, and for a few seconds.
func (s *Store) Undo(ctx context.Context, by portal.Actor, publicID string) (portal.Undone, error) {
	var done portal.Undone
	err := s.changeIn(ctx, by, portal.ManageMembers, func(t *tx, by portal.Actor, o portal.Organization) error {
		var id, made int64
		var kind, data string
		err := t.row(`SELECT id, kind, data, made_at FROM undos WHERE public_id = ? AND org_id = ? AND actor_id = ?`, publicID, o.ID, by.UserID).
			Scan(&id, &kind, &data, &made)
		if err != nil {
			return one(err)
		}
		n, err := t.exec(`UPDATE undos SET undone_at = ? WHERE id = ? AND undone_at IS NULL`, millis(t.now), id)
		if err != nil {
			return err
		}
		if n == 0 {
			return portal.Errorf(portal.Conflict, "This has been undone already.")
		}
		if !portal.MayUndo(fromMillis(made), t.now) {
			return portal.Errorf(portal.Gone, "It is too late to undo this. You can send a new invitation instead.")
		}
		if kind == undoRevocation {
			var r revocation
			if err := json.Unmarshal([]byte(data), &r); err != nil {
				return err
			}
			done.Invitation = true
			done.Who, err = t.unrevoke(by, o, r)
			return err
		}
		var r removal
		if err := json.Unmarshal([]byte(data), &r); err != nil {
			return err
		}
		done.Who, err = t.unremove(by, o, r, publicID, made)
		return err
	})
	return done, err
}

// unremove makes somebody a member again, with what they had, and drops the mails
// that say that they were removed at that time.
func (t *tx) unremove(by portal.Actor, o portal.Organization, r removal, undo string, at int64) (string, error) {
	name := portal.FullName(r.First, r.Last)
	a, err := t.account(`u.id = ?`, r.User)
	if err != nil {
		return "", err
	}
	if a.State == portal.UserDeleted {
		return "", portal.Errorf(portal.Conflict, "The account of %s has been deleted meanwhile.", name)
	}
	n, err := t.exec(`INSERT INTO memberships (org_id, user_id, role, first_name, last_name, joined_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		o.ID, r.User, r.Role, r.First, r.Last, r.Joined)
	if err != nil {
		return "", fmt.Errorf("insert membership: %w", err)
	}
	if n == 0 {
		return "", portal.Errorf(portal.Conflict, "%s is a member of %s already.", name, o.Name)
	}
	if err := t.intoTeams(o, r); err != nil {
		return "", err
	}
	for _, id := range r.Apps {
		if used, err := t.keysUsed(o, r, id, at); err != nil {
			return "", err
		} else if used {
			return "", portal.Errorf(portal.Conflict, "Somebody has looked at a key of their application meanwhile, or made one, so this cannot be undone. Invite %s again.", name)
		}
		if _, err := t.exec(`UPDATE applications SET owner_id = ?, version = version + 1 WHERE id = ? AND org_id = ? AND owner_id = ? AND visibility = 'personal'`,
			r.User, id, o.ID, r.Heir); err != nil {
			return "", err
		}
	}
	for _, l := range r.Links {
		if _, err := t.exec(`UPDATE invitations SET expires_at = ? WHERE id = ? AND version = ? AND state IN ('pending', 'revoked')`, l.Expires, l.Invitation, l.Version); err != nil {
			return "", err
		}
	}
	if _, err := t.exec(`UPDATE outbox SET state = 'cancelled', error = 'The removal was undone.' WHERE link_id = ? AND link_id <> '' AND state IN ('queued', 'kept')`, undo); err != nil {
		return "", err
	}
	return name, t.audit(by, o.ID, portal.AuditRemovalUndone, a.Email, r.Role.Words())
}

// keysUsed reports whether somebody else knows a key of an application that would
// go back to who was removed at that time: to them it would be theirs alone.
func (t *tx) keysUsed(o portal.Organization, r removal, app, at int64) (bool, error) {
	var n int
	err := t.row(`SELECT EXISTS (SELECT 1 FROM applications a JOIN credentials c ON c.app_id = a.id
		WHERE a.id = ? AND a.org_id = ? AND a.owner_id = ? AND a.visibility = 'personal'
			AND (c.created_by <> ? AND c.created_at >= ? OR EXISTS (SELECT 1 FROM reveals r WHERE r.credential_id = c.id AND r.user_id <> ? AND r.at >= ?)))`,
		app, o.ID, r.Heir, r.User, at, r.User, at).Scan(&n)
	return n == 1, err
}

// intoTeams puts a member into the teams they were in, as far as those are still
// there, and otherwise into the default team.
func (t *tx) intoTeams(o portal.Organization, r removal) error {
	joined := int64(0)
	for _, id := range r.Teams {
		n, err := t.exec(`INSERT INTO team_members (org_id, team_id, user_id) SELECT org_id, id, ? FROM teams WHERE id = ? AND org_id = ?`, r.User, id, o.ID)
		if err != nil {
			return err
		}
		joined += n
	}
	if joined > 0 {
		return nil
	}
	return t.toDefaultTeam(o.ID, r.User)
}

// unrevoke opens an invitation again: its link works as before.
func (t *tx) unrevoke(by portal.Actor, o portal.Organization, r revocation) (string, error) {
	inv, err := t.invitation(`i.id = ? AND i.org_id = ?`, r.Invitation, o.ID)
	if err != nil {
		return "", err
	}
	if member, err := t.isMember(o.ID, inv.EmailKey); err != nil {
		return "", err
	} else if member {
		return "", portal.Errorf(portal.Conflict, "%s is a member of %s already.", inv.Email, o.Name)
	}
	n, err := t.exec(`UPDATE invitations SET state = 'pending', decided_by = NULL, decided_at = NULL WHERE id = ? AND state = 'revoked'`, inv.ID)
	if isUnique(err) || err == nil && n == 0 {
		return "", portal.Errorf(portal.Conflict, "%s has been invited again meanwhile.", inv.Email)
	}
	if err != nil {
		return "", err
	}
	// Its mail may have been due meanwhile, and was not sent.
	n, err = t.exec(`UPDATE outbox SET state = 'queued', error = '', next_at = ? WHERE link_id = ? AND link_id <> '' AND link_version = ? AND state = 'cancelled'`,
		millis(t.now), inv.PublicID, inv.Version)
	if err != nil {
		return "", err
	}
	t.queued = t.queued || n > 0
	return inv.Email, t.audit(by, o.ID, portal.AuditRevocationUndone, inv.Email, "")
}

// forgetUndos drops what cannot be undone any more.
func (t *tx) forgetUndos() error {
	_, err := t.exec(`DELETE FROM undos WHERE made_at < ? OR made_at > ?`, millis(t.now.Add(-time.Hour)), millis(t.now.Add(time.Hour)))
	return err
}
