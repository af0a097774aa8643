package db

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"portico/portal"
)

func TestAResetLinkWorksForAnHourAndOnce_RST_05_RST_02(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		after time.Duration
		works bool
	}{
		{"at once", 0, true},
		{"after 59 minutes and 59 seconds", 59*time.Minute + 59*time.Second, true},
		{"a millisecond before its end", time.Hour - time.Millisecond, true},
		{"not after 60 minutes", time.Hour, false},
		{"not a day later", 24 * time.Hour, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			f.must(f.signIn("ann", password, "old browser"))
			forgotAnn(f)
			token := f.mailedLink(portal.MailReset, "ann")
			f.pass(c.after)
			f.mark()
			if !c.works {
				before := f.fingerprint()
				_, err := f.s.ResetOf(f.ctx, token)
				f.refused(err, portal.Gone, "expired")
				f.refused(f.s.Reset(f.ctx, ip, token, newPassword), portal.Gone, "expired")
				f.unchanged(before)
				return
			}
			_, err := f.s.ResetOf(f.ctx, token)
			f.must(err)
			f.refused(f.s.Reset(f.ctx, ip, token, "short"), portal.Invalid, "[password: Use at least 12")
			f.refused(f.s.Reset(f.ctx, ip, token, "ann@example.org"), portal.Invalid, "not your address")
			f.must(f.s.Reset(f.ctx, ip, token, newPassword))
			f.refused(f.s.Reset(f.ctx, ip, token, "fir-brook-lea-13"), portal.Gone, "has been used")
			if f.signedIn("old browser") {
				t.Error("a session outlived the reset")
			}
			f.refused(f.signIn("ann", password, "a"), portal.Invalid, "do not belong together")
			f.must(f.signIn("ann", newPassword, "b"))
		})
	}
}

func TestAnOlderResetLinkEndsWithANewer_RST_03(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	forgotAnn(f)
	first := f.mailedLink(portal.MailReset, "ann")
	f.pass(time.Minute)
	forgotAnn(f)
	second := f.mailedLink(portal.MailReset, "ann")
	f.refused(f.s.Reset(f.ctx, ip, first, newPassword), portal.Gone, "older one")
	f.must(f.s.Reset(f.ctx, ip, second, newPassword))
	f.refused(f.s.Reset(f.ctx, ip, first, newPassword), portal.Gone)
	f.refused(f.s.Reset(f.ctx, ip, second, newPassword), portal.Gone, "used")
}

func TestAResetLinkEndsWithAChangeOfThePassword(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	forgotAnn(f)
	token := f.mailedLink(portal.MailReset, "ann")
	f.must(f.s.ChangePassword(f.ctx, f.user("ann"), password, newPassword, f.browser("a")))
	f.refused(f.s.Reset(f.ctx, ip, token, "fir-brook-lea-13"), portal.Gone, "used")
}

func TestAResetChangesNoStateButProvesAnUnprovenAddress_RST_07(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, who, state string
		approve          bool
		audit, mail      []string
	}{
		{"an active account stays active", "stan", "active", true, []string{"stan set a new password by mail"}, nil},
		{"a waiting account stays waiting", "wanda", "waiting", true, []string{"wanda set a new password by mail"}, nil},
		{"an unproven account is proven", "ulf", "active", true, []string{"ulf confirmed their address", "ulf set a new password by mail"}, nil},
		{"an unproven account waits where approval is asked for", "ulf", "waiting", false, []string{"ulf confirmed their address", "ulf set a new password by mail"},
			[]string{"user_waiting to ada, queued", "user_waiting to alan, queued"}},
		{"an unproven member needs no approval", "una", "active", false, []string{"una confirmed their address", "una set a new password by mail"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			f.switchTo("approve_users", c.approve)
			f.must(f.s.ForgotPassword(f.ctx, ip, address(c.who)))
			f.mark()
			f.must(f.s.Reset(f.ctx, ip, f.mailedLink(portal.MailReset, c.who), newPassword))
			f.noted(c.audit, c.mail)
			if got := f.text(`SELECT state || doubtful FROM users WHERE email = ?`, address(c.who)); got != c.state+"0" {
				t.Errorf("the account is %s", got)
			}
			f.must(f.signIn(c.who, newPassword, "x"))
		})
	}
	f := newScene(t)
	forgotAnn(f)
	token := f.mailedLink(portal.MailReset, "ann")
	f.exec(`UPDATE users SET state = 'deactivated' WHERE email = 'ann@example.org'`)
	f.refused(f.s.Reset(f.ctx, ip, token, newPassword), portal.Gone)
}

