package resilience

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	anyPhone  = rapid.SampledFrom([]Phone{"201", "202", "203", "301", "701", "999", ""})
	anySystem = rapid.SampledFrom([]System{"london", "oslo", "paris", "nowhere", ""})
	anySpan   = rapid.Custom(func(t *rapid.T) time.Duration {
		return rapid.SampledFrom([]time.Duration{-time.Hour, -1, 0, 1, time.Second, 14 * time.Second, 15 * time.Second,
			time.Minute, 3 * time.Minute, 5 * time.Minute, 10 * time.Minute, time.Hour, 1000000 * time.Hour}).Draw(t, "span")
	})
)

// anyEvent draws events as a careless or hostile caller might give them.
func anyEvent(t *rapid.T, now time.Time) Event {
	phone, system, span := anyPhone.Draw(t, "phone"), anySystem.Draw(t, "system"), anySpan.Draw(t, "d")
	yes, also := rapid.Bool().Draw(t, "yes"), rapid.Bool().Draw(t, "also")
	switch rapid.IntRange(0, 19).Draw(t, "kind") {
	case 0, 1, 2:
		return HeartbeatHeard{System: system, Epoch: rapid.Uint64Range(1, 3).Draw(t, "epoch"), UpFor: span, Ready: yes, Age: anySpan.Draw(t, "age")}
	case 3:
		return Leaving{System: system, BackWithin: span}
	case 4, 5:
		return MirrorState{Home: system, Complete: yes || also, Behind: rapid.IntRange(-1, 3).Draw(t, "behind")}
	case 6, 7, 8:
		return PhoneAsks{ID: 7, Phone: phone, Home: system, Known: yes, Proven: also,
			Kind:     rapid.SampledFrom([]AskKind{AskRegister, AskRefresh, AskDiscover, AskUnregister, AskPoll}).Draw(t, "ask"),
			Protocol: rapid.SampledFrom([]Protocol{SIP, H323}).Draw(t, "protocol")}
	case 9, 10, 11:
		return PhoneRegistered{Phone: phone, Home: system, At: now.Add(-span), Agent: rapid.String().Draw(t, "agent"),
			Protocol:   rapid.SampledFrom([]Protocol{SIP, H323}).Draw(t, "protocol"),
			Subscribed: yes, Stream: also, FollowsRedirect: yes != also}
	case 12:
		return PhoneGone{Phone: phone, Cause: rapid.SampledFrom([]GoneCause{Expired, Unregistered, FlowClosed, LoggedOut}).Draw(t, "cause")}
	case 13:
		if yes {
			return CallBegan{Phone: phone}
		}
		return CallEnded{Phone: phone}
	case 14:
		return HomeHas{Phone: phone, Home: system, At: now.Add(-span)}
	case 15:
		return HomeLacks{Phone: phone, Home: system}
	case 16:
		return TriggerResult{Phone: phone, Trigger: Trigger(rapid.IntRange(0, 9).Draw(t, "trigger")), Delivered: yes}
	case 17:
		return Evidence{Phone: phone, Home: system, Age: span, Heard: yes}
	case 18:
		if yes {
			return TakeOver{Home: system}
		}
		return Release{Home: system, Phone: phone}
	default:
		return Tick{}
	}
}

func propertyConfig() Config {
	return Config{
		Self: "paris", Homes: []Home{{System: "london"}, {System: "oslo", Failback: Manual}}, Seed: 42, PhoneEvidence: true,
		Limits: Limits{MaxGuests: 3, MaxKnockers: 2, MaxEvidence: 2, MaxFamilies: 2},
	}
}

// TestAnyEvents: whatever the caller says, the machine neither panics nor grows, every
// alarm is raised and cleared once, an unproven phone is never admitted, an own number is
// never a guest (FO5), a poll changes nothing (FO9), and Next is after a Tick. The same
// events give the same effects.
func TestAnyEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := storyStart
		m, twin := mustNew(propertyConfig(), now), mustNew(propertyConfig(), now)
		alarms := map[alarmKey]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			now = now.Add(anySpan.Draw(t, "passes") / 1000)
			e := anyEvent(t, now)
			guests := len(m.guests)
			effects := m.Step(e, now)
			if again := twin.Step(e, now); !reflect.DeepEqual(effects, again) {
				t.Fatalf("%#v gives %v, and %v to its twin", e, effects, again)
			}
			checkEffects(t, e, effects, alarms)
			if _, registers := e.(PhoneRegistered); !registers && len(m.guests) > guests {
				t.Fatalf("%#v made a guest", e)
			}
			if _, ticks := e.(Tick); ticks {
				if next, ok := m.Next(); ok && !next.After(m.time(m.now)) {
					t.Fatalf("Next is %s, now is %s", next, m.time(m.now))
				}
			}
			checkBounds(t, m)
		}
		if v := m.View(now); len(v.Alarms) != len(alarms) || len(m.Guests(now)) != len(m.guests) {
			t.Fatalf("%d alarms in the view, %d were raised", len(v.Alarms), len(alarms))
		}
	})
}

