package db

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"portico/portal"
)

func ivyJoins(f *scene, kind portal.LinkKind) (joined bool, err error) {
	_, joined, err = f.s.Join(f.ctx, ip, f.linkTo("ivy", kind), person("ivy"), f.browser("ivy"))
	return joined, err
}

func TestAnInvitationWorksUntilItsVeryEnd_INV_03(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		left  time.Duration
		works bool
	}{
		{"a millisecond before its end", time.Millisecond, true},
		{"not at its end", 0, false},
		{"not a second after", -time.Second, false},
		{"not six minutes after", -6 * time.Minute, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			inviteStan(f)
			for _, who := range []string{"ivy", "stan"} {
				f.exec(`UPDATE invitations SET expires_at = ? WHERE public_id = ?`, millis(f.clock.read().Add(c.left)), f.ids[who+" invitation"])
			}
			before := f.fingerprint()
			_, joinErr := ivyJoins(f, portal.Mailed)
			_, acceptErr := f.s.Accept(f.ctx, f.user("stan"), f.linkTo("stan", portal.Mailed), f.browser("stan"))
			if c.works {
				f.must(joinErr)
				f.must(acceptErr)
				return
			}
			f.refused(joinErr, portal.Gone, "expired")
			f.refused(acceptErr, portal.Gone, "expired")
			_, err := f.s.Decline(f.ctx, f.user("stan"), f.linkTo("stan", portal.Mailed))
			f.refused(err, portal.Gone, "expired")
			_, err = f.s.AcceptWaiting(f.ctx, f.user("stan"), f.ids["stan invitation"], f.browser("stan"))
			f.refused(err, portal.Gone, "expired")
			if all, err := f.s.InvitationsFor(f.ctx, f.user("stan")); err != nil || len(all) != 0 {
				t.Errorf("it waits for stan: %v, %v", all, err)
			}
			_, _, err = f.s.CopyLink(f.ctx, f.in("ann", "Acme"), f.ids["stan invitation"])
			f.refused(err, portal.Conflict, "expired", "Resend")
			f.unchanged(before)
		})
	}
}

func TestTheLifeOfAnInvitationIsASetting(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.must(f.s.SetPolicy(f.ctx, f.user("ada"), Policy{MinPassword: 12, InvitationHours: 1, IdleHours: 24, SessionDays: 14}))
	inv := f.invite("ann", "Acme", "nora", portal.TeamMember)
	if want := f.clock.read().Add(time.Hour); !inv.ExpiresAt.Equal(want) {
		t.Errorf("it expires at %v, want %v", inv.ExpiresAt, want)
	}
	f.pass(time.Hour)
	inv, err := f.s.Resend(f.ctx, f.in("ann", "Acme"), inv.PublicID)
	if f.must(err); !inv.ExpiresAt.Equal(f.clock.read().Add(time.Hour)) || inv.Version != 2 {
		t.Errorf("resent it is %+v", inv)
	}
}

func TestAResentInvitationWorksByItsNewestLinkOnly_INV_05(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	first := f.linkTo("ivy", portal.Mailed)
	_, err := f.s.Resend(f.ctx, f.in("amy", "Acme"), f.ids["ivy invitation"])
	f.must(err)
	f.pass(time.Minute)
	second := f.linkTo("ivy", portal.Mailed)
	_, err = f.s.Resend(f.ctx, f.in("amy", "Acme"), f.ids["ivy invitation"])
	f.must(err)
	for _, old := range []string{first, second} {
		o, err := f.s.Offer(f.ctx, old)
		if f.must(err); !o.Newer {
			t.Error("the page of an older link does not know it")
		}
		_, _, err = f.s.Join(f.ctx, ip, old, person("ivy"), f.browser("x"))
		f.refused(err, portal.Gone, "newer invitation was sent")
		_, err = f.s.Decline(f.ctx, f.user(""), old)
		f.refused(err, portal.Gone, "newer invitation was sent")
		_, err = f.s.AskAgain(f.ctx, ip, old)
		f.refused(err, portal.Conflict)
	}
	if joined, err := ivyJoins(f, portal.Mailed); err != nil || !joined {
		t.Errorf("by the newest link: %v, %v", joined, err)
	}
}

