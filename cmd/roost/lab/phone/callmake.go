package phone

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// place begins a call. more adds header fields to its INVITE.
func (m *Machine) place(to string, more func(*Message)) *call {
	servers := m.callServers()
	if len(servers) == 0 {
		m.report(Report{Event: Cannot, With: to, Text: "registered nowhere"})
		return nil
	}
	c := m.newCall(servers[0], to)
	if c == nil {
		return nil
	}
	c.out, c.state, c.servers = true, calling, servers[1:]
	c.callID = m.token() + m.token()
	c.local = fmt.Sprintf("<sip:%s@%s>", m.Spec.Number, m.Domain)
	c.target = m.addressed(to)
	c.remote = "<" + c.target + ">"
	m.report(Report{Event: Dialling, Call: c.id, With: to, Server: c.leg.server.Name})
	m.sendInvite(c, more)
	return c
}

// callServers are the servers that a call may go to, best first.
func (m *Machine) callServers() []*leg {
	if m.at >= 0 {
		first := []*leg{m.legs[m.at]}
		if m.Spec.Calls.CallsOnly {
			first = append(first, m.legs[m.at+1:]...)
		}
		return first
	}
	if m.on && m.Spec.Calls.CallsOnly {
		return slices.Clone(m.legs)
	}
	return nil
}

func (m *Machine) sendInvite(c *call, more func(*Message)) {
	message := m.inDialog(c, "INVITE")
	if more != nil {
		more(message)
	}
	c.weOffered = true
	withSDP(message, c.terms.offer())
	c.invite = message
	c.inviting = m.ask(c, message, func(status int, response *Message) { m.inviteDone(c, status, response) })
}

// provisional is a 1xx to the INVITE that began a call.
func (m *Machine) provisional(c *call, r *request, response *Message) {
	if c.state != calling {
		return
	}
	if c.cancelled {
		m.cancel(c, r)
		return
	}
	if response.Status == 100 {
		return
	}
	m.learn(c, response)
	m.acceptReliable(c, response)
	if body := sdpOf(response); len(body) > 0 && c.weOffered && !c.early {
		if c.terms.accept(body) == nil {
			c.early = true
			m.tune(c)
		}
	}
	if !c.rings {
		c.rings = true
		text := ""
		if c.early {
			text = "with early media"
		}
		m.report(Report{Event: Alerting, Call: c.id, With: c.with, Code: response.Status, Text: text})
	}
}

// acceptReliable acknowledges a reliable provisional answer (RFC 3262 4).
func (m *Machine) acceptReliable(c *call, response *Message) {
	n, err := strconv.ParseUint(response.Get("RSeq"), 10, 32)
	if err != nil || !hasToken(response, "Require", "100rel") || uint32(n) <= c.rseq {
		return
	}
	c.rseq = uint32(n)
	prack := m.inDialog(c, "PRACK")
	prack.Add("RAck", fmt.Sprintf("%d %s", n, response.Get("CSeq")))
	m.ask(c, prack, func(int, *Message) {})
}

