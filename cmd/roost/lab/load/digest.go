package load

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
)

// digester computes what RFC 7616 asks of a client.
type digester struct {
	name string // as in the header
	sha  bool
	ha2  []byte // of the one method and URI
}

func newDigester(c *Config) digester {
	d := digester{name: c.Algorithm, sha: c.Algorithm == "SHA-256"}
	d.ha2 = d.appendHash(nil, []byte("REGISTER:sip:"+c.Domain))
	return d
}

func (d *digester) appendHash(dst, text []byte) []byte {
	if d.sha {
		sum := sha256.Sum256(text)
		return hex.AppendEncode(dst, sum[:])
	}
	sum := md5.Sum(text)
	return hex.AppendEncode(dst, sum[:])
}

func (d *digester) ha1(user, realm, password string) []byte {
	return d.appendHash(nil, []byte(user+":"+realm+":"+password))
}

// appendResponse appends the response for qop=auth.
func (d *digester) appendResponse(dst []byte, ha1, ha2, nonce []byte, nc uint32, cnonce []byte) []byte {
	var buf [320]byte
	b := append(buf[:0], ha1...)
	b = append(append(b, ':'), nonce...)
	b = appendHex8(append(b, ':'), nc)
	b = append(append(b, ':'), cnonce...)
	b = append(b, ":auth:"...)
	b = append(b, ha2...)
	return d.appendHash(dst, b)
}

func appendHex8(b []byte, v uint32) []byte {
	const digits = "0123456789abcdef"
	for shift := 28; shift >= 0; shift -= 4 {
		b = append(b, digits[v>>shift&15])
	}
	return b
}
