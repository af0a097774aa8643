package db

import (
	"database/sql/driver"
	"fmt"
	"os"
	"strings"
	"testing"
)

// many is how many of each thing stand behind the lists of a big scene.
func many() int {
	if os.Getenv("TEST_LONG") != "" {
		return 100_000
	}
	return 3_000
}

// grow puts n more of what is listed into the scene, by plain SQL: accounts that are
// active and that wait, organizations that are and that ask, mails that are sent and
// that failed, and audit entries; in Acme members, teams, applications, invite
// codes, and Alpha's credentials, which all have seen; and an invitation of Stan in
// each organization. They are called Row with a number, and Common.
func (f *scene) grow(n int) {
	f.t.Helper()
	acme := f.number(`SELECT id FROM organizations WHERE name = 'Acme'`)
	alpha := f.number(`SELECT id FROM applications WHERE name = 'Alpha'`)
	ann := f.number(`SELECT id FROM users WHERE email = 'ann@example.org'`)
	ada := f.number(`SELECT id FROM users WHERE email = 'ada@example.org'`)
	const first = 1_000_000 // ids of what is added begin here
	counted := fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT %d UNION ALL SELECT i + 1 FROM n WHERE i < %d) `, first, first+n-1)
	values := strings.NewReplacer("$first", fmt.Sprint(first), "$now", fmt.Sprint(millis(f.s.Now())), "$acme", fmt.Sprint(acme), "$alpha", fmt.Sprint(alpha), "$ann", fmt.Sprint(ann), "$ada", fmt.Sprint(ada))
	for _, insert := range []string{
		`INSERT INTO users (id, public_id, email_key, email, first_name, last_name, password_hash, state, created_at)
			SELECT i, 'user' || i, 'row' || i || '@big.example', 'row' || i || '@big.example', 'Row' || i, 'Common', 'x', 'active', $now FROM n`,
		`INSERT INTO organizations (id, public_id, name, state, requester_id, requested_at, created_at)
			SELECT i, 'org' || i, 'Row' || i || ' Common', 'active', i, $now, $now FROM n`,
		`INSERT INTO memberships (org_id, user_id, role, first_name, last_name, joined_at) SELECT $acme, i, 'team_member', 'Row' || i, 'Common', $now FROM n`,
		`INSERT INTO teams (id, public_id, org_id, name, is_default, created_at) SELECT i, 'team' || i, $acme, 'Row' || i || ' Common', 0, $now FROM n`,
		`INSERT INTO team_members (org_id, team_id, user_id) SELECT t.org_id, t.id, n.i FROM n JOIN teams t ON t.org_id = $acme AND t.is_default = 1`,
		`INSERT INTO applications (id, public_id, org_id, owner_id, name, name_key, description, visibility, created_at)
			SELECT i, 'app' || i, $acme, $ann, 'Row' || i || ' Common', 'row' || i || ' common', '', 'organization', $now FROM n`,
		`INSERT INTO applications (id, public_id, owner_id, name, name_key, description, visibility, created_at)
			SELECT i + 1000000, 'own' || i, $ann, 'Own' || i || ' Common', 'own' || i || ' common', '', 'personal', $now FROM n`,
		`INSERT INTO outbox (id, public_id, kind, recipient, to_name, data, state, next_at, created_at)
			SELECT i, 'mail' || i, 'invitation', 'row' || i || '@big.example', 'Row' || i || ' Common', '{}', 'sent', $now, $now FROM n`,
		`INSERT INTO audit (at, actor_name, actor_mail, org_id, kind, subject, detail, ip) SELECT $now, 'Row', 'row@big.example', $acme, 'member_renamed', 'x', '', '' FROM n`,
		`INSERT INTO users (id, public_id, email_key, email, first_name, last_name, password_hash, state, created_at)
			SELECT i + 2000000, 'waits' || i, 'waits' || i || '@big.example', 'waits' || i || '@big.example', 'Waits' || i, 'Common', 'x', 'waiting', $now FROM n`,
		`INSERT INTO organizations (id, public_id, name, state, requester_id, requested_at, created_at)
			SELECT i + 2000000, 'asks' || i, 'Asks' || i || ' Common', 'pending', i, $now, $now FROM n`,
		`INSERT INTO outbox (id, public_id, kind, recipient, to_name, data, state, next_at, created_at)
			SELECT i + 2000000, 'fails' || i, 'invitation', 'fails' || i || '@big.example', 'Fails' || i || ' Common', '{}', 'failed', $now, $now FROM n`,
		`INSERT INTO credentials (id, public_id, org_id, app_id, label, hash, sealed_by, hint, created_by, created_at, revoked_at)
			SELECT i, 'key' || i, $acme, $alpha, 'Row' || i, randomblob(32), 0, 'aaaa', $ann, $now, CASE WHEN i % 2 THEN $now END FROM n`,
		`INSERT INTO reveals (credential_id, user_id, at) SELECT i, $ann, $now FROM n`,
		`INSERT INTO reveals (credential_id, user_id, at) SELECT $first, i, $now FROM n`,
		`INSERT INTO invite_codes (public_id, org_id, name, hash, quota, created_by, created_at)
			SELECT 'code' || i, $acme, 'Row' || i, randomblob(32), 5, $ann, $now FROM n`,
		`INSERT INTO invitations (public_id, org_id, email_key, email, first_name, last_name, role, state, expires_at, inviter_id, created_at)
			SELECT 'invitation' || i, i, 'stan@example.org', 'stan@example.org', 'Stan', 'Common', 'team_member', 'pending', $now + 1000000, $ada, $now FROM n`,
		`INSERT INTO search_words (kind, org_id, word, id)
			SELECT k.column1, k.column2, w.column1 || CASE w.column1 WHEN 'row' THEN n.i ELSE '' END, n.i FROM n,
			(VALUES ('organization', 0), ('user', 0), ('member', $acme), ('team', 0), ('team', $acme), ('application', 0), ('application', $acme), ('mail', 0)) k,
			(VALUES ('row'), ('common')) w`,
		`INSERT INTO search_words (kind, org_id, word, id) SELECT k.column1, k.column2, w.column1, n.i FROM n,
			(VALUES ('user', 0), ('member', $acme), ('mail', 0)) k, (VALUES ('big'), ('example')) w`,
		`INSERT INTO search_words (kind, org_id, word, id) SELECT 'application', 0, w.column1 || CASE w.column1 WHEN 'own' THEN n.i ELSE '' END, n.i + 1000000 FROM n, (VALUES ('own'), ('common')) w`,
	} {
		f.exec(values.Replace(counted + insert))
	}
	f.exec(`DELETE FROM search_stale`)
}

func TestNothingReadsMoreThanAPageOfWhatIsThere(t *testing.T) {
	t.Parallel()
	big := newScene(t)
	big.grow(many())
	r := record(big, map[string][]driver.NamedValue{})
	lists := 0
	for _, o := range operations {
		switch {
		case !o.reads:
			continue
		case o.method == "Deletion" || o.method == "VerifyAudit": // they count, and verify, what is really there
			continue
		case o.method == "CheckInvites": // it reads an organization's teams, of which there are at most portal.MaxTeams
			continue
		}
		f, r := big, r
		if o.prepare != nil {
			f = o.scene(t)
			f.grow(many() / 3)
			r = record(f, map[string][]driver.NamedValue{})
		}
		r.most = map[string]int{}
		if _, err := o.run(f, o.actor(f, o.doer)); err != nil {
			t.Errorf("%s: %s", o.method, describe(err))
		}
		for query, n := range r.most {
			if n > 10 {
				lists++
			}
			if n > 501 { // a page of what is exported, and one more
				t.Errorf("%s reads %d rows by %s", o.method, n, strings.Join(strings.Fields(query), " "))
			}
		}
	}
	if lists < 15 {
		t.Errorf("only %d lists had many rows to show", lists)
	}
}
