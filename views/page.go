// Package views draws Portico's pages: the frame around every screen, the kit
// of small parts the screens are made of, and the screens themselves.
package views

import (
	"context"
	"io"

	"github.com/a-h/templ"
)

// A Mode says how much of a page is asked for.
type Mode int

const (
	Full   Mode = iota // the whole document
	Region             // the title and everything that depends on the address: what replaces #page
	Bare               // only the screen itself: what goes into the dialog
	Part               // only the screen itself, of which a part is taken
)

// An Area is one of the three parts of Portico, each with a frame of its own.
type Area int

const (
	Public Area = iota // signed-out and personal pages: a top bar
	Org                // pages of one organization: a top bar and a side menu
	Admin              // pages of portal admins: a sidebar
)

// A Page is what the frame around a screen needs to know.
type Page struct {
	Title  string // of the document, without the product's name
	Area   Area
	Menu   string  // the current entry of the menu: the last part of its address, or "overview"; in the Public area "start", "login" or "register", where the top bar need not offer what the page itself does
	Tabs   []Tab   // the pages of what the page is one of, above its heading
	Crumbs []Crumb // the way to a page of the admin area; the last one is the page itself
	Wide   bool    // a narrow page with room for two cards side by side
	Narrow bool    // a form or a message: one card in the middle, whose title is the page's heading
	Mode   Mode

	Viewer    *Viewer // nil when signed out
	Suspended bool    // the organization is: members may look but change nothing

	Org  *OrgLink  // the organization of the Org area
	Orgs []OrgLink // the viewer's organizations, for the switcher

	CanSignIn             bool // shows "Sign in" to who is signed out
	CanRegister           bool // shows "Register" to who is signed out
	CanUseCode            bool // shows "Join with a code"
	CanCreateOrganization bool // shows "Create an organization"

	// Beside the entries of the admin menu: "" or a number, as "3" or "1,000+".
	PendingOrganizations, WaitingUsers, FailedMail string

	Seen    int64 // of a page of the admin area that changes by itself: the changes it shows, see Live
	MailOff bool  // tells portal admins that no mail server is set up
	Notice  *Notice
	Demo    *Demo
}

// A Crumb is one step of the way to a page; without Href it is not a link.
type Crumb struct{ Label, Href string }

// A Viewer is the person who looks at the page.
type Viewer struct {
	Name, Email string
	Initials    string // of Name, if empty
	Admin       bool
}

// An OrgLink is an organization as the menus show it. Role is a word for
// people, as "Super admin"; it may be empty.
type OrgLink struct{ ID, Name, Role string }

// A Notice is one sentence about what has just happened. Kind is "success",
// "error" or "info". Undo is where a press on its Undo button goes; without it
// there is no such button.
type Notice struct {
	Kind, Text string
	Undo       string `json:",omitempty"`
}

// A Demo fills the bar of the demonstration. Path is where the reader is; it is
// posted along as "path" with the choice of a persona.
type Demo struct {
	Personas []Persona
	Path     string
}

// A Persona is somebody a reader of the demonstration can become.
type Persona struct {
	ID, Label string
	Current   bool
}

type frameKey struct{}

// frame is what the parts of a screen may know about the page around them.
type frame struct {
	mode   Mode
	narrow bool
}

// Frame puts body into as much of a page as p.Mode asks for.
func Frame(p Page, body templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		ctx = context.WithValue(ctx, frameKey{}, frame{mode: p.Mode, narrow: p.Narrow})
		switch p.Mode {
		case Bare, Part:
			return body.Render(ctx, w)
		case Region:
			return region(p, body).Render(ctx, w)
		}
		return document(p, body).Render(ctx, w)
	})
}

func frameOf(ctx context.Context) frame {
	f, _ := ctx.Value(frameKey{}).(frame)
	return f
}

// InDialog reports whether the screen is drawn for the dialog.
func InDialog(ctx context.Context) bool { return frameOf(ctx).mode == Bare }

func (v Viewer) initials() string {
	if v.Initials != "" {
		return v.Initials
	}
	return Initials(v.Name)
}

func documentTitle(p Page) string {
	title := "Portico"
	if p.Area == Admin {
		title = "Portico Admin"
	}
	if p.Area == Org && p.Org != nil {
		title = p.Org.Name + " · " + title
	}
	if p.Title != "" {
		title = p.Title + " · " + title
	}
	return title
}

type menuEntry struct{ key, label, icon, href, badge, about string }

type menuGroup struct {
	label   string
	entries []menuEntry
}

func orgMenu(id string) []menuEntry {
	at := "/o/" + id
	return []menuEntry{
		{key: "overview", label: "Overview", icon: "layout-dashboard", href: at},
		{key: "applications", label: "Applications", icon: "app-window", href: at + "/applications"},
		{key: "users", label: "Users", icon: "users", href: at + "/users"},
		{key: "teams", label: "Teams", icon: "users-round", href: at + "/teams"},
		{key: "activity", label: "Activity", icon: "activity", href: at + "/activity"},
		{key: "settings", label: "Settings", icon: "settings", href: at + "/settings"},
	}
}

func adminMenu(p Page) []menuGroup {
	return []menuGroup{
		{entries: []menuEntry{
			{key: "overview", label: "Overview", icon: "layout-dashboard", href: "/admin"},
		}},
		{label: "API Consumers", entries: []menuEntry{
			{key: "organizations", label: "Organizations", icon: "building-2", href: "/admin/organizations", badge: p.PendingOrganizations, about: "pending"},
			{key: "users", label: "Users", icon: "users", href: "/admin/users", badge: p.WaitingUsers, about: "waiting"},
			{key: "teams", label: "Teams", icon: "users-round", href: "/admin/teams"},
			{key: "applications", label: "Applications", icon: "app-window", href: "/admin/applications"},
			{key: "codes", label: "Invite codes", icon: "ticket", href: "/admin/codes"},
		}},
		{label: "Portal", entries: []menuEntry{
			{key: "emails", label: "Emails", icon: "inbox", href: "/admin/emails", badge: p.FailedMail, about: "failed"},
			{key: "audit-log", label: "Audit log", icon: "history", href: "/admin/audit-log"},
		}},
		{label: "Settings", entries: []menuEntry{
			{key: "general", label: "General", icon: "sliders-horizontal", href: "/admin/settings/general"},
			{key: "email", label: "Email", icon: "server", href: "/admin/settings/email"},
			{key: "email-templates", label: "Email templates", icon: "mail", href: "/admin/settings/email-templates"},
		}},
	}
}

// htmxConfig makes htmx live with the content security policy, and keep no
// copies of pages, which may show a credential.
const htmxConfig = `{"includeIndicatorStyles":false,"allowEval":false,"allowScriptTags":false,"selfRequestsOnly":true,` +
	`"historyCacheSize":0,"refreshOnHistoryMiss":true,"historyRestoreAsHxRequest":false,` +
	`"responseHandling":[{"code":"204","swap":false},{"code":"[23]..","swap":true},{"code":"409|422|429","swap":true},` +
	`{"code":"[45]..","swap":false,"error":true}]}`
