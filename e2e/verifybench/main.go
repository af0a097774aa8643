// Verifybench measures /verify of the real program, with 100,000 live keys, beside
// a bare Fiber handler that answers 204:
//
//	go run ./e2e/verifybench [-short]
package main

import (
	"crypto/sha256"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"portico/e2e/load"

	"github.com/gofiber/fiber/v2"
	_ "github.com/mattn/go-sqlite3"
)

const (
	credentials = 100_000
	connections = 32
	bareWord    = "-bare-handler" // hidden: this process is the bare handler
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == bareWord {
		os.Exit(bare())
	}
	short := flag.Bool("short", false, "shorter rounds")
	flag.Parse()
	ok, err := run(*short)
	if err != nil {
		fmt.Fprintln(os.Stderr, "verifybench:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// bare answers 204 to everything, until its standard input ends.
func bare() int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 1
	}
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get("/verify", func(c *fiber.Ctx) error { return c.SendStatus(fiber.StatusNoContent) })
	fmt.Printf("Portico is listening on http://%s\n", l.Addr())
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); os.Exit(0) }()
	if app.Listener(l) != nil {
		return 1
	}
	return 0
}

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// newKey makes a well-formed key: 32 random characters and their CRC-32.
func newKey() string {
	random, sum := make([]byte, 32), make([]byte, 6)
	for i := range random {
		random[i] = base62[rand.IntN(62)]
	}
	n := crc32.ChecksumIEEE(random)
	for i := range sum {
		sum[5-i] = base62[n%62]
		n /= 62
	}
	return "portico_" + string(random) + "_" + string(sum)
}

