package mirror

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"roost/resilience/mirror/internal/planted"
)

// Replica is one set of another system as it is known here. It is not safe for
// concurrent use. Times are kept as nanoseconds since the reader's start.
//
// It holds what its origin had at version, within the origin's epoch. What is
// there stays readable while newer data is fetched: a window of changes is
// applied as a whole, and a snapshot is built aside and takes the place of all
// that was there at once.
type Replica struct {
	origin, set string
	start       time.Time
	limits      Limits
	bugs        planted.Bugs

	table    table
	epoch    uint64 // 0: never complete
	version  uint64
	building *building // nil: no snapshot under way
	soonest  int64     // nothing expires before
}

// table is records and what is summed up over them, the expired ones included
// until their owner deletes them: both sides count the same.
type table struct {
	records map[string]record
	bytes   int
	digest  uint64
}

type record struct {
	value   []byte
	version uint64
	expires int64 // since the reader's start; lapsed once its end was reported
}

// lapsed is the expiry of a record that has expired and was reported so.
const lapsed = int64(math.MinInt64)

// building is a snapshot that is not complete yet.
type building struct {
	table
	epoch   uint64
	base    uint64 // the origin's version when it began
	version uint64 // it has all up to here
}

var errFull = errors.New("more than this system takes")

// NewReplica makes an empty replica of a set of origin.
func NewReplica(cfg Config, origin, set string, start time.Time) *Replica {
	return &Replica{
		origin: origin, set: set, start: start, limits: cfg.Limits.withDefaults(), bugs: cfg.Planted,
		table: table{records: make(map[string]record)}, soonest: never,
	}
}

// Complete reports whether it ever held all of its origin's set.
func (r *Replica) Complete() bool { return r.epoch != 0 }

// Version is the epoch and the version of the origin that it holds.
func (r *Replica) Version() (epoch, version uint64) { return r.epoch, r.version }

// Len is the number of records, those included that expired and were not yet
// deleted by their owner.
func (r *Replica) Len() int { return len(r.table.records) }

// Get reads a record, if it has not expired. The value must not be written to.
func (r *Replica) Get(key string, now time.Time) (value []byte, expires time.Time, ok bool) {
	rec, ok := r.table.records[key]
	if !ok || !r.live(rec, int64(now.Sub(r.start))) {
		return nil, time.Time{}, false
	}
	return rec.value, r.instant(rec.expires), true
}

// Range calls f for each record that has not expired, in no order, until it
// returns false.
func (r *Replica) Range(now time.Time, f func(key string, value []byte, expires time.Time) bool) {
	at := int64(now.Sub(r.start))
	for key, rec := range r.table.records {
		if r.live(rec, at) && !f(key, rec.value, r.instant(rec.expires)) {
			return
		}
	}
}

func (r *Replica) live(rec record, at int64) bool {
	return rec.expires > at || r.bugs.Has(planted.NoSweep)
}

func (r *Replica) instant(at int64) time.Time {
	if at == never || at == lapsed {
		return time.Time{}
	}
	return r.start.Add(time.Duration(at))
}

// fits says what a delta is to this replica.
type fits uint8

const (
	fitsNow   fits = iota // it follows, or overlaps
	fitsOld               // all of it is known
	fitsGap               // others before it are missing
	fitsOther             // another epoch
)

func (r *Replica) fits(d *delta) fits {
	switch {
	case r.epoch == 0 || d.epoch != r.epoch:
		return fitsOther
	case d.to <= r.version:
		return fitsOld
	case d.from > r.version && !r.bugs.Has(planted.GapIgnored):
		return fitsGap
	}
	return fitsNow
}

// applyDelta applies a delta that fits now; age is what it spent on its way.
func (r *Replica) applyDelta(d *delta, age time.Duration, now time.Time) ([]Change, error) {
	changes, err := r.apply(nil, d.records, age, now)
	if err != nil {
		return changes, err
	}
	r.version = d.to
	return changes, nil
}

