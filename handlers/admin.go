package handlers

import (
	"github.com/gofiber/fiber/v2"

	"portico/views"
)

// adminRoutes are the pages of portal admins; everybody else is told that there
// is nothing.
func (s *server) adminRoutes(admin fiber.Router) {
	admin.Get("", s.adminOverview)
	admin.Get("/live", s.adminLive)

	admin.Get("/organizations", s.listOrganizations)
	admin.Get("/organizations/new", s.newAddition)
	admin.Post("/organizations", s.createAddition)
	admin.Get("/organizations/:id", s.showOrganization)
	admin.Get("/organizations/:id/approval", s.newApproval)
	admin.Post("/organizations/:id/approval", s.createApproval)
	admin.Get("/organizations/:id/rejection", s.newRejection)
	admin.Post("/organizations/:id/rejection", s.createRejection)
	admin.Get("/organizations/:id/referral", s.newReferral)
	admin.Post("/organizations/:id/referral", s.createReferral)
	admin.Get("/organizations/:id/suspension", s.newSuspension)
	admin.Post("/organizations/:id/suspension", s.createSuspension)
	admin.Get("/organizations/:id/resumption", s.newResumption)
	admin.Post("/organizations/:id/resumption", s.createResumption)
	admin.Get("/organizations/:id/deletion", s.newOrgDeletion)
	admin.Post("/organizations/:id/deletion", s.createOrgDeletion)
	admin.Get("/organizations/:id/restoration", s.newRestoration)
	admin.Post("/organizations/:id/restoration", s.createRestoration)

	// The organization's own pages, as a portal admin sees them.
	org := admin.Group("/organizations/:org", s.inOrg(true))
	org.Get("/name", s.editOrgName)
	org.Post("/name", s.updateOrgName)
	org.Get("/activity", s.listActivity)
	s.people(org)
	s.teams(org)
	s.codes(org)
	org.Get("/applications", s.listApplications)
	org.Get("/applications/:id", s.showApplication)
	org.Get("/applications/:id/access", s.listAccess)
	org.Get("/applications/:id/credentials/:key/usage", s.showUsage)
	org.Get("/exposed", s.listExposed)
	org.Get("/applications/:id/credentials/:key/revocation", s.newRevocation)
	org.Post("/applications/:id/credentials/:key/revocation", s.createRevocation)

	admin.Get("/users", s.listAccounts)
	admin.Get("/users/:id", s.showAccount)
	admin.Post("/users/:id/approval", s.createAccountApproval)
	admin.Get("/users/:id/refusal", s.newAccountRefusal)
	admin.Post("/users/:id/refusal", s.createAccountRefusal)
	admin.Get("/users/:id/deactivation", s.newDeactivation)
	admin.Post("/users/:id/deactivation", s.createDeactivation)
	admin.Post("/users/:id/activation", s.createActivation)
	admin.Post("/users/:id/password-reset", s.createAccountReset)
	admin.Get("/users/:id/promotion", s.newPromotion)
	admin.Post("/users/:id/promotion", s.createPromotion)
	admin.Get("/users/:id/demotion", s.newDemotion)
	admin.Post("/users/:id/demotion", s.createDemotion)
	admin.Get("/users/:id/deletion", s.newAccountDeletion)
	admin.Post("/users/:id/deletion", s.createAccountDeletion)
	admin.Get("/users/:id/two-factor-removal", s.newRescue)
	admin.Post("/users/:id/two-factor-removal", s.createRescue)
	admin.Get("/teams", s.listAllTeams)
	admin.Get("/teams/new", s.newAnyTeam)
	s.team(admin.Group("/teams/:id", s.anyTeam))
	admin.Get("/applications", s.listAllApplications)
	own := admin.Group("/applications/:id", s.onOthersOwn)
	own.Get("", s.showApplication)
	own.Get("/access", s.listAccess)
	own.Get("/credentials/:key/usage", s.showUsage)
	own.Get("/credentials/:key/revocation", s.newRevocation)
	own.Post("/credentials/:key/revocation", s.createRevocation)
	admin.Get("/codes", s.listAllCodes)

	admin.Get("/emails", s.listEmails)
	admin.Get("/emails/retries", s.newRetries)
	admin.Post("/emails/retries", s.createRetries)
	admin.Get("/emails/:id", s.showEmail)
	admin.Get("/emails/:id/frame", s.frameEmail)
	admin.Post("/emails/:id/retry", s.retryEmail)
	admin.Post("/emails/:id/link", s.showEmailLink)
	admin.Get("/audit-log", s.listAudit)
	admin.Get("/audit-log.csv", s.exportAudit(asCSV))
	admin.Get("/audit-log.jsonl", s.exportAudit(asJSONLines))
	admin.Get("/settings/general", s.editGeneral)
	admin.Post("/settings/general", s.updateGeneral)
	admin.Post("/settings/two-factor", s.updateAdminsFactor)
	admin.Get("/settings/email", s.editEmail)
	admin.Post("/settings/email", s.updateEmail)
	admin.Post("/settings/email/test", s.createTestEmail)
	admin.Get("/settings/email-templates", s.listTemplates)
	template := admin.Group("/settings/email-templates/:kind")
	template.Get("", s.editTemplate)
	template.Post("", s.updateTemplate)
	template.Post("/preview", s.previewTemplate)
	template.Get("/frame", s.frameTemplate)
	template.Post("/frame", s.frameTemplate)
	template.Post("/test", s.testTemplate)
	template.Get("/restoration", s.newTemplateDefault)
	template.Post("/restoration", s.createTemplateDefault)
}

const consumers = "API Consumers"

// adminPage is a page of the admin area; crumbs are label and address in turn.
func adminPage(menu, title string, way ...string) views.Page {
	p := views.Page{Area: views.Admin, Menu: menu, Title: title}
	for i := 0; i+1 < len(way); i += 2 {
		p.Crumbs = append(p.Crumbs, views.Crumb{Label: way[i], Href: way[i+1]})
	}
	p.Crumbs = append(p.Crumbs, views.Crumb{Label: title})
	return p
}

// adminForm is a form of the admin area, as a page of its own.
func adminForm(menu, title string, way ...string) views.Page {
	p := adminPage(menu, title, way...)
	p.Narrow = true
	return p
}

func (s *server) listAllApplications(c *fiber.Ctx) error {
	list, err := s.store.AllApplications(c.UserContext(), actor(c), query(c), c.Query("after"))
	if err != nil {
		return err
	}
	return s.show(c, adminPage("applications", "Applications", consumers, ""), views.AllApplications(list, query(c), c.Query("after") == "", s.store.Now()))
}
