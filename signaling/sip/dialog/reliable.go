package dialog

import (
	"strconv"
	"strings"

	"roost/signaling/call"
	"roost/signaling/sip/message"
	"roost/signaling/sip/transaction"
)

// reliable is a provisional response that waits for its PRACK (RFC 3262). One waits
// at a time; the newest of what comes meanwhile is sent after it, then the answer.
type reliable struct {
	seq    uint32
	bytes  []byte
	body   bool
	repeat transaction.Repeat
	next   *call.Ring
	answer *call.Answer
}

func (r *reliable) waits() bool { return r.repeat.Running() }

func (l *Leg) ringReliably(r call.Ring) {
	rel := &l.in.rel
	if rel.waits() {
		rel.next = &r
		return
	}
	if l.d.agreed {
		r.Body = call.Body{} // the answer is given already
	}
	if rel.seq == 0 {
		var raw [2]byte
		_, _ = l.c.Random.Read(raw[:])
		rel.seq = uint32(raw[0])<<8 | uint32(raw[1])
	}
	rel.seq++
	p := l.provisionalOf(r)
	p.header = append(p.header, "Require: 100rel\r\n"...)
	p.header = message.AppendNumber(p.header, "RSeq", uint64(rel.seq))
	rel.bytes, rel.body = l.respond(l.in.s, p), !r.Body.Empty()
	if rel.body {
		l.localBody = r.Body
	}
	l.repeats(&rel.repeat, 0)
}

func (l *Leg) tickReliable() {
	in := l.in
	again, late := in.rel.repeat.Due(l.now)
	switch {
	case late:
		// RFC 3262 §3: the INVITE is refused with a 5xx.
		l.odd(OddNoPrack)
		cause := call.Cause{Status: 504, Phrase: "no PRACK"}
		l.respond(in.s, reply{status: cause.Status})
		l.finish(call.Cancelled{Leg: l.id, Cause: cause})
	case again:
		l.fx.Sends = append(l.fx.Sends, Send{Bytes: in.rel.bytes, Flow: in.s.path.Flow, To: in.s.to})
	}
}

// pracked takes a PRACK.
func (l *Leg) pracked(s *server, m *message.Message) {
	in := l.in
	seq, cseq, ok := parseRAck(m)
	if !ok {
		l.odd(OddMalformed)
		l.respond(s, reply{status: 400, reason: "Malformed RAck Header"})
		return
	}
	if in == nil || in.rel.seq != seq || in.s.cseq != cseq || seq == 0 {
		l.respond(s, reply{status: 481})
		return
	}
	if !in.rel.waits() { // the answer was faster
		l.respond(s, reply{status: 200})
		return
	}
	in.rel.repeat.Stop()
	if in.rel.body {
		l.d.agreed, l.oa = true, idle
	}
	if m.Body != "" && l.d.agreed {
		l.offeredBy(s, m, true)
	} else {
		l.respond(s, reply{status: 200})
	}
	if next := in.rel.next; next != nil {
		in.rel.next = nil
		l.ring(*next)
	}
	if a := in.rel.answer; a != nil && !(in.rel.waits() && in.rel.body) {
		in.rel.answer = nil
		l.answer(*a)
	}
}

// parseRAck reads "776656 1 INVITE" (RFC 3262 §7.2).
func parseRAck(m *message.Message) (seq, cseq uint32, ok bool) {
	v, _ := m.Get(message.HRAck)
	f := strings.Fields(v)
	if len(f) != 3 || f[2] != "INVITE" {
		return 0, 0, false
	}
	a, err1 := strconv.ParseUint(f[0], 10, 32)
	b, err2 := strconv.ParseUint(f[1], 10, 32)
	return uint32(a), uint32(b), err1 == nil && err2 == nil
}

// acknowledge sends the PRACK of a reliable provisional response to our INVITE;
// false for one that came before, or out of order (RFC 3262 §4).
func (l *Leg) acknowledge(c *client, d *far, m *message.Message) bool {
	v, _ := m.Get(message.HRSeq)
	n, err := strconv.ParseUint(v, 10, 32)
	if err != nil || n == 0 {
		l.odd(OddMalformed)
		return false
	}
	seq := uint32(n)
	if d.rseq != 0 && seq != d.rseq+1 {
		return false
	}
	d.rseq = seq
	b := append([]byte("RAck: "), v...)
	b = strconv.AppendUint(append(b, ' '), uint64(c.cseq), 10)
	b = append(b, " INVITE\r\n"...)
	l.start(&client{purpose: forPrack, id: seq}, request{method: "PRACK", to: d, header: b})
	return true
}

// prackRefused makes a PRACK that arrived out of order (500, RFC 3261 §12.2.2) be sent
// anew when the provisional response comes again.
func (l *Leg) prackRefused(c *client, r result) {
	for i := range l.earlies {
		d := &l.earlies[i]
		if r.status == 500 && tagged(l.them, d.tag) == c.to && d.rseq > 0 && d.rseq == c.id {
			d.rseq--
		}
	}
}
