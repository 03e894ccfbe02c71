package natscarrier

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"roost/resilience/mirror"
)

// states are the lines as others are told of them.
type states struct {
	log zerolog.Logger

	mu       sync.Mutex
	lines    map[string]mirror.LineState
	watchers map[*queue[mirror.LineState]]struct{}
	closed   bool
	wg       sync.WaitGroup
}

func newStates(log zerolog.Logger) *states {
	return &states{
		log:      log,
		lines:    make(map[string]mirror.LineState),
		watchers: make(map[*queue[mirror.LineState]]struct{}),
	}
}

// set notes the state of a line and tells those who watch, if it changed.
func (s *states) set(peer string, up bool, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, known := s.lines[peer]
	if s.closed || known && old.Up == up && old.Why == why {
		return
	}
	state := mirror.LineState{Peer: peer, Up: up, Why: why, Since: old.Since}
	if !known || old.Up != up {
		state.Since = time.Now()
	}
	s.lines[peer] = state
	for q := range s.watchers {
		q.put(state)
	}
	switch {
	case up:
		s.log.Info().Str("system", peer).Msg("line is up")
	case known:
		s.log.Warn().Str("system", peer).Msg("line is down: " + why)
	}
}

// forget takes a line out that is no longer configured.
func (s *states) forget(peer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.lines, peer)
}

func (s *states) list() []mirror.LineState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sorted()
}

func (s *states) sorted() []mirror.LineState {
	list := make([]mirror.LineState, 0, len(s.lines))
	for _, peer := range slices.Sorted(maps.Keys(s.lines)) {
		list = append(list, s.lines[peer])
	}
	return list
}

// maxWaitingStates is how far a watcher may lag; lines change seldom.
const maxWaitingStates = 16_384

func (s *states) watch(f func(mirror.LineState)) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return func() {}
	}
	q := newQueue(maxWaitingStates, maxWaitingStates, func(*mirror.LineState) int { return 1 })
	for _, state := range s.sorted() {
		q.put(state)
	}
	s.watchers[q] = struct{}{}
	s.wg.Go(func() {
		for {
			state, ok := q.take()
			if !ok {
				return
			}
			f(state)
		}
	})
	return func() {
		q.close()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, q)
	}
}

// close ends the watchers and waits for them to return.
func (s *states) close() {
	s.mu.Lock()
	s.closed = true
	for q := range s.watchers {
		q.close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}
