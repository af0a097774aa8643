package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"portico/e2e/load"
)

// job is one thing that is done over and over again.
type job struct {
	name        string
	connections int
	yardstick   string
	next        func(w, i int) load.Ask // of Portico
	beside      func(w, i int) load.Ask // of a yardstick that is asked over HTTP
	least       float64                 // the ratio of requests a second that is the goal; 0: only printed
	worst       float64                 // the ratio of p99 that is the goal, if any
	grows       float64                 // MiB that the process may grow by at most, if any

	rounds, measure []load.Seen
	grew            float64 // MiB, at most in a round
}

// bench is one portal with its data and yardsticks.
type bench struct {
	dir        string
	binary     string
	portico    *load.Process
	yardsticks map[string]*load.Process
	data       *data
	short      bool
	turn       atomic.Int64 // of what is taken one after the other
}

func (b *bench) stop() {
	if b.portico != nil {
		b.portico.Stop()
	}
	for _, y := range b.yardsticks {
		y.Stop()
	}
}

const password = "correct horse battery staple"

// open builds the program, makes a portal, and fills it.
func open(dir, binary string, organizations int, short bool) (*bench, error) {
	b := &bench{dir: dir, binary: binary, yardsticks: map[string]*load.Process{}, short: short}
	folder := filepath.Join(dir, "data")
	admin := exec.Command(binary, "admin", "create", "--data", folder, "--email", "ada@portal.example", "--first-name", "Ada", "--last-name", "Admin")
	admin.Stdin = strings.NewReader(password + "\n")
	if out, err := admin.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make an admin: %w: %s", err, out)
	}
	path := filepath.Join(folder, "portico.db")
	var err error
	if b.data, err = fill(path, organizations); err != nil {
		return nil, fmt.Errorf("fill: %w", err)
	}
	if b.portico, err = load.Start(binary, "serve", "--data", folder, "--listen", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	for name, at := range map[string]string{"bare": dir, "floor": path, "commit": dir, "hash": dir} {
		if b.yardsticks[name], err = load.Start(self, yardstickWord, name, at); err != nil {
			b.stop()
			return nil, err
		}
	}
	return b, nil
}

// get is a request for a page by who holds the cookie.
func (b *bench) get(path, cookie, marker string, headers ...string) load.Ask {
	raw := "GET " + path + " HTTP/1.1\r\nHost: localhost:" + b.portico.Port() + "\r\nCookie: portico=" + cookie + "\r\n" + strings.Join(headers, "") + "\r\n"
	return load.Ask{Raw: []byte(raw), Status: "200", Marker: marker}
}

func (b *bench) post(path, cookie string, form url.Values, status, marker string) load.Ask {
	body, host := form.Encode(), "localhost:"+b.portico.Port()
	raw := "POST " + path + " HTTP/1.1\r\nHost: " + host + "\r\nOrigin: http://" + host + "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: " +
		strconv.Itoa(len(body)) + "\r\n"
	if cookie != "" {
		raw += "Cookie: portico=" + cookie + "\r\n"
	}
	return load.Ask{Raw: []byte(raw + "\r\n" + body), Status: status, Marker: marker}
}

func plain(path, marker string, headers ...string) load.Ask {
	return load.Ask{Raw: []byte("GET " + path + " HTTP/1.1\r\nHost: floor\r\n" + strings.Join(headers, "") + "\r\n"), Status: "200", Marker: marker}
}

const (
	isPart  = "HX-Request: true\r\nHX-Target: results\r\n"
	isTyped = "HX-Current-URL: http://localhost/admin/organizations?state=active\r\n"
)

// looked is how many organizations are looked at, in turn.
func (b *bench) looked() int { return min(sessions, b.data.organizations) }

