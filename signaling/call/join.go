package call

import "time"

// join puts two legs together that had other partners (RFC 3725 §4.1, flow I):
// first gives an offer, second answers it, and the answer goes to first.
type join struct {
	kind joinKind
	step joinStep
	// asked is who has our Offer with this id.
	asked         *leg
	id            uint32
	first, second *leg
	offer         Body
	// estate is what came by Adopt.
	estate *Estate
	// old is whose place is taken (joinReplace); nil once it is gone.
	old      *leg
	deadline time.Time
	// leaving: the joined leg went away meanwhile; once the other one agreed, things
	// are put back as they were.
	leaving bool
}

type joinKind uint8

const (
	joinBlind    joinKind = iota + 1 // first is the transfer's target, just answered
	joinAttended                     // second came by Adopt
	joinReplace                      // a new leg takes another's place (RFC 3891)
	joinRestore                      // first's offer was meant for somebody else, second is its old partner
	joinAgain                        // two who talked are put together anew
	joinReoffer                      // the same, who may as well stay as they are
	joinUndone                       // second has an offer of somebody who is gone; first is its partner
)

type joinStep uint8

const (
	joinWaiting  joinStep = iota // for an exchange that is under way
	joinAsking                   // first was asked for its offer
	joinOffering                 // second has first's offer
	joinAcking                   // second's Answer carries the offer; its ACK brings the answer
)

// joinNow begins a join that waits, once nothing stands in its way.
func (c *Call) joinNow() {
	j := c.join
	if j == nil || j.step != joinWaiting || c.exchange != nil || c.done {
		return
	}
	j.deadline = c.now.Add(c.cfg.Limits.Exchange)
	if j.offer.Empty() {
		c.joinAsk(j.first, joinAsking, Body{}, nil)
		return
	}
	c.joinOffer()
}

func (c *Call) joinAsk(l *leg, step joinStep, body Body, from *leg) {
	j := c.join
	j.step, j.asked, j.id = step, l, c.newID()
	if from == nil {
		c.tell(l, Offer{ID: j.id})
		return
	}
	c.pass(l, Offer{ID: j.id, Body: body}, PassOffer, from)
}

// joinOffer passes first's offer to second.
func (c *Call) joinOffer() {
	j := c.join
	c.pair(j.first, j.second)
	if j.second.state == legInvited {
		j.step, j.asked = joinAcking, nil
		j.second.become(legAnswered, c.now, noTime)
		c.pass(j.second, Answer{Body: j.offer, To: j.first.party}, PassOffer, j.first)
		return
	}
	c.joinAsk(j.second, joinOffering, j.offer, j.first)
}

// joinAgreed: who was asked answered.
func (c *Call) joinAgreed(ev Agreed) {
	j := c.join
	j.asked = nil
	cause := ev.Cause
	if cause.Status == 0 && ev.Body.Empty() {
		cause = Cause{Status: 500, Phrase: "answered without a session description"}
	}
	if cause.Status != 0 {
		c.joinFailed(cause)
		return
	}
	if j.step == joinAsking {
		j.offer = ev.Body
	}
	switch {
	case j.leaving:
		c.joinUndo()
	case j.step == joinAsking:
		c.joinOffer()
	default:
		c.joined(ev.Body)
	}
}

// joined: second's answer goes to first, and both talk.
func (c *Call) joined(answer Body) {
	j := c.join
	c.join = nil
	c.direct(j.first, j.offer.Direction, j.second, answer.Direction)
	switch {
	case j.first.state == legInvited:
		j.first.become(legAnswered, c.now, c.now.Add(c.cfg.Limits.Exchange))
		c.pass(j.first, Answer{Body: answer, To: j.second.party}, PassAnswer, j.second)
	default:
		if j.first.state == legAnswered {
			j.first.become(legUp, c.now, noTime)
		}
		c.pass(j.first, Connect{Body: answer}, PassAnswer, j.second)
	}
	c.joinDone(j)
}

