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