func checkEffects(t *rapid.T, e Event, effects []Effect, alarms map[alarmKey]bool) {
	ask, asks := e.(PhoneAsks)
	answers := 0
	for _, effect := range effects {
		switch effect := effect.(type) {
		case RaiseAlarm:
			key := alarmKey{effect.Kind, effect.Subject}
			if alarms[key] {
				t.Fatalf("%v raised twice", key)
			}
			alarms[key] = true
		case ClearAlarm:
			key := alarmKey{effect.Kind, effect.Subject}
			if !alarms[key] {
				t.Fatalf("%v cleared, but not up", key)
			}
			delete(alarms, key)
		case Admit:
			answers++
			if !ask.Proven || ask.Kind == AskPoll || (effect.As == AsOwn) != (ask.Home == "paris") {
				t.Fatalf("%#v was admitted: %#v", ask, effect)
			}
		case Refuse:
			answers++
			if ask.Home == "paris" || ask.Kind == AskPoll || ask.Kind == AskUnregister {
				t.Fatalf("%#v was refused: %#v", ask, effect)
			}
		case Challenge:
			answers++
			if ask.Proven {
				t.Fatalf("%#v was challenged", ask)
			}
		case Acknowledge:
			answers++
		}
	}
	if asks && answers != 1 || !asks && answers != 0 {
		t.Fatalf("%#v got %d answers", e, answers)
	}
}

func checkBounds(t *rapid.T, m *Machine) {
	if len(m.families) > 2 || len(m.evidence.young) > 4 || len(m.evidence.old) > 4 || len(m.guests) > 7 {
		t.Fatalf("grown: %d families, %d+%d evidence, %d guests", len(m.families), len(m.evidence.young), len(m.evidence.old), len(m.guests))
	}
	for _, h := range m.homes {
		if len(h.knocked) > 2 {
			t.Fatalf("%d knockers", len(h.knocked))
		}
		var states [stateCount]int
		for _, g := range m.guests {
			if g.home == h {
				states[g.state]++
			}
		}
		if states != h.count || len(h.auto.items)+len(h.released.items) > states[StateGuest] {
			t.Fatalf("counted %v, there are %v", h.count, states)
		}
	}
}

// TestGU3_KnockersAreBounded: phones that nobody knows leave a bounded set and a counter.
func TestGU3_KnockersAreBounded(t *testing.T) {
	m := mustNew(Config{Self: "paris", Homes: []Home{{System: "london"}}, Limits: Limits{MaxKnockers: 100}}, storyStart)
	for i := range 1000 {
		m.Step(PhoneAsks{Phone: Phone(fmt.Sprint("x", i))}, storyStart.Add(time.Minute))
	}
	v := m.View(storyStart.Add(time.Minute))
	if v.Homes[0].LeftWithoutService != 100 || v.Overflow != 900 || v.Refused[NoMirror] != 1000 {
		t.Fatalf("left without service %d, overflow %d, refused %v", v.Homes[0].LeftWithoutService, v.Overflow, v.Refused)
	}
}

// TestFO6_EvidenceIsForgotten: what a home said is not believed for longer than EvidenceFor,
// and nothing of it is kept for more than twice as long.
func TestFO6_EvidenceIsForgotten(t *testing.T) {
	m := mustNew(Config{Self: "paris", Homes: []Home{{System: "london"}}, PhoneEvidence: true}, storyStart)
	now := storyStart
	at := func(d time.Duration) []Effect {
		now = storyStart.Add(d)
		m.Step(HeartbeatHeard{System: "london", Epoch: 1, Ready: true, UpFor: time.Hour}, now)
		return m.Step(PhoneAsks{Phone: "201", Home: "london", Known: true, Proven: true}, now)
	}
	m.Step(MirrorState{Home: "london", Complete: true}, now)
	if got := at(0); len(got) != 2 || got[0] != (AskEvidence{Phone: "201", Home: "london"}) {
		t.Fatalf("%v", got)
	}
	m.Step(Evidence{Phone: "201", Home: "oslo", Age: time.Hour, Heard: true}, now)
	m.Step(Evidence{Phone: "202", Home: "london", Age: time.Hour, Heard: true}, now)
	if _, refused := at(time.Second)[0].(Refuse); !refused {
		t.Fatal("admitted on another system's word, or about another phone")
	}
	m.Step(Evidence{Phone: "201", Home: "london", Age: time.Hour, Heard: true}, now)
	if _, admitted := at(2 * time.Second)[0].(Admit); !admitted {
		t.Fatal("not admitted on the home's word")
	}
	for _, d := range []time.Duration{70 * time.Second, 200 * time.Second, 400 * time.Second} {
		for _, e := range at(d) {
			if _, admitted := e.(Admit); admitted {
				t.Fatalf("believed after %s", d)
			}
		}
		now = storyStart.Add(d)
	}
	if n := len(m.evidence.young) + len(m.evidence.old); n > 2 {
		t.Fatalf("%d kept", n)
	}
}

