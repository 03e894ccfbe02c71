package flow

import (
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
)

// packets is a batch of datagrams in and a batch of answers out, with buffers of their
// own that are used again for each batch.
type packets interface {
	// receive waits for at least one datagram and gives how many came.
	receive() (int, error)
	// packet gives the i-th of them, valid until the next receive.
	packet(i int) ([]byte, netip.AddrPort)
	// answer lends an empty buffer for the next answer.
	answer() []byte
	// queue takes an answer, made in the buffer that was lent or elsewhere; full tells
	// that flush must follow.
	queue(b []byte, to netip.AddrPort) (full bool)
	// flush sends what is queued; of several errors the first, and whom it was for.
	flush() (netip.AddrPort, error)
}

const (
	batch       = 32
	datagram    = 65_535
	answerBytes = 2 << 10
)

func newPackets(pc net.PacketConn) packets {
	if uc, ok := pc.(*net.UDPConn); ok {
		return newBatches(uc)
	}
	return &single{pc: pc, in: make([]byte, datagram), out: make([]byte, 0, answerBytes)}
}

// batches uses recvmmsg and sendmmsg where the system has them; else x/net does the
// same with one message a call.
type batches struct {
	pc     *ipv4.PacketConn // also good for IPv6: ReadBatch and WriteBatch look at no address
	in     []ipv4.Message
	out    []ipv4.Message
	queued int
}

func newBatches(uc *net.UDPConn) *batches {
	b := &batches{pc: ipv4.NewPacketConn(uc), in: make([]ipv4.Message, batch), out: make([]ipv4.Message, batch)}
	memory := make([]byte, batch*datagram) // touched only as far as datagrams are long
	for i := range b.in {
		b.in[i].Buffers = [][]byte{memory[i*datagram : (i+1)*datagram : (i+1)*datagram]}
		b.out[i].Buffers = [][]byte{make([]byte, 0, answerBytes)}
	}
	return b
}

func (b *batches) receive() (int, error) { return b.pc.ReadBatch(b.in, 0) }

func (b *batches) packet(i int) ([]byte, netip.AddrPort) {
	m := &b.in[i]
	return m.Buffers[0][:m.N], addrPort(m.Addr)
}

func (b *batches) answer() []byte { return b.out[b.queued].Buffers[0][:0] }

func (b *batches) queue(answer []byte, to netip.AddrPort) bool {
	m := &b.out[b.queued]
	m.Buffers[0] = answer
	m.Addr = net.UDPAddrFromAddrPort(to)
	b.queued++
	return b.queued == len(b.out)
}

func (b *batches) flush() (to netip.AddrPort, first error) {
	for sent := 0; sent < b.queued; {
		n, err := b.pc.WriteBatch(b.out[sent:b.queued], 0)
		if err != nil {
			// The first of the rest cannot be sent; the others may be.
			if first == nil {
				to, first = addrPort(b.out[sent].Addr), err
			}
			n = max(n, 0) + 1
		}
		sent += max(n, 1)
	}
	for i := range b.out[:b.queued] {
		if buf := &b.out[i].Buffers[0]; cap(*buf) > 4*answerBytes {
			*buf = make([]byte, 0, answerBytes)
		}
	}
	b.queued = 0
	return to, first
}

// single is for a PacketConn that is no socket (tests): one datagram a call.
type single struct {
	pc   net.PacketConn
	in   []byte
	n    int
	from netip.AddrPort
	out  []byte
	err  error
	to   netip.AddrPort
}

func (s *single) receive() (int, error) {
	n, from, err := s.pc.ReadFrom(s.in)
	if err != nil {
		return 0, err
	}
	s.n, s.from = n, addrPort(from)
	return 1, nil
}

func (s *single) packet(int) ([]byte, netip.AddrPort) { return s.in[:s.n], s.from }
func (s *single) answer() []byte                      { return s.out[:0] }

func (s *single) queue(b []byte, to netip.AddrPort) bool {
	s.to, s.err = to, writePacket(s.pc, b, to)
	return true
}

func (s *single) flush() (netip.AddrPort, error) {
	err := s.err
	s.err = nil
	return s.to, err
}

func writePacket(pc net.PacketConn, b []byte, to netip.AddrPort) error {
	if uc, ok := pc.(*net.UDPConn); ok {
		_, err := uc.WriteToUDPAddrPort(b, to)
		return err
	}
	_, err := pc.WriteTo(b, net.UDPAddrFromAddrPort(to))
	return err
}
