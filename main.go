// Portico is the place where other companies' developers come to get at your
// API: they register their organization, invite teammates, decide who may do
// what, and share their applications' credentials.
package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/net/idna"
	"golang.org/x/term"

	"portico/db"
	"portico/handlers"
	"portico/mail"
	"portico/portal"
)

// flags are the flags of all commands. The command line comes before the
// environment, and that before the default.
type flags struct {
	Listen         string `env:"PORTICO_LISTEN" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address to listen on (${default})."`
	Data           string `env:"PORTICO_DATA" placeholder:"FOLDER" help:"Folder of the database and the instance key (./data)."`
	BaseURL        string `name:"base-url" env:"PORTICO_BASE_URL" placeholder:"URL" help:"The address people use; links in mails begin with it (http://localhost: and the port)."`
	SMTPURL        string `name:"smtp-url" env:"PORTICO_SMTP_URL" placeholder:"URL" help:"Mail server, as smtp://user:password@host:587 or smtps://host:465. Without one, mail is kept."`
	MailFrom       string `env:"PORTICO_MAIL_FROM" placeholder:"ADDRESS" help:"Sender of mails (Portico <portico@localhost>)."`
	TrustedProxies string `env:"PORTICO_TRUSTED_PROXIES" placeholder:"NETWORKS" help:"Addresses or networks, with commas between, of proxies whose X-Forwarded-For is believed."`
	LogFormat      string `env:"PORTICO_LOG_FORMAT" enum:"text,json" default:"text" placeholder:"FORMAT" help:"text or json."`
}

