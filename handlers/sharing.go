package handlers

import (
	"github.com/gofiber/fiber/v2"

	"portico/portal"
	"portico/views"
)

// usable is an application whose keys the visitor may use here.
func (s *server) usable(c *fiber.Ctx) (portal.Application, error) {
	if err := may(c, portal.UseApplications); err != nil {
		return portal.Application{}, err
	}
	a, err := s.store.Application(c.UserContext(), actor(c), c.Params("id"))
	if err == nil && !a.KeysFor(actor(c)) {
		err = portal.ErrPersonal
	}
	return a, err
}

func (s *server) listAccess(c *fiber.Ctx) error {
	ctx, by := c.UserContext(), actor(c)
	a, err := s.store.Application(ctx, by, c.Params("id"))
	if err != nil {
		return err
	}
	people, count, err := s.store.AccessTo(ctx, by, a.PublicID)
	if err != nil {
		return err
	}
	return s.show(c, orgForm(c, "applications", "Who sees it"), views.AccessList(at(c).base, a, people, count))
}

// mayTake reports whether the visitor may make the application personal.
func mayTake(c *fiber.Ctx, a portal.Application) bool {
	return a.OwnerID == actor(c).UserID || actor(c).May(portal.ManageMembers)
}

func (s *server) editVisibility(c *fiber.Ctx) error {
	a, err := s.usable(c)
	if err != nil {
		return err
	}
	teams, err := s.store.TeamsOf(c.UserContext(), actor(c), a)
	if err != nil {
		return err
	}
	f, err := s.appForm(c, portal.NewApplication{Visibility: a.Visibility, Teams: teams}, nil)
	if err != nil {
		return err
	}
	f.Version, f.Name, f.Shared = a.Version, a.Name, !mayTake(c, a)
	return s.show(c, orgForm(c, "applications", "Who sees it"), views.ShareApplication(f, nil, 0))
}

// updateVisibility changes who sees an application. If people would gain access
// it names them and asks once more.
func (s *server) updateVisibility(c *fiber.Ctx) error {
	a, err := s.usable(c)
	if err != nil {
		return err
	}
	ctx, by, in := c.UserContext(), actor(c), typedApp(c)
	f, err := s.appForm(c, in, nil)
	if err != nil {
		return err
	}
	f.Name, f.Shared = a.Name, !mayTake(c, a)
	page := orgForm(c, "applications", "Who sees it")
	if text(c, "confirmed") != "yes" {
		gains, count, err := s.store.WouldGain(ctx, by, a.PublicID, in.Visibility, in.Teams)
		if err != nil {
			return err
		}
		if count > 0 {
			return s.show(c, page, views.ShareApplication(f, gains, count))
		}
		if in.Visibility == portal.VisiblePersonal && a.Visibility != portal.VisiblePersonal && a.OwnerID != by.UserID && by.May(portal.ManageMembers) {
			return s.show(c, page, views.TakeApplication(f, a.OwnerName))
		}
	}
	err = s.store.ShareApplication(ctx, by, a.PublicID, f.Version, in.Visibility, in.Teams)
	if f.Problems = problems(err); f.Problems != nil {
		return s.refused(c, err, page, views.ShareApplication(f, nil, 0))
	}
	if err != nil {
		return err
	}
	return s.done(c, s.appPath(c), "Saved.")
}

func (s *server) moveForm(c *fiber.Ctx, a portal.Application, problem error) error {
	memberships, err := s.store.Memberships(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	f := views.AppForm{Base: at(c).base, ID: a.PublicID, Name: a.Name, Problems: problems(problem)}
	body := views.MoveApplication(f, memberships, text(c, "organization"))
	if problem != nil {
		return s.refused(c, problem, orgForm(c, "applications", "Move"), body)
	}
	return s.show(c, orgForm(c, "applications", "Move"), body)
}

func (s *server) newMove(c *fiber.Ctx) error {
	a, err := s.usable(c)
	if err != nil {
		return err
	}
	return s.moveForm(c, a, nil)
}

func (s *server) createMove(c *fiber.Ctx) error {
	a, err := s.usable(c)
	if err != nil {
		return err
	}
	o, err := s.store.MoveApplication(c.UserContext(), actor(c), a.PublicID, text(c, "organization"))
	if problems(err) != nil {
		return s.moveForm(c, a, err)
	}
	if err != nil {
		return err
	}
	return s.done(c, "/o/"+o.PublicID+"/applications/"+a.PublicID, "Moved "+a.Name+" into "+o.Name+".")
}

const keyField = "key-"

func (s *server) listExposed(c *fiber.Ctx) error {
	return s.exposed(c, views.KeyForm{Grace: string(portal.GraceDay)}, nil)
}

func (s *server) exposed(c *fiber.Ctx, f views.KeyForm, problem error) error {
	keys, err := s.store.Exposed(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	chosen := map[string]bool{}
	for _, k := range keys.Keys {
		chosen[k.ID] = problem == nil
	}
	for _, id := range ticked(c, keyField) {
		chosen[id] = true
	}
	f.Problems = problems(problem)
	body := views.Exposed(at(c).base, keys, chosen, mayUse(c), f)
	if problem != nil {
		return s.refused(c, problem, orgPage(c, "applications", "Keys seen by people who left"), body)
	}
	return s.show(c, orgPage(c, "applications", "Keys seen by people who left"), body)
}

func (s *server) rotateExposed(c *fiber.Ctx) error {
	f := views.KeyForm{Grace: text(c, "grace"), Date: text(c, "date")}
	_, err := s.store.RotateSeen(c.UserContext(), actor(c), ticked(c, keyField), portal.Grace(f.Grace), f.Date)
	if problems(err) != nil {
		return s.exposed(c, f, err)
	}
	if err != nil {
		return err
	}
	return s.done(c, at(c).base+"/applications", "Rotated. Reveal the new keys and put them in place before the old ones stop.")
}
