package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"portico/portal"
)

// How often each race is run; each round starts from the same state.
const (
	rounds     = 24
	manyRounds = 2000 // of the races that are counted
)

// atOnce runs all of what at the same moment and gives their answers.
func atOnce(what ...func() error) []error {
	answers := make([]error, len(what))
	var ready, done sync.WaitGroup
	ready.Add(len(what))
	gate := make(chan struct{})
	for i, f := range what {
		done.Go(func() {
			ready.Done()
			<-gate
			answers[i] = f()
		})
	}
	ready.Wait()
	close(gate)
	done.Wait()
	return answers
}

// race runs what again and again on one scene, which is put back between.
func race(t *testing.T, f *scene, what func(round int) []func() error, after func(round int, answers []error)) {
	t.Helper()
	for round := range rounds {
		raceOnce(t, f, round, what, after)
	}
}

// raceOften is race in many rounds, which are counted.
func raceOften(t *testing.T, f *scene, fault string, what func(round int) []func() error, after func(round int, answers []error)) {
	t.Helper()
	tried, held := 0, 0
	defer func() { t.Attr("faults", fmt.Sprintf("%s|%d|%d", fault, tried, held)) }()
	f.exec(`PRAGMA synchronous = OFF`)
	for round := range manyRounds {
		tried++
		raceOnce(t, f, round, what, after)
		held++
	}
}

// often is raceOften under that name.
func often(fault string) func(*testing.T, *scene, func(int) []func() error, func(int, []error)) {
	return func(t *testing.T, f *scene, what func(int) []func() error, after func(int, []error)) {
		t.Helper()
		raceOften(t, f, fault, what, after)
	}
}

// twin is a second store on the database of a scene: what one store's single
// connection for writing would keep apart meets in the database itself.
func (f *scene) twin() *Store {
	f.t.Helper()
	s, err := Open(f.ctx, f.dir, Options{CheapPasswords: true})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { s.Close() })
	s.Now, s.SMTP = f.clock.read, mailServer
	if _, err := s.write.Exec(`PRAGMA synchronous = OFF`); err != nil {
		f.t.Fatal(err)
	}
	return s
}

