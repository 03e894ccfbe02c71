package resilience

import (
	"fmt"
	"testing"
	"time"
)

const benchGuests = 100_000

// full is a backup with 100,000 guests.
func full(b *testing.B) (*Machine, []PhoneRegistered, time.Time) {
	m := mustNew(Config{Self: "paris", Homes: []Home{{System: "london"}}, Limits: Limits{MaxGuests: benchGuests}}, storyStart)
	m.Step(MirrorState{Home: "london", Complete: true}, storyStart)
	now := storyStart.Add(time.Hour)
	phones := make([]PhoneRegistered, benchGuests)
	for i := range phones {
		phones[i] = PhoneRegistered{Phone: Phone(fmt.Sprint(200000 + i)), Home: "london", At: now, Agent: "Yealink SIP-T46S 66.85.0.5"}
		m.Registered(phones[i], now)
	}
	if m.homes[0].present() != benchGuests {
		b.Fatal("not all are guests")
	}
	b.ReportAllocs()
	b.ResetTimer()
	return m, phones, now
}

// BenchmarkGuestRefresh is the hot path: a guest's REGISTER refresh.
func BenchmarkGuestRefresh(b *testing.B) {
	m, phones, now := full(b)
	for i := 0; b.Loop(); i++ {
		e := &phones[i%benchGuests]
		now = now.Add(time.Microsecond)
		if _, ok := m.Refresh(1, e.Phone, now); !ok {
			b.Fatal("not a refresh")
		}
		e.At = now
		if m.Registered(*e, now) != nil {
			b.Fatal("a refresh had effects")
		}
	}
}

// BenchmarkGuestRefreshByStep is the same through Step.
func BenchmarkGuestRefreshByStep(b *testing.B) {
	m, phones, now := full(b)
	for i := 0; b.Loop(); i++ {
		e := &phones[i%benchGuests]
		m.Step(PhoneAsks{ID: 1, Phone: e.Phone, Home: "london", Known: true, Proven: true}, now)
		m.Step(*e, now)
	}
}

// BenchmarkOwnPhone is an own phone's REGISTER, where the caller does not bypass the machine.
func BenchmarkOwnPhone(b *testing.B) {
	m, _, now := full(b)
	for b.Loop() {
		m.Step(PhoneAsks{ID: 1, Phone: "701", Home: "paris", Known: true, Proven: true}, now)
	}
}

// BenchmarkFailoverStorm is a phone that becomes a guest: ask, challenge, ask, registered.
func BenchmarkFailoverStorm(b *testing.B) {
	m, _, now := full(b)
	m.cfg.Limits.MaxGuests = 1 << 40
	for i := 0; b.Loop(); i++ {
		phone := Phone(fmt.Sprint("9", i))
		m.Step(PhoneAsks{ID: 1, Phone: phone, Home: "london", Known: true}, now)
		m.Step(PhoneAsks{ID: 1, Phone: phone, Home: "london", Known: true, Proven: true}, now)
		m.Registered(PhoneRegistered{Phone: phone, Home: "london", At: now}, now)
	}
}

// BenchmarkHomeLostAndBack is the cost of the home going and coming with all guests here.
func BenchmarkHomeLostAndBack(b *testing.B) {
	m, _, now := full(b)
	for b.Loop() {
		now = now.Add(time.Minute)
		m.Step(HeartbeatHeard{System: "london", Epoch: 1, Ready: true}, now)
		now = now.Add(time.Minute)
		m.Step(Tick{}, now)
	}
}

// TestRefreshAllocatesNothing holds the hot path to what its documentation says.
func TestRefreshAllocatesNothing(t *testing.T) {
	m := mustNew(Config{Self: "paris", Homes: []Home{{System: "london"}}}, storyStart)
	now := storyStart.Add(time.Hour)
	m.Step(MirrorState{Home: "london", Complete: true}, storyStart)
	e := PhoneRegistered{Phone: "201", Home: "london", At: now, Agent: "snom370/8.7"}
	m.Registered(e, now)
	if n := testing.AllocsPerRun(100, func() {
		now = now.Add(time.Second)
		e.At = now
		if _, ok := m.Refresh(1, "201", now); !ok {
			t.Fatal("not a refresh")
		}
		m.Registered(e, now)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}
