package mail_test

import (
	"encoding/base32"
	"strings"
	"testing"
	"time"

	"portico/db"
	"portico/portal"
)

// person registers somebody, proves the address and returns them as an actor.
func (p *post) person(first, email string) portal.Actor {
	p.t.Helper()
	ctx := p.t.Context()
	must := func(err error) {
		p.t.Helper()
		if err != nil {
			p.t.Fatal(err)
		}
	}
	must(p.Register(ctx, "192.0.2.1", portal.NewUser{First: first, Last: "Doe", Email: email, Password: "correct horse battery"}))
	must(p.Prove(ctx, "192.0.2.1", p.token(portal.MailProve, email), "", nil))
	hash := []byte("session of " + email)
	must(p.SignIn(ctx, email, "correct horse battery", db.NewSession{Hash: hash}))
	v, ok, err := p.Viewer(ctx, hash, portal.DefaultSettings())
	if err != nil || !ok {
		p.t.Fatal(ok, err)
	}
	return v.Actor("192.0.2.1")
}

// token is what the newest mail of that kind to somebody has in its link.
func (p *post) token(kind portal.MailKind, to string) string {
	p.t.Helper()
	for _, m := range p.mails(portal.MailKept) {
		if m.Kind == kind && m.To == to {
			url := m.LinkTo.URL("", p.Links(), portal.Mailed)
			return url[strings.LastIndexByte(url, '/')+1:]
		}
	}
	p.t.Fatalf("no mail %s to %s", kind, to)
	return ""
}

