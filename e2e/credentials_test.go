package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"
)

// An application of one's own is taken into an organization, with the key that is
// in use, which then says whose it is.
func TestAnApplicationOfOnesOwnMovesIntoAnOrganization(t *testing.T) {
	journey(t)
	c := newCompany(t)
	c.member(c.org, rita, tom, teamMember)
	toms := c.plainly(t, tom).signIn()

	p := c.visitor(t, rita)
	p.signIn()
	p.opensAccountMenu()
	p.whole().press("My applications")
	p.at("/me/applications")
	p.sees("Nobody else sees it")
	own, key := p.getsKey("/me", "Scanner")
	c.verifies(key, http.StatusNoContent)
	toms.get(own).want(http.StatusNotFound)

	// The organization has one of that name: told at the field, and nothing has moved.
	c.reader.open(c.org+"/applications").press("New application").fill("Name", "scanner").press("Create").want(http.StatusOK)
	p.open(own)
	d := p.ask("Move into an organization")
	d.sees("Every member of the organization sees it")
	p.audit("move-application")
	d.selects("Organization", "Acme Inc")
	d.press("Move")
	if said := d.problem("Organization"); !strings.Contains(said, "Rename yours first") {
		t.Errorf("at a taken name it says %q", said)
	}
	p.audit("move-application-problem")
	p.open(own)
	d = p.ask("Edit")
	d.fill("Name", "Hand scanner")
	d.press("Save")
	p.toast("Saved")

	p.open(own)
	d = p.ask("Move into an organization")
	d.selects("Organization", "Acme Inc")
	d.press("Move")
	p.at(c.org + "/applications/{id}")
	p.toast("Moved Hand scanner into Acme Inc")
	app := p.path()
	p.wears("Organization")
	p.lacks("Move into an organization")
	p.showsNoKey()
	if again := p.reveals(); again != key {
		t.Error("the key has changed on the way")
	}
	p.opens(own, http.StatusNotFound)
	p.open("/me/applications")
	p.misses("Hand scanner")

	// A teammate sees it, and the key says whose it is now.
	if seen := toms.open(app).reveals(); seen != key {
		t.Error("a teammate is shown another key")
	}
	status, header := c.asks("X-API-Key: " + key)
	if got := header.Get("X-Portico-Organization"); status != http.StatusNoContent || got != orgID(c.org) {
		t.Errorf("the key is answered with %d and the organization %q", status, got)
	}
	p.open(c.org + "/activity")
	p.sees("Hand scanner")
	p.sees("into Acme Inc")
}

