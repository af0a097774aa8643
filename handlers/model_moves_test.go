package handlers

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"pgregory.net/rapid"

	"portico/portal"
)

// move is something that can be done. What is likelier stands there more often.
type move struct {
	name string
	do   func(*model)
}

var moves = func() []move {
	var all []move
	for _, v := range []struct {
		often int
		move
	}{
		{1, move{"nothing", func(*model) {}}}, // what rapid puts in the place of steps that a failure does not need
		{10, move{"look", (*model).look}},
		{2, move{"register", (*model).register}},
		{4, move{"confirm an address", (*model).prove}},
		{2, move{"approve an account", (*model).approveAccount}},
		{1, move{"deactivate", (*model).deactivate}},
		{3, move{"activate", (*model).activate}},
		{2, move{"sign in", (*model).enter}},
		{2, move{"register an organization", func(m *model) { m.found(m.consumer(is(portal.UserActive))) }}},
		{2, move{"approve", (*model).approve}},
		{1, move{"reject", (*model).reject}},
		{1, move{"withdraw", (*model).withdraw}},
		{1, move{"resubmit", (*model).resubmit}},
		{1, move{"rename", (*model).rename}},
		{6, move{"invite", (*model).invite}},
		{9, move{"accept", (*model).accept}},
		{4, move{"join", (*model).join}},
		{1, move{"decline", (*model).decline}},
		{2, move{"resend", (*model).resend}},
		{2, move{"revoke an invitation", (*model).revokeOffer}},
		{6, move{"change a role", (*model).changeRole}},
		{3, move{"remove", (*model).remove}},
		{2, move{"leave", (*model).leave}},
		{1, move{"suspend", (*model).suspend}},
		{3, move{"resume", (*model).resume}},
		{1, move{"delete", (*model).deleteOrg}},
		{4, move{"restore", (*model).restore}},
		{4, move{"make a key", (*model).makeKey}},
		{4, move{"rotate", (*model).rotate}},
		{2, move{"revoke a key", (*model).revokeKey}},
		{2, move{"turn a switch", (*model).turn}},
		{2, move{"let time pass", (*model).wait}},
	} {
		all = append(all, slices.Repeat([]move{v.move}, v.often)...)
	}
	return all
}()

// even draws numbers below 4,096, all as likely; rapid's own prefer small ones.
var even = rapid.Custom(func(t *rapid.T) int {
	n := 0
	for range 12 {
		n *= 2
		if rapid.Bool().Draw(t, "") {
			n++
		}
	}
	return n
})

func pick[T any](m *model, from ...T) T { return from[even.Draw(m.rt, "")%len(from)] }

// likely picks three times in four one for which something can come of it.
func likely[T any](m *model, from []T, good func(T) bool) T {
	best := slices.DeleteFunc(slices.Clone(from), func(x T) bool { return !good(x) })
	if n := even.Draw(m.rt, ""); n%4 > 0 && len(best) > 0 {
		return best[n/4%len(best)]
	}
	return pick(m, from...)
}

func (m *model) consumer(good func(*someone) bool) *someone { return likely(m, m.people, good) }

func (m *model) org(states ...portal.OrgState) *company {
	return likely(m, m.orgs, func(o *company) bool { return slices.Contains(states, o.state) })
}

// within is mostly somebody with one of the roles in the organization, or the
// portal admin.
func (m *model) within(o *company, admin bool, roles ...portal.Role) *someone {
	all := slices.Clone(m.people)
	if admin {
		all = append(all, m.admin)
	}
	return likely(m, all, func(p *someone) bool { return slices.Contains(roles, o.roles[p]) && p.state.MaySignIn() })
}

func is(states ...portal.UserState) func(*someone) bool {
	return func(p *someone) bool { return slices.Contains(states, p.state) }
}

// say writes down what happens next, and signs in who does it; limits are not
// what this is about.
func (m *model) say(p *someone, format string, args ...any) {
	m.step("%s "+format, append([]any{p.name}, args...)...)
	m.signIn(p)
	m.w.exec(`DELETE FROM limit_events`)
}

// step writes down and counts a step.
func (m *model) step(format string, args ...any) {
	m.rt.Logf(format, args...)
	m.tried++
}

