package db

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"portico/portal"
)

// inviteCode makes a code of Acme.
func (f *scene) inviteCode(form portal.CodeForm) portal.InviteCode {
	f.t.Helper()
	form.Name, form.Code = "Fair", theCode
	c, _, err := f.s.CreateCode(f.ctx, f.in("ada", "Acme"), form)
	f.must(err)
	f.mark()
	return c
}

// registers registers somebody with a code and does not prove their address.
func (f *scene) registers(name, code string) error {
	n := person(name)
	n.Code = code
	return f.s.Register(f.ctx, ip, n)
}

func (f *scene) proves(name string) {
	f.t.Helper()
	f.must(f.s.Prove(f.ctx, ip, f.mailedLink(portal.MailProve, name), "", nil))
}

// teamsIn are the teams of Acme that somebody is in; none: no member.
func (f *scene) teamsIn(name string) string {
	f.t.Helper()
	return strings.Join(f.strings(`SELECT t.name FROM team_members x JOIN teams t ON t.id = x.team_id JOIN users u ON u.id = x.user_id WHERE u.email_key = ? ORDER BY t.id`, address(name)), ", ")
}

func TestWhoRegistersWithACodeIsAMemberOnceTheirAddressIsProven(t *testing.T) {
	f := newScene(t)
	f.exec(`INSERT INTO teams (public_id, org_id, name, is_default, created_at) SELECT 'developers', id, 'Developers', 0, 0 FROM organizations WHERE name = 'Acme'`)
	f.inviteCode(portal.CodeForm{Team: "developers", Quota: "2"})
	f.switchTo("approve_users", false)
	f.must(f.registers("nora", "open-doors_2o26")) // as it may be typed
	if f.teamsIn("nora") != "" || f.number(`SELECT uses FROM invite_codes`) != 0 {
		t.Fatal("a code has let somebody in whose address is not proven")
	}
	p, err := f.s.ProofOf(f.ctx, f.mailedLink(portal.MailProve, "nora"))
	if f.must(err); p.Joins != "Acme" || p.CodeEnded {
		t.Errorf("the page of the link says %+v", p)
	}
	f.mark()
	f.proves("nora")
	f.noted([]string{"nora confirmed their address", "nora joined Acme (as Team member, by the invite code Fair)"}, nil)
	if got := f.teamsIn("nora"); got != "Developers" {
		t.Errorf("nora is in %q", got)
	}
	if got := f.text(`SELECT u.state || m.role FROM users u JOIN memberships m ON m.user_id = u.id WHERE u.email_key = 'nora@example.org'`); got != "activeteam_member" {
		t.Errorf("nora is %s", got)
	}
	// A team that is gone meanwhile: the default one.
	f.must(f.registers("nils", theCode))
	f.exec(`DELETE FROM team_members WHERE team_id = (SELECT id FROM teams WHERE public_id = 'developers')`)
	f.exec(`DELETE FROM teams WHERE public_id = 'developers'`)
	f.proves("nils")
	if got := f.teamsIn("nils"); got != "Acme All users" {
		t.Errorf("nils is in %q", got)
	}
	f.refused(f.registers("olga", theCode), portal.Invalid, "[code: This code does not work")
}

func TestACodeThatDoesNotWorkGetsOneAnswer(t *testing.T) {
	for name, spoil := range map[string]func(f *scene){
		"of nobody":                   func(f *scene) { f.exec(`DELETE FROM invite_codes`) },
		"switched off":                func(f *scene) { f.exec(`UPDATE invite_codes SET active = 0`) },
		"used up":                     func(f *scene) { f.exec(`UPDATE invite_codes SET uses = 5`) },
		"expired":                     func(f *scene) { f.exec(`UPDATE invite_codes SET expires_at = ?`, millis(f.clock.read())) },
		"of a suspended organization": func(f *scene) { f.exec(`UPDATE organizations SET state = 'suspended' WHERE name = 'Acme'`) },
		"of a deleted organization":   func(f *scene) { f.exec(`UPDATE organizations SET state = 'deleted' WHERE name = 'Acme'`) },
		"of one nobody looks after": func(f *scene) {
			f.exec(`UPDATE organizations SET state = 'pending' WHERE name = 'Acme'`)
			f.exec(`DELETE FROM memberships WHERE role = 'super_admin' AND org_id = (SELECT id FROM organizations WHERE name = 'Acme')`)
			f.exec(`UPDATE organizations SET state = 'active' WHERE name = 'Acme'`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			f.inviteCode(portal.CodeForm{Quota: "5"})
			f.must(f.registers("nora", theCode))
			spoil(f)
			f.mark()
			_, err := f.s.JoinByCode(f.ctx, f.user("stan"), theCode)
			if err != portal.ErrCode {
				t.Errorf("joining: %v", describe(err))
			}
			if err := f.registers("nils", theCode); err != portal.ErrCode {
				t.Errorf("registering: %v", describe(err))
			}
			f.noted(nil, nil)
			// Who has registered in time is proven, not a member, and told.
			gone := name == "of nobody"
			p, err := f.s.ProofOf(f.ctx, f.mailedLink(portal.MailProve, "nora"))
			if f.must(err); p.Joins != "" || p.CodeEnded == gone {
				t.Errorf("the page of the link says %+v", p)
			}
			f.proves("nora")
			ended, err := f.s.CodeEnded(f.ctx, f.user("nora"))
			if f.must(err); ended == gone || f.teamsIn("nora") != "" {
				t.Errorf("nora is told: %v; she is in %q", ended, f.teamsIn("nora"))
			}
		})
	}
}

