package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"roost/cmd/roost/lab/load"
)

// row is one kind of load.
type row struct {
	name      string
	transport string
	refresh   bool
	fresh     bool // a new connection each
}

var rows = []row{
	{"UDP, full (401, 200)", "udp", false, false},
	{"UDP, refresh", "udp", true, false},
	{"TCP kept, full", "tcp", false, false},
	{"TCP kept, refresh", "tcp", true, false},
	{"TLS kept, full", "tls", false, false},
	{"TLS kept, refresh", "tls", true, false},
	{"TCP new, refresh", "tcp", true, true},
	{"TLS new, refresh", "tls", true, true},
}

// Fewer phones where each must register beforehand over a connection of its own.
const (
	streamUsers = 10_000
	freshUsers  = 1_000
)

func (r *row) config(b *bench, server string) load.Config {
	c := b.config(server, r.transport)
	c.Refresh, c.NewConnection = r.refresh, r.fresh
	switch {
	case r.fresh:
		c.Users = min(c.Users, freshUsers)
	case r.transport != "udp":
		c.Users = min(c.Users, streamUsers)
	}
	return c
}

// register compares how many REGISTERs a second each server takes.
func (b *bench) register(ctx context.Context) error {
	b.say("\nregister: %d phones, %d runs of %v each, in turn; medians", b.users, b.runs, b.each)
	servers := map[string]*process{}
	defer func() {
		for _, p := range servers {
			p.stop()
		}
	}()
	config, err := b.writeRoost("london", b.users, false)
	if err != nil {
		return err
	}
	roost, err := b.startRoost(ctx, "london", config, b.cores.server, b.keep)
	if err != nil {
		return err
	}
	roost.client.Close()
	servers["london"] = roost.process
	b.say("roost with %d users in YAML answered %.1f s after its start", b.users, roost.upAfter.Seconds())
	kamailio, err := b.startKamailio(ctx)
	if err != nil {
		return err
	}
	if kamailio.process != nil {
		servers["kamailio"] = kamailio.process
	}
	b.say("%s", kamailioAs(kamailio))
	if servers["floor"], err = b.startFloor(ctx); err != nil {
		return err
	}
	settle(ctx)
	t := newTable("REGISTERs a second", "roost", "Kamailio", "× Kamailio", "bare responder", "of the floor",
		"CPU each, µs: roost", "Kamailio", "× Kamailio", "p99 ms: roost", "Kamailio")
	for _, r := range rows {
		medians, err := b.compare(ctx, r, servers, kamailio.noTLS != "")
		if err != nil {
			return err
		}
		t.row(r.cells(medians)...)
	}
	return b.publish("register", t.String(),
		fmt.Sprintf("%s\n\n%s. roost: MD5 only, udp_rate 0, no line to another system; %d users in YAML, up %.1f s after its start. "+
			"Load average at the end %s. \\* the generator was the limit: the server could do more.%s",
			b.machine(), kamailioAs(kamailio), b.users, roost.upAfter.Seconds(), loadAverage(), b.rivalSaid()))
}

func (b *bench) startFloor(ctx context.Context) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p, err := b.start("floor", b.cores.server, self, floorWord, b.address("floor").String(), b.folder)
	if err != nil {
		return nil, err
	}
	if err := p.until(ctx, upWithin, "listened", answersTCP(b.target("floor", "tls").String())); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// compare measures one row at each server, in turn, and gives the medians.
func (b *bench) compare(ctx context.Context, r row, servers map[string]*process, noRivalTLS bool) (map[string]measured, error) {
	runs := map[string][]measured{}
	for range b.runs {
		for _, name := range []string{"london", "kamailio", "floor"} {
			p := servers[name]
			if p == nil || name == "kamailio" && r.transport == "tls" && noRivalTLS {
				continue
			}
			m, err := measure(ctx, r.config(b, name), p)
			if err != nil && name == "kamailio" && ctx.Err() == nil {
				if err = b.rivalFailed(ctx, r, servers, err); err == nil {
					continue
				}
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", r.name, err)
			}
			if !m.Good() {
				b.say("  ! %s at %s was not clean:\n%s", r.name, name, m.Text())
				if name == "london" {
					b.fault("%s: %s", r.name, m.Text())
				}
			}
			limit := ""
			if m.Limit {
				limit = ", generator at its limit"
			}
			b.say("  %-22s %-9s %8.0f/s  %6.1f µs  p50 %6.2f  p99 %7.2f  max %7.2f ms  %d retransmitted, load %s%s", r.name, name,
				m.PerSecond, m.cost, m.P50, m.P99, m.Max, m.Retransmissions, loadAverage(), limit)
			runs[name] = append(runs[name], m)
		}
	}
	medians := map[string]measured{}
	for name, of := range runs {
		medians[name] = median(of)
	}
	return medians, nil
}

// rivalFailed goes on after a run that Kamailio did not stand: it is left out, said,
// and where Kamailio has ended it is started again.
func (b *bench) rivalFailed(ctx context.Context, r row, servers map[string]*process, err error) error {
	b.say("  ! %s: Kamailio failed: %v", r.name, err)
	p := servers["kamailio"]
	select {
	case <-p.exited:
	case <-time.After(2 * time.Second): // it may be about to
	}
	p.stop()
	b.rivalEnds = append(b.rivalEnds, fmt.Sprintf("%s (%v)", r.name, p.err))
	again, err := b.startKamailio(ctx)
	if err == nil {
		servers["kamailio"] = again.process
	}
	return err
}

// rivalSaid are the runs that Kamailio did not stand, for the report.
func (b *bench) rivalSaid() string {
	if len(b.rivalEnds) == 0 {
		return ""
	}
	return " Runs left out because Kamailio ended or failed: " + strings.Join(b.rivalEnds, ", ") + "."
}

// median is the middle run by rate, and by itself the middle cost.
func median(of []measured) measured {
	slices.SortFunc(of, func(a, b measured) int { return int(a.PerSecond - b.PerSecond) })
	m := of[len(of)/2]
	var costs []float64
	for _, o := range of {
		costs = append(costs, o.cost)
	}
	slices.Sort(costs)
	m.cost = costs[len(costs)/2]
	return m
}

func (r *row) cells(medians map[string]measured) []string {
	roost, rival, floor := medians["london"], medians["kamailio"], medians["floor"]
	return []string{
		r.name, rate(roost), rate(rival), ratio(roost.PerSecond, rival.PerSecond),
		rate(floor), ratio(roost.PerSecond, floor.PerSecond),
		figure(roost.cost), figure(rival.cost), ratio(rival.cost, roost.cost),
		figure(roost.P99), figure(rival.P99),
	}
}

func rate(m measured) string {
	if m.PerSecond == 0 {
		return "–"
	}
	mark := ""
	if m.Limit {
		mark = " \\*"
	}
	return fmt.Sprintf("%.0f%s", m.PerSecond, mark)
}
