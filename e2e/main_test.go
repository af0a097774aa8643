package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"
)

// patience is how long a step may take on a busy machine. Nothing waits for it
// to pass: every wait ends with the event it waits for.
const patience = 20 * time.Second

var milliseconds = playwright.Float(float64(patience.Milliseconds()))

// places is how many journeys run at once: each has a server and pages of its
// own, and more of them than cores only makes all of them slow.
var places = make(chan struct{}, 2)

// closing is what the whole run leaves behind, closed last first.
var closing struct {
	sync.Mutex
	todo []func()
}

func atEnd(do func()) {
	closing.Lock()
	defer closing.Unlock()
	closing.todo = append(closing.todo, do)
}

func TestMain(m *testing.M) {
	code := m.Run()
	for i := len(closing.todo) - 1; i >= 0; i-- {
		closing.todo[i]()
	}
	os.Exit(code)
}

// journey lets t run beside others, but only a few at a time.
func journey(t *testing.T) {
	t.Helper()
	t.Parallel()
	places <- struct{}{}
	t.Cleanup(func() { <-places })
}

// browser is the one Chromium of this run; every person has a context of their own in it.
var browser = sync.OnceValues(func() (playwright.Browser, error) {
	path, err := chromium()
	if err != nil {
		return nil, err
	}
	driver, err := playwrightCore.fetch()
	if err != nil {
		return nil, err
	}
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, fmt.Errorf("the browser journeys need node: %w", err)
	}
	os.Setenv("PLAYWRIGHT_NODEJS_PATH", node)
	pw, err := playwright.Run(&playwright.RunOptions{DriverDirectory: driver, SkipInstallBrowsers: true})
	if err != nil {
		return nil, fmt.Errorf("start the Playwright driver: %w", err)
	}
	atEnd(func() { pw.Stop() })
	b, err := pw.Chromium.Launch(playwright.BrowserTypeLaunchOptions{
		ExecutablePath: playwright.String(path),
		Args: []string{
			"--no-sandbox", "--no-first-run", "--disable-gpu", "--disable-sync", "--disable-quic",
			"--disable-background-networking", "--disable-component-update",
		},
	})
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	atEnd(func() { b.Close() })
	return b, nil
})

// program is the binary under test, built once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "portico-e2e-")
	if err != nil {
		return "", err
	}
	atEnd(func() { os.RemoveAll(dir) })
	binary := filepath.Join(dir, "portico")
	args := []string{"build", "-o", binary}
	if raceDetector {
		args = append(args, "-race")
	}
	return binary, run("..", "go", append(args, ".")...)
})
