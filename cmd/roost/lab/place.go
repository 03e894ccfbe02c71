package lab

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
)

// lockPort is held on the block's first address as long as a lab lives, so that
// labs beside each other take different blocks.
const lockPort = 7399

// place is one lab's own part of the loopback network: 127.0.x.0/24.
type place struct {
	lock  net.Listener
	block byte
}

// takePlace finds a block that no other lab has.
func takePlace() (*place, error) {
	first := rand.IntN(250)
	for i := range 250 {
		block := byte(3 + (first+i)%250)
		p := &place{block: block}
		lock, err := net.Listen("tcp", netip.AddrPortFrom(p.address(1), lockPort).String())
		if err == nil {
			p.lock = lock
			return p, nil
		}
	}
	return nil, errors.New("no free block 127.0.x.0/24: are 250 labs running, or is 127.0.0.0/8 not on lo?")
}

func (p *place) release() { p.lock.Close() }

func (p *place) address(last byte) netip.Addr { return netip.AddrFrom4([4]byte{127, 0, p.block, last}) }

// phone is the i-th phone's own address; above 220 phones share them.
func (p *place) phone(i int) netip.Addr { return p.address(byte(30 + i%220)) }

// listening is where a system listens.
type listening struct {
	ip      netip.Addr
	udp     uint16 // and TCP
	tls     uint16
	line    uint16
	calls   uint16 // of other systems
	console uint16
}

func (l listening) at(port uint16) string { return l.addrPort(port).String() }

func (l listening) addrPort(port uint16) netip.AddrPort { return netip.AddrPortFrom(l.ip, port) }

// system finds ports on an address, the usual ones where they are free.
func (p *place) system(last byte) (listening, error) {
	l := listening{ip: p.address(last)}
	for _, port := range []struct {
		usual uint16
		at    *uint16
	}{{5060, &l.udp}, {5061, &l.tls}, {7422, &l.line}, {7423, &l.calls}, {8080, &l.console}} {
		found, err := freePort(l.ip, port.usual)
		if err != nil {
			return l, err
		}
		*port.at = found
	}
	return l, nil
}

// freePort finds a port that is free for UDP and TCP.
func freePort(ip netip.Addr, usual uint16) (uint16, error) {
	for _, port := range []uint16{usual, 0, 0, 0, 0, 0, 0, 0, 0} {
		tcp, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, port)))
		if err != nil {
			continue
		}
		port = tcp.Addr().(*net.TCPAddr).AddrPort().Port()
		udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, port)))
		tcp.Close()
		if err != nil {
			continue
		}
		udp.Close()
		return port, nil
	}
	return 0, fmt.Errorf("no free port on %s", ip)
}
