package sip

import (
	"hash/maphash"
	"sync"
	"time"
)

// turnedAway remembers the INVITEs that were refused for what the system could not do at
// that moment, without a transaction: over UDP the same INVITE may lie in the socket
// again, and must not become a call whose caller has been told 503. It keeps the newest.
type turnedAway struct {
	seed maphash.Seed
	mu   sync.Mutex
	of   map[uint64]refusal
	ring []uint64
	next int
}

// refusal is the answer that was given, at a time.
type refusal struct {
	reason string
	retry  int // seconds
	at     time.Time
}

const (
	// mostTurnedAway are some seconds of the INVITEs of an overrun system.
	mostTurnedAway = 16_384
	// turnedAwayFor is how long an INVITE may come again (RFC 3261 §17.1.1.2, Timer B).
	turnedAwayFor = 32 * time.Second
)

func newTurnedAway() *turnedAway {
	return &turnedAway{seed: maphash.MakeSeed(), of: make(map[uint64]refusal)}
}

func (t *turnedAway) add(key string, r refusal) {
	hash := maphash.String(t.seed, key)
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.of[hash]; !known {
		if len(t.ring) < mostTurnedAway {
			t.ring = append(t.ring, hash)
		} else {
			delete(t.of, t.ring[t.next])
			t.ring[t.next] = hash
			t.next = (t.next + 1) % mostTurnedAway
		}
	}
	t.of[hash] = r
}

func (t *turnedAway) find(key string, now time.Time) (refusal, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.of) == 0 {
		return refusal{}, false
	}
	r, ok := t.of[maphash.String(t.seed, key)]
	return r, ok && now.Sub(r.at) < turnedAwayFor
}

// turnAway refuses an INVITE for now, and any that is the same as it.
func (w *work) turnAway(key, reason string, retry int) {
	if !w.in.Transport.Reliable() {
		w.e.turnedAway.add(key, refusal{reason, retry, w.now})
	}
	w.retryAfter(retry)
	w.reply(503, reason)
}

// turnedAwayBefore answers an INVITE that was refused as it was answered before.
func (w *work) turnedAwayBefore(key string) bool {
	r, before := w.e.turnedAway.find(key, w.now)
	if !before {
		return false
	}
	w.e.count.add(cRepeated)
	w.retryAfter(r.retry)
	w.reply(503, r.reason)
	return true
}
