package db

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"portico/portal"
)

// manyKeys adds keys to Alpha without ceremony and returns their numbers.
func (f *scene) manyKeys(n int) []int64 {
	alpha := f.number(`SELECT id FROM applications WHERE name = 'Alpha'`)
	f.must(f.s.inTx(f.ctx, func(t *tx) error {
		for i := range n {
			if _, err := t.exec(`INSERT INTO credentials (public_id, org_id, app_id, label, hash, sealed_by, hint, created_by, created_at)
				SELECT ?, org_id, id, '', randomblob(32), 0, 'aaaa', owner_id, 0 FROM applications WHERE id = ?`, fmt.Sprint("k", i), alpha); err != nil {
				return err
			}
		}
		return nil
	}))
	ids := f.strings(`SELECT id FROM credentials WHERE app_id = ? AND hint = 'aaaa' ORDER BY id`, alpha)
	numbers := make([]int64, len(ids))
	for i, id := range ids {
		_, err := fmt.Sscan(id, &numbers[i])
		f.must(err)
	}
	return numbers
}

func TestUsesOfVeryManyKeysAreAddedUpLater(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.exec(`PRAGMA synchronous = OFF`)
	numbers := f.manyKeys(useBatch + 100)
	from := func(i int) string { return fmt.Sprintf("192.0.2.%d", i) }
	use := func(ids []int64, i int) {
		f.pass(time.Second)
		for _, id := range ids {
			f.s.uses.mark(f.s.uses.of(id), f.s.Now(), from(i))
		}
		f.must(f.s.WriteUses(f.ctx))
	}
	counted := func() int64 { return f.number(`SELECT COALESCE(sum(count), 0) FROM usage`) }
	waiting := func() int64 { return f.number(`SELECT count(*) FROM usage_journal`) }
	use(numbers[:1], 1)
	if counted() != 1 || waiting() != 0 {
		t.Fatalf("the use of one key: %d counted, %d waiting", counted(), waiting())
	}
	use(numbers, 2)
	use(numbers[:5], 3) // few, but later than those that wait
	if counted() != 1 || waiting() != 2 {
		t.Errorf("of very many: %d counted, %d waiting", counted(), waiting())
	}
	look := func(about string, s *Store) {
		t.Helper()
		for key, want := range map[string]int{"k0": 3, "k9": 2} {
			c, err := s.Credential(f.ctx, f.in("abe", "Acme"), f.ids["Alpha"], key)
			if f.must(err); c.UsedFrom != from(want) {
				t.Errorf("%s: the last use of %s was from %q", about, key, c.UsedFrom)
			}
		}
	}
	look("while they wait", f.s)
	all := int64(1 + len(numbers) + 5)

	// A process that is killed leaves them to the next.
	next := &Store{Now: f.s.Now, write: f.s.write, read: f.s.read, Wake: func() {}, uses: uses{journalled: foldEvery}}
	f.must(next.WriteUses(f.ctx))
	if counted() != all || waiting() != 0 {
		t.Errorf("at the next start: %d counted of %d, %d waiting", counted(), all, waiting())
	}
	look("at the next start", next)

	for i := range foldEvery - 2 { // two have been
		use(numbers, 10+i)
	}
	if all += int64((foldEvery - 2) * len(numbers)); counted() != all || waiting() != 0 {
		t.Errorf("in the end: %d counted of %d, %d waiting", counted(), all, waiting())
	}
}

func TestTheJournalOfUsesIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOf(rapid.Custom(func(t *rapid.T) took {
			n := rapid.Int64Min(0)
			return took{id: n.Draw(t, "id"), count: n.Draw(t, "count"), last: n.Draw(t, "last"), from: rapid.String().Draw(t, "from")}
		})).Draw(t, "uses")
		text := packUses(all)
		got, err := unpackUses(text)
		if err != nil || !slices.Equal(got, all) {
			t.Fatalf("%v, %v", got, err)
		}
		if len(text) > 0 { // cut anywhere it is an error or shorter, never a panic
			if got, err := unpackUses(text[:rapid.IntRange(0, len(text)-1).Draw(t, "cut")]); err == nil && len(got) >= len(all) {
				t.Fatalf("cut: %v", got)
			}
		}
	})
}

func TestANumberTooLargeForTheJournalIsRefused(t *testing.T) {
	for at := range 4 {
		n := [4]uint64{1, 1, 1, 0}
		n[at] = math.MaxInt64 + 1
		var text []byte
		for _, x := range n {
			text = binary.AppendUvarint(text, x)
		}
		if got, err := unpackUses(text); err == nil {
			t.Errorf("number %d: %v", at, got)
		}
	}
}

