package handlers

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"portico/portal"
)

// exportFormat is a way to write entries of the audit log.
type exportFormat struct {
	extension, contentType string
	head                   func(to *bytes.Buffer)
	entry                  func(to *bytes.Buffer, e exported)
}

// exported is an entry as it leaves the portal. Its fields are the columns.
type exported struct {
	ID             int64  `json:"id"`
	Time           string `json:"time"`
	Refused        bool   `json:"refused"`
	Name           string `json:"name"`
	Email          string `json:"email"`
	Organization   string `json:"organization"`
	OrganizationID string `json:"organization_id"`
	What           string `json:"what"`
	Subject        string `json:"subject"`
	Detail         string `json:"detail"`
	Address        string `json:"address"`
	Hash           string `json:"hash"`
}

var asCSV = exportFormat{"csv", "text/csv; charset=utf-8",
	func(to *bytes.Buffer) {
		writeCSV(to, "id", "time", "refused", "name", "email", "organization", "organization_id", "what", "subject", "detail", "address", "hash")
	},
	func(to *bytes.Buffer, e exported) {
		writeCSV(to, strconv.FormatInt(e.ID, 10), e.Time, strconv.FormatBool(e.Refused), e.Name, e.Email, e.Organization, e.OrganizationID, e.What, e.Subject, e.Detail, e.Address, e.Hash)
	}}

var asJSONLines = exportFormat{"jsonl", "application/x-ndjson; charset=utf-8",
	func(*bytes.Buffer) {},
	func(to *bytes.Buffer, e exported) {
		line, _ := json.Marshal(e) // of texts, a number and a yes or no
		to.Write(append(line, '\n'))
	}}

func writeCSV(to *bytes.Buffer, cells ...string) {
	for i := range cells {
		cells[i] = safeCell(cells[i])
	}
	w := csv.NewWriter(to)
	_ = w.Write(cells) // to memory
	w.Flush()
}

// safeCell keeps spreadsheets from taking what somebody typed for a formula.
func safeCell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}

// exportAudit sends the entries for which the filters hold, the newest first. They
// are read a page at a time while they are sent, so that a log of any length takes
// no more memory than a short one, and no connection to the database meanwhile.
func (s *server) exportAudit(as exportFormat) fiber.Handler {
	return func(c *fiber.Ctx) error {
		l, f, err := s.adminAudit(c)
		if err != nil {
			return err
		}
		if len(l.Problems) > 0 {
			return c.Redirect(auditPath+"?"+string(c.Request().URI().QueryString()), fiber.StatusSeeOther) // the page says what is wrong
		}
		ctx, by := c.UserContext(), actor(c)
		e := &auditExport{as: as, page: func(cursor string) (portal.Slice[portal.AuditEntry], error) {
			return s.store.AuditPage(context.WithoutCancel(ctx), by, f, cursor)
		}}
		as.head(&e.ready)
		if err := e.fill(); err != nil {
			return err
		}
		c.Set(fiber.HeaderContentType, as.contentType)
		c.Set(fiber.HeaderContentDisposition, `attachment; filename="portico-audit-log-`+s.store.Now().UTC().Format(dayForm)+"."+as.extension+`"`)
		return c.SendStream(e)
	}
}

// auditExport is an export as a stream of octets. An error in the middle ends the
// connection, so that nobody takes half a log for a whole one.
type auditExport struct {
	as     exportFormat
	page   func(cursor string) (portal.Slice[portal.AuditEntry], error)
	ready  bytes.Buffer
	cursor string
	last   bool
}

func (x *auditExport) fill() error {
	page, err := x.page(x.cursor)
	if err != nil {
		return err
	}
	for _, e := range page.Items {
		x.as.entry(&x.ready, exported{ID: e.ID, Time: e.At.Format(time.RFC3339Nano), Refused: e.Refused, Name: e.ActorName, Email: e.ActorMail, Organization: e.OrgName, OrganizationID: e.OrgID,
			What: string(e.Kind), Subject: e.Subject, Detail: e.Detail, Address: e.IP, Hash: hex.EncodeToString(e.Hash)})
	}
	x.cursor, x.last = page.Next, page.Next == ""
	return nil
}

// Read is for the server that sends the answer.
func (x *auditExport) Read(p []byte) (int, error) {
	for x.ready.Len() == 0 && !x.last {
		if err := x.fill(); err != nil {
			return 0, err
		}
	}
	return x.ready.Read(p)
}
