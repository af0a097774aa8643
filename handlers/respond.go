package handlers

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"portico/db"
	"portico/portal"
	"portico/views"
)

// This file decides what an answer looks like; no other reads or sets an HX
// header.
//
//	outcome               htmx                                     plain
//	show                  200, the part asked for                  200, the page
//	again: problems       422, the form with its problems          422, the page
//	done: changed         200, HX-Location to where it ends        303, with the notice kept for it
//	second factor missing 200, HX-Redirect to where it is set up   303, likewise
//	error returned        its status, the notice, no swap          its status, an error page

// isPart reports whether htmx asks for a part of a page.
func isPart(c *fiber.Ctx) bool {
	return c.Get("HX-Request") == "true" && c.Get("HX-Boosted") != "true" && c.Get("HX-History-Restore-Request") != "true"
}

func mode(c *fiber.Ctx) views.Mode {
	switch {
	case !isPart(c):
		return views.Full
	case c.Get("HX-Target") == "page":
		return views.Region
	case c.Get("HX-Target") == "results", forPalette(c):
		return views.Part
	}
	return views.Bare
}

// forPalette reports whether a search is asked for by the palette.
func forPalette(c *fiber.Ctx) bool { return isPart(c) && c.Get("HX-Target") == "palette-results" }

// cameFrom is the path of the page from which htmx asks, or "".
func cameFrom(c *fiber.Ctx) string {
	u, err := url.Parse(c.Get("HX-Current-URL"))
	if err != nil {
		return ""
	}
	return u.Path
}

// show answers with a screen, or with the part of it that is asked for.
func (s *server) show(c *fiber.Ctx, p views.Page, body templ.Component) error {
	return s.render(c, fiber.StatusOK, p, body)
}

// again shows a form once more, with its problems and what was typed.
func (s *server) again(c *fiber.Ctx, p views.Page, body templ.Component) error {
	return s.render(c, fiber.StatusUnprocessableEntity, p, body)
}

// refused is again for any refusal with problems: its status says of which kind
// it is.
func (s *server) refused(c *fiber.Ctx, problem error, p views.Page, body templ.Component) error {
	return s.render(c, statusOf(problem), p, body)
}

// statusOf is the status of a refusal. In a form's dialog every refusal is
// swapped in as one of the form's.
func statusOf(err error) int {
	var e *portal.Error
	if errors.As(err, &e) {
		return statuses[e.Code].status
	}
	return fiber.StatusInternalServerError
}

func (s *server) render(c *fiber.Ctx, status int, p views.Page, body templ.Component) error {
	c.Vary("HX-Request", "HX-Target")
	p.Mode = mode(c)
	if p.Mode == views.Part && !forPalette(c) {
		s.address(c)
	}
	if p.Mode == views.Full || p.Mode == views.Region {
		if err := s.fill(c, &p); err != nil {
			return err
		}
	}
	c.Status(status).Type("html", "utf-8")
	return views.Frame(p, body).Render(c.UserContext(), c.Response().BodyWriter())
}

// address puts a search into the browser's address while somebody types: the
// first letter makes a new step to go back from, further ones change that step.
func (s *server) address(c *fiber.Ctx) {
	u, err := url.Parse(c.OriginalURL())
	if err != nil {
		return
	}
	q := u.Query()
	if q.Get("q") == "" {
		q.Del("q")
	}
	u.RawQuery = q.Encode()
	before, err := url.Parse(c.Get("HX-Current-URL"))
	if err == nil && before.Query().Get("q") == "" && q.Has("q") {
		c.Set("HX-Push-Url", u.RequestURI())
		return
	}
	c.Set("HX-Replace-Url", u.RequestURI())
}

// fill adds to a page what every page shows of the visitor.
func (s *server) fill(c *fiber.Ctx, p *views.Page) error {
	v := at(c)
	p.CanRegister = v.set.Register
	p.CanSignIn = v.set.SignIn
	if !byItself(c) {
		p.Notice = takeNotice(c, s.secure)
	}
	if s.Demo != nil {
		p.Demo = s.demoBar(c)
	}
	if v.viewer == nil {
		return nil
	}
	p.Viewer = &views.Viewer{Name: v.viewer.Name(), Email: v.viewer.Email, Admin: v.viewer.Actor(v.ip).IsAdmin()}
	p.CanCreateOrganization = v.set.RegisterOrgs && v.viewer.State == portal.UserActive && p.Area != views.Admin // there it is Add
	if p.Area == views.Admin {
		if c.Method() != fiber.MethodPost { // what a form was answered with cannot be asked for again
			p.Seen = v.seen
		}
		return s.fillAdmin(c, p)
	}
	if v.viewer.State != portal.UserUnproven {
		any, err := s.store.AnyCode(c.UserContext())
		if err != nil {
			return err
		}
		p.CanUseCode = any
	}
	memberships, err := s.store.Memberships(c.UserContext(), v.viewer.Actor(v.ip))
	if err != nil {
		return err
	}
	for _, m := range memberships {
		p.Orgs = append(p.Orgs, views.OrgLink{ID: m.Org.PublicID, Name: m.Org.Name, Role: m.Role.Words()})
	}
	if p.Area == views.Org {
		p.Org = &views.OrgLink{ID: v.org.PublicID, Name: v.org.Name, Role: v.actor.Role.Words()}
		p.Suspended = v.org.State == portal.OrgSuspended
	}
	return nil
}

