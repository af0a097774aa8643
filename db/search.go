package db

import (
	"context"
	"database/sql"
	"errors"
	"unicode/utf8"

	"portico/portal"
)

// A searchKind is what there is to find. Its words are kept in search_words.
type searchKind string

const (
	searchOrgs    searchKind = "organization"
	searchUsers   searchKind = "user"
	searchMembers searchKind = "member" // of one organization; its id is the user's
	searchTeams   searchKind = "team"
	searchApps    searchKind = "application"
	searchMails   searchKind = "mail"
)

// everywhere is the organization 0, in which all but members are found too.
const everywhere int64 = 0

// searchTexts read the organization (0: none) and the texts of one thing.
var searchTexts = map[searchKind]string{
	searchOrgs:    `SELECT 0, name, '', '' FROM organizations WHERE id = ? AND purged_at IS NULL`,
	searchUsers:   `SELECT 0, first_name, last_name, email FROM users WHERE id = ?`,
	searchMembers: `SELECT m.org_id, m.first_name, m.last_name, u.email FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.user_id = ? AND m.org_id = ?`,
	searchTeams:   `SELECT org_id, name, '', '' FROM teams WHERE id = ?`,
	searchApps:    `SELECT COALESCE(org_id, 0), name, '', '' FROM applications WHERE id = ? AND deleted_at IS NULL`,
	searchMails:   `SELECT 0, recipient, to_name, subject FROM outbox WHERE id = ?`,
}

type stale struct {
	kind    searchKind
	org, id int64
}

// staleBatch is how many things are read and indexed at once.
const staleBatch = 500

// reindex writes the words of everything that this transaction has changed:
// triggers note what that is, so that no operation can forget it.
func (t *tx) reindex() error {
	for {
		rows, err := t.rows(`SELECT kind, org_id, id FROM search_stale ORDER BY kind, org_id, id LIMIT ?`, staleBatch)
		all, err := list(rows, err, func(r *sql.Rows) (stale, error) {
			var x stale
			return x, r.Scan(&x.kind, &x.org, &x.id)
		})
		if err != nil || len(all) == 0 {
			return err
		}
		for _, x := range all {
			if err := t.reindexOne(x); err != nil {
				return err
			}
		}
	}
}

func (t *tx) reindexOne(x stale) error {
	if _, err := t.exec(`DELETE FROM search_stale WHERE kind = ? AND org_id = ? AND id = ?`, x.kind, x.org, x.id); err != nil {
		return err
	}
	var err error
	if x.kind == searchMembers {
		_, err = t.exec(`DELETE FROM search_words WHERE kind = ? AND id = ? AND org_id = ?`, x.kind, x.id, x.org)
	} else {
		_, err = t.exec(`DELETE FROM search_words WHERE kind = ? AND id = ?`, x.kind, x.id)
	}
	if err != nil {
		return err
	}
	var org int64
	var texts [3]string
	args := []any{x.id, x.org}
	if x.kind != searchMembers {
		args = args[:1]
	}
	err = t.row(searchTexts[x.kind], args...).Scan(&org, &texts[0], &texts[1], &texts[2])
	if errors.Is(err, sql.ErrNoRows) {
		return nil // it is gone
	}
	if err != nil {
		return err
	}
	scopes := []int64{everywhere, org}
	if x.kind == searchMembers {
		scopes = scopes[1:]
	} else if org == everywhere {
		scopes = scopes[:1]
	}
	for _, w := range portal.Words(texts[:]...) {
		for _, scope := range scopes {
			if _, err := t.exec(`INSERT INTO search_words (kind, org_id, word, id) VALUES (?, ?, ?, ?)`, x.kind, scope, w, x.id); err != nil {
				return err
			}
		}
	}
	return nil
}

// A sieve narrows a list to what somebody searches. Its zero value lets all through.
type sieve struct {
	where string // begins with AND, or is empty
	args  []any
	few   bool // the rows are few and come by their ids, not by the list's own index
}

// by is a column of the list's own index in a condition. Where few rows are found
// they are looked at one by one, and the planner must not walk that index instead.
func (v sieve) by(column string) string {
	if v.few {
		return "COALESCE(" + column + ", '')"
	}
	return column
}

// fewFound is up to how many finds of one word are looked at one by one. Beyond,
// they are so frequent that a walk along the list meets a page of them soon.
const fewFound = 5000

// sieve is the condition on column that holds for things of that kind in which
// each word of query begins a word.
func (s *Store) sieve(ctx context.Context, kind searchKind, org int64, column, query string) (sieve, error) {
	var v sieve
	list, sought := portal.QueryWords(query)
	if !sought {
		return v, nil
	}
	if len(list) == 0 {
		return sieve{where: ` AND 1 = 0`}, nil // only punctuation: nothing is called that
	}
	rarest, least := 0, fewFound+1
	for i, w := range list {
		var n int
		err := s.read.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM search_words WHERE kind = ? AND org_id = ? AND word >= ? AND word < ? LIMIT ?)`,
			kind, org, w, wordEnd(w), fewFound+1).Scan(&n)
		if err != nil {
			return v, err
		}
		if n < least {
			rarest, least = i, n
		}
	}
	v.few = least <= fewFound
	for i, w := range list {
		if i == rarest && v.few {
			v.where += ` AND ` + column + ` IN (SELECT id FROM search_words WHERE kind = ? AND org_id = ? AND word >= ? AND word < ?)`
		} else {
			v.where += ` AND EXISTS (SELECT 1 FROM search_words WHERE kind = ? AND id = ` + column + ` AND org_id = ? AND word >= ? AND word < ?)`
		}
		v.args = append(v.args, kind, org, w, wordEnd(w))
	}
	return v, nil
}

// wordEnd is the first word behind all that begin with w.
func wordEnd(w string) string { return w + string(utf8.MaxRune) }
