package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"portico/portal"
)

// audit notes what by did, in the same transaction as the deed. orgID is 0
// outside organizations. Entries about applications carry the one that the
// transaction is about.
func (t *tx) audit(by portal.Actor, orgID int64, kind portal.AuditKind, subject, detail string) error {
	t.touch(orgID)
	e := auditRow{actorID: by.UserID, actorName: by.Name, mail: by.Email, orgID: orgID, kind: string(kind), subject: subject, detail: detail, ip: by.IP, refused: kind == portal.AuditRefused}
	if e.refused || slices.Contains(portal.ApplicationKinds, kind) {
		e.appID, e.onlyFor = t.appID, t.onlyFor
	}
	var last int64
	var seal []byte
	err := t.row(`SELECT COALESCE((SELECT max(id) FROM audit), 0), COALESCE((SELECT id FROM audit_head WHERE one = 1), 0), (SELECT mac FROM audit_head WHERE one = 1)`).Scan(&last, &e.id, &seal)
	if err != nil {
		return err
	}
	e.id, e.at = max(e.id, last)+1, millis(t.now)
	e.hash = t.s.keys.chain(seal, e)
	if _, err := t.exec(`
		INSERT INTO audit (id, at, actor_id, actor_name, actor_mail, org_id, app_id, kind, subject, detail, ip, only_for, refused, hash)
		VALUES (?, ?, NULLIF(?, 0), ?, ?, NULLIF(?, 0), NULLIF(?, 0), ?, ?, ?, ?, NULLIF(?, 0), ?, ?)`,
		e.id, e.at, e.actorID, e.actorName, e.mail, e.orgID, e.appID, e.kind, e.subject, e.detail, e.ip, e.onlyFor, e.refused, e.hash); err != nil {
		return err
	}
	if _, err := t.exec(sealAudit, e.id, t.s.keys.auditSeal(e.id, e.hash)); err != nil {
		return err
	}
	if e.refused {
		return nil
	}
	return t.tally(e.kind, e.at/dayMillis, 1)
}

// tally counts what happened on a day.
func (t *tx) tally(what string, day, n int64) error {
	_, err := t.exec(`INSERT INTO tallies (what, day, count) VALUES (?, ?, ?) ON CONFLICT (what, day) DO UPDATE SET count = count + excluded.count`, what, day, n)
	return err
}

// attempt is what somebody tried to change; the zero value is nobody's.
type attempt struct {
	by    portal.Actor
	appID int64
}

// noteRefusal notes in the audit log that a signed-in person was refused what they
// tried because of who they are or how things stand, and returns the refusal. It
// has a transaction of its own: that of the attempt is undone.
func (s *Store) noteRefusal(ctx context.Context, tried attempt, err error) error {
	var refusal *portal.Error
	if tried.by.UserID == 0 || !errors.As(err, &refusal) || refusal.Code != portal.Forbidden && refusal.Code != portal.NotFound && refusal.Code != portal.Conflict {
		return err
	}
	noteErr := s.inTx(ctx, func(t *tx) error {
		by, now := tried.by, t.now
		var same, many int
		if err := t.row(`SELECT (SELECT count(*) FROM (SELECT 1 FROM audit WHERE actor_id = ? AND refused = 1 AND at > ? AND at < ? AND subject = ? AND detail = ? LIMIT 1)),
			(SELECT count(*) FROM (SELECT 1 FROM audit WHERE actor_id = ? AND refused = 1 AND at > ? AND at < ? LIMIT ?))`,
			by.UserID, millis(now.Add(-portal.RefusalPause)), millis(now.Add(portal.RefusalPause)), by.Asked, refusal.Message,
			by.UserID, millis(now.Add(-portal.RefusalWindow)), millis(now.Add(portal.RefusalWindow)), portal.MaxRefusals).Scan(&same, &many); err != nil {
			return err
		}
		if same > 0 || many >= portal.MaxRefusals {
			return nil
		}
		orgID := by.OrgID
		if !by.Sees() {
			orgID = 0 // others' organizations do not read who came by
		}
		t.appID = tried.appID
		return t.audit(by, orgID, portal.AuditRefused, by.Asked, refusal.Message)
	})
	if noteErr != nil {
		return fmt.Errorf("note a refusal (%s): %w", refusal.Message, noteErr)
	}
	return err
}

// Refuse notes a refusal that was decided before an operation was called, as when
// the address is not for who asks, and returns it.
func (s *Store) Refuse(ctx context.Context, by portal.Actor, refusal error) error {
	return s.change(ctx, by, func(*tx, portal.Actor) error { return refusal })
}

