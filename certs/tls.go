package certs

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"time"
)

// Clock is asked for the time at each handshake; time.Now in a running system.
type Clock func() time.Time

// ForPhones are the TLS settings of a listener for phones: TLS 1.2 or newer, the
// certificate in force at each handshake, no certificate asked of the phone.
func (s *Source) ForPhones(clock Clock) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		Time:       clock,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return &s.Current().pair, nil
		},
	}
}

// TrustRoots are the TLS settings of a phone, or of any plain client, that trusts
// the source's root and checks the name or address that it dialled.
func (s *Source) TrustRoots(serverName string, clock Clock) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		Time:       clock,
		RootCAs:    s.Current().pool,
		ServerName: serverName,
	}
}

// Line says who may be at the other end of a line.
type Line struct {
	// Clock must be set.
	Clock Clock
	// Peer is the system expected; "" at a listener, where any named system may
	// come and Allow decides.
	Peer string
	// Allow, if set, decides on the system that the peer's certificate names. Its
	// error is the reason shown.
	Allow func(system string) error
	// Refused, if set, is told every peer that was turned away and why. remote is
	// nil on the dialling side. It must not block.
	Refused func(remote net.Addr, err error)
}

// LineServer are the TLS settings of a listener for lines: mutual TLS 1.3, both
// certificates chain to the same root, and the peer names a system.
func (s *Source) LineServer(line Line) *tls.Config {
	base := s.lineConfig(line, ClientSide, nil)
	// A peer of another root must get as far as our own check, which has the words.
	base.ClientAuth = tls.RequireAnyClientCert
	perConnection := base.Clone()
	perConnection.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		config := base.Clone()
		config.ClientCAs = s.Current().pool
		config.VerifyConnection = s.verifyLine(line, ClientSide, hello.Conn.RemoteAddr())
		return config, nil
	}
	return perConnection
}

// LineClient are the TLS settings for dialling a line to line.Peer. The peer is
// checked by the system that its certificate names. That it covers the address
// dialled is the caller's to ask (Covers): it may be a NAT's, or a relay's.
func (s *Source) LineClient(line Line) *tls.Config {
	config := s.lineConfig(line, ServerSide, nil)
	// verifyLine does all that crypto/tls would, and the name of the system instead of the host.
	config.InsecureSkipVerify = true
	return config
}

func (s *Source) lineConfig(line Line, peerSide Side, remote net.Addr) *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Time:                   line.Clock,
		SessionTicketsDisabled: true, // each new connection is checked against the root in force
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return &s.Current().pair, nil
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &s.Current().pair, nil
		},
		VerifyConnection: s.verifyLine(line, peerSide, remote),
	}
}

func (s *Source) verifyLine(line Line, peerSide Side, remote net.Addr) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		err := line.check(state.PeerCertificates, s.Current().Roots, peerSide)
		if err != nil && line.Refused != nil {
			line.Refused(remote, err)
		}
		return err
	}
}

func (line *Line) check(shown, roots []*x509.Certificate, side Side) error {
	system, err := VerifyPeer(shown, roots, line.Peer, side, line.Clock())
	if err != nil {
		return err
	}
	if line.Allow != nil {
		return line.Allow(system)
	}
	return nil
}
