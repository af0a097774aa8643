package handlers

import (
	"slices"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"portico/portal"
	"portico/views"
)

func (s *server) listAccounts(c *fiber.Ctx) error {
	ctx, by := c.UserContext(), actor(c)
	state := c.Query("state", string(portal.UserActive))
	p := views.AdminUsersProps{Query: query(c), First: c.Query("after") == "", Now: s.store.Now()}
	var err error
	if p.Counts, err = s.store.UserCounts(ctx, by); err != nil {
		return err
	}
	if p.AdminCount, err = s.store.AdminCount(ctx, by); err != nil {
		return err
	}
	if p.Admins = state == views.AdminsTab; p.Admins {
		p.List, err = s.store.Admins(ctx, by, p.Query, c.Query("after"))
	} else if p.State = portal.UserState(state); slices.Contains(portal.UserStates, p.State) {
		p.List, err = s.store.Users(ctx, by, p.State, p.Query, c.Query("after"))
	} else {
		err = portal.ErrNotFound
	}
	if err != nil {
		return err
	}
	return s.show(c, adminPage("users", "Users", consumers, ""), views.AdminUsers(p))
}

func accountPath(u portal.User) string { return "/admin/users/" + u.PublicID }

func (s *server) showAccount(c *fiber.Ctx) error {
	ctx, by := c.UserContext(), actor(c)
	u, err := s.store.User(ctx, by, c.Params("id"))
	if err != nil {
		return err
	}
	p := views.AdminUserProps{User: u, You: u.ID == by.UserID, First: c.Query("after") == "", Now: s.store.Now()}
	if p.Memberships, err = s.store.UserMemberships(ctx, by, u); err != nil {
		return err
	}
	if p.Factor, err = s.store.UserFactor(ctx, by, u); err != nil {
		return err
	}
	if p.Sessions, err = s.store.UserSessions(ctx, by, u); err != nil {
		return err
	}
	if p.Activity, err = s.store.UserActivity(ctx, by, u, c.Query("after")); err != nil {
		return err
	}
	return s.show(c, adminPage("users", u.Name(), "Users", "/admin/users?state="+string(u.State)), views.AdminUser(p))
}

func (s *server) createAccountApproval(c *fiber.Ctx) error {
	u, err := s.store.ApproveUser(c.UserContext(), actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	return s.doneMail(c, "/admin/users?state=waiting", "Approved "+u.Name()+". They are told by mail.", "Approved "+u.Name()+".")
}

// accountForm shows a form about what would happen to an account.
func (s *server) accountForm(c *fiber.Ctx, title string, problem error, form func(p portal.Parting, stale bool, pr portal.Problems) templ.Component) error {
	p, err := s.store.Parting(c.UserContext(), actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	page := adminForm("users", title, "Users", "/admin/users?state="+string(p.State), p.Name(), accountPath(p.User))
	body := form(p, s.stale(c), problems(problem))
	if problem != nil {
		return s.refused(c, problem, page, body)
	}
	return s.show(c, page, body)
}

func (s *server) refusalForm(c *fiber.Ctx, problem error) error {
	return s.accountForm(c, "Refuse", problem, func(p portal.Parting, _ bool, pr portal.Problems) templ.Component {
		return views.RefuseUser(p.User, pr)
	})
}

func (s *server) newAccountRefusal(c *fiber.Ctx) error { return s.refusalForm(c, nil) }

func (s *server) createAccountRefusal(c *fiber.Ctx) error {
	u, err := s.store.RefuseUser(c.UserContext(), actor(c), c.Params("id"))
	if problems(err) != nil {
		return s.refusalForm(c, err)
	}
	if err != nil {
		return err
	}
	return s.done(c, "/admin/users?state=waiting", "Refused "+u.Name()+".")
}

func (s *server) deactivationForm(c *fiber.Ctx, problem error) error {
	return s.accountForm(c, "Deactivate", problem, func(p portal.Parting, _ bool, pr portal.Problems) templ.Component {
		return views.DeactivateUser(p, pr)
	})
}

func (s *server) newDeactivation(c *fiber.Ctx) error { return s.deactivationForm(c, nil) }

func (s *server) createDeactivation(c *fiber.Ctx) error {
	u, err := s.store.DeactivateUser(c.UserContext(), actor(c), c.Params("id"))
	if problems(err) != nil {
		return s.deactivationForm(c, err)
	}
	if err != nil {
		return err
	}
	return s.done(c, accountPath(u), "Deactivated "+u.Name()+".")
}

func (s *server) createActivation(c *fiber.Ctx) error {
	u, err := s.store.ActivateUser(c.UserContext(), actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	return s.done(c, accountPath(u), "Activated "+u.Name()+".")
}

func (s *server) createAccountReset(c *fiber.Ctx) error {
	u, err := s.store.SendReset(c.UserContext(), actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	return s.doneMail(c, accountPath(u), "A link to set a new password is on its way to "+u.Email+".", "The mail to "+u.Email+" is kept under Emails.")
}

func (s *server) newPromotion(c *fiber.Ctx) error { return s.promotionForm(c, true, nil) }

func (s *server) createPromotion(c *fiber.Ctx) error { return s.setAdmin(c, true) }

func (s *server) newDemotion(c *fiber.Ctx) error { return s.promotionForm(c, false, nil) }

func (s *server) createDemotion(c *fiber.Ctx) error { return s.setAdmin(c, false) }

func (s *server) promotionForm(c *fiber.Ctx, admin bool, problem error) error {
	title := "Make portal admin"
	if !admin {
		title = "Take portal admin away"
	}
	return s.accountForm(c, title, problem, func(p portal.Parting, stale bool, pr portal.Problems) templ.Component {
		return views.SetAdmin(p.User, title, admin, stale, pr)
	})
}

func (s *server) setAdmin(c *fiber.Ctx, admin bool) error {
	err := s.reprove(c)
	var u portal.User
	if err == nil {
		u, err = s.store.SetAdmin(c.UserContext(), actor(c), c.Params("id"), admin)
	}
	if problems(err) != nil {
		return s.promotionForm(c, admin, err)
	}
	if err != nil {
		return err
	}
	if u.ID == actor(c).UserID {
		return s.leave(c, "/", "You are no portal admin any more.")
	}
	if admin {
		return s.done(c, accountPath(u), u.Name()+" is a portal admin now.")
	}
	return s.done(c, accountPath(u), u.Name()+" is no portal admin any more.")
}
