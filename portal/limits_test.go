package portal

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestTheLimitsAreThosePromised(t *testing.T) {
	for _, c := range []struct {
		name   string
		limit  Limit
		max    int
		window time.Duration
	}{
		{"failed sign-ins of an account", LimitSignInAccount, 10, 15 * time.Minute},
		{"failed sign-ins from a network address", LimitSignInAddress, 50, 15 * time.Minute},
		{"registrations from a network address", LimitRegister, 20, time.Hour},
		{"resets of an account", LimitReset, 5, time.Hour},
		{"invitations by a person", LimitInvite, 50, time.Hour},
		{"resends in a minute", LimitResendMinute, 1, time.Minute},
		{"resends in a day", LimitResendDay, 5, 24 * time.Hour},
		{"organization requests by a person", LimitOrgRequest, 5, 24 * time.Hour},
	} {
		if c.limit.Max != c.max || c.limit.Window != c.window {
			t.Errorf("%s: %d in %v, want %d in %v", c.name, c.limit.Max, c.limit.Window, c.max, c.window)
		}
	}
	scopes := map[string]bool{}
	for _, l := range []Limit{LimitSignInAccount, LimitSignInAddress, LimitRegister, LimitReset, LimitProof, LimitInvite,
		LimitResendMinute, LimitResendDay, LimitOrgRequest, LimitAskAgain, LimitTestMail} {
		if scopes[l.Scope] || l.Scope == "" || l.Words == "" {
			t.Errorf("the limit %q on %q shares its name, or has none", l.Scope, l.Words)
		}
		scopes[l.Scope] = true
	}
	if MaxPendingInvitations != 100 || MaxCredentials != 20 || ResetLife != time.Hour || ProofAge != 15*time.Minute {
		t.Error("a bound of the product has changed")
	}
	d := DefaultSettings()
	if d.MinPassword != 12 || d.InvitationLife != 7*24*time.Hour || d.SessionIdle != 24*time.Hour || d.SessionAbsolute != 14*24*time.Hour {
		t.Errorf("a new installation has %+v", d)
	}
}

func TestAPersonReadsHowLongToWait(t *testing.T) {
	for _, c := range []struct {
		wait time.Duration
		want string
	}{
		{0, "1 second"}, {-time.Minute, "1 second"}, {time.Millisecond, "1 second"}, {time.Second, "1 second"}, {1001 * time.Millisecond, "2 seconds"},
		{59 * time.Second, "59 seconds"}, {time.Minute, "60 seconds"}, {61 * time.Second, "2 minutes"}, {14*time.Minute + 1, "15 minutes"},
		{15 * time.Minute, "15 minutes"}, {time.Hour, "60 minutes"}, {119 * time.Minute, "119 minutes"}, {2 * time.Hour, "2 hours"},
		{2*time.Hour + time.Minute, "3 hours"}, {24 * time.Hour, "24 hours"},
	} {
		err := TooManyError("sign-ins", c.wait)
		if want := "Too many sign-ins. Try again in " + c.want + "."; err.Message != want || err.Code != TooMany || err.Wait != c.wait {
			t.Errorf("after %v: %q (%d), want %q", c.wait, err.Message, err.Code, want)
		}
	}
}

func TestMailWaitsLongerAfterEachFailure(t *testing.T) {
	want := []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 240, 240, 240, 240}
	total := time.Duration(0)
	for i, minutes := range want {
		got := MailBackoff(i + 1)
		if got != minutes*time.Minute {
			t.Errorf("after failure %d it waits %v, want %v", i+1, got, minutes*time.Minute)
		}
		if i+1 < MaxMailAttempts {
			total += got
		}
	}
	if total < 12*time.Hour || total > 48*time.Hour {
		t.Errorf("a mail is given up after %v", total)
	}
	for _, n := range []int{-1, 0, 1000} {
		if d := MailBackoff(n); d < time.Minute || d > 4*time.Hour {
			t.Errorf("after failure %d it waits %v", n, d)
		}
	}
}

func TestCountsAreExactToAThousand(t *testing.T) {
	for n, want := range map[Count]string{0: "0", 1: "1", 25: "25", 999: "999", 1000: "1,000", 1001: "1,000+", 5000: "1,000+"} {
		if got := n.String(); got != want {
			t.Errorf("%d reads %q, want %q", int(n), got, want)
		}
	}
}

func TestRefusalsAreKnownByTheirCode(t *testing.T) {
	err := fmt.Errorf("while inviting: %w", Errorf(Conflict, "%s is a member already.", "Ann"))
	if !IsCode(err, Conflict) || IsCode(err, NotFound) || IsCode(errors.New("x"), Conflict) || IsCode(nil, Conflict) {
		t.Error("a wrapped refusal is not known by its code")
	}
	if got := err.Error(); !strings.HasSuffix(got, "Ann is a member already.") {
		t.Errorf("it reads %q", got)
	}
	if e := Invalidf("name", "Enter %s.", "a name"); e.Code != Invalid || e.Fields["name"] != "Enter a name." {
		t.Errorf("got %+v", e)
	}
}

func TestMailIsSentOnlyWithAServer(t *testing.T) {
	if (SMTPConfig{}).On() || !(SMTPConfig{URL: "smtp://localhost"}).On() {
		t.Error("whether mail is sent does not follow from the server's address")
	}
}