func TestWhoResendsIsTheInviterAndNeedsTheRight(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.invite("ann", "Acme", "nora", portal.SuperAdmin)
	f.must(f.s.UpdateMember(f.ctx, f.in("amy", "Acme"), f.ids["ann"], "Ann", "Test", portal.TeamMember))
	o, err := f.s.Offer(f.ctx, f.linkTo("nora", portal.Mailed))
	if f.must(err); o.State(f.clock.read()) != portal.InvitationVoid {
		t.Errorf("the invitation of a demoted inviter is %s", o.State(f.clock.read()))
	}
	before := f.fingerprint()
	_, _, err = f.s.Join(f.ctx, ip, f.linkTo("nora", portal.Mailed), person("nora"), f.browser("nora"))
	f.refused(err, portal.Gone, "void")
	_, err = f.s.Resend(f.ctx, f.in("ann", "Acme"), f.ids["nora invitation"])
	f.refused(err, portal.Forbidden)
	_, _, err = f.s.CopyLink(f.ctx, f.in("amy", "Acme"), f.ids["nora invitation"])
	f.refused(err, portal.Conflict, "void")
	f.unchanged(before)
	f.mark()
	_, err = f.s.AskAgain(f.ctx, ip, f.linkTo("nora", portal.Mailed))
	f.must(err)
	f.noted([]string{"nora asked for a new invitation nora"}, []string{"ask_again to amy, queued"}) // not the one who may not invite
	_, err = f.s.Resend(f.ctx, f.in("amy", "Acme"), f.ids["nora invitation"])
	f.must(err)
	_, joined, err := f.s.Join(f.ctx, ip, f.linkTo("nora", portal.Mailed), person("nora"), f.browser("nora"))
	if f.must(err); !joined {
		t.Error("nora did not join")
	}
	if by := f.in("nora", "Acme"); by.Role != portal.SuperAdmin {
		t.Errorf("nora is %q", by.Role)
	}
}

func TestAnInvitationIsVoidWithoutAnInviterWhoMayInvite_INV_13(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		do   string
		void bool
	}{
		{"removed", `DELETE FROM memberships WHERE user_id = (SELECT id FROM users WHERE email = 'ann@example.org')`, true},
		{"demoted", `UPDATE memberships SET role = 'team_member' WHERE user_id = (SELECT id FROM users WHERE email = 'ann@example.org')`, true},
		{"deactivated", `UPDATE users SET state = 'deactivated' WHERE email = 'ann@example.org'`, true},
		{"removed but portal admin", `UPDATE users SET admin = 1 WHERE email = 'ann@example.org'; DELETE FROM memberships WHERE user_id = (SELECT id FROM users WHERE email = 'ann@example.org')`, false},
		{"portal admin and deactivated", `UPDATE users SET admin = 1, state = 'deactivated' WHERE email = 'ann@example.org'`, true},
		{"unproven but at home", `UPDATE users SET state = 'unproven' WHERE email = 'ann@example.org'`, false},
		{"unproven portal admin from outside", `UPDATE users SET admin = 1, state = 'unproven' WHERE email = 'ann@example.org'; DELETE FROM memberships WHERE user_id = (SELECT id FROM users WHERE email = 'ann@example.org')`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			f.exec(c.do)
			_, err := ivyJoins(f, portal.Mailed)
			if c.void {
				f.refused(err, portal.Gone, "void")
			} else {
				f.must(err)
			}
		})
	}
}

func TestInvitingAgainIsAResendOnceTheInvitationIsOver(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.mark()
	n := invited("ian", portal.SuperAdmin)
	n.First, n.Email = "Iain", "IAN@Example.org"
	inv, err := f.s.Invite(f.ctx, f.in("amy", "Acme"), n) // ian's has expired
	f.must(err)
	f.noted([]string{"amy resent the invitation of ian (as Super admin)"}, []string{"invitation to ian, queued"})
	if inv.PublicID != f.ids["ian invitation"] || inv.Version != 2 || inv.First != "Iain" || inv.Role != portal.SuperAdmin || inv.InviterEmail != address("amy") {
		t.Errorf("it is %+v", inv)
	}
	_, err = f.s.Invite(f.ctx, f.in("ann", "Acme"), invited("ivy", portal.TeamMember)) // ivy's is open
	f.refused(err, portal.Conflict, "ivy@example.org has been invited already")
	if e := err.(*portal.Error); e.Ref != f.ids["ivy invitation"] {
		t.Errorf("the refusal names the invitation %q", e.Ref)
	}
	_, err = f.s.Revoke(f.ctx, f.in("ann", "Acme"), f.ids["ivy invitation"])
	f.must(err)
	again, err := f.s.Invite(f.ctx, f.in("ann", "Acme"), invited("ivy", portal.TeamMember))
	if f.must(err); again.PublicID == f.ids["ivy invitation"] {
		t.Error("a revoked invitation came back")
	}
}

