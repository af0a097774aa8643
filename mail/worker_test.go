package mail_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"portico/db"
	"portico/mail"
	"portico/portal"
)

// post is a portal with its outbox, and a clock that stands still.
type post struct {
	*db.Store
	t     *testing.T
	ada   portal.Actor // portal admin
	log   bytes.Buffer
	logMu sync.Mutex

	mu   sync.Mutex
	time time.Time
}

func openPost(t *testing.T, smtpURL string) *post {
	t.Helper()
	return openPostIn(t, t.TempDir(), smtpURL)
}

func openPostIn(t *testing.T, dir, smtpURL string) *post {
	t.Helper()
	s, err := db.Open(t.Context(), dir, db.Options{CheapPasswords: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	p := &post{Store: s, t: t, time: noon}
	s.Now = p.now
	p.use(smtpURL)
	n := portal.NewUser{First: "Ada", Last: "Lovelace", Email: "ada@provider.example", Password: "correct horse battery"}
	if err := s.SetUp(t.Context(), n, db.NewSession{Hash: []byte("a session")}); err != nil {
		t.Fatal(err)
	}
	p.ada = portal.Actor{UserID: 1, State: portal.UserActive, Admin: true, Name: "Ada Lovelace", Email: n.Email}
	return p
}

func (p *post) use(smtpURL string) {
	p.SMTP = portal.SMTPConfig{URL: smtpURL, From: from, ByFlags: true, FromFlag: true}
}

func (p *post) now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.time
}

func (p *post) pass(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.time = p.time.Add(d)
}

// Write is the worker's log.
func (p *post) Write(line []byte) (int, error) {
	p.logMu.Lock()
	defer p.logMu.Unlock()
	return p.log.Write(line)
}

func (p *post) logged() string {
	p.logMu.Lock()
	defer p.logMu.Unlock()
	return p.log.String()
}

// invite queues an invitation to that address, into an organization of its own.
func (p *post) invite(email string) portal.Organization {
	p.t.Helper()
	o, err := p.AddOrg(p.t.Context(), p.ada, "Acme Inc", &portal.NewInvitation{First: "Tom", Last: "Thumb", Email: email})
	if err != nil {
		p.t.Fatal(err)
	}
	return o
}

// mails lists the outbox in one state.
func (p *post) mails(state portal.MailState) []portal.Mail {
	p.t.Helper()
	var all []portal.Mail
	for next, first := "", true; first || next != ""; first = false {
		list, err := p.Mails(p.t.Context(), p.ada, portal.MailFilter{State: state}, next)
		if err != nil {
			p.t.Fatal(err)
		}
		all, next = append(all, list.Items...), list.Next
	}
	return all
}

// watched tells what is noted about mail.
type watched struct {
	mail.Outbox
	noted chan string
	sent  func(int64) error // nil: as the outbox says
}

func (w watched) MailWasSent(ctx context.Context, m portal.Mail, subject string, text portal.MailText) error {
	if w.sent != nil {
		if err := w.sent(m.ID); err != nil {
			w.noted <- "not noted"
			return err
		}
	}
	err := w.Outbox.MailWasSent(ctx, m, subject, text)
	w.noted <- "sent"
	return err
}

func (w watched) MailWasRefused(ctx context.Context, m portal.Mail, words string, forGood bool) error {
	err := w.Outbox.MailWasRefused(ctx, m, words, forGood)
	w.noted <- fmt.Sprintf("refused for good %v: %s", forGood, words)
	return err
}

// worker makes a worker for the outbox and what it notes.
func (p *post) worker() (*mail.Worker, chan string) {
	noted := make(chan string, 100)
	w := &mail.Worker{Outbox: watched{Outbox: p.Store, noted: noted}, Base: base, Now: p.now,
		Log: slog.New(slog.NewTextHandler(p, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	return w, noted
}

// run runs a worker until the test ends, or until it is told to stop.
func run(t *testing.T, w *mail.Worker) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

// next is what is noted next.
func next(t *testing.T, noted chan string) string {
	t.Helper()
	select {
	case s := <-noted:
		return s
	case <-time.After(30 * time.Second):
		t.Fatal("nothing was noted")
		return ""
	}
}

func expect(t *testing.T, noted chan string, want string) {
	t.Helper()
	if got := next(t, noted); !strings.Contains(got, want) {
		t.Fatalf("noted %q, want %q", got, want)
	}
}

func TestAQueuedMailArrives_SMTP_01(t *testing.T) {
	t.Parallel()
	o := (&office{}).open(t)
	p := openPost(t, o.url())
	w, noted := p.worker()
	p.Wake = w.Wake
	stop := run(t, w)
	p.invite("tom@acme.example")
	expect(t, noted, "sent")
	stop()
	got := o.letters()
	if len(got) != 1 || got[0].to[0] != "tom@acme.example" || got[0].from != "portico@provider.example" {
		t.Fatalf("it took %+v", got)
	}
	sent := p.mails(portal.MailSent)
	if len(sent) != 1 || sent[0].SentAt != noon {
		t.Fatalf("the outbox has %+v", sent)
	}
	d := delivered(t, got[0].raw)
	link := sent[0].LinkTo.URL(base, p.Links(), portal.Mailed)
	if !strings.Contains(d.Text, "\n"+link+"\n") || !strings.Contains(d.Subject, "Acme Inc") || d.To != `"Tom Thumb" <tom@acme.example>` && d.To != "Tom Thumb <tom@acme.example>" {
		t.Errorf("it took %+v", d)
	}
	if d.ID != sent[0].PublicID {
		t.Errorf("the message id has %q, want %q", d.ID, sent[0].PublicID)
	}
	for _, secret := range []string{"tom@", "Acme", "Thumb", "invitations/"} {
		if strings.Contains(p.logged(), secret) {
			t.Errorf("the log has %q:\n%s", secret, p.logged())
		}
	}
	if !strings.Contains(p.logged(), sent[0].PublicID) {
		t.Errorf("the log does not name the mail:\n%s", p.logged())
	}
}

func TestARefusalThatPassesIsTriedAgain_SMTP_03(t *testing.T) {
	t.Parallel()
	var tries int
	o := (&office{onRcpt: func(string) error {
		if tries++; tries == 1 {
			return &smtp.SMTPError{Code: 450, EnhancedCode: smtp.EnhancedCode{4, 2, 0}, Message: "Come back later"}
		}
		return nil
	}}).open(t)
	p := openPost(t, o.url())
	p.invite("tom@acme.example")
	w, noted := p.worker()
	run(t, w)
	expect(t, noted, "refused for good false: 450 4.2.0 Come back later")
	queued := p.mails(portal.MailQueued)
	if len(queued) != 1 || queued[0].Error != "450 4.2.0 Come back later" || queued[0].NextAt != noon.Add(time.Minute) {
		t.Fatalf("the outbox has %+v", queued)
	}
	p.pass(time.Minute)
	w.Wake()
	expect(t, noted, "sent")
	if got := o.letters(); len(got) != 1 || delivered(t, got[0].raw).ID != queued[0].PublicID {
		t.Errorf("it took %+v", got)
	}
	if sent := p.mails(portal.MailSent); len(sent) != 1 || sent[0].Attempts != 2 || sent[0].Error != "" {
		t.Errorf("the outbox has %+v", sent)
	}
}

func TestARefusalForGoodIsNotTriedAgain_SMTP_03(t *testing.T) {
	t.Parallel()
	o := (&office{onRcpt: func(string) error {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such user"}
	}}).open(t)
	p := openPost(t, o.url())
	p.invite("tom@acme.example")
	w, noted := p.worker()
	stop := run(t, w)
	expect(t, noted, "refused for good true: 550 5.1.1 No such user")
	stop()
	if failed := p.mails(portal.MailFailed); len(failed) != 1 || failed[0].Error != "550 5.1.1 No such user" {
		t.Errorf("the outbox has %+v", failed)
	}
	if strings.Contains(p.logged(), "No such user") {
		t.Errorf("the server's words, which may quote the mail, are logged:\n%s", p.logged())
	}
}

// firstSilent is a listener whose first connection is never served.
type firstSilent struct {
	net.Listener
	t    *testing.T
	once sync.Once
}

func (l *firstSilent) Accept() (net.Conn, error) {
	l.once.Do(func() {
		if conn, err := l.Listener.Accept(); err == nil {
			l.t.Cleanup(func() { conn.Close() })
		}
	})
	return l.Listener.Accept()
}

func TestAServerThatHangsHoldsUpNobodyElse_SMTP_02(t *testing.T) {
	t.Parallel()
	o := (&office{}).openAt(t, &firstSilent{Listener: listen(t), t: t})
	p := openPost(t, o.url())
	p.invite("tom@acme.example")
	p.invite("tim@acme.example")
	w, noted := p.worker()
	tries := 0
	w.NewSender = func(c portal.SMTPConfig) (mail.Sender, error) {
		s, err := mail.ParseURL(c.URL)
		if tries++; tries == 1 {
			s.Stage = 50 * time.Millisecond
		}
		return s, err
	}
	run(t, w)
	expect(t, noted, "refused for good false: The mail server "+o.address+" did not answer in time.")
	expect(t, noted, "sent")
	if got := o.letters(); len(got) != 1 || got[0].to[0] != "tim@acme.example" {
		t.Errorf("it took %+v", got)
	}
}

func TestWhatIsRevokedIsNotSent_SMTP_06(t *testing.T) {
	t.Parallel()
	o := (&office{}).open(t)
	p := openPost(t, o.url())
	org := p.invite("tom@acme.example")
	by := p.ada
	by.OrgID = org.ID
	open, err := p.Invitations(t.Context(), by)
	if err != nil || len(open) != 1 {
		t.Fatal(open, err)
	}
	if _, err := p.Revoke(t.Context(), by, open[0].PublicID); err != nil {
		t.Fatal(err)
	}
	p.invite("tim@acme.example")
	w, noted := p.worker()
	run(t, w)
	expect(t, noted, "sent")
	if got := o.letters(); len(got) != 1 || got[0].to[0] != "tim@acme.example" {
		t.Errorf("it took %+v", got)
	}
	if cancelled := p.mails(portal.MailCancelled); len(cancelled) != 1 || cancelled[0].Error != "The invitation is revoked." {
		t.Errorf("the outbox has %+v", cancelled)
	}
}

func TestTwoWorkersSendEachMailOnce_SMTP_05_DB_06(t *testing.T) {
	t.Parallel()
	o := (&office{}).open(t)
	p := openPost(t, o.url())
	const n = 20
	for i := range n {
		p.invite(fmt.Sprintf("tom%d@acme.example", i))
	}
	w1, noted := p.worker()
	w2, _ := p.worker()
	w2.Outbox = w1.Outbox
	run(t, w1)
	run(t, w2)
	for range n {
		expect(t, noted, "sent")
	}
	ids := map[string]int{}
	for _, l := range o.letters() {
		ids[delivered(t, l.raw).ID]++
	}
	if len(ids) != n || len(o.letters()) != n {
		t.Errorf("%d mails arrived, %d different ones, want %d", len(o.letters()), len(ids), n)
	}
}

func TestMailThatLeftButCouldNotBeNotedIsNotSentAgain(t *testing.T) {
	t.Parallel()
	o := (&office{}).open(t)
	p := openPost(t, o.url())
	p.invite("tom@acme.example")
	w, noted := p.worker()
	full := true
	w.Outbox = watched{Outbox: p.Store, noted: noted, sent: func(int64) error {
		if full {
			full = false
			return errors.New("disk full")
		}
		return nil
	}}
	run(t, w)
	expect(t, noted, "not noted")
	p.pass(5 * time.Minute) // its lease is over
	w.Wake()
	expect(t, noted, "sent")
	if got := o.letters(); len(got) != 1 {
		t.Errorf("it arrived %d times", len(got))
	}
}

// sender is a function that sends.
type sender func(ctx context.Context, to string) error

func (s sender) Send(ctx context.Context, _, to string, _ []byte) error { return s(ctx, to) }

func TestPanicsAndFaultsOfOursDoNotEndTheWorker(t *testing.T) {
	t.Parallel()
	p := openPost(t, "smtp://localhost")
	p.invite("tom@acme.example")
	p.invite("tim@acme.example")
	p.invite("tam@acme.example")
	w, noted := p.worker()
	w.NewSender = func(portal.SMTPConfig) (mail.Sender, error) {
		return sender(func(_ context.Context, to string) error {
			switch to {
			case "tom@acme.example":
				panic("secret words")
			case "tim@acme.example":
				return errors.New("a fault")
			}
			return nil
		}), nil
	}
	run(t, w)
	expect(t, noted, "refused for good false: Something went wrong on our side.")
	expect(t, noted, "refused for good false: Something went wrong on our side.")
	expect(t, noted, "sent")
	if !w.Alive() {
		t.Error("the worker is dead")
	}
	if strings.Contains(p.logged(), "secret words") || !strings.Contains(p.logged(), "panic") {
		t.Errorf("the log has:\n%s", p.logged())
	}
}

// broken is an outbox that fails, and counts how often it is asked.
type broken struct {
	mail.Outbox
	asked chan struct{}
	panic bool
}

func (b broken) NextMailAt(context.Context) (time.Time, error) {
	b.asked <- struct{}{}
	if b.panic {
		panic("broken")
	}
	return time.Time{}, errors.New("broken")
}

func TestABrokenOutboxIsAskedAgainLater(t *testing.T) {
	t.Parallel()
	for _, panics := range []bool{false, true} {
		p := &post{t: t}
		b := broken{asked: make(chan struct{}, 100), panic: panics}
		w := &mail.Worker{Outbox: b, Base: base, Log: slog.New(slog.NewTextHandler(p, nil))}
		stop := run(t, w)
		<-b.asked
		w.Wake()
		<-b.asked
		stop()
		if n := len(b.asked); n > 0 {
			t.Errorf("it was asked %d times more", n)
		}
		if w.Alive() {
			t.Error("the worker is alive after its end")
		}
	}
}

func TestMailWaitsWhileNoServerIsSetUp(t *testing.T) {
	t.Parallel()
	o := (&office{}).open(t)
	p := openPost(t, o.url())
	p.invite("tom@acme.example")
	p.use("")
	w, noted := p.worker()
	asked := make(chan struct{}, 100)
	w.Outbox = settings{Outbox: w.Outbox, asked: asked}
	stop := run(t, w)
	<-asked
	w.Wake()
	<-asked
	stop()
	if queued := p.mails(portal.MailQueued); len(queued) != 1 || queued[0].Attempts != 0 {
		t.Errorf("the outbox has %+v", queued)
	}
	if n := strings.Count(p.logged(), "no mail server"); n != 1 {
		t.Errorf("it was logged %d times:\n%s", n, p.logged())
	}
	p.use(o.url())
	run(t, w)
	expect(t, noted, "sent")
}

// settings tells when the settings are read.
type settings struct {
	mail.Outbox
	asked chan struct{}
}

func (s settings) MailConfig(ctx context.Context) (portal.SMTPConfig, error) {
	c, err := s.Outbox.MailConfig(ctx)
	s.asked <- struct{}{}
	return c, err
}

func TestWrongSettingsAreSaidAtTheMail(t *testing.T) {
	t.Parallel()
	p := openPost(t, "http://mail.provider.example")
	p.invite("tom@acme.example")
	w, noted := p.worker()
	run(t, w)
	expect(t, noted, "refused for good false: The mail server’s address begins with smtp://")
	p.SMTP.URL, p.SMTP.From = "smtp://localhost", "nobody"
	p.pass(time.Hour)
	w.Wake()
	expect(t, noted, "refused for good false: The sender is not an email address.")
}

func TestAWorkerThatEndsLetsAMailOut(t *testing.T) {
	t.Parallel()
	p := openPost(t, "smtp://localhost")
	p.invite("tom@acme.example")
	w, noted := p.worker()
	under, goOn := make(chan struct{}), make(chan struct{})
	w.NewSender = func(portal.SMTPConfig) (mail.Sender, error) {
		return sender(func(ctx context.Context, _ string) error {
			close(under)
			<-goOn
			return ctx.Err()
		}), nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.Run(ctx)
	}()
	<-under
	cancel()
	close(goOn)
	<-ended
	expect(t, noted, "sent")
	if sent := p.mails(portal.MailSent); len(sent) != 1 {
		t.Errorf("the outbox has %+v", sent)
	}
}

func TestWakeNeverBlocks(t *testing.T) {
	t.Parallel()
	w := &mail.Worker{}
	for range 3 {
		w.Wake()
	}
	if w.Alive() {
		t.Error("a worker that does not run is alive")
	}
}

func TestTry(t *testing.T) {
	t.Parallel()
	o := (&office{onRcpt: func(to string) error {
		if to == "nobody@example.com" {
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such user"}
		}
		return nil
	}}).open(t)
	config := portal.SMTPConfig{URL: o.url(), From: from}
	m := portal.Mail{Kind: portal.MailTest, To: "ada@example.com", ToName: "Ada Lovelace"}
	if err := mail.Try(t.Context(), config, m, base, noon); err != nil {
		t.Fatal(err)
	}
	if got := o.letters(); len(got) != 1 || !strings.Contains(delivered(t, got[0].raw).Text, "Hello Ada Lovelace,") {
		t.Errorf("it took %+v", got)
	}
	m.To = "nobody@example.com"
	refused(t, mail.Try(t.Context(), config, m, base, noon), true, "550 5.1.1 No such user")
	m.To = "nobody"
	refused(t, mail.Try(t.Context(), config, m, base, noon), true, "recipient")
	refused(t, mail.Try(t.Context(), portal.SMTPConfig{From: from}, m, base, noon), false, "No mail server is set up")
	refused(t, mail.Try(t.Context(), portal.SMTPConfig{URL: "smtp://", From: from}, m, base, noon), false, "names no host")
	refused(t, mail.Try(t.Context(), portal.SMTPConfig{URL: o.url()}, m, base, noon), false, "sender")
	m.LinkTo.Purpose = portal.LinkReset
	if err := mail.Try(t.Context(), config, m, base, noon); err == nil {
		t.Error("a secret link was sent without the outbox")
	}
}
