package resilience

import (
	"math"
	"time"
)

// nextToMove is the guest whose turn it is, or will be, to be sent home, nil if none may be.
func (m *Machine) nextToMove(h *home) *guest {
	if !h.takesBack() {
		return nil
	}
	var auto *guest
	if m.now >= m.stableAt(h) {
		auto = h.auto.top()
	}
	released := h.released.top()
	if released != nil && (auto == nil || released.nextTry <= max(auto.nextTry, m.now)) {
		return released
	}
	return auto
}

// moveHome sends the guests home whose turn has come, at a paced rate (FB3).
func (m *Machine) moveHome(h *home) {
	for m.now >= h.paceAt {
		g := m.nextToMove(h)
		if g == nil || g.nextTry > m.now {
			return
		}
		jitter := time.Duration(float64(m.cfg.Timers.PaceInterval) * m.cfg.Limits.PaceJitter)
		h.paceAt = m.now + m.uniform(m.cfg.Timers.PaceInterval-jitter, m.cfg.Timers.PaceInterval+jitter)
		m.choose(g)
	}
}

// choose begins a try: the first trigger of the ladder is used now, or, if it answers a
// refresh, at the next one.
func (m *Machine) choose(g *guest) {
	g.tried, g.returned, g.pendingFrom = 0, false, m.now
	g.pending = g.nextRung()
	if g.pending.isActive() {
		m.tell(g, g.pending)
		return
	}
	m.setState(g, StateChosen)
}

// tell: g has been told to go home (the caller has refused its request), or is told now.
// Its grace begins, anew if it was told before (FB5).
func (m *Machine) tell(g *guest, trigger Trigger) {
	g.told, g.pending = trigger, NoTrigger
	g.tried |= 1 << trigger
	g.back, g.returned, g.stopped = false, false, false
	g.graceUntil = m.now + m.cfg.Timers.HomelessGrace
	m.setState(g, StateGoing)
	if trigger.isActive() {
		m.emit(SendHome{Phone: g.phone, Home: g.home.name, Trigger: trigger})
	}
	m.happened(GuestTold, g.home.name, g.phone, "%s was told to go home to %s (%s)", g.phone, g.home.name, trigger)
}

// cameBack: a phone that was told to go home registered here again. If it stays, the next
// trigger of the ladder is used after it has had service for a while.
func (m *Machine) cameBack(g *guest) {
	switch {
	case g.stopped:
		g.back = true
		m.setState(g, StateGuest)
		return
	case g.back:
	case g.returned || m.staysByHand(g):
		g.back, g.pending = true, NoTrigger
	default:
		g.back, g.pending, g.pendingFrom = true, g.nextRung(), m.now+m.cfg.Timers.TriggerWait
	}
	m.place(g)
}

// staysByHand: it is only moved by an operator, or by its own reboot (FB8).
func (m *Machine) staysByHand(g *guest) bool {
	return g.home.mode == Manual && g.protocol == H323 && !g.released
}

// cameFromHome: a phone that its home had registered registered here after all. The newest
// registration wins (FB5).
func (m *Machine) cameFromHome(g *guest) {
	if g.at <= g.homeAt {
		m.endGuest(g, string(g.home.name)+" has a newer registration")
		return
	}
	g.back, g.returned, g.pending = true, true, NoTrigger
	if g.stopped {
		m.setState(g, StateGuest)
		return
	}
	m.setState(g, StateGoing)
}

// triggerResult: a trigger that did not reach the phone has told it nothing: the next one
// is used at once.
func (m *Machine) triggerResult(e TriggerResult) {
	g := m.guests[e.Phone]
	if g == nil || e.Delivered || g.state != StateGoing || g.told != e.Trigger || g.back || g.stopped || g.returned {
		return
	}
	g.family.failed(g.told)
	if !g.registered || !g.home.takesBack() {
		return
	}
	g.back, g.pending, g.pendingFrom = true, g.nextRung(), m.now
	m.place(g)
}

