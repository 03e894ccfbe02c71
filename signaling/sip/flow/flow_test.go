package flow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder is a Handler that notes what it is given and answers with echo.
type recorder struct {
	mu     sync.Mutex
	got    []string
	flows  []ID
	broken []error
	closed chan ended
	answer func(in *Inbound)
}

type ended struct {
	id  ID
	why Reason
}

func newRecorder(answer func(in *Inbound)) *recorder {
	return &recorder{answer: answer, closed: make(chan ended, 100_000)}
}

func (r *recorder) Handle(in *Inbound) {
	r.mu.Lock()
	r.got = append(r.got, string(in.Bytes))
	r.flows = append(r.flows, in.Flow)
	r.broken = append(r.broken, in.Broken)
	r.mu.Unlock()
	if r.answer != nil {
		r.answer(in)
	}
}

func (r *recorder) FlowClosed(id ID, why Reason) { r.closed <- ended{id, why} }

func (r *recorder) messages() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.got...)
}

func (r *recorder) lastFlow() ID {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.flows) == 0 {
		return 0
	}
	return r.flows[len(r.flows)-1]
}

// echoThen is echo, and sends one more message and panics after the answer.
func echoThen(table func() *Table) func(in *Inbound) {
	return func(in *Inbound) {
		echo(in)
		id, more := in.Flow, append([]byte("then:"), in.Bytes...)
		in.Then = func() {
			_ = table().Send(id, more)
			panic(errPlanned)
		}
	}
}

func echo(in *Inbound) { in.Answer = append(append(in.Answer, "re:"...), in.Bytes...) }

// msg is a message with the given start line and body.
func msg(line, body string) string {
	return fmt.Sprintf("%s\r\nContent-Length: %d\r\n\r\n%s", line, len(body), body)
}

// newTable makes a Table that the test shuts down at its end.
func newTable(t testing.TB, h Handler, limits Limits) *Table {
	t.Helper()
	table := New(Config{Handler: h, Limits: limits, Log: zerolog.Nop()})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := table.Shutdown(ctx); err != nil {
			t.Error("shutdown:", err)
		}
	})
	return table
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// serveTCP serves a real listener and gives its address.
func serveTCP(t testing.TB, table *Table) string {
	t.Helper()
	l := must(OpenTCP(t.Context(), "127.0.0.1:0"))
	if err := table.ServeTCP(l); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

func dial(t testing.TB, network, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

func write(t testing.TB, c net.Conn, s string) {
	t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		t.Fatal(err)
	}
}

// expect reads exactly want.
func expect(t testing.TB, c net.Conn, want string) {
	t.Helper()
	b := make([]byte, len(want))
	if n, err := io.ReadFull(c, b); err != nil || string(b) != want {
		t.Fatalf("read %q (%v), want %q", b[:n], err, want)
	}
}

// expectEnd reads until the other side has closed, where nothing more may come, and
// closes this side.
func expectEnd(t testing.TB, c net.Conn) {
	t.Helper()
	b, err := io.ReadAll(c)
	if len(b) > 0 || err != nil && !closedByPeer(err) {
		t.Fatalf("read %q (%v), want the end", b, err)
	}
	_ = c.Close()
}

func expectClosed(t testing.TB, r *recorder, want Reason) ended {
	t.Helper()
	select {
	case e := <-r.closed:
		if e.why != want {
			t.Fatalf("closed because %q, want %q", e.why, want)
		}
		return e
	case <-time.After(20 * time.Second):
		t.Fatalf("no flow was closed; want %q", want)
		return ended{}
	}
}

// eventually polls a condition that another goroutine makes true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	late := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("not within 20 s: ", what)
		}
	}
}

// memListener hands out the server's ends of in-memory connections.
type memListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newMemListener() *memListener {
	return &memListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *memListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *memListener) Addr() net.Addr { return tcpAddr("192.0.2.1:5060") }

// dial connects from the given address.
func (l *memListener) dial(from string) net.Conn {
	client, server := net.Pipe()
	l.conns <- &memConn{Conn: server, local: l.Addr(), remote: tcpAddr(from)}
	return client
}

type memConn struct {
	net.Conn
	local, remote net.Addr
}

func (c *memConn) LocalAddr() net.Addr  { return c.local }
func (c *memConn) RemoteAddr() net.Addr { return c.remote }

func tcpAddr(s string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s)) }

// memPackets is a PacketConn whose datagrams a test puts in and takes out.
type memPackets struct {
	in, out  chan memPacket
	mu       sync.Mutex
	deadline chan struct{} // closed and replaced when the deadline is set
	due      time.Time
	done     chan struct{}
	once     sync.Once
}

type memPacket struct {
	b    string
	addr netip.AddrPort
}

func newMemPackets() *memPackets {
	return &memPackets{
		in: make(chan memPacket), out: make(chan memPacket, 1000),
		deadline: make(chan struct{}), done: make(chan struct{}),
	}
}

func (p *memPackets) send(from, b string) {
	p.in <- memPacket{b, netip.MustParseAddrPort(from)}
}

func (p *memPackets) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		p.mu.Lock()
		changed, due := p.deadline, p.due
		p.mu.Unlock()
		var late <-chan time.Time
		if !due.IsZero() {
			timer := time.NewTimer(time.Until(due))
			defer timer.Stop()
			late = timer.C
		}
		select {
		case pkt := <-p.in:
			return copy(b, pkt.b), net.UDPAddrFromAddrPort(pkt.addr), nil
		case <-late:
			return 0, nil, os.ErrDeadlineExceeded
		case <-p.done:
			return 0, nil, net.ErrClosed
		case <-changed:
		}
	}
}

func (p *memPackets) WriteTo(b []byte, to net.Addr) (int, error) {
	p.out <- memPacket{string(b), addrPort(to)}
	return len(b), nil
}

func (p *memPackets) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *memPackets) LocalAddr() net.Addr {
	return net.UDPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.1:5060"))
}

func (p *memPackets) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.due = t
	close(p.deadline)
	p.deadline = make(chan struct{})
	return nil
}

func (p *memPackets) SetDeadline(t time.Time) error    { return p.SetReadDeadline(t) }
func (p *memPackets) SetWriteDeadline(time.Time) error { return nil }

var errPlanned = errors.New("planned")
