package handlers

import (
	"net"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// BenchmarkVerify is /verify with a key that is known, through everything but the
// network, beside a bare handler of the same Fiber that answers 204.
func BenchmarkVerify(b *testing.B) {
	w := newWorld(b)
	key := w.reveal("ann", "Alpha")
	w.store.Now = time.Now
	bare := fiber.New(fiber.Config{DisableStartupMessage: true})
	bare.Get("/verify", func(c *fiber.Ctx) error { return c.SendStatus(fiber.StatusNoContent) })
	for _, side := range []struct {
		name string
		app  *fiber.App
	}{{"portico", w.app}, {"bare", bare}} {
		b.Run(side.name, func(b *testing.B) {
			answer := side.app.Handler()
			r := &fasthttp.RequestCtx{}
			r.Init2(nil, nil, false)
			r.SetRemoteAddr(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9})
			r.Request.SetRequestURI("/verify")
			r.Request.Header.SetHost("10.0.0.7:9000")
			r.Request.Header.Set("X-API-Key", key)
			b.ReportAllocs()
			for b.Loop() {
				r.Response.Reset()
				answer(r)
			}
			if got := r.Response.StatusCode(); got != fiber.StatusNoContent {
				b.Fatalf("answered %d", got)
			}
		})
	}
}
