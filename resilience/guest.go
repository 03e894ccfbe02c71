package resilience

// guest is a phone of a home that registered here, until it is settled at home.
type guest struct {
	phone    Phone
	home     *home
	agent    string
	family   *family // nil if its user agent is unknown, or there are too many
	location string
	seq      uint64 // the order of admission

	since   instant // guest since
	at      instant // newest successful registration here
	homeAt  instant // newest one at home, while settling
	due     instant // for the timer queue
	nextTry instant // not sent home before
	// graceUntil is when the grace of the last telling ends. It stays when the home is lost
	// and the guest therefore stays, since the promise of FB5 was given.
	graceUntil  instant
	pendingFrom instant // pending is not used before
	keepUntil   instant // absent: its place is given up

	pos      [slotCount]int32 // index in its queues
	state    GuestState
	protocol Protocol
	told     Trigger // the last that was used
	pending  Trigger // the next, once it has come back and been served for a while
	tried    uint8   // set of triggers used in this try
	attempts uint8   // tries that failed

	registered bool // here, now
	back       bool // not told yet, or registered here again since
	returned   bool // came back though its home had it: no more triggers in this grace
	stopped    bool // the home was lost since it was told: the try is over, the grace is not
	released   bool // by an operator
	homeless   bool // on neither system

	subscribed, stream, follows bool
}

const stateCount = int(StateAbsent) + 1

// setState moves g to a state, its queues and the home's counts with it.
func (m *Machine) setState(g *guest, s GuestState) {
	g.home.count[g.state]--
	g.state = s
	g.home.count[s]++
	m.place(g)
}

// setHomeless marks g as being on neither system, or not any more; why says so in words.
func (m *Machine) setHomeless(g *guest, homeless bool, why string) {
	if g.homeless == homeless {
		return
	}
	g.homeless = homeless
	if homeless {
		g.home.homeless++
		m.raise(AlarmHomeless, string(g.phone), Major, why)
	} else {
		g.home.homeless--
		m.clear(AlarmHomeless, string(g.phone), why)
	}
}

// place puts g into the queues where its state wants it.
func (m *Machine) place(g *guest) {
	h := g.home
	waits := g.state == StateGuest && g.registered && !m.isBusy(g)
	byItself := !(h.mode == Manual && g.protocol == H323) // FB8, FB9
	// A guest is in one of the two at most, and keeps one index for both: out first.
	if !waits || g.released || !byItself {
		h.auto.remove(g)
	}
	if !waits || !g.released {
		h.released.remove(g)
	}
	switch {
	case waits && g.released:
		h.released.put(g)
	case waits && byItself:
		h.auto.put(g)
	}
	switch g.due = m.guestNext(g); g.due {
	case never:
		m.timers.remove(g)
	default:
		m.timers.put(g)
	}
}

// guestNext is when something about g has to be done by itself.
func (m *Machine) guestNext(g *guest) instant {
	switch g.state {
	case StateGoing:
		if m.cfg.bugs.noGraceEnd {
			return never
		}
		if g.pending.isActive() && g.back && !m.isBusy(g) {
			return min(g.graceUntil, g.pendingFrom)
		}
		return g.graceUntil
	case StateSettling:
		return g.graceUntil
	case StateAbsent:
		return g.keepUntil
	default:
		return never
	}
}

// guestDue: a time of g has come.
func (m *Machine) guestDue(g *guest) {
	switch {
	case g.state == StateAbsent:
		m.forget(g, "its place was kept for "+words(m.now-g.at)+" in vain")
	case m.now < g.graceUntil:
		m.tell(g, g.pending)
	case g.state == StateSettling:
		m.forget(g, "")
	default:
		m.graceOver(g)
	}
}

// refreshed is the hot path of registered: a guest's refresh that changes nothing else.
func (m *Machine) refreshed(e PhoneRegistered) bool {
	g := m.guests[e.Phone]
	if g == nil || g.state != StateGuest || !g.registered || g.home.name != e.Home {
		return false
	}
	m.describe(g, e)
	g.back = true
	return true
}

// describe notes what the registration looks like now.
func (m *Machine) describe(g *guest, e PhoneRegistered) {
	g.at = max(g.at, min(m.instant(e.At), m.now))
	g.location, g.subscribed, g.stream, g.follows = e.Location, e.Subscribed, e.Stream, e.FollowsRedirect
	if g.protocol != e.Protocol {
		g.protocol = e.Protocol
		m.place(g)
	}
	if g.agent != e.Agent {
		g.agent, g.family = e.Agent, m.familyOf(e.Agent)
	}
}

