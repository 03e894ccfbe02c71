package ras

import (
	"net/netip"
	"time"

	"roost/registrar"
	"roost/signaling/h323/h225"
	"roost/signaling/h323/per"
)

// pending is a request of ours that waits for its answer.
type pending struct {
	seq    uint16
	choice h225.RasMessageChoice
	e      *endpoint // nil for LRQ
	to     netip.AddrPort
	socket uint8
	data   []byte
	left   int // tries
	due    time.Time
	done   bool
	id     uint64 // Locate's
	crv    uint16 // Disengage's
}

// send starts a request; nil if there is no free sequence number.
func (g *Gatekeeper) send(p *pending, m *h225.RasMessage, by signer, now time.Time, out *Out) *pending {
	at := len(out.buf)
	if !g.write(out, m, by, now) {
		return nil
	}
	p.data = append([]byte(nil), out.buf[at:]...)
	out.Packets = append(out.Packets, Packet{p.socket, p.to, out.buf[at:]})
	p.left, p.due = g.config.Tries-1, now.Add(g.config.Repeat)
	g.pending[p.seq] = p
	g.agenda.push(item{at: p.due, p: p})
	return p
}

// number is the next sequence number of ours that is free; 0 if there is none.
func (g *Gatekeeper) number() uint16 {
	if len(g.pending) > 1<<15 {
		g.count.OutOfNumbers++
		return 0
	}
	for {
		g.sequence++
		if _, used := g.pending[g.sequence]; !used && g.sequence != 0 {
			return g.sequence
		}
	}
}

// signerOf signs for an endpoint that proved itself with H.235.1.
func (g *Gatekeeper) signerOf(e *endpoint) signer {
	if e.Security != HMAC {
		return signer{}
	}
	secret, ok := g.office.Secret(e.Number)
	return signer{ok: ok, key: keyOf(secret.Password), to: e.ID}
}

// Next is when Tick is due; false if nothing is.
func (g *Gatekeeper) Next() (time.Time, bool) {
	if len(g.agenda) == 0 {
		return time.Time{}, false
	}
	return g.agenda[0].at, true
}

// Tick does what is due: repeats requests, gives those up that nobody answers, and asks
// endpoints that are past their time to live whether they are there (H.225.0 7.9.2).
func (g *Gatekeeper) Tick(now time.Time, out *Out) {
	for len(g.agenda) > 0 && !g.agenda[0].at.After(now) {
		switch i := g.agenda.pop(); {
		case i.p != nil:
			g.repeat(i.p, now, out)
		case !i.e.gone:
			i.e.queued = false
			g.due(i.e, now, out)
		}
	}
}

func (g *Gatekeeper) repeat(p *pending, now time.Time, out *Out) {
	switch {
	case p.done:
	case p.due.After(now): // a RequestInProgress put it off
		g.agenda.push(item{at: p.due, p: p})
	case p.left > 0:
		p.left--
		p.due = now.Add(g.config.Repeat)
		at := len(out.buf)
		out.buf = append(out.buf, p.data...)
		out.Packets = append(out.Packets, Packet{p.socket, p.to, out.buf[at:]})
		g.count.Sent[p.choice]++
		g.agenda.push(item{at: p.due, p: p})
	default:
		g.finish(p)
		g.unanswered(p, now, out)
	}
}

func (g *Gatekeeper) finish(p *pending) {
	p.done = true
	p.data = nil
	delete(g.pending, p.seq)
	if p.e != nil && p.e.watched == p {
		p.e.watched = nil
	}
}

// unanswered is the end of a request that nobody answers.
func (g *Gatekeeper) unanswered(p *pending, now time.Time, out *Out) {
	switch p.choice {
	case h225.RasMessageInfoRequest:
		if !p.e.gone {
			g.expire(p.e, now, out)
		}
	case h225.RasMessageUnregistrationRequest:
		out.Events = append(out.Events, UnregisterResult{Number: p.e.Number})
	case h225.RasMessageLocationRequest:
		out.Events = append(out.Events, Located{ID: p.id})
	case h225.RasMessageDisengageRequest:
		out.Events = append(out.Events, Disengaged{Number: p.e.Number, CRV: p.crv})
	}
}

// schedule has an endpoint looked at when its time to live is over. One that stands in
// the agenda stays where it is: it is put back when it comes up too early.
func (g *Gatekeeper) schedule(e *endpoint) {
	if !e.queued {
		e.queued = true
		g.agenda.push(item{at: e.Expires, e: e})
	}
}

