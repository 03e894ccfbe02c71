package service

import (
	"context"
	"sync"

	"roost/resilience/mirror"
)

// lane is messages on their way to the carrier. There are two, so that a
// heartbeat never waits behind bulk data that a carrier is slow to take.
type lane struct {
	carrier mirror.Carrier
	most    int // bytes that wait; beyond, a message is dropped, which its reader repairs

	mu      sync.Mutex
	waiting []mirror.Send
	size    int
	dropped uint64

	sending sync.Mutex // held while messages are published, so that they keep their order
	wake    chan struct{}
}

func newLane(c mirror.Carrier, most int) *lane {
	return &lane{carrier: c, most: most, wake: make(chan struct{}, 1)}
}

func (l *lane) add(m mirror.Send) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size+len(m.Payload) > l.most {
		l.dropped++
		return
	}
	l.size += len(m.Payload)
	l.waiting = append(l.waiting, m)
	signal(l.wake)
}

// publish hands what waits to the carrier.
func (l *lane) publish() {
	l.sending.Lock()
	defer l.sending.Unlock()
	l.mu.Lock()
	waiting := l.waiting
	l.waiting = nil
	l.mu.Unlock()
	for i, m := range waiting {
		err := l.carrier.Publish(m.Subject, m.Payload)
		waiting[i].Payload = nil
		l.mu.Lock()
		l.size -= len(m.Payload)
		if err != nil { // as if a line had lost it: its reader pulls
			l.dropped++
		}
		l.mu.Unlock()
	}
}

func (l *lane) lost() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropped
}

func (l *lane) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
			l.publish()
		}
	}
}

// signal wakes whoever waits on c, now or later.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