// registered: a phone was registered here, a first time or again.
func (m *Machine) registered(e PhoneRegistered) {
	g := m.guests[e.Phone]
	if e.Home == m.cfg.Self {
		if g != nil {
			m.forget(g, "its home is here")
		}
		return
	}
	h := m.home(e.Home)
	if h == nil {
		m.emit(EndGuest{Phone: e.Phone, Home: e.Home, Why: "phones of " + string(e.Home) + " are not backed up here"})
		return
	}
	if g != nil && g.home != h {
		m.forget(g, "its home is "+string(h.name)+" now")
		g = nil
	}
	if g == nil {
		m.newGuest(h, e)
		return
	}
	m.describe(g, e)
	g.registered = true
	switch g.state {
	case StateSettling:
		m.cameFromHome(g)
	case StateGoing:
		m.cameBack(g)
	case StateAbsent:
		g.back = true
		m.setHomeless(g, false, string(g.phone)+" is registered here again")
		m.setState(g, StateGuest)
	default:
		g.back = true
		m.place(g)
	}
}

func (m *Machine) newGuest(h *home, e PhoneRegistered) {
	m.seq++
	g := &guest{phone: e.Phone, home: h, seq: m.seq, since: m.now, at: min(m.instant(e.At), m.now), protocol: e.Protocol,
		registered: true, back: true, pos: [slotCount]int32{-1, -1}}
	g.nextTry = m.now // who has waited longest is the first to go home, tried before or not
	if h.takesBack() {
		// Admitted though its home is visible (FO6): it has the time of FB1 for itself.
		g.nextTry = m.now + m.cfg.Timers.FailbackDelay
	}
	m.guests[e.Phone] = g
	h.count[StateGuest]++
	m.describe(g, e)
	m.place(g)
	m.happened(GuestAdmitted, h.name, e.Phone, "%s of %s is a guest here", e.Phone, h.name)
}

// gone: its registration here ended.
func (m *Machine) gone(e PhoneGone) {
	g := m.guests[e.Phone]
	if g == nil || !g.registered {
		return
	}
	if m.cfg.bugs.forgetsOnFlowClose && e.Cause == FlowClosed && g.state == StateGoing {
		m.forget(g, "")
		return
	}
	g.registered = false
	switch {
	case m.now < g.graceUntil:
		// It may be on its way, or come back: then it is accepted first (FB5).
		g.back, g.pending = false, NoTrigger
		m.setState(g, StateGoing)
	case e.Cause == FlowClosed:
		// It will connect again, and was not told to go home: its place is kept for one refresh.
		g.keepUntil = m.now + m.cfg.Timers.GuestExpiresMax
		m.setState(g, StateAbsent)
	default:
		m.forget(g, "its registration here ended ("+e.Cause.String()+")")
	}
}

// forget removes g; why goes into the history unless it is empty.
func (m *Machine) forget(g *guest, why string) {
	h := g.home
	if why != "" {
		m.happened(GuestLeft, h.name, g.phone, "%s of %s is no guest any more: %s", g.phone, h.name, why)
	}
	m.setHomeless(g, false, string(g.phone)+": "+why)
	h.auto.remove(g)
	h.released.remove(g)
	m.timers.remove(g)
	delete(m.guests, g.phone)
	h.count[g.state]--
	if len(m.guests) <= m.cfg.Limits.MaxGuests-max(1, m.cfg.Limits.MaxGuests/10) {
		m.clear(AlarmCapacity, string(m.cfg.Self), "there is room for guests again")
	}
}

func (m *Machine) isBusy(g *guest) bool { return m.calls[g.phone] > 0 && !m.cfg.bugs.movesBusy }

func (m *Machine) callBegan(phone Phone) {
	m.calls[phone]++
	if g := m.guests[phone]; g != nil {
		m.place(g)
	}
}

func (m *Machine) callEnded(phone Phone) {
	switch n := m.calls[phone]; {
	case n > 1:
		m.calls[phone] = n - 1
		return
	case n == 1:
		delete(m.calls, phone)
	}
	if g := m.guests[phone]; g != nil {
		m.place(g)
	}
}
