package relay

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"roost/media"
	"roost/media/srtp"
)

// path is one way through a lane, without sockets.
type path struct {
	lane   lane
	p      packet
	in     *srtp.Protector // what the far end protects with
	plain  []byte
	seq    uint16
	sealed []byte
}

func newPath(t testing.TB, unprotect, protect *media.Key) *path {
	t.Helper()
	a, b := netip.MustParseAddrPort("192.0.2.1:4000"), netip.MustParseAddrPort("192.0.2.2:4000")
	l := &path{plain: rtp(1, 0, 0), sealed: make([]byte, maxPacket+srtp.Overhead)}
	set := func(side media.Side, at netip.AddrPort, in, out *media.Key) {
		c := change{config: talk(at), moved: true, movedRTCP: true}
		c.config.Unprotect, c.config.Protect, c.config.Payloads = in, out, []uint8{0, 101}
		var err error
		if in != nil {
			if c.unprotect, err = srtp.NewUnprotector(*in); err != nil {
				t.Fatal(err)
			}
		}
		if out != nil {
			if c.protect, err = srtp.NewProtector(*out); err != nil {
				t.Fatal(err)
			}
		}
		l.lane.apply(side, &c, 1)
	}
	back := func(k *media.Key) *media.Key {
		if k == nil {
			return nil
		}
		return key(k.Suite, 99)
	}
	set(media.A, a, unprotect, back(unprotect))
	set(media.B, b, back(protect), protect)
	if unprotect != nil {
		var err error
		if l.in, err = srtp.NewProtector(*unprotect); err != nil {
			t.Fatal(err)
		}
	}
	l.p.from = addressOf(a)
	l.p.now = 1
	return l
}

// next makes the next packet as the far end sends it.
func (l *path) next(t testing.TB) {
	l.seq++
	l.p.now += 20e6
	n := copy(l.sealed, l.plain)
	binary.BigEndian.PutUint16(l.sealed[2:], l.seq)
	binary.BigEndian.PutUint32(l.sealed[4:], uint32(l.seq)*160)
	if l.in != nil {
		var err error
		if n, err = l.in.RTP(l.sealed, n); err != nil {
			t.Fatal(err)
		}
	}
	l.p.b, l.p.n = l.sealed, n
}

func (l *path) carry(t testing.TB) {
	if via, _ := l.lane.carry(&l.p); via != viaRTP {
		t.Fatalf("dropped: %+v", l.lane.sides[0].stats)
	}
}

var benchPaths = []struct {
	name    string
	in, out media.Suite
}{
	{"RTP-RTP", 0, 0},
	{"SRTP80-RTP", media.AES128CM80, 0},
	{"RTP-SRTP80", 0, media.AES128CM80},
	{"SRTP80-SRTP80", media.AES128CM80, media.AES128CM80},
	{"GCM128-RTP", media.AES128GCM, 0},
	{"RTP-GCM128", 0, media.AES128GCM},
	{"RTP-GCM256", 0, media.AES256GCM},
}

func benchKey(s media.Suite, seed byte) *media.Key {
	if s == 0 {
		return nil
	}
	return key(s, seed)
}

// BenchmarkCarry is a packet's way through the relay without its system calls. Where
// the far end protects, that is not measured.
func BenchmarkCarry(b *testing.B) {
	for _, c := range benchPaths {
		b.Run(c.name, func(b *testing.B) {
			l := newPath(b, benchKey(c.in, 1), benchKey(c.out, 2))
			const many = 1024
			type ready struct {
				b [400]byte
				n int
			}
			packets := make([]ready, many)
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				if i%many == 0 {
					b.StopTimer()
					for j := range packets {
						l.next(b)
						packets[j].n = copy(packets[j].b[:], l.p.b[:l.p.n])
					}
					b.StartTimer()
				}
				one := &packets[i%many]
				l.p.b, l.p.n = one.b[:], one.n
				l.carry(b)
			}
		})
	}
}

// TestCarry_NoAllocation: a packet costs no garbage, whatever its protection.
func TestCarry_NoAllocation(t *testing.T) {
	for _, c := range benchPaths {
		l := newPath(t, benchKey(c.in, 1), benchKey(c.out, 2))
		for range 100 {
			l.next(t)
			l.carry(t)
		}
		if n := testing.AllocsPerRun(1000, func() { l.next(t); l.carry(t) }); n != 0 {
			t.Errorf("%s: %v allocations a packet", c.name, n)
		}
	}
}

// BenchmarkRelay is a packet through the relay and its sockets, there and back again.
func BenchmarkRelay(b *testing.B) {
	r := newRelay(b, nil)
	s := open(b, r, media.OpenStream{})
	one, other := newEnd(b, "127.0.0.1:0"), newEnd(b, "127.0.0.1:0")
	mustSet(b, s, media.A, talk(one.addr))
	mustSet(b, s, media.B, talk(other.addr))
	local, _ := s.Local(media.A)
	packet := rtp(1, 0, 0)
	b.ReportAllocs()
	for i := range b.N {
		binary.BigEndian.PutUint16(packet[2:], uint16(i))
		one.send(local, packet)
		if _, err := other.conn.Read(other.b[:]); err != nil {
			b.Fatal(err)
		}
	}
}
