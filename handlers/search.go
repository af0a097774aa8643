package handlers

import (
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"portico/portal"
	"portico/views"
)

// search looks for everything the visitor may see: as a page, or for the palette.
func (s *server) search(c *fiber.Ctx) error {
	v := at(c)
	if wait := s.searches.wait(v.viewer.ID, s.store.Now()); wait > 0 {
		return portal.TooManyError("searches", wait)
	}
	p := views.Page{Title: "Search", Menu: "search"}
	menus := p
	if err := s.fill(c, &menus); err != nil {
		return err
	}
	h := views.Hits{Query: strings.TrimSpace(query(c))}
	first := orgIn(cameFrom(c))
	h.List = views.Pages(menus, h.Query, first)
	found, err := s.store.Find(c.UserContext(), v.actor, h.Query, first)
	if err != nil {
		return err
	}
	h.List = append(h.List, views.HitsOf(found)...)
	if forPalette(c) {
		return s.show(c, p, views.PaletteHits(h))
	}
	return s.show(c, p, views.Search(h))
}

// orgIn is the organization in the address of one of its pages, or "".
func orgIn(path string) string {
	id, in := strings.CutPrefix(path, "/o/")
	id, _, _ = strings.Cut(id, "/")
	if !in {
		return ""
	}
	return id
}

// A meter bounds how much each person searches. It is kept in memory: what it
// guards against is load.
type meter struct {
	mu     sync.Mutex
	window time.Time
	counts map[int64]int
}

// Somebody who types fast searches a few times a second.
const (
	meterWindow = 10 * time.Second
	meterMax    = 100
)

// wait counts one search of a user's and says how long to wait, if that is too many.
func (m *meter) wait(user int64, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if w := now.Truncate(meterWindow); !w.Equal(m.window) {
		m.window, m.counts = w, map[int64]int{}
	}
	if m.counts[user] >= meterMax {
		return m.window.Add(meterWindow).Sub(now)
	}
	m.counts[user]++
	return 0
}
