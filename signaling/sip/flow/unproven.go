package flow

import "sync"

// unproven are the connections of nobody known yet, the oldest first. When the table
// is full the oldest gives way to a newcomer: who connects and stays silent cannot keep
// out the phones that come back, for a phone proves itself within moments.
type unproven struct {
	mu     sync.Mutex
	oldest *stream
	newest *stream
}

// link is a stream's place in the list of the unproven.
type link struct {
	older, newer *stream
	in           bool
}

// add puts a stream behind all others. mu is held.
func (u *unproven) add(s *stream) {
	if s.place.in {
		return
	}
	s.place = link{older: u.newest, in: true}
	if u.newest != nil {
		u.newest.place.newer = s
	} else {
		u.oldest = s
	}
	u.newest = s
}

// remove takes a stream out. mu is held.
func (u *unproven) remove(s *stream) {
	if !s.place.in {
		return
	}
	if s.place.older != nil {
		s.place.older.place.newer = s.place.newer
	} else {
		u.oldest = s.place.newer
	}
	if s.place.newer != nil {
		s.place.newer.place.older = s.place.older
	} else {
		u.newest = s.place.older
	}
	s.place = link{}
}

// prove marks a stream, which from then on never gives way, or takes the mark away.
// changed tells that it was otherwise before; ok is false where the stream has ended or
// has just been chosen to give way.
func (u *unproven) prove(s *stream, proven bool) (changed, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if s.why.Load() != 0 {
		return false, false
	}
	if proven {
		u.remove(s)
	} else {
		u.add(s)
	}
	return s.proven.Swap(proven) != proven, true
}

// choose takes the oldest stream out and marks it as ending; nil where all are proven.
func (u *unproven) choose() *stream {
	u.mu.Lock()
	defer u.mu.Unlock()
	for u.oldest != nil {
		s := u.oldest
		u.remove(s)
		if s.why.CompareAndSwap(0, uint32(Crowded)) {
			return s
		}
	}
	return nil
}

// cuttingMost is how many connections that gave way may still be there, their readers
// not yet at their end. Past it newcomers are refused.
const cuttingMost = 1024

// place takes a place for a connection, false where there is none.
func (t *Table) place() bool {
	for {
		n := t.count.connections.Load()
		if n >= int64(t.limits.Connections) {
			return t.makeRoom()
		}
		if t.count.connections.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// makeRoom has the oldest unproven connection give its place to another; false where
// none can. The connection itself takes a moment more to end.
func (t *Table) makeRoom() bool {
	if t.cutting.Load() >= cuttingMost {
		return false
	}
	s := t.unproven.choose()
	if s == nil {
		return false
	}
	t.cutting.Add(1)
	t.count.gaveWay.Add(1)
	t.journal.event(troubleCrowded).Stringer("peer", s.remote).Stringer("flow", s.id).Int("limit", t.limits.Connections).
		Msg("too many connections: the oldest without a registered phone gave way")
	s.ending(Crowded)
	return true
}
