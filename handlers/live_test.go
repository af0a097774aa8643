package handlers

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"portico/portal"
)

// served is the world behind a real listener: streams do not end by themselves.
func served(t *testing.T) (w *world, at string, stop func()) {
	t.Helper()
	c := make(chan struct{})
	stop = sync.OnceFunc(func() { close(c) })
	w = newWorld(t, func(config *Config) { config.Stop = c })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- w.app.Listener(l) }()
	t.Cleanup(func() {
		stop()
		if err := w.app.ShutdownWithTimeout(5 * time.Second); err != nil {
			t.Errorf("it does not stop: %v", err)
		}
		<-done
	})
	return w, "http://" + l.Addr().String(), stop
}

// stream listens as somebody, until the test ends.
func (w *world) stream(at, who, path string) (status int, events <-chan string, leave func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", at+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Host = w.base.Host
	r.Header.Set("Accept", "text/event-stream")
	r.AddCookie(&http.Cookie{Name: w.sessionCookie(), Value: cookieOf(who)})
	client := &http.Client{Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	a, err := client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	c := make(chan string, 100)
	go func() {
		defer close(c)
		defer a.Body.Close()
		for lines := bufio.NewScanner(a.Body); lines.Scan(); {
			if event, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				c <- event
			} else if lines.Text() != "" && lines.Text() != "data: " {
				c <- "content: " + lines.Text()
			}
		}
	}()
	if a.StatusCode == http.StatusOK && (a.Header.Get("X-Accel-Buffering") != "no" || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/event-stream")) {
		w.t.Errorf("the stream has %v", a.Header)
	}
	return a.StatusCode, c, cancel
}

func (w *world) next(events <-chan string, want string) {
	w.t.Helper()
	select {
	case got, open := <-events:
		if got != want || open != (want != "") {
			w.t.Fatalf("the stream says %q (open: %v), want %q", got, open, want)
		}
	case <-time.After(20 * time.Second):
		w.t.Fatalf("the stream says nothing, want %q", want)
	}
}

func TestALiveStreamSaysThatSomethingHasChangedAndNoMore(t *testing.T) {
	t.Parallel()
	w, at, _ := served(t)
	ctx := context.Background()
	_, ann, _ := w.stream(at, "ann", "/o/"+w.ids["Acme"]+"/live")
	_, bea, _ := w.stream(at, "bea", "/o/"+w.ids["Beta"]+"/live")
	_, ada, _ := w.stream(at, "ada", "/admin/live")
	_, rita, _ := w.stream(at, "rita", "/organizations/requests/"+w.ids["Rigel"]+"/live")
	for _, c := range []<-chan string{ann, bea, ada, rita} {
		w.next(c, "beat")
	}
	w.invite("ann", "Acme", "nora", portal.TeamMember)
	w.next(ann, "change")
	w.next(ada, "change")
	_, err := w.store.Approve(ctx, w.user("ada"), w.ids["Rigel"], "Rigel", nil)
	w.must(err)
	w.next(rita, "change")
	if len(bea) > 0 {
		t.Errorf("bea is told %q of another organization", <-bea)
	}
}

func TestALiveStreamBeginsWithWhatHappenedSinceThePage(t *testing.T) {
	t.Parallel()
	w, at, _ := served(t)
	for who, page := range map[string]string{"ann": "/o/" + w.ids["Acme"] + "/users", "bea": "/o/" + w.ids["Beta"] + "/users",
		"ada": "/admin", "rita": "/organizations/requests/" + w.ids["Rigel"]} {
		path, there := w.browser(who).get(page).is(t, 200).page(t).Find("[data-live]").Attr("data-live")
		if !there {
			t.Fatalf("%s: the page does not change by itself", who)
		}
		_, before, _ := w.stream(at, who, path)
		w.next(before, "beat")
		w.invite("ann", "Acme", "nora-"+who, portal.TeamMember)
		want := map[string]string{"ann": "change", "ada": "change", "bea": "beat", "rita": "beat"}[who] // others see nothing of it
		_, after, _ := w.stream(at, who, path)
		w.next(after, want)
	}
}

func TestALiveStreamEndsWithTheRightToLook_SESS_06(t *testing.T) {
	t.Parallel()
	w, at, _ := served(t)
	ctx := context.Background()
	_, abe, _ := w.stream(at, "abe", "/o/"+w.ids["Acme"]+"/live")
	_, ann, _ := w.stream(at, "ann", "/o/"+w.ids["Acme"]+"/live")
	_, ada, _ := w.stream(at, "ada", "/admin/live")
	for _, c := range []<-chan string{abe, ann, ada} {
		w.next(c, "beat")
	}
	_, err := w.store.RemoveMember(ctx, w.in("ann", "Acme"), w.ids["abe"])
	w.must(err)
	w.next(abe, "") // removed: nothing, not even that something has changed
	w.next(ann, "change")
	w.next(ada, "change")
	w.must(w.store.SignOut(ctx, w.user("ada"), hashID(cookieOf("ada"))))
	w.next(ada, "")
	if status, events, _ := w.stream(at, "abe", "/o/"+w.ids["Acme"]+"/live"); status != http.StatusNotFound {
		t.Errorf("a removed member listens: %d, %q", status, <-events)
	}
}

