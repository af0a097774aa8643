package handlers

import (
	"slices"

	"github.com/gofiber/fiber/v2"

	"portico/portal"
	"portico/views"
)

const orgsPath = "/admin/organizations"

func (s *server) listOrganizations(c *fiber.Ctx) error {
	ctx, by := c.UserContext(), actor(c)
	p := views.AdminOrganizationsProps{State: portal.OrgState(c.Query("state", string(portal.OrgPending))), Query: query(c), First: c.Query("after") == "", Now: s.store.Now()}
	if !slices.Contains(portal.OrgStates, p.State) {
		return portal.ErrNotFound
	}
	var err error
	if p.Counts, err = s.store.OrgCounts(ctx, by); err != nil {
		return err
	}
	if p.List, err = s.store.Orgs(ctx, by, p.State, p.Query, c.Query("after")); err != nil {
		return err
	}
	if p.State == portal.OrgPending {
		if p.Alike, err = s.store.Resembling(ctx, by, p.List.Items...); err != nil {
			return err
		}
	}
	return s.show(c, adminPage("organizations", "Organizations", consumers, ""), views.AdminOrganizations(p))
}

func typedFirst(c *fiber.Ctx) (views.FirstSuperAdmin, *portal.NewInvitation) {
	f := views.FirstSuperAdmin{First: text(c, "first_name"), Last: text(c, "last_name"), Email: text(c, "email")}
	if f == (views.FirstSuperAdmin{}) {
		return f, nil
	}
	return f, &portal.NewInvitation{First: f.First, Last: f.Last, Email: f.Email, Role: portal.SuperAdmin}
}

func additionPage() views.Page { return adminForm("organizations", "Add", "Organizations", orgsPath) }

func (s *server) newAddition(c *fiber.Ctx) error {
	return s.show(c, additionPage(), views.AddOrganization("", views.FirstSuperAdmin{}, nil))
}

func (s *server) createAddition(c *fiber.Ctx) error {
	name := text(c, "name")
	typed, first := typedFirst(c)
	o, err := s.store.AddOrg(c.UserContext(), actor(c), name, first)
	if p := problems(err); p != nil {
		return s.refused(c, err, additionPage(), views.AddOrganization(name, typed, p))
	}
	if err != nil {
		return err
	}
	notice := "Added " + o.Name + "."
	alike, err := s.alike(c, portal.OrgRequest{Organization: o}, o.Name)
	if err != nil {
		return err
	}
	if len(alike) > 0 {
		notice += " Its name resembles that of " + alike[0].Organization.Name + "."
	}
	if first == nil {
		return s.done(c, orgsPath+"?state=active", notice)
	}
	return s.doneInviting(c, o, notice, first.Email)
}

// doneInviting tells the truth about the mail to a first Super admin.
func (s *server) doneInviting(c *fiber.Ctx, o portal.Organization, notice, email string) error {
	smtp, err := s.store.MailConfig(c.UserContext())
	if err != nil {
		return err
	}
	if !smtp.On() {
		return s.doneAs(c, orgsPath+"/"+o.PublicID+"/users", views.Notice{Kind: "info",
			Text: notice + " Invitation of " + email + " not sent: no mail server is set up. Copy the link."})
	}
	return s.done(c, orgsPath+"?state=active", notice+" Invited "+email+".")
}

