package handlers

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"portico/mail"
	"portico/portal"
	"portico/views"
)

// demoRoutes exist in the demo alone: without it there is nothing under /demo.
func (s *server) demoRoutes(app *fiber.App) {
	if s.Demo == nil {
		return
	}
	app.Post("/demo/personas/:id", s.createPersona)
	app.Get("/demo/mailbox", s.listMailbox)
	app.Get("/demo/mailbox/:id", s.showDelivered)
}

func (s *server) demoBar(c *fiber.Ctx) *views.Demo {
	bar := &views.Demo{}
	for _, p := range s.Demo.Personas {
		current := p.UserID != 0 && at(c).viewer != nil && at(c).viewer.ID == p.UserID
		bar.Personas = append(bar.Personas, views.Persona{ID: p.ID, Label: p.Label, Current: current})
	}
	return bar
}

// createPersona lets the visitor look through the eyes of somebody in the demo.
func (s *server) createPersona(c *fiber.Ctx) error {
	for _, p := range s.Demo.Personas {
		if p.ID != c.Params("id") {
			continue
		}
		if p.UserID == 0 {
			if err := s.endSession(c); err != nil {
				return err
			}
			return s.leave(c, p.Path(), "")
		}
		id, session := s.freshSession(c)
		if err := s.store.SignInDemo(c.UserContext(), p.UserID, session); err != nil {
			return err
		}
		if err := s.enter(c, id); err != nil {
			return err
		}
		return s.leave(c, p.Path(), "")
	}
	return portal.ErrNotFound
}

func (s *server) listMailbox(c *fiber.Ctx) error {
	return s.show(c, views.Page{Title: "Mailbox"}, views.DemoMailbox(s.demoMails(s.Demo.Mailbox.List()), s.store.Now()))
}

func (s *server) showDelivered(c *fiber.Ctx) error {
	m, ok := s.Demo.Mailbox.Find(c.Params("id"))
	if !ok {
		return portal.ErrNotFound
	}
	return s.show(c, views.Page{Title: m.Subject}, views.DemoMail(s.demoMail(m), s.store.Now()))
}

// demoMail shows a delivered mail. Only an address of the portal's own becomes a
// link: people's names in the text may look like others.
func (s *server) demoMail(m mail.Delivered) views.Delivered {
	d := views.Delivered{ID: m.ID, To: m.Address, Subject: m.Subject, Text: m.Text, At: m.At}
	if i := strings.Index(m.Text, s.base+"/"); i >= 0 {
		d.Link, _, _ = strings.Cut(m.Text[i:], "\n")
	}
	return d
}

func (s *server) demoMails(all []mail.Delivered) []views.Delivered {
	list := make([]views.Delivered, len(all))
	for i, m := range all {
		list[i] = s.demoMail(m)
	}
	return list
}
