package load

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"time"
)

// run is one measurement. Its clock counts nanoseconds since start.
type run struct {
	c      Config
	script *script
	start  time.Time
}

func (r *run) now() int64 { return int64(time.Since(r.start)) + 1 }

// worker is what owns a part of the phones.
type worker interface {
	work(ctx context.Context, ph *phase) *tally
	close()
}

// Run measures what c says and returns what came out. An error means that nothing
// was measured; what went wrong while measuring stands in the Result.
func Run(ctx context.Context, c Config) (Result, error) {
	c, err := c.withDefaults()
	if err != nil {
		return Result{}, err
	}
	r := &run{c: c, script: newScript(&c, time.Now()), start: time.Now()}
	workers, err := r.workers()
	defer func() {
		for _, w := range workers {
			w.close()
		}
	}()
	if err != nil {
		return Result{}, err
	}
	if c.Refresh {
		before := r.phase(ctx, workers, phase{once: true})
		if before.ok != c.Users && ctx.Err() == nil {
			told := r.result(before, usage{}, 0)
			return Result{}, fmt.Errorf("load: of %d phones only %d could be registered beforehand: %s",
				c.Users, before.ok, told.trouble())
		}
	}
	runtime.GC() // what came before is not to be paid for while measuring
	measuring := func(bool) {}
	if c.Measuring != nil {
		measuring = c.Measuring
	}
	measuring(true)
	ph := phase{keep: c.Refresh, once: c.Once, rate: c.Rate, from: r.now()}
	if !c.Once {
		ph.until = ph.from + int64(c.For)
	}
	used := usageNow()
	counted := r.phase(ctx, workers, ph)
	result := r.result(counted, usageNow().since(used), time.Duration(r.now()-ph.from))
	measuring(false)
	return result, nil
}

// phase lets all workers do one phase and adds up what they counted.
func (r *run) phase(ctx context.Context, workers []worker, ph phase) *tally {
	tallies := make([]*tally, len(workers))
	var all sync.WaitGroup
	for i, w := range workers {
		all.Go(func() { tallies[i] = w.work(ctx, &ph) })
	}
	all.Wait()
	sum := newTally()
	for _, t := range tallies {
		sum.add(t)
	}
	return sum
}

// workers divides the phones.
func (r *run) workers() ([]worker, error) {
	phones := r.script.phones(&r.c)
	workers := make([]worker, 0, r.c.Sockets)
	for i := range r.c.Sockets {
		mine := phones[i*len(phones)/r.c.Sockets : (i+1)*len(phones)/r.c.Sockets]
		if r.c.Transport != "udp" {
			workers = append(workers, newStreamWorker(r, i, mine))
			continue
		}
		w, err := newUDPWorker(r, i, mine)
		if err != nil {
			return workers, fmt.Errorf("load: UDP socket: %w", err)
		}
		workers = append(workers, w)
	}
	return workers, nil
}

// source is the address that the i-th worker sends from: with IPv4 many of
// 127.0.0.0/8, so that connections in TIME_WAIT do not use its ports up.
func (r *run) source(i int) netip.Addr {
	if r.c.Target.Addr().Unmap().Is6() {
		return netip.IPv6Loopback()
	}
	return netip.AddrFrom4([4]byte{127, 77, byte(1 + i/250%250), byte(1 + i%250)})
}
