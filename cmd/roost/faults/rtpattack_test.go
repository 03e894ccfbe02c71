package faults

import (
	"bytes"
	"crypto/rand"
	mrand "math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

// rtpStorm fires 10,000 packets a second of all kinds at the ports of a call from three
// hosts that have nothing to do with it.
func rtpStorm(t *testing.T, s *stage) {
	ports := s.talk.relays()
	for _, p := range s.talk.relays() {
		ports = append(ports, netip.AddrPortFrom(p.Addr(), p.Port()+1)) // RTCP
	}
	random := mrand.New(mrand.NewPCG(3550, 1))
	noise := make([]byte, 9000)
	_, _ = rand.Read(noise)
	kinds := []func(i int) []byte{
		func(i int) []byte { return rtp(uint16(i), byte(i), 0x55) },
		func(i int) []byte { p := rtp(uint16(i), 1, 0); p[0] = byte(i<<6) | 0x0f; return p }, // other versions, 15 CSRCs
		func(i int) []byte { return rtp(uint16(i), 1, 0)[:random.IntN(13)] },
		func(int) []byte { return noise[:1+random.IntN(len(noise)-1)] },
		func(int) []byte { return []byte{0x81, 203, 0, 1, 0, 0, 0, 1} },                                           // RTCP BYE
		func(int) []byte { return append([]byte{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 50, 1}, noise[:49]...) }, // DTLS hello
		func(int) []byte { return append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, noise[:12]...) },             // STUN
		func(int) []byte { p := bytes.Clone(rtp(1, 1, 1)); p[0] |= 0x30; return p },                               // padding, extension
	}
	sent, came := s.shots(t, []byte{110, 111, 112}, ports, 10_000, 2*time.Second, func(i int) []byte { return kinds[i%len(kinds)](i) })
	if came > 0 {
		t.Errorf("strangers got %d packets for %d", came, sent)
	}
}

// forgedSRTP fires what looks like SRTP: at the port of a call that is SRTP, from
// strangers, and from the phone's own host, as somebody behind the same NAT could.
func forgedSRTP(t *testing.T, s *stage) {
	ports := s.talk.relays()
	secure := ports[1:2]
	forged := func(i int) []byte {
		p := append(rtp(uint16(i), byte(i>>8), byte(i)), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
		return p
	}
	if _, came := s.shots(t, []byte{113, 31}, secure, 6_000, time.Second, forged); came > 0 {
		t.Errorf("forgers got %d packets", came)
	}
	// DTLS hellos at a port whose keys came by SDP begin nothing.
	hello := append([]byte{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 50, 1, 0, 0, 38, 0, 0, 0, 0, 0, 0, 0, 38, 254, 253}, make([]byte, 36)...)
	if _, came := s.shots(t, []byte{113, 31}, secure, 6_000, time.Second/2, func(int) []byte { return hello }); came > 0 {
		t.Errorf("DTLS hellos got %d answers", came)
	}
}

// bleed tries to get into a call and to get its voice (RTP bleed): from a third host,
// before and after the phones have spoken, with the SSRC and numbers of the real ones.
func bleed(t *testing.T, s *stage) {
	ann, bob := s.connected()
	s.talkBoth(ann, bob, 1)
	thief := s.gun(t, 114)
	for _, at := range []netip.AddrPort{ann.peer.audio(), bob.peer.audio()} {
		for i := range uint16(1500) {
			ssrc := []byte{0xa1, 0xb0, 0xee}[i%3]
			packet := rtp(100+i, ssrc, alien)
			thief.fire(packet, at)
		}
	}
	s.talkBoth(ann, bob, 3000) // fails where either hears 0xee
	for i := range uint16(50) {
		_, _ = s.bob.voice.WriteToUDPAddrPort(rtp(3100+i, 0xb0, 0xb0), bob.peer.audio())
		_, _ = s.ann.voice.WriteToUDPAddrPort(rtp(3100+i, 0xa1, 0xa1), ann.peer.audio())
	}
	if n := thief.hits(); n > 0 {
		t.Errorf("a third host hears %d packets of the call", n)
	}
	s.ann.overheard()
	s.bob.overheard()
	end(ann, bob)
}
