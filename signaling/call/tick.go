package call

import "time"

// Next is when the call wants a Tick; false if it waits for no time.
func (c *Call) Next() (time.Time, bool) {
	var next time.Time
	earliest := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for _, l := range c.legs {
		earliest(l.deadline)
	}
	if c.hunt != nil {
		c.hunt.root.nextDeadline(earliest)
	}
	if c.exchange != nil {
		earliest(c.exchange.deadline)
	}
	if c.join != nil {
		earliest(c.join.deadline)
	}
	for i := range c.told {
		earliest(c.told[i].deadline)
	}
	earliest(c.findDeadline)
	return next, !next.IsZero()
}

func (c *Call) due(t time.Time) bool { return !t.IsZero() && !c.now.Before(t) }

// tick does what is due.
func (c *Call) tick() {
	for _, l := range append([]*leg(nil), c.legs...) {
		if l.state != legOver && c.due(l.deadline) {
			c.legDue(l)
		}
	}
	for c.hunt != nil && c.ringTimeouts(c.hunt.root) {
		continue
	}
	if x := c.exchange; x != nil && c.due(x.deadline) {
		c.unanswered("an offer was never answered")
	}
	if j := c.join; j != nil && c.due(j.deadline) {
		c.unanswered("two legs could not be joined in time")
	}
	c.dropTold(func(t told) bool { return c.due(t.deadline) }, 504)
	if c.find != 0 && c.due(c.findDeadline) {
		c.notFound(NotFound{ID: c.find, Cause: Cause{Status: 504, Phrase: "the other call was not found in time"}})
	}
}

// legDue: a leg did not do in time what it must.
func (c *Call) legDue(l *leg) {
	switch l.state {
	case legDialling, legRinging: // Timer C
		c.do(Noted{Counter: CountTimerC, Text: "no final answer from " + string(l.target.Number)})
		leaf := l.leaf
		c.end(l, Cause{Status: 408, Phrase: "no final answer"})
		c.leafFailed(leaf, Cause{Status: 408, Phrase: "no final answer"})
	case legCancelling:
		c.do(Noted{Counter: CountUnanswered, Text: "a leg never said that it is cancelled"})
		c.legOver(l)
	default:
		c.unanswered("no ACK came")
	}
}

func (c *Call) unanswered(text string) {
	c.do(Noted{Counter: CountUnanswered, Text: text})
	c.finish(bySystem, Cause{Status: 504, Phrase: text})
}
