package srtp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"testing"

	"roost/media"
)

// TestForged_EveryOctet: a packet with any one bit turned over does not authenticate,
// and the genuine one does afterwards.
func TestForged_EveryOctet(t *testing.T) {
	for name, k := range variants() {
		t.Run(name, func(t *testing.T) {
			p, _ := NewProtector(k)
			u, _ := NewUnprotector(k)
			packet, control := rtpPacket(1, 7, 20), rtcpPacket(1)
			b, c := room(packet), room(control)
			n, err := p.RTP(b, len(packet))
			if err != nil {
				t.Fatal(err)
			}
			m, err := p.RTCP(c, len(control))
			if err != nil {
				t.Fatal(err)
			}
			for i := range n {
				forged := append([]byte{}, b[:n]...)
				forged[i] ^= 0x10
				if _, err := u.RTP(forged); !errors.Is(err, ErrForged) && !errors.Is(err, ErrShort) {
					t.Fatalf("octet %d of SRTP: %v", i, err)
				}
			}
			for i := range m {
				// pion compares MKIs of GCM as map keys too; each octet counts.
				forged := append([]byte{}, c[:m]...)
				forged[i] ^= 0x10
				if _, err := u.RTCP(forged); !errors.Is(err, ErrForged) && !errors.Is(err, ErrShort) {
					t.Fatalf("octet %d of SRTCP: %v", i, err)
				}
			}
			for cut := range n {
				if _, err := u.RTP(append([]byte{}, b[:cut]...)); err == nil {
					t.Fatalf("cut to %d", cut)
				}
			}
			for cut := range m {
				if _, err := u.RTCP(append([]byte{}, c[:cut]...)); err == nil {
					t.Fatalf("SRTCP cut to %d", cut)
				}
			}
			if got, err := u.RTP(b[:n]); err != nil || !bytes.Equal(b[:got], packet) {
				t.Errorf("the genuine one: %v", err)
			}
			if got, err := u.RTCP(c[:m]); err != nil || !bytes.Equal(c[:got], control) {
				t.Errorf("the genuine SRTCP: %v", err)
			}
		})
	}
}

// TestForged_KeepsNothing: forged packets of 100,000 SSRCs leave no state (pion keeps
// 26 MB of them).
func TestForged_KeepsNothing(t *testing.T) {
	u, _ := NewUnprotector(keyFor(media.AES128CM80, 1))
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	packet, control := append(rtpPacket(0, 1, 20), make([]byte, 10)...), append(rtcpPacket(0), make([]byte, 14)...)
	for ssrc := range uint32(100_000) {
		binary.BigEndian.PutUint32(packet[8:], ssrc)
		if _, err := u.RTP(packet); !errors.Is(err, ErrForged) {
			t.Fatal(err)
		}
		if ssrc%100 == 0 {
			binary.BigEndian.PutUint32(control[4:], ssrc)
			if _, err := u.RTCP(control); !errors.Is(err, ErrForged) {
				t.Fatal(err)
			}
		}
	}
	if after := heap(); after > before+100_000 {
		t.Errorf("%d octets are kept", after-before)
	}
	if len(u.sources) != 0 || len(u.controls) != 0 || u.tries > MaxSources {
		t.Errorf("%d, %d SSRCs are kept, %d tried", len(u.sources), len(u.controls), u.tries)
	}
	runtime.KeepAlive(u)
}

func TestSources_AreBounded(t *testing.T) {
	k := keyFor(media.AES128GCM, 1)
	p, _ := NewProtector(k)
	u, _ := NewUnprotector(k)
	for ssrc := range uint32(MaxSources) {
		for _, control := range []bool{false, true} {
			packet := rtpPacket(ssrc, 1, 5)
			protect, open := p.RTP, u.RTP
			if control {
				packet, protect, open = rtcpPacket(ssrc), p.RTCP, u.RTCP
			}
			b := room(packet)
			n, err := protect(b, len(packet))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := open(b[:n]); err != nil {
				t.Fatal(err)
			}
		}
	}
	b := room(rtpPacket(1000, 1, 5))
	if _, err := p.RTP(b, 17); !errors.Is(err, ErrSources) {
		t.Errorf("one SSRC more to protect: %v", err)
	}
	c := room(rtcpPacket(1000))
	if _, err := p.RTCP(c, len(rtcpPacket(0))); !errors.Is(err, ErrSources) {
		t.Errorf("one SSRC more to protect as SRTCP: %v", err)
	}
	other, _ := NewProtector(k) // the far end has no such bound
	n, err := other.RTP(b, 17)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.RTP(b[:n]); !errors.Is(err, ErrSources) {
		t.Errorf("one SSRC more: %v", err)
	}
	if n, err = other.RTCP(c, len(rtcpPacket(0))); err != nil {
		t.Fatal(err)
	}
	if _, err := u.RTCP(c[:n]); !errors.Is(err, ErrSources) {
		t.Errorf("one SSRC more of SRTCP: %v", err)
	}
}

