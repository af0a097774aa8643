package mail

import (
	"context"
	"crypto/x509"
	"net"

	"portico/portal"
)

// At is s reached at that address, whatever its name says.
func (s Server) At(address string, roots *x509.CertPool) Server {
	s.dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	s.roots = roots
	return s
}

// RenderText renders a text that is not one of ours.
func RenderText(t portal.MailText, m portal.Mail, link, base string) (Message, error) {
	return render(t, m, link, base)
}

// Kinds is how many kinds have a text.
var Kinds = len(kinds)