func (g *Gatekeeper) due(e *endpoint, now time.Time, out *Out) {
	if e.Expires.After(now) {
		g.schedule(e)
		return
	}
	if e.watched != nil {
		return
	}
	seq := g.number()
	if seq == 0 {
		e.queued = true
		g.agenda.push(item{at: now.Add(g.config.Repeat), e: e})
		return
	}
	g.count.Asked++
	e.watched = g.send(&pending{seq: seq, choice: h225.RasMessageInfoRequest, e: e, to: e.Source, socket: e.socket},
		&h225.RasMessage{Choice: h225.RasMessageInfoRequest, InfoRequest: &h225.InfoRequest{
			RequestSeqNum: seq, CallIdentifier: per.Some(h225.CallIdentifier{}),
		}}, g.signerOf(e), now, out)
	if e.watched == nil {
		g.expire(e, now, out)
	}
}

// expire ends a registration whose endpoint is silent, and tells it once (ttlExpired).
func (g *Gatekeeper) expire(e *endpoint, now time.Time, out *Out) {
	g.count.Lost++
	g.remove(e)
	out.Events = append(out.Events, Gone{Number: e.Number, ID: e.ID, Why: Expired})
	if seq := g.number(); seq != 0 {
		at := len(out.buf)
		if g.write(out, g.urq(e, seq, h225.UnregRequestReasonTtlExpired, nil), g.signerOf(e), now) {
			out.Packets = append(out.Packets, Packet{e.socket, e.Source, out.buf[at:]})
		}
	}
}

func (g *Gatekeeper) unwatch(e *endpoint) {
	if e.watched != nil {
		g.finish(e.watched)
	}
}

func (g *Gatekeeper) urq(e *endpoint, seq uint16, why h225.UnregRequestReasonChoice, to []Alternate) *h225.RasMessage {
	return &h225.RasMessage{Choice: h225.RasMessageUnregistrationRequest, UnregistrationRequest: &h225.UnregistrationRequest{
		RequestSeqNum: seq, CallSignalAddress: []h225.TransportAddress{writeAddress(e.Signalling)},
		EndpointIdentifier: bmp(e.ID), GatekeeperIdentifier: g.ids[0],
		Reason:              per.Some(h225.UnregRequestReason{Choice: why}),
		AlternateGatekeeper: alternateGatekeepers(to),
	}}
}

// Unregister tells an endpoint to register elsewhere: URQ, reason maintenance, with the
// gatekeepers to go to (FB4). An UnregisterResult follows, and Gone where it confirms.
// The endpoint drops its calls, so it must have none. False: it is not registered here.
func (g *Gatekeeper) Unregister(n registrar.Number, to []Alternate, now time.Time, out *Out) bool {
	e, ok := g.endpoints.byNumber[n]
	if !ok {
		return false
	}
	seq := g.number()
	if seq == 0 {
		return false
	}
	return g.send(&pending{seq: seq, choice: h225.RasMessageUnregistrationRequest, e: e, to: e.Source, socket: e.socket},
		g.urq(e, seq, h225.UnregRequestReasonMaintenance, to), g.signerOf(e), now, out) != nil
}

// Disengage ends a call of an endpoint: DRQ, forcedDrop. A Disengaged follows. False:
// it is not registered here.
func (g *Gatekeeper) Disengage(n registrar.Number, crv uint16, call, conference [16]byte, now time.Time, out *Out) bool {
	e, ok := g.endpoints.byNumber[n]
	if !ok {
		return false
	}
	seq := g.number()
	if seq == 0 {
		return false
	}
	m := &h225.RasMessage{Choice: h225.RasMessageDisengageRequest, DisengageRequest: &h225.DisengageRequest{
		RequestSeqNum: seq, EndpointIdentifier: bmp(e.ID), ConferenceID: conference, CallReferenceValue: crv,
		DisengageReason:      h225.DisengageReason{Choice: h225.DisengageReasonForcedDrop},
		CallIdentifier:       per.Some(h225.CallIdentifier{Guid: call}),
		GatekeeperIdentifier: g.ids[0],
	}}
	p := &pending{seq: seq, choice: m.Choice, e: e, to: e.Source, socket: e.socket, crv: crv}
	return g.send(p, m, g.signerOf(e), now, out) != nil
}

// Locate asks a neighbour for an alias: LRQ. Located follows, with the same id.
func (g *Gatekeeper) Locate(id uint64, alias Alias, neighbour netip.AddrPort, socket uint8, now time.Time, out *Out) bool {
	seq := g.number()
	if seq == 0 || int(socket) >= len(g.config.Addresses) {
		return false
	}
	m := &h225.RasMessage{Choice: h225.RasMessageLocationRequest, LocationRequest: &h225.LocationRequest{
		RequestSeqNum: seq, DestinationInfo: []h225.AliasAddress{alias.write()},
		ReplyAddress: writeAddress(g.config.Addresses[socket]), GatekeeperIdentifier: g.ids[0],
	}}
	p := &pending{seq: seq, choice: m.Choice, to: neighbour, socket: socket, id: id}
	return g.send(p, m, signer{}, now, out) != nil
}
