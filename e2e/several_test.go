package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

// A list from a spreadsheet is checked, sent, and what is left of it corrected.
func TestSeveralPeopleAreInvitedFromAList(t *testing.T) {
	journey(t)
	c := newCompany(t)
	c.member(c.org, rita, tom, teamMember)
	file := filepath.Join(t.TempDir(), "people.csv")
	list := "\ufeffE-mail;First name;Last name;Role\r\n" + uma.email + ";Uma;Nair;Super admin\r\n" + ben.email + ";Ben;\r\n" + tom.email + ";Tom;Baker\r\n"
	if err := os.WriteFile(file, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}

	for _, scripts := range []bool{true, false} {
		p := c.newPerson(t, rita, scripts)
		p.signIn()
		p.open(c.org + "/users")
		p.press("Invite several")
		p.at(c.org + "/invitations/several")
		p.audit("invite-several")
		p.press("Check")
		p.problem("People")
		p.audit("invite-several-empty")
		if err := p.field("Or a CSV file").SetInputFiles(file); err != nil {
			t.Fatal(err)
		}
		p.press("Check")
		if !scripts { // Uma is invited by now
			p.sees("Nobody on this list can be invited now")
			p.row(uma.email).sees("Already invited")
			p.row(tom.email).sees("Already a member")
			continue
		}
		p.sees("1 of 3 rows can be invited now")
		p.row(tom.email).sees("Already a member")
		p.row(ben.email).sees("Enter a last name")
		p.audit("invite-several-report")
		if c.mail.holds(uma.email) {
			t.Error("a mail was sent by checking")
		}
		p.press("Send 1 invitation")
		p.sees("1 of 3 rows invited")
		p.row(uma.email).sees("Invited")
		p.holds("People", "E-mail;First name;Last name;Role\n"+ben.email+";Ben;\n")
		p.audit("invite-several-sent")
		c.invitation(uma)

		p.fill("People", ben.email+";Ben;Aalto")
		p.press("Check again")
		p.row(ben.email).sees("Invalid") // in another order than the columns are without their heading
		p.fill("People", "Ben, Aalto, "+ben.email)
		p.press("Check again")
		p.press("Send 1 invitation")
		p.at(c.org + "/users")
		p.toast("Invited 1 person")
		p.sees(ben.email)
		c.invitation(ben)
	}
}
