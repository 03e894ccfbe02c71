package phone

import (
	"strconv"
	"strings"
)

// inCall is a request within a call.
func (m *Machine) inCall(c *call, leg *leg, request *Message) {
	number := cseqNumber(request)
	if number < c.remoteCSeq {
		m.respond(c, leg, request, 500, "Out Of Order", nil)
		return
	}
	c.remoteCSeq = number
	switch request.Method {
	case "BYE":
		m.respond(c, leg, request, 200, "OK", nil)
		if c.state == ringing {
			m.refuse(c, 487, "Request Terminated", "given up by the caller")
			return
		}
		m.finish(c, CallEnded, 0, withReason("by the far end", request), leg)
	case "UPDATE":
		m.updated(c, leg, request)
	case "PRACK":
		first, _, _ := strings.Cut(request.Get("RAck"), " ")
		n, err := strconv.ParseUint(first, 10, 32)
		if err != nil || c.reliable == nil || uint32(n) != c.reliable.rseq {
			m.respond(c, leg, request, 481, "Nothing To Acknowledge", nil)
			return
		}
		m.dropReply(c.reliable)
		m.respond(c, leg, request, 200, "OK", nil)
	case "REFER":
		m.referred(c, leg, request)
	default:
		m.respond(c, leg, request, 200, "OK", nil)
	}
}

// reInvited is a new offer, or the wish for one, within a call.
func (m *Machine) reInvited(c *call, leg *leg, request *Message) {
	number := cseqNumber(request)
	switch {
	case number < c.remoteCSeq:
		m.final(c, leg, request, 500, "Out Of Order", nil)
		return
	case c.inviting != nil, m.unacknowledged(c), c.state == leaving:
		m.final(c, leg, request, 491, "Request Pending", nil)
		return
	}
	c.remoteCSeq = number
	var body []byte
	var err error
	c.weOffered = len(sdpOf(request)) == 0
	if c.weOffered {
		body = c.terms.offer()
	} else if body, err = c.terms.answer(sdpOf(request)); err != nil {
		m.final(c, leg, request, 488, "Not Acceptable Here", nil)
		return
	}
	if contact := between(request.Get("Contact"), "<", ">"); contact != "" {
		c.target = contact
	}
	m.final(c, leg, request, 200, "OK", func(response *Message) {
		withSDP(response, body)
		sessionExpires(request, response)
	})
	if !c.weOffered {
		m.tune(c)
	}
}

// updated is an UPDATE (RFC 3311): a session refresh, or an offer.
func (m *Machine) updated(c *call, leg *leg, request *Message) {
	var body []byte
	if offer := sdpOf(request); len(offer) > 0 {
		if c.inviting != nil {
			m.respond(c, leg, request, 491, "Request Pending", nil)
			return
		}
		var err error
		if body, err = c.terms.answer(offer); err != nil {
			m.respond(c, leg, request, 488, "Not Acceptable Here", nil)
			return
		}
	}
	if contact := between(request.Get("Contact"), "<", ">"); contact != "" {
		c.target = contact
	}
	m.respond(c, leg, request, 200, "OK", func(response *Message) {
		withSDP(response, body)
		sessionExpires(request, response)
	})
	m.tune(c)
}
