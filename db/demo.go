package db

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"portico/portal"
)

// DemoPeople are those whom the demo can be viewed as.
type DemoPeople struct {
	Admin, SuperAdmin, TeamMember int64  // users
	Org                           string // public id of the active organization
	Invitation                    portal.MailLink
}

const demoPassword = "open the portico gate"

// FillDemo fills an empty portal with a month of life, by the same operations
// that people's forms call: an admin, organizations in every state,
// some twenty people, invitations, applications and credentials.
func (s *Store) FillDemo(ctx context.Context) (DemoPeople, error) {
	d := &demo{s: s, ctx: ctx, now: s.Now().Add(-30 * 24 * time.Hour), actors: map[string]portal.Actor{}}
	end, clock := s.Now(), s.Now
	s.Now = func() time.Time { return d.now }
	defer func() { s.Now = clock }()
	people := d.fill(end)
	if d.err != nil {
		return people, d.err
	}
	return people, s.inTx(ctx, func(t *tx) error {
		if err := t.pretendUse(end); err != nil {
			return err
		}
		// What was mailed long ago has arrived.
		_, err := t.exec(`UPDATE outbox SET state = 'sent', sent_at = created_at, attempts = 1 WHERE state = 'queued' AND created_at < ?`, millis(end.Add(-24*time.Hour)))
		return err
	})
}

// pretendUse gives the keys that work a month of use, less at weekends.
func (t *tx) pretendUse(end time.Time) error {
	today := millis(end) / dayMillis
	for back := int64(27); back >= 0; back-- {
		day := today - back
		count := 400 + (day*7919)%350
		if weekday := fromMillis(day * dayMillis).Weekday(); weekday == time.Saturday || weekday == time.Sunday {
			count /= 5
		}
		if _, err := t.exec(`INSERT INTO usage (credential_id, day, count) SELECT id, ?, ? / id FROM credentials WHERE ends_at IS NULL AND created_at / ? <= ?`,
			day, count, dayMillis, day); err != nil {
			return err
		}
	}
	if _, err := t.exec(`INSERT INTO tallies (what, day, count) SELECT ?, day, sum(count) FROM usage GROUP BY day`, portal.TallyVerified); err != nil {
		return err
	}
	_, err := t.exec(`UPDATE credentials SET used_at = ?, used_from = '203.0.113.200' WHERE ends_at IS NULL`, millis(end.Add(-3*time.Minute)))
	return err
}

// demo carries the story; after its first error nothing more happens.
type demo struct {
	s      *Store
	ctx    context.Context
	now    time.Time
	err    error
	people int
	actors map[string]portal.Actor
}

