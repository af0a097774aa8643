package db

import (
	"slices"
	"strings"
	"testing"
	"time"

	"portico/portal"
)

func TestEachSwitchRefusesWhatItSwitchesOff_ORG_01_REG_05(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	inviteStan(f)
	for _, key := range []string{"register", "register_orgs"} {
		f.switchTo(key, false)
	}
	before := f.fingerprint()
	if err := f.s.Register(f.ctx, ip, person("nora")); err != portal.ErrNotFound {
		t.Errorf("registering: %s", describe(err))
	}
	if err := f.s.Register(f.ctx, ip, portal.NewUser{}); err != portal.ErrNotFound {
		t.Errorf("registering with bad input: %s", describe(err))
	}
	if _, err := f.s.RegisterOrg(f.ctx, f.user("stan"), "New Org"); err != portal.ErrNotFound {
		t.Errorf("registering an organization: %s", describe(err))
	}
	if _, err := f.s.Resubmit(f.ctx, f.user("rex"), f.ids["Red"], "Red"); err != portal.ErrNotFound {
		t.Errorf("resubmitting: %s", describe(err))
	}
	f.unchanged(before)
	// Invited people come in all the same, and what waits can be withdrawn.
	if joined, err := ivyJoins(f, portal.Mailed); err != nil || !joined {
		t.Errorf("an invited person without an account: %v, %v", joined, err)
	}
	_, err := f.s.Accept(f.ctx, f.user("stan"), f.linkTo("stan", portal.Mailed), f.browser("stan"))
	f.must(err)
	f.must(f.s.Withdraw(f.ctx, f.user("rita"), f.ids["Rigel"]))
}

func TestWithSigningInSwitchedOffOnlyPortalAdminsAct(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	for _, who := range []string{"ann", "ada"} {
		f.must(f.signIn(who, password, who))
	}
	f.switchTo("sign_in", false)
	if f.signedIn("ann") || !f.signedIn("ada") {
		t.Errorf("signed in: ann %v, ada %v", f.signedIn("ann"), f.signedIn("ada"))
	}
	f.refused(f.signIn("ann", password, "x"), portal.Invalid, "switched off")
	if err := f.signIn("ann", newPassword, "x"); err != errSignIn {
		t.Errorf("a wrong password is told apart: %s", describe(err))
	}
	f.must(f.signIn("alan", password, "alan"))
	before := f.fingerprint()
	if _, err := f.s.Invite(f.ctx, f.in("ann", "Acme"), invited("nora", portal.TeamMember)); err != portal.ErrNotFound {
		t.Errorf("a consumer's invitation: %s", describe(err))
	}
	f.unchanged(before)
	_, err := f.s.Invite(f.ctx, f.in("ada", "Acme"), invited("nora", portal.TeamMember))
	f.must(err)
	f.switchTo("sign_in", true)
	if !f.signedIn("ann") {
		t.Error("the session did not come back with the switch")
	}
}

func TestAutoApprovalDecidesAtOnceAndLeavesWhatWaits(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.switchTo("approve_orgs", true)
	f.mark()
	o, err := f.s.RegisterOrg(f.ctx, f.user("stan"), "Sol")
	if f.must(err); o.State != portal.OrgActive {
		t.Errorf("it is %s", o.State)
	}
	f.noted([]string{"stan registered the organization Sol (approved automatically)"}, nil)
	f.ids["Sol"] = o.PublicID
	if by := f.in("stan", "Sol"); by.Role != portal.SuperAdmin {
		t.Errorf("its requester is %q", by.Role)
	}
	if got := f.text(`SELECT t.name FROM teams t JOIN team_members m ON m.team_id = t.id JOIN users u ON u.id = m.user_id WHERE u.email = 'stan@example.org'`); got != "Sol All users" {
		t.Errorf("and in the team %q", got)
	}
	if got := f.text(`SELECT state FROM organizations WHERE name = 'Rigel'`); got != "pending" {
		t.Errorf("a request that waited is %s", got)
	}
	o, err = f.s.Resubmit(f.ctx, f.user("rex"), f.ids["Red"], "Red")
	if f.must(err); o.State != portal.OrgActive {
		t.Errorf("resubmitted it is %s", o.State)
	}
	f.noted([]string{"rex resubmitted the request Red (approved automatically)"}, nil)
	// Another organization, while none waits, is anybody's right.
	_, err = f.s.RegisterOrg(f.ctx, f.user("stan"), "Sol Two")
	f.must(err)
	f.switchTo("approve_orgs", false)
	o, err = f.s.RegisterOrg(f.ctx, f.user("stan"), "Sol Three")
	if f.must(err); o.State != portal.OrgPending {
		t.Errorf("without auto-approval it is %s", o.State)
	}
}

