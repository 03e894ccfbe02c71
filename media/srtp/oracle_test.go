package srtp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	pion "github.com/pion/srtp/v2"

	"roost/media"
)

var suites = map[string]media.Suite{
	"AES_CM_128_HMAC_SHA1_80": media.AES128CM80,
	"AES_CM_128_HMAC_SHA1_32": media.AES128CM32,
	"AEAD_AES_128_GCM":        media.AES128GCM,
	"AEAD_AES_256_GCM":        media.AES256GCM,
}

func keyFor(s media.Suite, seed byte) media.Key {
	k, salt, _ := KeyLengths(s)
	master := make([]byte, k+salt)
	for i := range master {
		master[i] = byte(i)*7 + seed
	}
	return media.Key{Suite: s, Master: master}
}

// variants are all that a key can say, of all suites.
func variants() map[string]media.Key {
	all := map[string]media.Key{}
	for name, s := range suites {
		all[name] = keyFor(s, 1)
		k := keyFor(s, 2)
		k.MKI = []byte{0, 0, 0, 1}
		all[name+" MKI"] = k
		k = keyFor(s, 3)
		k.ClearRTP = true
		all[name+" UNENCRYPTED_SRTP"] = k
		k = keyFor(s, 4)
		k.ClearRTCP, k.MKI = true, bytes.Repeat([]byte{9}, MaxMKI)
		all[name+" UNENCRYPTED_SRTCP long MKI"] = k
	}
	return all
}

func rtpPacket(ssrc uint32, seq uint16, payload int) []byte {
	b := make([]byte, 12+payload)
	b[0], b[1] = 0x80, 0
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], uint32(seq)*160)
	binary.BigEndian.PutUint32(b[8:], ssrc)
	for i := range b[12:] {
		b[12+i] = byte(i) ^ byte(seq)
	}
	return b
}

// shapes are headers of all kinds: contributing sources, extensions, markers, nothing behind.
func shapes(seq uint16) [][]byte {
	plain := rtpPacket(0x11223344, seq, 160)
	csrc := append(append(append([]byte{}, plain[:12]...), 1, 2, 3, 4, 5, 6, 7, 8), plain[12:]...)
	csrc[0] |= 2
	ext := append(append(append([]byte{}, plain[:12]...), 0xbe, 0xde, 0, 1, 0x10, 0xaa, 0, 0), plain[12:]...)
	ext[0] |= 0x10
	return [][]byte{plain, csrc, ext, rtpPacket(1, seq, 0), rtpPacket(2, seq, 1), rtpPacket(3, seq, 1400), rtpPacket(4, seq, 17)}
}

func room(b []byte) []byte { return append(append([]byte{}, b...), make([]byte, Overhead)...) }

