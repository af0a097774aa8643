package main

import (
	"fmt"
	"net"
	"slices"
	"testing"
	"time"
)

// What the outbox makes of such servers is tested in package mail; here it is
// what people notice of them: nothing.
func TestPagesAreAsQuickWhateverTheMailServerDoes_SMTP_01_SMTP_02(t *testing.T) {
	t.Parallel()
	counted := count(t, "pages and changes while the mail server is ill")
	opens := 60
	if long() {
		opens = 600
	}
	good := openOffice(t, takes)
	well := serve(t, "", "--smtp-url", good.url())
	wells := well.admin()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	for _, ill := range []struct {
		name    string
		behaves func(*office, net.Conn)
	}{{"hangs", hangs}, {"says an octet a second", drips}, {"is gone", nil}} {
		counted.try(t, ill.name, func(t *testing.T) {
			url := "smtp://" + gone.Addr().String()
			var bad *office
			if ill.behaves != nil {
				bad = openOffice(t, ill.behaves)
				url = bad.url()
			}
			s := serve(t, "", "--smtp-url", url)
			ills := s.admin()
			// Mails are queued all along, and the first is being sent.
			queue := func(v *visitor, n int) {
				v.must("/admin/organizations", form("name", fmt.Sprint(ill.name, n), "first_name", "Nora", "last_name", "New", "email", fmt.Sprintf("nora%d@example.org", n)))
			}
			queue(ills, 0)
			if bad != nil {
				bad.until(t, "somebody who wants to send", func() bool { return len(bad.open) > 0 })
			}
			// Side by side, one after the other, so that both have the same machine.
			var took [2][]time.Duration
			for n := range opens {
				for i, v := range []*visitor{wells, ills} {
					began := time.Now()
					if n%5 == 0 && n/5 < 12 {
						queue(v, n+1)
					} else if a := v.get("/admin/organizations?state=active"); a.status != 200 {
						t.Errorf("the page: %d", a.status)
					}
					took[i] = append(took[i], time.Since(began))
				}
			}
			for i := range took {
				slices.Sort(took[i])
			}
			for _, share := range []int{50, 90} {
				at := opens * share / 100
				if usual, now := took[0][at], took[1][at]; now > 3*usual+20*time.Millisecond {
					t.Errorf("%d of 100 pages took up to %v, and up to %v with a server that takes mail", share, now, usual)
				}
			}
			if a := ills.get("/readyz"); a.status != 200 {
				t.Errorf("GET /readyz: %d", a.status)
			}
			if long() && ill.name == "says an octet a second" {
				bad.wait(t, "nora0@example.org") // which takes it a minute
			}
			s.stop() // it does not wait for the mail server
		})
		if _, err := database(t, well.data).Exec(`DELETE FROM limit_events`); err != nil { // one person may not invite so many
			t.Fatal(err)
		}
	}
}
