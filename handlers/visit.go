package handlers

import (
	"context"
	"net/netip"
	"strings"

	"github.com/gofiber/fiber/v2"

	"portico/portal"
)

// visit is what is known of one request. It travels in the request's context.
type visit struct {
	id      string // of the request, for the log and for error pages
	ip      string
	viewer  *portal.Viewer // nil: nobody is signed in
	session []byte         // hash of the session the viewer holds
	device  string         // id that a sign-in in this request gives the browser
	set     portal.Settings
	form    map[string]string
	actor   portal.Actor
	org     portal.Organization // inside an organization
	seen    int64               // of a page that changes by itself: the changes it shows
	teams   string              // where the organization's teams are
	base    string              // where the organization's pages are: /o/{id} or /admin/organizations/{id}
}

type visitKey struct{}

// at is the visit a request belongs to.
func at(c *fiber.Ctx) *visit {
	v, _ := c.UserContext().Value(visitKey{}).(*visit)
	if v == nil {
		v = &visit{ip: c.IP()}
		c.SetUserContext(context.WithValue(c.UserContext(), visitKey{}, v))
	}
	return v
}

// actor is who acts in this request.
func actor(c *fiber.Ctx) portal.Actor { return at(c).actor }

// clientIP is the address limits count by: the peer, or, behind a trusted proxy,
// the last hop that is not one of ours.
func (s *server) clientIP(c *fiber.Ctx) string {
	peer := c.Context().RemoteIP().String()
	if len(s.TrustedProxies) == 0 || !s.trusted(peer) {
		return peer
	}
	var hops []string // a proxy may add a line of its own after the client's
	for _, line := range c.Request().Header.PeekAll(fiber.HeaderXForwardedFor) {
		hops = append(hops, strings.Split(string(line), ",")...)
	}
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break // whatever stands before this was written by somebody else
		}
		if text := hop.WithZone("").Unmap().String(); !s.trusted(text) {
			return text
		}
	}
	return peer
}

func (s *server) trusted(ip string) bool {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return false
	}
	a = a.Unmap()
	for _, t := range s.TrustedProxies {
		if p, err := netip.ParsePrefix(t); err == nil && p.Contains(a) {
			return true
		}
		if one, err := netip.ParseAddr(t); err == nil && one.Unmap() == a {
			return true
		}
	}
	return false
}
