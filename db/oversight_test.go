package db

import (
	"testing"

	"portico/portal"
)

func TestAPortalAdminRevokesTheKeysOfPeopleWithoutAnOrganizationAndReadsNone(t *testing.T) {
	t.Parallel()
	f := newScene(t)
	app, key := f.appOf(own(f.user("stan")), "Solo", "")
	value := f.value(key.PublicID)
	over := func(name string) portal.Actor {
		by := f.user(name)
		by.Oversees = true
		return by
	}
	before := f.fingerprint()
	for _, name := range []string{"", "wanda", "abe", "ann", "bea", "adam"} {
		if _, err := f.s.Application(f.ctx, over(name), app.PublicID); err != portal.ErrNotFound {
			t.Errorf("%s sees it: %s", name, describe(err))
		}
		if _, err := f.s.Credentials(f.ctx, over(name), app.PublicID); err != portal.ErrNotFound {
			t.Errorf("%s sees its keys: %s", name, describe(err))
		}
		if _, err := f.s.RevokeCredential(f.ctx, over(name), app.PublicID, key.PublicID); err != portal.ErrNotFound {
			t.Errorf("%s revokes: %s", name, describe(err))
		}
	}
	// What belongs to an organization is looked after there.
	ada := over("ada")
	if _, err := f.s.Application(f.ctx, ada, f.ids["Alpha"]); err != portal.ErrNotFound {
		t.Errorf("an organization's: %s", describe(err))
	}
	if _, err := f.s.RevokeCredential(f.ctx, ada, f.ids["Alpha"], f.ids["Alpha key"]); err != portal.ErrNotFound {
		t.Errorf("an organization's: %s", describe(err))
	}
	all, err := f.s.Credentials(f.ctx, ada, app.PublicID)
	if f.must(err); len(all) != 1 || all[0].PublicID != key.PublicID {
		t.Errorf("an admin sees %+v", all)
	}
	f.unchanged(before)
	// She only ever ends: nothing else is hers to do.
	for what, err := range map[string]error{
		"reveal": third(f.s.Reveal(f.ctx, ada, app.PublicID, key.PublicID)),
		"rotate": third(f.s.Rotate(f.ctx, ada, app.PublicID, key.PublicID, portal.GraceNone, "")),
		"create": third(f.s.CreateCredential(f.ctx, ada, app.PublicID, portal.NewCredential{})),
		"edit":   f.s.EditApplication(f.ctx, ada, app.PublicID, 1, portal.NewApplication{Name: "Other"}),
	} {
		if !portal.IsCode(err, portal.Forbidden) {
			t.Errorf("%s: %s", what, describe(err))
		}
	}
	if _, ok := f.opens(value); !ok {
		t.Error("the key does not open any more")
	}
	f.mark()
	_, err = f.s.RevokeCredential(f.ctx, ada, app.PublicID, key.PublicID)
	f.must(err)
	if got := f.audit(); len(got) != 1 {
		t.Errorf("noted is %q", got)
	}
	if _, ok := f.opens(value); ok {
		t.Error("the key still opens")
	}
	_, err = f.s.RevokeCredential(f.ctx, ada, app.PublicID, key.PublicID)
	f.refused(err, portal.Conflict, "revoked by Ada Test")
}

func third[A, B any](_ A, _ B, err error) error { return err }
