package views

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/a-h/templ"

	"portico/assets"
)

// LinkProps describe a link that looks like a button. Variant is "" (filled),
// "outline", "secondary", "ghost", "danger" (quiet, for what opens or does
// something destructive), "destructive" (loud) or "link"; Size is "", "sm",
// or "icon-sm", which shows the icon alone and keeps Label for those who
// listen. About says what a short label is about, where several links are
// called the same: "Northbank Logistics" beside "Approve".
type LinkProps struct {
	Href, Label, Icon, Variant, Size, About string
}

// PostButtonProps describe a form of one button. Dialog shows the answer in the
// dialog instead of taking it as done. The rest is as in LinkProps.
type PostButtonProps struct {
	Action, Label, Icon, Variant, Size, About string
	Hidden                                    map[string]string
	Dialog                                    bool
}

// FormProps describe a form with its heading and buttons.
type FormProps struct {
	Action      string
	Title, Lead string
	Submit      string // the words on the button
	SubmitName  string // what the button sends, as "on"; "" for nothing
	Also        string // the words on a second button, which sends nothing of its own
	Cancel      string // where Cancel leads; without it there is no Cancel
	Danger      bool   // the button does something that cannot be taken back
	Wide        bool   // the button takes the whole width, as in "Sign in"
	Part        bool   // one of several on a narrow page: the title is not the page's heading
	Problem     string // what is wrong with the whole
	Multipart   bool   // a file is sent along
	Hidden      map[string]string
}

// PanelProps describe a screen for the dialog or a narrow page that shows
// something instead of asking. Close is where its one button leads, Label what
// it says ("Close", if empty).
type PanelProps struct {
	Title, Lead, Close, Label string
}

// FieldProps describe one field of a form. Its id follows from Name; ID is for
// a page with two fields of one name.
type FieldProps struct {
	Name, Label, Type, Value, Hint, Problem   string
	Autocomplete, Placeholder, InputMode, ID  string
	Required, Optional, Readonly, Mono, Focus bool
	Tall                                      bool // a text of a page's length
	Max                                       int
}

// A Choice is one of several values. Text explains it.
type Choice struct{ Value, Label, Text string }

// A Tab is one of several views of a list. Count may be empty.
type Tab struct {
	Label, Href, Count string
	Current            bool
}

// ItemProps describe one row of a short list. Detail takes the place of Text
// where that is more than words.
type ItemProps struct {
	Icon, Title, Text, Href string
	Detail                  templ.Component
}

// Icon draws the icon of that name. It is decoration: what it means must also
// stand there in words.
func Icon(name string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		svg, ok := assets.Icon(name)
		if !ok {
			return fmt.Errorf("views: no icon %q", name)
		}
		_, err := io.WriteString(w, svg)
		return err
	})
}

// Initials are the first letters of the first and the last word of name.
func Initials(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && r != '\'' && r != '’'
	})
	switch len(words) {
	case 0:
		return "?"
	case 1:
		return strings.ToUpper(firstRunes(words[0], 2))
	}
	return strings.ToUpper(firstRunes(words[0], 1) + firstRunes(words[len(words)-1], 1))
}

func firstRunes(s string, n int) string {
	r := []rune(s)
	return string(r[:min(n, len(r))])
}

// Ago says in few words when t is, seen from now.
func Ago(t, now time.Time) string {
	const day = 24 * time.Hour
	if d := t.Sub(now); d > 0 {
		switch {
		case d < time.Minute:
			return "in a moment"
		case d < time.Hour:
			return fmt.Sprintf("in %d min", int(d.Minutes()))
		case d < 47*time.Hour:
			return "in " + plural(int(math.Round(d.Hours())), "hour")
		case d < 60*day:
			return "in " + plural(int(math.Round(d.Hours()/24)), "day")
		}
		return date(t, now)
	}
	switch d := now.Sub(t); {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < day:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	case d < 2*day:
		return "yesterday"
	case d < 7*day:
		return fmt.Sprintf("%d days ago", int(d/day))
	}
	return date(t, now)
}

func date(t, now time.Time) string {
	t, now = t.UTC(), now.UTC()
	if t.Year() == now.Year() {
		return t.Format("Jan 2")
	}
	return t.Format("Jan 2, 2006")
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return thousands(int64(n)) + " " + word + "s"
}

// thousands writes a number as people read it: 3,700.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for at := len(s) - 3; at > 0 && s[at-1] != '-'; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}

func absolute(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }

type badgeLook struct{ kind, icon string }