func TestAskingForAPasswordAnswersTheSameForEverybody_ENUM_02_RST_06(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	for who, mail := range map[string][]string{"ann": {"reset to ann, queued"}, "nora": nil, "dora": nil, "adam": nil, "ulf": {"reset to ulf, queued"}} {
		f.mark()
		f.must(f.s.ForgotPassword(f.ctx, ip, strings.ToUpper(address(who))))
		if got := f.mail(); !slices.Equal(got, mail) {
			t.Errorf("%s: the outbox has %q, want %q", who, got, mail)
		}
	}
	for _, bad := range []string{"", "nobody", "ann@example.org,eve@example.org", "ann@example.org\r\nBcc: eve@example.org", `"ann"@example.org`} {
		f.refused(f.s.ForgotPassword(f.ctx, ip, bad), portal.Invalid, "[email:")
	}
}

func TestALinkThatProvesAnAddressWorksForAWeekAndOnce(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	token := f.mailedLink(portal.MailProve, "ulf")
	f.at(start.Add(portal.ProofLife))
	f.refused(f.s.Prove(f.ctx, ip, token, "", nil), portal.Gone, "expired")
	f.at(start.Add(portal.ProofLife - time.Millisecond))
	p, err := f.s.ProofOf(f.ctx, token)
	f.must(err)
	if p.NewPassword || p.Email != address("ulf") {
		t.Errorf("the link opens %+v", p)
	}
	f.must(f.s.Prove(f.ctx, ip, token, "", nil))
	_, err = f.s.ProofOf(f.ctx, token)
	f.refused(err, portal.Gone, "used")
	f.must(f.signIn("ulf", password, "x"))
}

func TestAnOlderLinkProvesNothingAfterANewer(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	first := f.mailedLink(portal.MailProve, "ulf")
	f.must(f.s.AskForProof(f.ctx, f.user("ulf")))
	f.refused(f.s.Prove(f.ctx, ip, first, "", nil), portal.Gone, "older one")
	second := f.mailedLink(portal.MailProve, "ulf")
	f.must(f.s.Register(f.ctx, ip, person("ulf"))) // by whomever
	f.refused(f.s.Prove(f.ctx, ip, second, "", nil), portal.Gone, "older one")
	f.must(f.s.Prove(f.ctx, ip, f.mailedLink(portal.MailProve, "ulf"), newPassword, nil))
}

func TestALinkOpensOnlyWhatItIsFor_INV_11(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	forgotAnn(f)
	links := map[string]string{"proof": f.mailedLink(portal.MailProve, "ulf"), "reset": f.mailedLink(portal.MailReset, "ann"),
		"invitation": f.linkTo("ivy", portal.Mailed), "nothing": "", "nonsense": "x", "long": strings.Repeat("A", 91),
		"unknown": f.s.Links().Token(portal.Link{Purpose: portal.LinkInvitation, Kind: portal.Mailed, Version: 1, ID: newID()})}
	opens := map[string]func(string) error{
		"proof":      func(token string) error { _, err := f.s.ProofOf(f.ctx, token); return err },
		"reset":      func(token string) error { _, err := f.s.ResetOf(f.ctx, token); return err },
		"invitation": func(token string) error { _, err := f.s.Offer(f.ctx, token); return err },
	}
	for name, token := range links {
		for what, open := range opens {
			if err := open(token); (name == what) != (err == nil) || err != nil && err != portal.ErrNotFound {
				t.Errorf("the link of %s at %s: %s", name, what, describe(err))
			}
		}
	}
	f.exec(`UPDATE settings SET value = 'another' WHERE key = 'epoch'`)
	f.reopen()
	for what, open := range opens {
		if err := open(links[what]); err != portal.ErrNotFound {
			t.Errorf("the link of an earlier epoch at %s: %s", what, describe(err))
		}
	}
}

