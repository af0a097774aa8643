package portal

import "time"

// Settings are what portal admins configure.
type Settings struct {
	Register        bool // API consumers may register
	SignIn          bool // API consumers may sign in
	ApproveUsers    bool // registrations are approved at once
	RegisterOrgs    bool // API consumers may register organizations
	ApproveOrgs     bool // those are approved at once
	AdminsFactor    bool // portal admins must have a second factor
	MinPassword     int  // characters, 8 to 64
	InvitationLife  time.Duration
	SessionIdle     time.Duration
	SessionAbsolute time.Duration
}

// DefaultSettings are those of a new installation.
func DefaultSettings() Settings {
	return Settings{
		Register: true, SignIn: true, ApproveUsers: true, RegisterOrgs: true, ApproveOrgs: false,
		MinPassword:     12,
		InvitationLife:  7 * 24 * time.Hour,
		SessionIdle:     24 * time.Hour,
		SessionAbsolute: 14 * 24 * time.Hour,
	}
}

// Switch is one of the switches under Settings > General > API Consumer access.
type Switch struct {
	Key   string
	Label string
	Hint  string
}

// Switches lists them in the order they are shown; the labels are part of the
// product's contract.
var Switches = []Switch{
	{"register", "Enable API consumers to register", "Shows “Register” to people who are not signed in. Invited people can always register."},
	{"sign_in", "Enable API consumers to sign in", "When off, only portal admins can sign in, and consumers’ sessions are refused."},
	{"approve_users", "Auto-approve API consumers registering", "When off, people wait under Users until an admin approves them."},
	{"register_orgs", "Enable API consumers to register organizations", "Shows “Create an organization” in the navigation of the portal."},
	{"approve_orgs", "Auto-approve API consumers registering organization", "When off, requests wait under Organizations until an admin approves them."},
}

// Get is the value of the switch with that key.
func (s Settings) Get(key string) bool {
	if p := s.ref(key); p != nil {
		return *p
	}
	return false
}

// Set changes the switch with that key and reports whether there is one.
func (s *Settings) Set(key string, on bool) bool {
	p := s.ref(key)
	if p != nil {
		*p = on
	}
	return p != nil
}

func (s *Settings) ref(key string) *bool {
	switch key {
	case "register":
		return &s.Register
	case "sign_in":
		return &s.SignIn
	case "approve_users":
		return &s.ApproveUsers
	case "register_orgs":
		return &s.RegisterOrgs
	case "approve_orgs":
		return &s.ApproveOrgs
	}
	return nil
}
