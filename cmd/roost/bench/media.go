package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"roost/media"
)

// mediaRow is one kind of media load: a call is 100 packets a second.
type mediaRow struct {
	name  string
	calls int
	srtp  bool
}

var mediaRows = []mediaRow{
	{"RTP, 200 calls", 200, false},
	{"RTP, 600 calls", 600, false},
	{"RTP, 1,000 calls", 1000, false},
	{"SRTP to RTP, 200 calls", 200, true},
	{"SRTP to RTP, 600 calls", 600, true},
}

// mediaSteps are the rates, in packets a second, at which the most without loss is
// looked for.
var mediaSteps = []int{40_000, 60_000, 80_000, 100_000, 120_000, 140_000, 160_000, 180_000, 200_000}

// What still is without loss: p99 within the usual jitter buffer, next to none missing.
const (
	mediaLate = 35.0 // ms
	mediaMiss = 0.001
	// mediaStall is how long the generator may be held up by others at a time.
	mediaStall = 10 * time.Millisecond
)

// relayUnderTest is a relay as a process.
type relayUnderTest interface {
	open(*mediaCall) error
	used() time.Duration
	resident() uint64
	end()
}

// mediaMeasured is a run with the relay's processor time.
type mediaMeasured struct {
	mediaResult
	cost   float64 // µs a packet
	memory float64 // MB
}

// media compares the relay with rtpengine in user space.
func (b *bench) media(ctx context.Context) error {
	b.say("\nmedia: 172-octet packets, 100 a second a call, %d runs of %v each, in turn; medians", b.runs, b.each)
	engine, err := b.startRTPEngine(ctx)
	if err != nil {
		return err
	}
	said := engine.missing
	if said == "" {
		said = "rtpengine " + engine.version + ", in user space (--table=-1)"
	}
	engine.end()
	t := newTable("", "CPU a packet, µs: roost", "rtpengine", "× rtpengine", "delay p50 ms: roost", "rtpengine", "p99 ms: roost", "rtpengine",
		"lost %: roost", "rtpengine", "MB: roost", "rtpengine")
	rows := mediaRows
	if b.few() {
		rows = []mediaRow{{"RTP, 20 calls", 20, false}, {"SRTP to RTP, 20 calls", 20, true}}
	}
	for _, row := range rows {
		own, rival, err := b.mediaRow(ctx, row, engine.missing == "")
		if err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
		t.row(row.name, figure(own.cost), figure(rival.cost), ratio(rival.cost, own.cost), milliseconds(own.p50), milliseconds(rival.p50),
			milliseconds(own.p99), milliseconds(rival.p99), percent(own), percent(rival), figure(own.memory), figure(rival.memory))
	}
	most := ""
	if !b.few() {
		if most, err = b.mostWithoutLoss(ctx, engine.missing == ""); err != nil {
			return err
		}
	}
	return b.publish("media", t.String(), fmt.Sprintf("%s\n\n%s. roost: package media/relay in a process of its own, one worker, no signalling.%s Load average at the end %s.",
		b.machine(), said, most, loadAverage()))
}

// few: a small run, to see that all of it works.
func (b *bench) few() bool { return b.users < 10_000 }

func milliseconds(v float64) string {
	if v == 0 {
		return "–"
	}
	return fmt.Sprintf("%.3f", v)
}

func percent(m mediaMeasured) string {
	if m.sent == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", 100*m.lost())
}

// mediaRow measures one row at both, in turn, and gives the medians.
func (b *bench) mediaRow(ctx context.Context, row mediaRow, both bool) (own, rival mediaMeasured, err error) {
	runs := map[string][]mediaMeasured{}
	for range b.runs {
		for _, name := range []string{"roost", "rtpengine"} {
			if name == "rtpengine" && !both {
				continue
			}
			m, err := b.mediaRun(ctx, name, row.calls, row.calls*100, row.srtp, b.each)
			if err != nil {
				return own, rival, fmt.Errorf("%s: %w", name, err)
			}
			b.say("  %-22s %-9s %6.2f µs a packet, p50 %7.3f p99 %8.3f ms, %.2f %% lost, %.1f MB, load %s", row.name, name,
				m.cost, m.p50, m.p99, 100*m.lost(), m.memory, loadAverage())
			if m.wrong > 0 {
				b.fault("%s at %s: %d packets were not what was sent", row.name, name, m.wrong)
			}
			if m.busy || m.stalled > mediaStall {
				b.say("  ! the generator was held up (%v at a time): delay and loss say little", m.stalled.Round(time.Millisecond))
			}
			runs[name] = append(runs[name], m)
		}
	}
	return medianMedia(runs["roost"]), medianMedia(runs["rtpengine"]), nil
}