func TestACopiedLinkProvesAnAddressOnlyWhereNoMailCanBeSent(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	forgotAnn(f)
	f.mark()
	proof, reset := f.tokenIn(portal.MailProve, "ulf", portal.Copied), f.tokenIn(portal.MailReset, "ann", portal.Copied)
	before := f.fingerprint()
	f.refused(f.s.Prove(f.ctx, ip, proof, "", nil), portal.Gone, "copied")
	f.refused(f.s.Reset(f.ctx, ip, reset, newPassword), portal.Gone, "copied")
	f.unchanged(before)
	f.s.SMTP = portal.SMTPConfig{ByFlags: true}
	f.must(f.s.Prove(f.ctx, ip, proof, "", nil))
	f.must(f.s.Reset(f.ctx, ip, reset, newPassword))
}

func TestProvingEndsTheSessionsOfOthersAndKeepsOnesOwn(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.must(f.signIn("ulf", password, "mine"))
	f.must(f.signIn("ulf", password, "other"))
	f.must(f.signIn("stan", password, "stan"))
	f.must(f.s.Prove(f.ctx, ip, f.mailedLink(portal.MailProve, "ulf"), "", hashOf("mine")))
	if !f.signedIn("mine") || f.signedIn("other") || !f.signedIn("stan") {
		t.Errorf("signed in after the proof: mine %v, other %v, stan %v", f.signedIn("mine"), f.signedIn("other"), f.signedIn("stan"))
	}
}

func TestRegisteringAnswersTheSameForKnownAndUnknownAddresses_ENUM_03(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	for _, c := range []struct {
		who, typed string
		mail       []string
	}{
		{"nora", "nora@example.org", []string{"prove to nora, queued"}},
		{"ann", " ANN@Example.ORG ", []string{"already_registered to ann, queued"}},
		{"ulf", "Ulf@example.org", []string{"prove to ulf, queued"}},
		{"wanda", "wanda@example.org", []string{"already_registered to wanda, queued"}},
		{"dora", "dora@example.org", []string{"already_registered to dora, queued"}},
		{"ada", "ada@example.org", []string{"already_registered to ada, queued"}},
	} {
		f.mark()
		accounts := f.number(`SELECT count(*) FROM users`)
		before := f.strings(`SELECT password_hash || first_name || state FROM users WHERE email_key = ?`, address(c.who))
		f.must(f.s.Register(f.ctx, ip, portal.NewUser{First: "Eve", Last: "Evil", Email: c.typed, Password: newPassword}))
		if got := f.mail(); !slices.Equal(got, c.mail) {
			t.Errorf("%s: the outbox has %q, want %q", c.who, got, c.mail)
		}
		if c.who == "nora" {
			continue
		}
		if after := f.strings(`SELECT password_hash || first_name || state FROM users WHERE email_key = ?`, address(c.who)); !slices.Equal(before, after) || f.number(`SELECT count(*) FROM users`) != accounts {
			t.Errorf("%s: the account was changed by somebody who registered with its address", c.who)
		}
		if audit := f.audit(); len(audit) > 0 {
			t.Errorf("%s: noted %q", c.who, audit)
		}
	}
}

