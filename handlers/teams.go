package handlers

import (
	"github.com/gofiber/fiber/v2"

	"portico/portal"
	"portico/views"
)

func (s *server) listTeams(c *fiber.Ctx) error {
	v := at(c)
	teams, err := s.store.Teams(c.UserContext(), v.actor, query(c), c.Query("after"))
	if err != nil {
		return err
	}
	return s.show(c, orgPage(c, "teams", "Teams"), views.Teams(v.base, teams, query(c), c.Query("after") == ""))
}

func (s *server) teamPage(c *fiber.Ctx) (views.TeamProps, error) {
	v, ctx := at(c), c.UserContext()
	p := views.TeamProps{Base: v.base, At: v.teams + "/" + c.Params("id"), Back: v.teams, First: c.Query("after") == "",
		MayEdit: v.actor.May(portal.ManageTeams) && v.org.State == portal.OrgActive}
	var err error
	if p.Team, err = s.store.Team(ctx, v.actor, c.Params("id")); err != nil {
		return p, err
	}
	p.Name = p.Team.Name
	p.Members, err = s.store.TeamMembers(ctx, v.actor, c.Params("id"), c.Query("after"))
	return p, err
}

func (s *server) editTeam(c *fiber.Ctx) error {
	p, err := s.teamPage(c)
	if err != nil {
		return err
	}
	return s.show(c, orgPage(c, "teams", p.Team.Name), views.TeamPage(p))
}

func (s *server) updateTeam(c *fiber.Ctx) error {
	name := text(c, "name")
	err := s.store.RenameTeam(c.UserContext(), actor(c), c.Params("id"), name)
	if pr := problems(err); pr != nil {
		p, pageErr := s.teamPage(c)
		if pageErr != nil {
			return pageErr
		}
		p.Name, p.Problems = name, pr
		return s.refused(c, err, orgPage(c, "teams", p.Team.Name), views.TeamPage(p))
	}
	if err != nil {
		return err
	}
	return s.done(c, at(c).teams+"/"+c.Params("id"), "Saved.")
}
