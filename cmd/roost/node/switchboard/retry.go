package switchboard

import (
	"slices"
	"sync"
	"sync/atomic"

	"roost/signaling/call"
)

// A far end that refuses what it was offered is dialled again with less (media.Session
// Retry). For its call that is the same leg; for the legs' protocol it is another one,
// whose name is given to the call's at the board's edge.

// aliases are the names of legs that were dialled again. It is empty in most systems at
// most times.
type aliases struct {
	n     atomic.Int64
	mu    sync.RWMutex
	outer map[call.LegID]call.LegID // what the protocol calls a leg of a call
	inner map[call.LegID]call.LegID
}

func (a *aliases) set(inner, outer call.LegID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.outer == nil {
		a.outer, a.inner = map[call.LegID]call.LegID{}, map[call.LegID]call.LegID{}
	}
	delete(a.inner, a.outer[inner])
	a.outer[inner], a.inner[outer] = outer, inner
	a.n.Store(int64(len(a.outer)))
}

func (a *aliases) drop(inner call.LegID) {
	if a.n.Load() == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.inner, a.outer[inner])
	delete(a.outer, inner)
	a.n.Store(int64(len(a.outer)))
}

// out is what the protocol calls a call's leg, in what a call calls the protocol's.
func (a *aliases) out(id call.LegID) call.LegID { return a.look(id, &a.outer) }
func (a *aliases) in(id call.LegID) call.LegID  { return a.look(id, &a.inner) }

func (a *aliases) look(id call.LegID, in *map[call.LegID]call.LegID) call.LegID {
	if a.n.Load() == 0 {
		return id
	}
	a.mu.RLock()
	defer a.mu.RUnlock()
	if other, ok := (*in)[id]; ok {
		return other
	}
	return id
}

// renamed is Legs by the calls' names.
type renamed struct {
	Legs
	names *aliases
}

func (r renamed) Dial(leg *Leg, d call.Dial) {
	if id := r.names.out(leg.ID); id != leg.ID {
		again := *leg
		again.ID = id
		leg = &again
	}
	r.Legs.Dial(leg, d)
}

func (r renamed) Do(id call.LegID, a call.LegAction) bool { return r.Legs.Do(r.names.out(id), a) }

func (r renamed) Dialog(id call.LegID) (call.DialogID, bool) {
	return r.Legs.Dialog(r.names.out(id))
}

func (r renamed) ByDialog(d call.DialogID) (call.LegID, bool) {
	id, ok := r.Legs.ByDialog(d)
	return r.names.in(id), ok
}

// rename puts the call's name for a leg into its event.
func rename(ev call.LegEvent, id call.LegID) call.LegEvent {
	switch ev := ev.(type) {
	case call.Ringing:
		ev.Leg = id
		return ev
	case call.Answered:
		ev.Leg = id
		return ev
	case call.Connected:
		ev.Leg = id
		return ev
	case call.Refused:
		ev.Leg = id
		return ev
	case call.Offered:
		ev.Leg = id
		return ev
	case call.Agreed:
		ev.Leg = id
		return ev
	case call.Ended:
		ev.Leg = id
		return ev
	case call.Referred:
		ev.Leg = id
		return ev
	case call.Told:
		ev.Leg = id
		return ev
	case call.ToldReply:
		ev.Leg = id
		return ev
	}
	return ev
}

// refusedOffer are the statuses by which a far end says that it wants another offer.
var refusedOffer = []int{415, 488, 606}

// again dials a leg once more where it refused what it was offered and there is
// something else to offer; false where the call has to hear of the refusal.
func (e *entry) again(ev call.Refused) bool {
	dial, dialled := e.dials[ev.Leg]
	leg := e.leg(ev.Leg)
	if !dialled || leg == nil || !slices.Contains(refusedOffer, ev.Cause.Status) {
		return false
	}
	for _, p := range e.pairs {
		if p.a != ev.Leg && p.b != ev.Leg {
			continue
		}
		body, ok := p.session.Retry(p.side(ev.Leg))
		if !ok {
			return false
		}
		dial.Offer = call.Body{Type: sdpType, Data: body}
		e.b.names.set(ev.Leg, e.b.NewLeg())
		e.b.count.retried.Add(1)
		e.b.quiet.Info("offered-again").Str("call", e.id).Str("number", string(leg.Number)).Int("status", ev.Cause.Status).Msg("the offer was refused; another one is made")
		e.b.o.Legs.Dial(leg, dial)
		return true
	}
	return false
}

// dialled keeps what a leg was dialled with, until it answers.
func (e *entry) dialled(id call.LegID, d call.Dial) {
	if d.Offer.Empty() {
		return
	}
	if e.dials == nil {
		e.dials = map[call.LegID]call.Dial{}
	}
	e.dials[id] = d
}
