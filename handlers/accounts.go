package handlers

import (
	"errors"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"portico/db"
	"portico/portal"
	"portico/views"
)

// text is a field of the posted form, "" if it is not there.
func text(c *fiber.Ctx, name string) string { return at(c).form[name] }

func narrow(title string) views.Page { return views.Page{Title: title, Narrow: true} }

// publicForm is a form that the top bar leads to.
func publicForm(menu, title string) views.Page {
	p := narrow(title)
	p.Menu = menu
	return p
}

// personForm is what was typed into a form that makes an account.
func personForm(c *fiber.Ctx) portal.NewUser {
	return portal.NewUser{First: text(c, "first_name"), Last: text(c, "last_name"), Email: text(c, "email"), Password: text(c, "password"), Code: text(c, "code")}
}

func personView(c *fiber.Ctx, n portal.NewUser, p portal.Problems) views.PersonForm {
	return views.PersonForm{First: n.First, Last: n.Last, Email: n.Email, MinPassword: at(c).set.MinPassword, Problems: p}
}

func (s *server) newUser(c *fiber.Ctx) error {
	code := codeInAddress(c)
	if at(c).viewer != nil && code != "" {
		return c.Redirect("/join?code="+url.QueryEscape(code), fiber.StatusSeeOther)
	}
	if at(c).viewer != nil {
		return c.Redirect("/", fiber.StatusSeeOther)
	}
	if !at(c).set.Register {
		return portal.ErrNotFound
	}
	return s.registerAgain(c, portal.NewUser{Code: code}, nil)
}

func (s *server) registerAgain(c *fiber.Ctx, in portal.NewUser, problem error) error {
	f := personView(c, in, problems(problem))
	var err error
	if f.AskCode, err = s.store.AnyCode(c.UserContext()); err != nil {
		return err
	}
	f.Code, f.AskCode = in.Code, f.AskCode || in.Code != ""
	if problem != nil {
		return s.refused(c, problem, publicForm("register", "Register"), views.Register(f))
	}
	return s.show(c, publicForm("register", "Register"), views.Register(f))
}

func (s *server) createUser(c *fiber.Ctx) error {
	in := personForm(c)
	err := s.store.Register(c.UserContext(), at(c).ip, in)
	if problems(err) != nil {
		return s.registerAgain(c, in, err)
	}
	if err != nil {
		return err
	}
	return s.leave(c, "/register/sent", "")
}

func (s *server) userCreated(c *fiber.Ctx) error {
	return s.checkMail(c, "If the address is right, a mail with a link to confirm it goes there.")
}

func (s *server) checkMail(c *fiber.Ctx, lead string) error {
	smtp, err := s.store.MailConfig(c.UserContext())
	if err != nil {
		return err
	}
	return s.show(c, narrow("Look into your mail"), views.CheckMail(lead, smtp.On()))
}

func (s *server) showProof(c *fiber.Ctx) error {
	return s.proofAgain(c, nil)
}

func (s *server) proofAgain(c *fiber.Ctx, problem error) error {
	token := c.Params("token")
	p, err := s.store.ProofOf(c.UserContext(), token)
	if err != nil {
		return err
	}
	body := views.Confirm(token, p, at(c).set.MinPassword, problems(problem))
	if problem != nil {
		return s.again(c, narrow("Confirm your address"), body)
	}
	return s.show(c, narrow("Confirm your address"), body)
}

func (s *server) createProof(c *fiber.Ctx) error {
	err := s.store.Prove(c.UserContext(), at(c).ip, c.Params("token"), text(c, "password"), at(c).session)
	if p := problems(err); p != nil {
		return s.proofAgain(c, err)
	}
	if err != nil {
		return err
	}
	notice := "Your address is confirmed."
	if at(c).viewer == nil {
		notice += " Sign in to go on."
	}
	return s.leave(c, "/", notice)
}

func (s *server) createProofMail(c *fiber.Ctx) error {
	if err := s.store.AskForProof(c.UserContext(), actor(c)); err != nil {
		return err
	}
	return s.doneMail(c, "/", "The link is on its way. Look into your mail.", "The mail is kept for the portal admins.")
}

// doneMail is done for what ends in a mail. Without a mail server it says so,
// after other.
func (s *server) doneMail(c *fiber.Ctx, path, notice, other string) error {
	smtp, err := s.store.MailConfig(c.UserContext())
	if err != nil {
		return err
	}
	if !smtp.On() {
		return s.doneAs(c, path, views.Notice{Kind: "info", Text: other + " Not sent: no mail server is set up."})
	}
	return s.done(c, path, notice)
}

func (s *server) loginForm(c *fiber.Ctx, email, next string, p portal.Problems) views.LoginForm {
	set := at(c).set
	return views.LoginForm{Email: email, Next: next, CanRegister: set.Register, CanSignIn: set.SignIn, Problems: p}
}

func (s *server) newSession(c *fiber.Ctx) error {
	next := safeNext(c.Query("next"))
	if at(c).viewer != nil {
		return c.Redirect(next, fiber.StatusSeeOther)
	}
	return s.show(c, publicForm("login", "Sign in"), views.Login(s.loginForm(c, "", next, nil)))
}

