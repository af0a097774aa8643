package main

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"
	"golang.org/x/crypto/argon2"

	"portico/portal"
	"portico/views"
)

// Yardsticks are processes of this program's own. What Portico does is put beside
// what the same libraries do when they do nothing else:
//
//	bare    a Fiber handler that answers 204
//	floor   Fiber, one prepared SELECT of the same rows, the same templ page; no
//	        session, no permission, no audit
//	commit  one row inserted per durable transaction (WAL, FULL), one connection
//	hash    argon2id with Portico's parameters on as many goroutines as cores
const yardstickWord = "-yardstick" // hidden: this process is one

// yardstick serves one of them until its standard input ends.
func yardstick(name, path string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	switch name {
	case "bare":
		app.Get("/verify", func(c *fiber.Ctx) error { return c.SendStatus(fiber.StatusNoContent) })
	case "floor":
		err = floor(app, path)
	case "commit":
		err = commits(app, path)
	case "hash":
		app.Get("/", timed(runtime.NumCPU(), func() error {
			argon2.IDKey([]byte("correct horse battery staple"), make([]byte, 16), 2, 19*1024, 1, 32)
			return nil
		}))
	}
	if err != nil {
		return err
	}
	fmt.Printf("listening on http://%s\n", l.Addr())
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); os.Exit(0) }()
	return app.Listener(l)
}

// timed does work on so many goroutines for the milliseconds that ?ms= says, and
// answers how often a second it was done.
func timed(goroutines int, work func() error) fiber.Handler {
	return func(c *fiber.Ctx) error {
		length := time.Duration(c.QueryInt("ms")) * time.Millisecond
		begun := time.Now()
		var done atomic.Int64
		var group sync.WaitGroup
		for range goroutines {
			group.Go(func() {
				for time.Since(begun) < length && work() == nil {
					done.Add(1)
				}
			})
		}
		group.Wait()
		return c.SendString(strconv.FormatFloat(float64(done.Load())/time.Since(begun).Seconds(), 'f', 2, 64))
	}
}

func commits(app *fiber.App, dir string) error {
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "commits.db")+"?_txlock=immediate&_journal_mode=WAL&_synchronous=FULL")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, text TEXT NOT NULL)`); err != nil {
		return err
	}
	insert, err := db.Prepare(`INSERT INTO rows (text) VALUES (?)`)
	if err != nil {
		return err
	}
	app.Get("/", timed(1, func() error {
		_, err := insert.Exec(rand.Text() + rand.Text() + rand.Text())
		return err
	}))
	return nil
}

// floor serves the lists by the rows' own numbers.
func floor(app *fiber.App, path string) error {
	db, err := sql.Open("sqlite3", "file:"+path+"?_query_only=on&_foreign_keys=on&_busy_timeout=10000")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(4)
	const columns = `SELECT o.id, o.public_id, o.name, o.state, o.created_at, o.require_factor, o.requested_at
		FROM organizations o LEFT JOIN users u ON u.id = o.requester_id LEFT JOIN users d ON d.id = o.decided_by LEFT JOIN users g ON g.id = o.changed_by
		WHERE o.state = 'active' AND o.id < ?`
	statements := map[string]*sql.Stmt{}
	for name, query := range map[string]string{
		"users": `SELECT u.id, u.public_id, u.email, m.first_name, m.last_name, m.role, u.state, m.joined_at
			FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = ? AND m.user_id > 0 ORDER BY m.user_id LIMIT 26`,
		"organizations": columns + ` ORDER BY o.id DESC LIMIT 26`,
	} {
		if statements[name], err = db.Prepare(query); err != nil {
			return err
		}
	}
	show := func(c *fiber.Ctx, p views.Page, body templ.Component) error {
		if c.Get("HX-Request") == "true" {
			p.Mode = views.Part
		}
		c.Type("html", "utf-8")
		return views.Frame(p, body).Render(c.UserContext(), c.Response().BodyWriter())
	}
	app.Get("/users/:row", func(c *fiber.Ctx) error {
		row, err := c.ParamsInt("row")
		if err != nil {
			return err
		}
		rows, err := statements["users"].QueryContext(c.UserContext(), row)
		if err != nil {
			return err
		}
		defer rows.Close()
		org := views.OrgLink{ID: orgID(row - 1), Name: orgWord(row-1) + " Works", Role: "Super admin"}
		p := views.UsersProps{Base: "/o/" + org.ID, Count: pageRows, MayManage: true, MaySeeOpen: true, OfMember: true, First: true, Now: time.Now()}
		for rows.Next() {
			var m portal.Member
			var joined int64
			if err := rows.Scan(&m.UserID, &m.PublicID, &m.Email, &m.First, &m.Last, &m.Role, &m.State, &joined); err != nil {
				return err
			}
			m.JoinedAt = time.UnixMilli(joined).UTC()
			p.Members.Items = append(p.Members.Items, m)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		return show(c, views.Page{Area: views.Org, Menu: "users", Title: "Users", Org: &org, Orgs: []views.OrgLink{org, org, org},
			Viewer: &views.Viewer{Name: "Pat Example", Email: "pat@firm.example"}}, views.Users(p))
	})
	app.Get("/organizations/:before", func(c *fiber.Ctx) error {
		before, err := c.ParamsInt("before")
		if err != nil {
			return err
		}
		rows, err := statements["organizations"].QueryContext(c.UserContext(), before)
		if err != nil {
			return err
		}
		defer rows.Close()
		p := views.AdminOrganizationsProps{State: portal.OrgActive, First: true, Query: c.Query("q"), Now: time.Now(), Counts: map[portal.OrgState]portal.Count{portal.OrgActive: 1001}}
		for rows.Next() {
			var q portal.OrgRequest
			var created, requested int64
			if err := rows.Scan(&q.ID, &q.PublicID, &q.Name, &q.State, &created, &q.RequireFactor, &requested); err != nil {
				return err
			}
			q.CreatedAt, q.RequestedAt = time.UnixMilli(created).UTC(), time.UnixMilli(requested).UTC()
			p.List.Items = append(p.List.Items, q)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		if len(p.List.Items) > pageRows {
			p.List.Items, p.List.Next = p.List.Items[:pageRows], "next"
		}
		return show(c, views.Page{Area: views.Admin, Menu: "organizations", Title: "Organizations", MailOff: true, PendingOrganizations: "999",
			Crumbs: []views.Crumb{{Label: "API Consumers"}, {Label: "Organizations"}},
			Viewer: &views.Viewer{Name: "Ada Admin", Email: "ada@portal.example", Admin: true}}, views.AdminOrganizations(p))
	})
	return nil
}
