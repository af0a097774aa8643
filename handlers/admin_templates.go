package handlers

import (
	"errors"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"portico/mail"
	"portico/portal"
	"portico/views"
)

const templatesAt = "/admin/settings/email-templates"

func templatePage(title string) views.Page {
	return adminPage("email-templates", title, "Settings", "", "Email templates", templatesAt)
}

func (s *server) listTemplates(c *fiber.Ctx) error {
	list, err := s.store.Templates(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	for i, t := range list {
		if t.Version == 0 {
			list[i].Text = mail.TextOf(t.Kind)
		}
	}
	return s.show(c, adminPage("email-templates", "Email templates", "Settings", ""), views.EmailTemplates(list, s.store.Now()))
}

// templateForm is the form of a template as it stands.
func (s *server) templateForm(c *fiber.Ctx) (views.TemplateForm, error) {
	t, err := s.store.Template(c.UserContext(), actor(c), portal.MailKind(c.Params("kind")))
	if err != nil {
		return views.TemplateForm{}, err
	}
	smtp, err := s.store.MailConfig(c.UserContext())
	f := views.TemplateForm{Href: templatesAt + "/" + string(t.Kind), Kind: t.Kind, Text: t.Text, Version: t.Version, Changed: t.Version != 0,
		To: actor(c).Email, MailOn: smtp.On()}
	if !f.Changed {
		f.Text = mail.TextOf(t.Kind)
	}
	for _, v := range mail.Variables(t.Kind) {
		f.Variables = append(f.Variables, views.MailVariable{Name: v.Name, Meaning: v.Meaning, Example: v.Example})
	}
	return f, err
}

// typedTemplate is that form as it was typed, with its preview.
func (s *server) typedTemplate(c *fiber.Ctx) (views.TemplateForm, error) {
	f, err := s.templateForm(c)
	if err != nil {
		return f, err
	}
	f.Text = portal.MailText{Subject: text(c, "subject"), Body: text(c, "body")}
	f.Version, _ = strconv.ParseInt(text(c, "version"), 10, 64) // one that is not a number is of no version
	return s.preview(f)
}

func (s *server) preview(f views.TemplateForm) (views.TemplateForm, error) {
	msg, err := mail.Preview(f.Kind, f.Text, s.base)
	f.Preview = views.MailPreview{Subject: msg.Subject, Text: msg.Text, Problems: problems(err)}
	if f.Preview.Problems != nil {
		return f, nil
	}
	return f, err
}

func (s *server) editTemplate(c *fiber.Ctx) error {
	f, err := s.templateForm(c)
	if err != nil {
		return err
	}
	if f, err = s.preview(f); err != nil {
		return err
	}
	return s.show(c, templatePage(f.Kind.Words()), views.EmailTemplate(f))
}

func (s *server) updateTemplate(c *fiber.Ctx) error {
	f, err := s.typedTemplate(c)
	if err != nil {
		return err
	}
	good, err := mail.Check(f.Kind, f.Text, s.base)
	if err == nil {
		err = s.store.SetTemplate(c.UserContext(), actor(c), f.Kind, f.Version, good)
	}
	if f.Problems = problems(err); f.Problems != nil {
		return s.refused(c, err, templatePage(f.Kind.Words()), views.EmailTemplate(f))
	}
	if err != nil {
		return err
	}
	return s.done(c, f.Href, "Saved. Mails from now on are written like this.")
}

// previewTemplate shows what is typed as plain text; without scripts as the whole page.
func (s *server) previewTemplate(c *fiber.Ctx) error {
	f, err := s.typedTemplate(c)
	if err != nil {
		return err
	}
	if isPart(c) {
		return s.show(c, templatePage(f.Kind.Words()), views.PreviewOf(f.Preview))
	}
	return s.show(c, templatePage(f.Kind.Words()), views.EmailTemplate(f))
}

// frameTemplate is the HTML of what is typed, or of the template as it stands.
func (s *server) frameTemplate(c *fiber.Ctx) error {
	f, err := s.templateForm(c)
	if err != nil {
		return err
	}
	if c.Method() == fiber.MethodPost {
		f.Text = portal.MailText{Subject: text(c, "subject"), Body: text(c, "body")}
	}
	msg, err := mail.Preview(f.Kind, f.Text, s.base)
	if problems(err) != nil {
		return frame(c, "") // what is wrong stands beside it
	}
	if err != nil {
		return err
	}
	return frame(c, msg.HTML)
}

// framePolicy allows a mail's HTML its styles, and nothing else.
const framePolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox"

// frame answers with the HTML of a mail, to be shown in a sandboxed frame of ours.
func frame(c *fiber.Ctx, html string) error {
	c.Set(fiber.HeaderContentSecurityPolicy, framePolicy)
	c.Set(fiber.HeaderXFrameOptions, "SAMEORIGIN")
	c.Type("html", "utf-8")
	return c.SendString(html)
}

// testTemplate sends what is typed to the admin, with examples in the place of values.
func (s *server) testTemplate(c *fiber.Ctx) error {
	f, err := s.typedTemplate(c)
	if err != nil {
		return err
	}
	page := templatePage(f.Kind.Words())
	good, err := mail.Check(f.Kind, f.Text, s.base)
	if err == nil && !f.MailOn {
		err = portal.Errorf(portal.Conflict, "Not sent: no mail server is set up.")
	}
	if f.Problems = problems(err); f.Problems != nil {
		return s.refused(c, err, page, views.EmailTemplate(f))
	}
	if err != nil {
		return err
	}
	sample := mail.Sample(f.Kind)
	sample.Text = portal.MailText{Subject: "Test: " + good.Subject, Body: good.Body}
	m, err := s.store.StartSample(c.UserContext(), actor(c), sample)
	if f.Problems = problems(err); f.Problems != nil {
		return s.refused(c, err, page, views.EmailTemplate(f))
	}
	if err != nil {
		return err
	}
	smtp, err := s.store.MailConfig(c.UserContext())
	if err != nil {
		return err
	}
	err = s.TryMail(c.UserContext(), smtp, m)
	var refusal *mail.Refusal
	if errors.As(err, &refusal) {
		f.Problems = portal.Problems{"": "The mail was not sent. The server said: " + refusal.Words}
		if err := s.store.MailWasRefused(c.UserContext(), m, refusal.Words, true); err != nil {
			return err
		}
		return s.again(c, page, views.EmailTemplate(f))
	}
	if err != nil {
		return err
	}
	if err := s.sent(c, m); err != nil {
		return err
	}
	f.Sent = true
	return s.show(c, page, views.EmailTemplate(f))
}

// sent notes that a mail was sent while an admin waited for it.
func (s *server) sent(c *fiber.Ctx, m portal.Mail) error {
	msg, err := mail.Render(m, s.base+m.LinkTo.Path, s.base)
	if err != nil {
		return err
	}
	return s.store.MailWasSent(c.UserContext(), m, msg.Subject, msg.Source)
}

func (s *server) newTemplateDefault(c *fiber.Ctx) error {
	return s.templateDefault(c, nil)
}

func (s *server) templateDefault(c *fiber.Ctx, problem error) error {
	f, err := s.templateForm(c)
	if err != nil {
		return err
	}
	page := templatePage("Restore default")
	page.Narrow = true
	f.Problems = problems(problem)
	body := views.RestoreTemplate(f, mail.TextOf(f.Kind))
	if problem != nil {
		return s.refused(c, problem, page, body)
	}
	return s.show(c, page, body)
}

func (s *server) createTemplateDefault(c *fiber.Ctx) error {
	kind := portal.MailKind(c.Params("kind"))
	err := s.store.RestoreTemplate(c.UserContext(), actor(c), kind)
	if problems(err) != nil {
		return s.templateDefault(c, err)
	}
	if err != nil {
		return err
	}
	return s.done(c, templatesAt+"/"+string(kind), "Restored Portico’s own text.")
}
