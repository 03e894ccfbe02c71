package phone

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// recentAnswers bounds what a phone remembers of its answers, for requests that
// come again.
const recentAnswers = 48

// answeredOnce is an answer that was sent.
type answeredOnce struct {
	key  string
	data []byte
}

// repeated answers a request that came before (RFC 3261 17.2).
func (m *Machine) repeated(leg *leg, request *Message) bool {
	key := request.Method + " " + branchOf(request) + " " + request.Get("Call-ID")
	for _, recent := range m.recent {
		if recent.key == key {
			m.effect(Send{leg.index, recent.data})
			return true
		}
	}
	return false
}

// send sends a response and remembers it.
func (m *Machine) send(leg *leg, request, response *Message) []byte {
	data := response.Bytes()
	key := request.Method + " " + branchOf(request) + " " + request.Get("Call-ID")
	m.effect(Send{leg.index, data})
	for i := range m.recent {
		if m.recent[i].key == key {
			m.recent[i].data = data
			return data
		}
	}
	if len(m.recent) >= recentAnswers {
		m.recent = slices.Delete(m.recent, 0, 1)
	}
	m.recent = append(m.recent, answeredOnce{key, data})
	return data
}

// respond answers a request of a call.
func (m *Machine) respond(c *call, leg *leg, request *Message, status int, reason string, more func(*Message)) []byte {
	response := reply(request, status, reason, c.localTag)
	if request.Method == "INVITE" || request.Method == "UPDATE" {
		response.Add("Contact", "<"+m.contact()+">")
		response.Add("Allow", allow)
		response.Add("Supported", "100rel, replaces, timer")
	}
	if more != nil {
		more(response)
	}
	return m.send(leg, request, response)
}

// final answers an INVITE, again and again until the ACK comes: a 2xx over any
// transport (RFC 3261 13.3.1.4), a refusal over UDP.
func (m *Machine) final(c *call, leg *leg, request *Message, status int, reason string, more func(*Message)) {
	data := m.respond(c, leg, request, status, reason, more)
	r := &unacked{
		call: c, callID: c.callID, data: data, leg: leg, cseq: cseqNumber(request), status: status,
		interval: m.T1, resend: m.now.Add(m.T1), deadline: m.now.Add(64 * m.T1),
	}
	if status >= 300 && m.Spec.Transport != "udp" {
		return
	}
	m.replies = append(m.replies, r)
}

func (m *Machine) resendReplies() {
	for _, r := range slices.Clone(m.replies) {
		switch {
		case due(r.deadline, m.now):
			m.dropReply(r)
			if c := r.call; r.rseq != 0 && c.state == ringing {
				m.refuse(c, 504, "Server Time-out", "no PRACK")
			} else if r.rseq == 0 && r.status < 300 && (c.state == answered || c.state == up) {
				c.state = up
				m.hangUp(c, "no ACK")
			}
		case due(r.resend, m.now):
			r.interval = min(2*r.interval, max(timerT2, m.T1))
			r.resend = m.now.Add(r.interval)
			m.counts.Retransmitted++
			m.effect(Send{r.leg.index, r.data})
		}
	}
}

func (m *Machine) dropReply(r *unacked) {
	m.replies = slices.DeleteFunc(m.replies, func(other *unacked) bool { return other == r })
	if r.call.reliable == r {
		r.call.reliable = nil
	}
}

// unacknowledged says whether a 2xx of ours in the call waits for its ACK.
func (m *Machine) unacknowledged(c *call) bool {
	return slices.ContainsFunc(m.replies, func(r *unacked) bool { return r.call == c && r.rseq == 0 && r.status < 300 })
}

// callAsked takes a request that belongs to calls; false if it does not.
func (m *Machine) callAsked(leg *leg, request *Message) bool {
	c := m.dialogOf(request)
	tagged := parameter(request.Get("To"), "tag") != ""
	switch request.Method {
	case "ACK":
		m.ackCame(request)
	case "INVITE":
		switch {
		case tagged && c == nil:
			m.answer(leg, request, 481, "Call/Transaction Does Not Exist")
		case tagged:
			m.reInvited(c, leg, request)
		case c != nil:
			m.answer(leg, request, 482, "Loop Detected")
		default:
			m.invited(leg, request)
		}
	case "CANCEL":
		m.cancelCame(c, leg, request)
	case "BYE", "UPDATE", "INFO", "PRACK", "REFER":
		if c == nil {
			m.answer(leg, request, 481, "Call/Transaction Does Not Exist")
		} else {
			m.inCall(c, leg, request)
		}
	case "NOTIFY":
		if c == nil {
			return false
		}
		m.referNews(c, leg, request)
	case "MESSAGE":
		m.answer(leg, request, 200, "OK")
	default:
		return false
	}
	return true
}

