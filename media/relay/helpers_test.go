package relay

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"roost/media"
	"roost/media/srtp"
)

const patience = 10 * time.Second

// loopback is an address of this process alone, so that no other program has its ports.
func loopback() netip.Addr {
	pid := os.Getpid()
	return netip.AddrFrom4([4]byte{127, byte(64 + pid>>16&63), byte(pid >> 8), byte(pid) | 1})
}

// newRelay starts a relay on the loopback.
func newRelay(t testing.TB, change func(*Config)) *Relay {
	t.Helper()
	c := Config{
		Address: loopback(), Address6: netip.IPv6Loopback(),
		First: 21000, Last: 23999, Workers: 1, Quarantine: -1, Log: zerolog.Nop(),
	}
	if change != nil {
		change(&c)
	}
	r, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// end is a far end: a socket that sends and receives.
type end struct {
	t    testing.TB
	conn *net.UDPConn
	addr netip.AddrPort
	b    [4096]byte
}

func newEnd(t testing.TB, at string) *end {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(at)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &end{t: t, conn: conn, addr: conn.LocalAddr().(*net.UDPAddr).AddrPort()}
}

func (e *end) send(to netip.AddrPort, b []byte) {
	e.t.Helper()
	if _, err := e.conn.WriteToUDPAddrPort(b, to); err != nil {
		e.t.Fatal(err)
	}
}

// receive waits for a packet.
func (e *end) receive() ([]byte, netip.AddrPort) {
	e.t.Helper()
	if err := e.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		e.t.Fatal(err)
	}
	n, from, err := e.conn.ReadFromUDPAddrPort(e.b[:])
	if err != nil {
		e.t.Fatalf("nothing came to %s: %v", e.addr, err)
	}
	return append([]byte(nil), e.b[:n]...), from
}

// nothing checks that no packet waits. Ask the stream's statistics first: they are
// given after all that came before was handled.
func (e *end) nothing() {
	e.t.Helper()
	if err := e.conn.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		e.t.Fatal(err)
	}
	n, from, err := e.conn.ReadFromUDPAddrPort(e.b[:])
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		e.t.Fatalf("%d octets from %s came to %s: %v", n, from, e.addr, err)
	}
}

// until waits for the statistics to say something.
func until(t testing.TB, s media.Stream, what string, ok func(media.StreamStats) bool) media.StreamStats {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		stats := s.Stats()
		if ok(stats) {
			return stats
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s did not come to be: %+v", what, stats)
		}
	}
}

func rtp(ssrc uint32, seq uint16, payload uint8) []byte {
	b := make([]byte, rtpHeader+160)
	b[0], b[1] = 0x80, payload
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], uint32(seq)*160)
	binary.BigEndian.PutUint32(b[8:], ssrc)
	for i := range b[rtpHeader:] {
		b[rtpHeader+i] = byte(i) + byte(seq)
	}
	return b
}

// rtcp is a receiver report with a CNAME.
func rtcp(ssrc uint32) []byte {
	b := []byte{0x80, 201, 0, 1, 0, 0, 0, 0, 0x81, 202, 0, 3, 0, 0, 0, 0, 1, 4, 'r', 'o', 's', 't', 0, 0}
	binary.BigEndian.PutUint32(b[4:], ssrc)
	binary.BigEndian.PutUint32(b[12:], ssrc)
	return b
}

func key(s media.Suite, seed byte) *media.Key {
	k, salt, _ := srtp.KeyLengths(s)
	master := make([]byte, k+salt)
	for i := range master {
		master[i] = byte(i)*3 ^ seed
	}
	return &media.Key{Suite: s, Master: master}
}

// talk is a side that gives and takes media at an address.
func talk(at netip.AddrPort) media.SideConfig {
	return media.SideConfig{RTP: at, Send: true, Receive: true}
}

func mustSet(t testing.TB, s media.Stream, side media.Side, c media.SideConfig) {
	t.Helper()
	if err := s.Set(side, c); err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, r *Relay, o media.OpenStream) media.Stream {
	t.Helper()
	s, err := r.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func nextPort(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr(), a.Port()+1) }
func portZero(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr(), 0) }
