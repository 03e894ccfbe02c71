package sip

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"roost/registrar"
)

// A ban is about a source address and a number (a cracker), or about a source
// address alone (a scanner that tries many numbers). While it lasts, requests
// with credentials are dropped unanswered and unexamined. It never hits a
// phone whose current binding was made from exactly that address and port, or
// that proved itself on the same TCP or TLS flow: wrong passwords sent in its
// name by another lock nobody out. Bans are short, because a phone whose
// password was just corrected must get in without anybody's help.
const (
	banWindow     = time.Minute      // failures count within it
	banShortest   = 30 * time.Second // the first ban; doubles with each that follows
	banLongest    = 5 * time.Minute
	banNumberAt   = 10  // wrong passwords from one source for one number
	banSourceAt   = 100 // wrong passwords from one source for any number
	banShards     = 16
	bansMostShard = 4096 // entries a shard; the oldest gives way
)

// banTable is bounded: banShards × bansMostShard entries of about 100 bytes.
type banTable struct {
	seed   maphash.Seed
	used   atomic.Int64 // entries in all shards; 0 is the usual case and costs no lock
	shards [banShards]banShard
}

type banKey struct {
	source netip.Addr       // IPv6: its /64
	number registrar.Number // "" for the source alone
}

type banEntry struct {
	since    time.Time // begin of the window
	failures int
	until    time.Time // end of the ban
	length   time.Duration
}

type banShard struct {
	mu      sync.Mutex
	entries map[banKey]*banEntry
	order   []banKey // ring of keys in the order of their arrival
	next    int
}

func newBanTable() *banTable { return &banTable{seed: maphash.MakeSeed()} }

// banSource is what of an address a ban is about. Who has an IPv6 address has
// the /64 it stands in.
func banSource(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		p, err := a.Prefix(64)
		if err == nil {
			return p.Addr()
		}
	}
	return a
}

func (t *banTable) shard(k banKey) *banShard {
	var h maphash.Hash
	h.SetSeed(t.seed)
	b := k.source.As16()
	_, _ = h.Write(b[:])
	_, _ = h.WriteString(string(k.number))
	return &t.shards[h.Sum64()%banShards]
}

// banned says whether credentials from source for number are left unexamined.
func (t *banTable) banned(source netip.Addr, number registrar.Number, now time.Time) bool {
	if t.used.Load() == 0 {
		return false
	}
	source = banSource(source)
	return t.is(banKey{source, number}, now) || t.is(banKey{source: source}, now)
}

func (t *banTable) is(k banKey, now time.Time) bool {
	s := t.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[k]
	return e != nil && now.Before(e.until)
}

// failed counts a wrong password. It reports whether a ban begins by it and
// how many entries gave way.
func (t *banTable) failed(source netip.Addr, number registrar.Number, now time.Time) (begins bool, evicted int) {
	source = banSource(source)
	b1, e1 := t.count(banKey{source, number}, banNumberAt, now)
	b2, e2 := t.count(banKey{source: source}, banSourceAt, now)
	return b1 || b2, e1 + e2
}

func (t *banTable) count(k banKey, at int, now time.Time) (begins bool, evicted int) {
	s := t.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[k]
	if e == nil {
		e = &banEntry{since: now}
		evicted = s.add(k, e)
		t.used.Add(int64(1 - evicted))
	}
	if now.Sub(e.since) >= banWindow && !now.Before(e.until) {
		if now.Sub(e.until) >= banLongest {
			e.length = 0
		}
		e.since, e.failures = now, 0
	}
	e.failures++
	if e.failures < at || now.Before(e.until) {
		return false, evicted
	}
	e.length = min(max(2*e.length, banShortest), banLongest)
	e.until = now.Add(e.length)
	e.since, e.failures = e.until, 0
	return true, evicted
}

// add puts an entry in and returns how many gave way, 0 or 1.
func (s *banShard) add(k banKey, e *banEntry) int {
	if s.entries == nil {
		s.entries = make(map[banKey]*banEntry)
	}
	s.entries[k] = e
	if len(s.order) < bansMostShard {
		s.order = append(s.order, k)
		return 0
	}
	oldest := s.order[s.next]
	s.order[s.next] = k
	s.next = (s.next + 1) % bansMostShard
	if _, ok := s.entries[oldest]; ok {
		delete(s.entries, oldest)
		return 1
	}
	return 0
}

// sweep forgets what has no meaning any more, so that the table is empty in
// peace.
func (t *banTable) sweep(now time.Time) {
	if t.used.Load() == 0 {
		return
	}
	for i := range t.shards {
		t.used.Add(-int64(t.shards[i].sweep(now)))
	}
}

func (s *banShard) sweep(now time.Time) (gone int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, e := range s.entries {
		if now.Sub(e.since) >= banWindow && now.Sub(e.until) >= banLongest {
			delete(s.entries, k)
			gone++
		}
	}
	if gone == 0 {
		return 0
	}
	// The ring starts anew in its old order, without the gaps.
	kept := make([]banKey, 0, len(s.entries))
	for i := range s.order {
		k := s.order[(s.next+i)%len(s.order)]
		if _, ok := s.entries[k]; ok {
			kept = append(kept, k)
		}
	}
	s.order, s.next = kept, 0
	return gone
}

// size returns the number of entries.
func (t *banTable) size() int { return int(t.used.Load()) }
