package call

import (
	"slices"
	"time"

	"roost/registrar"
)

// hunt is the search for somebody who answers: a tree whose leaves are legs.
type hunt struct {
	query Query
	from  Party // as who is rung sees the caller
	// caller is who waits, and whose offer is passed on; its offer is empty for a
	// delayed one.
	caller *leg
	offer  Body
	// transfer: the caller is connected already; the far end makes the offer.
	transfer bool
	hops     int
	visited  []string
	diverted int
	root     *node
	// committed is the leg whose early media the caller hears. It is the last that is
	// left to try, so that the call stands or falls with it.
	committed *leg
	// updated: the two agreed on something else since, so that the answer to the call
	// has nothing more to say (RFC 6337 §3.1.1).
	updated bool
	// redirected: a 3xx was followed, and no other will be.
	redirected bool
	// rang is what the caller was told last.
	rang Ring
}

// node is somebody, or a list of somebodies, that is tried. A leaf has a leg.
type node struct {
	parent *node
	leg    *leg
	kind   RouteKind
	number registrar.Number
	name   string
	guest  bool
	// serial: one after the other.
	serial bool
	items  []item // not begun yet
	live   []*node
	// ringFor bounds how long its children ring (in a serial node, each of them);
	// deadline is when that ends.
	ringFor  time.Duration
	deadline time.Time
	best     Cause
	onBusy   string
	noAnswer string
	// forwarded: what is tried now is where the number is forwarded to.
	forwarded bool
	depth     int // how many forwards led here
	member    bool
	// advancing: the node is in advance, which sees by itself what became of a child.
	advancing bool
}

// item is what a node has still to begin: a number, or where number is empty a target.
type item struct {
	number string
	member bool
	target Target
}

// startHunt looks for to.
func (c *Call) startHunt(h *hunt, to string) {
	c.hunt = h
	h.root = &node{serial: true, items: []item{{number: to}}, depth: h.diverted}
	c.advance(h.root)
}

// advance begins what a node may begin, and ends it where nothing is left.
func (c *Call) advance(n *node) {
	if n.advancing {
		return
	}
	n.advancing = true
	for c.hunt != nil && len(n.items) > 0 && (!n.serial || len(n.live) == 0) {
		it := n.items[0]
		n.items = n.items[1:]
		var cause Cause
		if it.number != "" {
			cause = c.resolve(n, it)
		} else {
			cause = c.dial(n, it.target)
		}
		n.best = better(n.best, cause)
	}
	n.advancing = false
	if c.hunt == nil {
		return
	}
	switch {
	case len(n.live) == 0 && len(n.items) == 0:
		c.exhausted(n)
	case len(n.live) > 0 && n.ringFor > 0 && n.deadline.IsZero():
		n.deadline = c.now.Add(n.ringFor)
	}
}

// maxLookups bounds the numbers that a call comes to: groups of groups, none of whose
// members is there, would otherwise take for ever.
const maxLookups = 256

// resolve begins a number: it asks the router and adds a child for the answer. A
// cause says that there is nothing to try.
func (c *Call) resolve(n *node, it item) Cause {
	if c.lookups++; c.lookups > maxLookups {
		if c.lookups == maxLookups+1 {
			c.do(Noted{Counter: CountBranches, Text: "number " + it.number + " is not looked up: groups and forwards lead to too many numbers"})
		}
		return Cause{Status: 500, Phrase: "too many places to try"}
	}
	q := c.hunt.query
	q.To, q.Forwarded = it.number, q.Forwarded || n.parent != nil || n.forwarded || it.member
	r := c.cfg.Router.Route(q)
	if r.Number == "" {
		r.Number = registrar.Number(it.number)
	}
	for up := n; up != nil; up = up.parent {
		if up.kind != Unknown && up.number == r.Number && up.leg == nil {
			c.do(Noted{Counter: CountLoop, Text: "number " + string(r.Number) + " leads to itself"})
			return Cause{Status: 482, Phrase: "forwarded in a circle"}
		}
	}
	child := &node{parent: n, kind: r.Kind, number: r.Number, name: r.Name, guest: r.Guest, depth: n.depth, member: it.member}
	switch r.Kind {
	case ToUser:
		c.user(child, r)
	case ToSystem, ToTrunks, ToEmergency:
		child.serial = true
		child.items = targets(r.Targets)
		if len(r.Targets) == 0 {
			child.best = Cause{Status: 480, Phrase: "no way to " + string(r.Number) + " at present"}
		}
		if r.Kind == ToEmergency {
			c.emergency = true
		}
	case ToGroup:
		c.group(child, r)
	case Barred:
		return refusal(r.Refuse)
	default:
		return Cause{Status: 404, Phrase: "no such number"}
	}
	n.live = append(n.live, child)
	c.advance(child)
	return Cause{}
}

func targets(all []Target) []item {
	out := make([]item, 0, len(all))
	for _, t := range all {
		out = append(out, item{target: t})
	}
	return out
}

// user sets up the node of a user served here. What its settings say about calls
// is done here and nowhere else.
func (c *Call) user(n *node, r Route) {
	s := r.User
	if !n.member && !c.hunt.transfer && c.rec.To.Kind == "" {
		c.rec.To = RecordParty{Number: n.number, Name: n.name, Kind: Phone.String(), System: c.cfg.System, Guest: n.guest}
	}
	n.ringFor = s.RingFor
	if n.ringFor <= 0 {
		n.ringFor = c.cfg.Limits.RingFor
	}
	if n.member {
		n.ringFor = 0 // the group's
	} else {
		n.onBusy, n.noAnswer = s.OnBusy, s.NoAnswer
	}
	switch {
	case s.Always != "" && !n.member && c.mayForward(n):
		c.forward(n, s.Always)
	case s.DoNotDisturb:
		n.best = Cause{Status: 486, Phrase: "do not disturb"}
	case s.InCalls:
		n.best = Cause{Status: 486, Phrase: "busy"}
	case len(r.Targets) == 0:
		n.best = Cause{Status: 480, Phrase: "not registered"}
	default:
		n.items = targets(r.Targets)
	}
}

