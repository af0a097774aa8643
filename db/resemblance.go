package db

import (
	"context"
	"database/sql"
	"strings"
	"unicode/utf8"

	"portico/portal"
)

const (
	maxSimilar    = 5   // resembling organizations shown beside a request
	maxCandidates = 200 // looked at for each
	prefixRunes   = 3   // a name that differs in a letter is looked for among those that begin alike
)

// Resembling finds for each request the organizations it may mean instead of a new
// one: those with a name alike, and those with members at the requester's mail
// domain. It is for admins alone: it tells who is a customer.
func (s *Store) Resembling(ctx context.Context, by portal.Actor, requests ...portal.OrgRequest) (map[int64][]portal.Resemblance, error) {
	if !by.IsAdmin() {
		return nil, portal.ErrNotFound
	}
	var parts []string
	var args []any
	add := func(q portal.OrgRequest, domain, ids string, more ...any) {
		parts = append(parts, `SELECT ?, ?, `+orgColumns+` FROM organizations o WHERE o.id IN (`+ids+`) AND o.id <> ? AND o.state IN ('pending', 'active', 'suspended')`)
		args = append(append(append(args, q.ID, domain), more...), q.ID)
	}
	names := map[int64]string{}
	for _, q := range requests {
		names[q.ID] = q.Name
		if first := portal.Significant(q.Name); len(first) > 0 {
			word := portal.Words(first[0])[0]
			for _, imitated := range portal.Imitated(word) {
				add(q, "", `SELECT id FROM search_words WHERE kind = ? AND org_id = ? AND word = ? ORDER BY id DESC LIMIT ?`, searchOrgs, everywhere, imitated, maxCandidates)
			}
			prefix := string([]rune(word)[:min(prefixRunes, utf8.RuneCountInString(word))])
			add(q, "", `SELECT id FROM search_words WHERE kind = ? AND org_id = ? AND word = ? ORDER BY id DESC LIMIT ?`, searchOrgs, everywhere, word, maxCandidates)
			add(q, "", `SELECT id FROM search_words WHERE kind = ? AND org_id = ? AND word >= ? AND word < ? LIMIT ?`, searchOrgs, everywhere, prefix, wordEnd(prefix), maxCandidates)
		}
		if domain := portal.CompanyDomain(q.RequesterEmail); domain != "" && q.RequesterState == portal.UserActive {
			add(q, domain, `SELECT org_id FROM memberships WHERE user_id IN (SELECT id FROM users WHERE email_domain = ? AND state = 'active' AND id <> ? ORDER BY id LIMIT ?)`,
				domain, q.RequesterID, maxCandidates)
		}
	}
	found := map[int64][]portal.Resemblance{}
	if len(parts) == 0 {
		return found, nil
	}
	rows, err := s.read.QueryContext(ctx, strings.Join(parts, ` UNION ALL `), args...)
	type hit struct {
		request int64
		portal.Resemblance
	}
	hits, err := list(rows, err, func(r *sql.Rows) (hit, error) {
		var h hit
		var created int64
		err := r.Scan(append([]any{&h.request, &h.Domain}, orgFields(&h.Organization, &created)...)...)
		h.CreatedAt = fromMillis(created)
		return h, err
	})
	for _, h := range hits {
		h.Name = portal.Resembles(names[h.request], h.Organization.Name)
		if h.Name || h.Domain != "" {
			found[h.request] = addResemblance(found[h.request], h.Resemblance)
		}
	}
	return found, err
}

// addResemblance adds r to all, or what it says to the one that is there already.
func addResemblance(all []portal.Resemblance, r portal.Resemblance) []portal.Resemblance {
	for i := range all {
		if all[i].ID == r.ID {
			all[i].Domain = max(all[i].Domain, r.Domain)
			return all
		}
	}
	if len(all) == maxSimilar {
		return all
	}
	return append(all, r)
}

// Refer ends a pending request by inviting its requester into an organization
// that is there already, as a Team member; they read the reason.
func (s *Store) Refer(ctx context.Context, by portal.Actor, publicID, orgID, reason string) (portal.Organization, portal.Invitation, error) {
	var o portal.Organization
	var inv portal.Invitation
	err := s.changeAsAdmin(ctx, by, func(t *tx, by portal.Actor) error {
		q, err := t.request(publicID)
		if err != nil {
			return err
		}
		if q.State != portal.OrgPending {
			return errDecided(q)
		}
		if q.RequesterState != portal.UserActive {
			return portal.Errorf(portal.Conflict, "%s cannot be invited: the account is %s.", q.RequesterName, q.RequesterState)
		}
		to, err := t.request(orgID)
		if portal.IsCode(err, portal.NotFound) || err == nil && to.State != portal.OrgActive {
			return portal.Invalidf("organization", "Choose an active organization.")
		} else if err != nil {
			return err
		}
		o = to.Organization
		if err := t.reject(by, q, reason); err != nil {
			return err
		}
		requester, err := t.account(`u.id = ?`, q.RequesterID)
		if err != nil {
			return err
		}
		by.OrgID = o.ID
		inv, err = t.invite(by, o, portal.NewInvitation{First: requester.First, Last: requester.Last, Email: requester.Email, Role: portal.TeamMember})
		return err
	})
	return o, inv, err
}
