package handlers

import (
	"net"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// BenchmarkPages are the lists that are looked at most, of 25 rows, through
// everything but the network.
func BenchmarkPages(b *testing.B) {
	w := newWorld(b)
	w.store.Now = time.Now
	now := time.Now().UnixMilli()
	const rows = `WITH RECURSIVE n (i) AS (SELECT 100000 UNION ALL SELECT i + 1 FROM n WHERE i < 100049) `
	w.exec(`UPDATE sessions SET seen_at = ?, created_at = ?`, now, now)
	w.exec(rows+`INSERT INTO users (id, public_id, email_key, email, first_name, last_name, password_hash, state, created_at)
		SELECT i, 'u' || i, 'row' || i || '@example.com', 'row' || i || '@example.com', 'Row', 'Common', 'x', 'active', ? FROM n`, now)
	w.exec(rows+`INSERT INTO organizations (id, public_id, name, state, requested_at, created_at) SELECT i, 'o' || i, 'Row ' || i, 'active', ?, ? FROM n`, now, now)
	w.exec(rows+`INSERT INTO memberships (org_id, user_id, role, first_name, last_name, joined_at)
		SELECT (SELECT id FROM organizations WHERE name = 'Acme'), i, 'team_member', 'Row', 'Common', ? FROM n`, now)
	for _, page := range []struct{ name, who, path string }{
		{"Users", "ann", "/o/" + w.ids["Acme"] + "/users"},
		{"Organizations", "ada", "/admin/organizations?state=active"},
		{"search", "ada", "/admin/organizations?state=active&q=acme"},
	} {
		for _, part := range []bool{false, true} {
			name := page.name
			if part {
				name += ", part"
			}
			b.Run(name, func(b *testing.B) {
				answer := w.app.Handler()
				r := &fasthttp.RequestCtx{}
				r.Init2(nil, nil, false)
				r.SetRemoteAddr(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9})
				r.Request.SetRequestURI(page.path)
				r.Request.Header.SetHost("portal.example.org")
				r.Request.Header.SetCookie("portico", cookieOf(page.who))
				if part {
					r.Request.Header.Set("HX-Request", "true")
					r.Request.Header.Set("HX-Target", "results")
				}
				b.ReportAllocs()
				for b.Loop() {
					r.Response.Reset()
					answer(r)
				}
				if got := r.Response.StatusCode(); got != fiber.StatusOK {
					b.Fatalf("answered %d", got)
				}
				b.ReportMetric(float64(len(r.Response.Body())), "octets")
			})
		}
	}
}
