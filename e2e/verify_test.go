package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// asks sends a request for /verify with these header lines, byte by byte as they
// stand, and gives the answer's status and headers. It has no body.
func (s *server) asks(lines ...string) (int, http.Header) {
	s.t.Helper()
	host := strings.TrimPrefix(s.url, "http://")
	conn, err := net.DialTimeout("tcp", strings.Replace(host, "localhost", "127.0.0.1", 1), patience)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	// A server that has read enough closes the connection, so not all of it may be taken.
	io.WriteString(conn, "GET /verify HTTP/1.1\r\nHost: 10.0.0.7\r\nConnection: close\r\n"+strings.Join(append(lines, "\r\n"), "\r\n"))
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		s.t.Fatalf("%.60q: %v", lines, err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err == nil && len(body) > 0 && response.StatusCode == http.StatusUnauthorized {
		s.t.Errorf("%.60q: 401 with the body %q", lines, body)
	}
	return response.StatusCode, response.Header
}

func TestVerifyIsAskedBadly(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	c.reader.open(c.org+"/applications").press("New application").fill("Name", "Scanner").press("Create").want(http.StatusOK)
	key := c.reader.press("New credential").press("Create").want(http.StatusOK).reveals()
	const yes, no, tooMuch = http.StatusNoContent, http.StatusUnauthorized, http.StatusRequestHeaderFieldsTooLarge
	for _, test := range []struct {
		status int
		lines  []string
	}{
		{yes, []string{"Authorization: Bearer " + key}},
		{yes, []string{"authorization: bearer " + key}},
		{yes, []string{"AUTHORIZATION: BEARER " + key}},
		{yes, []string{"Authorization:Bearer   " + key + "  \t "}},
		{yes, []string{"x-api-key:" + key}},
		{yes, []string{"X-API-Key: " + key + "   "}},
		{no, nil},
		{no, []string{"X-API-Key:"}},
		{no, []string{"X-API-Key:    "}},
		{no, []string{"Authorization:"}},
		{no, []string{"Authorization: Bearer"}},
		{no, []string{"Authorization: Bearer  "}},
		{no, []string{"Authorization: " + key}},
		{no, []string{"Authorization: Bearer" + key}},
		{no, []string{"Authorization: Basic " + key}},
		{no, []string{"Authorization: Bearer " + key + " " + key}},
		{no, []string{"Authorization: Bearer " + key + ",Bearer " + key}},
		{no, []string{"Authorization: Bearer " + key, "X-API-Key: " + key}},
		{no, []string{"Authorization: Bearer " + key, "X-API-Key: portico_other"}},
		{no, []string{"X-API-Key: " + key, "Authorization:"}},
		{no, []string{"X-API-Key: " + key, "X-API-Key: " + key}},
		{no, []string{"X-API-Key: " + key, "x-api-key: nothing"}},
		{no, []string{"Authorization: Bearer " + key, "Authorization: Bearer " + key}},
		{no, []string{"X-API-Key: " + strings.ToUpper(key)}},
		{no, []string{"X-API-Key: " + key[:20] + "é" + key[20:]}},
		{no, []string{"X-API-Key: ключ"}},
		{no, []string{"X-API-Key: \xff\xfe" + key}},
		{no, []string{"X-API-Key: " + strings.Repeat("a", 2000)}},
		{no, []string{"Authorization: Bearer " + strings.Repeat(key, 40)}},
		{tooMuch, []string{"X-API-Key: " + strings.Repeat("a", 100_000)}},
		{tooMuch, []string{"Authorization: Bearer " + key, "X-Much: " + strings.Repeat("a", 100_000)}},
	} {
		status, header := c.asks(test.lines...)
		what := strings.ReplaceAll(fmt.Sprintf("%.150q", test.lines), key, "KEY")
		if status != test.status {
			t.Errorf("%s: %d, want %d", what, status, test.status)
		}
		named := header.Get("X-Portico-Organization") + header.Get("X-Portico-Organization-Name") + header.Get("X-Portico-Application") + header.Get("X-Portico-Credential")
		if (named != "") != (status == yes) {
			t.Errorf("%s: %d, and it says whose key it is: %q", what, status, named)
		}
		if status == no && header.Get("WWW-Authenticate") != `Bearer realm="portico"` {
			t.Errorf("%s: WWW-Authenticate is %q", what, header.Get("WWW-Authenticate"))
		}
	}
	// After all that it still answers who asks well.
	if status, _ := c.asks("X-API-Key: " + key); status != yes {
		t.Errorf("a working key is answered with %d", status)
	}
}
