package handlers

import (
	"github.com/gofiber/fiber/v2"

	"portico/portal"
)

// routes is the map of Portico: every address it answers, in one place.
func (s *server) routes(app *fiber.App) {
	app.Get("/verify", s.knownKey)
	app.Use(s.guard)

	// For machines, under any name.
	app.Get("/healthz", s.healthy)
	app.Get("/readyz", s.ready)
	app.Get("/verify", s.verify)

	app.Use(s.host)
	app.Get("/assets/:name", s.asset)
	app.Use(s.origin, s.load)

	app.Get("/", s.start)
	app.Get("/register", s.newUser)
	app.Post("/register", s.createUser)
	app.Get("/register/sent", s.userCreated)
	app.Get("/verify-email/:token", s.showProof)
	app.Post("/verify-email/:token", s.createProof)
	app.Get("/login", s.newSession)
	app.Post("/login", s.createSession)
	app.Get("/login/code", s.newCode)
	app.Post("/login/code", s.createCode)
	app.Get("/logout", s.signedIn, s.confirmSignOut)
	app.Post("/logout", s.deleteSession)
	app.Get("/forgot-password", s.newReset)
	app.Post("/forgot-password", s.createReset)
	app.Get("/forgot-password/sent", s.resetCreated)
	app.Get("/reset-password/:token", s.editPassword)
	app.Post("/reset-password/:token", s.resetPassword)
	app.Get("/change-email/:token", s.showEmailChange)
	app.Post("/change-email/:token", s.createEmailChange)
	app.Get("/setup/:token", s.newSetup)
	app.Post("/setup/:token", s.createSetup)

	app.Get("/invitations/:token", s.showOffer)
	app.Post("/invitations/:token/registration", s.createJoin)
	app.Post("/invitations/:token/acceptance", s.createAcceptance)
	app.Post("/invitations/:token/refusal", s.createRefusal)
	app.Post("/invitations/:token/switch", s.switchAccount)
	app.Post("/invitations/:token/request", s.createInvitationRequest)

	app.Get("/profile", s.signedIn, s.editProfile)
	app.Post("/profile", s.signedIn, s.updateProfile)
	app.Post("/profile/password", s.signedIn, s.updatePassword)
	app.Post("/profile/proof", s.signedIn, s.createProofMail)
	app.Post("/profile/email", s.signedIn, s.askForEmail)
	app.Post("/profile/email/withdrawal", s.signedIn, s.keepEmail)
	app.Get("/profile/deletion", s.signedIn, s.newOwnDeletion)
	app.Post("/profile/deletion", s.signedIn, s.createOwnDeletion)
	factor := app.Group("/profile/two-factor", below("/profile/two-factor", s.signedIn))
	factor.Get("", s.showFactor)
	factor.Post("", s.startFactor)
	factor.Get("/setup", s.newFactor)
	factor.Get("/confirmation", s.leaveCodes)
	factor.Post("/confirmation", s.createFactor)
	factor.Get("/codes", s.newCodes)
	factor.Post("/codes", s.createCodes)
	factor.Get("/removal", s.newFactorRemoval)
	factor.Post("/removal", s.createFactorRemoval)
	app.Post("/profile/sessions/:id/end", s.signedIn, s.endDevice)
	app.Post("/profile/other-sessions/end", s.signedIn, s.endOtherDevices)
	app.Post("/me/invitations/:id/acceptance", s.signedIn, s.createOwnAcceptance)
	app.Post("/me/invitations/:id/refusal", s.signedIn, s.createOwnRefusal)

	app.Get("/search", s.signedIn, s.search)
	app.Get("/join", s.signedIn, s.newJoin)
	app.Post("/join", s.signedIn, s.createMembership)

	app.Get("/organizations/new", s.signedIn, s.newOrganization)
	app.Post("/organizations", s.signedIn, s.createOrganization)
	request := app.Group("/organizations/requests/:id", s.signedIn)
	request.Get("", s.showRequest)
	request.Get("/live", s.requestLive)
	request.Get("/name", s.editRequestName)
	request.Post("/name", s.updateRequestName)
	request.Get("/withdrawal", s.newWithdrawal)
	request.Post("/withdrawal", s.createWithdrawal)
	request.Get("/resubmission", s.newResubmission)
	request.Post("/resubmission", s.createResubmission)

	org := app.Group("/o/:org", s.inOrg(false))
	org.Get("", s.overview)
	org.Get("/live", s.orgLive)
	org.Get("/activity", s.listActivity)
	org.Get("/settings", s.editOrg)
	org.Post("/settings", s.updateOrg)
	org.Post("/settings/two-factor", s.updateOrgFactor)
	org.Post("/settings/invitations", s.updateInviteDefaults)
	org.Post("/checklist/dismissal", s.dismissChecklist)
	org.Get("/departure", s.newDeparture)
	org.Post("/departure", s.createDeparture)
	s.people(org)
	s.teams(org)
	s.applications(org)
	org.Get("/applications/:id/visibility", s.editVisibility)
	org.Post("/applications/:id/visibility", s.updateVisibility)
	org.Get("/exposed", s.listExposed)
	org.Post("/exposed", s.rotateExposed)

	own := app.Group("/me", below("/me", s.signedIn), below("/me", s.onOwn))
	s.applications(own)
	own.Get("/applications/:id/move", s.newMove)
	own.Post("/applications/:id/move", s.createMove)

	s.adminRoutes(app.Group("/admin", below("/admin", s.admins)))
	s.demoRoutes(app)

	app.Use(func(*fiber.Ctx) error { return portal.ErrNotFound })
}

