package handlers

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"mime"
	"net/url"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"portico/portal"
)

// guard is outermost: it names the request, logs one line about it, and turns a
// panic into an error.
func (s *server) guard(c *fiber.Ctx) (err error) {
	start := time.Now()
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], rand.Uint64()) // #nosec G404 -- a name, not a secret
	v := &visit{id: hex.EncodeToString(b[:6]), ip: s.clientIP(c)}
	c.SetUserContext(context.WithValue(context.Background(), visitKey{}, v))
	headers(c, s.secure)
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
		if err != nil {
			err = s.failed(c, err) // here, so that the log has the status
		}
		level := slog.LevelInfo
		if err == nil && c.Path() == "/verify" && c.Response().StatusCode() == fiber.StatusNoContent {
			level = slog.LevelDebug // gateways ask at each request of theirs
		}
		if !s.Log.Enabled(context.Background(), level) {
			return
		}
		var user int64
		if v.viewer != nil {
			user = v.viewer.ID
		}
		// The route, not the path: paths can hold tokens.
		s.Log.LogAttrs(context.Background(), level, "request", slog.String("id", v.id), slog.String("method", c.Method()),
			slog.String("route", c.Route().Path), slog.Int("status", c.Response().StatusCode()),
			slog.Duration("took", time.Since(start).Round(time.Microsecond)), slog.String("ip", v.ip), slog.Int64("user", user))
	}()
	return c.Next()
}

const contentPolicy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

// fixedHeaders are set on every answer; their names are in canonical form.
var fixedHeaders = [][2][]byte{
	{[]byte(fiber.HeaderContentSecurityPolicy), []byte(contentPolicy)},
	{[]byte(fiber.HeaderXContentTypeOptions), []byte("nosniff")},
	{[]byte(fiber.HeaderXFrameOptions), []byte("DENY")},
	{[]byte(fiber.HeaderReferrerPolicy), []byte("same-origin")},
	{[]byte("Cross-Origin-Opener-Policy"), []byte("same-origin")},
	{[]byte("Cross-Origin-Resource-Policy"), []byte("same-origin")},
	{[]byte(fiber.HeaderPermissionsPolicy), []byte("camera=(), geolocation=(), microphone=(), payment=(), usb=()")},
	{[]byte(fiber.HeaderCacheControl), []byte("no-store")},
}

// headers are set on every answer, errors included.
func headers(c *fiber.Ctx, secure bool) {
	for _, h := range fixedHeaders {
		c.Response().Header.SetCanonical(h[0], h[1])
	}
	if secure {
		c.Set(fiber.HeaderStrictTransportSecurity, "max-age=31536000")
	}
}

// host refuses requests under another name than the portal's: links and cookies
// belong to one.
func (s *server) host(c *fiber.Ctx) error {
	host := string(c.Request().Header.Host())
	// A request line may name a host too.
	if asked := string(c.Request().URI().Host()); host != s.Base.Host && !slices.Contains(s.Aliases, host) || !strings.EqualFold(asked, host) {
		return &httpError{fiber.StatusMisdirectedRequest, "This is not the portal's address", "Portico answers at " + s.base + " only. Open it there."}
	}
	return c.Next()
}

// origin refuses unsafe requests that no page of ours has sent, and bodies that
// are no form.
func (s *server) origin(c *fiber.Ctx) error {
	if c.Method() != fiber.MethodPost {
		return c.Next()
	}
	if !s.sameOrigin(c) {
		return &httpError{fiber.StatusForbidden, "Not sent from here", "This request did not come from one of Portico’s own pages, so nothing was done. Go back, load the page again and repeat it."}
	}
	// The body as it came: c.Body would unpack what a few octets say is endless.
	body := c.Request().Body()
	kind, params, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	packed := len(c.Request().Header.Peek(fiber.HeaderContentEncoding)) > 0
	file := kind == fiber.MIMEMultipartForm && takesFile(c.Path())
	if packed || len(body) > 0 && (err != nil || kind != fiber.MIMEApplicationForm && !file) {
		return &httpError{fiber.StatusUnsupportedMediaType, "Not a form", "Only forms are accepted here."}
	}
	var form map[string]string
	if file {
		form, err = parseUpload(body, params["boundary"])
	} else {
		form, err = parseForm(string(body))
	}
	if err != nil {
		return err
	}
	at(c).form = form
	return c.Next()
}

// sameOrigin goes by Sec-Fetch-Site, which pages cannot forge, or else by Origin.
// With neither header the request is refused.
func (s *server) sameOrigin(c *fiber.Ctx) bool {
	if site := c.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	return c.Get(fiber.HeaderOrigin) == s.Base.Scheme+"://"+string(c.Request().Header.Host()) // the host is one of ours, see host
}

// maxFields is how many fields a form may have; ours have far fewer.
const maxFields = 200

var errBadForm = &httpError{fiber.StatusBadRequest, "This form cannot be read", "Go back, load the page again and repeat it."}

// parseForm reads a form's fields, each of which may be there once and be text.
func parseForm(body string) (map[string]string, error) {
	if strings.Count(body, "&") >= maxFields {
		return nil, errBadForm
	}
	values, err := url.ParseQuery(body)
	if err != nil {
		return nil, errBadForm
	}
	form := make(map[string]string, len(values))
	for name, all := range values {
		if len(all) > 1 || !isText(name) || !isText(all[0]) {
			return nil, errBadForm
		}
		form[name] = all[0]
	}
	return form, nil
}

