package portal

// Step is one line of the checklist of a new organization.
type Step struct {
	Key  string
	Done bool
}

// The steps of the checklist.
const (
	StepInvite      = "invite"
	StepApplication = "application"
	StepCredential  = "credential"
	StepRequest     = "request"
	StepSuperAdmin  = "super_admin"
)

// Checklist is what a new organization has done and still has to do; none if
// there is nothing left to do, or if it was put away.
type Checklist []Step

// NewChecklist is the checklist of an organization that has done these steps.
func NewChecklist(done map[string]bool) Checklist {
	var l Checklist
	open := false
	for _, key := range []string{StepInvite, StepApplication, StepCredential, StepRequest, StepSuperAdmin} {
		l = append(l, Step{key, done[key]})
		open = open || !done[key]
	}
	if !open {
		return nil
	}
	return l
}

// InviteDefaults are what the form of an invitation to an organization begins with.
type InviteDefaults struct {
	Role Role
	Team string // public id, "": the default team
}