func oracle(t testing.TB, k media.Key) *pion.Context {
	t.Helper()
	c, err := newPion(k)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestOracle_RTP: in 300 packets of all shapes that roll the sequence over, what we
// protect is octet for octet what pion protects, and each opens the other's.
func TestOracle_RTP(t *testing.T) {
	for name, k := range variants() {
		t.Run(name, func(t *testing.T) {
			p, err := NewProtector(k)
			if err != nil {
				t.Fatal(err)
			}
			u, err := NewUnprotector(k)
			if err != nil {
				t.Fatal(err)
			}
			sender, receiver := oracle(t, k), oracle(t, k)
			for i := range 300 {
				seq := uint16(65400 + i)
				for j, packet := range shapes(seq) {
					// A second packet of one SSRC and sequence would use an index twice.
					binary.BigEndian.PutUint32(packet[8:], uint32(70+j))
					b := room(packet)
					n, err := p.RTP(b, len(packet))
					if err != nil {
						t.Fatalf("packet %d.%d: %v", i, j, err)
					}
					want, err := sender.EncryptRTP(nil, packet, nil)
					if err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(b[:n], want) {
						t.Fatalf("packet %d.%d: protected\n%x, pion\n%x", i, j, b[:n], want)
					}
					opened, err := receiver.DecryptRTP(nil, b[:n], nil)
					if err != nil || !bytes.Equal(opened, packet) {
						t.Fatalf("packet %d.%d: pion opens %x, %v", i, j, opened, err)
					}
					n, err = u.RTP(want)
					if err != nil || !bytes.Equal(want[:n], packet) {
						t.Fatalf("packet %d.%d: we open pion's to %x, %v", i, j, want[:n], err)
					}
				}
			}
		})
	}
}

// TestOracle_RTPOutOfOrder: lost, doubled and reordered packets are told apart as pion
// tells them apart.
func TestOracle_RTPOutOfOrder(t *testing.T) {
	for name, s := range suites {
		t.Run(name, func(t *testing.T) {
			k := keyFor(s, 5)
			random := rand.New(rand.NewPCG(1, uint64(s)))
			p, _ := NewProtector(k)
			u, _ := NewUnprotector(k)
			receiver := oracle(t, k)
			var waiting [][]byte
			accepted, refused := 0, 0
			for i := range 3000 {
				packet := rtpPacket(9, uint16(64000+i), 20)
				b := room(packet)
				n, err := p.RTP(b, len(packet))
				if err != nil {
					t.Fatal(err)
				}
				if random.IntN(20) > 0 {
					waiting = append(waiting, b[:n])
				}
				for len(waiting) > 40 {
					at := random.IntN(len(waiting))
					if i < 100 { // the first one sets the index: in order
						at = 0
					}
					one := append([]byte{}, waiting[at]...)
					if random.IntN(5) > 0 { // else it stays, and comes again
						waiting = append(waiting[:at], waiting[at+1:]...)
					}
					want, pionErr := receiver.DecryptRTP(nil, one, nil)
					n, err := u.RTP(one)
					if (err == nil) != (pionErr == nil) {
						t.Fatalf("packet %d: %v, pion %v", i, err, pionErr)
					}
					if err == nil {
						accepted++
						if !bytes.Equal(one[:n], want) {
							t.Fatalf("packet %d: other octets", i)
						}
					} else {
						refused++
					}
				}
			}
			if accepted < 2000 || refused < 100 {
				t.Errorf("%d accepted, %d refused: the test did not test", accepted, refused)
			}
		})
	}
}

// TestOracle_RTCP: SRTCP to and from pion, with every suite and option.
func TestOracle_RTCP(t *testing.T) {
	for name, k := range variants() {
		t.Run(name, func(t *testing.T) {
			p, _ := NewProtector(k)
			u, _ := NewUnprotector(k)
			sender, receiver := oracle(t, k), oracle(t, k)
			for i := range 50 {
				packet := rtcpPacket(uint32(i % 3))
				b := room(packet)
				n, err := p.RTCP(b, len(packet))
				if err != nil {
					t.Fatal(err)
				}
				opened, err := receiver.DecryptRTCP(nil, b[:n], nil)
				if err != nil || !bytes.Equal(opened, packet) {
					t.Fatalf("pion opens %x, %v", opened, err)
				}
				theirs, err := sender.EncryptRTCP(nil, packet, nil)
				if err != nil {
					t.Fatal(err)
				}
				again := append([]byte{}, theirs...)
				if n, err = u.RTCP(theirs); err != nil || !bytes.Equal(theirs[:n], packet) {
					t.Fatalf("we open pion's to %x, %v", theirs[:n], err)
				}
				if _, err = u.RTCP(again); !errors.Is(err, ErrReplayed) {
					t.Fatalf("a repeated SRTCP packet: %v", err)
				}
			}
		})
	}
}

// rtcpPacket is a receiver report with a CNAME.
func rtcpPacket(ssrc uint32) []byte {
	b := []byte{0x80, 201, 0, 1, 0, 0, 0, 0, 0x81, 202, 0, 3, 0, 0, 0, 0, 1, 4, 'r', 'o', 's', 't', 0, 0}
	binary.BigEndian.PutUint32(b[4:], ssrc)
	binary.BigEndian.PutUint32(b[12:], ssrc)
	return b
}

func FuzzOracle(f *testing.F) {
	for _, shape := range shapes(65535) {
		f.Add(uint8(0), shape)
		f.Add(uint8(7), shape)
	}
	f.Add(uint8(3), rtcpPacket(1))
	names := make([]string, 0, 16)
	all := variants()
	for _, s := range []string{"AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM"} {
		for _, v := range []string{"", " MKI", " UNENCRYPTED_SRTP", " UNENCRYPTED_SRTCP long MKI"} {
			names = append(names, s+v)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, packet []byte) {
		k, known := all[names[int(which)%len(names)]]
		if !known {
			t.Fatal(fmt.Sprint("no variant ", which))
		}
		if len(packet) > 2000 {
			return
		}
		// As something received: pion and we agree on whether it is genuine.
		u, _ := NewUnprotector(k)
		got := append([]byte{}, packet...)
		if n, err := u.RTP(got); err == nil {
			want, err := oracle(t, k).DecryptRTP(nil, packet, nil)
			if err != nil && binary.BigEndian.Uint16(packet[2:]) >= 1<<15 {
				t.Fatalf("we open %x, pion does not: %v", packet, err)
			}
			if err == nil && !bytes.Equal(want, got[:n]) {
				t.Fatalf("opened to %x, pion %x", got[:n], want)
			}
		}
		if _, err := u.RTCP(append([]byte{}, packet...)); err == nil {
			if _, err := oracle(t, k).DecryptRTCP(nil, packet, nil); err != nil {
				t.Fatalf("we open SRTCP %x, pion does not: %v", packet, err)
			}
		}
		// As something to send: it comes back as it was, and pion opens it to the same.
		p, _ := NewProtector(k)
		b := room(packet)
		n, err := p.RTP(b, len(packet))
		if err != nil {
			return
		}
		sealed := append([]byte{}, b[:n]...)
		if n, err = u.RTP(b[:n]); err != nil || !bytes.Equal(b[:n], packet) {
			t.Fatalf("%x came back as %x, %v", packet, b[:n], err)
		}
		if opened, err := oracle(t, k).DecryptRTP(nil, sealed, nil); err == nil && !bytes.Equal(opened, packet) {
			t.Fatalf("pion opens %x to %x", sealed, opened)
		}
	})
}
