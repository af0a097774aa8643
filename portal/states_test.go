package portal

import (
	"strings"
	"testing"
	"time"
)

// A table of moves has a row for the state before and a column for the state
// after, both in the order of the list of states: y where the move is allowed.

func checkMoves[S ~string](t *testing.T, states []S, table []string, may func(from, to S) bool) {
	t.Helper()
	if len(table) != len(states) {
		t.Fatalf("the table has %d rows for %d states", len(table), len(states))
	}
	for i, row := range table {
		cells := strings.Fields(row)
		if len(cells) != len(states)+1 || cells[0] != string(states[i]) {
			t.Fatalf("row %d is %q, want %s and %d cells", i, row, states[i], len(states))
		}
		for j, cell := range cells[1:] {
			if got, want := may(states[i], states[j]), cell == "y"; got != want {
				t.Errorf("%s may become %s: %v, want %v", states[i], states[j], got, want)
			}
		}
		for _, strange := range []S{"", "unknown", "Pending", "ACTIVE"} {
			if may(states[i], strange) || may(strange, states[i]) {
				t.Errorf("%s and the unknown state %q follow one another", states[i], strange)
			}
		}
	}
}

func TestOrganizationsMoveOnlyAsTheTableSays(t *testing.T) {
	checkMoves(t, OrgStates, []string{
		//          pending active rejected withdrawn suspended deleted
		"pending    .       y      y        y         .         .",
		"active     .       .      .        .         y         y",
		"rejected   y       .      .        .         .         .",
		"withdrawn  .       .      .        .         .         .",
		"suspended  .       y      .        .         .         y",
		"deleted    .       y      .        .         y         .",
	}, OrgState.MayBecome)
}

func TestAccountsMoveOnlyAsTheTableSays(t *testing.T) {
	checkMoves(t, UserStates, []string{
		//             unproven waiting active deactivated deleted
		"unproven      .        y       y      y           y",
		"waiting       .        .       y      y           y",
		"active        .        .       .      y           y",
		"deactivated   y        .       y      .           y",
		"deleted       .        .       .      .           .",
	}, UserState.MayBecome)
}

func TestInvitationsMoveOnlyAsTheTableSays(t *testing.T) {
	checkMoves(t, InvitationStates, []string{
		//         pending accepted declined revoked expired void
		"pending   .       y        y        y       .       .",
		"accepted  .       .        .        .       .       .",
		"declined  .       .        .        .       .       .",
		"revoked   .       .        .        .       .       .",
		"expired   .       .        .        .       .       .",
		"void      .       .        .        .       .       .",
	}, InvitationState.MayBecome)
}

func TestEveryStateHasWordsOfItsOwn(t *testing.T) {
	seen := map[string]bool{}
	check := func(machine, state, words string) {
		t.Helper()
		if words == "" || seen[machine+words] {
			t.Errorf("%s %s is shown as %q, which is empty or another's", machine, state, words)
		}
		seen[machine+words] = true
	}
	for _, s := range OrgStates {
		check("organization", string(s), s.Words())
	}
	for _, s := range UserStates {
		check("account", string(s), s.Words())
	}
	for _, s := range InvitationStates {
		check("invitation", string(s), s.Words())
	}
	for _, s := range MailStates {
		check("mail", string(s), s.Words())
	}
	for _, s := range []CredentialState{CredentialActive, CredentialRetiring, CredentialEnded, CredentialRevoked} {
		check("credential", string(s), s.Words())
	}
	for _, k := range MailKinds {
		check("kind of mail", string(k), k.Words())
		if k.Words() == string(k) {
			t.Errorf("the kind of mail %s has no words", k)
		}
	}
	if OrgState("unknown").Words()+UserState("unknown").Words()+InvitationState("unknown").Words()+
		MailState("unknown").Words()+CredentialState("unknown").Words()+Role("unknown").Words() != "" {
		t.Error("a state that does not exist has words")
	}
}

