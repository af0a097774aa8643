package mail

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"portico/portal"
)

// Outbox is where the worker takes mail from; *db.Store is one.
type Outbox interface {
	ClaimMail(ctx context.Context) (portal.Mail, bool, error)
	MailWasSent(ctx context.Context, m portal.Mail, subject string, text portal.MailText) error
	MailWasRefused(ctx context.Context, m portal.Mail, words string, forGood bool) error
	NextMailAt(ctx context.Context) (time.Time, error)
	MailConfig(ctx context.Context) (portal.SMTPConfig, error)
	Links() portal.LinkKey
}

// Worker drains the outbox, one mail at a time. Several may work on one outbox.
type Worker struct {
	Outbox
	Base string // the portal's address, without a slash at its end
	Log  *slog.Logger

	// Now is the outbox's clock; nil: time.Now.
	Now func() time.Time
	// NewSender makes the way out for what is configured; nil: SMTP.
	NewSender func(portal.SMTPConfig) (Sender, error)

	once    sync.Once
	wake    chan struct{}
	turn    atomic.Int64      // when the loop last went round, in Unix nanoseconds; 0: it does not run
	unnoted map[int64]Message // mail that left, which the outbox could not be told
	off     bool              // the log says that mail waits
}

const (
	longestWait = time.Minute
	afterFault  = 10 * time.Second
	aliveFor    = 5 * time.Minute
	// farewell is how long a mail may go on being sent when the worker is to end:
	// to break off after the last octet means to send it twice.
	farewell   = 5 * time.Second
	noteWithin = 15 * time.Second
)

const ourFault = "Something went wrong on our side."

func (w *Worker) woken() chan struct{} {
	w.once.Do(func() { w.wake = make(chan struct{}, 1) })
	return w.wake
}

// Wake says that there may be something to send. It never blocks.
func (w *Worker) Wake() {
	select {
	case w.woken() <- struct{}{}:
	default: // it is being woken
	}
}

// Alive reports whether the worker runs and has gone round within five minutes,
// which is more than it may spend on one mail.
func (w *Worker) Alive() bool {
	turn := w.turn.Load()
	return turn != 0 && time.Since(time.Unix(0, turn)) < aliveFor
}

func (w *Worker) now() time.Time {
	if w.Now != nil {
		return w.Now()
	}
	return time.Now()
}

