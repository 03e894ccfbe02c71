package credentials

import "sync"

// counts remembers which counts (nc) were used with each nonce: the highest and
// a window of those below it. Its size is fixed. A nonce that had to give way to
// newer ones is not taken for new again: its bucket keeps how new the newest
// forgotten one was, and what is not newer than that is stale. So forgetting
// costs a phone one round and never lets a request in twice.
type counts struct {
	buckets []bucket // length a power of two
}

type bucket struct {
	mu        sync.Mutex
	forgotten uint64 // the newest stamp that gave way
	entries   [bucketSize]entry
}

type entry struct {
	stamp   uint64 // 0: free
	highest uint32
	window  uint32 // bit i: highest-1-i was used
}

const (
	bucketSize = 8
	windowSize = 32
)

func newCounts(nonces int) *counts {
	n := 1
	for n*bucketSize < nonces {
		n *= 2
	}
	return &counts{buckets: make([]bucket, n)}
}

// use records that a nonce was used with a count. It reports false if that was
// used before, or may have been.
func (c *counts) use(stamp uint64, count uint32) bool {
	h := stamp * 0x9e3779b97f4a7c15
	b := &c.buckets[(h>>32)&uint64(len(c.buckets)-1)]
	b.mu.Lock()
	defer b.mu.Unlock()
	oldest := &b.entries[0]
	for i := range b.entries {
		e := &b.entries[i]
		if e.stamp == stamp {
			return e.use(count)
		}
		if e.stamp < oldest.stamp {
			oldest = e
		}
	}
	if stamp <= b.forgotten {
		return false
	}
	if oldest.stamp > stamp { // older than all that are kept: it is forgotten itself
		b.forgotten = stamp
		return true
	}
	b.forgotten = max(b.forgotten, oldest.stamp)
	*oldest = entry{stamp: stamp, highest: count}
	return true
}

func (e *entry) use(count uint32) bool {
	if count > e.highest {
		up := count - e.highest
		e.window = e.window<<up | 1<<(up-1) // both are 0 from a step of 33 on
		e.highest = count
		return true
	}
	back := e.highest - count
	if back == 0 || back > windowSize || e.window&(1<<(back-1)) != 0 {
		return false
	}
	e.window |= 1 << (back - 1)
	return true
}