// isText reports whether s is what a browser sends for something that was typed.
func isText(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// below makes a group's guard keep to addresses below prefix: Fiber would put it
// before all that begin with the same letters.
func below(prefix string, guard fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if path := c.Path(); path != prefix && !strings.HasPrefix(path, prefix+"/") {
			return c.Next()
		}
		return guard(c)
	}
}

// signedIn lets only people through who are signed in; others come back here
// after they have.
func (s *server) signedIn(c *fiber.Ctx) error {
	if at(c).viewer == nil {
		return s.toLogin(c)
	}
	return c.Next()
}

// admins lets only portal admins through. To everybody else the address does
// not exist.
func (s *server) admins(c *fiber.Ctx) error {
	if at(c).viewer == nil {
		return s.toLogin(c)
	}
	err := mayAdminister(at(c).set, *at(c).viewer)
	if portal.IsCode(err, portal.NotFound) {
		return s.keepOut(c, err)
	} else if err != nil {
		return err
	}
	at(c).seen = s.store.Changes(0)
	return c.Next()
}

// mayAdminister refuses all but portal admins who have the second factor that may be
// asked of them.
func mayAdminister(set portal.Settings, v portal.Viewer) error {
	switch {
	case !v.Actor("").IsAdmin():
		return portal.ErrNotFound
	case set.AdminsFactor && !v.Factor:
		return portal.ErrFactorMissing(portal.ThePortal)
	}
	return nil
}

// keepOut refuses somebody before any operation has begun. What would have changed
// something is noted in the audit log; looking changes nothing.
func (s *server) keepOut(c *fiber.Ctx, refusal error) error {
	if c.Method() != fiber.MethodPost {
		return refusal
	}
	return s.store.Refuse(c.UserContext(), actor(c), refusal)
}

// maxAsked is how much of an address the audit log keeps.
const maxAsked = 200

// asked is the address of a request that would change something, for the audit
// log. Parts longer than an id are left out: they are tokens, which are secrets.
func asked(c *fiber.Ctx) string {
	if c.Method() != fiber.MethodPost {
		return ""
	}
	parts := strings.Split(c.Path(), "/")
	for i, part := range parts {
		if len(part) > portal.PublicIDLen {
			parts[i] = "…"
		}
	}
	path := strings.Join(parts, "/")
	return strings.ToValidUTF8(path[:min(len(path), maxAsked)], "")
}

// inOrg enters the organization named in the address.
func (s *server) inOrg(admin bool) fiber.Handler {
	return func(c *fiber.Ctx) error {
		v := at(c)
		if v.viewer == nil {
			return s.toLogin(c)
		}
		by, org, err := s.store.Enter(c.UserContext(), v.actor, c.Params("org"), admin)
		if err != nil {
			return s.keepOut(c, err)
		}
		if admin && !org.State.Provisioned() {
			return portal.ErrNotFound
		}
		v.actor, v.org, v.base = by, org, "/o/"+org.PublicID
		if admin {
			v.base = "/admin/organizations/" + org.PublicID
		} else {
			v.seen = s.store.Changes(org.ID)
		}
		v.teams = v.base + "/teams"
		return c.Next()
	}
}

// onOwn acts on applications of one's own, outside organizations.
func (s *server) onOwn(c *fiber.Ctx) error {
	v := at(c)
	v.base = "/me"
	v.actor.Personal = true
	return c.Next()
}

// onOthersOwn looks, as a portal admin, at applications that people have outside
// organizations.
func (s *server) onOthersOwn(c *fiber.Ctx) error {
	v := at(c)
	v.base = "/admin"
	v.actor.Oversees = true
	return c.Next()
}

// toLogin sends people to the sign-in page, and back to where they were for
// pages (not for what a form has posted).
func (s *server) toLogin(c *fiber.Ctx) error {
	if c.Get(fiber.HeaderAccept) == eventStream {
		return c.SendStatus(fiber.StatusNoContent) // which ends a browser's listening
	}
	if c.Method() == fiber.MethodPost || isPart(c) {
		return s.loginFor(c, "")
	}
	return s.loginFor(c, c.OriginalURL())
}

// loginFor sends people to the sign-in page, and from there on to next.
func (s *server) loginFor(c *fiber.Ctx, next string) error {
	to := "/login"
	if next != "" {
		to += "?next=" + url.QueryEscape(next)
	}
	if isPart(c) {
		c.Set("HX-Redirect", to)
		return c.SendStatus(fiber.StatusUnauthorized)
	}
	return c.Redirect(to, fiber.StatusSeeOther)
}

// safeNext is next if it is an address of ours to go to after signing in, else "/".
func safeNext(next string) string {
	if len(next) == 0 || len(next) > 1000 || next[0] != '/' || strings.HasPrefix(next, "//") {
		return "/"
	}
	for _, r := range next {
		if r == '\\' || r < 0x21 || r > 0x7e {
			return "/"
		}
	}
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || strings.HasPrefix(u.Path, "//") || strings.ContainsAny(u.Path, "\\\r\n\t") {
		return "/"
	}
	// Browsers resolve dots, also those that are percent-encoded.
	if to := path.Clean(u.Path); strings.HasPrefix(to, "/login") || strings.HasPrefix(to, "/logout") {
		return "/"
	}
	return next
}
