package portal

import (
	"slices"
	"time"
)

// AuditKind says what happened. The words are part of what people read.
type AuditKind string

// The kinds of entry. Each is written as what the actor did.
const (
	AuditRegistered         AuditKind = "registered"
	AuditProofAsked         AuditKind = "asked for the confirmation mail again"
	AuditProved             AuditKind = "confirmed their address"
	AuditSignedIn           AuditKind = "signed in"
	AuditSignedOut          AuditKind = "signed out"
	AuditResetAsked         AuditKind = "asked for a new password"
	AuditResetDone          AuditKind = "set a new password by mail"
	AuditPasswordChanged    AuditKind = "changed their password"
	AuditEmailAsked         AuditKind = "asked for the new address"
	AuditEmailKept          AuditKind = "kept their address"
	AuditEmailChanged       AuditKind = "changed their address to"
	AuditSessionEnded       AuditKind = "signed out the device"
	AuditSessionsEnded      AuditKind = "signed out all other devices"
	AuditFactorOn           AuditKind = "turned two-factor sign-in on"
	AuditFactorOff          AuditKind = "turned two-factor sign-in off"
	AuditCodesMade          AuditKind = "made new recovery codes"
	AuditFactorRemoved      AuditKind = "took two-factor sign-in off"
	AuditOrgFactor          AuditKind = "changed who needs two-factor sign-in in"
	AuditProfileChanged     AuditKind = "changed their name"
	AuditAdminCreated       AuditKind = "became portal admin"
	AuditUserApproved       AuditKind = "approved the account"
	AuditUserRefused        AuditKind = "refused the account"
	AuditUserDeactivated    AuditKind = "deactivated the account"
	AuditUserActivated      AuditKind = "activated the account"
	AuditResetSent          AuditKind = "sent a password reset to"
	AuditAdminMade          AuditKind = "made portal admin"
	AuditAdminUnmade        AuditKind = "took portal admin from"
	AuditUserDeleted        AuditKind = "deleted the account"
	AuditOwnDeleted         AuditKind = "deleted their account"
	AuditSettingChanged     AuditKind = "changed a setting"
	AuditMailSettings       AuditKind = "changed the mail settings"
	AuditTestMail           AuditKind = "sent a test mail"
	AuditMailRetried        AuditKind = "retried a mail"
	AuditMailsRetried       AuditKind = "retried mails"
	AuditTemplateChanged    AuditKind = "changed the template"
	AuditTemplateRestored   AuditKind = "restored the template"
	AuditRestored           AuditKind = "restored a backup"
	AuditOrgRequested       AuditKind = "requested the organization"
	AuditOrgRegistered      AuditKind = "registered the organization"
	AuditOrgApproved        AuditKind = "approved the organization"
	AuditOrgRejected        AuditKind = "rejected the organization"
	AuditOrgWithdrawn       AuditKind = "withdrew the request"
	AuditOrgResubmitted     AuditKind = "resubmitted the request"
	AuditOrgRenamed         AuditKind = "renamed the organization"
	AuditOrgAdded           AuditKind = "added the organization"
	AuditRemovalUndone      AuditKind = "undid the removal of"
	AuditRevocationUndone   AuditKind = "undid the revocation of the invitation of"
	AuditOrgSuspended       AuditKind = "suspended the organization"
	AuditOrgResumed         AuditKind = "resumed the organization"
	AuditOrgDeleted         AuditKind = "deleted the organization"
	AuditOrgRestored        AuditKind = "restored the organization"
	AuditOrgPurged          AuditKind = "purged the organization"
	AuditInviteDefaults     AuditKind = "changed the defaults of invitations to"
	AuditChecklistDone      AuditKind = "put away the checklist of"
	AuditInvited            AuditKind = "invited"
	AuditInvitationResent   AuditKind = "resent the invitation of"
	AuditInvitationRevoked  AuditKind = "revoked the invitation of"
	AuditInvitationCopied   AuditKind = "copied the invitation link of"
	AuditInvitationDeclined AuditKind = "declined the invitation"
	AuditInvitationAsked    AuditKind = "asked for a new invitation"
	AuditCodeCreated        AuditKind = "made the invite code"
	AuditCodeEdited         AuditKind = "edited the invite code"
	AuditCodeOff            AuditKind = "switched off the invite code"
	AuditCodeOn             AuditKind = "switched on the invite code"
	AuditJoined             AuditKind = "joined"
	AuditMemberRenamed      AuditKind = "changed the name of"
	AuditRoleChanged        AuditKind = "changed the role of"
	AuditMemberRemoved      AuditKind = "removed"
	AuditLeft               AuditKind = "left the organization"
	AuditTeamCreated        AuditKind = "created the team"
	AuditTeamRenamed        AuditKind = "renamed the team"
	AuditTeamDeleted        AuditKind = "deleted the team"
	AuditTeamJoined         AuditKind = "added a member to the team"
	AuditTeamLeft           AuditKind = "took a member out of the team"
	AuditAppCreated         AuditKind = "created the application"
	AuditAppEdited          AuditKind = "edited the application"
	AuditAppDeleted         AuditKind = "deleted the application"
	AuditKeyCreated         AuditKind = "created a credential of"
	AuditKeyRevealed        AuditKind = "revealed a credential of"
	AuditKeyRotated         AuditKind = "rotated a credential of"
	AuditKeyRevoked         AuditKind = "revoked a credential of"
	AuditKeyExtended        AuditKind = "extended a rotated credential of"
	AuditKeyCut             AuditKind = "cut a rotated credential of"
	AuditAppShared          AuditKind = "changed who sees the application"
	AuditAppMoved           AuditKind = "moved the application"
	AuditAppInherited       AuditKind = "took over the application"

	// AuditRefused is any attempt that was refused; its subject is the address asked
	// for, its detail what the person read.
	AuditRefused AuditKind = "was refused"
)

