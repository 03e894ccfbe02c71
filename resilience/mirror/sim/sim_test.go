package sim

import (
	"flag"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	oneSeed = flag.Uint64("sim.seed", 0, "replay one seed, with a trace")
	phones  = flag.Bool("sim.phones", false, "with sim.seed: the run with phones")
	count   = flag.Uint64("sim.seeds", 2000, "seeds to try; a third as many with phones")
	budget  = flag.Duration("sim.time", 45*time.Second, "how long at most, for each kind of run; 10s at most under -race")
)

func TestSeeds(t *testing.T) {
	if *oneSeed != 0 {
		r := Run(Options{Seed: *oneSeed, Phones: *phones, Trace: func(at time.Duration, line string) { t.Logf("%12v %s", at, line) }})
		for _, v := range r.Violations {
			t.Error(v)
		}
		return
	}
	for _, kind := range []struct {
		name   string
		phones bool
	}{{"mirror", false}, {"phones", true}} {
		t.Run(kind.name, func(t *testing.T) { seeds(t, kind.phones) })
	}
}

func seeds(t *testing.T, phones bool) {
	var next, events, done, admitted, home, snapshots atomic.Uint64
	most := *count
	if phones {
		most /= 3
	}
	long := *budget
	if raced {
		long = min(long, 10*time.Second)
	}
	until := time.Now().Add(long)
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for time.Now().Before(until) && !t.Failed() {
				seed := next.Add(1)
				if seed > most {
					return
				}
				r := Run(Options{Seed: seed, Phones: phones})
				done.Add(1)
				events.Add(uint64(r.Events))
				admitted.Add(uint64(r.Admitted))
				home.Add(uint64(r.Home))
				snapshots.Add(r.Snapshots)
				for _, v := range r.Violations {
					t.Errorf("seed %d: %s\nreplay: go test ./resilience/mirror/sim -run TestSeeds -v -sim.seed=%d -sim.phones=%t", seed, v, seed, phones)
				}
			}
		})
	}
	all.Wait()
	if least := most / 200; done.Load() < least && !t.Failed() {
		t.Errorf("%d seeds only, want at least %d", done.Load(), least)
	}
	t.Logf("%d of %d seeds, %d events, %d admitted, %d home, %d snapshots", done.Load(), most, events.Load(), admitted.Load(), home.Load(), snapshots.Load())
}
