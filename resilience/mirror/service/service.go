package service

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Service shares this system's records and mirrors those of others.
type Service struct {
	opts Options
	mu   sync.Mutex
}

var errUnfinished = errors.New("not built yet")

// New checks the options. It starts nothing.
func New(o Options) (*Service, error) { return &Service{opts: o}, nil }

// Start subscribes and begins. The service ends with Stop, or with ctx.
func (s *Service) Start(ctx context.Context) error { return errUnfinished }

// Stop ends the service's goroutines and subscriptions and waits for them.
func (s *Service) Stop() {}

// Put writes a record of this system. A zero expires means that it does not
// expire. The value is the service's from then on. Safe for concurrent use.
func (s *Service) Put(set, key string, value []byte, expires time.Time) error { return errUnfinished }

// Delete removes a record of this system; one that does not exist is no error.
func (s *Service) Delete(set, key string) error { return errUnfinished }

// Get reads a record of another system, if it has not expired. The value must
// not be written to.
func (s *Service) Get(origin, set, key string) (value []byte, expires time.Time, ok bool) {
	return nil, time.Time{}, false
}

// Range calls f for each record of another system's set that has not expired,
// in no order, until it returns false. f must not call the service.
func (s *Service) Range(origin, set string, f func(key string, value []byte, expires time.Time) bool) {
}

// Request asks another system and waits for its answer; without a deadline in
// ctx at most 5 s. mirror.ErrNoAnswer when it is away.
func (s *Service) Request(ctx context.Context, system, verb string, payload []byte) ([]byte, error) {
	return nil, errUnfinished
}

// Handle sets what answers requests with that verb. Call it before Start.
func (s *Service) Handle(verb string, h Handler) {}

// SetReady says in the heartbeats whether the phone service is ready.
func (s *Service) SetReady(ready bool) {}

// SetCompared replaces wants (NE1) and compared settings (SE1, SE3) after a reload.
func (s *Service) SetCompared(wants, compared map[string]string) {}

// Announce tells all that this system restarts and is back within that time
// (FO4). It returns once the heartbeat was handed to the carrier.
func (s *Service) Announce(backWithin time.Duration) {}

// Status is the state of the line to each known system, by name.
func (s *Service) Status() []LineStatus { return nil }