func TestNobodyIsInvitedWhoIsAMemberOrBeyondTheBounds_INV_15_INV_17(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	by := f.in("ann", "Acme")
	before := f.fingerprint()
	for _, who := range []string{"ann", "abe", "una", "dora"} {
		_, err := f.s.Invite(f.ctx, by, invited(who, portal.TeamMember))
		f.refused(err, portal.Conflict, "a member of Acme already")
	}
	for field, change := range map[string]func(*portal.NewInvitation){
		"role":       func(n *portal.NewInvitation) { n.Role = "portal_admin" },
		"email":      func(n *portal.NewInvitation) { n.Email = "a@example.org,b@example.org" },
		"first_name": func(n *portal.NewInvitation) { n.First = "" },
		"last_name":  func(n *portal.NewInvitation) { n.Last = "a\nb" },
	} {
		n := invited("nora", portal.TeamMember)
		change(&n)
		_, err := f.s.Invite(f.ctx, by, n)
		f.refused(err, portal.Invalid, "["+field+":")
	}
	f.unchanged(before)
	_, err := f.s.Invite(f.ctx, by, invited("bob", portal.TeamMember)) // who belongs to another organization, like anybody
	f.must(err)
	open := f.number(`SELECT count(*) FROM invitations WHERE state = 'pending' AND org_id = ?`, by.OrgID)
	for i := open; i < portal.MaxPendingInvitations-1; i++ {
		f.exec(`INSERT INTO invitations (public_id, org_id, email_key, email, first_name, last_name, role, state, expires_at, inviter_id, created_at)
			SELECT ?, org_id, ?, 'x', 'x', 'x', role, 'pending', expires_at, inviter_id, created_at FROM invitations WHERE public_id = ?`, newID(), fmt.Sprint(i), f.ids["ivy invitation"])
	}
	_, err = f.s.Invite(f.ctx, by, invited("nora", portal.TeamMember))
	f.must(err)
	_, err = f.s.Invite(f.ctx, by, invited("nina", portal.TeamMember))
	f.refused(err, portal.Conflict, "100 open invitations")
	_, err = f.s.Invite(f.ctx, f.in("bea", "Beta"), invited("nina", portal.TeamMember)) // the bound is each organization's
	f.must(err)
}

func TestAnOrganizationWithoutSuperAdminTakesOneFirst(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	org, err := f.s.AddOrg(f.ctx, f.user("ada"), "Gamma", nil)
	f.must(err)
	f.ids["Gamma"] = org.PublicID
	by := f.in("ada", "Gamma")
	_, err = f.s.Invite(f.ctx, by, invited("nora", portal.TeamMember))
	f.refused(err, portal.Conflict, "Super admin first")
	f.invite("ada", "Gamma", "nora", portal.SuperAdmin)
	_, joined, err := f.s.Join(f.ctx, ip, f.linkTo("nora", portal.Mailed), person("nora"), f.browser("nora"))
	if f.must(err); !joined {
		t.Error("the first Super admin did not join")
	}
	f.invite("ada", "Gamma", "nina", portal.TeamMember)
}

