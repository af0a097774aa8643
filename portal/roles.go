package portal

// Role is what a member may do inside an organization.
type Role string

// The roles.
const (
	SuperAdmin Role = "super_admin"
	TeamMember Role = "team_member"
)

// Words is the role as people read it.
func (r Role) Words() string {
	switch r {
	case SuperAdmin:
		return "Super admin"
	case TeamMember:
		return "Team member"
	}
	return ""
}

// Valid reports whether r is one of the roles.
func (r Role) Valid() bool { return r == SuperAdmin || r == TeamMember }

// Action is something that somebody may or may not do inside an organization.
type Action string

// The actions of the permission table.
const (
	SeeMembers       Action = "see members"
	SeeInvitations   Action = "see pending invitations"
	ManageMembers    Action = "invite, edit and remove people"
	ManageTeams      Action = "manage teams"
	UseApplications  Action = "work with applications" // of those one may see
	SeeApplications  Action = "see applications"
	RevokeCredential Action = "revoke credentials" // #nosec G101 -- a name of an action
	RenameOrg        Action = "rename the organization"
	Leave            Action = "leave"
	ReadActivity     Action = "read activity"
	RequireFactor    Action = "require two-factor sign-in"
)

// Actions lists every Action.
var Actions = []Action{SeeMembers, SeeInvitations, ManageMembers, ManageTeams, UseApplications,
	SeeApplications, RevokeCredential, RenameOrg, Leave, ReadActivity, RequireFactor}

// Actor is who acts: the signed-in user plus, inside an organization, their
// role there. Every operation takes one, and reads it again from the database
// inside its transaction: what a page was shown with may be out of date.
type Actor struct {
	UserID int64
	Name   string
	Email  string
	State  UserState
	Admin  bool   // portal admin
	OrgID  int64  // 0 outside an organization
	Role   Role   // "" when not a member of OrgID
	IP     string // network address, for the audit log
	Asked  string // address of the request that would change something, for what is refused

	// Personal says that a acts on applications of their own, outside organizations.
	Personal bool
	// Oversees says that a, a portal admin, looks at those of everybody.
	Oversees bool
}

// SignedIn reports whether somebody is signed in at all.
func (a Actor) SignedIn() bool { return a.UserID != 0 }

// IsAdmin reports whether a is a portal admin who may act.
func (a Actor) IsAdmin() bool { return a.Admin && a.State == UserActive }

// Member reports whether a belongs to the organization it is in.
func (a Actor) Member() bool { return a.Role != "" && a.State.MaySignIn() }

// May reports whether a may do the action in the organization it is in; the
// permission table of the product.
func (a Actor) May(action Action) bool {
	if a.Member() {
		switch action {
		case SeeMembers, UseApplications, SeeApplications, RevokeCredential, Leave, ReadActivity:
			return true
		case SeeInvitations, ManageMembers, ManageTeams, RenameOrg, RequireFactor:
			if a.Role == SuperAdmin {
				return true
			}
		}
	}
	if a.Personal && a.OrgID == 0 && a.State == UserActive {
		switch action {
		case UseApplications, SeeApplications, RevokeCredential:
			return true
		}
	}
	if a.IsAdmin() {
		switch action {
		case SeeMembers, SeeInvitations, ManageMembers, ManageTeams, SeeApplications, RevokeCredential, RenameOrg, ReadActivity:
			return true
		}
	}
	return false
}

// Sees reports whether the organization exists at all for a.
func (a Actor) Sees() bool { return a.Member() || a.IsAdmin() }

// MayGrant reports whether a may give somebody that role: never above its own.
func (a Actor) MayGrant(role Role) bool {
	return role.Valid() && a.May(ManageMembers)
}

// NotAllowed says who may do an action in the organization of that name.
func NotAllowed(action Action, org string) *Error {
	switch action {
	case UseApplications, Leave:
		return Errorf(Forbidden, "Only members of %s may do that.", org)
	}
	return Errorf(Forbidden, "Only a Super admin of %s may do that.", org)
}
