package media

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"roost/media/sdp"
)

func body(host, lines string) []byte {
	text := "v=0\no=- 7 1 IN IP4 " + host + "\ns=-\nc=IN IP4 " + host + "\nt=0 0\n" + strings.TrimLeft(lines, "\n")
	return []byte(strings.ReplaceAll(text, "\n", "\r\n"))
}

const (
	hostA = "192.0.2.10"
	hostB = "192.0.2.20"
)

func phoneAt(host string, security Security) Party {
	return Party{Source: netip.MustParseAddr(host), Transport: SecureTransport, Direct: true, Security: security}
}

func newTestSession(cfg Config, security Security) (*Session, *paperRelay) {
	relay := newPaperRelay()
	return NewSession(cfg, phoneAt(hostA, security), phoneAt(hostB, security), relay, rand.Reader), relay
}

// Nobody is sent his own voice: the relay's ports of the call itself are refused, in the
// first answer and in later offers, and the call goes on as it was.
func TestSession_TheCallsOwnRelayPortsAreRefused(t *testing.T) {
	s, relay := newTestSession(Config{}, Disabled)
	s.parties[A].Direct = false
	if _, err := s.Offer(A, body(hostA, "m=audio 4000 RTP/AVP 0\n")); err != nil {
		t.Fatal(err)
	}
	own := make([]string, 0, 4)
	for _, side := range []Side{A, B} {
		rtp, rtcp := s.relays[0].stream.Local(side)
		for _, at := range []netip.AddrPort{rtp, rtcp} {
			own = append(own, "m=audio "+strings.TrimPrefix(at.String(), at.Addr().String()+":")+" RTP/AVP 0\nc=IN IP4 "+at.Addr().String()+"\n")
		}
	}
	for _, lines := range own {
		if _, err := s.Answer(B, body(hostB, lines)); !errors.Is(err, ErrAddress) {
			t.Errorf("the answer %q: %v", lines, err)
		}
	}
	if _, err := s.Answer(B, body(hostB, "m=audio 5000 RTP/AVP 0\n")); err != nil {
		t.Fatal(err)
	}
	for _, lines := range own {
		if _, err := s.Offer(A, body(hostA, lines)); !errors.Is(err, ErrAddress) {
			t.Errorf("the offer %q: %v", lines, err)
		}
	}
	if _, open := s.Open(); open || len(relay.opened) != 1 || s.Path().Kind != Relayed {
		t.Errorf("after the refusals: %+v, %d streams", s.Path(), len(relay.opened))
	}
}

// VP6: the keys of two calls never meet, whatever both phones say alike.
func TestVP6_NoKeyIsUsedForTwoCalls(t *testing.T) {
	seen := map[string]bool{}
	note := func(k *Key) {
		if k == nil || len(k.Master) != k.Suite.KeyOctets() {
			t.Fatalf("a key %+v", k)
		}
		if name := string(k.Master); seen[name] {
			t.Fatalf("the key %x… is used twice", k.Master[:4])
		} else {
			seen[name] = true
		}
	}
	theirs := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 30))
	other := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{2}, 30))
	for range 50 {
		s, relay := newTestSession(Config{}, Enforced)
		lines := "m=audio 4000 RTP/SAVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + theirs + "\n" +
			"m=video 4002 RTP/SAVP 31\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + theirs + "\n"
		if _, err := s.Offer(A, body(hostA, lines)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Answer(B, body(hostB, strings.ReplaceAll(lines, theirs, other))); err != nil {
			t.Fatal(err)
		}
		for _, st := range relay.opened {
			note(st.sides[A].Protect)
			note(st.sides[B].Protect)
			for _, c := range st.sides {
				if string(c.Unprotect.Master) == string(c.Protect.Master) {
					t.Fatal("one key for both directions")
				}
			}
		}
		s.Close()
	}
	if len(seen) != 200 {
		t.Fatalf("%d keys of 200", len(seen))
	}
}

