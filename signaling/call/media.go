package call

// mediaRefused: a body could not pass, and what should have carried it was not done.
func (c *Call) mediaRefused(ev MediaRefused) {
	cause := ev.Cause
	if cause.Status < 300 {
		cause = Cause{Status: 488, Phrase: orText(cause.Phrase, "no common media")}
	}
	c.do(Noted{Counter: CountMediaRefused, Text: cause.why()})
	l := c.leg(ev.Do.Leg)
	if l == nil {
		return
	}
	switch a := ev.Do.Action.(type) {
	case Dial:
		leaf := l.leaf
		c.legOver(l) // it never began
		if leaf != nil && c.hunt != nil {
			c.childFailed(leaf, cause)
		}
	case Ring:
		if c.hunt != nil && l.state == legInvited {
			c.hunt.committed, c.hunt.rang = nil, Ring{Status: 180, To: a.To}
			c.tell(l, c.hunt.rang)
		}
	case Answer:
		if l.state == legAnswered && !l.out {
			l.state = legInvited
			if l == c.a && len(c.rec.Transfers) == 0 {
				c.answer = noTime
			}
		}
		c.finish(bySystem, cause)
	case Connect:
		c.finish(bySystem, cause)
	case Offer:
		c.agreed(l, Agreed{Leg: l.id, ID: a.ID, Cause: cause})
	case Reply:
		c.tell(l, Reply{ID: a.ID, Cause: cause})
		if x := c.exchange; x != nil && x.acking && x.from == l {
			c.finish(bySystem, cause) // the other one's offer can have no answer
		}
	}
}

// mediaSilent ends a call that nobody hears any more.
func (c *Call) mediaSilent(ev MediaSilent) {
	if c.a == nil || c.b == nil || c.done {
		return
	}
	talk := ev.A == c.a.id && ev.B == c.b.id || ev.A == c.b.id && ev.B == c.a.id
	if !talk || c.a.holds || c.b.holds || c.join != nil {
		return
	}
	c.do(Noted{Counter: CountMediaSilent, Text: "nothing was heard from either side"})
	c.finish(bySystem, Cause{Phrase: "media time-out"})
}
