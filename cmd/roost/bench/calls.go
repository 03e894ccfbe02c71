package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"roost/cmd/roost/lab/load"
)

// How many calls stand when their memory is measured, and how many a second are begun.
const (
	standingCalls = 5_000
	standingRate  = 250
)

// callsMeasured is one run of calls against one server.
type callsMeasured struct {
	load.CallResult
	cost float64 // processor time a call, µs
}

// calls compares how many calls a second each server sets up and ends, and tells what
// standing ones cost roost.
func (b *bench) calls(ctx context.Context) error {
	phones, standing := 2_000, standingCalls
	if b.few() {
		phones, standing = 100, 50
	}
	b.say("\ncalls: INVITE 100 180 200 ACK BYE 200 between %d phones, %d runs of %v each, in turn; medians", phones, b.runs, b.each)
	runs, version, err := b.callRuns(ctx, phones)
	if err != nil {
		return err
	}
	t := newTable("", "roost, back-to-back user agent", "Kamailio, record-routing proxy", "× Kamailio")
	own, rival := medianCalls(runs["london"]), medianCalls(runs["kamailio"])
	t.row("calls a second, 64 being set up", callRate(own), callRate(rival), ratio(own.PerSecond, rival.PerSecond))
	t.row("processor time a call, µs", figure(own.cost), figure(rival.cost), ratio(rival.cost, own.cost))
	t.row("set up p50, ms", milliseconds(own.P50), milliseconds(rival.P50), ratio(rival.P50, own.P50))
	t.row("set up p99, ms", milliseconds(own.P99), milliseconds(rival.P99), ratio(rival.P99, own.P99))
	for _, relayed := range []bool{false, true} {
		if err := b.standing(ctx, t, standing, relayed); err != nil {
			return err
		}
	}
	return b.publish("calls", t.String(), fmt.Sprintf(
		"%s\n\n%s. Each INVITE carries credentials with a nonce that is known (no 401), at both. roost: MD5 only, udp_rate 0, a record of each call to a file, "+
			"no line to another system. Kamailio: %s; memory of standing calls is not compared, for it keeps none. \\* the generator was the limit. Load average at the end %s.%s",
		b.machine(), "Direct media, UDP", version, loadAverage(), b.rivalSaid()))
}

// callRuns measures both in turn.
func (b *bench) callRuns(ctx context.Context, phones int) (map[string][]callsMeasured, string, error) {
	roost, err := b.startForCalls(ctx, phones, "")
	if err != nil {
		return nil, "", err
	}
	defer roost.end()
	kamailio, err := b.startKamailio(ctx)
	if err != nil {
		return nil, "", err
	}
	servers := map[string]*process{"london": roost.process}
	if kamailio.process != nil {
		servers["kamailio"] = kamailio.process
		defer kamailio.stop()
	}
	version := "not compared: " + kamailio.missing
	if kamailio.missing == "" {
		version = kamailio.version + "; children=4, pv_www_authenticate, lookup(), record_route(), t_relay(), loose_route(), no accounting"
	}
	settle(ctx)
	runs := map[string][]callsMeasured{}
	for range b.runs {
		for _, name := range []string{"london", "kamailio"} {
			p := servers[name]
			if p == nil {
				continue
			}
			m, err := b.callRun(ctx, name, p, load.CallConfig{Config: b.callConfig(name, phones)})
			if err != nil {
				return nil, "", err
			}
			if m.Unrung > 0 {
				b.say("  %d calls at %s without a 180", m.Unrung, name)
			}
			if name == "london" && m.Unrung > 0 {
				b.fault("%d calls without a 180", m.Unrung)
			}
			if !m.Good() {
				b.say("  ! calls at %s were not clean:\n%s", name, m.Text())
				if name == "london" {
					b.fault("calls: %s", m.Text())
				} else {
					b.rivalEnds = append(b.rivalEnds, "calls ("+strings.TrimSpace(m.Trouble())+")")
				}
			}
			b.say("  %-9s %8.0f/s  %6.1f µs a call  set up p50 %6.2f  p99 %7.2f  max %7.2f ms  %d retransmitted, load %s", name,
				m.PerSecond, m.cost, m.P50, m.P99, m.Max, m.Retransmissions, loadAverage())
			runs[name] = append(runs[name], m)
		}
	}
	return runs, version, nil
}

