package handlers

import (
	"github.com/gofiber/fiber/v2"

	"portico/portal"
	"portico/views"
)

// offer is what an invitation's link shows to this visitor, and with which status.
func (s *server) offer(c *fiber.Ctx) (views.OfferProps, int, error) {
	v := at(c)
	o, err := s.store.Offer(c.UserContext(), c.Params("token"))
	if err != nil {
		return views.OfferProps{}, 0, err
	}
	p := views.OfferProps{Offer: o, Token: c.Params("token"), First: o.First, Last: o.Last, MinPassword: v.set.MinPassword, Now: s.store.Now()}
	if v.viewer != nil {
		p.Viewer = &v.viewer.User
		email, _ := portal.ParseEmail(v.viewer.Email)
		p.Invited = email.Key == o.EmailKey
	}
	status := fiber.StatusOK
	if !(p.Invited && o.Member) && o.Open(p.Now) != nil && !o.MayAskAgain(p.Now) {
		status = fiber.StatusGone
	}
	return p, status, nil
}

func (s *server) showOffer(c *fiber.Ctx) error {
	p, status, err := s.offer(c)
	if err != nil {
		return err
	}
	return s.render(c, status, offerPage(p), views.OfferPage(p))
}

func offerPage(p views.OfferProps) views.Page {
	page := narrow("Invitation to " + p.Org.Name)
	page.Wide = p.Viewer == nil && p.Kind == portal.Copied && p.Open(p.Now) == nil
	return page
}

// offerAgain shows the link's page as it is now, with what went wrong. What is
// over is over: then the page itself says so.
func (s *server) offerAgain(c *fiber.Ctx, problem error, first, last string) error {
	p, status, err := s.offer(c)
	if err != nil {
		return err
	}
	p.Problems = problems(problem)
	if first != "" || last != "" {
		p.First, p.Last = first, last
	}
	if status == fiber.StatusOK {
		status = statusOf(problem)
	}
	return s.render(c, status, offerPage(p), views.OfferPage(p))
}

func (s *server) createJoin(c *fiber.Ctx) error {
	in := personForm(c)
	if at(c).viewer != nil {
		// Signed in as somebody else, the page offers to switch and nothing more.
		if p, _, err := s.offer(c); err != nil {
			return err
		} else if !p.Invited {
			return s.offerAgain(c, portal.Errorf(portal.Conflict, "You are signed in as somebody else. Switch account first."), "", "")
		}
	}
	id, session := s.freshSession(c)
	org, joined, err := s.store.Join(c.UserContext(), at(c).ip, c.Params("token"), in, session)
	if problems(err) != nil || portal.IsCode(err, portal.Gone) {
		return s.offerAgain(c, err, in.First, in.Last)
	}
	if err != nil {
		return err
	}
	if !joined {
		return s.leave(c, "/register/sent", "")
	}
	if err := s.enter(c, id); err != nil {
		return err
	}
	return s.leave(c, "/o/"+org.PublicID, "Welcome to "+org.Name+".")
}

func (s *server) createAcceptance(c *fiber.Ctx) error {
	if at(c).viewer == nil {
		return s.loginFor(c, "/invitations/"+c.Params("token"))
	}
	id, session := s.freshSession(c)
	org, err := s.store.Accept(c.UserContext(), actor(c), c.Params("token"), session)
	if problems(err) != nil || portal.IsCode(err, portal.Gone) {
		return s.offerAgain(c, err, "", "")
	}
	if err != nil {
		return err
	}
	return s.accepted(c, id, org)
}

func (s *server) accepted(c *fiber.Ctx, sessionID string, org portal.Organization) error {
	if err := s.enter(c, sessionID); err != nil {
		return err
	}
	return s.leave(c, "/o/"+org.PublicID, "Welcome to "+org.Name+".")
}

func (s *server) createOwnAcceptance(c *fiber.Ctx) error {
	id, session := s.freshSession(c)
	org, err := s.store.AcceptWaiting(c.UserContext(), actor(c), c.Params("id"), session)
	if err != nil {
		return err
	}
	return s.accepted(c, id, org)
}

func (s *server) createRefusal(c *fiber.Ctx) error {
	org, err := s.store.Decline(c.UserContext(), actor(c), c.Params("token"))
	if problems(err) != nil || portal.IsCode(err, portal.Gone) {
		return s.offerAgain(c, err, "", "")
	}
	if err != nil {
		return err
	}
	return s.leave(c, "/", "You have declined the invitation to "+org.Name+".")
}

func (s *server) createOwnRefusal(c *fiber.Ctx) error {
	org, err := s.store.DeclineWaiting(c.UserContext(), actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	return s.done(c, "/", "You have declined the invitation to "+org.Name+".")
}

// switchAccount signs the visitor out and leads them back to the link by way of
// the sign-in page, or straight back to it if there is no account to sign in to.
func (s *server) switchAccount(c *fiber.Ctx) error {
	o, err := s.store.Offer(c.UserContext(), c.Params("token"))
	if err != nil {
		return err
	}
	if err := s.endSession(c); err != nil {
		return err
	}
	return s.leave(c, "/invitations/"+c.Params("token"), "You are signed out. Go on as "+o.Email+".")
}

func (s *server) createInvitationRequest(c *fiber.Ctx) error {
	org, err := s.store.AskAgain(c.UserContext(), at(c).ip, c.Params("token"))
	if problems(err) != nil {
		return s.offerAgain(c, err, "", "")
	}
	if err != nil {
		return err
	}
	return s.leave(c, "/invitations/"+c.Params("token"), "We have passed on that you would like a new invitation to "+org.Name+".")
}
