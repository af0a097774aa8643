package portal

import "time"

// MailKind says what a mail is about; its text stands in package mail.
type MailKind string

// The kinds of mail.
const (
	MailProve             MailKind = "prove"              // prove your address
	MailAlreadyRegistered MailKind = "already_registered" //
	MailUserWaiting       MailKind = "user_waiting"       // to the portal admins
	MailUserApproved      MailKind = "user_approved"
	MailReset             MailKind = "reset"
	MailEmailProve        MailKind = "email_prove"    // to the new address: prove it
	MailEmailChanged      MailKind = "email_changed"  // to both addresses
	MailFactorRemoved     MailKind = "factor_removed" // to whom a portal admin has taken it off
	MailOrgRequested      MailKind = "org_requested"  // to the portal admins
	MailOrgApproved       MailKind = "org_approved"
	MailOrgRejected       MailKind = "org_rejected"
	MailOrgSuspended      MailKind = "org_suspended" // this and the next two: to its Super admins
	MailOrgResumed        MailKind = "org_resumed"
	MailOrgDeleted        MailKind = "org_deleted"
	MailInvitation        MailKind = "invitation"
	MailAskAgain          MailKind = "ask_again" // to the inviter: somebody asks for a new invitation
	MailAccepted          MailKind = "accepted"  // to the inviter
	MailRoleChanged       MailKind = "role_changed"
	MailRemoved           MailKind = "removed"
	MailKeyExpiring       MailKind = "key_expiring"
	MailTest              MailKind = "test"
)

// MailKinds lists every kind, in the order they are shown.
var MailKinds = []MailKind{MailProve, MailAlreadyRegistered, MailUserWaiting, MailUserApproved, MailReset, MailEmailProve, MailEmailChanged, MailFactorRemoved,
	MailOrgRequested, MailOrgApproved, MailOrgRejected, MailOrgSuspended, MailOrgResumed, MailOrgDeleted, MailInvitation, MailAskAgain, MailAccepted,
	MailRoleChanged, MailRemoved, MailKeyExpiring, MailTest}

// Words is the kind as people read it.
func (k MailKind) Words() string {
	switch k {
	case MailProve:
		return "Prove your address"
	case MailAlreadyRegistered:
		return "Address already registered"
	case MailUserWaiting:
		return "Account waiting"
	case MailUserApproved:
		return "Account approved"
	case MailReset:
		return "Password reset"
	case MailEmailProve:
		return "Prove your new address"
	case MailEmailChanged:
		return "E-mail changed"
	case MailFactorRemoved:
		return "Two-factor sign-in taken off"
	case MailOrgRequested:
		return "Organization requested"
	case MailOrgApproved:
		return "Organization approved"
	case MailOrgRejected:
		return "Organization rejected"
	case MailOrgSuspended:
		return "Organization suspended"
	case MailOrgResumed:
		return "Organization resumed"
	case MailOrgDeleted:
		return "Organization deleted"
	case MailInvitation:
		return "Invitation"
	case MailAskAgain:
		return "Asks for a new invitation"
	case MailAccepted:
		return "Invitation accepted"
	case MailRoleChanged:
		return "Role changed"
	case MailRemoved:
		return "Removed from organization"
	case MailKeyExpiring:
		return "Credential expiring"
	case MailTest:
		return "Test mail"
	}
	return string(k)
}

// MailState is where a mail stands.
type MailState string

// The states of a mail.
const (
	MailQueued    MailState = "queued"
	MailSent      MailState = "sent"
	MailFailed    MailState = "failed"    // given up, with the server's words
	MailKept      MailState = "kept"      // no mail server was set up
	MailCancelled MailState = "cancelled" // what it was about is over
)

// MailStates lists every state, in the order of the admins' tabs.
var MailStates = []MailState{MailQueued, MailSent, MailFailed, MailKept, MailCancelled}

// Words is the state as people read it.
func (s MailState) Words() string {
	switch s {
	case MailQueued:
		return "Queued"
	case MailSent:
		return "Sent"
	case MailFailed:
		return "Failed"
	case MailKept:
		return "Kept"
	case MailCancelled:
		return "Cancelled"
	}
	return ""
}

// MayRetry reports whether an admin may put mails in that state back in the queue.
func (s MailState) MayRetry() bool { return s == MailFailed || s == MailKept }