func TestBadInputRegistersNobody(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	before := f.fingerprint()
	for field, change := range map[string]func(*portal.NewUser){
		"first_name": func(n *portal.NewUser) { n.First = " " },
		"last_name":  func(n *portal.NewUser) { n.Last = "a\u202eb" },
		"email":      func(n *portal.NewUser) { n.Email = "nora" },
		"password":   func(n *portal.NewUser) { n.Password = "eleven char" },
	} {
		n := person("nora")
		change(&n)
		f.refused(f.s.Register(f.ctx, ip, n), portal.Invalid, "["+field+":")
	}
	f.unchanged(before)
}

func TestSignInAnswersTheSameForAllWhoMayNot_ENUM_01_REG_10(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	before := f.fingerprint()
	for name, err := range map[string]error{
		"a wrong password":            f.signIn("ann", newPassword, "x"),
		"no password":                 f.signIn("ann", "", "x"),
		"a password far too long":     f.signIn("ann", strings.Repeat("x", 1<<20), "x"),
		"an unknown address":          f.signIn("nora", password, "x"),
		"no address":                  f.s.SignIn(f.ctx, "", "", f.browser("x")),
		"no address at all":           f.s.SignIn(f.ctx, "nobody", password, f.browser("x")),
		"a deactivated account":       f.signIn("dora", password, "x"),
		"a deactivated portal admin":  f.signIn("adam", password, "x"),
		"a deactivated one, wrongly":  f.signIn("dora", newPassword, "x"),
		"a password with a space":     f.signIn("ann", password+" ", "x"),
		"a password in other letters": f.signIn("ann", strings.ToUpper(password), "x"),
	} {
		if err != errSignIn {
			t.Errorf("%s: %s", name, describe(err))
		}
	}
	f.unchanged(before)
	for _, who := range []string{"ann", "wanda", "ulf", "una", "ada"} {
		f.must(f.signIn(who, password, who))
		if !f.signedIn(who) {
			t.Errorf("%s has no session", who)
		}
	}
}

func TestSigningInTakesThePlaceOfTheSessionBefore(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.must(f.signIn("ann", password, "first"))
	f.must(f.s.SignIn(f.ctx, address("stan"), password, NewSession{Hash: hashOf("second"), Old: hashOf("first"), IP: ip}))
	if f.signedIn("first") || !f.signedIn("second") {
		t.Error("the session before is still there, or the new one is not")
	}
}

func TestChangingThePasswordEndsTheOtherSessionsAndNeedsThePresentOne(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.must(f.signIn("ann", password, "old"))
	before := f.fingerprint()
	f.refused(f.s.ChangePassword(f.ctx, f.user("ann"), "wrong password", newPassword, f.browser("new")), portal.Invalid, "[current_password:")
	f.refused(f.s.ChangePassword(f.ctx, f.user("ann"), password, "short", f.browser("new")), portal.Invalid, "[password:")
	f.unchanged(before)
	f.must(f.s.ChangePassword(f.ctx, f.user("ann"), password, newPassword, f.browser("new")))
	if f.signedIn("old") || !f.signedIn("new") {
		t.Error("the other session is still there, or this browser's is not")
	}
	f.refused(f.signIn("ann", password, "x"), portal.Invalid)
	f.must(f.signIn("ann", newPassword, "x"))
}

func TestSavingAProfileNeverTouchesThePasswordOrAnythingElse(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	columns := `SELECT password_hash || state || admin || doubtful || email || reset_version || proof_version FROM users WHERE email = 'ann@example.org'`
	before := f.text(columns)
	f.must(f.s.SaveProfile(f.ctx, f.user("ann"), "Anna", "Archer"))
	if after := f.text(columns); after != before {
		t.Errorf("it was %s and is %s", before, after)
	}
	f.refused(f.s.SaveProfile(f.ctx, f.user("ann"), "", "x\ny"), portal.Invalid, "[first_name:", "[last_name:")
	page, err := f.s.Users(f.ctx, f.user("ada"), portal.UserActive, "arch", "")
	if f.must(err); len(page.Items) != 1 || page.Items[0].Name() != "Anna Archer" {
		t.Errorf("by the new name one finds %+v", page.Items)
	}
}

