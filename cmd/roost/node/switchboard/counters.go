package switchboard

import (
	"sync"
	"sync/atomic"

	"roost/media"
	"roost/signaling/call"
)

type counters struct {
	invited, dialled, finished, events, strayEvents atomic.Uint64
	full, perPhone, flooded, mediaRefused, panics   atomic.Uint64
	oddPairs, gaveBack, left, retried, orphaned     atomic.Uint64

	mu   sync.Mutex
	kind map[call.Counter]uint64
}

func (c *counters) noted(kind call.Counter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kind == nil {
		c.kind = map[call.Counter]uint64{}
	}
	c.kind[kind]++
}

// Counters is what happened since the start; the signed ones are how things stand.
type Counters struct {
	// Standing calls; Anchored and Direct are those of them whose media is agreed.
	Standing, Anchored, Direct, Legs int64
	// Invited are legs that came in, Dialled those that went out, Finished are
	// records that were written, Events what calls were told.
	Invited, Dialled, Finished, Events uint64
	// RefusedFull and RefusedPerPhone are calls beyond calls.max and calls.per_phone,
	// MediaRefused session descriptions that were refused.
	RefusedFull, RefusedPerPhone, MediaRefused uint64
	// StrayEvents are of legs that no call has, Flooded those beyond what may wait for
	// one call, OddPairs media sessions that could not begin.
	StrayEvents, Flooded, OddPairs uint64
	// GaveBack are calls that could not be joined, Left those that went on without this
	// system when it stopped (VP3).
	GaveBack, Left uint64
	// Orphaned are calls whose other system was lost, and that were let be (VP3).
	Orphaned uint64
	// Retried are offers that were refused and made again with less.
	Retried uint64
	// Panics that cost a call.
	Panics uint64
}

// Counters counts.
func (b *Board) Counters() Counters {
	c := &b.count
	out := Counters{
		Invited: c.invited.Load(), Dialled: c.dialled.Load(), Finished: c.finished.Load(), Events: c.events.Load(),
		RefusedFull: c.full.Load(), RefusedPerPhone: c.perPhone.Load(), MediaRefused: c.mediaRefused.Load(),
		StrayEvents: c.strayEvents.Load(), Flooded: c.flooded.Load(), OddPairs: c.oddPairs.Load(),
		GaveBack: c.gaveBack.Load(), Left: c.left.Load(), Retried: c.retried.Load(), Orphaned: c.orphaned.Load(), Panics: c.panics.Load(), Legs: int64(b.legs.len()),
	}
	for _, e := range b.all() {
		out.Standing++
		shown := e.shown.Load()
		switch {
		case shown == nil:
		case shown.Path.Kind == media.Direct:
			out.Direct++
		case shown.Path.Kind == media.Relayed:
			out.Anchored++
		}
	}
	return out
}

// Noted are the counts of what calls found worth noting, by name.
func (b *Board) Noted() map[call.Counter]uint64 {
	b.count.mu.Lock()
	defer b.count.mu.Unlock()
	out := make(map[call.Counter]uint64, len(b.count.kind))
	for kind, n := range b.count.kind {
		out[kind] = n
	}
	return out
}
