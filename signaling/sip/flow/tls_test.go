package flow

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// identity makes a self-signed certificate with the given name.
func identity(t testing.TB, name string) tls.Certificate {
	t.Helper()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<34, 0),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func serveTLS(t testing.TB, table *Table, tc *tls.Config) string {
	t.Helper()
	l := must(OpenTCP(t.Context(), "127.0.0.1:0"))
	if err := table.ServeTLS(l, tc); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

// Only the transport is under test here; names are the certs package's matter.
func clientTLS() *tls.Config { return &tls.Config{InsecureSkipVerify: true} } //nolint:gosec // see above

func dialTLS(t testing.TB, addr string, tc *tls.Config) *tls.Conn {
	t.Helper()
	c := tls.Client(dial(t, "tcp", addr), tc)
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTLS_OrderKeepAliveAndPeerCertificate(t *testing.T) {
	var info atomic.Pointer[Info]
	var table *Table
	r := newRecorder(func(in *Inbound) {
		i, _ := table.Info(in.Flow)
		info.Store(&i)
		echo(in)
	})
	table = newTable(t, r, Limits{})
	addr := serveTLS(t, table, &tls.Config{
		Certificates: []tls.Certificate{identity(t, "london")}, ClientAuth: tls.RequestClientCert,
	})
	tc := clientTLS()
	tc.Certificates = []tls.Certificate{identity(t, "phone")}
	c := dialTLS(t, addr, tc)
	a, b := msg("A", "x"), msg("B", "")
	write(t, c, a+b+"\r\n\r\n")
	expect(t, c, "re:"+a+"re:"+b+"\r\n")
	i := info.Load()
	if i.TLS == nil || len(i.TLS.PeerCertificates) != 1 || i.TLS.PeerCertificates[0].Subject.CommonName != "phone" {
		t.Errorf("peer %+v", i.TLS)
	}
	if i.Transport != TLS || i.TLS.Version < tls.VersionTLS12 {
		t.Errorf("%s, version %x", i.Transport, i.TLS.Version)
	}
	for _, x := range a {
		write(t, c, string(x)) // a record for each byte
	}
	expect(t, c, "re:"+a)
	if err := table.Send(i.ID, []byte("unasked")); err != nil {
		t.Error(err)
	}
	expect(t, c, "unasked")
	table.Close(i.ID)
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("%v, want the end with a close_notify", err)
	}
	_ = c.Close()
	expectClosed(t, r, Asked)
}

func TestTLS_NewCertificateWithoutRestart(t *testing.T) {
	var current atomic.Pointer[tls.Certificate]
	first, second := identity(t, "first"), identity(t, "second")
	current.Store(&first)
	table := newTable(t, newRecorder(echo), Limits{})
	addr := serveTLS(t, table, &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return current.Load(), nil },
	})
	name := func() string {
		c := dialTLS(t, addr, clientTLS())
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	if got := name(); got != "first" {
		t.Error(got)
	}
	current.Store(&second)
	if got := name(); got != "second" {
		t.Error(got)
	}
}

func TestTLS_Below12IsRefused(t *testing.T) {
	table := newTable(t, newRecorder(echo), Limits{})
	for _, tc := range []*tls.Config{nil, {MinVersion: tls.VersionTLS11}, {MaxVersion: tls.VersionTLS11}} { //nolint:gosec // refused
		if err := table.ServeTLS(newMemListener(), tc); !errors.Is(err, errTLSVersion) {
			t.Errorf("%+v: %v", tc, err)
		}
	}
	addr := serveTLS(t, table, &tls.Config{Certificates: []tls.Certificate{identity(t, "london")}})
	old := clientTLS()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	c := tls.Client(dial(t, "tcp", addr), old)
	if err := c.Handshake(); err == nil {
		t.Error("TLS 1.1 is taken")
	}
	eventually(t, "counted", func() bool { return table.Counters().Closed[HandshakeFailed] == 1 })
}

