package dialog

import (
	"strconv"
	"time"

	"roost/signaling/call"
	"roost/signaling/sip/message"
	"roost/signaling/sip/transaction"
)

// dialing is an INVITE of ours without a 2xx.
type dialing struct {
	dial call.Dial
	// cancel: the call gave up. The CANCEL must not go out before a provisional response
	// came (RFC 3261 §9.1).
	cancel  bool
	cause   call.Cause
	last    call.Ringing
	lastTag string
}

// NewOutgoing begins a leg: the INVITE goes out.
func NewOutgoing(c *Config, o Outgoing, d call.Dial, now time.Time, fx *Effects) *Leg {
	l := &Leg{
		c: c, id: o.ID, peer: o.Peer, uac: true, path: o.Path, auth: o.Authorize,
		callID: c.token(16), tag: c.newTag(), contactUser: string(d.From.Number), host: o.FromHost,
		out: &dialing{dial: d},
	}
	l.begin(now, fx)
	defer l.end()
	if l.host == "" {
		l.host = c.Realm
	}
	if d.From.Private {
		l.contactUser = ""
	}
	target, _ := message.ParseURI(o.URI)
	l.secure = target.Scheme == "sips"
	l.us = fromOf(d.From, l.host)
	l.them = l.toOf(d.To, target)
	l.d = far{target: o.URI, routes: o.Routes}
	l.session.every, l.session.least = l.wanted(), c.leastSession()
	l.invite(nil)
	return l
}

// toOf is the To address of an INVITE of ours.
func (l *Leg) toOf(number string, target message.URI) string {
	host := l.c.Realm
	if l.peer != call.Phone {
		host = target.Host
	}
	b := message.AppendUser([]byte("<sip:"), number)
	if number != "" {
		b = append(b, '@')
	}
	return string(append(append(b, host...), '>'))
}

// invite sends the INVITE, anew where old is not nil.
func (l *Leg) invite(old *client) {
	d := &l.out.dial
	b := l.appendAsserted(nil, d.From)
	b = message.AppendHeader(b, "Allow", allowed)
	if d.Offer.Empty() {
		b = message.AppendHeader(b, "Supported", supportedLess)
	} else {
		b = message.AppendHeader(b, "Supported", supported)
	}
	b = l.appendSessionWish(b)
	b = l.appendDiverted(b, d.Diverted)
	for _, v := range d.Visited {
		b = message.AppendHeader(b, "X-Roost-Visited", message.Clean(v))
	}
	if d.AutoAnswer {
		b = append(b, "Alert-Info: <http://www.notused.com>;info=alert-autoanswer;delay=0\r\n"...)
		b = append(append(append(b, "Call-Info: <sip:"...), l.c.Realm...), ">;answer-after=0\r\n"...)
	}
	if r := d.Replaces; r != nil {
		b = append(b, "Require: replaces\r\n"...)
		b = append(append(b, "Replaces: "...), message.Clean(r.CallID)...)
		b = append(append(b, ";to-tag="...), message.Clean(r.ToTag)...)
		b = append(append(append(b, ";from-tag="...), message.Clean(r.FromTag)...), "\r\n"...)
	}
	l.oa = idle
	if !d.Offer.Empty() {
		l.oa, l.localBody = offered, d.Offer
	}
	r := request{method: "INVITE", to: &l.d, header: b, body: d.Offer, hops: max(d.Hops, 1), contact: true}
	if old == nil {
		l.start(&client{purpose: forCall, abandon: l.now.Add(callMost)}, r)
		return
	}
	r.auth = old.what.auth
	l.again(old, r)
}

// early finds or makes the early dialog of a provisional response.
func (l *Leg) earlyOf(m *message.Message) *far {
	tag := m.To.Tag()
	for i := range l.earlies {
		if l.earlies[i].tag == tag {
			return &l.earlies[i]
		}
	}
	if tag == "" || len(l.earlies) == maxEarly {
		return nil
	}
	l.earlies = append(l.earlies, far{tag: keep(tag), target: l.d.target})
	d := &l.earlies[len(l.earlies)-1]
	return d
}