func TestGivingThePasswordAgainProvesOnlyOnesOwnSession(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.must(f.signIn("ann", password, "ann"))
	f.must(f.signIn("stan", password, "stan"))
	f.pass(time.Hour)
	proof := func(browser string) time.Time {
		v, ok, err := f.s.Viewer(f.ctx, hashOf(browser), portal.DefaultSettings())
		if f.must(err); !ok {
			t.Fatal("nobody is signed in")
		}
		return v.ProofAt
	}
	was := proof("stan")
	f.refused(f.s.Reprove(f.ctx, f.user("ann"), "wrong", hashOf("ann")), portal.Invalid)
	f.must(f.s.Reprove(f.ctx, f.user("ann"), password, hashOf("stan")))
	if !proof("stan").Equal(was) {
		t.Error("somebody else's session was proven")
	}
	f.must(f.s.Reprove(f.ctx, f.user("ann"), password, hashOf("ann")))
	if !proof("ann").Equal(f.clock.read()) {
		t.Errorf("the session was proven at %v", proof("ann"))
	}
}

func TestAdminsFromTheShellKeepTheirAccount(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.must(f.signIn("abe", password, "abe"))
	n := person("abe")
	n.First, n.Password = "Abel", newPassword
	f.must(f.s.CreateAdmin(f.ctx, n))
	if f.signedIn("abe") {
		t.Error("a session outlived the new password")
	}
	f.must(f.signIn("abe", newPassword, "abe"))
	if got := f.text(`SELECT first_name || admin || state FROM users WHERE email = 'abe@example.org'`); got != "Abel1active" {
		t.Errorf("the account is %s", got)
	}
	if by := f.in("abe", "Acme"); by.Role != portal.TeamMember || !by.Admin {
		t.Errorf("the member is %+v", by)
	}
	f.must(f.s.CreateAdmin(f.ctx, person("adam"))) // brings a deactivated one back
	f.must(f.signIn("adam", password, "adam"))
}

func TestAnAdminFromTheShellKeepsTheirAddress(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.must(f.s.AskForEmail(f.ctx, f.user("alan"), "thief@example.com"))
	f.must(f.s.CreateAdmin(f.ctx, person("alan")))
	_, err := f.s.ChangeEmail(f.ctx, ip, f.s.Links().Token(portal.Link{Purpose: portal.LinkEmail, Kind: portal.Mailed, ID: f.ids["alan"], Version: 1}), nil)
	f.refused(err, portal.Gone)
}

func TestSetUpIsOverOnceAnAdminExists(t *testing.T) {
	t.Parallel()
	f := empty(t)
	if has, err := f.s.HasAdmin(f.ctx); err != nil || has {
		t.Fatalf("an empty portal has an admin: %v, %v", has, err)
	}
	f.refused(f.s.SetUp(f.ctx, portal.NewUser{}, f.browser("x")), portal.Invalid, "[first_name:", "[email:", "[password:")
	f.must(f.s.SetUp(f.ctx, person("ada"), f.browser("ada")))
	if !f.signedIn("ada") {
		t.Error("the first admin is not signed in")
	}
	if err := f.s.SetUp(f.ctx, person("eve"), f.browser("eve")); err != portal.ErrNotFound {
		t.Errorf("a second set-up: %s", describe(err))
	}
	if n := f.number(`SELECT count(*) FROM users`); n != 1 {
		t.Errorf("there are %d accounts", n)
	}
}

