package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

const (
	sender       = "Portico Journeys <portico@provider.example>"
	mailUser     = "portico"
	mailPassword = "a mail password"
)

// postOffice is an SMTP server that a journey's Portico sends its mail to.
type postOffice struct {
	t           *testing.T
	address     string
	certificate string // file of the certificate, where it speaks TLS
	login       bool   // it wants a user and a password

	mu       sync.Mutex
	waiting  []message // arrived and not yet taken
	arrived  []message // all of them
	refusing string    // the words it refuses every recipient with
	changed  chan struct{}
}

// openPostOffice starts an SMTP server as one has it in a container network: no TLS, no password.
func openPostOffice(t *testing.T) *postOffice {
	t.Helper()
	p := &postOffice{t: t}
	p.serve(nil)
	return p
}

// openSecurePostOffice starts an SMTP server as the world has it: it takes mail
// only over STARTTLS and from who signs in.
func openSecurePostOffice(t *testing.T) *postOffice {
	t.Helper()
	p := &postOffice{t: t, login: true}
	p.serve(p.selfSigned())
	return p
}

// openRefusingPostOffice starts an SMTP server that refuses every recipient with these words.
func openRefusingPostOffice(t *testing.T, words string) *postOffice {
	t.Helper()
	p := &postOffice{t: t, refusing: words}
	p.serve(nil)
	return p
}

// openHangingPostOffice accepts connections and never says a word.
func openHangingPostOffice(t *testing.T) *postOffice {
	t.Helper()
	listener := listen(t)
	p := &postOffice{t: t, address: listener.Addr().String()}
	var open []net.Conn
	var mu sync.Mutex
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, conn)
			mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, conn := range open {
			conn.Close()
		}
	})
	return p
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

func (p *postOffice) serve(secure *tls.Config) {
	p.t.Helper()
	listener := listen(p.t)
	p.address = listener.Addr().String()
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &counter{office: p}, nil
	}))
	s.Domain = "localhost"
	s.TLSConfig = secure
	s.ReadTimeout, s.WriteTimeout = time.Minute, time.Minute
	s.ErrorLog = log.New(io.Discard, "", 0) // clients that go away are part of the journeys
	go s.Serve(listener)
	p.t.Cleanup(func() { s.Close() })
}

// url is what --smtp-url takes.
func (p *postOffice) url() string {
	u := url.URL{Scheme: "smtp", Host: p.address}
	if p.login {
		u.User = url.UserPassword(mailUser, mailPassword)
	}
	return u.String()
}

// selfSigned makes a certificate for loopback and leaves it in a file, for the
// client to trust.
func (p *postOffice) selfSigned() *tls.Config {
	p.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "post office"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		DNSNames:     []string{"localhost"},
		IsCA:         true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		p.t.Fatal(err)
	}
	p.certificate = filepath.Join(p.t.TempDir(), "certificate.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(p.certificate, block, 0o600); err != nil {
		p.t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// counter serves one SMTP connection.
type counter struct {
	office *postOffice
	signed bool
	from   string
	to     []string
}

func (c *counter) AuthMechanisms() []string {
	if !c.office.login {
		return nil
	}
	return []string{sasl.Plain}
}

func (c *counter) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != mailUser || password != mailPassword {
			return smtp.ErrAuthFailed
		}
		c.signed = true
		return nil
	}), nil
}

func (c *counter) Mail(from string, _ *smtp.MailOptions) error {
	if c.office.login && !c.signed {
		return smtp.ErrAuthRequired
	}
	c.from = from
	return nil
}

func (c *counter) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.office.mu.Lock()
	defer c.office.mu.Unlock()
	if words := c.office.refusing; words != "" {
		c.office.announce()
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: words}
	}
	c.to = append(c.to, to)
	return nil
}

func (c *counter) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := parseMessage(raw)
	if err != nil {
		c.office.t.Errorf("a mail that cannot be read: %v\n%s", err, raw)
		return err
	}
	m.envelopeFrom, m.envelopeTo = c.from, slices.Clone(c.to)
	c.office.mu.Lock()
	defer c.office.mu.Unlock()
	c.office.waiting = append(c.office.waiting, m)
	c.office.arrived = append(c.office.arrived, m)
	c.office.announce()
	return nil
}

