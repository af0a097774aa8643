package db

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"portico/portal"
)

// indexed are all words by which things are found, in order.
func (f *scene) indexed() []string {
	return f.strings(`SELECT kind || ' ' || org_id || ' ' || word || ' ' || id FROM search_words ORDER BY kind, org_id, word, id`)
}

// reindexed writes all words anew and gives them.
func (f *scene) reindexed() []string {
	f.t.Helper()
	f.exec(`DELETE FROM search_words`)
	for _, all := range []string{`'organization', 0, id FROM organizations`, `'user', 0, id FROM users`, `'member', org_id, user_id FROM memberships`,
		`'team', 0, id FROM teams`, `'application', 0, id FROM applications`, `'mail', 0, id FROM outbox`} {
		f.exec(`INSERT INTO search_stale (kind, org_id, id) SELECT ` + all)
	}
	f.must(f.s.inTx(f.ctx, func(*tx) error { return nil }))
	return f.indexed()
}

func TestAfterEveryOperationTheWordsAreThoseOfWhatIsThere(t *testing.T) {
	t.Parallel()
	for _, o := range operations {
		if o.method == "Close" || o.method == "FillDemo" || o.reads {
			continue
		}
		f := o.scene(t)
		_, _ = o.run(f, o.actor(f, o.doer))
		if left := f.number(`SELECT count(*) FROM search_stale`); left != 0 {
			t.Errorf("%s leaves %d things whose words are stale", o.method, left)
		}
		have := f.indexed()
		if diff := cmp.Diff(f.reindexed(), have); diff != "" {
			t.Errorf("after %s (-right +found):\n%s", o.method, diff)
		}
		f.s.Close()
	}
}

func TestThePresentIsIndexedWhenTheDatabaseComesFromBefore(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	want := f.indexed()
	files, err := fs.Sub(migrations, "migrations")
	f.must(err)
	p, err := goose.NewProvider(goose.DialectSQLite3, f.s.write, files)
	f.must(err)
	_, err = p.DownTo(f.ctx, 49)
	f.must(err)
	f.reopen()
	if diff := cmp.Diff(want, f.indexed()); diff != "" || len(want) < 50 {
		t.Errorf("%d words; (-before +after):\n%s", len(want), diff)
	}
}

// found are the names that each list shows for a search.
func (f *scene) found(list, who, org, query string) []string {
	f.t.Helper()
	var names []string
	switch list {
	case "users":
		l, err := f.s.Users(f.ctx, f.user(who), portal.UserActive, query, "")
		f.must(err)
		for _, u := range l.Items {
			names = append(names, u.First)
		}
	case "organizations":
		l, err := f.s.Orgs(f.ctx, f.user(who), portal.OrgActive, query, "")
		f.must(err)
		for _, o := range l.Items {
			names = append(names, o.Name)
		}
	case "teams", "all teams":
		l, err := f.s.AllTeams(f.ctx, f.user(who), query, "")
		if list == "teams" {
			l, err = f.s.Teams(f.ctx, f.in(who, org), query, "")
		}
		f.must(err)
		for _, t := range l.Items {
			names = append(names, t.Name)
		}
	case "applications", "all applications":
		l, err := f.s.AllApplications(f.ctx, f.user(who), query, "")
		if list == "applications" {
			l, err = f.s.Applications(f.ctx, f.in(who, org), query, "")
		}
		f.must(err)
		for _, a := range l.Items {
			names = append(names, a.Name)
		}
	case "members":
		l, err := f.s.Members(f.ctx, f.in(who, org), query, "")
		f.must(err)
		for _, m := range l.Items {
			names = append(names, m.First)
		}
	}
	slices.Sort(names)
	return names
}

func TestListsAreSearchedByTheBeginningOfAnyWord(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.must(f.s.UpdateMember(f.ctx, f.in("ann", "Acme"), f.ids["abe"], "Zoë", "Ångström-Lee", portal.TeamMember))
	f.app("abe", "Weather Station", portal.VisibleOrganization)
	f.app("ann", "Weather Secret", portal.VisiblePersonal)
	for _, c := range []struct{ list, who, org, query, want string }{
		{"users", "ada", "", "an", "Ann"},
		{"users", "ada", "", "ANN@example", "Ann"},
		{"users", "ada", "", "test b", "Bea,Ben,Bob"},
		{"users", "ada", "", "nn", ""},
		{"users", "ada", "", "zoe", ""}, // that is what Acme calls abe
		{"users", "ada", "", "%", ""},
		{"organizations", "ada", "", "ac", "Acme"},
		{"organizations", "ada", "", "rig", ""}, // pending
		{"all teams", "ada", "", "all users", "Acme All users,Beta All users"},
		{"all teams", "ada", "", "bet us", "Beta All users"},
		{"all applications", "ada", "", "a", "Alpha"},
		{"all applications", "ada", "", "we", "Weather Secret,Weather Station"},
		{"members", "ann", "Acme", "zoe", "Zoë"},
		{"members", "ann", "Acme", "ANGS abe@", "Zoë"},
		{"members", "ann", "Acme", "lee", "Zoë"},
		{"members", "ann", "Acme", "bea", ""},
		{"members", "ann", "Acme", "example.org", "Amy,Ann,Dora,Una,Zoë"},
		{"teams", "ann", "Acme", "all", "Acme All users"},
		{"teams", "ann", "Acme", "beta", ""},
		{"applications", "abe", "Acme", "we", "Weather Station"},
		{"applications", "ann", "Acme", "we se", "Weather Secret"},
		{"applications", "ann", "Acme", "bravo", ""},
		{"applications", "bea", "Beta", "weather", ""},
	} {
		want := strings.FieldsFunc(c.want, func(r rune) bool { return r == ',' })
		if got := f.found(c.list, c.who, c.org, c.query); !slices.Equal(got, want) {
			t.Errorf("%s finds %q among %s, want %q", c.query, got, c.list, want)
		}
	}
}

func TestASearchPagesAndFindsAllAmongMany(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.grow(2 * fewFound)
	ann := f.in("ann", "Acme")
	for query, want := range map[string]int{
		"row10000":   100, // few: by their ids
		"common row": 2 * fewFound,
		"amy":        1,
		"common amy": 0,
	} {
		seen, cursor, last := 0, "", int64(0)
		for range 2*fewFound/portal.PageSize + 2 {
			l, err := f.s.Members(f.ctx, ann, query, cursor)
			f.must(err)
			for _, m := range l.Items {
				if m.UserID <= last {
					t.Fatalf("%s: %d comes after %d", query, m.UserID, last)
				}
				last = m.UserID
			}
			seen += len(l.Items)
			if cursor = l.Next; cursor == "" {
				break
			}
		}
		if seen != want {
			t.Errorf("%s finds %d, want %d", query, seen, want)
		}
	}
}
