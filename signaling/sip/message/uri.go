package message

import (
	"errors"
	"strings"
)

// URI is a URI taken apart. Only sip and sips URIs are; of another scheme Opaque is
// all that follows the colon.
type URI struct {
	// Scheme in lower case.
	Scheme string
	// User and Password as sent, escapes not taken apart; both may be empty.
	User, Password string
	// Host as sent, an IPv6 address without its brackets.
	Host string
	// Port is 0 where none was given.
	Port uint16
	// Params are the URI's parameters, Headers what follows the question mark.
	Params  Params
	Headers string
	// Opaque is the rest of a URI of another scheme.
	Opaque string
}

// What can be wrong with a URI.
var (
	errURIEmpty  = errors.New("no URI")
	errURIScheme = errors.New("URI without a scheme")
	errURIByte   = errors.New("byte that is not allowed in a URI")
	errURIUser   = errors.New("malformed user part")
	errURIHost   = errors.New("malformed host")
	errURIPort   = errors.New("malformed port")
	errURIParams = errors.New("malformed URI parameters")
)

// ParseURI takes a URI apart (RFC 3261 §19.1.1). White space, controls and the
// delimiters < > " are refused in every scheme.
func ParseURI(s string) (URI, error) {
	var u URI
	if s == "" {
		return u, errURIEmpty
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c == 0x7f || c == '<' || c == '>' || c == '"' {
			return u, errURIByte
		}
	}
	colon := strings.IndexByte(s, ':')
	if colon <= 0 || !isScheme(s[:colon]) {
		return u, errURIScheme
	}
	rest := s[colon+1:]
	switch {
	case equalFold(s[:colon], "sip"):
		u.Scheme = "sip"
	case equalFold(s[:colon], "sips"):
		u.Scheme = "sips"
	default:
		u.Scheme, u.Opaque = strings.ToLower(s[:colon]), rest
		if rest == "" {
			return u, errURIEmpty
		}
		return u, nil
	}
	return u, u.sip(rest)
}

func (u *URI) sip(s string) error {
	if at := strings.IndexByte(s, '@'); at >= 0 {
		u.User, s = s[:at], s[at+1:]
		if colon := strings.IndexByte(u.User, ':'); colon >= 0 {
			u.User, u.Password = u.User[:colon], u.User[colon+1:]
		}
		if u.User == "" || strings.IndexByte(s, '@') >= 0 || !isUser(u.User) || !isUser(u.Password) {
			return errURIUser
		}
	}
	if q := strings.IndexByte(s, '?'); q >= 0 {
		s, u.Headers = s[:q], s[q+1:]
	}
	if semi := strings.IndexByte(s, ';'); semi >= 0 {
		s, u.Params = s[:semi], Params(s[semi:])
		if !uriParamsGood(u.Params) {
			return errURIParams
		}
	}
	var err error
	u.Host, u.Port, err = hostPort(s)
	return err
}

// hostPort takes "host[:port]" apart; the brackets of IPv6 are taken off.
func hostPort(s string) (host string, port uint16, err error) {
	host = s
	portText, hasPort := "", false
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 || !isIPv6(s[1:end]) {
			return "", 0, errURIHost
		}
		host = s[1:end]
		if rest := s[end+1:]; rest != "" {
			if rest[0] != ':' {
				return "", 0, errURIHost
			}
			portText, hasPort = rest[1:], true
		}
	} else {
		if colon := strings.IndexByte(s, ':'); colon >= 0 {
			host, portText, hasPort = s[:colon], s[colon+1:], true
		}
		if !isHost(host) {
			return "", 0, errURIHost
		}
	}
	if hasPort {
		n, ok := number(portText, 65_535)
		if !ok {
			return "", 0, errURIPort
		}
		port = uint16(n)
	}
	return host, port, nil
}

// isScheme: RFC 3986 §3.1.
func isScheme(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i] | 0x20
		letter := c >= 'a' && c <= 'z'
		if !letter && (i == 0 || !(s[i] >= '0' && s[i] <= '9' || s[i] == '+' || s[i] == '-' || s[i] == '.')) {
			return false
		}
	}
	return s != ""
}

// isHost: letters, digits, - . and _ (which some phones' host names have).
func isHost(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_') {
			return false
		}
	}
	return s != "" && len(s) <= 255
}

func isIPv6(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if _, hex := unhex(c); !hex && c != ':' && c != '.' {
			return false
		}
	}
	return strings.IndexByte(s, ':') >= 0 && len(s) <= 45
}

// isUser: every % begins an escape; the delimiters of a URI outside its user part do
// not stand in it.
func isUser(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%':
			if i+2 >= len(s) {
				return false
			}
			_, ok1 := unhex(s[i+1])
			_, ok2 := unhex(s[i+2])
			if !ok1 || !ok2 {
				return false
			}
			i += 2
		case c == '[' || c == ']' || c == '\\' || c == '^' || c == '{' || c == '}' || c == '|':
			return false
		}
	}
	return true
}

// uriParamsGood: names and values of visible characters, none empty, no name twice.
func uriParamsGood(p Params) bool {
	var names [maxParams]string
	n := 0
	for name := range p.raw() {
		if name == "" || n == maxParams {
			return false
		}
		for _, other := range names[:n] {
			if equalFold(other, name) {
				return false
			}
		}
		names[n] = name
		n++
	}
	return true
}

// Number gives what a phone's number is read from: the user part with escapes taken
// apart and the user parameters (";phone-context=…") left out. ok is false where
// there is none or it is malformed. A tel URI gives its number without parameters.
func (u URI) Number() (number string, ok bool) {
	user := u.User
	if u.Scheme == "tel" {
		user = u.Opaque
	}
	user, _, _ = strings.Cut(user, ";")
	user, ok = unescape(user)
	return user, ok && user != ""
}

// AOR gives the address of record in canonical form (RFC 3261 §10.3 step 5): scheme,
// number, host in lower case; parameters, headers, password and port are left out.
func (u URI) AOR() (string, bool) {
	n, ok := u.Number()
	if !ok || u.Scheme != "sip" && u.Scheme != "sips" {
		return "", false
	}
	return u.Scheme + ":" + n + "@" + strings.ToLower(u.Host), true
}
