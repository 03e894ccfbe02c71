package mirror

import "sort"

// set is one of the writer's sets. Its log has an entry's place by version:
// ascending, each entry once, with holes where an entry has moved to the end.
type set struct {
	name    string
	version uint64 // of the newest change
	horizon uint64 // the highest version of a forgotten tombstone
	sent    uint64 // up to here deltas were published
	entries map[string]*entry
	log     []slot
	holes   int
	graves  []slot // tombstones in the order of dying, from grave on
	grave   int
	live    int
	bytes   int // of live keys and values
	digest  uint64
	soonest int64 // no live record expires before
}

type slot struct {
	version uint64
	entry   *entry // nil: a hole
}

type entry struct {
	key     string
	value   []byte
	version uint64
	expires int64 // since the store's start; of a tombstone: when it died
	dead    bool
}

// touch gives an entry, a new one if nil, the next version and the last place in
// the log.
func (t *set) touch(e *entry, key string) *entry {
	if e == nil {
		e = &entry{key: key}
		t.entries[key] = e
	} else {
		t.leave(e)
	}
	t.version++
	e.version = t.version
	t.log = append(t.log, slot{e.version, e})
	return e
}

// leave makes a hole of an entry's place.
func (t *set) leave(e *entry) {
	i := t.after(e.version - 1)
	t.log[i].entry = nil
	t.holes++
	if t.holes <= len(t.log)/2 || t.holes < 64 {
		return
	}
	kept := t.log[:0]
	for _, s := range t.log {
		if s.entry != nil {
			kept = append(kept, s)
		}
	}
	clear(t.log[len(kept):])
	t.log, t.holes = kept, 0
}

// after is the index of the first place in the log above version.
func (t *set) after(version uint64) int {
	return sort.Search(len(t.log), func(i int) bool { return t.log[i].version > version })
}

// forget drops an entry altogether.
func (t *set) forget(e *entry) {
	t.leave(e)
	delete(t.entries, e.key)
}

// forgetOldest drops the oldest tombstone and raises the horizon, unless the key
// has been written again since.
func (t *set) forgetOldest() {
	g := t.graves[t.grave]
	t.graves[t.grave] = slot{}
	t.grave++
	if g.version == g.entry.version {
		t.horizon = g.version
		t.forget(g.entry)
	}
	if t.grave > 64 && t.grave > len(t.graves)/2 {
		n := copy(t.graves, t.graves[t.grave:])
		clear(t.graves[n:])
		t.graves, t.grave = t.graves[:n], 0
	}
}
