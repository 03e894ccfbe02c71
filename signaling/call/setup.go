package call

import (
	"bytes"
	"slices"

	"roost/registrar"
)

// maxVisited bounds the loop marks that a call may carry.
const maxVisited = 32

// invited begins the call.
func (c *Call) invited(ev Invited) {
	if c.start.IsZero() {
		c.begin(ev)
		return
	}
	c.do(Noted{Counter: CountStray, Text: "an invitation to a call that has begun"})
	if c.leg(ev.Leg) == nil {
		c.turnAway(ev.Leg, Cause{Status: 500, Phrase: "the call has begun already"})
	}
}

func (c *Call) begin(ev Invited) {
	c.start, c.dialled = c.now, ev.To
	a := c.incoming(ev)
	c.a = a
	c.rec.From = a.record(c.cfg.System)
	c.rec.To = RecordParty{Number: registrar.Number(ev.To)}
	mark := c.cfg.System + "/" + ev.To
	if cause := c.entry(ev, mark); cause.Status != 0 {
		c.finish(bySystem, cause)
		return
	}
	visited := make([]string, 0, len(ev.Visited)+1)
	c.startHunt(&hunt{
		query:  Query{From: ev.From.Number, Peer: ev.Peer, PeerName: ev.PeerName, Guest: ev.Guest},
		from:   ev.From,
		caller: a, offer: ev.Offer, hops: ev.Hops, diverted: ev.Diverted,
		visited: append(append(visited, ev.Visited...), mark),
	}, ev.To)
}

// entry refuses a new call that has gone too far, or replaces what is not here.
func (c *Call) entry(ev Invited, mark string) Cause {
	for _, v := range ev.Visited {
		if v == mark {
			c.do(Noted{Counter: CountLoop, Text: "a call to " + ev.To + " came round again"})
			return Cause{Status: 482, Phrase: "loop detected"}
		}
	}
	switch {
	case ev.Hops < 0 || len(ev.Visited) > maxVisited:
		c.do(Noted{Counter: CountHops, Text: "a call to " + ev.To + " passed too many systems"})
		return Cause{Status: 483, Phrase: "too many hops"}
	case ev.Replaces != nil:
		if ev.Guest {
			return c.notForGuests("taking over a call", ev.From.Number)
		}
		return Cause{Status: 481, Phrase: "there is no such call to replace"}
	}
	return Cause{}
}

// notForGuests is the clear refusal of what goes beyond basic calls (GU4).
func (c *Call) notForGuests(what string, who registrar.Number) Cause {
	c.do(Noted{Counter: CountGuest, Text: what + " is refused to guest " + string(who) + ": guests have basic calls"})
	return Cause{Status: 403, Phrase: what + " is not for guests"}
}

// dial begins a leg below n; a cause says why not.
func (c *Call) dial(n *node, t Target) Cause {
	h := c.hunt
	if h.hops < 1 && t.Kind != Phone && !c.emergency {
		c.do(Noted{Counter: CountHops, Text: "no hop is left for " + t.Name})
		return Cause{Status: 483, Phrase: "too many hops"}
	}
	if c.tries >= c.cfg.Limits.Tries || c.ringingLegs() >= c.cfg.Limits.Branches {
		c.do(Noted{Counter: CountBranches, Text: "number " + string(n.number) + " is not tried at all its places: too many branches"})
		return Cause{Status: 500, Phrase: "too many places to try"}
	}
	c.tries++
	if t.Number == "" {
		t.Number = n.number
	}
	l := &leg{
		id: c.cfg.NewLegID(), out: true, target: t, guest: n.guest && t.Kind == Phone,
		party: Party{Number: n.number, Name: n.name}, agent: t.Binding.UserAgent,
	}
	l.become(legDialling, c.now, c.now.Add(c.cfg.Limits.TimerC))
	l.leaf = &node{parent: n, leg: l, number: n.number}
	n.live = append(n.live, l.leaf)
	c.do(NewLeg{Leg: l.id, Target: t, Emergency: c.emergency})
	c.enter(l)
	if !h.transfer && c.rec.To.Kind == "" {
		c.rec.To = l.record(c.cfg.System)
	}
	c.sendDial(n, l, t)
	return Cause{}
}