func TestAutoApprovalOfAccountsDecidesWhetherTheyWait(t *testing.T) {
	t.Parallel()
	for auto, want := range map[bool]string{true: "active", false: "waiting"} {
		f := newScene(t)
		f.switchTo("approve_users", auto)
		f.mark()
		f.must(f.s.Prove(f.ctx, ip, f.mailedLink(portal.MailProve, "ulf"), "", nil))
		var mail []string
		if !auto {
			mail = []string{"user_waiting to ada, queued", "user_waiting to alan, queued"}
		}
		f.noted([]string{"ulf confirmed their address"}, mail)
		if got := f.text(`SELECT state FROM users WHERE email = 'ulf@example.org'`); got != want {
			t.Errorf("with auto-approval %v the account is %s", auto, got)
		}
	}
	f := newScene(t)
	f.must(f.s.Prove(f.ctx, ip, f.mailedLink(portal.MailProve, "una"), newPassword, nil)) // a member, invited
	f.switchTo("approve_users", true)                                                     // leaves who waits waiting
	if got := f.strings(`SELECT state FROM users WHERE email IN ('una@example.org', 'wanda@example.org') ORDER BY email`); !slices.Equal(got, []string{"active", "waiting"}) {
		t.Errorf("they are %q", got)
	}
}

func TestARequestWhoseRequesterIsGoneNeedsAnotherSuperAdmin_ORG_19(t *testing.T) {
	t.Parallel()
	for _, state := range []portal.UserState{portal.UserDeactivated, portal.UserDeleted, portal.UserWaiting, portal.UserUnproven} {
		f := newScene(t)
		f.exec(`UPDATE users SET state = ? WHERE email = 'rita@example.org'`, state)
		before := f.fingerprint()
		_, err := f.s.Approve(f.ctx, f.user("ada"), f.ids["Rigel"], "Rigel", nil)
		f.refused(err, portal.Conflict, "Rita Test", string(state), "another Super admin")
		bad := portal.NewInvitation{First: "Nora", Last: "Test", Email: "nora"}
		_, err = f.s.Approve(f.ctx, f.user("ada"), f.ids["Rigel"], "Rigel", &bad)
		f.refused(err, portal.Invalid, "[email:")
		f.unchanged(before)
		first := invited("nora", portal.TeamMember) // whatever the form says
		_, err = f.s.Approve(f.ctx, f.user("ada"), f.ids["Rigel"], "Rigel", &first)
		f.must(err)
		f.noted([]string{"ada approved the organization Rigel", "ada invited nora (as Super admin)"}, []string{"invitation to nora, queued"})
		if n := f.number(`SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email = 'rita@example.org'`); n != 0 {
			t.Error("somebody who is gone became a member")
		}
	}
}

func TestADecidedRequestSaysByWhomAndWhen_ORG_06(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	_, err := f.s.Approve(f.ctx, f.user("ada"), f.ids["Rigel"], "Rigel", nil)
	f.must(err)
	f.pass(3 * time.Hour)
	by, when := "Ada Test", "2 Mar 2026 at 10:00 UTC"
	before := f.fingerprint()
	_, err = f.s.Approve(f.ctx, f.user("alan"), f.ids["Rigel"], "Rigel", nil)
	f.refused(err, portal.Conflict, "approved", by, when)
	_, err = f.s.Reject(f.ctx, f.user("alan"), f.ids["Rigel"], "No.")
	f.refused(err, portal.Conflict, "approved", by, when)
	f.refused(f.s.Withdraw(f.ctx, f.user("rita"), f.ids["Rigel"]), portal.Conflict, "approved", by, when)
	f.refused(f.s.RenameRequest(f.ctx, f.user("rita"), f.ids["Rigel"], "Other"), portal.Conflict, "approved", by, when)
	_, err = f.s.Resubmit(f.ctx, f.user("rita"), f.ids["Rigel"], "Other")
	f.refused(err, portal.Conflict, "approved", by, when)
	_, err = f.s.Approve(f.ctx, f.user("alan"), f.ids["Red"], "Red", nil)
	f.refused(err, portal.Conflict, "Red was rejected by Ada Test", "9:00")
	f.unchanged(before)
}

