package sim

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"roost/resilience/mirror"
)

const (
	// expiryError is how far a mirrored expiry may be off: the shortest way of a
	// heartbeat is not known better, and sweeps come once a second.
	expiryError = 2500 * time.Millisecond
	// repairTime is how long after a line is good again a mirror may take until it
	// is equal, and changeTime how long a change may take on a good line.
	repairTime = 16 * time.Second
	changeTime = 4 * time.Second
)

func idOf(value []byte) uint64 {
	if len(value) < 12 {
		return 0
	}
	return binary.BigEndian.Uint64(value[len(value)-8:])
}

func grantedOf(value []byte) time.Duration {
	if len(value) < 12 {
		return 0
	}
	return time.Duration(binary.BigEndian.Uint32(value)) * time.Second
}

// changed holds every change that a mirror reports to the account of what was
// really written: nothing that was gone comes back, nothing goes back to an older
// write (SH2), nothing expires early.
func (s *system) changed(c mirror.RecordsChanged) {
	w := s.w
	view := s.shown[c.Origin+" "+c.Set]
	if view == nil {
		view = make(map[string]*shown)
		s.shown[c.Origin+" "+c.Set] = view
	}
	w.note("changed", s.name+": "+c.Origin+" "+c.Set, uint64(len(c.Changes)))
	for _, ch := range c.Changes {
		before := view[ch.Key]
		if before == nil {
			before = &shown{}
			view[ch.Key] = before
		}
		id := idOf(ch.Value)
		w.note(ch.Kind.String(), ch.Key, id)
		switch ch.Kind {
		case mirror.Added, mirror.Changed:
			back := id == before.id && before.gone && !(before.expired && w.near(id))
			if w.rot == 0 && (id < before.id || back) {
				w.violated("SH2: %s of %s %s came back at %s: write %d after %d (gone: %t)", ch.Key, c.Origin, c.Set, s.name, id, before.id, before.gone)
			}
			*before = shown{id: id}
		case mirror.Removed:
			before.gone, before.expired = true, false
		case mirror.Expired:
			// Or a later write did, that expired on its way.
			t := w.system(c.Origin).account(c.Set)[ch.Key]
			same := t == nil || t.id == before.id
			if e := w.lives[before.id]; w.rot == 0 && same && (e == 0 || e-expiryError > w.now) {
				w.violated("SH2: %s of %s %s expired at %s, but lives until %v", ch.Key, c.Origin, c.Set, s.name, e)
			}
			before.gone, before.expired = true, true
		}
	}
	if c.Swapped && w.rot == 0 {
		s.whole(c)
	}
	if w.opts.Phones {
		s.phoneRecords(c)
	}
}

// whole: a snapshot that became visible has everything that its origin had when
// the pull began; none takes half a minute (SH3).
func (s *system) whole(c mirror.RecordsChanged) {
	w, origin := s.w, s.w.system(c.Origin)
	r := s.session.Replica(c.Origin, c.Set)
	if epoch, _ := r.Version(); !origin.up || epoch != origin.epoch {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(origin.truth[c.Set])) {
		t := origin.truth[c.Set][key]
		if t.gone || w.now-t.at < 30*time.Second || t.expires != 0 && t.expires < w.now+expiryError {
			continue
		}
		if _, _, ok := r.Get(key, s.local()); !ok {
			w.violated("SH3: the snapshot of %s %s that %s swapped in lacks %s", c.Origin, c.Set, s.name, key)
			return
		}
	}
}

// near reports whether a write expires about now.
func (w *world) near(id uint64) bool {
	e := w.lives[id]
	return e != 0 && max(e-w.now, w.now-e) <= expiryError
}

// check compares, each second, every mirror with what its origin really has.
func (w *world) check() {
	w.after(time.Second, w.check)
	if w.opts.Phones {
		w.onBoth()
		if w.result.Events%4 != 0 {
			return
		}
	}
	w.compareAll(false)
}

func (w *world) compareAll(end bool) {
	for _, reader := range w.systems {
		for _, origin := range w.systems {
			if reader == origin || !reader.up {
				continue
			}
			for _, set := range origin.sets {
				if mirror.Readable(set, reader.name) {
					w.compare(reader, origin, set, end)
				}
			}
		}
	}
}