// ringing takes a provisional response to the INVITE.
func (l *Leg) ringing(c *client, m *message.Message) {
	out := l.out
	if out == nil || l.state != early {
		return
	}
	if out.cancel {
		l.sendCancel(c, out.cause)
	}
	if m.Status == 100 {
		return
	}
	d := l.earlyOf(m)
	if d == nil {
		return
	}
	d.learn(m)
	if m.Has(message.HRecordRoute) || d.routes == nil {
		d.routes = routesOf(m, true)
	}
	body := bodyOf(m)
	if m.Has(message.HRSeq) && m.Token(message.HRequire, "100rel") && !out.dial.Offer.Empty() {
		if !l.acknowledge(c, d, m) {
			return
		}
		if !body.Empty() && !d.agreed {
			d.agreed, d.answer, l.oa = true, body, idle
		}
	}
	if m.Status > 183 || out.cancel {
		return
	}
	ev := call.Ringing{Leg: l.id, Status: m.Status, Body: body}
	if out.lastTag == d.tag && out.last.Status == ev.Status && sameBody(out.last.Body, ev.Body) {
		return // repeated for proxies on the way
	}
	out.last, out.lastTag = ev, d.tag
	l.tell(ev)
}

// called takes the end of the INVITE: a final response, or none came.
func (l *Leg) called(c *client, r result) {
	switch {
	case r.ok():
		l.answered(c, r.m)
	case l.state != early:
		// The 2xx of one branch came, nothing more is to be had of the others.
	case r.status == 422 && r.m != nil && c.tries < maxTries && !l.out.cancel && l.raise(r.m):
		l.invite(c)
	default:
		cause := l.causeOf(r)
		if l.out.cancel && r.status != 487 && r.local {
			cause.Status = 487
		}
		l.out = nil
		l.finish(call.Refused{Leg: l.id, Cause: cause})
	}
}

// answered takes a 2xx to the INVITE, which comes again until our ACK arrives, and
// may come from several branches (RFC 3261 §13.2.2.4).
func (l *Leg) answered(c *client, m *message.Message) {
	if l.state != early {
		l.answeredAgain(c, m)
		return
	}
	d := l.earlyOf(m)
	if d == nil {
		d = &far{tag: keep(m.To.Tag()), target: l.d.target}
	}
	l.d = *d
	l.earlies = nil
	l.d.learn(m)
	l.d.routes = routesOf(m, true)
	l.state = up
	delayed := l.out.dial.Offer.Empty()
	l.out = nil
	c.abandon = time.Time{}
	body := bodyOf(m)
	if !body.Empty() {
		l.remoteBody = fingerprintOf(m.Body)
	} else if l.d.agreed {
		body = l.d.answer
		l.remoteBody = fingerprintOf(string(body.Data))
	}
	l.d.answer = call.Body{}
	l.learnSession(m)
	if delayed {
		l.oa, l.owed = gotOffer, c
	} else {
		l.oa = idle
		l.sendAck(c, call.Body{})
	}
	l.tell(call.Answered{Leg: l.id, Body: body})
}

func (l *Leg) answeredAgain(c *client, m *message.Message) {
	tag := m.To.Tag()
	if tag == l.d.tag {
		if c.ack != nil {
			l.sendRequest(l.path, c.ack, "")
		}
		return
	}
	for _, f := range c.forkAcks {
		if f.tag == tag {
			l.sendRequest(l.path, f.bytes, "")
			return
		}
	}
	if len(c.forkAcks) == maxEarly {
		l.odd(OddStorm)
		return
	}
	l.odd(OddFork)
	other := far{tag: keep(tag), target: l.d.target, routes: routesOf(m, true)}
	other.learn(m)
	ack := l.writeAck(c, &other, call.Body{})
	c.forkAcks = append(c.forkAcks, forkAck{other.tag, ack})
	l.sendRequest(l.path, ack, "")
	l.start(&client{purpose: forForkBye}, request{method: "BYE", to: &other})
}

// sendAck acknowledges a 2xx; the bytes are kept for each that comes again.
func (l *Leg) sendAck(c *client, body call.Body) {
	c.ack = l.writeAck(c, &l.d, body)
	l.sendRequest(l.path, c.ack, "")
}

// connect sends the ACK that is owed.
func (l *Leg) connect(body call.Body) {
	c := l.owed
	if c == nil {
		return
	}
	l.owed = nil
	if !body.Empty() {
		l.localBody = body
	}
	l.oa = idle
	l.sendAck(c, body)
	if h := l.hangUp; h != nil {
		l.hangUp = nil
		l.bye(*h)
	}
}

