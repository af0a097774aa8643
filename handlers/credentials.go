package handlers

import (
	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"portico/portal"
	"portico/views"
)

func (s *server) newCredential(c *fiber.Ctx) error {
	a, err := s.usable(c)
	if err != nil {
		return err
	}
	return s.show(c, orgForm(c, "applications", "New credential"), views.NewCredential(at(c).base, a, views.KeyForm{}))
}

func (s *server) createCredential(c *fiber.Ctx) error {
	f := views.KeyForm{Label: text(c, "label"), Expires: text(c, "expires"), Once: text(c, "once") == "on"}
	made, key, err := s.store.CreateCredential(c.UserContext(), actor(c), c.Params("id"), portal.NewCredential{Label: f.Label, Expires: f.Expires, Once: f.Once})
	if f.Problems = problems(err); f.Problems != nil {
		a, appErr := s.store.Application(c.UserContext(), actor(c), c.Params("id"))
		if appErr != nil {
			return appErr
		}
		return s.refused(c, err, orgForm(c, "applications", "New credential"), views.NewCredential(at(c).base, a, f))
	}
	if err != nil {
		return err
	}
	if key != "" {
		return s.showOnce(c, made, key)
	}
	return s.done(c, s.appPath(c), "Created a credential. Press Reveal to see its value.")
}

// showOnce answers with the value of a key that is shown this once: in the
// dialog its row alone, otherwise the application's page.
func (s *server) showOnce(c *fiber.Ctx, made portal.Credential, key string) error {
	p, err := s.appPage(c)
	if err != nil {
		return err
	}
	p.Shown, p.Key = made.PublicID, key
	if mode(c) == views.Bare {
		return s.show(c, views.Page{}, views.OnceShown(p, made))
	}
	return s.show(c, orgPage(c, "applications", p.App.Name), views.ApplicationPage(p))
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

// graceForm is what was typed about the end of an old key.
func graceForm(c *fiber.Ctx) views.KeyForm {
	return views.KeyForm{Grace: text(c, "grace"), Date: text(c, "date")}
}

func (s *server) rotationForm(c *fiber.Ctx, f views.KeyForm, problem error) error {
	return s.oneKey(c, "Rotate", portal.UseApplications, problem,
		func(base string, a portal.Application, k portal.Credential, p portal.Problems) templ.Component {
			f.Problems = p
			return views.RotateCredential(base, a, k, f)
		})
}

func (s *server) newRotation(c *fiber.Ctx) error {
	return s.rotationForm(c, views.KeyForm{Grace: string(portal.GraceDay)}, nil)
}

func (s *server) createRotation(c *fiber.Ctx) error {
	f := graceForm(c)
	made, key, err := s.store.Rotate(c.UserContext(), actor(c), c.Params("id"), c.Params("key"), portal.Grace(f.Grace), f.Date)
	if problems(err) != nil {
		return s.rotationForm(c, f, err)
	}
	if err != nil {
		return err
	}
	if key != "" {
		return s.showOnce(c, made, key)
	}
	if portal.Grace(f.Grace) == portal.GraceNone {
		return s.done(c, s.appPath(c), "Rotated. The old key has stopped.")
	}
	return s.done(c, s.appPath(c), "Rotated. The old key works on until its time of grace is over.")
}

func (s *server) extensionForm(c *fiber.Ctx, f views.KeyForm, problem error) error {
	return s.oneKey(c, "Extend", portal.UseApplications, problem,
		func(base string, a portal.Application, k portal.Credential, p portal.Problems) templ.Component {
			f.Problems = p
			return views.ExtendCredential(base, a, k, f)
		})
}

func (s *server) newExtension(c *fiber.Ctx) error {
	return s.extensionForm(c, views.KeyForm{Grace: string(portal.GraceDay)}, nil)
}

func (s *server) createExtension(c *fiber.Ctx) error {
	f := graceForm(c)
	_, err := s.store.ExtendKey(c.UserContext(), actor(c), c.Params("id"), c.Params("key"), portal.Grace(f.Grace), f.Date)
	if problems(err) != nil {
		return s.extensionForm(c, f, err)
	}
	if err != nil {
		return err
	}
	return s.done(c, s.appPath(c), "Extended.")
}

func (s *server) createCut(c *fiber.Ctx) error {
	if _, err := s.store.CutKey(c.UserContext(), actor(c), c.Params("id"), c.Params("key")); err != nil {
		return err
	}
	return s.done(c, s.appPath(c), "Cut. The old key is refused from now on.")
}

func (s *server) showUsage(c *fiber.Ctx) error {
	ctx, by := c.UserContext(), actor(c)
	k, err := s.store.Credential(ctx, by, c.Params("id"), c.Params("key"))
	if err != nil {
		return err
	}
	a, err := s.store.Application(ctx, by, c.Params("id"))
	if err != nil {
		return err
	}
	days, err := s.store.Usage(ctx, by, a.PublicID, k.PublicID)
	if err != nil {
		return err
	}
	return s.show(c, orgForm(c, "applications", "Requests"), views.Usage(at(c).base, a, k, days))
}

func (s *server) showSnippets(c *fiber.Ctx) error {
	k, err := s.store.Credential(c.UserContext(), actor(c), c.Params("id"), c.Params("key"))
	if err != nil {
		return err
	}
	return s.snippets(c, k, portal.Masked(k.Hint), true)
}

func (s *server) revealSnippets(c *fiber.Ctx) error {
	k, key, err := s.store.Reveal(c.UserContext(), actor(c), c.Params("id"), c.Params("key"))
	if err != nil {
		return err
	}
	return s.snippets(c, k, key, false)
}

func (s *server) snippets(c *fiber.Ctx, k portal.Credential, key string, masked bool) error {
	p, err := s.appPage(c)
	if err != nil {
		return err
	}
	return s.show(c, orgForm(c, "applications", "Code"), views.Snippets(p, k, key, masked))
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
