package handlers

import (
	"slices"

	"github.com/gofiber/fiber/v2"

	"portico/portal"
	"portico/views"
)

func (s *server) listAccounts(c *fiber.Ctx) error {
	ctx, by := c.UserContext(), actor(c)
	p := views.AdminUsersProps{State: portal.UserState(c.Query("state", string(portal.UserActive))), Query: query(c), First: c.Query("after") == "", Now: s.store.Now()}
	if !slices.Contains(portal.UserStates, p.State) {
		return portal.ErrNotFound
	}
	var err error
	if p.Counts, err = s.store.UserCounts(ctx, by); err != nil {
		return err
	}
	if p.List, err = s.store.Users(ctx, by, p.State, p.Query, c.Query("after")); err != nil {
		return err
	}
	return s.show(c, adminPage("users", "Users", consumers, ""), views.AdminUsers(p))
}

func (s *server) showAccount(c *fiber.Ctx) error {
	ctx, by := c.UserContext(), actor(c)
	u, err := s.store.User(ctx, by, c.Params("id"))
	if err != nil {
		return err
	}
	memberships, err := s.store.UserMemberships(ctx, by, u)
	if err != nil {
		return err
	}
	return s.show(c, adminPage("users", u.Name(), "Users", "/admin/users?state="+string(u.State)), views.AdminUser(u, memberships, s.store.Now()))
}

func (s *server) createAccountApproval(c *fiber.Ctx) error {
	u, err := s.store.ApproveUser(c.UserContext(), actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	return s.doneMail(c, "/admin/users?state=waiting", "Approved "+u.Name()+". They are told by mail.", "Approved "+u.Name()+".")
}
