package handlers

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"portico/portal"
	"portico/views"
)

// mayUse reports whether the visitor may change applications here.
func mayUse(c *fiber.Ctx) bool {
	v := at(c)
	return v.actor.May(portal.UseApplications) && (v.actor.Personal || v.org.State == portal.OrgActive)
}

func (s *server) listApplications(c *fiber.Ctx) error {
	v, ctx := at(c), c.UserContext()
	if err := mayLook(c); err != nil {
		return err
	}
	p := views.ApplicationsProps{Base: v.base, Own: v.actor.Personal, MayCreate: mayUse(c), Query: query(c), First: c.Query("after") == "", Now: s.store.Now()}
	var err error
	if p.List, err = s.store.Applications(ctx, v.actor, p.Query, c.Query("after")); err != nil {
		return err
	}
	if v.actor.May(portal.ManageMembers) {
		if p.Exposed, err = s.store.Exposed(ctx, v.actor); err != nil {
			return err
		}
	}
	return s.show(c, orgPage(c, "applications", "Applications"), views.Applications(p))
}

// mayLook tells people whose account is not ready what is missing for
// applications of their own.
func mayLook(c *fiber.Ctx) error {
	if at(c).actor.Personal {
		return may(c, portal.SeeApplications)
	}
	return nil
}

// appForm is the form of an application, as it was typed.
func (s *server) appForm(c *fiber.Ctx, in portal.NewApplication, p portal.Problems) (views.AppForm, error) {
	v := at(c)
	version, _ := strconv.ParseInt(text(c, "version"), 10, 64) // one that is not a number is of no version
	f := views.AppForm{Base: v.base, ID: c.Params("id"), Own: v.actor.Personal, Version: version, In: in, Problems: p}
	if f.Own {
		return f, nil
	}
	teams, err := s.store.TeamNames(c.UserContext(), v.actor)
	for _, t := range teams {
		f.Teams = append(f.Teams, views.TeamChoice{ID: t.PublicID, Name: t.Name, On: slices.Contains(in.Teams, t.PublicID)})
	}
	return f, err
}

func (s *server) newApplication(c *fiber.Ctx) error {
	if err := may(c, portal.UseApplications); err != nil {
		return err
	}
	f, err := s.appForm(c, portal.NewApplication{Visibility: portal.VisibleOrganization}, nil)
	if err != nil {
		return err
	}
	return s.show(c, orgForm(c, "applications", "New application"), views.NewApplication(f))
}

const teamField = "team-"

func typedApp(c *fiber.Ctx) portal.NewApplication {
	n := portal.NewApplication{Name: text(c, "name"), Description: text(c, "description"), Visibility: portal.Visibility(text(c, "visibility"))}
	n.Teams = ticked(c, teamField)
	return n
}

// ticked are the ids of the boxes ticked whose fields begin with prefix, in order.
func ticked(c *fiber.Ctx, prefix string) []string {
	var ids []string
	for name, value := range at(c).form {
		if id, ok := strings.CutPrefix(name, prefix); ok && value == "on" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (s *server) createApplication(c *fiber.Ctx) error {
	in := typedApp(c)
	a, err := s.store.CreateApplication(c.UserContext(), actor(c), in)
	if p := problems(err); p != nil {
		f, formErr := s.appForm(c, in, p)
		if formErr != nil {
			return formErr
		}
		return s.refused(c, err, orgForm(c, "applications", "New application"), views.NewApplication(f))
	}
	if err != nil {
		return err
	}
	return s.done(c, at(c).base+"/applications/"+a.PublicID, "Created "+a.Name+".")
}

func (s *server) appPage(c *fiber.Ctx) (views.ApplicationProps, error) {
	v, ctx := at(c), c.UserContext()
	p := views.ApplicationProps{Base: v.base, Portal: s.base, Now: s.store.Now()}
	if err := mayLook(c); err != nil {
		return p, err
	}
	var err error
	if p.App, err = s.store.Application(ctx, v.actor, c.Params("id")); err != nil {
		return p, err
	}
	keys := p.App.KeysFor(v.actor)
	p.MayUse = mayUse(c) && keys
	p.MaySeeKeys = keys || v.actor.IsAdmin()
	p.MayRevoke = p.MaySeeKeys && v.actor.May(portal.RevokeCredential) && (v.actor.Personal || v.actor.Oversees || v.org.State == portal.OrgActive)
	if !p.MaySeeKeys {
		return p, nil
	}
	if v.actor.Personal {
		memberships, err := s.store.Memberships(ctx, v.actor)
		if err != nil {
			return p, err
		}
		p.MayMove = p.MayUse && len(memberships) > 0
	}
	if p.Credentials, err = s.store.Credentials(ctx, v.actor, c.Params("id")); err != nil || len(p.Credentials) == 0 {
		return p, err
	}
	p.Usage, err = s.store.Usage(ctx, v.actor, c.Params("id"), "")
	return p, err
}

func (s *server) showApplication(c *fiber.Ctx) error {
	p, err := s.appPage(c)
	if err != nil {
		return err
	}
	return s.show(c, orgPage(c, "applications", p.App.Name), views.ApplicationPage(p))
}

func (s *server) editApplication(c *fiber.Ctx) error {
	if err := may(c, portal.UseApplications); err != nil {
		return err
	}
	a, err := s.store.Application(c.UserContext(), actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	if !a.KeysFor(actor(c)) {
		return portal.ErrPersonal
	}
	f, err := s.appForm(c, portal.NewApplication{Name: a.Name, Description: a.Description}, nil)
	if err != nil {
		return err
	}
	f.Version = a.Version
	return s.show(c, orgForm(c, "applications", "Edit application"), views.EditApplication(f))
}

func (s *server) updateApplication(c *fiber.Ctx) error {
	in := typedApp(c)
	f, err := s.appForm(c, in, nil)
	if err != nil {
		return err
	}
	err = s.store.EditApplication(c.UserContext(), actor(c), c.Params("id"), f.Version, in)
	if f.Problems = problems(err); f.Problems != nil {
		return s.refused(c, err, orgForm(c, "applications", "Edit application"), views.EditApplication(f))
	}
	if err != nil {
		return err
	}
	return s.done(c, s.appPath(c), "Saved.")
}

func (s *server) newDeletion(c *fiber.Ctx) error {
	if err := may(c, portal.UseApplications); err != nil {
		return err
	}
	a, err := s.store.Application(c.UserContext(), actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	return s.show(c, orgForm(c, "applications", "Delete application"), views.DeleteApplication(at(c).base, a, nil))
}

func (s *server) deleteApplication(c *fiber.Ctx) error {
	a, err := s.store.DeleteApplication(c.UserContext(), actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	return s.done(c, at(c).base+"/applications", "Deleted "+a.Name+".")
}