// states says how each state looks. A state not named here is shown plainly.
var states = map[string]badgeLook{
	"Pending":      {"warn", "clock"},
	"Waiting":      {"warn", "clock"},
	"Unproven":     {"warn", "mail"},
	"Queued":       {"warn", "clock"},
	"Active":       {"success", "circle-check"},
	"Sent":         {"success", "circle-check"},
	"Accepted":     {"success", "circle-check"},
	"Approved":     {"success", "circle-check"},
	"Live":         {"success", "circle-check"},
	"Rejected":     {"destructive", "circle-x"},
	"Failed":       {"destructive", "circle-alert"},
	"Suspended":    {"destructive", "ban"},
	"Deactivated":  {"destructive", "ban"},
	"Revoked":      {"destructive", "ban"},
	"Deleted":      {"outline", "trash-2"},
	"Withdrawn":    {"outline", "undo-2"},
	"Declined":     {"outline", "x"},
	"Kept":         {"outline", "inbox"},
	"Expired":      {"outline", "hourglass"},
	"Void":         {"outline", "circle-slash"},
	"Off":          {"outline", "ban"},
	"Used up":      {"outline", "circle-slash"},
	"Retiring":     {"warn", "hourglass"},
	"Rotated":      {"outline", "rotate-cw"},
	"Organization": {"soft", "building-2"},
	"Team":         {"soft", "users-round"},
	"Personal":     {"soft", "user-round"},
}

// badges says for each kind of badge which variant of the styles it is.
var badges = map[string]string{
	"soft": "primary", "primary": "primary", "destructive": "destructive",
	"outline": "outline", "secondary": "secondary", "warn": "secondary", "success": "secondary",
}

func badgeVariant(kind string) string {
	if v, ok := badges[kind]; ok {
		return v
	}
	return "secondary"
}

func alertIcon(kind string) string {
	switch kind {
	case "error", "destructive":
		return "circle-alert"
	case "warn":
		return "triangle-alert"
	case "success":
		return "circle-check"
	}
	return "info"
}

func noticeIcon(kind string) string { return alertIcon(kind) }

func submitVariant(danger bool) string {
	if danger {
		return "destructive"
	}
	return "primary"
}

// fieldID is the id of a field. In the dialog it differs, as the page behind
// may have a field of that name too.
func fieldID(ctx context.Context, id, name string) string {
	if id == "" {
		id = "field-" + name
	}
	if InDialog(ctx) {
		return "dialog-" + id
	}
	return id
}

// describedBy lists the ids of what explains a field.
func describedBy(id string, f FieldProps) string {
	var ids []string
	if f.Problem != "" {
		ids = append(ids, id+"-problem")
	}
	if f.Hint != "" {
		ids = append(ids, id+"-hint")
	}
	if f.Optional {
		ids = append(ids, id+"-optional")
	}
	return strings.Join(ids, " ")
}

func fieldAttributes(ctx context.Context, f FieldProps) templ.OrderedAttributes {
	id := fieldID(ctx, f.ID, f.Name)
	a := templ.OrderedAttributes{{Key: "id", Value: id}, {Key: "name", Value: f.Name}}
	set := func(key, value string) {
		if value != "" {
			a = append(a, templ.KeyValue[string, any]{Key: key, Value: value})
		}
	}
	flag := func(key string, on bool) {
		if on {
			a = append(a, templ.KeyValue[string, any]{Key: key, Value: true})
		}
	}
	set("autocomplete", f.Autocomplete)
	set("placeholder", f.Placeholder)
	set("inputmode", f.InputMode)
	if f.Type == "email" {
		set("autocapitalize", "none")
		set("spellcheck", "false")
	}
	if f.Max > 0 {
		set("maxlength", strconv.Itoa(f.Max))
	}
	flag("required", f.Required)
	flag("readonly", f.Readonly)
	flag("autofocus", f.Focus)
	if f.Problem != "" {
		set("aria-invalid", "true")
	}
	set("aria-describedby", describedBy(id, f))
	return a
}

func fieldType(f FieldProps) string {
	if f.Type == "" {
		return "text"
	}
	return f.Type
}

func foundWords(n int, more bool) string {
	if more {
		return strconv.Itoa(n) + " found on this page, and more"
	}
	return strconv.Itoa(n) + " found"
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func buttonVariant(v string) string {
	switch v {
	case "":
		return "primary"
	case "danger":
		return "ghost"
	}
	return v
}

func buttonSize(s string) string {
	if s == "" {
		return "default"
	}
	return s
}
