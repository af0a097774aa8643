package handlers

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"portico/portal"
)

// A live page listens to a stream of events that say that something has changed,
// and asks again for the parts of it that can. The stream never says what: what
// somebody may see is decided when they ask.

const (
	liveBeat    = 10 * time.Second       // between signs of life
	livePause   = 500 * time.Millisecond // between events, of which many become one
	liveOthers  = time.Second            // between looks for what other processes change
	liveWrite   = 30 * time.Second       // for the other side to take an event
	livePerUser = 6
	liveAll     = 2000
)

// streams counts who listens.
type streams struct {
	mu     sync.Mutex
	all    int
	byUser map[int64]int
	end    context.CancelFunc // of the look for other processes' changes
}

// begin counts a stream of a user's in, or says that there are too many.
func (l *streams) begin(user int64, watch func(ctx context.Context)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all >= liveAll || l.byUser[user] >= livePerUser {
		return false
	}
	if l.byUser == nil {
		l.byUser = map[int64]int{}
	}
	l.byUser[user]++
	if l.all++; l.all == 1 {
		ctx, cancel := context.WithCancel(context.Background())
		l.end = cancel
		go watch(ctx)
	}
	return true
}

func (l *streams) over(user int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byUser[user]--; l.byUser[user] == 0 {
		delete(l.byUser, user)
	}
	if l.all--; l.all == 0 {
		l.end()
	}
}

// watchOthers looks for changes by other processes until nobody listens any more.
func (s *server) watchOthers(ctx context.Context) {
	defer s.recovered("watch other processes")
	ticker := time.NewTicker(liveOthers)
	defer ticker.Stop()
	for {
		if err := s.store.WatchOthers(ctx); err != nil && ctx.Err() == nil {
			s.Log.Error("watch other processes", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (s *server) recovered(what string) {
	if r := recover(); r != nil {
		s.Log.Error(what, "error", fmt.Sprintf("panic: %v\n%s", r, debug.Stack()))
	}
}

// adminLive tells a portal admin of changes anywhere.
func (s *server) adminLive(c *fiber.Ctx) error {
	return s.live(c, 0, func(_ context.Context, set portal.Settings, v portal.Viewer) error {
		return mayAdminister(set, v)
	})
}

// orgLive tells a member of changes in the organization.
func (s *server) orgLive(c *fiber.Ctx) error {
	org := at(c).org
	ip := at(c).ip
	return s.live(c, org.ID, func(ctx context.Context, _ portal.Settings, v portal.Viewer) error {
		_, _, err := s.store.Enter(ctx, v.Actor(ip), org.PublicID, false)
		return err
	})
}

// requestLive tells who has asked for an organization of what becomes of it: once
// it is made, of what its members are told, if they are one.
func (s *server) requestLive(c *fiber.Ctx) error {
	id, ip := c.Params("id"), at(c).ip
	may := func(ctx context.Context, by portal.Actor) (portal.OrgRequest, error) {
		q, err := s.store.Request(ctx, by, id)
		if err == nil && q.State.Provisioned() {
			_, _, err = s.store.Enter(ctx, by, id, false)
		}
		return q, err
	}
	q, err := may(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	return s.live(c, q.ID, func(ctx context.Context, _ portal.Settings, v portal.Viewer) error {
		_, err := may(ctx, v.Actor(ip))
		return err
	})
}

// mayListen decides, of a visitor as the database has them now, whether they may look.
type mayListen func(ctx context.Context, set portal.Settings, v portal.Viewer) error

// live sends events until the visitor is gone, or may not look any more: that is
// asked before each.
func (s *server) live(c *fiber.Ctx, orgID int64, may mayListen) error {
	if c.Get(fiber.HeaderAccept) != eventStream || c.Method() != fiber.MethodGet {
		return fiber.ErrNotAcceptable
	}
	v := *at(c) // the request is over before the stream is
	if !s.streams.begin(v.viewer.ID, s.watchOthers) {
		return portal.TooManyError("open pages that change by themselves", liveBeat)
	}
	changed, stop := s.store.Watch(orgID)
	first := "beat"
	if seen := c.Query("seen"); seen != "" && seen != strconv.FormatInt(s.store.Changes(orgID), 10) {
		first = "change" // between the page and its stream, or while the stream was broken
	}
	conn := c.Context().Conn()
	c.Set(fiber.HeaderContentType, eventStream+"; charset=utf-8")
	c.Set("X-Accel-Buffering", "no") // nginx would keep the events back
	c.Set(fiber.HeaderConnection, "close")
	c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		defer s.recovered("live")
		defer s.streams.over(v.viewer.ID)
		defer stop()
		send := func(event string) bool {
			_ = conn.SetWriteDeadline(time.Now().Add(liveWrite))
			_, _ = w.WriteString("event: " + event + "\ndata: \n\n")
			return w.Flush() == nil // it fails when the other side is gone
		}
		gone := s.hearsEnd(conn)
		beat := time.NewTicker(liveBeat)
		defer beat.Stop()
		for event := first; s.stillMay(v, may) && send(event); {
			select {
			case <-s.Stop:
				return
			case <-gone:
				return
			case <-beat.C:
				event = "beat"
			case <-changed:
				event = "change"
				select { // what follows at once is the same change
				case <-s.Stop:
					return
				case <-time.After(livePause):
				}
				select {
				case <-changed:
				default:
				}
			}
		}
	})
	return nil
}

// hearsEnd tells when the other side has gone, who asks nothing more on this
// connection. Without it, who goes quickly from page to page would still be counted
// on all of them, until the next beat.
func (s *server) hearsEnd(conn net.Conn) <-chan struct{} {
	gone := make(chan struct{})
	go func() {
		defer s.recovered("live")
		defer close(gone)
		_ = conn.SetReadDeadline(time.Time{})
		_, _ = conn.Read(make([]byte, 1))
	}()
	return gone
}

// stillMay asks the database again whether the visitor may look.
func (s *server) stillMay(v visit, may mayListen) bool {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	set, err := s.store.Settings(ctx)
	if err != nil {
		return false
	}
	viewer, ok, err := s.store.ViewerUnseen(ctx, v.session, set)
	return err == nil && ok && may(ctx, set, viewer) == nil
}

// liveHeader marks a request that a page makes by itself: it is no sign that
// somebody is there.
const liveHeader = "Portico-Live"

// eventStream is what browsers ask for when a page listens. They send no header of
// ours then.
const eventStream = "text/event-stream"

func byItself(c *fiber.Ctx) bool {
	return c.Method() == fiber.MethodGet && (c.Get(liveHeader) != "" || c.Get(fiber.HeaderAccept) == eventStream)
}
