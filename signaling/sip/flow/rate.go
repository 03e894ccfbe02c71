package flow

import (
	"hash/maphash"
	"net/netip"
)

// rates is a token bucket for each source, in a table of fixed size: a source's bucket
// stands in one of four places; where all are taken, the one that was used longest ago
// gives way, which does its owner no harm (it begins anew with a full bucket). So
// spoofed sources cost no memory. It is not safe for concurrent use.
type rates struct {
	perNano float32
	burst   float32
	seed    maphash.Seed
	sets    [][rateWays]bucket
}

const rateWays = 4

type bucket struct {
	source netip.Addr
	at     int64 // Unix nanoseconds
	tokens float32
}

// newRates returns nil where the rate is switched off.
func newRates(l Limits) *rates {
	if l.Rate < 0 {
		return nil
	}
	return &rates{
		perNano: float32(l.Rate / 1e9),
		burst:   float32(l.Burst),
		seed:    maphash.MakeSeed(),
		sets:    make([][rateWays]bucket, (l.Sources+rateWays-1)/rateWays),
	}
}

// allow takes one token of the source's bucket.
func (r *rates) allow(source netip.Addr, now int64) bool {
	if r == nil {
		return true
	}
	set := &r.sets[maphash.Comparable(r.seed, source)%uint64(len(r.sets))]
	oldest := 0
	for i := range set {
		b := &set[i]
		if b.source == source {
			b.tokens = min(r.burst, b.tokens+float32(max(now-b.at, 0))*r.perNano)
			b.at = now
			if b.tokens < 1 {
				return false
			}
			b.tokens--
			return true
		}
		if b.at < set[oldest].at {
			oldest = i
		}
	}
	set[oldest] = bucket{source: source, at: now, tokens: r.burst - 1}
	return true
}

// sourceOf is what counts as one source: an IPv4 address, or an IPv6 /64, which is
// what one subscriber has.
func sourceOf(a netip.Addr) netip.Addr {
	a = a.Unmap()
	if a.Is4() || !a.IsValid() {
		return a
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}