// base is where somebody finds an organization's pages.
func base(p *someone, o *company) string {
	if p.admin {
		return "/admin/organizations/" + o.id
	}
	return "/o/" + o.id
}

// refusal is the status with which somebody is kept from changing an organization,
// 0 if they are not; manage says that only Super admins may.
func (m *model) refusal(p *someone, o *company, manage bool) int {
	switch {
	case !m.in(p):
		return ledToLogin
	case !o.provisioned(), !p.admin && o.roles[p] == "":
		return 404
	case manage && !p.admin && o.roles[p] != portal.SuperAdmin:
		return 403
	case o.state == portal.OrgSuspended:
		return 409
	}
	return 0
}

// firstOf is the first status that is not 0, else 303.
func firstOf(statuses ...int) int {
	return cmp.Or(cmp.Or(statuses...), 303)
}

// when is the status if the condition holds, else 0.
func when(condition bool, status int) int {
	if condition {
		return status
	}
	return 0
}

func (m *model) look() {
	o := m.org(portal.OrgActive)
	p := m.within(o, true, "", portal.TeamMember, portal.SuperAdmin)
	page := pick(m, "", "/users", "/applications", "/teams", "/activity", "/settings", "start", "request", "admin")
	m.say(p, "looks at %s %s", o.letter, page)
	switch page {
	case "start":
		a := p.browser.do("GET", "/", "")
		m.silent(p, a.body, m.known(p))
		if m.in(p) {
			p.seen = m.now()
		}
	case "request":
		own := o.requester == p && (!o.provisioned() && o.state != portal.OrgDeleted || o.roles[p] != "")
		m.ask(p, "GET", "/organizations/requests/"+o.id, nil, firstOf(when(!m.in(p), ledToLogin), when(own, 200), 404), m.ownOnly(p, o)...)
	case "admin":
		m.ask(p, "GET", "/admin/organizations/"+o.id, nil, firstOf(when(!m.in(p), ledToLogin), when(p.admin, 200), 404))
	default:
		m.ask(p, "GET", "/o/"+o.id+page, nil, firstOf(when(!m.in(p), ledToLogin), when(o.provisioned() && o.roles[p] != "", 200), 404))
	}
}

// known are the organizations that somebody may know of.
func (m *model) known(p *someone) []*company {
	if p.admin {
		return m.orgs
	}
	return slices.DeleteFunc(slices.Clone(m.orgs), func(o *company) bool { return !m.mayKnow(p, o) })
}

func form(fields ...string) map[string]string {
	f := map[string]string{}
	for i := 0; i < len(fields); i += 2 {
		f[fields[i]] = fields[i+1]
	}
	return f
}

func (m *model) personForm(p *someone) map[string]string {
	return form("first_name", p.name, "last_name", "Model", "email", p.email, "password", password)
}

// arrived notes the account that somebody has made.
func (m *model) arrived(p *someone, state portal.UserState) {
	p.state = state
	p.id = m.w.text(`SELECT public_id FROM users WHERE email_key = ?`, p.email)
}

// askProof is what sends somebody a link that proves their address.
func (m *model) askProof(p *someone) {
	p.proofUntil = m.now().Add(portal.ProofLife)
	m.mail(portal.MailProve, p)
}

// again is what a registration with a taken address does: its owner is told.
func (m *model) again(p *someone) {
	if p.state == portal.UserUnproven {
		m.askProof(p)
	} else {
		m.mail(portal.MailAlreadyRegistered, p)
	}
}

func (m *model) register() {
	p := m.consumer(is(""))
	m.say(p, "registers")
	if !m.on["register"] {
		m.send(m.w.browser(""), p, "POST", "/register", m.personForm(p), 404, nil)
		return
	}
	m.send(m.w.browser(""), p, "POST", "/register", m.personForm(p), 303, nil)
	if p.state != "" {
		m.again(p)
		return
	}
	m.arrived(p, portal.UserUnproven)
	m.note(p, portal.AuditRegistered)
	m.askProof(p)
}

