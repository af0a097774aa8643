package handlers

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"portico/portal"
)

// machine is a gateway: no browser, another name for the portal.
func (w *world) verify(headers ...change) answer {
	w.t.Helper()
	gateway := func(r *http.Request) { r.Header = http.Header{}; r.Host = "10.0.0.7:9000" }
	return w.browser("").get("/verify", append([]change{gateway}, headers...)...)
}

func TestAGatewayLearnsWhoseKeyItIsOrNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(`UPDATE organizations SET name = 'Grüße & 日本, "x"' WHERE name = 'Acme'`)
	key := w.reveal("ann", "Alpha")
	before := w.fingerprint()
	for about, shown := range map[string]change{
		"Bearer":              with("Authorization", "Bearer "+key),
		"bearer":              with("Authorization", "bearer "+key),
		"BEARER, two spaces":  with("Authorization", "BEARER  "+key),
		"X-API-Key":           with("X-API-Key", key),
		"X-API-Key in blanks": with("X-API-Key", "  "+key+" "),
		"x-api-key":           func(r *http.Request) { r.Header["x-api-key"] = []string{key} },
	} {
		a := w.verify(shown)
		if a.status != 204 || a.body != "" {
			t.Errorf("%s: %d %q", about, a.status, a.body)
		}
		for name, want := range map[string]string{"X-Portico-Organization": w.ids["Acme"], "X-Portico-Organization-Name": "Gr%C3%BC%C3%9Fe%20&%20%E6%97%A5%E6%9C%AC%2C%20%22x%22",
			"X-Portico-Application": w.ids["Alpha"], "X-Portico-Credential": w.ids["Alpha key"]} {
			if got := a.header.Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("%s: %s is %q, want %q", about, name, got, want)
			}
		}
	}
	if head := w.browser("").do("HEAD", "/verify", "", with("X-API-Key", key)); head.status != 204 {
		t.Errorf("HEAD: %d", head.status)
	}
	nothing := w.verify()
	if nothing.status != 401 || nothing.body != "" || nothing.header.Get("WWW-Authenticate") != `Bearer realm="portico"` {
		t.Errorf("without a key: %d %q %v", nothing.status, nothing.body, nothing.header)
	}
	for about, shown := range map[string]change{
		"empty":                      with("X-API-Key", ""),
		"blank":                      with("X-API-Key", " "),
		"Bearer alone":               with("Authorization", "Bearer"),
		"Bearer and blanks":          with("Authorization", "Bearer  "),
		"malformed":                  with("X-API-Key", "portico_x"),
		"a letter changed":           with("X-API-Key", flip(key)),
		"in capitals":                with("X-API-Key", strings.ToUpper(key)),
		"cut":                        with("X-API-Key", key[:len(key)-1]),
		"longer":                     with("X-API-Key", key+"0"),
		"unknown":                    with("X-API-Key", portal.NewKey()),
		"unknown, Bearer":            with("Authorization", "Bearer "+portal.NewKey()),
		"without a scheme":           with("Authorization", key),
		"another scheme":             with("Authorization", "Basic "+key),
		"Bearer in the other header": with("X-API-Key", "Bearer "+key),
		"both headers":               func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+key); r.Header.Set("X-API-Key", key) },
		"both, one empty":            func(r *http.Request) { r.Header.Set("Authorization", ""); r.Header.Set("X-API-Key", key) },
		"twice":                      with("X-API-Key", key, key),
		"twice, unknown first":       with("Authorization", "Bearer "+portal.NewKey(), "Bearer "+key),
		"two in one":                 with("X-API-Key", key+","+key),
		"in a cookie":                with("Cookie", "X-API-Key="+key),
		"in another header":          with("X-Api-Keys", key),
		"a session":                  with("Cookie", "portico="+cookieOf("ann")),
	} {
		same(t, "no key and "+about, nothing.masked(), w.verify(shown).masked())
	}
	same(t, "no key and one in the address", nothing.masked(), w.browser("").get("/verify?key="+key+"&X-API-Key="+key).masked())
	w.browser("").post("/verify", p("key", key), with("X-API-Key", key)).is(t, 404)
	if changed := w.changes(before); changed != nil {
		t.Errorf("asking has changed %v", changed)
	}

	// A person's own key is of no organization, from the database and from memory.
	stan := w.browser("stan")
	stan.post("/me/applications", p("name", "Hobby")).is(t, 303)
	app := w.text(`SELECT public_id FROM applications WHERE name = 'Hobby'`)
	stan.post("/me/applications/"+app+"/credentials", nil).is(t, 303)
	id := w.text(`SELECT public_id FROM credentials ORDER BY id DESC LIMIT 1`)
	own := stan.post("/me/applications/"+app+"/credentials/"+id+"/reveal", nil).is(t, 200).text(t, "[data-secret]")
	for range 2 {
		h := w.verify(with("X-API-Key", own)).is(t, 204).header
		if len(h.Values("X-Portico-Organization"))+len(h.Values("X-Portico-Organization-Name")) > 0 || h.Get("X-Portico-Application") != app || h.Get("X-Portico-Credential") != id {
			t.Errorf("a person's own key: %v", h)
		}
	}
}

