package call

// The sides that can end a call, as records name them.
const (
	bySystem = "system"
	byFrom   = "from"
	byTo     = "to"
)

// side is the record's name for a leg.
func (c *Call) side(l *leg) string {
	switch {
	case l == c.a:
		return byFrom
	case l == c.b || l.out:
		return byTo
	}
	return bySystem
}

// callerGone ends a call that the caller gave up itself.
func (c *Call) callerGone(a *leg, cause Cause) {
	by := c.side(a)
	c.legOver(a)
	c.finish(by, cause)
}

// ended: a leg is over by its far end's doing.
func (c *Call) ended(l *leg, ev Ended) {
	switch {
	case l.state == legCancelling:
		c.legOver(l)
	case l.leaf != nil: // tried, and gone without a refusal
		leaf := l.leaf
		c.legOver(l)
		c.leafFailed(leaf, Cause{Status: 480, Phrase: orText(ev.Cause.Phrase, "gone")})
	case c.join != nil && c.joinLost(l, ev.Cause):
	case c.transfer != nil && c.transfer.by == l:
		c.transferorLeft(l)
	default:
		by, cause := c.side(l), ev.Cause
		if c.answer.IsZero() && cause.Status == 0 {
			cause.Status = 487
		}
		c.legOver(l)
		c.finish(by, cause)
	}
}

// finish ends the conversation: every leg, and the record.
func (c *Call) finish(by string, cause Cause) {
	if c.done {
		return
	}
	c.done = true
	c.hunt, c.exchange = nil, nil
	c.giveBack()
	if t := c.transfer; t != nil && t.by != nil {
		c.referNews(487, "the call ended")
	}
	c.transfer = nil
	for _, l := range append([]*leg(nil), c.legs...) {
		c.end(l, cause)
	}
	c.unpairIf(func([2]LegID) bool { return true })
	c.join = nil
	c.do(Finished{Record: c.record(by, cause)})
}

// record is the call's record, ended now.
func (c *Call) record(by string, cause Cause) Record {
	r := c.rec
	r.ID, r.System = c.cfg.ID, c.cfg.System
	r.Start, r.End = Stamp{c.start}, Stamp{c.now}
	r.Emergency = c.emergency
	if string(r.To.Number) != c.dialled {
		r.Dialled = c.dialled
	}
	r.Diverted = c.diverted
	if c.answer.IsZero() && by != byFrom {
		cause = refusal(cause)
	}
	r.EndedBy, r.Why = by, cause.why()
	if c.answer.IsZero() {
		r.Status = cause.Status
		return r
	}
	r.Answer = Stamp{c.answer}
	r.Seconds = c.now.Sub(c.answer).Seconds()
	return r
}
