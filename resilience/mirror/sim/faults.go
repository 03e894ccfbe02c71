package sim

import "time"

// fault begins something bad, and plans its end and the next.
func (w *world) fault() {
	if w.now >= w.calm {
		return
	}
	gap := w.between(2*time.Second, 30*time.Second)
	if w.opts.Phones {
		gap = w.between(5*time.Second, 100*time.Second)
	}
	w.after(gap, w.fault)
	a := w.systems[w.random.IntN(len(w.systems))]
	b := w.systems[w.random.IntN(len(w.systems))]
	for b == a {
		b = w.systems[w.random.IntN(len(w.systems))]
	}
	kinds := 8
	if w.opts.Phones {
		kinds = 10
	}
	switch w.random.IntN(kinds) {
	case 0: // a quick restart, within the range of versions
		w.down(a, w.between(100*time.Millisecond, 3*time.Second))
	case 1:
		w.down(a, w.between(10*time.Second, w.long()))
	case 2:
		w.bad(a, b, w.between(time.Second, 10*time.Second), func(l *link, on bool) { l.cut = on })
	case 3: // longer than a tombstone lives
		w.bad(a, b, w.between(tombstoneKeep+5*time.Second, w.long()+30*time.Second), func(l *link, on bool) { l.cut = on })
	case 4:
		loss := 0.1 + 0.6*w.random.Float64()
		w.bad(a, b, w.between(5*time.Second, 30*time.Second), func(l *link, on bool) {
			l.loss = 0
			if on {
				l.loss = loss
			}
		})
	case 5, 6:
		delay, mixed := w.between(500*time.Millisecond, 12*time.Second), w.chance(0.5)
		w.bad(a, b, w.between(5*time.Second, 30*time.Second), func(l *link, on bool) {
			l.delay, l.mixed = 0, on && mixed
			if on {
				l.delay = delay
			}
		})
	case 7:
		step := w.between(-time.Hour, time.Hour)
		w.note("clock step", a.name, uint64(step))
		a.wall += step
	case 8: // long enough to fail over; sometimes the backup restarts meanwhile (GU3)
		long := w.between(failoverDelay, 3*failoverDelay)
		w.down(a, long)
		if w.chance(0.3) {
			w.after(w.between(0, failoverDelay), func() {
				if w.now < w.calm {
					w.down(a.backup(), w.between(time.Second, 10*time.Second))
				}
			})
		}
	case 9:
		w.phones[w.random.IntN(len(w.phones))].trouble()
	}
}

func (w *world) long() time.Duration {
	if w.opts.Phones {
		return 4 * time.Minute
	}
	return time.Minute
}

// down crashes a system for that long, but not beyond the calm.
func (w *world) down(s *system, long time.Duration) {
	s.crash()
	w.at(min(w.now+long, max(w.now, w.calm)), s.boot)
}

// bad makes a line bad, in one direction or both, for that long.
func (w *world) bad(a, b *system, long time.Duration, set func(l *link, on bool)) {
	pairs := [][2]*system{{a, b}, {b, a}}
	if w.chance(0.3) {
		pairs = pairs[:1]
	}
	w.note("bad line", a.name+"-"+b.name, uint64(long))
	until := min(w.now+long, w.calm)
	for _, p := range pairs {
		l := w.links[[2]int{p[0].index, p[1].index}]
		set(l, true)
		l.faults++
		w.at(until, func() {
			set(l, false)
			l.faults--
			l.dirty = w.now
		})
	}
	w.lines(a, b)
	w.at(until+1, func() {
		w.note("line healed", a.name+"-"+b.name, 0)
		w.lines(a, b)
	})
}
