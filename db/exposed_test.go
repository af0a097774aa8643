package db

import (
	"testing"
	"time"

	"portico/portal"
)

func TestATeamMemberReadsOnlyTheirOwnLooks(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	a, k := f.app("ann", "Secret", portal.VisibleTeam, f.team("Some", "abe"))
	_, _, err := f.s.Reveal(f.ctx, f.in("abe", "Acme"), a.PublicID, k.PublicID)
	f.must(err)
	for who, want := range map[string]int{"una": 0, "abe": 1, "ann": 1, "ada": 1} {
		if seen, err := f.s.SeenBy(f.ctx, f.in(who, "Acme"), f.ids["abe"]); err != nil || len(seen.Keys) != want {
			t.Errorf("%s reads that abe has seen %d keys, want %d (%v)", who, len(seen.Keys), want, err)
		}
	}
}

func TestChosenKeysAreRotatedTogetherOrNotAtAll(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	ann := f.in("ann", "Acme")
	a, k := f.app("ann", "Second", portal.VisibleOrganization)
	once, _, err := f.s.CreateCredential(f.ctx, ann, a.PublicID, portal.NewCredential{Once: true})
	f.must(err)
	_, personal := f.app("abe", "Mine", portal.VisiblePersonal)
	before := f.fingerprint()
	rotate := func(ids ...string) error {
		_, err := f.s.RotateSeen(f.ctx, ann, append([]string{f.ids["Alpha key"]}, ids...), portal.GraceDay, "")
		return err
	}
	f.refused(rotate(once.PublicID), portal.Conflict, "shown once only")
	f.refused(rotate(personal.PublicID), portal.Forbidden, "personal")
	f.refused(rotate(f.ids["Bravo key"]), portal.NotFound)
	f.refused(rotate(f.ids["Alpha key"]), portal.Conflict, "was rotated by Ann Test")
	f.unchanged(before)
	old := []string{f.value(f.ids["Alpha key"]), f.value(k.PublicID)}
	n, err := f.s.RotateSeen(f.ctx, ann, []string{f.ids["Alpha key"], k.PublicID}, portal.GraceHour, "")
	f.must(err)
	if n != 2 {
		t.Errorf("%d were rotated", n)
	}
	f.pass(time.Hour - time.Millisecond)
	for _, v := range old {
		if _, ok := f.opens(v); !ok {
			t.Error("an old key is refused in its grace")
		}
	}
	f.pass(time.Millisecond)
	for _, v := range old {
		if _, ok := f.opens(v); ok {
			t.Error("an old key opens after its grace")
		}
	}
}

func TestKeysSeenByThoseWhoLeftAreListedUntilRotated_CRED_01(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	ann := f.in("ann", "Acme")
	_, _, err := f.s.Reveal(f.ctx, f.in("abe", "Acme"), f.ids["Alpha"], f.ids["Alpha key"])
	f.must(err)
	exposed := func() int {
		seen, err := f.s.Exposed(f.ctx, ann)
		f.must(err)
		return len(seen.Keys)
	}
	if n := exposed(); n != 0 {
		t.Errorf("%d keys are listed while abe belongs to it", n)
	}
	_, err = f.s.RemoveMember(f.ctx, ann, f.ids["abe"])
	f.must(err)
	if n := exposed(); n != 1 {
		t.Errorf("%d keys are listed after abe was removed, want 1", n)
	}
	_, err = f.s.RotateSeen(f.ctx, ann, nil, portal.GraceDay, "")
	f.refused(err, portal.Invalid, "[keys:")
	_, err = f.s.RotateSeen(f.ctx, ann, []string{f.ids["Alpha key"]}, portal.GraceHour, "")
	f.must(err)
	if n := exposed(); n != 0 {
		t.Errorf("%d keys are listed after the rotation", n)
	}
}

func TestAListOfSeenKeysSaysThatMoreCome(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	ann := f.in("ann", "Acme")
	for _, n := range []int{maxSeen, maxSeen + 1} {
		for f.number(`SELECT count(DISTINCT credential_id) FROM reveals`) < int64(n) {
			a, k := f.app("ann", newID(), portal.VisibleOrganization)
			_, _, err := f.s.Reveal(f.ctx, f.in("abe", "Acme"), a.PublicID, k.PublicID)
			f.must(err)
		}
		if seen, err := f.s.SeenBy(f.ctx, ann, f.ids["abe"]); err != nil || len(seen.Keys) != maxSeen || seen.More != (n > maxSeen) {
			t.Errorf("of %d keys %d are listed, more: %v (%v)", n, len(seen.Keys), seen.More, err)
		}
	}
}
