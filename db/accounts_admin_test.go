package db

import (
	"testing"

	"portico/portal"
)

func TestADeactivatedAccountIsShutAtOnceAndOpensAsItWas(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		who, then string
		mail      []string
	}{
		{"stan", "active", nil},
		{"wanda", "active", []string{"user_approved to wanda, queued"}}, // she was refused, so this approves her
		{"ulf", "unproven", nil},
	} {
		f := newScene(t)
		f.must(f.signIn(c.who, password, "a"))
		f.must(f.s.ForgotPassword(f.ctx, ip, address(c.who)))
		_, err := f.s.DeactivateUser(f.ctx, f.user("ada"), f.ids[c.who])
		f.must(err)
		if f.signedIn("a") {
			t.Errorf("%s is still signed in", c.who)
		}
		f.refused(f.signIn(c.who, password, "b"), portal.Invalid, "do not belong together")
		f.refused(f.s.Reset(f.ctx, ip, f.mailedLink(portal.MailReset, c.who), newPassword), portal.Gone)
		f.mark()
		_, err = f.s.ActivateUser(f.ctx, f.user("alan"), f.ids[c.who])
		f.must(err)
		f.noted([]string{"alan activated the account " + c.who}, c.mail)
		if got := f.text(`SELECT state FROM users WHERE public_id = ?`, f.ids[c.who]); got != c.then {
			t.Errorf("%s is %s, want %s", c.who, got, c.then)
		}
		f.must(f.signIn(c.who, password, "c"))
	}
}

func TestKeysOfOnesOwnStopWithTheAccountAndThoseOfAnOrganizationDoNot(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	_, k := f.appOf(own(f.user("ann")), "Own", "")
	mine, acmes := f.value(k.PublicID), f.key("Alpha")
	works := func(key string) bool {
		_, ok, err := f.s.Verify(f.ctx, key, ip)
		f.must(err)
		return ok
	}
	if !works(mine) || !works(acmes) {
		t.Fatal("the keys do not work")
	}
	p, err := f.s.Parting(f.ctx, f.user("ada"), f.ids["ann"])
	if f.must(err); p.Apps != 1 || p.Keys != 1 || p.Blocked() || len(p.Leaves) != 1 || p.Leaves[0].Shared != 1 || len(p.Leaves[0].Heirs) != 1 {
		t.Errorf("the preview is %+v", p)
	}
	_, err = f.s.DeactivateUser(f.ctx, f.user("ada"), f.ids["ann"])
	f.must(err)
	if works(mine) || !works(acmes) {
		t.Errorf("ann's own key works: %v, her organization's: %v", works(mine), works(acmes))
	}
	_, err = f.s.ActivateUser(f.ctx, f.user("ada"), f.ids["ann"])
	f.must(err)
	if !works(mine) {
		t.Error("the key does not work again")
	}
}

func TestTheLastOfASortIsNotShut_ROLE_06(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	_, err := f.s.DeactivateUser(f.ctx, f.user("ada"), f.ids["ann"])
	f.must(err)
	before := f.fingerprint()
	_, err = f.s.DeactivateUser(f.ctx, f.user("ada"), f.ids["amy"])
	f.refused(err, portal.Conflict, "Amy Test is the only Super admin of Acme", "Promote somebody there first")
	p, err := f.s.Parting(f.ctx, f.user("ada"), f.ids["amy"])
	if f.must(err); !p.Blocked() || len(p.LastIn) != 1 || p.LastIn[0].Name != "Acme" {
		t.Errorf("the preview is %+v", p)
	}
	_, err = f.s.DeactivateUser(f.ctx, f.user("ada"), f.ids["ada"])
	f.refused(err, portal.Conflict, "your own account")
	f.unchanged(before)

	_, err = f.s.SetAdmin(f.ctx, f.user("ada"), f.ids["alan"], false)
	f.must(err)
	_, err = f.s.SetAdmin(f.ctx, f.user("ada"), f.ids["ada"], false)
	f.refused(err, portal.Conflict, "at least one portal admin") // adam is deactivated
	_, err = f.s.SetAdmin(f.ctx, f.user("alan"), f.ids["alan"], true)
	f.refused(err, portal.NotFound)
	_, err = f.s.SetAdmin(f.ctx, f.user("ada"), f.ids["wanda"], true)
	f.refused(err, portal.Conflict, "Only an active one")
	_, err = f.s.SendReset(f.ctx, f.user("ada"), f.ids["dora"])
	f.refused(err, portal.Conflict, "Activate it first")
	page, err := f.s.Admins(f.ctx, f.user("ada"), "", "")
	if f.must(err); len(page.Items) != 2 {
		t.Errorf("%d portal admins are listed", len(page.Items))
	}
}

func TestTwoPortalAdminsCannotTakeItFromEachOther(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	race(t, f, func(int) []func() error {
		return []func() error{
			func() error {
				_, err := f.s.SetAdmin(f.ctx, f.user("ada"), f.ids["alan"], false)
				return err
			},
			func() error {
				_, err := f.s.SetAdmin(f.ctx, f.user("alan"), f.ids["ada"], false)
				return err
			},
		}
	}, func(_ int, answers []error) {
		oneWins(t, answers, portal.NotFound)
		f.exec(`UPDATE users SET admin = 1 WHERE email IN ('ada@example.org', 'alan@example.org')`)
	})
}