func TestNobodyOwnsAnOrganizationThatAnAdminAdded(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	o, err := f.s.AddOrg(f.ctx, f.user("ada"), "Gamma", nil)
	f.must(err)
	before := f.fingerprint()
	for _, who := range []string{"", "ada", "stan"} {
		by := f.user(who)
		_, resubmit := f.s.Resubmit(f.ctx, by, o.PublicID, "Other")
		_, request := f.s.Request(f.ctx, by, o.PublicID)
		for what, err := range map[string]error{"rename": f.s.RenameRequest(f.ctx, by, o.PublicID, "Other"), "withdraw": f.s.Withdraw(f.ctx, by, o.PublicID),
			"resubmit": resubmit, "look at": request} {
			if err != portal.ErrNotFound {
				t.Errorf("%q may %s it: %s", who, what, describe(err))
			}
		}
	}
	f.unchanged(before)
}

func TestARequestHasAGoodNameAndARejectionAReason(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	before := f.fingerprint()
	first := invited("nora", portal.SuperAdmin)
	first.Email = "nora"
	for _, bad := range []string{"", "   ", strings.Repeat("x", 81), "a\u202eb", "a\u200bb", "a\r\nb", "a\x00b"} {
		_, err := f.s.RegisterOrg(f.ctx, f.user("stan"), bad)
		f.refused(err, portal.Invalid, "[name:")
		_, err = f.s.Approve(f.ctx, f.user("ada"), f.ids["Rigel"], bad, nil)
		f.refused(err, portal.Invalid, "[name:")
		f.refused(f.s.RenameRequest(f.ctx, f.user("rita"), f.ids["Rigel"], bad), portal.Invalid, "[name:")
		f.refused(f.s.RenameOrg(f.ctx, f.in("ann", "Acme"), bad), portal.Invalid, "[name:")
		_, err = f.s.Resubmit(f.ctx, f.user("rex"), f.ids["Red"], bad)
		f.refused(err, portal.Invalid, "[name:")
		_, err = f.s.AddOrg(f.ctx, f.user("ada"), bad, &first)
		f.refused(err, portal.Invalid, "[name:", "[email:")
		f.refused(f.s.RenameTeam(f.ctx, f.in("ann", "Acme"), f.ids["Acme team"], strings.ReplaceAll(bad, "x", "xx")), portal.Invalid, "[name:")
	}
	for _, bad := range []string{"", " \n ", strings.Repeat("x", portal.MaxReason+1), "a\x00b"} {
		_, err := f.s.Reject(f.ctx, f.user("ada"), f.ids["Rigel"], bad)
		f.refused(err, portal.Invalid, "[reason:")
	}
	f.unchanged(before)
	_, err := f.s.Approve(f.ctx, f.user("ada"), f.ids["Rigel"], "  <script>alert(1)</script>  ", nil)
	f.must(err)
	if got := f.text(`SELECT name FROM organizations WHERE public_id = ?`, f.ids["Rigel"]); got != "<script>alert(1)</script>" {
		t.Errorf("it is called %q", got)
	}
}

func TestNamesOfOrganizationsNeedNotDiffer_ORG_09_ORG_10_ENUM_05(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	_, err := f.s.RegisterOrg(f.ctx, f.user("stan"), "Acme") // nobody learns that Acme is a customer
	f.must(err)
}

func TestOneRequestWaitsAtATime_ORG_13(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	before := f.fingerprint()
	_, err := f.s.RegisterOrg(f.ctx, f.user("rita"), "Another")
	f.refused(err, portal.Conflict, "waiting for a decision")
	f.unchanged(before)
	// A rejected one cannot be resubmitted beside a pending one either.
	_, err = f.s.RegisterOrg(f.ctx, f.user("rex"), "Another")
	f.must(err)
	_, err = f.s.Resubmit(f.ctx, f.user("rex"), f.ids["Red"], "Red")
	f.refused(err, portal.Conflict, "another request")
}

func TestARenamedOrganizationTakesItsDefaultTeamAlongUnlessThatHasANameOfItsOwn_ORG_17(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	team := `SELECT name FROM teams WHERE public_id = ?`
	by := f.in("ann", "Acme")
	f.must(f.s.RenameOrg(f.ctx, by, "Apex"))
	if got := f.text(team, f.ids["Acme team"]); got != "Apex All users" {
		t.Errorf("the team is called %q", got)
	}
	f.must(f.s.RenameTeam(f.ctx, by, f.ids["Acme team"], "Everybody"))
	f.must(f.s.RenameOrg(f.ctx, by, "Acme"))
	if got := f.text(team, f.ids["Acme team"]); got != "Everybody" {
		t.Errorf("the team is called %q", got)
	}
	page, err := f.s.Orgs(f.ctx, f.user("ada"), portal.OrgActive, "apex", "")
	if f.must(err); len(page.Items) != 0 {
		t.Error("it is still found by its old name")
	}
}

