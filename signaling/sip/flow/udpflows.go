package flow

import (
	"net/netip"
	"time"
)

// udpFlows are the flows of one UDP socket, without pointers a flow. Those that are
// not proven stand in a list by when they were last heard; the oldest gives way when
// there are too many. The socket's mutex guards it.
type udpFlows struct {
	most   int // strangers
	byAddr map[netip.AddrPort]uint32
	slots  []udpSlot
	free   []uint32

	strangers      int
	oldest, newest int32 // ends of the list; none where it is empty
	first          uint32
}

// udpSlot is one flow, or a free place.
type udpSlot struct {
	remote       netip.AddrPort
	opened, seen int64 // Unix nanoseconds
	idle         time.Duration
	generation   uint32
	prev, next   int32
	used, proven bool
}

const none = -1

func newUDPFlows(most int, generation uint32) udpFlows {
	return udpFlows{
		most: most, byAddr: make(map[netip.AddrPort]uint32), oldest: none, newest: none, first: generation,
	}
}

// get gives the slot of an ID that is still good.
func (f *udpFlows) get(id ID) *udpSlot {
	slot := id.slot()
	if int(slot) >= len(f.slots) || !f.slots[slot].used || f.slots[slot].generation != id.generation() {
		return nil
	}
	return &f.slots[slot]
}

// heard notes that a datagram came on a flow.
func (f *udpFlows) heard(slot uint32, now int64) {
	s := &f.slots[slot]
	s.seen = now
	if !s.proven && f.newest != int32(slot) {
		f.unlink(slot)
		f.link(slot)
	}
}

// add makes a flow; crowded tells how many of the oldest strangers gave way.
func (f *udpFlows) add(remote netip.AddrPort, now int64) (slot uint32, crowded int) {
	for ; f.strangers >= f.most; crowded++ {
		f.remove(uint32(f.oldest))
	}
	if n := len(f.free); n > 0 {
		slot = f.free[n-1]
		f.free = f.free[:n-1]
	} else {
		slot = uint32(len(f.slots))
		f.slots = append(f.slots, udpSlot{generation: f.first})
	}
	f.slots[slot] = udpSlot{
		remote: remote, opened: now, seen: now, generation: f.slots[slot].generation, used: true,
	}
	f.byAddr[remote] = slot
	f.link(slot)
	return slot, crowded
}

func (f *udpFlows) remove(slot uint32) {
	s := &f.slots[slot]
	if !s.proven {
		f.unlink(slot)
	}
	delete(f.byAddr, s.remote)
	*s = udpSlot{generation: nextGeneration(s.generation)}
	f.free = append(f.free, slot)
}

func (f *udpFlows) setProven(slot uint32, proven bool) {
	s := &f.slots[slot]
	switch {
	case s.proven == proven:
	case proven:
		f.unlink(slot)
		s.proven = true
	default:
		s.proven = false
		f.link(slot)
	}
}

// link puts a stranger at the new end of the list.
func (f *udpFlows) link(slot uint32) {
	s := &f.slots[slot]
	s.prev, s.next = f.newest, none
	if f.newest == none {
		f.oldest = int32(slot)
	} else {
		f.slots[f.newest].next = int32(slot)
	}
	f.newest = int32(slot)
	f.strangers++
}

func (f *udpFlows) unlink(slot uint32) {
	s := &f.slots[slot]
	if s.prev == none {
		f.oldest = s.next
	} else {
		f.slots[s.prev].next = s.next
	}
	if s.next == none {
		f.newest = s.prev
	} else {
		f.slots[s.next].prev = s.prev
	}
	f.strangers--
}
