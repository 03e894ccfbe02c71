package registrar

import (
	"math"
	"sync"
	"sync/atomic"
)

// shard holds the bindings of the numbers whose hash falls to it. Bindings lie in
// pages that never move; a slot is page*pageSize + place + 1. All but soonest is
// under mu.
type shard struct {
	mu      sync.Mutex
	of      *Registrar
	pages   []*[pageSize]binding
	free    uint32 // first of the chain of free slots, through next
	fresh   uint32 // slots ever used
	numbers index  // first binding of each number
	flows   index  // first binding of each flow
	// soonest is no later than the first expiry, so that a sweep passes a shard
	// by in which nothing can have expired.
	soonest atomic.Int64
	packed  []byte // scratch for texts
	_       [24]byte
}

const (
	shardCount = 64
	pageSize   = 64
	never      = math.MaxInt64
)

func (s *shard) at(slot uint32) *binding {
	return &s.pages[(slot-1)/pageSize][(slot-1)%pageSize]
}

func (s *shard) numberHash(slot uint32) uint32 { return s.at(slot).hash }

func (s *shard) flowHash(slot uint32) uint32 { return hashFlow(s.at(slot).flow) }

func hashFlow(f FlowID) uint32 { return uint32(mix(uint64(f))) }

// first is the slot of the number's first binding, or 0.
func (s *shard) first(n Number, hash uint32) uint32 {
	return s.numbers.find(hash, func(slot uint32) bool {
		b := s.at(slot)
		return b.hash == hash && b.number() == string(n)
	})
}

func (s *shard) firstOfFlow(f FlowID) uint32 {
	return s.flows.find(hashFlow(f), func(slot uint32) bool { return s.at(slot).flow == f })
}

// take gives a free slot.
func (s *shard) take() uint32 {
	if slot := s.free; slot != 0 {
		s.free = s.at(slot).next
		return slot
	}
	if int(s.fresh) == len(s.pages)*pageSize {
		s.pages = append(s.pages, new([pageSize]binding))
	}
	s.fresh++
	return s.fresh
}

// add links a new binding in: head is the number's first binding, or 0.
func (s *shard) add(b binding, head uint32) uint32 {
	slot := s.take()
	b.next = 0
	if head == 0 {
		*s.at(slot) = b
		s.numbers.put(b.hash, slot, s.numberHash)
	} else {
		first := s.at(head)
		b.next, first.next = first.next, slot
		*s.at(slot) = b
	}
	s.linkFlow(slot)
	s.expiresAt(b.expires)
	return slot
}

// remove unlinks a binding, frees its slot and returns the number's first
// binding after that, or 0.
func (s *shard) remove(slot, head uint32) uint32 {
	b := s.at(slot)
	s.unlinkFlow(slot)
	switch {
	case slot != head:
		before := head
		for s.at(before).next != slot {
			before = s.at(before).next
		}
		s.at(before).next = b.next
	case b.next != 0:
		head = b.next
		s.numbers.swap(b.hash, slot, head)
	default:
		head = 0
		s.numbers.remove(b.hash, slot, s.numberHash)
	}
	*b = binding{next: s.free}
	s.free = slot
	return head
}

func (s *shard) linkFlow(slot uint32) {
	b := s.at(slot)
	b.flowNext, b.flowPrev = 0, 0
	if b.flow == 0 {
		return
	}
	first := s.firstOfFlowBut(b.flow, slot)
	if first == 0 {
		s.flows.put(hashFlow(b.flow), slot, s.flowHash)
		return
	}
	f := s.at(first)
	b.flowNext, b.flowPrev = f.flowNext, first
	if f.flowNext != 0 {
		s.at(f.flowNext).flowPrev = slot
	}
	f.flowNext = slot
}

func (s *shard) firstOfFlowBut(f FlowID, slot uint32) uint32 {
	return s.flows.find(hashFlow(f), func(at uint32) bool {
		return at != slot && s.at(at).flow == f
	})
}

func (s *shard) unlinkFlow(slot uint32) {
	b := s.at(slot)
	if b.flow == 0 {
		return
	}
	if b.flowNext != 0 {
		s.at(b.flowNext).flowPrev = b.flowPrev
	}
	switch {
	case b.flowPrev != 0:
		s.at(b.flowPrev).flowNext = b.flowNext
	case b.flowNext != 0:
		s.flows.swap(hashFlow(b.flow), slot, b.flowNext)
	default:
		s.flows.remove(hashFlow(b.flow), slot, s.flowHash)
	}
	b.flowNext, b.flowPrev = 0, 0
}

func (s *shard) expiresAt(t int64) {
	if t < s.soonest.Load() {
		s.soonest.Store(t)
	}
}

// length is how many bindings follow from a number's first one on.
func (s *shard) length(head uint32) (n int) {
	for ; head != 0; head = s.at(head).next {
		n++
	}
	return n
}
