package dialog

import (
	"io"
	"net/netip"
	"time"

	"roost/registrar"
	"roost/signaling/call"
	"roost/signaling/sip/transaction"
)

// Config is what all legs of an Endpoint share.
type Config struct {
	// Realm is the host part of numbers: sip:201@realm.
	Realm string
	// Product stands in Server and User-Agent; "" for none.
	Product string
	// Random gives tags, branches and waits; crypto/rand.Reader in the program.
	Random io.Reader
	Timers transaction.Timers
	// SessionExpires is the session interval that is asked for (RFC 4028), 30 min;
	// MinSE the least that is accepted, 90 s. SessionExpires < 0: none is asked for.
	SessionExpires, MinSE time.Duration
}

// Path is how a leg's own requests travel.
type Path struct {
	// Flow is the flow's number.
	Flow uint64
	// Transport is "UDP", "TCP", "TLS", "WS" or "WSS", as in Via.
	Transport string
	// Reliable tells a stream.
	Reliable bool
	// Local is our address there, as others are told it: "192.0.2.1:5060".
	Local string
}

// Arrival is how a message came in.
type Arrival struct {
	Path
	// Remote is where it came from.
	Remote netip.AddrPort
}

// Incoming is what is known of a leg that comes in, besides its INVITE.
type Incoming struct {
	ID       call.LegID
	Peer     call.PeerKind
	PeerName string
	// Number is the number that a phone proved to be; empty for others.
	Number registrar.Number
	// Dialled is who is called, where the Request-URI does not say it.
	Dialled string
}

// Outgoing is where a leg goes to.
type Outgoing struct {
	ID   call.LegID
	Peer call.PeerKind
	// URI is the Request-URI, Routes the Route header's values (Path).
	URI    string
	Routes []string
	Path   Path
	// FromHost is the host part of From, the realm where empty.
	FromHost string
	// Authorize, if not nil, answers a challenge (401, 407).
	Authorize Authorizer
}

// Authorizer makes the credentials for a challenge: challenge is the value of
// WWW-Authenticate or Proxy-Authenticate; ok is false where it cannot.
type Authorizer func(challenge, method, uri string) (credentials string, ok bool)

// Send is a message to write.
type Send struct {
	Bytes []byte
	Flow  uint64
	// To is where a response goes over UDP; the zero value is the flow's peer.
	To netip.AddrPort
	// Branch names the client transaction of a request, for Leg.Failed; empty for
	// responses and ACK.
	Branch string
}

// Effects is what a step of a leg wants done: first Sends, then Events, in order.
type Effects struct {
	Sends  []Send
	Events []call.LegEvent
	Odd    []Odd
}

// Reset empties it for the next step.
func (fx *Effects) Reset() {
	clear(fx.Sends)
	clear(fx.Events)
	fx.Sends, fx.Events, fx.Odd = fx.Sends[:0], fx.Events[:0], fx.Odd[:0]
}

// Odd is something that ought not to happen, for the Endpoint to count.
type Odd uint8

// What is odd.
const (
	// OddStranger: a request with our tag and another Call-ID or remote tag, 481.
	OddStranger Odd = iota + 1
	// OddOrder: a CSeq that is not above the last, 500.
	OddOrder
	// OddGlare: two offers met, 491.
	OddGlare
	// OddOverlap: a request of a kind that is still being answered, 500.
	OddOverlap
	// OddStorm: more open requests than a leg may have, 503.
	OddStorm
	// OddFork: a 2xx from a second branch, ended by BYE.
	OddFork
	// OddNoAck: a 2xx that no ACK came for.
	OddNoAck
	// OddNoPrack: a reliable provisional response that no PRACK came for.
	OddNoPrack
	// OddStray: a response or ACK that belongs to nothing.
	OddStray
	// OddMalformed: a message that cannot be used (no Contact, bad Replaces …).
	OddMalformed
	// OddExpired: the session timer ran out.
	OddExpired
	// OddAction: an action that the leg is in no state for.
	OddAction

	// Odds is how many there are, plus one.
	Odds
)