func TestJoiningByACopiedLinkMakesAnUnprovenMember(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	if joined, err := ivyJoins(f, portal.Copied); err != nil || !joined {
		t.Fatalf("got %v, %v", joined, err)
	}
	f.noted([]string{"ivy registered (by an invitation)", "ivy joined Acme (as Team member)"}, []string{"prove to ivy, queued", "accepted to ann, queued"})
	if got := f.text(`SELECT state || doubtful FROM users WHERE email = 'ivy@example.org'`); got != "unproven1" {
		t.Fatalf("the account is %s", got)
	}

	// At home in the organization …
	by := f.in("ivy", "Acme")
	if _, err := f.s.CreateApplication(f.ctx, by, portal.NewApplication{Name: "Ivory"}); err != nil {
		t.Error(err)
	}
	// … and nowhere else.
	f.switchTo("approve_orgs", true)
	f.invite("bea", "Beta", "ivy", portal.TeamMember)
	elsewhere := f.ids["ivy invitation"]
	_, err := f.s.RegisterOrg(f.ctx, f.user("ivy"), "Ivory")
	f.refused(err, portal.Forbidden, "Confirm your address")
	_, err = f.s.AcceptWaiting(f.ctx, f.user("ivy"), elsewhere, f.browser("x"))
	f.refused(err, portal.NotFound)
	_, err = f.s.DeclineWaiting(f.ctx, f.user("ivy"), elsewhere)
	f.refused(err, portal.NotFound)
	if all, err := f.s.InvitationsFor(f.ctx, f.user("ivy")); err != nil || len(all) != 0 {
		t.Errorf("invitations wait for an unproven address: %v, %v", all, err)
	}
	// Nor does the holder of the password become the mailbox's owner.
	before := f.fingerprint()
	_, err = f.s.Accept(f.ctx, f.user("ivy"), f.linkTo("ivy", portal.Mailed), f.browser("x"))
	f.refused(err, portal.Conflict, "Confirm your address first")
	f.unchanged(before)

	// Whoever proves the address sets a new password, and every session ends.
	token := f.mailedLink(portal.MailProve, "ivy")
	p, err := f.s.ProofOf(f.ctx, token)
	if f.must(err); !p.NewPassword {
		t.Error("the page of the proof asks for no new password")
	}
	f.refused(f.s.Prove(f.ctx, ip, token, "", hashOf("ivy")), portal.Invalid, "[password: Enter a password")
	f.refused(f.s.Prove(f.ctx, ip, token, "short", hashOf("ivy")), portal.Invalid, "[password:")
	f.must(f.s.Prove(f.ctx, ip, token, newPassword, hashOf("ivy")))
	if f.signedIn("ivy") {
		t.Error("the session that pressed Confirm is still there, though anybody's")
	}
	f.refused(f.signIn("ivy", password, "x"), portal.Invalid)
	f.must(f.signIn("ivy", newPassword, "x"))
	if by := f.in("ivy", "Acme"); by.Role != portal.TeamMember || by.State != portal.UserActive {
		t.Errorf("the member is %+v", by)
	}
	_, err = f.s.AcceptWaiting(f.ctx, f.user("ivy"), elsewhere, f.browser("x2"))
	f.must(err)
}

func TestACopiedLinkToAnAddressWithAnAccountTellsOnlyItsOwner(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"stan", "ulf", "wanda"} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			f.invite("ann", "Acme", who, portal.TeamMember)
			f.mark()
			_, joined, err := f.s.Join(f.ctx, ip, f.linkTo(who, portal.Copied), portal.NewUser{First: "Eve", Last: "Evil", Password: newPassword}, f.browser("eve"))
			if f.must(err); joined {
				t.Error("a stranger joined")
			}
			mail := "already_registered to " + who + ", queued"
			if who == "ulf" {
				mail = "prove to ulf, queued"
			}
			f.noted(nil, []string{mail})
			if f.signedIn("eve") || f.in(who, "Acme").Role != "" || f.text(`SELECT first_name FROM users WHERE email = ?`, address(who)) == "Eve" {
				t.Error("a stranger has a session, or the account changed")
			}
			f.refused(f.signIn(who, newPassword, "x"), portal.Invalid)
			if state := f.text(`SELECT state FROM invitations WHERE public_id = ?`, f.ids[who+" invitation"]); state != "pending" {
				t.Errorf("the invitation is %s", state)
			}
		})
	}
}

