package sip

import (
	"strconv"
	"sync"
	"time"

	"roost/registrar"
)

// paces bound how many calls a second each phone begins. A phone that has not called for
// a while is not in the table, so there are at most as many as called just now.
type paces struct {
	rate, burst float64

	mu sync.Mutex
	of map[registrar.Number]pace
}

// pace is what a phone may still begin.
type pace struct {
	left float64
	at   time.Time
}

func newPaces(rate, burst float64) *paces {
	return &paces{rate: rate, burst: max(1, burst), of: make(map[registrar.Number]pace)}
}

func (p *paces) filled(one pace, now time.Time) float64 {
	return min(p.burst, one.left+p.rate*max(0, now.Sub(one.at).Seconds()))
}

// begin takes one call of a phone's; where there is none left it says how long until
// there is.
func (p *paces) begin(n registrar.Number, now time.Time) (wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := p.burst
	if one, known := p.of[n]; known {
		left = p.filled(one, now)
	}
	if left < 1 {
		return time.Duration((1 - left) / p.rate * float64(time.Second))
	}
	p.of[n] = pace{left - 1, now}
	return 0
}

// sweep forgets the phones that may begin as many as one that never called.
func (p *paces) sweep(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n, one := range p.of {
		if p.filled(one, now) >= p.burst {
			delete(p.of, n)
		}
	}
}

// When a call that was refused may be tried again, in seconds: where the system is full
// or behind not at once.
const (
	retryFull   = 10
	retryBehind = 2
)

func (w *work) retryAfter(seconds int) { w.line("Retry-After", strconv.Itoa(seconds)) }

// tooFast refuses a call of a phone that begins too many, but not to an emergency number.
func (w *work) tooFast(key string, n registrar.Number) bool {
	if n == "" || w.emergency() {
		return false
	}
	e := w.e
	wait := e.paces.begin(n, w.now)
	if wait == 0 {
		return false
	}
	e.count.add(cCallRate)
	e.quiet.warn(cCallRate).Str("number", cut(string(n))).Stringer("source", w.in.Remote).
		Float64("per_second", e.paces.rate).Msg("a phone begins too many calls: INVITE refused")
	w.turnAway(key, "Too Many Calls A Second", int(wait/time.Second)+1)
	return true
}

// overrun refuses a new call while the system is so far behind that it would be served
// too late: told at once, before anything is done for it, the caller goes elsewhere or
// tries again, and the calls that are under way are not slowed down by those that would
// time out anyway. Emergency calls wait.
func (w *work) overrun(key string) bool {
	e := w.e
	if w.in.Waited < e.o.Limits.Behind || w.emergency() {
		return false
	}
	e.count.add(cOverrun)
	e.quiet.warn(cOverrun).Dur("behind", w.in.Waited).Dur("limit", e.o.Limits.Behind).
		Msg("more comes than this system can read in time: new calls are refused until it has caught up")
	w.turnAway(key, "System Is Behind", retryBehind)
	return true
}
