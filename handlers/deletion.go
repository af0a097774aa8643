package handlers

import (
	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"portico/portal"
	"portico/views"
)

// ownDeletion shows what deleting one's own account would do.
func (s *server) ownDeletion(c *fiber.Ctx, problem error) error {
	p, err := s.store.Parting(c.UserContext(), actor(c), at(c).viewer.PublicID)
	if err != nil {
		return err
	}
	body := views.DeleteOwnAccount(p, s.stale(c), chosenHeirs(c, p), problems(problem))
	if problem != nil {
		return s.refused(c, problem, narrow("Delete your account"), body)
	}
	return s.show(c, narrow("Delete your account"), body)
}

// chosenHeirs is who was chosen to take over applications, by organization.
func chosenHeirs(c *fiber.Ctx, p portal.Parting) map[string]string {
	chosen := map[string]string{}
	for _, o := range p.Leaves {
		if heir := text(c, "heir-"+o.Org.PublicID); heir != "" {
			chosen[o.Org.PublicID] = heir
		}
	}
	return chosen
}

func (s *server) newOwnDeletion(c *fiber.Ctx) error { return s.ownDeletion(c, nil) }

func (s *server) createOwnDeletion(c *fiber.Ctx) error {
	ctx, by := c.UserContext(), actor(c)
	err := s.reprove(c)
	if err == nil {
		var p portal.Parting
		if p, err = s.store.Parting(ctx, by, at(c).viewer.PublicID); err == nil {
			_, err = s.store.DeleteUser(ctx, by, p.PublicID, chosenHeirs(c, p))
		}
	}
	if problems(err) != nil {
		return s.ownDeletion(c, err)
	}
	if err != nil {
		return err
	}
	if err := s.setSession(c, ""); err != nil {
		return err
	}
	return s.leave(c, "/", "Your account is deleted.")
}

// accountDeletion shows what deleting somebody's account would do.
func (s *server) accountDeletion(c *fiber.Ctx, problem error) error {
	return s.accountForm(c, "Delete account", problem, func(p portal.Parting, stale bool, pr portal.Problems) templ.Component {
		return views.DeleteUser(p, stale, pr)
	})
}

func (s *server) newAccountDeletion(c *fiber.Ctx) error { return s.accountDeletion(c, nil) }

func (s *server) createAccountDeletion(c *fiber.Ctx) error {
	err := s.reprove(c)
	var u portal.User
	if err == nil {
		u, err = s.store.DeleteUser(c.UserContext(), actor(c), c.Params("id"), nil)
	}
	if problems(err) != nil {
		return s.accountDeletion(c, err)
	}
	if err != nil {
		return err
	}
	if u.ID == actor(c).UserID {
		if err := s.setSession(c, ""); err != nil {
			return err
		}
		return s.leave(c, "/", "Your account is deleted.")
	}
	return s.done(c, "/admin/users", "Deleted the account of "+u.Name()+".")
}