func TestAnUnprovenAccountIsTakenOverByTheMailedInvitation_REG_01(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.must(f.signIn("ulf", password, "who came first"))
	f.invite("ann", "Acme", "ulf", portal.TeamMember)
	f.mark()
	_, joined, err := f.s.Join(f.ctx, ip, f.linkTo("ulf", portal.Mailed), portal.NewUser{First: "Ulrich", Last: "Wolf", Password: newPassword}, f.browser("owner"))
	if f.must(err); !joined {
		t.Fatal("the mailbox's owner did not join")
	}
	f.noted([]string{"ulf confirmed their address", "ulf joined Acme (as Team member)"}, []string{"accepted to ann, queued"})
	if f.signedIn("who came first") || !f.signedIn("owner") {
		t.Error("the session of who registered before is still there")
	}
	f.refused(f.signIn("ulf", password, "x"), portal.Invalid)
	f.must(f.signIn("ulf", newPassword, "y"))
	if got := f.text(`SELECT u.first_name || u.state || m.first_name FROM users u JOIN memberships m ON m.user_id = u.id WHERE u.email = 'ulf@example.org'`); got != "UlrichactiveUlrich" {
		t.Errorf("the account is %s", got)
	}
}

func TestAcceptingByLinkDependsOnTheAccountAndTheKind_INV_25(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, who   string
		kind        portal.LinkKind
		state       string // afterwards, with whether the password is anybody's
		audit, mail []string
	}{
		{"an active person by a mailed link", "stan", portal.Mailed, "active0", nil, nil},
		{"an active person by a copied link", "stan", portal.Copied, "active0", nil, nil},
		{"an unproven person by a mailed link is proven", "ulf", portal.Mailed, "active0", []string{"ulf confirmed their address"}, nil},
		{"an unproven person by a copied link stays unproven", "ulf", portal.Copied, "unproven1", nil, nil},
		{"a waiting person by a mailed link needs no approval", "wanda", portal.Mailed, "active0", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			f.switchTo("approve_users", false) // an invited person needs none
			f.switchTo("register", false)      // nor the switch
			f.invite("ann", "Acme", c.who, portal.TeamMember)
			f.mark()
			_, err := f.s.Accept(f.ctx, f.user(c.who), f.linkTo(c.who, c.kind), f.browser("new"))
			f.must(err)
			f.noted(append(c.audit, c.who+" joined Acme (as Team member)"), append(c.mail, "accepted to ann, queued"))
			if got := f.text(`SELECT state || doubtful FROM users WHERE email = ?`, address(c.who)); got != c.state {
				t.Errorf("the account is %s, want %s", got, c.state)
			}
			if !f.signedIn("new") {
				t.Error("there is no new session")
			}
		})
	}
}

func TestTheOrganizationMustBeActiveWhenSomebodyJoins_INV_14(t *testing.T) {
	t.Parallel()
	for _, state := range []portal.OrgState{portal.OrgSuspended, portal.OrgDeleted} {
		f := newScene(t)
		inviteStan(f)
		f.exec(`UPDATE organizations SET state = ? WHERE name = 'Acme'`, state)
		before := f.fingerprint()
		_, err := ivyJoins(f, portal.Mailed)
		f.refused(err, portal.Gone, "no new members")
		_, err = f.s.Accept(f.ctx, f.user("stan"), f.linkTo("stan", portal.Mailed), f.browser("x"))
		f.refused(err, portal.Gone, "no new members")
		_, err = f.s.AskAgain(f.ctx, ip, f.linkTo("ian", portal.Mailed))
		f.refused(err, portal.Conflict)
		if all, err := f.s.InvitationsFor(f.ctx, f.user("stan")); err != nil || len(all) != 0 {
			t.Errorf("it waits for stan: %v, %v", all, err)
		}
		f.unchanged(before)
	}
}

func TestAnybodyElseNeitherJoinsNorBurnsTheLink_INV_06_INV_29(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	before := f.fingerprint()
	for _, who := range []string{"stan", "bea", "ada", "ann", "una"} {
		_, err := f.s.Accept(f.ctx, f.user(who), f.linkTo("ivy", portal.Mailed), f.browser("x"))
		f.refused(err, portal.Forbidden, "another address")
		_, err = f.s.Decline(f.ctx, f.user(who), f.linkTo("ivy", portal.Mailed))
		f.refused(err, portal.Forbidden, "another address")
	}
	_, err := f.s.Decline(f.ctx, f.user(""), f.linkTo("ivy", portal.Copied))
	f.refused(err, portal.Forbidden, "Sign in as ivy@example.org")
	f.unchanged(before)
	if joined, err := ivyJoins(f, portal.Mailed); err != nil || !joined {
		t.Errorf("the invited person: %v, %v", joined, err)
	}
}

