package mail_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"portico/mail"
)

const (
	user     = "portico@provider.example"
	password = "s3cret p@ss/word"
)

// office is an SMTP server. What it does stands in its functions; nil: it takes
// everything.
type office struct {
	tls     *tls.Config
	smtps   bool
	login   bool // it wants user and password
	onMail  func(from string) error
	onRcpt  func(to string) error
	onData  func(raw []byte) error
	cuts    func(to string, taken bool) bool // whether it hangs up, before or after it has taken a mail
	address string

	mu   sync.Mutex
	took []letter
	auth int // how often somebody tried to sign in
}

type letter struct {
	from string
	to   []string
	raw  []byte
	tls  bool
}

func (o *office) open(t *testing.T) *office {
	t.Helper()
	l := listen(t)
	return o.openAt(t, l)
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (o *office) openAt(t *testing.T, l net.Listener) *office {
	t.Helper()
	o.address = l.Addr().String()
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{office: o, conn: c}, nil
	}))
	s.TLSConfig = o.tls
	s.AllowInsecureAuth = true // it is the client that has to take care
	s.ErrorLog = log.New(io.Discard, "", 0)
	if o.smtps {
		l = tls.NewListener(l, o.tls)
	}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return o
}

func (o *office) letters() []letter {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]letter(nil), o.took...)
}

func (o *office) tries() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.auth
}

// url is how a client reaches the office.
func (o *office) url() string { return "smtp://" + o.address }

type session struct {
	office *office
	conn   *smtp.Conn
	signed bool
	letter letter
}