// raceOnce runs one round, and ends the test if it goes wrong.
func raceOnce(t *testing.T, f *scene, round int, what func(round int) []func() error, after func(round int, answers []error)) {
	t.Helper()
	f.mark()
	answers := atOnce(what(round)...)
	for _, err := range answers {
		var e *portal.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	after(round, answers)
	if t.Failed() {
		t.Fatalf("in round %d: %s", round, strings.Join(describeAll(answers), "; "))
	}
}

func describeAll(answers []error) []string {
	all := make([]string, len(answers))
	for i, err := range answers {
		all[i] = describe(err)
	}
	return all
}

// oneWins checks that one answer is yes and the others are refusals of that code.
func oneWins(t *testing.T, answers []error, code portal.Code) (winner int) {
	t.Helper()
	winner = -1
	for i, err := range answers {
		switch {
		case err == nil && winner >= 0:
			t.Errorf("%d and %d both won", winner, i)
		case err == nil:
			winner = i
		case !portal.IsCode(err, code):
			t.Errorf("a loser got %s, want %s", describe(err), codeNames[code])
		}
	}
	if winner < 0 {
		t.Error("nobody won")
	}
	return winner
}

func TestOfTwoAdminsWhoDecideAtOnceOneDecides_ORG_06(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]func(f *scene, s *Store, by portal.Actor, id string) error{
		"approve and reject": func(f *scene, s *Store, by portal.Actor, id string) error {
			_, err := s.Reject(f.ctx, by, id, "No.")
			return err
		},
		"approve twice": func(f *scene, s *Store, by portal.Actor, id string) error {
			_, err := s.Approve(f.ctx, by, id, "Rigel", nil)
			return err
		},
		"approve and withdraw": func(f *scene, s *Store, _ portal.Actor, id string) error {
			return s.Withdraw(f.ctx, f.user("rita"), id)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			twin := f.twin()
			ada, alan, id := f.user("ada"), f.user("alan"), f.ids["Rigel"]
			run := race
			if name == "approve and reject" {
				run = often("race approve/reject")
			}
			run(t, f, func(int) []func() error {
				return []func() error{
					func() error { _, err := f.s.Approve(f.ctx, ada, id, "Rigel", nil); return err },
					func() error { return second(f, twin, alan, id) },
				}
			}, func(_ int, answers []error) {
				winner := oneWins(t, answers, portal.Conflict)
				if winner < 0 {
					return
				}
				done := map[bool]string{true: "approved by Ada Test", false: map[string]string{"approve and reject": "rejected by Alan Test",
					"approve twice": "approved by Alan Test", "approve and withdraw": "withdrawn by Rita Test"}[name]}[winner == 0]
				f.refused(answers[1-winner], portal.Conflict, "Rigel was "+done+" on 2 Mar 2026 at 10:00 UTC.")
				teams := f.number(`SELECT count(*) FROM teams t JOIN organizations o ON o.id = t.org_id WHERE o.public_id = ?`, id)
				state := f.text(`SELECT state FROM organizations WHERE public_id = ?`, id)
				if audit := f.audit(); len(audit) != 1 {
					t.Errorf("noted was %q", audit)
				}
				mail := f.mail()
				approved := winner == 0 || name == "approve twice"
				switch {
				case approved && (state != "active" || teams != 1 || !slices.Equal(mail, []string{"org_approved to rita, queued"})),
					!approved && (state == "active" || teams != 0),
					name == "approve and reject" && winner == 1 && !slices.Equal(mail, []string{"org_rejected to rita, queued"}),
					name == "approve and withdraw" && winner == 1 && len(mail) != 0:
					t.Errorf("it is %s with %d teams, mailed was %q", state, teams, mail)
				}
				f.exec(`UPDATE organizations SET state = 'pending', decided_by = NULL, decided_at = NULL, reason = '' WHERE public_id = ?`, id)
				f.exec(`DELETE FROM memberships WHERE org_id = (SELECT id FROM organizations WHERE public_id = ?)`, id)
				f.exec(`DELETE FROM teams WHERE org_id = (SELECT id FROM organizations WHERE public_id = ?)`, id)
			})
		})
	}
}

func TestTwoSuperAdminsWhoPartAtOnceLeaveOne_ROLE_07(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		part  func(f *scene, s *Store, by portal.Actor, other string) error
		audit [2]string // when ann wins, and when amy does
		mail  [2]string
		loser portal.Code
		run   func(*testing.T, *scene, func(int) []func() error, func(int, []error))
	}{
		"demote each other": {func(f *scene, s *Store, by portal.Actor, other string) error {
			return s.UpdateMember(f.ctx, by, f.ids[other], strings.ToUpper(other[:1])+other[1:], "Test", portal.TeamMember)
		}, [2]string{"ann changed the role of amy (from Super admin to Team member)", "amy changed the role of ann (from Super admin to Team member)"},
			[2]string{"role_changed to amy, queued", "role_changed to ann, queued"}, portal.Forbidden, often("race demote/demote")},
		"remove each other": {func(f *scene, s *Store, by portal.Actor, other string) error {
			_, err := s.RemoveMember(f.ctx, by, f.ids[other])
			return err
		}, [2]string{"ann removed amy (Super admin)", "amy removed ann (Super admin)"}, [2]string{"removed to amy, queued", "removed to ann, queued"}, portal.NotFound, race},
		"both leave": {func(f *scene, s *Store, by portal.Actor, _ string) error {
			_, err := s.LeaveOrg(f.ctx, by, "")
			return err
		}, [2]string{"ann left the organization Acme", "amy left the organization Acme"}, [2]string{}, portal.Conflict, race},
		"one leaves, one demotes themself": {func(f *scene, s *Store, by portal.Actor, other string) error {
			if other == "amy" {
				_, err := s.LeaveOrg(f.ctx, by, "")
				return err
			}
			return s.UpdateMember(f.ctx, by, f.ids["amy"], "Amy", "Test", portal.TeamMember)
		}, [2]string{"ann left the organization Acme", "amy changed the role of amy (from Super admin to Team member)"}, [2]string{"", "role_changed to ann, queued"}, portal.Conflict, race},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			twin := f.twin()
			ann, amy := f.in("ann", "Acme"), f.in("amy", "Acme")
			c.run(t, f, func(int) []func() error {
				return []func() error{func() error { return c.part(f, f.s, ann, "amy") }, func() error { return c.part(f, twin, amy, "ann") }}
			}, func(_ int, answers []error) {
				winner := slices.Index(answers, nil)
				left := f.number(`SELECT count(*) FROM memberships WHERE org_id = ? AND role = 'super_admin'`, ann.OrgID)
				if winner < 0 || left != 1 || !portal.IsCode(answers[1-winner], c.loser) {
					t.Errorf("%d Super admins are left", left)
					return
				}
				var mail []string
				if c.mail[winner] != "" {
					mail = []string{c.mail[winner]}
				}
				f.noted([]string{c.audit[winner]}, mail)
				f.exec(`INSERT INTO memberships (org_id, user_id, role, first_name, last_name, joined_at) VALUES (?, ?, 'super_admin', 'Ann', 'Test', 0), (?, ?, 'super_admin', 'Amy', 'Test', 0)
					ON CONFLICT DO UPDATE SET role = 'super_admin'`, ann.OrgID, ann.UserID, amy.OrgID, amy.UserID)
			})
		})
	}
}

