package handlers

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"

	"github.com/gofiber/fiber/v2"
	"github.com/gorilla/sessions"

	"portico/db"
	"portico/portal"
)

// sessionStore is a gorilla session store whose sessions live in the database.
// The cookie holds a random id; the database holds its SHA-256. Rows are made
// and ended by the operations of package db, in the transaction of what caused
// them; this store carries the id.
type sessionStore struct {
	name    string
	device  string // name of the cookie by which a browser is known
	options sessions.Options
}

var _ sessions.Store = (*sessionStore)(nil)

const sessionIDLen = 32 // octets

func newSessionStore(secure bool) *sessionStore {
	s := &sessionStore{name: "portico", device: "portico-device", options: sessions.Options{
		Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: secure,
	}}
	if secure {
		s.name, s.device = "__Host-"+s.name, "__Host-"+s.device
	}
	return s
}

// Get returns the session of a request, the same one each time.
func (s *sessionStore) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name)
}

// New reads the session's id from the request. A cookie that is not one of ours,
// or is there twice, is no session.
func (s *sessionStore) New(r *http.Request, name string) (*sessions.Session, error) {
	session := sessions.NewSession(s, name)
	options := s.options
	session.Options = &options
	session.IsNew = true
	cookies := r.CookiesNamed(name)
	if len(cookies) != 1 {
		return session, nil
	}
	id, err := base64.RawURLEncoding.Strict().DecodeString(cookies[0].Value)
	if err != nil || len(id) != sessionIDLen {
		return session, nil
	}
	session.ID, session.IsNew = cookies[0].Value, false
	return session, nil
}

// Save writes the cookie; one without an id is deleted.
func (s *sessionStore) Save(_ *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	if session.ID == "" {
		session.Options.MaxAge = -1
	}
	http.SetCookie(w, sessions.NewCookie(session.Name(), session.ID, session.Options))
	return nil
}

// cookieWriter collects the cookies that gorilla sets.
type cookieWriter struct{ header http.Header }

func (w cookieWriter) Header() http.Header       { return w.header }
func (w cookieWriter) Write([]byte) (int, error) { return 0, nil }
func (w cookieWriter) WriteHeader(int)           {}

// session is the one that the visitor's browser holds.
func (s *server) session(c *fiber.Ctx) *sessions.Session { return s.cookie(c, s.cookies.name) }

func (s *server) cookie(c *fiber.Ctx, name string) *sessions.Session {
	r := &http.Request{Header: http.Header{}}
	for _, line := range c.Context().Request.Header.PeekAll(fiber.HeaderCookie) {
		r.Header.Add("Cookie", string(line))
	}
	session, _ := s.cookies.New(r, name) // its error is always nil
	return session
}

// setSession gives the browser a session's id, or takes it away.
func (s *server) setSession(c *fiber.Ctx, id string) error {
	return s.setCookie(c, s.session(c), id)
}

// enter gives the browser the id of a session in which somebody is signed in, and the
// id by which it is known from now on.
func (s *server) enter(c *fiber.Ctx, id string) error {
	device := s.cookie(c, s.cookies.device)
	device.Options.MaxAge = int(portal.DeviceLife.Seconds())
	if err := s.setCookie(c, device, at(c).device); err != nil {
		return err
	}
	return s.setSession(c, id)
}

func (s *server) setCookie(c *fiber.Ctx, cookie *sessions.Session, id string) error {
	cookie.ID = id
	w := cookieWriter{http.Header{}}
	if err := cookie.Save(&http.Request{}, w); err != nil {
		return err
	}
	c.Response().Header.Add(fiber.HeaderSetCookie, w.header.Get("Set-Cookie")) // Append would put two into one line
	return nil
}

func hashID(id string) []byte {
	h := sha256.Sum256([]byte(id))
	return h[:]
}

// newCookieID makes an id for a cookie.
func newCookieID() string {
	b := make([]byte, sessionIDLen)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return base64.RawURLEncoding.EncodeToString(b)
}

// freshSession makes a new session id for a sign-in, and a new one for the browser.
// They are set as cookies only after the store has taken them.
func (s *server) freshSession(c *fiber.Ctx) (id string, n db.NewSession) {
	id, at(c).device = newCookieID(), newCookieID()
	n = db.NewSession{Hash: hashID(id), Device: hashID(at(c).device), IP: at(c).ip, Agent: c.Get(fiber.HeaderUserAgent)}
	if old := s.session(c); !old.IsNew {
		n.Old = hashID(old.ID)
	}
	if old := s.cookie(c, s.cookies.device); !old.IsNew {
		n.OldDevice = hashID(old.ID)
	}
	return id, n
}

// load finds out who is visiting, from the database, at this request.
func (s *server) load(c *fiber.Ctx) error {
	v := at(c)
	ctx, err := s.store.Look(c.UserContext())
	if err != nil {
		return err
	}
	c.SetUserContext(ctx)
	if v.set, err = s.store.Settings(ctx); err != nil {
		return err
	}
	v.actor.IP = v.ip
	session := s.session(c)
	if session.IsNew {
		return c.Next()
	}
	hash := hashID(session.ID)
	find := s.store.Viewer
	if byItself(c) {
		find = s.store.ViewerUnseen
	}
	viewer, ok, err := find(c.UserContext(), hash, v.set)
	if err != nil {
		return err
	}
	if ok {
		v.viewer, v.session, v.actor = &viewer, hash, viewer.Actor(v.ip)
		v.actor.Asked = asked(c)
	}
	return c.Next()
}
