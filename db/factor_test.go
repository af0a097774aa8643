package db

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"portico/portal"
)

// hasFactor turns on two-factor sign-in for somebody and gives the recovery codes.
func (f *scene) hasFactor(name string) []string {
	f.t.Helper()
	f.must(f.s.StartFactor(f.ctx, f.user(name)))
	codes, err := f.s.EnableFactor(f.ctx, f.user(name), f.code(name, 0))
	f.must(err)
	return codes
}

// code is what somebody's app shows, some steps from now.
func (f *scene) code(name string, steps int64) string {
	f.t.Helper()
	got, err := f.s.factor(f.ctx, f.s.write, f.user(name).UserID)
	f.must(err)
	return portal.FactorCode(got.secret, f.clock.read().Unix()/30+steps)
}

// from is a new session in a browser that had another one.
func (f *scene) from(old, new string) NewSession {
	n := f.browser(new)
	n.Old = hashOf(old)
	return n
}

func annHasFactor(f *scene) { f.hasFactor("ann") }

func annGivesPassword(f *scene) {
	annHasFactor(f)
	if err := f.signIn("ann", password, "half"); !errors.Is(err, ErrCodeNeeded) {
		f.t.Fatalf("the password alone gives %v", err)
	}
}

func TestWithASecondFactorThePasswordAloneSignsNobodyIn(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	codes := f.hasFactor("ann")
	used := f.code("ann", 0)
	in := func(code, browser string) error {
		t.Helper()
		if err := f.signIn("ann", password, browser+" half"); !errors.Is(err, ErrCodeNeeded) {
			t.Fatalf("the password alone gives %v", err)
		}
		if f.signedIn(browser + " half") {
			t.Fatal("the password alone signed somebody in")
		}
		return f.s.SignInByCode(f.ctx, code, f.from(browser+" half", browser))
	}
	f.refused(f.signIn("ann", "wrong", "x"), portal.Invalid, "do not belong together")
	f.refused(in(used, "a"), portal.Invalid, "[code: This code is not right, or has been used")
	f.must(in(f.code("ann", 1), "b"))
	f.refused(in(f.code("ann", 1), "c"), portal.Invalid, "[code:") // once
	f.must(in(" "+codes[0], "d"))
	f.refused(in(codes[0], "e"), portal.Invalid, "[code:")
	for browser, want := range map[string]bool{"a": false, "b": true, "c": false, "d": true, "e": false} {
		if f.signedIn(browser) != want {
			t.Errorf("the browser %s is signed in: %v", browser, !want)
		}
	}
	if got, err := f.s.Factor(f.ctx, f.user("ann")); err != nil || !got.On || got.CodesLeft != 9 {
		t.Errorf("the factor is %+v, %v", got, err)
	}
	f.pass(time.Minute)
	f.refused(in(f.code("ann", -1), "f"), portal.Invalid, "[code:") // the one used as the next one then
	f.must(in(f.code("ann", 0), "f again"))

	// New recovery codes end the old ones.
	f.pass(portal.LimitCode.Window)
	fresh, err := f.s.NewRecoveryCodes(f.ctx, f.user("ann"))
	f.must(err)
	f.refused(in(codes[1], "g"), portal.Invalid, "[code:")
	f.must(in(fresh[9], "h"))
}

func TestWrongCodesAreCounted(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	annGivesPassword(f)
	for range portal.LimitCode.Max {
		f.refused(f.s.SignInByCode(f.ctx, "000000", f.from("half", "whole")), portal.Invalid, "[code:")
	}
	f.reopen()
	f.refused(f.s.SignInByCode(f.ctx, f.code("ann", 1), f.from("half", "whole")), portal.TooMany, "wrong codes", "15 minutes")
	f.pass(portal.LimitCode.Window)
	f.refused(f.s.SignInByCode(f.ctx, f.code("ann", 1), f.from("half", "whole")), portal.NotFound) // too late for that sign-in
	if err := f.signIn("ann", password, "half again"); !errors.Is(err, ErrCodeNeeded) {
		t.Fatal(err)
	}
	f.must(f.s.SignInByCode(f.ctx, f.code("ann", 1), f.from("half again", "whole")))
}

