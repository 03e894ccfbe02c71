package dialog

import (
	"strconv"
	"strings"
	"time"

	"roost/signaling/call"
	"roost/signaling/sip/message"
	"roost/signaling/sip/transaction"
)

// ringAgain: a provisional response is repeated so often, so that no proxy on the
// way gives up (RFC 3261 §13.3.1.1).
const ringAgain = time.Minute

// callMost bounds an INVITE without a final response, in both directions: the call
// has its own timers, and this only sees to it that nothing stays for ever.
const callMost = time.Hour

// invited is the INVITE that a leg began with, until its 2xx is acknowledged.
type invited struct {
	s       *server
	offer   bool
	require bool // the caller wants reliable provisional responses only
	rel     reliable
	last    call.Ring // the last that was sent, to be repeated
	again   time.Time
}

// unacked is a 2xx of ours that waits for its ACK.
type unacked struct {
	s       *server
	bytes   []byte
	delayed bool // our offer: the ACK brings the answer
	initial bool
	repeat  transaction.Repeat
}

// NewIncoming makes a leg of an INVITE outside a dialog. It sends 100 and tells
// Invited; or it refuses what cannot be used, tells nothing, and is over when the
// ACK came.
func NewIncoming(c *Config, in Incoming, m *message.Message, a Arrival, now time.Time, fx *Effects) *Leg {
	l := &Leg{
		c: c, id: in.ID, peer: in.Peer, peerName: in.PeerName, number: in.Number, path: a.Path,
		callID: keep(m.CallID), tag: c.newTag(), secure: m.Target.Scheme == "sips",
		host: c.Realm,
	}
	l.begin(now, fx)
	defer l.end()
	l.us, l.them = addressOf(m.To), addressOf(m.From)
	if n, ok := m.Target.Number(); ok {
		l.contactUser = keep(n)
	}
	l.d = far{tag: keep(m.From.Tag()), cseq: m.CSeq, heard: true, routes: routesOf(m, false)}
	l.d.learn(m)
	s := l.newServer(m, a)
	s.initial, s.offer = true, m.Body != ""
	event, refusal := l.invitation(m, s)
	if in.Dialled != "" {
		event.To = in.Dialled
	}
	if refusal != nil {
		l.state = over
		l.respond(s, *refusal)
		return l
	}
	s.until = now.Add(callMost)
	l.in = &invited{s: s, offer: s.offer, require: m.Token(message.HRequire, "100rel")}
	if s.offer {
		l.oa = gotOffer
		l.remoteBody = fingerprintOf(m.Body)
	}
	l.respond(s, reply{status: 100})
	l.tell(event)
	return l
}

// addressOf is an address as it stands in From and To, without the tag.
func addressOf(a message.Address) string {
	b := make([]byte, 0, len(a.Display)+len(a.Text)+8)
	if a.Display != "" {
		b = append(message.AppendQuoted(b, a.Display), ' ')
	}
	return string(append(append(append(b, '<'), a.Text...), '>'))
}

// invitation reads an INVITE; what cannot be used gives a refusal.
func (l *Leg) invitation(m *message.Message, s *server) (call.Invited, *reply) {
	ev := call.Invited{
		Leg: l.id, Peer: l.peer, PeerName: l.peerName, From: l.partyOf(m), Offer: bodyOf(m),
		Hops: hopsDefault - 1, Diverted: diversions(m), Agent: l.d.agent, To: l.contactUser,
	}
	if m.MaxForwards >= 0 {
		ev.Hops = m.MaxForwards - 1
	}
	if l.peer != call.Phone {
		for v := range m.List(message.HVisited) {
			if len(ev.Visited) > maxVisited { // one more than a call may have, so that it is refused
				break
			}
			ev.Visited = append(ev.Visited, keep(v))
		}
	}
	if l.d.target == "" {
		l.odd(OddMalformed)
		return ev, &reply{status: 400, reason: "Missing Or Unusable Contact Header"}
	}
	if v, ok := m.Get(message.HReplaces); ok {
		id, earlyOnly, good := parseReplaces(v)
		if !good {
			l.odd(OddMalformed)
			return ev, &reply{status: 400, reason: "Malformed Replaces Header"}
		}
		ev.Replaces, ev.Early = &id, earlyOnly
	}
	return ev, l.tooBrief(s)
}

