package sdp

import (
	"bytes"
	"testing"
)

// FuzzParse: no body harms us, what is read is within its bounds, and what is written
// is read as the same.
func FuzzParse(f *testing.F) {
	for _, body := range phones(f) {
		f.Add(body)
	}
	f.Add([]byte("v=0\no=- 1 1 IN IP4 0.0.0.0\nm=a 0/1 b c\na=tcap:1 RTP/SAVP\na=acap:1 crypto:1 x inline:QUJj|2^3|1:1\na=pcfg:1 t=1|2 a=-m:1,[2]|3\na=rtcp:1 IN IP6 ::\na=rtpmap:0 x"))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := Parse(body)
		if err != nil {
			return
		}
		if len(d.Media) > MaxMedia {
			t.Fatalf("%d m-lines", len(d.Media))
		}
		written := d.Bytes()
		again, err := Parse(written)
		if err != nil {
			// The m-line is written with single spaces, lines with CRLF: it may have grown.
			if len(written) > MaxBody {
				return
			}
			t.Fatalf("cannot be read again: %v\n%s", err, written)
		}
		if got := again.Bytes(); !bytes.Equal(got, written) {
			t.Fatalf("written twice:\n%s\n%s", written, got)
		}
		for _, m := range d.Media {
			if len(m.Formats) == 0 || len(m.Formats) > MaxFormats {
				t.Fatalf("%d formats", len(m.Formats))
			}
			look(t, d, m)
		}
	})
}

// look reads everything that can be read of an m-line.
func look(t *testing.T, d *Description, m *Media) {
	if addr, err := d.Connection(m); err == nil && (!addr.IsValid() || addr.Is4In6() || addr.Zone() != "") {
		t.Fatalf("an address %s", addr)
	}
	if n := len(m.Codecs()); n != len(m.Formats) {
		t.Fatalf("%d codecs of %d formats", n, len(m.Formats))
	}
	if n := len(d.Potentials(m)); n > MaxPotentials {
		t.Fatalf("%d potential configurations", n)
	}
	_, _, _, _ = m.RTCP()
	_, _ = m.PayloadTypes()
	_, _, _ = d.Fingerprint(m)
	_, _, _, _ = d.ICE(m)
	_ = d.Direction(m)
}

// FuzzCrypto: what can be read is written so that it is read as the same.
func FuzzCrypto(f *testing.F) {
	f.Add("1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:32 KDR=1")
	f.Add("2 F8_128_HMAC_SHA1_80 inline:MTIz|2^20|1:4;inline:QUJj|2^20|2:4 FEC_ORDER=FEC_SRTP")
	f.Fuzz(func(t *testing.T, value string) {
		c, err := ParseCrypto(value)
		if err != nil {
			return
		}
		if c.Tag < 1 || len(c.Keys) == 0 || len(c.Keys) > MaxKeys {
			t.Fatalf("read as %+v", c)
		}
		for _, k := range c.Keys {
			if len(k.Master) == 0 || k.Lifetime > maxLifetime || len(k.MKI) > 128 {
				t.Fatalf("a key of %d octets, lifetime %d, MKI %x", len(k.Master), k.Lifetime, k.MKI)
			}
		}
		again, err := ParseCrypto(c.String())
		if err != nil || again.String() != c.String() {
			t.Fatalf("%q is written %q, and read %q: %v", value, c, again, err)
		}
	})
}
