package sip

import (
	"bufio"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/registrar"
)

// In-memory sockets, so that whole endpoints run in a synctest bubble.

type datagram struct {
	from  netip.AddrPort
	bytes []byte
}

// memPacket is a UDP socket of the endpoint; sent are its datagrams by receiver.
type memPacket struct {
	local  netip.AddrPort
	in     chan datagram
	closed chan struct{}
	once   sync.Once

	mu       sync.Mutex
	sent     map[netip.AddrPort]chan []byte
	deadline time.Time
	changed  chan struct{} // closed when the deadline changes
}

func newMemPacket(local netip.AddrPort) *memPacket {
	return &memPacket{local: local, in: make(chan datagram, 64), closed: make(chan struct{}), sent: map[netip.AddrPort]chan []byte{}, changed: make(chan struct{})}
}

func (m *memPacket) inbox(a netip.AddrPort) chan []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sent[a] == nil {
		m.sent[a] = make(chan []byte, 256)
	}
	return m.sent[a]
}

func (m *memPacket) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		m.mu.Lock()
		deadline, changed := m.deadline, m.changed
		m.mu.Unlock()
		var expired <-chan time.Time
		if !deadline.IsZero() {
			expired = time.After(time.Until(deadline))
		}
		select {
		case d := <-m.in:
			return copy(b, d.bytes), net.UDPAddrFromAddrPort(d.from), nil
		case <-m.closed:
			return 0, nil, net.ErrClosed
		case <-expired:
			return 0, nil, os.ErrDeadlineExceeded
		case <-changed:
		}
	}
}

func (m *memPacket) WriteTo(b []byte, to net.Addr) (int, error) {
	ap := to.(*net.UDPAddr).AddrPort()
	select {
	case <-m.closed:
		return 0, net.ErrClosed
	case m.inbox(netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())) <- append([]byte(nil), b...):
	default: // the phone does not read: lost, as UDP is
	}
	return len(b), nil
}

func (m *memPacket) Close() error        { m.once.Do(func() { close(m.closed) }); return nil }
func (m *memPacket) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(m.local) }
func (m *memPacket) SetDeadline(t time.Time) error {
	return m.SetReadDeadline(t)
}
func (m *memPacket) SetReadDeadline(t time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.deadline = t
	close(m.changed)
	m.changed = make(chan struct{})
	return nil
}
func (m *memPacket) SetWriteDeadline(time.Time) error { return nil }

// memListener hands out net.Pipes with addresses.
type memListener struct {
	local  netip.AddrPort
	queue  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newMemListener(local netip.AddrPort) *memListener {
	return &memListener{local: local, queue: make(chan net.Conn, 16), closed: make(chan struct{})}
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *memListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *memListener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.local) }

func (l *memListener) dial(from netip.AddrPort) net.Conn {
	a, b := net.Pipe()
	l.queue <- memConn{a, l.local, from}
	return memConn{b, from, l.local}
}

type memConn struct {
	net.Conn
	local, remote netip.AddrPort
}

