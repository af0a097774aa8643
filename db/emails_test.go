package db

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"portico/portal"
)

func TestANewAddressChangesNothingUntilItHasProvenItself_RST_09(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	annMoves(f)
	first := f.mailedLink(portal.MailEmailProve, "nora")
	f.must(f.signIn("ann", password, "a"))
	f.refused(f.s.AskForEmail(f.ctx, f.user("ann"), "Ann@Example.org"), portal.Invalid, "[email: This is your address already")
	f.refused(f.s.AskForEmail(f.ctx, f.user("ann"), "ann"), portal.Invalid, "[email:")

	f.must(f.s.AskForEmail(f.ctx, f.user("ann"), address("nina")))
	_, err := f.s.ChangeEmail(f.ctx, ip, first, nil)
	f.refused(err, portal.Gone, "older one")
	second := f.mailedLink(portal.MailEmailProve, "nina")
	forgotAnn(f)
	reset := f.mailedLink(portal.MailReset, "ann")
	f.must(f.signIn("ann", password, "elsewhere"))
	_, err = f.s.ChangeEmail(f.ctx, ip, second, hashOf("a"))
	f.must(err)
	f.must(f.signIn("nina", password, "b"))
	f.refused(f.signIn("ann", password, "c"), portal.Invalid, "do not belong together")
	if !f.signedIn("a") || f.signedIn("elsewhere") {
		t.Errorf("the browser that confirmed is signed in: %v, another one: %v", f.signedIn("a"), f.signedIn("elsewhere"))
	}
	// What was mailed to the old address is over, and it is free again.
	f.refused(f.s.Reset(f.ctx, ip, reset, newPassword), portal.Gone)
	f.must(f.s.Register(f.ctx, ip, person("ann")))
	page, err := f.s.Users(f.ctx, f.user("ada"), portal.UserActive, "nina", "")
	if f.must(err); len(page.Items) != 1 {
		t.Errorf("by the new address %d are found", len(page.Items))
	}
}

func TestALinkToANewAddressEnds_RST_09_SESS_03(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		ends func(f *scene)
	}{
		{"after a day", func(f *scene) { f.pass(portal.EmailLife) }},
		{"when it is taken back", func(f *scene) { f.must(f.s.KeepEmail(f.ctx, f.user("ann"))) }},
		{"with a new password", func(f *scene) {
			f.must(f.s.ChangePassword(f.ctx, f.user("ann"), password, newPassword, f.browser("a")))
		}},
		{"with a new password by mail", func(f *scene) {
			forgotAnn(f)
			f.must(f.s.Reset(f.ctx, ip, f.mailedLink(portal.MailReset, "ann"), newPassword))
		}},
		{"while the account is deactivated", func(f *scene) { f.exec(`UPDATE users SET state = 'deactivated' WHERE email = 'ann@example.org'`) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			annMoves(f)
			token := f.mailedLink(portal.MailEmailProve, "nora")
			c.ends(f)
			before := f.fingerprint()
			_, err := f.s.ChangeEmail(f.ctx, ip, token, nil)
			f.refused(err, portal.Gone)
			f.unchanged(before)
		})
	}
	f := newScene(t)
	annMoves(f)
	_, err := f.s.ChangeEmail(f.ctx, ip, f.tokenIn(portal.MailEmailProve, "nora", portal.Copied), nil)
	f.refused(err, portal.Gone, "copied")
}

func TestAskingForATakenAddressAnswersAsForAFreeOne_RST_09(t *testing.T) {
	t.Parallel()
	for who, mail := range map[string]string{"nora": "email_prove to nora, queued", "bob": "already_registered to bob, queued",
		"dora": "already_registered to dora, queued", "ulf": "prove to ulf, queued"} {
		f := newScene(t)
		f.must(f.s.AskForEmail(f.ctx, f.user("ann"), address(who)))
		if got := f.mail(); !slices.Equal(got, []string{mail}) {
			t.Errorf("%s: the outbox has %q, want %q", who, got, mail)
		}
		if email, err := f.s.NewEmail(f.ctx, f.user("ann")); err != nil || email != address(who) {
			t.Errorf("the page says %q, %v", email, err)
		}
		for range portal.LimitEmail.Max - 1 {
			f.must(f.s.AskForEmail(f.ctx, f.user("ann"), address(who)))
		}
		f.refused(f.s.AskForEmail(f.ctx, f.user("ann"), address(who)), portal.TooMany, "new address")
		f.mark()
		f.must(f.s.AskForEmail(f.ctx, f.user("amy"), address(who))) // the mailbox has had enough
		if got := f.mail(); len(got) != 0 {
			t.Errorf("%s: the outbox has %q", who, got)
		}
	}
}

func TestAnAddressThatWasTakenMeanwhileIsNotTakenAgain_RST_09(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	annMoves(f)
	f.must(f.s.Register(f.ctx, ip, person("nora")))
	before := f.fingerprint()
	_, err := f.s.ChangeEmail(f.ctx, ip, f.mailedLink(portal.MailEmailProve, "nora"), nil)
	f.refused(err, portal.Conflict, "account of its own")
	f.unchanged(before)
}

func TestSessionsAreListedLastUsedFirstAndOnlyWhileTheyLast_SESS_11(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.must(f.signIn("ann", password, "old"))
	f.pass(23 * time.Hour)
	f.must(f.s.SignIn(f.ctx, address("ann"), password, NewSession{Hash: hashOf("new"), IP: "192.0.2.9", Agent: "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}))
	all, err := f.s.Sessions(f.ctx, f.user("ann"), hashOf("old"))
	f.must(err)
	if len(all) != 2 || all[0].Device != "Firefox on Linux" || all[0].IP != "192.0.2.9" || all[0].Current || !all[1].Current {
		t.Errorf("the sessions are %+v", all)
	}
	f.pass(2 * time.Hour)
	if all, err = f.s.Sessions(f.ctx, f.user("ann"), nil); err != nil || len(all) != 1 {
		t.Errorf("%d sessions are listed, %v", len(all), err)
	}
	for i := range maxSessions {
		f.pass(time.Second)
		f.must(f.signIn("bob", password, fmt.Sprint("bob ", i)))
	}
	f.must(f.signIn("bob", password, "bob again"))
	if bobs, err := f.s.Sessions(f.ctx, f.user("bob"), nil); err != nil || len(bobs) != maxSessions || f.signedIn("bob 0") || !f.signedIn("bob 1") || !f.signedIn("bob again") {
		t.Errorf("bob has %d sessions, %v", len(bobs), err)
	}
	_, err = f.s.EndSession(f.ctx, f.user("ann"), all[0].ID)
	f.must(err)
	if f.signedIn("new") {
		t.Error("an ended session goes on")
	}
}
