package call

import "time"

var noTime time.Time // a deadline that never comes

// exchange is a new offer within the call on its way from one leg to the other and
// its answer on the way back (RFC 3264 §8). There is one at a time.
type exchange struct {
	// from made it (or asked for one). Either is nil once it is gone.
	from, to *leg
	id       uint32 // of our Offer to `to`
	// wish: from wants an offer of ours, so to is asked for one.
	wish bool
	// acking: to's offer went to from, whose ACK brings the answer.
	acking   bool
	offer    Direction
	deadline time.Time
}

func (c *Call) newID() uint32 {
	c.lastID++
	return c.lastID
}

// partner is who a leg talks to, or hears early.
func (c *Call) partner(l *leg) *leg {
	a, b := c.a, c.b
	if b == nil && c.hunt != nil && !c.hunt.transfer {
		b = c.hunt.committed
	}
	switch l {
	case a:
		return b
	case b:
		return a
	}
	return nil
}

// offered passes a leg's offer across, or refuses it while another is under way.
func (c *Call) offered(l *leg, ev Offered) {
	if l.offered != 0 {
		c.tell(l, Reply{ID: ev.ID, Cause: Cause{Status: 491}})
		return
	}
	l.offered = ev.ID
	to := c.partner(l)
	switch {
	case c.exchange != nil && c.exchange.to == l:
		c.do(Noted{Counter: CountGlare, Text: "both sides offered at once"})
		c.reply(l, Cause{Status: 491})
	case to == nil || c.exchange != nil || c.join != nil || !c.settled(l) || !c.settled(to):
		c.reply(l, Cause{Status: 491})
	default:
		x := &exchange{from: l, to: to, id: c.newID(), wish: ev.Body.Empty(), offer: ev.Body.Direction, deadline: c.now.Add(c.cfg.Limits.Exchange)}
		c.exchange = x
		if x.wish {
			c.tell(to, Offer{ID: x.id})
			return
		}
		c.pass(to, Offer{ID: x.id, Body: ev.Body}, PassOffer, l)
	}
}

// settled tells whether a leg may take part in an exchange: it is up, or its early
// media is heard and it rings.
func (c *Call) settled(l *leg) bool {
	if l.state == legUp {
		return true
	}
	h := c.hunt
	return h != nil && h.committed != nil && (l == h.committed && l.state == legRinging || l == h.caller && l.state == legInvited)
}

// agreed: a leg answered our offer.
func (c *Call) agreed(l *leg, ev Agreed) {
	switch x := c.exchange; {
	case c.join != nil && c.join.asked == l && c.join.id == ev.ID:
		c.joinAgreed(ev)
	case x != nil && x.to == l && x.id == ev.ID && !x.acking:
		c.exchangeAgreed(ev)
	default:
		c.do(Noted{Counter: CountStray, Text: "an answer to no offer of ours"})
	}
}

func (c *Call) exchangeAgreed(ev Agreed) {
	x := c.exchange
	switch {
	case x.from == nil:
		c.exchange = nil
		if ev.Cause.Status == 0 && !ev.Body.Empty() && x.wish {
			c.tell(x.to, Connect{}) // who wanted the offer is gone
		}
		c.joinNow()
	case ev.Cause.Status != 0 || ev.Body.Empty():
		cause := ev.Cause
		if cause.Status == 0 {
			cause = Cause{Status: 500, Phrase: "answered without a session description"}
		}
		c.exchange = nil
		c.reply(x.from, cause)
		c.joinNow()
	case x.wish:
		x.acking, x.deadline, x.offer = true, c.now.Add(c.cfg.Limits.Exchange), ev.Body.Direction
		c.pass(x.from, Reply{ID: x.from.offered, Body: ev.Body}, PassOffer, x.to)
		x.from.offered = 0
	default:
		c.exchange = nil
		c.pass(x.from, Reply{ID: x.from.offered, Body: ev.Body}, PassAnswer, x.to)
		x.from.offered = 0
		c.direct(x.from, x.offer, x.to, ev.Body.Direction)
		c.joinNow()
	}
}

// exchangeAcked: the answer to an offer that was asked for.
func (c *Call) exchangeAcked(body Body) {
	x := c.exchange
	c.exchange = nil
	if x.to == nil {
		c.joinNow()
		return
	}
	if body.Empty() {
		c.finish(bySystem, Cause{Status: 488, Phrase: "no session description in the ACK"})
		return
	}
	c.pass(x.to, Connect{Body: body}, PassAnswer, x.from)
	c.direct(x.to, x.offer, x.from, body.Direction)
	c.joinNow()
}

// direct takes in who holds now: who offered says so itself; who answered, as far
// as the offer left it the choice.
func (c *Call) direct(offerer *leg, offer Direction, answerer *leg, answer Direction) {
	if c.hunt != nil {
		c.hunt.updated = true
	}
	offerer.holds = offer.Holds()
	if !offer.Holds() {
		answerer.holds = answer.Holds()
	}
}

// leaveExchange: who offered is refused, though the other one's answer is still to
// come.
func (c *Call) leaveExchange(cause Cause) {
	x := c.exchange
	if x == nil || x.acking || x.from == nil {
		return
	}
	c.reply(x.from, cause)
	x.from = nil
}

// exchangeLost takes a leg that is over out of the exchange.
func (c *Call) exchangeLost(l *leg) {
	x := c.exchange
	if x == nil {
		return
	}
	switch l {
	case x.to:
		if x.acking {
			x.to = nil // from's ACK is still to come
			return
		}
		c.leaveExchange(Cause{Status: 480, Phrase: "the far end is gone"})
		c.exchange = nil
	case x.from:
		if x.acking {
			c.exchange = nil
			if x.to != nil {
				c.tell(x.to, Connect{})
			}
			return
		}
		x.from = nil // the answer of to is still to come
	}
}
