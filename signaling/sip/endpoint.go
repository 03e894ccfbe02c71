package sip

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/rs/zerolog"

	"roost/registrar"
	"roost/registrar/credentials"
	"roost/signaling/sip/flow"
	"roost/signaling/sip/message"
)

// Options is what an Endpoint is made of.
type Options struct {
	// Realm is the digest realm and the SIP domain, "example.test".
	Realm string
	// Hosts are further names and addresses that a request for this system may
	// be addressed to, without port; the listeners' own addresses need not be
	// named.
	Hosts []string
	// Product stands in the Server header, e.g. "roost"; "" for none.
	Product string

	// UDP, TCP and TLS are the sockets; the Endpoint's from Start on. TLS are
	// plain listeners on which TLSConfig is spoken.
	UDP       []net.PacketConn
	TCP, TLS  []net.Listener
	TLSConfig *tls.Config

	Office   Office
	Verifier *credentials.Verifier

	// FlowTimer is the keep-alive interval told to RFC 5626 phones, 2 min by
	// default.
	FlowTimer time.Duration

	Flow    flow.Limits    // zero values: defaults
	Message message.Limits // zero values: defaults
	Limits  Limits         // zero values: defaults

	Log zerolog.Logger
	// Access, if not nil, is called for each request that was answered, in the
	// path: off by default, and it should sample or queue.
	Access func(Access)
}

// Limits bound what the endpoint keeps.
type Limits struct {
	// Transactions is how many server transactions may be open, 20,000.
	Transactions int
	// Clients is how many requests of ours may wait for their answer, 20,000.
	Clients int
	// Subscriptions is how many there may be in all (100,000), and
	// SubscriptionsPerPhone how many of one number (4; the oldest gives way).
	Subscriptions         int
	SubscriptionsPerPhone int
}

// Access is one line of the access log.
type Access struct {
	Method string
	Number registrar.Number // claimed, not proven
	Peer   Peer
	Status int // 0: not answered
	At     time.Time
	Took   time.Duration
}

// Endpoint is the SIP front-end of a system. Its methods are safe for
// concurrent use.
type Endpoint struct{}

// New makes an endpoint; nothing is read before Start.
func New(o Options) (*Endpoint, error) { return nil, nil }

// Start begins to serve the sockets.
func (e *Endpoint) Start() error { return nil }

// Stop drains: nothing more is accepted, transactions and requests of ours get
// until ctx ends, subscriptions are told "terminated;reason=probation" where
// that is possible, then all flows are closed and all goroutines are gone.
// Office.FlowClosed is called for each flow with flow.Draining.
func (e *Endpoint) Stop(ctx context.Context) error { return nil }

// Trigger is a way to send a guest home (rule FB4) that the endpoint can start
// by itself. The other two, the refusal and the 302 at the next refresh, are
// the Office's answers.
type Trigger uint8

// The triggers.
const (
	// TriggerNotify: a reg-event NOTIFY (RFC 3680), contact terminated by the
	// event deactivated, to a phone that subscribed.
	TriggerNotify Trigger = iota + 1
	// TriggerCloseFlow: closing the phone's TCP or TLS flow.
	TriggerCloseFlow
)

// SentHome is what came of a trigger.
type SentHome struct {
	// Delivered: the phone answered the NOTIFY with a 2xx, or the flow was there
	// and has been closed.
	Delivered bool
	// Why says in words why it was not delivered: "no subscription", "no answer",
	// "answered 481", "flow is gone", "not a stream".
	Why string
}

// SendHome asks a registered guest to go home. done is called exactly once, not
// from SendHome itself but from another goroutine, at most 32 s later.
func (e *Endpoint) SendHome(r registrar.Registration, by Trigger, done func(SentHome)) {}

// Subscribed says whether a phone has a reg-event subscription, so that
// TriggerNotify can reach it.
func (e *Endpoint) Subscribed(n registrar.Number) bool { return false }

// Changed tells the endpoint of a change in the registrar, so that the
// reg-event subscribers hear of it. Refreshes need not be told.
func (e *Endpoint) Changed(changes ...registrar.Change) {}

// CloseFlow closes a flow; false if it was gone.
func (e *Endpoint) CloseFlow(id registrar.FlowID) bool { return false }

// Flows are the flow table's counters and how things stand there.
func (e *Endpoint) Flows() flow.Counters { return flow.Counters{} }

// Locals are the addresses that are served, in the order UDP, TCP, TLS.
func (e *Endpoint) Locals() []flow.Local { return nil }

// Counters are the endpoint's own counters, always in the same order.
func (e *Endpoint) Counters() []Count { return nil }
