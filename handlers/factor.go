package handlers

import (
	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"portico/portal"
	"portico/views"
)

// oweCode is the browser that has given a password and owes the code.
func (s *server) oweCode(c *fiber.Ctx) (portal.User, error) {
	if session := s.session(c); !session.IsNew {
		return s.store.HalfSignedIn(c.UserContext(), hashID(session.ID))
	}
	return portal.User{}, portal.ErrNotFound
}

func (s *server) newCode(c *fiber.Ctx) error {
	next := safeNext(c.Query("next"))
	if at(c).viewer != nil {
		return c.Redirect(next, fiber.StatusSeeOther)
	}
	return s.codeForm(c, next, nil)
}

// codeForm asks for the code, or for the password again when that took too long.
func (s *server) codeForm(c *fiber.Ctx, next string, problem error) error {
	u, err := s.oweCode(c)
	if portal.IsCode(err, portal.NotFound) {
		return s.loginFor(c, next)
	}
	if err != nil {
		return err
	}
	body := views.LoginCode(u.Email, next, problems(problem))
	if problem != nil {
		return s.refused(c, problem, publicForm("login", "Sign in"), body)
	}
	return s.show(c, publicForm("login", "Sign in"), body)
}

func (s *server) createCode(c *fiber.Ctx) error {
	next := safeNext(text(c, "next"))
	id, session := s.freshSession(c)
	err := s.store.SignInByCode(c.UserContext(), text(c, "code"), session)
	if problems(err) != nil || portal.IsCode(err, portal.NotFound) {
		return s.codeForm(c, next, err)
	}
	if err != nil {
		return err
	}
	if err := s.enter(c, id); err != nil {
		return err
	}
	return s.leave(c, next, "")
}

const factorPath = "/profile/two-factor"

func factorPage() views.Page { return narrow("Two-factor sign-in") }

func (s *server) showFactor(c *fiber.Ctx) error { return s.factorAgain(c, nil) }

func (s *server) factorAgain(c *fiber.Ctx, problem error) error {
	ctx, v := c.UserContext(), at(c)
	p := views.FactorProps{Stale: s.stale(c), Problems: problems(problem)}
	var err error
	if p.Factor, err = s.store.Factor(ctx, v.actor); err != nil {
		return err
	}
	if v.set.AdminsFactor && v.actor.IsAdmin() {
		p.Required = append(p.Required, portal.ThePortal+", of its portal admins")
	}
	memberships, err := s.store.Memberships(ctx, v.actor)
	if err != nil {
		return err
	}
	for _, m := range memberships {
		if m.Org.RequireFactor {
			p.Required = append(p.Required, m.Org.Name)
		}
	}
	if problem != nil {
		return s.refused(c, problem, factorPage(), views.FactorPage(p))
	}
	return s.show(c, factorPage(), views.FactorPage(p))
}

func (s *server) startFactor(c *fiber.Ctx) error {
	err := s.reprove(c)
	if err == nil {
		err = s.store.StartFactor(c.UserContext(), actor(c))
	}
	if problems(err) != nil {
		return s.factorAgain(c, err)
	}
	if err != nil {
		return err
	}
	return s.done(c, factorPath+"/setup", "")
}

func (s *server) newFactor(c *fiber.Ctx) error { return s.setupAgain(c, nil) }

func (s *server) setupAgain(c *fiber.Ctx, problem error) error {
	setup, err := s.store.FactorSetup(c.UserContext(), actor(c), "Portico "+s.Base.Hostname())
	if portal.IsCode(err, portal.NotFound) {
		return c.Redirect(factorPath, fiber.StatusSeeOther)
	}
	if err != nil {
		return err
	}
	body := views.FactorSetup(setup, s.stale(c), problems(problem))
	if problem != nil {
		return s.refused(c, problem, narrow("Set up two-factor sign-in"), body)
	}
	return s.show(c, narrow("Set up two-factor sign-in"), body)
}

