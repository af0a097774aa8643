package handlers

import (
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"portico/portal"
	"portico/views"
)

// dayForm is how a day stands in an address, as browsers write it.
const dayForm = "2006-01-02"

// auditForm reads the filters of a list of entries from the address.
func auditForm(c *fiber.Ctx, path string, groups []portal.AuditGroup) (views.AuditList, portal.AuditFilter) {
	get := func(name string) string { return strings.TrimSpace(typedQuery(c, name)) }
	l := views.AuditList{Path: path, Person: get("person"), Kind: get("kind"), From: get("from"), To: get("to"), Groups: groups, First: c.Query("after") == "", Problems: portal.Problems{}}
	f := portal.AuditFilter{Person: l.Person, Kind: portal.AuditKind(l.Kind)}
	day := func(field, typed string) time.Time {
		if typed == "" {
			return time.Time{}
		}
		at, err := time.Parse(dayForm, typed)
		if err != nil {
			l.Problems.Add(field, "Write the day like 2026-03-31.")
		}
		return at
	}
	f.From = day("from", l.From)
	if f.To = day("to", l.To); !f.To.IsZero() {
		f.To = f.To.AddDate(0, 0, 1) // that day is in it
		if !f.From.Before(f.To) {
			l.Problems.Add("to", "This day is before the first one.")
		}
	}
	return l, f
}

func (s *server) listActivity(c *fiber.Ctx) error {
	v := at(c)
	l, f := auditForm(c, v.base+"/activity", portal.GroupsFor(v.actor))
	page := orgPage(c, "activity", "Activity")
	l.Now = s.store.Now()
	if len(l.Problems) > 0 {
		return s.again(c, page, views.Activity(l))
	}
	var err error
	if l.List, err = s.store.Activity(c.UserContext(), v.actor, f, c.Query("after")); err != nil {
		return err
	}
	return s.show(c, page, views.Activity(l))
}

const auditPath = "/admin/audit-log"

// adminAudit is auditForm with the organization, which a portal admin names by its
// words; where these mean several, they are offered.
func (s *server) adminAudit(c *fiber.Ctx) (views.AuditList, portal.AuditFilter, error) {
	l, f := auditForm(c, auditPath, portal.AuditGroups)
	l.Admin, l.Now = true, s.store.Now()
	l.Org, l.Organization = c.Query("org"), strings.TrimSpace(typedQuery(c, "organization"))
	if l.Org != "" {
		o, err := s.store.OrgForAdmin(c.UserContext(), actor(c), l.Org)
		if err != nil && !portal.IsCode(err, portal.NotFound) {
			return l, f, err
		}
		if l.Organization = o.Name; err != nil {
			l.Organization = "an organization that is gone"
		}
		f.Org = l.Org
		return l, f, nil
	}
	if l.Organization == "" {
		return l, f, nil
	}
	all, err := s.store.OrgsNamed(c.UserContext(), actor(c), l.Organization)
	if err != nil {
		return l, f, err
	}
	var exact []portal.Organization
	for _, o := range all {
		if strings.EqualFold(o.Name, l.Organization) {
			exact = append(exact, o)
		}
	}
	if len(exact) == 1 {
		all = exact
	}
	switch len(all) {
	case 0:
		l.Problems.Add("organization", "No organization is called that.")
	case 1:
		l.Org, l.Organization, f.Org = all[0].PublicID, all[0].Name, all[0].PublicID
	default:
		l.Problems.Add("organization", "Several are called like that: choose one below.")
		for _, o := range all {
			l.Orgs = append(l.Orgs, views.OrgLink{ID: o.PublicID, Name: o.Name, Role: o.State.Words()})
		}
	}
	return l, f, nil
}

func (s *server) listAudit(c *fiber.Ctx) error {
	l, f, err := s.adminAudit(c)
	if err != nil {
		return err
	}
	page := adminPage("audit-log", "Audit log")
	if len(l.Problems) > 0 {
		return s.again(c, page, views.AuditLog(l))
	}
	if l.List, err = s.store.AuditLog(c.UserContext(), actor(c), f, c.Query("after")); err != nil {
		return err
	}
	return s.show(c, page, views.AuditLog(l))
}