// TestFO2_DelayByNetworkSize: 3m up to 4 systems, 10s more each, 10m at most.
func TestFO2_DelayByNetworkSize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 1000).Draw(t, "systems")
		want := min(3*time.Minute+time.Duration(max(n-4, 0))*10*time.Second, 10*time.Minute)
		if got := (Config{Self: "a", Systems: n}).Delay(); got != want {
			t.Fatalf("%d systems: %s, not %s", n, got, want)
		}
		fast := Config{Self: "a", Systems: n, Timers: Timers{}.Faster(60)}
		if got := fast.Delay(); got != want/60 && (got-want/60).Abs() > time.Millisecond {
			t.Fatalf("%d systems at speed 60: %s, not %s", n, got, want/60)
		}
	})
}

// TestGU1_ExpirySpread: expiries are drawn over the whole of 60 to 120 s, in whole seconds.
func TestGU1_ExpirySpread(t *testing.T) {
	m := mustNew(Config{Self: "paris", Homes: []Home{{System: "london"}}, Seed: 3}, storyStart)
	seen := map[time.Duration]int{}
	const draws = 6100
	for range draws {
		a := m.admission(1, "201")
		if a.Expires%time.Second != 0 || a.Expires < 60*time.Second || a.Expires > 120*time.Second {
			t.Fatalf("drew %s", a.Expires)
		}
		seen[a.Expires]++
	}
	if len(seen) != 61 {
		t.Fatalf("%d of 61 values were drawn", len(seen))
	}
	for d, n := range seen {
		if n < 50 || n > 170 { // 100 expected; 5 standard deviations
			t.Errorf("%s was drawn %d times of %d", d, n, draws)
		}
	}
}

// TestConfigValidate: each thing that is wrong is said.
func TestConfigValidate(t *testing.T) {
	for _, c := range []struct {
		why string
		cfg Config
		ok  bool
	}{
		{"complete", propertyConfig(), true},
		{"no name", Config{}, false},
		{"home without a name", Config{Self: "a", Homes: []Home{{}}}, false},
		{"itself", Config{Self: "a", Homes: []Home{{System: "a"}}}, false},
		{"twice", Config{Self: "a", Homes: []Home{{System: "b"}, {System: "b"}}}, false},
		{"negative", Config{Self: "a", Timers: Timers{HomelessGrace: -1}}, false},
		{"expiry", Config{Self: "a", Timers: Timers{GuestExpiresMin: time.Hour}}, false},
	} {
		if _, err := New(c.cfg, storyStart); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.why, err)
		}
	}
}

// TestQueueOrder: the earliest first, then the longest a guest.
func TestQueueOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := queue{slot: slotMove}
		in := map[*guest]bool{}
		var all []*guest
		for i := range 20 {
			all = append(all, &guest{seq: uint64(i), pos: [slotCount]int32{-1, -1}})
		}
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			g := rapid.SampledFrom(all).Draw(t, "guest")
			if rapid.Bool().Draw(t, "put") {
				g.nextTry = instant(rapid.IntRange(0, 9).Draw(t, "at"))
				q.put(g)
				in[g] = true
			} else {
				q.remove(g)
				delete(in, g)
			}
			var first *guest
			for g := range in {
				if first == nil || q.less(g, first) {
					first = g
				}
			}
			if q.top() != first || len(q.items) != len(in) {
				t.Fatalf("top is %v, should be %v of %d", q.top(), first, len(in))
			}
		}
	})
}

func FuzzAgentFamily(f *testing.F) {
	for _, agent := range []string{"Yealink SIP-T46S 66.85.0.5", "snom370/8.7", "baresip v1.0.0 (x86_64/linux)", "Avaya J179 IP Phone 4.0.10.3.2",
		"PolycomVVX-VVX_411-UA/5.9.5.0614", "", "/", "1.2.3", "\x00\xff", "Cisco-CP8841-3PCC/11.3.1"} {
		f.Add(agent)
	}
	f.Fuzz(func(t *testing.T, agent string) {
		family := AgentFamily(agent)
		if len(family) > maxFamilyName {
			t.Fatalf("%q is too long", family)
		}
		for _, r := range family {
			if r < 0x20 || r > 0x7e {
				t.Fatalf("%q is not printable", family)
			}
		}
	})
}

// TestFB4_AgentFamily: two versions of a model are one family.
func TestFB4_AgentFamily(t *testing.T) {
	for agent, want := range map[string]string{
		"Yealink SIP-T46S 66.85.0.5":       "Yealink SIP-T46S",
		"snom370/8.7.5.35":                 "snom370",
		"baresip v1.0.0 (x86_64/linux)":    "baresip",
		"Avaya J179 IP Phone 4.0.10.3.2":   "Avaya J179 IP Phone",
		"PolycomVVX-VVX_411-UA/5.9.5.0614": "PolycomVVX-VVX_411-UA",
		"Grandstream GXP2170 1.0.9.132":    "Grandstream GXP2170",
		"Linphone/5.1.65 (belle-sip/5.1)":  "Linphone",
		"4.0":                              "4.0",
		"":                                 "",
	} {
		if got := AgentFamily(agent); got != want {
			t.Errorf("%q is %q, not %q", agent, got, want)
		}
	}
}
