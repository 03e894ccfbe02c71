package resilience

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// A state is a world written down: pack writes it, unpack makes a world of it again. The
// walk knows states only; a world is made for the moment in which something happens to it.
//
// Two worlds are one state if they answer the same actions, now and ever after, in the same
// way. What cannot be read before it is set anew is therefore given one value (forget…
// below), each with its reason; nothing else is left out:
//
//   - all times are told from now, and where only "over" is asked, what is over is over;
//   - histories, counters, texts and the seed (no jitter, no spread) decide about nothing;
//   - queues and counts follow from the guests, alarms' contents from what raised them.
//
// TestWalk_StatesAreExact holds it to that: worlds of any age and history do what the worlds do
// that their states are unpacked to.

const (
	packedTick = 100 // the tick at which a world is unpacked
	sizeMax    = 64
)

// pack writes the world down into b, of sizeMax at least. What has no influence any more is
// forgotten in w too.
func (w *world) pack(b []byte) []byte {
	w.forgetPast()
	c := codec{buf: b}
	w.code(&c)
	return b[:c.at]
}

// unpack makes w the world that was written down. w is any world of as many phones.
func (w *world) unpack(state []byte) {
	m := w.paris
	w.tick, w.bad, w.alarms = packedTick, "", w.alarms[:0]
	m.start, m.now, m.seq, m.out = worldStart, packedTick*time.Second, 0, nil
	w.home.start, w.home.now = m.start, m.now
	clear(m.guests)
	clear(m.calls)
	clear(m.alarms)
	m.timers.items = m.timers.items[:0]
	h := m.homes[0]
	*h = home{
		name: h.name, mode: h.mode,
		auto:     queue{slot: slotMove, items: h.auto.items[:0]},
		released: queue{slot: slotMove, items: h.released.items[:0]},
	}
	c := codec{buf: state, reads: true}
	w.code(&c)
	if c.at != len(state) {
		panic(fmt.Sprintf("a state of %d octets, %d were read", len(state), c.at))
	}
	for _, g := range m.guests {
		h.count[g.state]++
		if g.homeless {
			h.homeless++
		}
		m.place(g)
	}
}

// forgetPast gives one value to all that has no influence any more.
func (w *world) forgetPast() {
	w.lastSeen = max(w.lastSeen, w.tick-w.times.delay) // checks ask for VisibleFor and the delay
	// The failback delay counts from when it was first seen, which is not before it started.
	w.started = w.tick - w.times.failback
	if w.up == homeDown {
		w.epoch = w.paris.homes[0].epoch // its next start has another in any case
	}
	m := w.paris
	w.forgetHomesPast(m.homes[0])
	for i := range w.phones {
		w.forgetPhonesPast(&w.phones[i])
	}
	m.forgetOrders()
}

func (w *world) forgetHomesPast(h *home) {
	m := w.paris
	t := &m.cfg.Timers
	h.lastReady = max(h.lastReady, m.now-max(m.cfg.Delay(), t.VisibleFor))
	if h.visible {
		// Asked for as the later of both; a restart, which sets the one back, ends visibility.
		h.visibleSince = max(h.visibleSince, h.upSince, m.now-t.FailbackDelay)
	} else {
		// Set as it is visible again, and by its next heartbeat.
		h.visibleSince, h.heardAt, h.ready = m.now, m.now-t.VisibleFor, false
	}
	if !h.visible && (!h.taken || h.takenAway) {
		h.heard, h.epoch = true, w.epoch // another epoch ends visibility, and tells a take over that it was away
	}
	if !w.paceHolds(h) {
		h.paceAt = m.now
	}
	h.lagSince = max(h.lagSince, m.now-t.MirrorBehind)
	if !h.lagging {
		h.lagSince = m.now // set as it lags
	}
}

// paceHolds: a guest may have to wait for the pace. It is at most a tick, which a guest that
// is on its way, or settles, does not end as one that waits.
func (w *world) paceHolds(h *home) bool {
	if w.operator {
		return h.paceAt > w.paris.now
	}
	if h.paceAt <= w.movesFrom() {
		return false
	}
	for _, g := range w.paris.guests {
		if onItsWay := g.state == StateGoing || g.state == StateSettling; (!onItsWay || g.stopped) && g.nextTry < h.paceAt {
			return true
		}
	}
	return false
}