// medianMedia takes the median of each figure by itself.
func medianMedia(of []mediaMeasured) mediaMeasured {
	if len(of) == 0 {
		return mediaMeasured{}
	}
	middle := func(get func(mediaMeasured) float64) float64 {
		var all []float64
		for _, m := range of {
			all = append(all, get(m))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	slices.SortFunc(of, func(a, b mediaMeasured) int { return b.received - a.received })
	m := of[len(of)/2]
	m.cost = middle(func(m mediaMeasured) float64 { return m.cost })
	m.p50 = middle(func(m mediaMeasured) float64 { return m.p50 })
	m.p99 = middle(func(m mediaMeasured) float64 { return m.p99 })
	m.memory = middle(func(m mediaMeasured) float64 { return m.memory })
	return m
}

// mediaRun starts a relay, opens calls and runs one load.
func (b *bench) mediaRun(ctx context.Context, name string, calls, rate int, protected bool, during time.Duration) (mediaMeasured, error) {
	var relay relayUnderTest
	var err error
	if name == "roost" {
		relay, err = b.startOwnRelay()
	} else {
		relay, err = b.startRTPEngine(ctx)
	}
	if err != nil {
		return mediaMeasured{}, err
	}
	defer relay.end()
	load, far, err := newMediaLoad(b.address("far"), 7000)
	if err != nil {
		return mediaMeasured{}, err
	}
	defer load.close() //nolint:errcheck // its sockets only
	for range calls {
		c := &mediaCall{far: far}
		if protected {
			c.theirs, c.ours = mediaKey(), mediaKey()
		}
		if err := relay.open(c); err != nil {
			return mediaMeasured{}, err
		}
		if err := load.add(c); err != nil {
			return mediaMeasured{}, err
		}
	}
	// Latching, and caches that would be warm in a relay that runs for days.
	if _, err := load.run(min(rate, 20_000), during/4+time.Duration(calls)*100*time.Microsecond); err != nil {
		return mediaMeasured{}, err
	}
	before := relay.used()
	result, err := load.run(rate, during)
	if err != nil {
		return mediaMeasured{}, err
	}
	m := mediaMeasured{mediaResult: result, memory: float64(relay.resident()) / 1e6}
	if result.received > 0 {
		m.cost = float64(relay.used()-before) / float64(time.Microsecond) / float64(result.received)
	}
	return m, ctx.Err()
}

// mediaKey is a key whose octets are letters: the relay's process is told it in a line.
func mediaKey() *media.Key {
	var b [15]byte
	rand.Read(b[:])
	return &media.Key{Suite: media.AES128CM80, Master: []byte(hex.EncodeToString(b[:]))}
}

// stands tells whether a relay carries a rate without loss, in the best of three runs:
// what else runs on the machine can only make it look worse.
func (b *bench) stands(ctx context.Context, name string, rate int) (bool, error) {
	for range 3 {
		m, err := b.mediaRun(ctx, name, 1000, rate, false, b.each)
		if err != nil {
			return false, err
		}
		b.say("  %-9s %7d packets a second: %.2f %% lost, p99 %.3f ms, %.2f µs a packet", name, rate, 100*m.lost(), m.p99, m.cost)
		switch {
		case m.busy || m.stalled > mediaStall:
			b.say("  ! the generator was held up (%v at a time)", m.stalled.Round(time.Millisecond))
		case m.lost() <= mediaMiss && m.p99 <= mediaLate:
			return true, nil
		}
	}
	return false, nil
}

// mostWithoutLoss looks for the highest rate that each relay stands.
func (b *bench) mostWithoutLoss(ctx context.Context, both bool) (string, error) {
	most := map[string]int{}
	for _, name := range []string{"roost", "rtpengine"} {
		if name == "rtpengine" && !both {
			continue
		}
		for _, rate := range mediaSteps {
			stood, err := b.stands(ctx, name, rate)
			if err != nil {
				return "", fmt.Errorf("%s at %d packets a second: %w", name, rate, err)
			}
			if !stood {
				break
			}
			most[name] = rate
		}
	}
	text := fmt.Sprintf(" Most RTP packets a second without loss, 1,000 calls: roost %d", most["roost"])
	if both {
		text += fmt.Sprintf(", rtpengine %d (%s ×)", most["rtpengine"], ratio(float64(most["roost"]), float64(most["rtpengine"])))
	}
	return text + ".", nil
}
