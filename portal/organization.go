package portal

import "time"

// OrgState is where an organization stands.
type OrgState string

// The states of an organization.
const (
	OrgPending   OrgState = "pending"
	OrgActive    OrgState = "active"
	OrgRejected  OrgState = "rejected"
	OrgWithdrawn OrgState = "withdrawn"
	OrgSuspended OrgState = "suspended"
	OrgDeleted   OrgState = "deleted"
)

// OrgStates lists every state, in the order of the admins' tabs.
var OrgStates = []OrgState{OrgPending, OrgActive, OrgRejected, OrgWithdrawn, OrgSuspended, OrgDeleted}

var orgMoves = map[OrgState][]OrgState{
	OrgPending:   {OrgActive, OrgRejected, OrgWithdrawn},
	OrgRejected:  {OrgPending},
	OrgWithdrawn: {},
	OrgActive:    {OrgSuspended, OrgDeleted},
	OrgSuspended: {OrgActive, OrgDeleted},
	OrgDeleted:   {OrgActive, OrgSuspended},
}

// MayBecome reports whether next may follow s.
func (s OrgState) MayBecome(next OrgState) bool { return contains(orgMoves[s], next) }

// Provisioned reports whether an organization in that state has members, teams
// and an address of its own.
func (s OrgState) Provisioned() bool { return s == OrgActive || s == OrgSuspended }

// Words is the state as people read it.
func (s OrgState) Words() string {
	switch s {
	case OrgPending:
		return "Pending"
	case OrgActive:
		return "Active"
	case OrgRejected:
		return "Rejected"
	case OrgWithdrawn:
		return "Withdrawn"
	case OrgSuspended:
		return "Suspended"
	case OrgDeleted:
		return "Deleted"
	}
	return ""
}

// Organization is a company or team of API consumers.
type Organization struct {
	ID        int64
	PublicID  string
	Name      string
	State     OrgState
	CreatedAt time.Time

	// RequireFactor says that only members with a second factor may work there.
	RequireFactor bool
}

// OrgRequest is an organization as its requester and the portal admins see it
// while it is being decided, and afterwards.
type OrgRequest struct {
	Organization
	RequesterID    int64 // 0: added by an admin
	RequesterName  string
	RequesterEmail string
	RequesterState UserState
	RequestedAt    time.Time
	DecidedBy      string // a person's name, "" while pending
	DecidedAt      time.Time
	Reason         string // of a rejection

	// The last of suspending, resuming, deleting and restoring; zero before the first.
	ChangedBy    string
	ChangedAt    time.Time
	ChangeReason string
	DeletedFrom  OrgState // where a deleted one stood before
}

// DefaultTeamName is the name an organization's default team is made with.
func DefaultTeamName(org string) string { return org + " All users" }

// TidyOrgName gives the stored form of an organization's name, or an Invalid
// Error at the field name.
func TidyOrgName(s string) (string, error) {
	p := Problems{}
	name, problem := TidyName(s, "an organization name")
	p.Add("name", problem)
	return name, p.Err()
}

// ErrSuspended refuses every change inside a suspended organization.
var ErrSuspended = &Error{Code: Conflict,
	Message: "This organization is suspended: you can look at everything, but change nothing. Ask the people who run this portal."}
