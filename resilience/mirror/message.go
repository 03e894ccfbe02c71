package mirror

import "time"

// Heartbeat is what a system says of itself to every other, each
// [Config.HeartbeatEvery]. It is how a home is visible.
type Heartbeat struct {
	System   string
	Epoch    uint64        // another number at each start, see the package comment
	UpFor    time.Duration // since its start, in whole milliseconds; never jumps
	Clock    time.Time     // its wall clock, for people and for the check of skew only
	Ready    bool          // its phone service is ready, without which it is not visible
	Protocol uint16        // protocol version, see ProtocolVersion
	// BackWithin is not 0 when the system is about to restart and announces to be
	// back within that time (FO4); at most 15 minutes are believed.
	BackWithin time.Duration
	Sets       []SetState        // every set that it writes
	Heard      []Hearing         // whom it heard itself, directly, and how long ago
	Wants      map[string]string // an entry for each line it has, and what it asks there: "paris" → "phones" (backs_up_my, NE1)
	Compared   map[string]string // settings that should be equal everywhere (SE1, SE3): "media.security" → "enforced"
}

// SetState is what a heartbeat says of a set.
type SetState struct {
	Set     string
	Version uint64 // of the newest change
	Count   uint32 // live records
	Digest  uint64 // over the live records, see digest.go
}

// Hearing says when a system heard another's heartbeat that said "service
// ready", and what that heartbeat said. Only direct hearing is passed on, so that a
// rumour does not go round in circles.
type Hearing struct {
	System string
	Epoch  uint64
	UpFor  time.Duration // as of that heartbeat
	Age    time.Duration // since that heartbeat
}

// Change is what happened to a record of another system.
type Change struct {
	Kind    ChangeKind
	Key     string
	Value   []byte    // empty when removed; must not be written to
	Expires time.Time // in this system's time; zero: does not expire
}

// ChangeKind is the kind of a [Change].
type ChangeKind uint8

const (
	// Added is a record that was not readable before.
	Added ChangeKind = iota + 1
	// Changed is a record with another value or another expiry.
	Changed
	// Removed is a record that its owner deleted.
	Removed
	// Expired is a record whose time ran out here before its owner said more.
	Expired
)

// String is the kind as it stands in logs.
func (k ChangeKind) String() string {
	switch k {
	case Added:
		return "added"
	case Changed:
		return "changed"
	case Removed:
		return "removed"
	case Expired:
		return "expired"
	}
	return "?"
}

// Subscriptions is what a session of that system must hear, for
// [Carrier.Subscribe].
func Subscriptions(self string) []Subject {
	return []Subject{
		{Class: Heartbeats, Origin: Any},
		{Class: Deltas, Origin: Any, Set: Dir},
		{Class: Deltas, Origin: Any, Set: Any + "/" + self},
		{Class: Pulls, Origin: self, Peer: Any, Set: Any},
		{Class: Answers, Origin: Any, Peer: self, Set: Any},
	}
}