func (s *server) fillAdmin(c *fiber.Ctx, p *views.Page) error {
	ctx, by := c.UserContext(), actor(c)
	waits, err := s.store.Waits(ctx, by)
	if err != nil {
		return err
	}
	p.PendingOrganizations, p.WaitingUsers, p.FailedMail = some(waits.Organizations), some(waits.Users), some(waits.FailedMail)
	smtp, err := s.store.MailConfig(ctx)
	p.MailOff = !smtp.On()
	return err
}

func some(n portal.Count) string {
	if n == 0 {
		return ""
	}
	return n.String()
}

// done answers a change that worked: the visitor goes to path and reads notice
// there.
func (s *server) done(c *fiber.Ctx, path, notice string) error {
	return s.doneAs(c, path, views.Notice{Kind: "success", Text: notice})
}

// doneUndoable is done for what can be taken back for a few seconds, by the id undo.
func (s *server) doneUndoable(c *fiber.Ctx, path, notice, undo string) error {
	return s.doneAs(c, path, views.Notice{Kind: "success", Text: notice, Undo: at(c).base + "/undo/" + undo})
}

func (s *server) doneAs(c *fiber.Ctx, path string, n views.Notice) error {
	if !isPart(c) {
		keepNotice(c, n, s.secure)
		return c.Redirect(path, fiber.StatusSeeOther)
	}
	if n.Text != "" {
		c.Set("HX-Trigger", noticeEvent(n))
	}
	c.Set("HX-Location", asciiJSON(map[string]string{"path": path, "target": "#page", "swap": "outerHTML"}))
	return c.SendStatus(fiber.StatusOK)
}

// leave answers a change after which the whole page is another one: somebody
// signed in or out.
func (s *server) leave(c *fiber.Ctx, path, notice string) error {
	if notice != "" {
		keepNotice(c, views.Notice{Kind: "success", Text: notice}, s.secure)
	}
	if isPart(c) {
		c.Set("HX-Redirect", path)
		return c.SendStatus(fiber.StatusOK)
	}
	return c.Redirect(path, fiber.StatusSeeOther)
}

func noticeEvent(n views.Notice) string {
	detail := map[string]string{"kind": n.Kind, "text": n.Text}
	if n.Undo != "" {
		detail["undo"] = n.Undo
	}
	return asciiJSON(map[string]any{"notice": detail})
}

// asciiJSON writes v for a header, in which only ASCII survives.
func asciiJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only for types that JSON cannot write
	}
	var out strings.Builder
	for _, r := range string(b) {
		switch {
		case r < utf8.RuneSelf:
			out.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			out.WriteString(`\u` + strconv.FormatInt(int64(0xd800+r>>10), 16) + `\u` + strconv.FormatInt(int64(0xdc00+r&0x3ff), 16))
		default:
			out.WriteString(`\u` + ("0000" + strconv.FormatInt(int64(r), 16))[len(strconv.FormatInt(int64(r), 16)):])
		}
	}
	return out.String()
}

const noticeCookie = "portico-notice"

// noticeName is the name of the cookie in which a notice waits. On https its
// prefix keeps other hosts of the same domain from setting one.
func noticeName(secure bool) string {
	if secure {
		return "__Host-" + noticeCookie
	}
	return noticeCookie
}

// noticeLife is how many seconds a notice waits for the page it is shown on.
const noticeLife = 60

// undoPath is what an Undo button may post to, and nothing else.
var undoPath = regexp.MustCompile(`^/(o|admin/organizations)/[a-z0-9]{` + strconv.Itoa(portal.PublicIDLen) + `}/undo/[a-z0-9]{` + strconv.Itoa(portal.PublicIDLen) + `}$`)

// keepNotice puts a notice into a cookie for the next page. It is shown as text,
// and its button can only ask to undo something of the reader's own, so it needs
// no signature.
func keepNotice(c *fiber.Ctx, n views.Notice, secure bool) {
	if n.Text == "" {
		return
	}
	text := []rune(n.Text)
	b, _ := json.Marshal(views.Notice{Kind: n.Kind, Text: string(text[:min(len(text), 400)]), Undo: n.Undo})
	c.Cookie(&fiber.Cookie{Name: noticeName(secure), Value: base64.RawURLEncoding.EncodeToString(b), Path: "/",
		MaxAge: noticeLife, HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode, Secure: secure})
}

