package mirror

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

type alarmKey struct {
	kind    AlarmKind
	subject string
}

// raise raises an alarm once.
func (s *Session) raise(kind AlarmKind, subject, text string) {
	key := alarmKey{kind, subject}
	if !s.alarms[key] {
		s.alarms[key] = true
		s.do(Alarm{Kind: kind, Subject: subject, Raised: true, Text: text})
	}
}

// clear clears an alarm that is raised.
func (s *Session) clear(kind AlarmKind, subject string) {
	key := alarmKey{kind, subject}
	if len(s.alarms) > 0 && s.alarms[key] {
		delete(s.alarms, key)
		s.do(Alarm{Kind: kind, Subject: subject})
	}
}

// drivePeer does what time demands of a system and of its sets.
func (s *Session) drivePeer(p *peer) {
	for _, set := range p.setNames {
		s.drive(p, p.sets[set])
	}
	if s.alarms[alarmKey{Malformed, p.name}] && s.now.Sub(p.malformed) >= time.Minute {
		s.clear(Malformed, p.name)
	}
	if s.now.Sub(p.flippedAt) >= time.Minute {
		p.flips = 0
	}
	if p.flips < maxFlips {
		s.clear(TwoOfAName, p.name)
	} else {
		s.raise(TwoOfAName, p.name, fmt.Sprintf("two systems call themselves %q; give each its own name and certificate", p.name))
	}
	if !p.configured || p.heard {
		s.clear(NeverComplete, p.name)
		return
	}
	if s.now.Sub(s.start) >= s.cfg.Patience {
		s.raise(NeverComplete, p.name, fmt.Sprintf(
			"nothing was heard of %s since this system started; there is no mirror of it to serve its phones from", p.name))
	} else {
		s.due(s.start.Add(s.cfg.Patience))
	}
}

// maxFlips is how often within a minute a system may seem to go back to an
// earlier epoch; a heartbeat that came late does it twice.
const maxFlips = 4

// patience raises what lasts too long, and clears what is over (SH3).
func (s *Session) patience(p *peer, m *mirrored) {
	st := s.status(p, m)
	if st.InSync {
		m.outSince = time.Time{}
		s.clear(NeverComplete, m.subject)
		s.clear(BehindLong, m.subject)
		return
	}
	if m.outSince.IsZero() {
		m.outSince = s.now
	}
	if left := m.outSince.Add(s.cfg.Patience); s.now.Before(left) {
		s.due(left)
		return
	}
	if st.Complete {
		s.raise(BehindLong, m.subject, fmt.Sprintf(
			"the mirror of set %s of %s is behind by %d for more than %s: %s", m.set, p.name, st.Behind, s.cfg.Patience, st.Why))
	} else {
		s.raise(NeverComplete, m.subject, fmt.Sprintf(
			"the mirror of set %s of %s was never complete: %s; its phones cannot be served from here", m.set, p.name, st.Why))
	}
}

// status is how a set stands.
func (s *Session) status(p *peer, m *mirrored) SetStatus {
	r := m.replica
	st := SetStatus{Origin: p.name, Set: m.set, Complete: r.Complete(), Records: r.Len(), Pulling: m.pull != nil}
	switch {
	case r.epoch != m.epoch:
		st.Behind = m.version
	case m.version > r.version:
		st.Behind = m.version - r.version
	}
	st.InSync = st.Complete && !s.missing(m)
	switch {
	case st.InSync:
		st.Behind = 0
	case m.failure != "":
		st.Why = m.failure
	case !p.heard || s.now.Sub(p.lastHeard) > s.cfg.SilentAfter:
		st.Why = p.name + " is not heard"
	case m.force:
		st.Why = "its digest is not that of " + p.name
	default:
		st.Why = "changes are being fetched"
	}
	return st
}

// tell reports a set's state where it is another than was told. How far it is
// behind is told at heartbeats only.
func (s *Session) tell(p *peer, m *mirrored, beat bool) {
	st, told := s.status(p, m), m.told
	if st.Complete == told.Complete && st.InSync == told.InSync && told.Set != "" && (!beat || st.Behind == told.Behind) {
		return
	}
	m.told = st
	s.do(StateChanged{st})
}

// compareAll compares with every system that was heard, after a reload.
func (s *Session) compareAll() {
	for _, name := range s.names {
		if p := s.peers[name]; p.heard {
			s.compare(p)
		}
	}
}

// compare checks what a system says of itself against what this one says: media
// and token settings (SE1, SE3), wants of the line between (NE1), the clock.
func (s *Session) compare(p *peer) {
	const skew = 30 * time.Second
	if p.wall > skew || p.wall < -skew {
		s.raise(ClockSkew, p.name, fmt.Sprintf("the clock of %s is %s from ours; set both by NTP", p.name, p.wall.Round(time.Second)))
	} else {
		s.clear(ClockSkew, p.name)
	}
	for _, key := range slices.Sorted(maps.Keys(s.cfg.Compared)) {
		ours := s.cfg.Compared[key]
		theirs, known := p.last.Compared[key]
		if !known || theirs == ours {
			s.clear(SettingsDiffer, p.name+" "+key)
			continue
		}
		s.raise(SettingsDiffer, p.name+" "+key, fmt.Sprintf(
			"%s is %q here and %q at %s; it should be the same on all systems", key, ours, theirs, p.name))
	}
	_, we := s.cfg.Wants[p.name]
	_, they := p.last.Wants[s.cfg.Self]
	switch {
	case we == they:
		s.clear(OneSided, p.name)
	case we:
		s.raise(OneSided, p.name, fmt.Sprintf("we have a line to %s, but it has none to us; configure it at both ends", p.name))
	default:
		s.raise(OneSided, p.name, fmt.Sprintf("%s has a line to us, but ours to it is not configured; configure it at both ends", p.name))
	}
}
