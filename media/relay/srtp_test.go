package relay

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"

	pion "github.com/pion/srtp/v2"

	"roost/media"
	"roost/media/srtp"
)

var suites = map[string]struct {
	ours media.Suite
	pion pion.ProtectionProfile
}{
	"AES_CM_128_HMAC_SHA1_80": {media.AES128CM80, pion.ProtectionProfileAes128CmHmacSha1_80},
	"AES_CM_128_HMAC_SHA1_32": {media.AES128CM32, pion.ProtectionProfileAes128CmHmacSha1_32},
	"AEAD_AES_128_GCM":        {media.AES128GCM, pion.ProtectionProfileAeadAes128Gcm},
	"AEAD_AES_256_GCM":        {media.AES256GCM, pion.ProtectionProfileAeadAes256Gcm},
}

func pionFor(t *testing.T, k *media.Key, p pion.ProtectionProfile) *pion.Context {
	t.Helper()
	n, _, _ := srtp.KeyLengths(k.Suite)
	c, err := pion.CreateContext(k.Master[:n], k.Master[n:], p, pion.SRTPReplayProtection(64), pion.SRTCPReplayProtection(64))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestSRTP_AllSuitesBetweenPionAndPlain: A is pion with SRTP, B plain; and A with one
// suite, B with another. RTP and RTCP, both ways, over real sockets.
func TestSRTP_AllSuitesBetweenPionAndPlain(t *testing.T) {
	for name, suite := range suites {
		t.Run(name, func(t *testing.T) {
			r := newRelay(t, nil)
			s := open(t, r, media.OpenStream{})
			a, aControl := newEnd(t, "127.0.0.1:0"), newEnd(t, "127.0.0.1:0")
			b, bControl := newEnd(t, "127.0.0.1:0"), newEnd(t, "127.0.0.1:0")
			c := talk(a.addr)
			c.RTCP, c.Unprotect, c.Protect = aControl.addr, key(suite.ours, 1), key(suite.ours, 2)
			mustSet(t, s, media.A, c)
			plain := talk(b.addr)
			plain.RTCP = bControl.addr
			mustSet(t, s, media.B, plain)
			sends, takes := pionFor(t, c.Unprotect, suite.pion), pionFor(t, c.Protect, suite.pion)
			aLocal, aLocalControl := s.Local(media.A)
			bLocal, bLocalControl := s.Local(media.B)
			for i := range uint16(50) {
				packet := rtp(7, 65520+i, 0)
				sealed, err := sends.EncryptRTP(nil, packet, nil)
				if err != nil {
					t.Fatal(err)
				}
				a.send(aLocal, sealed)
				if got, _ := b.receive(); !bytes.Equal(got, packet) {
					t.Fatalf("packet %d: B got %x", i, got)
				}
				b.send(bLocal, packet)
				got, _ := a.receive()
				if got, err = takes.DecryptRTP(nil, got, nil); err != nil || !bytes.Equal(got, packet) {
					t.Fatalf("packet %d: pion got %x, %v", i, got, err)
				}
			}
			sealed, err := sends.EncryptRTCP(nil, rtcp(7), nil)
			if err != nil {
				t.Fatal(err)
			}
			aControl.send(aLocalControl, sealed)
			if got, _ := bControl.receive(); !bytes.Equal(got, rtcp(7)) {
				t.Errorf("B got RTCP %x", got)
			}
			bControl.send(bLocalControl, rtcp(8))
			got, _ := aControl.receive()
			if got, err = takes.DecryptRTCP(nil, got, nil); err != nil || !bytes.Equal(got, rtcp(8)) {
				t.Errorf("pion got RTCP %x, %v", got, err)
			}
		})
	}
}

// TestSRTP_ManyBadPackets: 10,000 packets with bad tags, from the right address, and
// replays end nothing, come nowhere, and are counted (FreeSWITCH 2021).
func TestSRTP_ManyBadPackets(t *testing.T) {
	r := newRelay(t, nil)
	s := open(t, r, media.OpenStream{})
	a, b := newEnd(t, "127.0.0.1:0"), newEnd(t, "127.0.0.1:0")
	c := talk(a.addr)
	c.Unprotect, c.Protect = key(media.AES128CM80, 1), key(media.AES128CM80, 2)
	mustSet(t, s, media.A, c)
	mustSet(t, s, media.B, talk(b.addr))
	p, err := srtp.NewProtector(*c.Unprotect)
	if err != nil {
		t.Fatal(err)
	}
	local, _ := s.Local(media.A)
	seal := func(seq uint16) []byte {
		buffer := append(rtp(1, seq, 0), make([]byte, srtp.Overhead)...)
		n, err := p.RTP(buffer, len(buffer)-srtp.Overhead)
		if err != nil {
			t.Fatal(err)
		}
		return buffer[:n]
	}
	first := seal(1)
	a.send(local, first)
	b.receive()
	const bad, atOnce = 10_000, 50
	for i := range bad {
		packet := rtp(uint32(i), uint16(i), 0)
		if i%2 == 0 {
			packet = append(rtp(1, uint16(i), 0), make([]byte, 10)...)
			rand.Read(packet[len(packet)-10:])
		}
		a.send(local, packet)
		if i%atOnce == atOnce-1 { // no faster than the socket's queue
			until(t, s, "all counted", func(m media.StreamStats) bool { return m.Sides[0].Forged+m.Sides[0].Replayed == uint64(i+1) })
		}
	}
	for range 10 {
		a.send(local, first)
	}
	stats := until(t, s, "replays counted", func(m media.StreamStats) bool { return m.Sides[0].Forged+m.Sides[0].Replayed == bad+10 })
	if a := stats.Sides[0]; a.Packets != 1 || a.Forged < bad-100 || a.Replayed < 10 {
		t.Errorf("%d packets were carried, not 1; %d forged, %d replayed", a.Packets, a.Forged, a.Replayed)
	}
	b.nothing()
	a.send(local, seal(2))
	if got, _ := b.receive(); !bytes.Equal(got, rtp(1, 2, 0)) {
		t.Errorf("after all that: %x", got)
	}
}

func TestSRTP_KeysAreUsedOnce(t *testing.T) {
	r := newRelay(t, nil)
	one, other := open(t, r, media.OpenStream{}), open(t, r, media.OpenStream{})
	a := newEnd(t, "127.0.0.1:0")
	c := talk(a.addr)
	c.Unprotect, c.Protect = key(media.AES128CM80, 1), key(media.AES128CM80, 2)
	mustSet(t, one, media.A, c)
	mustSet(t, one, media.A, c) // the same again goes on
	if err := other.Set(media.A, c); !errors.Is(err, ErrKeyReused) {
		t.Errorf("one key for two streams: %v", err)
	}
	if err := one.Set(media.B, c); !errors.Is(err, ErrKeyReused) {
		t.Errorf("one key for both sides: %v", err)
	}
	next := c
	next.Protect = key(media.AES128CM80, 3)
	mustSet(t, one, media.A, next)
	mustSet(t, one, media.A, c) // an offer that was refused: back to the first, with its indices
	for i := range byte(keptKeys) {
		further := c
		further.Protect = key(media.AES128CM80, 40+i)
		mustSet(t, one, media.A, further)
	}
	if err := one.Set(media.A, c); !errors.Is(err, ErrKeyReused) {
		t.Errorf("back to a key whose indices are forgotten: %v", err)
	}
	mirror := c
	mirror.Protect = c.Unprotect
	if err := other.Set(media.A, mirror); !errors.Is(err, ErrKeyReused) {
		t.Errorf("the far end's key is ours: %v", err)
	}
	one.Close()
	again := c
	again.Protect = next.Protect
	if err := other.Set(media.A, again); !errors.Is(err, ErrKeyReused) {
		t.Errorf("a key of a call that has ended: %v", err)
	}
	short := c
	short.Protect = &media.Key{Suite: media.AES256GCM, Master: make([]byte, 30)}
	if err := other.Set(media.A, short); !errors.Is(err, srtp.ErrKey) {
		t.Errorf("a short key: %v", err)
	}
}

// TestSRTP_SetAgainKeepsIndices: a re-INVITE that changes no key, hold and a passing
// plain spell leave roll-over counters and replay windows as they are.
func TestSRTP_SetAgainKeepsIndices(t *testing.T) {
	r := newRelay(t, nil)
	s := open(t, r, media.OpenStream{})
	a, b := newEnd(t, "127.0.0.1:0"), newEnd(t, "127.0.0.1:0")
	c := talk(b.addr)
	c.Unprotect, c.Protect = key(media.AES128CM80, 1), key(media.AES128CM80, 2)
	mustSet(t, s, media.A, talk(a.addr))
	mustSet(t, s, media.B, c)
	takes := pionFor(t, c.Protect, pion.ProtectionProfileAes128CmHmacSha1_80)
	local, _ := s.Local(media.A)
	send := func(seq uint16) {
		t.Helper()
		a.send(local, rtp(1, seq, 0))
		got, _ := b.receive()
		if _, err := takes.DecryptRTP(nil, got, nil); err != nil {
			t.Fatalf("%d: pion: %v", seq, err)
		}
	}
	send(65535)
	send(0) // the roll-over counter is 1 now
	held := c
	held.Send = false
	mustSet(t, s, media.B, held)
	mustSet(t, s, media.B, talk(b.addr))
	mustSet(t, s, media.B, c)
	send(1)
	a.send(local, rtp(1, 1, 0))
	until(t, s, "the doubled packet refused", func(m media.StreamStats) bool { return m.Sides[0].Replayed == 1 })
	b.nothing()
}

// TestSRTP_Rekey: while the far end's new key comes into force, packets under the one
// before still pass, until the first under the new one; and an offer that was refused
// brings a key back with its roll-over counter and its replay window.
func TestSRTP_Rekey(t *testing.T) {
	for name, suite := range suites {
		c := talk(saidA)
		c.Unprotect, c.Protect = key(suite.ours, 1), key(suite.ours, 2)
		next := c
		next.Unprotect = key(suite.ours, 3)
		r := newRelay(t, nil)
		s := open(t, r, media.OpenStream{})
		a, b := newEnd(t, "127.0.0.1:0"), newEnd(t, "127.0.0.1:0")
		c.RTP, next.RTP = a.addr, a.addr
		mustSet(t, s, media.A, c)
		mustSet(t, s, media.B, talk(b.addr))
		local, _ := s.Local(media.A)
		first, second := pionFor(t, c.Unprotect, suite.pion), pionFor(t, next.Unprotect, suite.pion)
		forged := uint64(0)
		send := func(under *pion.Context, seq uint16, passes bool) {
			t.Helper()
			sealed, err := under.EncryptRTP(nil, rtp(1, seq, 0), nil)
			if err != nil {
				t.Fatal(err)
			}
			a.send(local, sealed)
			if passes {
				if got, _ := b.receive(); !bytes.Equal(got, rtp(1, seq, 0)) {
					t.Fatalf("%s: %d came as %x", name, seq, got)
				}
				return
			}
			forged++
			until(t, s, "refused", func(m media.StreamStats) bool { return m.Sides[0].Forged == forged })
		}
		send(first, 65535, true)
		send(first, 0, true) // the roll-over counter is 1
		mustSet(t, s, media.A, next)
		send(first, 1, true)
		send(second, 2, true)
		send(first, 3, false)
		mustSet(t, s, media.A, c)
		send(first, 4, true)
		b.nothing()
	}
}
