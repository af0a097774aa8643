package handlers

import (
	"bytes"

	"github.com/gofiber/fiber/v2"

	"portico/db"
)

// knownKey answers gateways that show a key which works and was shown before.
// Gateways ask at each request of theirs, so this comes before all else: it reads
// memory and does not log.
func (s *server) knownKey(c *fiber.Ctx) error {
	if key, ok := shownKey(c); ok {
		if owner, ok := s.store.KnownKey(key, s.clientIP(c)); ok {
			headers(c, s.secure)
			return passKey(c, owner)
		}
	}
	return c.Next()
}

// verify answers gateways: 204 and whose key it is, or 401. It reads no session
// and writes nothing.
func (s *server) verify(c *fiber.Ctx) error {
	if key, ok := shownKey(c); ok {
		owner, works, err := s.store.Verify(c.UserContext(), string(key), at(c).ip)
		if err != nil {
			return err
		}
		if works {
			return passKey(c, owner)
		}
	}
	c.Set(fiber.HeaderWWWAuthenticate, `Bearer realm="portico"`)
	c.Status(fiber.StatusUnauthorized)
	return nil
}

// The headers of an answer that lets a request pass, in canonical form.
var (
	headerOrg        = []byte("X-Portico-Organization")
	headerOrgName    = []byte("X-Portico-Organization-Name")
	headerApp        = []byte("X-Portico-Application")
	headerCredential = []byte("X-Portico-Credential")
)

func passKey(c *fiber.Ctx, owner db.KeyOwner) error {
	h := &c.Response().Header
	if owner.Org != "" { // or else it is a person's own
		h.SetCanonical(headerOrg, []byte(owner.Org))
		h.SetCanonical(headerOrgName, []byte(owner.OrgName))
	}
	h.SetCanonical(headerApp, []byte(owner.App))
	h.SetCanonical(headerCredential, []byte(owner.Credential))
	c.Status(fiber.StatusNoContent)
	return nil
}

// shownKey is the one key a request shows, by either header. Two are none, also
// when they are the same.
func shownKey(c *fiber.Ctx) ([]byte, bool) {
	h := &c.Request().Header
	auth, plain := h.PeekAll(fiber.HeaderAuthorization), h.PeekAll("X-API-Key")
	if len(auth)+len(plain) != 1 {
		return nil, false
	}
	if len(plain) == 1 {
		return bytes.TrimSpace(plain[0]), true
	}
	scheme, key, found := bytes.Cut(auth[0], []byte(" "))
	return bytes.TrimSpace(key), found && bytes.EqualFold(scheme, []byte("Bearer"))
}
