// Package mail turns what stands in the outbox into e-mail and delivers it: the
// texts, the two parts of a message made from one source, the SMTP dialogue, and
// the worker that drains the outbox.
package mail

import "portico/portal"

// kind is how one kind of mail is written: its subject and body, why somebody gets
// it, and its variables with an example of each. A body is Markdown. {{name}} stands
// for the variable of that name. A paragraph [label]({{link}}) is a button in HTML,
// and label and address in plain text.
type kind struct {
	Subject, Body string
	because       string // ends the sentence "You get this mail because"
	variables     []Variable
}

// Variable is something a text may hold the place of.
type Variable struct {
	Name    string
	Meaning string
	Example string
	Lines   bool // may be several lines; anything else is put on one
}

// In every text.
var everywhere = []Variable{
	{Name: "recipient", Meaning: "Name of the person the mail goes to", Example: "Ada Lovelace"},
	{Name: "portal", Meaning: "Address of this portal", Example: "portal.example.com"},
	{Name: "link", Meaning: "The link, as [label]({{link}}) in a paragraph of its own", Example: "https://portal.example.com/"},
}

var organization = Variable{Name: "organization", Meaning: "Name of the organization", Example: "Analytical Engines"}

func person(who string) []Variable {
	return []Variable{
		{Name: "name", Meaning: "Name of " + who, Example: "Grace Hopper"},
		{Name: "email", Meaning: "Email address of " + who, Example: "grace@example.com"},
	}
}

func named(who string) []Variable { return person(who)[:1] }

