package resilience

import (
	"bytes"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"
)

// clone is an independent copy of the machine.
func (m *Machine) clone() *Machine {
	c := *m
	c.out = nil
	c.calls, c.alarms = maps.Clone(m.calls), maps.Clone(m.alarms)
	c.families = maps.Clone(m.families)
	families := map[*family]*family{}
	for name, f := range m.families {
		copied := *f
		c.families[name], families[f] = &copied, &copied
	}
	c.guests = make(map[Phone]*guest, len(m.guests))
	for phone, g := range m.guests {
		copied := *g
		copied.family = families[g.family]
		c.guests[phone] = &copied
	}
	cloneQueue := func(q queue) queue {
		if len(q.items) == 0 {
			return queue{slot: q.slot}
		}
		items := make([]*guest, len(q.items))
		for i, g := range q.items {
			items[i] = c.guests[g.phone]
		}
		return queue{slot: q.slot, items: items}
	}
	c.timers = cloneQueue(m.timers)
	c.homes = make([]*home, len(m.homes))
	for i, h := range m.homes {
		copied := *h
		copied.knocked = maps.Clone(h.knocked)
		copied.auto, copied.released = cloneQueue(h.auto), cloneQueue(h.released)
		c.homes[i] = &copied
		for _, g := range c.guests {
			if g.home == h {
				g.home = &copied
			}
		}
	}
	c.evidence.young, c.evidence.old = cloneHearings(m.evidence.young), cloneHearings(m.evidence.old)
	return &c
}

func cloneHearings(in map[Phone]*hearing) map[Phone]*hearing {
	out := maps.Clone(in)
	for phone, e := range in {
		copied := *e
		out[phone] = &copied
	}
	return out
}

// fingerprint writes all that decides about the machine's future: times relative to now,
// clamped where a longer ago makes no difference, and left out where they are set anew
// before they are read. Two machines with the same fingerprint answer the same events in
// the same way (up to counters and texts). It is made for heartbeats that are heard at once,
// SIP phones, no jitter, no spread of the expiry, no evidence, no announcement, no families.
func (m *Machine) fingerprint(b *bytes.Buffer) {
	for _, h := range m.homes {
		m.homePrint(b, h)
	}
	guests := make([]*guest, 0, 4)
	for _, g := range m.guests {
		guests = append(guests, g)
	}
	slices.SortFunc(guests, func(a, b *guest) int { return int(a.seq) - int(b.seq) })
	for _, g := range guests {
		m.guestPrint(b, g)
	}
	for phone := range m.calls {
		if m.guests[phone] == nil {
			b.WriteString("!" + string(phone))
		}
	}
	keys := make([]string, 0, 4)
	for key := range m.alarms {
		keys = append(keys, string(key.kind)+key.subject)
	}
	slices.Sort(keys)
	for _, key := range keys {
		b.WriteString(key)
	}
}

func (m *Machine) rel(b *bytes.Buffer, at, from instant) {
	b.WriteByte(byte(min(max(at-m.now, from), 100*time.Second)/time.Second) + 128)
}

func (m *Machine) homePrint(b *bytes.Buffer, h *home) {
	t := &m.cfg.Timers
	flags(b, h.heard, h.ready, h.visible, h.taken, h.takenAway, h.complete, h.lagging, h.occupied)
	b.WriteByte(byte(h.phase))
	b.WriteByte(byte(h.behind))
	m.rel(b, h.lastReady, -max(m.cfg.Delay(), t.VisibleFor)) // heardAt, if visible, is the same
	if h.visible {
		m.rel(b, max(h.visibleSince, h.upSince), -t.FailbackDelay)
	}
	m.rel(b, h.paceAt, 0)
	if h.lagging {
		m.rel(b, h.lagSince, -t.MirrorBehind)
	}
	knocked := make([]string, 0, 4)
	for phone := range h.knocked {
		knocked = append(knocked, string(phone))
	}
	slices.Sort(knocked)
	for _, phone := range knocked {
		b.WriteString(phone)
	}
}

func (m *Machine) guestPrint(b *bytes.Buffer, g *guest) {
	b.WriteString(string(g.phone))
	b.WriteByte(byte(g.state))
	flags(b, g.registered, g.released, g.homeless, m.calls[g.phone] > 0, g.stopped, g.back)
	b.WriteByte(byte(min(m.retryAfter(int(g.attempts)), 100*time.Second) / time.Second))
	m.rel(b, g.graceUntil, 0)
	if g.state != StateSettling && g.state != StateGoing || g.stopped {
		m.rel(b, g.nextTry, 0)
	}
	if (g.state == StateGoing || g.state == StateChosen) && !g.stopped {
		b.WriteByte(byte(g.pending))
		flags(b, g.returned)
		if g.state == StateGoing && !g.returned {
			b.WriteByte(byte(g.told))
			b.WriteByte(g.tried)
		}
		if g.pending != NoTrigger {
			m.rel(b, g.pendingFrom, 0)
		}
	}
	if g.state == StateAbsent {
		m.rel(b, g.keepUntil, 0)
	}
}

func flags(b *bytes.Buffer, flags ...bool) {
	var bits byte
	for i, f := range flags {
		if f {
			bits |= 1 << i
		}
	}
	b.WriteByte(bits)
}

// TestCloneKnowsEveryField fails when a field is added, so that clone and fingerprint are
// thought about: the walk is only as good as they are.
func TestCloneKnowsEveryField(t *testing.T) {
	for _, c := range []struct {
		of     any
		fields int
	}{{Machine{}, 15}, {home{}, 29}, {guest{}, 30}, {family{}, 4}, {evidenceBook{}, 3}, {hearing{}, 5}, {queue{}, 2}} {
		typ := reflect.TypeOf(c.of)
		if typ.NumField() != c.fields {
			t.Errorf("%s has %d fields, clone and fingerprint were written for %d", typ, typ.NumField(), c.fields)
		}
	}
}

// TestCloneIsIndependent: what happens to the clone does not touch the original.
func TestCloneIsIndependent(t *testing.T) {
	m, err := New(Config{Self: "paris", Homes: []Home{{System: "london"}}}, storyStart)
	if err != nil {
		t.Fatal(err)
	}
	now := storyStart.Add(4 * time.Minute)
	m.Step(MirrorState{Home: "london", Complete: true}, storyStart)
	m.Step(PhoneRegistered{Phone: "201", Home: "london", At: now}, now)
	var before, after bytes.Buffer
	m.fingerprint(&before)
	c := m.clone()
	c.Step(HeartbeatHeard{System: "london", Epoch: 1, Ready: true}, now)
	c.Step(CallBegan{Phone: "201"}, now)
	c.Step(PhoneRegistered{Phone: "202", Home: "london", At: now}, now)
	c.Step(PhoneGone{Phone: "201"}, now)
	m.fingerprint(&after)
	if !bytes.Equal(before.Bytes(), after.Bytes()) || len(m.calls) != 0 {
		t.Fatal("the original changed with its clone")
	}
}
