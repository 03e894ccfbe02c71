package switchboard

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"roost/media"
	"roost/signaling/call"
)

// entry is one call with its queue.
type entry struct {
	b       *Board
	number  uint64 // the order in which two entries are locked
	id      string
	started time.Time
	over    atomic.Bool
	shown   atomic.Pointer[Shown]

	mu      sync.Mutex
	queue   []item
	running bool
	members map[call.LegID]*Leg
	flooded bool
	// heirs came with other calls' legs (Adopt).
	heirs []heir

	armed time.Time // the scheduler's: the earliest deadline that it knows of

	// What follows is the runner's.

	call    *call.Call
	first   call.LegID // whose Invited began it
	pairs   []*pair
	refused []call.MediaRefused
	busy    []call.Busy
	altered bool // who talks to whom, or how, may be another
	told    told
	result  result // of the media that is over
	dials   map[call.LegID]call.Dial
	// orphan is the leg of a system that is gone; forgotten is when the call is let go.
	orphan    call.LegID
	forgotten time.Time
	pasts     map[call.LegID]media.Past // what legs bring along from pairs that are over
}

// item is one thing that waits for a call: an event, or the wish of another call to
// have this one's legs.
type item struct {
	event call.Event
	leg   call.LegID // whose event it is; 0: nobody's
	hand  *handOver
}

// post hands something to the call and, if it rests, works until its queue is empty.
// false: the leg is not this call's any more, or the call is over.
func (e *entry) post(it item) bool {
	if ok, idle := e.append(it); !ok {
		return false
	} else if idle {
		e.drain()
	}
	return true
}

// postLater is post for callers that must not do the work: the scheduler does it.
func (e *entry) postLater(it item) {
	if ok, idle := e.append(it); ok && idle {
		e.b.times.run(e)
	}
}

// append puts something into the queue; idle tells the caller that it is the runner now.
func (e *entry) append(it item) (ok, idle bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over.Load() {
		return false, false
	}
	if it.leg != 0 && e.members[it.leg] == nil {
		return false, false
	}
	if len(e.queue) >= e.b.limits().Queue {
		e.b.count.flooded.Add(1)
		if e.flooded {
			return true, false
		}
		e.flooded = true
		it = item{event: call.HangUp{Cause: call.Cause{Status: 500, Phrase: "more events than a call may have"}}}
		e.b.o.Log.Warn().Str("call", e.id).Int("limit", e.b.limits().Queue).Msg("a call had too many events waiting, and is ended")
	}
	e.queue = append(e.queue, it)
	idle = !e.running
	e.running = true
	return true, idle
}

// drain works the queue off. The caller is the runner.
func (e *entry) drain() {
	for {
		e.mu.Lock()
		if len(e.queue) == 0 {
			e.running, e.queue = false, nil
			e.mu.Unlock()
			return
		}
		it := e.queue[0]
		e.queue[0] = item{}
		e.queue = e.queue[1:]
		e.mu.Unlock()
		e.work(it)
	}
}

// work deals with one thing. A panic costs the call, and nothing else.
func (e *entry) work(it item) {
	defer func() {
		if value := recover(); value != nil {
			e.panicked(value)
		}
	}()
	if e.over.Load() {
		if it.hand != nil {
			it.hand.refuse(call.Cause{Status: 481})
		}
		return
	}
	now := time.Now()
	switch {
	case it.hand != nil:
		e.handOver(it.hand, now)
	default:
		if _, adopt := it.event.(call.Adopt); adopt {
			e.takeInheritance()
		}
		e.step(it.event, now)
	}
	e.tellStanding(now)
	e.outstayed(now)
	if due, ok := e.call.Next(); ok && !e.over.Load() {
		e.b.times.at(e, due)
	}
}

// due is called by the scheduler.
func (e *entry) due() { e.post(item{event: call.Tick{}}) }

// leg is one of the call's legs, nil if it is not.
func (e *entry) leg(id call.LegID) *Leg {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.members[id]
}

func (e *entry) legIDs() []call.LegID {
	e.mu.Lock()
	defer e.mu.Unlock()
	ids := make([]call.LegID, 0, len(e.members))
	for id := range e.members {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// enter makes a leg one of the call's.
func (b *Board) enter(e *entry, leg *Leg) {
	e.mu.Lock()
	e.members[leg.ID] = leg
	e.mu.Unlock()
	b.legs.set(leg.ID, e)
}

// legOver forgets a leg.
func (e *entry) legOver(id call.LegID) {
	e.mu.Lock()
	delete(e.members, id)
	e.mu.Unlock()
	e.b.legs.drop(id, e)
	e.b.names.drop(id)
}

// finish takes the call off the board.
func (e *entry) finish() {
	e.over.Store(true)
	for _, id := range e.legIDs() {
		e.legOver(id)
	}
	for _, p := range e.pairs {
		p.session.Close()
	}
	e.pairs = nil
	for _, busy := range e.busy {
		e.free(call.Free(busy))
	}
	if e.told.ever {
		e.b.o.Observer.Ended(e.id)
	}
	e.b.forget(e)
}

// panicked ends a call in which a fault of ours showed.
func (e *entry) panicked(value any) {
	e.b.count.panics.Add(1)
	e.b.o.Log.Error().Str("call", e.id).Interface("panic", value).Bytes("stack", stack()).
		Msg("a panic in a call; it cost that call only")
	for _, id := range e.legIDs() {
		cause := call.Cause{Status: 500, Phrase: "internal fault"}
		e.b.o.Legs.Do(id, call.Refuse{Cause: cause})
		e.b.o.Legs.Do(id, call.Cancel{Cause: cause})
		e.b.o.Legs.Do(id, call.End{Cause: cause})
	}
	e.finish()
}