func TestTwoTabsThatAcceptMakeOneMember_INV_02(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	inviteStan(f)
	twin := f.twin()
	stan, token := f.user("stan"), f.linkTo("stan", portal.Mailed)
	raceOften(t, f, "race accept/accept", func(round int) []func() error {
		return []func() error{
			func() error {
				_, err := f.s.Accept(f.ctx, stan, token, f.browser("tab one"))
				return err
			},
			func() (err error) {
				if round%2 == 0 {
					_, err = twin.Accept(f.ctx, stan, token, f.browser("tab two"))
				} else {
					_, err = twin.AcceptWaiting(f.ctx, stan, f.ids["stan invitation"], f.browser("tab two"))
				}
				return err
			},
		}
	}, func(_ int, answers []error) {
		winner := oneWins(t, answers, portal.Conflict)
		for i, err := range answers {
			if i != winner {
				f.refused(err, portal.Conflict, "You are a member of Acme already.")
			}
		}
		f.noted([]string{"stan joined Acme (as Team member)"}, []string{"accepted to ann, queued"})
		if n := f.number(`SELECT count(*) FROM memberships WHERE user_id = ?`, stan.UserID); n != 1 {
			t.Errorf("stan is a member %d times", n)
		}
		if n := f.number(`SELECT count(*) FROM sessions WHERE user_id = ?`, stan.UserID); n != 1 {
			t.Errorf("stan has %d new sessions", n)
		}
		f.exec(`DELETE FROM sessions`)
		f.exec(`DELETE FROM memberships WHERE user_id = ?`, stan.UserID)
		f.exec(`UPDATE invitations SET state = 'pending', decided_at = NULL WHERE public_id = ?`, f.ids["stan invitation"])
	})
}

func TestTwoTabsThatRegisterByALinkMakeOneAccount_INV_02(t *testing.T) {
	t.Parallel()
	for _, kind := range []portal.LinkKind{portal.Mailed, portal.Copied} {
		f := newScene(t)
		for i := range rounds {
			f.invite("ann", "Acme", fmt.Sprint("person", i), portal.TeamMember)
		}
		race(t, f, func(round int) []func() error {
			name := fmt.Sprint("person", round)
			token := f.linkTo(name, kind)
			try := func() error {
				_, _, err := f.s.Join(f.ctx, fmt.Sprintf("198.51.100.%d", round), token, person(name), f.browser(newID()))
				return err
			}
			return []func() error{try, try, try}
		}, func(round int, answers []error) {
			name := address(fmt.Sprint("person", round))
			oneWins(t, answers, portal.Gone)
			if n := f.number(`SELECT count(*) FROM users u JOIN memberships m ON m.user_id = u.id WHERE u.email = ?`, name); n != 1 {
				t.Errorf("%d members", n)
			}
			if n := f.number(`SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.email = ?`, name); n != 1 {
				t.Errorf("%d sessions", n)
			}
		})
	}
}

