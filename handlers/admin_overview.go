package handlers

import (
	"net/netip"

	"github.com/gofiber/fiber/v2"

	"portico/portal"
	"portico/views"
)

// waitingShown is how many of each kind that waits the overview names.
const waitingShown = 5

func (s *server) adminOverview(c *fiber.Ctx) error {
	ctx, by := c.UserContext(), actor(c)
	p := views.AdminOverviewProps{Base: s.base, Now: s.store.Now()}
	waits, err := s.store.Waits(ctx, by)
	if err != nil {
		return err
	}
	p.Organizations, p.Users, p.FailedMail = waits.Organizations, waits.Users, waits.FailedMail
	orgs, err := s.store.OrgCounts(ctx, by)
	if err != nil {
		return err
	}
	users, err := s.store.UserCounts(ctx, by)
	if err != nil {
		return err
	}
	p.Active, p.People = orgs[portal.OrgActive], users[portal.UserActive]
	if p.Organizations > 0 {
		list, err := s.store.Orgs(ctx, by, portal.OrgPending, "", "")
		if err != nil {
			return err
		}
		p.Requests = first(list.Items, waitingShown)
	}
	if p.Users > 0 {
		list, err := s.store.Users(ctx, by, portal.UserWaiting, "", "")
		if err != nil {
			return err
		}
		p.Waiting = first(list.Items, waitingShown)
	}
	if p.FailedMail > 0 {
		list, err := s.store.Mails(ctx, by, portal.MailFilter{State: portal.MailFailed}, "")
		if err != nil {
			return err
		}
		p.Failed = first(list.Items, waitingShown)
	}
	if p.SetUp, err = s.store.SetUpState(ctx, by); err != nil {
		return err
	}
	p.SetUp.Reached = s.reached()
	if p.Figures, err = s.store.FigureSeries(ctx, by); err != nil {
		return err
	}
	log, err := s.store.AuditLog(ctx, by, portal.AuditFilter{}, "")
	if err != nil {
		return err
	}
	p.Recent = first(log.Items, recentActivity)
	return s.show(c, adminPage("overview", "Overview"), views.AdminOverview(p))
}

func first[T any](all []T, n int) []T { return all[:min(n, len(all))] }

// reached reports whether whoever is signed in has reached the portal safely: over
// https, as the cookie of their session is sent no other way then, or on the machine
// itself. That it was under the portal's own name, host has made sure of.
func (s *server) reached() bool {
	if s.secure {
		return true
	}
	ip, err := netip.ParseAddr(s.Base.Hostname())
	return s.Base.Hostname() == "localhost" || err == nil && ip.IsLoopback()
}
