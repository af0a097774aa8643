package handlers

import (
	"slices"

	"github.com/gofiber/fiber/v2"

	"portico/mail"
	"portico/portal"
	"portico/views"
)

func (s *server) listEmails(c *fiber.Ctx) error {
	ctx, by := c.UserContext(), actor(c)
	smtp, err := s.store.MailConfig(ctx)
	if err != nil {
		return err
	}
	p := views.EmailsProps{MailOn: smtp.On(), First: c.Query("after") == "", Now: s.store.Now()}
	if p.Counts, err = s.store.MailCounts(ctx, by); err != nil {
		return err
	}
	p.State = portal.MailState(c.Query("state", string(firstState(p.Counts, smtp.On()))))
	if !slices.Contains(portal.MailStates, p.State) {
		return portal.ErrNotFound
	}
	if p.List, err = s.store.Mails(ctx, by, p.State, c.Query("after")); err != nil {
		return err
	}
	return s.show(c, adminPage("emails", "Emails"), views.Emails(p))
}

// firstState is the tab that most likely holds what an admin looks for.
func firstState(counts map[portal.MailState]portal.Count, mailOn bool) portal.MailState {
	switch {
	case counts[portal.MailFailed] > 0:
		return portal.MailFailed
	case !mailOn:
		return portal.MailKept
	case counts[portal.MailQueued] > 0:
		return portal.MailQueued
	}
	return portal.MailSent
}

// hiddenLink stands in a mail's text where its link would be.
const hiddenLink = "[the link is only in the mail itself]"

// showEmail shows a mail's text. A link with a token in it is shown as the copied
// kind, which proves nothing: for invitations, and for all kinds while no mail
// can be sent, when a portal admin is the only way to hand it on.
func (s *server) showEmail(c *fiber.Ctx) error {
	ctx := c.UserContext()
	m, err := s.store.Mail(ctx, actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	smtp, err := s.store.MailConfig(ctx)
	if err != nil {
		return err
	}
	p := views.EmailProps{Mail: m, MailOn: smtp.On(), Now: s.store.Now()}
	link := hiddenLink
	if !m.LinkTo.Secret() || m.LinkTo.Purpose == portal.LinkInvitation || m.State == portal.MailKept && !smtp.On() {
		link = m.LinkTo.URL(s.base, s.store.Links(), portal.Copied)
		p.Link = link
	}
	msg, err := mail.Render(m, link, s.base)
	if err != nil {
		return err
	}
	p.Subject, p.Text = msg.Subject, msg.Text
	return s.show(c, adminPage("emails", m.Kind.Words(), "Emails", "/admin/emails?state="+string(m.State)), views.Email(p))
}

func (s *server) retryEmail(c *fiber.Ctx) error {
	m, err := s.store.RetryMail(c.UserContext(), actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	return s.done(c, "/admin/emails?state=queued", "Queued again for "+m.To+".")
}