// graceOver: the home has not accepted it in time: it is a guest again (FB5).
func (m *Machine) graceOver(g *guest) {
	var wait time.Duration
	if !g.stopped { // else it was no try, and it keeps its place among those who wait
		g.family.failed(g.told)
		wait = m.retryAfter(int(g.attempts))
		g.attempts = min(g.attempts, math.MaxUint8-1) + 1
		g.nextTry = m.now + wait
	}
	if m.cfg.bugs.noNextTry {
		g.nextTry = never
	}
	g.pending, g.told, g.released, g.stopped = NoTrigger, NoTrigger, false, false
	g.back = true // the promise of the grace is kept
	if g.registered {
		m.setState(g, StateGuest)
		m.happened(GuestAgain, g.home.name, g.phone, "%s was not taken by %s in %s: a guest again, next try in %s",
			g.phone, g.home.name, words(m.cfg.Timers.HomelessGrace), words(wait))
		return
	}
	g.keepUntil = m.now + m.cfg.Timers.ForgetHomeless
	m.setState(g, StateAbsent)
	m.setHomeless(g, true, string(g.phone)+" is registered neither at "+string(g.home.name)+" nor here since it was told to go home; here it will be accepted")
}

// retryAfter is how long to wait after so many failed tries and one more (FB5).
func (m *Machine) retryAfter(failed int) time.Duration {
	wait := m.cfg.Timers.RetryFirst
	for range failed {
		if wait >= m.cfg.Timers.RetryMax {
			break
		}
		wait *= 2
	}
	return min(wait, m.cfg.Timers.RetryMax)
}

// keepGuests: no more triggers. Guests that are registered here stay; those on their way
// keep their grace (FB7).
func (m *Machine) keepGuests(h *home) {
	for _, g := range m.guests {
		if g.home != h {
			continue
		}
		g.stopped = m.now < g.graceUntil
		if g.state == StateGuest && !g.released {
			continue // it stays where it is, also in the queue
		}
		g.pending, g.released = NoTrigger, false
		if g.state == StateChosen || g.state == StateGoing && g.registered {
			m.setState(g, StateGuest)
		} else {
			m.place(g)
		}
	}
}

// homeHas: the home has registered the phone. If that is the newest registration, the
// entry here goes at once (FB6, FB10).
func (m *Machine) homeHas(e HomeHas) {
	m.evidence.drop(e.Phone)
	g := m.guests[e.Phone]
	at := min(m.instant(e.At), m.now)
	if g == nil || g.home.name != e.Home || at < g.at {
		return
	}
	g.homeAt = max(g.homeAt, at)
	if g.state == StateSettling {
		return
	}
	if m.cfg.bugs.keepsGuest {
		return
	}
	if g.state == StateGoing && !g.returned {
		g.family.worked(g.told)
	}
	m.happened(GuestHome, g.home.name, g.phone, "%s is home at %s", g.phone, g.home.name)
	m.endGuest(g, string(g.home.name)+" has registered it")
	m.setHomeless(g, false, string(g.phone)+" is registered at "+string(g.home.name))
	if m.now < g.graceUntil {
		m.setState(g, StateSettling)
		return
	}
	m.forget(g, "")
}

// homeLacks: the home has lost it again. While it settles, it is on its way once more.
func (m *Machine) homeLacks(e HomeLacks) {
	g := m.guests[e.Phone]
	if g == nil || g.home.name != e.Home || g.state != StateSettling {
		return
	}
	g.returned, g.back, g.pending = true, false, NoTrigger
	m.setState(g, StateGoing)
}

// endGuest removes the registration here, if there is one.
func (m *Machine) endGuest(g *guest, why string) {
	if !g.registered {
		return
	}
	g.registered = false
	m.emit(EndGuest{Phone: g.phone, Home: g.home.name, Why: why})
}

// guestAt is the home's part of "the newest registration wins": of two at the same
// instant the home's stays.
func (m *Machine) guestAt(e GuestAt) {
	if e.OursAt.IsZero() || !e.At.After(e.OursAt) || m.cfg.bugs.homeKeeps {
		return
	}
	m.emit(DropRegistration{Phone: e.Phone, Why: "it registered at " + string(e.System) + " since"})
}
