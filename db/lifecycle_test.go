package db

import (
	"slices"
	"strings"
	"testing"
	"time"

	"portico/portal"
)

func (f *scene) suspends(org string) {
	f.t.Helper()
	_, err := f.s.SuspendOrg(f.ctx, f.user("ada"), f.ids[org], "")
	f.must(err)
}

func (f *scene) deletes(org string) {
	f.t.Helper()
	_, err := f.s.DeleteOrg(f.ctx, f.user("ada"), f.ids[org], org)
	f.must(err)
}

// lives checks whether an organization's key opens and its members get in.
func (f *scene) lives(opens, enters bool) {
	f.t.Helper()
	if _, ok := f.opens(f.value(f.ids["Alpha key"])); ok != opens {
		f.t.Errorf("the key opens: %v, want %v", ok, opens)
	}
	if _, _, err := f.s.Enter(f.ctx, f.user("abe"), f.ids["Acme"], false); (err == nil) != enters {
		f.t.Errorf("a member enters: %s, want %v", describe(err), enters)
	}
	all, err := f.s.Memberships(f.ctx, f.user("abe"))
	if f.must(err); (len(all) == 1) != enters {
		f.t.Errorf("a member belongs to %v", all)
	}
	if _, ok := f.opens(f.value(f.ids["Bravo key"])); !ok {
		f.t.Error("another organization's key does not open")
	}
}

func TestKeysStopAndStartWithTheirOrganization(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.lives(true, true)
	f.suspends("Acme")
	f.lives(false, true)
	_, err := f.s.ResumeOrg(f.ctx, f.user("ada"), f.ids["Acme"])
	f.must(err)
	f.lives(true, true)
	f.deletes("Acme")
	f.lives(false, false)
	_, err = f.s.RestoreOrg(f.ctx, f.user("ada"), f.ids["Acme"])
	f.must(err)
	f.lives(true, true)

	// Deleted while it was suspended, it comes back suspended.
	f.suspends("Acme")
	f.deletes("Acme")
	f.lives(false, false)
	o, err := f.s.RestoreOrg(f.ctx, f.user("ada"), f.ids["Acme"])
	if f.must(err); o.State != portal.OrgSuspended {
		t.Errorf("it comes back %s", o.State)
	}
	f.lives(false, true)
}

func TestWhatIsRestoredIsAsItWas(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.app("abe", "Mine", portal.VisiblePersonal)
	f.app("ann", "Shared", portal.VisibleTeam, f.ids["Acme team"])
	before := f.fingerprint()
	f.deletes("Acme")
	f.pass(portal.RestoreFor - time.Minute)
	f.must(f.s.Tidy(f.ctx))
	_, err := f.s.RestoreOrg(f.ctx, f.user("ada"), f.ids["Acme"])
	f.must(err)
	for _, table := range []string{"organizations", "invitations", "audit", "outbox", "search_words"} {
		delete(before, table)
	}
	after := f.fingerprint()
	for table, print := range before {
		if after[table] != print {
			t.Errorf("the table %s has changed", table)
		}
	}
	if n := f.number(`SELECT count(*) FROM invitations i JOIN organizations o ON o.id = i.org_id WHERE o.name = 'Acme' AND i.state = 'pending'`); n != 0 {
		t.Errorf("%d invitations are open again", n)
	}
}

func TestDeletingAsksForTheNameAndSaysWhatItEnds(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	before := f.fingerprint()
	for _, typed := range []string{"", "Acm", "Acme Inc", "Beta", "Acme\u200b"} {
		_, err := f.s.DeleteOrg(f.ctx, f.user("ada"), f.ids["Acme"], typed)
		f.refused(err, portal.Invalid, "[confirm: Type the name exactly: Acme]")
	}
	f.unchanged(before)

	f.opens(f.value(f.ids["Alpha key"])) // not written down yet
	d, err := f.s.Deletion(f.ctx, f.user("ada"), f.ids["Acme"])
	if want := (portal.Deletion{Members: 5, Invitations: 2, Applications: 1, Credentials: 1, UsedToday: 1}); f.must2(err) && d != want {
		t.Errorf("it would end %+v, want %+v", d, want)
	}
	f.pass(24 * time.Hour)
	if d, err = f.s.Deletion(f.ctx, f.user("ada"), f.ids["Acme"]); err != nil || d.UsedToday != 0 || d.Credentials != 1 {
		t.Errorf("on the day after it would end %+v, %v", d, err)
	}
}

