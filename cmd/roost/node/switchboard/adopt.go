package switchboard

import (
	"maps"
	"slices"
	"time"

	"roost/media"
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

// handOver gives the call's legs to the one that asked. Their media sessions go along
// and go on: the other call says when each ends, or gives it back with the legs.
func (e *entry) handOver(h *handOver, now time.Time) {
	estate, cause := e.call.HandOver(h.leg, now)
	if estate == nil {
		h.refuse(cause)
		return
	}
	e.move(h.to, item{event: call.Adopt{ID: h.id, Estate: estate}})
	e.pairs, e.busy = nil, nil // they go on in the other call
	e.finish()
}

// move puts all legs, what waits for them, their media, and which phones they keep busy,
// into another call, behind an event that tells it of them. It is the one place where two
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
	to.heirs = append(to.heirs, heir{busy: e.busy, pairs: e.pairs, pasts: e.pasts})
	for _, p := range e.pairs {
		p.owner.Store(to)
	}
	idle := !to.running
	to.running = true
	b.mu.Unlock()
	a.mu.Unlock()
	if idle {
		to.drain()
	}
}

// heir is what came with the legs of another call.
type heir struct {
	busy  []call.Busy
	pairs []*pair
	pasts map[call.LegID]media.Past
}

// takeInheritance makes what came with other calls' legs the runner's own.
func (e *entry) takeInheritance() {
	e.mu.Lock()
	heirs := e.heirs
	e.heirs = nil
	e.mu.Unlock()
	for _, h := range heirs {
		e.busy = append(e.busy, h.busy...)
		e.pairs = append(e.pairs, h.pairs...)
		if e.pasts == nil {
			e.pasts = map[call.LegID]media.Past{}
		}
		maps.Copy(e.pasts, h.pasts)
	}
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
	from.pairs = slices.DeleteFunc(from.pairs, func(p *pair) bool {
		back := mine[p.a] && mine[p.b]
		if back {
			p.owner.Store(e)
			e.pairs = append(e.pairs, p)
		}
		return back
	})
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
