package db

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/pressly/goose/v3"
)

// The audit log is a chain: each entry's hash covers the entry and the seal of the
// one before, under a key of the instance, so that nobody without that key can
// change, insert or remove an entry unseen. The seal of the newest entry is kept
// beside the log. The next entry is chained to that and not to what stands in the
// log, so that a cut end is seen, also later. What cannot be seen from inside is an
// older copy of the whole in its place: for that somebody keeps an end elsewhere.

// auditRow is an entry as it is stored. 0 stands for NULL.
type auditRow struct {
	id, at          int64
	actorID         int64
	actorName, mail string
	orgID, appID    int64
	kind, subject   string
	detail, ip      string
	onlyFor         int64
	refused         bool
	hash            []byte
}

const auditRowColumns = `id, at, COALESCE(actor_id, 0), actor_name, actor_mail, COALESCE(org_id, 0), COALESCE(app_id, 0), kind, subject, detail, ip, COALESCE(only_for, 0), refused, hash`

func scanAuditRow(rows *sql.Rows) (auditRow, error) {
	var e auditRow
	err := rows.Scan(&e.id, &e.at, &e.actorID, &e.actorName, &e.mail, &e.orgID, &e.appID, &e.kind, &e.subject, &e.detail, &e.ip, &e.onlyFor, &e.refused, &e.hash)
	return e, err
}

// chain is the hash of an entry that follows one with the seal before. Every text
// has its length in front, so that no two entries are written alike.
func (k keys) chain(before []byte, e auditRow) []byte {
	m := hmac.New(sha256.New, k.audit)
	text := func(b []byte) {
		_ = binary.Write(m, binary.BigEndian, uint64(len(b)))
		m.Write(b)
	}
	text([]byte("entry"))
	text(before)
	for _, n := range []int64{e.id, e.at, e.actorID, e.orgID, e.appID, e.onlyFor} {
		_ = binary.Write(m, binary.BigEndian, n)
	}
	_ = binary.Write(m, binary.BigEndian, e.refused)
	for _, s := range []string{e.actorName, e.mail, e.kind, e.subject, e.detail, e.ip} {
		text([]byte(s))
	}
	return m.Sum(nil)
}

// auditSeal vouches for an entry as the newest one.
func (k keys) auditSeal(id int64, hash []byte) []byte {
	m := hmac.New(sha256.New, k.audit)
	m.Write([]byte("newest"))
	_ = binary.Write(m, binary.BigEndian, id)
	m.Write(hash)
	return m.Sum(nil)
}

const sealAudit = `INSERT INTO audit_head (one, id, mac) VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE SET id = excluded.id, mac = excluded.mac`

// chainOldEntries is the migration that gives entries from before the chain their
// hashes and lets no entry be changed after that.
func (k keys) chainOldEntries(version int64) *goose.Migration {
	return goose.NewGoMigration(version, &goose.GoFunc{RunTx: func(ctx context.Context, t *sql.Tx) error {
		const batch = 1000
		var last int64
		var seal []byte
		for {
			rows, err := t.QueryContext(ctx, `SELECT `+auditRowColumns+` FROM audit WHERE id > ? ORDER BY id LIMIT ?`, last, batch)
			entries, err := list(rows, err, scanAuditRow)
			if err != nil {
				return err
			}
			for _, e := range entries {
				hash := k.chain(seal, e)
				if _, err := t.ExecContext(ctx, `UPDATE audit SET hash = ? WHERE id = ?`, hash, e.id); err != nil {
					return err
				}
				last, seal = e.id, k.auditSeal(e.id, hash)
			}
			if len(entries) < batch {
				break
			}
		}
		if last > 0 {
			if _, err := t.ExecContext(ctx, sealAudit, last, seal); err != nil {
				return err
			}
		}
		_, err := t.ExecContext(ctx, `CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END`)
		return err
	}}, nil)
}

// BrokenChain says where the audit log is not what Portico has written.
type BrokenChain struct {
	ID   int64 // of the first entry that is wrong or missing
	Text string
}

func (b *BrokenChain) Error() string { return b.Text }

// ChainEnd is the newest entry of an audit log that is whole.
type ChainEnd struct {
	Entries, ID int64
	At          time.Time
	Hash        []byte
}

// VerifyAudit checks every entry of the audit log against its hash, and its end
// against what was noted of it. A *BrokenChain names the first entry that does not
// fit. It reads one state of the database, beside a portal that goes on writing.
// seen is the end at an earlier time, if somebody kept it: it must still be there.
func (s *Store) VerifyAudit(ctx context.Context, seen ChainEnd) (ChainEnd, error) {
	var end ChainEnd
	t, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return end, err
	}
	defer t.Rollback()
	rows, err := t.QueryContext(ctx, `SELECT `+auditRowColumns+` FROM audit ORDER BY id`)
	if err != nil {
		return end, err
	}
	defer rows.Close()
	var seal []byte // of the entry before
	for rows.Next() {
		e, err := scanAuditRow(rows)
		if err != nil {
			return end, err
		}
		if !hmac.Equal(e.hash, s.keys.chain(seal, e)) {
			if e.id > end.ID+1 {
				return end, &BrokenChain{end.ID + 1, fmt.Sprintf("entry %d of the audit log is missing", end.ID+1)}
			}
			return end, &BrokenChain{e.id, fmt.Sprintf("entry %d of the audit log, of %s, is not as it was written", e.id, fromMillis(e.at).Format("2 January 2006 15:04:05 UTC"))}
		}
		if e.id == seen.ID && !hmac.Equal(e.hash, seen.Hash) {
			return end, &BrokenChain{e.id, fmt.Sprintf("entry %d of the audit log is not the one that was there before", e.id)}
		}
		end = ChainEnd{Entries: end.Entries + 1, ID: e.id, At: fromMillis(e.at), Hash: e.hash}
		seal = s.keys.auditSeal(e.id, e.hash)
	}
	if err := rows.Err(); err != nil {
		return end, err
	}
	var id int64
	var kept []byte
	err = t.QueryRowContext(ctx, `SELECT id, mac FROM audit_head WHERE one = 1`).Scan(&id, &kept)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return end, err
	}
	switch {
	case id > end.ID:
		return end, &BrokenChain{end.ID + 1, fmt.Sprintf("entry %d of the audit log is missing, and all after it up to %d", end.ID+1, id)}
	case id != end.ID || !hmac.Equal(kept, seal):
		return end, &BrokenChain{end.ID + 1, fmt.Sprintf("the seal of the audit log's newest entry is not as it was written: entries may be missing from %d on", end.ID+1)}
	}
	if seen.ID > end.ID {
		return end, &BrokenChain{seen.ID, fmt.Sprintf("entry %d of the audit log, which was there before, is missing: this is an older log", seen.ID)}
	}
	return end, nil
}
