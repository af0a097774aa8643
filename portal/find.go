package portal

// A FindKind is what a search across everything can find.
type FindKind string

// What a search across everything finds.
const (
	FindOrganization FindKind = "Organization"
	FindPerson       FindKind = "Person"
	FindApplication  FindKind = "Application"
	FindTeam         FindKind = "Team"
)

// A Find is one thing that its finder may see.
type Find struct {
	Kind    FindKind
	ID      string // public
	Name    string
	Note    string // what tells it from others of its name
	OrgID   string // public; of the organization it is in, if any
	AsAdmin bool   // it is found in the admin area
}

// MaxFinds is how many of each kind a search across everything shows.
const MaxFinds = 6
