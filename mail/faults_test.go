package mail_test

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"portico/mail"
	"portico/portal"
)

// These tests take the mail server away, and let it do its worst, for as long as
// the outbox's clock says. What is promised: no mail is lost, and none arrives
// twice but where the server took it and did not say so.

// inMemory is a folder whose files cost no disk, where there is one.
func inMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "portico-mail-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// register queues a mail to each of n people, who all register.
func (p *post) register(n int) {
	p.t.Helper()
	for i := range n {
		err := p.Register(p.t.Context(), fmt.Sprintf("192.0.%d.%d", i/250, i%250),
			portal.NewUser{First: "Tom", Last: "Thumb", Email: recipient(i), Password: "correct horse battery"})
		if err != nil {
			p.t.Fatal(err)
		}
	}
}

func recipient(i int) string { return fmt.Sprintf("tom%d@acme.example", i) }

// work lets the worker do what is due and sets the clock on to what is due next,
// until nothing is queued or the time is over.
func (p *post) work(w *mail.Worker, noted chan string, until time.Time) {
	p.t.Helper()
	for {
		due, err := p.NextMailAt(p.t.Context())
		if err != nil {
			p.t.Fatal(err)
		}
		if due.IsZero() || due.After(until) {
			return
		}
		if wait := due.Sub(p.now()); wait > 0 {
			p.pass(wait)
			w.Wake()
		}
		next(p.t, noted)
	}
}

// arrivals counts the mails that arrived, by recipient.
func (o *office) arrivals() map[string]int {
	all := map[string]int{}
	for _, l := range o.letters() {
		all[l.to[0]]++
	}
	return all
}

func report(t *testing.T, fault string, tried int, held *int) {
	t.Cleanup(func() { t.Attr("faults", fmt.Sprintf("%s|%d|%d", fault, tried, *held)) })
}

func TestAnHourWithoutAMailServerLosesAndDoublesNothing_SMTP_01(t *testing.T) {
	t.Parallel()
	const mails = 1000
	held := 0
	report(t, "mails queued while the mail server is down for an hour", mails, &held)
	l := listen(t)
	address := l.Addr().String()
	l.Close() // nobody is there
	p := openPostIn(t, inMemory(t), "smtp://"+address)
	p.register(mails)
	w, noted := p.worker()
	run(t, w)
	p.work(w, noted, noon.Add(time.Hour))
	queued := p.mails(portal.MailQueued)
	if len(queued) != mails || !strings.Contains(queued[0].Error, "connection refused") {
		t.Fatalf("after an hour %d wait", len(queued))
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	o := (&office{}).openAt(t, l)
	p.work(w, noted, noon.Add(24*time.Hour))
	arrived := o.arrivals()
	for i := range mails {
		if arrived[recipient(i)] == 1 {
			held++
		} else {
			t.Errorf("%s has it %d times", recipient(i), arrived[recipient(i)])
		}
	}
	if sent := p.mails(portal.MailSent); len(sent) != mails || len(o.letters()) != mails {
		t.Errorf("%d are noted as sent, and %d arrived", len(sent), len(o.letters()))
	}
	if late := p.now().Sub(noon.Add(time.Hour)); late > 35*time.Minute {
		t.Errorf("the last one left %v after the server was back", late)
	}
}

func TestAnswersThatAreNoAndLinesThatAreCutCostNoMail_SMTP_02_SMTP_03(t *testing.T) {
	t.Parallel()
	mails := 120
	if os.Getenv("TEST_LONG") == "1" {
		mails = 3000
	}
	says := func(code int, words string) error {
		return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 2, 0}, Message: words}
	}
	// What becomes of a mail the first time, and of those to nobody each time.
	const kinds = 6
	names := [kinds]string{"is taken", "421, try again", "450, try again", "550, never", "cut before the mail", "cut after the final dot"}
	kind := func(to string) (n int) {
		fmt.Sscanf(to, "tom%d@", &n)
		return n % kinds
	}
	var held [kinds]int
	for i, name := range names {
		if i > 0 {
			report(t, "mail server: "+name, mails/kinds, &held[i])
		}
	}
	var mu sync.Mutex
	tried := map[string]int{}
	o := &office{onRcpt: func(to string) error {
		mu.Lock()
		defer mu.Unlock()
		tried[to]++
		switch again := tried[to] > 1; {
		case kind(to) == 3:
			return says(550, "No such user")
		case kind(to) == 1 && !again:
			return says(421, "Too busy")
		case kind(to) == 2 && !again:
			return says(450, "Greylisted")
		}
		return nil
	}}
	o.cuts = func(to string, taken bool) bool {
		mu.Lock()
		defer mu.Unlock()
		return tried[to] == 1 && (kind(to) == 4 && !taken || kind(to) == 5 && taken)
	}
	o.open(t)
	p := openPostIn(t, inMemory(t), o.url())
	p.register(mails)
	w, noted := p.worker()
	run(t, w)
	p.work(w, noted, noon.Add(24*time.Hour))

	arrived, ids := o.arrivals(), map[string]map[string]bool{}
	for _, l := range o.letters() {
		to := l.to[0]
		if ids[to] == nil {
			ids[to] = map[string]bool{}
		}
		ids[to][delivered(t, l.raw).ID] = true
	}
	failed := map[string]portal.Mail{}
	for _, m := range p.mails(portal.MailFailed) {
		failed[m.To] = m
	}
	for i := range mails {
		to := recipient(i)
		n, k, m := arrived[to], kind(to), failed[recipient(i)]
		ok := n == 1 && m.ID == 0
		switch k {
		case 3: // an admin reads why
			ok = n == 0 && m.Attempts == 1 && strings.Contains(m.Error, "No such user")
		case 5: // once too often at most, and the recipient's program can tell
			ok = (n == 1 || n == 2) && len(ids[to]) == 1 && m.ID == 0
		}
		if ok {
			held[k]++
		} else {
			t.Errorf("%s, %s: it arrived %d times, by the ids %v, and failed as %+v", to, names[k], n, ids[to], m)
		}
	}
	if waits := p.mails(portal.MailQueued); len(waits) > 0 {
		t.Errorf("%d still wait", len(waits))
	}
}