func (m *model) prove() {
	p := m.consumer(is(portal.UserUnproven))
	if p.state == "" {
		return
	}
	older := pick(m, 0, 0, 0, 1)
	m.say(p, "confirms the address, with link %d before the last", older)
	version := m.w.number(`SELECT proof_version FROM users WHERE public_id = ?`, p.id) - int64(older)
	path := "/verify-email/" + m.w.store.Links().Token(portal.Link{Purpose: portal.LinkProof, Kind: portal.Mailed, ID: p.id, Version: version})
	if want := firstOf(when(p.state != portal.UserUnproven || older > 0 || !m.now().Before(p.proofUntil), 410)); want != 303 {
		m.send(m.w.browser(""), p, "POST", path, form("password", password), want, nil)
		return
	}
	m.proved(p, m.belongs(p))
	m.send(m.w.browser(""), p, "POST", path, form("password", password), 303, nil)
}

func (m *model) belongs(p *someone) bool {
	return slices.ContainsFunc(m.orgs, func(o *company) bool { return o.roles[p] != "" })
}

// proved makes an account its mailbox's: all sessions end.
func (m *model) proved(p *someone, invited bool) {
	p.doubtful, p.session = false, false
	m.note(p, portal.AuditProved)
	if p.state = portal.UserActive; !invited && !m.on["approve_users"] {
		p.state = portal.UserWaiting
		m.mail(portal.MailUserWaiting, m.admin)
	}
}

func (m *model) approveAccount() {
	p := m.consumer(is(portal.UserWaiting))
	if p.state == "" {
		return
	}
	m.say(m.admin, "approves the account of %s", p.name)
	want := firstOf(when(p.state != portal.UserWaiting, 409))
	if want == 303 {
		p.state = portal.UserActive
		m.note(m.admin, portal.AuditUserApproved)
		m.mail(portal.MailUserApproved, p)
	}
	m.ask(m.admin, "POST", "/admin/users/"+p.id+"/approval", nil, want)
}

func (m *model) deactivate() {
	p := m.consumer(is(portal.UserActive))
	if p.state == "" {
		return
	}
	m.say(m.admin, "deactivates %s", p.name)
	needed := slices.ContainsFunc(m.orgs, func(o *company) bool { return !o.keeps(p) })
	want := firstOf(when(p.state == portal.UserDeactivated || needed, 409))
	if want == 303 {
		for _, o := range m.orgs {
			if o.roles[p] != "" {
				m.lost = append(m.lost, place{p, o})
			}
		}
		p.before, p.state, p.session = p.state, portal.UserDeactivated, false
		m.note(m.admin, portal.AuditUserDeactivated)
	}
	m.ask(m.admin, "POST", "/admin/users/"+p.id+"/deactivation", nil, want)
}

func (m *model) activate() {
	p := m.consumer(is(portal.UserDeactivated))
	if p.state == "" {
		return
	}
	m.say(m.admin, "activates %s", p.name)
	want := firstOf(when(p.state != portal.UserDeactivated, 409))
	if want == 303 {
		if p.state = portal.UserActive; p.before == portal.UserUnproven {
			p.state = portal.UserUnproven
		}
		m.note(m.admin, portal.AuditUserActivated)
		if p.before == portal.UserWaiting {
			m.mail(portal.MailUserApproved, p)
		}
	}
	m.ask(m.admin, "POST", "/admin/users/"+p.id+"/activation", nil, want)
}

func (m *model) enter() {
	p := m.consumer(is(acting...))
	m.step("%s signs in", p.name)
	m.w.exec(`DELETE FROM limit_events`)
	b, want := m.w.browser(""), 422
	if p.state.MaySignIn() && m.on["sign_in"] {
		want = 303
	}
	m.send(b, p, "POST", "/login", form("email", p.email, "password", password), want, nil)
	if want == 303 {
		p.browser = b
		m.began(p)
		m.note(p, portal.AuditSignedIn)
	}
}

// found registers an organization.
func (m *model) found(p *someone) {
	if len(m.orgs) == 5 {
		return
	}
	letter := string(rune('A' + len(m.orgs)))
	o := &company{letter: letter, canary: fmt.Sprintf("%s%d%sx", canaryStart, m.number, letter), state: portal.OrgPending, requester: p, roles: map[*someone]portal.Role{}}
	o.name = o.canary
	m.say(p, "registers the organization %s", letter)
	waits := slices.ContainsFunc(m.orgs, func(o *company) bool { return o.requester == p && o.state == portal.OrgPending })
	want := firstOf(when(!m.in(p), ledToLogin), when(!m.on["register_orgs"], 404), when(p.state != portal.UserActive, 403), when(waits, 409))
	a := m.ask(p, "POST", "/organizations", form("name", o.name), want, o)
	if want != 303 {
		return
	}
	o.id = regexp.MustCompile(`[^/]+$`).FindString(a.leads())
	m.orgs = append(m.orgs, o)
	if m.on["approve_orgs"] {
		m.provision(o)
		m.note(p, portal.AuditOrgRegistered)
		return
	}
	m.note(p, portal.AuditOrgRequested)
	m.mail(portal.MailOrgRequested, m.admin)
}

