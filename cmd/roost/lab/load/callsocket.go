package load

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/ipv4"
)

// callSocket is a UDP socket to the server, read and written in batches by one
// goroutine.
type callSocket struct {
	conn   *net.UDPConn
	pc     *ipv4.PacketConn
	place  place
	host   []byte
	in     []ipv4.Message
	out    []ipv4.Message
	queued int
	wait   int64 // the read deadline
	failed map[string]int
}

// newCallSocket takes over a worker's socket, whose phones are registered there.
func newCallSocket(w *udpWorker) *callSocket {
	local := w.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return &callSocket{conn: w.conn, pc: w.pc, place: w.at, host: []byte(hostOf(local)), in: w.in, out: w.out, failed: map[string]int{}}
}

func hostOf(a netip.AddrPort) string { return a.Addr().Unmap().String() }

// read waits a moment for messages and hands them on.
func (s *callSocket) read(r *run, take func(b []byte, now int64)) {
	now := r.now()
	if s.wait-now < int64(callTick)/2 {
		s.wait = now + int64(callTick)
		_ = s.conn.SetReadDeadline(r.start.Add(time.Duration(s.wait)))
	}
	n, err := s.pc.ReadBatch(s.in, 0)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		s.failed[fmt.Sprintf("receive: %v", errors.Unwrap(err))]++
	}
	now = r.now()
	for i := range max(n, 0) {
		take(s.in[i].Buffers[0][:s.in[i].N], now)
	}
}

// build queues a message.
func (s *callSocket) build(made func(b []byte) []byte) {
	if s.queued == len(s.out) {
		s.flush()
	}
	m := &s.out[s.queued]
	m.Buffers[0] = made(m.Buffers[0][:0])
	s.queued++
}

func (s *callSocket) send(message []byte) {
	s.build(func(b []byte) []byte { return append(b, message...) })
}

func (s *callSocket) flush() {
	for sent := 0; sent < s.queued; {
		n, err := s.pc.WriteBatch(s.out[sent:s.queued], 0)
		if err != nil {
			s.failed[fmt.Sprintf("send: %v", errors.Unwrap(err))]++ // the retransmission makes up for it
			n = max(n, 0) + 1
		}
		sent += max(n, 1)
	}
	s.queued = 0
}