// jobs are those of the first eight goals.
func (b *bench) jobs() ([]*job, error) {
	d := b.data
	users := func(headers ...string) func(w, i int) load.Ask {
		return func(int, int) load.Ask {
			n := int(b.turn.Add(1)) % b.looked()
			return b.get("/o/"+orgID(n)+"/users", d.cookies[n], fmt.Sprintf("p%d@firm%d.example", n*10%(d.organizations*10), n), headers...)
		}
	}
	usersFloor := func(headers ...string) func(w, i int) load.Ask {
		return func(int, int) load.Ask {
			n := int(b.turn.Add(1)) % b.looked()
			return plain(fmt.Sprintf("/users/%d", n+1), fmt.Sprintf("p%d@firm%d.example", n*10%(d.organizations*10), n), headers...)
		}
	}
	list := func(after string, first int, headers ...string) (of, beside func(w, i int) load.Ask) {
		path := "/admin/organizations?state=active"
		if after != "" {
			path += "&after=" + after
		}
		marker := orgID(first - 1)
		return func(int, int) load.Ask { return b.get(path, d.adminCookie, marker, headers...) },
			func(int, int) load.Ask { return plain(fmt.Sprintf("/organizations/%d", first+1), marker, headers...) }
	}
	deep := min(10_000, d.organizations-2*pageRows)
	after, err := b.cursor(deep)
	if err != nil {
		return nil, err
	}
	first, firstFloor := list("", d.organizations)
	far, farFloor := list(after, d.organizations-deep)
	part, partFloor := list("", d.organizations, isPart)
	search := func(int, int) load.Ask {
		group := rand.IntN(d.organizations / pageRows)
		word := strings.ToLower(orgWord(group * pageRows))
		return b.get("/admin/organizations?state=active&q="+word, d.adminCookie, orgID(group*pageRows))
	}
	searchFloor := func(int, int) load.Ask {
		group := rand.IntN(d.organizations / pageRows)
		return plain(fmt.Sprintf("/organizations/%d?q=%s", (group+1)*pageRows+1, strings.ToLower(orgWord(group*pageRows))), orgID(group*pageRows))
	}
	signIn := func(int, int) load.Ask {
		n := rand.IntN(d.organizations * 10)
		return b.post("/login", "", url.Values{"email": {fmt.Sprintf("p%d@firm%d.example", n, n/10)}, "password": {password}}, "303", "portico=")
	}
	invite := func(int, int) load.Ask {
		n := int(b.turn.Add(1))
		org := n % b.looked()
		return b.post("/o/"+orgID(org)+"/invitations", d.cookies[org], url.Values{"first_name": {"Ivy"}, "last_name": {"Invited"},
			"email": {fmt.Sprintf("ivy%d@invited.example", n)}, "role": {"team_member"}}, "303", "/users")
	}
	approve := func(_, i int) load.Ask {
		return b.post("/admin/organizations/"+d.pending[i]+"/approval", d.adminCookie, url.Values{"name": {fmt.Sprintf("Harbour %d", i)}}, "303", "")
	}
	verify := func(int, int) load.Ask {
		return load.Ask{Raw: []byte("GET /verify HTTP/1.1\r\nHost: gateway\r\nX-API-Key: " + d.keys[rand.IntN(len(d.keys))] + "\r\n\r\n"), Status: "204"}
	}
	return []*job{
		{name: "Users tab", connections: 2, yardstick: "floor", next: users(), beside: usersFloor(), least: 0.8},
		{name: "Users tab", connections: 32, yardstick: "floor", next: users(), beside: usersFloor(), least: 0.8},
		{name: "Organizations, first page", connections: 2, yardstick: "floor", next: first, beside: firstFloor, least: 0.8},
		{name: fmt.Sprintf("Organizations, %d rows on", deep), connections: 2, yardstick: "floor", next: far, beside: farFloor, least: 0.8},
		{name: "search organizations", connections: 2, yardstick: "floor", next: search, beside: searchFloor, least: 0.5},
		{name: "part: Users tab", connections: 2, yardstick: "floor", next: users(isPart), beside: usersFloor(isPart), least: 0.9},
		{name: "part: Organizations", connections: 2, yardstick: "floor", next: part, beside: partFloor, least: 0.9},
		{name: "sign in", connections: 2, yardstick: "hash", next: signIn, least: 0.9},
		{name: "sign in", connections: 32, yardstick: "hash", next: signIn, grows: 100},
		{name: "invite", connections: 2, yardstick: "commit", next: invite, least: 0.6},
		{name: "invite", connections: 32, yardstick: "commit", next: invite, least: 1.5},
		{name: "approve", connections: 1, yardstick: "commit", next: approve, least: 0.4},
		{name: "verify", connections: 32, yardstick: "bare", next: verify, beside: verify, least: 0.8, worst: 1.5},
	}, nil
}

var nextLink = regexp.MustCompile(`after=([A-Za-z0-9_%-]+)`)

// cursor walks so many rows down the list of organizations, as a reader would.
func (b *bench) cursor(rows int) (string, error) {
	after := ""
	c, err := load.Dial(b.portico.Addr)
	if err != nil {
		return "", err
	}
	defer c.Close()
	for range rows / pageRows {
		path := "/admin/organizations?state=active"
		if after != "" {
			path += "&after=" + after
		}
		if err := c.Do(b.get(path, b.data.adminCookie, "")); err != nil {
			return "", err
		}
		found := nextLink.FindSubmatch(c.Body)
		if found == nil {
			return "", errors.New("the list of organizations has no next page")
		}
		after = string(found[1])
	}
	return after, nil
}

// once does a job for a while.
func (b *bench) once(j *job, length time.Duration) load.Seen {
	until := time.Now().Add(length)
	var taken atomic.Int64
	return load.Drive(b.portico.Addr, j.connections, func(w, _ int) (load.Ask, bool) {
		i := int(taken.Add(1)) - 1
		if !time.Now().Before(until) || j.name == "approve" && i >= len(b.data.pending) {
			return load.Ask{}, false
		}
		return j.next(w, i), true
	})
}

