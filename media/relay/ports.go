package relay

import (
	"math/rand/v2"
	"time"
)

// pairsIn is how many pairs of an even port and the next are in a range.
func pairsIn(first, last uint16) int {
	even := int(first) + int(first)&1
	return max(0, (int(last)-even+1)/2)
}

// ports are the port pairs of one address. A pair is its even port. It is not safe
// for concurrent use.
type ports struct {
	free    []uint16
	resting []rest // in the order of their ends
	total   int
	scarce  bool
}

type rest struct {
	port  uint16
	until time.Time
}

func newPorts(first, last uint16) *ports {
	p := &ports{total: pairsIn(first, last)}
	p.free = make([]uint16, 0, p.total)
	for i := range p.total {
		p.free = append(p.free, first+first&1+uint16(2*i))
	}
	return p
}

// take gives a pair at random, so that nobody outside can tell which is next.
func (p *ports) take(now time.Time) (uint16, bool) {
	p.wake(now)
	if len(p.free) == 0 {
		return 0, false
	}
	i, end := rand.IntN(len(p.free)), len(p.free)-1
	port := p.free[i]
	p.free[i] = p.free[end]
	p.free = p.free[:end]
	return port, true
}

// rest puts a pair away until a time that is not before the last one's.
func (p *ports) rest(port uint16, until time.Time) {
	p.resting = append(p.resting, rest{port, until})
}

func (p *ports) wake(now time.Time) {
	n := 0
	for n < len(p.resting) && !p.resting[n].until.After(now) {
		p.free = append(p.free, p.resting[n].port)
		n++
	}
	if n > 0 {
		p.resting = append(p.resting[:0], p.resting[n:]...)
	}
}

func (p *ports) used() int { return p.total - len(p.free) }

// crossed tells whether the pool became scarce (90 % used) or is so no more (under 80 %).
func (p *ports) crossed() bool {
	before := p.scarce
	switch {
	case p.used()*10 >= p.total*9:
		p.scarce = true
	case p.used()*10 < p.total*8:
		p.scarce = false
	}
	return p.scarce != before
}
