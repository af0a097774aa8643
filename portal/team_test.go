package portal

import "testing"

func TestWhatMayBeDoneToATeam(t *testing.T) {
	for _, c := range []struct{ isDefault, last, deleted, left bool }{
		{false, false, true, true},
		{false, true, true, true},
		{true, false, false, true},
		{true, true, false, false},
	} {
		team := Team{Name: "Blue", Default: c.isDefault}
		if err := team.MayDelete(); (err == nil) != c.deleted {
			t.Errorf("deleting a team, default %v: %v", c.isDefault, err)
		}
		l := TeamLeaving{Team: team, Last: c.last, Member: Member{First: "Abe"}}
		if err := l.MayLeave(); (err == nil) != c.left {
			t.Errorf("leaving a team, default %v, the last %v: %v", c.isDefault, c.last, err)
		}
	}
}