func (s *session) AuthMechanisms() []string {
	if !s.office.login {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, u, p string) error {
		s.office.mu.Lock()
		s.office.auth++
		s.office.mu.Unlock()
		if u != user || p != password {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "I do not know " + u + " with " + p}
		}
		s.signed = true
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.office.login && !s.signed {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Please sign in first"}
	}
	_, s.letter.tls = s.conn.TLSConnectionState()
	s.letter.from = from
	if s.office.onMail != nil {
		return s.office.onMail(from)
	}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.letter.to = append(s.letter.to, to)
	if s.office.onRcpt != nil {
		return s.office.onRcpt(to)
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.office.onData != nil {
		if err := s.office.onData(raw); err != nil {
			return err
		}
	}
	s.letter.raw = raw
	if s.office.cuts != nil && s.office.cuts(s.letter.to[0], false) {
		return s.conn.Close()
	}
	s.office.mu.Lock()
	s.office.took = append(s.office.took, s.letter)
	s.office.mu.Unlock()
	if s.office.cuts != nil && s.office.cuts(s.letter.to[0], true) {
		return s.conn.Close()
	}
	return nil
}

func (s *session) Reset()        { s.letter = letter{} }
func (s *session) Logout() error { return nil }

// certificate is for mail.provider.example, and the pool trusts it.
var certificate = sync.OnceValues(func() (*tls.Config, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"mail.provider.example"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	pool.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
})

func server(t *testing.T, url string) mail.Server {
	t.Helper()
	s, err := mail.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func send(t *testing.T, s mail.Server) error {
	t.Helper()
	return s.Send(t.Context(), "portico@provider.example", "ada@example.com", []byte("Subject: a\r\n\r\n.\r\nbody\r\n"))
}

// refused checks that err is a refusal with these words in it.
func refused(t *testing.T, err error, permanent bool, words ...string) {
	t.Helper()
	var r *mail.Refusal
	if !errors.As(err, &r) {
		t.Fatalf("the error is %v, want a refusal", err)
	}
	if r.Permanent != permanent {
		t.Errorf("%q is permanent: %v, want %v", r.Words, r.Permanent, permanent)
	}
	for _, w := range words {
		if !strings.Contains(r.Words, w) {
			t.Errorf("the words are %q, want %q in them", r.Words, w)
		}
	}
	encoded := base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
	if strings.Contains(r.Words, password) || strings.Contains(r.Words, encoded) || strings.ContainsAny(r.Words, "\r\n") || len([]rune(r.Words)) > 300 {
		t.Errorf("the words are %q", r.Words)
	}
}

// away is a server on another machine: its name is not this one's.
func away(t *testing.T, o *office, url string) mail.Server {
	t.Helper()
	_, roots := certificate()
	return server(t, url).At(o.address, roots)
}

func withPassword(host string) string {
	return "smtp://portico%40provider.example:s3cret%20p%40ss%2Fword@" + host
}

func TestSendsWithSTARTTLSAndPassword_MAIL_10(t *testing.T) {
	t.Parallel()
	config, _ := certificate()
	o := (&office{tls: config, login: true}).open(t)
	if err := send(t, away(t, o, withPassword("mail.provider.example"))); err != nil {
		t.Fatal(err)
	}
	got := o.letters()
	if len(got) != 1 || !got[0].tls || got[0].from != "portico@provider.example" || len(got[0].to) != 1 || got[0].to[0] != "ada@example.com" {
		t.Fatalf("it took %+v", got)
	}
	if string(got[0].raw) != "Subject: a\r\n\r\n.\r\nbody\r\n" {
		t.Errorf("it took %q", got[0].raw)
	}
}

func TestSendsOverTLSFromTheStart(t *testing.T) {
	t.Parallel()
	config, _ := certificate()
	o := (&office{tls: config, login: true, smtps: true}).open(t)
	s := away(t, o, strings.Replace(withPassword("mail.provider.example"), "smtp:", "smtps:", 1))
	if err := send(t, s); err != nil {
		t.Fatal(err)
	}
	if got := o.letters(); len(got) != 1 || !got[0].tls {
		t.Fatalf("it took %+v", got)
	}
}

func TestOnThisMachineAnyCertificateWillDo(t *testing.T) {
	t.Parallel()
	config, _ := certificate()
	o := (&office{tls: config, login: true}).open(t)
	if err := send(t, server(t, withPassword(o.address))); err != nil {
		t.Fatal(err)
	}
	if got := o.letters(); len(got) != 1 || !got[0].tls {
		t.Fatalf("it took %+v", got)
	}
}

func TestOnThisMachineNoTLSIsNeeded(t *testing.T) {
	t.Parallel()
	o := (&office{login: true}).open(t)
	if err := send(t, server(t, withPassword(o.address))); err != nil {
		t.Fatal(err)
	}
	if got := o.letters(); len(got) != 1 || got[0].tls {
		t.Fatalf("it took %+v", got)
	}
}

func TestAnotherMachineNeedsTLS_MAIL_11(t *testing.T) {
	t.Parallel()
	o := (&office{login: true}).open(t)
	refused(t, send(t, away(t, o, withPassword("mail.provider.example"))), false, "STARTTLS", "nothing was sent")
	if o.tries() != 0 || len(o.letters()) != 0 {
		t.Errorf("the password was sent %d times", o.tries())
	}
	open := (&office{}).open(t)
	refused(t, send(t, away(t, open, "smtp://mail.provider.example")), false, "STARTTLS")
	if err := send(t, away(t, open, "smtp://mail.provider.example?tls=off")); err != nil {
		t.Errorf("with tls=off: %v", err)
	}
}

func TestTheCertificateOfAnotherMachineIsChecked_MAIL_11(t *testing.T) {
	t.Parallel()
	config, _ := certificate()
	o := (&office{tls: config, login: true}).open(t)
	refused(t, send(t, away(t, o, withPassword("other.provider.example"))), false, "certificate", "other.provider.example")
	refused(t, send(t, server(t, withPassword("mail.provider.example")).At(o.address, x509.NewCertPool())), false, "certificate")
	if o.tries() != 0 || len(o.letters()) != 0 {
		t.Errorf("the password was sent %d times", o.tries())
	}
}

func TestAWrongPasswordIsSaidAndTriedAgain(t *testing.T) {
	t.Parallel()
	config, _ := certificate()
	o := (&office{tls: config, login: true}).open(t)
	s := away(t, o, "smtp://portico%40provider.example:another-secret@mail.provider.example")
	err := send(t, s)
	refused(t, err, false, "535 5.7.8 I do not know portico@provider.example with …")
	if strings.Contains(err.Error(), "another-secret") {
		t.Errorf("the server told the password: %v", err)
	}
	refused(t, send(t, away(t, o, "smtp://mail.provider.example")), false, "530 5.7.0 Please sign in first")
	nobody := (&office{tls: config}).open(t)
	refused(t, send(t, away(t, nobody, withPassword("mail.provider.example"))), false, "does not offer to sign in")
}

func TestAnswers_SMTP_03(t *testing.T) {
	t.Parallel()
	says := func(code int, words string) error {
		return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: words}
	}
	token := strings.Repeat("Ab9_-", 20)
	for name, c := range map[string]struct {
		office    *office
		permanent bool
		words     string
	}{
		"550 to the recipient": {&office{onRcpt: func(string) error { return says(550, "No such user") }}, true, "550 5.1.1 No such user"},
		"450 to the recipient": {&office{onRcpt: func(string) error { return says(450, "Greylisted") }}, false, "450 4.1.1 Greylisted"},
		"553 to the sender":    {&office{onMail: func(string) error { return says(553, "Not you") }}, true, "553 5.1.1 Not you"},
		"421 to the sender":    {&office{onMail: func(string) error { return says(421, "Busy") }}, false, "421 4.1.1 Busy"},
		"554 to the message":   {&office{onData: func([]byte) error { return says(554, "Spam") }}, true, "554 5.1.1 Spam"},
		"452 to the message":   {&office{onData: func([]byte) error { return says(452, "Full") }}, false, "452 4.1.1 Full"},
		"a link is quoted":     {&office{onData: func([]byte) error { return says(554, "Bad http://x/reset-password/"+token) }}, true, "reset-password/…"},
		"much is said":         {&office{onData: func([]byte) error { return says(554, "x"+strings.Repeat(" bla\x07", 200)) }}, true, "x bla bla"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := c.office.open(t)
			refused(t, send(t, server(t, o.url())), c.permanent, c.words)
			if len(o.letters()) != 0 {
				t.Error("the mail was taken")
			}
		})
	}
}