// hasToken says whether a comma-separated header field lists a token.
func hasToken(message *Message, name, token string) bool {
	for _, value := range message.All(name) {
		for part := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// learn takes the dialog's far half from a response (RFC 3261 12.1.2).
func (m *Machine) learn(c *call, response *Message) {
	if tag := parameter(response.Get("To"), "tag"); tag != "" {
		c.remoteTag = tag
	}
	if contact := between(response.Get("Contact"), "<", ">"); contact != "" {
		c.target = contact
	}
	if routes := splitAll(response.All("Record-Route")); len(routes) > 0 {
		slices.Reverse(routes)
		c.routes = routes
	}
}

func splitAll(values []string) []string {
	var all []string
	for _, value := range values {
		for _, part := range splitContacts(value) {
			all = append(all, strings.TrimSpace(part))
		}
	}
	return all
}

// inviteDone is the final answer to the INVITE that began a call.
func (m *Machine) inviteDone(c *call, status int, response *Message) {
	switch {
	case status >= 200 && status < 300:
		m.inviteTaken(c, response)
	case c.cancelled:
		m.finish(c, CallEnded, status, c.why, c.leg)
	case response == nil && len(c.servers) > 0 && !c.rings:
		m.report(Report{Event: Unanswered, Server: c.leg.server.Name, Text: "to a call"})
		c.leg, c.servers, c.remoteTag = c.servers[0], c.servers[1:], ""
		m.sendInvite(c, nil)
	case response == nil:
		m.finish(c, CallRefused, status, "no answer", c.leg)
	default:
		m.tellReferrer(c, status, response.Reason)
		m.finish(c, CallRefused, status, withReason(response.Reason, response), c.leg)
	}
}

func (m *Machine) inviteTaken(c *call, response *Message) {
	m.learn(c, response)
	// The request is the one that carried c.invite; its CSeq goes into the ACK.
	m.acknowledge(c, &request{leg: c.leg, message: c.invite, cseq: cseqNumber(response)}, nil)
	var problem error
	if body := sdpOf(response); len(body) > 0 {
		problem = c.terms.accept(body)
	} else if !c.early {
		problem = errSDP
	}
	c.state = up
	c.sessionTimer(response, "uac")
	switch {
	case c.cancelled:
		m.hangUp(c, c.why)
	case problem != nil:
		m.hangUp(c, problem.Error())
	default:
		m.tellReferrer(c, 200, "OK")
		m.connected(c)
	}
}

// sessionTimer notes whether the phone has to refresh the session (RFC 4028 7.2).
func (c *call) sessionTimer(message *Message, me string) {
	value := message.Get("Session-Expires")
	seconds, err := strconv.Atoi(firstToken(value))
	c.refreshEvery = 0
	if err == nil && seconds >= 90 && seconds < 1<<20 && strings.EqualFold(parameter(value, "refresher"), me) {
		c.refreshEvery = time.Duration(seconds) * time.Second / 2
	}
}

// refresher plans the refresh of a call that is up. Seconds on the wire are the
// server's.
func (m *Machine) refresher(c *call) {
	c.refreshAt = time.Time{}
	if c.refreshEvery > 0 {
		c.refreshEvery = c.refreshEvery / time.Second * m.WireSecond
		c.refreshAt = m.now.Add(c.refreshEvery)
	}
}

// hangUp ends a call in whatever state it is.
func (m *Machine) hangUp(c *call, why string) {
	switch c.state {
	case calling:
		if c.cancelled {
			return
		}
		c.cancelled, c.why = true, why
		if c.inviting != nil && c.inviting.proceeding {
			m.cancel(c, c.inviting)
		}
	case ringing:
		m.refuse(c, 603, "Decline", why)
	case answered: // a BYE may not overtake the ACK (RFC 3261 15)
		c.cancelled, c.why = true, why
	case up:
		c.state, c.why = leaving, why
		m.report(Report{Event: Leaves, Call: c.id, With: c.with, Why: why})
		account := c.voice.Report()
		c.account = &account
		m.tune(c)
		bye := m.inDialog(c, "BYE")
		server := m.serving(c)
		m.ask(c, bye, func(status int, _ *Message) { m.finish(c, CallEnded, status, why, server) })
	}
}

// cancel gives up an INVITE that proceeds (RFC 3261 9.1).
func (m *Machine) cancel(c *call, invite *request) {
	if c.cancelSent {
		return
	}
	c.cancelSent = true
	cancel := &Message{Method: "CANCEL", URI: invite.message.URI}
	for _, name := range []string{"Via", "Max-Forwards", "Route", "From", "To", "Call-ID"} {
		for _, value := range invite.message.All(name) {
			cancel.Add(name, value)
		}
	}
	cancel.Add("CSeq", fmt.Sprintf("%d CANCEL", invite.cseq))
	invite.deadline = m.now.Add(64 * m.T1)
	m.sendRequest(&request{call: c, leg: invite.leg, message: cancel, method: "CANCEL", done: func(int, *Message) {}})
}

// want makes a new offer as soon as no other is under way.
func (m *Machine) want(c *call, w wish) {
	c.wishes = append(c.wishes, w)
	m.nextWish(c)
}

func (m *Machine) nextWish(c *call) {
	if c.state != up || c.inviting != nil || m.unacknowledged(c) || len(c.wishes) == 0 || !c.retryAt.IsZero() {
		return
	}
	w := c.wishes[0]
	c.wishes = c.wishes[1:]
	was := c.terms.held
	c.terms.held = w.held
	invite := m.inDialog(c, "INVITE")
	withSDP(invite, c.terms.offer())
	c.weOffered = true
	c.inviting = m.ask(c, invite, func(status int, response *Message) {
		if c.state != up {
			if status >= 200 && status < 300 {
				m.acknowledge(c, &request{leg: m.serving(c), message: invite, cseq: cseqNumber(response)}, nil)
			}
			return
		}
		m.wishDone(c, w, was, invite, status, response)
		m.nextWish(c)
	})
}

// wishDone is the final answer to a re-INVITE (RFC 3261 14.1).
func (m *Machine) wishDone(c *call, w wish, was bool, invite *Message, status int, response *Message) {
	switch {
	case status >= 200 && status < 300:
		m.learn(c, response)
		m.acknowledge(c, &request{leg: m.serving(c), message: invite, cseq: cseqNumber(response)}, nil)
		if err := c.terms.accept(sdpOf(response)); err != nil {
			m.hangUp(c, err.Error())
			return
		}
		m.tune(c)
	case status == 491:
		c.terms.held = was
		wait := Range{0, 2 * time.Second}
		if c.out {
			wait = Range{2100 * time.Millisecond, 4 * time.Second}
		}
		c.wishes = slices.Insert(c.wishes, 0, w)
		c.retryAt = m.now.Add(m.pick(wait))
		return
	case status == 481:
		m.finish(c, CallEnded, status, "unknown to "+m.serving(c).server.Name, m.serving(c))
		return
	default:
		c.terms.held = was
	}
	if w.then != nil {
		w.then(status)
	}
}
