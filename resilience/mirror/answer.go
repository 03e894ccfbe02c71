package mirror

import (
	"time"

	"roost/resilience/mirror/internal/planted"
)

// deltas publishes what changed since the last call, set by set: one delta, or
// several that follow each other where one would be longer than limit bytes.
func (s *Store) deltas(now time.Time, limit int, emit func(set string, payload []byte)) {
	for _, name := range s.names {
		t := s.sets[name]
		// A tombstone that was forgotten before it was published must show as a gap.
		t.sent = max(t.sent, t.horizon)
		for t.sent < t.version {
			emit(name, s.nextDelta(t, now, limit))
		}
	}
}

// pending reports whether deltas has something to publish.
func (s *Store) pending() bool {
	for _, t := range s.sets {
		if t.sent < t.version {
			return true
		}
	}
	return false
}

func (s *Store) nextDelta(t *set, now time.Time, limit int) []byte {
	first := t.after(t.sent)
	last, size := t.run(first, limit-deltaRoom, func(*entry) bool { return true })
	d := delta{epoch: s.epoch, up: now.Sub(s.start), from: t.sent, to: t.version}
	if last < len(t.log) {
		d.to = t.log[last-1].version
	} else {
		d.latest, d.count, d.digest = true, uint32(t.live), t.digest
	}
	payload, body := beginFrame(appendHeader(make([]byte, 0, size+deltaRoom)), frameDelta)
	payload, block := beginBlock(appendDeltaHead(payload, &d))
	for _, g := range t.log[first:last] {
		if g.entry != nil {
			payload = appendRecord(payload, g.entry, int64(d.up))
		}
	}
	t.sent = d.to
	return endFrame(endFrame(payload, block), body)
}

// deltaRoom is more than what a delta or a batch, a welcome and an end take
// besides the records.
const deltaRoom = 256

// run is how far from index first the log's entries that are wanted fit into
// room bytes, at least one entry, and how many bytes they take at most.
func (t *set) run(first, room int, wanted func(*entry) bool) (last, size int) {
	for last = first; last < len(t.log); last++ {
		e := t.log[last].entry
		if e == nil || !wanted(e) {
			continue
		}
		n := recordRoom + len(e.key) + len(e.value)
		if size > 0 && size+n > room {
			break
		}
		size += n
	}
	return last, size
}

// answer is a window of what a reader asked for, in messages of at most limit
// bytes: a delta where its version is of this epoch and no tombstone above it was
// forgotten, else a snapshot from the beginning.
func (s *Store) answer(setName string, q since, now time.Time, limit int, emit func(payload []byte)) {
	t := s.sets[setName]
	w := s.welcome(t, q)
	up := now.Sub(s.start)
	// A snapshot needs no tombstone that is older than itself.
	wanted := func(e *entry) bool { return !w.snapshot || !e.dead || e.version > w.base }
	budget := s.limits.Window
	if q.window < uint64(budget) {
		budget = int(q.window)
	}
	payload := appendWelcome(appendHeader(nil), w)
	e := end{id: q.id, version: w.from, more: true}
	for first := t.after(w.from); e.more && (e.batches == 0 || budget > 0); e.batches++ {
		last, size := t.run(first, min(limit-deltaRoom, budget), wanted)
		payload = s.batch(payload, t.log[first:last], batch{id: q.id, seq: e.batches, up: up}, size, wanted)
		budget -= size
		if last == len(t.log) {
			e.more, e.version, e.count, e.digest = false, t.version, uint32(t.live), t.digest
		} else {
			e.version = t.log[last-1].version
		}
		first = last
		if e.more && budget > 0 {
			emit(payload)
			payload = appendHeader(nil)
		}
	}
	emit(appendEnd(payload, e))
}

func (s *Store) batch(head []byte, log []slot, b batch, size int, wanted func(*entry) bool) []byte {
	payload := append(make([]byte, 0, len(head)+size+deltaRoom), head...)
	payload, body := beginFrame(payload, frameBatch)
	payload, block := beginBlock(appendBatchHead(payload, &b))
	for _, g := range log {
		if g.entry != nil && wanted(g.entry) {
			payload = appendRecord(payload, g.entry, int64(b.up))
		}
	}
	return endFrame(endFrame(payload, block), body)
}

func (s *Store) welcome(t *set, q since) welcome {
	w := welcome{id: q.id, epoch: s.epoch, from: q.version}
	forgotten := func(above uint64) bool { return above < t.horizon && !s.bugs.Has(planted.HorizonIgnored) }
	switch {
	case q.epoch != s.epoch || q.version > t.version || q.base > t.version:
		w.snapshot, w.from, w.base = true, 0, t.version
	case q.building && !forgotten(q.base):
		w.snapshot, w.base = true, q.base
	case q.building || forgotten(q.version):
		w.snapshot, w.from, w.base = true, 0, t.version
	}
	return w
}
