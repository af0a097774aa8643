package portal

// MaxTeams is how many teams an organization may have.
const MaxTeams = 100

// Team is a named group inside one organization.
type Team struct {
	ID       int64
	PublicID string
	Name     string
	Default  bool
	Members  Count
	OrgID    string // public id
	OrgName  string
}

// MayDelete is nil if the team can be deleted, and otherwise says why not.
func (t Team) MayDelete() error {
	if t.Default {
		return Errorf(Conflict, "%s is the default team: everybody who is in no other one is in it. It can be renamed, not deleted.", t.Name)
	}
	return nil
}

// TeamEnd is what the deletion of a team would do, before it is done.
type TeamEnd struct {
	Team    Team
	Moves   Count    // members who are in no other team
	To      string   // the default team, which they move to
	Shared  []string // applications for this team and others
	Left    []string // applications for this team alone
	Invited Count    // open invitations into it
}

// TeamLeaving is what it would do to take somebody out of a team.
type TeamLeaving struct {
	Team   Team
	Member Member
	Last   bool     // they are in no other team
	To     string   // the default team, which they move to then
	Loses  []string // applications that they would not see any more
}

// MayLeave is nil if the member can be taken out of the team, and otherwise says
// why not.
func (l TeamLeaving) MayLeave() error {
	if l.Last && l.Team.Default {
		return Errorf(Conflict, "%s is in no other team, and everybody is in at least one. Add them to another team first.", l.Member.Name())
	}
	return nil
}
