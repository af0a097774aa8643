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

// The people whom each route is tried as, in the order of the columns of the
// table. bea is a Super admin of another organization than the addresses name;
// rita and rex have a request.
var visitors = []string{"", "stan", "abe", "ann", "bea", "ada"}

// row is what a route answers: for each visitor a status, or
//
//	login  to the sign-in page: 303, htmx 401 with HX-Redirect
//	done   something has changed: 303, htmx 200 with HX-Location or HX-Redirect
//	goes   303 for both
//	home   303, htmx 200
type row struct {
	as   string
	form map[string]string
}

const (
	everybody = "200 200 200 200 200 200"
	changing  = "done done done done done done"
	missing   = "404 404 404 404 404 404"
	over      = "410 410 410 410 410 410"
	people    = "login 200 200 200 200 200"
	nobodys   = "login 404 404 404 404 404"
	peopleMay = "login done done done done done"
	requester = "login 404 404 404 404 404 requester:"
	members   = "login 404 200 200 404 404"
	membersDo = "login 404 done done 404 404"
	supers    = "login 404 403 200 404 404"
	supersDo  = "login 404 403 done 404 404"
	admins    = "login 404 404 404 404 200"
	adminsDo  = "login 404 404 404 404 done"
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
	"GET /healthz":      {as: everybody},
	"GET /readyz":       {as: everybody},
	"GET /verify":       {as: "401 401 401 401 401 401"},
	"GET /assets/:name": {as: everybody},

	"GET /":                       {as: "200 200 home home home home"},
	"GET /register":               {as: "200 goes goes goes goes goes"},
	"POST /register":              {changing, newcomer},
	"GET /register/sent":          {as: everybody},
	"GET /verify-email/:token":    {as: everybody},
	"POST /verify-email/:token":   {as: changing},
	"GET /login":                  {as: "200 goes goes goes goes goes"},
	"POST /login":                 {changing, p("email", "ann@example.org", "password", password)},
	"GET /login/code":             {as: "login goes goes goes goes goes"},
	"POST /login/code":            {"login login login login login login", p("code", "123456")},
	"GET /logout":                 {as: people},
	"POST /logout":                {as: changing},
	"GET /forgot-password":        {as: everybody},
	"POST /forgot-password":       {changing, p("email", "ann@example.org")},
	"GET /forgot-password/sent":   {as: everybody},
	"GET /reset-password/:token":  {as: everybody},
	"POST /reset-password/:token": {changing, p("password", newPassword)},
	"GET /change-email/:token":    {as: everybody},
	"POST /change-email/:token":   {as: changing},
	"GET /setup/:token":           {as: over},
	"POST /setup/:token":          {over, newcomer},

	"GET /invitations/:token":               {as: everybody},
	"POST /invitations/:token/registration": {"done 409 409 409 409 409", ivyForm},
	"POST /invitations/:token/acceptance":   {as: "login 403 403 403 403 403"},
	"POST /invitations/:token/refusal":      {as: "done 403 403 403 403 403"},
	"POST /invitations/:token/switch":       {as: changing},
	"POST /invitations/:token/request":      {as: changing},

	"GET /profile":                          {as: people},
	"POST /profile":                         {peopleMay, p("first_name", "Other", "last_name", "Name")},
	"POST /profile/password":                {peopleMay, p("current_password", password, "password", newPassword)},
	"POST /profile/proof":                   {as: "login 409 409 409 409 409"},
	"POST /profile/email":                   {peopleMay, p("email", "nora@example.org", "current_password", password)},
	"POST /profile/email/withdrawal":        {as: peopleMay},
	"GET /profile/deletion":                 {as: people},
	"POST /profile/deletion":                {"login done done done done 409", p("current_password", password)},
	"GET /profile/two-factor":               {as: people},
	"POST /profile/two-factor":              {peopleMay, p("current_password", password)},
	"GET /profile/two-factor/setup":         {as: "login goes goes goes goes goes"},
	"GET /profile/two-factor/confirmation":  {as: "login goes goes goes goes goes"},
	"POST /profile/two-factor/confirmation": {nobodys, p("code", "123456", "current_password", password)},
	"GET /profile/two-factor/codes":         {as: nobodys},
	"POST /profile/two-factor/codes":        {nobodys, p("current_password", password)},
	"GET /profile/two-factor/removal":       {as: nobodys},
	"POST /profile/two-factor/removal":      {nobodys, p("current_password", password)},
	"POST /profile/sessions/:id/end":        {as: "login 404 404 done 404 404"},
	"POST /profile/other-sessions/end":      {as: peopleMay},
	"POST /me/invitations/:id/acceptance":   {as: "login 404 404 404 404 404"},
	"POST /me/invitations/:id/refusal":      {as: "login 404 404 404 404 404"},

	// Of one's own: nobody here has any, so all ids are somebody else's.
	"GET /me/applications":                                  {as: people},
	"GET /me/applications/new":                              {as: people},
	"POST /me/applications":                                 {peopleMay, p("name", "Mine")},
	"GET /me/applications/:id":                              {as: nobodys},
	"POST /me/applications/:id":                             {as: nobodys},
	"GET /me/applications/:id/edit":                         {as: nobodys},
	"GET /me/applications/:id/access":                       {as: nobodys},
	"GET /me/applications/:id/deletion":                     {as: nobodys},
	"POST /me/applications/:id/deletion":                    {as: nobodys},
	"GET /me/applications/:id/move":                         {as: nobodys},
	"POST /me/applications/:id/move":                        {as: nobodys},
	"GET /me/applications/:id/credentials/new":              {as: nobodys},
	"POST /me/applications/:id/credentials":                 {as: nobodys},
	"GET /me/applications/:id/credentials/:key/reveal":      {as: "login goes goes goes goes goes"},
	"POST /me/applications/:id/credentials/:key/reveal":     {as: nobodys},
	"GET /me/applications/:id/credentials/:key/rotation":    {as: nobodys},
	"POST /me/applications/:id/credentials/:key/rotation":   {nobodys, p("grace", "24h")},
	"GET /me/applications/:id/credentials/:key/extension":   {as: nobodys},
	"POST /me/applications/:id/credentials/:key/extension":  {nobodys, p("grace", "24h")},
	"POST /me/applications/:id/credentials/:key/cut":        {as: nobodys},
	"GET /me/applications/:id/credentials/:key/usage":       {as: nobodys},
	"GET /me/applications/:id/credentials/:key/snippets":    {as: nobodys},
	"POST /me/applications/:id/credentials/:key/snippets":   {as: nobodys},
	"GET /me/applications/:id/credentials/:key/revocation":  {as: nobodys},
	"POST /me/applications/:id/credentials/:key/revocation": {as: nobodys},

	"GET /search": {as: people},
	"GET /join":   {as: people},
	"POST /join":  {"login done 409 409 done done", p("code", "OPEN DOORS 2026")},

	"GET /organizations/new":                        {as: people},
	"POST /organizations":                           {peopleMay, p("name", "Nimbus")},
	"GET /organizations/requests/:id":               {as: requester + "200"},
	"GET /organizations/requests/:id/live":          {as: requester + "406"},
	"GET /organizations/requests/:id/name":          {as: requester + "200"},
	"POST /organizations/requests/:id/name":         {requester + "done", p("name", "Rigel Two")},
	"GET /organizations/requests/:id/withdrawal":    {as: requester + "200"},
	"POST /organizations/requests/:id/withdrawal":   {as: requester + "done"},
	"GET /organizations/requests/:id/resubmission":  {as: requester + "200"},
	"POST /organizations/requests/:id/resubmission": {requester + "done", p("name", "Red Two")},

	"GET /o/:org":                       {as: members},
	"GET /o/:org/live":                  {as: "login 404 406 406 404 404"},
	"GET /o/:org/activity":              {as: members},
	"GET /o/:org/settings":              {as: members},
	"POST /o/:org/settings":             {supersDo, p("name", "Acme Two")},
	"POST /o/:org/settings/invitations": {supersDo, p("role", "super_admin")},
	"POST /o/:org/checklist/dismissal":  {as: supersDo},
	"POST /o/:org/settings/two-factor":  {as: supersDo},
	"GET /o/:org/departure":             {as: members},
	"POST /o/:org/departure":            {as: membersDo},

	"GET /o/:org/users":                       {as: members},
	"GET /o/:org/users/:id":                   {as: members},
	"POST /o/:org/users/:id":                  {supersDo, edits},
	"GET /o/:org/users/:id/removal":           {as: supers},
	"POST /o/:org/users/:id/removal":          {as: supersDo},
	"GET /o/:org/invitations/new":             {as: supers},
	"POST /o/:org/invitations":                {supersDo, invites},
	"GET /o/:org/invitations/several":         {as: supers},
	"POST /o/:org/invitations/several":        {supersDo, several},
	"POST /o/:org/invitations/:id/link":       {as: supers},
	"POST /o/:org/invitations/:id/renewal":    {as: supersDo},
	"POST /o/:org/invitations/:id/revocation": {as: supersDo},
	"POST /o/:org/undo/:id":                   {as: "login 404 403 404 404 404"}, // of nobody's; see the test of undoing

	"GET /o/:org/teams":                              {as: members},
	"GET /o/:org/teams/:id":                          {as: members},
	"GET /o/:org/teams/new":                          {as: supers},
	"POST /o/:org/teams":                             {supersDo, p("name", "Blue")},
	"GET /o/:org/teams/:id/deletion":                 {as: supers},
	"POST /o/:org/teams/:id/deletion":                {as: supersDo},
	"GET /o/:org/teams/:id/members/new":              {as: supers},
	"POST /o/:org/teams/:id/members":                 {as: "login 404 403 422 404 404"},
	"GET /o/:org/teams/:id/members/:member/removal":  {as: supers},
	"POST /o/:org/teams/:id/members/:member/removal": {as: supersDo},
	"POST /o/:org/teams/:id":                         {supersDo, p("name", "Everybody")},

	"GET /o/:org/applications":                 {as: members},
	"GET /o/:org/applications/new":             {as: members},
	"POST /o/:org/applications":                {membersDo, p("name", "Aleph")},
	"GET /o/:org/applications/:id":             {as: members},
	"POST /o/:org/applications/:id":            {membersDo, p("name", "Alpha Two", "version", "1")},
	"GET /o/:org/applications/:id/edit":        {as: members},
	"GET /o/:org/applications/:id/deletion":    {as: members},
	"GET /o/:org/applications/:id/access":      {as: members},
	"GET /o/:org/applications/:id/visibility":  {as: members},
	"POST /o/:org/applications/:id/visibility": {membersDo, p("version", "1", "visibility", "organization")},
	"GET /o/:org/exposed":                      {as: supers},
	"POST /o/:org/exposed":                     {as: "login 404 403 422 404 404"},
	"POST /o/:org/applications/:id/deletion":   {as: membersDo},

	"GET /o/:org/applications/:id/credentials/new":              {as: members},
	"POST /o/:org/applications/:id/credentials":                 {membersDo, p("label", "test")},
	"GET /o/:org/applications/:id/credentials/:key/reveal":      {as: "login 404 goes goes 404 404"},
	"POST /o/:org/applications/:id/credentials/:key/reveal":     {as: members},
	"GET /o/:org/applications/:id/credentials/:key/rotation":    {as: members},
	"POST /o/:org/applications/:id/credentials/:key/rotation":   {membersDo, p("grace", "24h")},
	"GET /o/:org/applications/:id/credentials/:key/extension":   {as: members},
	"POST /o/:org/applications/:id/credentials/:key/extension":  {as: "login 404 409 409 404 404"},
	"POST /o/:org/applications/:id/credentials/:key/cut":        {as: "login 404 409 409 404 404"},
	"GET /o/:org/applications/:id/credentials/:key/usage":       {as: members},
	"GET /o/:org/applications/:id/credentials/:key/snippets":    {as: members},
	"POST /o/:org/applications/:id/credentials/:key/snippets":   {as: members},
	"GET /o/:org/applications/:id/credentials/:key/revocation":  {as: members},
	"POST /o/:org/applications/:id/credentials/:key/revocation": {as: membersDo},

	"GET /admin":                              {as: admins},
	"GET /admin/live":                         {as: "login 404 404 404 404 406"},
	"GET /admin/organizations":                {as: admins},
	"GET /admin/organizations/new":            {as: admins},
	"POST /admin/organizations":               {adminsDo, p("name", "Nimbus", "first_name", "Nora", "last_name", "New", "email", "nora@example.org")},
	"GET /admin/organizations/:id":            {as: admins},
	"GET /admin/organizations/:id/approval":   {as: admins},
	"POST /admin/organizations/:id/approval":  {adminsDo, p("name", "Rigel")},
	"GET /admin/organizations/:id/rejection":  {as: admins},
	"POST /admin/organizations/:id/rejection": {adminsDo, p("reason", "No.")},

	"GET /admin/organizations/:id/referral":     {as: admins},
	"POST /admin/organizations/:id/referral":    {as: "login 404 404 404 404 422"}, // without an organization; see the test of referring
	"GET /admin/organizations/:id/suspension":   {as: admins},
	"POST /admin/organizations/:id/suspension":  {adminsDo, p("reason", "Unpaid.")},
	"GET /admin/organizations/:id/resumption":   {as: "login 404 404 404 404 409"},
	"POST /admin/organizations/:id/resumption":  {as: "login 404 404 404 404 409"},
	"GET /admin/organizations/:id/deletion":     {as: admins},
	"POST /admin/organizations/:id/deletion":    {adminsDo, p("confirm", "Acme")},
	"GET /admin/organizations/:id/restoration":  {as: "login 404 404 404 404 409"},
	"POST /admin/organizations/:id/restoration": {as: "login 404 404 404 404 409"},

	"GET /admin/organizations/:org/name":                                          {as: admins},
	"POST /admin/organizations/:org/name":                                         {adminsDo, p("name", "Acme Two")},
	"GET /admin/organizations/:org/activity":                                      {as: admins},
	"GET /admin/organizations/:org/users":                                         {as: admins},
	"GET /admin/organizations/:org/users/:id":                                     {as: admins},
	"POST /admin/organizations/:org/users/:id":                                    {adminsDo, edits},
	"GET /admin/organizations/:org/users/:id/removal":                             {as: admins},
	"POST /admin/organizations/:org/users/:id/removal":                            {as: adminsDo},
	"GET /admin/organizations/:org/invitations/new":                               {as: admins},
	"POST /admin/organizations/:org/invitations":                                  {adminsDo, invites},
	"GET /admin/organizations/:org/invitations/several":                           {as: admins},
	"POST /admin/organizations/:org/invitations/several":                          {adminsDo, several},
	"POST /admin/organizations/:org/invitations/:id/link":                         {as: admins},
	"POST /admin/organizations/:org/invitations/:id/renewal":                      {as: adminsDo},
	"POST /admin/organizations/:org/invitations/:id/revocation":                   {as: adminsDo},
	"POST /admin/organizations/:org/undo/:id":                                     {as: "login 404 404 404 404 404"},
	"GET /admin/organizations/:org/teams":                                         {as: admins},
	"GET /admin/organizations/:org/teams/:id":                                     {as: admins},
	"GET /admin/organizations/:org/teams/new":                                     {as: admins},
	"POST /admin/organizations/:org/teams":                                        {adminsDo, p("name", "Blue")},
	"GET /admin/organizations/:org/teams/:id/deletion":                            {as: admins},
	"POST /admin/organizations/:org/teams/:id/deletion":                           {as: adminsDo},
	"GET /admin/organizations/:org/teams/:id/members/new":                         {as: admins},
	"POST /admin/organizations/:org/teams/:id/members":                            {as: "login 404 404 404 404 422"},
	"GET /admin/organizations/:org/teams/:id/members/:member/removal":             {as: admins},
	"POST /admin/organizations/:org/teams/:id/members/:member/removal":            {as: adminsDo},
	"POST /admin/organizations/:org/teams/:id":                                    {adminsDo, p("name", "Everybody")},
	"GET /admin/organizations/:org/codes":                                         {as: admins},
	"GET /admin/organizations/:org/codes/new":                                     {as: admins},
	"POST /admin/organizations/:org/codes":                                        {admins, p("name", "Fair")},
	"GET /admin/organizations/:org/codes/:id":                                     {as: admins},
	"POST /admin/organizations/:org/codes/:id":                                    {adminsDo, p("name", "Fair two")},
	"POST /admin/organizations/:org/codes/:id/deactivation":                       {as: adminsDo},
	"POST /admin/organizations/:org/codes/:id/activation":                         {as: "login 404 404 404 404 409"},
	"GET /admin/organizations/:org/applications":                                  {as: admins},
	"GET /admin/organizations/:org/applications/:id":                              {as: admins},
	"GET /admin/organizations/:org/applications/:id/access":                       {as: admins},
	"GET /admin/organizations/:org/applications/:id/credentials/:key/usage":       {as: admins},
	"GET /admin/organizations/:org/exposed":                                       {as: admins},
	"GET /admin/organizations/:org/applications/:id/credentials/:key/revocation":  {as: admins},
	"POST /admin/organizations/:org/applications/:id/credentials/:key/revocation": {as: adminsDo},

	"GET /admin/users":                              {as: admins},
	"GET /admin/users/:id":                          {as: admins},
	"POST /admin/users/:id/approval":                {as: adminsDo},
	"GET /admin/users/:id/refusal":                  {as: admins},
	"POST /admin/users/:id/refusal":                 {as: adminsDo},
	"GET /admin/users/:id/deactivation":             {as: admins},
	"POST /admin/users/:id/deactivation":            {as: adminsDo},
	"POST /admin/users/:id/activation":              {as: adminsDo},
	"POST /admin/users/:id/password-reset":          {as: adminsDo},
	"GET /admin/users/:id/promotion":                {as: admins},
	"POST /admin/users/:id/promotion":               {adminsDo, p("current_password", password)},
	"GET /admin/users/:id/demotion":                 {as: admins},
	"POST /admin/users/:id/demotion":                {"login 404 404 404 404 409", p("current_password", password)},
	"GET /admin/teams":                              {as: admins},
	"GET /admin/teams/:id":                          {as: admins},
	"GET /admin/teams/new":                          {as: admins},
	"GET /admin/teams/:id/deletion":                 {as: admins},
	"POST /admin/teams/:id/deletion":                {as: adminsDo},
	"GET /admin/teams/:id/members/new":              {as: admins},
	"POST /admin/teams/:id/members":                 {as: "login 404 404 404 404 422"},
	"GET /admin/teams/:id/members/:member/removal":  {as: admins},
	"POST /admin/teams/:id/members/:member/removal": {as: adminsDo},
	"POST /admin/teams/:id":                         {adminsDo, p("name", "Everybody")},
	"GET /admin/applications":                       {as: admins},
	"GET /admin/emails":                             {as: admins},
	"GET /admin/emails/:id":                         {as: admins},
	"POST /admin/emails/:id/retry":                  {as: adminsDo},
	"GET /admin/audit-log":                          {as: admins},
	"GET /admin/settings/general":                   {as: admins},
	"POST /admin/settings/general":                  {adminsDo, p("register", "on", "sign_in", "on", "min_password", "14", "invitation_hours", "24", "session_idle_hours", "12", "session_days", "7")},
	"GET /admin/settings/email":                     {as: admins},
	"POST /admin/settings/email":                    {adminsDo, p("server", "smtp://mail.example.org", "from", "Portico <p@example.org>", "current_password", password)},
	"POST /admin/settings/email/test":               {as: adminsDo},
	"GET /admin/settings/email-templates":           {as: admins},
	"GET /admin/users/:id/deletion":                 {as: admins},
	"POST /admin/users/:id/deletion":                {adminsDo, p("current_password", password)},
	"GET /admin/users/:id/two-factor-removal":       {as: admins},
	"POST /admin/users/:id/two-factor-removal":      {"login 404 404 404 404 409", p("current_password", password)},
	"POST /admin/settings/two-factor":               {as: adminsDo},

	"GET /admin/applications/:id":                              {as: admins},
	"GET /admin/applications/:id/access":                       {as: admins},
	"GET /admin/applications/:id/credentials/:key/usage":       {as: admins},
	"GET /admin/applications/:id/credentials/:key/revocation":  {as: admins},
	"POST /admin/applications/:id/credentials/:key/revocation": {as: adminsDo},

	"GET /admin/audit-log.csv":                               {as: admins},
	"GET /admin/audit-log.jsonl":                             {as: admins},
	"GET /admin/codes":                                       {as: admins},
	"GET /admin/emails/retries":                              {as: "login 404 404 404 404 404"}, // of no state
	"POST /admin/emails/retries":                             {adminsDo, p("state", "failed")},
	"GET /admin/emails/:id/frame":                            {as: admins},
	"POST /admin/emails/:id/link":                            {as: "login 404 404 404 404 404"}, // it carries no invitation
	"GET /admin/settings/email-templates/:kind":              {as: admins},
	"POST /admin/settings/email-templates/:kind":             {adminsDo, typedText},
	"POST /admin/settings/email-templates/:kind/preview":     {admins, typedText},
	"GET /admin/settings/email-templates/:kind/frame":        {as: admins},
	"POST /admin/settings/email-templates/:kind/frame":       {admins, typedText},
	"POST /admin/settings/email-templates/:kind/test":        {admins, typedText},
	"GET /admin/settings/email-templates/:kind/restoration":  {as: admins},
	"POST /admin/settings/email-templates/:kind/restoration": {as: "login 404 404 404 404 409"}, // it is Portico's own

	"POST /demo/personas/:id": {as: changing},
	"GET /demo/mailbox":       {as: everybody},
	"GET /demo/mailbox/:id":   {as: everybody},
}