func (c *counter) Reset()        { c.from, c.to = "", nil }
func (c *counter) Logout() error { return nil }

// announce wakes who waits; p.mu is held.
func (p *postOffice) announce() {
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// next waits for a mail to this address that has all these words in its subject
// or text, and takes it.
func (p *postOffice) next(to string, words ...string) message {
	p.t.Helper()
	deadline := time.After(patience)
	for {
		p.mu.Lock()
		for i, m := range p.waiting {
			if m.isTo(to) && m.says(words...) {
				p.waiting = slices.Delete(p.waiting, i, i+1)
				p.mu.Unlock()
				return m
			}
		}
		if p.changed == nil {
			p.changed = make(chan struct{})
		}
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-deadline:
			p.t.Fatalf("no mail to %s with %q arrived; there are:\n%s", to, words, p.summary())
		}
	}
}

// all are the mails that have arrived so far.
func (p *postOffice) all() []message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.arrived)
}

// holds says whether such a mail has arrived and not been taken.
func (p *postOffice) holds(to string, words ...string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.waiting, func(m message) bool { return m.isTo(to) && m.says(words...) })
}

func (p *postOffice) summary() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	for _, m := range p.waiting {
		fmt.Fprintf(&b, "to %s: %s\n%s\n\n", m.envelopeTo, m.subject, m.text)
	}
	return b.String()
}

// message is a mail that arrived.
type message struct {
	envelopeFrom string
	envelopeTo   []string
	header       netmail.Header
	subject      string
	text, html   string
}

func parseMessage(raw []byte) (message, error) {
	parsed, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return message{}, err
	}
	m := message{header: parsed.Header}
	if m.subject, err = new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject")); err != nil {
		return m, fmt.Errorf("subject: %w", err)
	}
	for _, name := range []string{"From", "To", "Date", "Message-Id"} {
		if parsed.Header.Get(name) == "" {
			return m, fmt.Errorf("it has no %s", name)
		}
	}
	return m, m.read(parsed.Header.Get("Content-Type"), parsed.Header.Get("Content-Transfer-Encoding"), parsed.Body)
}

// read takes the text and the HTML out of a part and of the parts in it.
func (m *message) read(contentType, encoding string, body io.Reader) error {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return fmt.Errorf("content type %q: %w", contentType, err)
	}
	if strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			part, err := parts.NextRawPart()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			if err := m.read(part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), part); err != nil {
				return err
			}
		}
	}
	if strings.EqualFold(encoding, "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	content, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	switch kind {
	case "text/plain":
		m.text = string(content)
	case "text/html":
		m.html = string(content)
	}
	return nil
}

func (m message) isTo(address string) bool {
	return slices.ContainsFunc(m.envelopeTo, func(to string) bool { return strings.EqualFold(to, address) })
}

func (m message) says(words ...string) bool {
	all := strings.ToLower(m.subject + "\n" + m.text)
	for _, word := range words {
		if !strings.Contains(all, strings.ToLower(word)) {
			return false
		}
	}
	return true
}

// link takes the one link with this beginning out of the mail. It has to be the
// same in both parts, and lead to base.
func (m message) link(t *testing.T, base, path string) string {
	t.Helper()
	inText := linksIn(m.text, base+path)
	page, err := goquery.NewDocumentFromReader(strings.NewReader(m.html))
	if err != nil {
		t.Fatal(err)
	}
	var inHTML []string
	page.Find("a[href]").Each(func(_ int, a *goquery.Selection) {
		if href := a.AttrOr("href", ""); strings.HasPrefix(href, base+path) && !slices.Contains(inHTML, href) {
			inHTML = append(inHTML, href)
		}
	})
	if len(inText) != 1 || !slices.Equal(inText, inHTML) {
		t.Fatalf("the mail %q has the links %q in its text and %q in its HTML, want one to %s in both\n%s",
			m.subject, inText, inHTML, base+path, m.text)
	}
	return inText[0]
}

func linksIn(text, prefix string) []string {
	var links []string
	for _, word := range strings.Fields(text) {
		word = strings.Trim(word, "<>()\".,")
		if strings.HasPrefix(word, prefix) && !slices.Contains(links, word) {
			links = append(links, word)
		}
	}
	return links
}