func (m *model) provision(o *company) {
	o.state = portal.OrgActive
	o.roles[o.requester] = portal.SuperAdmin
}

func (m *model) decide(verb, path string, form map[string]string, kind portal.AuditKind, mail portal.MailKind, next func(*company), also func(*company) bool) {
	o := m.org(portal.OrgPending)
	m.say(m.admin, "%s %s", verb, o.letter)
	if form["name"] != "" {
		form["name"] = o.name
	}
	want := firstOf(when(o.state != portal.OrgPending || !also(o), 409))
	if want == 303 {
		next(o)
		m.note(m.admin, kind)
		m.mail(mail, o.requester)
	}
	m.ask(m.admin, "POST", "/admin/organizations/"+o.id+path, form, want)
}

func (m *model) approve() {
	m.decide("approves", "/approval", form("name", "as requested"), portal.AuditOrgApproved, portal.MailOrgApproved, m.provision,
		func(o *company) bool { return o.requester.state == portal.UserActive })
}

func (m *model) reject() {
	m.decide("rejects", "/rejection", form("reason", "No."), portal.AuditOrgRejected, portal.MailOrgRejected,
		func(o *company) { o.state = portal.OrgRejected }, func(*company) bool { return true })
}

func (m *model) withdraw() {
	o := m.org(portal.OrgPending)
	p := m.consumer(func(p *someone) bool { return p == o.requester })
	m.say(p, "withdraws %s", o.letter)
	want := firstOf(when(!m.in(p), ledToLogin), when(o.requester != p, 404), when(o.state != portal.OrgPending, 409))
	if want == 303 {
		o.state = portal.OrgWithdrawn
		m.note(p, portal.AuditOrgWithdrawn)
	}
	m.ask(p, "POST", "/organizations/requests/"+o.id+"/withdrawal", nil, want, m.ownOnly(p, o)...)
}

// ownOnly is the organization if somebody asked for it: a refusal may name it.
func (m *model) ownOnly(p *someone, o *company) []*company {
	if o.requester == p {
		return []*company{o}
	}
	return nil
}

func (m *model) resubmit() {
	o := m.org(portal.OrgRejected)
	p := m.consumer(func(p *someone) bool { return p == o.requester })
	m.say(p, "resubmits %s", o.letter)
	waits := slices.ContainsFunc(m.orgs, func(o *company) bool { return o.requester == p && o.state == portal.OrgPending })
	want := firstOf(when(!m.in(p), ledToLogin), when(o.requester != p, 404), when(!m.on["register_orgs"], 404), when(p.state != portal.UserActive, 403),
		when(o.state != portal.OrgRejected || waits, 409))
	if want == 303 {
		o.state = portal.OrgPending
		m.note(p, portal.AuditOrgResubmitted)
		if m.on["approve_orgs"] {
			m.provision(o)
		} else {
			m.mail(portal.MailOrgRequested, m.admin)
		}
	}
	m.ask(p, "POST", "/organizations/requests/"+o.id+"/resubmission", form("name", o.name), want, m.ownOnly(p, o)...)
}

func (m *model) rename() {
	o := m.org(portal.OrgActive)
	p := m.within(o, true, portal.SuperAdmin)
	m.say(p, "renames %s", o.letter)
	path := "/settings"
	if p.admin {
		path = "/name"
	}
	want, name := firstOf(m.refusal(p, o, true)), o.canary+strconv.Itoa(int(m.now().Unix()%1000))
	if want == 303 && name != o.name {
		o.name = name
		m.note(p, portal.AuditOrgRenamed)
	}
	m.ask(p, "POST", base(p, o)+path, form("name", name), want)
}

var bothRoles = []portal.Role{portal.TeamMember, portal.SuperAdmin}