func takeNotice(c *fiber.Ctx, secure bool) *views.Notice {
	b, err := base64.RawURLEncoding.DecodeString(c.Cookies(noticeName(secure)))
	if err != nil || len(b) == 0 {
		return nil
	}
	c.Cookie(&fiber.Cookie{Name: noticeName(secure), Path: "/", MaxAge: -1, HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode, Secure: secure})
	var n views.Notice
	if json.Unmarshal(b, &n) != nil || n.Undo != "" && !undoPath.MatchString(n.Undo) || n.Kind != "success" && n.Kind != "info" && n.Kind != "error" || !utf8.ValidString(n.Text) {
		return nil
	}
	return &n
}

// problems is what to show at a form's fields, or nil when err is nothing of the
// kind. The general message is under "".
func problems(err error) portal.Problems {
	var e *portal.Error
	if !errors.As(err, &e) {
		return nil
	}
	switch e.Code {
	case portal.Invalid:
		p := portal.Problems{}
		for field, message := range e.Fields {
			p[field] = message
		}
		if len(p) == 0 {
			p[""] = e.Message
		}
		return p
	case portal.Conflict, portal.TooMany:
		return portal.Problems{"": e.Message}
	}
	return nil
}

// httpError is a refusal that comes before any operation.
type httpError struct {
	status int
	title  string
	text   string
}

func (e *httpError) Error() string { return e.title }

var statuses = map[portal.Code]struct {
	status int
	title  string
}{
	portal.Invalid:   {fiber.StatusUnprocessableEntity, "Please check this"},
	portal.Forbidden: {fiber.StatusForbidden, "Not allowed"},
	portal.NotFound:  {fiber.StatusNotFound, "There is nothing here"},
	portal.Conflict:  {fiber.StatusConflict, "That is not possible now"},
	portal.Gone:      {fiber.StatusGone, "This is over"},
	portal.TooMany:   {fiber.StatusTooManyRequests, "Too much at once"},
}

const notHere = "The address may be mistyped, or what was here is not yours to see."

// failed turns an error into an answer. It is the only place that does.
func (s *server) failed(c *fiber.Ctx, err error) error {
	if portal.IsCode(err, portal.FactorMissing) {
		keepNotice(c, views.Notice{Kind: "info", Text: err.Error()}, s.secure)
		return s.leave(c, "/profile/two-factor", "")
	}
	title, text, requestID := "Something went wrong on our side", "We have noted it. Try again in a moment.", at(c).id
	status := fiber.StatusInternalServerError
	var e *portal.Error
	var h *httpError
	var f *fiber.Error
	switch {
	case errors.As(err, &e):
		kind := statuses[e.Code]
		status, title, text, requestID = kind.status, kind.title, e.Message, ""
		if e.Code == portal.NotFound {
			text = notHere
		}
		if e.Code == portal.TooMany {
			c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int(e.Wait.Seconds())+1))
		}
	case errors.As(err, &h):
		status, title, text, requestID = h.status, h.title, h.text, ""
	case errors.As(err, &f) && f.Code < 500:
		status, requestID = f.Code, ""
		title, text = plainStatus(f.Code)
	case db.Unavailable(err):
		status = fiber.StatusServiceUnavailable
		title, text = "Nothing can be saved right now", "The server’s disk may be full or busy. What you did may not be stored: look before you repeat it. Reading still works."
		s.Log.Error("database unavailable", "request", at(c).id, "error", err)
	default:
		s.Log.Error("request failed", "request", at(c).id, "route", c.Route().Path, "error", err)
	}
	c.Response().ResetBody()
	headers(c, s.secure)
	// What a button has posted changes nothing on the page but by a notice; a page
	// that htmx asks for is shown, also when it is an error's.
	if isPart(c) && (mode(c) != views.Region || c.Method() == fiber.MethodPost) {
		c.Set("HX-Trigger", noticeEvent(views.Notice{Kind: "error", Text: noticeText(title, text, requestID, e != nil)}))
		c.Set("HX-Reswap", "none")
		c.Status(status)
		return nil
	}
	p := views.Page{Title: title, Narrow: true, Mode: mode(c)}
	if fillErr := s.fill(c, &p); fillErr != nil {
		s.Log.Error("error page", "request", at(c).id, "error", fillErr)
	}
	c.Status(status).Type("html", "utf-8")
	href, label := "/", "Back to the start"
	if status == fiber.StatusMisdirectedRequest {
		href, label = s.base+"/", "Open "+s.base
	}
	return views.Frame(p, views.ErrorPage(title, text, requestID, href, label)).Render(c.UserContext(), c.Response().BodyWriter())
}

func noticeText(title, text, requestID string, said bool) string {
	if said {
		return text
	}
	if requestID != "" {
		return title + ". " + text + " (request " + requestID + ")"
	}
	return title + ". " + text
}

func plainStatus(code int) (title, text string) {
	switch code {
	case fiber.StatusNotFound, fiber.StatusMethodNotAllowed:
		return "There is nothing here", notHere
	case fiber.StatusRequestEntityTooLarge:
		return "Too large", "That is more than this form takes. Make it shorter and try again."
	}
	return "This request cannot be answered", "Go back, load the page again and repeat it."
}
