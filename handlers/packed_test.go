package handlers

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"testing"
)

func TestPackedBodiesAreRefusedUnopened_DOS_01(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	if _, err := z.Write([]byte(encode(p("email", "ann@example.org", "password", password)))); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{"gzip", "gzip, gzip", "br", "identity"} {
		w.browser("").do(http.MethodPost, "/login", body.String(), func(r *http.Request) { r.Header.Set("Content-Encoding", how) }).is(t, http.StatusUnsupportedMediaType)
	}
}
