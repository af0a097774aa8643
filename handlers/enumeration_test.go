package handlers

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"portico/portal"
)

// apart is how far two samples are apart by their ranks, in standard deviations
// (Mann and Whitney): beyond 3.29 the same source gives them once in a thousand times.
func apart(a, b []time.Duration) float64 {
	type sample struct {
		took time.Duration
		ofA  bool
	}
	var all []sample
	for _, d := range a {
		all = append(all, sample{d, true})
	}
	for _, d := range b {
		all = append(all, sample{d, false})
	}
	slices.SortFunc(all, func(x, y sample) int { return int(x.took - y.took) })
	ranks, ties := 0.0, 0.0
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].took == all[i].took {
			j++
		}
		for _, s := range all[i:j] {
			if s.ofA {
				ranks += float64(i+j+1) / 2
			}
		}
		n := float64(j - i)
		ties += n*n*n - n
		i = j
	}
	na, nb := float64(len(a)), float64(len(b))
	n := na + nb
	u := ranks - na*(na+1)/2
	return math.Abs(u-na*nb/2) / math.Sqrt(na*nb/12*(n+1-ties/(n*(n-1))))
}

// ofOneSource is how far apart samples may be at a chance of one in a thousand.
const ofOneSource = 3.2905

func TestTheRankTestTellsSamplesApart(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	samples := func(more time.Duration) (all []time.Duration) {
		for range 300 {
			all = append(all, time.Duration(random.NormFloat64()*1000)*time.Microsecond+more)
		}
		return all
	}
	if z := apart(samples(0), samples(0)); z > ofOneSource {
		t.Errorf("one source is told apart: %.2f", z)
	}
	if z := apart(samples(0), samples(500*time.Microsecond)); z < ofOneSource {
		t.Errorf("half a deviation is not told apart: %.2f", z)
	}
	if z := apart([]time.Duration{1, 2, 3}, []time.Duration{4, 5, 6}); math.Abs(z-1.964) > 0.001 {
		t.Errorf("got %.4f, want 1.964", z)
	}
}

// TestTheTimeOfAnAnswerTellsNoAddress_ENUM_01_ENUM_02_ENUM_03 takes 300 samples of a
// known and of an unknown address in its long form, in random order; the short form
// only goes the same ways.
func TestTheTimeOfAnAnswerTellsNoAddress_ENUM_01_ENUM_02_ENUM_03(t *testing.T) {
	w := newWorld(t)
	w.store.Asked = func(context.Context) error { return nil } // another does it
	links := map[string]string{}
	for _, who := range []string{"stan", "xeno"} {
		w.invite("ann", "Acme", who, portal.TeamMember)
		links[who] = "/invitations/" + w.link(who, portal.Copied)
	}
	tried, held := 0, 0
	defer func() {
		if !long() {
			return
		}
		t.Attr("faults", fmt.Sprintf("%s|%d|%d", "addresses told from unknown ones by the time it takes", tried, held))
	}()
	rounds := 10
	if long() {
		rounds = 300
	}
	for name, ask := range map[string]func(who string) int{
		"signing in": func(who string) int {
			return w.browser("").post("/login", p("email", address(who), "password", "wrong")).status
		},
		"registering": func(who string) int {
			return w.browser("").post("/register", p("first_name", "New", "last_name", "Comer", "email", address(who), "password", newPassword)).status
		},
		"forgetting the password": func(who string) int {
			return w.browser("").post("/forgot-password", p("email", address(who))).status
		},
		"opening a copied link": func(who string) int {
			return w.browser("").get(links[who]).status
		},
	} {
		took := map[string][]time.Duration{}
		whose := slices.Concat(slices.Repeat([]string{"stan"}, rounds+10), slices.Repeat([]string{"xeno"}, rounds+10))
		rand.Shuffle(len(whose), func(i, j int) { whose[i], whose[j] = whose[j], whose[i] })
		status := 0
		for _, who := range whose {
			w.exec(`DELETE FROM limit_events`)
			w.exec(`DELETE FROM asks`)
			began := time.Now()
			got := ask(who)
			took[who] = append(took[who], time.Since(began))
			if status == 0 {
				status = got
			}
			if got != status {
				t.Fatalf("%s: %d and %d", name, status, got)
			}
		}
		z := apart(took["stan"][10:], took["xeno"][10:]) // the first ones warm things up
		t.Logf("%s: %.2f", name, z)
		if !long() {
			continue
		}
		if tried++; z < ofOneSource {
			held++
		} else {
			t.Errorf("%s: the time tells a known from an unknown address: %.2f, may be %.2f", name, z, ofOneSource)
		}
	}
}
