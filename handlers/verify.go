package handlers

import (
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// verify answers gateways: 204 and whose key it is, or 401. It reads no session
// and writes nothing.
func (s *server) verify(c *fiber.Ctx) error {
	key, ok := shownKey(c)
	if ok {
		owner, works, err := s.store.Verify(c.UserContext(), key, at(c).ip)
		if err != nil {
			return err
		}
		if works {
			// Empty for a person's own key, so that gateways have something to put in
			// place of what a caller made up; Caddy 2.6 passes its placeholder on otherwise.
			c.Set("X-Portico-Organization", owner.Org)
			c.Set("X-Portico-Organization-Name", url.PathEscape(owner.OrgName))
			c.Set("X-Portico-Application", owner.App)
			c.Set("X-Portico-Credential", owner.Credential)
			return c.SendStatus(fiber.StatusNoContent)
		}
	}
	c.Set(fiber.HeaderWWWAuthenticate, `Bearer realm="portico"`)
	c.Status(fiber.StatusUnauthorized)
	return nil
}

// shownKey is the one key a request shows, by either header. Two are none, also
// when they are the same.
func shownKey(c *fiber.Ctx) (string, bool) {
	h := &c.Request().Header
	auth, plain := h.PeekAll(fiber.HeaderAuthorization), h.PeekAll("X-API-Key")
	if len(auth)+len(plain) != 1 {
		return "", false
	}
	if len(plain) == 1 {
		return strings.TrimSpace(string(plain[0])), true
	}
	scheme, key, found := strings.Cut(string(auth[0]), " ")
	return strings.TrimSpace(key), found && strings.EqualFold(scheme, "Bearer")
}