// apply puts records above the version held into the table. It is refused before
// anything is changed only where that can be told; a set beyond its limits may be
// left in part, and is not in sync then.
func (r *Replica) apply(changes []Change, records recordReader, age time.Duration, now time.Time) ([]Change, error) {
	at := int64(now.Sub(r.start))
	var w wireRecord
	for records.next(&w) {
		old, had := r.table.records[string(w.key)]
		if w.version <= r.version || had && old.version >= w.version {
			continue
		}
		if w.deleted {
			if r.bugs.Has(planted.DeleteLoses) {
				continue
			}
			if had {
				r.table.remove(r.epoch, string(w.key), old)
			}
			if had && old.expires != lapsed {
				changes = append(changes, Change{Kind: Removed, Key: string(w.key)})
			}
			continue
		}
		key := string(w.key)
		rec, err := r.table.put(r.epoch, key, &w, old.value, expiry(&w, age, at), &r.limits)
		if err != nil {
			return changes, err
		}
		changes = r.note(changes, key, rec, old, had, at)
	}
	return changes, nil
}

// note adds what became of a record to changes.
func (r *Replica) note(changes []Change, key string, rec, old record, had bool, at int64) []Change {
	shown := had && old.expires != lapsed
	switch {
	case rec.expires <= at && !shown:
		rec.expires = lapsed
		r.table.records[key] = rec
		return changes
	case rec.expires <= at:
		rec.expires = lapsed
		r.table.records[key] = rec
		return append(changes, Change{Kind: Expired, Key: key})
	}
	r.soonest = min(r.soonest, rec.expires)
	kind := Added
	if shown {
		kind = Changed
	}
	return append(changes, Change{Kind: kind, Key: key, Value: rec.value, Expires: r.instant(rec.expires)})
}

func expiry(w *wireRecord, age time.Duration, at int64) int64 {
	if !w.expires {
		return never
	}
	return at + int64(w.remain-age)
}

// put writes a record in place of what the table has under that key. Where the
// value is that of kept, kept's memory is used.
func (t *table) put(epoch uint64, key string, w *wireRecord, kept []byte, expires int64, l *Limits) (record, error) {
	old, had := t.records[key]
	size := t.bytes + len(key) + len(w.value)
	if had {
		size -= len(key) + len(old.value)
	}
	if size > l.MaxBytes || !had && len(t.records) >= l.MaxRecords {
		return record{}, fmt.Errorf("%d records and %d bytes: %w", len(t.records), size, errFull)
	}
	if had {
		t.digest -= recordHash(epoch, old.version, key, old.value)
	}
	if !bytes.Equal(kept, w.value) {
		kept = bytes.Clone(w.value)
	}
	rec := record{value: kept, version: w.version, expires: expires}
	t.records[key] = rec
	t.bytes = size
	t.digest += recordHash(epoch, rec.version, key, kept)
	return rec, nil
}

func (t *table) remove(epoch uint64, key string, old record) {
	t.digest -= recordHash(epoch, old.version, key, old.value)
	t.bytes -= len(key) + len(old.value)
	delete(t.records, key)
}

// sweep reports what has expired since the last one.
func (r *Replica) sweep(now time.Time) []Change {
	at := int64(now.Sub(r.start))
	if at < r.soonest || r.bugs.Has(planted.NoSweep) {
		return nil
	}
	var changes []Change
	r.soonest = never
	for key, rec := range r.table.records {
		switch {
		case rec.expires == lapsed:
		case rec.expires > at:
			r.soonest = min(r.soonest, rec.expires)
		default:
			rec.expires = lapsed
			r.table.records[key] = rec
			changes = append(changes, Change{Kind: Expired, Key: key})
		}
	}
	sortChanges(changes)
	return changes
}

func sortChanges(changes []Change) {
	slices.SortFunc(changes, func(a, b Change) int { return cmp.Compare(a.Key, b.Key) })
}

// differs reports whether count and digest of the origin are not those held.
func (r *Replica) differs(count uint32, digest uint64) bool {
	if r.bugs.Has(planted.DigestUnchecked) {
		return false
	}
	return uint64(count) != uint64(len(r.table.records)) || digest != r.table.digest
}