func TestAcceptingAndRevokingAtOnceDoesOneOfThem(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	inviteStan(f)
	twin := f.twin()
	stan, amy, token := f.user("stan"), f.in("amy", "Acme"), f.linkTo("stan", portal.Mailed)
	raceOften(t, f, "race accept/revoke", func(int) []func() error {
		return []func() error{
			func() error {
				_, err := f.s.Accept(f.ctx, stan, token, f.browser("tab"))
				return err
			},
			func() error { _, err := twin.Revoke(f.ctx, amy, f.ids["stan invitation"]); return err },
		}
	}, func(_ int, answers []error) {
		members := f.number(`SELECT count(*) FROM memberships WHERE user_id = ?`, stan.UserID)
		state := f.text(`SELECT state FROM invitations WHERE public_id = ?`, f.ids["stan invitation"])
		accepted := answers[0] == nil && members == 1 && state == "accepted"
		revoked := answers[1] == nil && members == 0 && state == "revoked"
		switch {
		case accepted:
			f.refused(answers[1], portal.Conflict, "The invitation of stan@example.org was accepted by Stan Test on 2 Mar 2026 at 10:00 UTC.")
			f.noted([]string{"stan joined Acme (as Team member)"}, []string{"accepted to ann, queued"})
		case revoked:
			f.refused(answers[0], portal.Gone, "This invitation is revoked.")
			f.noted([]string{"amy revoked the invitation of stan"}, nil)
		default:
			t.Errorf("the invitation is %s, there are %d memberships, noted was %q", state, members, f.audit())
		}
		f.exec(`DELETE FROM sessions`)
		f.exec(`DELETE FROM memberships WHERE user_id = ?`, stan.UserID)
		f.exec(`UPDATE invitations SET state = 'pending', decided_at = NULL WHERE public_id = ?`, f.ids["stan invitation"])
	})
}

func TestOfTwoSetUpsOneWins_REG_14(t *testing.T) {
	t.Parallel()
	f := empty(t)
	twin := f.twin()
	raceOften(t, f, "race first admin/first admin", func(int) []func() error {
		try := func(s *Store, name, browser string) func() error {
			return func() error { return s.SetUp(f.ctx, person(name), f.browser(browser)) }
		}
		return []func() error{try(f.s, "ada", "one"), try(twin, "eve", "two")}
	}, func(_ int, answers []error) {
		winner := oneWins(t, answers, portal.NotFound)
		if n := f.number(`SELECT count(*) FROM users`); n != 1 || f.number(`SELECT count(*) FROM sessions`) != 1 {
			t.Errorf("there are %d accounts", n)
		}
		f.noted([]string{[]string{"ada", "eve"}[max(winner, 0)] + " became portal admin"}, nil)
		f.exec(`DELETE FROM search_words`)
		f.exec(`DELETE FROM users`)
	})
}