// people are the pages of an organization's members and invitations. Portal
// admins have the same ones under /admin.
func (s *server) people(org fiber.Router) {
	org.Get("/users", s.listUsers)
	org.Get("/users/:id", s.editMember)
	org.Post("/users/:id", s.updateMember)
	org.Get("/users/:id/removal", s.newRemoval)
	org.Post("/users/:id/removal", s.createRemoval)
	org.Get("/invitations/new", s.newInvitation)
	org.Post("/invitations", s.createInvitation)
	org.Get(severalPath, s.newInvitations)
	org.Post(severalPath, s.createInvitations)
	org.Post("/invitations/:id/link", s.showInvitationLink)
	org.Post("/invitations/:id/renewal", s.resendInvitation)
	org.Post("/invitations/:id/revocation", s.revokeInvitation)
	org.Post("/undo/:id", s.createUndo)
}

// teams are the pages of an organization's teams.
func (s *server) teams(org fiber.Router) {
	org.Get("/teams", s.listTeams)
	org.Get("/teams/new", s.newTeam)
	org.Post("/teams", s.createTeam)
	s.team(org.Group("/teams/:id"))
}

// team are the pages of one team. Portal admins have them under /admin/teams too.
func (s *server) team(team fiber.Router) {
	team.Get("", s.editTeam)
	team.Post("", s.updateTeam)
	team.Get("/deletion", s.newTeamDeletion)
	team.Post("/deletion", s.createTeamDeletion)
	team.Get("/members/new", s.newTeamMembers)
	team.Post("/members", s.createTeamMembers)
	team.Get("/members/:member/removal", s.newTeamLeaving)
	team.Post("/members/:member/removal", s.createTeamLeaving)
}

func (s *server) applications(org fiber.Router) {
	org.Get("/applications", s.listApplications)
	org.Get("/applications/new", s.newApplication)
	org.Post("/applications", s.createApplication)
	org.Get("/applications/:id", s.showApplication)
	org.Post("/applications/:id", s.updateApplication)
	org.Get("/applications/:id/edit", s.editApplication)
	org.Get("/applications/:id/access", s.listAccess)
	org.Get("/applications/:id/deletion", s.newDeletion)
	org.Post("/applications/:id/deletion", s.deleteApplication)
	org.Get("/applications/:id/credentials/new", s.newCredential)
	org.Post("/applications/:id/credentials", s.createCredential)
	org.Get("/applications/:id/credentials/:key/reveal", s.leaveReveal)
	org.Post("/applications/:id/credentials/:key/reveal", s.createReveal)
	org.Get("/applications/:id/credentials/:key/rotation", s.newRotation)
	org.Post("/applications/:id/credentials/:key/rotation", s.createRotation)
	org.Get("/applications/:id/credentials/:key/extension", s.newExtension)
	org.Post("/applications/:id/credentials/:key/extension", s.createExtension)
	org.Post("/applications/:id/credentials/:key/cut", s.createCut)
	org.Get("/applications/:id/credentials/:key/usage", s.showUsage)
	org.Get("/applications/:id/credentials/:key/snippets", s.showSnippets)
	org.Post("/applications/:id/credentials/:key/snippets", s.revealSnippets)
	org.Get("/applications/:id/credentials/:key/revocation", s.newRevocation)
	org.Post("/applications/:id/credentials/:key/revocation", s.createRevocation)
}
