package mail_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portico/mail"
	"portico/portal"
)

// written is a message on the wire with that id.
func written(t *testing.T, id string) []byte {
	t.Helper()
	m := portal.Mail{Kind: portal.MailTest, To: "ada@example.com", ToName: "Ada, Gräfin"}
	raw, err := mail.Build(from, m, mail.Message{Subject: "Grüße " + id, Text: "a\nb\n", HTML: "<p>a</p>"}, noon, id+"@provider.example")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestMailboxKeepsTheLast(t *testing.T) {
	t.Parallel()
	box := mail.Mailbox{Now: func() time.Time { return noon }}
	for i := range 203 {
		if err := box.Send(t.Context(), "portico@provider.example", "ada@example.com", written(t, fmt.Sprint("m", i))); err != nil {
			t.Fatal(err)
		}
	}
	list := box.List()
	if len(list) != 200 || list[0].ID != "m202" || list[199].ID != "m3" {
		t.Fatalf("it keeps %d, from %s to %s", len(list), list[0].ID, list[len(list)-1].ID)
	}
	want := mail.Delivered{ID: "m100", From: "Portico <portico@provider.example>", To: "Ada, Gräfin <ada@example.com>", Address: "ada@example.com",
		Subject: "Grüße m100", Text: "a\nb\n", HTML: "<p>a</p>", At: noon}
	got, ok := box.Find("m100")
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Error(diff)
	}
	if got, ok := box.Find("m2"); ok {
		t.Errorf("it still has %+v", got)
	}
	if err := box.Send(t.Context(), "a@b.example", "c@d.example", []byte("no mail")); err == nil {
		t.Error("it keeps what is no mail")
	}
}

func TestMailboxIsSafeForSeveral(t *testing.T) {
	t.Parallel()
	var box mail.Mailbox
	raw := written(t, "m")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				if err := box.Send(t.Context(), "portico@provider.example", "ada@example.com", raw); err != nil {
					t.Error(err)
				}
				box.List()
				box.Find("m")
			}
		})
	}
	all.Wait()
	if n := len(box.List()); n != 160 {
		t.Errorf("it keeps %d", n)
	}
}
