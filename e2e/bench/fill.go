package main

import (
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"strings"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

const (
	credentials = 100_000
	sessions    = 1_000 // of people in organizations; as many applicants wait
	pageRows    = 25
)

// The portal has one user, its admin. Organization n has row n+1, and its ten people are the rows
// n*10+2 and the following.
const (
	applicant = 1_100_000_000
)

// data is what was put into a database, and what one has to know to use it.
type data struct {
	organizations int
	path          string
	keys          []string // all live
	cookies       []string // of Super admins of the organizations 0, 1, 2 …
	adminCookie   string
	pending       []string // ids of requests that nobody has decided
}

func orgID(n int) string { return fmt.Sprintf("o%025d", n) }

// orgWord begins an organization's name: 25 of them share it.
func orgWord(n int) string { return fmt.Sprintf("Fjord%05d", n/pageRows) }

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// newKey makes a well-formed key: 32 random characters and their CRC-32.
func newKey() string {
	random, sum := make([]byte, 32), make([]byte, 6)
	_, _ = rand.Read(random)
	for i := range random {
		random[i] = base62[random[i]%62]
	}
	n := crc32.ChecksumIEEE(random)
	for i := range sum {
		sum[5-i] = base62[n%62]
		n /= 62
	}
	return "portico_" + string(random) + "_" + string(sum)
}

// fill puts organizations with 25 members each (ten people an organization, who are
// in two or three; in ten when there are very many), credentials and sessions into the database of
// a portal that is not running and has one admin, whose password everybody gets.
func fill(path string, organizations int) (*data, error) {
	d := &data{organizations: organizations, path: path}
	db, err := sql.Open("sqlite3", "file:"+path+"?_txlock=immediate&_synchronous=OFF&_cache_size=-400000")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	tx, err := db.Begin()
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	now := time.Now().UnixMilli()
	users := organizations * 10
	members := pageRows
	if organizations > 10_000 {
		members = 10 // a million memberships; those who are looked at have 25 all the same
	}
	values := strings.NewReplacer("$organizations", fmt.Sprint(organizations), "$users", fmt.Sprint(users), "$now", fmt.Sprint(now), "$members", fmt.Sprint(members),
		"$sessions", fmt.Sprint(sessions), "$rows", fmt.Sprint(pageRows), "$applicant", fmt.Sprint(applicant), "$keys", fmt.Sprint(credentials))
	// Triggers note what has to be indexed; here its words are written beside it.
	var triggers []string
	rows, err := tx.Query(`SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'search_%'`)
	if err != nil {
		return nil, err
	}
	var names []string
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return nil, err
		}
		names, triggers = append(names, name), append(triggers, text)
	}
	if err := rows.Close(); err != nil {
		return nil, err
	}
	for _, name := range names {
		if _, err := tx.Exec("DROP TRIGGER " + name); err != nil {
			return nil, err
		}
	}
	count := func(to string) string {
		return `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ` + to + ` - 1) `
	}
	// m: the members of each organization; the organizations that are looked at are full.
	ofOrgs := `WITH RECURSIVE o (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM o WHERE n < $organizations - 1),
		k (j) AS (SELECT 0 UNION ALL SELECT j + 1 FROM k WHERE j < $rows - 1),
		m (n, j, u) AS (SELECT n, j, (n * 10 + j) % $users FROM o, k WHERE j < $members OR n < $sessions) `
	for _, insert := range []string{
		count("$users") + `INSERT INTO users (id, public_id, email_key, email, first_name, last_name, password_hash, state, created_at)
			SELECT i + 2, printf('u%025d', i), printf('p%d@firm%d.example', i, i / 10), printf('p%d@firm%d.example', i, i / 10), printf('Pat%d', i), 'Example',
			(SELECT password_hash FROM users WHERE admin = 1 ORDER BY id DESC LIMIT 1), 'active', $now FROM n`,
		count("$sessions") + `INSERT INTO users (id, public_id, email_key, email, first_name, last_name, password_hash, state, created_at)
			SELECT i + $applicant, printf('q%025d', i), printf('q%d@new.example', i), printf('q%d@new.example', i), 'Quinn', printf('New%d', i), 'x', 'active', $now FROM n`,
		count("$organizations") + `INSERT INTO organizations (id, public_id, name, state, requested_at, created_at)
			SELECT i + 1, printf('o%025d', i), printf('Fjord%05d Works', i / $rows), 'active', $now, $now FROM n`,
		count("$organizations") + `INSERT INTO teams (id, public_id, org_id, name, is_default, created_at)
			SELECT i + 1, printf('t%025d', i), i + 1, printf('Fjord%05d Works All users', i / $rows), 1, $now FROM n`,
		ofOrgs + `INSERT INTO memberships (org_id, user_id, role, first_name, last_name, joined_at)
			SELECT n + 1, u + 2, CASE WHEN j < 2 THEN 'super_admin' ELSE 'team_member' END, printf('Pat%d', u), 'Example', $now FROM m`,
		`INSERT INTO team_members (org_id, team_id, user_id) SELECT org_id, org_id, user_id FROM memberships`,
		count("min($organizations, $sessions)") + `INSERT INTO applications (id, public_id, org_id, owner_id, name, name_key, description, visibility, created_at)
			SELECT i + 1, printf('a%025d', i), i + 1, i * 10 + 2, 'App', 'app', '', 'organization', $now FROM n`,
		`INSERT INTO search_words (kind, org_id, word, id) SELECT 'organization', 0, lower(substr(name, 1, 10)), id FROM organizations ORDER BY 3, 4`,
		`INSERT INTO search_words (kind, org_id, word, id) SELECT 'organization', 0, 'works', id FROM organizations`,
		`INSERT INTO search_words (kind, org_id, word, id) SELECT 'team', 0, lower(substr(name, 1, 10)), id FROM teams ORDER BY 3, 4`,
		`INSERT INTO search_words (kind, org_id, word, id) SELECT 'user', 0, lower(first_name), id FROM users WHERE id BETWEEN 2 AND $users + 1 ORDER BY 3, 4`,
		`INSERT INTO search_words (kind, org_id, word, id) SELECT 'user', 0, 'example', id FROM users WHERE id BETWEEN 2 AND $users + 1`,
		`INSERT INTO search_words (kind, org_id, word, id) SELECT 'member', org_id, lower(first_name), user_id FROM memberships ORDER BY 2, 3, 4`,
		`INSERT INTO search_words (kind, org_id, word, id) SELECT 'member', org_id, 'example', user_id FROM memberships ORDER BY 2, 4`,
		`ANALYZE`,
	} {
		if _, err := tx.Exec(values.Replace(insert)); err != nil {
			return nil, fmt.Errorf("%w: %.60s", err, insert)
		}
	}
	for _, text := range triggers {
		if _, err := tx.Exec(text); err != nil {
			return nil, err
		}
	}
	insert, err := tx.Prepare(`INSERT INTO credentials (public_id, org_id, app_id, label, hash, sealed_by, hint, created_by, created_at) VALUES (?, ?, ?, 'key', ?, 0, ?, 1, ?)`)
	if err != nil {
		return nil, err
	}
	for i := range credentials {
		key := newKey()
		d.keys = append(d.keys, key)
		hash := sha256.Sum256([]byte(key))
		org := i%min(organizations, sessions) + 1
		if _, err := insert.Exec(fmt.Sprintf("c%025d", i), org, org, hash[:], key[len(key)-4:], now); err != nil {
			return nil, err
		}
	}
	session := func(user any) (string, error) {
		id := make([]byte, 32)
		_, _ = rand.Read(id)
		cookie := base64.RawURLEncoding.EncodeToString(id)
		hash := sha256.Sum256([]byte(cookie))
		_, err := tx.Exec(`INSERT INTO sessions (hash, user_id, created_at, seen_at, proof_at, ip, agent) VALUES (?, ?, ?, ?, ?, '127.0.0.1', 'bench')`,
			hash[:], user, now, now, now)
		return cookie, err
	}
	for n := range sessions {
		cookie, err := session(n%organizations*10 + 2)
		if err != nil {
			return nil, err
		}
		d.cookies = append(d.cookies, cookie)
	}
	var admin int64
	if err := tx.QueryRow(`SELECT id FROM users WHERE admin = 1`).Scan(&admin); err != nil {
		return nil, err
	}
	if d.adminCookie, err = session(admin); err != nil {
		return nil, err
	}
	return d, tx.Commit()
}

// again makes room for writers: open requests of all applicants, and neither
// invitations nor counted attempts. The portal may be running.
func (d *data) again() error {
	db, err := sql.Open("sqlite3", "file:"+d.path+"?_txlock=immediate&_busy_timeout=10000&_foreign_keys=on")
	if err != nil {
		return err
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	now := time.Now().UnixMilli()
	for _, query := range []string{
		`DELETE FROM link_copies`, `DELETE FROM invitation_teams`, `DELETE FROM invitations`, `DELETE FROM limit_events`,
		`UPDATE organizations SET state = 'withdrawn' WHERE public_id LIKE 'r%'`,
		fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			INSERT INTO organizations (public_id, name, state, requester_id, requested_at, created_at)
			SELECT printf('r%%012d%%013d', i, %d), printf('Harbour %%d', i), 'pending', i + %d, %d, %d FROM n`, sessions-1, now, applicant, now, now),
	} {
		if _, err := tx.Exec(query); err != nil {
			return fmt.Errorf("%w: %.60s", err, query)
		}
	}
	d.pending = d.pending[:0]
	for i := range sessions {
		d.pending = append(d.pending, fmt.Sprintf("r%012d%013d", i, now))
	}
	return tx.Commit()
}