// script is a server that says the same to everybody, line by line, after each
// line that it hears; then it hangs up.
func script(t *testing.T, answers ...string) string {
	t.Helper()
	l := listen(t)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				r := bufio.NewReader(conn)
				for i, answer := range answers {
					if i > 0 && strings.HasPrefix(answers[i-1], "354") {
						for line := ""; line != ".\r\n"; {
							if line, err = r.ReadString('\n'); err != nil {
								return
							}
						}
					} else if i > 0 {
						if _, err := r.ReadString('\n'); err != nil {
							return
						}
					}
					fmt.Fprint(conn, answer)
				}
			}()
		}
	}()
	return "smtp://" + l.Addr().String()
}

func TestTroubleWithTheConnection_SMTP_01(t *testing.T) {
	t.Parallel()
	closed := listen(t)
	closed.Close()
	for name, c := range map[string]struct{ url, words string }{
		"nobody listens":                        {"smtp://" + closed.Addr().String(), "connection refused"},
		"it hangs up at once":                   {script(t), "closed the connection"},
		"it turns everybody away":               {script(t, "554 5.7.1 Go away\r\n"), "554 5.7.1 Go away"},
		"it turns everybody away in two lines":  {script(t, "554-5.7.1 Go away\r\n554 5.7.1 and stay away\r\n"), "554 5.7.1 Go away and stay away"},
		"it is no mail server":                  {script(t, "HTTP/1.1 400 Bad Request\r\n"), "failed"},
		"it hangs up before the message":        {script(t, "220 a\r\n", "250 a\r\n", "250 a\r\n"), "closed the connection"},
		"it hangs up after the final dot":       {script(t, "220 a\r\n", "250 a\r\n", "250 a\r\n", "250 a\r\n", "354 a\r\n", ""), "closed the connection. It had been given the whole mail"},
		"it says something else where 354 goes": {script(t, "220 a\r\n", "250 a\r\n", "250 a\r\n", "250 a\r\n", "250 what\r\n"), "250 what"},
		"it never stops talking":                {script(t, "220-"+strings.Repeat("bla\r\n220-", 400_000)), "too much"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, send(t, server(t, c.url)), false, c.words)
		})
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	url := script(t, "220 a\r\n", "250-a\r\n250 AUTH CRAM-MD5 LOGIN\r\n", "334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n", "235 ok\r\n",
		"250 a\r\n", "250 a\r\n", "354 a\r\n", "250 a\r\n", "221 a\r\n")
	if err := send(t, server(t, withPassword(strings.TrimPrefix(url, "smtp://")))); err != nil {
		t.Error(err)
	}
}

// silent accepts connections and never says a word.
func silent(t *testing.T) net.Listener {
	t.Helper()
	l := listen(t)
	var open []net.Conn
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			open = append(open, conn)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
		for _, conn := range open {
			conn.Close()
		}
	})
	return l
}

func TestASilentServerIsGivenUp_SMTP_02(t *testing.T) {
	t.Parallel()
	url := "smtp://" + silent(t).Addr().String()
	s := server(t, url)
	s.Stage = 20 * time.Millisecond
	refused(t, send(t, s), false, "did not answer in time")
	s = server(t, url)
	s.Message = 20 * time.Millisecond
	refused(t, send(t, s), false, "did not answer in time")
	s = server(t, strings.Replace(url, "smtp:", "smtps:", 1))
	s.Stage = 20 * time.Millisecond
	refused(t, send(t, s), false, "did not answer in time")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	refused(t, server(t, url).Send(ctx, "a@b.example", "c@d.example", nil), false, "stopped")
}

func TestNothingElseIsSaidToTheServer(t *testing.T) {
	t.Parallel()
	o := (&office{}).open(t)
	for _, to := range []string{"ada@example.com>\r\nRCPT TO:<x@y.example", "a b@example.com", "<a@b.example>"} {
		refused(t, server(t, o.url()).Send(t.Context(), "portico@provider.example", to, nil), true, "cannot be written to")
		refused(t, server(t, o.url()).Send(t.Context(), to, "ada@example.com", nil), true, "cannot be written to")
	}
}
