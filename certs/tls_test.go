package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// roots is the CA as a list, as VerifyPeer takes it.
func (ca *CA) roots() []*x509.Certificate { return []*x509.Certificate{ca.root} }

func at(now time.Time) Clock { return func() time.Time { return now } }

// handshake joins the two settings over an in-memory connection and exchanges one
// byte each way, so that what a TLS 1.3 server thinks of the client is seen too.
func handshake(t *testing.T, server, client *tls.Config) (state tls.ConnectionState, serverErr, clientErr error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	a, b := net.Pipe()
	defer func() { _, _ = a.Close(), b.Close() }()
	stop := context.AfterFunc(ctx, func() { _, _ = a.Close(), b.Close() })
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() {
		conn := tls.Server(a, server)
		if serverErr = conn.HandshakeContext(ctx); serverErr == nil {
			_, serverErr = conn.Write([]byte{1})
		}
		if serverErr != nil {
			_ = a.Close()
		}
	})
	wg.Go(func() {
		conn := tls.Client(b, client)
		if clientErr = conn.HandshakeContext(ctx); clientErr == nil {
			_, clientErr = conn.Read(make([]byte, 1))
		}
		state = conn.ConnectionState()
		if clientErr != nil {
			_ = b.Close()
		}
	})
	wg.Wait()
	return state, serverErr, clientErr
}

func TestForPhones_FollowsAReloadAndWantsTLS12(t *testing.T) {
	ca := newCA(t)
	source := Fixed(issue(t, ca, london(), begin))
	server := source.ForPhones(at(begin))
	client := source.TrustRoots("sip.london.test", at(begin))
	first, _, err := handshake(t, server, client)
	if err != nil {
		t.Fatal(err)
	}
	source.current.Store(issue(t, ca, london(), begin))
	second, _, err := handshake(t, server, client)
	if err != nil {
		t.Fatal(err)
	}
	if first.PeerCertificates[0].Equal(second.PeerCertificates[0]) {
		t.Error("the same settings went on showing the old certificate")
	}
	old := client.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if _, _, err := handshake(t, server, old); err == nil {
		t.Error("a phone with TLS 1.1 was let in")
	}
	wrongName := source.TrustRoots("paris.test", at(begin))
	if _, _, err := handshake(t, server, wrongName); err == nil {
		t.Error("a phone took the certificate for another name")
	}
}

func TestSE2_LinesComeUpBetweenSystemsOfOneRootOnly(t *testing.T) {
	ours, other := newCA(t), newCA(t)
	request := func(system string) Request { return Request{System: system, ValidFor: 30 * testDay} }
	londonID := Fixed(issue(t, ours, request("london"), begin))
	paris := Fixed(issue(t, ours, request("paris"), begin))
	rogue := Fixed(issue(t, other, request("paris"), begin))
	rome := Fixed(issue(t, ours, request("rome"), begin))
	late := Fixed(issue(t, ours, Request{System: "paris", ValidFor: time.Minute}, begin))
	errUnknown := errors.New("no line is configured to that system")
	for _, c := range []struct {
		name     string
		dialler  *Source
		peer     string // whom the dialler expects
		server   error  // why the listener refuses
		client   error  // why the dialler refuses
		listener *Source
	}{
		{name: "same root", dialler: paris, peer: "london", listener: londonID},
		{name: "dialler of another root", dialler: rogue, peer: "london", listener: londonID, server: ErrOtherRoot, client: ErrOtherRoot},
		{name: "dialler not known", dialler: rome, peer: "london", listener: londonID, server: errUnknown},
		{name: "dialler expired", dialler: late, peer: "london", listener: londonID, server: ErrExpired},
		{name: "listener is another system", dialler: paris, peer: "london", listener: rome, client: ErrOtherName},
	} {
		t.Run(c.name, func(t *testing.T) {
			var mu sync.Mutex
			var told []error
			server := c.listener.LineServer(Line{
				Clock: at(begin.Add(time.Hour)),
				Allow: func(system string) error {
					if system != "paris" {
						return errUnknown
					}
					return nil
				},
				Refused: func(_ net.Addr, err error) {
					mu.Lock()
					defer mu.Unlock()
					told = append(told, err)
				},
			})
			client := c.dialler.LineClient(Line{Clock: at(begin.Add(time.Hour)), Peer: c.peer})
			state, serverErr, clientErr := handshake(t, server, client)
			if c.client != nil {
				if !errors.Is(clientErr, c.client) {
					t.Fatalf("the dialler says %v, want %v", clientErr, c.client)
				}
				return // the listener saw the dialler go
			}
			if !errors.Is(serverErr, c.server) {
				t.Fatalf("the listener says %v, want %v", serverErr, c.server)
			}
			mu.Lock()
			defer mu.Unlock()
			if c.server != nil && (len(told) != 1 || !errors.Is(told[0], c.server) || clientErr == nil) {
				t.Errorf("Refused was told %v, the dialler got %v", told, clientErr)
			}
			if c.server == nil && (clientErr != nil || state.Version != tls.VersionTLS13 || len(told) != 0) {
				t.Errorf("the line did not come up: %v, told %v", clientErr, told)
			}
		})
	}
}

func TestSE2_AListenerForLinesWantsACertificate(t *testing.T) {
	source := Fixed(issue(t, newCA(t), london(), begin))
	server := source.LineServer(Line{Clock: at(begin)})
	_, serverErr, clientErr := handshake(t, server, source.TrustRoots("london", at(begin)))
	if serverErr == nil || clientErr == nil || !strings.Contains(serverErr.Error(), "certificate") {
		t.Errorf("a dialler without a certificate: listener says %v, dialler got %v", serverErr, clientErr)
	}
}

func TestSE2_ALineFollowsAReload(t *testing.T) {
	before, after := newCA(t), newCA(t)
	source := Fixed(issue(t, before, london(), begin))
	server := source.LineServer(Line{Clock: at(begin)})
	client := source.LineClient(Line{Clock: at(begin), Peer: "london"})
	if _, s, c := handshake(t, server, client); s != nil || c != nil {
		t.Fatal(s, c)
	}
	source.current.Store(issue(t, after, london(), begin))
	state, _, err := handshake(t, server, client)
	if err != nil {
		t.Fatalf("after the reload: %v", err)
	}
	if state.PeerCertificates[0].CheckSignatureFrom(after.root) != nil {
		t.Error("the old certificate was shown")
	}
}