func (s *server) createFactor(c *fiber.Ctx) error {
	err := s.reprove(c)
	var codes []string
	if err == nil {
		codes, err = s.store.EnableFactor(c.UserContext(), actor(c), text(c, "code"))
	}
	if problems(err) != nil {
		return s.setupAgain(c, err)
	}
	if err != nil {
		return err
	}
	return s.show(c, narrow("Recovery codes"), views.RecoveryCodes(codes, true))
}

// leaveCodes leads who loads the address of an answer with codes again to where
// they are not shown.
func (s *server) leaveCodes(c *fiber.Ctx) error { return c.Redirect(factorPath, fiber.StatusSeeOther) }

// ownFactorForm shows a form about the visitor's second factor, which is on.
func (s *server) ownFactorForm(c *fiber.Ctx, title string, problem error, form func(stale bool, p portal.Problems) templ.Component) error {
	if f, err := s.store.Factor(c.UserContext(), actor(c)); err != nil {
		return err
	} else if !f.On {
		return portal.ErrNotFound
	}
	body := form(s.stale(c), problems(problem))
	if problem != nil {
		return s.refused(c, problem, narrow(title), body)
	}
	return s.show(c, narrow(title), body)
}

func (s *server) newCodes(c *fiber.Ctx) error {
	return s.ownFactorForm(c, "New recovery codes", nil, views.NewRecoveryCodes)
}

func (s *server) createCodes(c *fiber.Ctx) error {
	err := s.reprove(c)
	var codes []string
	if err == nil {
		codes, err = s.store.NewRecoveryCodes(c.UserContext(), actor(c))
	}
	if problems(err) != nil {
		return s.ownFactorForm(c, "New recovery codes", err, views.NewRecoveryCodes)
	}
	if err != nil {
		return err
	}
	return s.show(c, narrow("Recovery codes"), views.RecoveryCodes(codes, false))
}

func (s *server) newFactorRemoval(c *fiber.Ctx) error {
	return s.ownFactorForm(c, "Turn off two-factor sign-in", nil, views.RemoveFactor)
}

func (s *server) createFactorRemoval(c *fiber.Ctx) error {
	err := s.reprove(c)
	if err == nil {
		err = s.store.DisableFactor(c.UserContext(), actor(c))
	}
	if problems(err) != nil {
		return s.ownFactorForm(c, "Turn off two-factor sign-in", err, views.RemoveFactor)
	}
	if err != nil {
		return err
	}
	return s.done(c, "/profile", "Two-factor sign-in is off.")
}

// rescueForm asks before the second factor is taken off somebody else.
func (s *server) rescueForm(c *fiber.Ctx, problem error) error {
	return s.accountForm(c, "Take two-factor off", problem, func(p portal.Parting, stale bool, pr portal.Problems) templ.Component {
		return views.RescueUser(p.User, stale, pr)
	})
}

func (s *server) newRescue(c *fiber.Ctx) error { return s.rescueForm(c, nil) }

func (s *server) createRescue(c *fiber.Ctx) error {
	err := s.reprove(c)
	var u portal.User
	if err == nil {
		u, err = s.store.RemoveFactor(c.UserContext(), actor(c), c.Params("id"))
	}
	if problems(err) != nil {
		return s.rescueForm(c, err)
	}
	if err != nil {
		return err
	}
	return s.doneMail(c, accountPath(u), "Two-factor sign-in is off for "+u.Name()+". They are told by mail.", "Two-factor sign-in is off for "+u.Name()+".")
}

func (s *server) updateAdminsFactor(c *fiber.Ctx) error {
	if err := s.store.SetAdminsFactor(c.UserContext(), actor(c), text(c, "two_factor") == "on"); err != nil {
		return err
	}
	return s.done(c, "/admin/settings/general", "Saved.")
}

func (s *server) updateOrgFactor(c *fiber.Ctx) error {
	if err := s.store.SetOrgFactor(c.UserContext(), actor(c), text(c, "two_factor") == "on"); err != nil {
		return err
	}
	return s.done(c, at(c).base+"/settings", "Saved.")
}
