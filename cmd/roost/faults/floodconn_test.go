package faults

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/certs"
)

// idlers are connections whose other ends say nothing, or half of something.
type idlers struct {
	conns []*stranger
	began time.Time
}

func (i *idlers) close() {
	for _, w := range i.conns {
		w.close()
	}
}

// silent opens them: TCP and TLS connections that stay silent, begin a message, begin a
// handshake, or finish one and stay silent.
func silent(t *testing.T, a *arena) *idlers {
	i := &idlers{began: time.Now()}
	for range 20 {
		half := a.tcp(a.ip(120), a.london.at(5060))
		half.send("REGISTER sip:example.test SIP/2.0\r\nVia: ")
		hello := a.tcp(a.ip(121), a.london.at(5061))
		hello.send("\x16\x03\x01\x02\x00\x01")
		secure := a.tls(a.ip(122), a.london.at(5061))
		if err := secure.conn.(*tls.Conn).Handshake(); err != nil {
			t.Fatal(err)
		}
		started := a.tls(a.ip(122), a.london.at(5061))
		started.send("OPTIONS sip:example.test SIP/2.0\r\nX: ")
		i.conns = append(i.conns, half, hello, secure, started, a.tcp(a.ip(123), a.london.at(5060)), a.tcp(a.ip(124), a.london.at(5061)))
	}
	return i
}

// areDropped checks that every one of them was ended by the system, in time.
func (i *idlers) areDropped(t *testing.T, a *arena) {
	// The longest deadline: 15 s to a first message, and 10 s for that.
	deadline := i.began.Add(30 * time.Second)
	if soon := time.Now().Add(time.Second); deadline.Before(soon) {
		deadline = soon
	}
	for n, w := range i.conns {
		if err := w.conn.SetReadDeadline(deadline); err != nil {
			t.Fatal(err)
		}
		_, err := w.message()
		var timeout net.Error
		if err == nil || errors.As(err, &timeout) && timeout.Timeout() {
			t.Errorf("connection %d of kind %d stands: %v", n, n%6, err)
		}
	}
	counters := a.london.status().Counters
	for name, atLeast := range map[string]float64{"flow_closed_silent": 40, "flow_closed_half_sent": 40, "flow_closed_handshake_failed": 40} {
		if counters[name] < atLeast {
			t.Errorf("%s: %v, want at least %v", name, counters[name], atLeast)
		}
	}
	a.london.logs("no message within the deadline")
	a.london.logs("message not finished within the deadline")
}

// noTLS sends what is no TLS to the port for TLS.
func noTLS(_ *testing.T, a *arena) {
	for n := range 300 {
		w := a.tcp(a.ip(125), a.london.at(5061))
		if n%2 == 0 {
			w.send("REGISTER sip:example.test SIP/2.0\r\n\r\n")
		} else {
			garbage := make([]byte, 500)
			_, _ = rand.Read(garbage)
			w.send(string(garbage))
		}
		w.close()
	}
}

// handshakes makes whole TLS handshakes and hangs up, several at a time.
func handshakes(_ *testing.T, a *arena) {
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for range 60 {
				conn, err := dialFrom(a.ip(126), a.london.at(5061))
				if err != nil {
					continue
				}
				_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
				_ = tls.Client(conn, &tls.Config{InsecureSkipVerify: true}).Handshake() // what is tested is the server
				conn.Close()
			}
		})
	}
	workers.Wait()
}