// must2 is must in a condition.
func (f *scene) must2(err error) bool { f.t.Helper(); f.must(err); return true }

func TestRequestsAreDecidedAndNotSuspended(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	before := f.fingerprint()
	ada := f.user("ada")
	for _, org := range []string{"Rigel", "Red"} {
		_, err := f.s.SuspendOrg(f.ctx, ada, f.ids[org], "")
		f.refused(err, portal.Conflict, "can only be approved or rejected")
		_, err = f.s.DeleteOrg(f.ctx, ada, f.ids[org], org)
		f.refused(err, portal.Conflict, "can only be approved or rejected")
		_, err = f.s.RestoreOrg(f.ctx, ada, f.ids[org])
		f.refused(err, portal.Conflict, "can only be approved or rejected")
	}
	f.unchanged(before)
}

func TestNoOrganizationComesBackWithoutAnActiveSuperAdmin(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	ada := f.user("ada")
	f.deletes("Acme")
	for _, name := range []string{"ann", "amy"} {
		_, err := f.s.DeactivateUser(f.ctx, ada, f.ids[name])
		f.must(err)
	}
	f.mark()
	_, err := f.s.RestoreOrg(f.ctx, ada, f.ids["Acme"])
	f.refused(err, portal.Conflict, "Acme would have no active Super admin. Activate the account of Ann Test first.")
	f.noted(nil, nil)
	_, err = f.s.ActivateUser(f.ctx, ada, f.ids["amy"])
	f.must(err)
	_, err = f.s.RestoreOrg(f.ctx, ada, f.ids["Acme"])
	f.must(err)
}

func TestWhatIsPurgedLeavesItsNumberAndTheAuditLog(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.app("abe", "Mine", portal.VisiblePersonal)
	_, key := f.app("ann", "Shared", portal.VisibleTeam, f.ids["Acme team"])
	_, _, err := f.s.Rotate(f.ctx, f.in("ann", "Acme"), f.text(`SELECT public_id FROM applications WHERE name = 'Shared'`), key.PublicID, portal.GraceDay, "")
	f.must(err)
	_, _, err = f.s.CopyLink(f.ctx, f.in("amy", "Acme"), f.ids["ivy invitation"])
	f.must(err)
	_, _, err = f.s.Reveal(f.ctx, f.in("abe", "Acme"), f.ids["Alpha"], f.ids["Alpha key"])
	f.must(err)
	f.opens(f.value(f.ids["Alpha key"]))
	f.must(f.s.WriteUses(f.ctx))
	f.revokes("amy", "ivy")
	id := f.number(`SELECT id FROM organizations WHERE name = 'Acme'`)
	noted := f.number(`SELECT count(*) FROM audit WHERE org_id = ?`, id)

	f.deletes("Acme")
	f.pass(portal.RestoreFor)
	_, err = f.s.RestoreOrg(f.ctx, f.user("ada"), f.ids["Acme"])
	f.refused(err, portal.Gone, "more than 30 days ago")
	f.mark()
	f.must(f.s.Tidy(f.ctx))
	f.noted([]string{"nobody purged the organization Acme (deleted 30 days before)"}, nil)

	// Every table that knows organizations knows this one no more.
	tables := f.strings(`SELECT s.name FROM sqlite_schema s WHERE s.type = 'table' AND EXISTS (SELECT 1 FROM pragma_table_info(s.name) c WHERE c.name = 'org_id') ORDER BY s.name`)
	if !slices.Contains(tables, "memberships") || len(tables) < 8 {
		t.Fatalf("the tables are %v", tables)
	}
	for _, table := range tables {
		if n := f.number(`SELECT count(*) FROM `+table+` WHERE org_id = ?`, id); n > 0 && table != "audit" {
			t.Errorf("%s still has %d rows", table, n)
		}
	}
	for query, want := range map[string]int64{
		`SELECT count(*) FROM credentials`: 1, `SELECT count(*) FROM usage`: 0, `SELECT count(*) FROM link_copies`: 0,
		`SELECT count(*) FROM memberships`: 3, `SELECT count(*) FROM search_words WHERE kind = 'organization' AND word = 'acme'`: 0,
		`SELECT count(*) FROM users WHERE state = 'active' AND email IN ('ann@example.org', 'abe@example.org')`: 2,
	} {
		if n := f.number(query); n != want {
			t.Errorf("%s: %d, want %d", query, n, want)
		}
	}
	if n := f.number(`SELECT count(*) FROM audit WHERE org_id = ?`, id); n != noted+2 {
		t.Errorf("the audit log has %d entries of it, want the %d from before and two", n, noted)
	}
	if violated := f.strings(`SELECT "table" FROM pragma_foreign_key_check`); len(violated) > 0 {
		t.Errorf("references are broken in %v", violated)
	}

	// Nobody sees it any more, and a new organization is not taken for it.
	ada := f.user("ada")
	_, err = f.s.OrgForAdmin(f.ctx, ada, f.ids["Acme"])
	f.refused(err, portal.NotFound)
	_, err = f.s.RestoreOrg(f.ctx, ada, f.ids["Acme"])
	f.refused(err, portal.NotFound)
	counts, err := f.s.OrgCounts(f.ctx, ada)
	if f.must(err); counts[portal.OrgDeleted] != 0 {
		t.Errorf("%v are shown as deleted", counts[portal.OrgDeleted])
	}
	page, err := f.s.Orgs(f.ctx, ada, portal.OrgDeleted, "", "")
	if f.must(err); len(page.Items) != 0 {
		t.Errorf("the list of deleted ones has %v", page.Items)
	}
	if o, err := f.s.AddOrg(f.ctx, ada, "Acme", nil); err != nil || o.ID == id {
		t.Errorf("a new one is number %d, the purged one was %d: %v", o.ID, id, err)
	}
	f.mark()
	f.must(f.s.Tidy(f.ctx))
	f.noted(nil, nil)
}