// TestProtector_NeverTheSameIndexTwice: repeated and old packets are refused, before
// anything is encrypted.
func TestProtector_NeverTheSameIndexTwice(t *testing.T) {
	p, _ := NewProtector(keyFor(media.AES128CM80, 1))
	for _, c := range []struct {
		seq  uint16
		want error
	}{
		{65530, nil}, {65530, ErrIndexUsed}, {65535, nil}, {2, nil}, {65534, nil}, {65534, ErrIndexUsed}, {65535, ErrIndexUsed}, {2, ErrIndexUsed},
		{200, nil}, {73, nil}, {73, ErrIndexUsed}, {72, ErrIndexUsed}, {65531, ErrIndexUsed}, {200 + 32767, nil}, {200, ErrIndexUsed},
	} {
		packet := rtpPacket(1, c.seq, 10)
		b := room(packet)
		if _, err := p.RTP(b, len(packet)); !errors.Is(err, c.want) {
			t.Fatalf("%d: %v, not %v", c.seq, err, c.want)
		} else if err != nil && !bytes.Equal(b[:len(packet)], packet) {
			t.Fatalf("%d: the packet was changed", c.seq)
		}
	}
	if last, ok := p.Last(1); !ok || last != 32967 {
		t.Errorf("last %d, %v", last, ok)
	}
	if _, ok := p.Last(2); ok {
		t.Error("an SSRC that never was")
	}
	p.sources[0].top = maxIndex
	packet := rtpPacket(1, 0, 10)
	if _, err := p.RTP(room(packet), len(packet)); !errors.Is(err, ErrExhausted) {
		t.Errorf("after 2^48 packets: %v", err)
	}
}

// TestROC_FirstPacketsLost: the sender began just before the roll-over, and what came
// before it never reached us: with early media its key comes later than its packets.
func TestROC_FirstPacketsLost(t *testing.T) {
	for name, s := range suites {
		p, _ := NewProtector(keyFor(s, 1))
		u, _ := NewUnprotector(keyFor(s, 1))
		for i := range uint16(100) {
			packet := rtpPacket(1, 65500+i, 50)
			b := room(packet)
			n, err := p.RTP(b, len(packet))
			if err != nil {
				t.Fatal(err)
			}
			if i < 50 {
				continue
			}
			if n, err = u.RTP(b[:n]); err != nil || !bytes.Equal(b[:n], packet) {
				t.Fatalf("%s: packet %d: %v", name, i, err)
			}
		}
	}
}

func TestKeys_AreChecked(t *testing.T) {
	good := keyFor(media.AES128CM80, 1)
	for what, change := range map[string]func(*media.Key){
		"no suite":   func(k *media.Key) { k.Suite = 0 },
		"fifth":      func(k *media.Key) { k.Suite = 5 },
		"short":      func(k *media.Key) { k.Master = k.Master[:29] },
		"long":       func(k *media.Key) { k.Master = append(k.Master, 1) },
		"none":       func(k *media.Key) { k.Master = nil },
		"GCM length": func(k *media.Key) { k.Suite = media.AES128GCM },
		"long MKI":   func(k *media.Key) { k.MKI = make([]byte, 129) },
	} {
		k := copied(good)
		change(&k)
		if _, err := NewProtector(k); !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := NewUnprotector(k); !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestPlainRTCP_PassesAsItIs(t *testing.T) {
	k := keyFor(media.AES128CM80, 1)
	k.PlainRTCP = true
	p, _ := NewProtector(k)
	u, _ := NewUnprotector(k)
	b := room(rtcpPacket(1))
	n, err := p.RTCP(b, len(rtcpPacket(1)))
	if err != nil || !bytes.Equal(b[:n], rtcpPacket(1)) {
		t.Errorf("%x, %v", b[:n], err)
	}
	if n, err = u.RTCP(b[:n]); err != nil || !bytes.Equal(b[:n], rtcpPacket(1)) || u.AuthenticatesRTCP() {
		t.Errorf("%x, %v", b[:n], err)
	}
	if _, err := p.RTP(make([]byte, 20), 20); !errors.Is(err, ErrShort) {
		t.Errorf("version 0: %v", err)
	}
	if _, err := p.RTP(rtpPacket(1, 1, 10), 22); !errors.Is(err, ErrNoRoom) {
		t.Errorf("no room: %v", err)
	}
}

func BenchmarkTransform(b *testing.B) {
	for name, s := range suites {
		b.Run(name+"/protect", func(b *testing.B) {
			p, _ := NewProtector(keyFor(s, 1))
			packet := room(rtpPacket(1, 0, 160))
			b.ReportAllocs()
			for i := range b.N {
				binary.BigEndian.PutUint16(packet[2:], uint16(i))
				if _, err := p.RTP(packet, 172); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/protect pion", func(b *testing.B) {
			p := oracle(b, keyFor(s, 1))
			packet, out := rtpPacket(1, 0, 160), make([]byte, 0, 400)
			b.ReportAllocs()
			for i := range b.N {
				binary.BigEndian.PutUint16(packet[2:], uint16(i))
				if _, err := p.EncryptRTP(out, packet, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