func TestTLS_GarbageInsteadOfAHandshake(t *testing.T) {
	r := newRecorder(echo)
	table := newTable(t, r, Limits{})
	addr := serveTLS(t, table, &tls.Config{Certificates: []tls.Certificate{identity(t, "london")}})
	c := dial(t, "tcp", addr)
	write(t, c, "REGISTER sip:plain SIP/2.0\r\n\r\n")
	_, _ = io.ReadAll(c) // an alert may come
	eventually(t, "counted", func() bool { return table.Counters().Closed[HandshakeFailed] == 1 })
	if len(r.closed) != 0 || len(r.messages()) != 0 {
		t.Error("the Handler heard of a connection without a handshake")
	}
}

// Silent TLS clients hold no place for handshakes: a phone gets in at once, and they
// are dropped after the deadline.
func TestTLS_SilentClientsDoNotKeepPhonesOut(t *testing.T) {
	cert := identity(t, "london")
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder(echo)
		table := newTable(t, r, Limits{Handshakes: 1, HandshakesPerSource: 1, Handshake: 10 * time.Second})
		l := newMemListener()
		if err := table.ServeTLS(l, &tls.Config{Certificates: []tls.Certificate{cert}}); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		for range 1_000 {
			c := l.dial("10.0.0.1:1")
			defer c.Close()
		}
		c := tls.Client(l.dial("10.0.0.1:2"), clientTLS())
		defer c.Close()
		write(t, c, msg("A", ""))
		expect(t, c, "re:"+msg("A", ""))
		if took := time.Since(begin); took > time.Second {
			t.Errorf("the phone waited %s", took)
		}
		pass(10*time.Second - time.Since(begin))
		synctest.Wait()
		if n := table.Counters(); n.Closed[HandshakeFailed] != 1_000 || n.Connections != 1 || n.Handshaking != 0 {
			t.Errorf("after the deadline: %+v", n)
		}
	})
}

// No more handshakes are worked on than the limit says; the others wait their turn.
func TestTLS_HandshakesAreLimited(t *testing.T) {
	cert := identity(t, "london")
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		tc := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			most.Store(max(most.Load(), now.Add(1)))
			pass(time.Second) // a slow machine
			now.Add(-1)
			return &cert, nil
		}}
		table := newTable(t, newRecorder(echo), Limits{Handshakes: 3, HandshakesPerSource: 2, Handshake: 10 * time.Second})
		l := newMemListener()
		if err := table.ServeTLS(l, tc); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 100)
		shake := func(from string) {
			raw := l.dial(from)
			go func() {
				c := tls.Client(raw, clientTLS())
				done <- c.Handshake()
				_ = c.Close()
			}()
		}
		for range 6 {
			shake("10.0.0.1:1")
			shake("10.0.0.2:1")
		}
		for range 12 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if got := most.Load(); got != 3 {
			t.Errorf("%d handshakes at a time, want 3", got)
		}
	})
}

func TestOpen_IPv4AndIPv6(t *testing.T) {
	r := newRecorder(echo)
	table := newTable(t, r, Limits{})
	for _, host := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := OpenTCP(t.Context(), host)
		if err != nil {
			t.Fatal(err)
		}
		if err := table.ServeTCP(l); err != nil {
			t.Fatal(err)
		}
		c := dial(t, "tcp", l.Addr().String())
		write(t, c, msg("A", ""))
		expect(t, c, "re:"+msg("A", ""))
		info, ok := table.Info(r.lastFlow())
		if want := netip.MustParseAddrPort(c.LocalAddr().String()); !ok || info.Remote != want {
			t.Errorf("remote %s, want %s", info.Remote, want)
		}
		pc := must(OpenUDP(t.Context(), host))
		if err := table.ServeUDP(pc); err != nil {
			t.Fatal(err)
		}
		u := dial(t, "udp", pc.LocalAddr().String())
		write(t, u, "hello")
		expectPacket(t, u, "re:hello")
	}
	if n := len(table.Locals()); n != 4 {
		t.Errorf("%d listeners", n)
	}
	if _, err := OpenUDP(t.Context(), "300.0.0.1:0"); err == nil {
		t.Error("300.0.0.1 is taken")
	}
}

func expectPacket(t testing.TB, c net.Conn, want string) {
	t.Helper()
	b := make([]byte, 65_535)
	n, err := c.Read(b)
	if err != nil || string(b[:n]) != want {
		t.Fatalf("read %q (%v), want %q", b[:n], err, want)
	}
}
