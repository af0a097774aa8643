package handlers

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"portico/assets"
	"portico/portal"
)

func p(pairs ...string) map[string]string {
	form := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		form[pairs[i]] = pairs[i+1]
	}
	return form
}

var (
	newcomer  = p("first_name", "Nora", "last_name", "New", "email", "nora@example.org", "password", password)
	ivyForm   = p("first_name", "Ivy", "last_name", "Test", "password", password)
	invites   = p("first_name", "Nora", "last_name", "New", "email", "nora@example.org", "role", "team_member")
	several   = p("rows", "Nora,New,nora@example.org", "send", "on", "checked", fingerprint("Nora,New,nora@example.org"))
	typedText = p("version", "0", "subject", "Hello", "body", "Hello {{recipient}}")
	edits     = p("first_name", "Abel", "last_name", "Test", "role", "team_member")
)

// table holds every route. A HEAD route belongs to its GET.
var table = map[string]row{
	"GET /healthz":      lets(everybody, "200"),
	"GET /readyz":       lets(everybody, "200"),
	"GET /verify":       lets(everybody, "401"),
	"GET /assets/:name": lets(everybody, "200"),

	"GET /":                       lets(everybody, "200").but("home", "abe", "ann", "bob", "bea", "ada"),
	"GET /register":               lets(signedOut, "200"),
	"POST /register":              lets(everybody, "done").with(newcomer),
	"GET /register/sent":          lets(everybody, "200"),
	"GET /verify-email/:token":    lets(everybody, "200"),
	"POST /verify-email/:token":   lets(everybody, "done"),
	"GET /login":                  lets(signedOut, "200"),
	"POST /login":                 lets(everybody, "done", "email", "ann@example.org", "password", password),
	"GET /login/code":             lets(signedIn, "goes"),
	"POST /login/code":            lets(everybody, "login", "code", "123456"),
	"GET /logout":                 lets(signedIn, "200"),
	"POST /logout":                lets(everybody, "done"),
	"GET /forgot-password":        lets(everybody, "200"),
	"POST /forgot-password":       lets(everybody, "done", "email", "ann@example.org"),
	"GET /forgot-password/sent":   lets(everybody, "200"),
	"GET /reset-password/:token":  lets(everybody, "200"),
	"POST /reset-password/:token": lets(everybody, "done", "password", newPassword),
	"GET /change-email/:token":    lets(everybody, "200"),
	"POST /change-email/:token":   lets(everybody, "done"),
	"GET /setup/:token":           lets(everybody, "410"),
	"POST /setup/:token":          lets(everybody, "410").with(newcomer),

	"GET /invitations/:token":               lets(everybody, "200"),
	"POST /invitations/:token/registration": lets(everybody, "done").with(ivyForm).but("409", insiders...),
	"POST /invitations/:token/acceptance":   lets(signedIn, "403"),
	"POST /invitations/:token/refusal":      lets(everybody, "done").but("403", insiders...),
	"POST /invitations/:token/switch":       lets(everybody, "done"),
	"POST /invitations/:token/request":      lets(everybody, "done"),

	"GET /profile":                          lets(signedIn, "200"),
	"POST /profile":                         lets(signedIn, "done", "first_name", "Other", "last_name", "Name"),
	"POST /profile/password":                lets(signedIn, "done", "current_password", password, "password", newPassword),
	"POST /profile/proof":                   lets(signedIn, "409").but("done", "ulf"),
	"POST /profile/email":                   lets(signedIn, "done", "email", "nora@example.org", "current_password", password).but("409", "ulf"),
	"POST /profile/email/withdrawal":        lets(signedIn, "done"),
	"GET /profile/deletion":                 lets(signedIn, "200"),
	"POST /profile/deletion":                lets(signedIn, "done", "current_password", password).but("409", "ada"),
	"GET /profile/two-factor":               lets(signedIn, "200"),
	"POST /profile/two-factor":              lets(signedIn, "done", "current_password", password),
	"GET /profile/two-factor/setup":         lets(signedIn, "goes"),
	"GET /profile/two-factor/confirmation":  lets(signedIn, "goes"),
	"POST /profile/two-factor/confirmation": lets(none, "404", "code", "123456", "current_password", password),
	"GET /profile/two-factor/codes":         lets(none, "404"),
	"POST /profile/two-factor/codes":        lets(none, "404", "current_password", password),
	"GET /profile/two-factor/removal":       lets(none, "404"),
	"POST /profile/two-factor/removal":      lets(none, "404", "current_password", password),
	"POST /profile/sessions/:id/end":        lets(signedIn, "404").but("done", "ann"),
	"POST /profile/other-sessions/end":      lets(signedIn, "done"),
	"POST /me/invitations/:id/acceptance":   lets(signedIn, "404"),
	"POST /me/invitations/:id/refusal":      lets(signedIn, "404"),

	// Of one's own: Solo, which is rex's.
	"GET /me/applications":                                  lets(proven, "200"),
	"GET /me/applications/new":                              lets(proven, "200"),
	"POST /me/applications":                                 lets(proven, "done", "name", "Mine"),
	"GET /me/applications/:id":                              lets(owner, "200"),
	"POST /me/applications/:id":                             lets(owner, "done", "name", "Alpha Two", "version", "1"),
	"GET /me/applications/:id/edit":                         lets(owner, "200"),
	"GET /me/applications/:id/access":                       lets(owner, "200").but("404", "ulf"),
	"GET /me/applications/:id/deletion":                     lets(owner, "200"),
	"POST /me/applications/:id/deletion":                    lets(owner, "done"),
	"GET /me/applications/:id/move":                         lets(owner, "200"),
	"POST /me/applications/:id/move":                        lets(owner, "422"),
	"GET /me/applications/:id/credentials/new":              lets(owner, "200"),
	"POST /me/applications/:id/credentials":                 lets(owner, "done", "label", "test"),
	"GET /me/applications/:id/credentials/:key/reveal":      lets(signedIn, "goes"),
	"POST /me/applications/:id/credentials/:key/reveal":     lets(owner, "200"),
	"GET /me/applications/:id/credentials/:key/rotation":    lets(owner, "200"),
	"POST /me/applications/:id/credentials/:key/rotation":   lets(owner, "done", "grace", "24h"),
	"GET /me/applications/:id/credentials/:key/extension":   lets(owner, "200"),
	"POST /me/applications/:id/credentials/:key/extension":  lets(owner, "409"),
	"POST /me/applications/:id/credentials/:key/cut":        lets(owner, "409"),
	"GET /me/applications/:id/credentials/:key/usage":       lets(owner, "200").but("404", "ulf"),
	"GET /me/applications/:id/credentials/:key/snippets":    lets(owner, "200").but("404", "ulf"),
	"POST /me/applications/:id/credentials/:key/snippets":   lets(owner, "200"),
	"GET /me/applications/:id/credentials/:key/revocation":  lets(owner, "200"),
	"POST /me/applications/:id/credentials/:key/revocation": lets(owner, "done"),

	"GET /search": lets(signedIn, "200"),
	"GET /join":   lets(proven, "200"),
	"POST /join":  lets(proven, "done", "code", "OPEN DOORS 2026").but("409", "abe", "ann"),

	"GET /organizations/new":                        lets(proven, "200"),
	"POST /organizations":                           lets(proven, "done", "name", "Nimbus"),
	"GET /organizations/requests/:id":               lets(requester, "200"),
	"GET /organizations/requests/:id/live":          lets(requester, "406"),
	"GET /organizations/requests/:id/name":          lets(requester, "200"),
	"POST /organizations/requests/:id/name":         lets(requester, "done", "name", "Rigel Two"),
	"GET /organizations/requests/:id/withdrawal":    lets(requester, "200"),
	"POST /organizations/requests/:id/withdrawal":   lets(requester, "done"),
	"GET /organizations/requests/:id/resubmission":  lets(requester, "200").but("403", "ulf"),
	"POST /organizations/requests/:id/resubmission": lets(requester, "done", "name", "Red Two"),

	"GET /o/:org":                       lets(member, "200"),
	"GET /o/:org/live":                  lets(member, "406"),
	"GET /o/:org/activity":              lets(member, "200"),
	"GET /o/:org/settings":              lets(member, "200"),
	"POST /o/:org/settings":             lets(superAdmin, "done", "name", "Acme Two"),
	"POST /o/:org/settings/invitations": lets(superAdmin, "done", "role", "super_admin"),
	"POST /o/:org/checklist/dismissal":  lets(superAdmin, "done"),
	"POST /o/:org/settings/two-factor":  lets(superAdmin, "done"),
	"GET /o/:org/departure":             lets(member, "200"),
	"POST /o/:org/departure":            lets(member, "done"),

	"GET /o/:org/users":                       lets(member, "200"),
	"GET /o/:org/users/:id":                   lets(member, "200"),
	"POST /o/:org/users/:id":                  lets(superAdmin, "done").with(edits),
	"GET /o/:org/users/:id/removal":           lets(superAdmin, "200"),
	"POST /o/:org/users/:id/removal":          lets(superAdmin, "done"),
	"GET /o/:org/invitations/new":             lets(superAdmin, "200"),
	"POST /o/:org/invitations":                lets(superAdmin, "done").with(invites),
	"GET /o/:org/invitations/several":         lets(superAdmin, "200"),
	"POST /o/:org/invitations/several":        lets(superAdmin, "done").with(several),
	"POST /o/:org/invitations/:id/link":       lets(superAdmin, "200"),
	"POST /o/:org/invitations/:id/renewal":    lets(superAdmin, "done"),
	"POST /o/:org/invitations/:id/revocation": lets(superAdmin, "done"),
	"POST /o/:org/undo/:id":                   lets(superAdmin, "404"), // of nobody's; see the test of undoing

	"GET /o/:org/teams":                              lets(member, "200"),
	"GET /o/:org/teams/:id":                          lets(member, "200"),
	"GET /o/:org/teams/new":                          lets(superAdmin, "200"),
	"POST /o/:org/teams":                             lets(superAdmin, "done", "name", "Blue"),
	"GET /o/:org/teams/:id/deletion":                 lets(superAdmin, "200"),
	"POST /o/:org/teams/:id/deletion":                lets(superAdmin, "done"),
	"GET /o/:org/teams/:id/members/new":              lets(superAdmin, "200"),
	"POST /o/:org/teams/:id/members":                 lets(superAdmin, "422"),
	"GET /o/:org/teams/:id/members/:member/removal":  lets(superAdmin, "200"),
	"POST /o/:org/teams/:id/members/:member/removal": lets(superAdmin, "done"),
	"POST /o/:org/teams/:id":                         lets(superAdmin, "done", "name", "Everybody"),

	"GET /o/:org/applications":                 lets(member, "200"),
	"GET /o/:org/applications/new":             lets(member, "200"),
	"POST /o/:org/applications":                lets(member, "done", "name", "Aleph"),
	"GET /o/:org/applications/:id":             lets(member, "200"),
	"POST /o/:org/applications/:id":            lets(member, "done", "name", "Alpha Two", "version", "1"),
	"GET /o/:org/applications/:id/edit":        lets(member, "200"),
	"GET /o/:org/applications/:id/deletion":    lets(member, "200"),
	"GET /o/:org/applications/:id/access":      lets(member, "200"),
	"GET /o/:org/applications/:id/visibility":  lets(member, "200"),
	"POST /o/:org/applications/:id/visibility": lets(member, "done", "version", "1", "visibility", "organization"),
	"GET /o/:org/exposed":                      lets(superAdmin, "200"),
	"POST /o/:org/exposed":                     lets(superAdmin, "422"),
	"POST /o/:org/applications/:id/deletion":   lets(member, "done"),

	"GET /o/:org/applications/:id/credentials/new":              lets(member, "200"),
	"POST /o/:org/applications/:id/credentials":                 lets(member, "done", "label", "test"),
	"GET /o/:org/applications/:id/credentials/:key/reveal":      lets(member, "goes"),
	"POST /o/:org/applications/:id/credentials/:key/reveal":     lets(member, "200"),
	"GET /o/:org/applications/:id/credentials/:key/rotation":    lets(member, "200"),
	"POST /o/:org/applications/:id/credentials/:key/rotation":   lets(member, "done", "grace", "24h"),
	"GET /o/:org/applications/:id/credentials/:key/extension":   lets(member, "200"),
	"POST /o/:org/applications/:id/credentials/:key/extension":  lets(member, "409"),
	"POST /o/:org/applications/:id/credentials/:key/cut":        lets(member, "409"),
	"GET /o/:org/applications/:id/credentials/:key/usage":       lets(member, "200"),
	"GET /o/:org/applications/:id/credentials/:key/snippets":    lets(member, "200"),
	"POST /o/:org/applications/:id/credentials/:key/snippets":   lets(member, "200"),
	"GET /o/:org/applications/:id/credentials/:key/revocation":  lets(member, "200"),
	"POST /o/:org/applications/:id/credentials/:key/revocation": lets(member, "done"),

	"GET /admin":                              lets(portalAdmin, "200"),
	"GET /admin/live":                         lets(portalAdmin, "406"),
	"GET /admin/organizations":                lets(portalAdmin, "200"),
	"GET /admin/organizations/new":            lets(portalAdmin, "200"),
	"POST /admin/organizations":               lets(portalAdmin, "done", "name", "Nimbus", "first_name", "Nora", "last_name", "New", "email", "nora@example.org"),
	"GET /admin/organizations/:id":            lets(portalAdmin, "200"),
	"GET /admin/organizations/:id/approval":   lets(portalAdmin, "200"),
	"POST /admin/organizations/:id/approval":  lets(portalAdmin, "done", "name", "Rigel"),
	"GET /admin/organizations/:id/rejection":  lets(portalAdmin, "200"),
	"POST /admin/organizations/:id/rejection": lets(portalAdmin, "done", "reason", "No."),

	"GET /admin/organizations/:id/referral":     lets(portalAdmin, "200"),
	"POST /admin/organizations/:id/referral":    lets(portalAdmin, "422"), // without an organization; see the test of referring
	"GET /admin/organizations/:id/suspension":   lets(portalAdmin, "200"),
	"POST /admin/organizations/:id/suspension":  lets(portalAdmin, "done", "reason", "Unpaid."),
	"GET /admin/organizations/:id/resumption":   lets(portalAdmin, "409"),
	"POST /admin/organizations/:id/resumption":  lets(portalAdmin, "409"),
	"GET /admin/organizations/:id/deletion":     lets(portalAdmin, "200"),
	"POST /admin/organizations/:id/deletion":    lets(portalAdmin, "done", "confirm", "Acme"),
	"GET /admin/organizations/:id/restoration":  lets(portalAdmin, "409"),
	"POST /admin/organizations/:id/restoration": lets(portalAdmin, "409"),

	"GET /admin/organizations/:org/name":                                          lets(portalAdmin, "200"),
	"POST /admin/organizations/:org/name":                                         lets(portalAdmin, "done", "name", "Acme Two"),
	"GET /admin/organizations/:org/activity":                                      lets(portalAdmin, "200"),
	"GET /admin/organizations/:org/users":                                         lets(portalAdmin, "200"),
	"GET /admin/organizations/:org/users/:id":                                     lets(portalAdmin, "200"),
	"POST /admin/organizations/:org/users/:id":                                    lets(portalAdmin, "done").with(edits),
	"GET /admin/organizations/:org/users/:id/removal":                             lets(portalAdmin, "200"),
	"POST /admin/organizations/:org/users/:id/removal":                            lets(portalAdmin, "done"),
	"GET /admin/organizations/:org/invitations/new":                               lets(portalAdmin, "200"),
	"POST /admin/organizations/:org/invitations":                                  lets(portalAdmin, "done").with(invites),
	"GET /admin/organizations/:org/invitations/several":                           lets(portalAdmin, "200"),
	"POST /admin/organizations/:org/invitations/several":                          lets(portalAdmin, "done").with(several),
	"POST /admin/organizations/:org/invitations/:id/link":                         lets(portalAdmin, "200"),
	"POST /admin/organizations/:org/invitations/:id/renewal":                      lets(portalAdmin, "done"),
	"POST /admin/organizations/:org/invitations/:id/revocation":                   lets(portalAdmin, "done"),
	"POST /admin/organizations/:org/undo/:id":                                     lets(signedIn, "404"),
	"GET /admin/organizations/:org/teams":                                         lets(portalAdmin, "200"),
	"GET /admin/organizations/:org/teams/:id":                                     lets(portalAdmin, "200"),
	"GET /admin/organizations/:org/teams/new":                                     lets(portalAdmin, "200"),
	"POST /admin/organizations/:org/teams":                                        lets(portalAdmin, "done", "name", "Blue"),
	"GET /admin/organizations/:org/teams/:id/deletion":                            lets(portalAdmin, "200"),
	"POST /admin/organizations/:org/teams/:id/deletion":                           lets(portalAdmin, "done"),
	"GET /admin/organizations/:org/teams/:id/members/new":                         lets(portalAdmin, "200"),
	"POST /admin/organizations/:org/teams/:id/members":                            lets(portalAdmin, "422"),
	"GET /admin/organizations/:org/teams/:id/members/:member/removal":             lets(portalAdmin, "200"),
	"POST /admin/organizations/:org/teams/:id/members/:member/removal":            lets(portalAdmin, "done"),
	"POST /admin/organizations/:org/teams/:id":                                    lets(portalAdmin, "done", "name", "Everybody"),
	"GET /admin/organizations/:org/codes":                                         lets(portalAdmin, "200"),
	"GET /admin/organizations/:org/codes/new":                                     lets(portalAdmin, "200"),
	"POST /admin/organizations/:org/codes":                                        lets(portalAdmin, "200", "name", "Fair"),
	"GET /admin/organizations/:org/codes/:id":                                     lets(portalAdmin, "200"),
	"POST /admin/organizations/:org/codes/:id":                                    lets(portalAdmin, "done", "name", "Fair two"),
	"POST /admin/organizations/:org/codes/:id/deactivation":                       lets(portalAdmin, "done"),
	"POST /admin/organizations/:org/codes/:id/activation":                         lets(portalAdmin, "409"),
	"GET /admin/organizations/:org/applications":                                  lets(portalAdmin, "200"),
	"GET /admin/organizations/:org/applications/:id":                              lets(portalAdmin, "200"),
	"GET /admin/organizations/:org/applications/:id/access":                       lets(portalAdmin, "200"),
	"GET /admin/organizations/:org/applications/:id/credentials/:key/usage":       lets(portalAdmin, "200"),
	"GET /admin/organizations/:org/exposed":                                       lets(portalAdmin, "200"),
	"GET /admin/organizations/:org/applications/:id/credentials/:key/revocation":  lets(portalAdmin, "200"),
	"POST /admin/organizations/:org/applications/:id/credentials/:key/revocation": lets(portalAdmin, "done"),

	"GET /admin/users":                              lets(portalAdmin, "200"),
	"GET /admin/users/:id":                          lets(portalAdmin, "200"),
	"POST /admin/users/:id/approval":                lets(portalAdmin, "done"),
	"GET /admin/users/:id/refusal":                  lets(portalAdmin, "200"),
	"POST /admin/users/:id/refusal":                 lets(portalAdmin, "done"),
	"GET /admin/users/:id/deactivation":             lets(portalAdmin, "200"),
	"POST /admin/users/:id/deactivation":            lets(portalAdmin, "done"),
	"POST /admin/users/:id/activation":              lets(portalAdmin, "done"),
	"POST /admin/users/:id/password-reset":          lets(portalAdmin, "done"),
	"GET /admin/users/:id/promotion":                lets(portalAdmin, "200"),
	"POST /admin/users/:id/promotion":               lets(portalAdmin, "done", "current_password", password),
	"GET /admin/users/:id/demotion":                 lets(portalAdmin, "200"),
	"POST /admin/users/:id/demotion":                lets(portalAdmin, "409", "current_password", password),
	"GET /admin/teams":                              lets(portalAdmin, "200"),
	"GET /admin/teams/:id":                          lets(portalAdmin, "200"),
	"GET /admin/teams/new":                          lets(portalAdmin, "200"),
	"GET /admin/teams/:id/deletion":                 lets(portalAdmin, "200"),
	"POST /admin/teams/:id/deletion":                lets(portalAdmin, "done"),
	"GET /admin/teams/:id/members/new":              lets(portalAdmin, "200"),
	"POST /admin/teams/:id/members":                 lets(portalAdmin, "422"),
	"GET /admin/teams/:id/members/:member/removal":  lets(portalAdmin, "200"),
	"POST /admin/teams/:id/members/:member/removal": lets(portalAdmin, "done"),
	"POST /admin/teams/:id":                         lets(portalAdmin, "done", "name", "Everybody"),
	"GET /admin/applications":                       lets(portalAdmin, "200"),
	"GET /admin/emails":                             lets(portalAdmin, "200"),
	"GET /admin/emails/:id":                         lets(portalAdmin, "200"),
	"POST /admin/emails/:id/retry":                  lets(portalAdmin, "done"),
	"GET /admin/audit-log":                          lets(portalAdmin, "200"),
	"GET /admin/settings/general":                   lets(portalAdmin, "200"),
	"POST /admin/settings/general":                  lets(portalAdmin, "done", "register", "on", "sign_in", "on", "min_password", "14", "invitation_hours", "24", "session_idle_hours", "12", "session_days", "7"),
	"GET /admin/settings/email":                     lets(portalAdmin, "200"),
	"POST /admin/settings/email":                    lets(portalAdmin, "done", "server", "smtp://mail.example.org", "from", "Portico <p@example.org>", "current_password", password),
	"POST /admin/settings/email/test":               lets(portalAdmin, "done"),
	"GET /admin/settings/email-templates":           lets(portalAdmin, "200"),
	"GET /admin/users/:id/deletion":                 lets(portalAdmin, "200"),
	"POST /admin/users/:id/deletion":                lets(portalAdmin, "done", "current_password", password),
	"GET /admin/users/:id/two-factor-removal":       lets(portalAdmin, "200"),
	"POST /admin/users/:id/two-factor-removal":      lets(portalAdmin, "409", "current_password", password),
	"POST /admin/settings/two-factor":               lets(portalAdmin, "done"),

	"GET /admin/applications/:id":                              lets(portalAdmin, "200"),
	"GET /admin/applications/:id/access":                       lets(portalAdmin, "200"),
	"GET /admin/applications/:id/credentials/:key/usage":       lets(portalAdmin, "200"),
	"GET /admin/applications/:id/credentials/:key/revocation":  lets(portalAdmin, "200"),
	"POST /admin/applications/:id/credentials/:key/revocation": lets(portalAdmin, "done"),

	"GET /admin/audit-log.csv":                               lets(portalAdmin, "200"),
	"GET /admin/audit-log.jsonl":                             lets(portalAdmin, "200"),
	"GET /admin/codes":                                       lets(portalAdmin, "200"),
	"GET /admin/emails/retries":                              lets(signedIn, "404"), // of no state
	"POST /admin/emails/retries":                             lets(portalAdmin, "done", "state", "failed"),
	"GET /admin/emails/:id/frame":                            lets(portalAdmin, "200"),
	"POST /admin/emails/:id/link":                            lets(signedIn, "404"), // it carries no invitation
	"GET /admin/settings/email-templates/:kind":              lets(portalAdmin, "200"),
	"POST /admin/settings/email-templates/:kind":             lets(portalAdmin, "done").with(typedText),
	"POST /admin/settings/email-templates/:kind/preview":     lets(portalAdmin, "200").with(typedText),
	"GET /admin/settings/email-templates/:kind/frame":        lets(portalAdmin, "200"),
	"POST /admin/settings/email-templates/:kind/frame":       lets(portalAdmin, "200").with(typedText),
	"POST /admin/settings/email-templates/:kind/test":        lets(portalAdmin, "200").with(typedText),
	"GET /admin/settings/email-templates/:kind/restoration":  lets(portalAdmin, "200"),
	"POST /admin/settings/email-templates/:kind/restoration": lets(portalAdmin, "409"), // it is Portico's own

	"POST /demo/personas/:id": lets(everybody, "done"),
	"GET /demo/mailbox":       lets(everybody, "200"),
	"GET /demo/mailbox/:id":   lets(everybody, "200"),
}

