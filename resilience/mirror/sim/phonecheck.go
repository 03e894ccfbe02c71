package sim

import (
	"time"

	"roost/resilience"
)

// tell notes that the backup told the phone to go home: its grace begins (FB5).
func (p *phone) tell(by *system) {
	p.told, p.served = p.w.now, false
	if p.calls > 0 {
		p.w.violated("FB2: %s told %s to go home in a call", by.name, p.name)
	}
}

// homeAgain: its home registered it.
func (p *phone) homeAgain() {
	w := p.w
	w.note("home", p.name, 0)
	if w.now < w.calm && w.now-p.told < homelessGrace && w.chance(0.2) {
		// Its home takes it, and then it cannot reach its home (FB5).
		p.cut[p.home] = true
		w.at(min(w.now+w.between(30*time.Second, 90*time.Second), w.calm), func() { p.cut[p.home] = false })
	}
}

// onBoth: where the line between them is good, a phone is not registered at its
// home and at its backup for longer than the mirror needs to say so (FB5, FB6).
func (w *world) onBoth() {
	for _, p := range w.phones {
		home, backup := p.home, p.home.backup()
		both := home.up && backup.up && home.own[p.name] != nil && backup.guests[p.name] != nil
		if !both || !w.good(home, backup, repairTime) || w.rot > 0 {
			p.both = w.now
			continue
		}
		if w.now-p.both > 2*changeTime {
			w.violated("FB6: %s is registered at %s and at %s for %v", p.name, home.name, backup.name, w.now-p.both)
		}
	}
}

// inGrace reports whether the backup, in this life, told it within the grace.
func (p *phone) inGrace(by *system) bool {
	return p.told > by.since && p.w.now-p.told < homelessGrace-time.Second
}

// refused: in the grace it must not be (FB5), unless that is the next telling,
// after it was served again.
func (p *phone) refused(by *system, r resilience.Refuse) {
	w := p.w
	w.note("refused", p.name+" at "+by.name, uint64(r.Cause))
	grace := p.inGrace(by)
	if r.Cause == resilience.GoHome {
		if grace && !p.served {
			w.violated("FB5: %s, told %v ago and not served since, is refused at %s", p.name, w.now-p.told, by.name)
		}
		p.tell(by)
		return
	}
	if grace {
		w.violated("FB5: %s, told %v ago, is refused at %s: %s", p.name, w.now-p.told, by.name, r.Cause)
	}
}

// admitted: not before the delay, not without a complete mirror (FO1, FO2, FO3, GU3).
func (s *system) admitted(p *phone, isGuest bool) {
	w := s.w
	p.served = true
	if isGuest || p.told > s.since && w.now-p.told <= homelessGrace+2*failoverDelay {
		return
	}
	w.result.Admitted++
	w.note("admitted", p.name+" at "+s.name, 0)
	if !s.complete(p.home.name) {
		w.violated("GU3: %s is admitted at %s without a complete mirror of %s", p.name, s.name, p.home.name)
		return
	}
	unheard := w.now - max(s.since, s.heard[p.home.name])
	if unheard < failoverDelay && !s.wasGuest(p) {
		w.violated("FO2: %s is admitted at %s, which heard %s %v ago (up %v)", p.name, s.name, p.home.name, w.now-s.heard[p.home.name], w.now-s.since)
	}
}

// wasGuest: the place of a guest is kept, for a while after its registration here
// ended, and for as long as it was told to go home and the mirror does not show it
// there, which is what homeless means (FB5).
func (s *system) wasGuest(p *phone) bool {
	left, was := s.leftAt[p.name]
	if was && s.w.now-left < 2*homelessGrace {
		return true
	}
	_, _, home := s.session.Replica(p.home.name, "bind/"+s.name).Get(p.name, s.local())
	return was && p.told > s.since && !home
}

// phonesHome: at the end every phone is at home and nowhere else (FB1, FB6).
func (w *world) phonesHome() {
	for _, p := range w.phones {
		if p.home.own[p.name] == nil {
			w.violated("FB1: %s is not registered at its home %s at the end", p.name, p.home.name)
		}
		if b := p.home.backup(); b.guests[p.name] != nil {
			w.violated("FB6: %s is at home and still a guest at %s", p.name, b.name)
		}
	}
}
