package main

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// office is a mail server that behaves as it is told.
type office struct {
	listener net.Listener
	behaves  func(o *office, c net.Conn)

	mu      sync.Mutex
	open    []net.Conn
	arrived map[string]int // by recipient
	changed chan struct{}  // closed at the next change
}

func openOffice(t *testing.T, behaves func(*office, net.Conn)) *office {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &office{listener: l, behaves: behaves, arrived: map[string]int{}, changed: make(chan struct{})}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			o.mu.Lock()
			o.open = append(o.open, c)
			o.change()
			o.mu.Unlock()
			go o.behaves(o, c)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, c := range o.open {
			c.Close()
		}
	})
	return o
}

func (o *office) url() string { return "smtp://" + o.listener.Addr().String() }

// change tells those who wait. o.mu is held.
func (o *office) change() {
	close(o.changed)
	o.changed = make(chan struct{})
}

// until waits until it holds.
func (o *office) until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	late := time.After(patience)
	for {
		o.mu.Lock()
		ok, changed := holds(), o.changed
		o.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("%s: it does not come", what)
		}
	}
}

// wait waits for a mail to somebody.
func (o *office) wait(t *testing.T, to string) {
	t.Helper()
	o.until(t, "a mail to "+to, func() bool { return o.arrived[to] > 0 })
}

// hangs is a server that never says a word.
func hangs(*office, net.Conn) {}

// takes is one that takes everything.
func takes(o *office, c net.Conn) { o.talk(c, func(s string) { fmt.Fprint(c, s) }) }

// drips is one that says everything an octet a second.
func drips(o *office, c net.Conn) {
	o.talk(c, func(s string) {
		for i := range len(s) {
			time.Sleep(time.Second)
			if _, err := fmt.Fprint(c, s[i:i+1]); err != nil {
				return
			}
		}
	})
}

func (o *office) talk(c net.Conn, say func(string)) {
	defer c.Close()
	say("220 here\r\n")
	to := ""
	for lines := bufio.NewScanner(c); lines.Scan(); {
		switch word := strings.ToUpper(lines.Text()); {
		case strings.HasPrefix(word, "RCPT TO:<"):
			to = strings.TrimSuffix(lines.Text()[len("RCPT TO:<"):], ">")
			say("250 ok\r\n")
		case word == "DATA":
			say("354 go on\r\n")
			for lines.Scan() && lines.Text() != "." {
			}
			o.mu.Lock()
			o.arrived[to]++
			o.change()
			o.mu.Unlock()
			say("250 ok\r\n")
		case word == "QUIT":
			say("221 bye\r\n")
			return
		default:
			say("250 ok\r\n")
		}
	}
}