// joinAcked: second's ACK brought the answer to the offer in our Answer.
func (c *Call) joinAcked(answer Body) {
	j := c.join
	if answer.Empty() {
		c.finish(bySystem, Cause{Status: 488, Phrase: "no session description in the ACK"})
		return
	}
	j.second.become(legUp, c.now, noTime)
	c.joined(answer)
}

// joinDone settles who stays and who goes.
func (c *Call) joinDone(j *join) {
	switch j.kind {
	case joinBlind:
		c.transferDone(j.first)
	case joinAttended:
		c.takeOver(j.estate, j.second)
		c.transferDone(j.second)
	case joinReplace:
		c.replaced(j)
	}
}

// joinFailed: the two could not be put together, since one of them refused.
func (c *Call) joinFailed(cause Cause) {
	j := c.join
	c.join = nil
	switch j.kind {
	case joinBlind:
		c.end(j.first, cause)
		c.transferFailed(cause)
	case joinAttended:
		c.attendedFailed(j, cause)
	case joinReplace:
		c.replaceFailed(j, cause)
	case joinUndone: // it refused, and all is as it was
	case joinReoffer:
		if !j.offer.Empty() { // which waits for its answer, and there is none
			c.notTogether(cause)
		}
	default: // joinRestore, joinAgain: they cannot be put together again
		c.notTogether(cause)
	}
}

func (c *Call) notTogether(cause Cause) {
	c.finish(bySystem, Cause{Status: cause.Status, Phrase: "the call could not be put together again: " + cause.why()})
}

// attendedFailed gives the other call back. The kept leg, where it made an offer
// that has no answer yet, gets the transferor's.
func (c *Call) attendedFailed(j *join, cause Cause) {
	c.unpairIf(func(p [2]LegID) bool { return p == [2]LegID{j.first.id, j.second.id} })
	c.giveBackEstate(j)
	by := c.transfer.by
	owed := !j.offer.Empty()
	if owed && by == nil {
		c.finish(bySystem, Cause{Status: cause.Status, Phrase: "transfer failed: " + cause.why()})
		return
	}
	c.transferFailed(cause)
	if owed {
		c.join = &join{kind: joinRestore, first: j.first, second: by, offer: j.offer}
		c.joinNow()
	}
}

// joinUndo puts things back as they were: who agreed to the join did so with
// somebody who is gone.
func (c *Call) joinUndo() {
	j := c.join
	gone := Cause{Status: 480, Phrase: "gone"}
	switch j.kind {
	case joinBlind:
		by, kept := c.transfer.by, j.second
		c.join = nil
		c.transferFailed(gone)
		if by != nil {
			c.putBack(by, kept, Body{})
		}
	case joinReplace:
		c.join = nil
		c.replaceUndone(j)
	case joinUndone:
		c.putBack(j.first, j.second, Body{})
	default:
		c.joinFailed(gone)
	}
}

// putBack joins two who talked before. offer is second's, where it made one that
// waits for its answer.
func (c *Call) putBack(old, stays *leg, offer Body) {
	if old == nil {
		c.notTogether(Cause{Status: 480, Phrase: "gone"})
		return
	}
	c.join = &join{kind: joinAgain, first: old, second: stays}
	if !offer.Empty() {
		c.join = &join{kind: joinRestore, first: stays, second: old, offer: offer}
	}
	c.joinNow()
}

// joinLost deals with a leg that went away in a join; false where that is nothing
// special.
func (c *Call) joinLost(l *leg, cause Cause) bool {
	j := c.join
	switch {
	case j.kind == joinReplace:
		return c.replaceLost(j, l)
	case j.kind == joinBlind && l == j.first, j.kind == joinAttended && l == j.second:
		c.legOver(l)
		if j.asked != nil && j.asked != l {
			j.leaving = true // the other one holds an offer of ours, and answers it first
			return true
		}
		c.joinFailed(Cause{Status: 480, Phrase: orText(cause.Phrase, "gone")})
		return true
	case l.estate:
		c.legOver(l)
		return true
	}
	return false
}
