package registrar

import (
	"cmp"
	"iter"
	"slices"
	"sync/atomic"
	"time"
)

// Registrar is the location table of one system. It is safe for concurrent use.
// Times must not go backwards by much; use times with Go's monotonic reading,
// so that a step of the wall clock changes no lease.
type Registrar struct {
	origin time.Time
	seed   uint64
	config atomic.Pointer[Config]
	count  counters
	agents names
	homes  names
	shards [shardCount]shard
}

// New makes an empty table. now is the origin of its time.
func New(c Config, now time.Time) *Registrar {
	r := &Registrar{origin: now, seed: c.Seed}
	r.Configure(c)
	for i := range r.shards {
		r.shards[i].of = r
		r.shards[i].soonest.Store(never)
	}
	return r
}

// Configure takes new limits over (a reload); the Seed stays. Bindings that
// exceed the limits stay.
func (r *Registrar) Configure(c Config) {
	c = c.withDefaults()
	r.config.Store(&c)
}

func (r *Registrar) since(now time.Time) int64 { return int64(now.Sub(r.origin)) }

// shardOf is the shard of a number and the number's hash within it.
func (r *Registrar) shardOf(n Number) (*shard, uint32) {
	h := uint64(14695981039346656037) ^ r.seed
	for i := 0; i < len(n); i++ {
		h = (h ^ uint64(n[i])) * 1099511628211
	}
	h = mix(h)
	return &r.shards[h>>58], uint32(h)
}

// mix is the finalizer of splitmix64.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Lookup is the phone's bindings that stand at now, in the order in which to
// try them: devices by preference (q) and then the newest first; the flows of
// one device next to each other, the newest first.
func (r *Registrar) Lookup(n Number, now time.Time) []Registration {
	s, hash := r.shardOf(n)
	t := r.since(now)
	var all []Registration
	s.mu.Lock()
	for slot := s.first(n, hash); slot != 0; slot = s.at(slot).next {
		if b := s.at(slot); b.expires > t {
			all = append(all, s.registration(b))
		}
	}
	s.mu.Unlock()
	sortForRinging(all)
	return all
}

func sortForRinging(all []Registration) {
	if len(all) < 2 {
		return
	}
	// best is the binding of the same device that comes first.
	best := func(r *Registration) *Registration {
		for i := range all {
			if o := &all[i]; o.Instance != "" && o.Instance == r.Instance && compareFlows(o, r) < 0 {
				r = o
			}
		}
		return r
	}
	order := make([]Registration, 0, len(all))
	for i := range all {
		order = append(order, *best(&all[i]))
	}
	at := make([]int, len(all))
	for i := range at {
		at[i] = i
	}
	slices.SortFunc(at, func(i, j int) int {
		return cmp.Or(compareDevices(&order[i], &order[j]), compareFlows(&all[i], &all[j]))
	})
	for i, from := range at {
		order[i] = all[from]
	}
	copy(all, order)
}

func compareDevices(a, b *Registration) int {
	return cmp.Or(cmp.Compare(b.Q, a.Q), b.Registered.Compare(a.Registered),
		cmp.Compare(a.Instance, b.Instance))
}

func compareFlows(a, b *Registration) int {
	return cmp.Or(cmp.Compare(b.Q, a.Q), b.Registered.Compare(a.Registered),
		cmp.Compare(a.RegID, b.RegID), cmp.Compare(a.Contact, b.Contact))
}

// Ring takes what Lookup returned and keeps the first flow of each device: two
// flows of one instance ring once (RFC 5626 section 6). The others are for when
// it answers 430.
func Ring(all []Registration) []Registration {
	var first []Registration
	for _, r := range all {
		if n := len(first); n == 0 || r.Instance == "" || r.Instance != first[n-1].Instance {
			first = append(first, r)
		}
	}
	return first
}

// Guests are the guests that stand at now, ordered by number.
func (r *Registrar) Guests(now time.Time) []Guest {
	var all []Guest
	at := make(map[Number]int)
	for b := range r.All(now) {
		if !b.Guest {
			continue
		}
		i, ok := at[b.Number]
		if !ok {
			i = len(all)
			at[b.Number] = i
			all = append(all, Guest{Phone: b.Number, Home: b.Home, Protocol: b.Protocol,
				UserAgent: b.UserAgent, Since: b.Since, Expires: b.Expires})
		}
		if b.Since.Before(all[i].Since) {
			all[i].Since = b.Since
		}
		if b.Expires.After(all[i].Expires) {
			all[i].Expires = b.Expires
		}
	}
	slices.SortFunc(all, func(a, b Guest) int { return cmp.Compare(a.Phone, b.Phone) })
	return all
}

// All iterates over the bindings that stand at now, for status and for sharing
// them anew. The table may change meanwhile; a binding that stands throughout is
// seen exactly once. No lock is held while the loop's body runs.
func (r *Registrar) All(now time.Time) iter.Seq[Registration] {
	t := r.since(now)
	return func(yield func(Registration) bool) {
		var page []Registration
		for i := range r.shards {
			for p, more := 0, true; more; p++ {
				page, more = r.shards[i].page(page[:0], p, t)
				for _, b := range page {
					if !yield(b) {
						return
					}
				}
			}
		}
	}
}

// page appends the bindings of a page that stand at t; more is false when there
// is no such page.
func (s *shard) page(dst []Registration, p int, t int64) (_ []Registration, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p >= len(s.pages) {
		return dst, false
	}
	for i := range s.pages[p] {
		if b := &s.pages[p][i]; b.protocol != 0 && b.expires > t {
			dst = append(dst, s.registration(b))
		}
	}
	return dst, true
}

// Count is how many are registered.
func (r *Registrar) Count() Counts {
	c := r.config.Load()
	return Counts{
		SIP:        int(r.count.own[SIP].Load()),
		H323:       int(r.count.own[H323].Load()),
		GuestsSIP:  int(r.count.guests[SIP].Load()),
		GuestsH323: int(r.count.guests[H323].Load()),
		Bindings:   int(r.count.bindings.Load()),
		Licences:   c.Licences,
		Capacity:   c.Capacity,
	}
}
