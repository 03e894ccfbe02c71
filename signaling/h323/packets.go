package h323

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
)

const (
	batch    = 32
	datagram = 65_535
	// socketBuffer is asked of the kernel for what arrives while a batch is handled: a
	// whole site arrives at once.
	socketBuffer = 4 << 20
)

// OpenUDP opens a socket for RAS at an address, as in "192.0.2.1:1719".
func OpenUDP(ctx context.Context, address string) (*net.UDPConn, error) {
	var lc net.ListenConfig
	pc, err := lc.ListenPacket(ctx, "udp", address)
	if err != nil {
		return nil, err
	}
	conn, ok := pc.(*net.UDPConn)
	if !ok {
		_ = pc.Close()
		return nil, fmt.Errorf("%s is no UDP address", address)
	}
	_ = conn.SetReadBuffer(socketBuffer) // what the kernel allows
	_ = conn.SetWriteBuffer(socketBuffer)
	return conn, nil
}

// AddressOf is what a socket is bound to.
func AddressOf(socket *net.UDPConn) netip.AddrPort {
	at, ok := socket.LocalAddr().(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(at.AddrPort().Addr().Unmap(), at.AddrPort().Port())
}

// DiscoveryGroup is where an endpoint that knows no gatekeeper looks for one (H.225.0
// 7.8 and annex IV).
var DiscoveryGroup = netip.MustParseAddrPort("224.0.1.41:1718")

// OpenGroup opens a socket that hears a group on the interface that has an address, or
// on the system's own choice for an invalid one.
func OpenGroup(group netip.AddrPort, local netip.Addr) (*net.UDPConn, error) {
	on, err := interfaceOf(local)
	if err != nil {
		return nil, err
	}
	return net.ListenMulticastUDP("udp", on, net.UDPAddrFromAddrPort(group))
}

func interfaceOf(local netip.Addr) (*net.Interface, error) {
	if !local.IsValid() || local.IsUnspecified() {
		return nil, nil
	}
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	for i := range all {
		addrs, err := all[i].Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr().Unmap() == local.Unmap() {
				return &all[i], nil
			}
		}
	}
	return nil, fmt.Errorf("no interface has the address %s", local)
}

// batches reads and writes many datagrams with one system call, where the system can.
type batches struct {
	pc      *ipv4.PacketConn // also good for IPv6: ReadBatch and WriteBatch look at no address
	in, out []ipv4.Message
}

func newBatches(conn *net.UDPConn) *batches {
	b := &batches{pc: ipv4.NewPacketConn(conn), in: make([]ipv4.Message, batch), out: make([]ipv4.Message, 0, batch)}
	memory := make([]byte, batch*datagram) // touched only as far as datagrams are long
	for i := range b.in {
		b.in[i].Buffers = [][]byte{memory[i*datagram : (i+1)*datagram : (i+1)*datagram]}
	}
	return b
}

func (b *batches) receive() (int, error) { return b.pc.ReadBatch(b.in, 0) }

func (b *batches) packet(i int) ([]byte, netip.AddrPort) {
	m := &b.in[i]
	from, _ := m.Addr.(*net.UDPAddr)
	if from == nil {
		return nil, netip.AddrPort{}
	}
	at := from.AddrPort()
	return m.Buffers[0][:m.N], netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

func (b *batches) queue(data []byte, to netip.AddrPort) {
	b.out = append(b.out, ipv4.Message{Buffers: [][]byte{data}, Addr: net.UDPAddrFromAddrPort(to)})
}

// flush sends what is queued. Of what cannot be sent it gives the number, and the first
// error.
func (b *batches) flush() (failed int, first error) {
	for sent := 0; sent < len(b.out); {
		n, err := b.pc.WriteBatch(b.out[sent:], 0)
		if err != nil {
			failed++
			if first == nil {
				first = err
			}
			n = max(n, 0) + 1 // the first of the rest cannot be sent; the others may be
		}
		sent += max(n, 1)
	}
	clear(b.out)
	b.out = b.out[:0]
	return failed, first
}