// Every kind of mail that the database queues has what its text needs.
func TestWhatIsQueuedCanBeWritten(t *testing.T) {
	t.Parallel()
	p := openPost(t, "")
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	switches := func(key string, on bool) {
		t.Helper()
		must(p.SetSwitches(ctx, p.ada, map[string]bool{key: on}))
	}

	rita := p.person("Rita", "rita@acme.example")
	must(p.Register(ctx, "192.0.2.1", portal.NewUser{First: "Rita", Last: "Doe", Email: "rita@acme.example", Password: "correct horse battery"}))
	must(p.ForgotPassword(ctx, "192.0.2.1", "rita@acme.example"))
	must(p.AskForEmail(ctx, rita, "margherita@acme.example"))
	_, err := p.ChangeEmail(ctx, "192.0.2.1", p.token(portal.MailEmailProve, "margherita@acme.example"), nil)
	must(err)
	must(p.AskForEmail(ctx, rita, "rita@acme.example"))
	_, err = p.ChangeEmail(ctx, "192.0.2.1", p.token(portal.MailEmailProve, "rita@acme.example"), nil)
	must(err)
	must(p.StartFactor(ctx, rita))
	setup, err := p.FactorSetup(ctx, rita, "Portico")
	must(err)
	secret, err := base32.StdEncoding.DecodeString(strings.ReplaceAll(setup.Secret, " ", ""))
	must(err)
	_, err = p.EnableFactor(ctx, rita, portal.FactorCode(secret, p.Now().Unix()/30))
	must(err)
	_, err = p.RemoveFactor(ctx, p.ada, account(t, p, "Rita"))
	must(err)
	switches("approve_users", false)
	wendy := p.person("Wendy", "wendy@acme.example")
	waiting, err := p.Users(ctx, p.ada, portal.UserWaiting, "", "")
	must(err)
	for _, u := range waiting.Items {
		_, err := p.ApproveUser(ctx, p.ada, u.PublicID)
		must(err)
	}

	rejected, err := p.RegisterOrg(ctx, rita, "Rejected Ltd")
	must(err)
	_, err = p.Reject(ctx, p.ada, rejected.PublicID, "We do not know you.\nCall us.")
	must(err)
	acme, err := p.RegisterOrg(ctx, wendy, "Acme Inc")
	must(err)
	_, err = p.Approve(ctx, p.ada, acme.PublicID, "Acme Inc", nil)
	must(err)

	inside, _, err := p.Enter(ctx, wendy, acme.PublicID, false)
	must(err)
	for _, email := range []string{"rita@acme.example", "tom@acme.example"} {
		_, err = p.Invite(ctx, inside, portal.NewInvitation{First: "Tom", Last: "Thumb", Email: email, Role: portal.SuperAdmin})
		must(err)
	}
	_, err = p.Accept(ctx, rita, p.token(portal.MailInvitation, "rita@acme.example"), db.NewSession{Hash: []byte("another session")})
	must(err)
	p.pass(8 * 24 * time.Hour)
	_, err = p.AskAgain(ctx, "192.0.2.1", p.token(portal.MailInvitation, "tom@acme.example"))
	must(err)

	_, err = p.Resend(ctx, inside, tom(t, p, inside))
	must(err)
	_, joined, err := p.Join(ctx, "192.0.2.1", p.token(portal.MailInvitation, "tom@acme.example"),
		portal.NewUser{First: "Tom", Last: "Thumb", Email: "tom@acme.example", Password: "correct horse battery"}, db.NewSession{Hash: []byte("of Tom")})
	must(err)
	if !joined {
		t.Fatal("Tom has not joined")
	}
	members, err := p.Members(ctx, inside, "", "")
	must(err)
	for _, m := range members.Items {
		switch m.Email {
		case "rita@acme.example":
			must(p.UpdateMember(ctx, inside, m.PublicID, "Rita", "Doe", portal.TeamMember))
		case "tom@acme.example":
			_, err = p.RemoveMember(ctx, inside, m.PublicID)
			must(err)
		}
	}
	maker := p.ada
	for _, m := range members.Items {
		if m.Email == "rita@acme.example" {
			maker = portal.Actor{UserID: m.UserID, OrgID: inside.OrgID, Role: m.Role, State: m.State}
		}
	}
	app, err := p.CreateApplication(ctx, maker, portal.NewApplication{Name: "Billing"})
	must(err)
	_, _, err = p.CreateCredential(ctx, maker, app.PublicID, portal.NewCredential{Expires: p.Now().Add(16 * 24 * time.Hour).Format(time.DateOnly)})
	must(err)
	clock := p.Now
	p.Store.Now = func() time.Time { return clock().Add(3 * 24 * time.Hour) }
	must(p.Remind(ctx))
	p.Store.Now = clock

	_, err = p.SuspendOrg(ctx, p.ada, acme.PublicID, "Unpaid.\nCall us.")
	must(err)
	_, err = p.ResumeOrg(ctx, p.ada, acme.PublicID)
	must(err)
	_, err = p.DeleteOrg(ctx, p.ada, acme.PublicID, "Acme Inc")
	must(err)

	_, err = p.StartTest(ctx, p.ada)
	must(err)

	seen := map[portal.MailKind]bool{}
	for _, m := range append(p.mails(portal.MailKept), p.mails(portal.MailQueued)...) {
		seen[m.Kind] = true
		msg, _ := rendered(t, m, m.LinkTo.URL(base, p.Links(), portal.Mailed))
		if testing.Verbose() {
			t.Logf("To: %s <%s>\nSubject: %s\n\n%s", m.ToName, m.To, msg.Subject, msg.Text)
		}
	}
	for _, kind := range portal.MailKinds {
		if !seen[kind] {
			t.Errorf("no mail %q was queued", kind)
		}
	}
}

// account is the public id of the active account that is found by these words.
func account(t *testing.T, p *post, words string) string {
	t.Helper()
	found, err := p.Users(t.Context(), p.ada, portal.UserActive, words, "")
	if err != nil || len(found.Items) != 1 {
		t.Fatal(found, err)
	}
	return found.Items[0].PublicID
}

// tom is the one open invitation.
func tom(t *testing.T, p *post, by portal.Actor) string {
	t.Helper()
	open, err := p.Invitations(t.Context(), by)
	if err != nil || len(open) != 1 {
		t.Fatal(open, err)
	}
	return open[0].PublicID
}
