package mirror

import "time"

// Event is what a [Session] is told: [Received], [LineChanged], [Tick],
// [Flush], [Announce], [SetReady] or [SetCompared].
type Event interface{ isEvent() }

// Received is a message that a subscription of the carrier delivered, other
// than Calls, which never reach the session. See [Subscriptions].
type Received struct {
	Subject Subject
	Payload []byte
}

// LineChanged is the carrier's word on a line. A line that comes up makes the
// session pull at once, and say its own heartbeat.
type LineChanged struct{ Line LineState }

// Tick says only what time it is. It is due at [Session.Next].
type Tick struct{}

// Flush publishes the deltas of what was put and deleted since the last one. The
// owner gathers changes for a few milliseconds and then flushes once.
type Flush struct{}

// Announce says in the heartbeats that this system restarts and will be back
// within that time (FO4), and sends one at once. 0 takes it back.
type Announce struct{ BackWithin time.Duration }

// SetReady says in the heartbeats whether this system's phone service is ready.
type SetReady struct{ Ready bool }

// SetCompared replaces what the heartbeats say of wants (NE1) and compared
// settings (SE1, SE3), after a reload.
type SetCompared struct{ Wants, Compared map[string]string }

func (Received) isEvent()    {}
func (LineChanged) isEvent() {}
func (Tick) isEvent()        {}
func (Flush) isEvent()       {}
func (Announce) isEvent()    {}
func (SetReady) isEvent()    {}
func (SetCompared) isEvent() {}

// Effect is what a [Session] wants done: [Send], [RecordsChanged], [Heard],
// [StateChanged] or [Alarm]. Effects are carried out in their order.
type Effect interface{ isEffect() }

// Send publishes a message on the carrier. The payload is the owner's.
type Send struct {
	Subject Subject
	Payload []byte
}

// RecordsChanged is what a delta, a snapshot or the time changed in a set of
// another system: one batch, to be applied as a whole. With Swapped a snapshot
// took the place of all there was, and Changes is the difference to before.
type RecordsChanged struct {
	Origin, Set string
	Swapped     bool
	Changes     []Change
}

// Heard is a heartbeat of System: with Via empty its own, and Heartbeat not nil;
// else through Via, which heard it Age ago.
type Heard struct {
	System    string
	Via       string
	Age       time.Duration
	Epoch     uint64
	UpFor     time.Duration // when it was sent
	Ready     bool
	Heartbeat *Heartbeat // nil when relayed
}

// StateChanged tells that a line's or a set's state is another, see
// [Session.Status] for all of it.
type StateChanged struct{ SetStatus }

// Alarm is raised once and cleared once. Kind and Subject name it.
type Alarm struct {
	Kind    AlarmKind
	Subject string // "london" or "london bind/paris"
	Raised  bool   // else cleared
	Text    string // for an administrator: what, where, what would be right
}

// AlarmKind names what is wrong.
type AlarmKind string

const (
	// NeverComplete is a set that was never complete for 30 s while its origin is heard (SH3).
	NeverComplete AlarmKind = "mirror-never-complete"
	// BehindLong is a set that is behind for more than 30 s (SH3).
	BehindLong AlarmKind = "mirror-behind"
	// DigestDiffers is a set with equal version and unequal digest for 30 s; a snapshot is pulled.
	DigestDiffers AlarmKind = "mirror-digest"
	// TooLarge is a set of another system beyond the limits here.
	TooLarge AlarmKind = "mirror-too-large"
	// Malformed is a system that sends what cannot be read; cleared after a minute without.
	Malformed AlarmKind = "mirror-malformed"
	// OtherProtocol is a system with another major version of the protocol.
	OtherProtocol AlarmKind = "mirror-protocol"
	// TwoOfAName is a name under which two systems run.
	TwoOfAName AlarmKind = "mirror-two-of-a-name"
	// SettingsDiffer is a compared setting with another value there (SE1, SE3).
	SettingsDiffer AlarmKind = "settings-differ"
	// OneSided is a line on which both ends do not want the same (NE1).
	OneSided AlarmKind = "line-one-sided"
	// ClockSkew is a wall clock more than 30 s from ours. Nothing depends on it but certificates and logs.
	ClockSkew AlarmKind = "clock-skew"
)

func (Send) isEffect()           {}
func (RecordsChanged) isEffect() {}
func (Heard) isEffect()          {}
func (StateChanged) isEffect()   {}
func (Alarm) isEffect()          {}

// SetStatus is how a set of another system stands here (SH3).
type SetStatus struct {
	Origin, Set string
	Complete    bool   // it was complete once in this epoch of ours; what is there may be served
	InSync      bool   // complete, and nothing is known to be missing
	Behind      uint64 // versions known to be missing; 0 when InSync
	Records     int
	Pulling     bool
	Why         string // why it is not in sync, for an administrator
}

// PeerStatus is how another system stands here.
type PeerStatus struct {
	System    string
	Up        bool   // the carrier's line
	Why       string // why the line is down
	Heard     bool   // its own heartbeat was ever heard
	LastHeard time.Time
	Last      Heartbeat     // the last one heard
	Clock     time.Duration // its wall clock less ours
	Sets      []SetStatus
	InSync    bool   // every set of it that we may read is in sync
	Behind    uint64 // sum of its sets
}
