package sip

import (
	"net/netip"
	"strings"
	"time"

	"roost/registrar"
	"roost/signaling/call"
	"roost/signaling/sip/dialog"
	"roost/signaling/sip/flow"
	"roost/signaling/sip/message"
)

// Dial begins an outgoing leg with an ID from Calls.NewLeg. What comes of it, also
// that it could not begin (503, 430), comes as events.
func (e *Endpoint) Dial(to DialTarget, id call.LegID, d call.Dial) {
	now := time.Now()
	number := registrar.Number("")
	if to.Registration != nil {
		number = to.Registration.Number
	}
	if !e.legs.room("", d.Emergency) {
		e.count.add(cLegsFull)
		e.quiet.warn(cLegsFull).Int("limit", e.legs.most).Msg("too many legs of calls: none begun")
		e.o.Calls.LegEvent(call.Refused{Leg: id, Cause: call.Cause{Status: 503, Phrase: "too many legs of calls"}})
		return
	}
	out, info, ok := e.way(to)
	if !ok {
		e.count.add(cDeadFlow)
		e.o.Calls.LegEvent(call.Refused{Leg: id, Cause: call.Cause{Status: statusFlowFailed, Phrase: "flow is gone"}})
		return
	}
	e.count.add(cCallsOut)
	out.ID = id
	l := &leg{id: id, number: number, running: true, place: -1, local: info.Local, remote: info.Remote}
	l.heardAt(info.Remote)
	fx := effectsPool.Get().(*dialog.Effects)
	l.dialog = dialog.NewOutgoing(&e.legs.config, out, d, now, fx)
	e.begin(l, step{now: now}, fx)
}

// begin puts a new leg into the tables, does what its first step wants, and what
// came meanwhile.
func (e *Endpoint) begin(l *leg, one step, fx *dialog.Effects) {
	defer func() {
		fx.Reset()
		effectsPool.Put(fx)
		if p := recover(); p != nil {
			e.panicked(p, "the beginning of a leg panicked; the leg is lost, nothing else")
			e.legs.lose(l)
		}
	}()
	l.tag = l.dialog.Tag()
	e.legs.add(l)
	e.legs.carryOut(l, one, fx)
	if id := flow.ID(l.dialog.Path().Flow); l.ends {
		if _, alive := e.flows.Info(id); !alive { // it ended before the leg stood in the table
			e.legs.step(l, step{gone: id, now: one.now})
		}
	}
	e.legs.drain(l)
}

// way finds the flow that a leg begins on, and says where it goes.
func (e *Endpoint) way(to DialTarget) (dialog.Outgoing, flow.Info, bool) {
	out := dialog.Outgoing{
		Peer: to.Kind, URI: to.URI, Routes: to.Routes, FromHost: to.FromHost, Authorize: to.Authorize,
	}
	id := flow.ID(to.Flow)
	if r := to.Registration; r != nil {
		out.URI, id = r.Contact, flow.ID(r.Flow)
		if r.Path != "" {
			out.Routes = splitPath(r.Path)
		}
		if !r.Transport.Stream() {
			if _, alive := e.flows.Info(id); !alive {
				id = e.udpAgain(id, r.Source)
			}
		}
	}
	var info flow.Info
	var ok bool
	out.Path, info, ok = e.pathOf(id)
	return out, info, ok
}

// udpAgain makes a forgotten UDP flow anew, from the same socket where that is known.
func (e *Endpoint) udpAgain(id flow.ID, remote netip.AddrPort) flow.ID {
	local, ok := e.flows.SocketOf(id)
	if !ok {
		for _, l := range e.flows.Locals() {
			if l.Transport == flow.UDP && (l.Addr.Addr().Is4() == remote.Addr().Unmap().Is4() || l.Addr.Addr().IsUnspecified()) {
				local, ok = l.Addr, true
				break
			}
		}
	}
	if !ok {
		return 0
	}
	made, err := e.flows.UDPFlow(local, remote)
	if err != nil {
		return 0
	}
	return made
}

// splitPath takes a registration's Path apart into routes.
func splitPath(path string) (routes []string) {
	for one := range message.Split(path) {
		routes = append(routes, strings.Clone(one))
	}
	return routes
}

// Do tells a leg what to do; what comes of it comes as events. For a leg that is gone
// it does nothing and returns false.
func (e *Endpoint) Do(id call.LegID, a call.LegAction) bool {
	l := e.legs.named(id)
	return l != nil && e.legs.run(l, step{action: a, now: time.Now()})
}

// LegByDialog finds the leg of a dialog as it stands in a Replaces header (RFC 3891):
// Call-ID, our tag and the far end's must be right.
func (e *Endpoint) LegByDialog(d call.DialogID) (call.LegID, bool) {
	l := e.legs.tagged(d.ToTag)
	if l == nil {
		return 0, false
	}
	have := l.known.Load()
	return l.id, have != nil && *have == d
}

// Dialog gives a leg's dialog, for the records of direct calls; ToTag is ours. false:
// no such leg, or no dialog yet.
func (e *Endpoint) Dialog(id call.LegID) (call.DialogID, bool) {
	l := e.legs.named(id)
	if l == nil {
		return call.DialogID{}, false
	}
	have := l.known.Load()
	if have == nil {
		return call.DialogID{}, false
	}
	return *have, true
}

// FlowTo gives the UDP flow from a socket of ours, by its bound address, to another.
func (e *Endpoint) FlowTo(local, remote netip.AddrPort) (registrar.FlowID, error) {
	id, err := e.flows.UDPFlow(local, remote)
	return registrar.FlowID(id), err
}
