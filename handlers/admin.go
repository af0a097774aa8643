package handlers

import (
	"github.com/gofiber/fiber/v2"

	"portico/views"
)

const consumers = "API Consumers"

// adminPage is a page of the admin area; crumbs are label and address in turn.
func adminPage(menu, title string, way ...string) views.Page {
	p := views.Page{Area: views.Admin, Menu: menu, Title: title}
	for i := 0; i+1 < len(way); i += 2 {
		p.Crumbs = append(p.Crumbs, views.Crumb{Label: way[i], Href: way[i+1]})
	}
	p.Crumbs = append(p.Crumbs, views.Crumb{Label: title})
	return p
}

// adminForm is a form of the admin area, as a page of its own.
func adminForm(menu, title string, way ...string) views.Page {
	p := adminPage(menu, title, way...)
	p.Narrow = true
	return p
}

func (s *server) listAllApplications(c *fiber.Ctx) error {
	list, err := s.store.AllApplications(c.UserContext(), actor(c), query(c), c.Query("after"))
	if err != nil {
		return err
	}
	return s.show(c, adminPage("applications", "Applications", consumers, ""), views.AllApplications(list, query(c), c.Query("after") == "", s.store.Now()))
}