func (m *model) invite() {
	o, role := m.org(portal.OrgActive), pick(m, bothRoles...)
	p := m.within(o, true, portal.SuperAdmin)
	to := m.consumer(func(p *someone) bool { return o.roles[p] == "" })
	m.say(p, "invites %s to %s as %s", to.name, o.letter, role)
	var old *offer
	for _, i := range m.offers {
		if i.org == o && i.to == to && i.state == portal.InvitationPending {
			old = i
		}
	}
	want := firstOf(m.refusal(p, o, true), when(o.roles[to] != "", 409), when(old != nil && m.stands(old) == portal.InvitationPending, 409))
	f := m.personForm(to)
	delete(f, "password")
	f["role"] = string(role)
	m.ask(p, "POST", base(p, o)+"/invitations", f, want)
	if want != 303 {
		return
	}
	m.mail(portal.MailInvitation, to)
	if old != nil {
		m.note(p, portal.AuditInvitationResent)
		old.role, old.by, old.version, old.until = role, p, old.version+1, m.now().Add(7*24*time.Hour)
		return
	}
	m.note(p, portal.AuditInvited)
	i := &offer{org: o, to: to, by: p, role: role, state: portal.InvitationPending, until: m.now().Add(7 * 24 * time.Hour), label: fmt.Sprintf("invitation %d", len(m.offers)+1)}
	m.w.must(m.w.sql.QueryRow(`SELECT public_id, version FROM invitations ORDER BY id DESC LIMIT 1`).Scan(&i.id, &i.version))
	m.offers = append(m.offers, i)
}

// link is the address of an invitation's link, which may be an older one.
func (m *model) link(i *offer) (path string, kind portal.LinkKind, newest bool) {
	kind = pick(m, portal.Mailed, portal.Copied)
	older := pick(m, 0, 0, 0, 0, 1)
	return "/invitations/" + m.w.store.Links().Token(portal.Link{Purpose: portal.LinkInvitation, Kind: kind, ID: i.id, Version: i.version - int64(older)}), kind, older == 0
}

// open is the status of what is over, 0 for an offer that can be answered.
func (m *model) open(i *offer, newest bool) int {
	return when(!newest || m.stands(i) != portal.InvitationPending || i.org.state != portal.OrgActive, 410)
}

// offer is mostly one that is open and good for something.
func (m *model) offer(good func(*offer) bool) *offer {
	return likely(m, m.offers, func(i *offer) bool { return m.open(i, true) == 0 && good(i) })
}

// guest is mostly the invited person, sometimes somebody else.
func (m *model) guest(i *offer) *someone { return pick(m, i.to, i.to, i.to, m.people[0]) }

func (m *model) accept() {
	if len(m.offers) == 0 {
		return
	}
	i := m.offer(func(i *offer) bool { return i.to.state != "" })
	p := m.guest(i)
	path, kind, newest := m.link(i)
	m.say(p, "accepts %s (%s in %s), kind %d, newest: %t", i.label, i.to.name, i.org.letter, kind, newest)
	want := firstOf(when(!m.in(p), ledToLogin), when(i.to != p, 403), when(i.org.roles[p] != "", 409), m.open(i, newest), when(p.doubtful && kind == portal.Mailed, 409))
	if want == 303 {
		if p.state == portal.UserUnproven && kind == portal.Mailed {
			m.proved(p, true)
		} else if p.state == portal.UserUnproven {
			p.doubtful = true
		} else {
			p.state = portal.UserActive
		}
		m.joined(p, i)
	}
	m.ask(p, "POST", path+"/acceptance", nil, want, i.org)
}

// joined makes somebody a member.
func (m *model) joined(p *someone, i *offer) {
	i.state = portal.InvitationAccepted
	i.org.roles[p] = i.role
	m.note(p, portal.AuditJoined)
	m.mail(portal.MailAccepted, i.by)
	m.began(p)
}