const auditColumns = `e.id, e.at, e.actor_name, e.actor_mail, COALESCE(o.name, ''), COALESCE(o.public_id, ''), e.kind, e.subject, e.detail, e.ip, e.refused, e.hash`

const auditTables = ` FROM audit e LEFT JOIN organizations o ON o.id = e.org_id `

func scanAudit(rows *sql.Rows) (portal.AuditEntry, error) {
	var e portal.AuditEntry
	var at int64
	err := rows.Scan(&e.ID, &at, &e.ActorName, &e.ActorMail, &e.OrgName, &e.OrgID, &e.Kind, &e.Subject, &e.Detail, &e.IP, &e.Refused, &e.Hash)
	e.At = fromMillis(at)
	return e, err
}

// Activity is what happened in the actor's organization, newest first. It tells
// nobody what other pages keep from them: invitations, refused attempts and
// applications that they do not see are for Super admins.
func (s *Store) Activity(ctx context.Context, by portal.Actor, f portal.AuditFilter, cursor string) (portal.Slice[portal.AuditEntry], error) {
	if !by.May(portal.ReadActivity) {
		return portal.Slice[portal.AuditEntry]{}, portal.ErrNotFound
	}
	q := condition{text: `e.org_id = ?`, args: []any{by.OrgID}}
	if !by.May(portal.SeeInvitations) {
		q.and(`e.refused = 0 AND (e.only_for IS NULL OR e.only_for = ?)`, by.UserID)
		q.and(`e.kind NOT IN (`+marks(len(portal.InvitationKinds))+`)`, anys(portal.InvitationKinds)...)
		sees, args := sightEver(by)
		q.and(`(e.kind NOT IN (`+marks(len(portal.ApplicationKinds))+`) OR EXISTS (SELECT 1 FROM applications a WHERE a.id = e.app_id AND `+sees+`))`,
			append(anys(portal.ApplicationKinds), args...)...)
	}
	page, err := s.entries(ctx, "activity", q, f, cursor, portal.PageSize, by)
	if !by.May(portal.SeeInvitations) {
		for i, e := range page.Items {
			if e.Kind == portal.AuditJoined {
				page.Items[i].Detail, _, _ = strings.Cut(e.Detail, byCode)
			}
		}
	}
	return page, err
}

// AuditLog is what happened in the whole portal, newest first, for its admins.
func (s *Store) AuditLog(ctx context.Context, by portal.Actor, f portal.AuditFilter, cursor string) (portal.Slice[portal.AuditEntry], error) {
	return s.auditLog(ctx, by, f, cursor, portal.PageSize)
}

// exportPage is how many entries are read at once for an export.
const exportPage = 500

// AuditPage is AuditLog in longer pages, for exports.
func (s *Store) AuditPage(ctx context.Context, by portal.Actor, f portal.AuditFilter, cursor string) (portal.Slice[portal.AuditEntry], error) {
	return s.auditLog(ctx, by, f, cursor, exportPage)
}

func (s *Store) auditLog(ctx context.Context, by portal.Actor, f portal.AuditFilter, cursor string, size int) (portal.Slice[portal.AuditEntry], error) {
	if !by.IsAdmin() {
		return portal.Slice[portal.AuditEntry]{}, portal.ErrNotFound
	}
	var q condition
	if f.Org != "" {
		var id int64
		if err := s.read.QueryRowContext(ctx, `SELECT id FROM organizations WHERE public_id = ?`, f.Org).Scan(&id); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return portal.Slice[portal.AuditEntry]{}, err
		}
		q.and(`e.org_id = ?`, id)
	}
	return s.entries(ctx, "audit", q, f, cursor, size, by)
}

// maxNamed is how many organizations are offered where a name could mean several.
const maxNamed = 10

// OrgsNamed lists organizations in any state in whose names the words of query
// begin words, the newest first, for admins who look for one.
func (s *Store) OrgsNamed(ctx context.Context, by portal.Actor, query string) ([]portal.Organization, error) {
	if !by.IsAdmin() {
		return nil, portal.ErrNotFound
	}
	v, err := s.sieve(ctx, searchOrgs, everywhere, "o.id", query)
	if err != nil || v.where == "" {
		return nil, err
	}
	// #nosec G202 -- the condition is one of ours; every value is bound
	rows, err := s.read.QueryContext(ctx, `SELECT `+orgColumns+` FROM organizations o WHERE o.id > 0`+v.where+` ORDER BY o.id DESC LIMIT ?`, append(v.args, maxNamed)...)
	return list(rows, err, func(r *sql.Rows) (portal.Organization, error) { return scanOrg(r) })
}