// Random octets that cannot be had are an error, never a weak key.
func TestVP6_WithoutRandomnessNothingIsOffered(t *testing.T) {
	for octets := range 60 {
		relay := newPaperRelay()
		random := io.MultiReader(io.LimitReader(rand.Reader, int64(octets)), iotest.ErrReader(errors.New("no entropy")))
		s := NewSession(Config{}, phoneAt(hostA, Enforced), phoneAt(hostB, Enforced), relay, random)
		_, err := s.Offer(A, body(hostA, "m=audio 4000 RTP/SAVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\n"))
		if err == nil || relay.open() != 0 {
			t.Fatalf("with %d octets: %v, %d streams open", octets, err, relay.open())
		}
	}
}

func TestSession_RelayFailsHalfWay(t *testing.T) {
	s, relay := newTestSession(Config{}, Disabled)
	if _, err := s.Offer(A, body(hostA, "m=audio 4000 RTP/AVP 0\n")); err != nil {
		t.Fatal(err)
	}
	relay.refuse = errors.New("the relay has stopped")
	if _, err := s.Answer(B, body(hostB, "m=audio 5000 RTP/AVP 0\n")); !errors.Is(err, relay.refuse) || !strings.Contains(err.Error(), "audio, side a") {
		t.Fatalf("Answer: %v", err)
	}
	s.Rollback()
	if relay.open() != 0 || s.Path().Kind != NoMedia {
		t.Fatalf("%d streams open, path %v", relay.open(), s.Path())
	}
}

func TestSession_NoPortsIsTold(t *testing.T) {
	s, relay := newTestSession(Config{}, Disabled)
	relay.room = 0
	if _, err := s.Offer(A, body(hostA, "m=audio 4000 RTP/AVP 0\n")); !errors.Is(err, ErrNoPorts) {
		t.Fatalf("Offer: %v", err)
	}
	relay.room = 1
	if _, err := s.Offer(A, body(hostA, "m=audio 4000 RTP/AVP 0\n")); err != nil {
		t.Fatalf("the next try: %v", err)
	}
}

// VP3: a session says for each of the states whether the call is direct and not held.
func TestVP3_StableAndNotHeld(t *testing.T) {
	s, _ := newTestSession(Config{Direct: true}, Disabled)
	check := func(step string, stable bool) {
		t.Helper()
		_, open := s.Open()
		if got := s.Path().Kind == Direct && !s.Hold().Held() && !open; got != stable {
			t.Fatalf("%s: stable is %v", step, got)
		}
	}
	offer := func(from Side, host, lines string) {
		t.Helper()
		if _, err := s.Offer(from, body(host, lines)); err != nil {
			t.Fatal(err)
		}
	}
	answer := func(from Side, host, lines string) {
		t.Helper()
		if _, err := s.Answer(from, body(host, lines)); err != nil {
			t.Fatal(err)
		}
	}
	check("before the call", false)
	offer(A, hostA, "m=audio 4000 RTP/AVP 0\n")
	check("ringing", false)
	answer(B, hostB, "m=audio 5000 RTP/AVP 0\n")
	check("talking", true)
	offer(B, hostB, "m=audio 5000 RTP/AVP 0\na=sendonly\n")
	check("about to be held", false)
	answer(A, hostA, "m=audio 4000 RTP/AVP 0\na=recvonly\n")
	check("held", false)
	offer(B, hostB, "m=audio 5000 RTP/AVP 0\n")
	answer(A, hostA, "m=audio 4000 RTP/AVP 0\n")
	check("talking again", true)
	offer(A, "0.0.0.0", "m=audio 4000 RTP/AVP 0\n")
	s.Rollback()
	check("a hold that was refused", true)
}

