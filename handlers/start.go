package handlers

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"portico/assets"
	"portico/portal"
	"portico/views"
)

func (s *server) start(c *fiber.Ctx) error {
	v := at(c)
	if v.viewer == nil {
		return s.show(c, views.Page{Menu: "start"}, views.Landing(v.set.SignIn, v.set.Register))
	}
	ctx, by := c.UserContext(), v.actor
	p := views.StartProps{Viewer: v.viewer.User, CanCreate: v.set.RegisterOrgs, Now: s.store.Now()}
	var err error
	if p.Memberships, err = s.store.Memberships(ctx, by); err != nil {
		return err
	}
	if p.Requests, err = s.store.Requests(ctx, by); err != nil {
		return err
	}
	if p.Invitations, err = s.store.InvitationsFor(ctx, by); err != nil {
		return err
	}
	if len(p.Invitations) == 0 && !views.HasPending(p.Requests) && !isPart(c) {
		switch {
		case len(p.Memberships) == 1:
			return c.Redirect("/o/"+p.Memberships[0].Org.PublicID, fiber.StatusSeeOther)
		case len(p.Memberships) == 0 && len(p.Requests) == 0 && by.IsAdmin():
			return c.Redirect("/admin", fiber.StatusSeeOther)
		}
	}
	if p.CanUseCode, err = s.store.AnyCode(ctx); err != nil {
		return err
	}
	if p.CodeEnded, err = s.store.CodeEnded(ctx, by); err != nil {
		return err
	}
	smtp, err := s.store.MailConfig(ctx)
	if err != nil {
		return err
	}
	p.MailOn = smtp.On()
	return s.show(c, views.Page{Title: "Home"}, views.Start(p))
}

func (s *server) asset(c *fiber.Ctx) error {
	f, ok := assets.Find(c.Params("name"))
	if !ok {
		return portal.ErrNotFound
	}
	c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	c.Set(fiber.HeaderContentType, f.ContentType)
	if f.Gzip != nil {
		c.Vary(fiber.HeaderAcceptEncoding)
		if c.AcceptsEncodings("gzip") == "gzip" {
			c.Set(fiber.HeaderContentEncoding, "gzip")
			return c.Send(f.Gzip)
		}
	}
	return c.Send(f.Body)
}

func (s *server) healthy(c *fiber.Ctx) error { return c.SendString("alive\n") }

// readyTimeout is how long the database may take to show that it can be written.
const readyTimeout = 2 * time.Second

func (s *server) ready(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(c.UserContext(), readyTimeout)
	defer cancel()
	if err := s.store.Ready(ctx); err != nil {
		s.Log.Error("not ready", "error", err)
		return c.Status(fiber.StatusServiceUnavailable).SendString("the database cannot be written to\n")
	}
	if s.WorkerAlive != nil && !s.WorkerAlive() {
		return c.Status(fiber.StatusServiceUnavailable).SendString("the mail worker has stopped\n")
	}
	return c.SendString("ready\n")
}