// MailFilter says which mails of the outbox are listed.
type MailFilter struct {
	State MailState
	Kind  MailKind // "": every kind
	Query string   // beginnings of words of recipient and subject
}

// Mail is an e-mail Portico wants delivered. It holds no secret: LinkTo says
// which link it carries, and the link is derived when it is sent or read.
type Mail struct {
	ID        int64
	PublicID  string
	Kind      MailKind
	To        string // address
	ToName    string
	OrgName   string
	Data      map[string]string // values of the text's variables
	LinkTo    MailLink
	Subject   string   // when it was queued, and then as it was sent
	Text      MailText // that an admin has written, or by which it was sent; zero: Portico's own
	State     MailState
	Attempts  int
	NextAt    time.Time // of a queued mail: when it is tried next
	Error     string    // the server's words at the last failure
	CreatedAt time.Time
	SentAt    time.Time
}

// Refused reports whether a server has refused the mail, for good or so far.
func (m Mail) Refused() bool { return m.State == MailFailed || m.State == MailQueued && m.Error != "" }

// MayRetry reports whether an admin may put the mail back in the queue.
func (m Mail) MayRetry() bool { return m.State.MayRetry() || m.Refused() }

// MailText is what a kind of mail is written by: a subject of one line and a body
// in Markdown, with variables in double braces.
type MailText struct {
	Subject string
	Body    string
}

// Limits of a mail's text, in characters.
const (
	MaxMailSubject = 150
	MaxMailBody    = 5000
)

// Tidy gives the stored form of the text, or an Invalid Error by field. What its
// variables mean is known in package mail.
func (t MailText) Tidy() (MailText, error) {
	p := Problems{}
	var problem string
	t.Subject, problem = tidyLine(t.Subject, "a subject", MaxMailSubject)
	p.Add("subject", problem)
	if t.Body, problem = TidyText(t.Body, MaxMailBody); problem == "" && t.Body == "" {
		problem = "Enter the text of the mail."
	}
	p.Add("body", problem)
	return t, p.Err()
}

// MailTemplate is a kind of mail with the text an admin has given it, if any.
type MailTemplate struct {
	Kind      MailKind
	Text      MailText // zero: Portico's own
	Version   int64    // of the text, 0 for Portico's own
	ChangedAt time.Time
}

// MailLink is what the link in a mail leads to: a page of the portal, or a
// derived link with a token.
type MailLink struct {
	Path    string // a page, when Purpose is 0
	Purpose LinkPurpose
	ID      string
	Version int64
}

// Paths of the pages that links with a token open.
var linkPaths = map[LinkPurpose]string{
	LinkInvitation: "/invitations/",
	LinkProof:      "/verify-email/",
	LinkReset:      "/reset-password/",
	LinkSetup:      "/setup/",
	LinkEmail:      "/change-email/",
}

// URL is the address of the link below base, which has no slash at its end.
func (l MailLink) URL(base string, k LinkKey, kind LinkKind) string {
	if l.Purpose == 0 {
		return base + l.Path
	}
	return base + linkPaths[l.Purpose] + k.Token(Link{Purpose: l.Purpose, Kind: kind, Version: l.Version, ID: l.ID})
}

// Secret reports whether the link hands rights to whoever holds it.
func (l MailLink) Secret() bool { return l.Purpose != 0 }

// MaxMailAttempts is after how many failures that may pass a mail is given up.
const MaxMailAttempts = 12

// LongestMailBackoff is how long a mail waits at most.
const LongestMailBackoff = 4 * time.Hour

// MailBackoff is how long to wait after the nth failed attempt (from 1):
// a minute, doubling, at most four hours; about sixteen hours in all.
func MailBackoff(n int) time.Duration {
	d := time.Minute
	for ; n > 1 && d < LongestMailBackoff; n-- {
		d *= 2
	}
	return min(d, LongestMailBackoff)
}

// SMTPConfig is how mail leaves.
type SMTPConfig struct {
	URL      string // smtp:// or smtps://; "" keeps mail
	From     string // RFC 5322 mailbox
	ByFlags  bool   // set by flags or environment, which override the settings
	FromFlag bool   // likewise the sender
}

// On reports whether mail is sent at all.
func (c SMTPConfig) On() bool { return c.URL != "" }
