package mirror

import (
	"errors"
	"fmt"
	"time"

	"roost/resilience/mirror/internal/planted"
)

// received sorts a message by its subject, which the carrier vouches for.
func (s *Session) received(e Received) {
	sub := e.Subject
	if sub.Class == Pulls {
		s.pulled(sub, e.Payload)
		return
	}
	if sub.Origin == s.cfg.Self {
		s.ownName(sub, e.Payload)
		return
	}
	if sub.Class != Heartbeats && !Readable(sub.Set, s.cfg.Self) {
		s.counters.NotForUs++
		return
	}
	p := s.peer(sub.Origin)
	if p == nil {
		return
	}
	var err error
	switch sub.Class {
	case Heartbeats:
		err = s.heartbeats(p, e.Payload)
	case Deltas:
		err = s.deltas(p, sub.Set, e.Payload)
	case Answers:
		err = s.answers(p, sub.Set, e.Payload)
	}
	s.refused(p, sub, err)
}

// refused counts and alarms on a message that could not be read.
func (s *Session) refused(p *peer, sub Subject, err error) {
	switch {
	case err == nil:
	case errors.Is(err, ErrVersion):
		s.counters.OtherVersion++
		s.raise(OtherProtocol, p.name, fmt.Sprintf("%s speaks another version of the sharing protocol: %v; run the same release on both", p.name, err))
	default:
		s.counters.Malformed++
		p.malformed = s.now
		s.raise(Malformed, p.name, fmt.Sprintf("%s sent a %s that cannot be read: %v", p.name, sub.Class, err))
	}
}

// ownName looks at what comes back under this system's own name: its own
// messages, or those of a second system that took the name.
func (s *Session) ownName(sub Subject, payload []byte) {
	if sub.Class != Heartbeats {
		return
	}
	_ = frames(payload, func(kind byte, body []byte) error {
		if kind != frameHeartbeat {
			return nil
		}
		h, err := readHeartbeat(body, s.cfg.Self)
		// A heartbeat of this system's life before may still be on its way.
		if err == nil && h.Epoch != s.cfg.Epoch && s.now.Sub(s.start) > s.cfg.SilentAfter {
			s.twinAt = s.now
			s.raise(TwoOfAName, s.cfg.Self, fmt.Sprintf("another system calls itself %q too (up for %s); give each its own name and certificate", s.cfg.Self, h.UpFor))
		}
		return nil
	})
}

func (s *Session) heartbeats(p *peer, payload []byte) error {
	return frames(payload, func(kind byte, body []byte) error {
		if !s.planned(kind, frameHeartbeat) {
			return nil
		}
		h, err := readHeartbeat(body, p.name)
		if err == nil {
			s.heartbeat(p, h)
		}
		return err
	})
}

// planned reports whether a frame is of the kind wanted. Unknown ones are those
// of a later version, known ones are counted.
func (s *Session) planned(kind byte, want ...byte) bool {
	for _, w := range want {
		if kind == w {
			return true
		}
	}
	if kind <= frameEnd {
		s.counters.FramesNotPlanned++
	}
	return false
}

func (s *Session) deltas(p *peer, set string, payload []byte) error {
	m := s.mirrored(p, set)
	if m == nil {
		return nil
	}
	return frames(payload, func(kind byte, body []byte) error {
		if !s.planned(kind, frameDelta) {
			return nil
		}
		d, err := readDelta(body, &s.cfg.Limits)
		if err != nil {
			return err
		}
		s.delta(p, m, d)
		s.drive(p, m)
		return nil
	})
}

// delta applies a delta, keeps it for the end of the pull under way, or begins a
// pull where others before it are missing.
//
// One of another life than the heartbeats tell of is late, or early: how old it is
// cannot be known, and a pull brings what counts.
func (s *Session) delta(p *peer, m *mirrored, d delta) {
	if d.epoch != p.epoch {
		s.counters.StaleDeltas++
		return
	}
	m.learn(d.epoch, d.to, s.now)
	if m.pull != nil {
		s.hold(m, d)
		return
	}
	switch m.replica.fits(&d) {
	case fitsOld:
	case fitsGap, fitsOther:
		s.counters.Gaps++
		m.gap = true
		s.hold(m, d)
	case fitsNow:
		changes, err := m.replica.applyDelta(&d, s.age(p, d.epoch, d.up), s.now)
		s.changed(p, m, changes, false)
		if err != nil {
			s.tooLarge(p, m, err)
			return
		}
		m.lag(s.now)
		s.counters.DeltasApplied++
		if d.latest {
			s.digest(p, m, d.count, d.digest)
		}
	}
}

// A pull takes one or a few round trips; more than that is not worth keeping.
const (
	maxHeld      = 256
	maxHeldBytes = 1 << 20
)

func (s *Session) hold(m *mirrored, d delta) {
	if len(m.held) >= maxHeld || m.heldBytes+len(d.records.f.b) > maxHeldBytes {
		s.counters.HeldDropped++
		return
	}
	m.held = append(m.held, d)
	m.heldBytes += len(d.records.f.b)
}

// release applies what was held during a pull.
func (s *Session) release(p *peer, m *mirrored) {
	held := m.held
	m.held, m.heldBytes = nil, 0
	for i := range held {
		if m.pull == nil && held[i].epoch == m.replica.epoch {
			s.delta(p, m, held[i])
		}
	}
}

// age is what a message spent on its way, up to now.
func (s *Session) age(p *peer, epoch uint64, up time.Duration) time.Duration {
	var age time.Duration
	if !s.cfg.Planted.Has(planted.AgeForgotten) {
		age = p.clock.age(epoch, s.now.Sub(s.start), up)
	}
	if s.cfg.Planted.Has(planted.WallClockExpiry) {
		age -= p.wall
	}
	return age
}