func TestAQuotaIsKeptWhateverComesAtOnce(t *testing.T) {
	f := newScene(t)
	f.inviteCode(portal.CodeForm{Quota: "7"})
	var wait sync.WaitGroup
	var mu sync.Mutex
	joined, refused := 0, 0
	var guests []portal.Actor
	for i := range 20 {
		name := fmt.Sprintf("guest%d", i)
		f.must(f.s.Register(f.ctx, fmt.Sprintf("198.51.100.%d", i), person(name)))
		f.proves(name)
		by := f.user(name)
		by.IP = fmt.Sprintf("198.51.100.%d", i)
		guests = append(guests, by)
	}
	for _, by := range guests {
		wait.Go(func() {
			_, err := f.s.JoinByCode(f.ctx, by, theCode)
			mu.Lock()
			defer mu.Unlock()
			switch err {
			case nil:
				joined++
			case portal.ErrCode:
				refused++
			default:
				t.Error(describe(err))
			}
		})
	}
	wait.Wait()
	uses := f.number(`SELECT uses FROM invite_codes`)
	members := f.number(`SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email_key LIKE 'guest%'`)
	if joined != 7 || refused != 13 || uses != 7 || members != 7 {
		t.Errorf("%d joined, %d were refused, %d uses are counted, %d are members; want 7, 13, 7, 7", joined, refused, uses, members)
	}
}

func TestGuessingCodesIsLimited(t *testing.T) {
	f := newScene(t)
	f.inviteCode(portal.CodeForm{})
	for i := range portal.LimitInviteCode.Max {
		if err := f.registers("nora", fmt.Sprintf("GUESS-GUESS-%d", i)); err != portal.ErrCode {
			t.Fatal(describe(err))
		}
	}
	f.refused(f.registers("nora", theCode), portal.TooMany, "Try again in 15 minutes")
	_, err := f.s.JoinByCode(f.ctx, f.user("stan"), theCode)
	f.refused(err, portal.TooMany)
	f.pass(16 * time.Minute)
	// Right ones do not count.
	for i := range portal.LimitInviteCode.Max {
		n := person(fmt.Sprintf("guest%d", i))
		n.Code = theCode
		f.must(f.s.Register(f.ctx, ip, n))
		f.exec(`DELETE FROM limit_events WHERE scope = ?`, portal.LimitRegister.Scope)
	}
}

func TestACodeIsTheBusinessOfWhoeverTypedIt(t *testing.T) {
	f := newScene(t)
	f.inviteCode(portal.CodeForm{})
	// Somebody else registers ulf's address with a code: he does not join by that.
	n := person("ulf")
	n.Password, n.Code = "another person's words", theCode
	f.must(f.s.Register(f.ctx, ip, n))
	if f.number(`SELECT count(*) FROM code_registrations`) != 0 {
		t.Error("the code of another person is noted for an account")
	}
	// He himself, with his password: he does.
	f.must(f.registers("ulf", theCode))
	if f.number(`SELECT count(*) FROM code_registrations`) != 1 {
		t.Error("the code is not noted")
	}
	// By an invitation into the same organization he joins once.
	inv := f.invite("ann", "Acme", "ulf", portal.SuperAdmin)
	f.exec(`UPDATE users SET doubtful = 0`)
	_, err := f.s.Accept(f.ctx, f.user("ulf"), f.link(inv, portal.Mailed), f.browser("ulf"))
	f.must(err)
	if got := f.text(`SELECT m.role || (SELECT uses FROM invite_codes) || (SELECT count(*) FROM code_registrations) FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email_key = 'ulf@example.org'`); got != "super_admin00" {
		t.Errorf("got %s", got)
	}
}