// group sets up the node of a hunt list.
func (c *Call) group(n *node, r Route) {
	members := r.Group.Members
	if r.Group.Mode == LongestIdle {
		members = c.byIdleness(members)
	}
	for _, m := range members {
		n.items = append(n.items, item{number: m, member: true})
	}
	n.serial = r.Group.Mode != RingAll
	n.ringFor = r.Group.RingFor
	if n.ringFor <= 0 {
		n.ringFor = c.cfg.Limits.MemberRingFor
	}
	n.onBusy, n.noAnswer = r.Group.Overflow, r.Group.Overflow
	if len(members) == 0 {
		n.best = Cause{Status: 480, Phrase: "the group has no members"}
	}
}

// byIdleness sorts numbers, who has been without a call for longest first.
func (c *Call) byIdleness(members []string) []string {
	type idle struct {
		number string
		since  time.Time
	}
	all := make([]idle, 0, len(members))
	for _, m := range members {
		q := c.hunt.query
		q.To = m
		all = append(all, idle{m, c.cfg.Router.Route(q).User.IdleSince})
	}
	slices.SortStableFunc(all, func(a, b idle) int { return a.since.Compare(b.since) })
	out := make([]string, 0, len(all))
	for _, m := range all {
		out = append(out, m.number)
	}
	return out
}

// mayForward tells whether one more forward is allowed, and notes it where not.
func (c *Call) mayForward(n *node) bool {
	if n.depth < c.cfg.Limits.Forwards {
		return true
	}
	c.do(Noted{Counter: CountForwards, Text: "number " + string(n.number) + " is not forwarded further: too many forwards"})
	return false
}

// forward makes a node try another number in its own place.
func (c *Call) forward(n *node, to string) {
	n.forwarded, n.serial, n.depth = true, true, n.depth+1
	n.ringFor, n.deadline = 0, time.Time{}
	n.onBusy, n.noAnswer = "", ""
	n.items = []item{{number: to}}
	c.diverted = append(c.diverted, string(n.number))
}

// exhausted: nothing of a node is left to try.
func (c *Call) exhausted(n *node) {
	if n.best.Status == 0 {
		n.best = Cause{Status: 480, Phrase: "not available"}
	}
	to := ""
	switch {
	case n.best.busy():
		to = n.onBusy
	case n.best.unanswered():
		to = n.noAnswer
	}
	if to != "" && c.mayForward(n) {
		c.forward(n, to)
		c.advance(n)
		return
	}
	if n.parent != nil {
		c.childFailed(n, n.best)
		return
	}
	c.huntFailed(n.best)
}

// childFailed takes a child, whose cause is known, from its node.
func (c *Call) childFailed(child *node, cause Cause) {
	n := child.parent
	n.live = slices.DeleteFunc(n.live, func(o *node) bool { return o == child })
	if n.forwarded || child.leg != nil && cause.Status >= 600 {
		n.best = cause // where it was forwarded to answers for it; a 6xx is the last word
	} else {
		n.best = better(n.best, cause)
	}
	switch {
	case child.leg != nil && cause.Status >= 600 && n.kind == ToUser:
		c.abandon(n, cause)
	case n.serial && len(n.live) == 0:
		n.deadline = time.Time{}
		if n.kind != ToEmergency && n.kind != ToGroup && !cause.tryNext() {
			n.items = nil
		}
	}
	c.advance(n)
}

// abandon gives up all legs below a node, and what it had not begun.
func (c *Call) abandon(n *node, cause Cause) {
	n.items, n.deadline = nil, time.Time{}
	live := n.live
	n.live = nil
	for _, child := range live {
		if child.leg != nil {
			c.end(child.leg, cause)
			continue
		}
		c.abandon(child, cause)
	}
}

// ringTimeouts ends what rang for too long, from the leaves up. It stops at the
// first one, since the tree is another then; the next Tick comes at once.
func (c *Call) ringTimeouts(n *node) bool {
	for _, child := range n.live {
		if c.ringTimeouts(child) {
			return true
		}
	}
	if n.deadline.IsZero() || c.now.Before(n.deadline) {
		return false
	}
	items := n.items
	none := Cause{Status: 480, Phrase: "no answer"}
	c.abandon(n, none)
	if n.serial {
		n.items = items
	}
	n.best = none
	c.advance(n)
	return true
}

// alternatives tells whether something else could still be tried if the leg of
// this leaf were refused, or rang for too long.
func (c *Call) alternatives(leaf *node) bool {
	for n := leaf.parent; n != nil; n = n.parent {
		if len(n.items) > 0 || len(n.live) > 1 {
			return true
		}
		if (n.onBusy != "" || n.noAnswer != "") && n.depth < c.cfg.Limits.Forwards {
			return true
		}
	}
	return false
}

// forwarders are the numbers that forwarded the call to this node, the last first.
func (n *node) forwarders() (all []string) {
	for up := n.parent; up != nil; up = up.parent {
		if up.forwarded {
			all = append(all, string(up.number))
		}
	}
	return all
}

func (n *node) nextDeadline(earliest func(time.Time)) {
	earliest(n.deadline)
	for _, child := range n.live {
		child.nextDeadline(earliest)
	}
}