func TestOnlyActiveAndSuspendedOrganizationsAreProvisioned(t *testing.T) {
	want := map[OrgState]bool{OrgPending: false, OrgActive: true, OrgRejected: false, OrgWithdrawn: false, OrgSuspended: true, OrgDeleted: false}
	for _, s := range OrgStates {
		if got := s.Provisioned(); got != want[s] {
			t.Errorf("%s is provisioned: %v, want %v", s, got, want[s])
		}
	}
}

func TestDeactivatedAndDeletedAccountsMayNotSignIn(t *testing.T) {
	want := map[UserState]bool{UserUnproven: true, UserWaiting: true, UserActive: true, UserDeactivated: false, UserDeleted: false, "": false, "unknown": false}
	for s, may := range want {
		if got := s.MaySignIn(); got != may {
			t.Errorf("%q may sign in: %v, want %v", s, got, may)
		}
	}
}

func TestAProvenAccountWaitsOnlyWithoutAutoApprovalAndInvitation(t *testing.T) {
	for _, c := range []struct {
		auto, invited bool
		want          UserState
	}{{true, false, UserActive}, {true, true, UserActive}, {false, true, UserActive}, {false, false, UserWaiting}} {
		if got := AfterProof(c.auto, c.invited); got != c.want {
			t.Errorf("AfterProof(auto-approve %v, invited %v) = %s, want %s", c.auto, c.invited, got, c.want)
		}
	}
}

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func TestAnInvitationExpiresAtItsVeryEndAndIsVoidWithoutItsInviter(t *testing.T) {
	for _, c := range []struct {
		name   string
		stored InvitationState
		may    bool
		left   time.Duration // until it expires
		want   InvitationState
	}{
		{"it is pending long before its end", InvitationPending, true, 7 * 24 * time.Hour, InvitationPending},
		{"it is pending a millisecond before its end", InvitationPending, true, time.Millisecond, InvitationPending},
		{"it is pending a nanosecond before its end", InvitationPending, true, 1, InvitationPending},
		{"it is expired at its end", InvitationPending, true, 0, InvitationExpired},
		{"it is expired a nanosecond after its end", InvitationPending, true, -1, InvitationExpired},
		{"it is void while its inviter may not invite", InvitationPending, false, time.Hour, InvitationVoid},
		{"expired says more than void", InvitationPending, false, 0, InvitationExpired},
		{"accepted stays accepted after the end", InvitationAccepted, true, -time.Hour, InvitationAccepted},
		{"accepted stays accepted without the inviter", InvitationAccepted, false, time.Hour, InvitationAccepted},
		{"declined stays declined", InvitationDeclined, false, -time.Hour, InvitationDeclined},
		{"revoked stays revoked", InvitationRevoked, false, -time.Hour, InvitationRevoked},
		{"revoked stays revoked before the end", InvitationRevoked, true, time.Hour, InvitationRevoked},
	} {
		i := Invitation{Stored: c.stored, InviterMay: c.may, ExpiresAt: noon.Add(c.left)}
		if got := i.State(noon); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestTheLinkOfAnInvitationIsOpenOnlyWhileItCanBeAnswered(t *testing.T) {
	open := Offer{Invitation: Invitation{Stored: InvitationPending, InviterMay: true, ExpiresAt: noon.Add(time.Hour)},
		Org: Organization{Name: "Acme", State: OrgActive}}
	with := func(change func(*Offer)) Offer {
		o := open
		change(&o)
		return o
	}
	decided := func(s InvitationState, newer bool) Offer {
		return with(func(o *Offer) { o.Stored, o.Newer = s, newer })
	}
	org := func(s OrgState) Offer { return with(func(o *Offer) { o.Org.State = s }) }
	for _, c := range []struct {
		name  string
		offer Offer
		says  string // "" while it is open
		again bool
	}{
		{"a pending one is open", open, "", false},
		{"an expired one may be asked for again", with(func(o *Offer) { o.ExpiresAt = noon }), "expired", true},
		{"a void one may be asked for again", with(func(o *Offer) { o.InviterMay = false }), "void", true},
		{"an older link says that a newer was sent", with(func(o *Offer) { o.Newer = true }), "newer invitation", false},
		{"an older link says so after its end too", with(func(o *Offer) { o.Newer, o.ExpiresAt = true, noon }), "newer invitation", false},
		{"an accepted one says so", decided(InvitationAccepted, false), "accepted", false},
		{"an accepted one says so to an older link", decided(InvitationAccepted, true), "accepted", false},
		{"a declined one says so to an older link", decided(InvitationDeclined, true), "declined", false},
		{"a revoked one says so", decided(InvitationRevoked, false), "revoked", false},
		{"a revoked one says so to an older link", decided(InvitationRevoked, true), "revoked", false},
		{"a suspended organization takes nobody", org(OrgSuspended), "no new members", false},
		{"a deleted organization takes nobody", org(OrgDeleted), "no new members", false},
		{"an expired one of a suspended organization may not be asked for", with(func(o *Offer) { o.ExpiresAt, o.Org.State = noon, OrgSuspended }), "expired", false},
		{"a member may not ask for an expired one", with(func(o *Offer) { o.ExpiresAt, o.Member = noon, true }), "expired", false},
	} {
		err := c.offer.Open(noon)
		switch {
		case c.says == "" && err != nil:
			t.Errorf("%s: got %v", c.name, err)
		case c.says != "" && (!IsCode(err, Gone) || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: got %v, want Gone saying %q", c.name, err, c.says)
		}
		if got := c.offer.MayAskAgain(noon); got != c.again {
			t.Errorf("%s: may ask again is %v, want %v", c.name, got, c.again)
		}
	}
}

func TestSomebodyWithAMailedLinkRegistersUnlessTheAddressIsProven(t *testing.T) {
	want := map[UserState]bool{"": true, UserUnproven: true, UserWaiting: false, UserActive: false, UserDeactivated: false, UserDeleted: false}
	for s, needs := range want {
		if got := (Offer{Account: s}).NeedsPassword(); got != needs {
			t.Errorf("an account that is %q needs a password: %v, want %v", s, got, needs)
		}
	}
}

func TestACredentialStopsAtTheVeryEndOfItsGrace(t *testing.T) {
	zero := time.Time{}
	for _, c := range []struct {
		name          string
		ends, revoked time.Time
		want          CredentialState
		works         bool
	}{
		{"a new one is active", zero, zero, CredentialActive, true},
		{"a rotated one works until its end", noon.Add(24 * time.Hour), zero, CredentialRetiring, true},
		{"a rotated one works a nanosecond before its end", noon.Add(1), zero, CredentialRetiring, true},
		{"a rotated one has stopped at its end", noon, zero, CredentialEnded, false},
		{"a rotated one has stopped after its end", noon.Add(-1), zero, CredentialEnded, false},
		{"a revoked one has stopped", zero, noon.Add(-time.Hour), CredentialRevoked, false},
		{"revoked says more than retiring", noon.Add(time.Hour), noon, CredentialRevoked, false},
		{"revoked says more than rotated", noon.Add(-time.Hour), noon, CredentialRevoked, false},
	} {
		got := Credential{EndsAt: c.ends, RevokedAt: c.revoked}.State(noon)
		if got != c.want || got.Works() != c.works {
			t.Errorf("%s: got %s (works: %v), want %s (%v)", c.name, got, got.Works(), c.want, c.works)
		}
	}
}

func TestOnlyMailThatFailedOrWasKeptMayBeRetried(t *testing.T) {
	want := map[MailState]bool{MailQueued: false, MailSent: false, MailFailed: true, MailKept: true, MailCancelled: false}
	for _, s := range MailStates {
		if got := s.MayRetry(); got != want[s] {
			t.Errorf("%s may be retried: %v, want %v", s, got, want[s])
		}
	}
}
