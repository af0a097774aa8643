package handlers

import (
	"slices"

	"github.com/gofiber/fiber/v2"

	"portico/portal"
	"portico/views"
)

// teamArea is a page about teams: of the organization the visitor is in, or of
// all of them for portal admins.
func teamArea(c *fiber.Ctx, title string) views.Page {
	if at(c).teams == allTeams {
		return adminPage("teams", title, consumers, "", "Teams", allTeams)
	}
	return orgPage(c, "teams", title)
}

// teamForm is a form about teams, as a page of its own.
func teamForm(c *fiber.Ctx, title string) views.Page {
	p := teamArea(c, title)
	p.Narrow = true
	return p
}

func mayManageTeams(c *fiber.Ctx) bool {
	return at(c).actor.May(portal.ManageTeams) && at(c).org.State == portal.OrgActive
}

func (s *server) listTeams(c *fiber.Ctx) error {
	v := at(c)
	teams, err := s.store.Teams(c.UserContext(), v.actor, query(c), c.Query("after"))
	if err != nil {
		return err
	}
	return s.show(c, teamArea(c, "Teams"), views.Teams(v.teams, teams, query(c), c.Query("after") == "", mayManageTeams(c)))
}

func (s *server) newTeam(c *fiber.Ctx) error {
	if err := may(c, portal.ManageTeams); err != nil {
		return err
	}
	return s.show(c, teamForm(c, "New team"), views.NewTeam(at(c).teams, at(c).org.Name, "", nil))
}

func (s *server) createTeam(c *fiber.Ctx) error {
	name := text(c, "name")
	team, err := s.store.CreateTeam(c.UserContext(), actor(c), name)
	if p := problems(err); p != nil {
		return s.refused(c, err, teamForm(c, "New team"), views.NewTeam(at(c).teams, at(c).org.Name, name, p))
	}
	if err != nil {
		return err
	}
	return s.done(c, at(c).teams+"/"+team.PublicID, "Created "+team.Name+". Add its members.")
}

func (s *server) teamPage(c *fiber.Ctx) (views.TeamProps, error) {
	v, ctx := at(c), c.UserContext()
	p := views.TeamProps{Base: v.base, At: v.teams + "/" + c.Params("id"), Back: v.teams, First: c.Query("after") == "", MayEdit: mayManageTeams(c)}
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
	return s.show(c, teamArea(c, p.Team.Name), views.TeamPage(p))
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
		return s.refused(c, err, teamArea(c, p.Team.Name), views.TeamPage(p))
	}
	if err != nil {
		return err
	}
	return s.done(c, at(c).teams+"/"+c.Params("id"), "Saved.")
}

func (s *server) newTeamDeletion(c *fiber.Ctx) error {
	if err := may(c, portal.ManageTeams); err != nil {
		return err
	}
	return s.teamDeletion(c, nil)
}

