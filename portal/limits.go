package portal

import "time"

// Limit is how often something may happen in a window of time.
type Limit struct {
	Scope  string // its name in the database
	Words  string // what there were too many of
	Max    int
	Window time.Duration
}

// The limits. They are counted in the database, so a restart forgets nothing.
var (
	LimitSignInAccount = Limit{"sign-in account", "failed sign-ins for this account", 10, 15 * time.Minute}
	LimitSignInAddress = Limit{"sign-in address", "failed sign-ins from your network", 50, 15 * time.Minute}
	LimitSignInDevice  = Limit{"sign-in device", "failed sign-ins from this browser", 5, 15 * time.Minute}
	LimitCode          = Limit{"code account", "wrong codes", 5, 15 * time.Minute}
	LimitRegister      = Limit{"register address", "registrations from your network", 20, time.Hour}
	LimitReset         = Limit{"reset account", "requests for a new password", 5, time.Hour}
	LimitProof         = Limit{"proof account", "confirmation mails", 5, time.Hour}
	LimitEmail         = Limit{"email person", "requests for a new address", 5, time.Hour}
	LimitInvite        = Limit{"invite person", "invitations", 50, time.Hour}
	LimitResendMinute  = Limit{"resend minute", "resends of this invitation", 1, time.Minute}
	LimitResendDay     = Limit{"resend day", "resends of this invitation", 5, 24 * time.Hour}
	LimitOrgRequest    = Limit{"organization request", "organization requests", 5, 24 * time.Hour}
	LimitInviteCode    = Limit{"invite code", "invite codes that do not work from your network", 20, 15 * time.Minute}
	LimitAskAgain      = Limit{"ask again", "requests for a new invitation", 3, time.Hour}
	LimitTestMail      = Limit{"test mail", "test mails", 20, time.Hour}
)