type commands struct {
	flags
	Serve   serveCommand   `cmd:"" default:"1" help:"Run the portal (the default command)."`
	Demo    demoCommand    `cmd:"" help:"Run a throw-away, filled portal with a mailbox of its own."`
	Admin   adminCommand   `cmd:"" help:"Portal admins."`
	Key     keyCommand     `cmd:"" help:"The key that credentials are encrypted with."`
	Audit   auditCommand   `cmd:"" help:"The audit log."`
	Backup  backupCommand  `cmd:"" help:"Write a copy of the database to a file, also while the portal runs. instance.key is not in it."`
	Restore restoreCommand `cmd:"" help:"Put a backup in the place of the database, which is kept. The portal must not be running."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

type auditCommand struct {
	Verify auditVerifyCommand `cmd:"" help:"Check that no entry of the audit log was changed or removed, also while the portal runs."`
}

type auditVerifyCommand struct {
	Seen string `placeholder:"ENTRY:HASH" help:"The end that was printed at an earlier time: it must still be there."`
}

// end reads what was kept of an earlier time.
func (c auditVerifyCommand) end() (end db.ChainEnd, err error) {
	if c.Seen == "" {
		return end, nil
	}
	id, hash, _ := strings.Cut(c.Seen, ":")
	if end.ID, err = strconv.ParseInt(id, 10, 64); err == nil {
		end.Hash, err = hex.DecodeString(hash)
	}
	if err != nil || end.ID < 1 || len(hash) != 64 {
		return end, fmt.Errorf("--seen: %q is no end like 123:09af…, as audit verify prints it", c.Seen)
	}
	return end, nil
}

// Run checks the chain of the audit log and names the first entry that is broken.
func (c auditVerifyCommand) Run(f *flags) error {
	seen, err := c.end()
	if err != nil {
		return err
	}
	if err := f.existing(); err != nil {
		return err
	}
	ctx := context.Background()
	store, err := db.Open(ctx, f.data(), db.Options{Beside: true, Log: f.log()})
	if err != nil {
		return fmt.Errorf("the data folder %s cannot be used: %w", f.data(), err)
	}
	defer store.Close()
	end, err := store.VerifyAudit(ctx, seen)
	if err != nil {
		return err
	}
	if end.Entries == 0 {
		fmt.Println("The audit log is empty.")
		return nil
	}
	fmt.Printf("The audit log is whole. Entries: %d, the newest of %s.\nIts end: %d:%x\n", end.Entries, end.At.Format("2 January 2006 15:04:05 UTC"), end.ID, end.Hash)
	return nil
}

type backupCommand struct {
	File      string `arg:"" help:"Where to write it."`
	Overwrite bool   `help:"Replace the file if it is there already."`
}

// Run writes a backup beside a portal that may go on writing.
func (c backupCommand) Run(f *flags) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	size, err := db.Backup(ctx, f.data(), c.File, c.Overwrite)
	if err != nil {
		return err
	}
	fmt.Printf("Wrote the database as it is now to %s (%d bytes).\n", c.File, size)
	fmt.Printf("The key is not in it. No backup can be restored without it: keep a copy of %s too, apart from the backups.\n", filepath.Join(f.data(), "instance.key"))
	return nil
}

type restoreCommand struct {
	File string `arg:"" help:"What portico backup has written. It stays as it is."`
}

// Run puts a backup in the place of the database and says what that means.
func (c restoreCommand) Run(f *flags) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := db.Folder(f.data()); err != nil {
		return err
	}
	lock, err := db.Lock(f.data())
	if err != nil {
		return err
	}
	defer lock.Close()
	done, err := db.Restore(ctx, f.data(), c.File, db.Options{})
	if err != nil {
		return err
	}
	fmt.Printf("Restored %s. The last thing noted in it is of %s.\n", c.File, done.Until.Format("2 January 2006 15:04:05 UTC"))
	if done.Kept != "" {
		fmt.Printf("The database of before is kept as %s.\n", done.Kept)
	}
	fmt.Println("Everybody is signed out, and all links sent or copied before have ended.")
	if done.Mails > 0 {
		fmt.Printf("Mails that waited when the backup was made, and may have been sent since, are held under Emails > Failed: %d.\n", done.Mails)
	}
	fmt.Println("What was revoked, removed or changed after the backup is as it was before that: see to it again.")
	return nil
}

type adminCommand struct {
	Create adminCreateCommand `cmd:"" help:"Make a portal admin. The password is read from standard input, or asked for."`
}

type keyCommand struct {
	Rotate keyRotateCommand `cmd:"" help:"Encrypt all that is encrypted under a new key. The portal must not be running."`
}

type keyRotateCommand struct{}

// Run encrypts credentials, second factors and the mail server's password under a
// new key. Killed half way, it goes on where
// it stopped when it is run again.
func (keyRotateCommand) Run(f *flags) error {
	if err := f.existing(); err != nil {
		return err
	}
	lock, err := db.Lock(f.data())
	if err != nil {
		return err
	}
	defer lock.Close()
	n, err := db.RotateKey(context.Background(), f.data())
	if err != nil {
		return err
	}
	fmt.Printf("Encrypted %d credentials under a new key. Make a new copy of instance.key.\n", n)
	return nil
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run() error {
	fmt.Println("portico", version())
	return nil
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

const (
	defaultData = "./data"
	defaultFrom = "Portico <portico@localhost>"
)

func main() {
	syscall.Umask(0o077) // nothing that Portico writes is for others to read
	var c commands
	parser := kong.Must(&c, kong.Name("portico"), kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Description("A place for other companies' developers to get at your API."))
	run, err := parser.Parse(os.Args[1:])
	parser.FatalIfErrorf(err)
	if err = unknownVariable(os.Environ()); err == nil {
		err = run.Run(&c.flags)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "portico: "+err.Error())
		os.Exit(1)
	}
}

var variables = []string{"PORTICO_LISTEN", "PORTICO_DATA", "PORTICO_BASE_URL", "PORTICO_SMTP_URL", "PORTICO_MAIL_FROM",
	"PORTICO_TRUSTED_PROXIES", "PORTICO_LOG_FORMAT"}

// unknownVariable names the first PORTICO_ variable that nothing reads, so that a
// misspelt one is not passed over in silence. Kubernetes injects some for a
// service called portico; those are left alone.
func unknownVariable(environ []string) error {
	for _, line := range environ {
		name, _, _ := strings.Cut(line, "=")
		if !strings.HasPrefix(name, "PORTICO_") || strings.HasPrefix(name, "PORTICO_PORT") || strings.HasPrefix(name, "PORTICO_SERVICE_") {
			continue
		}
		nearest, least, known := "", 1<<30, false
		for _, v := range variables {
			if d := distance(name, v); d < least {
				nearest, least = v, d
			}
			known = known || name == v
		}
		if !known {
			return fmt.Errorf("the environment has %s, which Portico does not know. Did you mean %s?", name, nearest)
		}
	}
	return nil
}

// distance is how many letters to insert, remove or replace to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			before, row[j+1] = row[j+1], min(before+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func (f *flags) data() string {
	if f.Data == "" {
		return filepath.Clean(defaultData)
	}
	return f.Data
}

// existing refuses a data folder without a database, for commands that make none.
func (f *flags) existing() error {
	if _, err := os.Stat(filepath.Join(f.data(), "portico.db")); err != nil {
		return fmt.Errorf("there is no database in %s", f.data())
	}
	return nil
}

func (f *flags) log() *slog.Logger {
	if f.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, nil))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, nil))
}

// smtp is what the flags say of mail.
func (f *flags) smtp() (portal.SMTPConfig, error) {
	c := portal.SMTPConfig{URL: f.SMTPURL, From: f.MailFrom, ByFlags: f.SMTPURL != "", FromFlag: f.MailFrom != ""}
	if c.From == "" {
		c.From = defaultFrom
	}
	if c.URL != "" {
		if _, err := mail.ParseURL(c.URL); err != nil {
			return c, fmt.Errorf("--smtp-url: %w", err)
		}
	}
	if err := mail.CheckSender(c.From); err != nil {
		return c, fmt.Errorf("--mail-from: %q is no sender like Portico <portal@example.com>", c.From)
	}
	return c, nil
}

func (f *flags) proxies() ([]string, error) {
	var all []string
	for _, text := range strings.FieldsFunc(f.TrustedProxies, func(r rune) bool { return r == ',' || r == ' ' }) {
		_, addrErr := netip.ParseAddr(text)
		_, netErr := netip.ParsePrefix(text)
		if addrErr != nil && netErr != nil {
			return nil, fmt.Errorf("--trusted-proxies: %q is neither an address nor a network like 10.0.0.0/8", text)
		}
		all = append(all, text)
	}
	return all, nil
}

// base is the address people use. bound is where the portal really listens.
func (f *flags) base(bound net.Addr, host string) (*url.URL, error) {
	text := f.BaseURL
	if text == "" {
		text = fmt.Sprintf("http://%s:%d", host, bound.(*net.TCPAddr).Port)
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery || u.User != nil || u.Fragment != "" {
		return nil, fmt.Errorf("--base-url: %q is no address like https://portal.example.com", text)
	}
	// As browsers say it: in ASCII and small letters, without the default port.
	name, port := strings.ToLower(u.Hostname()), u.Port()
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	} else if name, err = hostNames.ToASCII(name); err != nil || name == "" {
		return nil, fmt.Errorf("--base-url: %q names no host like portal.example.com", text)
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) || strings.ContainsAny(name, "\"#%/<>?@\\^`{|}") {
		return nil, fmt.Errorf("--base-url: %q names no host like portal.example.com", text)
	}
	if port != "" && port != map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		name += ":" + port
	}
	return &url.URL{Scheme: u.Scheme, Host: name}, nil
}