func (d *demo) fill(end time.Time) DemoPeople {
	admin := d.setUp("Mara", "Ruiz", "mara@portico.example")
	hours := func(n int) { d.now = d.now.Add(time.Duration(n) * time.Hour) }
	hours(20)

	priya := d.registers("Priya", "Kapoor", "priya@acme.example")
	acme := d.requests(priya, "Acme Inc")
	hours(3)
	d.check(noValue(d.s.Approve(d.ctx, admin, acme.PublicID, "Acme Inc", nil)))
	priya = d.enters(priya, acme)
	for _, p := range []struct {
		first, last string
		role        portal.Role
	}{
		{"Tomás", "Barros", portal.TeamMember}, {"Lena", "Okafor", portal.SuperAdmin}, {"Sam", "Whitfield", portal.TeamMember},
		{"Aiko", "Mori", portal.TeamMember}, {"Yusuf", "Demir", portal.TeamMember}, {"Chloé", "Martin", portal.TeamMember},
		{"Owen", "Byrne", portal.TeamMember}, {"Zofia", "Nowak", portal.TeamMember}, {"Ravi", "Menon", portal.SuperAdmin},
		{"Ingrid", "Solberg", portal.TeamMember},
	} {
		hours(7)
		d.joins(priya, acme, p.first, p.last, p.role)
	}
	tomas, lena := d.enters(d.actors["Tomás"], acme), d.enters(d.actors["Lena"], acme)
	hours(2)
	logistics := d.team(priya, "Logistics", "Tomás", "Aiko", "Yusuf")
	d.team(lena, "Storefront", "Chloé", "Owen")
	d.application(tomas, lena, "Warehouse sync", "Keeps stock levels in step with the online shop.", "production", "staging")
	hours(9)
	d.application(lena, tomas, "Mobile checkout", "Payments in the app for iOS and Android.", "production")
	hours(30)
	d.application(priya, tomas, "Fulfilment labels", "Prints shipping labels from the warehouse system.", "production", "load test")
	d.shares(priya, "Fulfilment labels", logistics)

	inAcme := admin
	inAcme.OrgID = acme.ID
	_, _, err := d.s.CreateCode(d.ctx, inAcme, portal.CodeForm{Name: "Partner day", Quota: "25"})
	d.check(err)

	jonas := d.registers("Jonas", "Meyer", "jonas@cobalt.example")
	cobalt := d.requests(jonas, "Cobalt Ventures")
	hours(20)
	d.check(noValue(d.s.Reject(d.ctx, admin, cobalt.PublicID, "Please register under the name of the company that will use the API, and submit again.")))

	mei := d.registers("Mei", "Tanaka", "mei.tanaka@harbor.example")
	harbor := d.requests(mei, "Harbor Retail Group")
	hours(2)
	d.check(d.s.Withdraw(d.ctx, mei, harbor.PublicID))

	for _, p := range [][2]string{{"Nadia", "Haddad"}, {"Luis", "Ferreira"}, {"Emma", "Virtanen"}} {
		hours(11)
		d.registers(p[0], p[1], slug(p[0])+"@"+slug(p[1])+".example")
	}
	nadia := d.find("nadia@haddad.example")
	nadia.Personal = true
	solo, err := d.s.CreateApplication(d.ctx, nadia, portal.NewApplication{Name: "Price watcher", Description: "Tells me when a shipment gets cheaper."})
	d.check(err)
	_, _, err = d.s.CreateCredential(d.ctx, nadia, solo.PublicID, portal.NewCredential{Label: "laptop"})
	d.check(err)

	hours(30)
	cedar := d.adds(admin, "Cedar Analytics")
	meridian := d.adds(admin, "Meridian Freight")
	hours(60)
	d.check(noValue(d.s.SuspendOrg(d.ctx, admin, cedar.PublicID, "Waiting for the signed contract.")))
	d.check(noValue(d.s.DeleteOrg(d.ctx, admin, meridian.PublicID, "Meridian Freight")))
	d.unproven("Kofi", "Mensah", "kofi@mensah.example")

	d.now = end.Add(-9 * 24 * time.Hour)
	d.invites(priya, "Kenji", "Ito", "k.ito@acme.example", portal.SuperAdmin) // expired by now
	d.now = end.Add(-50 * time.Hour)
	d.invites(lena, "Grace", "Abara", "grace.abara@acme.example", portal.TeamMember)
	d.now = end.Add(-12 * time.Minute)
	ada := d.registers("Ada", "Lindqvist", "ada@northbank.example")
	d.requests(ada, "Northbank Logistics")
	d.now = end.Add(-5 * time.Minute)
	dana := d.invites(priya, "Dana", "Ops", "dev.ops@acme.example", portal.TeamMember)

	return DemoPeople{Admin: admin.UserID, SuperAdmin: priya.UserID, TeamMember: tomas.UserID, Org: acme.PublicID,
		Invitation: portal.MailLink{Purpose: portal.LinkInvitation, ID: dana.PublicID, Version: dana.Version}}
}

func (d *demo) check(err error) {
	if d.err == nil && err != nil {
		d.err = fmt.Errorf("at %s: %w", d.now.Format(time.RFC3339), err)
	}
}

func noValue[T any](_ T, err error) error { return err }

// slug is a name as it stands in an address: without accents, in lower case.
func slug(name string) string {
	return strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(name))
}

// ip is an address out of a range that stands in documentation only (RFC 5737).
func (d *demo) ip() string {
	d.people++
	return fmt.Sprintf("203.0.113.%d", d.people)
}

func (d *demo) find(email string) portal.Actor {
	a, err := readAccount(d.ctx, d.s.read, `u.email_key = ?`, email)
	d.check(err)
	return a.self(d.ip())
}

