package handlers

import (
	"strconv"

	"github.com/gofiber/fiber/v2"

	"portico/portal"
	"portico/views"
)

// mayUse reports whether the visitor may change applications here.
func mayUse(c *fiber.Ctx) bool {
	v := at(c)
	return v.actor.May(portal.UseApplications) && v.org.State == portal.OrgActive
}

func (s *server) listApplications(c *fiber.Ctx) error {
	v := at(c)
	list, err := s.store.Applications(c.UserContext(), v.actor, c.Query("after"))
	if err != nil {
		return err
	}
	return s.show(c, orgPage(c, "applications", "Applications"), views.Applications(v.base, list, mayUse(c), c.Query("after") == "", s.store.Now()))
}

func appForm(c *fiber.Ctx, in portal.NewApplication, p portal.Problems) views.AppForm {
	version, _ := strconv.ParseInt(text(c, "version"), 10, 64) // one that is not a number is of no version
	return views.AppForm{Base: at(c).base, ID: c.Params("id"), Version: version, In: in, Problems: p}
}

func (s *server) newApplication(c *fiber.Ctx) error {
	if err := may(c, portal.UseApplications); err != nil {
		return err
	}
	return s.show(c, orgForm(c, "applications", "New application"), views.NewApplication(appForm(c, portal.NewApplication{}, nil)))
}

func typedApp(c *fiber.Ctx) portal.NewApplication {
	return portal.NewApplication{Name: text(c, "name"), Description: text(c, "description")}
}

func (s *server) createApplication(c *fiber.Ctx) error {
	in := typedApp(c)
	a, err := s.store.CreateApplication(c.UserContext(), actor(c), in)
	if p := problems(err); p != nil {
		return s.refused(c, err, orgForm(c, "applications", "New application"), views.NewApplication(appForm(c, in, p)))
	}
	if err != nil {
		return err
	}
	return s.done(c, at(c).base+"/applications/"+a.PublicID, "Created "+a.Name+".")
}

func (s *server) appPage(c *fiber.Ctx) (views.ApplicationProps, error) {
	v, ctx := at(c), c.UserContext()
	p := views.ApplicationProps{Base: v.base, MayUse: mayUse(c), Now: s.store.Now(),
		MayRevoke: v.actor.May(portal.RevokeCredential) && v.org.State == portal.OrgActive}
	var err error
	if p.App, err = s.store.Application(ctx, v.actor, c.Params("id")); err != nil {
		return p, err
	}
	p.Credentials, err = s.store.Credentials(ctx, v.actor, c.Params("id"))
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
	f := appForm(c, portal.NewApplication{Name: a.Name, Description: a.Description}, nil)
	f.Version = a.Version
	return s.show(c, orgForm(c, "applications", "Edit application"), views.EditApplication(f))
}

func (s *server) updateApplication(c *fiber.Ctx) error {
	in := typedApp(c)
	f := appForm(c, in, nil)
	err := s.store.EditApplication(c.UserContext(), actor(c), c.Params("id"), f.Version, in)
	if f.Problems = problems(err); f.Problems != nil {
		return s.refused(c, err, orgForm(c, "applications", "Edit application"), views.EditApplication(f))
	}
	if err != nil {
		return err
	}
	return s.done(c, at(c).base+"/applications/"+c.Params("id"), "Saved.")
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
