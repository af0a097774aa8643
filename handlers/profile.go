package handlers

import (
	"github.com/gofiber/fiber/v2"

	"portico/views"
)

// profilePage is a person's own page, filled from what is stored.
func (s *server) profilePage(c *fiber.Ctx) (views.ProfileProps, error) {
	ctx, v := c.UserContext(), at(c)
	u := v.viewer.User
	p := views.ProfileProps{Viewer: u, First: u.First, Last: u.Last, MinPassword: v.set.MinPassword, Stale: s.stale(c), Now: s.store.Now()}
	smtp, err := s.store.MailConfig(ctx)
	if err != nil {
		return p, err
	}
	p.MailOn = smtp.On()
	if p.NewEmail, err = s.store.NewEmail(ctx, v.actor); err != nil {
		return p, err
	}
	if p.Factor, err = s.store.Factor(ctx, v.actor); err != nil {
		return p, err
	}
	p.Sessions, err = s.store.Sessions(ctx, v.actor, v.session)
	return p, err
}

// profileAgain shows the page once more, with what was refused.
func (s *server) profileAgain(c *fiber.Ctx, problem error, fill func(p *views.ProfileProps)) error {
	page, err := s.profilePage(c)
	if err != nil {
		return err
	}
	fill(&page)
	return s.refused(c, problem, views.Page{Title: "Profile"}, views.Profile(page))
}

func (s *server) editProfile(c *fiber.Ctx) error {
	page, err := s.profilePage(c)
	if err != nil {
		return err
	}
	return s.show(c, views.Page{Title: "Profile"}, views.Profile(page))
}

func (s *server) updateProfile(c *fiber.Ctx) error {
	first, last := text(c, "first_name"), text(c, "last_name")
	err := s.store.SaveProfile(c.UserContext(), actor(c), first, last)
	if pr := problems(err); pr != nil {
		return s.profileAgain(c, err, func(p *views.ProfileProps) { p.First, p.Last, p.Problems = first, last, pr })
	}
	if err != nil {
		return err
	}
	return s.done(c, "/profile", "Saved.")
}

func (s *server) updatePassword(c *fiber.Ctx) error {
	id, session := s.freshSession(c)
	err := s.store.ChangePassword(c.UserContext(), actor(c), text(c, "current_password"), text(c, "password"), session)
	if pr := problems(err); pr != nil {
		return s.profileAgain(c, err, func(p *views.ProfileProps) { p.PasswordProblems = pr })
	}
	if err != nil {
		return err
	}
	if err := s.enter(c, id); err != nil {
		return err
	}
	return s.leave(c, "/profile", "Your password is changed. Other devices are signed out.")
}

func (s *server) askForEmail(c *fiber.Ctx) error {
	email := text(c, "email")
	err := s.reprove(c)
	if err == nil {
		err = s.store.AskForEmail(c.UserContext(), actor(c), email)
	}
	if pr := problems(err); pr != nil {
		return s.profileAgain(c, err, func(p *views.ProfileProps) { p.Email, p.EmailProblems = email, pr })
	}
	if err != nil {
		return err
	}
	return s.doneMail(c, "/profile", "Look into the mail of "+email+" and follow the link in it.", "The mail to "+email+" is kept for the portal admins.")
}

func (s *server) keepEmail(c *fiber.Ctx) error {
	if err := s.store.KeepEmail(c.UserContext(), actor(c)); err != nil {
		return err
	}
	return s.done(c, "/profile", "Your address stays as it is.")
}

func (s *server) showEmailChange(c *fiber.Ctx) error {
	token := c.Params("token")
	change, err := s.store.EmailChangeOf(c.UserContext(), token)
	if err != nil {
		return err
	}
	return s.show(c, narrow("Confirm your new address"), views.ConfirmEmail(token, change))
}

func (s *server) createEmailChange(c *fiber.Ctx) error {
	change, err := s.store.ChangeEmail(c.UserContext(), at(c).ip, c.Params("token"), at(c).session)
	if err != nil {
		return err
	}
	notice := "The address is " + change.New + " now."
	if at(c).viewer == nil {
		return s.leave(c, "/login", notice+" Sign in with it.")
	}
	return s.leave(c, "/profile", notice)
}

func (s *server) endDevice(c *fiber.Ctx) error {
	device, err := s.store.EndSession(c.UserContext(), actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	return s.done(c, "/profile", "Signed out "+device+".")
}

func (s *server) endOtherDevices(c *fiber.Ctx) error {
	if err := s.store.EndOtherSessions(c.UserContext(), actor(c), at(c).session); err != nil {
		return err
	}
	return s.done(c, "/profile", "All other devices are signed out.")
}