// hostNames reads names of hosts as browsers do, which let more pass than what may
// be registered: underscores, too.
var hostNames = idna.New(idna.MapForLookup(), idna.StrictDomainName(false))

// portico is a running portal: what serve and demo share.
type portico struct {
	store  *db.Store
	log    *slog.Logger
	base   *url.URL
	listen net.Listener
	demo   *handlers.Demo // nil but in the demo
}

// open takes the data folder for this process and opens what is in it.
func (f *flags) open(ctx context.Context, dir string) (*db.Store, *os.File, error) {
	if err := db.Folder(dir); err != nil {
		return nil, nil, err
	}
	lock, err := db.Lock(dir)
	if err != nil {
		return nil, nil, err
	}
	store, err := db.Open(ctx, dir, db.Options{Log: f.log()})
	if err != nil {
		_ = lock.Close()
		return nil, nil, fmt.Errorf("the data folder %s cannot be used: %w", dir, err)
	}
	return store, lock, nil
}

type serveCommand struct{}

// Run serves the portal until it is told to stop.
func (serveCommand) Run(f *flags) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	smtp, err := f.smtp()
	if err != nil {
		return err
	}
	l, err := listen(f.Listen)
	if err != nil {
		return err
	}
	defer l.Close()
	base, err := f.base(l.Addr(), "localhost")
	if err != nil {
		return err
	}
	store, lock, err := f.open(ctx, f.data())
	if err != nil {
		return err
	}
	defer lock.Close()
	defer store.Close()
	store.SMTP = smtp
	store.Subject = subjects(base)
	fmt.Printf("Portico is listening on http://%s\n", l.Addr())
	exists, err := store.HasAdmin(context.WithoutCancel(ctx)) // told to stop by now, it stops in good order
	if err != nil {
		return err
	}
	if exists {
		fmt.Printf("Open %s\n", base)
	} else {
		fmt.Printf("People open %s\n", base)
		fmt.Printf("There is no portal admin yet. Make the first one here; the address works once:\n%s\n", handlers.SetupURL(base.String(), store.Links()))
	}
	return f.run(ctx, portico{store: store, listen: l, base: base, log: f.log()})
}

