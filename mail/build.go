package mail

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jordan-wright/email"
	"golang.org/x/net/idna"

	"portico/portal"
)

// ParseFrom reads the sender, as in "Portico <portico@example.com>". The error is
// for people.
func ParseFrom(from string) (netmail.Address, error) {
	bad := portal.Errorf(portal.Invalid, "The sender is not an email address. Write it like Portico <portico@example.com>.")
	a, err := netmail.ParseAddress(strings.TrimSpace(from))
	if err != nil {
		return netmail.Address{}, bad
	}
	address, err := asciiAddress(a.Address)
	if err != nil {
		return netmail.Address{}, bad
	}
	return netmail.Address{Name: oneLine(a.Name), Address: address}, nil
}

// CheckSender says what is wrong with a sender, in words for people, or nil.
func CheckSender(from string) error {
	_, err := ParseFrom(from)
	return err
}

var errAddress = errors.New("the address cannot be written to")

// asciiAddress is one plain address as mail servers take it, its domain in ASCII.
// Nothing in it can end the command or the header it is put in.
func asciiAddress(s string) (string, error) {
	at := strings.LastIndexByte(s, '@')
	if at < 1 {
		return "", errAddress
	}
	local := s[:at]
	domain, err := idna.Lookup.ToASCII(s[at+1:])
	if err != nil || domain == "" || strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
		return "", errAddress
	}
	for _, r := range local {
		if !atext(r) && r != '.' {
			return "", errAddress
		}
	}
	for _, r := range domain {
		if !letterOrDigit(r) && r != '-' && r != '.' {
			return "", errAddress
		}
	}
	return local + "@" + domain, nil
}

func letterOrDigit(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// atext is what RFC 5322 lets stand unquoted.
func atext(r rune) bool {
	return letterOrDigit(r) || r < utf8.RuneSelf && strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

// MessageID is the same at each attempt to send a mail, so that one which a
// server took without our learning of it can be told for a second copy.
func MessageID(m portal.Mail, sender netmail.Address) string {
	_, domain, _ := strings.Cut(sender.Address, "@")
	return m.PublicID + "@" + domain
}

// Build writes a message as it goes over the wire. messageID is id@domain, in
// angle brackets or not.
func Build(from string, m portal.Mail, msg Message, now time.Time, messageID string) ([]byte, error) {
	sender, err := ParseFrom(from)
	if err != nil {
		return nil, err
	}
	to, err := asciiAddress(m.To)
	if err != nil {
		return nil, err
	}
	messageID = strings.TrimSuffix(strings.TrimPrefix(messageID, "<"), ">")
	if _, err := asciiAddress(messageID); err != nil {
		return nil, errors.New("the message id is not of the form id@domain")
	}
	if msg.Text == "" || msg.HTML == "" {
		return nil, errors.New("a message has a text and an HTML part")
	}
	// The library writes the body and its content type. The other headers are
	// ours: it leaves them unfolded, and lets commas in names split an address.
	e := &email.Email{From: sender.Address, To: []string{to}, Text: []byte(msg.Text), HTML: []byte(msg.HTML)}
	whole, err := e.Bytes()
	if err != nil {
		return nil, fmt.Errorf("write the body: %w", err)
	}
	parsed, err := netmail.ReadMessage(bytes.NewReader(whole))
	if err != nil {
		return nil, fmt.Errorf("read the body again: %w", err)
	}
	var b bytes.Buffer
	header(&b, "From", append(phrase(sender.Name), "<"+sender.Address+">"))
	header(&b, "To", append(phrase(oneLine(m.ToName)), "<"+to+">"))
	header(&b, "Subject", unstructured(oneLine(msg.Subject)))
	header(&b, "Date", []string{now.UTC().Format(time.RFC1123Z)})
	header(&b, "Message-ID", []string{"<" + messageID + ">"})
	header(&b, "Auto-Submitted", []string{"auto-generated"})
	header(&b, "MIME-Version", []string{"1.0"})
	header(&b, "Content-Type", strings.Fields(parsed.Header.Get("Content-Type")))
	b.WriteString("\r\n")
	if _, err := b.ReadFrom(parsed.Body); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// foldAt is how long a line of a header may be before it is folded.
const foldAt = 76

// header writes one header, folded between its words.
func header(b *bytes.Buffer, name string, words []string) {
	b.WriteString(name + ":")
	column := len(name) + 1
	for _, w := range words {
		if column+1+len(w) > foldAt && column > len(name)+1 {
			b.WriteString("\r\n")
			column = 0
		}
		b.WriteString(" " + w)
		column += 1 + len(w)
	}
	b.WriteString("\r\n")
}

// phrase is a display name as words of a header.
func phrase(name string) []string {
	plain := !strings.Contains(name, "=?") && !strings.ContainsFunc(name, func(r rune) bool { return !atext(r) && r != ' ' })
	if plain {
		return strings.Fields(name)
	}
	return encodedWords(name)
}

// unstructured is free text as words of a header.
func unstructured(s string) []string {
	plain := !strings.Contains(s, "=?") && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
	if plain {
		return strings.Fields(s)
	}
	return encodedWords(s)
}

// longestWord leaves room on a line for the header's name: a line with an encoded
// word may not be longer than foldAt.
const longestWord = foldAt - len("Subject: ")

// encodedWords writes s as RFC 2047 has it, no character across two words.
func encodedWords(s string) []string {
	const head, tail = "=?UTF-8?Q?", "?="
	var words []string
	var word strings.Builder
	for _, r := range s {
		q := "_"
		switch {
		case letterOrDigit(r):
			q = string(r)
		case r != ' ':
			q = ""
			for _, c := range []byte(string(r)) {
				q += "=" + strings.ToUpper(hex.EncodeToString([]byte{c}))
			}
		}
		if word.Len()+len(q) > longestWord-len(head)-len(tail) {
			words = append(words, head+word.String()+tail)
			word.Reset()
		}
		word.WriteString(q)
	}
	if word.Len() > 0 {
		words = append(words, head+word.String()+tail)
	}
	return words
}