// fill puts the keys into the database of a portal that is not running: 100 in
// each of 1,000 organizations' applications.
func fill(path string, keys []string) error {
	db, err := sql.Open("sqlite3", "file:"+path+"?_foreign_keys=on&_txlock=immediate")
	if err != nil {
		return err
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	now := time.Now().UnixMilli()
	id := func(kind string, n int) string { return fmt.Sprintf("%s%025d", kind, n) }
	exec := func(query string, args ...any) {
		if err == nil {
			_, err = tx.Exec(query, args...)
		}
	}
	exec(`INSERT INTO users (id, public_id, email_key, email, first_name, last_name, password_hash, state, created_at)
		VALUES (1, ?, 'a@example.com', 'a@example.com', 'A', 'A', 'x', 'active', ?)`, id("u", 1), now)
	insert, prepareErr := tx.Prepare(`INSERT INTO credentials (public_id, org_id, app_id, label, hash, sealed_by, hint, created_by, created_at)
		VALUES (?, ?, ?, 'key', ?, 0, ?, 1, ?)`)
	if prepareErr != nil {
		return prepareErr
	}
	defer insert.Close()
	for i, key := range keys {
		org := i/100 + 1
		if i%100 == 0 {
			exec(`INSERT INTO organizations (id, public_id, name, state, requested_at, created_at) VALUES (?, ?, ?, 'active', ?, ?)`,
				org, id("o", org), fmt.Sprintf("Organization %d", org), now, now)
			exec(`INSERT INTO applications (id, public_id, org_id, owner_id, name, name_key, description, visibility, created_at)
				VALUES (?, ?, ?, 1, 'App', 'app', '', 'organization', ?)`, org, id("a", org), org, now)
		}
		if err != nil {
			return err
		}
		hash := sha256.Sum256([]byte(key))
		if _, err := insert.Exec(id("c", i), org, org, hash[:], key[len(key)-4:], now); err != nil {
			return err
		}
	}
	return errors.Join(err, tx.Commit())
}

// round is what was seen of one server in one round.
type round struct {
	load.Seen
	cpu float64 // microseconds of the server's processor time per request
}

// ask is /verify with a key.
func ask(key string) load.Ask {
	return load.Ask{Raw: []byte("GET /verify HTTP/1.1\r\nHost: gateway\r\nX-API-Key: " + key + "\r\n\r\n"), Status: "204"}
}

// rss is the memory a process holds, in octets.
func rss(p *load.Process) float64 {
	now, _ := p.Memory()
	return now * (1 << 20)
}

func median(rounds []round, of func(round) float64) float64 {
	var all []float64
	for _, r := range rounds {
		all = append(all, of(r))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func run(short bool) (bool, error) {
	rounds, length := 7, 4*time.Second
	if short {
		rounds, length = 5, time.Second
	}
	dir, err := os.MkdirTemp("", "verifybench-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	binary, data := filepath.Join(dir, "portico"), filepath.Join(dir, "data")
	if out, err := exec.Command("go", "build", "-o", binary, "portico").CombinedOutput(); err != nil {
		return false, fmt.Errorf("build: %w\n%s", err, out)
	}
	serve := []string{"serve", "--data", data, "--listen", "127.0.0.1:0"}
	p, err := load.Start(binary, serve...) // makes the schema
	if err != nil {
		return false, err
	}
	p.Stop()
	keys := make([]string, credentials)
	for i := range keys {
		keys[i] = newKey()
	}
	if err := fill(filepath.Join(data, "portico.db"), keys); err != nil {
		return false, fmt.Errorf("fill: %w", err)
	}
	if p, err = load.Start(binary, serve...); err != nil {
		return false, err
	}
	defer p.Stop()
	self, err := os.Executable()
	if err != nil {
		return false, err
	}
	b, err := load.Start(self, bareWord)
	if err != nil {
		return false, err
	}
	defer b.Stop()

	empty := rss(p)
	var warmed atomic.Int64
	warm := load.Drive(p.Addr, connections, func(int, int) (load.Ask, bool) {
		n := int(warmed.Add(1)) - 1
		return ask(keys[n%credentials]), n < credentials
	})
	if warm.Errors > 0 {
		return false, fmt.Errorf("warm-up: %w", warm.Err)
	}
	fmt.Printf("%d live credentials, %d connections, %d rounds of %s each; first pass over all keys: %.0f requests/s\n", credentials, connections, rounds, length, warm.PerSecond)

	servers := []*load.Process{p, b}
	seen := make([][]round, 2)
	for n := range rounds {
		for turn := range servers {
			i := (n + turn) % 2 // each goes first in every second round
			until := time.Now().Add(length)
			used := servers[i].CPU()
			r := round{Seen: load.Drive(servers[i].Addr, connections, func(int, int) (load.Ask, bool) { return ask(keys[rand.IntN(credentials)]), time.Now().Before(until) })}
			if r.Err != nil {
				fmt.Fprintln(os.Stderr, "verifybench:", r.Err)
			}
			r.cpu = (servers[i].CPU() - used) / max(1, r.PerSecond*length.Seconds())
			seen[i] = append(seen[i], r)
		}
	}
	fmt.Printf("%-22s %12s %10s %10s %14s %8s\n", "median of rounds", "requests/s", "p50 µs", "p99 µs", "CPU µs/request", "errors")
	failed := 0
	for i, name := range []string{"portico /verify", "bare Fiber 204"} {
		bad := 0
		for _, r := range seen[i] {
			bad += r.Errors
		}
		failed += bad
		fmt.Printf("%-22s %12.0f %10.0f %10.0f %14.1f %8d\n", name, median(seen[i], func(r round) float64 { return r.PerSecond }),
			median(seen[i], func(r round) float64 { return r.P50 }), median(seen[i], func(r round) float64 { return r.P99 }),
			median(seen[i], func(r round) float64 { return r.cpu }), bad)
	}
	all := failed == 0
	row := func(name string, of func(round) float64, target string, meets func(float64) bool) {
		var ratios []float64
		for n := range rounds {
			ratios = append(ratios, of(seen[0][n])/of(seen[1][n]))
		}
		slices.Sort(ratios)
		middle, word := ratios[len(ratios)/2], "ok"
		if !meets(middle) {
			word, all = "short", false
		}
		fmt.Printf("%-22s %.2f (%.2f to %.2f), target %s: %s\n", name, middle, ratios[0], ratios[len(ratios)-1], target, word)
	}
	row("ratio of throughput", func(r round) float64 { return r.PerSecond }, "at least 0.8", func(x float64) bool { return x >= 0.8 })
	row("ratio of p99", func(r round) float64 { return r.P99 }, "at most 1.5", func(x float64) bool { return x <= 1.5 })
	word := "ok"
	if failed > 0 {
		word = "short"
	}
	fmt.Printf("%-22s %d, target 0: %s\n", "errors", failed, word)
	fmt.Printf("%-22s %.0f MiB for %d credentials in use (%.0f MiB before the first, %.0f MiB after the last request)\n", "memory (RSS)",
		(rss(p)-empty)/(1<<20), credentials, empty/(1<<20), rss(p)/(1<<20))
	return all, nil
}
