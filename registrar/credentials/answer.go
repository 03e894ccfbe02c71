package credentials

import (
	"errors"
	"fmt"
	"strings"
)

// Answer is the answer to a challenge: an Authorization or Proxy-Authorization
// value of the Digest scheme. Its strings point into the value, except where a
// quoted string had escapes.
type Answer struct {
	Username, Realm, Nonce, URI, Response, Algorithm, CNonce, Opaque, QOP, NC string
	// UserHash is userhash=true: the username is hashed (RFC 7616 section 3.4.4).
	UserHash bool
}

// Limits on what is read.
const (
	MaxAuthorizations      = 4
	MaxAuthorizationLength = 2048
	maxAnswerParams        = 24
)

var errNotDigest = errors.New("not of the Digest scheme")

// ParseAnswer reads the value of a header in one pass. It is strict where
// leniency could make two readers see different things: no parameter twice, no
// control bytes, nothing behind a value but a comma.
func ParseAnswer(s string) (a Answer, err error) {
	if len(s) > MaxAuthorizationLength {
		return a, fmt.Errorf("credentials of %d bytes, at most %d are read", len(s), MaxAuthorizationLength)
	}
	const scheme = "digest"
	s = skipSpace(s)
	if len(s) <= len(scheme) || !strings.EqualFold(s[:len(scheme)], scheme) || !isSpace(s[len(scheme)]) {
		return a, errNotDigest
	}
	s = s[len(scheme):]
	var seen uint32
	for n := 0; ; n++ {
		for s = skipSpace(s); s != "" && s[0] == ','; {
			s = skipSpace(s[1:])
		}
		if s == "" {
			return a, nil
		}
		if n == maxAnswerParams {
			return a, fmt.Errorf("more than %d parameters", maxAnswerParams)
		}
		var name, value string
		if name, value, s, err = nextParam(s); err != nil {
			return a, err
		}
		field, userHash := a.field(name)
		if field < 0 {
			continue
		}
		if seen&(1<<field) != 0 {
			return a, fmt.Errorf("%s stands twice", answerFields[field])
		}
		seen |= 1 << field
		if userHash {
			a.UserHash = strings.EqualFold(value, "true")
		} else {
			*a.at(field) = value
		}
	}
}

var answerFields = [...]string{"username", "realm", "nonce", "uri", "response", "algorithm", "cnonce", "opaque", "qop", "nc", "userhash"}

func (a *Answer) at(field int) *string {
	return [...]*string{&a.Username, &a.Realm, &a.Nonce, &a.URI, &a.Response, &a.Algorithm, &a.CNonce, &a.Opaque, &a.QOP, &a.NC}[field]
}

func (a *Answer) field(name string) (field int, userHash bool) {
	for i, f := range answerFields {
		if len(f) == len(name) && strings.EqualFold(f, name) {
			return i, i == len(answerFields)-1
		}
	}
	return -1, false
}

// nextParam reads name=value and what must follow: the end or a comma.
func nextParam(s string) (name, value, rest string, err error) {
	n := tokenLength(s)
	if n == 0 {
		return "", "", "", errors.New("a parameter without a name")
	}
	name, s = s[:n], skipSpace(s[n:])
	if s == "" || s[0] != '=' {
		return "", "", "", fmt.Errorf("no = after a parameter's name of %d bytes", n)
	}
	if s = skipSpace(s[1:]); s != "" && s[0] == '"' {
		value, s, err = quoted(s[1:])
	} else if n = tokenLength(s); n > 0 {
		value, s = s[:n], s[n:]
	} else {
		err = errors.New("a parameter without a value")
	}
	if err != nil {
		return "", "", "", err
	}
	if s = skipSpace(s); s != "" && s[0] != ',' {
		return "", "", "", errors.New("no comma after a parameter")
	}
	return name, value, s, nil
}

// quoted reads up to the closing quote.
func quoted(s string) (value, rest string, err error) {
	escaped := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case plainBytes[c]:
		case c == '"':
			if escaped {
				return unescape(s[:i]), s[i+1:], nil
			}
			return s[:i], s[i+1:], nil
		case c == '\\':
			escaped = true
			i++
			if i < len(s) && s[i] < 0x20 {
				return "", "", errors.New("a control byte in a quoted string")
			}
		default:
			return "", "", errors.New("a control byte in a quoted string")
		}
	}
	return "", "", errors.New("a quoted string without an end")
}

func unescape(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

func tokenLength(s string) int {
	for i := 0; i < len(s); i++ {
		if !tokenBytes[s[i]] {
			return i
		}
	}
	return len(s)
}

// tokenBytes are those of a token (RFC 3261 section 25.1), plainBytes those of a
// quoted string that need no thought: no quote, no backslash, no control byte.
var tokenBytes, plainBytes = byteTables()

func byteTables() (token, plain [256]bool) {
	for c := range 256 {
		alphanumeric := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		token[c] = alphanumeric || c < 128 && strings.IndexByte("-.!%*_+`'~", byte(c)) >= 0
		plain[c] = c >= 0x20 && c != 0x7f && c != '"' && c != '\\' || c == '\t'
	}
	return token, plain
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func skipSpace(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	return s
}