// A credential with an end says so on its page, its people are reminded 14, 7 and
// 1 day before, once each, and then it is refused.
func TestACredentialExpires(t *testing.T) {
	journey(t)
	c := newCompany(t)
	c.member(c.org, rita, tom, teamMember)
	p := c.visitor(t, rita)
	p.signIn()
	app, other := p.getsKey(c.org, "Scanner")
	d := p.ask("New credential")
	d.fill("Label", productionLabel)
	d.fill("Works until", time.Now().AddDate(0, 0, -2).Format(time.DateOnly))
	d.press("Create")
	if said := d.problem("Works until"); !strings.Contains(said, "from today on") {
		t.Errorf("at a date in the past it says %q", said)
	}
	d.holds("Label", productionLabel)
	p.audit("new-credential-past-end")
	last := time.Now().UTC().AddDate(0, 0, 20)
	d.fill("Works until", last.Format(time.DateOnly))
	d.press("Create")
	p.toast("Created a credential")
	row := p.row(productionLabel).shows()
	row.sees("expires " + last.AddDate(0, 0, 1).Format("2 January 2006") + ", 00:00 UTC")
	p.audit("credential-with-an-end")
	key := row.reveals()

	// Time goes by while the portal is stopped: what it reads from memory is its own.
	within := func(left time.Duration) {
		c.stop()
		result, err := c.database(t).Exec(`UPDATE credentials SET expires_at = ? WHERE label = ?`, time.Now().Add(left).UnixMilli(), productionLabel)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := result.RowsAffected(); err != nil || n != 1 {
			t.Fatalf("%d credentials have that label: %v", n, err)
		}
		c.restart(func(*serverOptions) {})
	}
	const day = 24 * time.Hour
	c.verifies(key, http.StatusNoContent)
	for _, due := range []struct {
		left time.Duration
		says string
	}{{14*day - time.Minute, "14 days"}, {7*day - time.Minute, "7 days"}, {day - time.Minute, "a day"}} {
		within(due.left)
		m := c.mail.next(rita.email, "expires in "+due.says)
		if want := productionLabel + " of Scanner expires in " + due.says; m.subject != want {
			t.Errorf("the subject is %q, want %q", m.subject, want)
		}
		if strings.Contains(m.text+m.html, key) {
			t.Error("the reminder holds the key")
		}
		within(due.left - time.Hour) // no further one is due
		p.open(m.link(t, c.url, c.org+"/applications/"))
		p.at(app)
		p.row(productionLabel).sees("expires ")
		c.verifies(key, http.StatusNoContent)
	}
	within(0)
	c.verifies(key, http.StatusUnauthorized)
	c.verifies(other, http.StatusNoContent)
	p.open(app)
	row = p.row(productionLabel)
	row.sees("Expired")
	for _, name := range []string{"Reveal", "Rotate", "Revoke"} {
		row.lacks(name)
	}
	p.audit("credential-expired")

	// Tom, who has never worked with it, got none, and Rita no fourth.
	var all, ritas int
	if err := c.database(t).QueryRow(`SELECT count(*), sum(recipient = ?) FROM outbox WHERE kind = 'key_expiring'`, rita.email).Scan(&all, &ritas); err != nil {
		t.Fatal(err)
	}
	if all != 3 || ritas != 3 {
		t.Errorf("%d reminders were written, %d of them to Rita; want 3 and 3", all, ritas)
	}
}

// Who leaves names a Super admin for their personal applications, whose keys go
// on working; what the leaver has seen is shown to those who stay.
func TestALeaverChoosesAnHeir(t *testing.T) {
	journey(t)
	c := newCompany(t)
	c.member(c.org, rita, uma, superAdmin)
	c.member(c.org, rita, tom, teamMember)
	p := c.visitor(t, tom)
	p.signIn()
	p.open(c.org + "/applications")
	d := p.ask("New application")
	d.fill("Name", "Notebook")
	d.choose("Personal")
	d.press("Create")
	p.at(c.org + "/applications/{id}")
	app := p.path()
	d = p.ask("New credential")
	d.fill("Label", productionLabel)
	d.press("Create")
	key := p.row(productionLabel).shows().reveals()
	c.reader.open(app).finds("This application is personal")

	p.goes("Settings")
	d = p.ask("Leave")
	d.sees("Your personal applications pass to")
	d.row("Notebook").sees(productionLabel)
	p.audit("leave-with-an-heir")
	d.press("Leave")
	if said := d.problem("Your personal applications pass to"); said == "" {
		t.Error("leaving without an heir is not refused at the field")
	}
	p.audit("leave-without-an-heir")
	c.verifies(key, http.StatusNoContent)
	d.selects("Your personal applications pass to", uma.name()+" ("+uma.email+")")
	d.press("Leave")
	p.at("/")
	p.toast("You have left Acme Inc")
	p.opens(app, http.StatusNotFound)
	p.opens(c.org, http.StatusNotFound)
	c.verifies(key, http.StatusNoContent)

	// It is Uma's now, and hers alone.
	u := c.visitor(t, uma)
	u.signIn()
	u.goes("Applications")
	u.sees("seen by people who have left")
	u.row("Notebook").sees("Personal")
	u.row("Notebook").press("Notebook")
	u.at(app)
	u.showsNoKey()
	u.row(productionLabel).sees(tom.name())
	u.row(productionLabel).sees("(has left)")
	if seen := u.row(productionLabel).reveals(); seen != key {
		t.Error("the heir is shown another key")
	}
	c.reader.open(app).finds("This application is personal")
	if c.reader.offers("Reveal") {
		t.Error("another Super admin is offered the keys")
	}
	u.goes("Applications")
	u.press("Look and rotate")
	u.at(c.org + "/exposed")
	u.sees("Seen by " + tom.name())
	u.chosen(stopsInADay)
	u.choose(stopsAtOnce)
	u.press("Rotate")
	u.toast("Rotated")
	c.verifies(key, http.StatusUnauthorized)
	u.open(app)
	c.verifies(u.rowWith("Rotate").reveals(), http.StatusNoContent)
}

