package resilience

import (
	"errors"
	"fmt"
	"time"
)

// System is the name of one system of the network.
type System string

// Phone is an extension number, unique over the network (NE3).
type Phone string

// Failback is how the guests of a home come home (FB1, FB8).
type Failback uint8

const (
	// Automatic moves idle guests once the home is stable (FB1). The default.
	Automatic Failback = iota
	// Manual moves no H.323 guest by itself (FB8). SIP phones follow Automatic (FB9).
	Manual
)

// Home is one system that this one backs up.
type Home struct {
	System   System
	Failback Failback
}

// Config is what a Machine is told. Timers and limits of zero are replaced by the
// defaults; durations are used as given, so a lab that runs faster gives them divided.
type Config struct {
	Self    System
	Homes   []Home // the systems backed up here
	Systems int    // number of systems in the network, this one included (FO2); at least len(Homes)+1

	Timers Timers
	Limits Limits

	// PhoneEvidence asks the home about phones that knock though it is visible (FO6).
	PhoneEvidence bool
	// Seed of all randomness: pacing jitter and the guests' expiry.
	Seed uint64

	bugs bugs // planted by the mutation check
}

// Timers are the times of the rules. Zero means the default.
type Timers struct {
	FailoverDelay   time.Duration // FO2; 0 = by the size of the network, see Config.Delay
	DelayBase       time.Duration // FO2: up to 4 systems, 3m
	DelayPerSystem  time.Duration // FO2: for each further system, 10s
	DelayMax        time.Duration // FO2: at most, 10m
	VisibleFor      time.Duration // a heartbeat makes visible for so long, 15s
	AnnounceMax     time.Duration // FO4: longest announced restart, 15m
	FailbackDelay   time.Duration // FB1: 10m
	HomelessGrace   time.Duration // FB5: 5m
	RetryFirst      time.Duration // FB5: next try after a failed one, doubled each time, 5m
	RetryMax        time.Duration // FB5: at most, 60m
	TriggerWait     time.Duration // service between coming back and the next trigger, 20s
	MirrorBehind    time.Duration // SH3: behind or incomplete for so long is an alarm, 30s
	GuestExpiresMin time.Duration // GU1: 60s
	GuestExpiresMax time.Duration // GU1: 120s
	PaceInterval    time.Duration // FB3: between two moves to one home, 100ms
	EvidenceFor     time.Duration // FO6: an answer is believed for so long, and not asked again before half of it, 1m
	ForgetHomeless  time.Duration // a homeless phone's place is given up, 24h
}

// Limits bound the state. Zero means the default; a negative PaceJitter means none.
type Limits struct {
	MaxGuests   int     // capacity for guests (GU2), 100,000
	MaxKnockers int     // distinct phones counted as left without service for each home (GU3), 10,000
	MaxEvidence int     // phones whose evidence is kept (FO6), 10,000
	MaxFamilies int     // user agent families learned about (FB4), 256
	PaceJitter  float64 // FB3: share of PaceInterval by which a move may come earlier or later, 0..1, 0.5
}

// DefaultTimers are the times that RULES gives.
func DefaultTimers() Timers { return Timers{}.withDefaults() }

// Faster divides every time by the factor, for a lab that runs at that speed. Zero
// (default) values are resolved first; FailoverDelay 0 stays 0. A factor <= 1 changes nothing.
func (t Timers) Faster(factor float64) Timers {
	t = t.withDefaults()
	if factor <= 1 {
		return t
	}
	for _, d := range t.all() {
		*d = time.Duration(float64(*d) / factor)
	}
	return t
}

func (t *Timers) all() []*time.Duration {
	return []*time.Duration{
		&t.FailoverDelay, &t.DelayBase, &t.DelayPerSystem, &t.DelayMax, &t.VisibleFor, &t.AnnounceMax,
		&t.FailbackDelay, &t.HomelessGrace, &t.RetryFirst, &t.RetryMax, &t.TriggerWait, &t.MirrorBehind,
		&t.GuestExpiresMin, &t.GuestExpiresMax, &t.PaceInterval, &t.EvidenceFor, &t.ForgetHomeless,
	}
}

func (t Timers) withDefaults() Timers {
	defaults := []time.Duration{
		0, 3 * time.Minute, 10 * time.Second, 10 * time.Minute, 15 * time.Second, 15 * time.Minute,
		10 * time.Minute, 5 * time.Minute, 5 * time.Minute, 60 * time.Minute, 20 * time.Second, 30 * time.Second,
		60 * time.Second, 120 * time.Second, 100 * time.Millisecond, time.Minute, 24 * time.Hour,
	}
	for i, d := range t.all() {
		if *d == 0 {
			*d = defaults[i]
		}
	}
	return t
}

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		at  *int
		def int
	}{{&l.MaxGuests, 100_000}, {&l.MaxKnockers, 10_000}, {&l.MaxEvidence, 10_000}, {&l.MaxFamilies, 256}} {
		if *d.at == 0 {
			*d.at = d.def
		}
	}
	switch {
	case l.PaceJitter == 0:
		l.PaceJitter = 0.5
	case l.PaceJitter < 0:
		l.PaceJitter = 0
	}
	return l
}

// ErrConfig is wrapped by every error of Validate.
var ErrConfig = errors.New("resilience configuration")

// Validate says what is wrong with the configuration, nil if nothing.
func (c Config) Validate() error {
	if c.Self == "" {
		return fmt.Errorf("%w: the system has no name", ErrConfig)
	}
	seen := map[System]bool{}
	for _, h := range c.Homes {
		switch {
		case h.System == "":
			return fmt.Errorf("%w: a home has no name", ErrConfig)
		case h.System == c.Self:
			return fmt.Errorf("%w: %s cannot back up itself", ErrConfig, c.Self)
		case seen[h.System]:
			return fmt.Errorf("%w: home %s is given twice", ErrConfig, h.System)
		}
		seen[h.System] = true
	}
	for _, d := range c.Timers.all() {
		if *d < 0 {
			return fmt.Errorf("%w: a time is negative (%s)", ErrConfig, *d)
		}
	}
	t := c.Timers.withDefaults()
	if t.GuestExpiresMin > t.GuestExpiresMax {
		return fmt.Errorf("%w: the guests' shortest expiry %s is longer than the longest %s", ErrConfig, t.GuestExpiresMin, t.GuestExpiresMax)
	}
	return nil
}

// Delay is the failover delay in force (FO2): as configured, or by the number of systems:
// 3m up to 4, 10s more for each further one, 10m at most; never shorter than VisibleFor.
func (c Config) Delay() time.Duration {
	t := c.Timers.withDefaults()
	d := t.FailoverDelay
	if d == 0 {
		d = t.DelayBase
		if more := max(c.Systems, len(c.Homes)+1) - 4; more > 0 {
			d += time.Duration(more) * t.DelayPerSystem
		}
		d = min(d, t.DelayMax)
	}
	return max(d, t.VisibleFor)
}
