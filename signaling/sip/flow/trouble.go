package flow

import (
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// trouble is a kind of thing that goes wrong because of peers, and is logged seldom.
type trouble uint8

const (
	troubleFull trouble = iota
	troubleCrowded
	troublePerSource
	troubleRate
	troubleStun
	troubleHandshake
	troubleWeb
	troubleSilent
	troubleHalfSent
	troubleNotReading
	troubleFraming
	troublePanic
	troubleAccept
	troubleRead
	troubleWrite
	troubles
)

// quiet is how long a kind of trouble is not logged again.
const quiet = 10 * time.Second

// journal writes at most one line a kind of trouble in quiet, with how many there were
// that it did not write.
type journal struct {
	log  zerolog.Logger
	next [troubles]atomic.Int64 // Unix nanoseconds
	more [troubles]atomic.Int64
}

// event returns nil (on which zerolog's methods do nothing) while the kind is quiet.
func (j *journal) event(kind trouble) *zerolog.Event {
	now := time.Now().UnixNano()
	next := j.next[kind].Load()
	if now < next || !j.next[kind].CompareAndSwap(next, now+int64(quiet)) {
		j.more[kind].Add(1)
		return nil
	}
	e := j.log.Warn()
	if n := j.more[kind].Swap(0); n > 0 {
		e = e.Int64("not_logged_since", n)
	}
	return e
}
