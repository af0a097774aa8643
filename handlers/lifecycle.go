package handlers

import (
	"slices"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"portico/portal"
	"portico/views"
)

// aboutOrg shows a form about an organization that stands in one of the states;
// of another there is nothing to ask.
func (s *server) aboutOrg(c *fiber.Ctx, title string, problem error, in []portal.OrgState,
	form func(q portal.OrgRequest, p portal.Problems) (templ.Component, error)) error {
	q, err := s.store.OrgForAdmin(c.UserContext(), actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	if !slices.Contains(in, q.State) {
		if problem != nil {
			return problem // says who was first
		}
		return portal.Errorf(portal.Conflict, "%s is %s by now. Load the page again.", q.Name, q.State)
	}
	body, err := form(q, problems(problem))
	if err != nil {
		return err
	}
	page := adminForm("organizations", title, "Organizations", orgsPath, q.Name, orgsPath+"/"+q.PublicID)
	if problem != nil {
		return s.refused(c, problem, page, body)
	}
	return s.show(c, page, body)
}

func (s *server) suspension(c *fiber.Ctx, problem error) error {
	return s.aboutOrg(c, "Suspend", problem, []portal.OrgState{portal.OrgActive}, func(q portal.OrgRequest, p portal.Problems) (templ.Component, error) {
		return views.SuspendOrg(q, text(c, "reason"), p), nil
	})
}

func (s *server) newSuspension(c *fiber.Ctx) error { return s.suspension(c, nil) }

func (s *server) createSuspension(c *fiber.Ctx) error {
	o, err := s.store.SuspendOrg(c.UserContext(), actor(c), c.Params("id"), text(c, "reason"))
	if problems(err) != nil {
		return s.suspension(c, err)
	}
	if err != nil {
		return err
	}
	return s.doneMail(c, orgsPath+"/"+o.PublicID, "Suspended "+o.Name+". Its Super admins are told by mail.", "Suspended "+o.Name+".")
}

func (s *server) resumption(c *fiber.Ctx, problem error) error {
	return s.aboutOrg(c, "Resume", problem, []portal.OrgState{portal.OrgSuspended}, func(q portal.OrgRequest, p portal.Problems) (templ.Component, error) {
		return views.ResumeOrg(q, p), nil
	})
}

func (s *server) newResumption(c *fiber.Ctx) error { return s.resumption(c, nil) }

func (s *server) createResumption(c *fiber.Ctx) error {
	o, err := s.store.ResumeOrg(c.UserContext(), actor(c), c.Params("id"))
	if problems(err) != nil {
		return s.resumption(c, err)
	}
	if err != nil {
		return err
	}
	return s.doneMail(c, orgsPath+"/"+o.PublicID, "Resumed "+o.Name+". Its Super admins are told by mail.", "Resumed "+o.Name+".")
}

func (s *server) orgDeletion(c *fiber.Ctx, problem error) error {
	return s.aboutOrg(c, "Delete", problem, []portal.OrgState{portal.OrgActive, portal.OrgSuspended}, func(q portal.OrgRequest, p portal.Problems) (templ.Component, error) {
		d, err := s.store.Deletion(c.UserContext(), actor(c), q.PublicID)
		return views.DeleteOrg(q, d, s.store.Now().Add(portal.RestoreFor), text(c, "confirm"), p), err
	})
}

func (s *server) newOrgDeletion(c *fiber.Ctx) error { return s.orgDeletion(c, nil) }

func (s *server) createOrgDeletion(c *fiber.Ctx) error {
	o, err := s.store.DeleteOrg(c.UserContext(), actor(c), c.Params("id"), text(c, "confirm"))
	if problems(err) != nil {
		return s.orgDeletion(c, err)
	}
	if err != nil {
		return err
	}
	return s.done(c, orgsPath+"?state=deleted", "Deleted "+o.Name+". It can be restored for 30 days.")
}

func (s *server) restoration(c *fiber.Ctx, problem error) error {
	return s.aboutOrg(c, "Restore", problem, []portal.OrgState{portal.OrgDeleted}, func(q portal.OrgRequest, p portal.Problems) (templ.Component, error) {
		d, err := s.store.Deletion(c.UserContext(), actor(c), q.PublicID)
		return views.RestoreOrg(q, d, p), err
	})
}

func (s *server) newRestoration(c *fiber.Ctx) error { return s.restoration(c, nil) }

func (s *server) createRestoration(c *fiber.Ctx) error {
	o, err := s.store.RestoreOrg(c.UserContext(), actor(c), c.Params("id"))
	if problems(err) != nil {
		return s.restoration(c, err)
	}
	if err != nil {
		return err
	}
	return s.done(c, orgsPath+"/"+o.PublicID, "Restored "+o.Name+".")
}
