// Package load starts programs and asks them over HTTP as fast as they answer, for
// what measures Portico.
package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Process is a server that was started here.
type Process struct {
	Addr string // where it listens

	cmd *exec.Cmd
	in  io.Closer
}

// Start runs a program until it says where it listens.
func Start(name string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.Command(name, args...)}
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "PORTICO_") {
			p.cmd.Env = append(p.cmd.Env, pair)
		}
	}
	log, err := os.CreateTemp("", "bench-log-")
	if err != nil {
		return nil, err
	}
	os.Remove(log.Name())
	p.cmd.Stderr = log // a file, as with a service manager
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, addr, found := strings.Cut(lines.Text(), "listening on http://"); found {
			p.Addr = addr
			go io.Copy(io.Discard, out)
			return p, nil
		}
	}
	_, _ = log.Seek(0, io.SeekStart)
	said, _ := io.ReadAll(log)
	return nil, errors.Join(fmt.Errorf("%s ended before it listened: %s", filepath.Base(name), said), p.cmd.Wait())
}

// Stop ends the process, and waits for it.
func (p *Process) Stop() {
	p.in.Close()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
}

// Port is where it listens on this machine.
func (p *Process) Port() string { return p.Addr[strings.LastIndex(p.Addr, ":")+1:] }

// Memory is what the process holds now, and held at most, in MiB.
func (p *Process) Memory() (now, most float64) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	read := func(name string) float64 {
		_, rest, _ := strings.Cut(string(text), name+":")
		words := strings.Fields(rest)
		if len(words) == 0 {
			return 0
		}
		n, _ := strconv.ParseFloat(words[0], 64)
		return n / 1024
	}
	return read("VmRSS"), read("VmHWM")
}

// ForgetMost makes the most memory that is held begin anew.
func (p *Process) ForgetMost() {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0)
}

// CPU is the processor time the process has used, in microseconds; the kernel
// counts it in hundredths of a second.
func (p *Process) CPU() float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	words := strings.Fields(rest)
	if len(words) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(words[11], 64)
	system, _ := strconv.ParseFloat(words[12], 64)
	return (user + system) * 1e4
}

// Ask is one request, as it is sent, and what its answer has to be.
type Ask struct {
	Raw    []byte
	Status string // three digits
	Marker string // in the body, or the headers
}

// Seen is what was seen of a server for a while.
type Seen struct {
	PerSecond, P50, P99 float64 // requests; microseconds
	Errors              int
	Err                 error // one of the errors
}

// Drive asks a server over that many connections, until next gives no more.
func Drive(addr string, connections int, next func(worker, i int) (Ask, bool)) Seen {
	took := make([][]float64, connections)
	bad := make([]int, connections)
	failures := make([]error, connections)
	begun := time.Now()
	var group sync.WaitGroup
	for w := range connections {
		group.Go(func() {
			var c *Client
			defer func() {
				if c != nil {
					c.conn.Close()
				}
			}()
			for i := 0; ; i++ {
				a, more := next(w, i)
				if !more {
					return
				}
				at := time.Now()
				err := error(nil)
				if c == nil {
					c, err = Dial(addr)
				}
				if err == nil {
					err = c.Do(a)
				}
				took[w] = append(took[w], float64(time.Since(at).Nanoseconds())/1e3)
				if err != nil {
					bad[w]++
					failures[w] = err
					if c != nil {
						c.conn.Close()
						c = nil
					}
					if bad[w] >= 10 {
						return
					}
				}
			}
		})
	}
	group.Wait()
	seconds := time.Since(begun).Seconds()
	all := slices.Concat(took...)
	if len(all) == 0 {
		return Seen{Errors: 1, Err: errors.New("nothing was asked")}
	}
	slices.Sort(all)
	s := Seen{PerSecond: float64(len(all)) / seconds, P50: all[len(all)/2], P99: all[len(all)*99/100]}
	for w := range connections {
		s.Errors += bad[w]
		if failures[w] != nil {
			s.Err = failures[w]
		}
	}
	return s
}

// Client is one connection that is kept open. It knows of HTTP what Portico's
// answers need: a length, or no body.
type Client struct {
	Body []byte // of the last answer

	conn net.Conn
	in   *bufio.Reader
	head bytes.Buffer
}

// Dial opens a connection.
func Dial(addr string) (*Client, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &Client{conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}, nil
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Do asks once.
func (c *Client) Do(a Ask) error {
	_ = c.conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := c.conn.Write(a.Raw); err != nil {
		return err
	}
	c.head.Reset()
	length := 0
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		c.head.Write(line)
		if name, value, found := bytes.Cut(line, []byte(":")); found && bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	if cap(c.Body) < length {
		c.Body = make([]byte, length)
	}
	c.Body = c.Body[:length]
	if _, err := io.ReadFull(c.in, c.Body); err != nil {
		return err
	}
	head := c.head.Bytes()
	if len(head) < 12 || string(head[9:12]) != a.Status {
		return fmt.Errorf("the answer is no %s: %.300s", a.Status, head)
	}
	if a.Marker != "" && !bytes.Contains(c.Body, []byte(a.Marker)) && !bytes.Contains(head, []byte(a.Marker)) {
		return fmt.Errorf("%q is not in the answer: %.300s %.2000s", a.Marker, head, c.Body)
	}
	return nil
}