// inDemo adds the demo, so that its routes exist.
func inDemo(t testing.TB) func(*Config) {
	return func(c *Config) {
		box := delivered(t)
		c.Demo = &Demo{Mailbox: box, Personas: []DemoPersona{{ID: "visitor", Label: "Visitor", Path: func() string { return "/login" }}}}
	}
}

// personal are the addresses of applications that people have outside organizations.
var personal = regexp.MustCompile(`^/(me|admin)/applications/`)

// param is what a parameter of a route stands for: a thing of that organization.
func (w *world) param(route, name, org string) string {
	theirs := map[string]string{"Acme": "Beta", "Alpha": "Bravo", "Alpha key": "Bravo key", "Acme code": "Beta code", "Acme builders": "Beta builders", "abe": "bob", "ivy invitation": "ivan invitation"}
	pick := func(thing string) string {
		if org == "Beta" {
			thing = theirs[thing]
		}
		return w.ids[thing]
	}
	before, _, _ := strings.Cut(route+"/", "/:"+name+"/")
	switch parent := before[strings.LastIndex(before, "/")+1:]; {
	case name == "name":
		return strings.TrimPrefix(assets.Path("app.css"), "/assets/")
	case name == "token":
		switch parent {
		case "verify-email":
			return w.latest(portal.MailProve, "ulf", portal.Mailed)
		case "reset-password":
			return w.latest(portal.MailReset, "stan", portal.Mailed)
		case "change-email":
			return w.latest(portal.MailEmailProve, "rex-new", portal.Mailed)
		case "setup":
			return w.store.Links().Token(setupLink)
		case "invitations":
			if strings.HasSuffix(route, "/request") {
				return w.link("ian", portal.Mailed)
			}
			return w.link("ivy", portal.Mailed)
		}
	case parent == "requests" && strings.HasSuffix(route, "/resubmission"):
		return w.ids["Red"]
	case parent == "requests", strings.HasSuffix(route, "/organizations/:id/approval"), strings.HasSuffix(route, "/rejection"), strings.HasSuffix(route, "/referral"):
		return w.ids["Rigel"]
	case parent == "o", parent == "organizations":
		return pick("Acme")
	case strings.HasSuffix(route, "/users/:id/activation"):
		return w.ids["dora"]
	case strings.HasSuffix(route, "/users/:id/approval"), strings.HasSuffix(route, "/users/:id/refusal"):
		return w.ids["wanda"]
	case parent == "sessions":
		return base64.RawURLEncoding.EncodeToString(w.session("ann").Hash)
	case parent == "users":
		return pick("abe")
	case parent == "invitations":
		return pick("ivy invitation")
	case parent == "codes":
		return pick("Acme code")
	case parent == "teams":
		return pick("Acme builders")
	case parent == "members":
		return pick("abe")
	case parent == "applications" && personal.MatchString(route):
		return w.ids["Solo"]
	case parent == "credentials" && personal.MatchString(route):
		return w.ids["Solo key"]
	case parent == "applications":
		return pick("Alpha")
	case parent == "credentials":
		return pick("Alpha key")
	case parent == "email-templates":
		return string(portal.MailRemoved)
	case parent == "emails":
		return w.ids["mail"]
	case parent == "undo":
		return strings.Repeat("u", portal.PublicIDLen)
	case parent == "personas":
		return "visitor"
	case parent == "mailbox":
		return w.mailbox
	}
	w.t.Fatalf("nothing is known to stand for :%s in %s", name, route)
	return ""
}

