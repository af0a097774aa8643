package handlers

import (
	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"portico/portal"
	"portico/views"
)

func (s *server) newCredential(c *fiber.Ctx) error {
	if err := may(c, portal.UseApplications); err != nil {
		return err
	}
	a, err := s.store.Application(c.UserContext(), actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	return s.show(c, orgForm(c, "applications", "New credential"), views.NewCredential(at(c).base, a, "", nil))
}

func (s *server) createCredential(c *fiber.Ctx) error {
	label := text(c, "label")
	_, err := s.store.CreateCredential(c.UserContext(), actor(c), c.Params("id"), label)
	if p := problems(err); p != nil {
		a, appErr := s.store.Application(c.UserContext(), actor(c), c.Params("id"))
		if appErr != nil {
			return appErr
		}
		return s.refused(c, err, orgForm(c, "applications", "New credential"), views.NewCredential(at(c).base, a, label, p))
	}
	if err != nil {
		return err
	}
	return s.done(c, s.appPath(c), "Created a credential. Press Reveal to see its value.")
}

func (s *server) appPath(c *fiber.Ctx) string { return at(c).base + "/applications/" + c.Params("id") }

// createReveal answers with the value, in its row or on the whole page. No other
// answer of Portico holds one.
func (s *server) createReveal(c *fiber.Ctx) error {
	shown, key, err := s.store.Reveal(c.UserContext(), actor(c), c.Params("id"), c.Params("key"))
	if err != nil {
		return err
	}
	p, err := s.appPage(c)
	if err != nil {
		return err
	}
	p.Shown, p.Key = shown.PublicID, key
	if mode(c) == views.Bare {
		return s.show(c, views.Page{}, views.CredentialRow(p, shown))
	}
	return s.show(c, orgPage(c, "applications", p.App.Name), views.ApplicationPage(p))
}

// leaveReveal leads who loads the address of an answer with a value again back to
// the application, where the value is hidden.
func (s *server) leaveReveal(c *fiber.Ctx) error {
	return c.Redirect(s.appPath(c), fiber.StatusSeeOther)
}

// oneKey shows a form about one credential of an application.
func (s *server) oneKey(c *fiber.Ctx, title string, action portal.Action, problem error,
	form func(base string, a portal.Application, k portal.Credential, p portal.Problems) templ.Component) error {
	if err := may(c, action); err != nil {
		return err
	}
	ctx, by := c.UserContext(), actor(c)
	a, err := s.store.Application(ctx, by, c.Params("id"))
	if err != nil {
		return err
	}
	k, err := s.store.Credential(ctx, by, c.Params("id"), c.Params("key"))
	if err != nil {
		return err
	}
	body := form(at(c).base, a, k, problems(problem))
	if problem != nil {
		return s.refused(c, problem, orgForm(c, "applications", title), body)
	}
	return s.show(c, orgForm(c, "applications", title), body)
}

func (s *server) rotationForm(c *fiber.Ctx, grace string, problem error) error {
	return s.oneKey(c, "Rotate", portal.UseApplications, problem,
		func(base string, a portal.Application, k portal.Credential, p portal.Problems) templ.Component {
			return views.RotateCredential(base, a, k, grace, p)
		})
}

func (s *server) newRotation(c *fiber.Ctx) error {
	return s.rotationForm(c, string(portal.GraceDay), nil)
}

func (s *server) createRotation(c *fiber.Ctx) error {
	grace := portal.Grace(text(c, "grace"))
	_, err := s.store.Rotate(c.UserContext(), actor(c), c.Params("id"), c.Params("key"), grace)
	if problems(err) != nil {
		return s.rotationForm(c, string(grace), err)
	}
	if err != nil {
		return err
	}
	if grace == portal.GraceNone {
		return s.done(c, s.appPath(c), "Rotated. The old key has stopped.")
	}
	return s.done(c, s.appPath(c), "Rotated. The old key works for 24 hours more.")
}

func (s *server) newRevocation(c *fiber.Ctx) error {
	return s.oneKey(c, "Revoke", portal.RevokeCredential, nil, views.RevokeCredential)
}

func (s *server) createRevocation(c *fiber.Ctx) error {
	_, err := s.store.RevokeCredential(c.UserContext(), actor(c), c.Params("id"), c.Params("key"))
	if problems(err) != nil {
		return s.oneKey(c, "Revoke", portal.RevokeCredential, err, views.RevokeCredential)
	}
	if err != nil {
		return err
	}
	return s.done(c, s.appPath(c), "Revoked. The key is refused from now on.")
}