func (b *bench) callConfig(name string, phones int) load.Config {
	c := b.config(name, "udp")
	c.Users = phones
	return c
}

// startForCalls starts a roost with so many phones; more is added to its configuration.
func (b *bench) startForCalls(ctx context.Context, phones int, more string) (*system, error) {
	config, err := b.writeRoost("london", phones, false)
	if err != nil {
		return nil, err
	}
	if err := appendTo(config, "calls: {records: "+b.path("calls.jsonl")+"}\n"+more); err != nil {
		return nil, err
	}
	return b.startRoost(ctx, "london", config, b.cores.server, true)
}

func (b *bench) callRun(ctx context.Context, name string, p *process, c load.CallConfig) (callsMeasured, error) {
	var before, after time.Duration
	c.Measuring = func(begins bool) {
		if begins {
			before = p.used()
		} else {
			after = p.used()
		}
	}
	result, err := load.RunCalls(ctx, c)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return callsMeasured{}, fmt.Errorf("%s: %w", name, err)
	}
	m := callsMeasured{CallResult: result}
	if result.OK > 0 {
		m.cost = float64(after-before) / float64(time.Microsecond) / float64(result.OK)
	}
	return m, nil
}

// standing sets up calls that stay, and measures what each costs while all stand.
func (b *bench) standing(ctx context.Context, t *table, calls int, relayed bool) error {
	what, more := "direct", ""
	if relayed {
		var limit unix.Rlimit
		if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil && limit.Cur < uint64(4*calls+200) {
			calls = int(limit.Cur-200) / 4
			b.say("  only %d descriptors are allowed here: %d anchored calls", limit.Cur, calls)
		}
		what, more = "anchored, four ports each", "media: {direct: false, ports: 10240-32767}\n"
	}
	roost, err := b.startForCalls(ctx, 2*calls, more)
	if err != nil {
		return err
	}
	defer roost.end()
	c := b.callConfig("london", 2*calls)
	c.Rate = standingRate
	var before, during memoryOf
	var failed error
	cc := load.CallConfig{Config: c, Relayed: relayed, Registered: func() { before, failed = roost.memory(ctx) }}
	cc.Stand = func() {
		if failed == nil {
			during, failed = roost.memory(ctx)
		}
	}
	m, err := b.callRun(ctx, "london", roost.process, cc)
	if err == nil {
		err = failed
	}
	if err != nil {
		return err
	}
	if !m.Good() || m.Stood != calls {
		b.fault("%d standing calls, %s: %d stood; %s", calls, what, m.Stood, m.Text())
	}
	n := float64(max(m.Stood, 1))
	heap, resident := (float64(during.Heap)-float64(before.Heap))/n/1000, (float64(during.resident)-float64(before.resident))/n/1000
	b.say("  %d standing calls, %s: heap %.1f kB, resident %.1f kB each, set up p99 %.2f ms at %d a second, load %s", m.Stood, what, heap, resident, m.P99, standingRate, loadAverage())
	t.row(fmt.Sprintf("%d standing calls, %s: heap a call, kB", m.Stood, what), figure(heap), "–", "–")
	t.row(fmt.Sprintf("%d standing calls, %s: resident a call, kB", m.Stood, what), figure(resident), "–", "–")
	return nil
}

func callRate(m callsMeasured) string {
	if m.PerSecond == 0 {
		return "–"
	}
	return rate(measured{Result: m.Result})
}

// medianCalls is the middle run by rate, and by itself the middle cost.
func medianCalls(of []callsMeasured) callsMeasured {
	if len(of) == 0 {
		return callsMeasured{}
	}
	slices.SortFunc(of, func(a, b callsMeasured) int { return int(a.PerSecond - b.PerSecond) })
	m := of[len(of)/2]
	var costs []float64
	for _, o := range of {
		costs = append(costs, o.cost)
	}
	slices.Sort(costs)
	m.cost = costs[len(costs)/2]
	return m
}
