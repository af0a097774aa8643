package handlers

import (
	"errors"
	"net/url"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"portico/db"
	"portico/mail"
	"portico/portal"
	"portico/views"
)

func generalPage() views.Page { return adminPage("general", "General", "Settings", "") }

func (s *server) editGeneral(c *fiber.Ctx) error {
	set := at(c).set
	return s.show(c, generalPage(), views.GeneralSettings(set, views.PolicyOf(set), s.base))
}

func (s *server) updateGeneral(c *fiber.Ctx) error {
	set := at(c).set
	on := map[string]bool{}
	for _, sw := range portal.Switches {
		on[sw.Key] = text(c, sw.Key) == "on"
		set.Set(sw.Key, on[sw.Key]) // what was ticked is still there if a number is wrong
	}
	f := views.PolicyForm{MinPassword: text(c, "min_password"), InvitationHours: text(c, "invitation_hours"),
		IdleHours: text(c, "session_idle_hours"), SessionDays: text(c, "session_days")}
	if f.Empty() {
		f = views.PolicyOf(set) // only the switches were sent
	}
	err := s.store.SetPolicy(c.UserContext(), actor(c), db.Policy{MinPassword: number(f.MinPassword), InvitationHours: number(f.InvitationHours),
		IdleHours: number(f.IdleHours), SessionDays: number(f.SessionDays)})
	if err == nil {
		err = s.store.SetSwitches(c.UserContext(), actor(c), on)
	}
	if f.Problems = problems(err); f.Problems != nil {
		return s.refused(c, err, generalPage(), views.GeneralSettings(set, f, s.base))
	}
	if err != nil {
		return err
	}
	return s.done(c, "/admin/settings/general", "Saved.")
}

// number reads a whole number; what is none is out of every bound.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}

func emailPage() views.Page { return adminPage("email", "Email", "Settings", "") }

// stale reports whether the visitor last gave their password too long ago for
// what could hand the installation to a thief.
func (s *server) stale(c *fiber.Ctx) bool {
	return s.store.Now().Sub(at(c).viewer.ProofAt) > portal.ProofAge
}

// reprove checks the password that a form asks for when the last proof is old.
func (s *server) reprove(c *fiber.Ctx) error {
	if !s.stale(c) {
		return nil
	}
	return s.store.Reprove(c.UserContext(), actor(c), text(c, "current_password"), at(c).session)
}

// emailForm is the form filled from what is stored.
func (s *server) emailForm(c *fiber.Ctx) (views.EmailForm, portal.SMTPConfig, error) {
	smtp, err := s.store.MailConfig(c.UserContext())
	f := views.EmailForm{From: smtp.From, ByFlags: smtp.ByFlags, FromFlag: smtp.FromFlag, On: smtp.On(), Stale: s.stale(c), To: at(c).viewer.Email}
	if u, parseErr := url.Parse(smtp.URL); parseErr == nil && smtp.On() {
		if _, has := u.User.Password(); has {
			f.HasPassword = true
			u.User = url.User(u.User.Username())
		}
		f.Server = u.String()
	}
	return f, smtp, err
}

func (s *server) editEmail(c *fiber.Ctx) error {
	f, _, err := s.emailForm(c)
	if err != nil {
		return err
	}
	return s.show(c, emailPage(), views.EmailSettings(f))
}

func (s *server) updateEmail(c *fiber.Ctx) error {
	f, now, err := s.emailForm(c)
	if err != nil {
		return err
	}
	p := portal.Problems{}
	var server string // what flags have set is neither asked for nor stored
	if !now.ByFlags {
		f.Server = text(c, "server")
		server = typedServer(f.Server, text(c, "server_password"), now.URL, p)
	}
	if !now.FromFlag {
		f.From = text(c, "from")
		if err := mail.CheckSender(f.From); err != nil {
			p.Add("from", "Enter a sender like Portico <portal@example.com>.")
		}
	}
	err = p.Err()
	if err == nil {
		err = s.reprove(c)
	}
	if err == nil {
		err = s.store.SetMail(c.UserContext(), actor(c), server, f.From)
	}
	if f.Problems = problems(err); f.Problems != nil {
		return s.refused(c, err, emailPage(), views.EmailSettings(f))
	}
	if err != nil {
		return err
	}
	return s.done(c, "/admin/settings/email", "Saved.")
}

// typedServer joins what was typed about the mail server; an empty password
// keeps the stored one as long as the account is the same.
func typedServer(typed, password, stored string, p portal.Problems) string {
	if typed == "" {
		return ""
	}
	u, err := url.Parse(typed)
	if err != nil {
		p.Add("server", "Enter an address like smtp://user@mail.example.com:587.")
		return ""
	}
	if inside, has := u.User.Password(); has && password == "" {
		password = inside
	}
	if password == "" {
		if old, err := url.Parse(stored); err == nil && old.Host == u.Host && old.Scheme == u.Scheme && old.User.Username() == u.User.Username() {
			password, _ = old.User.Password()
		}
	}
	if password != "" {
		if u.User.Username() == "" {
			p.Add("server", "A password needs a user: smtp://user@mail.example.com:587.")
			return ""
		}
		u.User = url.UserPassword(u.User.Username(), password)
	}
	if _, err := mail.ParseURL(u.String()); err != nil {
		p.Add("server", err.Error())
		return ""
	}
	return u.String()
}

// createTestEmail sends a mail while the admin waits, so that the server's own
// words stand on the page when it refuses.
func (s *server) createTestEmail(c *fiber.Ctx) error {
	f, smtp, err := s.emailForm(c)
	if err != nil {
		return err
	}
	if !smtp.On() {
		err := portal.Errorf(portal.Conflict, "Not sent: no mail server is set up.")
		f.TestProblem = err.Message
		return s.refused(c, err, emailPage(), views.EmailSettings(f))
	}
	m, err := s.store.StartTest(c.UserContext(), actor(c))
	if p := problems(err); p != nil {
		f.TestProblem = p[""]
		return s.refused(c, err, emailPage(), views.EmailSettings(f))
	}
	if err != nil {
		return err
	}
	err = s.TryMail(c.UserContext(), smtp, m)
	var refusal *mail.Refusal
	if errors.As(err, &refusal) {
		if err := s.store.MailWasRefused(c.UserContext(), m, refusal.Words, true); err != nil {
			return err
		}
		f.TestProblem = refusal.Words
		return s.again(c, emailPage(), views.EmailSettings(f))
	}
	if err != nil {
		return err
	}
	if err := s.sent(c, m); err != nil {
		return err
	}
	return s.done(c, "/admin/settings/email", "Sent. Look into the mail of "+m.To+".")
}
