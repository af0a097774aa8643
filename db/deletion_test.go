package db

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"portico/portal"
)

func TestADeletedAccountNamesNobodyAndItsAddressIsFree_REG_13(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.hasFactor("ann")
	f.must(f.s.AskForEmail(f.ctx, f.user("ann"), address("nora")))
	token := f.mailedLink(portal.MailEmailProve, "nora")
	forgotAnn(f)
	reset := f.mailedLink(portal.MailReset, "ann")
	f.must(f.s.SignInDemo(f.ctx, f.user("ann").UserID, f.browser("a")))
	id := f.user("ann").UserID
	u, err := f.s.DeleteUser(f.ctx, f.user("ann"), f.ids["ann"], nil)
	if f.must(err); u.Name() != "Ann Test" {
		t.Errorf("it is said to be of %s", u.Name())
	}
	if f.signedIn("a") {
		t.Error("a session goes on")
	}
	f.refused(f.signIn("ann", password, "b"), portal.Invalid, "do not belong together")
	f.refused(f.signIn("", "", "b"), portal.Invalid)
	_, err = f.s.ChangeEmail(f.ctx, ip, token, nil)
	if err == nil {
		t.Error("its new address can be proven")
	}
	f.refused(f.s.Reset(f.ctx, ip, reset, newPassword), portal.Gone)
	for table, query := range map[string]string{
		"users":       `SELECT first_name || last_name || email || email_key || password_hash || admin FROM users WHERE id = ?`,
		"outbox":      `SELECT COALESCE(group_concat(recipient), '') FROM outbox WHERE user_id = ?`,
		"memberships": `SELECT count(*) FROM memberships WHERE user_id = ?`,
	} {
		if got := f.text(query, id); strings.Contains(got, "nn") || strings.Contains(got, "@") {
			t.Errorf("%s still has %q", table, got)
		}
	}
	page, err := f.s.Users(f.ctx, f.user("ada"), portal.UserDeleted, "", "")
	if f.must(err); len(page.Items) != 1 || page.Items[0].Name() != "Deleted user" {
		t.Errorf("the admins read of %+v", page.Items)
	}
	// Whoever registers the address again is somebody new.
	f.must(f.s.Register(f.ctx, ip, person("ann")))
	f.must(f.s.Prove(f.ctx, ip, f.mailedLink(portal.MailProve, "ann"), "", nil))
	if orgs, err := f.s.Memberships(f.ctx, f.user("ann")); err != nil || len(orgs) != 0 {
		t.Errorf("the new ann is in %v, %v", orgs, err)
	}
}

func TestWhatSomebodyOwnsPassesOnOrEndsWithTheAccount(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	personal, _ := f.app("abe", "Mine", portal.VisiblePersonal)
	shared, sharedKey := f.appOf(f.in("abe", "Acme"), "Ours", portal.VisibleOrganization)
	_, ownKey := f.appOf(own(f.user("abe")), "Own", "")
	ours, mine := f.value(sharedKey.PublicID), f.value(ownKey.PublicID)
	for _, key := range []string{ours, mine} {
		if _, ok := f.opens(key); !ok {
			t.Fatal("a key does not work")
		}
	}
	f.mark()
	before := f.fingerprint()
	_, err := f.s.DeleteUser(f.ctx, f.user("abe"), f.ids["abe"], map[string]string{f.ids["Acme"]: f.ids["bea"]})
	f.refused(err, portal.Invalid, "Choose a Super admin of Acme")
	f.unchanged(before)

	_, err = f.s.DeleteUser(f.ctx, f.user("abe"), f.ids["abe"], map[string]string{f.ids["Acme"]: f.ids["ann"], f.ids["Beta"]: f.ids["bea"]})
	f.must(err)
	f.noted([]string{"abe took over the application Mine (now of Ann Test)", "abe took over the application Ours (now of Ann Test)",
		"abe left the organization Acme (with their account)", "abe deleted their account (own applications ended: 1)"}, nil)
	if got := f.strings(`SELECT a.name || ' ' || u.email FROM applications a JOIN users u ON u.id = a.owner_id WHERE a.public_id IN (?, ?) ORDER BY a.name`, personal.PublicID, shared.PublicID); !slices.Equal(got, []string{"Mine ann@example.org", "Ours ann@example.org"}) {
		t.Errorf("the applications are %q", got)
	}
	if _, ok := f.opens(ours); !ok {
		t.Error("the organization's key has stopped")
	}
	if _, ok := f.opens(mine); ok {
		t.Error("the key of an application of their own goes on")
	}
	// That a personal application changed hands is for its new owner alone.
	if n := f.number(`SELECT count(*) FROM audit WHERE kind = ? AND only_for IS NOT NULL`, portal.AuditAppInherited); n != 1 {
		t.Errorf("%d entries are for one person", n)
	}
}

func TestAnAccountThatOthersNeedIsNotDeleted_ROLE_06(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.exec(`UPDATE memberships SET role = 'team_member' WHERE user_id = ?`, f.user("amy").UserID)
	before := f.fingerprint()
	for _, by := range []string{"ann", "ada"} {
		_, err := f.s.DeleteUser(f.ctx, f.user(by), f.ids["ann"], nil)
		f.refused(err, portal.Conflict, "only Super admin of Acme", "Promote somebody there first")
	}
	f.unchanged(before)
	_, err := f.s.DeleteUser(f.ctx, f.user("ada"), f.ids["alan"], nil)
	f.must(err)
	_, err = f.s.DeleteUser(f.ctx, f.user("ada"), f.ids["ada"], nil)
	f.refused(err, portal.Conflict, "at least one portal admin")
	// A request that waits is withdrawn.
	f.mark()
	_, err = f.s.DeleteUser(f.ctx, f.user("rita"), f.ids["rita"], nil)
	f.must(err)
	f.noted([]string{"rita withdrew the request Rigel (with the account)", "rita deleted their account"}, nil)
}

func TestOfADeletedAccountTheFileKeepsTheAddressInTheLogOnly(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.exec(`DROP TRIGGER audit_no_delete`)
	_, err := f.s.DeleteUser(f.ctx, f.user("ada"), f.ids["abe"], nil)
	f.must(err)
	f.exec(`DELETE FROM audit`)
	f.exec(`DELETE FROM limit_events`)
	f.exec(`DELETE FROM outbox WHERE kind = 'accepted'`) // the inviter's: it tells of a new member
	f.exec(`VACUUM`)
	f.exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
	file, err := os.ReadFile(filepath.Join(f.dir, "portico.db"))
	f.must(err)
	if i := bytes.Index(file, []byte("abe@example.org")); i >= 0 {
		t.Errorf("the address stands in the file: %q", file[max(0, i-200):i+40])
	}
}