// giveUp cancels the INVITE (RFC 3261 §9.1).
func (l *Leg) giveUp(cause call.Cause) {
	if l.out == nil || l.state != early {
		if l.state == early {
			l.refuse(cause)
			return
		}
		if l.state == up {
			return // the answer was faster: it was told, and End follows
		}
		l.odd(OddAction)
		return
	}
	if l.out.cancel {
		return
	}
	l.out.cancel, l.out.cause = true, cause
	for _, c := range l.clients {
		if c.purpose != forCall || !c.waiting() {
			continue
		}
		c.abandon = l.now.Add(l.span())
		if c.inviteTx.State() == transaction.Proceeding {
			l.sendCancel(c, cause)
		}
		return
	}
}

// sendCancel sends a CANCEL with the branch of the INVITE.
func (l *Leg) sendCancel(c *client, cause call.Cause) {
	if c.cancel {
		return
	}
	c.cancel = true
	c.abandon = l.now.Add(l.span())
	cancel := &client{
		purpose: forCancel, method: "CANCEL", branch: c.branch, cseq: c.cseq, path: c.path, uri: c.uri,
		routes: c.routes, to: c.to, what: request{method: "CANCEL", hops: c.what.hops},
	}
	b := l.appendHead(make([]byte, 0, 512), cancel, "CANCEL")
	b = message.AppendHeader(b, "To", c.to)
	b = l.appendReason(b, cause)
	b = message.AppendBody(b, "", nil)
	l.clients = append(l.clients, cancel)
	l.clientEffects(cancel, cancel.tx.Start(b, c.path.Reliable, l.c.Timers, l.now), nil)
}

// hang ends the leg: by BYE once that may be (RFC 3261 §15), by CANCEL or a refusal
// before the answer.
func (l *Leg) hang(cause call.Cause) {
	switch {
	case l.state == over:
	case l.state == early && l.uac:
		l.giveUp(cause)
	case l.state == early:
		l.refuse(cause)
	case l.owed != nil:
		l.hangUp = &cause
		l.connect(call.Body{})
	case l.wait != nil && l.wait.initial:
		l.hangUp = &cause // the callee must not, before the ACK came
	default:
		l.bye(cause)
	}
}

// bye sends the BYE. The leg is over at once for the call.
func (l *Leg) bye(cause call.Cause) {
	if l.state == over {
		return
	}
	l.lastNews()
	l.start(&client{purpose: forBye}, request{method: "BYE", to: &l.d, header: l.appendReason(nil, cause)})
	l.finish(call.Ended{Leg: l.id, Cause: cause})
}

// byeCame takes a BYE.
func (l *Leg) byeCame(s *server, m *message.Message) {
	l.respond(s, reply{status: 200})
	cause := reasonOf(m)
	switch {
	case l.state == over:
	case l.state == up:
		l.finish(call.Ended{Leg: l.id, Cause: cause})
	case l.uac:
		// From an early dialog: only the callee may not; the INVITE's end tells.
	default:
		// RFC 3261 §15.1.2: the caller may end an early dialog so.
		if l.in != nil && l.in.s.open() {
			l.respond(l.in.s, reply{status: 487})
		}
		l.finish(call.Cancelled{Leg: l.id, Cause: cause})
	}
}

// causeOf is why a request of ours was refused.
func (l *Leg) causeOf(r result) call.Cause {
	cause := call.Cause{Status: r.status, Phrase: r.reason}
	if r.m == nil {
		return cause
	}
	cause.Phrase = keep(r.reason)
	if text := reasonOf(r.m).Phrase; text != "" {
		cause.Phrase = text
	}
	if r.status < 400 {
		for v := range r.m.List(message.HContact) {
			if a, err := message.ParseAddress(v); err == nil && len(cause.Contacts) < maxCauses {
				cause.Contacts = append(cause.Contacts, keep(a.Text))
			}
		}
	}
	if v, ok := r.m.Get(message.HRetryAfter); ok {
		cause.RetryAfter = leadingNumber(v)
	}
	return cause
}

// leadingNumber reads "18000;duration=3600" and "120 (in a meeting)"; 0 where there
// is none.
func leadingNumber(v string) int {
	n := 0
	for n < len(v) && n < 9 && v[n] >= '0' && v[n] <= '9' {
		n++
	}
	seconds, _ := strconv.Atoi(v[:n])
	return seconds
}
