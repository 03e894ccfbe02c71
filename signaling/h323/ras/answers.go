package ras

import (
	"hash/maphash"
	"net/netip"
	"time"
)

// answers keeps the last answers, to give them again to requests that come again: the
// same octets, hence the same sequence number, from the same source. It is a ring of
// fixed length: the oldest gives way.
type answers struct {
	seed maphash.Seed
	by   map[answerKey]uint32
	ring []keptAnswer
	next int
}

type answerKey struct {
	sum    uint64
	source netip.AddrPort
}

type keptAnswer struct {
	key  answerKey
	at   time.Time
	data []byte
}

func newAnswers(n int) answers {
	return answers{seed: maphash.MakeSeed(), by: map[answerKey]uint32{}, ring: make([]keptAnswer, n)}
}

func (a *answers) key(packet []byte, source netip.AddrPort) answerKey {
	return answerKey{maphash.Bytes(a.seed, packet), source}
}

// find gives the answer to a request that was answered within a while.
func (a *answers) find(key answerKey, now time.Time, within time.Duration) []byte {
	i, ok := a.by[key]
	if !ok || now.Sub(a.ring[i].at) > within {
		return nil
	}
	return a.ring[i].data
}

func (a *answers) keep(key answerKey, data []byte, now time.Time) {
	kept := &a.ring[a.next]
	if i, ok := a.by[kept.key]; ok && int(i) == a.next {
		delete(a.by, kept.key)
	}
	kept.key, kept.at, kept.data = key, now, append(kept.data[:0], data...)
	a.by[key] = uint32(a.next)
	a.next = (a.next + 1) % len(a.ring)
}

// forget drops the answer to a request, which is then decided anew.
func (a *answers) forget(key answerKey) { delete(a.by, key) }
