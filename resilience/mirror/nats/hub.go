package natscarrier

import (
	"slices"
	"sync"

	"roost/resilience/mirror"
)

// hub hands what arrives to those who subscribed, each with a queue and a goroutine of
// its own, so that a slow handler holds up nobody else.
type hub struct {
	limits *Limits
	count  *counters

	mu     sync.RWMutex
	subs   []*subscription
	closed bool
	wg     sync.WaitGroup
}

type subscription struct {
	pattern mirror.Subject
	waiting *queue[mirror.Message]
}

// messageOverhead is what a message costs in a queue besides its payload.
const messageOverhead = 256

func (h *hub) subscribe(pattern mirror.Subject, handler func(mirror.Message)) (func(), error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, mirror.ErrDown
	}
	s := &subscription{
		pattern: pattern,
		waiting: newQueue(h.limits.QueueMessages, h.limits.QueueBytes,
			func(m *mirror.Message) int { return len(m.Payload) + messageOverhead }),
	}
	h.subs = append(slices.Clip(h.subs), s)
	h.wg.Go(func() {
		for {
			m, ok := s.waiting.take()
			if !ok {
				return
			}
			handler(m)
		}
	})
	return func() { h.unsubscribe(s) }, nil
}

func (h *hub) unsubscribe(s *subscription) {
	s.waiting.close()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.subs = slices.DeleteFunc(slices.Clone(h.subs), func(other *subscription) bool { return other == s })
}

// deliver puts a message into the queue of each subscription that matches, and reports
// whether there was any.
func (h *hub) deliver(m mirror.Message) (matched bool) {
	h.mu.RLock()
	subs := h.subs
	h.mu.RUnlock()
	for _, s := range subs {
		if !s.pattern.Matches(m.Subject) {
			continue
		}
		matched = true
		if !s.waiting.put(m) {
			h.count.droppedQueue.Add(1)
		}
	}
	return matched
}

// close ends all subscriptions and waits for their handlers to return.
func (h *hub) close() {
	h.mu.Lock()
	h.closed = true
	subs := h.subs
	h.subs = nil
	h.mu.Unlock()
	for _, s := range subs {
		s.waiting.close()
	}
	h.wg.Wait()
}
