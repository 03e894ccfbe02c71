package natscarrier

import "sync"

// queue is a bounded first-in-first-out of messages for one goroutine.
type queue[T any] struct {
	mu       sync.Mutex
	ready    sync.Cond
	items    []T
	head     int
	bytes    int
	maxItems int
	maxBytes int
	closed   bool
	size     func(*T) int
}

func newQueue[T any](maxItems, maxBytes int, size func(*T) int) *queue[T] {
	q := &queue[T]{maxItems: maxItems, maxBytes: maxBytes, size: size}
	q.ready.L = &q.mu
	return q
}

// put reports false where the item was dropped: the queue is full or closed.
func (q *queue[T]) put(item T) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	bytes := q.size(&item)
	if q.closed || len(q.items)-q.head >= q.maxItems || q.bytes+bytes > q.maxBytes {
		return false
	}
	if len(q.items) == cap(q.items) && q.head >= len(q.items)/2 && q.head > 0 { // make room in place
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, item)
	q.bytes += bytes
	q.ready.Signal()
	return true
}

// take waits for an item; false when the queue was closed.
func (q *queue[T]) take() (item T, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == q.head && !q.closed {
		q.ready.Wait()
	}
	if q.closed {
		return item, false
	}
	item = q.items[q.head]
	var zero T
	q.items[q.head] = zero
	q.head++
	q.bytes -= q.size(&item)
	if q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
		if cap(q.items) > keepItems {
			q.items = nil
		}
	}
	return item, true
}

// keepItems is the capacity that an empty queue keeps after a burst.
const keepItems = 1024

// close lets take return and drops what waits.
func (q *queue[T]) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.items, q.head, q.bytes = nil, 0, 0
	q.ready.Broadcast()
}
