package service

import (
	"time"

	"roost/resilience/mirror"
)

// Options is what New needs. Config.Self, Carrier and Callbacks are required.
type Options struct {
	Config  mirror.Config  // names, sets, times and limits of the session
	Carrier mirror.Carrier // stays the caller's, who closes it after Stop
	// Callbacks are called from one goroutine, one after the other; those on
	// heartbeats, lines and alarms before those on records that wait.
	Callbacks Callbacks
	// Gather is how long changes are gathered before they are published as one
	// delta; default 3 ms.
	Gather time.Duration
	// Now is the clock, time.Now by default. It must not jump (monotonic reading).
	Now func() time.Time
}

// Callbacks is how a service tells its owner. None of them may call Stop; all
// else of the service may be called from them.
type Callbacks interface {
	// Changed is a batch of changes to a set of another system.
	Changed(mirror.RecordsChanged)
	// Heard is a heartbeat, direct or relayed.
	Heard(mirror.Heard)
	// StateChanged is another state of a set: in sync, behind, never complete.
	StateChanged(mirror.StateChanged)
	// LineChanged is another state of a line.
	LineChanged(mirror.LineState)
	// Alarm is raised or cleared.
	Alarm(mirror.Alarm)
	// Panicked is a panic that was recovered while a message, a request or a
	// callback was handled; it cost that one only.
	Panicked(where string, value any, stack []byte)
}

// Handler answers a request of another system. It runs in a goroutine of the
// carrier, and must be safe for concurrent use.
type Handler func(from string, payload []byte) []byte

// LineStatus is a line as `roost status` shows it.
type LineStatus struct {
	Peer        string
	Up          bool
	Why         string // why it is not up
	InSync      bool   // every set that we mirror of it
	Complete    bool   // every set was complete once: it can be served from
	Behind      uint64 // versions missing, over all sets
	LastHeard   time.Time
	ClockOffset time.Duration // its wall clock less ours
	Records     int           // mirrored here
	Sets        []mirror.SetStatus
}
