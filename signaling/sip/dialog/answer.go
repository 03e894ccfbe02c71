package dialog

import (
	"time"

	"roost/signaling/call"
	"roost/signaling/sip/message"
)

// How long the call may take to answer an offer: a person is asked for a re-INVITE,
// nobody for an UPDATE (RFC 3311 §5.2).
const (
	inviteWithin = 3 * time.Minute
	updateWithin = 20 * time.Second
)

// reinvited takes a re-INVITE (RFC 3261 §14.2).
func (l *Leg) reinvited(s *server, m *message.Message) {
	s.offer = m.Body != ""
	switch {
	case l.state == early || l.openInvite(s):
		l.odd(OddOverlap)
		l.respond(s, reply{status: 500, header: l.retryAfter()})
		return
	case l.oa == offered, l.oa == gotOffer, l.owed != nil, l.inviting():
		// RFC 3261 §14.2, and while our offer waits for its answer in an ACK (RFC 6337 §3.4).
		l.odd(OddGlare)
		l.respond(s, reply{status: 491})
		return
	}
	if r := l.tooBrief(s); r != nil {
		l.respond(s, *r)
		return
	}
	if l.wait != nil {
		// The far end would not begin anew, had it not sent the ACK: that was lost.
		l.impliedAck()
		if l.state == over {
			return
		}
	}
	l.offeredBy(s, m, false)
}

// impliedAck ends the wait for an ACK that got lost.
func (l *Leg) impliedAck() {
	w := l.wait
	l.wait, l.in = nil, nil
	if w.initial {
		l.tell(call.Connected{Leg: l.id})
	}
	if h := l.hangUp; h != nil {
		l.hangUp = nil
		l.bye(*h)
	}
}

func (l *Leg) openInvite(but *server) bool {
	for _, s := range l.servers {
		if s != but && s.method == "INVITE" && s.open() {
			return true
		}
	}
	return false
}

func (l *Leg) inviting() bool {
	for _, c := range l.clients {
		if c.invite() && c.waiting() {
			return true
		}
	}
	return false
}

// updated takes an UPDATE (RFC 3311 §5.2).
func (l *Leg) updated(s *server, m *message.Message) {
	s.offer = m.Body != ""
	if r := l.tooBrief(s); r != nil {
		l.respond(s, *r)
		return
	}
	switch {
	case !s.offer:
		l.respond(s, reply{status: 200, header: l.agreeSession(nil, s), contact: true})
	case l.oa == offered:
		l.odd(OddGlare)
		l.respond(s, reply{status: 491})
	case l.oa != idle || l.state == early && !l.agreedEarly():
		l.odd(OddOverlap)
		l.respond(s, reply{status: 500, header: l.retryAfter()})
	default:
		l.offeredBy(s, m, true)
	}
}

func (l *Leg) agreedEarly() bool {
	d := l.talking()
	return d != nil && d.agreed
}

// offeredBy passes an offer on. The description that the far end sent last, with a
// description of ours to answer it by, is a session refresh: it changes nothing.
func (l *Leg) offeredBy(s *server, m *message.Message, update bool) {
	s.id = l.newID()
	s.offer = m.Body != ""
	if s.offer {
		print := fingerprintOf(m.Body)
		if print == l.remoteBody && !l.localBody.Empty() {
			l.accepted(s, l.localBody)
			return
		}
		l.oa = gotOffer
	}
	within := inviteWithin
	if update {
		within = updateWithin
	}
	s.until = l.now.Add(within)
	s.remote = fingerprintOf(m.Body)
	l.tell(call.Offered{Leg: l.id, ID: s.id, Body: bodyOf(m), Update: update})
}

// reply answers Offered.
func (l *Leg) reply(r call.Reply) {
	s := l.findID(r.ID)
	if s == nil || s.method != "INVITE" && s.method != "UPDATE" && s.method != "PRACK" {
		if l.state != over {
			l.odd(OddAction)
		}
		return
	}
	if r.Cause.Status == 0 && r.Body.Empty() {
		l.odd(OddAction)
		r.Cause = call.Cause{Status: 488}
	}
	if r.Cause.Status != 0 {
		if l.oa == gotOffer && s.offer {
			l.oa = idle
		}
		if r.Cause.Status < 300 || r.Cause.Status > 699 {
			r.Cause.Status = 488
		}
		refusal := l.refusalOf(r.Cause)
		if r.Cause.Status == 500 && r.Cause.RetryAfter == 0 {
			refusal.header = append(refusal.header, l.retryAfter()...)
		}
		l.respond(s, refusal)
		return
	}
	if s.offer {
		l.remoteBody = s.remote
	}
	l.localBody = r.Body
	l.accepted(s, r.Body)
}

// accepted answers an offer, or makes one in answer to an INVITE without.
func (l *Leg) accepted(s *server, body call.Body) {
	if s.method == "INVITE" {
		l.accept(s, body, nil)
		return
	}
	l.oa = idle
	var b []byte
	if s.method == "UPDATE" {
		b = l.agreeSession(message.AppendHeader(nil, "Allow", allowed), s)
	}
	l.respond(s, reply{status: 200, header: b, body: body, contact: s.method == "UPDATE"})
}

// findID finds the request that an action answers.
func (l *Leg) findID(id uint32) *server {
	for _, s := range l.servers {
		if s.id == id && id != 0 && s.open() {
			return s
		}
	}
	return nil
}