// parseReplaces reads "call-id;to-tag=x;from-tag=y" (RFC 3891 §6.1).
func parseReplaces(v string) (id call.DialogID, earlyOnly, ok bool) {
	callID, params, _ := strings.Cut(v, ";")
	p := message.Params(";" + params)
	to, ok1 := p.Get("to-tag")
	from, ok2 := p.Get("from-tag")
	callID = strings.TrimSpace(callID)
	if !ok1 || !ok2 || callID == "" || strings.ContainsAny(callID, " \t,") {
		return id, false, false
	}
	return call.DialogID{CallID: keep(callID), ToTag: keep(to), FromTag: keep(from)}, p.Has("early-only"), true
}

// ring answers provisionally.
func (l *Leg) ring(r call.Ring) {
	in := l.in
	if in == nil || l.state != early || r.Status < 101 || r.Status > 199 {
		l.odd(OddAction)
		return
	}
	if !in.offer {
		r.Body = call.Body{} // it would be an offer, and its answer would come in a PRACK
	}
	in.last, in.again = r, l.now.Add(ringAgain)
	in.last.Body = call.Body{}
	reliable := in.s.can&can100rel != 0 && (!r.Body.Empty() || in.require)
	if reliable {
		l.ringReliably(r)
		return
	}
	l.respond(in.s, l.provisionalOf(r))
}

func (l *Leg) provisionalOf(r call.Ring) reply {
	b := l.appendConnected(nil, r.To)
	b = message.AppendHeader(b, "Allow", allowed)
	return reply{status: r.Status, header: b, body: r.Body, contact: true, dialog: true}
}

// tickInvited repeats what a caller must hear again.
func (l *Leg) tickInvited() {
	in := l.in
	if in == nil || l.state != early {
		return
	}
	if !in.again.IsZero() && !l.now.Before(in.again) {
		in.again = l.now.Add(ringAgain)
		if !in.rel.waits() && !in.require {
			l.respond(in.s, l.provisionalOf(in.last))
		}
	}
	l.tickReliable()
}

// answer sends the 2xx.
func (l *Leg) answer(a call.Answer) {
	in := l.in
	if in == nil || l.state != early {
		l.odd(OddAction)
		return
	}
	if in.rel.waits() && in.rel.body {
		in.rel.answer = &a // RFC 3262 §3: not before the PRACK
		return
	}
	body := a.Body
	if l.d.agreed && in.offer && sameBody(body, l.localBody) {
		body = call.Body{} // the answer went with a reliable response
	}
	b := l.appendConnected(nil, a.To)
	l.state = up
	in.again = time.Time{}
	in.rel.repeat.Stop() // RFC 3262 §3: no more of it after the final response
	l.accept(in.s, body, b)
	if !a.Body.Empty() {
		l.localBody = a.Body
	}
}

func sameBody(a, b call.Body) bool { return a.Type == b.Type && string(a.Data) == string(b.Data) }

// accept sends a 2xx to an INVITE, the first or a later one, and repeats it until
// its ACK comes.
func (l *Leg) accept(s *server, body call.Body, header []byte) {
	header = message.AppendHeader(header, "Allow", allowed)
	header = message.AppendHeader(header, "Supported", supported)
	header = l.agreeSession(header, s)
	bytes := l.respond(s, reply{status: 200, header: header, body: body, contact: true, dialog: true})
	l.wait = &unacked{s: s, bytes: bytes, delayed: !s.offer, initial: s.initial}
	l.repeats(&l.wait.repeat, l.c.Timers.OrDefault().T2)
	switch {
	case s.offer:
		l.oa = idle
	case !body.Empty():
		l.oa = offered
	}
}

func (l *Leg) tickUnacked() {
	w := l.wait
	if w == nil {
		return
	}
	again, late := w.repeat.Due(l.now)
	switch {
	case late:
		// RFC 3261 §13.3.1.4: the session is ended by BYE.
		l.odd(OddNoAck)
		l.wait = nil
		l.bye(call.Cause{Status: 408, Phrase: "no ACK"})
	case again:
		l.fx.Sends = append(l.fx.Sends, Send{Bytes: w.bytes, Flow: w.s.path.Flow, To: w.s.to})
	}
}