func (c memConn) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(c.local) }
func (c memConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

// line is a phone's connection to the endpoint, whatever carries it.
type line interface {
	write(t testing.TB, raw string)
	read(t testing.TB, within time.Duration) string // "" if nothing came
	close()
}

type udpLine struct {
	m    *memPacket
	from netip.AddrPort
}

func (l udpLine) write(_ testing.TB, raw string) { l.m.in <- datagram{l.from, []byte(raw)} }
func (l udpLine) close()                         {}
func (l udpLine) read(_ testing.TB, within time.Duration) string {
	t := time.NewTimer(within)
	defer t.Stop()
	select {
	case b := <-l.m.inbox(l.from):
		return string(b)
	case <-t.C:
		return ""
	}
}

type tcpLine struct {
	c  net.Conn
	in chan string // closed at the end of the stream
}

// newTCPLine reads in a goroutine of its own that ends with the connection.
func newTCPLine(c net.Conn) *tcpLine {
	l := &tcpLine{c: c, in: make(chan string, 256)}
	go func() {
		defer close(l.in)
		r := bufio.NewReader(c)
		for {
			s, err := readMessage(r)
			if err != nil {
				return
			}
			l.in <- s
		}
	}()
	return l
}

func (l *tcpLine) write(t testing.TB, raw string) {
	t.Helper()
	if _, err := io.WriteString(l.c, raw); err != nil {
		t.Fatalf("write: %v", err)
	}
}
func (l *tcpLine) close() { _ = l.c.Close() }
func (l *tcpLine) read(_ testing.TB, within time.Duration) string {
	t := time.NewTimer(within)
	defer t.Stop()
	select {
	case s := <-l.in:
		return s
	case <-t.C:
		return ""
	}
}

// ended says whether the endpoint closed the stream, waiting for it.
func (l *tcpLine) ended(within time.Duration) bool {
	t := time.NewTimer(within)
	defer t.Stop()
	for {
		select {
		case _, open := <-l.in:
			if !open {
				return true
			}
		case <-t.C:
			return false
		}
	}
}

func readMessage(r *bufio.Reader) (string, error) {
	var b strings.Builder
	length := 0
	for {
		s, err := r.ReadString('\n')
		if err != nil {
			return "", err
		}
		b.WriteString(s)
		if v, ok := strings.CutPrefix(s, "Content-Length: "); ok {
			length, _ = strconv.Atoi(strings.TrimSpace(v))
		}
		if s == "\r\n" {
			break
		}
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(r, body); err != nil {
		return "", err
	}
	return b.String() + string(body), nil
}

// wired is a site with in-memory sockets.
type wired struct {
	*site
	udp *memPacket
	tcp *memListener
}

func newWired(t testing.TB, edit ...func(*Options, *registrar.Config)) *wired {
	t.Helper()
	w := &wired{udp: newMemPacket(here), tcp: newMemListener(here)}
	w.site = newSite(t, append([]func(*Options, *registrar.Config){func(o *Options, _ *registrar.Config) {
		o.UDP, o.TCP = []net.PacketConn{w.udp}, []net.Listener{w.tcp}
	}}, edit...)...)
	w.desk.tell = w.Changed
	return w
}

// set is a phone on its line.
type set struct {
	*phone
	line
}

func (w *wired) udpPhone(number string) *set {
	return &set{newPhone(number), udpLine{w.udp, there}}
}

func (w *wired) tcpPhone(number string) *set {
	p := newPhone(number)
	p.transport = "TCP"
	return &set{p, newTCPLine(w.tcp.dial(there))}
}

// call writes a request and reads its answer.
func (s *set) call(t testing.TB, raw string, status int) *reply {
	t.Helper()
	s.write(t, raw)
	got := s.read(t, time.Second)
	if got == "" {
		t.Fatalf("no answer to\n%s", raw)
	}
	return parseReply(t, got, nil).must(t, status)
}

func (s *set) write(t testing.TB, raw string) { t.Helper(); s.line.write(t, raw) }

// bind registers over the line.
func (s *set) bind(t testing.TB) *reply {
	t.Helper()
	contact := []string{s.contact(), "Expires: 600"}
	s.learn(t, s.call(t, s.phone.write(ask{auth: "-", headers: contact}), 401))
	return s.call(t, s.phone.write(ask{headers: contact}), 200)
}

// request reads a request of the endpoint.
func (s *set) request(t testing.TB, within time.Duration) *reply {
	t.Helper()
	got := s.read(t, within)
	if got == "" {
		return nil
	}
	r := &reply{raw: got}
	if f := r.Parse([]byte(got), messageLimits, true); f != nil {
		t.Fatalf("malformed request of ours: %v\n%s", f, got)
	}
	if !r.Request {
		t.Fatalf("want a request, got\n%s", got)
	}
	return r
}

// answer answers a request of the endpoint.
func (s *set) answer(t testing.TB, r *reply, status int) {
	t.Helper()
	s.write(t, string(appendResponse(r, status)))
}
