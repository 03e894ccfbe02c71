// Package quiet writes log lines about what others do, and no more of one kind in a while
// than an administrator would read: a flood of bad calls costs counters, not a disk.
//
// It owns when a line is held back, and says in the next of its kind how many were. It
// knows nothing of what the lines are about: a kind is a short constant of the caller's.
package quiet

import (
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	// lines of a kind are written within span, further ones held back.
	lines = 5
	span  = 10 * time.Second
	// maxKinds bounds the kinds; a further one shares its allowance with others.
	maxKinds = 64
)

// Log is safe for concurrent use.
type Log struct {
	to    zerolog.Logger
	mu    sync.Mutex
	kinds map[string]*kind
}

type kind struct {
	since   time.Time
	written int
	held    uint64
}

// New writes to a log.
func New(to zerolog.Logger) *Log { return &Log{to: to, kinds: map[string]*kind{}} }

// Info gives an event to fill and send, or nil, which zerolog ignores, where there were
// enough of its kind of late.
func (l *Log) Info(of string) *zerolog.Event { return l.event(of, zerolog.InfoLevel) }

// Warn is Info at the level of warnings.
func (l *Log) Warn(of string) *zerolog.Event { return l.event(of, zerolog.WarnLevel) }

func (l *Log) event(of string, level zerolog.Level) *zerolog.Event {
	held, ok := l.may(of, time.Now())
	if !ok {
		return nil
	}
	e := l.to.WithLevel(level)
	if held > 0 {
		e = e.Uint64("held_back", held)
	}
	return e
}

// may says whether a line may be written, and how many before it were not.
func (l *Log) may(of string, now time.Time) (held uint64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.kinds[of]
	if k == nil {
		if len(l.kinds) >= maxKinds {
			of = ""
		}
		if k = l.kinds[of]; k == nil {
			k = &kind{}
			l.kinds[of] = k
		}
	}
	if now.Sub(k.since) >= span {
		k.since, k.written = now, 0
	}
	if k.written >= lines {
		k.held++
		return 0, false
	}
	k.written++
	held, k.held = k.held, 0
	return held, true
}