func TestUsesSurviveAWriteThatFailsHalfWay(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.exec(`PRAGMA synchronous = OFF`)
	numbers := f.manyKeys(useBatch + 100)
	use := func() {
		for _, id := range numbers {
			f.s.uses.mark(f.s.uses.of(id), f.s.Now(), ip)
		}
	}
	use()
	use()
	f.exec(fmt.Sprintf(`CREATE TRIGGER refuse BEFORE INSERT ON usage WHEN NEW.credential_id = %d BEGIN SELECT RAISE(ABORT, 'no room'); END`, numbers[useBatch+50]))
	if err := f.s.WriteUses(f.ctx); err == nil {
		t.Fatal("it was written past a failure")
	}
	use()
	if err := f.s.WriteUses(f.ctx); err == nil {
		t.Fatal("it was written past a failure")
	}
	f.exec(`DROP TRIGGER refuse`)
	f.must(f.s.WriteUses(f.ctx))
	f.must(f.s.WriteUses(f.ctx))
	if n, all := f.number(`SELECT count(*) FROM usage WHERE count = 3`), f.number(`SELECT count(*) FROM usage`); int(n) != len(numbers) || n != all {
		t.Errorf("%d of %d keys (%d rows) were counted three times", n, len(numbers), all)
	}
	// A day is one of UTC; what is older than 90 days is not shown.
	last := f.number(`SELECT max(day) FROM usage`)
	f.at(start.Truncate(24 * time.Hour).Add(24*time.Hour - time.Millisecond))
	f.s.uses.mark(f.s.uses.of(numbers[0]), f.s.Now(), "192.0.2.8")
	f.must(f.s.WriteUses(f.ctx))
	f.pass(time.Millisecond)
	f.s.uses.mark(f.s.uses.of(numbers[0]), f.s.Now(), "2001:db8::1")
	f.must(f.s.WriteUses(f.ctx))
	for day, want := range map[int64]int64{last: 4, last + 1: 1} {
		if got := f.number(`SELECT count FROM usage WHERE credential_id = ? AND day = ?`, numbers[0], day); got != want {
			t.Errorf("on day %d it was used %d times, want %d", day, got, want)
		}
	}
	c, err := f.s.Credential(f.ctx, f.in("abe", "Acme"), f.ids["Alpha"], "k0")
	f.must(err)
	if !c.UsedAt.Equal(f.s.Now()) || c.UsedFrom != "2001:db8::1" {
		t.Errorf("its last use was %v from %q", c.UsedAt, c.UsedFrom)
	}
	f.at(fromMillis((last + portal.UsageDays - 1) * dayMillis))
	days, err := f.s.Usage(f.ctx, f.in("abe", "Acme"), f.ids["Alpha"], "k0")
	f.must(err)
	if len(days) != portal.UsageDays || days[0].Count != 4 || days[1].Count != 1 {
		t.Errorf("the first of %d days is %+v", len(days), days[0])
	}
	f.pass(24 * time.Hour)
	if days, err = f.s.Usage(f.ctx, f.in("abe", "Acme"), f.ids["Alpha"], "k0"); err != nil || days[0].Count != 1 {
		t.Errorf("a day later the first is %+v, %v", days[0], err)
	}
	// What was counted is forgotten then, the last use is not.
	f.pass(48 * time.Hour)
	f.must(f.s.Tidy(f.ctx))
	if n := f.number(`SELECT count(*) FROM usage`); n != 0 {
		t.Errorf("%d days are kept", n)
	}
	again, err := f.s.Credential(f.ctx, f.in("abe", "Acme"), f.ids["Alpha"], "k0")
	if f.must(err); !again.UsedAt.Equal(c.UsedAt) || again.UsedFrom != c.UsedFrom {
		t.Errorf("its last use was %v from %q", again.UsedAt, again.UsedFrom)
	}
}

func TestNoUseIsLostOrCountedTwiceWhileItIsWritten(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.exec(`PRAGMA synchronous = OFF`)
	keys := []string{f.key("Alpha"), f.key("Bravo")}
	const workers, each = 16, 200
	var verifying, writing sync.WaitGroup
	stop := make(chan struct{})
	writing.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			ctx, cancel := context.WithCancel(f.ctx)
			if i%3 == 0 {
				cancel()
			}
			_ = f.s.WriteUses(ctx)
			cancel()
		}
	})
	for range workers {
		verifying.Go(func() {
			for i := range each {
				if _, ok, err := f.s.Verify(f.ctx, keys[i%2], ip); err != nil || !ok {
					t.Errorf("%v, %v", ok, err)
					return
				}
			}
		})
	}
	verifying.Wait()
	close(stop)
	writing.Wait()
	f.must(f.s.WriteUses(f.ctx))
	if got := f.number(`SELECT sum(count) FROM usage`); got != workers*each {
		t.Errorf("%d uses were counted, want %d", got, workers*each)
	}
}

func TestUsesAreCountedADayAndKeptWhenTheyCannotBeWritten(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	by := f.in("abe", "Acme")
	key := f.key("Alpha")
	for range 3 {
		f.opens(key)
	}
	keys, err := f.s.Credentials(f.ctx, by, f.ids["Alpha"])
	f.must(err)
	if !keys[0].UsedAt.Equal(f.s.Now()) || keys[0].UsedFrom != ip {
		t.Errorf("before it is written its last use is %v from %q", keys[0].UsedAt, keys[0].UsedFrom)
	}
	cancelled, cancel := context.WithCancel(f.ctx)
	cancel()
	if err := f.s.WriteUses(cancelled); err == nil {
		t.Error("it was written without a transaction")
	}
	f.must(f.s.WriteUses(f.ctx))
	f.pass(24 * time.Hour)
	f.opens(key)
	f.must(f.s.WriteUses(f.ctx))
	f.must(f.s.WriteUses(f.ctx))
	use, err := f.s.Usage(f.ctx, by, f.ids["Alpha"], f.ids["Alpha key"])
	f.must(err)
	if n := len(use); n != portal.UsageDays || use[n-1].Count != 1 || use[n-2].Count != 3 || use[n-3].Count != 0 {
		t.Errorf("the last days are %+v", use[max(0, n-3):])
	}
	if all, err := f.s.OrgUsage(f.ctx, by); err != nil || all[len(all)-2].Count != 3 {
		t.Errorf("the organization's: %v", err)
	}
}