// condition is a part of a WHERE with its arguments.
type condition struct {
	text string
	args []any
}

func (c *condition) and(text string, args ...any) {
	if c.text != "" {
		c.text += ` AND `
	}
	c.text += text
	c.args = append(slices.Clip(c.args), args...)
}

func marks(n int) string { return `?` + strings.Repeat(`, ?`, n-1) }

func anys[T any](all []T) []any {
	args := make([]any, len(all))
	for i, x := range all {
		args[i] = x
	}
	return args
}

// entries is a page of the entries for which q and the filter hold, newest first,
// for by.
func (s *Store) entries(ctx context.Context, name string, q condition, f portal.AuditFilter, cursor string, size int, by portal.Actor) (portal.Slice[portal.AuditEntry], error) {
	var none portal.Slice[portal.AuditEntry]
	if f.Kind != "" {
		q.and(`e.kind = ?`, f.Kind)
	}
	if !f.From.IsZero() {
		q.and(`e.at >= ?`, millis(f.From))
	}
	at, id := int64(math.MaxInt64), int64(math.MaxInt64)
	if !f.To.IsZero() {
		at, id = millis(f.To), 0
	}
	if last, ok := s.cursorID(name, cursor); ok {
		if err := s.read.QueryRowContext(ctx, `SELECT at, id FROM audit WHERE id = ?`, last).Scan(&at, &id); err != nil {
			return none, one(err)
		}
	}
	q.and(`(e.at, e.id) < (?, ?)`, at, id)
	const newest = ` ORDER BY e.at DESC, e.id DESC LIMIT ?`
	// #nosec G202 -- the condition is one of ours; every value is bound
	query := `SELECT ` + auditColumns + auditTables + `WHERE ` + q.text + newest
	if f.Person != "" {
		did, who, email, err := s.auditPerson(ctx, by, f.Person)
		if err != nil {
			return none, err
		}
		// What they did and what was done to them are two walks along two indexes.
		walk := `SELECT id FROM (SELECT e.id FROM audit e WHERE `
		query = `SELECT ` + auditColumns + auditTables + `WHERE e.id IN (` + walk + did + ` AND ` + q.text + newest + `) did UNION ` + walk + `e.subject = ? AND ` + q.text + newest + `) suffered)` + newest
		q.args = slices.Concat([]any{who}, q.args, []any{size + 1, email}, q.args, []any{size + 1})
	}
	rows, err := s.read.QueryContext(ctx, query, append(q.args, size+1)...)
	all, err := list(rows, err, scanAudit)
	return pageOfSize(s, name, all, size, func(e portal.AuditEntry) int64 { return e.ID }), err
}

// auditPerson is how entries of somebody are found: by their account, or by the
// address alone when there is none. In an organization others are found by the
// address alone, too, which then has to be written as it stands there: nobody
// learns who has an account elsewhere.
func (s *Store) auditPerson(ctx context.Context, by portal.Actor, address string) (did string, who any, email string, err error) {
	typed, problem := portal.ParseEmail(address)
	if problem != "" {
		return `e.actor_mail = ?`, address, address, nil
	}
	var id int64
	err = s.read.QueryRowContext(ctx, `SELECT u.id, u.email FROM users u
		WHERE u.email_key = ? AND (? OR EXISTS (SELECT 1 FROM memberships m WHERE m.org_id = ? AND m.user_id = u.id))`, typed.Key, by.IsAdmin(), by.OrgID).Scan(&id, &email)
	if errors.Is(err, sql.ErrNoRows) {
		return `e.actor_mail = ?`, typed.Display, typed.Display, nil
	}
	return `e.actor_id = ?`, id, email, err
}

const lastID = int64(1) << 62

// before is the id a page of a newest-first list starts below.
func (s *Store) before(list, cursor string) int64 {
	if id, ok := s.cursorID(list, cursor); ok {
		return id
	}
	return lastID
}

// pageOf cuts PageSize+1 rows to a page and the next one's cursor.
func pageOf[T any](s *Store, list string, all []T, id func(T) int64) portal.Slice[T] {
	return pageOfSize(s, list, all, portal.PageSize, id)
}

func pageOfSize[T any](s *Store, list string, all []T, size int, id func(T) int64) portal.Slice[T] {
	p := portal.Slice[T]{Items: all}
	if len(all) > size {
		p.Items = all[:size]
		p.Next = s.cursorFor(list, id(p.Items[size-1]))
	}
	return p
}
