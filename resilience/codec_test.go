package resilience

import (
	"fmt"
	"time"
)

// codec writes what it is shown, or reads it: one description of a state for both ways.
type codec struct {
	buf   []byte
	at    int
	reads bool
}

func coded[T ~uint8 | ~int8](c *codec, v *T) {
	if c.reads {
		*v = T(c.buf[c.at])
	} else {
		c.buf[c.at] = byte(*v)
	}
	c.at++
}

// flags are eight at most.
func (c *codec) flags(flags ...*bool) {
	var bits uint8
	for i, f := range flags {
		if *f {
			bits |= 1 << i
		}
	}
	coded(c, &bits)
	for i, f := range flags {
		*f = bits&(1<<i) != 0
	}
}

// blank keeps the place of what is not there: all states are of one size.
func (c *codec) blank(size int) {
	if !c.reads {
		clear(c.buf[c.at : c.at+size])
	}
	c.at += size
}

const (
	codedNow   = 128
	codedNever = 255
)

// relative is whole seconds from now; it fails loudly where it would not come back the same.
func relative(d time.Duration) uint8 {
	s := d / time.Second
	if d%time.Second != 0 || s < -codedNow || s >= codedNever-codedNow {
		panic(fmt.Sprintf("a time of %s from now is not a state's", d))
	}
	return uint8(int(s) + codedNow)
}

func (c *codec) instant(now instant, at *instant) {
	b := uint8(codedNever)
	if !c.reads && *at != never {
		b = relative(*at - now)
	}
	coded(c, &b)
	switch {
	case !c.reads:
	case b == codedNever:
		*at = never
	default:
		*at = now + time.Duration(int(b)-codedNow)*time.Second
	}
}

func (m *Machine) codeInstants(c *codec, instants ...*instant) {
	for _, at := range instants {
		c.instant(m.now, at)
	}
}

func (w *world) codeTicks(c *codec, ticks ...*int) {
	for _, tick := range ticks {
		d := time.Duration(*tick-w.tick) * time.Second
		c.instant(0, &d)
		*tick = w.tick + int(d/time.Second)
	}
}

// code writes, or reads, all that is left of a world when its past is forgotten.
func (w *world) code(c *codec) {
	m, h := w.paris, w.paris.homes[0]
	same := h.epoch == w.epoch // is all that is asked
	c.flags(&w.refusing, &w.line, &w.complete, &same, &h.heard, &h.ready, &h.visible, &h.taken)
	w.epoch, h.epoch = 2, 1
	if same {
		h.epoch = w.epoch
	}
	failover, mirror, cold := m.isUp(AlarmFailover, h), m.isUp(AlarmMirror, h), m.isUp(AlarmCold, h)
	c.flags(&h.takenAway, &h.complete, &h.lagging, &h.occupied, &failover, &mirror, &cold)
	w.setUp(c, AlarmFailover, string(h.name), failover)
	w.setUp(c, AlarmMirror, string(h.name), mirror)
	w.setUp(c, AlarmCold, string(h.name), cold)
	coded(c, &w.up)
	coded(c, &h.phase)
	coded(c, &w.faults)
	w.codeTicks(c, &w.lastSeen)
	m.codeInstants(c, &h.lastReady, &h.heardAt, &h.visibleSince, &h.paceAt, &h.lagSince)
	w.started, h.upSince = w.tick-w.times.failback, h.visibleSince
	for i := range w.phones {
		w.codePhone(c, i)
	}
	if len(m.alarms) != len(w.alarms) {
		panic(fmt.Sprintf("alarms %v are up, and %v", m.alarms, w.alarms))
	}
}

func (m *Machine) isUp(kind AlarmKind, h *home) bool {
	_, up := m.alarms[alarmKey{kind, string(h.name)}]
	return up
}

// setUp raises an alarm that was read.
func (w *world) setUp(c *codec, kind AlarmKind, subject string, up bool) {
	if c.reads && up {
		key := alarmKey{kind, subject}
		w.alarms = append(w.alarms, key)
		w.paris.alarms[key] = &Alarm{Kind: kind, Subject: subject}
	}
}

func (w *world) codePhone(c *codec, i int) {
	m, h, p := w.paris, w.paris.homes[0], &w.phones[i]
	_, knocked := h.knocked[p.phone]
	c.flags(&p.busy, &p.accepted, &knocked)
	w.codeTicks(c, &p.hereUntil, &p.homeUntil, &p.homeAt, &p.graceUntil)
	g := m.guests[p.phone]
	var seq uint8 // 0 for no guest
	switch {
	case c.reads:
		if knocked {
			if h.knocked == nil {
				h.knocked = map[Phone]struct{}{}
			}
			h.knocked[p.phone] = struct{}{}
		}
		if p.busy {
			m.calls[p.phone] = 1
		}
	case p.busy != (m.calls[p.phone] == 1):
		panic(fmt.Sprintf("%s: busy=%t, calls %v", p.phone, p.busy, m.calls))
	case g != nil:
		seq = uint8(g.seq)
	}
	coded(c, &seq)
	if seq == 0 {
		c.blank(guestSize)
		return
	}
	if c.reads {
		g = w.spareGuest(i)
		*g = guest{phone: p.phone, home: h, seq: uint64(seq), pos: [slotCount]int32{-1, -1},
			subscribed: p.desc.Subscribed, stream: p.desc.Stream, follows: p.desc.FollowsRedirect}
		m.guests[p.phone] = g
		m.seq = max(m.seq, g.seq)
	}
	m.codeGuest(c, g)
	w.setUp(c, AlarmHomeless, string(g.phone), g.homeless)
}

const guestSize = 12 // of codeGuest

func (m *Machine) codeGuest(c *codec, g *guest) {
	c.flags(&g.registered, &g.back, &g.returned, &g.stopped, &g.released, &g.homeless)
	coded(c, &g.state)
	coded(c, &g.told)
	coded(c, &g.pending)
	coded(c, &g.tried)
	coded(c, &g.attempts)
	m.codeInstants(c, &g.at, &g.homeAt, &g.nextTry, &g.graceUntil, &g.pendingFrom, &g.keepUntil)
}

// spareGuest saves the garbage collector most of its work: a walk unpacks millions of worlds.
func (w *world) spareGuest(i int) *guest {
	if w.spare == nil {
		w.spare = make([]guest, len(w.phones))
	}
	return &w.spare[i]
}
