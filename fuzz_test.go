package main

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

// The address that people use, and the proxies that are believed, as whoever runs
// Portico may type them.
func FuzzAddresses(f *testing.F) {
	for _, s := range []string{"https://portal.example.com", "HTTP://Portal.Example.com:80/", "http://localhost:8080", "https://[::1]:443", "http://h:", "http://:80", "https://user@h", "https://h/path", "https://h?", "https://h\r\n", "https://h#", "https://bücher.example", "10.0.0.0/8, ::1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fl := &flags{BaseURL: s, TrustedProxies: s}
		if s != "" {
			if base, err := fl.base(&net.TCPAddr{Port: 1}, "localhost"); err == nil {
				soundBase(t, base)
			}
		}
		all, err := fl.proxies()
		if err != nil {
			return
		}
		for _, one := range all {
			_, addr := netip.ParseAddr(one)
			_, prefix := netip.ParsePrefix(one)
			if addr != nil && prefix != nil {
				t.Fatalf("%q trusts %q", s, one)
			}
		}
	})
}

// soundBase checks that links which begin with a base lead there, and that a browser
// there says its host as we expect it.
func soundBase(t *testing.T, base *url.URL) {
	t.Helper()
	text := base.String()
	u, err := url.Parse(text + "/invitations/token")
	if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || u.Path != "/invitations/token" || u.RawQuery != "" {
		t.Fatalf("links at %q lead to %v, %v", text, u, err)
	}
	if text != strings.ToLower(text) || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }) || strings.ContainsAny(text, `"<>\`) {
		t.Fatalf("%q is not the one form of the address", text)
	}
	if u.Hostname() == "" || strings.HasSuffix(base.Host, ":") || base.Scheme == "http" && u.Port() == "80" || base.Scheme == "https" && u.Port() == "443" {
		t.Fatalf("no browser calls it %q", text)
	}
	again, err := (&flags{BaseURL: text}).base(&net.TCPAddr{Port: 1}, "localhost")
	if err != nil || again.String() != text {
		t.Fatalf("%q is %v when it is given again, %v", text, again, err)
	}
}
