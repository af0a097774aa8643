package handlers

import (
	"slices"
	"strconv"

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
	p.MailFilter = portal.MailFilter{Kind: portal.MailKind(c.Query("kind")), Query: query(c),
		State: portal.MailState(c.Query("state", string(firstState(p.Counts, smtp.On()))))}
	if !slices.Contains(portal.MailStates, p.State) || p.Kind != "" && !slices.Contains(portal.MailKinds, p.Kind) {
		return portal.ErrNotFound
	}
	if p.List, err = s.store.Mails(ctx, by, p.MailFilter, c.Query("after")); err != nil {
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

// readEmail renders a mail as its recipient reads it, or would. A link with a token
// is hidden, but while no mail can be sent, when a portal admin is the only way to
// hand it on: then it is of the copied kind, which proves nothing.
func (s *server) readEmail(c *fiber.Ctx) (views.EmailProps, mail.Message, error) {
	ctx := c.UserContext()
	m, err := s.store.Mail(ctx, actor(c), c.Params("id"))
	if err != nil {
		return views.EmailProps{}, mail.Message{}, err
	}
	smtp, err := s.store.MailConfig(ctx)
	if err != nil {
		return views.EmailProps{}, mail.Message{}, err
	}
	p := views.EmailProps{Mail: m, MailOn: smtp.On(), Now: s.store.Now()}
	link := hiddenLink
	if !m.LinkTo.Secret() || m.State == portal.MailKept && !smtp.On() {
		link = m.LinkTo.URL(s.base, s.store.Links(), portal.Copied)
		p.Link = link
	}
	msg, err := mail.Render(m, link, s.base)
	p.Subject, p.Text = msg.Subject, msg.Text
	return p, msg, err
}

func (s *server) showEmail(c *fiber.Ctx) error {
	p, _, err := s.readEmail(c)
	if err != nil {
		return err
	}
	return s.show(c, adminPage("emails", p.Mail.Kind.Words(), "Emails", "/admin/emails?state="+string(p.Mail.State)), views.Email(p))
}

func (s *server) frameEmail(c *fiber.Ctx) error {
	_, msg, err := s.readEmail(c)
	if err != nil {
		return err
	}
	return frame(c, msg.HTML)
}

// showEmailLink is the copied kind of the link in an invitation that was not delivered.
func (s *server) showEmailLink(c *fiber.Ctx) error {
	l, inv, err := s.store.CopyMailLink(c.UserContext(), actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	page := adminForm("emails", "Invitation link", "Emails", "/admin/emails")
	return s.show(c, page, views.InvitationLink("/admin/emails", inv, l.URL(s.base, s.store.Links(), portal.Copied)))
}

func (s *server) newRetries(c *fiber.Ctx) error {
	return s.retries(c, portal.MailState(c.Query("state")), nil)
}

func (s *server) retries(c *fiber.Ctx, state portal.MailState, problem error) error {
	if !state.MayRetry() {
		return portal.ErrNotFound
	}
	counts, err := s.store.MailCounts(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	page := adminForm("emails", "Send again", "Emails", "/admin/emails?state="+string(state))
	body := views.RetryMails(state, counts[state], problems(problem))
	if problem != nil {
		return s.refused(c, problem, page, body)
	}
	return s.show(c, page, body)
}

func (s *server) createRetries(c *fiber.Ctx) error {
	state := portal.MailState(text(c, "state"))
	n, err := s.store.RetryMails(c.UserContext(), actor(c), state)
	if problems(err) != nil {
		return s.retries(c, state, err)
	}
	if err != nil {
		return err
	}
	mails := strconv.Itoa(n) + " mails"
	if n == 1 {
		mails = "1 mail"
	}
	return s.done(c, "/admin/emails?state=queued", "Queued "+mails+".")
}

func (s *server) retryEmail(c *fiber.Ctx) error {
	m, err := s.store.RetryMail(c.UserContext(), actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	return s.done(c, "/admin/emails?state=queued", "Queued again for "+m.To+".")
}
