package handlers

import (
	"net/url"

	"github.com/gofiber/fiber/v2"

	"portico/portal"
	"portico/views"
)

func (s *server) listCodes(c *fiber.Ctx) error {
	v := at(c)
	list, err := s.store.Codes(c.UserContext(), v.actor, c.Query("after"))
	if err != nil {
		return err
	}
	return s.show(c, orgPage(c, "codes", "Invite codes"), views.Codes(views.CodesProps{Base: v.base, Org: v.org, List: list, First: c.Query("after") == "", Closed: !v.set.Register, Now: s.store.Now()}))
}

func (s *server) listAllCodes(c *fiber.Ctx) error {
	list, err := s.store.AllCodes(c.UserContext(), actor(c), c.Query("after"))
	if err != nil {
		return err
	}
	return s.show(c, adminPage("codes", "Invite codes", consumers, ""), views.Codes(views.CodesProps{List: list, First: c.Query("after") == "", Closed: !at(c).set.Register, Now: s.store.Now()}))
}

func typedCode(c *fiber.Ctx) portal.CodeForm {
	return portal.CodeForm{Name: text(c, "name"), Code: text(c, "code"), Team: text(c, "team"), Quota: text(c, "quota"), Expires: text(c, "expires")}
}

// codeAgain shows the form of a code; it is a new one where its address names none.
func (s *server) codeAgain(c *fiber.Ctx, in portal.CodeForm, uses int, problem error) error {
	v := at(c)
	f := views.CodeForm{Base: v.base, ID: c.Params("id"), Org: v.org.Name, Closed: !v.set.Register, In: in, Uses: uses, Problems: problems(problem)}
	var err error
	if f.Teams, err = s.store.TeamNames(c.UserContext(), v.actor); err != nil {
		return err
	}
	title := "Invite code"
	if f.ID == "" {
		title = "New invite code"
	}
	if problem != nil {
		return s.refused(c, problem, orgForm(c, "codes", title), views.EditCode(f))
	}
	return s.show(c, orgForm(c, "codes", title), views.EditCode(f))
}

func (s *server) newInviteCode(c *fiber.Ctx) error { return s.codeAgain(c, portal.CodeForm{}, 0, nil) }

// createInviteCode answers with the code. No other answer of Portico holds it.
func (s *server) createInviteCode(c *fiber.Ctx) error {
	in := typedCode(c)
	made, value, err := s.store.CreateCode(c.UserContext(), actor(c), in)
	if problems(err) != nil {
		return s.codeAgain(c, in, 0, err)
	}
	if err != nil {
		return err
	}
	link := s.base + "/register?code=" + url.QueryEscape(value)
	return s.show(c, orgForm(c, "codes", "New invite code"), views.CodeMade(at(c).base, made, value, link))
}

func (s *server) editCode(c *fiber.Ctx) error {
	code, err := s.store.Code(c.UserContext(), actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	return s.codeAgain(c, code.Form(), code.Uses, nil)
}

func (s *server) updateCode(c *fiber.Ctx) error {
	in := typedCode(c)
	err := s.store.EditCode(c.UserContext(), actor(c), c.Params("id"), in)
	if problems(err) != nil {
		code, codeErr := s.store.Code(c.UserContext(), actor(c), c.Params("id"))
		if codeErr != nil {
			return codeErr
		}
		return s.codeAgain(c, in, code.Uses, err)
	}
	if err != nil {
		return err
	}
	return s.done(c, at(c).base+"/codes", "Saved.")
}

func (s *server) deactivateCode(c *fiber.Ctx) error { return s.switchCode(c, false) }

func (s *server) activateCode(c *fiber.Ctx) error { return s.switchCode(c, true) }

func (s *server) switchCode(c *fiber.Ctx, on bool) error {
	code, err := s.store.SwitchCode(c.UserContext(), actor(c), c.Params("id"), on)
	if err != nil {
		return err
	}
	notice := code.Name + " does not work any more."
	if on {
		notice = code.Name + " is active again."
	}
	return s.done(c, at(c).base+"/codes", notice)
}

// maxCode is how much of a code in an address is looked at.
const maxCode = 100

func codeInAddress(c *fiber.Ctx) string {
	code := []rune(c.Query("code"))
	return string(code[:min(len(code), maxCode)])
}

// newJoin is where a signed-in person uses a code.
func (s *server) newJoin(c *fiber.Ctx) error {
	if at(c).viewer.State == portal.UserUnproven {
		return portal.Errorf(portal.Forbidden, "Confirm your address first, with the link that your profile can send you.")
	}
	return s.show(c, narrow("Join with a code"), views.JoinByCode(codeInAddress(c), nil))
}

func (s *server) createMembership(c *fiber.Ctx) error {
	code := text(c, "code")
	org, err := s.store.JoinByCode(c.UserContext(), actor(c), code)
	if p := problems(err); p != nil {
		return s.refused(c, err, narrow("Join with a code"), views.JoinByCode(code, p))
	}
	if err != nil {
		return err
	}
	return s.leave(c, "/o/"+org.PublicID, "You have joined "+org.Name+".")
}
