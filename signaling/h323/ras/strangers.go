package ras

import (
	"hash/maphash"
	"net/netip"
	"time"
)

// strangers bounds what each source without a registered endpoint may ask: a bucket of
// tokens each, in a table of fixed size, in which the one that was used longest ago
// gives way. So spoofed sources cost no memory.
type strangers struct {
	rate, burst float64
	seed        maphash.Seed
	sets        [][4]bucket
}

type bucket struct {
	source netip.Addr
	at     time.Time
	tokens float64
}

func newStrangers(c *Config) strangers {
	if c.Rate < 0 {
		return strangers{}
	}
	return strangers{rate: c.Rate, burst: c.Burst, seed: maphash.MakeSeed(), sets: make([][4]bucket, (c.Strangers+3)/4)}
}

func (s *strangers) allow(a netip.Addr, now time.Time) bool {
	if s.sets == nil {
		return true
	}
	if a.Is6() { // a subscriber has a /64
		p, err := a.WithZone("").Prefix(64)
		if err == nil {
			a = p.Addr()
		}
	}
	set := &s.sets[maphash.Comparable(s.seed, a)%uint64(len(s.sets))]
	oldest := 0
	for i := range set {
		b := &set[i]
		if b.source == a {
			b.tokens = min(s.burst, b.tokens+s.rate*max(0, now.Sub(b.at).Seconds()))
			b.at = now
			if b.tokens < 1 {
				return false
			}
			b.tokens--
			return true
		}
		if b.at.Before(set[oldest].at) {
			oldest = i
		}
	}
	set[oldest] = bucket{source: a, at: now, tokens: s.burst - 1}
	return true
}
