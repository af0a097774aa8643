package db

import (
	"time"

	"portico/portal"
)

// portalOperations are: settings, mail and the log.
var portalOperations = []operation{
	{method: "Settings", reads: true, run: func(f *scene, _ portal.Actor) (any, error) { return f.s.Settings(f.ctx) }},
	{method: "SetSwitches", outside: true, who: adminsOnly,
		run: func(f *scene, by portal.Actor) (any, error) {
			return nil, f.s.SetSwitches(f.ctx, by, map[string]bool{"register": false, "sign_in": true, "approve_orgs": true, "admin": true})
		},
		doer: "ada", does: outcome{audit: []string{"ada changed a setting Enable API consumers to register (to off)", "ada changed a setting Auto-approve API consumers registering organization (to on)"},
			rows: [][2]string{{`SELECT count(*) FROM settings WHERE key IN ('admin', 'sign_in')`, "0"}}},
		again: "alan"},
	{method: "SetPolicy", outside: true, who: adminsOnly,
		run: func(f *scene, by portal.Actor) (any, error) {
			return nil, f.s.SetPolicy(f.ctx, by, Policy{MinPassword: 16, InvitationHours: 7 * 24, IdleHours: 24, SessionDays: 14})
		},
		doer: "ada", does: outcome{audit: []string{"ada changed a setting Shortest password (to 16)"}, rows: [][2]string{{`SELECT value FROM settings WHERE key = 'min_password'`, "16"}}},
		again: "alan"},
	{method: "SetMail", outside: true, who: adminsOnly,
		run: func(f *scene, by portal.Actor) (any, error) {
			return nil, f.s.SetMail(f.ctx, by, "smtp://ann:s3cret@mail.example.org", "P <p@example.org>")
		},
		doer: "ada", does: outcome{audit: []string{"ada changed the mail settings"}, rows: [][2]string{{`SELECT count(*) FROM settings WHERE value LIKE '%s3cret%'`, "0"}}},
		again: "alan", twice: outcome{audit: []string{"alan changed the mail settings"}}},
	{method: "MailConfig", reads: true, run: func(f *scene, _ portal.Actor) (any, error) { return f.s.MailConfig(f.ctx) }},
	{method: "StartTest", outside: true, who: adminsOnly,
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.StartTest(f.ctx, by) },
		doer: "ada", does: outcome{audit: []string{"ada sent a test mail (to ada@example.org)"}, mail: []string{"test to ada, queued"}},
		again: "alan", twice: outcome{audit: []string{"alan sent a test mail (to alan@example.org)"}, mail: []string{"test to alan, queued"}}},
	{method: "Mails", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.Mails(f.ctx, by, portal.MailFilter{State: portal.MailSent}, "")
		}},
	{method: "MailCounts", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.MailCounts(f.ctx, by) }},
	{method: "Mail", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Mail(f.ctx, by, f.ids["mail"]) }},
	{method: "RetryMail", outside: true, who: adminsOnly,
		prepare: func(f *scene) {
			f.exec(`UPDATE outbox SET state = 'failed', attempts = 12, error = '554 no' WHERE public_id = ?`, f.ids["mail"])
		},
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.RetryMail(f.ctx, by, f.ids["mail"]) },
		doer: "ada", does: outcome{audit: []string{"ada retried a mail Prove your address (to ann@example.org)"}, rows: [][2]string{{`SELECT state || attempts FROM outbox ORDER BY id LIMIT 1`, "queued0"}}},
		again: "alan", twice: outcome{code: portal.Conflict, says: []string{"This mail is queued"}}},
	{method: "RetryMails", outside: true, who: adminsOnly,
		prepare: func(f *scene) {
			f.exec(`UPDATE outbox SET state = 'failed', attempts = 12, error = '554 no' WHERE kind = 'org_requested'`)
			f.exec(`UPDATE outbox SET state = 'queued', attempts = 1, error = '451 later' WHERE public_id = ?`, f.ids["mail"])
		},
		run:  func(f *scene, by portal.Actor) (any, error) { return f.s.RetryMails(f.ctx, by, portal.MailFailed) },
		doer: "ada", does: outcome{audit: []string{"ada retried mails Failed (9 of them)"},
			rows: [][2]string{{`SELECT count(*) FROM outbox WHERE state = 'queued' AND attempts = 0 AND error = ''`, "9"}, {`SELECT count(*) FROM outbox WHERE state = 'failed'`, "0"}}},
		again: "alan", twice: outcome{code: portal.Conflict, says: []string{"there is nothing to retry"}}},
	{method: "CopyMailLink", outside: true, who: adminsOnly,
		prepare: func(f *scene) {
			f.ids["ivy mail"] = f.text(`SELECT public_id FROM outbox WHERE link_id = ?`, f.ids["ivy invitation"])
		},
		run: func(f *scene, by portal.Actor) (any, error) {
			link, _, err := f.s.CopyMailLink(f.ctx, by, f.ids["ivy mail"])
			return link, err
		},
		doer: "ada", does: outcome{audit: []string{"ada copied the invitation link of ivy"}, rows: [][2]string{{`SELECT count(*) FROM link_copies`, "1"}}},
		again: "alan", twice: outcome{audit: []string{"alan copied the invitation link of ivy"}, rows: [][2]string{{`SELECT count(*) FROM link_copies`, "2"}}}},
	{method: "Templates", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Templates(f.ctx, by) }},
	{method: "Template", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.Template(f.ctx, by, portal.MailReset) }},
	{method: "SetTemplate", outside: true, who: adminsOnly,
		run: func(f *scene, by portal.Actor) (any, error) {
			return nil, f.s.SetTemplate(f.ctx, by, portal.MailReset, 0, portal.MailText{Subject: " New  word ", Body: "\nHere: {{link}}\n"})
		},
		doer: "ada", does: outcome{audit: []string{"ada changed the template Password reset"},
			rows: [][2]string{{`SELECT x.subject || '|' || x.body FROM mail_templates p JOIN mail_texts x ON x.id = p.text_id WHERE p.kind = 'reset'`, "New word|Here: {{link}}"}}},
		again: "alan"},
	{method: "RestoreTemplate", outside: true, who: adminsOnly,
		prepare: func(f *scene) {
			f.must(f.s.SetTemplate(f.ctx, f.user("ada"), portal.MailReset, 0, sentText))
		},
		run: func(f *scene, by portal.Actor) (any, error) {
			return nil, f.s.RestoreTemplate(f.ctx, by, portal.MailReset)
		},
		doer: "ada", does: outcome{audit: []string{"ada restored the template Password reset"}, rows: [][2]string{{`SELECT count(*) FROM mail_templates`, "0"}}},
		again: "alan", twice: outcome{code: portal.Conflict, says: []string{"Portico’s own already"}}},
	{method: "StartSample", outside: true, who: adminsOnly,
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.StartSample(f.ctx, by, portal.Mail{Kind: portal.MailReset, Text: sentText, LinkTo: portal.MailLink{Path: "/"}})
		},
		doer: "ada", does: outcome{audit: []string{"ada sent a test mail (Password reset, to ada@example.org)"}, mail: []string{"reset to ada, queued"},
			rows: [][2]string{{`SELECT x.subject FROM outbox m JOIN mail_texts x ON x.id = m.text_id ORDER BY m.id DESC LIMIT 1`, "Sent"}}},
		again: "alan", twice: outcome{audit: []string{"alan sent a test mail (Password reset, to alan@example.org)"}, mail: []string{"reset to alan, queued"}}},
	{method: "ClaimMail", prepare: forgotAnn,
		run: func(f *scene, _ portal.Actor) (any, error) {
			m, _, err := f.s.ClaimMail(f.ctx)
			return m, err
		},
		does: outcome{rows: [][2]string{{`SELECT state || attempts FROM outbox ORDER BY id DESC LIMIT 1`, "queued1"}}}, twice: outcome{rows: [][2]string{{`SELECT state || attempts FROM outbox ORDER BY id DESC LIMIT 1`, "queued1"}}}},
	{method: "MailWasSent", prepare: forgotAnn,
		run: func(f *scene, _ portal.Actor) (any, error) {
			m := portal.Mail{ID: f.number(`SELECT max(id) FROM outbox`), Kind: portal.MailReset}
			return nil, f.s.MailWasSent(f.ctx, m, "New word", sentText)
		},
		does: outcome{rows: [][2]string{{`SELECT m.state || (m.sent_at > 0) || m.subject || x.body FROM outbox m JOIN mail_texts x ON x.id = m.text_id ORDER BY m.id DESC LIMIT 1`, "sent1New wordSent"}}}},
	{method: "MailWasRefused", prepare: forgotAnn,
		run: func(f *scene, _ portal.Actor) (any, error) {
			return nil, f.s.MailWasRefused(f.ctx, portal.Mail{ID: f.number(`SELECT max(id) FROM outbox`), Attempts: 1}, "550 no such user", true)
		},
		does: outcome{rows: [][2]string{{`SELECT state || error FROM outbox ORDER BY id DESC LIMIT 1`, "failed550 no such user"}}}},
	{method: "NextMailAt", reads: true, prepare: forgotAnn, run: func(f *scene, _ portal.Actor) (any, error) {
		at, err := f.s.NextMailAt(f.ctx)
		return at, only(err, "mails due", map[bool]int{true: 1}[at.Equal(f.clock.read())], true)
	}},
	{method: "AuditLog", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.AuditLog(f.ctx, by, portal.AuditFilter{}, "") }},

	{method: "AuditPage", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) {
			return f.s.AuditPage(f.ctx, by, portal.AuditFilter{}, "")
		}},
	{method: "FigureSeries", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.FigureSeries(f.ctx, by) }},
	{method: "SetUpState", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) { return f.s.SetUpState(f.ctx, by) }},
	{method: "OrgsNamed", reads: true, outside: true, who: adminsOnly, doer: "ada",
		run: func(f *scene, by portal.Actor) (any, error) {
			all, err := f.s.OrgsNamed(f.ctx, by, "acm")
			return all, only(err, "organizations", len(all), true)
		}},
	{method: "VerifyAudit", reads: true, run: func(f *scene, _ portal.Actor) (any, error) { return f.s.VerifyAudit(f.ctx, ChainEnd{}) }},
	{method: "Refuse", outside: true, who: noneOfThem, doer: "stan",
		run:  func(f *scene, by portal.Actor) (any, error) { return nil, f.s.Refuse(f.ctx, by, portal.ErrNotFound) },
		does: outcome{code: portal.NotFound}, twice: outcome{code: portal.NotFound}},
}

// storeOperations are: the store itself.
var storeOperations = []operation{
	{method: "Links", reads: true, run: func(f *scene, _ portal.Actor) (any, error) { return f.s.Links(), nil }},
	{method: "Ready", run: func(f *scene, _ portal.Actor) (any, error) { return nil, f.s.Ready(f.ctx) }},
	{method: "Tidy", prepare: func(f *scene) { f.must(f.signIn("ann", password, "ann")); f.pass(15 * 24 * time.Hour) },
		run: func(f *scene, _ portal.Actor) (any, error) { return nil, f.s.Tidy(f.ctx) }, does: outcome{rows: [][2]string{{`SELECT count(*) FROM sessions`, "0"}}}},
	{method: "Close", reads: true, run: func(f *scene, _ portal.Actor) (any, error) { f.reopen(); return nil, nil }},
}
