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
	InviterMay   bool // the inviter may still invite as this role
	MailState    MailState
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

// Name is the invited person's name.
func (i Invitation) Name() string { return FullName(i.First, i.Last) }

// NewInvitation is what the form holds.
type NewInvitation struct {
	First string
	Last  string
	Email string
	Role  Role
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
