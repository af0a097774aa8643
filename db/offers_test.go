package db

import (
	"testing"
	"time"

	"portico/portal"
)

func TestWhoIsNotToInviteAnyMoreComesBackByNoCopiedLink(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	inv, err := f.s.Invite(f.ctx, f.in("ann", "Acme"), portal.NewInvitation{First: "Zoe", Last: "Test", Email: "zoe@example.org", Role: portal.SuperAdmin})
	f.must(err)
	f.exec(`UPDATE memberships SET role = 'super_admin' WHERE user_id = (SELECT id FROM users WHERE email = ?)`, address("abe"))
	_, _, err = f.s.CopyLink(f.ctx, f.in("abe", "Acme"), inv.PublicID)
	f.must(err)
	_, err = f.s.RemoveMember(f.ctx, f.in("ann", "Acme"), f.ids["abe"])
	f.must(err)
	_, _, err = f.s.Join(f.ctx, ip, f.link(inv, portal.Copied), portal.NewUser{First: "Mal", Last: "Lory", Password: newPassword}, NewSession{Hash: []byte("x"), IP: ip})
	f.refused(err, portal.Gone, "expired")
}

func TestAcceptingProvesNoPassword(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.must(f.s.SignIn(f.ctx, address("stan"), password, NewSession{Hash: []byte("old"), IP: ip}))
	proved := f.number(`SELECT proof_at FROM sessions WHERE hash = ?`, []byte("old"))
	f.pass(time.Hour)
	inv, err := f.s.Invite(f.ctx, f.in("ann", "Acme"), portal.NewInvitation{First: "Stan", Last: "Test", Email: address("stan"), Role: portal.TeamMember})
	f.must(err)
	_, err = f.s.AcceptWaiting(f.ctx, f.user("stan"), inv.PublicID, NewSession{Hash: []byte("new"), Old: []byte("old"), IP: ip})
	f.must(err)
	if got := f.number(`SELECT proof_at FROM sessions WHERE hash = ?`, []byte("new")); got != proved {
		t.Errorf("the password counts as given at %d, and was given at %d", got, proved)
	}
}

func TestVoidInvitationsHideNoOpenOnes(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	f.invite("bea", "Beta", "stan", portal.TeamMember)
	// The newest are of organizations whose inviter is gone.
	for i := range maxOwn {
		f.exec(`INSERT INTO organizations (public_id, name, state, requester_id, requested_at, created_at) SELECT ?, 'Void', 'suspended', requester_id, requested_at, created_at FROM organizations WHERE name = 'Acme'`, newID())
		f.exec(`INSERT INTO invitations (public_id, org_id, email_key, email, first_name, last_name, role, state, expires_at, inviter_id, created_at)
			SELECT ?, (SELECT max(id) FROM organizations), ?, ?, 'Stan', 'Test', 'team_member', 'pending', ?, id, ? FROM users WHERE email_key = 'stan@example.org'`,
			newID(), address("stan"), address("stan"), millis(f.clock.read().Add(time.Hour)), i)
	}
	f.exec(`UPDATE organizations SET state = 'active' WHERE name = 'Void'`)
	all, err := f.s.InvitationsFor(f.ctx, f.user("stan"))
	if f.must(err); len(all) != 1 || all[0].Org.Name != "Beta" {
		t.Errorf("the open ones are %+v", all)
	}
}
