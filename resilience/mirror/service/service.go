package service

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"sync"
	"time"

	"roost/resilience/mirror"
)

// Service shares this system's records and mirrors those of others.
type Service struct {
	opts     Options
	handlers map[string]Handler

	// mu guards the session and all that its effects wait in.
	mu       sync.Mutex
	session  *mirror.Session
	urgent   []func()      // callbacks on heartbeats, lines and alarms
	calls    []func()      // callbacks on records, in their order
	room     *sync.Cond    // signalled when calls shrinks, or at the end
	callable chan struct{} // there is a callback to call
	full     map[string]bool
	stopped  bool

	// changes has a lock of its own, so that a put never waits for a snapshot
	// that is being applied.
	changes changes

	beats, bulk *lane

	wake   chan struct{}
	cancel context.CancelFunc
	undo   []func() // subscriptions
	done   sync.WaitGroup
	once   sync.Once
}

const (
	maxWaitingCalls = 256 // callbacks on records; beyond, the carrier's handler waits
	maxWaitingBulk  = 64 << 20
	maxWaitingBeats = 1 << 20
)

// ErrStopped is a call to a service that was stopped.
var ErrStopped = errors.New("the sharing service has stopped")

// New checks the options. It starts nothing. A Config.Epoch of 0 is replaced by
// a new one.
func New(o Options) (*Service, error) {
	if o.Carrier == nil || o.Callbacks == nil {
		return nil, errors.New("sharing service: a carrier and callbacks are needed")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Gather <= 0 {
		o.Gather = 3 * time.Millisecond
	}
	start := o.Now()
	if o.Config.Epoch == 0 {
		var b [4]byte
		if _, err := rand.Read(b[:]); err != nil {
			return nil, fmt.Errorf("sharing service: random bits for the epoch: %w", err)
		}
		o.Config.Epoch = mirror.NewEpoch(start, binary.BigEndian.Uint32(b[:]))
	}
	if most := o.Carrier.MaxPayload(); o.Config.Limits.MaxMessage <= 0 || o.Config.Limits.MaxMessage > most {
		o.Config.Limits.MaxMessage = min(256<<10, most)
	}
	session, err := mirror.NewSession(o.Config, start)
	if err != nil {
		return nil, fmt.Errorf("sharing service: %w", err)
	}
	s := &Service{
		opts: o, session: session, handlers: make(map[string]Handler), full: make(map[string]bool),
		wake: make(chan struct{}, 1), callable: make(chan struct{}, 1),
		beats: newLane(o.Carrier, maxWaitingBeats), bulk: newLane(o.Carrier, maxWaitingBulk),
	}
	s.room = sync.NewCond(&s.mu)
	for _, state := range session.Store().States() {
		s.changes.declare(state.Set)
	}
	return s, nil
}

// Epoch is that of this start.
func (s *Service) Epoch() uint64 { return s.opts.Config.Epoch }

// Start subscribes and begins. The service ends with Stop, or with ctx.
func (s *Service) Start(ctx context.Context) error {
	ctx, s.cancel = context.WithCancel(ctx)
	for _, sub := range mirror.Subscriptions(s.opts.Config.Self) {
		if err := s.subscribe(sub, s.received); err != nil {
			s.Stop()
			return err
		}
	}
	calls := mirror.Subject{Class: mirror.Calls, Origin: s.opts.Config.Self, Peer: mirror.Any, Verb: mirror.Any}
	if err := s.subscribe(calls, s.called); err != nil {
		s.Stop()
		return err
	}
	for _, run := range []func(context.Context){s.run, s.callback, s.beats.run, s.bulk.run} {
		s.done.Go(func() { run(ctx) })
	}
	s.undo = append(s.undo, s.opts.Carrier.WatchLines(func(l mirror.LineState) {
		s.step(mirror.LineChanged{Line: l})
		s.queue(&s.urgent, func() { s.opts.Callbacks.LineChanged(l) })
	}))
	context.AfterFunc(ctx, s.Stop)
	return nil
}

func (s *Service) subscribe(sub mirror.Subject, handler func(mirror.Message)) error {
	undo, err := s.opts.Carrier.Subscribe(sub, handler)
	if err != nil {
		return fmt.Errorf("subscribe %s: %w", sub, err)
	}
	s.undo = append(s.undo, undo)
	return nil
}

// Stop publishes what was gathered, ends the service's goroutines and
// subscriptions, and waits for them.
func (s *Service) Stop() {
	s.once.Do(func() {
		s.changes.close()
		s.flush()
		s.bulk.publish()
		s.mu.Lock()
		s.stopped = true
		s.room.Broadcast()
		s.mu.Unlock()
		for _, undo := range s.undo {
			undo()
		}
		if s.cancel != nil {
			s.cancel()
		}
	})
	s.done.Wait()
}

// run ticks and flushes.
func (s *Service) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-timer.C:
		}
		timer.Reset(s.work())
	}
}

