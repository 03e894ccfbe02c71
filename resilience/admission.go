package resilience

import "time"

const causeCount = int(UnknownPhone) + 1

// Refresh is the hot path of Step(PhoneAsks{Proven: true}): if phone is a guest about
// which there is nothing to decide, it returns the admission, and true. Otherwise, Step.
func (m *Machine) Refresh(id uint64, phone Phone, now time.Time) (Admit, bool) {
	g := m.guests[phone]
	if g == nil || g.state != StateGuest || !g.registered {
		return Admit{}, false
	}
	m.advance(now)
	return m.admission(id, phone), true
}

func (m *Machine) admission(id uint64, phone Phone) Admit {
	t := &m.cfg.Timers
	as := AsGuest
	if m.cfg.bugs.licensesGuests {
		as = AsOwn
	}
	return Admit{ID: id, Phone: phone, As: as, MinExpires: t.GuestExpiresMin, MaxExpires: t.GuestExpiresMax,
		Expires: m.uniform(t.GuestExpiresMin, t.GuestExpiresMax)}
}

// ask decides about one request.
func (m *Machine) ask(e PhoneAsks) {
	g := m.guests[e.Phone]
	switch {
	case e.Kind == AskPoll:
		m.emit(Acknowledge{ID: e.ID, Phone: e.Phone})
	case e.Home == m.cfg.Self: // FO5: our own, whatever anybody's mirror says
		switch {
		case !e.Proven:
			m.emit(Challenge{ID: e.ID, Phone: e.Phone})
		case e.Kind == AskUnregister:
			m.emit(Acknowledge{ID: e.ID, Phone: e.Phone})
		default:
			m.emit(Admit{ID: e.ID, Phone: e.Phone, As: AsOwn})
		}
	case e.Kind == AskUnregister:
		if g != nil && g.registered && !e.Proven {
			m.emit(Challenge{ID: e.ID, Phone: e.Phone})
			return
		}
		m.emit(Acknowledge{ID: e.ID, Phone: e.Phone})
	case g != nil && g.home.name == e.Home:
		m.askGuest(e, g)
	default:
		m.askNewcomer(e)
	}
}

// askGuest decides about a phone that has a place here. It is accepted in every state,
// save for the one refusal that tells it to go home.
func (m *Machine) askGuest(e PhoneAsks, g *guest) {
	switch {
	case !e.Known: // the home has deleted it: there is nothing to prove it against
		m.refuse(e, NotMirrored, NoTrigger)
	case !e.Proven:
		m.emit(Challenge{ID: e.ID, Phone: e.Phone})
	case m.refusalTells(e, g):
		trigger := g.pending
		m.refuse(e, GoHome, trigger)
		m.tell(g, trigger)
	default:
		m.emit(m.admission(e.ID, e.Phone))
	}
}

// refusalTells: this request of g is to be refused so that it goes home.
func (m *Machine) refusalTells(e PhoneAsks, g *guest) bool {
	if m.cfg.bugs.refusesInGrace && g.state == StateGoing && g.home.visible {
		g.pending = TriggerRefuse
		return true
	}
	if !g.home.takesBack() || m.isBusy(g) {
		return false
	}
	if m.rebooted(e, g) {
		g.pending = TriggerRRJ
		return true
	}
	ready := g.state == StateChosen || g.state == StateGoing
	return ready && g.back && g.pending.isPassive() && m.now >= g.pendingFrom
}

// rebooted: an H.323 guest under manual failback starts anew: it may go home now (FB8).
func (m *Machine) rebooted(e PhoneAsks, g *guest) bool {
	starts := e.Kind == AskDiscover || e.Kind == AskRegister
	return starts && e.Protocol == H323 && g.protocol == H323 && g.home.mode == Manual && g.state == StateGuest
}

// askNewcomer decides about a phone that has no place here.
func (m *Machine) askNewcomer(e PhoneAsks) {
	h := m.home(e.Home)
	switch {
	case e.Home == "":
		m.askUnknown(e)
	case h == nil:
		m.refuse(e, NotBackedUp, NoTrigger)
	case h.visible && !h.taken && !m.unheardAtHome(e, h):
		m.refuse(e, HomeVisible, NoTrigger)
	case !h.complete && !m.cfg.bugs.noMirrorNeeded:
		m.knock(h, e.Phone)
		m.refuse(e, NoMirror, NoTrigger)
	case !m.isServing(h) && !h.visible:
		m.refuse(e, DelayRunning, NoTrigger)
	case !e.Known:
		m.refuse(e, NotMirrored, NoTrigger)
	case len(m.guests) >= m.cfg.Limits.MaxGuests:
		m.raise(AlarmCapacity, string(m.cfg.Self), Critical, "guests are refused: there is room for "+
			count(m.cfg.Limits.MaxGuests, "guest")+" here")
		m.refuse(e, AtCapacity, NoTrigger)
	case !e.Proven:
		m.emit(Challenge{ID: e.ID, Phone: e.Phone})
	default:
		m.emit(m.admission(e.ID, e.Phone))
	}
}

// askUnknown decides about a number that no directory has. As long as a mirror is missing
// it may be one of that home's.
func (m *Machine) askUnknown(e PhoneAsks) {
	cause := UnknownPhone
	for _, h := range m.homes {
		if !h.complete {
			cause = NoMirror
			m.knock(h, e.Phone)
		}
	}
	m.refuse(e, cause, NoTrigger)
}

func (m *Machine) refuse(e PhoneAsks, cause Cause, trigger Trigger) {
	m.refused[cause]++
	m.emit(Refuse{ID: e.ID, Phone: e.Phone, Home: e.Home, Cause: cause, Trigger: trigger})
}