// invited is a new call that comes in.
func (m *Machine) invited(leg *leg, request *Message) {
	habits := &m.Spec.Calls
	var replaced *call
	if value := request.Get("Replaces"); value != "" {
		if replaced = m.replacedBy(value); replaced == nil {
			m.answer(leg, request, 481, "No Such Call To Replace")
			return
		}
	}
	talking := slices.ContainsFunc(m.calls, func(c *call) bool { return !c.terms.held })
	switch {
	case habits.Answers == Busy, m.busy, replaced == nil && talking && habits.Answers == ByItself, len(m.calls) >= maxCalls, m.Media == nil:
		m.answer(leg, request, 486, "Busy Here")
		return
	case habits.Answers == Reject:
		m.answer(leg, request, 603, "Decline")
		return
	}
	c := m.newCall(leg, numberIn(request.Get("From")))
	if c == nil {
		m.answer(leg, request, 480, "Temporarily Unavailable")
		return
	}
	c.state, c.invite, c.callID, c.replaces = ringing, request, request.Get("Call-ID"), replaced
	c.remoteTag = parameter(request.Get("From"), "tag")
	c.local, c.remote = untagged(request.Get("To")), untagged(request.Get("From"))
	c.target = between(request.Get("Contact"), "<", ">")
	c.routes = splitAll(request.All("Record-Route"))
	c.remoteCSeq = cseqNumber(request)
	if offer := sdpOf(request); len(offer) > 0 {
		answer, err := c.terms.answer(offer)
		if err != nil {
			m.refuse(c, 488, "Not Acceptable Here", err.Error())
			return
		}
		c.body = answer
	}
	m.report(Report{Event: Rings, Call: c.id, With: c.with, Server: leg.server.Name})
	m.ring(c)
	switch {
	case replaced != nil, answersAtOnce(request):
		m.answerCall(c)
	case habits.Answers == ByItself:
		c.answerAt = m.now.Add(max(habits.After, time.Nanosecond))
	}
}

// answersAtOnce: the caller asks the phone to answer by itself, as intercoms do.
func answersAtOnce(request *Message) bool {
	return strings.Contains(request.Get("Call-Info"), "answer-after=0") ||
		strings.Contains(strings.ToLower(request.Get("Alert-Info")), "auto answer") ||
		strings.Contains(strings.ToLower(request.Get("Alert-Info")), "autoanswer")
}

// ring answers provisionally.
func (m *Machine) ring(c *call) {
	status, reason, early := 180, "Ringing", m.Spec.Calls.EarlyMedia && len(c.body) > 0
	if early {
		status, reason = 183, "Session Progress"
		c.early = true
		m.tune(c)
	}
	reliable := hasToken(c.invite, "Require", "100rel") || early && hasToken(c.invite, "Supported", "100rel")
	data := m.respond(c, c.leg, c.invite, status, reason, func(response *Message) {
		if early {
			withSDP(response, c.body)
		}
		if reliable {
			response.Add("Require", "100rel")
			response.Add("RSeq", "1")
		}
	})
	if reliable {
		c.bodySent = early
		c.reliable = &unacked{
			call: c, callID: c.callID, data: data, leg: c.leg, cseq: c.remoteCSeq, rseq: 1, status: status,
			interval: m.T1, resend: m.now.Add(m.T1), deadline: m.now.Add(64 * m.T1),
		}
		m.replies = append(m.replies, c.reliable)
	}
}

// answerCall lifts the receiver.
func (m *Machine) answerCall(c *call) {
	if c.state != ringing {
		return
	}
	if c.reliable != nil { // RFC 3262 3: not before the PRACK
		c.answerAt = m.now.Add(m.T1 / 10)
		return
	}
	c.weOffered = len(c.body) == 0
	if c.weOffered {
		c.body = c.terms.offer()
	}
	c.state = answered
	c.sessionTimer(c.invite, "uas")
	m.tune(c)
	m.final(c, c.leg, c.invite, 200, "OK", func(response *Message) {
		if !c.bodySent {
			withSDP(response, c.body)
		}
		sessionExpires(c.invite, response)
	})
}

// sessionExpires agrees to a session timer that was asked for (RFC 4028 9).
func sessionExpires(request, response *Message) {
	value := request.Get("Session-Expires")
	if value == "" {
		return
	}
	refresher := parameter(value, "refresher")
	if refresher == "" {
		refresher = "uac"
	}
	response.Add("Session-Expires", firstToken(value)+";refresher="+refresher)
	if refresher == "uac" {
		response.Add("Require", "timer")
	}
}

// refuse answers a call that rings with a refusal.
func (m *Machine) refuse(c *call, status int, reason, why string) {
	if c.reliable != nil {
		m.dropReply(c.reliable)
	}
	m.final(c, c.leg, c.invite, status, reason, nil)
	m.finish(c, CallEnded, status, why, nil)
}

// ackCame ends the sending of a final answer.
func (m *Machine) ackCame(request *Message) {
	number, callID := cseqNumber(request), request.Get("Call-ID")
	for _, r := range slices.Clone(m.replies) {
		if r.callID != callID || r.cseq != number || r.rseq != 0 {
			continue
		}
		m.dropReply(r)
		c := r.call
		if r.status >= 300 || (c.state != answered && c.state != up) {
			return
		}
		var problem error
		if c.weOffered {
			c.weOffered = false
			problem = c.terms.accept(sdpOf(request))
		}
		began := c.state == answered
		c.state = up
		switch {
		case c.cancelled:
			m.hangUp(c, c.why)
		case problem != nil:
			m.hangUp(c, problem.Error())
		case began:
			m.connected(c)
		default:
			m.tune(c)
		}
		m.nextWish(c)
		return
	}
}

func (m *Machine) cancelCame(c *call, leg *leg, request *Message) {
	if c == nil || c.out {
		m.answer(leg, request, 481, "Call/Transaction Does Not Exist")
		return
	}
	m.respond(c, leg, request, 200, "OK", nil)
	if c.state == ringing {
		m.refuse(c, 487, "Request Terminated", withReason("given up by the caller", request))
	}
}

// withReason adds what a Reason field says (RFC 3326).
func withReason(why string, message *Message) string {
	if reason := message.Get("Reason"); reason != "" {
		return fmt.Sprintf("%s (%.80s)", why, reason)
	}
	return why
}
