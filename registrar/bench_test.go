package registrar

import (
	"fmt"
	"net/netip"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// desk is the REGISTER of the i-th of many phones: strings as long as real ones,
// TLS, a flow and an instance each.
func desk(i int) Update {
	ip := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
	n := fmt.Sprint(1000000 + i)
	return Update{
		Number: Number(n), Protocol: SIP, Transport: TLS,
		Source: netip.AddrPortFrom(ip, uint16(20000+i%40000)), Flow: FlowID(i + 1),
		CallID: fmt.Sprintf("%08x-%08x@%s", i*7919, i*104729, ip), CSeq: 1, Branch: uint64(i) << 20,
		Nonce: uint64(i), NonceCount: 1, UserAgent: "Avaya J179 IP Phone 4.1.6.0.6", Home: "london",
		Contacts: []Contact{{URI: fmt.Sprintf("sip:%s@%s:%d;transport=tls", n, ip, 20000+i%40000),
			Instance: fmt.Sprintf("<urn:uuid:00000000-0000-1000-8000-%012x>", i), RegID: 1, Expires: 600, Q: 1000}},
	}
}

// go test ./registrar -run '^$' -bench Memory -benchtime 1x
func BenchmarkMemory(b *testing.B) {
	for _, phones := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(phones), func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				before := heap()
				b.StartTimer()
				r := New(Config{}, start)
				res := &Result{}
				for i := range phones {
					u := desk(i)
					if err := r.RegisterInto(&u, start, res); err != nil {
						b.Fatal(err)
					}
				}
				b.StopTimer()
				*res = Result{}
				used := heap() - before
				b.ReportMetric(float64(used)/float64(phones), "B/registration")
				runtime.KeepAlive(r)
			}
			b.ReportMetric(0, "B/op")
			b.ReportMetric(0, "allocs/op")
		})
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func filled(b testing.TB, phones int) (*Registrar, []Update) {
	r := New(Config{}, start)
	updates := make([]Update, phones)
	for i := range updates {
		updates[i] = desk(i)
		must(b, r, updates[i], start)
	}
	return r, updates
}

func BenchmarkRefresh(b *testing.B) {
	const phones = 100_000
	r, updates := filled(b, phones)
	b.Run("into", func(b *testing.B) {
		b.ReportAllocs()
		res := &Result{}
		i := 0
		for b.Loop() {
			u := &updates[i*7919%phones]
			u.CSeq++
			u.Branch++
			if err := r.RegisterInto(u, start, res); err != nil {
				b.Fatal(err)
			}
			i++
		}
	})
	b.Run("plain", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			u := &updates[i*7919%phones]
			u.CSeq++
			u.Branch++
			if _, err := r.Register(*u, start); err != nil {
				b.Fatal(err)
			}
			i++
		}
	})
	var next atomic.Int64
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(p *testing.PB) {
			res := &Result{}
			part := int(next.Add(1)) - 1
			for i := 0; p.Next(); i++ {
				u := &updates[(part*1000+i%1000)%phones]
				u.CSeq++
				u.Branch++
				if err := r.RegisterInto(u, start, res); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

func BenchmarkLookup(b *testing.B) {
	r, updates := filled(b, 100_000)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if len(r.Lookup(updates[i*7919%len(updates)].Number, start)) != 1 {
			b.Fatal("lost")
		}
		i++
	}
}

func BenchmarkFlowClosed(b *testing.B) {
	r, updates := filled(b, 100_000)
	i := 0
	for b.Loop() {
		u := updates[i%len(updates)]
		if len(r.FlowClosed(u.Flow, start)) != 1 {
			b.Fatal("no binding died")
		}
		b.StopTimer()
		must(b, r, u, start)
		b.StartTimer()
		i++
	}
}

func BenchmarkSweepNothing(b *testing.B) {
	r, _ := filled(b, 100_000)
	b.Run("known", func(b *testing.B) {
		for b.Loop() {
			r.Sweep(start.Add(time.Second))
		}
	})
	b.Run("scan", func(b *testing.B) { // what soonest saves
		for b.Loop() {
			for i := range r.shards {
				r.shards[i].soonest.Store(0)
			}
			r.Sweep(start.Add(time.Second))
		}
	})
}

// The hot path must not allocate; a benchmark alone would let it creep in.
func TestRefreshOfUnchangedBindingAllocatesNothing(t *testing.T) {
	r, updates := filled(t, 100)
	res := &Result{}
	i := 0
	if n := testing.AllocsPerRun(1000, func() {
		u := &updates[i%100]
		u.CSeq++
		u.Branch++
		i++
		if err := r.RegisterInto(u, start, res); err != nil || len(res.Changes) != 1 {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
