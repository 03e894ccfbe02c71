package flow

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestFramer_WhereAMessageEnds(t *testing.T) {
	for _, c := range []struct {
		in   string
		size int
		err  error
	}{
		{"A\r\nl: 3\r\n\r\nabcdef", 14, nil},
		{"A\r\nCONTENT-length \t:\t 003 \r\n\r\nabc", 33, nil},
		{"A\r\nContent-Length:\r\n 3\r\n\r\nabc", 29, nil},
		{"A\r\nX-Content-Length: 9\r\nl: 0\r\n\r\n", 32, nil},
		{"A\r\nl: 3\r\n\r\nab", 0, nil},
		{"A\r\nl: 3\r\n\r", 0, nil},
		{"A\r\nl: 3\n\nabc", 0, nil},
		{"A\r\nl: 3, 3\r\n\r\nabc", 14, ErrContentLength},
		{"A\r\nl: \r\n\r\n", 10, ErrContentLength},
		{"A\r\nl: 1234567890\r\n\r\n", 20, ErrContentLength},
		{"A\r\nl: 0\r\n l: 4\r\n\r\n", 18, ErrContentLength},
	} {
		f := framer{header: 100, body: 100}
		if size, err := f.next([]byte(c.in)); size != c.size || !errors.Is(err, c.err) {
			t.Errorf("%q: %d %v, want %d %v", c.in, size, err, c.size, c.err)
		}
	}
}

// FuzzFramer: the messages are the same however the bytes are cut, and nothing is
// longer than the limits.
func FuzzFramer(f *testing.F) {
	f.Add([]byte("A\r\nl: 3\r\n\r\nabcB\r\nl: 0\r\n\r\n"), uint64(1))
	f.Add([]byte("A\r\nContent-Length: 1\r\nl: 1\r\n\r\nabc"), uint64(2))
	f.Add([]byte("A\r\nContent-Length:\r\n 1\r\n\r\nx"), uint64(3))
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		whole, err1 := cutAll(t, b, func(n int) int { return n })
		random := rand.New(rand.NewPCG(seed, 1))
		parts, err2 := cutAll(t, b, func(n int) int { return 1 + random.IntN(n) })
		if !slices.Equal(whole, parts) || !errors.Is(err1, err2) {
			t.Fatalf("%q: %q %v at once, %q %v in parts", b, whole, err1, parts, err2)
		}
	})
}

func cutAll(t *testing.T, b []byte, step func(int) int) (messages []string, err error) {
	f := framer{header: 64, body: 64}
	var have []byte
	for len(b) > 0 {
		n := step(len(b))
		have, b = append(have, b[:n]...), b[n:]
		for {
			size, err := f.next(have)
			if err != nil {
				return messages, err
			}
			if size == 0 {
				break
			}
			if size > 128 {
				t.Fatalf("a message of %d bytes", size)
			}
			messages, have = append(messages, string(have[:size])), have[size:]
			if len(have) == 0 {
				break
			}
		}
	}
	return messages, nil
}

func bindingRequest(attributes []byte) []byte {
	b := []byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae}
	binary.BigEndian.PutUint16(b[2:], uint16(len(attributes)))
	return append(b, attributes...)
}

func withFingerprint(attributes []byte) []byte {
	b := bindingRequest(append(slices.Clone(attributes), 0x80, 0x28, 0, 4, 0, 0, 0, 0))
	binary.BigEndian.PutUint32(b[len(b)-4:], crc32.ChecksumIEEE(b[:len(b)-8])^stunCRC)
	return b
}

// The addresses and transaction id of RFC 5769 §2.2 and §2.3.
func TestSTUN_RFC5769_XorMappedAddress(t *testing.T) {
	for source, want := range map[string]string{
		"192.0.2.1:32853": "01010010" + "00200008" + "0001a147e112a643",
		"[2001:db8:1234:5678:11:2233:4455:6677]:32853": "0101001c" + "00200014" + "0002a1470113a9faa5d3f179bc25f4b5bed2b9d9",
	} {
		got, ok := appendSTUN(nil, withFingerprint(nil), netip.MustParseAddrPort(source))
		if !ok {
			t.Fatal("refused")
		}
		crc := binary.BigEndian.Uint32(got[len(got)-4:])
		if crc != crc32.ChecksumIEEE(got[:len(got)-8])^stunCRC {
			t.Error("FINGERPRINT is wrong")
		}
		wantHeader := want[:4] + hex.EncodeToString(got[2:4])
		if text := hex.EncodeToString(got[:4]) + hex.EncodeToString(got[20:len(got)-8]); text != wantHeader+want[8:] {
			t.Errorf("%s: %s", source, text)
		}
		if int(binary.BigEndian.Uint16(got[2:])) != len(got)-stunHeader || !bytes.Equal(got[4:20], bindingRequest(nil)[4:]) {
			t.Error("length or transaction id")
		}
	}
}

// The request of RFC 5769 §2.1, whose FINGERPRINT must be found right; its PRIORITY
// (ICE) is an attribute that we do not know and must say so (RFC 8489 §6.3.1).
func TestSTUN_RFC5769_SampleRequest(t *testing.T) {
	request := must(hex.DecodeString(strings.ReplaceAll(`000100582112a442b7e7a701bc34d686fa87dfae
802200105354554e207465737420636c69656e74002400046e0001ff80290008932ff9b151263b36
000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf`, "\n", "")))
	got, ok := appendSTUN(nil, request, netip.MustParseAddrPort("192.0.2.1:1"))
	if !ok {
		t.Fatal("refused: the FINGERPRINT is right")
	}
	if text := hex.EncodeToString(got[20 : len(got)-8]); text != "0009000400000414"+"000a000200240000" {
		t.Errorf("%s", text)
	}
	request[len(request)-1] ^= 1
	if _, ok := appendSTUN(nil, request, netip.MustParseAddrPort("192.0.2.1:1")); ok {
		t.Error("a wrong FINGERPRINT is taken")
	}
}

