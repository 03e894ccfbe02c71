package registrar

import "time"

// FlowClosed removes the bindings of a flow that ended.
func (r *Registrar) FlowClosed(f FlowID, now time.Time) []Change {
	if f == 0 {
		return nil
	}
	var changes []Change
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.Lock()
		for slot := s.firstOfFlow(f); slot != 0; slot = s.firstOfFlow(f) {
			changes = s.removeOne(changes, slot, FlowEnded, now)
		}
		s.mu.Unlock()
	}
	return changes
}

// Sweep removes what has expired. Call it every second or so.
func (r *Registrar) Sweep(now time.Time) []Change {
	var changes []Change
	t := r.since(now)
	for i := range r.shards {
		if s := &r.shards[i]; s.soonest.Load() <= t {
			changes = s.sweep(changes, t, now)
		}
	}
	return changes
}

func (s *shard) sweep(changes []Change, t int64, now time.Time) []Change {
	s.mu.Lock()
	defer s.mu.Unlock()
	soonest := int64(never)
	for slot := uint32(1); slot <= s.fresh; slot++ {
		b := s.at(slot)
		switch {
		case b.protocol == 0:
		case b.expires <= t:
			changes = s.removeOne(changes, slot, Expired, now)
		default:
			soonest = min(soonest, b.expires)
		}
	}
	s.soonest.Store(soonest)
	return changes
}

// DropGuest removes a guest; nil if the phone is not a guest here.
func (r *Registrar) DropGuest(n Number, why Reason, now time.Time) []Change {
	return r.drop(n, why, now, func(b *binding) bool { return b.guest })
}

// Drop removes all bindings of a phone.
func (r *Registrar) Drop(n Number, why Reason, now time.Time) []Change {
	return r.drop(n, why, now, func(*binding) bool { return true })
}

func (r *Registrar) drop(n Number, why Reason, now time.Time, which func(*binding) bool) []Change {
	s, hash := r.shardOf(n)
	s.mu.Lock()
	defer s.mu.Unlock()
	var changes []Change
	head := s.first(n, hash)
	if head == 0 || !which(s.at(head)) {
		return nil // all bindings of a number are of one class
	}
	for ; head != 0; head = s.first(n, hash) {
		changes = s.removeOne(changes, head, why, now)
	}
	return changes
}

// removeOne removes a binding and, with the phone's last, what the phone counted
// as, so that a licence is free at once (US4).
func (s *shard) removeOne(changes []Change, slot uint32, why Reason, now time.Time) []Change {
	b := s.at(slot)
	head := s.first(Number(b.number()), b.hash)
	was := s.classOf(head)
	changes, head = s.unbind(changes, slot, head, why, now)
	if head == 0 {
		s.of.count.leave(was)
	}
	return changes
}

// unbind removes a binding and says so; the caller sees to the counters of phones.
func (s *shard) unbind(changes []Change, slot, head uint32, why Reason, now time.Time) ([]Change, uint32) {
	gone := s.registration(s.at(slot))
	head = s.remove(slot, head)
	s.of.count.bindings.Add(-1)
	return append(changes, Change{Kind: Removed, Reason: why, Left: s.length(head), At: now, Registration: gone}), head
}
