package faults

import (
	"bufio"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"roost/certs"
)

const systemsPort, webPort = 7423, 5443

func (s *site) ipPort(last byte, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(s.ip(last), port)
}

// identity issues a certificate for TLS.
func identity(t *testing.T, ca *certs.CA, name string, life time.Duration) *tls.Certificate {
	t.Helper()
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

// secured opens TLS to a port of london's with a certificate of its own, whatever roots
// the server asks for.
func (s *site) secured(t *testing.T, from byte, to netip.AddrPort, own *tls.Certificate) (*stranger, error) {
	t.Helper()
	root, err := os.ReadFile(filepath.Join(s.dir, "root.crt"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(root)
	plain, err := dialFrom(s.ip(from), to)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(plain, &tls.Config{RootCAs: pool, ServerName: to.Addr().String(),
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own, nil }})
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if err := conn.Handshake(); err != nil {
		conn.Close()
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	return &stranger{t: t, conn: conn, read: bufio.NewReader(conn), site: s}, nil
}

// neighbour is a connection of another system to where london takes their calls.
func (s *stage) neighbour(t *testing.T, name string, from byte) *stranger {
	t.Helper()
	w, err := s.secured(t, from, s.london.at(systemsPort), identity(t, s.ca, name, time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// strangersAtSystems knocks where other systems call, with certificates that are no
// neighbour's; what they then say is not heard. Where phones come in a neighbour's
// certificate is worth nothing.
func strangersAtSystems(t *testing.T, s *stage) {
	other, err := certs.NewCA("another CA", time.Now(), fiveYears)
	if err != nil {
		t.Fatal(err)
	}
	before := s.london.status().Counters
	for range 5 {
		for name, own := range map[string]*tls.Certificate{
			"nobody": {}, "of another root": identity(t, other, "paris", time.Hour), "expired": identity(t, s.ca, "paris", time.Nanosecond),
			"rome": identity(t, s.ca, "rome", time.Hour), "london itself": identity(t, s.ca, "london", time.Hour),
		} {
			w, err := s.secured(t, 117, s.london.at(systemsPort), own)
			if err != nil {
				continue // TLS 1.3 tells a client only with the first read
			}
			w.send(w.request("INVITE", "203", 1, w.contact("251")))
			if a, err := w.receive(5 * time.Second); err == nil {
				t.Errorf("%s is heard where systems call: %s", name, a.text)
			}
			w.close()
		}
	}
	if lines := strings.Count(s.london.log(), "turned away where other systems call"); lines > 10 {
		t.Errorf("%d lines of the log for 25 connections", lines)
	}
	phone, err := s.secured(t, 118, s.london.at(5061), identity(t, s.ca, "paris", time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	defer phone.close()
	if a := phone.ask(phone.request("INVITE", "203", 1, phone.contact("251"))); a.status != 401 {
		t.Errorf("paris's certificate where phones come in: %s", a.text)
	}
	// A neighbour is believed for calls and messages only.
	paris := s.neighbour(t, "paris", 119)
	defer paris.close()
	for _, method := range []string{"REGISTER", "SUBSCRIBE", "REFER", "PUBLISH"} {
		a := paris.ask(paris.request(method, "203", 1, paris.contact("203"), "Event: reg", "Refer-To: <sip:203@"+domain+">"))
		if a.status < 400 {
			t.Errorf("%s of a neighbour without credentials: %s", method, a.text)
		}
	}
	if now := s.london.status().Counters; now["sip_calls_in"] != before["sip_calls_in"] {
		t.Error("a call began")
	}
}

// upgrade asks for a WebSocket; the header lines are those that differ.
func (s *stage) upgrade(from byte, more ...string) (*stranger, int) {
	s.t.Helper()
	w := s.tls(s.ip(from), s.london.at(webPort))
	var key [16]byte
	_, _ = rand.Read(key[:])
	lines := append([]string{"GET / HTTP/1.1", "Host: " + s.at(11, webPort), "Upgrade: websocket", "Connection: Upgrade",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + base64.StdEncoding.EncodeToString(key[:])}, more...)
	w.send(strings.Join(append(lines, "", ""), "\r\n"))
	_ = w.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	response, err := http.ReadResponse(w.read, nil)
	if err != nil {
		return w, 0
	}
	_ = response.Body.Close() // what follows an upgrade is no body of it
	return w, response.StatusCode
}

// frame is a masked WebSocket frame; length is what it says of itself.
func frame(first byte, payload string, length int) string {
	head := []byte{first}
	switch {
	case length < 126:
		head = append(head, 0x80|byte(length))
	case length < 1<<16:
		head = append(head, 0x80|126, byte(length>>8), byte(length))
	default:
		head = append(head, 0x80|127, 0, 0, 0, byte(length>>32), byte(length>>24), byte(length>>16), byte(length>>8), byte(length))
	}
	return string(head) + "\x00\x00\x00\x00" + payload // a mask of zeros
}

// ended checks that a connection is closed by the system, and by then said nothing but
// HTTP or WebSocket's close.
func ended(t *testing.T, what string, w *stranger, within time.Duration) {
	t.Helper()
	_ = w.conn.SetReadDeadline(time.Now().Add(within))
	_, err := io.Copy(io.Discard, w.read)
	if late(err) {
		t.Errorf("%s: the connection stands after %v", what, within)
	}
	w.close()
}

// badWebSockets is what a hostile page or program does where browsers connect.
func badWebSockets(t *testing.T, s *stage) {
	const sip = "Sec-WebSocket-Protocol: sip"
	for name, one := range map[string]struct {
		status int
		more   []string
	}{
		"a page of another host": {403, []string{sip, "Origin: https://evil.example"}},
		"no subprotocol":         {426, nil},
		"another subprotocol":    {426, []string{"Sec-WebSocket-Protocol: chat"}},
		"an Origin of no form":   {403, []string{sip, "Origin: null"}},
	} {
		w, status := s.upgrade(140, one.more...)
		if status != one.status {
			t.Errorf("%s: HTTP %d, want %d", name, status, one.status)
		}
		w.close()
	}
	const twoBodies = "OPTIONS sip:a SIP/2.0\r\nContent-Length: 9\r\n\r\nab"
	frames := map[string]string{
		"a message over the limit":       frame(0x81, strings.Repeat("x", 70_000), 70_000),
		"fragments without end":          frame(0x01, strings.Repeat("x", 30_000), 30_000) + strings.Repeat(frame(0x00, strings.Repeat("x", 30_000), 30_000), 3),
		"no mask":                        "\x81\x05hello",
		"a reserved bit":                 frame(0xf1, "hello", 5),
		"a control frame that is long":   frame(0x89, strings.Repeat("x", 300), 300),
		"text that is no SIP":            frame(0x81, "hello", 5),
		"a Content-Length of two bodies": frame(0x81, twoBodies, len(twoBodies)),
	}
	for name, bytes := range frames {
		w, status := s.upgrade(141, sip)
		if status != 101 {
			t.Fatalf("%s: HTTP %d", name, status)
		}
		w.send(bytes)
		ended(t, name, w, 12*time.Second)
	}
	// What is well formed is answered all the same.
	w, status := s.upgrade(142, sip)
	defer w.close()
	if status != 101 {
		t.Fatalf("HTTP %d", status)
	}
	text := strings.ReplaceAll(w.request("INVITE", "203", 1, "Contact: <sip:203@x.invalid;transport=ws>"), "/TLS ", "/WSS ")
	w.send(frame(0x81, text, len(text)))
	head := make([]byte, 4)
	_ = w.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.ReadFull(w.read, head); err != nil || head[0] != 0x81 {
		t.Fatalf("%v %x", err, head)
	}
	line, err := w.read.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "SIP/2.0 401") {
		t.Errorf("a stranger's INVITE over WSS: %v %q", err, line)
	}
}

// silentAtCalls opens connections that stay silent or half-open, where systems call and
// where browsers connect.
func silentAtCalls(t *testing.T, s *stage) *idlers {
	i := &idlers{began: time.Now()}
	for n := range 20 {
		systems, web := s.tcp(s.ip(120), s.london.at(systemsPort)), s.tcp(s.ip(121), s.london.at(webPort))
		hello := s.tcp(s.ip(122), []netip.AddrPort{s.london.at(systemsPort), s.london.at(webPort)}[n%2])
		hello.send("\x16\x03\x01\x02\x00\x01")
		half := s.tls(s.ip(123), s.london.at(webPort))
		half.send("GET / HTTP/1.1\r\nHost: ")
		upgraded, status := s.upgrade(124, "Sec-WebSocket-Protocol: sip")
		if status != 101 {
			t.Fatalf("HTTP %d", status)
		}
		slow, _ := s.upgrade(125, "Sec-WebSocket-Protocol: sip")
		slow.send(frame(0x81, "OPTIONS sip:a SIP/2.0\r\n", []int{400, 1 << 31}[n%2])) // and never the rest
		i.conns = append(i.conns, systems, web, hello, half, upgraded, slow)
	}
	return i
}

// areDropped checks that every one of them was ended by the system, in time.
func (i *idlers) callsDropped(t *testing.T, s *stage) {
	t.Helper()
	deadline := i.began.Add(30 * time.Second)
	if soon := time.Now().Add(time.Second); deadline.Before(soon) {
		deadline = soon
	}
	for n, w := range i.conns {
		_ = w.conn.SetReadDeadline(deadline)
		_, err := io.Copy(io.Discard, w.read)
		if late(err) {
			t.Errorf("connection %d of kind %d stands", n, n%6)
		}
	}
	c := s.london.status().Counters
	if c["flow_handshaking"] != 0 {
		t.Errorf("%v handshakes under way", c["flow_handshaking"])
	}
}