func (m *model) join() {
	if len(m.offers) == 0 {
		return
	}
	i := m.offer(func(i *offer) bool { return i.to.state == "" || i.to.state == portal.UserUnproven })
	p := i.to
	path, kind, newest := m.link(i)
	m.say(p, "registers by %s of %s, kind %d, newest: %t", i.label, i.org.letter, kind, newest)
	want := firstOf(m.open(i, newest), when(kind == portal.Mailed && p.state != "" && (p.state != portal.UserUnproven || i.org.roles[p] != ""), 409))
	b := m.w.browser("")
	made := p.state == ""
	m.send(b, p, "POST", path+"/registration", m.personForm(p), want, []*company{i.org})
	if want != 303 {
		return
	}
	if kind == portal.Copied && !made {
		if m.again(p); p.state == portal.UserUnproven {
			p.doubtful = true
		}
		return
	}
	switch {
	case made && kind == portal.Mailed:
		m.arrived(p, portal.UserActive)
		m.note(p, portal.AuditRegistered)
	case made:
		m.arrived(p, portal.UserUnproven)
		p.doubtful = true
		m.note(p, portal.AuditRegistered)
		m.askProof(p)
	default:
		m.proved(p, true)
	}
	p.browser = b
	m.joined(p, i)
}

func (m *model) decline() {
	if len(m.offers) == 0 {
		return
	}
	i := m.offer(func(i *offer) bool { return i.to.state != "" })
	p := m.guest(i)
	path, kind, newest := m.link(i)
	m.say(p, "declines %s (%s in %s), kind %d, newest: %t", i.label, i.to.name, i.org.letter, kind, newest)
	want := firstOf(when(m.in(p) && i.to != p || !m.in(p) && kind == portal.Copied, 403), m.open(i, newest))
	if want == 303 {
		i.state = portal.InvitationDeclined
		m.note(i.to, portal.AuditInvitationDeclined)
	}
	m.ask(p, "POST", path+"/refusal", nil, want, i.org)
}

// manage is what is done to an invitation in an organization, mostly its own.
func (m *model) manage(verb, path string, done func(p *someone, i *offer)) {
	if len(m.offers) == 0 {
		return
	}
	i := m.offer(func(*offer) bool { return true })
	o := pick(m, i.org, i.org, i.org, m.orgs[0])
	p := m.within(o, true, portal.SuperAdmin)
	m.say(p, "%s %s (%s in %s) in %s", verb, i.label, i.to.name, i.org.letter, o.letter)
	want := firstOf(m.refusal(p, o, true), when(o != i.org, 404), when(i.state != portal.InvitationPending, 409))
	if want == 303 {
		done(p, i)
	}
	m.ask(p, "POST", base(p, o)+"/invitations/"+i.id+path, nil, want)
}

func (m *model) resend() {
	m.manage("resends", "/renewal", func(p *someone, i *offer) {
		i.by, i.version, i.until = p, i.version+1, m.now().Add(7*24*time.Hour)
		m.note(p, portal.AuditInvitationResent)
		m.mail(portal.MailInvitation, i.to)
	})
}

func (m *model) revokeOffer() {
	m.manage("revokes", "/revocation", func(p *someone, i *offer) {
		i.state = portal.InvitationRevoked
		m.note(p, portal.AuditInvitationRevoked)
	})
}

// member is mostly a member of the organization.
func (m *model) member(o *company) *someone {
	all := slices.DeleteFunc(slices.Clone(m.people), func(p *someone) bool { return p.state == "" })
	return likely(m, all, func(p *someone) bool { return o.roles[p] != "" })
}

func (m *model) changeRole() {
	o := m.org(portal.OrgActive)
	p := m.within(o, true, portal.SuperAdmin)
	other := m.member(o)
	role := likely(m, bothRoles, func(r portal.Role) bool { return r != o.roles[other] })
	m.say(p, "makes %s %s in %s", other.name, role, o.letter)
	old := o.roles[other]
	want := m.refusal(p, o, true)
	if (want == 403 || want == 409) && old == "" {
		want = 404
	}
	want = firstOf(want, when(old == "", 404), when(old != role && role == portal.TeamMember && !o.keeps(other), 409))
	if want == 303 && old != role {
		o.roles[other] = role
		m.note(p, portal.AuditRoleChanged)
		if other != p {
			m.mail(portal.MailRoleChanged, other)
		}
		if old == portal.SuperAdmin {
			m.mail(portal.MailRoleChanged, o.superAdmins(acting, p, other)...)
		}
	}
	m.ask(p, "POST", base(p, o)+"/users/"+other.id, form("first_name", other.name, "last_name", "Model", "role", string(role)), want)
}

