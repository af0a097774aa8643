package e2e

import (
	"database/sql"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

// database opens the running server's database beside it. Journeys look into it
// for what no page shows, and change one thing only: the time, which they cannot
// wait for.
func (s *server) database(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(s.data, "portico.db")+"?mode=rw&_busy_timeout=10000")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// expireInvitation ends the time of the pending invitation to this address.
func (s *server) expireInvitation(t *testing.T, email string) {
	t.Helper()
	result, err := s.database(t).Exec(
		`UPDATE invitations SET expires_at = ? WHERE email = ? AND state = 'pending'`, time.Now().UnixMilli(), email)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		t.Fatalf("%d invitations to %s expired, want 1 (%v)", n, email, err)
	}
}

// bookkeeping are the tables that change without anybody having changed anything.
var bookkeeping = regexp.MustCompile(`^sqlite_|goose|session|device|limit|attempt`)

// counts gives the number of rows of each table.
func (s *server) counts(t *testing.T) map[string]int {
	t.Helper()
	db := s.database(t)
	rows, err := db.Query(`SELECT name FROM sqlite_master WHERE type = 'table'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	counts := map[string]int{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		if !bookkeeping.MatchString(name) {
			counts[name] = 0
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for name := range counts {
		var n int
		query := `SELECT count(*) FROM "` + name + `"`
		if name == "audit" {
			query += ` WHERE kind NOT IN ('signed in', 'signed out')` // the reader's own
		}
		if err := db.QueryRow(query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		counts[name] = n
	}
	return counts
}