// Code to use a key has the key in it only after Reveal, and runs.
func TestCodeThatUsesAKey(t *testing.T) {
	journey(t)
	c := newCompany(t)
	for _, scripts := range []bool{true, false} {
		p := c.newPerson(t, rita, scripts)
		p.signIn()
		p.open(c.org + "/applications")
		d := p.ask("New application")
		d.fill("Name", map[bool]string{true: "Scanner", false: "Plain scanner"}[scripts])
		d.press("Create")
		p.at(c.org + "/applications/{id}")
		app := p.path()
		d = p.ask("New credential")
		d.fill("Label", productionLabel)
		d.press("Create")
		p.row(productionLabel).shows()

		d = p.row(productionLabel).ask("Code")
		for _, name := range []string{"curl", "Go", "JavaScript", "Python"} {
			if code := d.code(name); !strings.Contains(code, c.url+"/verify") || !strings.Contains(code, "portico_••••") {
				t.Errorf("the code in %s is:\n%s", name, code)
			}
		}
		p.showsNoKey()
		p.audit("code-masked")
		d = d.ask("Reveal")
		d.finds(apiKey)
		p.audit("code-revealed")
		var key string
		for _, name := range []string{"curl", "Go", "JavaScript", "Python"} {
			code := d.code(name)
			if found := keyIn(code); found == "" || key != "" && found != key {
				t.Fatalf("the code in %s shows no key, or another:\n%s", name, code)
			} else {
				key = found
			}
		}
		c.verifies(key, http.StatusNoContent)
		if scripts {
			runs(t, "go", "main.go", "package main\n\nimport \"net/http\"\n\nfunc main() {\n\tif err := use(); err != nil {\n\t\tpanic(err)\n\t}\n}\n\nfunc use() error {\n"+
				d.code("Go")+"\nif err != nil {\nreturn err\n}\nprintln(resp.StatusCode)\nreturn nil\n}\n", "run", "main.go")
			runs(t, "node", "main.mjs", d.code("JavaScript")+"\nconsole.log(response.status)\n", "main.mjs")
		}

		// The look is on record, and the page is as before.
		p.open(app)
		p.showsNoKey()
		p.row(productionLabel).sees("Seen by " + rita.name())
		p.goes("Activity")
		p.sees("revealed a credential of")
		p.showsNoKey()
	}
}

// code is what stands under this language's name, folded or not.
func (a part) code(language string) string {
	a.p.t.Helper()
	block := a.at.Locator("pre[aria-label=" + language + "]")
	text, err := block.TextContent()
	if err != nil {
		a.p.t.Fatalf("%s finds no code in %s: %v\n%s", a.p.first, language, err, a.p.reads())
	}
	return text
}

// runs writes a program and expects it to say that it was answered with 204.
func runs(t *testing.T, interpreter, name, text string, args ...string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(interpreter, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "204" {
		t.Errorf("%s says %q, %v; want 204, of\n%s", interpreter, out, err, text)
	}
}

// selects chooses from a list of choices.
func (a part) selects(label, choice string) {
	a.p.t.Helper()
	if _, err := a.field(label).SelectOption(playwright.SelectOptionValues{Labels: &[]string{choice}}); err != nil {
		a.p.t.Fatalf("%s cannot choose %s as %s at %s: %v\n%s", a.p.first, choice, label, a.p.page.URL(), err, a.p.reads())
	}
}
