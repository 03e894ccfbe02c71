package node

import (
	"sync"

	"roost/registrar"
)

// busySet are the phones that a lab declared busy; it stands in for calls.
type busySet struct {
	mu      sync.RWMutex
	numbers map[registrar.Number]bool
}

func (b *busySet) has(n registrar.Number) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.numbers[n]
}

// set says whether that changed anything.
func (b *busySet) set(n registrar.Number, busy bool) (changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.numbers[n] == busy {
		return false
	}
	if busy {
		if b.numbers == nil {
			b.numbers = map[registrar.Number]bool{}
		}
		b.numbers[n] = true
	} else {
		delete(b.numbers, n)
	}
	return true
}