// work does what is due, and returns how long nothing will be.
func (s *Service) work() time.Duration {
	now := s.opts.Now()
	flushAt, pending := s.changes.due()
	if pending && !now.Before(flushAt) {
		s.flush()
	}
	s.mu.Lock()
	due := !now.Before(s.session.Next())
	s.mu.Unlock()
	if due {
		s.step(mirror.Tick{})
	}
	s.mu.Lock()
	next := s.session.Next()
	s.mu.Unlock()
	if at, pending := s.changes.due(); pending && at.Before(next) {
		next = at
	}
	return max(0, next.Sub(s.opts.Now()))
}

// flush takes over what was put and deleted, and sends it on its way.
func (s *Service) flush() {
	s.mu.Lock()
	s.takeOver()
	s.mu.Unlock()
	s.step(mirror.Flush{})
}

// takeOver writes the gathered changes to the store. s.mu is held.
func (s *Service) takeOver() {
	now := s.opts.Now()
	for _, c := range s.changes.take() {
		var err error
		if c.remove {
			err = s.session.Store().Delete(c.set, c.key, now)
		} else {
			err = s.session.Store().Put(c.set, c.key, c.value, c.expires, now)
		}
		if full := err != nil; full != s.full[c.set] && !c.remove {
			s.full[c.set] = full
			a := mirror.Alarm{Kind: mirror.TooLarge, Subject: s.opts.Config.Self + " " + c.set, Raised: full}
			if full {
				a.Text = fmt.Sprintf("a record of our own cannot be shared: %v", err)
			}
			s.urgent = append(s.urgent, func() { s.opts.Callbacks.Alarm(a) })
			signal(s.callable)
		}
	}
}

// step steps the session and queues the effects.
func (s *Service) step(ev mirror.Event) {
	defer s.recovered("mirror session") // runs once the lock is free
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.session.Next()
	for _, e := range s.session.Step(ev, s.opts.Now()) {
		s.effect(e)
	}
	if s.session.Next().Before(before) {
		signal(s.wake)
	}
	if len(s.urgent)+len(s.calls) > 0 {
		signal(s.callable)
	}
}

// effect queues one effect. s.mu is held.
func (s *Service) effect(e mirror.Effect) {
	to := s.opts.Callbacks
	switch e := e.(type) {
	case mirror.Send:
		if e.Subject.Class == mirror.Heartbeats {
			s.beats.add(e)
		} else {
			s.bulk.add(e)
		}
	case mirror.Heard:
		s.urgent = append(s.urgent, func() { to.Heard(e) })
	case mirror.Alarm:
		s.urgent = append(s.urgent, func() { to.Alarm(e) })
	case mirror.RecordsChanged:
		s.calls = append(s.calls, func() { to.Changed(e) })
	case mirror.StateChanged: // behind the records that made it so
		s.calls = append(s.calls, func() { to.StateChanged(e) })
	}
}

// received is the handler of all subscriptions but that of requests. It waits
// while too many callbacks on records do, but never with a heartbeat.
func (s *Service) received(m mirror.Message) {
	if m.Subject.Class != mirror.Heartbeats {
		s.mu.Lock()
		for len(s.calls) > maxWaitingCalls && !s.stopped {
			s.room.Wait()
		}
		stopped := s.stopped
		s.mu.Unlock()
		if stopped {
			return
		}
	}
	s.step(mirror.Received{Subject: m.Subject, Payload: m.Payload})
}

func (s *Service) queue(q *[]func(), f func()) {
	s.mu.Lock()
	*q = append(*q, f)
	s.mu.Unlock()
	signal(s.callable)
}

// callback calls the callbacks, one after the other, the urgent ones first.
func (s *Service) callback(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.callable:
		}
		for f := s.nextCallback(); f != nil && ctx.Err() == nil; f = s.nextCallback() {
			func() {
				defer s.recovered("callback")
				f()
			}()
		}
	}
}

func (s *Service) nextCallback() func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := &s.urgent
	if len(*q) == 0 {
		q = &s.calls
	}
	if len(*q) == 0 {
		return nil
	}
	f := (*q)[0]
	(*q)[0] = nil
	*q = (*q)[1:]
	if len(*q) == 0 {
		*q = nil
	}
	s.room.Broadcast()
	return f
}

// recovered, deferred, makes a panic cost only what was being done.
func (s *Service) recovered(where string) {
	if v := recover(); v != nil {
		s.opts.Callbacks.Panicked(where, v, debug.Stack())
	}
}

// SetReady says in the heartbeats whether the phone service is ready.
func (s *Service) SetReady(ready bool) { s.step(mirror.SetReady{Ready: ready}) }

// SetCompared replaces wants (NE1) and compared settings (SE1, SE3) after a reload.
func (s *Service) SetCompared(wants, compared map[string]string) {
	s.step(mirror.SetCompared{Wants: maps.Clone(wants), Compared: maps.Clone(compared)})
}

// Announce tells all that this system restarts and is back within that time
// (FO4). It returns once the heartbeat was handed to the carrier.
func (s *Service) Announce(backWithin time.Duration) {
	s.mu.Lock()
	s.takeOver()
	s.mu.Unlock()
	s.step(mirror.Announce{BackWithin: backWithin})
	s.beats.publish()
}
