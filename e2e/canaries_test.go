package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// canaries are the secrets that pass by in one journey, by their kinds. At its end
// none of them may be in what the server printed, keeps on disk or has mailed.
type canaries struct {
	mu     sync.Mutex
	secret map[string]string // kind
}

// Kinds of secrets. Links with tokens belong in mails, where the others don't.
const (
	aPassword = "password"
	aSession  = "session id"
	anAPIKey  = "API key"
	aLink     = "link token"
	aFactor   = "two-factor secret"
	aRecovery = "recovery code"
	aCode     = "invite code"
	aMailPass = "mail server's password"
	aMaster   = "instance key"
)

// keeps notes a secret. Short ones are words, which may stand anywhere.
func (c *canaries) keeps(kind string, values ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.secret == nil {
		c.secret = map[string]string{}
	}
	for _, v := range values {
		if len(v) >= 10 {
			c.secret[v] = kind
		}
	}
}

// of are the secrets of these kinds.
func (c *canaries) of(kinds ...string) (all []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for value, kind := range c.secret {
		for _, k := range kinds {
			if k == kind {
				all = append(all, value)
			}
		}
	}
	return all
}

// keepsCookie notes a cookie that is a session.
func (c *canaries) keepsCookie(name, value string) {
	if name == "portico" || name == "__Host-portico" {
		c.keeps(aSession, value)
	}
}

// keepsKeys notes the keys that a page shows.
func (c *canaries) keepsKeys(page []byte) {
	if !bytes.Contains(page, []byte("portico_")) {
		return
	}
	for _, key := range apiKey.FindAllString(string(page), -1) {
		c.keeps(anAPIKey, key, strings.Split(key, "_")[1])
	}
}

var tokenInText = regexp.MustCompile(`/(?:verify-email|invitations|reset-password|change-email)/([A-Za-z0-9_-]{60,})`)

// spellings are how a secret may stand somewhere: as it is or in an address, and
// if it is looked for closely, also packed up.
func spellings(secret string, closely bool) [][]byte {
	all := []string{secret, url.QueryEscape(secret), url.PathEscape(secret)}
	if closely {
		all = append(all, strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(secret)), "="), strings.TrimRight(base64.URLEncoding.EncodeToString([]byte(secret)), "="))
	}
	var different [][]byte
	for i, s := range all {
		if !slices.Contains(all[:i], s) {
			different = append(different, []byte(s))
		}
	}
	return different
}

func holds(text []byte, spellings [][]byte) bool {
	return slices.ContainsFunc(spellings, func(s []byte) bool { return bytes.Contains(text, s) })
}

// place is where secrets are looked for.
type place struct {
	what    string
	content []byte
}

// kept is what the server keeps on disk, but for the key itself.
func (s *server) kept() (places []place, err error) {
	err = filepath.WalkDir(s.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil // a log that was taken over meanwhile
		}
		if filepath.Base(path) == "instance.key" {
			s.keepsMaster(string(content))
			return err
		}
		places = append(places, place{path, content})
		return err
	})
	return places, err
}

// keepsMaster notes the keys of the key file, as text and as they are.
func (s *server) keepsMaster(file string) {
	for _, word := range strings.Fields(file) {
		if raw, err := hex.DecodeString(word); err == nil && len(raw) == 32 {
			s.keeps(aMaster, word, string(raw))
		}
	}
}

// searched looks for the journey's secrets in all that the server has left behind:
// what it printed, its files as they are while it runs, and its mails.
func (s *server) searched() {
	places, err := s.kept()
	if err != nil && !os.IsNotExist(err) { // the demo has a folder of its own
		s.t.Errorf("the data folder cannot be searched: %v", err)
	}
	places = append(places, place{"what it printed", []byte(s.output.String())})
	if s.opts.mail != nil {
		if s.opts.mail.login {
			s.keeps(aMailPass, mailPassword)
		}
		for _, m := range s.opts.mail.all() {
			text := m.subject + "\n" + m.text + "\n" + m.html
			for _, found := range tokenInText.FindAllStringSubmatch(text, -1) {
				s.keeps(aLink, found[1])
			}
			places = append(places, place{fmt.Sprintf("the mail %q to %v", m.subject, m.envelopeTo), []byte(text)})
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for secret, kind := range s.secret {
		spelled := spellings(secret, false)
		for _, p := range places {
			if kind == aLink && strings.HasPrefix(p.what, "the mail") {
				continue
			}
			if holds(p.content, spelled) {
				s.t.Errorf("%s holds a %s", p.what, kind)
			}
		}
	}
}
