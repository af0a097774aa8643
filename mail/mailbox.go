package mail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"sync"
	"time"
)

// Delivered is a mail in a Mailbox.
type Delivered struct {
	ID      string // of the mail in the outbox
	From    string // name and address
	To      string // name and address
	Address string // of the recipient, alone
	Subject string
	Text    string
	HTML    string
	At      time.Time
}

// mailboxSize is how many messages a Mailbox keeps.
const mailboxSize = 200

// Mailbox is a Sender that delivers nothing and keeps the last messages. Its zero
// value is ready.
type Mailbox struct {
	// Now is the clock; nil: time.Now.
	Now func() time.Time

	mu  sync.Mutex
	all []Delivered // oldest first
}

// Send keeps a message.
func (b *Mailbox) Send(_ context.Context, _, to string, msg []byte) error {
	d, err := read(msg)
	if err != nil {
		return fmt.Errorf("read a message: %w", err)
	}
	now := time.Now
	if b.Now != nil {
		now = b.Now
	}
	d.Address, d.At = to, now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, d)
	if len(b.all) > mailboxSize {
		b.all = append([]Delivered(nil), b.all[len(b.all)-mailboxSize:]...)
	}
	return nil
}

// List is every message kept, newest first.
func (b *Mailbox) List() []Delivered {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]Delivered, 0, len(b.all))
	for i := len(b.all) - 1; i >= 0; i-- {
		list = append(list, b.all[i])
	}
	return list
}

// Find is the newest message of that id.
func (b *Mailbox) Find(id string) (Delivered, bool) {
	for _, d := range b.List() {
		if d.ID == id {
			return d, true
		}
	}
	return Delivered{}, false
}

// read takes apart a message that Build wrote.
func read(raw []byte) (Delivered, error) {
	var d Delivered
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return d, err
	}
	words := new(mime.WordDecoder)
	decoded := func(name string) string {
		s, decodeErr := words.DecodeHeader(m.Header.Get(name))
		err = errors.Join(err, decodeErr)
		return s
	}
	d.From, d.To, d.Subject = decoded("From"), decoded("To"), decoded("Subject")
	d.ID, _, _ = strings.Cut(strings.TrimPrefix(m.Header.Get("Message-ID"), "<"), "@")
	if err != nil {
		return d, err
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return d, err
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return d, nil
		}
		if err != nil {
			return d, err
		}
		body, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			return d, err
		}
		text := strings.ReplaceAll(string(body), "\r\n", "\n")
		if strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
			d.HTML = text
		} else {
			d.Text = text
		}
	}
}