// beside does a job's yardstick for a while.
func (b *bench) beside(j *job, length time.Duration) load.Seen {
	y := b.yardsticks[j.yardstick]
	if j.beside != nil {
		until := time.Now().Add(length)
		return load.Drive(y.Addr, j.connections, func(w, i int) (load.Ask, bool) { return j.beside(w, i), time.Now().Before(until) })
	}
	answer, err := http.Get("http://" + y.Addr + "/?ms=" + strconv.FormatInt(length.Milliseconds(), 10))
	if err != nil {
		return load.Seen{Errors: 1, Err: err}
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return load.Seen{Errors: 1, Err: err}
	}
	perSecond, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return load.Seen{Errors: 1, Err: err}
	}
	return load.Seen{PerSecond: perSecond}
}

func median(all []load.Seen, of func(load.Seen) float64) float64 {
	sorted := spread(all, of)
	return sorted[len(sorted)/2]
}

func spread(all []load.Seen, of func(load.Seen) float64) []float64 {
	var values []float64
	for _, s := range all {
		values = append(values, of(s))
	}
	slices.Sort(values)
	return values
}

func perSecond(s load.Seen) float64 { return s.PerSecond }
func p50(s load.Seen) float64       { return s.P50 }
func p99(s load.Seen) float64       { return s.P99 }

const line = "%-28s %5s %10s %9s %9s  %-7s %10s  %-24s %-9s %s\n"

// table prints the rows, and reports whether all goals are met.
func table(jobs []*job) bool {
	fmt.Printf(line, "job", "conns", "requests/s", "p50 µs", "p99 µs", "beside", "requests/s", "ratio (least to most)", "goal", "")
	all := true
	row := func(j *job, name string, ratios []float64, goal string, meets func(middle float64) bool) {
		slices.Sort(ratios)
		middle, word := ratios[len(ratios)/2], "ok"
		errs := 0
		var err error
		for _, s := range append(slices.Clone(j.rounds), j.measure...) {
			errs += s.Errors
			if s.Err != nil {
				err = s.Err
			}
		}
		if errs > 0 {
			fmt.Printf("%s: %d errors, one of them: %v\n", name, errs, err)
		}
		if errs > 0 || !meets(middle) {
			word, all = "short", false
		}
		fmt.Printf(line, name, strconv.Itoa(j.connections), whole(median(j.rounds, perSecond)), whole(median(j.rounds, p50)), whole(median(j.rounds, p99)),
			j.yardstick, whole(median(j.measure, perSecond)), fmt.Sprintf("%.2f (%.2f to %.2f)", middle, ratios[0], ratios[len(ratios)-1]), goal, word)
	}
	ratios := func(j *job, of func(load.Seen) float64) (all []float64) {
		for i := range j.rounds {
			all = append(all, of(j.rounds[i])/of(j.measure[i]))
		}
		return all
	}
	for _, j := range jobs {
		if j.grows > 0 {
			row(j, j.name, ratios(j, perSecond), fmt.Sprintf("+%.0f MiB", j.grows), func(float64) bool { return j.grew <= j.grows })
		} else {
			row(j, j.name, ratios(j, perSecond), fmt.Sprintf(">= %.2f", j.least), func(x float64) bool { return x >= j.least })
		}
		if j.worst > 0 {
			row(j, j.name+", p99", ratios(j, p99), fmt.Sprintf("<= %.2f", j.worst), func(x float64) bool { return x <= j.worst })
		}
	}
	return all
}

func whole(x float64) string {
	if x == 0 {
		return "-"
	}
	return strconv.FormatFloat(x, 'f', 0, 64)
}

func run(organizations int, short bool) (bool, error) {
	rounds, length := 5, 2*time.Second
	if short {
		rounds, length = 5, 250*time.Millisecond
	}
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "portico")
	if out, err := exec.Command("go", "build", "-o", binary, "portico").CombinedOutput(); err != nil {
		return false, fmt.Errorf("build: %w\n%s", err, out)
	}
	begun := time.Now()
	b, err := open(dir, binary, organizations, short)
	if err != nil {
		return false, err
	}
	defer b.stop()
	jobs, err := b.jobs()
	if err != nil {
		return false, err
	}
	fmt.Printf("%d organizations, %d people, %d credentials; filled in %s; %d rounds of %s a job\n", organizations, organizations*10, credentials,
		time.Since(begun).Round(time.Second), rounds, length)
	for n := range rounds {
		for i, j := range jobs {
			if err := b.data.again(); err != nil {
				return false, err
			}
			b.portico.ForgetMost()
			before, _ := b.portico.Memory()
			if (n+i)%2 == 0 { // each goes first in every second round
				j.rounds, j.measure = append(j.rounds, b.once(j, length)), append(j.measure, b.beside(j, length))
			} else {
				j.measure, j.rounds = append(j.measure, b.beside(j, length)), append(j.rounds, b.once(j, length))
			}
			_, most := b.portico.Memory()
			j.grew = max(j.grew, most-before)
		}
	}
	ok := table(jobs)
	now, most := b.portico.Memory()
	fmt.Printf("memory (RSS) after the run: %.0f MiB; %.0f at most in the last job\n", now, most)
	return ok, nil
}