func TestWhatEndsAHalfMadeSignIn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		ends func(f *scene)
	}{
		{"ten minutes", func(f *scene) { f.pass(portal.SignInLife) }},
		{"a new password", func(f *scene) {
			f.must(f.s.ChangePassword(f.ctx, f.user("ann"), password, newPassword, f.browser("other")))
		}},
		{"deactivation", func(f *scene) {
			_, err := f.s.DeactivateUser(f.ctx, f.user("ada"), f.ids["ann"])
			f.must(err)
		}},
		{"another sign-in in that browser", func(f *scene) { f.must(f.s.SignIn(f.ctx, address("bob"), password, f.from("half", "bob"))) }},
	} {
		f := newScene(t)
		annGivesPassword(f)
		f.must(f.s.SetSwitches(f.ctx, f.user("ada"), nil))
		c.ends(f)
		f.refused(f.s.SignInByCode(f.ctx, f.code("ann", 1), f.from("half", "whole")), portal.NotFound)
		if f.signedIn("whole") {
			t.Errorf("%s: somebody is signed in", c.name)
		}
	}
	f := newScene(t)
	annGivesPassword(f)
	f.switchTo("sign_in", false)
	f.refused(f.s.SignInByCode(f.ctx, f.code("ann", 1), f.from("half", "whole")), portal.Invalid, "switched off")
}

func TestANewPasswordLeavesTheSecondFactorAndANewOwnerDoesNot(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	annHasFactor(f)
	forgotAnn(f)
	f.must(f.s.Reset(f.ctx, ip, f.mailedLink(portal.MailReset, "ann"), newPassword))
	if err := f.signIn("ann", newPassword, "x"); !errors.Is(err, ErrCodeNeeded) {
		t.Errorf("after a reset the password gives %v", err)
	}
	// una came by a copied link: whoever proves the address is another person, perhaps.
	f.hasFactor("una")
	f.must(f.s.ForgotPassword(f.ctx, ip, address("una")))
	f.must(f.s.Reset(f.ctx, ip, f.mailedLink(portal.MailReset, "una"), newPassword))
	f.must(f.signIn("una", newPassword, "y"))
	// The shell is the way back in.
	f.hasFactor("ada")
	f.must(f.s.CreateAdmin(f.ctx, person("ada")))
	f.must(f.signIn("ada", password, "z"))
}

func TestAnUnconfirmedSecretChangesNothing(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.must(f.s.StartFactor(f.ctx, f.user("ann")))
	first, err := f.s.FactorSetup(f.ctx, f.user("ann"), "Portico")
	f.must(err)
	f.must(f.signIn("ann", password, "a"))
	f.must(f.s.StartFactor(f.ctx, f.user("ann")))
	if second, err := f.s.FactorSetup(f.ctx, f.user("ann"), "Portico"); err != nil || second == first {
		t.Errorf("the secret is the same as before, %v", err)
	}
	_, err = f.s.EnableFactor(f.ctx, f.user("ann"), "123456")
	f.refused(err, portal.Invalid, "[code: This code is not right")
	_, err = f.s.EnableFactor(f.ctx, f.user("ann"), f.code("ann", 0))
	f.must(err)
	_, err = f.s.FactorSetup(f.ctx, f.user("ann"), "Portico")
	f.refused(err, portal.NotFound)
	f.refused(f.s.StartFactor(f.ctx, f.user("ann")), portal.Conflict, "on already")
}

func TestWhoAsksForASecondFactorLetsNobodyInWithoutOne(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.must(f.s.SetOrgFactor(f.ctx, f.in("ann", "Acme"), true))
	before := f.fingerprint()
	for _, who := range []string{"ann", "abe"} {
		_, _, err := f.s.Enter(f.ctx, f.user(who), f.ids["Acme"], false)
		f.refused(err, portal.FactorMissing, "Acme asks for two-factor sign-in")
		_, err = f.s.CreateApplication(f.ctx, f.in(who, "Acme"), portal.NewApplication{Name: "New"})
		f.refused(err, portal.FactorMissing)
	}
	if found, err := f.s.Find(f.ctx, f.user("abe"), "al", ""); err != nil || len(found) != 0 {
		t.Errorf("without it the search finds %+v, %v", found, err)
	}
	_, _, err := f.s.Enter(f.ctx, f.user("bea"), f.ids["Beta"], false)
	f.must(err)
	_, _, err = f.s.Enter(f.ctx, f.user("bea"), f.ids["Acme"], false)
	f.refused(err, portal.NotFound)
	f.unchanged(before)
	if _, ok := f.opens(f.key("Alpha")); !ok {
		t.Error("the keys have stopped")
	}
	annHasFactor(f)
	_, _, err = f.s.Enter(f.ctx, f.user("ann"), f.ids["Acme"], false)
	f.must(err)
	f.must(f.s.SetOrgFactor(f.ctx, f.in("ann", "Acme"), false))
	_, _, err = f.s.Enter(f.ctx, f.user("abe"), f.ids["Acme"], false)
	f.must(err)

	f.must(f.s.SetAdminsFactor(f.ctx, f.user("ada"), true))
	_, err = f.s.ApproveUser(f.ctx, f.user("alan"), f.ids["wanda"])
	f.refused(err, portal.FactorMissing)
	if found, err := f.s.Find(f.ctx, f.user("alan"), "bea", ""); err != nil || len(found) != 0 {
		t.Errorf("without it the search finds %+v, %v", found, err)
	}
	f.hasFactor("alan")
	if found, err := f.s.Find(f.ctx, f.user("alan"), "bea", ""); err != nil || len(found) == 0 {
		t.Errorf("with it the search finds %+v, %v", found, err)
	}
	_, err = f.s.ApproveUser(f.ctx, f.user("alan"), f.ids["wanda"])
	f.must(err)
}

