package resilience

import (
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

func (w *world) clone() *world {
	c := *w
	c.paris = w.paris.clone()
	c.home = w.home.clone()
	c.phones = slices.Clone(w.phones)
	c.alarms = slices.Clone(w.alarms)
	c.spare = nil
	return &c
}

// TestCloneKnowsEveryField fails when a field is added, so that clone, forgetPast and code are
// thought about: the walk is only as good as they are.
func TestCloneKnowsEveryField(t *testing.T) {
	for _, c := range []struct {
		of     any
		fields int
	}{{Machine{}, 15}, {home{}, 29}, {guest{}, 30}, {family{}, 4}, {evidenceBook{}, 3}, {hearing{}, 5}, {queue{}, 2}} {
		typ := reflect.TypeOf(c.of)
		if typ.NumField() != c.fields {
			t.Errorf("%s has %d fields, clone, forgetPast and code were written for %d", typ, typ.NumField(), c.fields)
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
	view, guests := m.View(now), m.Guests(now)
	c := m.clone()
	c.Step(HeartbeatHeard{System: "london", Epoch: 1, Ready: true}, now)
	c.Step(CallBegan{Phone: "201"}, now)
	c.Step(PhoneRegistered{Phone: "202", Home: "london", At: now}, now)
	c.Step(PhoneGone{Phone: "201"}, now)
	if !reflect.DeepEqual(view, m.View(now)) || !reflect.DeepEqual(guests, m.Guests(now)) || len(m.calls) != 0 {
		t.Fatal("the original changed with its clone")
	}
}
