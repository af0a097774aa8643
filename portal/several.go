package portal

import (
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a list of people to invite.
const (
	MaxInviteRows = 500
	MaxInviteText = 64 << 10 // octets
)

// RowOutcome is what becomes of one row of a list of people to invite.
type RowOutcome string

// The outcomes of a row.
const (
	RowReady     RowOutcome = "ready"
	RowInvited   RowOutcome = "invited"
	RowInvalid   RowOutcome = "invalid"
	RowDuplicate RowOutcome = "duplicate"
	RowMember    RowOutcome = "member"
	RowAlready   RowOutcome = "already"
	RowLater     RowOutcome = "later"
)

// RowOutcomes lists every outcome, in the order in which a report counts them.
var RowOutcomes = []RowOutcome{RowInvited, RowReady, RowLater, RowInvalid, RowDuplicate, RowMember, RowAlready}

// Words is the outcome as people read it.
func (o RowOutcome) Words() string {
	switch o {
	case RowReady:
		return "Can be invited"
	case RowInvited:
		return "Invited"
	case RowInvalid:
		return "Invalid"
	case RowDuplicate:
		return "Duplicate"
	case RowMember:
		return "Already a member"
	case RowAlready:
		return "Already invited"
	case RowLater:
		return "Not now"
	}
	return ""
}

// InviteRow is one row of a list of people to invite: the cells as typed, and
// what becomes of them.
type InviteRow struct {
	Line                           int
	First, Last, Email, Role, Team string
	Outcome                        RowOutcome
	Why                            string // where the outcome's word does not say it all
	raw                            string
}

// InviteList is a list of people to invite, as it was pasted or uploaded.
type InviteList struct {
	Rows     []InviteRow
	Unused   []string       // columns of the heading that mean nothing here
	Defaults InviteDefaults // of rows that name no role or team
	head     string
}

// Count is how many rows have that outcome.
func (l InviteList) Count(o RowOutcome) int {
	n := 0
	for _, r := range l.Rows {
		if r.Outcome == o {
			n++
		}
	}
	return n
}

// Rest is the text of the rows that can still be invited, once they are
// corrected or later; "" if there are none.
func (l InviteList) Rest() string {
	var rest strings.Builder
	for _, r := range l.Rows {
		if r.Outcome == RowInvalid || r.Outcome == RowLater {
			rest.WriteString(strings.Trim(r.raw, "\n") + "\n")
		}
	}
	if rest.Len() == 0 {
		return ""
	}
	return l.head + rest.String()
}

// columnNames are the headings of the columns as people write them, small and
// without anything but letters.
var columnNames = map[string]string{
	"firstname": "first", "first": "first", "givenname": "first", "forename": "first",
	"lastname": "last", "last": "last", "surname": "last", "familyname": "last",
	"email": "email", "mail": "email", "emailaddress": "email", "mailaddress": "email",
	"role": "role", "team": "team",
}

var defaultColumns = []string{"first", "last", "email", "role", "team"}

func lettersOf(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// ParseInvites reads a list of people to invite: values separated by commas,
// semicolons or tabs, with or without a heading. Rows are not checked yet; only
// a list that cannot be read is an Error, at the field rows.
func ParseInvites(text string) (InviteList, error) {
	var l InviteList
	text = strings.TrimPrefix(text, "\ufeff")
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	switch {
	case len(text) > MaxInviteText:
		return l, Invalidf("rows", "This is too long. A list may have %d KB; send it in parts.", MaxInviteText>>10)
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return l, Invalidf("rows", "This is not text in UTF-8. In a spreadsheet, save it as “CSV UTF-8”.")
	case strings.TrimSpace(text) == "":
		return l, Invalidf("rows", "Paste at least one row, or choose a file.")
	}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma = separator(text)
	r.FieldsPerRecord = -1
	r.TrimLeadingSpace = r.Comma != '\t' // there an empty cell would be taken for space
	columns := defaultColumns
	for at := int64(0); ; {
		cells, err := r.Read()
		var broken *csv.ParseError
		if errors.As(err, &broken) {
			return l, Invalidf("rows", "Line %d cannot be read. A quote (\") opens a cell and closes it; inside one, write it twice.", broken.Line)
		} else if err != nil {
			break // the end
		}
		raw := text[at:r.InputOffset()]
		at = r.InputOffset()
		if !slices.ContainsFunc(cells, func(c string) bool { return strings.TrimSpace(c) != "" }) {
			continue
		}
		if names, unused, ok := heading(cells); ok && len(l.Rows) == 0 && l.head == "" {
			columns, l.Unused, l.head = names, unused, raw
			continue
		}
		if len(l.Rows) == MaxInviteRows {
			return l, Invalidf("rows", "These are more than %d rows. Send them in parts.", MaxInviteRows)
		}
		line, _ := r.FieldPos(0)
		l.Rows = append(l.Rows, inviteRow(columns, cells, line, raw))
	}
	if len(l.Rows) == 0 {
		return l, Invalidf("rows", "There is a heading, but no row below it.")
	}
	return l, nil
}

// separator is the one that the first line which is not empty has most of.
func separator(text string) rune {
	first, _, _ := strings.Cut(strings.TrimLeft(text, "\n"), "\n")
	best, most := ',', 0
	for _, c := range "\t;," {
		if n := strings.Count(first, string(c)); n > most {
			best, most = c, n
		}
	}
	return best
}

// heading says which column each cell of a heading names. It is one if it names
// the column of the addresses and holds none.
func heading(cells []string) (columns, unused []string, ok bool) {
	for _, c := range cells {
		name := columnNames[lettersOf(c)]
		if slices.Contains(columns, name) {
			name = "" // the first of two counts
		}
		if name == "" && strings.TrimSpace(c) != "" {
			unused = append(unused, strings.TrimSpace(c))
		}
		columns = append(columns, name)
		if strings.Contains(c, "@") {
			return nil, nil, false
		}
	}
	return columns, unused, slices.Contains(columns, "email")
}

func inviteRow(columns, cells []string, line int, raw string) InviteRow {
	row := InviteRow{Line: line, raw: raw}
	fields := map[string]*string{"first": &row.First, "last": &row.Last, "email": &row.Email, "role": &row.Role, "team": &row.Team}
	for i, c := range cells {
		c = strings.TrimSpace(c)
		switch {
		case i >= len(columns) && c != "":
			row.Outcome, row.Why = RowInvalid, "It has more cells than there are columns."
		case i < len(columns) && columns[i] != "":
			*fields[columns[i]] = c
		}
	}
	return row
}

// ParseRole is the role that people call so; "" is no role.
func ParseRole(words string) (Role, bool) {
	switch lettersOf(words) {
	case "superadmin":
		return SuperAdmin, true
	case "teammember", "member":
		return TeamMember, true
	}
	return "", false
}

// Invitation is what the row asks for. teams are the public ids of the
// organization's teams by the keys of their names; d is for rows that name no role
// or team.
func (r InviteRow) Invitation(d InviteDefaults, teams map[string]string) (NewInvitation, error) {
	n := NewInvitation{First: r.First, Last: r.Last, Email: r.Email, Role: d.Role}
	if d.Team != "" {
		n.Teams = []string{d.Team}
	}
	p := Problems{}
	if r.Role != "" {
		var known bool
		if n.Role, known = ParseRole(r.Role); !known {
			p.Add("role", "The role is “Super admin” or “Team member”.")
		}
	}
	if r.Team != "" {
		id, known := teams[NameKey(r.Team)]
		if !known {
			p.Add("teams", "There is no team of this name.")
		}
		n.Teams = []string{id}
	}
	n.First, n.Last = tidyPerson(p, n.First, n.Last)
	_, problem := ParseEmail(n.Email)
	p.Add("email", problem)
	return n, p.Err()
}

// Repeats notes the row's address in lines, or that an earlier row has it.
func (r *InviteRow) Repeats(lines map[string]int) bool {
	key := r.Key()
	if key == "" {
		return false
	}
	line, repeated := lines[key]
	if !repeated {
		lines[key] = r.Line
		return false
	}
	r.Outcome, r.Why = RowDuplicate, fmt.Sprintf("Line %d has the same address.", line)
	return true
}

// Key is the row's address as addresses are compared, "" if it is none.
func (r InviteRow) Key() string {
	e, problem := ParseEmail(r.Email)
	if problem != "" {
		return ""
	}
	return e.Key
}

// Refuse notes what an operation says against the row; false if err is no refusal.
func (r *InviteRow) Refuse(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	r.Why = e.Message
	switch {
	case e.Code == Invalid:
		r.Outcome, r.Why = RowInvalid, e.words()
	case e.Code == Conflict && e.Ref != "":
		r.Outcome = RowAlready
	case e.Code == Conflict || e.Code == TooMany:
		r.Outcome = RowLater
	default:
		r.Outcome = RowInvalid
	}
	return true
}

// words are the messages at the fields, in one line.
func (e *Error) words() string {
	var all []string
	for _, field := range []string{"first_name", "last_name", "email", "role", "teams"} {
		if m := e.Fields[field]; m != "" {
			all = append(all, m)
		}
	}
	if len(all) == 0 {
		return e.Message
	}
	return strings.Join(all, " ")
}
