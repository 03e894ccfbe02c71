package mirror

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"roost/resilience/mirror/internal/planted"
)

// Store holds the records that this system writes, by set. It is not safe for
// concurrent use. Times are kept as nanoseconds since the store's start.
type Store struct {
	epoch  uint64
	start  time.Time
	limits Limits
	keep   time.Duration // of tombstones
	bugs   planted.Bugs
	sets   map[string]*set
	names  []string // sorted, for an order that is the same each time
}

// NewStore makes a store with the sets named, and [Dir]. cfg's epoch, limits and
// TombstoneKeep are used.
func NewStore(cfg Config, start time.Time) (*Store, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Store{
		epoch: cfg.Epoch, start: start, limits: cfg.Limits, keep: cfg.TombstoneKeep,
		bugs: cfg.Planted, sets: make(map[string]*set),
	}
	for _, name := range append([]string{Dir}, cfg.Sets...) {
		if err := s.AddSet(name); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// AddSet declares a set, empty at first, so that its readers know it is complete.
// One that is there already is no error.
func (s *Store) AddSet(name string) error {
	if err := CheckSet(name); err != nil {
		return err
	}
	if s.sets[name] != nil {
		return nil
	}
	if len(s.sets) >= s.limits.MaxSets {
		return fmt.Errorf("set %q would be one more than %d: %w", name, s.limits.MaxSets, ErrTooBig)
	}
	s.sets[name] = &set{name: name, entries: make(map[string]*entry), soonest: never}
	i, _ := slices.BinarySearch(s.names, name)
	s.names = slices.Insert(s.names, i, name)
	return nil
}

// Put writes a record; a zero expires means that it does not expire. The value
// is the store's from then on. Writing what is there already changes nothing.
func (s *Store) Put(setName, key string, value []byte, expires, now time.Time) error {
	t := s.sets[setName]
	if t == nil {
		return fmt.Errorf("set %q: %w", clip(setName), ErrNoSet)
	}
	if err := s.limits.Check(key, value); err != nil {
		return fmt.Errorf("set %s: %w", setName, err)
	}
	at := never
	if !expires.IsZero() {
		at = int64(expires.Sub(s.start))
	}
	e := t.entries[key]
	if e != nil && !e.dead {
		if e.expires == at && bytes.Equal(e.value, value) {
			return nil
		}
		t.bytes -= len(key) + len(e.value)
		t.digest -= recordHash(s.epoch, e.version, e.key, e.value)
	} else {
		if t.live >= s.limits.MaxRecords || t.bytes+len(key)+len(value) > s.limits.MaxBytes {
			return fmt.Errorf("set %s is full, %d records and %d bytes: %w", setName, t.live, t.bytes, ErrTooBig)
		}
		t.live++
	}
	e = t.touch(e, key)
	e.value, e.expires, e.dead = value, at, false
	t.bytes += len(key) + len(value)
	t.digest += recordHash(s.epoch, e.version, e.key, e.value)
	t.soonest = min(t.soonest, at)
	return nil
}

// Delete removes a record, leaving a tombstone. One that is not there is no error.
func (s *Store) Delete(setName, key string, now time.Time) error {
	t := s.sets[setName]
	if t == nil {
		return fmt.Errorf("set %q: %w", clip(setName), ErrNoSet)
	}
	if e := t.entries[key]; e != nil && !e.dead {
		s.bury(t, e, now)
	}
	return nil
}

func (s *Store) bury(t *set, e *entry, now time.Time) {
	t.live--
	t.bytes -= len(e.key) + len(e.value)
	t.digest -= recordHash(s.epoch, e.version, e.key, e.value)
	if s.bugs.Has(planted.NoTombstone) {
		t.forget(e)
		return
	}
	t.touch(e, e.key)
	e.value, e.dead = nil, true
	e.expires = int64(now.Sub(s.start)) // of a tombstone: when it died
	t.graves = append(t.graves, slot{e.version, e})
	if len(t.graves)-t.grave > s.limits.MaxTombstones {
		t.forgetOldest()
	}
}

// Sweep deletes what has expired and forgets tombstones that were kept long
// enough. It is due every [Config.SweepEvery].
func (s *Store) Sweep(now time.Time) {
	at := int64(now.Sub(s.start))
	for _, name := range s.names {
		t := s.sets[name]
		if at >= t.soonest && !s.bugs.Has(planted.NoSweep) {
			s.expire(t, at, now)
		}
		for t.grave < len(t.graves) {
			g := t.graves[t.grave]
			if g.version == g.entry.version && at-g.entry.expires < int64(s.keep) {
				break
			}
			t.forgetOldest()
		}
	}
}

// expire buries the expired in the order of their versions, so that what comes
// out does not depend on the order of a map.
func (s *Store) expire(t *set, at int64, now time.Time) {
	t.soonest = never
	var gone []*entry
	for _, e := range t.entries {
		switch {
		case e.dead:
		case e.expires <= at:
			gone = append(gone, e)
		default:
			t.soonest = min(t.soonest, e.expires)
		}
	}
	slices.SortFunc(gone, func(a, b *entry) int { return cmp.Compare(a.version, b.version) })
	for _, e := range gone {
		s.bury(t, e, now)
	}
}

// Get reads a record of this system that has not expired.
func (s *Store) Get(setName, key string, now time.Time) (value []byte, expires time.Time, ok bool) {
	t := s.sets[setName]
	if t == nil {
		return nil, time.Time{}, false
	}
	e := t.entries[key]
	if e == nil || e.dead || e.expires <= int64(now.Sub(s.start)) {
		return nil, time.Time{}, false
	}
	return e.value, s.instant(e.expires), true
}

// Range calls f for each record of a set that has not expired, in no order,
// until it returns false.
func (s *Store) Range(setName string, now time.Time, f func(key string, value []byte, expires time.Time) bool) {
	t := s.sets[setName]
	if t == nil {
		return
	}
	at := int64(now.Sub(s.start))
	for _, e := range t.entries {
		if !e.dead && e.expires > at && !f(e.key, e.value, s.instant(e.expires)) {
			return
		}
	}
}

// Version is the newest of a set, 0 if there is no such set.
func (s *Store) Version(setName string) uint64 {
	if t := s.sets[setName]; t != nil {
		return t.version
	}
	return 0
}

// States is what a heartbeat says of the sets, by name.
func (s *Store) States() []SetState {
	states := make([]SetState, 0, len(s.names))
	for _, name := range s.names {
		t := s.sets[name]
		states = append(states, SetState{Set: name, Version: t.version, Count: uint32(t.live), Digest: t.digest})
	}
	return states
}

func (s *Store) instant(at int64) time.Time {
	if at == never {
		return time.Time{}
	}
	return s.start.Add(time.Duration(at))
}

// never is the expiry of what does not expire.
const never = int64(math.MaxInt64)
