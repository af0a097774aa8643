package db

import (
	"testing"
	"time"

	"portico/portal"
)

func TestFiguresCountWhatHappenedEachDay(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	figure := func(title string) []portal.DayUse {
		t.Helper()
		all, err := f.s.FigureSeries(f.ctx, f.user("ada"))
		f.must(err)
		for i, g := range portal.Figures {
			if g.Title == title {
				return all[i]
			}
		}
		t.Fatalf("there is no figure %s", title)
		return nil
	}
	last := portal.FigureDays - 1
	if days := figure("New organizations"); len(days) != portal.FigureDays || days[last].Count != 2 || !days[last].Day.Equal(start.Truncate(24*time.Hour)) {
		t.Errorf("new organizations of today are %+v", days[last])
	}
	f.pass(48 * time.Hour)
	f.must(f.signIn("ann", password, "ann"))
	f.must(f.signIn("abe", password, "abe"))
	f.refused(f.s.RenameOrg(f.ctx, f.in("abe", "Acme"), "Mine"), portal.Forbidden)
	key := f.value(f.ids["Alpha key"])
	for range 3 {
		f.opens(key)
	}
	f.must(f.s.WriteUses(f.ctx))
	f.must(f.s.FoldUses(f.ctx))
	for title, want := range map[string][3]int64{"New organizations": {2, 0, 0}, "Sign-ins": {0, 0, 2}, "Verified keys": {0, 0, 3}} {
		days := figure(title)
		if got := [3]int64{days[last-2].Count, days[last-1].Count, days[last].Count}; got != want {
			t.Errorf("%s of three days are %v, want %v", title, got, want)
		}
	}
	f.pass(portal.FigureDays * 24 * time.Hour)
	for _, d := range figure("Sign-ins") {
		if d.Count != 0 {
			t.Errorf("a month later there is %+v", d)
		}
	}
}

func TestSettingUpIsDoneStepByStep(t *testing.T) {
	t.Parallel()
	f := empty(t)
	f.s.SMTP = portal.SMTPConfig{}
	f.must(f.s.SetUp(f.ctx, person("ada"), f.browser("ada")))
	is := func(when string, want portal.SetUp) {
		t.Helper()
		if got, err := f.s.SetUpState(f.ctx, f.user("ada")); err != nil || got != want {
			t.Errorf("%s: %+v, %v", when, got, err)
		}
	}
	is("at first", portal.SetUp{})
	test := func() {
		t.Helper()
		f.pass(2 * time.Minute)
		m, err := f.s.StartTest(f.ctx, f.user("ada"))
		f.must(err)
		f.must(f.s.MailWasSent(f.ctx, m, m.Subject, sentText))
	}
	f.must(f.s.SetMail(f.ctx, f.user("ada"), "smtp://mail.example.org", "P <p@example.org>"))
	is("with a server that was not tried", portal.SetUp{})
	test()
	is("after a test mail", portal.SetUp{Mail: true})
	f.pass(time.Minute)
	f.must(f.s.SetMail(f.ctx, f.user("ada"), "smtp://other.example.org", "P <p@example.org>"))
	is("with another server", portal.SetUp{})
	test()
	f.must(f.s.CreateAdmin(f.ctx, person("alan")))
	is("with a second admin", portal.SetUp{Mail: true, SecondAdmin: true})
	f.exec(`UPDATE users SET state = 'deactivated' WHERE email_key = ?`, address("alan"))
	is("with a deactivated one", portal.SetUp{Mail: true})
}