// movesFrom is the earliest time at which a guest may be told to go home.
func (w *world) movesFrom() instant {
	m, h := w.paris, w.paris.homes[0]
	switch {
	case w.operator:
		return m.now
	case h.visible:
		return max(m.now, m.stableAt(h))
	default:
		return m.now + m.cfg.Timers.FailbackDelay
	}
}

func (w *world) forgetPhonesPast(p *worldPhone) {
	p.hereUntil, p.homeUntil, p.graceUntil = max(p.hereUntil, w.tick), max(p.homeUntil, w.tick), max(p.graceUntil, w.tick)
	p.accepted = w.inGrace(p) && w.acceptedHere(p) // only asked for so
	atHome := p.homeUntil > w.tick
	if !atHome {
		p.homeAt = w.tick // set as it registers there
	}
	g := w.paris.guests[p.phone]
	if g == nil {
		return
	}
	switch homeAt := w.instant(p.homeAt); {
	case g.registered:
		// Both registrations' times are kept as long as they last.
	case !atHome:
		g.at = w.paris.now // whatever registers next is as new, or newer
	case g.at <= homeAt:
		g.at = homeAt // which of the two is the newer is all that is asked
	default:
		g.at = homeAt + time.Second
	}
	w.paris.forgetGuestsPast(g)
}

func (m *Machine) forgetGuestsPast(g *guest) {
	g.homeAt = max(g.homeAt, m.now-time.Second) // who registers here registers now: did it there too?
	if g.state != StateSettling {
		g.homeAt = m.now - time.Second // set as it settles
	}
	g.graceUntil = max(g.graceUntil, m.now)
	g.attempts = m.fewestAttempts(g.attempts)
	m.forgetTriggers(g)
	if g.state == StateSettling {
		g.back = false // set as it leaves that state
	}
	g.stopped = g.stopped && g.graceUntil > m.now
	if g.state != StateAbsent {
		g.keepUntil = m.now // set as it is absent
	}
	g.keepUntil = max(g.keepUntil, m.now)
}

// forgetTriggers: what is left of a try that is over, or ends before it could do anything.
func (m *Machine) forgetTriggers(g *guest) {
	switch {
	case g.state == StateGoing && !g.stopped:
		if g.pendingFrom >= g.graceUntil {
			g.pending = NoTrigger // the end of the grace comes first
		}
		if g.told != TriggerNotify || !g.registered || g.back || g.returned {
			g.told = NoTrigger // only of a NOTIFY that has not changed anything yet a failure may be told
		}
		if g.pending == NoTrigger && g.told == NoTrigger && g.graceUntil <= m.now+m.cfg.Timers.TriggerWait {
			g.returned, g.tried = false, 0 // the rest of the grace is too short for another trigger
		}
		if g.returned {
			g.tried = 0 // no more triggers in this grace
		}
	case g.state == StateChosen:
		g.told, g.returned = NoTrigger, false // set as it is told, or chosen
	default:
		// Set as it is chosen, or told, or comes back from home.
		g.told, g.tried, g.pending, g.returned = NoTrigger, 0, NoTrigger, false
	}
	if g.pending == NoTrigger {
		g.pendingFrom = m.now
	}
	g.pendingFrom = max(g.pendingFrom, m.now)
}

// fewestAttempts is the least number of failed tries after which the next one waits as long.
func (m *Machine) fewestAttempts(n uint8) uint8 {
	for n > 0 && m.retryAfter(int(n-1)) == m.retryAfter(int(n)) {
		n--
	}
	return n
}

// forgetOrders: of the guests' order of admission only the order is kept, and of times for
// the next try that are over only whom they let go first: a phone that comes now is admitted
// after all of them, and a try that fails is put off.
func (m *Machine) forgetOrders() {
	guests := make([]*guest, 0, 4)
	for _, g := range m.guests {
		guests = append(guests, g)
	}
	slices.SortFunc(guests, func(a, b *guest) int { return cmp.Compare(a.seq, b.seq) })
	for i, g := range guests {
		g.seq = uint64(i + 1)
	}
	m.seq = uint64(len(guests))
	over := slices.DeleteFunc(guests, func(g *guest) bool { return g.nextTry > m.now })
	slices.SortStableFunc(over, func(a, b *guest) int { return cmp.Compare(a.nextTry, b.nextTry) })
	latest := m.now
	for i, g := range slices.Backward(over) {
		if i+1 < len(over) && g.seq > over[i+1].seq {
			latest -= time.Second
		}
		g.nextTry = latest
	}
}
