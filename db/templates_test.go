package db

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"portico/portal"
)

var (
	oldText = portal.MailText{Subject: "Old word", Body: "Old: {{link}}"}
	newText = portal.MailText{Subject: "New word", Body: "New: {{link}}"}
)

func TestAMailThatWasSentIsReadAsItWasWhateverItsTemplateSaysNow(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	ada := f.user("ada")
	f.must(f.s.SetTemplate(f.ctx, ada, portal.MailReset, 0, oldText))
	forgotAnn(f)
	m, ok, err := f.s.ClaimMail(f.ctx)
	if f.must(err); !ok || m.Kind != portal.MailReset || m.Text != oldText {
		t.Fatalf("the worker is given %+v", m)
	}
	f.must(f.s.MailWasSent(f.ctx, m, m.Text.Subject, m.Text))
	p, err := f.s.Template(f.ctx, ada, portal.MailReset)
	f.must(err)
	f.must(f.s.SetTemplate(f.ctx, ada, portal.MailReset, p.Version, newText))
	f.must(f.s.ForgotPassword(f.ctx, ip, address("amy")))
	ids := f.strings(`SELECT public_id FROM outbox WHERE kind = 'reset' ORDER BY id`)
	reads := func(id string) portal.MailText {
		t.Helper()
		m, err := f.s.Mail(f.ctx, ada, id)
		f.must(err)
		return m.Text
	}
	if got := []portal.MailText{reads(ids[0]), reads(ids[1])}; got[0] != oldText || got[1] != newText {
		t.Errorf("what was sent reads %+v, what waits %+v", got[0], got[1])
	}
	f.must(f.s.RestoreTemplate(f.ctx, ada, portal.MailReset))
	if got := []portal.MailText{reads(ids[0]), reads(ids[1])}; got[0] != oldText || got[1] != (portal.MailText{}) {
		t.Errorf("after the default was restored, what was sent reads %+v, what waits %+v", got[0], got[1])
	}
	// Nothing that is kept is a secret: no link, no token.
	for _, text := range f.strings(`SELECT subject || body FROM mail_texts UNION ALL SELECT subject || data FROM outbox`) {
		if strings.Contains(text, "/reset-password/") || strings.Contains(text, f.mailedLink(portal.MailReset, "ann")) {
			t.Errorf("%q holds a link", text)
		}
	}
}

func TestTheDefaultTextThatAMailWasSentByIsKeptToo(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	forgotAnn(f)
	m, _, err := f.s.ClaimMail(f.ctx)
	if f.must(err); m.Text != (portal.MailText{}) {
		t.Errorf("the worker is given the text %+v", m.Text)
	}
	f.must(f.s.MailWasSent(f.ctx, m, "As sent", oldText)) // package mail knows the default
	m, err = f.s.Mail(f.ctx, f.user("ada"), m.PublicID)
	if f.must(err); m.Text != oldText || m.Subject != "As sent" {
		t.Errorf("the mail reads %+v", m)
	}
}

func TestOfTwoWhoChangeATemplateTheSecondIsTold(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.must(f.s.SetTemplate(f.ctx, f.user("ada"), portal.MailReset, 0, oldText))
	f.refused(f.s.SetTemplate(f.ctx, f.user("alan"), portal.MailReset, 0, newText), portal.Conflict, "Somebody else has changed this template meanwhile")
	f.refused(f.s.SetTemplate(f.ctx, f.user("ada"), portal.MailReset, 0, portal.MailText{Subject: "a\nBcc: x@example.org", Body: " "}), portal.Invalid, "[subject:", "[body:")
	if err := f.s.SetTemplate(f.ctx, f.user("ada"), "nothing", 0, newText); err != portal.ErrNotFound {
		t.Errorf("a kind that is none: %v", err)
	}
	list, err := f.s.Templates(f.ctx, f.user("ada"))
	f.must(err)
	var kinds []portal.MailKind
	for _, p := range list {
		kinds = append(kinds, p.Kind)
		if changed := p.Kind == portal.MailReset; changed != (p.Version != 0) || changed != (p.Text == oldText) {
			t.Errorf("%+v", p)
		}
	}
	if !slices.Equal(kinds, portal.MailKinds) {
		t.Errorf("the kinds are %v", kinds)
	}
}

