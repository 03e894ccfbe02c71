package phone

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// request is one of a call's requests under way (RFC 3261 17.1).
type request struct {
	call       *call
	leg        *leg
	message    *Message
	method     string
	branch     string
	data       []byte
	cseq       uint32
	proofs     int
	reliable   bool
	proceeding bool // an INVITE that got a provisional answer
	interval   time.Duration
	resend     time.Time
	deadline   time.Time // zero for an INVITE that proceeds
	// done takes the final answer; status 408 stands for none, with a nil message.
	done func(status int, response *Message)
}

const (
	// noAnswer is how long an INVITE that proceeds may stay unanswered: above what
	// any server's own timer C should be.
	noAnswer = 6 * time.Minute
	allow    = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY, MESSAGE"
)

func (r *request) next() time.Time {
	if r.reliable || r.proceeding || !r.resend.Before(r.deadline) {
		return r.deadline
	}
	return r.resend
}

// inDialog begins a request of a call (RFC 3261 12.2.1.1).
func (m *Machine) inDialog(c *call, method string) *Message {
	c.cseq++
	return m.callMessage(c, method, c.cseq)
}

func (m *Machine) callMessage(c *call, method string, cseq uint32) *Message {
	to := c.remote
	if c.remoteTag != "" {
		to += ";tag=" + c.remoteTag
	}
	message := &Message{Method: method, URI: c.target}
	message.Add("Via", fmt.Sprintf("SIP/2.0/%s %s;branch=z9hG4bK%s;rport", strings.ToUpper(m.Spec.Transport), m.Local, m.token()))
	message.Add("Max-Forwards", "70")
	for _, route := range c.routes {
		message.Add("Route", route)
	}
	message.Add("From", c.local+";tag="+c.localTag)
	message.Add("To", to)
	message.Add("Call-ID", c.callID)
	message.Add("CSeq", fmt.Sprintf("%d %s", cseq, method))
	message.Add("User-Agent", m.Profile.Agent)
	if method != "ACK" && method != "BYE" && method != "CANCEL" {
		message.Add("Contact", "<"+m.contact()+">")
		message.Add("Allow", allow)
		message.Add("Supported", "100rel, replaces, timer")
	}
	return message
}

// ask sends a request of a call, with credentials if its server has challenged
// before, and waits for the answer.
func (m *Machine) ask(c *call, message *Message, done func(int, *Message)) *request {
	r := &request{call: c, leg: m.serving(c), message: message, method: message.Method, done: done}
	if c.state == calling && c.remoteTag == "" {
		r.leg = c.leg
	}
	m.authorize(r.leg, message)
	m.sendRequest(r)
	return r
}

func (m *Machine) sendRequest(r *request) {
	r.branch, r.data = branchOf(r.message), r.message.Bytes()
	first, _, _ := strings.Cut(r.message.Get("CSeq"), " ")
	n, _ := strconv.ParseUint(first, 10, 32) // its own
	r.cseq = uint32(n)
	r.reliable = m.Spec.Transport != "udp"
	r.interval = m.T1
	r.resend, r.deadline = m.now.Add(r.interval), m.now.Add(64*m.T1)
	m.requests = append(m.requests, r)
	m.counts.Sent++
	m.effect(Send{r.leg.index, r.data})
}

func (m *Machine) resendRequests() {
	var overdue []*request
	for _, r := range m.requests {
		switch {
		case due(r.deadline, m.now):
			overdue = append(overdue, r)
		case !r.reliable && !r.proceeding && due(r.resend, m.now):
			r.interval *= 2
			if r.method != "INVITE" {
				r.interval = min(r.interval, max(timerT2, m.T1))
			}
			r.resend = m.now.Add(r.interval)
			m.counts.Retransmitted++
			m.effect(Send{r.leg.index, r.data})
		}
	}
	for _, r := range overdue {
		m.endRequest(r)
		r.done(408, nil)
	}
}

func (m *Machine) endRequest(r *request) {
	m.requests = slices.DeleteFunc(m.requests, func(other *request) bool { return other == r })
	if r.call.inviting == r {
		r.call.inviting = nil
	}
}

// failRequests answers for a server whose connection broke.
func (m *Machine) failRequests(leg *leg) {
	for _, r := range slices.Clone(m.requests) {
		if r.leg == leg {
			m.endRequest(r)
			r.done(408, nil)
		}
	}
}

