package db

import (
	"slices"
	"strings"
	"testing"
	"time"

	"portico/portal"
)

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
	cut := a[:strings.LastIndexByte(a, '$')+1]
	for _, hash := range []string{cut, cut + "AAAA", "$argon2id$"} {
		if got, err := f.s.hash.matches(f.ctx, password, hash); err == nil || got {
			t.Errorf("a damaged hash %s: %v, %v", hash, got, err)
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
