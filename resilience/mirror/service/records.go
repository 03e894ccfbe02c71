package service

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"roost/resilience/mirror"
)

// change is a put or a delete that waits to be taken over by the store.
type change struct {
	set, key string
	value    []byte
	expires  time.Time
	remove   bool
}

// changes gathers what is put and deleted.
type changes struct {
	mu     sync.Mutex
	list   []change
	spare  []change
	at     time.Time // when they are to be published
	sets   []string
	closed bool
}

// maxGathered bounds what waits while the session is busy.
const maxGathered = 1 << 20

func (c *changes) declare(set string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i, found := slices.BinarySearch(c.sets, set); !found {
		c.sets = slices.Insert(c.sets, i, set)
	}
}

// add reports whether it is the first since the last flush.
func (c *changes) add(ch change, at time.Time) (first bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false, ErrStopped
	}
	if _, known := slices.BinarySearch(c.sets, ch.set); !known {
		return false, fmt.Errorf("set %q: %w", ch.set, mirror.ErrNoSet)
	}
	if len(c.list) >= maxGathered {
		return false, fmt.Errorf("%d changes wait to be shared: %w", len(c.list), mirror.ErrTooBig)
	}
	if len(c.list) == 0 {
		c.at = at
	}
	c.list = append(c.list, ch)
	return len(c.list) == 1, nil
}

// close refuses what comes after Stop.
func (c *changes) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

func (c *changes) due() (at time.Time, pending bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at, len(c.list) > 0
}

// take returns what was gathered; it is good until the next take.
func (c *changes) take() []change {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.list
	clear(c.spare)
	c.list = c.spare[:0]
	c.spare = list
	if cap(list) > 1<<16 {
		c.spare = nil
	}
	return list
}

// Put writes a record of this system. A zero expires means that it does not
// expire. The value is the service's from then on. It is published, with what
// else changes meanwhile, within Options.Gather. Safe for concurrent use; waits
// for nothing.
//
// mirror.ErrNoSet for a set that was not declared, mirror.ErrTooBig for a key or
// a value beyond the limits, ErrStopped after Stop. A set that is full raises the
// alarm TooLarge.
func (s *Service) Put(set, key string, value []byte, expires time.Time) error {
	if err := s.opts.Config.Limits.Check(key, value); err != nil {
		return fmt.Errorf("set %s: %w", set, err)
	}
	return s.change(change{set: set, key: key, value: value, expires: expires})
}

// Delete removes a record of this system; one that does not exist is no error.
func (s *Service) Delete(set, key string) error {
	return s.change(change{set: set, key: key, remove: true})
}

func (s *Service) change(c change) error {
	first, err := s.changes.add(c, s.opts.Now().Add(s.opts.Gather))
	if first {
		signal(s.wake)
	}
	return err
}

// AddSet declares one more set of this system, after a reload. One that is there
// already is no error.
func (s *Service) AddSet(set string) error {
	s.mu.Lock()
	err := s.session.Store().AddSet(set)
	s.mu.Unlock()
	if err == nil {
		s.changes.declare(set)
	}
	return err
}

// Get reads a record of another system, if it has not expired. The value must
// not be written to.
func (s *Service) Get(origin, set, key string) (value []byte, expires time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.session.Replica(origin, set)
	if r == nil {
		return nil, time.Time{}, false
	}
	return r.Get(key, s.opts.Now())
}

// Range calls f for each record of another system's set that has not expired,
// in no order, until it returns false. f must not call the service.
func (s *Service) Range(origin, set string, f func(key string, value []byte, expires time.Time) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.session.Replica(origin, set); r != nil {
		r.Range(s.opts.Now(), f)
	}
}

// Status is the state of the line to each known system, by name.
func (s *Service) Status() []LineStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	peers := s.session.Status()
	lines := make([]LineStatus, 0, len(peers))
	for _, p := range peers {
		l := LineStatus{
			Peer: p.System, Up: p.Up, Why: p.Why, InSync: p.InSync, Complete: len(p.Sets) > 0,
			Behind: p.Behind, LastHeard: p.LastHeard, ClockOffset: p.Clock, Sets: p.Sets,
		}
		for _, set := range p.Sets {
			l.Complete = l.Complete && set.Complete
			l.Records += set.Records
		}
		lines = append(lines, l)
	}
	return lines
}

// Counters is what the session counted, and how many messages were not
// published: too many waited, or the carrier refused them.
func (s *Service) Counters() (session mirror.Counters, unpublished uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.session.Counters(), s.bulk.lost() + s.beats.lost()
}
