package resilience

import "time"

// home is one system that is backed up here.
type home struct {
	name System
	mode Failback

	since     instant // when we began to watch it
	heardAt   instant // when the newest heartbeat was heard by whoever heard it
	heard     bool    // any heartbeat at all
	ready     bool    // what the newest one said
	lastReady instant // when the newest ready one was heard; at least since
	everReady bool
	via       System
	epoch     uint64
	upSince   instant // by its own account

	visible        bool // as last observed
	visibleSince   instant
	announcedUntil instant // FO4
	announcedEpoch uint64

	taken     bool // FO4: an operator took over
	takenAway bool // and the home has been away since

	complete bool // the mirror
	behind   int
	lagging  bool // never complete, or behind
	lagSince instant

	phase    Phase
	occupied bool            // it has guests here, as last observed
	count    [stateCount]int // guests by state
	homeless int             // of the absent

	auto     queue // guests that go home by themselves, once it is stable
	released queue // guests that an operator released
	paceAt   instant
	knocked  map[Phone]struct{} // GU3, while COLD
}

func newHome(h Home, now instant) *home {
	return &home{
		name: h.System, mode: h.Failback, since: now, lastReady: now, lagging: true, lagSince: now,
		auto: queue{slot: slotMove}, released: queue{slot: slotMove},
	}
}

// present is how many guests the home has here, those included whose place is kept
// because their flow closed a moment ago.
func (h *home) present() int {
	return h.count[StateGuest] + h.count[StateChosen] + h.count[StateGoing] + h.count[StateAbsent] - h.homeless
}

// isVisible: the newest heartbeat said "ready" and is not too old.
func (m *Machine) isVisible(h *home) bool {
	return h.heard && h.ready && m.now < h.heardAt+m.cfg.Timers.VisibleFor
}

// countEnds is when the failover delay has passed without a break (FO2, FO3).
func (m *Machine) countEnds(h *home) instant { return h.lastReady + m.cfg.Delay() }

// servesAt is when the home's phones are admitted if it is not heard before (FO2, FO4).
func (m *Machine) servesAt(h *home) instant { return max(m.countEnds(h), h.announcedUntil) }

// isServing: phones of the home that are no guests yet are admitted.
func (m *Machine) isServing(h *home) bool {
	if !h.complete && !m.cfg.bugs.noMirrorNeeded {
		return false
	}
	if h.taken {
		return true
	}
	return !h.visible && (m.now >= m.servesAt(h) || m.cfg.bugs.earlyTakeover)
}

// stableAt is when the home, being visible, has been so and up for the failback delay (FB1).
func (m *Machine) stableAt(h *home) instant {
	return max(h.visibleSince, h.upSince) + m.cfg.Timers.FailbackDelay
}

// takesBack: guests may be told to go home.
func (h *home) takesBack() bool { return h.visible && !h.taken }

func (m *Machine) phaseOf(h *home) Phase {
	switch {
	case m.isServing(h):
		return Serving
	case !h.complete:
		return Cold
	case !h.visible:
		return Suspect
	case h.present() == 0:
		return Synced
	case m.now >= m.stableAt(h):
		return Rehoming
	default:
		return Recovering
	}
}

// observe notes what the time, or the event just handled, has changed about the home.
func (m *Machine) observe(h *home) {
	switch visible := m.isVisible(h); {
	case visible && !h.visible:
		h.visible, h.visibleSince = true, m.now
	case !visible && h.visible:
		m.lost(h)
	}
	if h.taken {
		h.takenAway = h.takenAway || !h.visible && m.now >= m.countEnds(h)
		if h.takenAway && h.visible {
			m.endTakeOver(h, "it has been away and is back")
		}
	}
	m.observeMirror(h)
	m.observePresence(h)
	if phase := m.phaseOf(h); phase != h.phase {
		h.phase = phase
		m.happened(PhaseChanged, h.name, "", "%s: %s", phase, m.phaseWords(h))
	}
}

