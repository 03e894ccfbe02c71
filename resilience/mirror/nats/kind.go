package natscarrier

import "roost/resilience/mirror"

// kind is one of the three connections of a line.
type kind uint8

const (
	heartbeats kind = iota
	data            // deltas and calls
	bulk            // pulls and answers
	kinds
)

// String is how the kind is called in a connection's name and in reasons.
func (k kind) String() string {
	switch k {
	case heartbeats:
		return "heartbeat"
	case data:
		return "data"
	default:
		return "bulk"
	}
}

// kindOf is the connection that a class of messages travels on.
func kindOf(c mirror.Class) kind {
	switch c {
	case mirror.Heartbeats:
		return heartbeats
	case mirror.Pulls, mirror.Answers:
		return bulk
	default:
		return data
	}
}

// senderOf is the system that a message with this subject must come from.
func senderOf(s *mirror.Subject) string {
	if s.Class == mirror.Pulls || s.Class == mirror.Calls {
		return s.Peer
	}
	return s.Origin
}