// stopTimeout is how long requests may take to end when the portal stops.
const stopTimeout = 8 * time.Second

// run serves until ctx ends, then lets what is under way end.
func (f *flags) run(ctx context.Context, p portico) error {
	proxies, err := f.proxies()
	if err != nil {
		return err
	}
	if p.base.Scheme == "http" && !isLoopback(p.base.Hostname()) {
		p.log.Warn("passwords and sessions cross the network unprotected: put a proxy with TLS in front and set --base-url to its https address", "base", p.base.String())
	}
	worker := &mail.Worker{Outbox: p.store, Base: p.base.String(), Log: p.log, Now: p.store.Now}
	var aliases []string
	if p.demo != nil {
		worker.NewSender = func(portal.SMTPConfig) (mail.Sender, error) { return p.demo.Mailbox, nil }
		aliases = []string{"localhost:" + p.base.Port()}
	}
	p.store.Wake = worker.Wake
	working, stopWorking := context.WithCancel(context.Background())
	var workers sync.WaitGroup
	workers.Go(func() { worker.Run(working) })
	workers.Go(func() { every(working, tidyEvery, p.log, "tidy", p.store.Tidy) })
	workers.Go(func() { every(working, remindEvery, p.log, "remind", p.store.Remind) })
	workers.Go(func() { every(working, usesEvery, p.log, "write uses", p.store.WriteUses) })
	p.store.Asked = func(ctx context.Context) error {
		even := time.NewTimer(askTime)
		defer even.Stop()
		if err := p.store.AnswerAsks(ctx); err != nil {
			p.log.Error("answer", "error", err) // it is noted, and tried again
		}
		<-even.C
		return nil
	}
	workers.Go(func() { every(working, asksEvery, p.log, "answer", p.store.AnswerAsks) })
	app := handlers.New(handlers.Config{
		Store: p.store, Base: p.base, Aliases: aliases, Log: p.log, TrustedProxies: proxies, WorkerAlive: worker.Alive, Demo: p.demo, Stop: ctx.Done(),
		TryMail: func(ctx context.Context, c portal.SMTPConfig, m portal.Mail) error {
			if p.demo != nil {
				return deliver(ctx, p.demo.Mailbox, c, m, p.base.String(), p.store.Now())
			}
			return mail.Try(ctx, c, m, p.base.String(), p.store.Now())
		},
	})
	served := make(chan error, 1)
	go func() { served <- app.Listener(p.listen) }()
	select {
	case err = <-served:
	case <-ctx.Done():
		if stopErr := app.ShutdownWithTimeout(stopTimeout); stopErr != nil {
			p.log.Warn("some requests were cut off", "error", stopErr)
		}
	}
	stopWorking()
	workers.Wait()
	return errors.Join(err, p.store.WriteUses(context.Background()), p.store.FoldUses(context.Background()))
}

// subjects gives mails that are queued their subject.
func subjects(base *url.URL) func(portal.Mail) string {
	return func(m portal.Mail) string { return mail.Subject(m, base.String()) }
}