func TestAKeyThatHasEndedLooksLikeOneThatNeverWas_CRED_11(t *testing.T) {
	t.Parallel()
	app := func(w *world) string { return "/o/" + w.ids["Acme"] + "/applications/" + w.ids["Alpha"] }
	key := func(w *world) string { return app(w) + "/credentials/" + w.ids["Alpha key"] }
	for about, end := range map[string]func(w *world){
		"revoked": func(w *world) { w.browser("abe").post(key(w)+"/revocation", nil).to(t, app(w)) },
		"revoked by an admin": func(w *world) {
			w.browser("ada").post("/admin/organizations"+strings.TrimPrefix(key(w), "/o")+"/revocation", nil).is(t, 303)
		},
		"rotated now":         func(w *world) { w.browser("abe").post(key(w)+"/rotation", p("grace", "now")).to(t, app(w)) },
		"application deleted": func(w *world) { w.browser("abe").post(app(w)+"/deletion", nil).is(t, 303) },
		"its grace has passed": func(w *world) {
			w.browser("abe").post(key(w)+"/rotation", p("grace", "24h")).to(t, app(w))
			w.verify()
			w.pass(24 * time.Hour)
		},
	} {
		w := newWorld(t)
		value := w.reveal("abe", "Alpha")
		other := w.reveal("bob", "Bravo")
		w.verify(with("X-API-Key", value)).is(t, 204) // from memory after this
		w.verify(with("X-API-Key", value)).is(t, 204)
		w.verify(with("X-API-Key", other)).is(t, 204)
		end(w)
		same(t, "an unknown key and one that is "+about, w.verify(with("X-API-Key", portal.NewKey())).masked(), w.verify(with("X-API-Key", value)).masked())
		w.verify(with("X-API-Key", other)).is(t, 204)
	}
	w := newWorld(t)
	value := w.reveal("abe", "Alpha")
	w.browser("abe").post(key(w)+"/rotation", p("grace", "24h")).to(t, app(w))
	w.pass(24*time.Hour - time.Millisecond)
	w.verify(with("X-API-Key", value)).is(t, 204)
	w.pass(time.Millisecond)
	w.verify(with("X-API-Key", value)).is(t, 401)
	// Suspended before it was asked about; what somebody else wrote into the file is read at the next start.
	w = newWorld(t)
	value = w.reveal("abe", "Alpha")
	w.exec(`UPDATE organizations SET state = 'suspended' WHERE name = 'Acme'`)
	w.verify(with("X-API-Key", value)).is(t, 401)
	// A name that has changed is told at once.
	w = newWorld(t)
	value = w.reveal("abe", "Alpha")
	w.verify(with("X-API-Key", value)).is(t, 204)
	w.browser("ann").post("/o/"+w.ids["Acme"]+"/settings", p("name", "Acme Two")).is(t, 303)
	if got := w.verify(with("X-API-Key", value)).is(t, 204).header.Get("X-Portico-Organization-Name"); got != "Acme%20Two" {
		t.Errorf("the name is %s", got)
	}
}

func TestNoRequestThatBeginsAfterARevocationPasses(t *testing.T) {
	t.Parallel()
	for _, how := range []struct {
		path string
		form map[string]string
	}{{"/revocation", nil}, {"/rotation", p("grace", "now")}} {
		w := newWorld(t)
		app := "/o/" + w.ids["Acme"] + "/applications/" + w.ids["Alpha"]
		key := w.reveal("abe", "Alpha")
		var answered, stop atomic.Bool
		var passed, refused, late atomic.Int64
		var clients sync.WaitGroup
		for range 32 {
			clients.Go(func() {
				// With pauses: so busy that an answer waits for its turn, the test would miss the moment after it.
				for ; !stop.Load(); time.Sleep(5 * time.Millisecond) {
					after := answered.Load()
					r := httptest.NewRequest("GET", "/verify", nil)
					r.Header.Set("X-API-Key", key)
					resp, err := w.app.Test(r, -1)
					if err != nil {
						t.Error(err)
						return
					}
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					switch {
					case resp.StatusCode == 204 && after:
						late.Add(1)
					case resp.StatusCode == 204:
						passed.Add(1)
					case resp.StatusCode == 401:
						refused.Add(1)
					default:
						t.Error(fmt.Sprint("got ", resp.StatusCode))
					}
				}
			})
		}
		waits := func(what string, until func() bool) {
			t.Helper()
			for deadline := time.Now().Add(time.Minute); !until(); time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					stop.Store(true)
					clients.Wait()
					t.Fatalf("%s: %s: %d passed, %d refused", how.path, what, passed.Load(), refused.Load())
				}
			}
		}
		waits("the key does not come to pass", func() bool { return passed.Load() >= 100 })
		w.browser("abe").post(app+"/credentials/"+w.ids["Alpha key"]+how.path, how.form).to(t, app)
		answered.Store(true)
		began := refused.Load()
		waits("the key does not come to be refused", func() bool { return refused.Load() >= began+200 || late.Load() > 0 })
		stop.Store(true)
		clients.Wait()
		if n := late.Load(); n > 0 {
			t.Errorf("%s: %d requests that began after the answer passed", how.path, n)
		}
	}
}
