package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// npmPackage is a package as npm's registry serves it, held to its checksum.
type npmPackage struct{ name, version, integrity string }

// playwrightCore is the version that playwright-go speaks to; it accepts no other.
var playwrightCore = npmPackage{
	"playwright-core", "1.52.0",
	"sha512-l2osTgLXSMeuLZOML9qYODUQoPPnUsKsb5/P6LJ2e6uPKXUdPK5WYhN4z03G+YNbWmGDY4YENauNu4ZKczreHg==",
}

var axeCore = npmPackage{
	"axe-core", "4.14.1",
	"sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
}

// fetch gives the folder that holds the unpacked package as "package", and
// brings it there first where it is missing.
func (p npmPackage) fetch() (string, error) {
	cache := os.Getenv("E2E_CACHE")
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find the cache folder (or set E2E_CACHE): %w", err)
		}
		cache = filepath.Join(user, "portico-e2e")
	}
	dir := filepath.Join(cache, p.name+"-"+p.version)
	if _, err := os.Stat(filepath.Join(dir, "package", "package.json")); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	// Unpacked beside its place and renamed, so that a second test process sees
	// all of it or nothing.
	tmp, err := os.MkdirTemp(cache, ".fetch-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	archive, err := p.download(tmp)
	if err != nil {
		return "", err
	}
	unpacked := filepath.Join(tmp, "unpacked")
	if err := untar(archive, unpacked); err != nil {
		return "", fmt.Errorf("unpack %s: %w", p.name, err)
	}
	if err := os.Rename(unpacked, dir); err != nil {
		if _, missing := os.Stat(filepath.Join(dir, "package", "package.json")); missing != nil {
			return "", err
		}
	}
	return dir, nil
}

func (p npmPackage) download(into string) ([]byte, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return nil, errors.New("the browser journeys need node and npm: install them (Debian: apt-get install nodejs npm)")
	}
	err = retry(3, func() error {
		return run(into, npm, "pack", p.name+"@"+p.version, "--silent", "--pack-destination", into)
	})
	if err != nil {
		return nil, fmt.Errorf("fetch %s from npm: %w", p.name, err)
	}
	archive, err := os.ReadFile(filepath.Join(into, p.name+"-"+p.version+".tgz"))
	if err != nil {
		return nil, err
	}
	sum := sha512.Sum512(archive)
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum[:]); got != p.integrity {
		return nil, fmt.Errorf("%s@%s from npm has the checksum %s, not %s", p.name, p.version, got, p.integrity)
	}
	return archive, nil
}

func untar(archive []byte, dir string) error {
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return err
	}
	entries := tar.NewReader(unzipped)
	for {
		entry, err := entries.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if entry.Typeflag != tar.TypeReg {
			continue
		}
		if !filepath.IsLocal(entry.Name) {
			return fmt.Errorf("the archive holds %q", entry.Name)
		}
		file := filepath.Join(dir, entry.Name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		body, err := io.ReadAll(entries)
		if err != nil {
			return err
		}
		if err := os.WriteFile(file, body, 0o644); err != nil {
			return err
		}
	}
}

// axe is axe-core's source, to be run inside a page.
var axe = sync.OnceValues(func() (string, error) {
	dir, err := axeCore.fetch()
	if err != nil {
		return "", err
	}
	source, err := os.ReadFile(filepath.Join(dir, "package", "axe.min.js"))
	return string(source), err
})

// chromium finds a Chromium or Chrome, or installs Debian's.
var chromium = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("E2E_CHROMIUM"); path != "" {
		return exec.LookPath(path)
	}
	if path := installedChromium(); path != "" {
		return path, nil
	}
	err := aptGet("chromium")
	if path := installedChromium(); path != "" {
		return path, nil
	}
	return "", fmt.Errorf("the browser journeys need Chromium or Chrome, and a path to it in E2E_CHROMIUM if it has another name: %w", err)
})

var installing sync.Mutex

// aptGet installs a Debian package where it may.
func aptGet(name string) error {
	installing.Lock()
	defer installing.Unlock()
	apt, err := exec.LookPath("apt-get")
	if err != nil || os.Geteuid() != 0 {
		return fmt.Errorf("%s is missing: install it (Debian, as root: apt-get install %s)", name, name)
	}
	// Two apt-get at once get into each other's way; the second try finds the first one gone.
	return retry(5, func() error {
		if err := run("", apt, "-o", "DPkg::Lock::Timeout=120", "update"); err != nil {
			return err
		}
		return run("", apt, "-o", "DPkg::Lock::Timeout=120", "install", "-y", "--no-install-recommends", name)
	})
}

func installedChromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome-stable", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func run(dir, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// retry is for what others on the machine or the network can spoil, and for
// nothing in the program under test.
func retry(times int, do func() error) (err error) {
	for i := range times {
		if err = do(); err == nil {
			return nil
		}
		if i < times-1 {
			time.Sleep(time.Duration(i+1) * 2 * time.Second)
		}
	}
	return err
}
