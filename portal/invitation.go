package portal

import "time"

// InvitationState is where an invitation stands. The first four are stored;
// Expired and Void follow from the time and the inviter.
type InvitationState string

// The states of an invitation.
const (
	InvitationPending  InvitationState = "pending"
	InvitationAccepted InvitationState = "accepted"
	InvitationDeclined InvitationState = "declined"
	InvitationRevoked  InvitationState = "revoked"
	InvitationExpired  InvitationState = "expired"
	InvitationVoid     InvitationState = "void"
)

var invitationMoves = map[InvitationState][]InvitationState{
	InvitationPending: {InvitationAccepted, InvitationDeclined, InvitationRevoked},
}

// InvitationStates lists every state.
var InvitationStates = []InvitationState{InvitationPending, InvitationAccepted, InvitationDeclined,
	InvitationRevoked, InvitationExpired, InvitationVoid}

// MayBecome reports whether next may be stored after s.
func (s InvitationState) MayBecome(next InvitationState) bool {
	return contains(invitationMoves[s], next)
}

// Words is the state as people read it.
func (s InvitationState) Words() string {
	switch s {
	case InvitationPending:
		return "Pending"
	case InvitationAccepted:
		return "Accepted"
	case InvitationDeclined:
		return "Declined"
	case InvitationRevoked:
		return "Revoked"
	case InvitationExpired:
		return "Expired"
	case InvitationVoid:
		return "Void"
	}
	return ""
}

// MaxPendingInvitations is how many invitations of one organization may be open.
const MaxPendingInvitations = 100

// Invitation is an offer of a membership to an e-mail address.
type Invitation struct {
	ID           int64
	PublicID     string
	OrgID        int64
	Email        string // as typed
	EmailKey     string
	First        string
	Last         string
	Role         Role
	Stored       InvitationState
	Version      int64
	ExpiresAt    time.Time
	CreatedAt    time.Time
	InviterID    int64
	InviterName  string
	InviterEmail string
	// InviterProven says that the inviter's address is proven: only then it vouches for them.
	InviterProven bool
	InviterMay    bool // the inviter may still invite as this role
	MailState     MailState
	Undo          string // of one that was just revoked: the id by which that is undone
}

// State is the invitation's state at that time. It expires at ExpiresAt itself,
// without grace.
func (i Invitation) State(now time.Time) InvitationState {
	switch {
	case i.Stored != InvitationPending:
		return i.Stored
	case !now.Before(i.ExpiresAt):
		return InvitationExpired
	case !i.InviterMay:
		return InvitationVoid
	}
	return InvitationPending
}

// InviterAddress is the inviter's address as others are told it.
func (i Invitation) InviterAddress() string {
	if !i.InviterProven {
		return "address not confirmed"
	}
	return i.InviterEmail
}

// Name is the invited person's name.
func (i Invitation) Name() string { return FullName(i.First, i.Last) }

// NewInvitation is what the form holds.
type NewInvitation struct {
	First string
	Last  string
	Email string
	Role  Role
	Teams []string // public ids; none: the default team
}

// Tidy gives the stored form of the input, or an Invalid Error by field.
func (n NewInvitation) Tidy() (NewInvitation, Email, error) {
	p := Problems{}
	n.First, n.Last = tidyPerson(p, n.First, n.Last)
	email, problem := ParseEmail(n.Email)
	p.Add("email", problem)
	if !n.Role.Valid() {
		p.Add("role", "Choose a role.")
	}
	return n, email, p.Err()
}

// Offer is an invitation as its link opens it.
type Offer struct {
	Invitation
	Org      Organization
	Kind     LinkKind
	Account  UserState // of the invited address, "" if there is none
	Doubtful bool      // whose password may not be the owner’s
	Member   bool      // that account is a member already
	Newer    bool      // the link is of an older version
}

// Open is nil while the offer can be answered, and otherwise says why not.
func (o Offer) Open(now time.Time) error {
	state := o.State(now)
	decided := state == InvitationAccepted || state == InvitationRevoked || state == InvitationDeclined
	switch {
	case o.Newer && !decided:
		return Errorf(Gone, "This link is an older one: a newer invitation was sent. Ask for its link, or look for the newest mail.")
	case state != InvitationPending:
		return Errorf(Gone, "This invitation is %s.", state)
	case o.Org.State != OrgActive:
		return Errorf(Gone, "%s takes no new members at the moment.", o.Org.Name)
	}
	return nil
}

// MayAskAgain reports whether the link's page offers to ask for a new one.
func (o Offer) MayAskAgain(now time.Time) bool {
	state := o.State(now)
	return !o.Newer && !o.Member && o.Org.State == OrgActive && (state == InvitationExpired || state == InvitationVoid)
}

// NeedsPassword reports whether the holder of a mailed link registers: there is
// no account, or one whose address nobody has proven.
func (o Offer) NeedsPassword() bool { return o.Account == "" || o.Account == UserUnproven }

// Waiting is an open invitation to somebody who is signed in.
type Waiting struct {
	Invitation
	Org Organization
}