// slow is a server that does one thing after the other with the first who come: it
// hangs, or says its words an octet at a time, too many words, or few.
func slow(t *testing.T, first int, octet time.Duration) (url string, arrived func() map[string]int) {
	t.Helper()
	l := listen(t)
	var mu sync.Mutex
	var open []net.Conn
	took := map[string]int{}
	go func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			does := n % 4
			if n >= first {
				does = 3
			}
			if does == 0 {
				continue // it hangs
			}
			say := func(words string) {
				if does == 1 {
					words = strings.Replace(words, " ", " "+strings.Repeat("well, ", 20), 1)
				}
				for i := range len(words) {
					if does < 3 {
						time.Sleep(octet)
					}
					if _, err := io.WriteString(c, words[i:i+1]); err != nil {
						return
					}
				}
			}
			go func() {
				defer c.Close()
				say("220 here\r\n")
				to := ""
				for lines := bufio.NewScanner(c); lines.Scan(); {
					switch line := lines.Text(); {
					case strings.HasPrefix(line, "RCPT"):
						to = line[strings.IndexByte(line, '<')+1 : len(line)-1]
						say("250 ok\r\n")
					case line == "DATA":
						say("354 go\r\n")
						for lines.Scan() && lines.Text() != "." {
						}
						mu.Lock()
						took[to]++
						mu.Unlock()
						say("250 ok\r\n")
					default:
						say("250 ok\r\n")
					}
				}
			}()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range open {
			c.Close()
		}
	})
	return "smtp://" + l.Addr().String(), func() map[string]int {
		mu.Lock()
		defer mu.Unlock()
		return maps.Clone(took)
	}
}

// Forty times as quick as in life, as are the times that a server is given:
// an octet a second, half a minute for an answer and two for a mail.
func TestAServerThatHangsOrSaysAnOctetASecondCostsNoMail_SMTP_02(t *testing.T) {
	t.Parallel()
	mails := 8
	if os.Getenv("TEST_LONG") == "1" {
		mails = 100
	}
	held := 0
	report(t, "mail server: hangs, or an octet a second", mails, &held)
	url, arrived := slow(t, 2*mails, time.Second/40)
	p := openPostIn(t, inMemory(t), url)
	p.register(mails)
	w, noted := p.worker()
	w.NewSender = func(c portal.SMTPConfig) (mail.Sender, error) {
		s, err := mail.ParseURL(c.URL)
		s.Stage, s.Message = 30*time.Second/40, 2*time.Minute/40
		return s, err
	}
	run(t, w)
	p.work(w, noted, noon.Add(24*time.Hour))
	sent := map[string]int{}
	for _, m := range p.mails(portal.MailSent) {
		sent[m.To] = m.Attempts
	}
	again, took := 0, arrived()
	for i := range mails {
		to := recipient(i)
		// Twice at most, where it was given up before it had said that it took the mail.
		if n := took[to]; (n == 1 || n == 2) && sent[to] > 0 {
			held++
		} else {
			t.Errorf("%s has it %d times, and it is sent after %d attempts", to, n, sent[to])
		}
		if sent[to] > 1 {
			again++
		}
	}
	if again == 0 {
		t.Error("nobody was kept waiting")
	}
}
