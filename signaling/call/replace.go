package call

// replace: a new leg wants the place of one that talks (RFC 3891 §3).
func (c *Call) replace(ev Replace) {
	if c.leg(ev.By.Leg) != nil {
		c.do(Noted{Counter: CountStray, Text: "an invitation of a leg that is in the call already"})
		return
	}
	old := c.leg(ev.Leg)
	var stays *leg
	if old != nil {
		stays = c.partner(old)
	}
	switch {
	case ev.By.Guest:
		c.turnAway(ev.By.Leg, c.notForGuests("taking over a call", ev.By.From.Number))
	case old == nil || stays == nil || c.done:
		c.turnAway(ev.By.Leg, Cause{Status: 481, Phrase: "there is no such call to replace"})
	case ev.By.Early:
		c.turnAway(ev.By.Leg, Cause{Status: 486, Phrase: "the call is answered already"})
	case old.state != legUp || stays.state != legUp || c.join != nil || c.transfer != nil:
		c.turnAway(ev.By.Leg, Cause{Status: 491, Phrase: "the call is in a change"})
	default:
		n := c.incoming(ev.By)
		c.join = &join{kind: joinReplace, first: n, second: stays, offer: ev.By.Offer, old: old}
		if ev.By.Offer.Empty() {
			c.join.first, c.join.second = stays, n
		}
		c.joinNow()
	}
}

// turnAway refuses a leg that never becomes one of this call.
func (c *Call) turnAway(id LegID, cause Cause) {
	c.do(Do{Leg: id, Action: Refuse{Cause: cause}})
	c.do(LegOver{Leg: id})
}

// sides are the new leg of a joinReplace and the one that stays.
func (j *join) sides(c *Call) (n, stays *leg) {
	if j.first == c.a || j.first == c.b {
		return j.second, j.first
	}
	return j.first, j.second
}

func (c *Call) replaced(j *join) {
	n, stays := j.sides(c)
	c.takePlace(n, stays)
	if j.old != nil {
		c.end(j.old, Cause{Phrase: "replaced"})
	}
}

// replaceFailed: who stays refused. The call goes on as it was.
func (c *Call) replaceFailed(j *join, cause Cause) {
	n, _ := j.sides(c)
	c.end(n, cause)
	if j.old == nil {
		c.notTogether(cause)
	}
}

// replaceUndone: the new leg left after who stays had agreed to it.
func (c *Call) replaceUndone(j *join) {
	_, stays := j.sides(c)
	offer := Body{}
	if j.first == stays {
		offer = j.offer
	}
	c.putBack(j.old, stays, offer)
}

// replaceLost: a leg went away while another takes a place.
func (c *Call) replaceLost(j *join, l *leg) bool {
	n, _ := j.sides(c)
	switch {
	case l == j.old:
		c.legOver(l)
		c.vacate(l)
		j.old = nil
		return true
	case l != n:
		return false
	}
	c.legOver(l)
	switch {
	case j.step == joinWaiting:
		c.join = nil
		if j.old == nil {
			c.notTogether(Cause{Status: 480, Phrase: "gone"})
		}
	case j.asked != nil:
		j.leaving = true
	default:
		c.join = nil
		c.replaceUndone(j)
	}
	return true
}
