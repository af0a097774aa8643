package portal

import (
	"strings"
	"testing"
)

// Who appears in the permission table, in the order of its columns.
var permissionColumns = []struct {
	name  string
	actor Actor
}{
	{"nobody", Actor{}},
	{"somebody who is no member", Actor{UserID: 1, State: UserActive}},
	{"a Super admin", Actor{UserID: 1, State: UserActive, Role: SuperAdmin}},
	{"a Team member", Actor{UserID: 1, State: UserActive, Role: TeamMember}},
	{"a portal admin", Actor{UserID: 1, State: UserActive, Admin: true}},
	{"a portal admin who is Super admin", Actor{UserID: 1, State: UserActive, Admin: true, Role: SuperAdmin}},
	{"a portal admin who is Team member", Actor{UserID: 1, State: UserActive, Admin: true, Role: TeamMember}},
	{"an unproven Super admin", Actor{UserID: 1, State: UserUnproven, Role: SuperAdmin}},
	{"an unproven Team member", Actor{UserID: 1, State: UserUnproven, Role: TeamMember}},
	{"a waiting Team member", Actor{UserID: 1, State: UserWaiting, Role: TeamMember}},
	{"an unproven portal admin", Actor{UserID: 1, State: UserUnproven, Admin: true}},
	{"a deactivated Super admin", Actor{UserID: 1, State: UserDeactivated, Role: SuperAdmin}},
	{"a deactivated Team member", Actor{UserID: 1, State: UserDeactivated, Role: TeamMember}},
	{"a deactivated portal admin who is Super admin", Actor{UserID: 1, State: UserDeactivated, Admin: true, Role: SuperAdmin}},
	{"a deleted Super admin", Actor{UserID: 1, State: UserDeleted, Role: SuperAdmin}},
}

func TestEveryActionIsAllowedExactlyToWhomTheTableSays(t *testing.T) {
	// no = nobody, st = stranger, SA, TM = roles, pa = portal admin, +SA, +TM = portal
	// admin and member, uS, uT = unproven member, wT = waiting, up = unproven portal
	// admin, dS, dT, dp = deactivated, xS = deleted
	table := []struct {
		action Action
		row    string
	}{
		//                  no st SA TM pa +SA +TM uS uT wT up dS dT dp xS
		{SeeMembers, "      .  .  y  y  y  y   y   y  y  y  .  .  .  .  ."},
		{SeeInvitations, "  .  .  y  .  y  y   y   y  .  .  .  .  .  .  ."},
		{ManageMembers, "   .  .  y  .  y  y   y   y  .  .  .  .  .  .  ."},
		{ManageTeams, "     .  .  y  .  y  y   y   y  .  .  .  .  .  .  ."},
		{UseApplications, " .  .  y  y  .  y   y   y  y  y  .  .  .  .  ."},
		{SeeApplications, " .  .  y  y  y  y   y   y  y  y  .  .  .  .  ."},
		{RevokeCredential, ".  .  y  y  y  y   y   y  y  y  .  .  .  .  ."},
		{RenameOrg, "       .  .  y  .  y  y   y   y  .  .  .  .  .  .  ."},
		{Leave, "           .  .  y  y  .  y   y   y  y  y  .  .  .  .  ."},
		{RequireFactor, "   .  .  y  .  .  y   .   y  .  .  .  .  .  .  ."},
		{ReadActivity, "    .  .  y  y  y  y   y   y  y  y  .  .  .  .  ."},
	}
	inTable := map[Action]bool{}
	for _, line := range table {
		inTable[line.action] = true
		cells := strings.Fields(line.row)
		if len(cells) != len(permissionColumns) {
			t.Fatalf("%s has %d cells, want %d", line.action, len(cells), len(permissionColumns))
		}
		for i, who := range permissionColumns {
			if got, want := who.actor.May(line.action), cells[i] == "y"; got != want {
				t.Errorf("%s may %s: %v, want %v", who.name, line.action, got, want)
			}
		}
	}
	for _, action := range Actions {
		if !inTable[action] {
			t.Errorf("the table has no row for: %s", action)
		}
	}
	for _, who := range permissionColumns {
		if who.actor.May("") || who.actor.May("do anything") {
			t.Errorf("%s may do what is no action", who.name)
		}
	}
}

