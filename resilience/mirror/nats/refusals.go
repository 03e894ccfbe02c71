package natscarrier

import (
	"net"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// Refusal is a connection that was turned away at our listener.
type Refusal struct {
	First, Last time.Time
	Remote      string // address without port
	System      string // whom its certificate names; "" if none could be believed
	Reason      string // in words
	Count       int    // how often, by the same remote for the same reason
}

const (
	keptRefusals = 32
	// repeatRefusal is how often the same refusal is logged again.
	repeatRefusal = time.Minute
)

// refusals keeps the latest of them, for status, and logs each once a minute.
type refusals struct {
	log   zerolog.Logger
	count *counters

	mu     sync.Mutex
	kept   []Refusal // oldest Last first
	logged map[refusalKey]time.Time
}

type refusalKey struct{ remote, reason string }

func newRefusals(log zerolog.Logger, count *counters) *refusals {
	return &refusals{log: log, count: count, logged: make(map[refusalKey]time.Time)}
}

// add notes that remote, which is or claims to be system, was turned away.
func (r *refusals) add(remote net.Addr, system, reason string) {
	host := hostOf(remote)
	now := time.Now()
	r.count.refused.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	entry := Refusal{First: now, Remote: host, System: system, Reason: reason}
	if i := slices.IndexFunc(r.kept, func(k Refusal) bool {
		return k.Remote == host && k.System == system && k.Reason == reason
	}); i >= 0 {
		entry = r.kept[i]
		r.kept = slices.Delete(r.kept, i, i+1)
	}
	entry.Last = now
	entry.Count++
	if len(r.kept) >= keptRefusals {
		r.kept = slices.Delete(r.kept, 0, 1)
	}
	r.kept = append(r.kept, entry)
	r.tell(now, &entry)
}

func (r *refusals) tell(now time.Time, entry *Refusal) {
	key := refusalKey{remote: entry.Remote, reason: entry.Reason}
	if last, ok := r.logged[key]; ok && now.Sub(last) < repeatRefusal {
		return
	}
	if len(r.logged) >= keptRefusals { // strangers must not make it grow
		clear(r.logged)
	}
	r.logged[key] = now
	r.log.Warn().Str("remote", entry.Remote).Str("system", entry.System).Int("times", entry.Count).
		Msg("line refused: " + entry.Reason)
}

// list is what is kept, the latest first.
func (r *refusals) list() []Refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := slices.Clone(r.kept)
	slices.Reverse(list)
	return list
}

func hostOf(address net.Addr) string {
	if address == nil {
		return "unknown address"
	}
	host, _, err := net.SplitHostPort(address.String())
	if err != nil {
		return address.String()
	}
	return host
}