// deliver puts a mail into the demo's mailbox at once.
func deliver(ctx context.Context, box *mail.Mailbox, c portal.SMTPConfig, m portal.Mail, base string, now time.Time) error {
	msg, err := mail.Render(m, base+m.LinkTo.Path, base)
	if err != nil {
		return err
	}
	raw, err := mail.Build(c.From, m, msg, now, "<"+m.PublicID+"@portico.example>")
	if err != nil {
		return err
	}
	return box.Send(ctx, c.From, m.To, raw)
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// How often ended sessions and old limit events are removed, reminders of
// expiring keys are looked for, and uses of keys are written down: a process that
// is killed loses no more than the last ones.
const (
	tidyEvery   = time.Hour
	remindEvery = 10 * time.Minute
	usesEvery   = 4 * time.Second
	asksEvery   = 10 * time.Second // what could not be answered at once
)

// askTime is how long what somebody asks for who is not signed in takes at least:
// more than it takes to make an account and to queue a mail, so that the time tells
// nothing of either. Who has registered finds the account made.
const askTime = 50 * time.Millisecond

// every does work now and then until ctx ends. What fails, or panics, is logged
// and tried again the next time.
func every(ctx context.Context, interval time.Duration, log *slog.Logger, name string, work func(context.Context) error) {
	once := func() (err error) {
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
			}
		}()
		return work(ctx)
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		if err := once(); err != nil && ctx.Err() == nil {
			log.Error(name, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

type demoCommand struct{}

// Run serves a portal that is filled anew each time and forgotten at the end.
func (demoCommand) Run(f *flags) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	l, err := listen(f.Listen)
	if err != nil {
		return err
	}
	defer l.Close()
	if !isLoopback(l.Addr().(*net.TCPAddr).IP.String()) {
		return fmt.Errorf("the demo lets everybody in as anybody, so it listens on this machine only: use --listen 127.0.0.1:%d", l.Addr().(*net.TCPAddr).Port)
	}
	base, err := f.base(l.Addr(), l.Addr().(*net.TCPAddr).IP.String())
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "portico-demo-")
	if err != nil {
		return fmt.Errorf("no room for the demo: %w", err)
	}
	defer os.RemoveAll(dir)
	store, lock, err := f.open(ctx, dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	defer store.Close()
	store.SMTP = portal.SMTPConfig{URL: "smtp://the-built-in-mailbox", From: "Portico <portico@portico.example>", ByFlags: true, FromFlag: true}
	store.Subject = subjects(base)
	people, err := store.FillDemo(ctx)
	if err != nil {
		return fmt.Errorf("fill the demo: %w", err)
	}
	demo := &handlers.Demo{Mailbox: &mail.Mailbox{}, Personas: []handlers.DemoPersona{
		{ID: "portal-admin", Label: "Portal admin", UserID: people.Admin, Path: func() string { return "/admin" }},
		{ID: "super-admin", Label: "Super admin", UserID: people.SuperAdmin, Path: func() string { return "/o/" + people.Org }},
		{ID: "team-member", Label: "Team member", UserID: people.TeamMember, Path: func() string { return "/o/" + people.Org }},
		{ID: "invitee", Label: "Invitee", Path: func() string { return people.Invitation.URL("", store.Links(), portal.Mailed) }},
	}}
	fmt.Printf("Portico is listening on http://%s\n", l.Addr())
	fmt.Printf("This is a demo: it is forgotten when you stop it with Ctrl-C.\nOpen %s\n", base)
	return f.run(ctx, portico{store: store, listen: l, base: base, log: f.log(), demo: demo})
}

type adminCreateCommand struct {
	Email     string `required:"" help:"Address of the admin."`
	FirstName string `required:"" help:"First name."`
	LastName  string `required:"" help:"Last name."`
}

// Run makes a portal admin, also while the portal runs.
func (c adminCreateCommand) Run(f *flags) error {
	ctx := context.Background()
	if err := db.Folder(f.data()); err != nil {
		return err
	}
	password, err := readPassword()
	if err != nil {
		return err
	}
	store, err := db.Open(ctx, f.data(), db.Options{Beside: true, Log: f.log()})
	if err != nil {
		return fmt.Errorf("the data folder %s cannot be used: %w", f.data(), err)
	}
	defer store.Close()
	err = store.CreateAdmin(ctx, portal.NewUser{First: c.FirstName, Last: c.LastName, Email: c.Email, Password: password})
	var refused *portal.Error
	if errors.As(err, &refused) && len(refused.Fields) > 0 {
		var all []string
		for _, field := range slices.Sorted(maps.Keys(refused.Fields)) {
			all = append(all, field+": "+refused.Fields[field])
		}
		return errors.New(strings.Join(all, " "))
	}
	if err != nil {
		return err
	}
	fmt.Printf("%s is a portal admin.\n", c.Email)
	return nil
}

// readPassword asks for a password, or reads one line where nobody can be asked.
func readPassword() (string, error) {
	if in := int(os.Stdin.Fd()); term.IsTerminal(in) {
		fmt.Fprint(os.Stderr, "Password: ")
		b, err := term.ReadPassword(in)
		fmt.Fprintln(os.Stderr)
		return string(b), err
	}
	line, err := bufio.NewReader(io.LimitReader(os.Stdin, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password from standard input: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

func listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use by another program: stop that one, or choose another address with --listen", address)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", address, err)
	}
	return l, nil
}