func TestAnAddressRegisteredTwiceAtOnceIsOneAccount(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	twin := f.twin()
	raceOften(t, f, "race register/register", func(round int) []func() error {
		try := func(s *Store) func() error {
			return func() error {
				return s.Register(f.ctx, fmt.Sprintf("198.51.%d.%d", 100+round/250, round%250), person(fmt.Sprint("person", round)))
			}
		}
		return []func() error{try(f.s), try(twin)}
	}, func(round int, answers []error) {
		for _, err := range answers {
			if err != nil {
				t.Errorf("an answer differs: %s", describe(err))
			}
		}
		name := fmt.Sprint("person", round)
		if n := f.number(`SELECT count(*) FROM users WHERE email = ? AND doubtful = 0`, address(name)); n != 1 {
			t.Errorf("there are %d accounts that no two people may have registered", n)
		}
		// Each is a registration and is answered by mail; only the last mail's link works.
		mail := "prove to " + name + ", queued"
		f.noted([]string{name + " registered"}, []string{mail, mail})
		works := 0
		for version := range int64(3) {
			if _, err := f.s.ProofOf(f.ctx, f.s.Links().Token(portal.Link{Purpose: portal.LinkProof, Kind: portal.Mailed, Version: version,
				ID: f.text(`SELECT public_id FROM users WHERE email = ?`, address(name))})); err == nil {
				works++
			}
		}
		if works != 1 {
			t.Errorf("%d links work", works)
		}
	})
}

