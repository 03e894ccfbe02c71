package mirror

import (
	"fmt"
	"time"

	"roost/resilience/mirror/internal/planted"
)

// ProtocolVersion is what heartbeats say. A system with a greater one is
// understood as far as this one knows; frames and fields it does not know are
// skipped.
const ProtocolVersion = 1

// Config is what a [Session] is made of. Zero values of times and limits are
// replaced by the defaults named with each.
type Config struct {
	Self  string
	Epoch uint64   // from [NewEpoch]; another one at each start
	Sets  []string // the sets that this system writes, besides Dir, which it always does
	// Peers are the systems with a line; others that are heard through hubs are
	// learned, up to MaxSystems.
	Peers []string

	Ready           bool              // the phone service is ready from the start
	Wants, Compared map[string]string // see [Heartbeat]

	// Wall says what the wall clock shows at an instant; nil: the instant itself.
	Wall func(now time.Time) time.Time

	HeartbeatEvery time.Duration // 5 s
	PullDeadline   time.Duration // 5 s without any part of an answer: the pull is tried again
	RetryMin       time.Duration // 500 ms, doubled at each try …
	RetryMax       time.Duration // … up to 15 s, less a random part of up to a third
	Patience       time.Duration // 30 s: never complete, behind, unequal digests: alarm
	LagGrace       time.Duration // 1 s: a heartbeat may overtake a delta by that much before it counts as lost
	SilentAfter    time.Duration // 15 s without a heartbeat: a set's state says so
	TombstoneKeep  time.Duration // 1 h, at least
	SweepEvery     time.Duration // 2 s: expired records are deleted by the owner, reported by the reader

	Limits Limits

	// Planted are bugs that the simulator's mutation check turns on. The type is
	// internal to the mirror: nothing outside can.
	Planted planted.Bugs
}

// Limits bound what a session keeps and sends, so that no peer can make it grow.
type Limits struct {
	MaxKey        int // bytes; 256
	MaxValue      int // bytes; 16 KiB
	MaxRecords    int // a set, own or mirrored; 400,000
	MaxBytes      int // keys and values of a set, own or mirrored; 256 MiB
	MaxTombstones int // a set; 400,000; beyond, the oldest are forgotten early
	MaxSystems    int // 128
	MaxSets       int // mirrored from one system, and written here; 128
	MaxMessage    int // bytes of one payload; 256 KiB, at most the carrier's MaxPayload
	Window        int // bytes of one answer to a pull, in several messages; 4 MiB
	PullsPerSec   int // answered to one peer a second; 50, with a burst of as many
}

// NewEpoch makes an epoch for a start at that time, from 32 random bits. See the
// package comment for why it is made so.
func NewEpoch(start time.Time, random uint32) uint64 {
	return uint64(uint32(start.Unix()))<<32 | uint64(random)
}

func orDefault[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

func (c Config) withDefaults() (Config, error) {
	if err := CheckName(c.Self); err != nil {
		return c, fmt.Errorf("this system: %w", err)
	}
	for _, p := range c.Peers {
		if err := CheckName(p); err != nil {
			return c, fmt.Errorf("peer: %w", err)
		}
		if p == c.Self {
			return c, fmt.Errorf("peer %q is this system itself: %w", p, ErrName)
		}
	}
	for _, s := range c.Sets {
		if err := CheckSet(s); err != nil {
			return c, err
		}
	}
	orDefault(&c.HeartbeatEvery, 5*time.Second)
	orDefault(&c.PullDeadline, 5*time.Second)
	orDefault(&c.RetryMin, 500*time.Millisecond)
	orDefault(&c.RetryMax, 15*time.Second)
	orDefault(&c.Patience, 30*time.Second)
	orDefault(&c.LagGrace, time.Second)
	orDefault(&c.SilentAfter, 15*time.Second)
	orDefault(&c.TombstoneKeep, time.Hour)
	orDefault(&c.SweepEvery, 2*time.Second)
	c.Limits = c.Limits.withDefaults()
	if need := c.Limits.MaxKey + c.Limits.MaxValue + recordRoom + deltaRoom; c.Limits.MaxMessage < need {
		return c, fmt.Errorf("a message of %d bytes cannot hold the longest record, %d: %w", c.Limits.MaxMessage, need, ErrTooBig)
	}
	if c.Wall == nil {
		c.Wall = func(now time.Time) time.Time { return now }
	}
	return c, nil
}

// Check refuses a key or a value that is longer than the limits.
func (l Limits) Check(key string, value []byte) error {
	l = l.withDefaults()
	if len(key) == 0 || len(key) > l.MaxKey {
		return fmt.Errorf("a key of %d bytes, 1 to %d are allowed: %w", len(key), l.MaxKey, ErrTooBig)
	}
	if len(value) > l.MaxValue {
		return fmt.Errorf("a value of %d bytes, %d are allowed: %w", len(value), l.MaxValue, ErrTooBig)
	}
	return nil
}

func (l Limits) withDefaults() Limits {
	orDefault(&l.MaxKey, 256)
	orDefault(&l.MaxValue, 16<<10)
	orDefault(&l.MaxRecords, 400_000)
	orDefault(&l.MaxBytes, 256<<20)
	orDefault(&l.MaxTombstones, 400_000)
	orDefault(&l.MaxSystems, 128)
	orDefault(&l.MaxSets, 128)
	orDefault(&l.MaxMessage, 256<<10)
	orDefault(&l.Window, 4<<20)
	orDefault(&l.PullsPerSec, 50)
	return l
}
