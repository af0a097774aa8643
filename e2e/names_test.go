package e2e

import "regexp"

// Words on pages that the journeys look for and that are no button's, link's or
// label's fixed name. They stand here, so that a change of words is a change of one line.
var (
	lookIntoYourMail  = regexp.MustCompile(`(?i)look into your mail`)
	notSent           = regexp.MustCompile(`(?i)not sent: no mail server is set up`)
	goneOver          = regexp.MustCompile(`(?i)does not work`)
	wasRevoked        = regexp.MustCompile(`(?i)revoked`)
	wasDeclined       = regexp.MustCompile(`(?i)declined`)
	newerWasSent      = regexp.MustCompile(`(?i)a newer invitation was sent`)
	promoteFirst      = regexp.MustCompile(`(?i)promote somebody first`)
	waitingForAnAdmin = regexp.MustCompile(`(?i)waiting|approv`)
	wrongPassword     = regexp.MustCompile(`(?i)do not belong together`)
	nothingHere       = regexp.MustCompile(`(?i)there is nothing here`)
	mayNotSignIn      = regexp.MustCompile(`(?i)signing in is switched off`)
)

// The names of what the journeys press and fill.
const (
	signInButton     = "Sign in"
	signOutButton    = "Sign out"
	registerButton   = "Register"
	confirmButton    = "Confirm"
	createAnOrg      = "Create an organization"
	createOrgButton  = "Create organization"
	orgNameField     = "Organization name"
	approveNameField = "Organization name" // in the dialog behind Approve
	reasonField      = "Reason"
	firstNameField   = "First name"
	lastNameField    = "Last name"
	emailField       = "Email"
	passwordField    = "Password"

	currentPasswordField = "Present password"
	newPasswordField     = "New password"
	changePasswordButton = "Change password"
	forgotPasswordLink   = "Forgot your password?"

	stopsAtOnce     = "Now" // when a rotated credential does
	stopsInADay     = "In 24 hours"
	revokedState    = "Revoked"
	productionLabel = "Production"

	superAdmin          = "Super admin"
	teamMember          = "Team member"
	registrationSwitch  = "Enable API consumers to register"
	signInSwitch        = "Enable API consumers to sign in"
	approveUsersSwitch  = "Auto-approve API consumers registering"
	organizationsSwitch = "Enable API consumers to register organizations"
	approveOrgsSwitch   = "Auto-approve API consumers registering organization"
)

// apiKey is a whole credential, as nothing but Reveal may put it into a page.
var apiKey = regexp.MustCompile(`portico_[0-9A-Za-z]{20,}_[0-9A-Za-z]+`)

// Where things stand in a page.
const (
	rowsOf  = "tbody tr, .item, ul li, ol li"
	dialogs = "dialog[open]"
	notices = "[role=status], [role=alert]"
	menus   = "nav"
	tabs    = "nav.linetabs a"
	folded  = "details.menu > summary" // what opens a menu of further buttons
)

// The menu with the account's links and Sign out, in the top bar or the sidebar.
const accountMenu = `details.menu > summary[aria-label^="Account"]`
