package portal

// Figure is something that is counted a day, over time. One and Many are the words
// for what is counted.
type Figure struct {
	Title, One, Many string
	Kinds            []AuditKind
}

// TallyVerified is what answered gateways are counted under, beside the kinds of
// entries of the audit log.
const TallyVerified AuditKind = "verified a key"

// Figures are the numbers that portal admins see over time.
var Figures = []Figure{
	{"Registrations", "registration", "registrations", []AuditKind{AuditRegistered}},
	{"New organizations", "organization", "organizations", []AuditKind{AuditOrgRegistered, AuditOrgApproved, AuditOrgAdded}},
	{"Sign-ins", "sign-in", "sign-ins", []AuditKind{AuditSignedIn}},
	{"Verified keys", "request", "requests", []AuditKind{TallyVerified}},
}

// FigureDays is how many days a figure goes back.
const FigureDays = 30

// SetUp says what of setting up an installation has been done.
type SetUp struct {
	Mail        bool // a mail has left by the mail server as it is set now
	Reached     bool // by https, or on the machine itself
	SecondAdmin bool
}

// Done reports whether nothing is left to set up.
func (s SetUp) Done() bool { return s.Mail && s.Reached && s.SecondAdmin }
