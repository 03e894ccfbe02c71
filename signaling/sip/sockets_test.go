package sip

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"

	"roost/registrar"
	"roost/signaling/sip/flow"
)

// The same over real sockets: UDP, TCP and TLS, IPv4 and IPv6.
func TestRegisterOverRealSockets(t *testing.T) {
	certificate := selfSigned(t)
	for _, host := range []string{"127.0.0.1", "::1"} {
		listen := func() net.Listener {
			l, err := flow.OpenTCP(t.Context(), net.JoinHostPort(host, "0"))
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		pc, err := flow.OpenUDP(t.Context(), net.JoinHostPort(host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		s := newSite(t, func(o *Options, _ *registrar.Config) {
			o.UDP, o.TCP, o.TLS = []net.PacketConn{pc}, []net.Listener{listen()}, []net.Listener{listen()}
			o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
		})
		for i, at := range s.Locals() {
			p := newPhone([]string{"201", "202", "203"}[i])
			p.transport = at.Transport.String()
			c := dial(t, at)
			p.via = c.LocalAddr().String()
			phone := &set{p, newSocketLine(c, at.Transport)}
			phone.bind(t)
			got := s.desk.Lookup(registrar.Number(p.number), time.Now())
			if len(got) != 1 || got[0].Source.String() != p.via {
				t.Errorf("%s %s: bound %+v, phone is at %s", host, at.Transport, got, p.via)
			}
			phone.close()
		}
	}
}

// RFC 5626 5.3.1 over real connections: a request for a flow that is gone is 430 at
// once, and nothing is opened towards the Contact, where somebody else may be by now.
func TestRFC5626_5_3_1_DeadFlowIs430AndNothingIsDialled(t *testing.T) {
	contact, err := flow.OpenTCP(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer contact.Close()
	dialled := make(chan struct{}, 2)
	go func() {
		for {
			c, err := contact.Accept()
			if err != nil {
				close(dialled)
				return
			}
			_ = c.Close()
			dialled <- struct{}{}
		}
	}()
	plain, err := flow.OpenTCP(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	secure, err := flow.OpenTCP(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, func(o *Options, _ *registrar.Config) {
		o.TCP, o.TLS = []net.Listener{plain}, []net.Listener{secure}
		o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}, MinVersion: tls.VersionTLS12}
	})
	for i, at := range s.Locals() {
		p := newPhone([]string{"201", "202"}[i])
		p.transport, p.via = at.Transport.String(), contact.Addr().String()
		phone := &set{p, newSocketLine(dial(t, at), at.Transport)}
		phone.bind(t)
		bound := s.desk.Lookup(registrar.Number(p.number), time.Now())[0]
		if _, alive := s.flows.Info(flow.ID(bound.Flow)); !alive {
			t.Fatalf("%s: the flow of the binding is gone already", at.Transport)
		}
		phone.close()
		within(t, "the binding dies with its flow", func() bool {
			return len(s.desk.Lookup(registrar.Number(p.number), time.Now())) == 0
		})
		start, done := time.Now(), make(chan result, 1)
		branch := newBranch()
		s.clients.send(flow.ID(bound.Flow), at.Transport, "NOTIFY", branch, []byte("x"), func(r result) { done <- r })
		if r := <-done; r.status != statusFlowFailed || time.Since(start) > 10*time.Second {
			t.Errorf("%s: %+v after %s", at.Transport, r, time.Since(start))
		}
		if n := s.value(cDeadFlow); n != uint64(i+1) {
			t.Errorf("%s: %d requests for a dead flow are counted", at.Transport, n)
		}
	}
	_ = contact.Close()
	if _, any := <-dialled; any {
		t.Error("a connection was opened in place of the flow that is gone")
	}
}

// within waits, a bounded time, for what another goroutine does.
func within(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick, late := time.NewTicker(5*time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("not within 20 s: ", what)
		}
	}
}

func dial(t *testing.T, at flow.Local) net.Conn {
	t.Helper()
	var c net.Conn
	var err error
	switch at.Transport {
	case flow.UDP:
		c, err = net.Dial("udp", at.Addr.String())
	case flow.TCP:
		c, err = net.Dial("tcp", at.Addr.String())
	default:
		// The test's certificate names nobody; what is tested is the transport.
		c, err = tls.Dial("tcp", at.Addr.String(), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12})
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newSocketLine reads datagrams as they come and streams message by message.
func newSocketLine(c net.Conn, t flow.Transport) *tcpLine {
	if t.Reliable() {
		return newTCPLine(c)
	}
	l := &tcpLine{c: c, in: make(chan string, 16)}
	go func() {
		defer close(l.in)
		b := make([]byte, 65536)
		for {
			n, err := c.Read(b)
			if err != nil {
				return
			}
			l.in <- string(b[:n])
		}
	}()
	return l
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