func TestSTUN_MalformedIsNotAnswered(t *testing.T) {
	good := bindingRequest(nil)
	edit := func(i int, b byte) []byte {
		c := slices.Clone(good)
		c[i] = b
		return c
	}
	for name, b := range map[string][]byte{
		"short": good[:19], "response": edit(0, 1), "length": edit(3, 4), "cookie": edit(4, 0),
		"attribute too long": bindingRequest([]byte{0x80, 0x22, 0, 8, 1, 2, 3, 4}),
		"half an attribute":  bindingRequest([]byte{0x80, 0x22}),
		"many attributes":    bindingRequest(bytes.Repeat([]byte{0x80, 0x22, 0, 0}, 17)),
		"after FINGERPRINT":  bindingRequest(append(withFingerprint(nil)[20:], 0x80, 0x22, 0, 0)),
		"too large":          bindingRequest(append([]byte{0x80, 0x22, 0x03, 0xfc}, make([]byte, 0x3fc)...)),
	} {
		if out, ok := appendSTUN(nil, b, netip.MustParseAddrPort("192.0.2.1:1")); ok || len(out) != 0 {
			t.Errorf("%s is answered", name)
		}
	}
}

func FuzzSTUN(f *testing.F) {
	f.Add(bindingRequest(nil))
	f.Add(withFingerprint([]byte{0x80, 0x22, 0, 4, 'r', 'o', 'o', 's'}))
	f.Add(bindingRequest([]byte{0, 0x24, 0, 4, 1, 2, 3, 4, 0, 3, 0, 4, 0, 0, 0, 6}))
	source := netip.MustParseAddrPort("[2001:db8::1]:1")
	f.Fuzz(func(t *testing.T, b []byte) {
		out, ok := appendSTUN(nil, b, source)
		if !ok {
			return
		}
		const wire = 48 // IPv6 and UDP headers
		if 2*(len(out)+wire) > 3*(len(b)+wire) || len(out)%4 != 0 || !bytes.Equal(out[4:20], b[4:20]) {
			t.Fatalf("%x is answered with %x", b, out)
		}
	})
}

func TestRates_BoundedAndFair(t *testing.T) {
	r := newRates(Limits{Rate: 1, Burst: 2, Sources: 8})
	victim := netip.MustParseAddr("10.0.0.1")
	for i, at := range []int64{0, 0, 0, 1e9, 1e9} {
		if want := i != 2 && i != 4; r.allow(victim, at) != want {
			t.Errorf("datagram %d at %d ns is let through: %v; want a burst of two, then one a second", i, at, !want)
		}
	}
	for i := range 1_000 {
		r.allow(netip.AddrFrom4([4]byte{11, 0, byte(i >> 8), byte(i)}), 2e9)
	}
	if n := len(r.sets) * rateWays; n != 8 {
		t.Errorf("%d places", n)
	}
	if off := newRates(Limits{Rate: -1}); !off.allow(victim, 0) {
		t.Error("switched off")
	}
}

// A UDP table against a model: what is found, what gave way, in what order.
func TestUDPFlows_Model(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const most = 3
		f := newUDPFlows(most, 1)
		type entry struct {
			id     ID
			proven bool
		}
		model := map[netip.AddrPort]*entry{}
		var order []netip.AddrPort // strangers, oldest first
		out := func(a netip.AddrPort) {
			order = slices.DeleteFunc(order, func(b netip.AddrPort) bool { return a == b })
		}
		used := map[ID]bool{}
		for now := range rapid.IntRange(1, 60).Draw(t, "steps") {
			a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(rapid.IntRange(0, 7).Draw(t, "peer"))}), 5060)
			e := model[a]
			switch rapid.SampledFrom([]string{"heard", "prove", "unprove", "remove"}).Draw(t, "what") {
			case "heard":
				if e != nil {
					f.heard(e.id.slot(), int64(now))
					if !e.proven {
						out(a)
						order = append(order, a)
					}
					continue
				}
				for len(order) >= most {
					delete(model, order[0])
					order = order[1:]
				}
				slot, _ := f.add(a, int64(now))
				id := makeID(1, f.slots[slot].generation, slot)
				if used[id] {
					t.Fatalf("ID %s twice", id)
				}
				used[id] = true
				model[a] = &entry{id: id}
				order = append(order, a)
			case "prove":
				if e != nil {
					f.setProven(e.id.slot(), true)
					e.proven = true
					out(a)
				}
			case "unprove":
				if e != nil && e.proven {
					f.setProven(e.id.slot(), false)
					e.proven = false
					order = append(order, a)
				}
			case "remove":
				if e != nil {
					f.remove(e.id.slot())
					delete(model, a)
					out(a)
				}
			}
			if len(f.byAddr) != len(model) || f.strangers != len(order) {
				t.Fatalf("%d flows, %d strangers; model %d, %d", len(f.byAddr), f.strangers, len(model), len(order))
			}
			for a, e := range model {
				if s := f.get(e.id); s == nil || s.remote != a || s.proven != e.proven {
					t.Fatalf("%s: %+v, model %+v", a, s, e)
				}
			}
		}
	})
}
