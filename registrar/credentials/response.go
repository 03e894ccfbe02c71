package credentials

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// respond computes the response with qop=auth (RFC 7616 section 3.4.1) into dst
// and returns its length in bytes.
func respond(dst *[64]byte, a *Answer, s *Secret, alg Algorithm, method string) int {
	var buf [512]byte
	b := append(buf[:0], method...)
	b = append(b, ':')
	b = append(b, a.URI...)
	var ha2 [64]byte
	ha2hex := hashHex(&ha2, b, alg)

	if alg == MD5 {
		b = hex.AppendEncode(buf[:0], s.md5[:])
	} else {
		b = hex.AppendEncode(buf[:0], s.sha256[:])
	}
	for _, part := range [...]string{a.Nonce, a.NC, a.CNonce, a.QOP} {
		b = append(b, ':')
		b = append(b, part...)
	}
	b = append(b, ':')
	b = append(b, ha2hex...)
	return hashTo(dst, b, alg)
}

func hashTo(dst *[64]byte, b []byte, alg Algorithm) int {
	if alg == MD5 {
		sum := md5.Sum(b)
		return copy(dst[:], sum[:])
	}
	sum := sha256.Sum256(b)
	return copy(dst[:], sum[:])
}

func hashHex(dst *[64]byte, b []byte, alg Algorithm) []byte {
	var sum [64]byte
	n := hashTo(&sum, b, alg)
	return dst[:hex.Encode(dst[:], sum[:n])]
}

// sameURI reports whether the uri of an answer is the Request-URI. Phones are
// not exact about parameters and the default port, which do not choose another
// resource of ours; scheme, user and host must agree.
func sameURI(a, b string) bool {
	if a == b {
		return true
	}
	schemeA, userA, hostA := target(a)
	schemeB, userB, hostB := target(b)
	return hostA != "" && strings.EqualFold(schemeA, schemeB) && userA == userB && strings.EqualFold(hostA, hostB)
}

func target(uri string) (scheme, user, host string) {
	scheme, rest, _ := strings.Cut(uri, ":")
	if at := strings.IndexByte(rest, '@'); at >= 0 {
		user, rest = rest[:at], rest[at+1:]
	}
	if end := strings.IndexAny(rest, ";?"); end >= 0 {
		rest = rest[:end]
	}
	if strings.EqualFold(scheme, "sips") {
		return scheme, user, strings.TrimSuffix(rest, ":5061")
	}
	return scheme, user, strings.TrimSuffix(rest, ":5060")
}