// inDemo adds the demo, so that its routes exist.
func inDemo(t testing.TB) func(*Config) {
	return func(c *Config) {
		box := delivered(t)
		c.Demo = &Demo{Mailbox: box, Personas: []DemoPersona{{ID: "visitor", Label: "Visitor", Path: func() string { return "/login" }}}}
	}
}

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
	case parent == "applications" && strings.HasPrefix(route, "/admin/applications/"):
		return w.ids["Solo"]
	case parent == "credentials" && strings.HasPrefix(route, "/admin/applications/"):
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

// cells are a row's expectations by visitor.
func (r row) cells(route string) map[string]string {
	expected := map[string]string{}
	columns := strings.Fields(r.as)
	if len(columns) < len(visitors) {
		return expected // no row; the test of the table says so
	}
	for i, name := range visitors {
		expected[name] = columns[i]
	}
	if len(columns) > len(visitors) {
		_, status, _ := strings.Cut(columns[len(visitors)], ":")
		who := "rita"
		if strings.HasSuffix(route, "/resubmission") {
			who = "rex"
		}
		expected[who] = status
	}
	return expected
}

// check compares an answer with a cell of the table.
func check(t *testing.T, what, cell string, htmx bool, a answer) {
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
}

func TestEveryRouteAnswersEachVisitorAsTheTableSays_TEN_01_TEN_05_ORG_07_ROLE_01_INV_22(t *testing.T) {
	t.Parallel()
	w := newWorld(t, inDemo(t))
	routes := w.routesOf()
	for _, route := range routes {
		if _, ok := table[route]; !ok {
			t.Errorf("%s has no row in the table: say there who may use it", route)
		}
	}
	for route := range table {
		if !slices.Contains(routes, route) {
			t.Errorf("%s is in the table, but is no route", route)
		}
	}
	if t.Failed() {
		return
	}
	// What changes something gets a world of its own; everything else shares one.
	t.Run("what changes nothing", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, inDemo(t))
		before := w.fingerprint()
		for _, route := range routes {
			for who, cell := range table[route].cells(route) {
				if changes(route, cell) {
					continue
				}
				for _, htmx := range []bool{false, true} {
					was := w.touched()
					try(t, w, route, who, cell, htmx)
					if w.touched() == was {
						continue
					}
					if changed := w.changes(before); changed != nil {
						t.Errorf("%s as %q, htmx %v: the tables %v have changed", route, who, htmx, changed)
						before = w.fingerprint()
					}
				}
			}
		}
	})
	for _, htmx := range []bool{false, true} {
		t.Run(fmt.Sprintf("what changes something, htmx %v", htmx), func(t *testing.T) {
			t.Parallel()
			for _, route := range routes {
				for who, cell := range table[route].cells(route) {
					if who != "" && who != "ann" && table[route].as == changing {
						continue // open to all alike: two are enough
					}
					if changes(route, cell) {
						t.Run(route+" as "+who, func(t *testing.T) { try(t, newWorld(t, inDemo(t)), route, who, cell, htmx) })
					}
				}
			}
		})
	}
}

