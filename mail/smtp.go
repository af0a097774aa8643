package mail

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"net/textproto"
	"regexp"
	"strings"
	"time"
)

// Sender delivers one message to one recipient. Both addresses are plain ones.
// What a server refuses is a *Refusal.
type Sender interface {
	Send(ctx context.Context, from, to string, msg []byte) error
}

// Refusal says why a mail was not taken.
type Refusal struct {
	Words     string // the server's own where it has spoken; one line, no secret
	Permanent bool   // it makes no sense to try again
}

func (r *Refusal) Error() string { return r.Words }

// How long a server may take.
const (
	stageDeadline   = 30 * time.Second // to answer one command
	messageDeadline = 2 * time.Minute  // for everything about one message
)

// Send holds the SMTP dialogue for one message to one recipient.
func (s Server) Send(ctx context.Context, from, to string, msg []byte) error {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(s.Message, messageDeadline))
	defer cancel()
	for _, address := range []string{from, to} {
		if strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '>' }) {
			return &Refusal{Words: "The address cannot be written to.", Permanent: true}
		}
	}
	conn, err := s.connect(ctx)
	if err != nil {
		return s.refusal(ctx, err, false)
	}
	defer conn.Close()
	d := &dialogue{Server: s, ctx: ctx, conn: conn}
	d.local = isLoopback(s.Host) && isLoopbackAddr(conn.RemoteAddr())
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := d.greet(from); err != nil {
		return s.refusal(ctx, err, false)
	}
	if err := d.signIn(); err != nil {
		return s.refusal(ctx, err, false)
	}
	return d.deliver(from, to, msg)
}

func isLoopbackAddr(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

func (s Server) stage() time.Duration { return cmp.Or(s.Stage, stageDeadline) }

func (s Server) connect(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.stage())
	defer cancel()
	dial := s.dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, "tcp", net.JoinHostPort(s.Host, s.Port))
	if err != nil {
		return nil, err
	}
	return &boundedConn{Conn: conn, left: maxAnswers}, nil
}

// maxAnswers is how much a server may say in all, in octets.
const maxAnswers = 1 << 20

type boundedConn struct {
	net.Conn
	left int
}

