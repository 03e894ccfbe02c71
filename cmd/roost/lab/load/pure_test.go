package load

import (
	"crypto/tls"
	"net/netip"
	"testing"
	"time"
)

// RFC 2617 3.5 and RFC 7616 3.9.1 have the same shape; the values here are those of
// MD5 and SHA-256 by another implementation (Python's hashlib).
func TestDigestRFC7616(t *testing.T) {
	for algorithm, want := range map[string]string{
		"MD5": "5f07254eae519110f05380201abdad4e", "SHA-256": "8fcd9884d008e4d16b0082b94be227e0237a1e77fd327acc3bcaaaedd2a0dfc5",
	} {
		c := Config{Domain: "example.test", Algorithm: algorithm}
		d := newDigester(&c)
		ha1 := d.ha1("201", "example.test", "secret201")
		if got := string(d.appendResponse(nil, ha1, d.ha2, []byte("abc"), 26, []byte("xyz"))); got != want {
			t.Errorf("%s: %s, want %s", algorithm, got, want)
		}
	}
}

func TestHistogramQuantiles(t *testing.T) {
	var h, other histogram
	for i := range 1000 {
		(&h).record(int64(i+1) * int64(time.Millisecond))
	}
	other.record(int64(5 * time.Second))
	h.add(&other)
	for q, want := range map[float64]time.Duration{0.5: 500 * time.Millisecond, 0.99: 990 * time.Millisecond} {
		if got := h.quantile(q); got < want || got > want*106/100 {
			t.Errorf("quantile %v is %v, want %v to 6 %% more", q, got, want)
		}
	}
	if time.Duration(h.max) != 5*time.Second || h.quantile(1) != 5*time.Second || h.n != 1001 {
		t.Errorf("max %d n %d", h.max, h.n)
	}
	for v := uint64(0); v < 1<<20; v += 37 {
		if b := bucketOf(v); lowest(b) > int64(v) || lowest(b+1) <= int64(v) {
			t.Fatalf("%d is in bucket %d from %d to %d", v, b, lowest(b), lowest(b+1))
		}
	}
}

func TestTheSameStateIsTheSameBytes(t *testing.T) {
	c, err := Config{Target: netip.MustParseAddrPort("127.0.0.1:5061"), Transport: "tls", Domain: "example.test",
		Users: 2, First: 7, TLS: &tls.Config{MinVersion: tls.VersionTLS12}}.withDefaults()
	if err != nil || c.TLS.ServerName != "127.0.0.1" {
		t.Fatalf("%v %q", err, c.TLS.ServerName)
	}
	s := newScript(&c, time.Unix(1, 0))
	p, at := &s.phones(&c)[1], placeOf("tls", netip.MustParseAddrPort("127.0.0.9:4000"))
	p.begin(false, 1)
	p.answerChallenge([]byte("n"), 2)
	one, two := string(s.appendRequest(nil, p, &at)), string(s.appendRequest(nil, p, &at))
	if one != two {
		t.Fatalf("%s\n%s", one, two)
	}
}

func FuzzReply(f *testing.F) {
	c := Config{Domain: "example.test", Realm: "example.test", Algorithm: "MD5"}
	s := newScript(&c, time.Unix(1, 0))
	f.Add([]byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z\r\nCall-ID: x\r\nCSeq: 1 REGISTER\r\nContact: <sip:1@a>;expires=9\r\n\r\n"))
	f.Add([]byte("SIP/2.0 401 U\r\nWWW-Authenticate: Digest cnonce=\"a\", nonce=\"b\", realm=\"example.test\r\nv:;branch=\ni:\ncseq: 9\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r reply
		if err := r.read(b, s); err == nil && (r.status < 100 || r.status > 999 || r.cseq == 0) {
			t.Fatalf("%q: %+v", b, r)
		}
	})
}