func TestOnOnesOwnOnlyApplicationsAreUsedAndOnlyOutsideOrganizations(t *testing.T) {
	for _, action := range Actions {
		applications := action == UseApplications || action == SeeApplications || action == RevokeCredential
		for name, c := range map[string]struct {
			who  Actor
			want bool
		}{
			"somebody active":           {Actor{UserID: 1, State: UserActive, Personal: true}, applications},
			"in an organization's name": {Actor{UserID: 1, State: UserActive, Personal: true, OrgID: 7}, false},
			"an unproven person":        {Actor{UserID: 1, State: UserUnproven, Personal: true}, false},
			"a waiting person":          {Actor{UserID: 1, State: UserWaiting, Personal: true}, false},
			"a deactivated person":      {Actor{UserID: 1, State: UserDeactivated, Personal: true}, false},
		} {
			if got := c.who.May(action); got != c.want {
				t.Errorf("%s may %s: %v, want %v", name, action, got, c.want)
			}
		}
	}
}

func TestAnOrganizationExistsOnlyForItsMembersAndPortalAdmins(t *testing.T) {
	//                no st SA TM pa +SA +TM uS uT wT up dS dT dp xS
	sees := "         .  .  y  y  y  y   y   y  y  y  .  .  .  .  ."
	member := "       .  .  y  y  .  y   y   y  y  y  .  .  .  .  ."
	admin := "        .  .  .  .  y  y   y   .  .  .  .  .  .  .  ."
	signedIn := "     .  y  y  y  y  y   y   y  y  y  y  y  y  y  y"
	for i, who := range permissionColumns {
		for _, c := range []struct {
			name string
			got  bool
			row  string
		}{{"sees the organization", who.actor.Sees(), sees}, {"is a member", who.actor.Member(), member},
			{"is a portal admin", who.actor.IsAdmin(), admin}, {"is signed in", who.actor.SignedIn(), signedIn}} {
			if want := strings.Fields(c.row)[i] == "y"; c.got != want {
				t.Errorf("%s %s: %v, want %v", who.name, c.name, c.got, want)
			}
		}
	}
}

func TestNobodyGrantsARoleThatTheyMayNotManage(t *testing.T) {
	//            no st SA TM pa +SA +TM uS uT wT up dS dT dp xS
	grants := "   .  .  y  .  y  y   y   y  .  .  .  .  .  .  ."
	for i, who := range permissionColumns {
		want := strings.Fields(grants)[i] == "y"
		for _, role := range []Role{SuperAdmin, TeamMember} {
			if got := who.actor.MayGrant(role); got != want {
				t.Errorf("%s may make somebody %s: %v, want %v", who.name, role, got, want)
			}
		}
		for _, role := range []Role{"", "portal_admin", "owner", "SUPER_ADMIN", "super_admin\x00", "Super admin"} {
			if who.actor.MayGrant(role) {
				t.Errorf("%s may give the role %q, which does not exist", who.name, role)
			}
		}
	}
}

func TestOnlyTheTwoRolesAreValid(t *testing.T) {
	want := map[Role]bool{SuperAdmin: true, TeamMember: true, "": false, "admin": false, "SUPER_ADMIN": false, "super_admin ": false, "team_member\x00": false}
	for role, valid := range want {
		if role.Valid() != valid {
			t.Errorf("%q is valid: %v, want %v", role, role.Valid(), valid)
		}
	}
	if SuperAdmin.Words() != "Super admin" || TeamMember.Words() != "Team member" {
		t.Errorf("the roles read %q and %q", SuperAdmin.Words(), TeamMember.Words())
	}
}

func TestTheSwitchesReadAsPromisedAndAreAllOnButTheLast(t *testing.T) {
	want := []string{"Enable API consumers to register", "Enable API consumers to sign in", "Auto-approve API consumers registering",
		"Enable API consumers to register organizations", "Auto-approve API consumers registering organization"}
	if len(Switches) != len(want) {
		t.Fatalf("there are %d switches, want %d", len(Switches), len(want))
	}
	settings := DefaultSettings()
	for i, sw := range Switches {
		if sw.Label != want[i] {
			t.Errorf("switch %d reads %q, want %q", i, sw.Label, want[i])
		}
		if got := settings.Get(sw.Key); got != (i < 4) {
			t.Errorf("%q is %v at first", sw.Label, got)
		}
		for _, on := range []bool{true, false} {
			s := Settings{Register: !on, SignIn: !on, ApproveUsers: !on, RegisterOrgs: !on, ApproveOrgs: !on}
			if !s.Set(sw.Key, on) || s.Get(sw.Key) != on {
				t.Errorf("%q cannot be set to %v", sw.Label, on)
			}
			changed := 0
			for _, other := range Switches {
				if s.Get(other.Key) == on {
					changed++
				}
			}
			if changed != 1 {
				t.Errorf("setting %q changed %d switches", sw.Label, changed)
			}
		}
	}
	if settings.Set("admin", true) || settings.Get("admin") {
		t.Error("a switch that does not exist was set")
	}
}
