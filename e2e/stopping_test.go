package e2e

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Requests that are never sent to their end hold up no stop, and those under way
// are answered. Twice told to stop is once.
func TestStoppingUnderLoadTakesTenSecondsAtMost_OPS_01(t *testing.T) {
	t.Parallel()
	s := startServer(t, serverOptions{})
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	address := "127.0.0.1:" + u.Port()
	stalled := 100
	if os.Getenv("TEST_LONG") == "1" {
		stalled = 500
	}
	for i := range stalled {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		half := "GET /login HTTP/1.1\r\nHost: " + u.Host + "\r\n"
		if i%2 == 0 {
			half = "POST /login HTTP/1.1\r\nHost: " + u.Host + "\r\nContent-Length: 100\r\n\r\nemail="
		}
		if _, err := io.WriteString(c, half); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	var cut sync.Map
	for i := range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				c, err := net.Dial("tcp", address)
				if err != nil {
					return // it takes no new ones any more
				}
				fmt.Fprintf(c, "GET /login HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", u.Host)
				c.SetReadDeadline(time.Now().Add(patience))
				answer, _ := io.ReadAll(c)
				c.Close()
				if n := len(answer); n > 0 && !strings.HasSuffix(string(answer), "</html>") {
					cut.Store(i, string(answer[max(0, n-60):]))
				}
			}
		})
	}
	began := time.Now()
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.stop() // tells it once more, and fails after ten seconds
	took := time.Since(began)
	close(stop)
	wg.Wait()
	cut.Range(func(_, end any) bool { t.Errorf("an answer was cut off at %q", end); return true })
	if took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	if c, err := net.DialTimeout("tcp", address, time.Second); err == nil {
		c.Close()
		t.Error("it still listens")
	}
}

// Without TLS in front, passwords would cross the network in the clear: whoever
// sets such an address is told at the start, and listens on this machine only
// unless they say otherwise.
func TestAnAddressWithoutTLSIsWarnedOf_OPS_05(t *testing.T) {
	t.Parallel()
	for base, warned := range map[string]bool{"http://portal.provider.example": true, "https://portal.provider.example": false} {
		s := startServer(t, serverOptions{args: []string{"--base-url", base}})
		s.stop()
		printed := s.output.String()
		if strings.Contains(printed, "unprotected") != warned {
			t.Errorf("at %s it prints:\n%s", base, printed)
		}
		if !strings.Contains(printed, "listening on http://127.0.0.1:") {
			t.Errorf("it listens to others:\n%s", printed)
		}
	}
}