func TestAskingAgainReachesSomebodyWhoCanInvite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, do string
		mail     []string
	}{
		{"the inviter", ``, []string{"ask_again to ann, queued"}},
		{"else the Super admins", `UPDATE memberships SET role = 'team_member' WHERE user_id = (SELECT id FROM users WHERE email = 'ann@example.org')`, []string{"ask_again to amy, queued"}},
		{"else the portal admins", `UPDATE organizations SET state = 'deleted' WHERE name = 'Acme'; DELETE FROM memberships WHERE role = 'super_admin' AND org_id = (SELECT id FROM organizations WHERE name = 'Acme');
			UPDATE organizations SET state = 'active' WHERE name = 'Acme'`, []string{"ask_again to ada, queued", "ask_again to alan, queued"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			if c.do != "" {
				f.exec(c.do)
			}
			_, err := f.s.AskAgain(f.ctx, ip, f.linkTo("ian", portal.Mailed))
			f.must(err)
			f.noted([]string{"ian asked for a new invitation ian"}, c.mail)
			_, err = f.s.AskAgain(f.ctx, ip, f.linkTo("ivy", portal.Mailed)) // which is open
			if c.name == "the inviter" {
				f.refused(err, portal.Conflict, "pending")
			}
		})
	}
}

func TestTheInviterReadsTheAnswerWhereTheyCanAct(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.invite("ada", "Acme", "nora", portal.TeamMember) // ada is no member
	_, _, err := f.s.Join(f.ctx, ip, f.linkTo("nora", portal.Mailed), person("nora"), f.browser("x"))
	f.must(err)
	_, err = ivyJoins(f, portal.Mailed)
	f.must(err)
	got := f.strings(`SELECT recipient || ' ' || link_path FROM outbox WHERE kind = 'accepted' ORDER BY id DESC LIMIT 2`)
	want := []string{"ann@example.org /o/" + f.ids["Acme"] + "/users", "ada@example.org /admin/organizations/" + f.ids["Acme"] + "/users"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestALinkThatSomebodyCopiedEndsWithTheirRightToInvite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, who string
		do        func(f *scene) error
	}{
		{"a deactivated Super admin", "amy", func(f *scene) error {
			_, err := f.s.DeactivateUser(f.ctx, f.user("ada"), f.ids["amy"])
			return err
		}},
		{"a deactivated portal admin", "alan", func(f *scene) error {
			_, err := f.s.DeactivateUser(f.ctx, f.user("ada"), f.ids["alan"])
			return err
		}},
		{"a portal admin who is one no more", "alan", func(f *scene) error {
			_, err := f.s.SetAdmin(f.ctx, f.user("ada"), f.ids["alan"], false)
			return err
		}},
		{"a portal admin whose account is deleted", "alan", func(f *scene) error {
			_, err := f.s.DeleteUser(f.ctx, f.user("ada"), f.ids["alan"], nil)
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			_, _, err := f.s.CopyLink(f.ctx, f.in(c.who, "Acme"), f.ids["ivy invitation"])
			f.must(err)
			f.must(c.do(f))
			_, err = ivyJoins(f, portal.Copied)
			f.refused(err, portal.Gone, "expired")
		})
	}
}

func TestALinkThatAPortalAdminCopiedAsASuperAdminStays(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	_, err := f.s.SetAdmin(f.ctx, f.user("ada"), f.ids["amy"], true)
	f.must(err)
	_, _, err = f.s.CopyLink(f.ctx, f.in("amy", "Acme"), f.ids["ivy invitation"])
	f.must(err)
	_, err = f.s.SetAdmin(f.ctx, f.user("ada"), f.ids["amy"], false)
	f.must(err)
	_, err = ivyJoins(f, portal.Copied)
	f.must(err)
}