func (m *model) remove() {
	o := m.org(portal.OrgActive)
	p := m.within(o, true, portal.SuperAdmin)
	other := m.member(o)
	m.say(p, "removes %s from %s", other.name, o.letter)
	role := o.roles[other]
	want := m.refusal(p, o, true)
	if want == 409 && role == "" {
		want = 404
	}
	want = firstOf(want, when(role == "", 404), when(other == p || !o.keeps(other), 409))
	if want == 303 {
		delete(o.roles, other)
		m.lost = append(m.lost, place{other, o})
		m.note(p, portal.AuditMemberRemoved)
		m.mail(portal.MailRemoved, other)
		if role == portal.SuperAdmin {
			m.mail(portal.MailRemoved, o.superAdmins(acting, p)...)
		}
	}
	m.ask(p, "POST", base(p, o)+"/users/"+other.id+"/removal", nil, want)
}

func (m *model) leave() {
	o := m.org(portal.OrgActive)
	p := m.within(o, false, portal.TeamMember, portal.SuperAdmin)
	m.say(p, "leaves %s", o.letter)
	want := m.refusal(p, o, false)
	if want == 409 { // a suspended one can be left
		want = 0
	}
	want = firstOf(want, when(!o.keeps(p), 409))
	if want == 303 {
		delete(o.roles, p)
		m.lost = append(m.lost, place{p, o})
		m.note(p, portal.AuditLeft)
	}
	m.ask(p, "POST", "/o/"+o.id+"/departure", nil, want, m.known(p)...)
}

// move takes an organization from one of the states to another.
func (m *model) moveOrg(verb, path string, from []portal.OrgState, kind portal.AuditKind, mail func(*company) portal.MailKind, next func(*company), refused func(*company) int) {
	o := m.org(from...)
	m.say(m.admin, "%s %s", verb, o.letter)
	f := form("reason", "Because.", "confirm", o.name)
	want := firstOf(when(!slices.Contains(from, o.state), 409), refused(o))
	if want == 303 {
		next(o)
		o.changed = m.now()
		m.note(m.admin, kind)
		m.mail(mail(o), o.superAdmins(acting)...)
	}
	m.ask(m.admin, "POST", "/admin/organizations/"+o.id+path, f, want)
}

func always(k portal.MailKind) func(*company) portal.MailKind {
	return func(*company) portal.MailKind { return k }
}

func never(*company) int { return 0 }

func (m *model) suspend() {
	m.moveOrg("suspends", "/suspension", []portal.OrgState{portal.OrgActive}, portal.AuditOrgSuspended, always(portal.MailOrgSuspended),
		func(o *company) { o.state = portal.OrgSuspended }, never)
}

func (m *model) resume() {
	m.moveOrg("resumes", "/resumption", []portal.OrgState{portal.OrgSuspended}, portal.AuditOrgResumed, always(portal.MailOrgResumed),
		func(o *company) { o.state = portal.OrgActive }, never)
}

func (m *model) deleteOrg() {
	m.moveOrg("deletes", "/deletion", []portal.OrgState{portal.OrgActive, portal.OrgSuspended}, portal.AuditOrgDeleted, always(portal.MailOrgDeleted),
		func(o *company) {
			o.before, o.state = o.state, portal.OrgDeleted
			for _, i := range m.offers {
				if i.org == o && i.state == portal.InvitationPending {
					i.state = portal.InvitationRevoked
				}
			}
			for _, p := range m.people {
				if o.roles[p] != "" {
					m.lost = append(m.lost, place{p, o})
				}
			}
		}, never)
}

func (m *model) restore() {
	m.moveOrg("restores", "/restoration", []portal.OrgState{portal.OrgDeleted}, portal.AuditOrgRestored,
		func(o *company) portal.MailKind {
			if o.state == portal.OrgSuspended {
				return portal.MailOrgSuspended
			}
			return portal.MailOrgResumed
		}, func(o *company) { o.state = o.before },
		func(o *company) int {
			return cmp.Or(when(!m.now().Before(o.changed.Add(portal.RestoreFor)), 410), when(len(o.superAdmins(onlyActive)) == 0, 409))
		})
}