func (s *server) showOrganization(c *fiber.Ctx) error {
	ctx := c.UserContext()
	q, err := s.store.OrgForAdmin(ctx, actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	by, _, err := s.store.Enter(ctx, actor(c), q.PublicID, true)
	if err != nil {
		return err
	}
	p := views.AdminOrganizationProps{OrgRequest: q, Now: s.store.Now()}
	if q.State == portal.OrgPending {
		if p.Alike, err = s.alike(c, q, q.Name); err != nil {
			return err
		}
	}
	if p.Members, err = s.store.MemberCount(ctx, by); err != nil {
		return err
	}
	if p.Applications, err = s.store.ApplicationCount(ctx, by); err != nil {
		return err
	}
	open, err := s.store.Invitations(ctx, by)
	if err != nil {
		return err
	}
	p.Invitations = len(open)
	if p.Usage, err = s.store.OrgUsage(ctx, by); err != nil {
		return err
	}
	recent, err := s.store.Activity(ctx, by, portal.AuditFilter{}, "")
	if err != nil {
		return err
	}
	p.Recent = recent.Items
	page := adminPage("organizations", q.Name, "Organizations", orgsPath+"?state="+string(q.State))
	if q.State.Provisioned() {
		page.Tabs = orgTabs(orgsPath+"/"+q.PublicID, "overview")
	}
	return s.show(c, page, views.AdminOrganization(p))
}

// pending is the request that an admin is about to decide.
func (s *server) pending(c *fiber.Ctx) (portal.OrgRequest, error) {
	q, err := s.store.OrgForAdmin(c.UserContext(), actor(c), c.Params("id"))
	if err == nil && q.State != portal.OrgPending {
		err = portal.Errorf(portal.Conflict, "%s is %s by now. There is nothing to decide.", q.Name, q.State)
	}
	return q, err
}

// alike are the organizations that a request under that name may mean.
func (s *server) alike(c *fiber.Ctx, q portal.OrgRequest, name string) ([]portal.Resemblance, error) {
	q.Name = name
	found, err := s.store.Resembling(c.UserContext(), actor(c), q)
	return found[q.ID], err
}

func decisionPage(title string) views.Page {
	return adminForm("organizations", title, "Organizations", orgsPath)
}

func (s *server) newApproval(c *fiber.Ctx) error {
	q, err := s.pending(c)
	if err != nil {
		return err
	}
	return s.approval(c, q, views.ApproveForm{Name: q.Name}, nil)
}

func (s *server) approval(c *fiber.Ctx, q portal.OrgRequest, f views.ApproveForm, problem error) error {
	alike, err := s.alike(c, q, f.Name)
	if err != nil {
		return err
	}
	f.Request, f.Alike, f.Problems = q, alike, problems(problem)
	if problem != nil {
		return s.refused(c, problem, decisionPage("Approve"), views.Approve(f))
	}
	return s.show(c, decisionPage("Approve"), views.Approve(f))
}

func (s *server) createApproval(c *fiber.Ctx) error {
	name := text(c, "name")
	typed, first := typedFirst(c)
	o, err := s.store.Approve(c.UserContext(), actor(c), c.Params("id"), name, first)
	if problems(err) != nil {
		q, pendingErr := s.pending(c)
		if pendingErr != nil {
			return err // somebody else has decided: err says who and when
		}
		return s.approval(c, q, views.ApproveForm{Name: name, First: typed}, err)
	}
	if err != nil {
		return err
	}
	if first != nil {
		return s.doneInviting(c, o, "Approved "+o.Name+".", first.Email)
	}
	return s.doneMail(c, orgsPath+"?state=pending", "Approved "+o.Name+". The requester is told by mail.", "Approved "+o.Name+".")
}

func (s *server) newRejection(c *fiber.Ctx) error {
	q, err := s.pending(c)
	if err != nil {
		return err
	}
	return s.show(c, decisionPage("Reject"), views.Reject(q, "", nil))
}

func (s *server) createRejection(c *fiber.Ctx) error {
	reason := text(c, "reason")
	o, err := s.store.Reject(c.UserContext(), actor(c), c.Params("id"), reason)
	if p := problems(err); p != nil {
		q, pendingErr := s.pending(c)
		if pendingErr != nil {
			return err
		}
		return s.refused(c, err, decisionPage("Reject"), views.Reject(q, reason, p))
	}
	if err != nil {
		return err
	}
	return s.doneMail(c, orgsPath+"?state=pending", "Rejected "+o.Name+". The requester is told by mail.", "Rejected "+o.Name+".")
}

// referral shows the form that invites a requester somewhere else.
func (s *server) referral(c *fiber.Ctx, f views.ReferForm, problem error) error {
	q, err := s.pending(c)
	if err != nil {
		if problem != nil {
			return problem // somebody else has decided: it says who and when
		}
		return err
	}
	f.Request, f.Problems = q, problems(problem)
	if f.Alike, err = s.alike(c, q, q.Name); err != nil {
		return err
	}
	for _, r := range f.Alike {
		if problem == nil && f.Organization == "" && r.MayJoin() {
			f.Organization = r.PublicID
			f.Reason = "Your company is here already as " + r.Organization.Name + ". You are invited to join it: the invitation is in your mail and on your start page."
		}
	}
	if problem != nil {
		return s.refused(c, problem, decisionPage("Join that one instead"), views.Refer(f))
	}
	if f.Organization == "" {
		return portal.Errorf(portal.Conflict, "No active organization resembles %s. Approve or reject the request.", q.Name)
	}
	return s.show(c, decisionPage("Join that one instead"), views.Refer(f))
}

func (s *server) newReferral(c *fiber.Ctx) error { return s.referral(c, views.ReferForm{}, nil) }

func (s *server) createReferral(c *fiber.Ctx) error {
	f := views.ReferForm{Organization: text(c, "organization"), Reason: text(c, "reason")}
	o, inv, err := s.store.Refer(c.UserContext(), actor(c), c.Params("id"), f.Organization, f.Reason)
	if problems(err) != nil {
		return s.referral(c, f, err)
	}
	if err != nil {
		return err
	}
	return s.doneMail(c, orgsPath+"?state=pending", "Invited "+inv.Email+" to "+o.Name+". The request is rejected.", "Invited "+inv.Email+" to "+o.Name+". The request is rejected.")
}

func (s *server) editOrgName(c *fiber.Ctx) error {
	v := at(c)
	return s.show(c, orgForm(c, "organizations", "Rename"), views.RenameOrganization(v.base, v.org.Name, nil))
}

func (s *server) updateOrgName(c *fiber.Ctx) error {
	name := text(c, "name")
	err := s.store.RenameOrg(c.UserContext(), actor(c), name)
	if p := problems(err); p != nil {
		return s.refused(c, err, orgForm(c, "organizations", "Rename"), views.RenameOrganization(at(c).base, name, p))
	}
	if err != nil {
		return err
	}
	return s.done(c, at(c).base, "Saved.")
}
