package db

import (
	"context"
	"database/sql"
	"slices"

	"portico/portal"
)

// Find looks for whatever the actor may see by the beginnings of words: in
// their own organizations, that with the public id first before the others, and
// for portal admins everywhere.
func (s *Store) Find(ctx context.Context, by portal.Actor, query, first string) ([]portal.Find, error) {
	if !by.SignedIn() || !by.State.MaySignIn() {
		return nil, portal.ErrNotFound
	}
	if words, _ := portal.QueryWords(query); len(words) == 0 {
		return nil, nil
	}
	// What asks for a second factor is not searched without one.
	by, err := onlyMember(ctx, s.read, by)
	if err != nil {
		return nil, err
	}
	found, err := s.findInOwn(ctx, by, query, first)
	if err == nil && by.IsAdmin() {
		err = s.findEverywhere(ctx, query, found)
	}
	return found.all(), err
}

// finds are those of each kind, as many as are shown.
type finds map[portal.FindKind][]portal.Find

func (f finds) add(x portal.Find) {
	if len(f[x.Kind]) < portal.MaxFinds {
		f[x.Kind] = append(f[x.Kind], x)
	}
}

func (f finds) all() []portal.Find {
	return slices.Concat(f[portal.FindOrganization], f[portal.FindPerson], f[portal.FindApplication], f[portal.FindTeam])
}

// findInOwn looks into the organizations that the actor belongs to, by the same
// lists that their pages show.
func (s *Store) findInOwn(ctx context.Context, by portal.Actor, query, first string) (finds, error) {
	found := finds{}
	memberships, err := s.Memberships(ctx, by)
	if err != nil {
		return found, err
	}
	slices.SortStableFunc(memberships, func(a, b portal.Membership) int {
		switch {
		case a.Org.PublicID == first:
			return -1
		case b.Org.PublicID == first:
			return 1
		}
		return 0
	})
	own := by
	own.Personal = true
	if own.May(portal.SeeApplications) {
		apps, err := s.Applications(ctx, own, query, "")
		if err != nil {
			return found, err
		}
		for _, a := range apps.Items {
			found.add(portal.Find{Kind: portal.FindApplication, ID: a.PublicID, Name: a.Name, Note: "Your own"})
		}
	}
	for _, m := range memberships {
		if portal.Found(query, m.Org.Name) {
			found.add(portal.Find{Kind: portal.FindOrganization, ID: m.Org.PublicID, Name: m.Org.Name, Note: m.Role.Words()})
		}
		if err := needsFactor(ctx, s.read, by, m.Org); portal.IsCode(err, portal.FactorMissing) {
			continue
		} else if err != nil {
			return found, err
		}
		in := by
		in.OrgID, in.Role = m.Org.ID, m.Role
		people, err := s.Members(ctx, in, query, "")
		if err != nil {
			return found, err
		}
		for _, p := range people.Items {
			found.add(portal.Find{Kind: portal.FindPerson, ID: p.PublicID, Name: p.Name(), Note: p.Email + ", " + m.Org.Name, OrgID: m.Org.PublicID})
		}
		apps, err := s.Applications(ctx, in, query, "")
		if err != nil {
			return found, err
		}
		for _, a := range apps.Items {
			found.add(portal.Find{Kind: portal.FindApplication, ID: a.PublicID, Name: a.Name, Note: m.Org.Name, OrgID: m.Org.PublicID})
		}
		teams, err := s.Teams(ctx, in, query, "")
		if err != nil {
			return found, err
		}
		for _, t := range teams.Items {
			found.add(portal.Find{Kind: portal.FindTeam, ID: t.PublicID, Name: t.Name, Note: m.Org.Name, OrgID: m.Org.PublicID})
		}
	}
	return found, nil
}

// findEverywhere looks everywhere, for portal admins.
func (s *Store) findEverywhere(ctx context.Context, query string, found finds) error {
	for _, of := range []struct {
		kind    portal.FindKind
		words   searchKind
		column  string
		select1 string
	}{
		{portal.FindOrganization, searchOrgs, "o.id", `SELECT o.public_id, o.name, o.state, '' FROM organizations o WHERE o.purged_at IS NULL`},
		{portal.FindPerson, searchUsers, "u.id", `SELECT u.public_id, u.first_name || ' ' || u.last_name, u.email, '' FROM users u WHERE u.state <> 'deleted'`},
		{portal.FindApplication, searchApps, "a.id", `SELECT a.public_id, a.name, o.name, o.public_id FROM applications a JOIN organizations o ON o.id = a.org_id
			WHERE a.deleted_at IS NULL AND o.state IN ('active', 'suspended')`},
		{portal.FindTeam, searchTeams, "t.id", `SELECT t.public_id, t.name, o.name, o.public_id FROM teams t JOIN organizations o ON o.id = t.org_id WHERE o.state IN ('active', 'suspended')`},
	} {
		v, err := s.sieve(ctx, of.words, everywhere, of.column, query)
		if err != nil {
			return err
		}
		rows, err := s.read.QueryContext(ctx, of.select1+v.where+` ORDER BY `+of.column+` DESC LIMIT ?`, append(v.args, portal.MaxFinds)...)
		all, err := list(rows, err, func(r *sql.Rows) (portal.Find, error) {
			x := portal.Find{Kind: of.kind, AsAdmin: true}
			return x, r.Scan(&x.ID, &x.Name, &x.Note, &x.OrgID)
		})
		if err != nil {
			return err
		}
		for _, x := range all {
			if of.kind == portal.FindOrganization {
				x.Note = portal.OrgState(x.Note).Words()
			}
			found.add(x)
		}
	}
	return nil
}
