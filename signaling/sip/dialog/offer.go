package dialog

import (
	"time"

	"roost/signaling/call"
	"roost/signaling/sip/message"
)

// wish is an offer, or a session refresh, that waits for its turn: one exchange at a
// time, none while an INVITE is under way (RFC 3261 §14.1, RFC 6337 §3).
type wish struct {
	id        uint32
	body      call.Body
	refresh   bool
	tries     int
	invite    bool // UPDATE was refused: by re-INVITE
	notBefore time.Time
}

// The waits after a glare (RFC 3261 §14.1): of who made the Call-ID, and of the other.
const (
	ownerFrom, ownerTo = 2100 * time.Millisecond, 4 * time.Second
	otherTo            = 2 * time.Second
)

// offer takes the wish of a new offer.
func (l *Leg) offer(o call.Offer) {
	switch {
	case l.state == over:
		l.tell(call.Agreed{Leg: l.id, ID: o.ID, Cause: call.Cause{Status: 481, Phrase: "leg is over"}})
	case len(l.wishes) >= maxWishes:
		l.odd(OddStorm)
		l.tell(call.Agreed{Leg: l.id, ID: o.ID, Cause: call.Cause{Status: 491, Phrase: "too many offers wait"}})
	default:
		l.wishes = append(l.wishes, wish{id: o.ID, body: o.Body})
	}
}

// busyInvite tells that an INVITE is under way in either direction, its ACK included.
func (l *Leg) busyInvite() bool {
	if l.owed != nil || l.wait != nil {
		return true
	}
	for _, c := range l.clients {
		if c.invite() && c.waiting() {
			return true
		}
	}
	for _, s := range l.servers {
		if s.method == "INVITE" && s.open() {
			return true
		}
	}
	return false
}

// updating tells that an UPDATE of ours has no answer yet.
func (l *Leg) updating() bool {
	for _, c := range l.clients {
		if c.method == "UPDATE" && c.waiting() {
			return true
		}
	}
	return false
}

// nextWish sends what waits, if it may be sent now.
func (l *Leg) nextWish() {
	if len(l.wishes) == 0 || l.state == over || l.hangUp != nil {
		return
	}
	w := l.wishes[0]
	if l.now.Before(w.notBefore) || l.updating() {
		return
	}
	update, ok := l.howToOffer(w)
	if !ok {
		return
	}
	l.wishes = append(l.wishes[:0], l.wishes[1:]...)
	if len(l.wishes) == 0 {
		l.wishes = nil
	}
	l.sendWish(w, update)
}

// howToOffer says whether a wish may go now, and by which method.
func (l *Leg) howToOffer(w wish) (update, ok bool) {
	far := l.talking()
	switch {
	case far == nil:
		return false, false
	case l.state == early:
		// RFC 3311 §5.1: only once the first exchange is done.
		return true, !w.body.Empty() && far.agreed && far.can&canUpdate != 0 && l.oa == idle
	case w.refresh && !w.invite && far.can&canUpdate != 0:
		return true, true // it carries no offer
	}
	return false, l.oa == idle && !l.busyInvite()
}

// talking is the far end that requests go to now; nil before there is one.
func (l *Leg) talking() *far {
	if l.state == up || !l.uac {
		return &l.d
	}
	if len(l.earlies) == 1 {
		return &l.earlies[0]
	}
	return nil
}

func (l *Leg) sendWish(w wish, update bool) {
	c := &client{purpose: forOffer, id: w.id, wish: w, abandon: l.now.Add(inviteWithin)}
	if w.refresh {
		c.purpose = forRefresh
	}
	r := request{method: "INVITE", to: l.talking(), body: w.body, contact: true}
	if update {
		r.method = "UPDATE"
	}
	if w.refresh && !update {
		r.body = l.localBody
	}
	r.header = message.AppendHeader(nil, "Allow", allowed)
	r.header = message.AppendHeader(r.header, "Supported", supportedLess)
	r.header = l.appendRefresh(r.header)
	if !r.body.Empty() {
		l.oa = offered
		if !w.refresh {
			c.body = r.body
		}
	}
	l.start(c, r)
}