func TestPasswordsAreKeptOnlyAsArgon2id(t *testing.T) {
	t.Parallel()
	h := newHasher(false)
	if h.memory != 19*1024 || h.time != 2 || cap(h.places) < 1 {
		t.Errorf("passwords are hashed with %d KiB and %d passes", h.memory, h.time)
	}
	f := newScene(t)
	a, b := f.text(`SELECT password_hash FROM users WHERE email = 'ann@example.org'`), f.text(`SELECT password_hash FROM users WHERE email = 'amy@example.org'`)
	if !strings.HasPrefix(a, "$argon2id$v=19$m=") || a == b {
		t.Errorf("equal passwords are kept as %s and %s", a, b)
	}
	for _, c := range []struct {
		name, password, hash string
		matches              bool
	}{
		{"its own", password, a, true},
		{"another's salt", password, b, true},
		{"another password", newPassword, a, false},
		{"no account", "", "", false},
		{"no account and the password of the stand-in", "", h.dummy, true}, // which is why an empty hash never matches
	} {
		if got, err := f.s.hash.matches(f.ctx, c.password, c.hash); err != nil || got != c.matches {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
	for _, p := range []string{"ＡBC\u00e9-gnu-tree", "with NUL \x00 inside", strings.Repeat("a", 72) + "one", strings.Repeat("a", 72) + "two"} {
		hash, err := f.s.hash.make(f.ctx, p)
		f.must(err)
		for _, q := range []string{p, p[:len(p)-1]} {
			if got, err := f.s.hash.matches(f.ctx, q, hash); err != nil || got != (p == q) {
				t.Errorf("%.20q against %.20q: %v, %v", q, p, got, err)
			}
		}
	}
}

func TestSessionsEndAfterADayOfRestAndTwoWeeksInAll_SESS_07(t *testing.T) {
	t.Parallel()
	begin := start.Add(time.Hour)
	for _, c := range []struct {
		name string
		uses []time.Duration // since sign-in
		last bool            // whether the last use finds somebody
	}{
		{"a use after 23:59:59.999", []time.Duration{24*time.Hour - time.Millisecond}, true},
		{"a use after 24 hours", []time.Duration{24 * time.Hour}, false},
		{"rest counts from the last use", []time.Duration{23 * time.Hour, 46 * time.Hour, 69 * time.Hour}, true},
		{"a day after the last use", []time.Duration{23 * time.Hour, 47 * time.Hour}, false},
		{"used every day, just before two weeks", append(everyDay(), 14*24*time.Hour-time.Millisecond), true},
		{"used every day, at two weeks", append(everyDay(), 14*24*time.Hour), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			f.must(f.signIn("ann", password, "ann"))
			for i, d := range c.uses {
				f.at(begin.Add(d))
				want := c.last || i < len(c.uses)-1
				if got := f.signedIn("ann"); got != want {
					t.Errorf("after %v somebody is signed in: %v, want %v", d, got, want)
				}
			}
			if !c.last {
				f.pass(time.Millisecond)
			}
			f.must(f.s.Tidy(f.ctx))
			if n := f.number(`SELECT count(*) FROM sessions`); (n == 1) != c.last {
				t.Errorf("%d sessions are left", n)
			}
		})
	}
}

func everyDay() []time.Duration {
	var all []time.Duration
	for use := 12 * time.Hour; use < 14*24*time.Hour; use += 12 * time.Hour {
		all = append(all, use)
	}
	return all
}

func TestTheSettingsOfSessionsHold(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.must(f.s.SetPolicy(f.ctx, f.user("ada"), Policy{MinPassword: 12, InvitationHours: 1, IdleHours: 1, SessionDays: 1}))
	f.must(f.signIn("ann", password, "ann"))
	f.pass(time.Hour - time.Millisecond)
	if !f.signedIn("ann") {
		t.Error("a session ended before its hour of rest")
	}
	f.pass(time.Hour)
	if f.signedIn("ann") {
		t.Error("a session outlived its hour of rest")
	}
}

func TestTheLastUseOfASessionIsWrittenOnceAMinute(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.must(f.signIn("ann", password, "ann"))
	seen := func() time.Time {
		f.signedIn("ann")
		return fromMillis(f.number(`SELECT seen_at FROM sessions`))
	}
	begin := f.clock.read()
	f.pass(59 * time.Second)
	if got := seen(); !got.Equal(begin) {
		t.Errorf("after 59 seconds it was written: %v", got)
	}
	f.pass(time.Second)
	if got := seen(); !got.Equal(begin.Add(time.Minute)) {
		t.Errorf("after a minute it was not written: %v", got)
	}
}

func TestASessionSaysWhoAndNothingElse(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	for _, who := range []string{"ann", "ada", "dora"} {
		if who == "dora" {
			f.exec(`UPDATE users SET state = 'active' WHERE email = 'dora@example.org'`)
		}
		f.must(f.signIn(who, password, who))
	}
	f.exec(`UPDATE users SET state = 'deactivated' WHERE email = 'dora@example.org'`)
	f.exec(`UPDATE users SET admin = 0 WHERE email = 'ada@example.org'`)
	if f.signedIn("dora") {
		t.Error("a deactivated person is signed in")
	}
	v, ok, err := f.s.Viewer(f.ctx, hashOf("ada"), portal.DefaultSettings())
	if f.must(err); !ok || v.Admin || v.Actor(ip).IsAdmin() {
		t.Errorf("a former admin is %+v", v)
	}
	set := portal.DefaultSettings()
	set.SignIn = false
	if _, ok, err := f.s.Viewer(f.ctx, hashOf("ann"), set); err != nil || ok {
		t.Errorf("a consumer is signed in while signing in is switched off: %v, %v", ok, err)
	}
	for _, hash := range [][]byte{nil, {}, hashOf("nobody"), bytes.Repeat([]byte("x"), 10_000)} {
		if _, ok, err := f.s.Viewer(f.ctx, hash, portal.DefaultSettings()); err != nil || ok {
			t.Errorf("the session %.10q is somebody's: %v, %v", hash, ok, err)
		}
	}
	// No id of a cookie is in the database, only its hash.
	if n := f.number(`SELECT count(*) FROM sessions WHERE hash LIKE '%browser%'`); n != 0 {
		t.Errorf("%d sessions hold what the cookie holds", n)
	}
	f.must(f.s.SignOut(f.ctx, f.user("ann"), hashOf("ann")))
	if f.signedIn("ann") {
		t.Error("somebody is signed in after signing out")
	}
	f.mark()
	f.must(f.s.SignOut(f.ctx, f.user("ann"), hashOf("ann")))
	f.noted(nil, nil)
}

func TestWhoeverProvesAnAddressThatWasRegisteredTwiceSetsThePassword_REG_01(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	// Somebody else has registered ulf's address before him, with their password.
	f.must(f.s.Register(f.ctx, ip, portal.NewUser{First: "Ulf", Last: "Test", Email: address("ulf"), Password: newPassword}))
	proof := f.mailedLink(portal.MailProve, "ulf")
	f.refused(f.s.Prove(f.ctx, ip, proof, "", nil), portal.Invalid, "[password:")
	f.must(f.s.Prove(f.ctx, ip, proof, newPassword, nil))
	if err := f.s.SignIn(f.ctx, address("ulf"), password, NewSession{Hash: []byte("old"), IP: ip}); err == nil {
		t.Error("the password of the first registration still opens the account")
	}
	f.must(f.s.SignIn(f.ctx, address("ulf"), newPassword, NewSession{Hash: []byte("new"), IP: ip}))
}

func TestRegisteringTwiceWithOnePasswordAsksForNoOther(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.must(f.s.Register(f.ctx, ip, portal.NewUser{First: "Ulf", Last: "Test", Email: address("ulf"), Password: password}))
	f.must(f.s.Prove(f.ctx, ip, f.mailedLink(portal.MailProve, "ulf"), "", nil))
	f.must(f.s.SignIn(f.ctx, address("ulf"), password, NewSession{Hash: []byte("same"), IP: ip}))
}