func TestSession_Statistics(t *testing.T) {
	s, _ := newTestSession(Config{}, Disabled)
	if _, err := s.Offer(A, body(hostA, "m=audio 4000 RTP/AVP 0\nm=image 4002 udptl t38\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Answer(B, body(hostB, "m=audio 5000 RTP/AVP 0\nm=image 0 udptl t38\n")); err != nil {
		t.Fatal(err)
	}
	// The rejected m-line never carried anything.
	if stats := s.Stats(); len(stats) != 1 || stats[0].Media != "audio" {
		t.Fatalf("%+v", stats)
	}
	if got := s.Close(); len(got) != 1 || len(s.Close()) != 1 {
		t.Fatalf("at the end %+v", got)
	}
}

// A storm of re-INVITEs costs neither ports nor memory.
func TestSession_Bounds(t *testing.T) {
	s, relay := newTestSession(Config{}, Disabled)
	many := strings.Repeat("m=audio 4000 RTP/AVP 0\n", sdp.MaxMedia)
	out, err := s.Offer(A, body(hostA, many))
	if err != nil {
		t.Fatal(err)
	}
	if n := relay.open(); n != maxStreams {
		t.Fatalf("%d streams for %d m-lines, want %d", n, sdp.MaxMedia, maxStreams)
	}
	if n := bytes.Count(out, []byte("m=audio 0 ")); n != sdp.MaxMedia-maxStreams {
		t.Fatalf("%d m-lines rejected:\n%s", n, out)
	}
	s.Rollback()
	for i := range 200 {
		audio, image := "m=audio 4000 RTP/AVP 0\n", "m=image 4000 udptl t38\n"
		lines := []string{audio, image}[i%2]
		if _, err := s.Offer(A, body(hostA, lines)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Answer(B, body(hostB, lines)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Offer(A, body(hostA, lines+"m=video 4002 RTP/AVP 31\n")); err != nil {
			t.Fatal(err)
		}
		s.Rollback()
	}
	if relay.open() != 1 || len(s.Stats()) > maxRelays {
		t.Fatalf("%d streams open, %d kept", relay.open(), len(s.Stats()))
	}
}

func TestSuite_Names(t *testing.T) {
	for name, octets := range map[string]int{"AES_CM_128_HMAC_SHA1_80": 30, "AES_CM_128_HMAC_SHA1_32": 30, "AEAD_AES_128_GCM": 28, "AEAD_AES_256_GCM": 44} {
		suite, ok := ParseSuite(name)
		if !ok || suite.String() != name || suite.KeyOctets() != octets {
			t.Errorf("%s: %v %v %d", name, ok, suite, suite.KeyOctets())
		}
	}
	if suite, ok := ParseSuite("AES_256_CM_HMAC_SHA1_80"); ok || suite.String() != "" {
		t.Errorf("a suite that is not ours: %v", suite)
	}
}

func phoneFiles(t testing.TB) [][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/phones/*.sdp")
	if err != nil || len(files) == 0 {
		t.Fatalf("no phones: %v", err)
	}
	var all [][]byte
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")))
	}
	return all
}

// FuzzSession: whatever two parties say, nothing breaks, what we write can be read,
// who enforces SRTP is never offered less, and no stream is left behind.
func FuzzSession(f *testing.F) {
	phones := phoneFiles(f)
	for i, offer := range phones {
		for _, answer := range [][]byte{phones[(i+1)%len(phones)], body(hostB, "m=audio 5000 RTP/AVP 0 101\n")} {
			f.Add(byte(i), byte(3*i), offer, answer, offer)
		}
	}
	f.Fuzz(func(t *testing.T, a, b byte, offer, answer, later []byte) {
		relay := newPaperRelay()
		party := func(host string, bits byte) Party {
			p := phoneAt(host, Security(bits%3))
			p.BestEffort, p.Web, p.NAT, p.Emergency = BestEffort(bits/4%4), bits&16 != 0, bits&32 != 0, bits&64 != 0
			return p
		}
		pa, pb := party(hostA, a), party(hostB, b)
		s := NewSession(Config{Direct: a&128 != 0, SRTCP: b&128 != 0, Suites: []Suite{AES128CM80, AES128GCM}}, pa, pb, relay, seeded(a))
		written := func(to Party, out []byte, err error) bool {
			if err != nil {
				return false
			}
			d, err := sdp.Parse(out)
			if err != nil && len(out) <= sdp.MaxBody {
				t.Fatalf("we cannot read ourselves: %v\n%q", err, out)
			}
			for _, m := range d.Media {
				if p := strings.ToUpper(m.Proto); m.Port != 0 && to.Security == Enforced && !pa.Emergency && !pb.Emergency && strings.HasPrefix(p, "RTP/AVP") && !m.Has("crypto") {
					t.Fatalf("plain to a party that enforces SRTP:\n%s", out)
				}
			}
			return true
		}
		out, err := s.Offer(A, offer)
		if written(pb, out, err) {
			out, err = s.Answer(B, answer)
			if !written(pa, out, err) {
				if out, ok := s.Retry(B); ok {
					written(pb, out, nil)
				}
				s.Rollback()
			}
		}
		if out, err = s.Offer(B, later); written(pa, out, err) {
			out, err = s.Answer(A, offer)
			written(pb, out, err)
		}
		s.Close()
		if n := relay.open(); n != 0 {
			t.Fatalf("%d streams are open after Close", n)
		}
	})
}

// BenchmarkOfferAnswer is the media of one call set up: direct, and anchored with
// SRTP on both sides.
func BenchmarkOfferAnswer(b *testing.B) {
	offer, err := os.ReadFile("testdata/phones/snom-d7xx.sdp")
	if err != nil {
		b.Fatal(err)
	}
	offer = bytes.ReplaceAll(offer, []byte("\n"), []byte("\r\n"))
	answer := body(hostB, "m=audio 5000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\n")
	for name, direct := range map[string]bool{"direct": true, "anchored": false} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			answer := answer
			if direct {
				answer = bytes.Replace(answer, []byte("crypto:1 AES_CM_128_HMAC_SHA1_80"), []byte("crypto:2 AES_CM_128_HMAC_SHA1_80"), 1)
			}
			random := seeded(1)
			for b.Loop() {
				s := NewSession(Config{Direct: direct}, phoneAt(hostA, Preferred), phoneAt(hostB, Preferred), nullRelay{}, random)
				if _, err := s.Offer(A, offer); err != nil {
					b.Fatal(err)
				}
				if _, err := s.Answer(B, answer); err != nil {
					b.Fatal(err)
				}
				s.Close()
			}
		})
	}
}

// nullRelay is a Relay without any cost.
type nullRelay struct{}

func (nullRelay) Open(OpenStream) (Stream, error) { return nullRelay{}, nil }
func (nullRelay) Local(Side) (rtp, rtcp netip.AddrPort) {
	addr := netip.AddrFrom4([4]byte{198, 51, 100, 1})
	return netip.AddrPortFrom(addr, 20000), netip.AddrPortFrom(addr, 20001)
}
func (nullRelay) Set(Side, SideConfig) error { return nil }
func (nullRelay) Stats() StreamStats         { return StreamStats{} }
func (nullRelay) Close() StreamStats         { return StreamStats{} }

// BenchmarkStandingSession tells the memory that an anchored call's media takes while
// it stands, without the relay's.
func BenchmarkStandingSession(b *testing.B) {
	offer := body(hostA, "m=audio 4000 RTP/AVP 0 8 101\na=rtpmap:0 PCMU/8000\na=rtpmap:8 PCMA/8000\na=rtpmap:101 telephone-event/8000\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\n")
	answer := bytes.Replace(bytes.ReplaceAll(offer, []byte(hostA), []byte(hostB)), []byte("inline:WVN"), []byte("inline:AVN"), 1)
	const calls = 5000
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		sessions := make([]*Session, calls)
		for i := range sessions {
			s := NewSession(Config{}, phoneAt(hostA, Preferred), phoneAt(hostB, Preferred), nullRelay{}, rand.Reader)
			if _, err := s.Offer(A, offer); err != nil {
				b.Fatal(err)
			}
			if _, err := s.Answer(B, answer); err != nil {
				b.Fatal(err)
			}
			sessions[i] = s
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(sessions)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/calls, "B/session")
	}
}
