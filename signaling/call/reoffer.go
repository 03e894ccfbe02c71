package call

// reofferAsked notes that the media of two who talk must be agreed on anew.
func (c *Call) reofferAsked(ev Reoffer) {
	if c.a == nil || c.b == nil || c.partner(c.leg(ev.A)) != c.leg(ev.B) {
		return
	}
	c.reoffer = true
	c.do(Noted{Counter: CountReoffered, Text: ev.Why})
}

// reofferNow begins it once both are up and nothing else is under way: the caller is
// asked for an offer (RFC 3725 §4.1). Where it gives none, all stays as it is.
func (c *Call) reofferNow() {
	switch {
	case !c.reoffer || c.done:
		return
	case c.a == nil || c.b == nil:
		c.reoffer = false
		return
	case c.a.state != legUp || c.b.state != legUp || c.exchange != nil || c.join != nil || c.transfer != nil:
		return
	}
	c.reoffer = false
	c.join = &join{kind: joinReoffer, first: c.a, second: c.b}
	c.joinNow()
}
