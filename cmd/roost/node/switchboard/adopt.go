package switchboard

import (
	"time"

	"roost/signaling/call"
)

// handOver is the wish of a call to have another one's legs.
type handOver struct {
	id   uint32
	leg  call.LegID
	to   *entry
	from *entry
}

func (h *handOver) refuse(cause call.Cause) {
	h.to.post(item{event: call.NotFound{ID: h.id, Cause: cause}})
}

// find asks for the call of a dialog.
func (e *entry) find(fx call.FindDialog) {
	notFound := item{event: call.NotFound{ID: fx.ID, Cause: call.Cause{Status: 481, Phrase: "no such dialog"}}}
	leg, ok := e.b.o.Legs.ByDialog(fx.Dialog)
	if !ok {
		e.post(notFound)
		return
	}
	other := e.b.legs.of(leg)
	if other == nil || other == e {
		e.post(notFound)
		return
	}
	if !other.post(item{hand: &handOver{id: fx.ID, leg: leg, to: e, from: other}}) {
		e.post(notFound)
	}
}

// handOver gives the call's legs to the one that asked. Its own media sessions end: the
// pairs that will talk are others.
func (e *entry) handOver(h *handOver, now time.Time) {
	estate, cause := e.call.HandOver(h.leg, now)
	if estate == nil {
		h.refuse(cause)
		return
	}
	for _, p := range e.pairs {
		h.to.inherit(p)
		p.session.Close()
	}
	e.pairs = nil
	e.move(h.to, item{event: call.Adopt{ID: h.id, Estate: estate}})
	e.busy = nil // they go on in the other call
	e.finish()
}

// move puts all legs, what waits for them, and which phones they keep busy, into
// another call, behind an event that tells it of them. It is the one place where two
// calls are locked.
func (e *entry) move(to *entry, first item) {
	a, b := e, to
	if b.number < a.number {
		a, b = b, a
	}
	a.mu.Lock()
	b.mu.Lock()
	var left []item
	to.queue = append(to.queue, first)
	for _, it := range e.queue {
		if it.leg != 0 {
			to.queue = append(to.queue, it)
		} else {
			left = append(left, it)
		}
	}
	e.queue = left
	for id, leg := range e.members {
		to.members[id] = leg
		e.b.legs.set(id, to)
	}
	clear(e.members)
	to.heirs = append(to.heirs, e.busy...)
	idle := !to.running
	to.running = true
	b.mu.Unlock()
	a.mu.Unlock()
	if idle {
		to.drain()
	}
}

// inherit keeps what a leg of another call was last sent. Called by the runner of the
// other call, for a call that may be running.
func (e *entry) inherit(p *pair) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, leg := range []call.LegID{p.a, p.b} {
		if origin := p.session.Origin(p.side(leg)); origin != "" {
			e.inherited = append(e.inherited, inheritance{leg, origin})
		}
	}
}

type inheritance struct {
	leg    call.LegID
	origin string
}

// takeInheritance makes what came with other calls' legs the runner's own.
func (e *entry) takeInheritance() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.busy = append(e.busy, e.heirs...)
	e.heirs = nil
	for _, i := range e.inherited {
		if e.origins == nil {
			e.origins = map[call.LegID]string{}
		}
		e.origins[i.leg] = i.origin
	}
	e.inherited = nil
}

// giveBack makes a call again of legs that could not be joined.
func (b *Board) giveBack(from *entry, estate *call.Estate, now time.Time) {
	e := b.newEntry()
	e.call = call.Resume(b.callConfig(e), estate)
	b.keep(e)
	from.mu.Lock()
	var back, stay []call.Busy
	mine := map[call.LegID]bool{}
	for _, id := range estate.Legs() {
		mine[id] = true
		if leg := from.members[id]; leg != nil {
			e.members[id] = leg
			delete(from.members, id)
			b.legs.set(id, e)
		}
	}
	var queue, moved []item
	for _, it := range from.queue {
		if mine[it.leg] {
			moved = append(moved, it)
		} else {
			queue = append(queue, it)
		}
	}
	from.queue = queue
	from.mu.Unlock()
	for _, busy := range from.busy {
		if mine[busy.Leg] {
			back = append(back, busy)
		} else {
			stay = append(stay, busy)
		}
	}
	from.busy, e.busy = stay, back
	for _, it := range moved {
		e.post(it)
	}
	if due, ok := e.call.Next(); ok {
		b.times.at(e, due)
	}
	b.count.gaveBack.Add(1)
}

// replace puts a new leg in the place of the one whose dialog it names (RFC 3891 §3).
func (b *Board) replace(leg *Leg, i call.Invited) {
	old, ok := b.o.Legs.ByDialog(*i.Replaces)
	e := (*entry)(nil)
	if ok {
		e = b.legs.of(old)
	}
	if e == nil {
		b.o.Legs.Do(i.Leg, call.Refuse{Cause: call.Cause{Status: 481, Phrase: "no such dialog"}})
		return
	}
	b.enter(e, leg)
	if !e.post(item{event: call.Replace{Leg: old, By: i}}) {
		e.legOver(leg.ID)
		b.o.Legs.Do(i.Leg, call.Refuse{Cause: call.Cause{Status: 481, Phrase: "the call is over"}})
	}
}
