package handlers

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// uploadLimit is what a request with a file may hold: the longest file, what
// stands around it, and enough beyond that a longer one is told so by its form.
const uploadLimit = 256 << 10

// takesFile reports whether a path is that of a form with a file.
func takesFile(path string) bool {
	return strings.HasSuffix(path, severalPath)
}

// limitBodies lets only forms with a file be longer than others.
func limitBodies(app *fiber.App) {
	app.Server().HeaderReceived = func(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
		path, _, _ := strings.Cut(string(h.RequestURI()), "?")
		if takesFile(path) {
			return fasthttp.RequestConfig{MaxRequestBodySize: uploadLimit}
		}
		return fasthttp.RequestConfig{}
	}
}

// parseUpload reads the fields and files of a form, each of which may be there once.
func parseUpload(body []byte, boundary string) (map[string]string, error) {
	form := map[string]string{}
	for r := multipart.NewReader(bytes.NewReader(body), boundary); ; {
		part, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return form, nil
		} else if err != nil || len(form) == maxFields {
			return nil, errBadForm
		}
		name := part.FormName()
		value, err := io.ReadAll(part)
		if _, twice := form[name]; err != nil || twice || !isText(name) || part.FileName() == "" && !isText(string(value)) {
			return nil, errBadForm // a file that is no text is told so by its form
		}
		form[name] = string(value)
	}
}
