package handlers

import (
	"github.com/gofiber/fiber/v2"

	"portico/portal"
	"portico/views"
)

// maySeeForm is 404 while organizations cannot be registered, and says what is
// missing to people who may not yet.
func (s *server) maySeeForm(c *fiber.Ctx) error {
	if !at(c).set.RegisterOrgs {
		return portal.ErrNotFound
	}
	switch at(c).viewer.State {
	case portal.UserUnproven:
		return portal.Errorf(portal.Forbidden, "Confirm your address first, with the link that your profile can send you.")
	case portal.UserWaiting:
		return portal.Errorf(portal.Forbidden, "Your account is waiting for approval. You can register an organization after that.")
	}
	return nil
}

func (s *server) newOrganization(c *fiber.Ctx) error {
	if err := s.maySeeForm(c); err != nil {
		return err
	}
	own, err := s.store.Requests(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	for _, q := range own {
		if q.State == portal.OrgPending {
			return s.show(c, narrow("Create an organization"), views.RequestWaits(q))
		}
	}
	return s.show(c, narrow("Create an organization"), views.NewOrganization("", at(c).set.ApproveOrgs, nil))
}

func (s *server) createOrganization(c *fiber.Ctx) error {
	name := text(c, "name")
	o, err := s.store.RegisterOrg(c.UserContext(), actor(c), name)
	if p := problems(err); p != nil {
		return s.refused(c, err, narrow("Create an organization"), views.NewOrganization(name, at(c).set.ApproveOrgs, p))
	}
	if err != nil {
		return err
	}
	return s.registered(c, o)
}

// registered leads to what became of a registration.
func (s *server) registered(c *fiber.Ctx, o portal.Organization) error {
	if o.State == portal.OrgActive {
		return s.done(c, "/o/"+o.PublicID, o.Name+" is ready. You are its Super admin.")
	}
	return s.done(c, "/organizations/requests/"+o.PublicID, "Your request is on its way.")
}

func requestPage(q portal.OrgRequest) views.Page { return views.Page{Title: q.Name} }

func (s *server) showRequest(c *fiber.Ctx) error {
	q, err := s.store.Request(c.UserContext(), actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	seen := s.store.Changes(q.ID) // what is shown is read after it
	if q, err = s.store.Request(c.UserContext(), actor(c), q.PublicID); err != nil {
		return err
	}
	return s.show(c, requestPage(q), views.Request(q, seen, at(c).set.RegisterOrgs, s.store.Now()))
}

// openRequest is the actor's own request, which must be in that state to be
// asked about it.
func (s *server) openRequest(c *fiber.Ctx, state portal.OrgState) (portal.OrgRequest, error) {
	q, err := s.store.Request(c.UserContext(), actor(c), c.Params("id"))
	if err == nil && q.State != state {
		err = portal.Errorf(portal.Conflict, "This request is %s. Load the page again.", q.State)
	}
	return q, err
}

func (s *server) editRequestName(c *fiber.Ctx) error {
	q, err := s.openRequest(c, portal.OrgPending)
	if err != nil {
		return err
	}
	return s.show(c, narrow("Edit name"), views.RenameRequest(q.PublicID, q.Name, nil))
}

func (s *server) updateRequestName(c *fiber.Ctx) error {
	id, name := c.Params("id"), text(c, "name")
	err := s.store.RenameRequest(c.UserContext(), actor(c), id, name)
	if p := problems(err); p != nil {
		return s.refused(c, err, narrow("Edit name"), views.RenameRequest(id, name, p))
	}
	if err != nil {
		return err
	}
	return s.done(c, "/organizations/requests/"+id, "Saved.")
}

func (s *server) newWithdrawal(c *fiber.Ctx) error {
	q, err := s.openRequest(c, portal.OrgPending)
	if err != nil {
		return err
	}
	return s.show(c, narrow("Withdraw"), views.Withdraw(q, nil))
}

func (s *server) createWithdrawal(c *fiber.Ctx) error {
	if err := s.store.Withdraw(c.UserContext(), actor(c), c.Params("id")); err != nil {
		return err
	}
	return s.done(c, "/organizations/requests/"+c.Params("id"), "Your request is withdrawn.")
}

func (s *server) newResubmission(c *fiber.Ctx) error {
	if err := s.maySeeForm(c); err != nil {
		return err
	}
	q, err := s.openRequest(c, portal.OrgRejected)
	if err != nil {
		return err
	}
	return s.show(c, narrow("Submit again"), views.Resubmit(q.PublicID, q.Name, nil))
}

func (s *server) createResubmission(c *fiber.Ctx) error {
	id, name := c.Params("id"), text(c, "name")
	o, err := s.store.Resubmit(c.UserContext(), actor(c), id, name)
	if p := problems(err); p != nil {
		return s.refused(c, err, narrow("Submit again"), views.Resubmit(id, name, p))
	}
	if err != nil {
		return err
	}
	return s.registered(c, o)
}
