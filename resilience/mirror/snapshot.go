package mirror

import (
	"bytes"
	"time"

	"roost/resilience/mirror/internal/planted"
)

// begin makes the replica ready for the batches of an answer. A snapshot from
// version 0 is begun anew; one that goes on must be the one under way.
func (r *Replica) begin(w *welcome) bool {
	switch {
	case !w.snapshot:
		r.building = nil
		return w.epoch == r.epoch && w.from == r.version
	case w.from == 0:
		r.building = &building{
			table: table{records: make(map[string]record, len(r.table.records))},
			epoch: w.epoch, base: w.base,
		}
		return true
	}
	b := r.building
	return b != nil && b.epoch == w.epoch && b.base == w.base && b.version == w.from
}

// window applies the batches of one answer, which is known to be whole. With
// swapped, a snapshot became visible.
func (r *Replica) window(batches []aged, e *end, now time.Time) (changes []Change, swapped bool, err error) {
	if r.building == nil {
		for i := range batches {
			changes, err = r.apply(changes, batches[i].records, batches[i].age, now)
			if err != nil {
				return changes, false, err
			}
		}
		r.version = e.version
		return changes, false, nil
	}
	for i := range batches {
		if err := r.build(&batches[i], now); err != nil {
			r.building = nil
			return nil, false, err
		}
	}
	r.building.version = e.version
	if e.more && !r.bugs.Has(planted.PartVisible) {
		return nil, false, nil
	}
	return r.swap(now), true, nil
}

// aged is a batch and the time it spent on its way.
type aged struct {
	batch
	age time.Duration
}

// build puts a batch into the snapshot under way. Values that are what the
// replica holds already are shared with it.
func (r *Replica) build(b *aged, now time.Time) error {
	at := int64(now.Sub(r.start))
	s := r.building
	var w wireRecord
	for b.records.next(&w) {
		old, had := s.records[string(w.key)]
		if had && old.version >= w.version {
			continue
		}
		if w.deleted {
			if had {
				s.remove(s.epoch, string(w.key), old)
			}
			continue
		}
		key := string(w.key)
		kept := old.value
		if !had {
			kept = r.table.records[key].value
		}
		if _, err := s.put(s.epoch, key, &w, kept, expiry(&w, b.age, at), &r.limits); err != nil {
			return err
		}
	}
	return nil
}

// swap makes the snapshot visible and tells the difference to what was there.
func (r *Replica) swap(now time.Time) []Change {
	at := int64(now.Sub(r.start))
	old, b := r.table, r.building
	r.building = nil
	if r.bugs.Has(planted.SnapshotMerged) {
		for key, rec := range old.records {
			if _, ok := b.records[key]; !ok {
				b.records[key] = rec
			}
		}
	}
	r.table, r.epoch, r.version, r.soonest = b.table, b.epoch, b.version, never
	var changes []Change
	for key, was := range old.records {
		if _, ok := r.table.records[key]; !ok && was.expires != lapsed {
			changes = append(changes, Change{Kind: Removed, Key: key})
		}
	}
	for key, rec := range r.table.records {
		was, had := old.records[key]
		if had && was.expires != lapsed && rec.expires > at && same(rec, was) {
			r.soonest = min(r.soonest, rec.expires)
			continue
		}
		changes = r.note(changes, key, rec, was, had, at)
	}
	sortChanges(changes)
	return changes
}

// same reports whether a record of a new snapshot says nothing new: its expiry,
// which was counted from another message, may differ by a second.
func same(a, b record) bool {
	if !bytes.Equal(a.value, b.value) {
		return false
	}
	if a.expires == never || b.expires == never {
		return a.expires == b.expires
	}
	return max(a.expires-b.expires, b.expires-a.expires) <= int64(time.Second)
}
