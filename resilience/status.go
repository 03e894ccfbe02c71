package resilience

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// View is the state at now.
func (m *Machine) View(now time.Time) View {
	m.advance(now)
	v := View{Self: m.cfg.Self, At: m.time(m.now), Refused: map[Cause]uint64{}, Overflow: m.overflow}
	busy := map[*home]int{}
	for phone := range m.calls {
		if g := m.guests[phone]; g != nil && g.registered {
			busy[g.home]++
		}
	}
	for _, h := range m.homes {
		hv := m.homeView(h)
		hv.Busy = busy[h]
		v.Homes = append(v.Homes, hv)
	}
	for _, a := range m.alarms {
		v.Alarms = append(v.Alarms, *a)
	}
	slices.SortFunc(v.Alarms, func(a, b Alarm) int {
		return cmp.Or(strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Subject, b.Subject))
	})
	for cause, n := range m.refused {
		if n > 0 {
			v.Refused[Cause(cause)] = n
		}
	}
	for _, f := range m.families {
		v.Families = append(v.Families, FamilyView{Family: f.name, First: f.first, Worked: tally(f.works), Failed: tally(f.fails)})
	}
	slices.SortFunc(v.Families, func(a, b FamilyView) int { return strings.Compare(a.Family, b.Family) })
	return v
}

func tally(n [triggerCount]uint64) map[Trigger]uint64 {
	out := map[Trigger]uint64{}
	for t, n := range n {
		if n > 0 {
			out[Trigger(t)] = n
		}
	}
	return out
}

func (m *Machine) homeView(h *home) HomeView {
	v := HomeView{
		System: h.name, Phase: h.phase, Failback: h.mode, Visible: m.isVisible(h), Heard: h.everReady,
		UnseenFor: m.sinceReady(h), Via: h.via, Epoch: h.epoch, TakenOver: h.taken,
		FailoverDelay: m.servesAt(h) - h.lastReady, MirrorComplete: h.complete, Behind: h.behind,
		Guests: h.count[StateGuest] + h.count[StateChosen] + h.count[StateGoing],
		Chosen: h.count[StateChosen], Going: h.count[StateGoing], Settling: h.count[StateSettling],
		Absent: h.count[StateAbsent] - h.homeless, Homeless: h.homeless, LeftWithoutService: len(h.knocked),
	}
	v.Ready, v.NotReady = m.isReady(h)
	if !v.Visible && !h.taken {
		v.ServeIn = max(0, m.servesAt(h)-m.now)
	}
	if v.Visible && !h.taken && h.present() > 0 {
		v.RehomeIn = max(0, m.stableAt(h)-m.now)
	}
	return v
}

// Guests are all guests, by number.
func (m *Machine) Guests(now time.Time) []GuestView {
	m.advance(now)
	out := make([]GuestView, 0, len(m.guests))
	for _, g := range m.guests {
		out = append(out, m.guestView(g))
	}
	slices.SortFunc(out, func(a, b GuestView) int { return strings.Compare(string(a.Phone), string(b.Phone)) })
	return out
}

// Guest is one guest; false if phone is none.
func (m *Machine) Guest(phone Phone, now time.Time) (GuestView, bool) {
	m.advance(now)
	g := m.guests[phone]
	if g == nil {
		return GuestView{}, false
	}
	return m.guestView(g), true
}

func (m *Machine) guestView(g *guest) GuestView {
	v := GuestView{
		Phone: g.phone, Home: g.home.name, State: g.state, Protocol: g.protocol, Location: g.location,
		Registered: g.registered, Since: m.time(g.since), At: m.time(g.at), Calls: m.calls[g.phone],
		Homeless: g.homeless, Released: g.released, Tries: int(g.attempts), Told: g.told,
		NextTryIn: max(0, min(g.nextTry, m.now+m.cfg.Timers.RetryMax)-m.now),
	}
	if g.family != nil {
		v.Family = g.family.name
	}
	if g.state == StateGoing || g.state == StateSettling {
		v.GraceLeft = max(0, g.graceUntil-m.now)
	}
	return v
}
