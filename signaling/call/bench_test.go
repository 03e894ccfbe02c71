package call

import (
	"testing"
	"time"
)

// BenchmarkBasicCall is a whole call: INVITE, 180, 200, ACK, BYE.
func BenchmarkBasicCall(b *testing.B) {
	router := newBook()
	router.write("202")
	var last LegID
	cfg := Config{ID: "c", System: "london", Router: router, NewLegID: func() LegID { last++; return last }}
	offer := Body{Type: "application/sdp", Data: []byte("a1")}
	now, over := storyStart, 0
	b.ReportAllocs()
	for b.Loop() {
		c := New(cfg)
		a := cfg.NewLegID()
		c.Step(Invited{Leg: a, Peer: Phone, From: Party{Number: "201"}, To: "202", Offer: offer, Hops: 70}, now)
		c.Step(Ringing{Leg: a + 1, Status: 180}, now.Add(time.Second))
		c.Next()
		c.Step(Answered{Leg: a + 1, Body: offer}, now.Add(2*time.Second))
		c.Step(Connected{Leg: a}, now.Add(2*time.Second))
		c.Next()
		for _, e := range c.Step(Ended{Leg: a + 1}, now.Add(time.Minute)) {
			if _, ok := e.(Over); ok {
				over++
			}
		}
	}
	if over != b.N {
		b.Fatalf("%d calls, %d over", b.N, over)
	}
}

// BenchmarkReoffer is a hold: a new offer across, and the answer back.
func BenchmarkReoffer(b *testing.B) {
	d := newDesk(b, storyStart)
	d.router.write("202")
	offer := Body{Type: "application/sdp", Data: []byte("a1")}
	a := d.invite("201", Invited{Peer: Phone, From: Party{Number: "201"}, To: "202", Offer: offer, Hops: 70})
	d.tell(Answered{Leg: 2, Body: offer})
	d.tell(Connected{Leg: 1})
	c := a.call.Call
	b.ReportAllocs()
	for b.Loop() {
		c.Step(Offered{Leg: 1, ID: 1, Body: offer}, d.now)
		for _, e := range c.Step(Agreed{Leg: 2, ID: c.lastID, Body: offer}, d.now) {
			if r, ok := e.(Do).Action.(Reply); !ok || r.Cause.Status != 0 {
				b.Fatalf("got %#v", e)
			}
		}
	}
}
