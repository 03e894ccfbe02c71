package sip

import (
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// quietFor is how long a log line of one kind is held back after it was
// written once.
const quietFor = 10 * time.Second

// quiet writes at most one log line of each kind in quietFor, and says in the
// next how many were held back. A flood of bad input costs a counter, not a
// disk.
type quiet struct {
	log   zerolog.Logger
	begun time.Time
	kinds [counterCount]struct {
		next atomic.Int64 // nanoseconds since begun
		held atomic.Uint64
	}
}

func newQuiet(log zerolog.Logger, now time.Time) *quiet { return &quiet{log: log, begun: now} }

// warn returns an event to fill and send, or nil if this kind has just been
// written; zerolog ignores a nil event.
func (q *quiet) warn(kind counter) *zerolog.Event {
	k := &q.kinds[kind]
	now := int64(time.Since(q.begun)) + 1
	next := k.next.Load()
	if now < next || !k.next.CompareAndSwap(next, now+int64(quietFor)) {
		k.held.Add(1)
		return nil
	}
	return q.log.Warn().Str("kind", counterNames[kind][0]).Uint64("held_back", k.held.Swap(0))
}
