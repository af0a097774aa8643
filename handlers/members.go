package handlers

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"portico/portal"
	"portico/views"
)

// orgPage is a page of the organization the visitor is in: under /o for members,
// under /admin/organizations for portal admins.
func orgPage(c *fiber.Ctx, menu, title string) views.Page {
	v := at(c)
	if v.actor.Personal {
		return views.Page{Menu: menu, Title: title}
	}
	if v.actor.Oversees {
		return adminPage("applications", title, "Applications", "/admin/applications")
	}
	if v.actor.Role != "" {
		return views.Page{Area: views.Org, Menu: menu, Title: title}
	}
	return views.Page{Area: views.Admin, Menu: "organizations", Title: title + " · " + v.org.Name, Tabs: orgTabs(v.base, menu), Suspended: v.org.State == portal.OrgSuspended, Crumbs: []views.Crumb{
		{Label: "Organizations", Href: "/admin/organizations?state=" + string(v.org.State)}, {Label: v.org.Name, Href: v.base}, {Label: title}}}
}

// orgTabs lead through the pages of an organization, for portal admins.
func orgTabs(base, current string) []views.Tab {
	tabs := []views.Tab{{Label: "Overview", Href: base, Current: current == "overview"}}
	for _, label := range []string{"Users", "Teams", "Applications", "Activity"} {
		key := strings.ToLower(label)
		tabs = append(tabs, views.Tab{Label: label, Href: base + "/" + key, Current: current == key})
	}
	return tabs
}

// orgForm is a form of the organization, as a page of its own.
func orgForm(c *fiber.Ctx, menu, title string) views.Page {
	p := orgPage(c, menu, title)
	p.Narrow, p.Tabs = true, nil
	return p
}

func (s *server) listUsers(c *fiber.Ctx) error {
	v, ctx := at(c), c.UserContext()
	p := views.UsersProps{Base: v.base, ViewerID: v.actor.UserID, OfMember: v.actor.Role != "", Seen: v.seen, Query: query(c), First: c.Query("after") == "", Now: s.store.Now(),
		MaySeeOpen: v.actor.May(portal.SeeInvitations),
		MayManage:  v.actor.May(portal.ManageMembers) && v.org.State == portal.OrgActive}
	var err error
	if p.Members, err = s.store.Members(ctx, v.actor, p.Query, c.Query("after")); err != nil {
		return err
	}
	if p.Count, err = s.store.MemberCount(ctx, v.actor); err != nil {
		return err
	}
	if p.MaySeeOpen {
		if p.Invitations, err = s.store.Invitations(ctx, v.actor); err != nil {
			return err
		}
		p.Invitations = slices.DeleteFunc(p.Invitations, func(i portal.Invitation) bool { return !portal.Found(p.Query, i.Name(), i.Email) })
	}
	smtp, err := s.store.MailConfig(ctx)
	if err != nil {
		return err
	}
	p.MailOn = smtp.On()
	return s.show(c, orgPage(c, "users", "Users"), views.Users(p))
}

// may refuses a page whose operation would be refused.
func may(c *fiber.Ctx, action portal.Action) error {
	v := at(c)
	if v.actor.Personal && !v.actor.May(action) {
		return portal.Errorf(portal.Forbidden, "Confirm your address first. After that you can have applications of your own.")
	}
	if !v.actor.May(action) {
		return portal.NotAllowed(action, v.org.Name)
	}
	if v.org.State == portal.OrgSuspended {
		return portal.ErrSuspended
	}
	return nil
}

func (s *server) inviteForm(c *fiber.Ctx, in portal.NewInvitation, p portal.Problems) (views.InviteForm, error) {
	teams, err := s.teamChoices(c, in.Teams)
	if err != nil {
		return views.InviteForm{}, err
	}
	smtp, err := s.store.MailConfig(c.UserContext())
	return views.InviteForm{Base: at(c).base, Teams: teams, Org: at(c).org.Name, In: in, Days: lifeWords(at(c).set.InvitationLife), MailOn: smtp.On(), Problems: p}, err
}

func lifeWords(d time.Duration) string {
	hours := int(d / time.Hour)
	switch {
	case hours == 1:
		return "1 hour"
	case hours < 48:
		return strconv.Itoa(hours) + " hours"
	}
	return strconv.Itoa(hours/24) + " days"
}

