package flow

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"time"

	"github.com/rs/zerolog"
)

// Config is what a Table is made of.
type Config struct {
	// Handler takes the messages.
	Handler Handler
	// Limits; the zero value means DefaultLimits.
	Limits Limits
	// Log gets one line for each kind of trouble, at most one in 10 s a kind.
	Log zerolog.Logger
	// TokenKey signs flow tokens; all zero means a random key for this Table.
	TokenKey [32]byte
}

// Info is what is known of a flow.
type Info struct {
	ID            ID
	Transport     Transport
	Local, Remote netip.AddrPort
	// Opened and LastSeen: when it began, and when anything was last heard on it.
	Opened, LastSeen time.Time
	// Proven tells whether Prove was called.
	Proven bool
	// TLS is the state of a TLS flow (peer certificates, version, server name), else nil.
	TLS *tls.ConnectionState
}

// Table is the flows of one endpoint. All its methods are safe for concurrent use.
type Table struct{}

// New makes a Table without listeners. Shutdown ends it.
func New(cfg Config) *Table { return nil }

// ServeUDP reads from pc until Shutdown, in a goroutine of the Table's; pc is the
// Table's from then on. A *net.UDPConn is read and written in batches.
func (t *Table) ServeUDP(pc net.PacketConn) error { return nil }

// ServeTCP accepts from l until StopAccepting; l is the Table's from then on.
func (t *Table) ServeTCP(l net.Listener) error { return nil }

// ServeTLS does the same for TLS with tc, which must not allow less than TLS 1.2.
// l gives plain connections; the handshake is done here, within Limits.Handshake.
func (t *Table) ServeTLS(l net.Listener, tc *tls.Config) error { return nil }

// Send writes one message to a flow, in the order of the calls. It does not wait for
// a peer that does not read: bytes queue up to Limits.Queue. b is copied or written
// before Send returns. Errors: ErrGone, ErrQueueFull, ErrTooLarge, ErrShutdown.
func (t *Table) Send(id ID, b []byte) error { return nil }

// SendTo writes a datagram from the flow's socket to another address than the
// flow's (RFC 3261 §18.2.2). On a stream it is Send.
func (t *Table) SendTo(id ID, to netip.AddrPort, b []byte) error { return nil }

// UDPFlow gives the flow from the UDP socket bound to local to remote, new or old.
func (t *Table) UDPFlow(local, remote netip.AddrPort) (ID, error) { return 0, nil }

// Close ends a flow: what is queued is written (within Limits.Write), the connection
// is closed, and FlowClosed(id, Asked) follows. False: it was gone already.
func (t *Table) Close(id ID) bool { return false }

// Prove marks a flow as belonging to a registered phone: it is kept while it is not
// idle, and is not subject to Limits.Rate. False: the flow is gone.
func (t *Table) Prove(id ID) bool { return false }

// Unprove takes the mark away, when the flow's last registration has gone.
func (t *Table) Unprove(id ID) bool { return false }

// SetIdle says how long the flow may be silent: for a phone with RFC 5626 keep-alives
// the Flow-Timer and some seconds, for another its registration's time. d ≤ 0 means
// Limits.IdleProven (or Limits.Idle while unproven).
func (t *Table) SetIdle(id ID, d time.Duration) bool { return false }

// Info tells what is known of a flow.
func (t *Table) Info(id ID) (Info, bool) { return Info{}, false }

// Counters gives a snapshot.
func (t *Table) Counters() Counters { return Counters{} }

// Locals gives the addresses and transports of the listeners, in the order they were
// handed in.
func (t *Table) Locals() []Local { return nil }

// Local is a listener's address.
type Local struct {
	Transport Transport
	Addr      netip.AddrPort
}

// Token gives an RFC 5626 §5.2 flow token for id: 24 letters that can stand in the
// user part of a Path URI and cannot be forged.
func (t *Table) Token(id ID) string { return "" }

// FromToken gives the ID of a token, or ErrToken. The flow itself may be gone.
func (t *Table) FromToken(token string) (ID, error) { return 0, nil }

// StopAccepting closes the listeners for TCP and TLS; flows go on.
func (t *Table) StopAccepting() {}

// Shutdown stops accepting, lets the readers finish the message under way, writes
// what is queued until ctx ends, closes all flows and sockets and waits for all the
// Table's goroutines. FlowClosed(id, Draining) is called for each flow.
func (t *Table) Shutdown(ctx context.Context) error { return nil }
