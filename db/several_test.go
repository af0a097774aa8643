package db

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"portico/portal"
)

func outcomes(l portal.InviteList) string {
	var all []string
	for _, r := range l.Rows {
		all = append(all, string(r.Outcome))
	}
	return strings.Join(all, " ")
}

func TestEachRowOfAListIsToldWhatBecomesOfIt(t *testing.T) {
	f := newScene(t)
	ann := f.in("ann", "Acme")
	list := strings.Join([]string{
		"First name;Last name;Email;Role;Team",
		"Nora;Test;nora@example.org",
		"Nora;Again;NORA@example.org", // duplicate
		"Otto;;otto@example.org",      // no last name
		"Pia;Test;pia@example.org;Owner",
		"Quin;Test;quin@example.org;;Nowhere",
		"Abe;Test;abe@example.org",
		"Ivy;Test;ivy@example.org",
		"Ian;Test;ian@example.org;Super admin", // expired: sent again
		"Bea;Test;bea@example.org",             // a member elsewhere
	}, "\n")
	before := f.fingerprint()
	checked, err := f.s.CheckInvites(f.ctx, ann, list)
	f.must(err)
	f.unchanged(before)
	if got, want := outcomes(checked), "ready duplicate invalid invalid invalid member already ready ready"; got != want {
		t.Errorf("checked, the rows are %s, want %s", got, want)
	}
	if f.number(`SELECT count(*) FROM limit_events`) != 0 {
		t.Error("checking has counted against a limit")
	}
	sent, err := f.s.InviteSeveral(f.ctx, ann, list)
	f.must(err)
	if got, want := outcomes(sent), "invited duplicate invalid invalid invalid member already invited invited"; got != want {
		t.Errorf("sent, the rows are %s, want %s", got, want)
	}
	f.noted([]string{"ann invited nora (as Team member)", "ann resent the invitation of ian (as Super admin)", "ann invited bea (as Team member)"},
		[]string{"invitation to nora, queued", "invitation to ian, queued", "invitation to bea, queued"})
	if got, want := sent.Rest(), "First name;Last name;Email;Role;Team\nOtto;;otto@example.org\nPia;Test;pia@example.org;Owner\nQuin;Test;quin@example.org;;Nowhere\n"; got != want {
		t.Errorf("left is %q, want %q", got, want)
	}
	// Once more: nobody is invited twice.
	again, err := f.s.InviteSeveral(f.ctx, ann, list)
	f.must(err)
	if got, want := outcomes(again), "already duplicate invalid invalid invalid member already already already"; got != want {
		t.Errorf("once more, the rows are %s, want %s", got, want)
	}
	f.noted(nil, nil)
}

func people(n int) string {
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, "Nora,Test,nora%d@example.org\n", i)
	}
	return all.String()
}

func TestMoreThanTheLimitsAllowStaysOnTheList(t *testing.T) {
	f := newScene(t)
	ann, amy := f.in("ann", "Acme"), f.in("amy", "Acme")
	checked, err := f.s.CheckInvites(f.ctx, ann, people(60))
	f.must(err)
	if ready, later := checked.Count(portal.RowReady), checked.Count(portal.RowLater); ready != 50 || later != 10 {
		t.Errorf("%d can be invited and %d later, want 50 and 10", ready, later)
	}
	sent, err := f.s.InviteSeveral(f.ctx, ann, people(60))
	f.must(err)
	if n := sent.Count(portal.RowInvited); n != 50 || sent.Rows[59].Outcome != portal.RowLater || !strings.Contains(sent.Rows[59].Why, "Try again in 60 minutes") {
		t.Errorf("%d are invited; the last row says %q", n, sent.Rows[59].Why)
	}
	if n := f.number(`SELECT count(*) FROM limit_events WHERE scope = ?`, portal.LimitInvite.Scope); n != 50 {
		t.Errorf("%d invitations are counted", n)
	}
	// Another person reaches the organization's own limit.
	sent, err = f.s.InviteSeveral(f.ctx, amy, people(110))
	f.must(err)
	pending := f.number(`SELECT count(*) FROM invitations i JOIN organizations o ON o.id = i.org_id WHERE o.name = 'Acme' AND i.state = 'pending'`)
	if pending != portal.MaxPendingInvitations || sent.Count(portal.RowAlready) != 50 || !strings.Contains(sent.Rows[109].Why, "which is the most") {
		t.Errorf("%d are pending, %d rows are invited already; the last row says %q", pending, sent.Count(portal.RowAlready), sent.Rows[109].Why)
	}
	f.pass(61 * time.Minute)
	if _, err := f.s.Revoke(f.ctx, ann, f.text(`SELECT public_id FROM invitations WHERE email_key = 'nora0@example.org'`)); err != nil {
		t.Fatal(err)
	}
	sent, err = f.s.InviteSeveral(f.ctx, ann, "Nora,Test,zoe@example.org")
	if f.must(err); outcomes(sent) != "invited" {
		t.Errorf("an hour later: %s", outcomes(sent))
	}
}

func TestARefusedRowLeavesNothingBehind(t *testing.T) {
	f := newScene(t)
	ann := f.in("ann", "Acme")
	_, err := f.s.Revoke(f.ctx, ann, f.ids["ivy invitation"])
	f.must(err)
	again := "Ivy,Test,ivy@example.org"
	sent, err := f.s.InviteSeveral(f.ctx, ann, again)
	if f.must(err); outcomes(sent) != "invited" {
		t.Fatalf("got %s", outcomes(sent))
	}
	_, err = f.s.Revoke(f.ctx, ann, f.text(`SELECT public_id FROM invitations WHERE email_key = 'ivy@example.org' AND state = 'pending'`))
	f.must(err)
	counted := f.number(`SELECT count(*) FROM limit_events`)
	sent, err = f.s.InviteSeveral(f.ctx, ann, again) // too soon after the last mail
	if f.must(err); outcomes(sent) != "later" {
		t.Fatalf("got %s: %s", outcomes(sent), sent.Rows[0].Why)
	}
	if n := f.number(`SELECT count(*) FROM limit_events`); n != counted {
		t.Errorf("the refused row has counted %d events", n-counted)
	}
}

func TestTwoSendTheSameListAtOnce(t *testing.T) {
	f := newScene(t)
	var wait sync.WaitGroup
	lists := make([]portal.InviteList, 8)
	for i := range lists {
		by := f.in([]string{"ann", "amy"}[i%2], "Acme")
		wait.Go(func() {
			var err error
			if lists[i], err = f.s.InviteSeveral(f.ctx, by, people(20)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	invited := 0
	for _, l := range lists {
		invited += l.Count(portal.RowInvited)
	}
	if mails := f.mail(); invited != 20 || len(mails) != 20 || len(slices.Compact(slices.Sorted(slices.Values(mails)))) != 20 {
		t.Errorf("%d rows are invited, %d mails are queued, want 20", invited, len(mails))
	}
}