func (s *server) newInvitation(c *fiber.Ctx) error {
	if err := may(c, portal.ManageMembers); err != nil {
		return err
	}
	d, err := s.store.InviteDefaults(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	in := portal.NewInvitation{Role: d.Role}
	if d.Team != "" {
		in.Teams = []string{d.Team}
	}
	f, err := s.inviteForm(c, in, nil)
	if err != nil {
		return err
	}
	return s.show(c, orgForm(c, "users", "Invite"), views.Invite(f))
}

func (s *server) createInvitation(c *fiber.Ctx) error {
	in := portal.NewInvitation{First: text(c, "first_name"), Last: text(c, "last_name"), Email: text(c, "email"), Role: portal.Role(text(c, "role")), Teams: ticked(c, teamField)}
	inv, err := s.store.Invite(c.UserContext(), actor(c), in)
	if p := problems(err); p != nil {
		f, formErr := s.inviteForm(c, in, p)
		if formErr != nil {
			return formErr
		}
		var e *portal.Error
		if errors.As(err, &e) {
			f.Resend = e.Ref
		}
		return s.refused(c, err, orgForm(c, "users", "Invite"), views.Invite(f))
	}
	if err != nil {
		return err
	}
	return s.invited(c, inv, "Invited "+inv.Email+".")
}

// invited tells the truth about the mail of an invitation.
func (s *server) invited(c *fiber.Ctx, inv portal.Invitation, notice string) error {
	if inv.MailState == portal.MailKept {
		return s.doneAs(c, at(c).base+"/users", views.Notice{Kind: "info", Text: notice + " Not sent: no mail server is set up. Copy the link."})
	}
	return s.done(c, at(c).base+"/users", notice)
}

func (s *server) resendInvitation(c *fiber.Ctx) error {
	inv, err := s.store.Resend(c.UserContext(), actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	return s.invited(c, inv, "Resent to "+inv.Email+". The earlier link does not work any more.")
}

func (s *server) revokeInvitation(c *fiber.Ctx) error {
	inv, err := s.store.Revoke(c.UserContext(), actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	return s.doneUndoable(c, at(c).base+"/users", "Revoked the invitation of "+inv.Email+".", inv.Undo)
}

func (s *server) showInvitationLink(c *fiber.Ctx) error {
	l, inv, err := s.store.CopyLink(c.UserContext(), actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	link := l.URL(s.base, s.store.Links(), portal.Copied)
	return s.show(c, orgForm(c, "users", "Invitation link"), views.InvitationLink(at(c).base+"/users", inv, link))
}

func (s *server) memberPage(c *fiber.Ctx) (views.MemberProps, error) {
	v := at(c)
	m, err := s.store.Member(c.UserContext(), v.actor, c.Params("id"))
	p := views.MemberProps{Base: v.base, Member: m, First: m.First, Last: m.Last, Role: m.Role, You: m.UserID == v.actor.UserID, Now: s.store.Now(),
		MayManage: v.actor.May(portal.ManageMembers) && v.org.State == portal.OrgActive}
	if err != nil {
		return p, err
	}
	in, err := s.store.MemberTeams(c.UserContext(), v.actor, m)
	if err != nil {
		return p, err
	}
	p.Teams, err = s.teamChoices(c, in)
	return p, err
}

func (s *server) editMember(c *fiber.Ctx) error {
	p, err := s.memberPage(c)
	if err != nil {
		return err
	}
	return s.show(c, orgPage(c, "users", p.Member.Name()), views.MemberPage(p))
}

func (s *server) updateMember(c *fiber.Ctx) error {
	first, last, role := text(c, "first_name"), text(c, "last_name"), portal.Role(text(c, "role"))
	teams, err := s.chosenTeams(c)
	if err != nil {
		return err
	}
	before, err := s.store.Member(c.UserContext(), actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	err = s.store.UpdateMember(c.UserContext(), actor(c), c.Params("id"), first, last, role, teams...)
	if p := problems(err); p != nil {
		page, pageErr := s.memberPage(c)
		if pageErr != nil {
			return pageErr
		}
		for i, t := range page.Teams {
			page.Teams[i].On = slices.Contains(teams, t.ID)
		}
		page.First, page.Last, page.Role, page.Problems = first, last, role, p
		return s.refused(c, err, orgPage(c, "users", page.Member.Name()), views.MemberPage(page))
	}
	if err != nil {
		return err
	}
	if role != before.Role && before.UserID != actor(c).UserID {
		return s.doneMail(c, at(c).base+"/users", "Saved. "+before.Name()+" is told by mail.", "Saved.")
	}
	return s.done(c, at(c).base+"/users", "Saved.")
}

func (s *server) newRemoval(c *fiber.Ctx) error {
	if err := may(c, portal.ManageMembers); err != nil {
		return err
	}
	return s.removalAgain(c, nil)
}

func (s *server) removalAgain(c *fiber.Ctx, problem error) error {
	v, ctx := at(c), c.UserContext()
	m, err := s.store.Member(ctx, v.actor, c.Params("id"))
	if err != nil {
		return err
	}
	seen, err := s.store.SeenBy(ctx, v.actor, m.PublicID)
	if err != nil {
		return err
	}
	body := views.RemoveMember(v.base, m, v.org.Name, v.actor.Role != "", seen, problems(problem))
	if problem != nil {
		return s.refused(c, problem, orgForm(c, "users", "Remove"), body)
	}
	return s.show(c, orgForm(c, "users", "Remove"), body)
}

func (s *server) createRemoval(c *fiber.Ctx) error {
	m, err := s.store.RemoveMember(c.UserContext(), actor(c), c.Params("id"))
	if problems(err) != nil {
		return s.removalAgain(c, err)
	}
	if err != nil {
		return err
	}
	smtp, err := s.store.MailConfig(c.UserContext())
	if err != nil {
		return err
	}
	notice := "Removed " + m.Name() + "."
	if !smtp.On() {
		notice += " Not sent: no mail server is set up."
	}
	exposed, err := s.store.Exposed(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	if len(exposed.Keys) > 0 {
		return s.doneUndoable(c, at(c).base+"/exposed", notice+" Choose which keys to rotate.", m.Undo)
	}
	return s.doneUndoable(c, at(c).base+"/users", notice, m.Undo)
}

// createUndo takes back a removal or a revocation.
func (s *server) createUndo(c *fiber.Ctx) error {
	undone, err := s.store.Undo(c.UserContext(), actor(c), c.Params("id"))
	if err != nil {
		return err
	}
	notice := undone.Who + " is a member again."
	if undone.Invitation {
		notice = "The invitation of " + undone.Who + " is open again."
	}
	return s.done(c, at(c).base+"/users", notice)
}