func TestMailsAreFoundByRecipientSubjectAndKind(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	ada := f.user("ada")
	f.s.Subject = func(m portal.Mail) string { return "A word for " + m.Data["name"] }
	forgotAnn(f)
	f.must(f.s.ForgotPassword(f.ctx, ip, address("bob")))
	m, _, err := f.s.ClaimMail(f.ctx)
	f.must(err)
	f.must(f.s.MailWasSent(f.ctx, m, "Zebra crossing", oldText))
	for _, c := range []struct {
		filter portal.MailFilter
		want   string
	}{
		{portal.MailFilter{State: portal.MailQueued}, "bob"},
		{portal.MailFilter{State: portal.MailQueued, Query: "bo exam"}, "bob"},
		{portal.MailFilter{State: portal.MailQueued, Query: "wor bob"}, "bob"},
		{portal.MailFilter{State: portal.MailQueued, Query: "ob"}, ""},
		{portal.MailFilter{State: portal.MailQueued, Kind: portal.MailReset}, "bob"},
		{portal.MailFilter{State: portal.MailQueued, Kind: portal.MailProve}, ""},
		{portal.MailFilter{State: portal.MailSent, Query: "zeb"}, "ann"}, // as it was sent
		{portal.MailFilter{State: portal.MailSent, Query: "zeb", Kind: portal.MailReset}, "ann"},
		{portal.MailFilter{State: portal.MailSent, Query: "word"}, ""},
		{portal.MailFilter{State: portal.MailKept}, ""},
	} {
		list, err := f.s.Mails(f.ctx, ada, c.filter, "")
		f.must(err)
		var got []string
		for _, m := range list.Items {
			got = append(got, strings.TrimSuffix(m.To, "@example.org"))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v finds %q, want %q", c.filter, got, c.want)
		}
	}
	// Each page begins where the last one ended, with filters too.
	f.exec(`UPDATE outbox SET state = 'kept', kind = 'prove'`)
	seen := map[string]bool{}
	for cursor := ""; ; {
		list, err := f.s.Mails(f.ctx, ada, portal.MailFilter{State: portal.MailKept, Kind: portal.MailProve, Query: "exam"}, cursor)
		f.must(err)
		for _, m := range list.Items {
			if seen[m.PublicID] {
				t.Fatalf("%s is listed twice", m.PublicID)
			}
			seen[m.PublicID] = true
		}
		if cursor = list.Next; cursor == "" {
			break
		}
	}
	if got, want := len(seen), int(f.number(`SELECT count(*) FROM outbox`)); got != want || got <= portal.PageSize {
		t.Errorf("%d mails were listed, want %d", got, want)
	}
}

func TestAMailThatIsRefusedAgainAndAgainCountsAsFailed(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	ada := f.user("ada")
	failed := func() string {
		t.Helper()
		w, err := f.s.Waits(f.ctx, ada)
		f.must(err)
		counts, err := f.s.MailCounts(f.ctx, ada)
		f.must(err)
		list, err := f.s.Mails(f.ctx, ada, portal.MailFilter{State: portal.MailFailed}, "")
		f.must(err)
		return fmt.Sprint(w.FailedMail, counts[portal.MailFailed], len(list.Items))
	}
	forgotAnn(f)
	if got := failed(); got != "0 0 0" {
		t.Errorf("before anything was refused: %s", got)
	}
	m, _, err := f.s.ClaimMail(f.ctx)
	f.must(err)
	f.must(f.s.MailWasRefused(f.ctx, m, "451 not now", false))
	if got := failed(); got != "1 1 1" {
		t.Errorf("refused so far: %s", got)
	}
	if _, err := f.s.RetryMail(f.ctx, ada, m.PublicID); err != nil {
		t.Error(err)
	}
	if got := failed(); got != "0 0 0" {
		t.Errorf("after a retry: %s", got)
	}
	if next, err := f.s.NextMailAt(f.ctx); err != nil || !next.Equal(f.clock.read()) {
		t.Errorf("it is tried at %v, %v", next, err)
	}
}

func TestTheLinkOfAnUndeliveredInvitation(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	ada := f.user("ada")
	id := func() string {
		return f.text(`SELECT public_id FROM outbox WHERE link_id = ? ORDER BY id DESC LIMIT 1`, f.ids["ivy invitation"])
	}
	old := id()
	l, inv, err := f.s.CopyMailLink(f.ctx, ada, old)
	if f.must(err); inv.Email != address("ivy") || f.s.Links().Token(portal.Link{Purpose: l.Purpose, Kind: portal.Copied, ID: l.ID, Version: l.Version}) != f.linkTo("ivy", portal.Copied) {
		t.Errorf("the link is %+v", l)
	}
	_, err = f.s.Resend(f.ctx, f.in("ann", "Acme"), f.ids["ivy invitation"])
	f.must(err)
	_, _, err = f.s.CopyMailLink(f.ctx, ada, old)
	f.refused(err, portal.Conflict, "A newer invitation was sent")
	f.suspend(true)
	_, _, err = f.s.CopyMailLink(f.ctx, ada, id())
	f.refused(err, portal.Conflict, "suspended")
	f.suspend(false)
	_, err = f.s.Revoke(f.ctx, f.in("ann", "Acme"), f.ids["ivy invitation"])
	f.must(err)
	_, _, err = f.s.CopyMailLink(f.ctx, ada, id())
	f.refused(err, portal.Conflict, "its link does not work")
	if _, _, err := f.s.CopyMailLink(f.ctx, ada, f.ids["mail"]); err != portal.ErrNotFound {
		t.Errorf("the link of another kind of mail: %v", err)
	}
}
