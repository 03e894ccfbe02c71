package switchboard

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"roost/cmd/roost/node/quiet"
	"roost/registrar"
	"roost/signaling/call"
)

// Board is the calls of a system. Its methods are safe for concurrent use.
type Board struct {
	o     Options
	legs  legTable
	times *scheduler
	count counters
	busy  busyPhones
	names aliases
	// quiet writes of what phones do wrong, since they may do it without end.
	quiet *quiet.Log

	nextLeg  atomic.Uint64
	nextCall atomic.Uint64
	stopping atomic.Bool

	mu    sync.Mutex
	calls map[*entry]struct{}
}

// New makes a board without calls. Start must follow.
func New(o Options) *Board {
	if o.Limits == nil {
		o.Limits = func() Limits { return Limits{} }
	}
	if o.Call == nil {
		o.Call = func() call.Limits { return call.Limits{} }
	}
	b := &Board{o: o, calls: map[*entry]struct{}{}, quiet: quiet.New(o.Log)}
	b.o.Legs = renamed{o.Legs, &b.names}
	b.legs.init()
	b.busy.init()
	b.times = newScheduler()
	return b
}

func (b *Board) limits() Limits { return b.o.Limits().orDefault() }

// Start begins to look at deadlines.
func (b *Board) Start() { b.times.start() }

// ErrCut: calls that had to be ended were not over in time.
var ErrCut = errors.New("calls were cut")

// Stop takes no more calls, ends those that cannot go on without this system, waits for
// them until ctx ends, and looks at no deadline any more. Calls whose media goes from
// phone to phone are let be (VP3).
func (b *Board) Stop(ctx context.Context) error {
	if b.stopping.Swap(true) {
		return nil
	}
	var ending []*entry
	for _, e := range b.all() {
		if e.outlives() {
			b.leave(e, "system stopped, the phones talk on")
			continue
		}
		ending = append(ending, e)
		e.post(item{event: call.HangUp{Cause: call.Cause{Status: 503, Phrase: "system stopped"}}})
	}
	err := b.drained(ctx, ending)
	b.times.stop()
	return err
}

func (b *Board) drained(ctx context.Context, ending []*entry) error {
	poll := time.NewTicker(drainEvery)
	defer poll.Stop()
	for {
		left := 0
		for _, e := range ending {
			if !e.over.Load() {
				left++
			}
		}
		if left == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d: %w", left, len(ending), ErrCut)
		case <-poll.C:
		}
	}
}

// NewLeg gives a name that no leg of this system ever had.
func (b *Board) NewLeg() call.LegID { return call.LegID(b.nextLeg.Add(1)) }

// Invited begins a leg that came in: of a new call, or in the place of a leg of
// another one (Replaces).
func (b *Board) Invited(i call.Invited, o Origin) {
	b.count.invited.Add(1)
	i.Offer.Direction = directionOf(i.Offer)
	leg := &Leg{ID: i.Leg, Kind: i.Peer, Name: i.PeerName, Number: i.From.Number, Origin: o}
	if cause := b.refuses(&i); cause.Status != 0 {
		b.o.Legs.Do(i.Leg, call.Refuse{Cause: cause})
		return
	}
	if i.Replaces != nil {
		b.replace(leg, i)
		return
	}
	e := b.begin()
	b.enter(e, leg)
	e.first = leg.ID
	e.post(item{event: i, leg: leg.ID})
}

// refuses is why a call is not taken on: the zero Cause if it is.
func (b *Board) refuses(i *call.Invited) call.Cause {
	switch {
	case b.stopping.Load():
		return call.Cause{Status: 503, Phrase: "system stops"}
	case b.o.Emergency != nil && b.o.Emergency(i.To):
		return call.Cause{}
	case b.Standing() >= b.limits().Calls:
		b.count.full.Add(1)
		b.quiet.Warn("calls-full").Int("limit", b.limits().Calls).Msg("calls are refused: there are as many as calls.max allows")
		return call.Cause{Status: 503, Phrase: "too many calls"}
	case i.Peer == call.Phone && i.Replaces == nil && b.busy.calls(i.From.Number) >= b.limits().PerPhone:
		b.count.perPhone.Add(1)
		b.quiet.Info("calls-per-phone").Str("phone", string(i.From.Number)).Int("limit", b.limits().PerPhone).Msg("a call was refused: the phone has as many as calls.per_phone allows")
		return call.Cause{Status: 486, Phrase: "too many calls of this phone"}
	}
	return call.Cause{}
}

// LegEvent is everything that happens to a leg after it began.
func (b *Board) LegEvent(ev call.LegEvent) {
	leg := call.LegOf(ev)
	if id := b.names.in(leg); id != leg {
		leg, ev = id, rename(ev, id)
	}
	ev = withDirection(ev)
	for {
		e := b.legs.of(leg)
		if e == nil {
			b.count.strayEvents.Add(1)
			return
		}
		if e.post(item{event: ev, leg: leg}) {
			return
		}
		if e.over.Load() {
			b.legs.drop(leg, e) // the call is on its way off the board
		}
		// Else the leg has just moved to another call: look again.
	}
}

// begin makes an empty call.
func (b *Board) begin() *entry {
	e := b.newEntry()
	e.call = call.New(b.callConfig(e))
	b.keep(e)
	return e
}

func (b *Board) newEntry() *entry {
	n := b.nextCall.Add(1)
	return &entry{b: b, number: n, id: fmt.Sprintf("%x-%d", b.o.Epoch, n), members: map[call.LegID]*Leg{}, started: time.Now()}
}

func (b *Board) callConfig(e *entry) call.Config {
	return call.Config{ID: e.id, System: b.o.System, Router: b.o.Router, NewLegID: b.NewLeg, Limits: b.o.Call()}
}

func (b *Board) keep(e *entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls[e] = struct{}{}
}

func (b *Board) forget(e *entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.calls, e)
}

func (b *Board) all() []*entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]*entry, 0, len(b.calls))
	for e := range b.calls {
		list = append(list, e)
	}
	return list
}

// Standing is how many calls there are, in any state.
func (b *Board) Standing() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.calls)
}

// Calls is how many calls a phone has, in any state.
func (b *Board) Calls(phone registrar.Number) int { return b.busy.calls(phone) }

// IdleSince is when the last call of a phone ended; zero if it had none, or has one.
func (b *Board) IdleSince(phone registrar.Number) time.Time { return b.busy.since(phone) }

// HangUp ends a call by its name; false if there is none.
func (b *Board) HangUp(id string, cause call.Cause) bool {
	for _, e := range b.all() {
		if e.id == id {
			return e.post(item{event: call.HangUp{Cause: cause}})
		}
	}
	return false
}
