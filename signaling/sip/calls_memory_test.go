//go:build !race

package sip

import (
	"runtime"
	"testing"
	"time"

	"roost/signaling/sip/dialog"
	"roost/signaling/sip/flow"
)

// TestMemory_StandingLeg holds what a call that stands costs: two legs, after the
// transactions of its beginning are forgotten.
func TestMemory_StandingLeg(t *testing.T) {
	const calls = 2000
	c := newCallBench(t)
	var in flow.Inbound
	legs := make([]*leg, 0, 2*calls)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range calls {
		for _, s := range c.script[:4] {
			c.hand(s.from, append([]byte(nil), s.bytes...), &in)
		}
		for _, l := range c.legs.byID {
			var fx dialog.Effects
			for range 3 {
				l.dialog.Tick(time.Now().Add(40*time.Second), &fx)
			}
			legs = append(legs, l)
		}
		c.forget()
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := int64(after.HeapAlloc-before.HeapAlloc) / int64(len(legs))
	t.Logf("%d bytes a standing leg", each)
	if len(legs) != 2*calls || each > 2500 {
		t.Errorf("%d legs, %d bytes each", len(legs), each)
	}
	runtime.KeepAlive(legs)
}
