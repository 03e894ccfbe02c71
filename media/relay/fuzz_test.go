package relay

import (
	"net/netip"
	"testing"
	"time"

	"roost/media"
)

// FuzzCarry sends datagrams of all kinds at a lane in each of its moods. Whatever comes
// in, what leaves is well formed and goes nowhere but where the other side is; a packet
// from a stranger moves nothing that is latched.
func FuzzCarry(f *testing.F) {
	for mood := range uint8(255) {
		f.Add(mood, false, false, rtp(1, 2, 0))
		f.Add(mood, true, true, rtcp(1))
		f.Add(mood, false, true, []byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
		f.Add(mood, false, false, []byte{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0})
	}
	f.Fuzz(func(t *testing.T, mood uint8, control, strange bool, packet []byte) {
		if len(packet) > maxPacket {
			return
		}
		a, b := latching(saidA), latching(phoneB)
		a.RTCP, b.RTCP = nextPort(saidA), nextPort(phoneB)
		if mood&1 != 0 {
			a.Unprotect, a.Protect = key(media.AES128CM80, 1), key(media.AES128CM80, 2)
		}
		if mood&2 != 0 {
			b.Unprotect, b.Protect = key(media.AES128GCM, 3), key(media.AES128GCM, 4)
		}
		a.Mux, b.Mux = mood&4 != 0, mood&8 != 0
		if mood&32 != 0 {
			a.Payloads, a.Clocks = []uint8{0, 8, 101}, []uint32{8000, 0}
		}
		if mood&128 != 0 {
			a.ICE = &media.ICE{LocalUfrag: "ours", LocalPwd: "0123456789012345678901", RemoteUfrag: "their", RemotePwd: "abcdefabcdefabcdefabcd"}
		}
		s := newStage(t, a, b)
		s.lane.sides[0].raw, s.lane.sides[1].raw = mood&16 != 0, mood&16 != 0
		s.lane.sides[0].rtp.held, s.lane.sides[0].rtcp.held = mood&64 != 0, mood&64 != 0
		from := saidA
		if control {
			from = a.RTCP
		}
		if strange {
			from = netip.MustParseAddrPort("203.0.113.5:5")
		}
		left := s.sendTo(media.A, control, from, packet)
		if left && s.to != b.RTP && s.to != b.RTCP {
			t.Fatalf("left for %s", s.to)
		}
		if left && strange {
			t.Fatal("a stranger's packet left")
		}
		if left && mood&16 == 0 && kindOf(s.out) != kindRTP && kindOf(s.out) != kindRTCP {
			t.Fatalf("%x left", s.out)
		}
		if left && mood&1 != 0 && mood&16 == 0 {
			t.Fatalf("what did not authenticate left: %x", packet)
		}
		if mood&64 != 0 && strange && s.toA() != saidA {
			t.Fatalf("media for A goes to %s", s.toA())
		}
		s.lane.sides[0].report(func(int64) time.Time { return time.Time{} })
	})
}