// compare holds one replica to its origin.
func (w *world) compare(reader, origin *system, set string, end bool) {
	r := reader.session.Replica(origin.name, set)
	if r == nil {
		if end {
			w.violated("SH3: %s never heard of %s %s", reader.name, origin.name, set)
		}
		return
	}
	good := end || w.rot == 0 && origin.up && w.good(reader, origin, repairTime)
	exact := !good && w.rot == 0 && origin.up && w.sameVersion(r, origin, set)
	if w.rot > 0 && !end {
		return
	}
	here := w.scratch
	clear(here)
	r.Range(reader.local(), func(key string, value []byte, _ time.Time) bool {
		here[key] = idOf(value)
		return true
	})
	if w.rot == 0 {
		w.expiredServed(reader, origin, set, here)
	}
	settled := changeTime
	if exact {
		settled = 0 // equal versions are equal contents, at any time
	}
	if !good && !exact {
		return
	}
	if key, ok := w.difference(here, origin.truth[set], settled); !ok {
		w.violated("SH3: %s at %s differs from %s: key %s, here %d, status %+v", set, reader.name, origin.name, key, here[key], statusOf(reader, origin, set))
	}
	if !end {
		return
	}
	if st := statusOf(reader, origin, set); !st.InSync {
		w.violated("SH3: %s at %s is not in sync with %s at the end: %+v", set, reader.name, origin.name, st)
	}
}

func statusOf(reader, origin *system, set string) mirror.SetStatus {
	for _, p := range reader.session.Status() {
		for _, st := range p.Sets {
			if p.System == origin.name && st.Set == set {
				return st
			}
		}
	}
	return mirror.SetStatus{}
}

// sameVersion reports whether the replica claims to hold exactly what its origin has.
func (w *world) sameVersion(r *mirror.Replica, origin *system, set string) bool {
	epoch, version := r.Version()
	return epoch == origin.epoch && version == origin.session.Store().Version(set)
}

// good reports whether both systems and both directions between them were in
// order for that long.
func (w *world) good(a, b *system, long time.Duration) bool {
	return a.up && b.up && w.now-a.since >= long && w.now-b.since >= long &&
		w.links[[2]int{a.index, b.index}].clean(w.now, long) && w.links[[2]int{b.index, a.index}].clean(w.now, long)
}

// expiredServed: what has expired is not readable, wherever the clocks stand (SH2).
func (w *world) expiredServed(reader, origin *system, set string, here map[string]uint64) {
	worst := ""
	for key, id := range here {
		if e := w.lives[id]; e != 0 && e+expiryError < w.now && (worst == "" || key < worst) {
			worst = key
		}
	}
	if worst != "" {
		w.violated("SH2: %s of %s %s is served at %s, but expired at %v", worst, origin.name, set, reader.name, w.lives[here[worst]])
	}
}

// difference is a key, the first by name, with another write here than there. What
// was written within settled, or expires about now, may differ.
func (w *world) difference(here map[string]uint64, truth map[string]*written, settled time.Duration) (string, bool) {
	worst := ""
	wrong := func(key string) {
		if worst == "" || key < worst {
			worst = key
		}
	}
	for key := range here {
		if truth[key] == nil {
			wrong(key)
		}
	}
	for key, t := range truth {
		if settled > 0 && w.now-t.at < settled || t.expires != 0 && max(t.expires-w.now, w.now-t.expires) <= expiryError {
			continue
		}
		want := t.id
		if t.gone || t.expires != 0 && t.expires < w.now {
			want = 0
		}
		if here[key] != want {
			wrong(key)
		}
	}
	return worst, worst == ""
}

// atTheEnd: after the settling time everything is in its place.
func (w *world) atTheEnd() {
	for _, s := range w.systems {
		if !s.up {
			w.violated("%s is not up at the end", s.name)
			return
		}
	}
	w.compareAll(true)
	if w.opts.Phones {
		w.phonesHome()
	}
}