// What a purge deletes may be referred to only by what it deletes too.
func TestNothingRefersToWhatIsPurged(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	purged := map[string]bool{}
	for _, query := range purges {
		purged[strings.Fields(query)[2]] = true
	}
	seen := 0
	for _, table := range f.strings(`SELECT name FROM sqlite_schema WHERE type = 'table'`) {
		for _, parent := range f.strings(`SELECT "table" FROM pragma_foreign_key_list(?) WHERE on_delete NOT IN ('CASCADE', 'SET NULL')`, table) {
			if seen++; purged[parent] && !purged[table] {
				t.Errorf("%s refers to %s: add it to what is purged", table, parent)
			}
		}
		of := f.number(`SELECT count(*) FROM pragma_table_info(?) WHERE name = 'org_id'`, table)
		goes := slices.ContainsFunc(f.strings(`SELECT "table" FROM pragma_foreign_key_list(?) WHERE on_delete = 'CASCADE'`, table), func(parent string) bool { return purged[parent] })
		if of > 0 && !purged[table] && !goes && table != "audit" && table != "search_stale" {
			t.Errorf("%s is of an organization: add it to what is purged", table)
		}
	}
	if seen < 20 {
		t.Errorf("only %d references were seen", seen)
	}
}

func TestMailAboutWhatIsNotSoAnyMoreIsNotSent(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.suspends("Acme")
	_, err := f.s.ResumeOrg(f.ctx, f.user("ada"), f.ids["Acme"])
	f.must(err)
	var sent []string
	for {
		m, ok, err := f.s.ClaimMail(f.ctx)
		if f.must(err); !ok {
			break
		}
		sent = append(sent, string(m.Kind)+" to "+strings.TrimSuffix(m.To, "@example.org"))
		f.must(f.s.MailWasSent(f.ctx, m, "Sent", sentText))
	}
	if want := []string{"org_resumed to ann", "org_resumed to amy"}; !slices.Equal(sent, want) {
		t.Errorf("sent was %q, want %q", sent, want)
	}
	if why := f.text(`SELECT DISTINCT error FROM outbox WHERE kind = 'org_suspended'`); why != "The organization is active by now." {
		t.Errorf("the others say %q", why)
	}
}
