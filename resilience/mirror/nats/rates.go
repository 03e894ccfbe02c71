package natscarrier

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"roost/resilience/mirror"
)

// rates bound what one peer may send, by class.
type rates struct {
	heartbeats, deltas, pulls, answers, calls *rate.Limiter
	floodDrops                                int

	mu     sync.Mutex
	second int64
	drops  int
	warned time.Time
}

func newRates(l *Limits) *rates {
	per := func(perSecond int) *rate.Limiter { return rate.NewLimiter(rate.Limit(perSecond), 2*perSecond) }
	return &rates{
		heartbeats: per(l.HeartbeatRate), deltas: per(l.DeltaRate), pulls: per(l.PullRate),
		answers: per(l.AnswerRate), calls: per(l.CallRate), floodDrops: l.FloodDrops,
	}
}

func (r *rates) of(c mirror.Class) *rate.Limiter {
	switch c {
	case mirror.Heartbeats:
		return r.heartbeats
	case mirror.Deltas:
		return r.deltas
	case mirror.Pulls:
		return r.pulls
	case mirror.Answers:
		return r.answers
	default:
		return r.calls
	}
}

// verdict on a message.
type verdict uint8

const (
	pass     verdict = iota
	drop             // quietly
	dropTell         // and log it: the first for a minute
	dropCut          // and cut the sender off
)

func (r *rates) judge(c mirror.Class, now time.Time) verdict {
	if r.of(c).AllowN(now, 1) {
		return pass
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if second := now.Unix(); second != r.second {
		r.second, r.drops = second, 0
	}
	r.drops++
	if r.drops == r.floodDrops {
		return dropCut
	}
	if r.due(now) {
		return dropTell
	}
	return drop
}

// tell reports whether another warning about this peer is due; once a minute is enough.
func (r *rates) tell(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.due(now)
}

func (r *rates) due(now time.Time) bool {
	if now.Sub(r.warned) < repeatRefusal {
		return false
	}
	r.warned = now
	return true
}

// sources bounds how often each address may do something.
type sources struct {
	perSecond int

	mu sync.Mutex
	by map[string]*rate.Limiter
}

// maxSources is how many addresses are told apart; beyond, all begin anew.
const maxSources = 4096

func newSources(perSecond int) *sources {
	return &sources{perSecond: perSecond, by: make(map[string]*rate.Limiter)}
}

func (s *sources) allow(address string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.by[address]
	if l == nil {
		if len(s.by) >= maxSources {
			clear(s.by)
		}
		l = rate.NewLimiter(rate.Limit(s.perSecond), 2*s.perSecond)
		s.by[address] = l
	}
	return l.AllowN(now, 1)
}
