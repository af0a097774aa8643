// Package handlers is Portico's HTTP side: routes.go is the map, respond.go
// decides page or part, security.go keeps the door, and one file per resource
// parses, calls the store and shows.
package handlers

import (
	"context"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"portico/db"
	"portico/mail"
	"portico/portal"
)

// Config is what the handlers need from outside.
type Config struct {
	Store          *db.Store
	Base           *url.URL // the one address people use; links in mail begin with it
	Aliases        []string // further hosts it answers to (the demo's)
	Log            *slog.Logger
	TrustedProxies []string    // networks whose X-Forwarded-For is believed
	WorkerAlive    func() bool // for /readyz
	TryMail        func(ctx context.Context, c portal.SMTPConfig, m portal.Mail) error
	Demo           *Demo           // nil but in the demo
	Stop           <-chan struct{} // closed when the portal stops: live pages' streams end
}

// Demo is what only the demo has: people to look through the eyes of, and a
// mailbox.
type Demo struct {
	Personas []DemoPersona
	Mailbox  *mail.Mailbox
}

// DemoPersona is somebody the demo can be viewed as. UserID 0 is nobody: Path
// says where such a visitor begins.
type DemoPersona struct {
	ID     string
	Label  string
	UserID int64
	Path   func() string
}

type server struct {
	Config
	store   *db.Store
	base    string // scheme and host, without a slash at the end
	secure  bool   // the base address is https
	cookies *sessionStore

	searches meter
	streams  streams
}

// Limits of what a request may hold and how long it may take.
const (
	bodyLimit   = 64 << 10
	readTimeout = 10 * time.Second
	idleTimeout = 60 * time.Second
	headerLimit = 8 << 10
)

// methods are those that routes use.
var methods = []string{fiber.MethodGet, fiber.MethodHead, fiber.MethodPost}

// New makes the application.
func New(c Config) *fiber.App {
	s := &server{Config: c, store: c.Store, base: strings.TrimSuffix(c.Base.String(), "/"), secure: c.Base.Scheme == "https"}
	s.cookies = newSessionStore(s.secure)
	config := fiber.Config{
		Immutable:      true, // without it, strings kept past the request turn into another one's
		CaseSensitive:  true,
		StrictRouting:  true,
		BodyLimit:      bodyLimit,
		ReadTimeout:    readTimeout,
		IdleTimeout:    idleTimeout,
		ReadBufferSize: headerLimit,
		RequestMethods: methods,
		// Read by us, where a file is taken at all.
		DisablePreParseMultipartForm: true,
		DisableStartupMessage:        true,
		EnableTrustedProxyCheck:      true,
		EnableIPValidation:           true,
		ErrorHandler:                 s.failed,
	}
	if len(c.TrustedProxies) > 0 {
		config.TrustedProxies = c.TrustedProxies
		config.ProxyHeader = fiber.HeaderXForwardedFor
	}
	app := fiber.New(config)
	s.routes(app)
	s.refuseMethods(app)
	limitBodies(app)
	return app
}

// refuseMethods answers all other methods. Fiber would do it before any handler
// of ours, and without our headers.
func (s *server) refuseMethods(app *fiber.App) {
	next := app.Server().Handler
	app.Server().Handler = func(r *fasthttp.RequestCtx) {
		if slices.Contains(methods, string(r.Method())) {
			next(r)
			return
		}
		c := app.AcquireCtx(r)
		defer app.ReleaseCtx(c)
		c.Set(fiber.HeaderAllow, strings.Join(methods, ", "))
		_ = s.failed(c, fiber.ErrMethodNotAllowed)
	}
}
