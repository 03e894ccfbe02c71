package ras

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"

	"roost/registrar"
	"roost/signaling/h323/h225"
	"roost/signaling/h323/per"
)

// crowd registers so many endpoints, each at an address of its own, and gives their
// identifiers.
func crowd(b testing.TB, n int) (*rig, []string) {
	b.Helper()
	r := newRig(b, func(c *Config) { c.Open = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
	r.desk.anyNumber, r.desk.quiet = true, true
	ids := make([]string, n)
	for i := range ids {
		at := address(i)
		m := r.rrq(at, fmt.Sprint(100000+i))
		r.out.Reset()
		r.g.Receive(encode(b, m), From{Addr: at}, r.now, &r.out)
		e, ok := r.g.Endpoint(registrar.Number(fmt.Sprint(100000 + i)))
		if !ok {
			b.Fatalf("endpoint %d was not registered", i)
		}
		ids[i] = e.ID
	}
	return r, ids
}

func address(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1719)
}

var sizes = []int{1_000, 10_000, 50_000}

func BenchmarkFullRRQ(b *testing.B) {
	benchRRQ(b, func(r *rig, i int, _ string) *h225.RasMessage { return r.rrq(address(i), fmt.Sprint(100000+i)) })
}

func BenchmarkLightweightRRQ(b *testing.B) {
	benchRRQ(b, func(r *rig, i int, id string) *h225.RasMessage {
		m := r.rrq(address(i))
		m.RegistrationRequest.KeepAlive = per.Some(true)
		m.RegistrationRequest.EndpointIdentifier = bmp(id)
		return m
	})
}

// benchRRQ has the endpoints send their RRQ in turn, each time with another sequence
// number, so that none is taken for a repeated one.
func benchRRQ(b *testing.B, make1 func(r *rig, i int, id string) *h225.RasMessage) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r, ids := crowd(b, n)
			requests := make([][]byte, n)
			for i := range requests {
				requests[i] = encode(b, make1(r, i, ids[i]))
			}
			b.ReportAllocs()
			for k := 0; b.Loop(); k++ {
				i := k % n
				requests[i][3] = byte(k / n) // the sequence number
				r.out.Reset()
				r.g.Receive(requests[i], From{Addr: address(i)}, r.now, &r.out)
				if len(r.out.Packets) != 1 {
					b.Fatal("no answer")
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "RRQ/s")
			if want := r.g.count.Sent[h225.RasMessageRegistrationConfirm]; want < uint64(b.N) {
				b.Fatalf("%d confirmed, %+v", want, r.g.count)
			}
		})
	}
}

// TestMemory_AnEndpointCostsAtMost3kB counts the heap of 10,000 endpoints, with the
// answers that are kept for them.
func TestMemory_AnEndpointCostsAtMost3kB(t *testing.T) {
	if testing.CoverMode() != "" {
		t.Skip("counts the memory of coverage too")
	}
	const n = 10_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r, _ := crowd(t, n)
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := (after.HeapAlloc - before.HeapAlloc) / n
	t.Logf("%d octets an endpoint", each)
	if each > 3000 {
		t.Errorf("%d octets an endpoint", each)
	}
	runtime.KeepAlive(r)
}