// ApplicationKinds are the kinds about applications: who may not see an
// application does not read of it.
var ApplicationKinds = []AuditKind{AuditAppCreated, AuditAppEdited, AuditAppDeleted, AuditAppShared, AuditAppMoved, AuditAppInherited,
	AuditKeyCreated, AuditKeyRevealed, AuditKeyRotated, AuditKeyRevoked, AuditKeyExtended, AuditKeyCut}

// InvitationKinds are the kinds about invitations, which only those read of who
// may see invitations.
var InvitationKinds = []AuditKind{AuditInvited, AuditInvitationResent, AuditInvitationRevoked, AuditInvitationCopied, AuditInvitationDeclined,
	AuditInvitationAsked, AuditRevocationUndone, AuditCodeCreated, AuditCodeEdited, AuditCodeOff, AuditCodeOn}

// Refusals that are noted: at most one in RefusalPause that says the same of the
// same person, and at most MaxRefusals of one person in RefusalWindow.
const (
	RefusalPause  = time.Minute
	RefusalWindow = time.Hour
	MaxRefusals   = 60
)

// AuditGroup is some kinds of entries that belong together.
type AuditGroup struct {
	Label string
	Kinds []AuditKind
}

// OrgAuditGroups are the kinds that happen inside organizations, for whoever
// chooses one to look for.
var OrgAuditGroups = []AuditGroup{
	{"Organization", []AuditKind{AuditOrgRequested, AuditOrgRegistered, AuditOrgApproved, AuditOrgRejected, AuditOrgWithdrawn, AuditOrgResubmitted,
		AuditOrgAdded, AuditOrgRenamed, AuditOrgFactor, AuditOrgSuspended, AuditOrgResumed, AuditOrgDeleted, AuditOrgRestored, AuditOrgPurged,
		AuditInviteDefaults, AuditChecklistDone}},
	{"Invitations", InvitationKinds},
	{"Members and teams", []AuditKind{AuditJoined, AuditMemberRenamed, AuditRoleChanged, AuditMemberRemoved, AuditRemovalUndone, AuditLeft,
		AuditTeamCreated, AuditTeamRenamed, AuditTeamDeleted, AuditTeamJoined, AuditTeamLeft}},
	{"Applications and credentials", ApplicationKinds},
}

// AuditGroups are all kinds.
var AuditGroups = append([]AuditGroup{
	{"Refused", []AuditKind{AuditRefused}},
	{"Accounts", []AuditKind{AuditRegistered, AuditProofAsked, AuditProved, AuditSignedIn, AuditSignedOut, AuditSessionEnded, AuditSessionsEnded,
		AuditResetAsked, AuditResetDone, AuditPasswordChanged, AuditProfileChanged, AuditEmailAsked, AuditEmailKept, AuditEmailChanged,
		AuditFactorOn, AuditFactorOff, AuditCodesMade, AuditOwnDeleted}},
	{"Portal admins", []AuditKind{AuditAdminCreated, AuditAdminMade, AuditAdminUnmade, AuditUserApproved, AuditUserRefused, AuditUserDeactivated, AuditUserActivated, AuditUserDeleted,
		AuditResetSent, AuditFactorRemoved, AuditSettingChanged, AuditMailSettings, AuditTestMail, AuditMailRetried, AuditMailsRetried,
		AuditTemplateChanged, AuditTemplateRestored, AuditRestored}},
}, OrgAuditGroups...)

// GroupsFor are the kinds that by may read of in the organization it is in.
func GroupsFor(by Actor) []AuditGroup {
	if by.May(SeeInvitations) {
		return append(slices.Clone(OrgAuditGroups), AuditGroup{"Refused", []AuditKind{AuditRefused}})
	}
	return slices.DeleteFunc(slices.Clone(OrgAuditGroups), func(g AuditGroup) bool { return g.Label == "Invitations" })
}

// AuditFilter narrows the audit log; what is empty does not narrow it.
type AuditFilter struct {
	Org      string // public id
	Person   string // e-mail address of who did it, or of whom it was done to
	Kind     AuditKind
	From, To time.Time // To itself is not in it any more
}

// Empty reports whether f lets everything through.
func (f AuditFilter) Empty() bool { return f == AuditFilter{} }

// AuditEntry is one line of the audit log, which is only ever added to.
type AuditEntry struct {
	ID        int64
	At        time.Time
	ActorName string
	ActorMail string
	OrgName   string
	OrgID     string // public id, "" outside organizations
	Kind      AuditKind
	Subject   string // whom or what it was done to
	Detail    string // "from Team member to Super admin"
	IP        string
	Refused   bool   // it was tried, and not done
	Hash      []byte // over the entry and the one before
}