func (c *Call) sendDial(n *node, l *leg, t Target) {
	h := c.hunt
	d := Dial{
		From: h.from, To: string(t.Number), Hops: max(h.hops, 1), Offer: h.offer,
		Diverted: l.leaf.forwarders(), Emergency: c.emergency,
	}
	if t.From != (Party{}) {
		d.From = t.From
		d.From.Private = d.From.Private || h.from.Private
	}
	if t.Kind == System {
		d.Visited = h.visited
	}
	if t.Kind == Trunk && len(n.items) > 0 {
		d.Patience = c.cfg.Limits.TrunkPatience
	}
	if h.transfer || h.offer.Empty() {
		d.Offer = Body{}
		c.tell(l, d)
		return
	}
	c.pair(h.caller, l)
	c.pass(l, d, PassOffer, h.caller)
}

func (c *Call) ringingLegs() (n int) {
	for _, l := range c.legs {
		if l.state == legDialling || l.state == legRinging {
			n++
		}
	}
	return n
}

// ringing: a leg that is tried made progress.
func (c *Call) ringing(l *leg, ev Ringing) {
	if l.state != legDialling && l.state != legRinging || l.leaf == nil {
		if l.state != legCancelling {
			c.do(Noted{Counter: CountStray, Text: "a provisional answer that nobody waits for"})
		}
		return
	}
	if l.state == legDialling {
		l.since = c.now
	}
	l.state, l.deadline = legRinging, c.now.Add(c.cfg.Limits.TimerC)
	if k := l.leaf.parent.kind; k == ToTrunks || k == ToSystem {
		l.leaf.parent.items = nil // it found its way
	}
	if c.hunt.transfer {
		c.referNews(180, "Ringing")
		return
	}
	c.ringBack(l, ev)
}

// ringBack tells the caller, once each time that it hears something new.
func (c *Call) ringBack(l *leg, ev Ringing) {
	h := c.hunt
	c.rec.To = l.record(c.cfg.System)
	r := Ring{Status: ev.Status}
	if l.party.Number != registrar.Number(c.dialled) {
		r.To = l.party
	}
	early := !ev.Body.Empty() && !h.offer.Empty() && (h.committed == l || h.committed == nil && !c.alternatives(l.leaf))
	if early {
		r.Body = ev.Body
	} else if ev.Status == 183 && !ev.Body.Empty() {
		r.Status = 180 // nobody hears the far end's own tone
	}
	if !ev.Body.Empty() {
		l.early = ev.Body
	}
	same := r.Status == h.rang.Status && r.To == h.rang.To
	if same && (!early || bytes.Equal(r.Body.Data, h.rang.Body.Data)) {
		return
	}
	h.rang = r
	if early {
		h.committed = l
		c.pass(h.caller, r, PassEarly, l)
		return
	}
	c.tell(h.caller, r)
}

// answered: a leg that is tried answered. The first one is it (RFC 3261 §16.7
// step 5 leaves the choice); those that come later are ended.
func (c *Call) answered(l *leg, ev Answered) {
	switch {
	case l.state == legCancelling:
		l.state = legAnswered // the answer was faster than our Cancel
		c.end(l, l.why)
		return
	case l.state != legDialling && l.state != legRinging || l.leaf == nil:
		c.do(Noted{Counter: CountStray, Text: "an answer that nobody waits for"})
		return
	}
	h := c.hunt
	body, delayed := ev.Body, h.transfer || h.offer.Empty()
	if body.Empty() && !delayed {
		body = l.early
	}
	l.become(legAnswered, c.now, c.now.Add(c.cfg.Limits.Exchange))
	if body.Empty() {
		leaf := l.leaf
		c.end(l, Cause{Status: 488, Phrase: "answered without a session description"})
		c.leafFailed(leaf, Cause{Status: 500, Phrase: "answered without a session description"})
		return
	}
	l.leaf = nil
	c.hunt = nil
	if h.transfer {
		c.loseOthers(h, l)
		c.transferAnswered(l, body)
		return
	}
	c.leaveExchange(Cause{Status: 491, Phrase: "the call is being answered"})
	c.connect(h, l, body)
	c.loseOthers(h, l)
}

