package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

var vendorDir = os.DirFS(".")

var form = regexp.MustCompile(`^/assets/[a-z0-9.-]+\.[0-9a-f]{10}\.(css|js|svg|woff2)$`)

func TestPathCarriesTheFingerprintOfWhatIsServed(t *testing.T) {
	for name, p := range paths {
		if !form.MatchString(p) {
			t.Errorf("Path(%q) = %q", name, p)
		}
		f, ok := Find(strings.TrimPrefix(p, Prefix))
		if !ok {
			t.Errorf("%s is not found under its own address", name)
			continue
		}
		sum := sha256.Sum256(f.Body)
		if want := "." + hex.EncodeToString(sum[:])[:10] + path.Ext(name); !strings.HasSuffix(p, want) {
			t.Errorf("Path(%q) = %q, want it to end in %q", name, p, want)
		}
		if f.ContentType == "" {
			t.Errorf("%s has no content type", name)
		}
	}
}

func TestFindKnowsOnlyFingerprintedNames(t *testing.T) {
	for _, name := range []string{"", "app.css", "app.0000000000.css", "../assets.go", "vendor/htmx/htmx.min.js"} {
		if _, ok := Find(name); ok {
			t.Errorf("Find(%q) found something", name)
		}
	}
}

func TestPathPanicsForAnUnknownName(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	Path("nothing.css")
}

func TestGzipHoldsTheBody(t *testing.T) {
	for name, f := range served {
		if strings.HasSuffix(name, ".woff2") {
			if f.Gzip != nil {
				t.Errorf("%s is compressed twice", name)
			}
			continue
		}
		r, err := gzip.NewReader(bytes.NewReader(f.Gzip))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		body, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(body, f.Body) {
			t.Errorf("%s: gzip does not hold the body (%v)", name, err)
		}
	}
}

func TestStylesNameOnlyServedFiles(t *testing.T) {
	refs := 0
	for _, name := range []string{"font.css", "app.css"} {
		f, _ := Find(strings.TrimPrefix(Path(name), Prefix))
		for _, m := range regexp.MustCompile(`url\("?([^")]*)`).FindAllSubmatch(f.Body, -1) {
			refs++
			if _, ok := Find(strings.TrimPrefix(string(m[1]), Prefix)); !ok {
				t.Errorf("%s names %s, which is not served", name, m[1])
			}
		}
	}
	if refs < 2 {
		t.Errorf("%d references found, want the two fonts at least", refs)
	}
}

func TestVendoredFilesHaveALicence(t *testing.T) {
	for folder, licence := range map[string]string{"basecoat": "LICENSE.md", "htmx": "LICENSE", "inter": "LICENSE", "lucide": "LICENSE"} {
		if _, err := fs.Stat(vendorDir, "vendor/"+folder+"/"+licence); err != nil {
			t.Error(err)
		}
	}
}

func TestIconIsOneElementWithoutAnIdentityOfItsOwn(t *testing.T) {
	if _, ok := Icon("no-such-icon"); ok {
		t.Error("an unknown icon is drawn")
	}
	for name, svg := range icons {
		if !strings.HasPrefix(svg, `<svg class="icon" aria-hidden="true"`) || strings.Count(svg, "<svg") != 1 ||
			!strings.HasSuffix(svg, "</svg>") || strings.Contains(svg, " id=") || strings.Contains(svg, "style=") {
			t.Errorf("%s: %s", name, svg)
		}
	}
}
