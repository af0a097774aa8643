package portal

import (
	"fmt"
	"strings"
	"testing"
)

func TestListsOfPeopleAreReadAsTheyComeFromSpreadsheets(t *testing.T) {
	nora := "Nora|Lind|nora@example.org||"
	for name, c := range map[string]struct{ text, want string }{
		"commas":                        {"Nora,Lind,nora@example.org", nora},
		"commas and spaces":             {"Nora, Lind, nora@example.org, Super admin, Devs", "Nora|Lind|nora@example.org|Super admin|Devs"},
		"semicolons":                    {"Nora;Lind;nora@example.org;;Devs", "Nora|Lind|nora@example.org||Devs"},
		"tabs, with an empty cell":      {"Nora\tLind\tnora@example.org\t\tDevs", "Nora|Lind|nora@example.org||Devs"},
		"a comma inside semicolons":     {"Nora;Lind, jr;nora@example.org;", "Nora|Lind, jr|nora@example.org||"},
		"a byte order mark":             {"\ufeffNora,Lind,nora@example.org", nora},
		"Windows' ends of lines":        {"Nora,Lind,nora@example.org\r\n\r\nOtto,Lind,otto@example.org\r\n", nora + " / Otto|Lind|otto@example.org||"},
		"old Macs' ends of lines":       {"Nora,Lind,nora@example.org\rOtto,Lind,otto@example.org", nora + " / Otto|Lind|otto@example.org||"},
		"quotes":                        {`"Nora ""No""","Lind, M.D.","nora@example.org"`, `Nora "No"|Lind, M.D.|nora@example.org||`},
		"a heading":                     {"First name,Last name,E-mail,Role,Team\nNora,Lind,nora@example.org", nora},
		"a heading in another order":    {"E-Mail;Surname;First_Name\nnora@example.org;Lind;Nora", nora},
		"a heading with more in it":     {"Email,Phone,First name,Last name\nnora@example.org,123,Nora,Lind", nora + " unused Phone"},
		"a heading with a column twice": {"Email,Email,First name,Last name\nnora@example.org,other@example.org,Nora,Lind", nora + " unused Email"},
		"a first row that is none":      {"First,Last,first@example.org", "First|Last|first@example.org||"},
		"rows of nothing":               {"Nora,Lind,nora@example.org\n,,,\n   \n", nora},
	} {
		l, err := ParseInvites(c.text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var rows []string
		for _, r := range l.Rows {
			rows = append(rows, strings.Join([]string{r.First, r.Last, r.Email, r.Role, r.Team}, "|"))
		}
		got := strings.Join(rows, " / ")
		if len(l.Unused) > 0 {
			got += " unused " + strings.Join(l.Unused, ", ")
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestListsThatCannotBeReadSayWhy(t *testing.T) {
	many := strings.Repeat("Nora,Lind,nora@example.org\n", MaxInviteRows+1)
	for text, want := range map[string]string{
		"":                                       "Paste at least one row",
		" \n\t\n":                                "Paste at least one row",
		"First name,Email":                       "no row below it",
		"Nora,Lind,n@x.org\nOtto,\"Lind,o@x.org": "Line 2 cannot be read",
		"Nora,Li\"nd,n@x.org":                    "Line 1 cannot be read",
		"Nor\xe9,Lind,n@x.org":                   "not text in UTF-8",
		"N\x00o\x00":                             "not text in UTF-8",
		many:                                     "more than 500 rows",
		strings.Repeat("x", MaxInviteText+1):     "too long",
	} {
		_, err := ParseInvites(text)
		e, ok := err.(*Error)
		if !ok || !strings.Contains(e.Fields["rows"], want) {
			t.Errorf("%.40q: got %v, want it to say %q", text, err, want)
		}
	}
}

func TestWhatIsLeftOfAListIsItsTextAsTyped(t *testing.T) {
	text := "\ufeffFirst name;Last name;Email;Note\r\nNora;Lind;nora@example.org;x\r\n\r\n\"Ot\"\"to\";Lind;otto;\r\nPia;Lind;pia@example.org\r\nQuin;Lind;quin@example.org"
	l, err := ParseInvites(text)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(l.Rows[0].Line, l.Rows[1].Line, l.Rows[3].Line), "2 4 6"; got != want {
		t.Errorf("the lines are %s, want %s", got, want)
	}
	if l.Rest() != "" {
		t.Error("before anything is decided, nothing is left")
	}
	for i, o := range []RowOutcome{RowInvited, RowInvalid, RowMember, RowLater} {
		l.Rows[i].Outcome = o
	}
	if got, want := l.Rest(), "First name;Last name;Email;Note\n\"Ot\"\"to\";Lind;otto;\nQuin;Lind;quin@example.org\n"; got != want {
		t.Errorf("left is %q, want %q", got, want)
	}
	again, err := ParseInvites(l.Rest())
	if err != nil || len(again.Rows) != 2 || again.Rows[0].First != `Ot"to` {
		t.Errorf("what is left reads %+v, %v", again.Rows, err)
	}
}

func TestARowSaysAllThatIsWrongWithIt(t *testing.T) {
	teams := map[string]string{NameKey("Devs"): "devs-id"}
	for _, c := range []struct {
		row  InviteRow
		role Role
		want string // in the refusal; "" if it is none
	}{
		{InviteRow{First: "Nora", Last: "Lind", Email: "n@example.org"}, TeamMember, ""},
		{InviteRow{First: "Nora", Last: "Lind", Email: "n@example.org", Role: "super_ADMIN", Team: "devs"}, SuperAdmin, ""},
		{InviteRow{First: "Nora", Last: "Lind", Email: "n@example.org", Role: "Owner"}, "", "The role is"},
		{InviteRow{First: "Nora", Last: "Lind", Email: "n@example.org", Team: "Ops"}, "", "no team of this name"},
		{InviteRow{Email: "n"}, "", "Enter a first name. Enter a last name."},
	} {
		n, err := c.row.Invitation(InviteDefaults{Role: TeamMember}, teams)
		row := c.row
		refused := row.Refuse(err)
		if refused != (c.want != "") || !strings.Contains(row.Why, c.want) {
			t.Errorf("%+v: got %q, want %q", c.row, row.Why, c.want)
		}
		if !refused && (n.Role != c.role || (c.row.Team != "") != (len(n.Teams) == 1)) {
			t.Errorf("%+v: got %+v", c.row, n)
		}
	}
}

func TestARowWithMoreCellsThanColumnsIsInvalid(t *testing.T) {
	l, err := ParseInvites("Nora,Lind,nora@example.org,Team member,Devs,more\nOtto,Lind,otto@example.org,,,")
	if err != nil || l.Rows[0].Outcome != RowInvalid || l.Rows[1].Outcome != "" {
		t.Errorf("got %+v, %v", l.Rows, err)
	}
}
