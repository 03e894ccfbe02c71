package mirror

import (
	"context"
	"time"
)

// Carrier takes messages from system to system. It promises little, so that it
// can be NATS, memory or a simulation: each message arrives once or not at all,
// whole or not at all. Messages may be lost, late, and out of order between
// subjects; the session repairs all of that. What it must keep is the truth of
// subjects: a message whose subject says that it is from A was sent by A
// (certificate and permissions, see [Subject]).
//
// All methods are safe for concurrent use.
type Carrier interface {
	// Publish sends payload to every system that subscribed to the subject, and
	// does not wait for any of them. s has no wildcard. The payload is the
	// carrier's until Publish returns, and must not be kept after.
	//
	// A nil error means that it was handed on, not that it arrived. ErrTooBig if
	// it is longer than MaxPayload, ErrDown if the carrier was closed. A line
	// that is down is no error: the message is lost for that peer, or kept for a
	// short while by the carrier's own buffer.
	Publish(s Subject, payload []byte) error

	// Subscribe calls handler for each message that matches, until the returned
	// function is called. It also hears messages of this system itself if they
	// match; the session ignores those.
	//
	// The handler is called from one goroutine a subscription, one message after
	// the other, in the order of sending for each sender and subject. It may take
	// its time (the carrier then buffers, and beyond its limit drops, with a
	// counter), but Heartbeats must not wait for the handler of another class.
	// The payload belongs to the handler and may be kept.
	//
	// After unsubscribe returned no new call of the handler begins.
	Subscribe(s Subject, handler func(Message)) (unsubscribe func(), err error)

	// Request sends payload to the system s.Origin, which must have subscribed to
	// the subject, and waits for its one reply. s.Class is Calls and s.Peer this
	// system. ErrNoAnswer as soon as it is known that nobody subscribes, the
	// context's error when that ends first, ErrTooBig and ErrDown as for Publish.
	// A context without a deadline gets one of 5 s.
	Request(ctx context.Context, s Subject, payload []byte) ([]byte, error)

	// MaxPayload is the longest payload in bytes that Publish and Request take.
	// It does not change; at least 64 KiB.
	MaxPayload() int

	// Lines is the state of the line to each peer that is configured or was ever
	// connected, in the order of names. With an outside NATS cluster it is one
	// line, to the cluster, for every configured peer.
	Lines() []LineState

	// WatchLines calls f at each change of a line, from one goroutine, until the
	// returned function is called. The states at the time of the call are
	// reported first.
	WatchLines(f func(LineState)) (stop func())
}

// Message is what a subscription delivers.
type Message struct {
	Subject Subject // without wildcards, every name checked as by ParseSubject
	Payload []byte
	// Reply answers a message of class Calls, once; later calls are ignored. It
	// is nil for the other classes.
	Reply func(payload []byte) error
}

// LineState is the connection to a peer as the carrier sees it.
type LineState struct {
	Peer  string
	Up    bool
	Why   string    // why it is down, for an administrator: "certificate is for paris2, want paris"; empty if up
	Since time.Time // of the last change of Up
}
