package portal

import "time"

// Member is a person in an organization, under the names they have there.
type Member struct {
	UserID   int64
	PublicID string // the user's
	Email    string
	First    string
	Last     string
	Role     Role
	State    UserState
	JoinedAt time.Time
	Undo     string // of one who was just removed: the id by which that is undone
}

// Name is the member's name inside the organization.
func (m Member) Name() string { return FullName(m.First, m.Last) }

// Membership is one organization somebody belongs to.
type Membership struct {
	Org  Organization
	Role Role
}

// SeenKey is a working credential whose value somebody has looked at.
type SeenKey struct {
	App   string
	AppID string
	ID    string // of the credential
	Label string
	Hint  string
	By    string // who has looked, where several people are meant
}

// SeenKeys lists such credentials, the longest-standing first.
type SeenKeys struct {
	Keys []SeenKey
	More bool // than the list names
}