// halfOpen opens 10,000 connections that say nothing, of which the system keeps as many
// as it is configured to, and of one source no more than its share.
func halfOpen(t *testing.T, a *arena) {
	wanted := 10_000
	if room := files() - 1000; room < wanted {
		wanted = room
		t.Logf("only %d connections: this process may open %d files (ulimit -n)", wanted, files())
	}
	const perSource, sources = 2_500, 4
	var mu sync.Mutex
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	var workers sync.WaitGroup
	for source := range sources {
		workers.Go(func() {
			for range min(perSource, wanted/sources) {
				conn, err := dialFrom(a.ip(byte(130+source)), a.london.at([]uint16{5060, 5061}[source%2]))
				if err != nil {
					continue // refused with a reset
				}
				mu.Lock()
				conns = append(conns, conn)
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	counters := a.london.status().Counters
	if standing := counters["flow_connections"]; standing > 8_000 || standing < float64(min(wanted, 8_000))*0.7 {
		t.Errorf("%v connections stand, 8,000 may", standing)
	}
	t.Logf("%d connections made, %v stand", len(conns), counters["flow_connections"])
}

// consoleGarbage is what a port scanner, and worse, does to the console.
func consoleGarbage(t *testing.T, a *arena) {
	to := a.london.at(8080)
	var conns []*stranger
	defer func() {
		for _, w := range conns {
			w.close()
		}
	}()
	for _, text := range []string{"", "GET", "GET / HTTP/9.9\r\n\r\n", "\x16\x03\x01", strings.Repeat("A", 40_000),
		"POST /api/v1/takeover HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n{",
		"GET /api/v1/status HTTP/1.1\r\nHost: rebound.example\r\n\r\n",
		"POST /api/v1/release HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n\r\n"} {
		w := a.tcp(a.ip(140), to)
		w.send(text)
		conns = append(conns, w)
	}
	for range 300 {
		conns = append(conns, a.tcp(a.ip(141), to))
	}
	until(t, "connections over the limit are refused", func() (bool, string) {
		// The console itself is full: it answers again when they are gone.
		return strings.Contains(a.london.log(), "console: connection refused"), ""
	})
}

// lineGarbage is thrown at the port for lines.
func lineGarbage(t *testing.T, a *arena) {
	to := a.london.at(7422)
	var half []*stranger
	defer func() {
		for _, w := range half {
			w.close()
		}
	}()
	for n := range 150 {
		w := a.tcp(a.ip(150), to)
		switch n % 3 {
		case 0:
			w.send("CONNECT {\"verbose\":true}\r\nPUB hb.paris 3\r\nabc\r\n")
			w.close()
		case 1:
			garbage := make([]byte, 700)
			_, _ = rand.Read(garbage)
			w.send(string(garbage))
			w.close()
		default: // stays, silent or with half a record
			if n%2 == 0 {
				w.send("\x16\x03\x01\x02")
			}
			half = append(half, w)
		}
	}
	if l := lineTo(a.paris.status(), "london"); !l.Up || !l.Visible {
		t.Errorf("the line while strangers knock: %+v", l)
	}
	until(t, "those who said nothing are gone", func() (bool, string) {
		return strings.Contains(a.london.log(), "said nothing, or began TLS and did not go on"), a.london.log()
	})
}

// lineStrangers knock with no certificate, with one of another root, one that has
// expired, and a good one of a system that has no line.
func lineStrangers(t *testing.T, a *arena) {
	other, err := certs.NewCA("another CA", time.Now(), fiveYears)
	if err != nil {
		t.Fatal(err)
	}
	issue := func(ca *certs.CA, name string, life time.Duration) *tls.Certificate {
		issued, err := ca.Issue(certs.Request{System: name, Addresses: []string{"127.0.0.1"}, ValidFor: life}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		pair, err := tls.X509KeyPair(issued.Certificate, issued.Key)
		if err != nil {
			t.Fatal(err)
		}
		return &pair
	}
	root, err := os.ReadFile(filepath.Join(a.dir, "root.crt"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(root)
	knock := func(name string, from netip.Addr, own *tls.Certificate) {
		conn, err := dialFrom(from, a.london.at(7422))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		secure := tls.Client(conn, &tls.Config{RootCAs: pool, ServerName: a.ip(lastByte("london")).String(),
			// Whatever roots the server asks for.
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own, nil }})
		if secure.Handshake() != nil {
			return // turned away
		}
		w := &stranger{t: t, conn: secure}
		w.send("CONNECT {\"verbose\":false,\"pedantic\":false,\"name\":\"" + name + "\"}\r\nSUB > 1\r\nPING\r\n")
		buffer := make([]byte, 16<<10)
		var heard strings.Builder
		for {
			n, err := secure.Read(buffer)
			heard.Write(buffer[:n])
			if err != nil {
				break
			}
		}
		if strings.Contains(heard.String(), "PONG") || strings.Contains(heard.String(), "MSG ") {
			t.Errorf("%s was let in and heard: %s", name, heard.String())
		}
	}
	for range 3 {
		knock("nobody", a.ip(160), &tls.Certificate{})
		knock("of another root", a.ip(161), issue(other, "paris", time.Hour))
		knock("expired", a.ip(162), issue(a.ca, "paris", time.Nanosecond))
		knock("rome", a.ip(163), issue(a.ca, "rome", time.Hour))
		knock("london itself", a.ip(164), issue(a.ca, "london", time.Hour))
	}
	turned := a.london.status().TurnedAway
	for _, from := range []byte{160, 161, 162, 163, 164} {
		found := false
		for _, r := range turned {
			found = found || r.Remote == a.ip(from).String() && r.Reason != ""
		}
		if !found {
			t.Errorf("nobody says that %s was turned away: %+v", a.ip(from), turned)
		}
	}
}