// agreed takes the end of a re-INVITE or UPDATE of ours.
func (l *Leg) agreed(c *client, r result) {
	hadOffer := !c.what.body.Empty()
	if l.state == over {
		if r.ok() && c.invite() { // RFC 3261 §13.2.2.4: a 2xx is acknowledged all the same
			l.sendAck(c, call.Body{})
		}
		return
	}
	if r.ok() {
		l.agreedTo(c, r.m, hadOffer)
		return
	}
	if hadOffer && l.oa == offered {
		l.oa = idle
	}
	switch {
	case l.tryAgain(c, r):
	case r.status == 481 || r.status == 408 && r.local:
		// RFC 3261 §12.2.1.2: the dialog is gone.
		l.lost(call.Cause{Status: r.status, Phrase: "no answer within the call"}, r.status == 408)
	case c.purpose == forRefresh:
		l.refreshRefused(r)
	default:
		l.tell(call.Agreed{Leg: l.id, ID: c.id, Cause: l.causeOf(r)})
	}
}

// agreedTo takes a 2xx, of which an INVITE's may come again.
func (l *Leg) agreedTo(c *client, m *message.Message, hadOffer bool) {
	if c.ack != nil {
		l.sendRequest(l.path, c.ack, "")
		return
	}
	if l.owed == c {
		return // it comes again while its ACK is made
	}
	if l.state == up {
		l.d.learn(m)
	} else if d := l.earlyOf(m); d != nil {
		d.learn(m)
	}
	l.learnSession(m)
	body := bodyOf(m)
	if c.invite() && hadOffer {
		l.sendAck(c, call.Body{})
	}
	if hadOffer {
		l.oa = idle
		if !body.Empty() {
			l.remoteBody = fingerprintOf(m.Body)
			if !c.wish.refresh {
				l.localBody = c.body
			}
		}
	}
	switch {
	case c.purpose == forRefresh:
	case !hadOffer:
		l.oa, l.owed = gotOffer, c
		if !body.Empty() {
			l.remoteBody = fingerprintOf(m.Body)
		}
		l.tell(call.Agreed{Leg: l.id, ID: c.id, Body: body})
	case body.Empty():
		l.odd(OddMalformed)
		l.tell(call.Agreed{Leg: l.id, ID: c.id, Cause: call.Cause{Status: 488, Phrase: "the offer was accepted without an answer"}})
	default:
		l.tell(call.Agreed{Leg: l.id, ID: c.id, Body: body})
	}
}

// tryAgain puts a wish back where another try may succeed.
func (l *Leg) tryAgain(c *client, r result) bool {
	w := c.wish
	w.tries++
	if w.tries > maxTries {
		return false
	}
	switch {
	case r.status == 491:
		l.odd(OddGlare)
		w.notBefore = l.now.Add(l.c.between(0, otherTo))
		if l.uac {
			w.notBefore = l.now.Add(l.c.between(ownerFrom, ownerTo))
		}
	case r.status == 500 && r.m != nil && r.m.Has(message.HRetryAfter):
		v, _ := r.m.Get(message.HRetryAfter)
		w.notBefore = l.now.Add(time.Duration(min(leadingNumber(v), 10))*time.Second + l.c.between(0, time.Second))
	case r.status == 422 && r.m != nil && l.raise(r.m):
	case c.method == "UPDATE" && w.refresh && (r.status == 405 || r.status == 501):
		w.invite = true
	default:
		return false
	}
	l.wishes = append([]wish{w}, l.wishes...)
	return true
}

// lost ends a leg whose far end does not know it any more.
func (l *Leg) lost(cause call.Cause, bye bool) {
	if bye {
		l.bye(cause)
		return
	}
	l.finish(call.Ended{Leg: l.id, Cause: cause})
}
