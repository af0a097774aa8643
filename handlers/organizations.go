package handlers

import (
	"github.com/gofiber/fiber/v2"

	"portico/portal"
	"portico/views"
)

// recentActivity is how many entries the overview shows.
const recentActivity = 5

func (s *server) overview(c *fiber.Ctx) error {
	v, ctx := at(c), c.UserContext()
	p := views.OverviewProps{Base: v.base, Org: v.org, Role: v.actor.Role, MayManage: v.actor.May(portal.ManageMembers), Now: s.store.Now()}
	var err error
	if p.Members, err = s.store.MemberCount(ctx, v.actor); err != nil {
		return err
	}
	if p.Applications, err = s.store.ApplicationCount(ctx, v.actor); err != nil {
		return err
	}
	if p.MayManage {
		open, err := s.store.Invitations(ctx, v.actor)
		if err != nil {
			return err
		}
		p.Invitations = len(open)
	}
	if v.org.State == portal.OrgActive {
		if p.Checklist, err = s.store.Checklist(ctx, v.actor); err != nil {
			return err
		}
	}
	p.Viewer = v.viewer.User
	smtp, err := s.store.MailConfig(ctx)
	if err != nil {
		return err
	}
	p.MailOn = smtp.On()
	recent, err := s.store.Activity(ctx, v.actor, portal.AuditFilter{}, "")
	if err != nil {
		return err
	}
	p.Recent = recent.Items[:min(recentActivity, len(recent.Items))]
	return s.show(c, orgPage(c, "overview", "Dashboard"), views.Overview(p))
}

func (s *server) dismissChecklist(c *fiber.Ctx) error {
	if err := s.store.DismissChecklist(c.UserContext(), actor(c)); err != nil {
		return err
	}
	return s.done(c, at(c).base, "The checklist is put away.")
}

func (s *server) orgSettings(c *fiber.Ctx) (views.OrgSettingsProps, error) {
	v := at(c)
	p := views.OrgSettingsProps{Base: v.base, Org: v.org, Name: v.org.Name,
		MayRename: v.actor.May(portal.RenameOrg) && v.org.State == portal.OrgActive, MayRequire: v.actor.May(portal.RequireFactor) && v.org.State == portal.OrgActive}
	if !p.MayRename {
		return p, nil
	}
	var err error
	if p.Invites, err = s.store.InviteDefaults(c.UserContext(), v.actor); err != nil {
		return p, err
	}
	p.Teams, err = s.store.TeamNames(c.UserContext(), v.actor)
	return p, err
}

func (s *server) editOrg(c *fiber.Ctx) error {
	p, err := s.orgSettings(c)
	if err != nil {
		return err
	}
	return s.show(c, orgPage(c, "settings", "Settings"), views.OrgSettings(p))
}

func (s *server) updateOrg(c *fiber.Ctx) error {
	name := text(c, "name")
	err := s.store.RenameOrg(c.UserContext(), actor(c), name)
	if pr := problems(err); pr != nil {
		p, pageErr := s.orgSettings(c)
		if pageErr != nil {
			return pageErr
		}
		p.Name, p.Problems = name, pr
		return s.refused(c, err, orgPage(c, "settings", "Settings"), views.OrgSettings(p))
	}
	if err != nil {
		return err
	}
	return s.done(c, at(c).base+"/settings", "Saved.")
}

func (s *server) updateInviteDefaults(c *fiber.Ctx) error {
	d := portal.InviteDefaults{Role: portal.Role(text(c, "role")), Team: text(c, "team")}
	err := s.store.SetInviteDefaults(c.UserContext(), actor(c), d)
	if pr := problems(err); pr != nil {
		p, pageErr := s.orgSettings(c)
		if pageErr != nil {
			return pageErr
		}
		p.Invites, p.InviteProblems = d, pr
		return s.refused(c, err, orgPage(c, "settings", "Settings"), views.OrgSettings(p))
	}
	if err != nil {
		return err
	}
	return s.done(c, at(c).base+"/settings", "Saved.")
}

func (s *server) newDeparture(c *fiber.Ctx) error { return s.departureAgain(c, nil) }

func (s *server) departureAgain(c *fiber.Ctx, problem error) error {
	v := at(c)
	seen, err := s.store.SeenBy(c.UserContext(), v.actor, v.viewer.PublicID)
	if err != nil {
		return err
	}
	heirs, err := s.store.Heirs(c.UserContext(), v.actor)
	if err != nil {
		return err
	}
	body := views.LeaveOrg(v.base, v.org.Name, seen, heirs, text(c, "heir"), problems(problem))
	if problem != nil {
		return s.refused(c, problem, orgForm(c, "settings", "Leave"), body)
	}
	return s.show(c, orgForm(c, "settings", "Leave"), body)
}

func (s *server) createDeparture(c *fiber.Ctx) error {
	org, err := s.store.LeaveOrg(c.UserContext(), actor(c), text(c, "heir"))
	if problems(err) != nil {
		return s.departureAgain(c, err)
	}
	if err != nil {
		return err
	}
	return s.done(c, "/", "You have left "+org.Name+".")
}
