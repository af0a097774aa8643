package handlers

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"portico/portal"
	"portico/views"
)

// severalPath ends the address at which several people are invited at once.
const severalPath = "/invitations/several"

func (s *server) newInvitations(c *fiber.Ctx) error {
	if err := may(c, portal.ManageMembers); err != nil {
		return err
	}
	return s.severalAgain(c, fiber.StatusOK, views.SeveralForm{})
}

func (s *server) severalAgain(c *fiber.Ctx, status int, f views.SeveralForm) error {
	smtp, err := s.store.MailConfig(c.UserContext())
	if err != nil {
		return err
	}
	f.Base, f.Org, f.MailOn = at(c).base, at(c).org.Name, smtp.On()
	return s.render(c, status, orgPage(c, "users", "Invite several"), views.InviteSeveral(f))
}

// createInvitations checks a list of people or, when it is sent as it was
// checked, invites them.
func (s *server) createInvitations(c *fiber.Ctx) error {
	f := views.SeveralForm{Rows: plainLines(text(c, "rows"))}
	rows, field := f.Rows, "rows"
	if file := text(c, "file"); file != "" {
		rows, field = plainLines(file), "file"
	}
	send := text(c, "send") != ""
	f.Changed = send && fingerprint(rows) != text(c, "checked")
	do := s.store.CheckInvites
	if send && !f.Changed {
		do = s.store.InviteSeveral
	}
	list, err := do(c.UserContext(), actor(c), rows)
	if p := problems(err); p != nil {
		f.Problems = portal.Problems{"": p[""], field: p["rows"]}
		return s.severalAgain(c, statusOf(err), f)
	}
	if err != nil {
		return err
	}
	f.List, f.Rows, f.Checked = list, rows, fingerprint(rows)
	sent := list.Count(portal.RowInvited)
	if sent > 0 && sent == len(list.Rows) {
		words := "Invited " + strconv.Itoa(sent) + " people."
		if sent == 1 {
			words = "Invited 1 person."
		}
		return s.doneMail(c, at(c).base+"/users", words, words)
	}
	if f.Sent = send && !f.Changed; f.Sent {
		f.Rows = list.Rest()
	}
	return s.severalAgain(c, fiber.StatusOK, f)
}

// plainLines is text as a field of several lines gives it back: with plain ends of
// lines, and none at its own ends.
func plainLines(text string) string {
	text = strings.TrimPrefix(text, "\ufeff")
	return strings.Trim(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n")
}

// fingerprint stands for a list, to tell whether it is still the same.
func fingerprint(rows string) string {
	sum := sha256.Sum256([]byte(rows))
	return hex.EncodeToString(sum[:])
}