// changes reports whether a cell stands for a change.
func changes(route, cell string) bool {
	return cell == "done" || strings.HasPrefix(route, "POST ") && cell == "200"
}

// try asks for a route as one visitor, and where they see nothing, whether what
// is there and what never was look the same.
func try(t *testing.T, w *world, route, who, cell string, htmx bool) {
	t.Helper()
	method, pattern, _ := strings.Cut(route, " ")
	var as []change
	if htmx {
		as = []change{hx("")}
	}
	ask := func(path string) answer {
		return w.browser(who).do(method, path, encode(table[route].form), as...)
	}
	a := ask(w.own(pattern))
	what := fmt.Sprintf("%s as %q, htmx %v", route, who, htmx)
	check(t, what, cell, htmx, a)
	if cell == "404" && strings.Contains(pattern, ":") {
		same(t, what+": what is there and what never was", a.masked(), ask(w.unknown(pattern)).masked())
	}
}

func TestInsideOnesOwnOrganizationTheThingsOfAnotherAreMissing_TEN_01_TEN_05_TEN_11_INV_21_CRED_10_ORG_02_ORG_03(t *testing.T) {
	t.Parallel()
	w := newWorld(t, inDemo(t))
	before := w.fingerprint()
	tried := 0
	for _, route := range w.routesOf() {
		method, pattern, _ := strings.Cut(route, " ")
		if !strings.Contains(pattern, "/:org/") || strings.Count(pattern, ":") < 2 {
			continue
		}
		who := "bea"
		if strings.HasPrefix(pattern, "/admin") {
			who = "ada"
		}
		// Each parameter behind the organization in turn is another's, the rest is ours.
		for _, foreign := range params.FindAllString(pattern, -1)[1:] {
			at := func(id func(string) string) string {
				return w.path(pattern, func(name string) string {
					if name == foreign[1:] {
						return id(name)
					}
					return w.param(pattern, name, "Beta")
				})
			}
			theirs := at(func(name string) string { return w.param(pattern, name, "Acme") })
			never := at(func(string) string { return strings.Repeat("z", portal.PublicIDLen) })
			for _, as := range []change{func(*http.Request) {}, hx("")} {
				a := w.browser(who).do(method, theirs, encode(table[route].form), as)
				if method == "GET" && strings.HasSuffix(pattern, "/reveal") {
					continue // leads to the application's page, whatever the ids
				}
				tried++
				if a.status != http.StatusNotFound {
					t.Errorf("%s with another organization's %s: %d", route, foreign, a.status)
				}
				same(t, route+" with another organization's "+foreign+" and with none", a.masked(), w.browser(who).do(method, never, encode(table[route].form), as).masked())
			}
		}
	}
	if changed := w.changes(before); changed != nil {
		t.Errorf("the tables %v have changed", changed)
	}
	if tried < 40 {
		t.Errorf("only %d addresses were tried", tried)
	}
	// What is not provisioned has no pages inside, for its requester and for admins neither.
	for _, route := range w.routesOf() {
		method, pattern, _ := strings.Cut(route, " ")
		if who, inside := map[bool]string{true: "ada", false: "rita"}[strings.HasPrefix(pattern, "/admin")], strings.Contains(pattern, "/:org"); inside {
			path := w.path(pattern, func(name string) string {
				if name == "org" {
					return w.ids["Rigel"]
				}
				return w.param(pattern, name, "Beta")
			})
			if a := w.browser(who).do(method, path, encode(table[route].form)); a.status != http.StatusNotFound {
				t.Errorf("%s of a pending organization as %s: %d", route, who, a.status)
			}
		}
	}
	// A credential is found below its own application only.
	for _, what := range []string{"reveal", "rotation", "revocation"} {
		w.browser("ann").post("/o/"+w.ids["Acme"]+"/applications/"+w.ids["Atlas"]+"/credentials/"+w.ids["Alpha key"]+"/"+what, p("grace", "now")).is(t, 404)
	}
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