func (d *demo) setUp(first, last, email string) portal.Actor {
	d.check(d.s.SetUp(d.ctx, portal.NewUser{First: first, Last: last, Email: email, Password: demoPassword}, NewSession{Hash: []byte(newID()), IP: d.ip()}))
	return d.find(email)
}

func (d *demo) unproven(first, last, email string) portal.Actor {
	d.check(d.s.Register(d.ctx, d.ip(), portal.NewUser{First: first, Last: last, Email: email, Password: demoPassword}))
	return d.find(email)
}

func (d *demo) registers(first, last, email string) portal.Actor {
	by := d.unproven(first, last, email)
	a, err := readAccount(d.ctx, d.s.read, `u.id = ?`, by.UserID)
	d.check(err)
	token := d.s.Links().Token(portal.Link{Purpose: portal.LinkProof, Kind: portal.Mailed, Version: a.proofVersion, ID: a.PublicID})
	d.check(d.s.Prove(d.ctx, by.IP, token, "", nil))
	return by
}

func (d *demo) requests(by portal.Actor, name string) portal.Organization {
	o, err := d.s.RegisterOrg(d.ctx, by, name)
	d.check(err)
	return o
}

func (d *demo) adds(by portal.Actor, name string) portal.Organization {
	o, err := d.s.AddOrg(d.ctx, by, name, nil)
	d.check(err)
	return o
}

func (d *demo) enters(by portal.Actor, o portal.Organization) portal.Actor {
	by, _, err := d.s.Enter(d.ctx, by, o.PublicID, false)
	d.check(err)
	return by
}

func (d *demo) invites(by portal.Actor, first, last, email string, role portal.Role) portal.Invitation {
	inv, err := d.s.Invite(d.ctx, by, portal.NewInvitation{First: first, Last: last, Email: email, Role: role})
	d.check(err)
	return inv
}

func (d *demo) joins(by portal.Actor, o portal.Organization, first, last string, role portal.Role) {
	email := slug(first) + "@acme.example"
	inv := d.invites(by, first, last, email, role)
	token := d.s.Links().Token(portal.Link{Purpose: portal.LinkInvitation, Kind: portal.Mailed, Version: inv.Version, ID: inv.PublicID})
	d.now = d.now.Add(40 * time.Minute)
	_, _, err := d.s.Join(d.ctx, d.ip(), token, portal.NewUser{First: first, Last: last, Password: demoPassword}, NewSession{Hash: []byte(newID())})
	d.check(err)
	d.actors[first] = d.find(email)
}

// team makes a team with these people in it, by their first names.
func (d *demo) team(by portal.Actor, name string, first ...string) portal.Team {
	team, err := d.s.CreateTeam(d.ctx, by, name)
	d.check(err)
	var members []string
	for _, f := range first {
		a, err := readAccount(d.ctx, d.s.read, `u.id = ?`, d.actors[f].UserID)
		d.check(err)
		members = append(members, a.PublicID)
	}
	d.check(noValue(d.s.AddToTeam(d.ctx, by, team.PublicID, members)))
	return team
}

// shares makes an application visible to one team.
func (d *demo) shares(by portal.Actor, name string, team portal.Team) {
	list, err := d.s.Applications(d.ctx, by, "", "")
	d.check(err)
	for _, a := range list.Items {
		if a.Name == name {
			d.check(d.s.ShareApplication(d.ctx, by, a.PublicID, a.Version, portal.VisibleTeam, []string{team.PublicID}))
		}
	}
}

// application makes one with credentials that by creates and reader looks at.
func (d *demo) application(by, reader portal.Actor, name, description string, labels ...string) {
	a, err := d.s.CreateApplication(d.ctx, by, portal.NewApplication{Name: name, Description: description})
	d.check(err)
	for i, label := range labels {
		d.now = d.now.Add(25 * time.Minute)
		k, _, err := d.s.CreateCredential(d.ctx, by, a.PublicID, portal.NewCredential{Label: label})
		d.check(err)
		_, _, err = d.s.Reveal(d.ctx, reader, a.PublicID, k.PublicID)
		d.check(err)
		if i > 0 {
			d.now = d.now.Add(2 * time.Hour)
			_, _, err = d.s.Rotate(d.ctx, by, a.PublicID, k.PublicID, portal.GraceDay, "")
			d.check(err)
		}
	}
}