func TestAKeyRotatedTwiceAtOnceHasOneSuccessor(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	twin := f.twin()
	ann, abe := f.in("ann", "Acme"), f.in("abe", "Acme")
	raceOften(t, f, "race rotate/rotate", func(int) []func() error {
		rotate := func(s *Store, by portal.Actor) func() error {
			return func() error {
				_, _, err := s.Rotate(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"], portal.GraceDay, "")
				return err
			}
		}
		return []func() error{rotate(f.s, ann), rotate(twin, abe)}
	}, func(_ int, answers []error) {
		if winner := oneWins(t, answers, portal.Conflict); winner >= 0 {
			f.refused(answers[1-winner], portal.Conflict, "This credential was rotated by "+[]string{"Ann Test", "Abe Test"}[winner]+" on 2 Mar 2026 at 10:00 UTC.")
		}
		if n := f.number(`SELECT count(*) FROM credentials WHERE org_id = ?`, ann.OrgID); n != 2 {
			t.Errorf("there are %d credentials", n)
		}
		if audit := f.audit(); len(audit) != 1 || !strings.Contains(audit[0], " rotated a credential of Alpha (live (…") {
			t.Errorf("noted was %q", audit)
		}
		if mail := f.mail(); len(mail) != 0 {
			t.Errorf("mailed was %q", mail)
		}
		f.exec(`DELETE FROM credentials WHERE org_id = ? AND public_id <> ?`, ann.OrgID, f.ids["Alpha key"])
		f.exec(`UPDATE credentials SET ends_at = NULL, ended_by = NULL WHERE public_id = ?`, f.ids["Alpha key"])
	})
}

func TestTwentyEqualInvitationsAreOneAndOneMail_INV_17_DB_01(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	ann, amy := f.in("ann", "Acme"), f.in("amy", "Acme")
	for round := range rounds / 4 {
		f.mark()
		name := fmt.Sprint("person", round)
		tries := make([]func() error, 20)
		for i := range tries {
			n, by := invited(name, portal.TeamMember), []portal.Actor{ann, amy}[i%2]
			if i%3 == 0 {
				n.Email = " " + strings.ToUpper(n.Email)
			}
			tries[i] = func() error { _, err := f.s.Invite(f.ctx, by, n); return err }
		}
		oneWins(t, atOnce(tries...), portal.Conflict)
		if n := f.number(`SELECT count(*) FROM invitations WHERE email_key = ?`, address(name)); n != 1 || len(f.audit()) != 1 || len(f.mail()) != 1 {
			t.Errorf("there are %d invitations, %d entries, %d mails", n, len(f.audit()), len(f.mail()))
		}
	}
}

func TestTheSameResetLinkUsedTwentyTimesAtOnceWorksOnce_RST_02(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	forgotAnn(f)
	token := f.mailedLink(portal.MailReset, "ann")
	f.mark()
	tries := make([]func() error, 20)
	for i := range tries {
		tries[i] = func() error { return f.s.Reset(f.ctx, ip, token, fmt.Sprintf("%s %d", newPassword, i)) }
	}
	winner := oneWins(t, atOnce(tries...), portal.Gone)
	f.noted([]string{"ann set a new password by mail"}, nil)
	f.must(f.signIn("ann", fmt.Sprintf("%s %d", newPassword, winner), "x"))
}

func TestAnAccountApprovedTwiceAtOnceIsApprovedOnce(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	ada, alan := f.user("ada"), f.user("alan")
	race(t, f, func(int) []func() error {
		return []func() error{
			func() error { _, err := f.s.ApproveUser(f.ctx, ada, f.ids["wanda"]); return err },
			func() error { _, err := f.s.ApproveUser(f.ctx, alan, f.ids["wanda"]); return err },
		}
	}, func(_ int, answers []error) {
		oneWins(t, answers, portal.Conflict)
		if len(f.audit()) != 1 || !slices.Equal(f.mail(), []string{"user_approved to wanda, queued"}) {
			t.Errorf("noted was %q, mailed %q", f.audit(), f.mail())
		}
		f.exec(`UPDATE users SET state = 'waiting', approved_by = NULL, approved_at = NULL WHERE email = 'wanda@example.org'`)
	})
}

func TestWrongPasswordsTriedAtOnceAllCount_ENUM_07(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	tries := make([]func() error, 30)
	for i := range tries {
		tries[i] = func() error {
			return f.s.SignIn(f.ctx, address("ann"), fmt.Sprint("wrong", i), NewSession{Hash: hashOf(fmt.Sprint(i)), IP: fmt.Sprintf("198.51.100.%d", i)})
		}
	}
	looked := 0
	for _, err := range atOnce(tries...) {
		switch {
		case err == errSignIn:
			looked++
		case !portal.IsCode(err, portal.TooMany):
			t.Errorf("got %s", describe(err))
		}
	}
	if looked != portal.LimitSignInAccount.Max {
		t.Errorf("%d passwords were looked at, want %d", looked, portal.LimitSignInAccount.Max)
	}
}

func TestAMailIsClaimedByOneOfManyWorkers_SMTP_05(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	for i := range 20 {
		f.must(f.s.ForgotPassword(f.ctx, ip, []string{address("ann"), address("amy"), address("abe"), address("bea")}[i%4]))
	}
	f.exec(`UPDATE outbox SET state = 'queued', kind = 'removed', link_purpose = 0 WHERE kind = 'reset'`)
	var mu sync.Mutex
	claimed := map[int64]int{}
	workers := make([]func() error, 8)
	for i := range workers {
		workers[i] = func() error {
			for {
				m, ok, err := f.s.ClaimMail(context.Background())
				if err != nil || !ok {
					return err
				}
				mu.Lock()
				claimed[m.ID]++
				mu.Unlock()
				if err := f.s.MailWasSent(context.Background(), m, "Sent", sentText); err != nil {
					return err
				}
			}
		}
	}
	for _, err := range atOnce(workers...) {
		f.must(err)
	}
	if len(claimed) != 20 {
		t.Errorf("%d mails were claimed", len(claimed))
	}
	for id, n := range claimed {
		if n != 1 {
			t.Errorf("mail %d was claimed %d times", id, n)
		}
	}
}

func TestAKeyOpensNothingOnceItsRevocationIsAnswered(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	ann := f.in("ann", "Acme")
	key := f.key("Alpha")
	race(t, f, func(int) []func() error {
		look := func() error {
			for range 50 {
				if _, _, err := f.s.Verify(f.ctx, key, ip); err != nil {
					return err
				}
			}
			return nil
		}
		return []func() error{look, look, look, func() error {
			_, err := f.s.RevokeCredential(f.ctx, ann, f.ids["Alpha"], f.ids["Alpha key"])
			if _, ok, _ := f.s.Verify(f.ctx, key, ip); ok {
				t.Error("it opens after the answer")
			}
			return err
		}}
	}, func(int, []error) {
		if _, ok := f.opens(key); ok {
			t.Error("it still opens")
		}
		f.exec(`UPDATE credentials SET revoked_at = NULL, ended_by = NULL WHERE public_id = ?`, f.ids["Alpha key"])
	})
}