func TestALiveStreamOfAdminsEndsWhenTheyNeedASecondFactor(t *testing.T) {
	t.Parallel()
	w, at, _ := served(t)
	_, events, _ := w.stream(at, "ada", "/admin/live")
	w.next(events, "beat")
	w.must(w.store.SetAdminsFactor(context.Background(), w.user("ada"), true))
	w.next(events, "")
}

func TestWhoAskedForAnOrganizationListensToItAsAMemberOnly(t *testing.T) {
	t.Parallel()
	w, at, _ := served(t)
	path := "/organizations/requests/" + w.ids["Rigel"] + "/live"
	_, events, _ := w.stream(at, "rita", path)
	w.next(events, "beat")
	_, err := w.store.Approve(context.Background(), w.user("ada"), w.ids["Rigel"], "Rigel", nil)
	w.must(err)
	w.next(events, "change")
	// Its members need a second factor, which she lacks.
	w.exec(`UPDATE organizations SET require_factor = 1 WHERE name = 'Rigel'`)
	ada := w.user("ada")
	ada.OrgID = w.number(`SELECT id FROM organizations WHERE name = 'Rigel'`)
	w.must(w.store.RenameOrg(context.Background(), ada, "Regel"))
	w.next(events, "")
	if status, _, _ := w.stream(at, "rita", path); status == http.StatusOK {
		t.Error("without it she listens again")
	}
}

func TestNobodyListensTooOften(t *testing.T) {
	t.Parallel()
	w, at, _ := served(t)
	var leave func()
	for range livePerUser {
		status, events, cancel := w.stream(at, "ann", "/o/"+w.ids["Acme"]+"/live")
		if leave = cancel; status != http.StatusOK {
			t.Fatalf("a stream is refused with %d", status)
		}
		w.next(events, "beat")
	}
	if status, _, _ := w.stream(at, "ann", "/o/"+w.ids["Acme"]+"/live"); status != http.StatusTooManyRequests {
		t.Errorf("one more: %d", status)
	}
	if status, _, _ := w.stream(at, "abe", "/o/"+w.ids["Acme"]+"/live"); status != http.StatusOK {
		t.Errorf("somebody else: %d", status)
	}
	// Leaving is noticed at once, and not only when something is sent next.
	began := time.Now()
	for leave(); ; <-time.After(10 * time.Millisecond) {
		if status, _, _ := w.stream(at, "ann", "/o/"+w.ids["Acme"]+"/live"); status == http.StatusOK {
			return
		}
		if time.Since(began) > liveBeat*2/3 {
			t.Fatal("who has left is still counted")
		}
	}
}

func TestLiveStreamsEndWhenThePortalStops(t *testing.T) {
	t.Parallel()
	w, at, stop := served(t)
	_, events, _ := w.stream(at, "ada", "/admin/live")
	w.next(events, "beat")
	stop()
	w.next(events, "")
	began := time.Now()
	w.must(w.app.ShutdownWithTimeout(8 * time.Second))
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("stopping takes %v", took)
	}
}

func TestWhatAPageAsksByItselfDoesNotKeepTheSessionAlive(t *testing.T) {
	t.Parallel()
	w, at, _ := served(t)
	w.pass(time.Hour)
	for who, path := range map[string]string{"ada": "/admin", "ann": "/o/" + w.ids["Acme"], "rita": "/organizations/requests/" + w.ids["Rigel"]} {
		seen := func() int64 {
			return w.number(`SELECT max(seen_at) FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.email_key = ?`, address(who))
		}
		before := seen()
		if a := w.browser(who).get(path, hx("page"), with(liveHeader, "1")); a.status != http.StatusOK || seen() != before {
			t.Errorf("%s, again: %d, seen %d, before %d", path, a.status, seen(), before)
		}
		_, events, _ := w.stream(at, who, path+"/live")
		if w.next(events, "beat"); seen() != before {
			t.Errorf("%s: its stream is a visit", path)
		}
		if w.browser(who).get(path); seen() == before {
			t.Errorf("%s: a visit is not seen", path)
		}
	}
}

func TestWhatAFormIsAnsweredWithDoesNotAskForItselfAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.browser("ada")
	if n := ada.get("/admin/organizations/new").page(t).Find("[data-live]").Length(); n != 1 {
		t.Errorf("a page listens %d times", n)
	}
	refused := ada.post("/admin/organizations", map[string]string{"name": ""}).is(t, http.StatusUnprocessableEntity)
	if n := refused.page(t).Find("[data-live]").Length(); n != 0 {
		t.Errorf("a refused form listens %d times", n)
	}
}
