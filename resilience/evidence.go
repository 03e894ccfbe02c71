package resilience

import "time"

// evidenceBook is what homes said about phones that knock though their home is visible
// (FO6). It keeps two generations, so that it is bounded and forgets by itself.
type evidenceBook struct {
	young, old map[Phone]*hearing
	turnedAt   instant
}

type hearing struct {
	home     System
	askedAt  instant
	answered bool
	at       instant // when the answer came
	age      time.Duration
}

func (b *evidenceBook) turn(now instant, every time.Duration) {
	if now >= b.turnedAt+every {
		if now >= b.turnedAt+2*every {
			b.young = nil
		}
		b.old, b.young, b.turnedAt = b.young, nil, now
	}
}

func (b *evidenceBook) get(phone Phone) *hearing {
	if e := b.young[phone]; e != nil {
		return e
	}
	return b.old[phone]
}

func (b *evidenceBook) put(phone Phone, e *hearing) {
	if b.young == nil {
		b.young = map[Phone]*hearing{}
	}
	b.young[phone] = e
}

func (b *evidenceBook) drop(phone Phone) {
	delete(b.young, phone)
	delete(b.old, phone)
}

// answered notes the home's answer; one that was not asked for is ignored.
func (b *evidenceBook) answered(e Evidence, now instant) {
	if known := b.get(e.Phone); known != nil && known.home == e.Home {
		known.answered, known.at, known.age = true, now, max(e.Age, 0)
	}
}

// unheardAtHome: the home, though visible, has not heard of the phone for the failover
// delay, by its own word (FO6). The question is asked as the phone knocks.
func (m *Machine) unheardAtHome(e PhoneAsks, h *home) bool {
	if !m.cfg.PhoneEvidence || !e.Known || !h.complete {
		return false
	}
	believed := m.cfg.Timers.EvidenceFor
	b := &m.evidence
	b.turn(m.now, believed)
	known := b.get(e.Phone)
	if known != nil && m.now < known.askedAt+believed/2 {
		return known.saysUnheard(m, believed)
	}
	switch {
	case known != nil:
		known.askedAt = m.now
		b.drop(e.Phone)
		b.put(e.Phone, known)
	case len(b.young) >= m.cfg.Limits.MaxEvidence:
		m.overflow++
		return false
	default:
		known = &hearing{home: h.name, askedAt: m.now}
		b.put(e.Phone, known)
	}
	unheard := known.saysUnheard(m, believed)
	m.emit(AskEvidence{Phone: e.Phone, Home: h.name})
	return unheard
}

func (e *hearing) saysUnheard(m *Machine, believed time.Duration) bool {
	return e.answered && m.now < e.at+believed && e.age >= m.cfg.Delay()
}