var params = regexp.MustCompile(`:[a-z]+`)

// path fills in a route's parameters: what value says of each.
func (w *world) path(route string, value func(name string) string) string {
	return params.ReplaceAllStringFunc(route, func(p string) string { return value(p[1:]) })
}

func (w *world) own(route string) string {
	return w.path(route, func(name string) string { return w.param(route, name, "Acme") })
}

// unknown is an address like a route's own one of things that never were.
func (w *world) unknown(route string) string {
	return w.path(route, func(name string) string {
		id := w.param(route, name, "Acme")
		if name == "token" { // of the right shape, with a wrong seal
			return flip(id)
		}
		return strings.Repeat("z", len(id))
	})
}

func flip(token string) string {
	b := []byte(token)
	i := len(b) / 2
	if b[i]++; b[i-1] == 'A' {
		b[i-1] = 'B'
	} else {
		b[i-1] = 'A'
	}
	return string(b[:i]) + token[i:]
}

// routesOf are the routes of the application, as in the table.
func (w *world) routesOf() []string {
	all := map[string]bool{}
	for _, r := range w.app.GetRoutes(true) {
		path := r.Path
		if r.Method != http.MethodHead {
			all[r.Method+" "+path] = true
		}
	}
	for _, r := range w.app.GetRoutes(true) {
		if r.Method == http.MethodHead && !all["GET "+r.Path] {
			w.t.Errorf("HEAD %s has no GET", r.Path)
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// check compares an answer with a cell of the table.
func check(t *testing.T, what, cell string, htmx bool, a answer) bool {
	t.Helper()
	loc, redirect, location := a.header.Get("Location"), a.header.Get("HX-Redirect"), a.header.Get("HX-Location")
	ok := false
	switch {
	case cell == "login" && htmx:
		ok = a.status == 401 && strings.HasPrefix(redirect, "/login") && loc == ""
	case cell == "login":
		ok = a.status == 303 && strings.HasPrefix(loc, "/login") && redirect == ""
	case cell == "done" && htmx:
		ok = a.status == 200 && (redirect != "" || location != "") && loc == ""
	case cell == "done":
		ok = a.status == 303 && loc != "" && redirect == "" && location == ""
	case cell == "home" && htmx:
		ok = a.status == 200 && loc == ""
	case cell == "goes", cell == "home":
		ok = a.status == 303 && loc != ""
	default:
		ok = strconv.Itoa(a.status) == cell && loc == "" && redirect == "" && location == ""
	}
	if !ok {
		t.Errorf("%s: got %d (Location %q, HX-Redirect %q, HX-Location %q), want %s: %s", what, a.status, loc, redirect, location, cell, a.text(t, "main"))
	}
	return ok
}

func TestReadingChangesNothingButWhenASessionWasSeen_CSRF_05_INV_18_ROLE_14(t *testing.T) {
	t.Parallel()
	w := newWorld(t, inDemo(t))
	before := w.fingerprint()
	seen := `SELECT count(*) FROM sessions WHERE seen_at > ?`
	if w.number(seen, start.UnixMilli()) != 0 {
		t.Fatal("sessions were seen before anything began")
	}
	for _, route := range w.routesOf() {
		method, pattern, _ := strings.Cut(route, " ")
		// What GET does for the visitors of the table is in the test of the table.
		for who, m := range map[string]string{"": "HEAD", "ann": "HEAD", "ada": "HEAD", "rita": "GET", "rex": "GET", "wanda": "GET", "ulf": "GET"} {
			if method == "GET" || m == "GET" {
				was := w.touched()
				a := w.browser(who).do(m, w.own(pattern), "")
				if m == "HEAD" && a.body != "" {
					t.Errorf("HEAD %s has a body", pattern)
				}
				if w.touched() != was {
					if changed := w.changes(before); changed != nil {
						t.Errorf("%s %s as %q has changed %v", m, pattern, who, changed)
						before = w.fingerprint()
					}
				}
			}
		}
	}
	if n := w.number(seen, start.UnixMilli()); n != 6 {
		t.Errorf("%d sessions are noted as seen, want 6", n)
	}
}

func TestAPathSpelledOtherwiseIsNotTheAdminsPage_ROLE_15(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	org := w.ids["Acme"]
	for _, path := range []string{"/ADMIN", "/Admin/users", "/admin/", "/admin/users/", "//admin", "//admin/users", "/admin%2fusers", "/%61dmin", "/%61dmin/users",
		"/x/../admin", "/./admin", "/admin;a", "/admin/users;a", "/admin%00", "/admin/users%00", "/admin//users", "/O/" + org, "/o/" + org + "/", "/o//" + org,
		"/o/" + strings.ToUpper(org), "/o/%20" + org, "/o/" + org + "%20", "/o/" + org + "%00", "/o/0", "/o/-1", "/o/1", "/o/01", "/o/1e0", "/o/" + strings.Repeat("a", 4000)} {
		for _, who := range []string{"stan", "abe", "bea", ""} {
			a := w.browser(who).get(path)
			normal := path == "/x/../admin" || path == "/./admin" // what the server is asked for is /admin
			if a.status != 404 && !(who == "" && a.leads() != "") && !(normal && a.status == 404) {
				t.Errorf("%s as %q: %d to %q", path, who, a.status, a.leads())
			}
		}
	}
}

// spellings are other ways to write a path, of which a server or a proxy may think
// that they mean the same.
var spellings = map[string]func(path string) string{
	"in capitals":            strings.ToUpper,
	"with one capital":       func(p string) string { return "/" + strings.ToUpper(p[1:2]) + p[2:] },
	"with an encoded letter": func(p string) string { return fmt.Sprintf("/%%%02x%s", p[1], p[2:]) },
	"encoded twice":          func(p string) string { return fmt.Sprintf("/%%25%02x%s", p[1], p[2:]) },
	"with two slashes first": func(p string) string { return "/" + p },
	"with a backslash":       func(p string) string { return "/\\" + p[1:] },
	"with two slashes":       func(p string) string { return strings.ReplaceAll(p, "/", "//") },
	"with encoded slashes":   func(p string) string { return "/" + strings.ReplaceAll(p[1:], "/", "%2f") },
	"with a dot":             func(p string) string { return "/." + p },
	"from elsewhere":         func(p string) string { return "/assets/.." + p },
	"from an encoded place":  func(p string) string { return "/assets/%2e%2e" + p },
	"with a slash behind":    func(p string) string { return p + "/" },
	"with a semicolon":       func(p string) string { return p + ";a=b" },
	"with a NUL":             func(p string) string { return p + "%00" },
}

func TestNoSpellingOfAPathPassesAGuard_ROLE_15(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tried, held := 0, 0
	defer func() {
		t.Attr("faults", fmt.Sprintf("%s|%d|%d", "guarded paths spelled otherwise", tried, held))
	}()
	outsiders := map[string][]string{"/admin": {"", "stan", "ann"}, "/o/": {"", "stan", "bea", "ada"}, "/me": {""}, "/profile": {""}, "/organizations": {""}, "/search": {""}, "/join": {""}}
	for _, route := range w.routesOf() {
		method, pattern, _ := strings.Cut(route, " ")
		var whose []string
		for prefix, who := range outsiders {
			if strings.HasPrefix(pattern, prefix) {
				whose = who
			}
		}
		if method != "GET" || whose == nil {
			continue
		}
		for how, spell := range spellings {
			path := spell(w.own(pattern))
			for _, who := range whose {
				a := w.browser(who).get(path)
				if tried++; a.status == http.StatusNotFound || a.status == http.StatusBadRequest || a.status == http.StatusSeeOther && strings.HasPrefix(a.leads(), "/login") {
					held++
				} else {
					t.Errorf("%s %s, as %q: %d to %q", path, how, who, a.status, a.leads())
				}
			}
		}
	}
	if tried < 1000 {
		t.Errorf("only %d were tried", tried)
	}
}

func TestAMethodOverrideIsNoMethod_ROLE_14(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/o/" + w.ids["Acme"] + "/settings"
	before := w.fingerprint()
	w.browser("ann").get(path+"?name=Stolen&_method=POST", with("X-HTTP-Method-Override", "POST"), with("X-Method-Override", "POST")).is(t, 200)
	w.browser("ann").post("/o/"+w.ids["Acme"], p("_method", "DELETE")).is(t, 404)
	for _, method := range []string{"PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "post"} {
		a := w.browser("ann").do(method, path, "")
		if a.status != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d, want 405", method, a.status)
		}
	}
	if changed := w.changes(before); changed != nil {
		t.Errorf("the tables %v have changed", changed)
	}
}

func TestFieldsOfTheAddressAndFieldsNobodyNamedAreIgnored_ROLE_02_ROLE_03_REG_03(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.browser("stan").post("/profile?first_name=Query&last_name=String", nil).is(t, 422)
	w.browser("stan").post("/profile", p("first_name", "Sten", "last_name", "Test", "admin", "1", "Admin", "true", "state", "deactivated", "email", "x@example.org",
		"id", "1", "role", "super_admin", "password", newPassword, "password_hash", "x", "created_at", "0")).to(t, "/profile")
	if got, want := w.text(`SELECT first_name || '|' || email || '|' || state || '|' || admin FROM users WHERE public_id = ?`, w.ids["stan"]), "Sten|stan@example.org|active|0"; got != want {
		t.Errorf("the account is %s, want %s", got, want)
	}
	w.browser("").post("/login", p("email", "stan@example.org", "password", password)).to(t, "/")
	member := "/o/" + w.ids["Acme"] + "/users/" + w.ids["abe"]
	w.browser("ann").post(member, p("first_name", "Abe", "last_name", "Test", "role", "team_member", "email", "x@example.org", "password", newPassword, "org_id", "2", "user_id", "1")).is(t, 303)
	w.browser("").post("/login", p("email", "abe@example.org", "password", password)).to(t, "/")
	w.browser("ann").post(member+"?role=super_admin", p("first_name", "Abe", "last_name", "Test")).is(t, 422)
	if got := w.text(`SELECT role FROM memberships WHERE user_id = (SELECT id FROM users WHERE public_id = ?)`, w.ids["abe"]); got != "team_member" {
		t.Errorf("abe is %s", got)
	}
}