func TestAnOrganizationIsEnteredOnlyWhileItIsThere(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	for _, state := range portal.OrgStates {
		f.exec(`UPDATE organizations SET state = ? WHERE name = 'Acme'`, state)
		_, _, err := f.s.Enter(f.ctx, f.user("ann"), f.ids["Acme"], false)
		if want := state == portal.OrgActive || state == portal.OrgSuspended; (err == nil) != want || err != nil && err != portal.ErrNotFound {
			t.Errorf("a member enters one that is %s: %s", state, describe(err))
		}
		if _, _, err := f.s.Enter(f.ctx, f.user("ada"), f.ids["Acme"], true); err != nil {
			t.Errorf("a portal admin looks at one that is %s: %s", state, describe(err))
		}
		for _, who := range []string{"", "ann", "adam", "bea"} {
			if _, _, err := f.s.Enter(f.ctx, f.user(who), f.ids["Acme"], true); err != portal.ErrNotFound {
				t.Errorf("%q enters as a portal admin: %s", who, describe(err))
			}
		}
	}
	for _, id := range []string{"", "1", newID(), "%", f.ids["Rigel"]} {
		if _, _, err := f.s.Enter(f.ctx, f.user("ann"), id, false); err != portal.ErrNotFound {
			t.Errorf("ann enters %q: %s", id, describe(err))
		}
	}
}

func TestListsArePagedWithoutGapsAndCursorsCannotBeMade(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	for range 2*portal.PageSize + 3 {
		f.exec(`INSERT INTO organizations (public_id, name, state, requested_at, created_at) VALUES (?, 'Many', 'withdrawn', 0, 0)`, newID())
	}
	seen := map[int64]bool{}
	sizes := []int{}
	cursor := ""
	for {
		page, err := f.s.Orgs(f.ctx, f.user("ada"), portal.OrgWithdrawn, "", cursor)
		f.must(err)
		sizes = append(sizes, len(page.Items))
		for _, o := range page.Items {
			if seen[o.ID] {
				t.Errorf("%d came twice", o.ID)
			}
			seen[o.ID] = true
		}
		if cursor = page.Next; cursor == "" {
			break
		}
		if strings.ContainsAny(cursor, "0123456789") && len(cursor) < 20 {
			t.Errorf("the cursor %q may be guessed", cursor)
		}
		if other, err := f.s.Users(f.ctx, f.user("ada"), portal.UserActive, "", cursor); err != nil || len(other.Items) == 0 {
			t.Errorf("another list takes the cursor: %d rows, %v", len(other.Items), err)
		}
	}
	if !slices.Equal(sizes, []int{portal.PageSize, portal.PageSize, 3}) {
		t.Errorf("the pages have %v rows", sizes)
	}
	first, err := f.s.Orgs(f.ctx, f.user("ada"), portal.OrgWithdrawn, "", "")
	f.must(err)
	for _, made := range []string{"25", "AAAAAAAAAAAAAAAAAAAAAA", strings.Repeat("A", 100), "%", first.Next + "A", first.Next[:10]} {
		page, err := f.s.Orgs(f.ctx, f.user("ada"), portal.OrgWithdrawn, "", made)
		if f.must(err); page.Items[0].ID != first.Items[0].ID {
			t.Errorf("the made-up cursor %q leads somewhere", made)
		}
	}
}

func TestThingsAreFoundByTheBeginningsOfTheirWords_INJ_05(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.must(f.s.SaveProfile(f.ctx, f.user("stan"), "Stéphane", "O'Neill"))
	for query, want := range map[string][]string{
		"sté": {"stan"}, "STÉPHANE o'ne": {"stan"}, "stan@example.org": {"stan"}, "neill": {"stan"}, "téphane": nil, "%": nil, "' OR 1=1 --": nil,
		"test x": nil, "\x00": nil, strings.Repeat("q ", 1000): nil, "*": nil,
	} {
		page, err := f.s.Users(f.ctx, f.user("ada"), portal.UserActive, query, "")
		f.must(err)
		var got []string
		for _, u := range page.Items {
			got = append(got, strings.TrimSuffix(u.Email, "@example.org"))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%.30q finds %q, want %q", query, got, want)
		}
	}
}

func TestAnOrganizationIsProvisionedFromTheStateItIsSaidToBeIn(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	before := f.fingerprint()
	ada := f.user("ada")
	for _, name := range []string{"Acme", "Red"} {
		o := portal.Organization{ID: f.number(`SELECT id FROM organizations WHERE name = ?`, name), Name: name}
		f.refused(f.s.inTx(f.ctx, func(t *tx) error { _, err := t.provision(o, 0, portal.OrgPending, &ada); return err }), portal.Conflict, "decided already")
	}
	f.unchanged(before)
}
