package resilience

// mirrorState notes how well a home is mirrored.
func (m *Machine) mirrorState(e MirrorState) {
	h := m.home(e.Home)
	if h == nil {
		return
	}
	h.complete, h.behind = e.Complete, max(e.Behind, 0)
	lagging := !h.complete || h.behind > 0
	if lagging && !h.lagging {
		h.lagSince = m.now
	}
	h.lagging = lagging
}

// isReady: the backup could serve this home; why says why not (SH3).
func (m *Machine) isReady(h *home) (ready bool, why string) {
	late := m.now >= h.lagSince+m.cfg.Timers.MirrorBehind
	switch {
	case !h.complete:
		return false, "its mirror is not complete"
	case h.lagging && late:
		return false, "its mirror is behind by " + count(h.behind, "change") + " for " + words(m.now-h.lagSince)
	}
	return true, ""
}

// observeMirror raises and clears the alarms about the mirror (SH3, GU3).
func (m *Machine) observeMirror(h *home) {
	subject := string(h.name)
	_, up := m.alarms[alarmKey{AlarmMirror, subject}]
	switch ready, why := m.isReady(h); {
	case ready == !up: // as it was: each event comes by here
	case ready:
		m.clear(AlarmMirror, subject, "the mirror of "+subject+" is in sync")
	case m.now >= h.lagSince+m.cfg.Timers.MirrorBehind:
		m.raise(AlarmMirror, subject, Major, "not ready to serve "+subject+": "+why)
	}
	m.observeKnocks(h)
}

// observeKnocks raises the alarm that phones are left without service, once the home is
// known to be away and not just unheard since our start a moment ago, and ends it (GU3).
func (m *Machine) observeKnocks(h *home) {
	subject := string(h.name)
	switch {
	case len(h.knocked) == 0:
		return
	case !h.complete && !h.visible:
		if m.now >= h.lastReady+m.cfg.Timers.VisibleFor {
			m.raise(AlarmCold, subject, Critical, "phones of "+subject+
				" are left without service: it is away, and since our start its mirror was never complete")
		}
		return
	}
	if _, up := m.alarms[alarmKey{AlarmCold, subject}]; up {
		why := subject + " is visible again"
		if h.complete {
			why = "the mirror of " + subject + " is complete"
		}
		m.clear(AlarmCold, subject, why)
		m.happened(ServiceMissed, h.name, "", "%s left without service while %s was away and not mirrored here; %s",
			count(len(h.knocked), "phone"), subject, why)
	}
	h.knocked = nil
}

// knock counts a phone that is left without service: its home is away, and there is no
// complete mirror to prove it against (GU3). Without a directory nobody knows whose phone
// it is; it then counts for each home that it may belong to.
func (m *Machine) knock(h *home, phone Phone) {
	if h.complete || h.visible {
		return
	}
	if _, known := h.knocked[phone]; known {
		return
	}
	if len(h.knocked) >= m.cfg.Limits.MaxKnockers {
		m.overflow++
		return
	}
	if h.knocked == nil {
		h.knocked = map[Phone]struct{}{}
	}
	h.knocked[phone] = struct{}{}
}
