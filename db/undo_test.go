package db

import (
	"slices"
	"testing"
	"time"

	"portico/portal"
)

func (f *scene) removes(by, who string) string {
	f.t.Helper()
	m, err := f.s.RemoveMember(f.ctx, f.in(by, "Acme"), f.ids[who])
	f.must(err)
	if m.Undo == "" {
		f.t.Fatal("it cannot be undone")
	}
	return m.Undo
}

func (f *scene) revokes(by, who string) string {
	f.t.Helper()
	inv, err := f.s.Revoke(f.ctx, f.in(by, "Acme"), f.ids[who+" invitation"])
	f.must(err)
	return inv.Undo
}

func TestAnUndoneRemovalLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for _, by := range []string{"ann", "ada"} {
		f := newScene(t)
		f.app("amy", "Mine", portal.VisiblePersonal)
		f.exec(`INSERT INTO teams (public_id, org_id, name, is_default, created_at) SELECT 'crew', id, 'Crew', 0, 0 FROM organizations WHERE name = 'Acme'`)
		f.exec(`INSERT INTO team_members (org_id, team_id, user_id) SELECT t.org_id, t.id, u.id FROM teams t, users u WHERE t.name = 'Crew' AND u.email = 'amy@example.org'`)
		_, _, err := f.s.CopyLink(f.ctx, f.in("amy", "Acme"), f.ids["ivy invitation"])
		f.must(err)
		f.exec(`UPDATE memberships SET first_name = 'Amelia' WHERE user_id = (SELECT id FROM users WHERE email = 'amy@example.org')`)
		before := f.fingerprint()
		versions := f.number(`SELECT sum(version) FROM applications`)

		undo := f.removes(by, "amy")
		if _, _, err := f.s.Enter(f.ctx, f.user("amy"), f.ids["Acme"], false); err != portal.ErrNotFound {
			t.Errorf("removed, she gets in: %s", describe(err))
		}
		f.pass(portal.UndoFor)
		f.must(f.s.Tidy(f.ctx))
		f.mark()
		done, err := f.s.Undo(f.ctx, f.in(by, "Acme"), undo)
		f.must(err)
		if done.Invitation || done.Who != "Amelia Test" {
			t.Errorf("what was undone is %+v", done)
		}
		f.noted([]string{by + " undid the removal of amy (Super admin)"}, nil)
		if n := f.number(`SELECT sum(version) FROM applications`) - versions; n != 2 {
			t.Errorf("the application was changed %d times, want once there and once back", n)
		}
		f.exec(`UPDATE applications SET version = version - 2 WHERE name = 'Mine'`)
		after := f.fingerprint()
		for table, print := range before {
			if after[table] != print && !slices.Contains([]string{"audit", "outbox", "undos", "search_words", "search_stale"}, table) {
				t.Errorf("by %s: the table %s has changed", by, table)
			}
		}
		// Nobody is told of what did not happen.
		f.pass(time.Hour)
		for {
			m, ok, err := f.s.ClaimMail(f.ctx)
			if f.must(err); !ok {
				break
			}
			t.Errorf("%s is sent to %s", m.Kind, m.To)
			f.must(f.s.MailWasSent(f.ctx, m, "Sent", sentText))
		}
	}
}

func TestARemovalIsToldWhenItCannotBeUndoneAnyMore(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	undo := f.removes("ann", "amy")
	f.pass(portal.UndoFor + portal.UndoGrace - time.Millisecond)
	if m, ok, err := f.s.ClaimMail(f.ctx); ok || err != nil {
		t.Errorf("told too early: %v, %v", m.Kind, err)
	}
	f.pass(2 * time.Millisecond)
	_, err := f.s.Undo(f.ctx, f.in("ann", "Acme"), undo)
	f.refused(err, portal.Gone, "too late")
	if m, ok, err := f.s.ClaimMail(f.ctx); !ok || err != nil || m.Kind != portal.MailRemoved || m.To != address("amy") {
		t.Errorf("it is not told: %v %s, %v", ok, m.To, err)
	}
}

func TestOnlyWhoDidItUndoesItAndOnlyOnce(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	removal, revocation := f.removes("ann", "abe"), f.revokes("ann", "ivy")
	before := f.fingerprint()
	for _, by := range []string{"amy", "ada", "bea", "abe", "stan", ""} {
		for _, undo := range []string{removal, revocation} {
			if _, err := f.s.Undo(f.ctx, f.in(by, "Acme"), undo); err != portal.ErrNotFound {
				t.Errorf("%s: %s", by, describe(err))
			}
		}
	}
	ann := f.in("ann", "Beta")
	if _, err := f.s.Undo(f.ctx, ann, removal); err != portal.ErrNotFound {
		t.Errorf("in another organization: %s", describe(err))
	}
	f.unchanged(before)
	f.mark()
	for _, undo := range []string{removal, revocation} {
		_, err := f.s.Undo(f.ctx, f.in("ann", "Acme"), undo)
		f.must(err)
		_, err = f.s.Undo(f.ctx, f.in("ann", "Acme"), undo)
		f.refused(err, portal.Conflict, "undone already")
	}
	f.noted([]string{"ann undid the removal of abe (Team member)", "ann undid the revocation of the invitation of ivy"}, nil)

	// Who may not manage members any more cannot undo either.
	removal = f.removes("ann", "abe")
	f.must(f.s.UpdateMember(f.ctx, f.in("amy", "Acme"), f.ids["ann"], "Ann", "Test", portal.TeamMember))
	_, err := f.s.Undo(f.ctx, f.in("ann", "Acme"), removal)
	f.refused(err, portal.Forbidden)
}