func (s *server) teamDeletion(c *fiber.Ctx, problem error) error {
	end, err := s.store.TeamEnd(c.UserContext(), actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	if problem == nil {
		if err := end.Team.MayDelete(); err != nil {
			return err
		}
		return s.show(c, teamForm(c, "Delete"), views.DeleteTeam(at(c).teams, end, nil))
	}
	return s.refused(c, problem, teamForm(c, "Delete"), views.DeleteTeam(at(c).teams, end, problems(problem)))
}

func (s *server) createTeamDeletion(c *fiber.Ctx) error {
	team, err := s.store.DeleteTeam(c.UserContext(), actor(c), c.Params("id"))
	if problems(err) != nil {
		return s.teamDeletion(c, err)
	}
	if err != nil {
		return err
	}
	return s.done(c, at(c).teams, "Deleted "+team.Name+".")
}

const memberField = "member-"

func (s *server) newTeamMembers(c *fiber.Ctx) error {
	if err := may(c, portal.ManageTeams); err != nil {
		return err
	}
	return s.teamMembers(c, nil)
}

func (s *server) teamMembers(c *fiber.Ctx, problem error) error {
	v, ctx := at(c), c.UserContext()
	f := views.TeamMembersForm{At: v.teams + "/" + c.Params("id"), First: c.Query("after") == "", Problems: problems(problem)}
	end, err := s.store.TeamEnd(ctx, v.actor, c.Params("id"))
	if err != nil {
		return err
	}
	f.Team, f.Apps = end.Team, append(end.Shared, end.Left...)
	if f.Others, err = s.store.NotInTeam(ctx, v.actor, c.Params("id"), c.Query("after")); err != nil {
		return err
	}
	if problem != nil {
		return s.refused(c, problem, teamForm(c, "Add members"), views.AddToTeam(f))
	}
	return s.show(c, teamForm(c, "Add members"), views.AddToTeam(f))
}

func (s *server) createTeamMembers(c *fiber.Ctx) error {
	members := ticked(c, memberField)
	team, err := s.store.AddToTeam(c.UserContext(), actor(c), c.Params("id"), members)
	if problems(err) != nil {
		return s.teamMembers(c, err)
	}
	if err != nil {
		return err
	}
	return s.done(c, at(c).teams+"/"+team.PublicID, "Added to "+team.Name+".")
}

func (s *server) newTeamLeaving(c *fiber.Ctx) error {
	if err := may(c, portal.ManageTeams); err != nil {
		return err
	}
	return s.teamLeaving(c, nil)
}

func (s *server) teamLeaving(c *fiber.Ctx, problem error) error {
	l, err := s.store.TeamLeaving(c.UserContext(), actor(c), c.Params("id"), c.Params("member"))
	if err != nil {
		return err
	}
	if problem == nil {
		if err := l.MayLeave(); err != nil {
			return s.show(c, teamForm(c, "Remove"), views.StaysInTeam(at(c).teams, l, err.Error()))
		}
		return s.show(c, teamForm(c, "Remove"), views.RemoveFromTeam(at(c).teams, l, nil))
	}
	return s.refused(c, problem, teamForm(c, "Remove"), views.RemoveFromTeam(at(c).teams, l, problems(problem)))
}

func (s *server) createTeamLeaving(c *fiber.Ctx) error {
	l, err := s.store.RemoveFromTeam(c.UserContext(), actor(c), c.Params("id"), c.Params("member"))
	if problems(err) != nil {
		return s.teamLeaving(c, err)
	}
	if err != nil {
		return err
	}
	return s.done(c, at(c).teams+"/"+c.Params("id"), "Removed "+l.Member.Name()+" from "+l.Team.Name+".")
}

// teamChoices are the teams of the organization for a form, those of ids chosen;
// none where there is only the default one and so nothing to choose.
func (s *server) teamChoices(c *fiber.Ctx, ids []string) ([]views.TeamChoice, error) {
	teams, err := s.store.TeamNames(c.UserContext(), actor(c))
	if err != nil || len(teams) < 2 {
		return nil, err
	}
	var all []views.TeamChoice
	for _, t := range teams {
		all = append(all, views.TeamChoice{ID: t.PublicID, Name: t.Name, On: slices.Contains(ids, t.PublicID)})
	}
	return all, nil
}

// chosenTeams are the teams ticked in a form that offers them, the default one if
// none is; a form that offers none leaves teams alone.
func (s *server) chosenTeams(c *fiber.Ctx) ([]string, error) {
	ids := ticked(c, teamField)
	if text(c, views.TeamsOffered) == "" || len(ids) > 0 {
		return ids, nil
	}
	teams, err := s.store.TeamNames(c.UserContext(), actor(c))
	if err != nil || len(teams) == 0 {
		return nil, err
	}
	return []string{teams[0].PublicID}, nil
}

const allTeams = "/admin/teams"

func (s *server) listAllTeams(c *fiber.Ctx) error {
	list, err := s.store.AllTeams(c.UserContext(), actor(c), query(c), c.Query("after"))
	if err != nil {
		return err
	}
	return s.show(c, adminPage("teams", "Teams", consumers, ""), views.AllTeams(list, query(c), c.Query("after") == ""))
}

// newAnyTeam asks whose team it is to be.
func (s *server) newAnyTeam(c *fiber.Ctx) error {
	orgs, err := s.store.Orgs(c.UserContext(), actor(c), portal.OrgActive, query(c), c.Query("after"))
	if err != nil {
		return err
	}
	return s.show(c, adminPage("teams", "New team", consumers, "", "Teams", allTeams), views.NewAnyTeam(orgs, query(c), c.Query("after") == ""))
}

// anyTeam enters the organization of the team named in the address.
func (s *server) anyTeam(c *fiber.Ctx) error {
	org, err := s.store.TeamOrg(c.UserContext(), actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	v := at(c)
	by, o, err := s.store.Enter(c.UserContext(), v.actor, org, true)
	if err != nil {
		return err
	}
	if !o.State.Provisioned() {
		return portal.ErrNotFound
	}
	v.actor, v.org, v.base, v.teams = by, o, "/admin/organizations/"+o.PublicID, allTeams
	return c.Next()
}
