package mirrortest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"roost/resilience/mirror"
)

// Carrier is one system's end of a [Network].
type Carrier struct {
	net        *Network
	name       string
	maxPayload int

	mu     sync.Mutex
	closed bool
	subs   []*subscription
	lines  map[string]mirror.LineState
	watch  []*watcher
	done   sync.WaitGroup
}

var _ mirror.Carrier = (*Carrier)(nil)

type subscription struct {
	subject mirror.Subject
	in      chan delivery
	end     chan struct{}
	once    sync.Once
}

type delivery struct {
	at      time.Time
	message mirror.Message
}

// buffer is how many messages a subscription holds before it drops.
const buffer = 4096

// Close ends the carrier and waits for its goroutines; the others see the line
// go down.
func (c *Carrier) Close() {
	c.mu.Lock()
	already := c.closed
	c.closed = true
	for _, s := range c.subs {
		s.once.Do(func() { close(s.end) })
	}
	for _, w := range c.watch {
		w.once.Do(func() { close(w.end) })
	}
	c.mu.Unlock()
	c.done.Wait()
	if already {
		return
	}
	c.net.mu.Lock()
	others := c.net.others(c.name)
	replaced := c.net.carriers[c.name] != c
	c.net.mu.Unlock()
	for _, o := range others {
		if !replaced {
			c.net.line(c, o)
		}
	}
}

func (c *Carrier) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// MaxPayload is 1 MiB.
func (c *Carrier) MaxPayload() int { return c.maxPayload }

// Publish sends to every carrier whose line is up.
func (c *Carrier) Publish(s mirror.Subject, payload []byte) error {
	if err := c.check(payload); err != nil {
		return err
	}
	to, at := c.net.reach(c.name, true)
	for _, o := range to {
		o.deliver(delivery{at, mirror.Message{Subject: s, Payload: bytes.Clone(payload)}})
	}
	return nil
}

func (c *Carrier) check(payload []byte) error {
	if len(payload) > c.maxPayload {
		return fmt.Errorf("payload of %d bytes: %w", len(payload), mirror.ErrTooBig)
	}
	if c.isClosed() {
		return mirror.ErrDown
	}
	return nil
}

// deliver reports whether anybody here subscribed.
func (c *Carrier) deliver(d delivery) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := false
	for _, s := range c.subs {
		if c.closed || !s.subject.Matches(d.message.Subject) {
			continue
		}
		found = true
		select {
		case s.in <- d:
		default:
			c.net.lost.Add(1)
		}
	}
	return found
}

// Subscribe runs the handler in a goroutine of the subscription.
func (c *Carrier) Subscribe(s mirror.Subject, handler func(mirror.Message)) (func(), error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, mirror.ErrDown
	}
	sub := &subscription{subject: s, in: make(chan delivery, buffer), end: make(chan struct{})}
	c.subs = append(c.subs, sub)
	c.done.Add(1)
	go func() {
		defer c.done.Done()
		sub.run(handler)
	}()
	return func() {
		sub.once.Do(func() { close(sub.end) })
		c.mu.Lock()
		defer c.mu.Unlock()
		c.subs = slices.DeleteFunc(c.subs, func(x *subscription) bool { return x == sub })
	}, nil
}

func (s *subscription) run(handler func(mirror.Message)) {
	for {
		select {
		case <-s.end:
			return
		case d := <-s.in:
			if wait := time.Until(d.at); wait > 0 {
				timer := time.NewTimer(wait)
				select {
				case <-s.end:
					timer.Stop()
					return
				case <-timer.C:
				}
			}
			select {
			case <-s.end:
				return
			default:
				handler(d.message)
			}
		}
	}
}

// Request delivers to the one system and waits.
func (c *Carrier) Request(ctx context.Context, s mirror.Subject, payload []byte) ([]byte, error) {
	if err := c.check(payload); err != nil {
		return nil, err
	}
	if _, limited := ctx.Deadline(); !limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
	}
	answer := make(chan []byte, 1)
	reply := func(b []byte) error {
		select {
		case answer <- bytes.Clone(b):
		default:
		}
		return nil
	}
	to, at := c.net.reach(c.name, false)
	i := slices.IndexFunc(to, func(o *Carrier) bool { return o.name == s.Origin })
	if i < 0 || !to[i].deliver(delivery{at, mirror.Message{Subject: s, Payload: bytes.Clone(payload), Reply: reply}}) {
		return nil, mirror.ErrNoAnswer
	}
	select {
	case b := <-answer:
		return b, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Lines are the lines to all systems that ever were on the network.
func (c *Carrier) Lines() []mirror.LineState {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]mirror.LineState, 0, len(c.lines))
	for _, name := range slices.Sorted(maps.Keys(c.lines)) {
		all = append(all, c.lines[name])
	}
	return all
}

type watcher struct {
	in   chan mirror.LineState
	end  chan struct{}
	once sync.Once
}

// WatchLines reports from a goroutine of its own.
func (c *Carrier) WatchLines(f func(mirror.LineState)) func() {
	w := &watcher{in: make(chan mirror.LineState, buffer), end: make(chan struct{})}
	lines := c.Lines()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range lines {
		w.in <- l
	}
	c.watch = append(c.watch, w)
	if c.closed {
		w.once.Do(func() { close(w.end) })
	}
	c.done.Add(1)
	go func() {
		defer c.done.Done()
		for {
			select {
			case <-w.end:
				return
			case l := <-w.in:
				f(l)
			}
		}
	}()
	return func() { w.once.Do(func() { close(w.end) }) }
}

func (c *Carrier) setLine(peer, why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, known := c.lines[peer]
	if known && l.Up == (why == "") && l.Why == why {
		return
	}
	l = mirror.LineState{Peer: peer, Up: why == "", Why: why, Since: time.Now()}
	c.lines[peer] = l
	for _, w := range c.watch {
		select {
		case w.in <- l:
		default:
		}
	}
}
