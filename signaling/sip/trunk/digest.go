package trunk

import (
	"strings"

	"github.com/icholy/digest"

	"roost/signaling/sip/message"
)

// Credentials are what a trunk knows this system by.
type Credentials struct{ User, Password string }

// maxChallenge bounds a challenge in bytes.
const maxChallenge = 4096

// challenge is a Digest challenge that can be answered (RFC 3261 §22.4, RFC 8760).
type challenge struct{ digest.Challenge }

// parseChallenge reads the value of WWW-Authenticate or Proxy-Authenticate; false for
// another scheme, algorithm or qop than Digest with SHA-256 or MD5 and auth.
func parseChallenge(value string) (challenge, bool) {
	rest, ok := digest.CutPrefix(strings.TrimSpace(value))
	if !ok || len(value) > maxChallenge {
		return challenge{}, false
	}
	var c challenge
	for one := range message.Split(rest) {
		name, v, _ := strings.Cut(one, "=")
		v = unquoted(strings.TrimSpace(v))
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "realm":
			c.Realm = v
		case "nonce":
			c.Nonce = v
		case "opaque":
			c.Opaque = v
		case "algorithm":
			c.Algorithm = v
		case "stale":
			c.Stale = strings.EqualFold(v, "true")
		case "qop":
			for offered := range strings.SplitSeq(v, ",") {
				c.QOP = append(c.QOP, strings.ToLower(strings.TrimSpace(offered)))
			}
		}
	}
	switch strings.ToUpper(c.Algorithm) {
	case "", "MD5", "SHA-256":
	default:
		return c, false
	}
	return c, c.Nonce != "" && (len(c.QOP) == 0 || c.SupportsQOP("auth"))
}

// unquoted takes a quoted string apart.
func unquoted(v string) string {
	if len(v) < 2 || v[0] != '"' || v[len(v)-1] != '"' {
		return v
	}
	v = v[1 : len(v)-1]
	if !strings.Contains(v, `\`) {
		return v
	}
	var b strings.Builder
	for i := 0; i < len(v); i++ {
		if v[i] == '\\' && i+1 < len(v) {
			i++
		}
		b.WriteByte(v[i])
	}
	return b.String()
}

// answer makes the credentials for a challenge. count is how often its nonce was used,
// this time included; cnonce is ours, random.
func (c Credentials) answer(to *challenge, method, uri string, count int, cnonce string) (string, bool) {
	if c.User == "" {
		return "", false
	}
	made, err := digest.Digest(&to.Challenge, digest.Options{
		Method: method, URI: uri, Count: count, Username: c.User, Password: c.Password, Cnonce: cnonce,
	})
	if err != nil {
		return "", false
	}
	return message.Clean(made.String()), true
}

// Answer makes the credentials for a challenge to a request of a call
// (dialog.Authorizer); false for one that cannot be answered.
func (c Credentials) Answer(value, method, uri string) (string, bool) {
	to, ok := parseChallenge(value)
	if !ok {
		return "", false
	}
	return c.answer(&to, method, uri, 1, "") // the package digest draws a cnonce
}