// connect joins the caller with who answered.
func (c *Call) connect(h *hunt, b *leg, body Body) {
	a := h.caller
	c.b, c.answer = b, c.now
	c.rec.To = b.record(c.cfg.System)
	a.become(legAnswered, c.now, c.now.Add(c.cfg.Limits.Exchange))
	to := Answer{Body: body, To: b.party}
	if h.offer.Empty() {
		c.pair(a, b)
		c.pass(a, to, PassOffer, b)
		return
	}
	b.become(legUp, c.now, noTime)
	if h.updated {
		c.tell(a, Answer{To: b.party})
		return
	}
	c.direct(a, h.offer.Direction, b, body.Direction)
	c.pass(a, to, PassAnswer, b)
}

// loseOthers gives up all that is still tried.
func (c *Call) loseOthers(h *hunt, winner *leg) {
	for _, l := range append([]*leg(nil), c.legs...) {
		if l != winner && l.leaf != nil {
			c.end(l, Cause{Phrase: "answered elsewhere"})
		}
	}
	h.root = nil
}

// connected: the ACK came.
func (c *Call) connected(l *leg, ev Connected) {
	switch {
	case c.join != nil && c.join.second == l && c.join.step == joinAcking:
		c.joinAcked(ev.Body)
	case l.state == legAnswered && !l.out:
		l.become(legUp, c.now, noTime)
		if b := c.b; l == c.a && b != nil && b.state == legAnswered && b.out {
			c.delayedAnswer(l, b, ev.Body)
		}
	case c.exchange != nil && c.exchange.from == l && c.exchange.acking:
		c.exchangeAcked(ev.Body)
	}
}

// delayedAnswer carries the caller's answer, which came in its ACK, to the far
// end that made the offer.
func (c *Call) delayedAnswer(a, b *leg, body Body) {
	if body.Empty() {
		c.finish(bySystem, Cause{Status: 488, Phrase: "no session description in the ACK"})
		return
	}
	b.become(legUp, c.now, noTime)
	a.holds = body.Direction.Holds()
	c.pass(b, Connect{Body: body}, PassAnswer, a)
}

// refused: a leg that was tried is over.
func (c *Call) refused(l *leg, ev Refused) {
	if l.state == legCancelling {
		c.legOver(l)
		return
	}
	if l.leaf == nil {
		c.ended(l, Ended{Leg: l.id, Cause: ev.Cause})
		return
	}
	leaf := l.leaf
	c.legOver(l)
	if ev.Cause.Status >= 300 && ev.Cause.Status < 400 && c.redirect(leaf, l, ev.Cause) {
		return
	}
	c.leafFailed(leaf, foreign(ev.Cause))
}

func (c *Call) leafFailed(leaf *node, cause Cause) {
	if cause.Status < 300 {
		cause = Cause{Status: 480, Phrase: orText(cause.Phrase, "not reachable")}
	}
	c.childFailed(leaf, cause)
}

// redirect follows a phone's 3xx, once, and only to a number.
func (c *Call) redirect(leaf *node, l *leg, cause Cause) bool {
	h, n := c.hunt, leaf.parent
	if l.target.Kind != Phone || h.redirected || h.committed != nil {
		c.do(Noted{Counter: CountRedirect, Text: "a redirection by " + string(l.target.Number) + " is not followed"})
		return false
	}
	for _, contact := range cause.Contacts {
		number, ok := c.cfg.Router.Number(contact)
		if !ok || !c.mayForward(n) {
			continue
		}
		h.redirected = true
		c.diverted = append(c.diverted, string(n.number))
		via := &node{parent: n, kind: leaf.kind, number: n.number, serial: true, forwarded: true, depth: n.depth + 1}
		via.items = []item{{number: number}}
		n.live = append(slices.DeleteFunc(n.live, func(o *node) bool { return o == leaf }), via)
		c.advance(via)
		return true
	}
	c.do(Noted{Counter: CountRedirect, Text: "phone " + string(l.target.Number) + " redirected to no number of ours"})
	return false
}

// huntFailed: nobody answered.
func (c *Call) huntFailed(cause Cause) {
	h := c.hunt
	c.hunt = nil
	if h.transfer {
		c.transferFailed(cause)
		return
	}
	by := bySystem
	if cause.far {
		by = byTo
	}
	c.finish(by, cause)
}

// cancelled: the caller gave up before the answer.
func (c *Call) cancelled(l *leg, ev Cancelled) {
	if l.state == legInvited && l == c.a {
		cause := Cause{Status: 487, Phrase: orText(ev.Cause.Phrase, "cancelled")}
		c.callerGone(l, cause)
		return
	}
	c.ended(l, Ended(ev))
}
