package switchboard

import (
	"sync"
	"time"

	"roost/registrar"
	"roost/signaling/call"
)

const shards = 16

// legTable finds the call of a leg.
type legTable [shards]struct {
	sync.RWMutex
	of map[call.LegID]*entry
}

func (t *legTable) init() {
	for i := range t {
		t[i].of = map[call.LegID]*entry{}
	}
}

func (t *legTable) of(id call.LegID) *entry {
	s := &t[id%shards]
	s.RLock()
	defer s.RUnlock()
	return s.of[id]
}

func (t *legTable) set(id call.LegID, e *entry) {
	s := &t[id%shards]
	s.Lock()
	defer s.Unlock()
	s.of[id] = e
}

// drop forgets a leg if it still is that call's.
func (t *legTable) drop(id call.LegID, e *entry) {
	s := &t[id%shards]
	s.Lock()
	defer s.Unlock()
	if s.of[id] == e {
		delete(s.of, id)
	}
}

func (t *legTable) len() int {
	n := 0
	for i := range t {
		t[i].RLock()
		n += len(t[i].of)
		t[i].RUnlock()
	}
	return n
}

// busyPhones counts the calls of each phone, and keeps when the last one ended. Only
// phones that are registered get in, so their number bounds it.
type busyPhones struct {
	mu   sync.Mutex
	legs map[registrar.Number]int
	idle map[registrar.Number]time.Time
}

func (b *busyPhones) init() {
	b.legs, b.idle = map[registrar.Number]int{}, map[registrar.Number]time.Time{}
}

func (b *busyPhones) began(n registrar.Number) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.legs[n]++
	delete(b.idle, n)
}

func (b *busyPhones) ended(n registrar.Number, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.legs[n]--; b.legs[n] <= 0 {
		delete(b.legs, n)
		b.idle[n] = now
	}
}

func (b *busyPhones) calls(n registrar.Number) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.legs[n]
}

func (b *busyPhones) since(n registrar.Number) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.idle[n]
}
