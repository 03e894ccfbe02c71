package mirror

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// rig is a few sessions and the messages between them, which arrive at once
// unless lose says otherwise.
type rig struct {
	t        *testing.T
	now      time.Time
	sessions map[string]*Session
	names    []string
	lose     func(to string, m Send) bool
	changes  map[string][]string // by system: "london dir: added 201"
	alarms   map[string]Alarm    // by "system kind subject"
	heard    map[string][]Heard
	states   map[string][]SetStatus
}

var rigStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newRig(t *testing.T, cfgs ...Config) *rig {
	t.Helper()
	r := &rig{
		t: t, now: rigStart, sessions: make(map[string]*Session), changes: make(map[string][]string),
		alarms: make(map[string]Alarm), heard: make(map[string][]Heard), states: make(map[string][]SetStatus),
	}
	for _, c := range cfgs {
		r.boot(c)
	}
	return r
}

func (r *rig) boot(c Config) *Session {
	r.t.Helper()
	if c.Epoch == 0 {
		c.Epoch = NewEpoch(r.now, uint32(len(r.names)+1))
	}
	s, err := NewSession(c, r.now)
	if err != nil {
		r.t.Fatal(err)
	}
	if !slices.Contains(r.names, c.Self) {
		r.names = append(r.names, c.Self)
	}
	r.sessions[c.Self] = s
	return s
}

// step steps one system, and all that its messages make the others do.
func (r *rig) step(name string, ev Event) {
	s := r.sessions[name]
	if s == nil {
		return
	}
	for _, e := range slices.Clone(s.Step(ev, r.now)) {
		switch e := e.(type) {
		case Send:
			r.carry(name, e)
		case RecordsChanged:
			for _, c := range e.Changes {
				r.changes[name] = append(r.changes[name], fmt.Sprintf("%s %s: %s %s", e.Origin, e.Set, c.Kind, c.Key))
			}
		case Heard:
			r.heard[name] = append(r.heard[name], e)
		case StateChanged:
			r.states[name] = append(r.states[name], e.SetStatus)
		case Alarm:
			key := fmt.Sprintf("%s %s %s", name, e.Kind, e.Subject)
			if e.Raised {
				r.alarms[key] = e
			} else {
				delete(r.alarms, key)
			}
		}
	}
}

func (r *rig) carry(from string, m Send) {
	for _, to := range r.names {
		if to == from || r.lose != nil && r.lose(to, m) {
			continue
		}
		for _, sub := range Subscriptions(to) {
			if sub.Matches(m.Subject) {
				r.step(to, Received{Subject: m.Subject, Payload: slices.Clone(m.Payload)})
			}
		}
	}
}

// pass lets time pass, with the ticks that are due in it.
func (r *rig) pass(d time.Duration) {
	end := r.now.Add(d)
	for {
		next, who := end, ""
		for _, name := range r.names {
			if s := r.sessions[name]; s != nil && s.Next().Before(next) {
				next, who = s.Next(), name
			}
		}
		if who == "" {
			r.now = end
			return
		}
		if next.After(r.now) {
			r.now = next
		}
		r.step(who, Tick{})
	}
}

func (r *rig) put(system, set, key, value string, lives time.Duration) {
	r.t.Helper()
	var expires time.Time
	if lives > 0 {
		expires = r.now.Add(lives)
	}
	if err := r.sessions[system].Store().Put(set, key, []byte(value), expires, r.now); err != nil {
		r.t.Fatal(err)
	}
	r.step(system, Flush{})
}

func (r *rig) remove(system, set, key string) {
	r.t.Helper()
	if err := r.sessions[system].Store().Delete(set, key, r.now); err != nil {
		r.t.Fatal(err)
	}
	r.step(system, Flush{})
}

// get is a record of origin's set as system knows it, "-" if it does not.
func (r *rig) get(system, origin, set, key string) string {
	replica := r.sessions[system].Replica(origin, set)
	if replica == nil {
		return "-"
	}
	v, _, ok := replica.Get(key, r.now)
	if !ok {
		return "-"
	}
	return string(v)
}

func (r *rig) want(system, origin, set, key, value string) {
	r.t.Helper()
	if got := r.get(system, origin, set, key); got != value {
		r.t.Errorf("%v: %s of %s %s at %s is %q, want %q", r.now.Sub(rigStart), key, origin, set, system, got, value)
	}
}

func (r *rig) status(system, origin, set string) SetStatus {
	for _, p := range r.sessions[system].Status() {
		for _, st := range p.Sets {
			if p.System == origin && st.Set == set {
				return st
			}
		}
	}
	return SetStatus{}
}

func (r *rig) alarm(system string, kind AlarmKind, subject string) bool {
	_, raised := r.alarms[fmt.Sprintf("%s %s %s", system, kind, subject)]
	return raised
}

func (r *rig) wantAlarm(system string, kind AlarmKind, subject string, want bool) {
	r.t.Helper()
	if got := r.alarm(system, kind, subject); got != want {
		r.t.Errorf("%v: alarm %s %q at %s: %t, want %t", r.now.Sub(rigStart), kind, subject, system, got, want)
	}
}

// A home, its backup, and a third system.
func londonConfig() Config {
	return Config{Self: "london", Ready: true, Sets: []string{"bind/paris", "cfg/paris"}, Peers: []string{"paris"}}
}

func parisConfig() Config {
	return Config{Self: "paris", Ready: true, Sets: []string{"guest/london"}, Peers: []string{"london"}}
}

func romeConfig() Config {
	return Config{Self: "rome", Ready: true, Peers: []string{"london", "paris"}}
}

// cutFrom loses everything to and from a system.
func cutFrom(name string) func(string, Send) bool {
	return func(to string, m Send) bool {
		return to == name || m.Subject.Class != Pulls && m.Subject.Origin == name || m.Subject.Class == Pulls && m.Subject.Peer == name
	}
}