// callAnswered takes a response, if it is to a request of a call.
func (m *Machine) callAnswered(leg *leg, response *Message) bool {
	branch, method := branchOf(response), cseqMethod(response)
	for _, r := range m.requests {
		if r.branch == branch && r.method == method {
			m.take(r, response)
			return true
		}
	}
	if method != "INVITE" {
		return false
	}
	for _, c := range m.calls { // a 2xx again: its ACK was lost
		if c.callID == response.Get("Call-ID") && response.Status >= 200 && response.Status < 300 && c.ack != nil && cseqNumber(response) == c.ackOf {
			m.effect(Send{leg.index, c.ack})
			return true
		}
	}
	return false
}

func (m *Machine) take(r *request, response *Message) {
	c := r.call
	if response.Status < 200 {
		if r.method == "INVITE" {
			r.proceeding, r.deadline = true, m.now.Add(noAnswer)
			m.provisional(c, r, response)
		}
		return
	}
	m.endRequest(r)
	if r.method == "INVITE" && response.Status >= 300 {
		m.acknowledgeRefusal(r, response)
	}
	if (response.Status == 401 || response.Status == 407) && r.proofs < 2 && m.chooseChallenge(r.leg, response) && !(r.method == "INVITE" && c.cancelled) {
		m.again(r)
		return
	}
	r.done(response.Status, response)
}

// again sends a request anew, with credentials.
func (m *Machine) again(r *request) {
	c := r.call
	c.cseq++
	message := &Message{Method: r.method, URI: r.message.URI, Body: r.message.Body}
	for _, field := range r.message.Fields {
		switch field.Name {
		case "Via":
			field.Value = fmt.Sprintf("SIP/2.0/%s %s;branch=z9hG4bK%s;rport", strings.ToUpper(m.Spec.Transport), m.Local, m.token())
		case "CSeq":
			field.Value = fmt.Sprintf("%d %s", c.cseq, r.method)
		case "Authorization", "Proxy-Authorization":
			continue
		}
		message.Fields = append(message.Fields, field)
	}
	m.authorize(r.leg, message)
	next := &request{call: c, leg: r.leg, message: message, method: r.method, proofs: r.proofs + 1, done: r.done}
	if r.method == "INVITE" {
		c.inviting = next
		if c.invite == r.message {
			c.invite = message
		}
	}
	m.sendRequest(next)
}

// acknowledgeRefusal is the ACK within the INVITE's transaction (RFC 3261 17.1.1.3).
func (m *Machine) acknowledgeRefusal(r *request, response *Message) {
	ack := &Message{Method: "ACK", URI: r.message.URI}
	for _, name := range []string{"Via", "Max-Forwards", "Route", "From", "Call-ID"} {
		for _, value := range r.message.All(name) {
			ack.Add(name, value)
		}
	}
	ack.Add("To", response.Get("To"))
	ack.Add("CSeq", fmt.Sprintf("%d ACK", r.cseq))
	m.effect(Send{r.leg.index, ack.Bytes()})
}

// acknowledge is the ACK of a 2xx (RFC 3261 13.2.2.4).
func (m *Machine) acknowledge(c *call, r *request, body []byte) {
	ack := m.callMessage(c, "ACK", r.cseq)
	for _, name := range []string{"Authorization", "Proxy-Authorization"} {
		if value := r.message.Get(name); value != "" {
			ack.Add(name, value)
		}
	}
	withSDP(ack, body)
	c.ack, c.ackOf = ack.Bytes(), r.cseq
	m.effect(Send{r.leg.index, c.ack})
}

func withSDP(message *Message, body []byte) {
	if len(body) > 0 {
		message.Add("Content-Type", contentSDP)
		message.Body = body
	}
}

// sdpOf is a message's session description, nil if it has none.
func sdpOf(message *Message) []byte {
	kind, _, _ := strings.Cut(message.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(kind), contentSDP) {
		return nil
	}
	return message.Body
}

func cseqMethod(message *Message) string {
	_, method, _ := strings.Cut(message.Get("CSeq"), " ")
	return strings.ToUpper(strings.TrimSpace(method))
}

func cseqNumber(message *Message) uint32 {
	first, _, _ := strings.Cut(message.Get("CSeq"), " ")
	n, err := strconv.ParseUint(first, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}