func (s *server) createSession(c *fiber.Ctx) error {
	email, next := text(c, "email"), safeNext(text(c, "next"))
	id, session := s.freshSession(c)
	err := s.store.SignIn(c.UserContext(), email, text(c, "password"), session)
	if p := problems(err); p != nil {
		return s.refused(c, err, publicForm("login", "Sign in"), views.Login(s.loginForm(c, email, next, p)))
	}
	if err != nil && !errors.Is(err, db.ErrCodeNeeded) {
		return err
	}
	if err != nil { // nobody is signed in yet
		if err := s.setSession(c, id); err != nil {
			return err
		}
		return s.leave(c, "/login/code?next="+url.QueryEscape(next), "")
	}
	if err := s.enter(c, id); err != nil {
		return err
	}
	return s.leave(c, next, "")
}

func (s *server) confirmSignOut(c *fiber.Ctx) error {
	return s.show(c, narrow("Sign out"), views.SignOut(at(c).viewer.Email))
}

func (s *server) deleteSession(c *fiber.Ctx) error {
	if err := s.endSession(c); err != nil {
		return err
	}
	return s.leave(c, "/", "You are signed out.")
}

func (s *server) endSession(c *fiber.Ctx) error {
	if old := s.session(c); !old.IsNew {
		if err := s.store.SignOut(c.UserContext(), actor(c), hashID(old.ID)); err != nil {
			return err
		}
	}
	c.Set("Clear-Site-Data", `"cache"`)
	return s.setSession(c, "")
}

func (s *server) newReset(c *fiber.Ctx) error {
	return s.show(c, narrow("Forgot your password?"), views.ForgotPassword("", nil))
}

func (s *server) createReset(c *fiber.Ctx) error {
	email := text(c, "email")
	err := s.store.ForgotPassword(c.UserContext(), at(c).ip, email)
	if p := problems(err); p != nil {
		return s.refused(c, err, narrow("Forgot your password?"), views.ForgotPassword(email, p))
	}
	if err != nil {
		return err
	}
	return s.leave(c, "/forgot-password/sent", "")
}

func (s *server) resetCreated(c *fiber.Ctx) error {
	return s.checkMail(c, "If there is an account with this address, a mail with a link to set a new password goes there.")
}

func (s *server) editPassword(c *fiber.Ctx) error { return s.resetAgain(c, nil) }

func (s *server) resetAgain(c *fiber.Ctx, problem error) error {
	token := c.Params("token")
	u, err := s.store.ResetOf(c.UserContext(), token)
	if err != nil {
		return err
	}
	body := views.ResetPassword(token, u.Email, at(c).set.MinPassword, problems(problem))
	if problem != nil {
		return s.again(c, narrow("Set a new password"), body)
	}
	return s.show(c, narrow("Set a new password"), body)
}

func (s *server) resetPassword(c *fiber.Ctx) error {
	err := s.store.Reset(c.UserContext(), at(c).ip, c.Params("token"), text(c, "password"))
	if p := problems(err); p != nil {
		return s.resetAgain(c, err)
	}
	if err != nil {
		return err
	}
	if err := s.setSession(c, ""); err != nil {
		return err
	}
	return s.leave(c, "/login", "Your new password is set. Sign in with it.")
}

// setupLink is what the one-time address of the first start says.
var setupLink = portal.Link{Purpose: portal.LinkSetup, Kind: portal.Copied, Version: 1, ID: "first-admin-of-this-portal"}

// SetupURL is the address at which the first portal admin is made.
func SetupURL(base string, k portal.LinkKey) string {
	return base + "/setup/" + k.Token(setupLink)
}

// settingUp reports whether the address's token is right and there is no admin yet.
func (s *server) settingUp(c *fiber.Ctx) error {
	l, ok := s.store.Links().Parse(portal.LinkSetup, c.Params("token"))
	if !ok || l != setupLink {
		return portal.ErrNotFound
	}
	if exists, err := s.store.HasAdmin(c.UserContext()); err != nil {
		return err
	} else if exists {
		return portal.Errorf(portal.Gone, "This portal is set up: the first portal admin is there. Sign in instead.")
	}
	return nil
}

func (s *server) newSetup(c *fiber.Ctx) error {
	if err := s.settingUp(c); err != nil {
		return err
	}
	return s.show(c, narrow("Set up"), views.SetUp(c.Params("token"), personView(c, portal.NewUser{}, nil)))
}

func (s *server) createSetup(c *fiber.Ctx) error {
	if err := s.settingUp(c); err != nil {
		return err
	}
	in := personForm(c)
	id, session := s.freshSession(c)
	err := s.store.SetUp(c.UserContext(), in, session)
	if p := problems(err); p != nil {
		return s.refused(c, err, narrow("Set up"), views.SetUp(c.Params("token"), personView(c, in, p)))
	}
	if err != nil {
		return err
	}
	if err := s.enter(c, id); err != nil {
		return err
	}
	return s.leave(c, "/admin", "Welcome. You are the first portal admin.")
}

// maxQuery is how many characters of a search are looked at.
const maxQuery = 100

func query(c *fiber.Ctx) string { return typedQuery(c, "q") }

// typedQuery is what was typed into a field of a form that only looks for something.
func typedQuery(c *fiber.Ctx, field string) string {
	q := []rune(strings.ToValidUTF8(c.Query(field), ""))
	return string(q[:min(len(q), maxQuery)])
}