// observePresence raises and clears the alarm "failover" (FO7) when the home's first guest
// has come or its last one has gone.
func (m *Machine) observePresence(h *home) {
	occupied := h.present() > 0
	if occupied == h.occupied {
		return
	}
	h.occupied = occupied
	if !occupied {
		m.clear(AlarmFailover, string(h.name), string(h.name)+" has no guests here any more")
		m.happened(FailoverEnded, h.name, "", "failover of %s is over: no guests here any more", h.name)
		return
	}
	why := "it was not seen for " + words(m.sinceReady(h))
	switch {
	case h.taken:
		why = "an operator took over"
	case h.visible:
		why = "it is visible, but a phone of it is here"
	}
	m.raise(AlarmFailover, string(h.name), Major, "phones of "+string(h.name)+" are guests here: "+why)
	m.happened(FailoverBegan, h.name, "", "failover of %s began: %s", h.name, why)
}

// lost: the home is not visible any more, or has restarted unseen. The guests that remain
// stay; those on their way may come back at once (FB7).
func (m *Machine) lost(h *home) {
	h.visible = false
	m.keepGuests(h)
}

// heartbeat notes when the home was last alive.
func (m *Machine) heartbeat(e HeartbeatHeard) {
	h := m.home(e.System)
	if h == nil {
		return
	}
	at := m.now - max(e.Age, 0)
	if m.cfg.bugs.hungIsVisible {
		e.Ready = true
	}
	if e.Ready {
		if !(m.cfg.bugs.sumsLosses && h.phase == Suspect) {
			h.lastReady = max(h.lastReady, at)
		}
		h.everReady = true
	}
	if h.heard && at < h.heardAt {
		return // a third system's older hearing
	}
	if h.heard && e.Epoch != h.epoch {
		m.restarted(h)
	}
	h.heard, h.heardAt, h.ready, h.via, h.epoch = true, at, e.Ready, e.Via, e.Epoch
	h.upSince = at - max(e.UpFor, 0)
	if e.Ready && h.epoch != h.announcedEpoch {
		h.announcedUntil = 0
	}
}

// restarted: a restart, however quick, breaks the failback's count (FB7).
func (m *Machine) restarted(h *home) {
	if h.visible {
		m.lost(h)
	}
	h.takenAway = h.taken
}

// leaving notes an announced restart, unless its phones are served already (FO4).
func (m *Machine) leaving(e Leaving) {
	h := m.home(e.System)
	if h == nil || e.BackWithin <= 0 || m.isServing(h) {
		return
	}
	within := min(e.BackWithin, m.cfg.Timers.AnnounceMax)
	// Each heartbeat until the restart says it again: that is no news.
	news := h.announcedEpoch != h.epoch || (m.now+within-h.announcedUntil).Abs() > m.cfg.Timers.VisibleFor
	h.announcedUntil, h.announcedEpoch = m.now+within, h.epoch
	if !news {
		return
	}
	m.happened(Announced, h.name, "", "%s announced a restart: back within %s", h.name, words(within))
}

// homeDue is when something about the home has to be done next.
func (m *Machine) homeDue(h *home) instant {
	next := never
	if h.visible {
		next = h.heardAt + m.cfg.Timers.VisibleFor
		if at := m.stableAt(h); h.present() > 0 && at > m.now {
			next = min(next, at)
		}
	} else {
		for _, at := range []instant{h.lastReady + m.cfg.Timers.VisibleFor, m.countEnds(h), m.servesAt(h)} {
			if at > m.now {
				next = min(next, at)
			}
		}
	}
	if at := h.lagSince + m.cfg.Timers.MirrorBehind; h.lagging && at > m.now {
		next = min(next, at)
	}
	if g := m.nextToMove(h); g != nil {
		next = min(next, max(h.paceAt, g.nextTry))
	}
	return next
}

// sinceReady is how long the home has not been seen.
func (m *Machine) sinceReady(h *home) time.Duration { return m.now - h.lastReady }
