package sim

import (
	"bytes"
	"time"

	"roost/resilience/mirror"
)

// link is one direction of a line.
type link struct {
	cut    bool
	loss   float64
	delay  time.Duration // at most, of all but heartbeats
	mixed  bool          // messages overtake each other
	dirty  time.Duration // when it was last bad
	faults int           // that are on it
	last   map[mirror.Class]time.Duration
}

// clean reports whether the link was in order for that long.
func (l *link) clean(now, long time.Duration) bool { return l.faults == 0 && now-l.dirty >= long }

// send takes a message to all that would hear it.
func (w *world) send(from *system, m mirror.Send) {
	for _, to := range w.systems {
		if to == from || !hears(to.name, m.Subject) {
			continue
		}
		w.carry(from, to, m)
	}
}

func hears(system string, s mirror.Subject) bool {
	for _, sub := range mirror.Subscriptions(system) {
		if sub.Matches(s) {
			return true
		}
	}
	return false
}

func (w *world) carry(from, to *system, m mirror.Send) {
	l := w.links[[2]int{from.index, to.index}]
	if l.cut || l.loss > 0 && w.chance(l.loss) {
		w.note("lost", m.Subject.Origin+">"+to.name, uint64(m.Subject.Class))
		return
	}
	at := w.now + w.between(time.Millisecond, 40*time.Millisecond)
	lane := mirror.Deltas
	switch {
	case m.Subject.Class == mirror.Heartbeats:
		lane = mirror.Heartbeats
	case l.delay > 0:
		at += w.between(0, l.delay)
	}
	if !l.mixed || lane == mirror.Heartbeats {
		at = max(at, l.last[lane])
		l.last[lane] = at
	}
	payload := bytes.Clone(m.Payload)
	if m.Subject.Class == mirror.Deltas && w.rot > 0 && w.now < w.calm && w.chance(w.rot) {
		payload[len(payload)-1] ^= 1
		w.note("rot", m.Subject.Origin+">"+to.name, 0)
	}
	w.at(at, func() {
		if to.up {
			w.note("got", m.Subject.Origin+">"+to.name, uint64(m.Subject.Class)<<32|uint64(len(payload)))
			to.step(mirror.Received{Subject: m.Subject, Payload: payload})
		}
	})
}

// lines tells both ends of a line, after a moment, how it is.
func (w *world) lines(a, b *system) {
	for _, pair := range [][2]*system{{a, b}, {b, a}} {
		here, there := pair[0], pair[1]
		w.after(w.between(10*time.Millisecond, 300*time.Millisecond), func() {
			up := there.up && !w.links[[2]int{a.index, b.index}].cut && !w.links[[2]int{b.index, a.index}].cut
			if here.up {
				here.step(mirror.LineChanged{Line: mirror.LineState{Peer: there.name, Up: up}})
			}
		})
	}
}