// kinds holds all there is to write each kind of mail.
var kinds = map[portal.MailKind]kind{
	portal.MailProve: {
		Subject: "Confirm your email address for Portico",
		Body: `Hello {{recipient}},

Welcome! Somebody, we hope you, has registered at {{portal}} with this email address. Please confirm that it is yours:

[Confirm your address]({{link}})

The link works for 7 days.

If it was not you, you need not do anything: without your confirmation nobody can act as the owner of this address.`,
		because:   "an account was registered with your email address",
		variables: named("the person who registered"),
	},
	portal.MailAlreadyRegistered: {
		Subject: "You have a Portico account already",
		Body: `Hello {{recipient}},

Somebody, we hope you, has tried to register at {{portal}} with this email address. You have an account already, so no new one was made. You can sign in with it:

[Sign in]({{link}})

If you have forgotten your password, choose “Forgot password” on that page.

If it was not you, you need not do anything: nothing has changed.`,
		because:   "somebody tried to register with your email address",
		variables: named("the account’s owner"),
	},
	portal.MailUserWaiting: {
		Subject: "{{name}} is waiting for approval",
		Body: `Hello {{recipient}},

{{name}} ({{email}}) has registered at {{portal}} and confirmed the email address. The account waits for a portal admin to approve it.

[See who is waiting]({{link}})

Until then they can sign in, but see only that they have to wait.`,
		because:   "you are a portal admin",
		variables: person("the person who waits"),
	},
	portal.MailUserApproved: {
		Subject: "Your Portico account has been approved",
		Body: `Hello {{recipient}},

Good news: your account at {{portal}} has been approved. You can sign in and begin:

[Sign in]({{link}})

There is nothing else you need to do.`,
		because:   "you have registered an account",
		variables: named("the account’s owner"),
	},
	portal.MailReset: {
		Subject: "Set a new password for Portico",
		Body: `Hello {{recipient}},

Somebody, we hope you, has asked for a new password for your account at {{portal}}. Here you can set one:

[Set a new password]({{link}})

The link works for 1 hour, and once. A new password signs you out everywhere else.

If it was not you, you need not do anything: your password stays as it is.`,
		because:   "a new password was asked for your account",
		variables: named("the account’s owner"),
	},
	portal.MailEmailProve: {
		Subject: "Confirm your new email address for Portico",
		Body: `Hello {{recipient}},

Somebody, we hope you, wants to use this email address for the account of {{name}} at {{portal}}. Please confirm that it is yours:

[Confirm your new address]({{link}})

The link works for 24 hours, and once. Until then the account keeps its present address.

If it was not you, you need not do anything: without your confirmation nothing changes.`,
		because:   "somebody has entered your email address for their account",
		variables: named("the account’s owner"),
	},
	portal.MailEmailChanged: {
		Subject: "The email address of your Portico account has changed",
		Body: `Hello {{recipient}},

The account of {{name}} at {{portal}} has another email address now: {{new_email}}. It was {{old_email}}. Sign in with the new one from now on.

[Open your profile]({{link}})

If it was you, there is nothing else you need to do. If it was not, tell the people who run {{portal}} at once.`,
		because: "your account had, or has, this email address",
		variables: append(named("the account’s owner"),
			Variable{Name: "new_email", Meaning: "Address the account has now", Example: "grace@example.com"},
			Variable{Name: "old_email", Meaning: "Address it had before", Example: "hopper@example.com"}),
	},
	portal.MailFactorRemoved: {
		Subject: "Two-factor sign-in was taken off your Portico account",
		Body: `Hello {{recipient}},

{{actor}}, a portal admin, has taken two-factor sign-in off the account of {{name}} at {{portal}}. Your password is enough to sign in now. Set it up again as soon as you can:

[Set up two-factor sign-in]({{link}})

If you have not asked for this, tell the people who run {{portal}} at once.`,
		because: "it is about the safety of your account",
		variables: append(named("the account’s owner"),
			Variable{Name: "actor", Meaning: "Name of the portal admin", Example: "Ada Lovelace"}),
	},
	portal.MailOrgRequested: {
		Subject: "{{organization}} is waiting for approval",
		Body: `Hello {{recipient}},

{{name}} ({{email}}) asks to register the organization {{organization}} at {{portal}}.

[See the request]({{link}})

Until a portal admin approves or rejects it, the request waits and {{name}} can still change or withdraw it.`,
		because:   "you are a portal admin",
		variables: append(person("the person who asks"), organization),
	},
	portal.MailOrgApproved: {
		Subject: "{{organization}} has been approved",
		Body: `Hello {{recipient}},

Good news: your organization {{organization}} has been approved at {{portal}}. You are its Super admin: invite your teammates, and create the applications you want to build.

[Open {{organization}}]({{link}})

There is nothing else you need to do.`,
		because:   "you have registered this organization",
		variables: append(named("the person who asked"), organization),
	},
	portal.MailOrgRejected: {
		Subject: "{{organization}} has not been approved",
		Body: `Hello {{recipient}},

Your request to register the organization {{organization}} at {{portal}} has not been approved. This is the reason:

{{reason}}

You can change the request and send it again:

[Open the request]({{link}})

If you do nothing, the request stays as it is.`,
		because: "you have asked to register this organization",
		variables: append(named("the person who asked"), organization,
			Variable{Name: "reason", Meaning: "Why the request was rejected", Example: "We do not know your company yet.\nPlease call us first.", Lines: true}),
	},
	portal.MailOrgSuspended: {
		Subject: "{{organization}} has been suspended",
		Body: `Hello {{recipient}},

Your organization {{organization}} has been suspended at {{portal}}. Its members can look at everything but change nothing, and its credentials are refused until it is resumed.

{{reason}}

[Open {{organization}}]({{link}})

Nothing is lost. If you do not know why, ask the people who run {{portal}}.`,
		because: "you are a Super admin of this organization",
		variables: []Variable{organization,
			{Name: "reason", Meaning: "Why it was suspended; may be empty", Example: "Your contract has ended.\nPlease call us.", Lines: true}},
	},
	portal.MailOrgResumed: {
		Subject: "{{organization}} is active again",
		Body: `Hello {{recipient}},

Good news: your organization {{organization}} is active again at {{portal}}. Its members can work as before, and its credentials are accepted.

[Open {{organization}}]({{link}})

Invitations that were open when it was stopped may have to be sent again. There is nothing else you need to do.`,
		because:   "you are a Super admin of this organization",
		variables: []Variable{organization},
	},
	portal.MailOrgDeleted: {
		Subject: "{{organization}} has been deleted",
		Body: `Hello {{recipient}},

Your organization {{organization}} has been deleted at {{portal}}. Its credentials are refused from now on, and its open invitations are revoked. Your own account stays.

Until {{until}} the people who run {{portal}} can bring it back with its members, applications and credentials. After that everything in it is gone for good.

[Open Portico]({{link}})

If you want to keep it, ask them before that day. Otherwise there is nothing you need to do.`,
		because: "you were a Super admin of this organization",
		variables: []Variable{organization,
			{Name: "until", Meaning: "Until when it can be restored", Example: "2 January 2026"}},
	},
	portal.MailInvitation: {
		Subject: "{{inviter}} invites you to {{organization}}",
		Body: `Hello {{recipient}},

{{inviter}} ({{inviter_email}}) invites you to join {{organization}} at {{portal}}. Your role would be: {{role}}.

[See the invitation]({{link}})

The link works until {{expires}}. It is meant for you alone, so please do not pass it on.

If you do not know {{inviter}} or do not want to join, you need not do anything: you only become a member if you accept.`,
		because: "somebody has entered your email address to invite you",
		variables: append(named("the invited person"), organization,
			Variable{Name: "inviter", Meaning: "Name of the person who invites", Example: "Ada Lovelace"},
			Variable{Name: "inviter_email", Meaning: "Email address of the person who invites", Example: "ada@example.com"},
			Variable{Name: "role", Meaning: "Role offered", Example: "Team member"},
			Variable{Name: "expires", Meaning: "Until when the link works", Example: "2 January 2026, 15:04 UTC"}),
	},
	portal.MailAskAgain: {
		Subject: "{{name}} asks for a new invitation to {{organization}}",
		Body: `Hello {{recipient}},

Somebody has opened the invitation of {{name}} ({{email}}) to {{organization}}. It does not work any more, and they ask for a new one.

[Open the users of {{organization}}]({{link}})

There you can resend the invitation. If you do nothing, nobody joins.`,
		because:   "you may invite people to this organization",
		variables: append(person("the invited person"), organization),
	},
	portal.MailAccepted: {
		Subject: "{{name}} has joined {{organization}}",
		Body: `Hello {{recipient}},

{{name}} ({{email}}) has accepted your invitation and is now in {{organization}} as {{role}}.

[Open the users of {{organization}}]({{link}})

There is nothing you need to do.`,
		because: "you have invited this person",
		variables: append(person("the new member"), organization,
			Variable{Name: "role", Meaning: "Role of the new member", Example: "Team member"},
			Variable{Name: "inviter", Meaning: "Name of the person who invited", Example: "Ada Lovelace"}),
	},
	portal.MailRoleChanged: {
		Subject: "{{whose}} role in {{organization}} is now {{role}}",
		Body: `Hello {{recipient}},

{{actor}} has changed a role in {{organization}}. {{whose}} role is now {{role}}; it was {{old_role}}.

[Open {{organization}}]({{link}})

There is nothing you need to do. If this surprises you, ask {{actor}} or another Super admin of {{organization}}.`,
		because: "you belong to this organization",
		variables: append(named("the member"), organization,
			Variable{Name: "whose", Meaning: "“Your”, or whose role it is", Example: "Your"},
			Variable{Name: "role", Meaning: "The new role", Example: "Super admin"},
			Variable{Name: "old_role", Meaning: "The role before", Example: "Team member"},
			Variable{Name: "actor", Meaning: "Name of the person who changed it", Example: "Ada Lovelace"}),
	},
	portal.MailRemoved: {
		Subject: "{{who}} removed from {{organization}}",
		Body: `Hello {{recipient}},

{{who}} removed from {{organization}} by {{actor}}. The account at {{portal}} stays, and so do the organization’s applications and their keys.

[Open Portico]({{link}})

There is nothing you need to do. If this surprises you, ask {{actor}} or a Super admin of {{organization}}.`,
		because: "you belong, or belonged, to this organization",
		variables: append(named("the former member"), organization,
			Variable{Name: "who", Meaning: "“You were”, or who was removed", Example: "You were"},
			Variable{Name: "actor", Meaning: "Name of the person who removed them", Example: "Ada Lovelace"}),
	},
	portal.MailKeyExpiring: {
		Subject: "{{credential}} of {{application}} expires in {{left}}",
		Body: `Hello {{recipient}},

{{credential}} of {{where}} expires on {{expires}}, in {{left}}. After that, whatever uses it is refused.

[Open {{application}}]({{link}})

There you can make a new one, or rotate it. If nothing uses it any more, there is nothing you need to do.`,
		because: "you work with this application",
		variables: []Variable{
			{Name: "application", Meaning: "Name of the application", Example: "Warehouse sync"},
			{Name: "where", Meaning: "The application and its organization", Example: "Warehouse sync of Analytical Engines"},
			{Name: "credential", Meaning: "Label of the credential, or how it ends", Example: "production"},
			{Name: "expires", Meaning: "When it expires", Example: "2 January 2026, 00:00 UTC"},
			{Name: "left", Meaning: "How long that is from now", Example: "7 days"},
		},
	},
	portal.MailTest: {
		Subject: "Test mail from Portico",
		Body: `Hello {{recipient}},

This is the test mail you asked for at {{portal}}. You can read it, so mail from Portico arrives.

There is nothing you need to do.`,
		because: "you have asked for a test mail",
	},
}

// TextOf is the text of a kind as Portico comes with it.
func TextOf(k portal.MailKind) portal.MailText {
	return portal.MailText{Subject: kinds[k].Subject, Body: kinds[k].Body}
}

// Variables lists what a text of that kind may use.
func Variables(kind portal.MailKind) []Variable {
	return append(append([]Variable(nil), kinds[kind].variables...), everywhere...)
}
