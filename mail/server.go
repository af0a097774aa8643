package mail

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"portico/portal"
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
	if _, err := netip.ParseAddr(server.Host); err != nil && strings.ContainsAny(server.Host, ":%[]") {
		return wrong("The mail server’s host cannot be read. An IPv6 address stands in brackets, as in smtp://[2001:db8::25]:587.")
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

// String hides the password from whoever prints a Server.
func (s Server) String() string { return s.Redacted() }

// GoString does too.
func (s Server) GoString() string { return fmt.Sprintf("mail.Server(%s)", s.Redacted()) }
