package portal

// Parting is what happens when an account is deactivated or deleted.
type Parting struct {
	User
	LastIn    []Organization // where nobody else could act as Super admin: this stands in the way
	LastAdmin bool           // there is no other portal admin: likewise
	Apps      int            // applications of their own, outside organizations
	Keys      int            // working credentials of those
	Leaves    []PartingOrg
}

// PartingOrg is an organization that somebody would leave with their account.
type PartingOrg struct {
	Org      Organization
	Role     Role
	Personal int      // personal applications there, which pass to somebody else
	Shared   int      // others that they own, likewise
	Heirs    []Member // who could take them
}

// Blocked reports whether something stands in the way of the parting.
func (p Parting) Blocked() bool { return len(p.LastIn) > 0 || p.LastAdmin }