func TestAQuotaIsNotSetBelowWhatIsUsed(t *testing.T) {
	f := newScene(t)
	c := f.inviteCode(portal.CodeForm{Expires: "2026-03-05"})
	_, err := f.s.JoinByCode(f.ctx, f.user("stan"), theCode)
	f.must(err)
	_, err = f.s.JoinByCode(f.ctx, f.user("rita"), theCode)
	f.must(err)
	ada := f.in("ada", "Acme")
	f.refused(f.s.EditCode(f.ctx, ada, c.PublicID, portal.CodeForm{Name: "Fair", Quota: "1"}), portal.Invalid, "[quota: 2 people have joined with it already")
	f.pass(30 * 24 * time.Hour)
	f.must(f.s.EditCode(f.ctx, ada, c.PublicID, portal.CodeForm{Name: "Fair", Quota: "2", Expires: "2026-03-05"})) // its end is over and may stay
	f.refused(f.s.EditCode(f.ctx, ada, c.PublicID, portal.CodeForm{Name: "Fair", Expires: "2026-03-06"}), portal.Invalid, "[expires: ")
	f.refused(f.s.EditCode(f.ctx, ada, c.PublicID, portal.CodeForm{Name: "Fair", Team: f.ids["Beta team"]}), portal.Invalid, "[team: ")
}

func TestACopyOfTheDatabaseTellsNoCode(t *testing.T) {
	f := newScene(t)
	c, value, err := f.s.CreateCode(f.ctx, f.in("ada", "Acme"), portal.CodeForm{Name: "Fair"})
	f.must(err)
	f.must(f.s.Close())
	text, err := os.ReadFile(filepath.Join(f.dir, "portico.db"))
	f.must(err)
	if !bytes.Contains(text, []byte(c.PublicID)) || bytes.Contains(text, []byte(value)) || bytes.Contains(text, []byte(portal.CodeKey(value))) {
		t.Errorf("the file lacks the code's row, or holds the code %s", value)
	}
}

func TestACodeLetsNobodyInAgainWhoWasRemoved(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.inviteCode(portal.CodeForm{})
	gone, err := f.s.RemoveMember(f.ctx, f.in("ann", "Acme"), f.ids["abe"])
	f.must(err)
	before := f.fingerprint()
	_, err = f.s.JoinByCode(f.ctx, f.user("abe"), theCode)
	f.refused(err, portal.Conflict, "You were removed from Acme")
	f.unchanged(before)
	_, err = f.s.Undo(f.ctx, f.in("ann", "Acme"), gone.Undo)
	f.must(err)
	_, err = f.s.LeaveOrg(f.ctx, f.in("abe", "Acme"), "")
	f.must(err)
	_, err = f.s.JoinByCode(f.ctx, f.user("abe"), theCode) // who left may come back
	f.must(err)
	_, err = f.s.RemoveMember(f.ctx, f.in("ann", "Acme"), f.ids["abe"])
	f.must(err)
	f.join("Acme", "ann", "abe", portal.TeamMember)
	if f.teamsIn("abe") == "" {
		t.Error("an invitation did not bring abe back")
	}
}

func TestAnotherAddressBringsNobodyBackWhoWasRemoved(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.inviteCode(portal.CodeForm{})
	moves := func(by portal.Actor, to string) {
		f.must(f.s.AskForEmail(f.ctx, by, address(to)))
		_, err := f.s.ChangeEmail(f.ctx, ip, f.mailedLink(portal.MailEmailProve, to), nil)
		f.must(err)
	}
	_, err := f.s.RemoveMember(f.ctx, f.in("ann", "Acme"), f.ids["abe"])
	f.must(err)
	abe := f.user("abe")
	for _, to := range []string{"nora", "nils"} {
		moves(abe, to)
		_, err = f.s.JoinByCode(f.ctx, abe, theCode)
		f.refused(err, portal.Conflict, "You were removed from Acme")
	}
	// Somebody who never was a member comes in under any address.
	stan := f.user("stan")
	moves(stan, "sten")
	_, err = f.s.JoinByCode(f.ctx, stan, theCode)
	f.must(err)
}
