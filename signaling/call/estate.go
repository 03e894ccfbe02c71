package call

import (
	"slices"
	"time"
)

// Estate is a call on its way from one Call to another. It is used once.
type Estate struct {
	call *Call
	// at is the leg whose dialog was asked for: the transferor's.
	at *leg
}

// Legs are the legs in it; their events belong to the call that takes it.
func (e *Estate) Legs() []LegID {
	ids := make([]LegID, 0, len(e.call.legs))
	for _, l := range e.call.legs {
		ids = append(ids, l.id)
	}
	return ids
}

// HandOver gives all legs of the call away, to the call that asked by FindDialog
// for the dialog of leg. The call is over then, without Finished and Over. Its media
// sessions go along unclosed: the other call tells of their Unpair, or gives them
// back with the legs. It is refused with a Cause where the call is not connected or
// is in a change.
func (c *Call) HandOver(id LegID, now time.Time) (*Estate, Cause) {
	c.now = now
	l := c.leg(id)
	switch {
	case c.done || l == nil || c.partner(l) == nil:
		return nil, Cause{Status: 481, Phrase: "there is no such call"}
	case c.exchange != nil || c.hunt != nil || c.transfer != nil || c.join != nil || c.find != 0,
		l.state != legUp || c.partner(l).state != legUp:
		return nil, Cause{Status: 491, Phrase: "the other call is not connected, or in a change"}
	}
	old := *c
	old.effects = nil
	*c = Call{cfg: c.cfg, start: c.start, done: true, over: true, state: Done}
	return &Estate{call: &old, at: l}, Cause{}
}

// Resume makes a call again of an estate that came back (GiveBack). cfg is the one
// of its first life.
func Resume(cfg Config, e *Estate) *Call {
	cfg.Limits = cfg.Limits.withDefaults()
	e.call.cfg = cfg
	return e.call
}

// adopt takes the legs of another call in, to join one of them with the kept leg.
func (c *Call) adopt(ev Adopt) {
	t := c.transfer
	if ev.ID != c.find || c.find == 0 || t == nil || !t.finding || t.by == nil {
		if ev.ID == c.find {
			c.find, c.findDeadline = 0, noTime
		}
		c.do(GiveBack{Estate: ev.Estate})
		if t != nil && t.finding && t.by == nil && ev.ID != 0 {
			t.finding = false
			c.transferFailed(Cause{Status: 480, Phrase: "the transferor left"})
		}
		return
	}
	c.find, c.findDeadline = 0, noTime
	t.finding = false
	e := ev.Estate
	o := e.call
	for _, l := range o.legs {
		l.estate = true
	}
	c.legs = append(c.legs, o.legs...)
	c.pairs = append(c.pairs, o.pairs...)
	c.told = append(c.told, o.told...)
	o.legs, o.pairs, o.told = nil, nil, nil
	c.lastID = max(c.lastID, o.lastID)
	c.acceptRefer()
	c.join = &join{kind: joinAttended, first: t.kept, second: o.partner(e.at), estate: e}
	c.joinNow()
}

// takeOver ends the adopted call: its far end is in this one now, and the
// transferor's leg in it goes.
func (c *Call) takeOver(e *Estate, stays *leg) {
	for _, l := range append([]*leg(nil), c.legs...) {
		if !l.estate {
			continue
		}
		l.estate = false
		if l == e.at {
			c.end(l, Cause{Phrase: "transferred"})
		}
	}
	by := e.call.side(e.at)
	e.call.now = c.now
	c.unpairIf(func(p [2]LegID) bool { return p == [2]LegID{e.at.id, stays.id} || p == [2]LegID{stays.id, e.at.id} })
	c.do(Finished{Record: e.call.record(by, Cause{Phrase: "transferred"})})
}

// giveBack gives an adopted call back that is not joined yet.
func (c *Call) giveBack() {
	if c.join != nil && c.join.estate != nil {
		c.giveBackEstate(c.join)
	}
}

// giveBackEstate gives an adopted call back, or ends it here where one of its two
// is gone. A leg of it that has an offer of ours takes that along: once it answered,
// the two are put together again.
func (c *Call) giveBackEstate(j *join) {
	e, o := j.estate, j.estate.call
	var gone *leg
	for _, l := range []*leg{e.at, o.partner(e.at)} {
		if l.state != legUp {
			gone = l
		}
	}
	if gone != nil {
		for _, l := range append([]*leg(nil), c.legs...) {
			if l.estate {
				l.estate = false
				c.end(l, Cause{})
			}
		}
		o.now = c.now
		c.do(Finished{Record: o.record(o.side(gone), Cause{})})
		return
	}
	mine := c.legs[:0:0]
	for _, l := range c.legs {
		if l.estate {
			l.estate = false
			o.legs = append(o.legs, l)
			continue
		}
		mine = append(mine, l)
	}
	c.legs = mine
	c.pairs = slices.DeleteFunc(c.pairs, func(p [2]LegID) bool {
		if o.leg(p[0]) == nil || o.leg(p[1]) == nil {
			return false
		}
		o.pairs = append(o.pairs, p)
		return true
	})
	c.unpairIf(func(p [2]LegID) bool { return o.leg(p[0]) != nil || o.leg(p[1]) != nil })
	c.told = slices.DeleteFunc(c.told, func(t told) bool {
		if o.leg(t.from.id) == nil {
			return false
		}
		o.told = append(o.told, t)
		return true
	})
	o.lastID = max(o.lastID, c.lastID)
	if j.asked != nil && j.asked == j.second {
		o.join = &join{kind: joinUndone, step: joinOffering, first: e.at, second: j.second, asked: j.second, id: j.id, leaving: true, deadline: j.deadline}
	}
	c.do(GiveBack{Estate: e})
}
