// Package assets holds the files that browsers load: styles, scripts, fonts and
// icons. Each is served under an address that carries a fingerprint of its
// contents, so that it may be cached for ever.
package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

//go:embed *.css *.js *.svg
//go:embed vendor/basecoat/*.css vendor/htmx/*.js vendor/inter/*.woff2 vendor/lucide/*.svg
var files embed.FS

// Prefix is the folder of all addresses that Path gives.
const Prefix = "/assets/"

// A File is one asset as it is sent.
type File struct {
	Body        []byte
	Gzip        []byte // Body compressed; nil for what does not shrink, as fonts
	ContentType string
}

var (
	paths  = map[string]string{} // address by plain name
	served = map[string]File{}   // file by fingerprinted name
	icons  = map[string]string{} // drawing by name
)

// Path returns the address of the file with that plain name: "app.css" is at
// "/assets/app.<fingerprint>.css". It panics when there is no such file, as
// only code names assets.
func Path(name string) string {
	p, ok := paths[name]
	if !ok {
		panic(fmt.Sprintf("assets: no file %q", name))
	}
	return p
}

// Find returns the file with that fingerprinted name, without the folder:
// "app.<fingerprint>.css".
func Find(name string) (File, bool) {
	f, ok := served[name]
	return f, ok
}

// Icon returns the icon of that name as an inline SVG element, which is hidden
// from assistive technology and sized by the styles.
func Icon(name string) (string, bool) {
	svg, ok := icons[name]
	return svg, ok
}

var contentTypes = map[string]string{
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".svg":   "image/svg+xml",
	".woff2": "font/woff2",
}

// Files that others name by address come first: fonts and pictures, then styles.
func init() {
	for _, pattern := range []string{"vendor/inter/*", "*.svg", "vendor/basecoat/*", "vendor/htmx/*", "*.css", "*.js"} {
		for _, file := range match(pattern) {
			add(path.Base(file), read(file))
		}
	}
	for _, file := range match("vendor/lucide/*.svg") {
		icons[strings.TrimSuffix(path.Base(file), ".svg")] = inline(string(read(file)))
	}
}

func add(name string, body []byte) {
	ext := path.Ext(name)
	if ext == ".css" {
		body = address(body)
	}
	sum := sha256.Sum256(body)
	full := strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:])[:10] + ext
	if _, twice := paths[name]; twice {
		panic(fmt.Sprintf("assets: two files are called %q", name))
	}
	paths[name] = Prefix + full
	f := File{Body: body, ContentType: contentTypes[ext]}
	if ext != ".woff2" {
		f.Gzip = compress(body)
	}
	served[full] = f
}

var reference = regexp.MustCompile(`url\("([a-z0-9.-]+)"\)`)

// address puts the fingerprinted address in place of each plain name in url("name").
func address(css []byte) []byte {
	return reference.ReplaceAllFunc(css, func(ref []byte) []byte {
		return []byte(`url("` + Path(string(reference.FindSubmatch(ref)[1])) + `")`)
	})
}

var drawing = regexp.MustCompile(`(?s)<svg[^>]*>(.*)</svg>`)

// inline reduces an icon's file to one short element.
func inline(file string) string {
	m := drawing.FindStringSubmatch(file)
	if m == nil {
		panic("assets: an icon is not an SVG")
	}
	return `<svg class="icon" aria-hidden="true" width="16" height="16" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">` +
		strings.Join(strings.Fields(m[1]), " ") + `</svg>`
}

func compress(body []byte) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(body)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(fmt.Sprintf("assets: compress: %v", err))
	}
	return out.Bytes()
}

func match(pattern string) []string {
	found, err := fs.Glob(files, pattern)
	if err != nil || len(found) == 0 {
		panic(fmt.Sprintf("assets: nothing matches %q (%v)", pattern, err))
	}
	return found
}

func read(file string) []byte {
	body, err := files.ReadFile(file)
	if err != nil {
		panic(fmt.Sprintf("assets: %v", err))
	}
	return body
}