func TestSecretsAndRecoveryCodesAreNotReadInTheFile_CRED_05(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	codes := f.hasFactor("ann")
	got, err := f.s.factor(f.ctx, f.s.write, f.user("ann").UserID)
	f.must(err)
	f.exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
	file, err := os.ReadFile(filepath.Join(f.dir, "portico.db"))
	f.must(err)
	for _, secret := range append(codes, string(got.secret), portal.TidyCode(codes[0])) {
		if bytes.Contains(file, []byte(secret)) {
			t.Error("a secret stands in the file")
		}
	}
	// A secret opens for its own account only, and with a new key too.
	f.exec(`INSERT INTO second_factors SELECT ?, sealed, sealed_by, made_at, enabled_at, last_step FROM second_factors`, f.user("bob").UserID)
	if _, err := f.s.factor(f.ctx, f.s.write, f.user("bob").UserID); err == nil {
		t.Error("bob's row opens ann's secret")
	}
	f.exec(`DELETE FROM second_factors WHERE user_id = ?`, f.user("bob").UserID)
	f.must(f.s.Close())
	_, err = RotateKey(f.ctx, f.dir)
	f.must(err)
	f.open()
	after, err := f.s.factor(f.ctx, f.s.write, f.user("ann").UserID)
	if f.must(err); !bytes.Equal(after.secret, got.secret) {
		t.Error("the secret is another one after the key was changed")
	}
	if n := f.number(`SELECT sealed_by FROM second_factors`); n != int64(f.s.keys.newest) || n == 0 {
		t.Errorf("it is sealed by key %d", n)
	}
}

func TestAPortalAdminWithoutTheSecondFactorIsOnlyAMemberInTheirOrganization(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.hasFactor("ada")
	_, err := f.s.SetAdmin(f.ctx, f.user("ada"), f.ids["abe"], true)
	f.must(err)
	secret, err := f.s.CreateApplication(f.ctx, f.in("ann", "Acme"), portal.NewApplication{Name: "Secret plan", Visibility: portal.VisiblePersonal})
	f.must(err)
	f.must(f.s.SetAdminsFactor(f.ctx, f.user("ada"), true))
	abe, _, err := f.s.Enter(f.ctx, f.user("abe"), f.ids["Acme"], false)
	f.must(err)
	_, err = f.s.Invitations(f.ctx, abe)
	f.refused(err, portal.Forbidden)
	_, err = f.s.Application(f.ctx, abe, secret.PublicID)
	f.refused(err, portal.NotFound)
	if found, err := f.s.Find(f.ctx, f.user("abe"), "secret", ""); err != nil || len(found) != 0 {
		t.Errorf("the search finds %+v, %v", found, err)
	}
	before := f.fingerprint()
	_, err = f.s.Invite(f.ctx, f.in("abe", "Acme"), invited("nora", portal.SuperAdmin))
	f.refused(err, portal.Forbidden)
	f.refused(f.s.UpdateMember(f.ctx, f.in("abe", "Acme"), f.ids["abe"], "Abe", "Test", portal.SuperAdmin), portal.Forbidden)
	f.unchanged(before)
	_, err = f.s.CreateApplication(f.ctx, f.in("abe", "Acme"), portal.NewApplication{Name: "A member's"})
	f.must(err)
	f.hasFactor("abe")
	_, err = f.s.Invite(f.ctx, f.in("abe", "Acme"), invited("nora", portal.SuperAdmin))
	f.must(err)
}