// makeKey makes the organization's application, or a key of it.
func (m *model) makeKey() {
	o := m.org(portal.OrgActive)
	p := m.within(o, false, portal.TeamMember, portal.SuperAdmin)
	if len(o.keys) == 5 {
		return
	}
	m.say(p, "makes an application or a key in %s", o.letter)
	want := m.refusal(p, o, false)
	if o.app == "" {
		a := m.ask(p, "POST", "/o/"+o.id+"/applications", form("name", o.canary+" app", "visibility", "organization"), firstOf(want))
		if want == 0 {
			o.app = regexp.MustCompile(`[^/]+$`).FindString(a.leads())
			m.note(p, portal.AuditAppCreated)
		}
		return
	}
	a := m.ask(p, "POST", "/o/"+o.id+"/applications/"+o.app+"/credentials", form("label", o.canary, "once", "on"), firstOf(want, 200))
	if want == 0 {
		m.newKey(o, a)
		m.note(p, portal.AuditKeyCreated)
	}
}

var keyValue = regexp.MustCompile(`portico_[0-9A-Za-z_]{20,}`)

// newKey reads a key from the one answer that shows it.
func (m *model) newKey(o *company, a answer) {
	k := &key{org: o, value: keyValue.FindString(a.body), label: fmt.Sprintf("key %d of %s", len(o.keys)+1, o.letter)}
	k.id = m.w.text(`SELECT public_id FROM credentials ORDER BY id DESC LIMIT 1`)
	if !portal.WellFormedKey(k.value) {
		m.rt.Fatalf("the answer shows no key but %q", k.value)
	}
	o.keys = append(o.keys, k)
}

// key is one of an organization that has any, nil if there is none.
func (m *model) key() *key {
	var all []*key
	for _, o := range m.orgs {
		all = append(all, o.keys...)
	}
	if len(all) == 0 {
		return nil
	}
	return likely(m, all, m.works)
}

func (m *model) rotate() {
	k := m.key()
	if k == nil {
		return
	}
	p, grace := m.within(k.org, false, portal.TeamMember, portal.SuperAdmin), pick(m, portal.GraceNone, portal.GraceDay)
	m.say(p, "rotates %s, grace %q", k.label, grace)
	want := firstOf(m.refusal(p, k.org, false), when(k.revoked || !k.ends.IsZero(), 409), 200)
	a := m.ask(p, "POST", "/o/"+k.org.id+"/applications/"+k.org.app+"/credentials/"+k.id+"/rotation", form("grace", string(grace)), want)
	if want != 200 {
		return
	}
	if k.ends = m.now(); grace == portal.GraceDay {
		k.ends = k.ends.Add(24 * time.Hour)
	}
	for _, older := range k.org.keys {
		if older.replacedBy == k && older.ends.After(m.now()) {
			older.ends = m.now()
		}
	}
	m.newKey(k.org, a)
	k.replacedBy = k.org.keys[len(k.org.keys)-1]
	m.note(p, portal.AuditKeyRotated)
}

func (m *model) revokeKey() {
	k := m.key()
	if k == nil {
		return
	}
	p := m.within(k.org, true, portal.TeamMember, portal.SuperAdmin)
	m.say(p, "revokes %s", k.label)
	want := firstOf(m.refusal(p, k.org, false), when(k.revoked || !k.ends.IsZero() && !m.now().Before(k.ends), 409))
	if want == 303 {
		k.revoked = true
		m.note(p, portal.AuditKeyRevoked)
	}
	m.ask(p, "POST", base(p, k.org)+"/applications/"+k.org.app+"/credentials/"+k.id+"/revocation", nil, want)
}

func (m *model) turn() {
	key := likely(m, portal.Switches, func(s portal.Switch) bool { return !m.on[s.Key] }).Key
	m.say(m.admin, "turns %s to %t", key, !m.on[key])
	m.on[key] = !m.on[key]
	f := form()
	for key, on := range m.on {
		if on {
			f[key] = "on"
		}
	}
	m.note(m.admin, portal.AuditSettingChanged)
	m.ask(m.admin, "POST", "/admin/settings/general", f, 303)
}

func (m *model) wait() {
	d := pick(m, time.Minute, time.Hour, time.Hour, 25*time.Hour, 25*time.Hour, 8*24*time.Hour, 31*24*time.Hour)
	m.step("%s pass", d)
	m.w.pass(d)
}
