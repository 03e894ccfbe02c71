package resilience

import (
	"cmp"
	"slices"
)

// takeOver serves a home at once, by an operator's word (FO4).
func (m *Machine) takeOver(name System) {
	h := m.home(name)
	switch {
	case h == nil:
		m.happened(CommandRefused, name, "", "take over of %s refused: it is not backed up here", name)
	case !h.complete:
		m.happened(CommandRefused, name, "", "take over of %s refused: its mirror is not complete", name)
	case h.taken:
		m.happened(CommandRefused, name, "", "take over of %s refused: it is taken over already", name)
	default:
		h.taken, h.takenAway = true, !h.visible
		m.keepGuests(h)
		m.happened(TakenOver, name, "", "an operator took over %s", name)
	}
}

func (m *Machine) endTakeOver(h *home, why string) {
	h.taken, h.takenAway = false, false
	m.happened(TakeOverEnded, h.name, "", "the take over of %s ended: %s", h.name, why)
}

// release lets guests go home now (FB8).
func (m *Machine) release(e Release) {
	ended := false
	if h := m.home(e.Home); h != nil && h.taken && e.Phone == "" && e.Location == "" {
		m.endTakeOver(h, "an operator released it")
		ended = true
	}
	released, blocked := map[*home]int{}, map[*home]int{}
	matching := m.matching(e)
	for _, g := range matching {
		switch {
		case g.homeless:
			m.forget(g, "an operator released it")
		case !g.home.takesBack():
			blocked[g.home]++
		case g.state == StateGuest:
			g.released, g.nextTry = true, m.now
			m.place(g)
			released[g.home]++
		}
	}
	for _, h := range m.homes {
		if n := released[h]; n > 0 {
			m.happened(Released, h.name, "", "an operator released %s of %s", count(n, "guest"), h.name)
		}
		if n := blocked[h]; n > 0 {
			m.happened(CommandRefused, h.name, "", "%s of %s not released: %s", count(n, "guest"), h.name, m.whyNotBack(h))
		}
	}
	if len(matching) == 0 && !ended {
		m.happened(CommandRefused, e.Home, e.Phone, "nothing released: no guest matches")
	}
}

func (m *Machine) whyNotBack(h *home) string {
	if h.taken {
		return "it is taken over; release the whole of it to end that"
	}
	return "it is not visible"
}

// matching are the guests that a Release means, in the order of their admission.
func (m *Machine) matching(e Release) []*guest {
	var found []*guest
	for _, g := range m.guests {
		if (e.Home == "" || e.Home == g.home.name) && (e.Phone == "" || e.Phone == g.phone) &&
			(e.Location == "" || e.Location == g.location) {
			found = append(found, g)
		}
	}
	slices.SortFunc(found, func(a, b *guest) int { return cmp.Compare(a.seq, b.seq) })
	return found
}

// reconfigure takes a new configuration. Timers that run are counted by the new lengths;
// a grace that was promised keeps its end.
func (m *Machine) reconfigure(c Config) {
	err := c.Validate()
	if err != nil || c.Self != m.cfg.Self {
		m.happened(CommandRefused, "", "", "new configuration refused: %v (this system is %s)", err, m.cfg.Self)
		return
	}
	bugs := m.cfg.bugs
	m.cfg = resolved(c)
	m.cfg.bugs = bugs
	var homes []*home
	for _, hc := range m.cfg.Homes {
		h := m.home(hc.System)
		if h == nil {
			h = newHome(hc, m.now)
		}
		h.mode = hc.Failback
		homes = append(homes, h)
	}
	for _, h := range m.homes {
		if !slices.Contains(homes, h) {
			m.dropHome(h)
		}
	}
	m.homes = homes
	m.sortHomes()
	for _, g := range m.guests {
		m.place(g)
	}
}

// dropHome: it is not backed up here any more.
func (m *Machine) dropHome(h *home) {
	why := "phones of " + string(h.name) + " are not backed up here any more"
	for _, g := range m.matching(Release{Home: h.name}) {
		m.endGuest(g, why)
		m.forget(g, why)
	}
	m.observePresence(h)
	m.clear(AlarmMirror, string(h.name), why)
	m.clear(AlarmCold, string(h.name), why)
}
