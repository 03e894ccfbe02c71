package natscarrier

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"roost/certs"
)

// dialer makes one connection to a peer's server for the NATS client: TCP, mutual TLS,
// the guard. It does TLS itself so that the reason of a refusal is at hand in words.
type dialer struct {
	ctx        context.Context
	address    string // dialled instead of what the NATS client asks for
	tls        *tls.Config
	timeout    time.Duration
	maxPayload int

	mu   sync.Mutex
	conn *guarded
	leaf *x509.Certificate
	err  error
}

// SkipTLSHandshake tells the NATS client that the connection is encrypted already.
func (d *dialer) SkipTLSHandshake() bool { return true }

// Dial is called by the NATS client.
func (d *dialer) Dial(network, _ string) (net.Conn, error) {
	conn, err := d.dial(network)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conn, d.err = conn, err
	if err != nil {
		return nil, err
	}
	return conn, nil
}

func (d *dialer) dial(network string) (*guarded, error) {
	ctx, cancel := context.WithTimeout(d.ctx, d.timeout)
	defer cancel()
	tcp, err := (&net.Dialer{}).DialContext(ctx, network, d.address)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(tcp, d.tls)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = tcp.Close()
		return nil, err
	}
	d.mu.Lock()
	d.leaf = conn.ConnectionState().PeerCertificates[0]
	d.mu.Unlock()
	return guard(conn, d.maxPayload), nil
}

// expires is when the certificate that the peer showed ends.
func (d *dialer) expires() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.leaf == nil {
		return time.Time{}
	}
	return d.leaf.NotAfter
}

// cause is the error below the one that the NATS client returned: it hides what the
// dial or the first read said.
func (d *dialer) cause(err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return d.err
	}
	if d.conn != nil {
		if read := d.conn.readError(); read != nil && !errors.Is(read, net.ErrClosed) {
			return errors.Join(err, read)
		}
	}
	return err
}

// lineTLS are the TLS settings for dialling peer: the system that its certificate names,
// as package certs checks it, and the address that we were given for it (rule SE2).
func lineTLS(identity *certs.Source, clock certs.Clock, peer *Peer) *tls.Config {
	config := identity.LineClient(certs.Line{Peer: peer.System, Clock: clock})
	host, _, err := net.SplitHostPort(peer.Address)
	if err != nil {
		host = peer.Address
	}
	config.ServerName = host
	verify := config.VerifyConnection
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if err := verify(state); err != nil {
			return refusal(peer.System, state.PeerCertificates, err)
		}
		if !peer.AnyAddress && !certs.Covers(state.PeerCertificates[0], host) {
			return fmt.Errorf("%s presents a certificate that does not cover %s, the address it is dialled at: "+
				"issue one with that address: %w", peer.System, host, certs.ErrOtherName)
		}
		return nil
	}
	return config
}

// refusal says what is wrong with the certificates that peer presented.
func refusal(peer string, shown []*x509.Certificate, err error) error {
	if errors.Is(err, certs.ErrOtherName) && len(shown) > 0 {
		if named, nameErr := certs.SystemOf(shown[0]); nameErr == nil && named != peer {
			return fmt.Errorf("%s presents a certificate for %s: %w", peer, named, certs.ErrOtherName)
		}
	}
	switch {
	case errors.Is(err, certs.ErrOtherRoot):
		return fmt.Errorf("%s presents a certificate signed by another root: %w", peer, err)
	case errors.Is(err, certs.ErrExpired):
		return fmt.Errorf("%s presents an expired certificate: %w", peer, err)
	}
	return fmt.Errorf("%s presents a certificate that is not accepted: %w", peer, err)
}

// inWords is why a connection to peer failed or ended, for the log and for status.
func inWords(peer, address string, err error) string {
	var timeout net.Error
	alert := tlsAlert(err)
	switch {
	case err == nil:
		return "the connection ended"
	case alert != "":
		return fmt.Sprintf("%s at %s does not accept our certificate (%s); its log says why", peer, address, alert)
	case errors.Is(err, nats.ErrAuthorization):
		return fmt.Sprintf("%s does not accept a line from us: it has none to us in its network.lines, "+
			"or cut us off; its log says why", peer)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("nothing listens at %s: %s is not running there, or listens elsewhere (network.listen)", address, peer)
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("no answer from %s: it hangs, or something on the way drops the traffic", address)
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF):
		return fmt.Sprintf("the connection to %s was closed by the other side", address)
	case errors.Is(err, nats.ErrStaleConnection):
		return fmt.Sprintf("%s at %s hangs: it did not answer our pings", peer, address)
	case errors.Is(err, nats.ErrAuthExpired):
		return fmt.Sprintf("%s ended the connection because our certificate expired", peer)
	}
	return err.Error()
}

// tlsAlert is the alert that the other side ended TLS with, "" if it was something else.
func tlsAlert(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" {
		return op.Err.Error()
	}
	return ""
}
