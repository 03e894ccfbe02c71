package faults

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

// gun is a UDP socket of a stranger that shoots at ports.
type gun struct{ conn *net.UDPConn }

func (s *site) gun(t *testing.T, last byte) *gun {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(s.ip(last), 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &gun{conn}
}

func (g *gun) fire(packet []byte, at netip.AddrPort) { _, _ = g.conn.WriteToUDPAddrPort(packet, at) }

// hits counts what came back.
func (g *gun) hits() (n int) {
	buffer := make([]byte, 2048)
	for {
		_ = g.conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, err := g.conn.Read(buffer)
		if late(err) {
			return n
		}
		if err == nil {
			n++
		}
	}
}

func interfaceAddresses(t *testing.T) (list []netip.Addr) {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			list = append(list, prefix.Addr().Unmap())
		}
	}
	return list
}

// late tells that a deadline passed.
func late(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}