func TestARevocationUndoneLeavesTheSameLink(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	inv := f.invite("ann", "Acme", "nora", portal.TeamMember)
	undo := f.revokes("amy", "nora")
	if o, err := f.s.Offer(f.ctx, f.link(inv, portal.Mailed)); err != nil || o.Open(f.clock.read()) == nil {
		t.Errorf("its link still works: %v", err)
	}
	if _, ok, err := f.s.ClaimMail(f.ctx); ok || err != nil { // due while it was revoked
		t.Errorf("its mail is sent: %v", err)
	}
	f.pass(5 * time.Second)
	done, err := f.s.Undo(f.ctx, f.in("amy", "Acme"), undo)
	f.must(err)
	if !done.Invitation || done.Who != address("nora") {
		t.Errorf("what was undone is %+v", done)
	}
	o, err := f.s.Offer(f.ctx, f.link(inv, portal.Mailed))
	f.must(err)
	f.must(o.Open(f.clock.read()))
	if !o.ExpiresAt.Equal(inv.ExpiresAt) || o.Version != inv.Version || o.InviterID != inv.InviterID {
		t.Errorf("it is %+v, want %+v", o.Invitation, inv)
	}
	if m, ok, err := f.s.ClaimMail(f.ctx); !ok || err != nil || m.To != address("nora") {
		t.Errorf("its mail is not sent: %v", err)
	}
}

func TestWhatHasHappenedMeanwhileIsNotUndone(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	ann := f.in("ann", "Acme")
	removal := f.removes("ann", "abe")
	f.join("Acme", "ann", "abe", portal.SuperAdmin)
	before := f.fingerprint()
	_, err := f.s.Undo(f.ctx, ann, removal)
	f.refused(err, portal.Conflict, "Abe Test is a member of Acme already")
	f.unchanged(before)

	revocation := f.revokes("ann", "ivy")
	f.invite("ann", "Acme", "ivy", portal.SuperAdmin)
	before = f.fingerprint()
	_, err = f.s.Undo(f.ctx, ann, revocation)
	f.refused(err, portal.Conflict, "invited again meanwhile")
	f.unchanged(before)

	// What the heir has shared since stays shared; a team that is gone is no team.
	f.app("una", "Mine", portal.VisiblePersonal)
	removal = f.removes("ann", "una")
	a, err := f.s.Application(f.ctx, ann, f.text(`SELECT public_id FROM applications WHERE name = 'Mine'`))
	f.must(err)
	f.must(f.s.ShareApplication(f.ctx, ann, a.PublicID, a.Version, portal.VisibleOrganization, nil))
	f.exec(`UPDATE undos SET data = json_set(data, '$.Teams', json('[99]')) WHERE public_id = ?`, removal)
	_, err = f.s.Undo(f.ctx, ann, removal)
	f.must(err)
	if got := f.text(`SELECT a.visibility || u.first_name FROM applications a JOIN users u ON u.id = a.owner_id WHERE a.name = 'Mine'`); got != "organizationAnn" {
		t.Errorf("the application is %s", got)
	}
	if got := f.text(`SELECT t.name FROM team_members m JOIN teams t ON t.id = m.team_id JOIN users u ON u.id = m.user_id WHERE u.email = 'una@example.org'`); got != "Acme All users" {
		t.Errorf("una is in the team %s", got)
	}
}

func TestARemovalIsNotUndoneOnceSomebodyElseKnowsAKeyOfTheirs(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(f *scene, heir portal.Actor, app, key string) error{
		"a look": func(f *scene, heir portal.Actor, app, key string) error {
			_, _, err := f.s.Reveal(f.ctx, heir, app, key)
			return err
		},
		"a new key": func(f *scene, heir portal.Actor, app, _ string) error {
			_, _, err := f.s.CreateCredential(f.ctx, heir, app, portal.NewCredential{})
			return err
		},
		"a rotation": func(f *scene, heir portal.Actor, app, key string) error {
			_, _, err := f.s.Rotate(f.ctx, heir, app, key, portal.GraceDay, "")
			return err
		},
	} {
		for by, heir := range map[string]string{"ann": "ann", "ada": "ann"} { // a portal admin is no heir
			t.Run(name+" after "+by+" removed them", func(t *testing.T) {
				t.Parallel()
				f := newScene(t)
				a, k := f.app("abe", "Mine", portal.VisiblePersonal)
				_, _, err := f.s.Reveal(f.ctx, f.in("abe", "Acme"), a.PublicID, k.PublicID) // their own look
				f.must(err)
				undo := f.removes(by, "abe")
				f.must(use(f, f.in(heir, "Acme"), a.PublicID, k.PublicID))
				before := f.fingerprint()
				_, err = f.s.Undo(f.ctx, f.in(by, "Acme"), undo)
				f.refused(err, portal.Conflict, "looked at a key", "Invite Abe Test again")
				f.unchanged(before)
			})
		}
	}
}

func TestALinkThatSomebodyCopiedDoesNotComeBackWithARevocationUndone(t *testing.T) {
	t.Parallel()
	for _, back := range []bool{false, true} {
		f := newScene(t)
		ann := f.in("ann", "Acme")
		_, _, err := f.s.CopyLink(f.ctx, f.in("amy", "Acme"), f.ids["ivy invitation"])
		f.must(err)
		revocation, removal := f.revokes("ann", "ivy"), f.removes("ann", "amy")
		if back {
			_, err = f.s.Undo(f.ctx, ann, removal)
			f.must(err)
		}
		_, err = f.s.Undo(f.ctx, ann, revocation)
		f.must(err)
		if _, err = ivyJoins(f, portal.Copied); back {
			f.must(err)
		} else {
			f.refused(err, portal.Gone, "expired")
		}
	}
}