// Run sends what is due until ctx ends. It waits for Wake, or for the next mail
// to be due. Of a mail that is under way when ctx ends it waits for the outcome,
// but a few seconds at most.
func (w *Worker) Run(ctx context.Context) {
	defer w.turn.Store(0)
	for ctx.Err() == nil {
		timer := time.NewTimer(w.drain(ctx))
		select {
		case <-ctx.Done():
		case <-w.woken():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// drain sends what is due, and returns how long to wait after it.
func (w *Worker) drain(ctx context.Context) (wait time.Duration) {
	defer func() {
		if p := recover(); p != nil {
			w.panicked(p)
			wait = afterFault
		}
	}()
	idle := 0
	for ctx.Err() == nil {
		w.turn.Store(time.Now().UnixNano())
		next, err := w.NextMailAt(ctx)
		if err != nil {
			return w.fault(ctx, "read the outbox", err)
		}
		if next.IsZero() {
			return longestWait
		}
		if wait := next.Sub(w.now()); wait > 0 {
			return min(wait, longestWait)
		}
		config, err := w.MailConfig(ctx)
		if err != nil {
			return w.fault(ctx, "read the mail settings", err)
		}
		if !config.On() {
			if !w.off {
				w.Log.Warn("mail waits: no mail server is set up any more")
			}
			w.off = true
			return longestWait
		}
		w.off = false
		m, ok, err := w.ClaimMail(ctx)
		if err != nil {
			return w.fault(ctx, "claim a mail", err)
		}
		if !ok { // somebody else was quicker, or what was due is cancelled
			if idle++; idle > 1 {
				return time.Second
			}
			continue
		}
		idle = 0
		if err := w.handle(ctx, config, m); err != nil {
			return w.fault(ctx, "note what became of a mail", err)
		}
	}
	return 0
}

func (w *Worker) fault(ctx context.Context, what string, err error) time.Duration {
	if ctx.Err() == nil {
		w.Log.Error("mail: could not "+what, "error", err)
	}
	return afterFault
}

// panicked logs where, and not what: the value may hold the text of a mail.
func (w *Worker) panicked(p any) {
	w.Log.Error("mail: panic", "type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
}

// handle sends a claimed mail and notes the outcome, also when ctx has ended
// meanwhile. Its error is the outbox's.
func (w *Worker) handle(ctx context.Context, config portal.SMTPConfig, m portal.Mail) error {
	log := w.Log.With("mail", m.PublicID, "kind", string(m.Kind), "attempt", m.Attempts)
	var sendErr error
	msg, left := w.unnoted[m.ID]
	if !left {
		msg, sendErr = w.send(ctx, config, m)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteWithin)
	defer cancel()
	if sendErr == nil {
		if err := w.MailWasSent(ctx, m, msg.Subject, msg.Source); err != nil {
			if w.unnoted == nil {
				w.unnoted = map[int64]Message{}
			}
			w.unnoted[m.ID] = msg
			return err
		}
		delete(w.unnoted, m.ID)
		log.Info("mail sent")
		return nil
	}
	var refusal *Refusal
	if !errors.As(sendErr, &refusal) {
		log.Error("mail could not be written", "error", sendErr)
		refusal = &Refusal{Words: ourFault}
	} else {
		log.Warn("mail refused", "permanent", refusal.Permanent)
	}
	return w.MailWasRefused(ctx, m, refusal.Words, refusal.Permanent)
}

var errPanic = errors.New("panic")

func (w *Worker) send(ctx context.Context, config portal.SMTPConfig, m portal.Mail) (msg Message, err error) {
	defer func() {
		if p := recover(); p != nil {
			w.panicked(p)
			err = errPanic
		}
	}()
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), messageDeadline)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(farewell, cancel)
		context.AfterFunc(sending, func() { timer.Stop() })
	})
	defer stop()
	newSender := w.NewSender
	if newSender == nil {
		newSender = overSMTP
	}
	return send(sending, newSender, config, m, m.LinkTo.URL(w.Base, w.Links(), portal.Mailed), w.Base, w.now())
}

func overSMTP(c portal.SMTPConfig) (Sender, error) { return ParseURL(c.URL) }

// send writes one mail and hands it over. What is wrong with the configuration
// is a Refusal, too: an admin reads it at the mail and may mend it.
func send(ctx context.Context, newSender func(portal.SMTPConfig) (Sender, error), c portal.SMTPConfig, m portal.Mail, link, base string, now time.Time) (msg Message, err error) {
	sender, err := newSender(c)
	if err != nil {
		return msg, misconfigured(err)
	}
	from, err := ParseFrom(c.From)
	if err != nil {
		return msg, misconfigured(err)
	}
	to, err := asciiAddress(m.To)
	if err != nil {
		return msg, &Refusal{Words: "The recipient’s address cannot be written to.", Permanent: true}
	}
	if msg, err = Render(m, link, base); err != nil {
		return msg, err
	}
	raw, err := Build(c.From, m, msg, now, MessageID(m, from))
	if err != nil {
		return msg, err
	}
	return msg, sender.Send(ctx, from.Address, to, raw)
}

func misconfigured(err error) error {
	var forPeople *portal.Error
	if errors.As(err, &forPeople) {
		return &Refusal{Words: forPeople.Message}
	}
	return err
}

// Try sends m now, by c, without the outbox: for a test mail. What the server or
// the configuration has against it is a *Refusal. m carries no link with a token.
func Try(ctx context.Context, c portal.SMTPConfig, m portal.Mail, base string, now time.Time) error {
	if !c.On() {
		return &Refusal{Words: "No mail server is set up."}
	}
	if m.LinkTo.Secret() {
		return errors.New("a link with a token is made by the outbox's worker")
	}
	if m.PublicID == "" {
		m.PublicID = "test-" + strings.ToLower(rand.Text())
	}
	_, err := send(ctx, overSMTP, c, m, base+m.LinkTo.Path, base, now)
	return err
}
