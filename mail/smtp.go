package mail

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"net/textproto"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"portico/portal"
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

// Server is a mail server to send through. It implements Sender.
type Server struct {
	Host     string
	Port     string
	TLS      bool // from the first byte; otherwise by STARTTLS
	User     string
	Password string
	Plain    bool // do without TLS, even to another machine

	// Deadlines; 0: 30 seconds and 2 minutes.
	Stage   time.Duration
	Message time.Duration

	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	roots *x509.CertPool
}

// ParseURL reads the address of a mail server: smtp://user:password@host:587 or
// smtps://user:password@host:465, user, password and port being optional.
// ?tls=off does without encryption. The error is for people and never holds the
// password.
func ParseURL(s string) (Server, error) {
	wrong := func(format string, args ...any) (Server, error) {
		return Server{}, portal.Errorf(portal.Invalid, format, args...)
	}
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Opaque != "" || u.Fragment != "" || u.User == nil && strings.Contains(u.Path, "@") {
		return wrong("The mail server’s address cannot be read. Write it like smtp://user:password@mail.example.com:587, with special characters of the user and the password percent-encoded (@ is %%40, / is %%2F, # is %%23, %% is %%25).")
	}
	server := Server{Host: u.Hostname(), Port: u.Port()}
	switch u.Scheme {
	case "smtp":
		server.Port = cmp.Or(server.Port, "587")
	case "smtps":
		server.TLS = true
		server.Port = cmp.Or(server.Port, "465")
	default:
		return wrong("The mail server’s address begins with smtp:// (encrypted by STARTTLS) or smtps:// (encrypted from the start).")
	}
	if port, err := strconv.Atoi(server.Port); err != nil || port < 1 || port > 65535 {
		return wrong("The mail server’s port is a number from 1 to 65535.")
	}
	if server.Host == "" || strings.ContainsFunc(server.Host, unspeakable) {
		return wrong("The mail server’s address names no host. Write it like smtp://mail.example.com:587.")
	}
	if u.Path != "" && u.Path != "/" {
		return wrong("The mail server’s address ends after host and port: leave out what follows them.")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return wrong("The only option of the mail server’s address is ?tls=off.")
	}
	for name, values := range query {
		if name != "tls" || len(values) != 1 || values[0] != "off" {
			return wrong("The only option of the mail server’s address is ?tls=off. A certificate that cannot be checked is never accepted from another machine.")
		}
		server.Plain = true
	}
	if server.TLS && server.Plain {
		return wrong("smtps:// and ?tls=off contradict each other: use smtp://, or leave out ?tls=off.")
	}
	server.User = u.User.Username()
	server.Password, _ = u.User.Password()
	if strings.ContainsFunc(server.User+server.Password, unspeakable) {
		return wrong("The mail server’s user and password may not hold control characters.")
	}
	if server.Password != "" && server.User == "" {
		return wrong("The mail server’s address has a password but no user.")
	}
	if server.User != "" && server.Plain && !isLoopback(server.Host) {
		return wrong("A password is not sent without encryption: leave out ?tls=off, or the user and the password.")
	}
	return server, nil
}

func unspeakable(r rune) bool { return r < ' ' || r == 0x7f }

// Redacted is the server's address without the password.
func (s Server) Redacted() string {
	u := url.URL{Scheme: "smtp", Host: net.JoinHostPort(s.Host, s.Port)}
	if s.TLS {
		u.Scheme = "smtps"
	}
	switch {
	case s.Password != "":
		u.User = url.UserPassword(s.User, s.Password)
	case s.User != "":
		u.User = url.User(s.User)
	}
	if s.Plain {
		u.RawQuery = "tls=off"
	}
	return u.Redacted()
}

// isLoopback reports whether a host name means this machine.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

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
		return s.trouble(err)
	}
	defer conn.Close()
	d := &dialogue{Server: s, ctx: ctx, conn: conn}
	d.local = isLoopback(s.Host) && isLoopbackAddr(conn.RemoteAddr())
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := d.greet(from); err != nil {
		return s.refusal(err, false)
	}
	if err := d.signIn(); err != nil {
		return s.refusal(err, false)
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

// deliver hands the message over. After its final dot the server answers for it:
// without an answer it may have arrived or not, and is sent again.
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
			return d.refusal(err, true)
		}
	}
	if err := d.next(); err != nil {
		return d.trouble(err)
	}
	w := d.client.Text.DotWriter()
	_, err := w.Write(msg)
	if err = errors.Join(err, w.Close()); err != nil {
		return d.trouble(err)
	}
	if err := d.next(); err != nil {
		return d.trouble(err)
	}
	if _, _, err := d.client.Text.ReadResponse(250); err != nil {
		return d.refusal(err, true)
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
	_, _, err := d.client.Text.ReadResponse(expect)
	return err
}

// refusal is what err means for the mail. aboutMail says that an answer of 5xx
// is about this mail; one about the connection or the password may be mended.
func (s Server) refusal(err error, aboutMail bool) error {
	var said *Refusal
	if errors.As(err, &said) {
		return said
	}
	var answer *textproto.Error
	if !errors.As(err, &answer) {
		return s.trouble(err)
	}
	permanent := aboutMail && answer.Code/100 == 5
	switch answer.Code {
	case 530, 534, 535, 538: // about signing in, wherever they come
		permanent = false
	}
	return &Refusal{Words: s.words(answer.Error()), Permanent: permanent}
}

// trouble is a failure of the connection, put in words.
func (s Server) trouble(err error) error {
	who := net.JoinHostPort(s.Host, s.Port)
	var dns *net.DNSError
	var wrongCertificate *tls.CertificateVerificationError
	var op *net.OpError
	var timeout net.Error
	words := err.Error()
	switch {
	case errors.Is(err, context.Canceled):
		words = "Portico was stopped while it sent this mail."
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		words = "The mail server " + who + " did not answer in time."
	case errors.As(err, &dns):
		words = "The mail server " + who + " was not found: " + dns.Err + "."
	case errors.As(err, &wrongCertificate):
		words = "The certificate of the mail server " + who + " is not valid: " + wrongCertificate.Err.Error() + "."
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		words = "The mail server " + who + " closed the connection."
	case errors.As(err, &op):
		words = "The connection to the mail server " + who + " failed: " + op.Err.Error() + "."
	default:
		words = "The connection to the mail server " + who + " failed: " + words + "."
	}
	return &Refusal{Words: s.words(words)}
}

// maxWords is in characters.
const maxWords = 300

// tokens are what a server may quote of the links in a mail.
var tokens = regexp.MustCompile(`[A-Za-z0-9_-]{64,}`)

// words makes one short line without secrets of what a server says.
func (s Server) words(said string) string {
	said = oneLine(said)
	for _, secret := range s.secrets() {
		said = strings.ReplaceAll(said, secret, "…")
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

// String hides the password from whoever prints a Server.
func (s Server) String() string { return s.Redacted() }

// GoString does too.
func (s Server) GoString() string { return fmt.Sprintf("mail.Server(%s)", s.Redacted()) }
