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

// rounds is how often each race is run; each starts from the same state.
const rounds = 24

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

// race runs what again and again on one store, which is put back between.
func race(t *testing.T, f *scene, what func(round int) []func() error, after func(round int, answers []error)) {
	t.Helper()
	for round := range rounds {
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
	for name, second := range map[string]func(f *scene, by portal.Actor, id string) error{
		"approve and reject": func(f *scene, by portal.Actor, id string) error {
			_, err := f.s.Reject(f.ctx, by, id, "No.")
			return err
		},
		"approve twice": func(f *scene, by portal.Actor, id string) error {
			_, err := f.s.Approve(f.ctx, by, id, "Rigel", nil)
			return err
		},
		"approve and withdraw": func(f *scene, _ portal.Actor, id string) error {
			return f.s.Withdraw(f.ctx, f.user("rita"), id)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			ada, alan, id := f.user("ada"), f.user("alan"), f.ids["Rigel"]
			race(t, f, func(int) []func() error {
				return []func() error{
					func() error { _, err := f.s.Approve(f.ctx, ada, id, "Rigel", nil); return err },
					func() error { return second(f, alan, id) },
				}
			}, func(_ int, answers []error) {
				winner := oneWins(t, answers, portal.Conflict)
				if winner < 0 {
					return
				}
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
	for name, part := range map[string]func(f *scene, by portal.Actor, other string) error{
		"demote each other": func(f *scene, by portal.Actor, other string) error {
			return f.s.UpdateMember(f.ctx, by, f.ids[other], strings.ToUpper(other[:1])+other[1:], "Test", portal.TeamMember)
		},
		"remove each other": func(f *scene, by portal.Actor, other string) error {
			_, err := f.s.RemoveMember(f.ctx, by, f.ids[other])
			return err
		},
		"both leave": func(f *scene, by portal.Actor, _ string) error { _, err := f.s.LeaveOrg(f.ctx, by, ""); return err },
		"one leaves, one demotes themself": func(f *scene, by portal.Actor, other string) error {
			if other == "amy" {
				_, err := f.s.LeaveOrg(f.ctx, by, "")
				return err
			}
			return f.s.UpdateMember(f.ctx, by, f.ids["amy"], "Amy", "Test", portal.TeamMember)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newScene(t)
			ann, amy := f.in("ann", "Acme"), f.in("amy", "Acme")
			race(t, f, func(int) []func() error {
				return []func() error{func() error { return part(f, ann, "amy") }, func() error { return part(f, amy, "ann") }}
			}, func(_ int, answers []error) {
				done := 0
				for _, err := range answers {
					if err == nil {
						done++
					}
				}
				left := f.number(`SELECT count(*) FROM memberships WHERE org_id = ? AND role = 'super_admin'`, ann.OrgID)
				if done != 1 || left != 1 {
					t.Errorf("%d were done, %d Super admins are left", done, left)
				}
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
	stan, token := f.user("stan"), f.linkTo("stan", portal.Mailed)
	race(t, f, func(round int) []func() error {
		return []func() error{
			func() error {
				_, err := f.s.Accept(f.ctx, stan, token, f.browser(fmt.Sprint("tab one", round)))
				return err
			},
			func() error {
				_, err := f.s.Accept(f.ctx, stan, token, f.browser(fmt.Sprint("tab two", round)))
				return err
			},
			func() error {
				_, err := f.s.AcceptWaiting(f.ctx, stan, f.ids["stan invitation"], f.browser(fmt.Sprint("tab three", round)))
				return err
			},
		}
	}, func(int, []error) {
		f.noted([]string{"stan joined Acme (as Team member)"}, []string{"accepted to ann, queued"})
		if n := f.number(`SELECT count(*) FROM memberships WHERE user_id = ?`, stan.UserID); n != 1 {
			t.Errorf("stan is a member %d times", n)
		}
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
	stan, amy, token := f.user("stan"), f.in("amy", "Acme"), f.linkTo("stan", portal.Mailed)
	race(t, f, func(round int) []func() error {
		return []func() error{
			func() error {
				_, err := f.s.Accept(f.ctx, stan, token, f.browser(fmt.Sprint("tab", round)))
				return err
			},
			func() error { _, err := f.s.Revoke(f.ctx, amy, f.ids["stan invitation"]); return err },
		}
	}, func(_ int, answers []error) {
		members := f.number(`SELECT count(*) FROM memberships WHERE user_id = ?`, stan.UserID)
		state := f.text(`SELECT state FROM invitations WHERE public_id = ?`, f.ids["stan invitation"])
		accepted := answers[0] == nil && portal.IsCode(answers[1], portal.Conflict) && members == 1 && state == "accepted"
		revoked := answers[1] == nil && portal.IsCode(answers[0], portal.Gone) && members == 0 && state == "revoked"
		if !accepted && !revoked || len(f.audit()) != 1 {
			t.Errorf("the invitation is %s, there are %d memberships, noted was %q", state, members, f.audit())
		}
		f.exec(`DELETE FROM memberships WHERE user_id = ?`, stan.UserID)
		f.exec(`UPDATE invitations SET state = 'pending', decided_at = NULL WHERE public_id = ?`, f.ids["stan invitation"])
	})
}

func TestOfTwoSetUpsOneWins_REG_14(t *testing.T) {
	t.Parallel()
	f := empty(t)
	race(t, f, func(round int) []func() error {
		try := func(name string) func() error {
			return func() error { return f.s.SetUp(f.ctx, person(name), f.browser(fmt.Sprint(name, round))) }
		}
		return []func() error{try("ada"), try("eve"), try("ada")}
	}, func(_ int, answers []error) {
		oneWins(t, answers, portal.NotFound)
		if n := f.number(`SELECT count(*) FROM users`); n != 1 || f.number(`SELECT count(*) FROM sessions`) != 1 || len(f.audit()) != 1 {
			t.Errorf("there are %d accounts", n)
		}
		f.exec(`DELETE FROM search_words`)
		f.exec(`DELETE FROM users`)
	})
}

func TestAnAddressRegisteredTwiceAtOnceIsOneAccount(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	race(t, f, func(round int) []func() error {
		try := func() error {
			return f.s.Register(f.ctx, fmt.Sprintf("198.51.100.%d", round), person(fmt.Sprint("person", round)))
		}
		return []func() error{try, try, try}
	}, func(round int, answers []error) {
		for _, err := range answers {
			if err != nil {
				t.Errorf("an answer differs: %s", describe(err))
			}
		}
		if n := f.number(`SELECT count(*) FROM users WHERE email = ?`, address(fmt.Sprint("person", round))); n != 1 || len(f.audit()) != 1 {
			t.Errorf("there are %d accounts, noted was %q", n, f.audit())
		}
	})
}

func TestAKeyRotatedTwiceAtOnceHasOneSuccessor(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	ann, abe := f.in("ann", "Acme"), f.in("abe", "Acme")
	race(t, f, func(int) []func() error {
		rotate := func(by portal.Actor) func() error {
			return func() error {
				_, _, err := f.s.Rotate(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"], portal.GraceDay, "")
				return err
			}
		}
		return []func() error{rotate(ann), rotate(abe)}
	}, func(_ int, answers []error) {
		oneWins(t, answers, portal.Conflict)
		if n := f.number(`SELECT count(*) FROM credentials WHERE org_id = ?`, ann.OrgID); n != 2 || len(f.audit()) != 1 {
			t.Errorf("there are %d credentials", n)
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