// ack takes an ACK: of a refusal (by its transaction) or of a 2xx.
func (l *Leg) ack(m *message.Message) {
	if s := l.findServer(m, "INVITE"); s != nil && s.inviteTx.State() != transaction.Accepted {
		l.serverEffects(s, s.inviteTx.Ack(l.now))
		return
	}
	w := l.wait
	if d := l.farOf(m); d == nil || w == nil || m.CSeq != w.s.cseq {
		if d == nil {
			l.odd(OddStranger)
		}
		return // of a 2xx that was acknowledged already
	}
	l.wait, l.in = nil, nil
	ev := call.Connected{Leg: l.id}
	if w.delayed {
		if l.oa == offered {
			l.oa = idle
		}
		if ev.Body = bodyOf(m); !ev.Body.Empty() {
			l.remoteBody = fingerprintOf(m.Body)
		}
	}
	if w.initial || w.delayed {
		l.tell(ev)
	}
	if h := l.hangUp; h != nil {
		l.hangUp = nil
		l.bye(*h)
	}
}

// refuse sends a final refusal.
func (l *Leg) refuse(cause call.Cause) {
	if l.in == nil || l.state != early {
		l.odd(OddAction)
		return
	}
	if cause.Status < 300 || cause.Status > 699 {
		cause.Status = 480
	}
	s := l.in.s
	l.respond(s, l.refusalOf(cause))
	l.finish(call.Ended{Leg: l.id, Cause: cause})
}

// refusalOf is the response that tells a cause.
func (l *Leg) refusalOf(cause call.Cause) reply {
	var b []byte
	if cause.Status < 400 {
		for i, c := range cause.Contacts {
			if i == maxCauses {
				break
			}
			b = append(l.appendPlace(append(b, "Contact: <"...), c), ">\r\n"...)
		}
	}
	if cause.RetryAfter > 0 {
		b = message.AppendNumber(b, "Retry-After", uint64(cause.RetryAfter))
	}
	b = l.appendReason(b, cause)
	if cause.Phrase != "" && (cause.Status == 488 || cause.Status == 606) {
		b = append(append(b, "Warning: 399 "...), l.c.Realm...)
		b = append(message.AppendQuoted(append(b, ' '), cause.Phrase), "\r\n"...)
	}
	return reply{status: cause.Status, header: b}
}

// appendPlace writes a number or URI as a URI.
func (l *Leg) appendPlace(b []byte, place string) []byte {
	if strings.Contains(place, ":") {
		return append(b, message.Clean(strings.Trim(place, "<> "))...)
	}
	b = append(message.AppendUser(append(b, "sip:"...), place), '@')
	return append(b, l.c.Realm...)
}

// cancelled takes a CANCEL: of the INVITE that began the leg, or of a later one. One
// that comes after the final response changes nothing (RFC 3261 §9.2).
func (l *Leg) cancelled(m *message.Message, a Arrival) {
	if s := l.findServer(m, "CANCEL"); s != nil {
		l.serverEffects(s, s.tx.Repeated())
		return
	}
	invite := l.findServer(m, "INVITE")
	if invite == nil {
		l.odd(OddStray)
		l.once(m, a, 481, "")
		return
	}
	cancel := l.newServer(m, a)
	cause := reasonOf(m)
	l.respond(cancel, reply{status: 200})
	if !invite.open() {
		return
	}
	l.respond(invite, reply{status: 487})
	if invite.initial {
		l.finish(call.Cancelled{Leg: l.id, Cause: cause})
		return
	}
	if l.oa == gotOffer {
		l.oa = idle
	}
}

// retryAfter is a header for "again in a moment" (RFC 3261 §14.2).
func (l *Leg) retryAfter() []byte {
	s := int(l.c.between(0, 10*time.Second) / time.Second)
	return append(append([]byte("Retry-After: "), strconv.Itoa(s)...), "\r\n"...)
}