func (c *boundedConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errors.New("the mail server says too much")
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// dialogue is one connection to a server.
type dialogue struct {
	Server
	ctx    context.Context
	conn   net.Conn // below TLS; deadlines are set here
	client *smtp.Client
	local  bool // the server is on this machine: nobody is between
	secure bool
}

// next begins a stage: from now on the server has a stage's time to answer.
func (d *dialogue) next() error {
	until := time.Now().Add(d.stage())
	if all, ok := d.ctx.Deadline(); ok && all.Before(until) {
		until = all
	}
	if err := d.conn.SetDeadline(until); err != nil {
		return err
	}
	return d.ctx.Err() // after setting the deadline, which would undo what ctx did to it
}

// greet connects the SMTP layer, encrypted unless nobody is between or the
// address says otherwise.
func (d *dialogue) greet(from string) error {
	if err := d.next(); err != nil {
		return err
	}
	// #nosec G402 -- the certificate goes unchecked only where nobody is between: on the loopback
	config := &tls.Config{ServerName: d.Host, RootCAs: d.roots, MinVersion: tls.VersionTLS12, InsecureSkipVerify: d.local}
	conn := d.conn
	if d.TLS {
		encrypted := tls.Client(conn, config)
		if err := encrypted.HandshakeContext(d.ctx); err != nil {
			return err
		}
		conn, d.secure = encrypted, true
	}
	var err error
	if d.client, err = smtp.NewClient(conn, d.Host); err != nil {
		return err
	}
	if err := d.next(); err != nil {
		return err
	}
	_, domain, _ := strings.Cut(from, "@")
	if err := d.client.Hello(cmp.Or(domain, "localhost")); err != nil {
		return err
	}
	if d.secure || d.Plain {
		return nil
	}
	if offered, _ := d.client.Extension("STARTTLS"); !offered {
		if d.local {
			return nil
		}
		return &Refusal{Words: "The mail server offers no encryption (STARTTLS), so nothing was sent to it. Use smtps:// if it is encrypted from the start, or ?tls=off for a server inside your own network."}
	}
	if err := d.next(); err != nil {
		return err
	}
	if err := d.client.StartTLS(config); err != nil {
		return err
	}
	d.secure = true
	return nil
}

// signIn gives user and password, if there are any, by PLAIN or LOGIN.
func (d *dialogue) signIn() error {
	if d.User == "" {
		return nil
	}
	if !d.secure && !d.local {
		return &Refusal{Words: "The connection to the mail server is not encrypted, so the password was not sent."}
	}
	_, offered := d.client.Extension("AUTH")
	var how smtp.Auth
	for _, mechanism := range strings.Fields(strings.ToUpper(offered)) {
		switch {
		case mechanism == "PLAIN":
			how = plain{d.User, d.Password}
		case mechanism == "LOGIN" && how == nil:
			how = &login{answers: []string{d.User, d.Password}}
		}
	}
	if how == nil {
		return &Refusal{Words: "The mail server does not offer to sign in with a password (AUTH PLAIN or LOGIN)."}
	}
	if err := d.next(); err != nil {
		return err
	}
	return d.client.Auth(how)
}

// plain and login leave it to signIn whether the connection may be trusted.
type plain struct{ user, password string }

func (a plain) Start(*smtp.ServerInfo) (string, []byte, error) {
	return "PLAIN", []byte("\x00" + a.user + "\x00" + a.password), nil
}

func (a plain) Next(_ []byte, more bool) ([]byte, error) {
	if more {
		return nil, errors.New("the mail server asks on after the password")
	}
	return nil, nil
}

type login struct{ answers []string }

func (a *login) Start(*smtp.ServerInfo) (string, []byte, error) { return "LOGIN", nil, nil }

func (a *login) Next(_ []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	if len(a.answers) == 0 {
		return nil, errors.New("the mail server asks on after the password")
	}
	answer := a.answers[0]
	a.answers = a.answers[1:]
	return []byte(answer), nil
}

// deliver hands the message over.
func (d *dialogue) deliver(from, to string, msg []byte) error {
	for _, c := range []struct {
		expect  int
		command string
	}{
		{250, "MAIL FROM:<" + from + ">"},
		{25, "RCPT TO:<" + to + ">"},
		{354, "DATA"},
	} {
		if err := d.command(c.expect, c.command); err != nil {
			return d.refusal(d.ctx, err, true)
		}
	}
	if err := d.next(); err != nil {
		return d.refusal(d.ctx, err, true)
	}
	w := d.client.Text.DotWriter()
	_, err := w.Write(msg)
	if err := errors.Join(err, w.Close()); err != nil {
		return d.refusal(d.ctx, err, true)
	}
	if err := d.answer(250); err != nil {
		r := d.refusal(d.ctx, err, true)
		if !answered(err) {
			// Sent again, it may arrive twice; it would be worse not to.
			r.Words = shorten(r.Words+" It had been given the whole mail.", maxWords)
		}
		return r
	}
	// It is theirs now, whatever becomes of the farewell.
	d.Stage = min(d.stage(), 2*time.Second)
	_ = d.command(221, "QUIT")
	return nil
}

func (d *dialogue) command(expect int, line string) error {
	if err := d.next(); err != nil {
		return err
	}
	if err := d.client.Text.PrintfLine("%s", line); err != nil {
		return err
	}
	return d.answer(expect)
}

func (d *dialogue) answer(expect int) error {
	if err := d.next(); err != nil {
		return err
	}
	_, _, err := d.client.Text.ReadResponse(expect)
	return err
}

// answered reports whether err is something the server said.
func answered(err error) bool {
	var answer *textproto.Error
	return errors.As(err, &answer)
}

// refusal is what err means for the mail. aboutMail says that an answer of 5xx
// is about this mail; one about the connection or the password may be mended.
func (s Server) refusal(ctx context.Context, err error, aboutMail bool) *Refusal {
	var ours *Refusal
	var answer *textproto.Error
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.As(err, &answer):
	case errors.Is(ctx.Err(), context.Canceled):
		return &Refusal{Words: "Portico was stopped while it sent this mail."}
	default:
		return &Refusal{Words: s.words(s.trouble(err))}
	}
	permanent := aboutMail && answer.Code/100 == 5
	switch answer.Code {
	case 530, 534, 535, 538: // about signing in, wherever they come
		permanent = false
	}
	return &Refusal{Words: s.words(spoken(answer)), Permanent: permanent}
}

// spoken is an answer with its code, and the code that repeats at the beginning
// of each line once.
func spoken(answer *textproto.Error) string {
	first, _, _ := strings.Cut(answer.Msg, " ")
	text := answer.Msg
	if strings.Count(first, ".") == 2 {
		text = strings.ReplaceAll(text, "\n"+first+" ", "\n")
	}
	return fmt.Sprintf("%d %s", answer.Code, text)
}

// trouble puts a failure of the connection in words.
func (s Server) trouble(err error) string {
	who := net.JoinHostPort(s.Host, s.Port)
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var op *net.OpError
	var timeout net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "The mail server " + who + " did not answer in time."
	case errors.As(err, &dns):
		return "The mail server " + who + " was not found: " + dns.Err + "."
	case errors.As(err, &certificate):
		return "The certificate of the mail server " + who + " is not valid: " + certificate.Err.Error() + "."
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "The mail server " + who + " closed the connection."
	case errors.As(err, &op):
		return "The connection to the mail server " + who + " failed: " + op.Err.Error() + "."
	}
	return "The connection to the mail server " + who + " failed: " + err.Error() + "."
}

// maxWords is in characters.
const maxWords = 300

// tokens are what a server may quote of the links in a mail.
var tokens = regexp.MustCompile(`[A-Za-z0-9_-]{64,}`)

// words makes one short line without secrets of what a server says.
func (s Server) words(said string) string {
	said = oneLine(said)
	for _, secret := range s.secrets() {
		if secret != "" {
			said = strings.ReplaceAll(said, secret, "…")
		}
	}
	return shorten(tokens.ReplaceAllString(said, "…"), maxWords)
}

// secrets are the forms in which the password goes over the wire.
func (s Server) secrets() []string {
	if s.Password == "" {
		return nil
	}
	encoded := func(secret string) string { return base64.StdEncoding.EncodeToString([]byte(secret)) }
	return []string{encoded("\x00" + s.User + "\x00" + s.Password), encoded(s.Password), s.Password, oneLine(s.Password)}
}
