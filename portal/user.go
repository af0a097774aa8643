package portal

import "time"

// UserState is where an account stands.
type UserState string

// The states of an account. unproven → waiting → active ⇄ deactivated → deleted.
const (
	UserUnproven    UserState = "unproven"    // the address is not proven
	UserWaiting     UserState = "waiting"     // proven, an admin must approve
	UserActive      UserState = "active"      //
	UserDeactivated UserState = "deactivated" // an admin shut it
	UserDeleted     UserState = "deleted"     // anonymised
)

var userMoves = map[UserState][]UserState{
	UserUnproven:    {UserWaiting, UserActive, UserDeactivated, UserDeleted},
	UserWaiting:     {UserActive, UserDeactivated, UserDeleted},
	UserActive:      {UserDeactivated, UserDeleted},
	UserDeactivated: {UserActive, UserUnproven, UserDeleted}, // unproven: it was, and still is
	UserDeleted:     {},
}

// UserStates lists every state.
var UserStates = []UserState{UserUnproven, UserWaiting, UserActive, UserDeactivated, UserDeleted}

// MayBecome reports whether next may follow s.
func (s UserState) MayBecome(next UserState) bool { return contains(userMoves[s], next) }

// MaySignIn reports whether an account in that state can be signed in to.
func (s UserState) MaySignIn() bool {
	return s == UserUnproven || s == UserWaiting || s == UserActive
}

// Words is the state as people read it.
func (s UserState) Words() string {
	switch s {
	case UserUnproven:
		return "Unproven"
	case UserWaiting:
		return "Waiting"
	case UserActive:
		return "Active"
	case UserDeactivated:
		return "Deactivated"
	case UserDeleted:
		return "Deleted"
	}
	return ""
}

// AfterProof is the state of an unproven account once its address is proven.
// An invited person needs no approval.
func AfterProof(autoApprove, invited bool) UserState {
	if autoApprove || invited {
		return UserActive
	}
	return UserWaiting
}

// Reactivated is the state of a deactivated account once it is opened again; from
// is the one it had before. Only its owner can prove an address.
func Reactivated(from UserState) UserState {
	if from == UserUnproven {
		return UserUnproven
	}
	return UserActive
}

// ProofLife is how long a link that proves an address works.
const ProofLife = 7 * 24 * time.Hour

// SignInLife is how long somebody has for the second step of signing in.
const SignInLife = 10 * time.Minute

// EmailLife is how long a link that proves the new address of an account works.
const EmailLife = 24 * time.Hour

// ResetLife is how long a link that sets a new password works.
const ResetLife = time.Hour

// ProofAge is how old the last proof of the password may be for what could hand
// the account or the installation to a thief.
const ProofAge = 15 * time.Minute

// User is an account.
type User struct {
	ID        int64
	PublicID  string
	Email     string // as typed
	First     string
	Last      string
	State     UserState
	Admin     bool
	Doubtful  bool // unproven, and the password may not be the address’s owner’s
	CreatedAt time.Time
}

// What a deleted account is called where others need to read of it.
const (
	DeletedFirst = "Deleted"
	DeletedLast  = "user"
)

// Name is first and last name.
func (u User) Name() string { return FullName(u.First, u.Last) }

// Viewer is who is signed in, as the database has it at this request.
type Viewer struct {
	User
	ProofAt time.Time // when the password was last given
	Factor  bool      // has a second factor
}

// Actor is the viewer outside organizations.
func (v Viewer) Actor(ip string) Actor {
	return Actor{UserID: v.ID, Name: v.Name(), Email: v.Email, State: v.State, Admin: v.Admin, IP: ip}
}

// Proof is what the page of a link that proves an address shows.
type Proof struct {
	User
	NewPassword bool   // a new one must be set: somebody else may have set the old one
	Joins       string // the organization that they join by their invite code
	CodeEnded   bool   // they registered with an invite code that does not work any more
}

// EmailChange is what the page of a link that changes an address shows.
type EmailChange struct {
	User
	New string // the address it is to be
}

// NewUser is what a registration form holds.
type NewUser struct {
	First    string
	Last     string
	Email    string
	Password string
	Code     string // an invite code, "" without one
}

// Tidy gives the stored form of the input, or an Invalid Error by field.
func (n NewUser) Tidy(minPassword int) (NewUser, Email, error) {
	p := Problems{}
	var email Email
	var problem string
	n.First, n.Last = tidyPerson(p, n.First, n.Last)
	email, problem = ParseEmail(n.Email)
	p.Add("email", problem)
	p.Add("password", CheckPassword(n.Password, minPassword, n.Email))
	return n, email, p.Err()
}

// TidyPerson gives the stored form of a person's names, or an Invalid Error at
// first_name and last_name.
func TidyPerson(first, last string) (string, string, error) {
	p := Problems{}
	first, last = tidyPerson(p, first, last)
	return first, last, p.Err()
}

func tidyPerson(p Problems, first, last string) (string, string) {
	first, problem := TidyName(first, "a first name")
	p.Add("first_name", problem)
	last, problem = TidyName(last, "a last name")
	p.Add("last_name", problem)
	return first, last
}

func contains[T comparable](list []T, x T) bool {
	for _, y := range list {
		if x == y {
			return true
		}
	}
	return false
}
