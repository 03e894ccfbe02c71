package natscarrier_test

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"roost/resilience/mirror"
	natscarrier "roost/resilience/mirror/nats"
)

// Run with: go test -run xxx -bench . -benchtime 3x ./resilience/mirror/nats

// unhurried are the times of a running system.
func unhurried(cfg *natscarrier.Config) { cfg.Timing = natscarrier.Timing{} }

// BenchmarkPull_100000RecordsOf400Bytes moves 40 MB from a home to a backup as the
// mirror does it: windows of 4 MiB, asked for one after the other, in messages of 256 KiB.
func BenchmarkPull_100000RecordsOf400Bytes(b *testing.B) {
	const total, page, window = 100_000 * 400, 256 << 10, 4 << 20
	n := network(b, unhurried, "home", "backup")
	home, backup := n["home"], n["backup"]
	payload := make([]byte, page)
	stop, err := home.Subscribe(pull("home", mirror.Any, mirror.Any), func(mirror.Message) {
		for range window / page {
			if err := home.Publish(answer("home", "backup", "bind/backup"), payload); err != nil {
				b.Error(err)
			}
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	defer stop()
	answers := listen(b, backup, answer("home", "backup", mirror.Any))
	b.SetBytes(total)
	for b.Loop() {
		for got := 0; got < total; {
			if err := backup.Publish(pull("home", "backup", "bind/backup"), nil); err != nil {
				b.Fatal(err)
			}
			for range window / page {
				got += len(answers.next(b).Payload)
			}
		}
	}
}

// BenchmarkDelta_5000ASecond measures how long a delta of 400 bytes takes from Publish to
// the handler of a backup, at 5,000 a second.
func BenchmarkDelta_5000ASecond(b *testing.B) {
	n := network(b, unhurried, "home", "backup")
	home, backup := n["home"], n["backup"]
	took := make(chan time.Duration, 1<<20)
	zero := time.Now()
	stop, err := backup.Subscribe(delta("home", "*/backup"), func(m mirror.Message) {
		took <- time.Since(zero) - time.Duration(binary.BigEndian.Uint64(m.Payload)) // a test's own clock
	})
	if err != nil {
		b.Fatal(err)
	}
	defer stop()
	var all []time.Duration
	payload := make([]byte, 400)
	subject := delta("home", "bind/backup")
	for b.Loop() {
		const updates, everyMS = 5000, 5
		tick := time.NewTicker(time.Millisecond)
		for sent := 0; sent < updates; {
			<-tick.C
			for range everyMS {
				binary.BigEndian.PutUint64(payload, uint64(time.Since(zero))) // not negative
				if err := home.Publish(subject, payload); err != nil {
					b.Fatal(err)
				}
				sent++
			}
		}
		tick.Stop()
		for range updates {
			all = append(all, <-took)
		}
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2])/1e3, "p50-µs")
	b.ReportMetric(float64(all[len(all)*99/100])/1e3, "p99-µs")
}

// BenchmarkStart is the time until a carrier listens and has its own connections.
func BenchmarkStart(b *testing.B) {
	id := identity(b, newCA(b, "root"), "london")
	for b.Loop() {
		cfg := basis("london", id)
		unhurried(&cfg)
		c, err := natscarrier.Start(cfg)
		if err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}

// BenchmarkIdleMemory is what each of a full mesh of idle carriers takes: heap and stacks
// in use, divided by their number.
func BenchmarkIdleMemory(b *testing.B) {
	for _, systems := range []int{1, 2, 8} {
		b.Run(fmt.Sprintf("systems=%d", systems), func(b *testing.B) {
			names := make([]string, systems)
			for i := range names {
				names[i] = fmt.Sprintf("s%d", i)
			}
			var before, after runtime.MemStats
			for b.Loop() {
				runtime.GC()
				runtime.ReadMemStats(&before)
				began := time.Now()
				n := network(b, unhurried, names...)
				b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms-until-up")
				runtime.GC()
				runtime.ReadMemStats(&after)
				used := float64(after.HeapInuse+after.StackInuse) - float64(before.HeapInuse+before.StackInuse)
				b.ReportMetric(used/float64(systems)/(1<<20), "MiB/system")
				for _, c := range n {
					c.Close()
				}
			}
		})
	}
}
