package message

import (
	"errors"
	"net/netip"
	"strings"
)

// Via is one Via value taken apart.
type Via struct {
	// Transport as sent: UDP, TCP, TLS …
	Transport string
	// Host and Port are sent-by; an IPv6 host is without brackets, Port 0 where none.
	Host string
	Port uint16
	// Params are branch, rport, received …
	Params Params
	// Text is the whole value as sent.
	Text string
}

// MagicCookie begins the branch of every RFC 3261 element (§8.1.1.7).
const MagicCookie = "z9hG4bK"

var (
	errViaProtocol = errors.New("protocol is not SIP/2.0/transport")
	errViaParams   = errors.New("malformed parameters")
)

// Branch gives the branch parameter, "" where there is none.
func (v Via) Branch() string {
	b, _ := v.Params.Get("branch")
	return b
}

// ParseVia reads one Via value (RFC 3261 §20.42), white space around its slashes,
// colons and parameters allowed. Host is set only where an answer could be sent there,
// which it could also for a Via of another SIP version or with malformed parameters.
func ParseVia(s string) (Via, error) {
	v := Via{Text: trim(s)}
	if !single(v.Text) {
		return v, errAddressMany
	}
	name, rest, ok1 := strings.Cut(v.Text, "/")
	version, rest, ok2 := strings.Cut(rest, "/")
	if version = trim(version); !ok1 || !ok2 || !equalFold(trim(name), "SIP") || !isToken(version) {
		return v, errViaProtocol
	}
	rest = trim(rest)
	blank := strings.IndexAny(rest, " \t")
	if blank < 0 || !isToken(rest[:blank]) {
		return v, errViaProtocol
	}
	badParams := false
	v.Transport, rest = rest[:blank], trim(rest[blank:])
	if semi := strings.IndexByte(rest, ';'); semi >= 0 {
		rest, v.Params = trim(rest[:semi]), Params(rest[semi:])
		badParams = v.Params.check() != ""
	}
	if strings.ContainsAny(rest, " \t") {
		rest = strings.Map(func(r rune) rune {
			if r == ' ' || r == '\t' {
				return -1
			}
			return r
		}, rest)
	}
	var err error
	v.Host, v.Port, err = hostPort(rest)
	switch {
	case err != nil:
	case version != "2.0":
		err = errViaProtocol
	case badParams:
		err = errViaParams
	}
	return v, err
}

// DefaultPort gives the port of a transport where none is given: 5061 for TLS, else 5060.
func DefaultPort(transport string) uint16 {
	if equalFold(transport, "TLS") {
		return 5061
	}
	return 5060
}

// ResponseAddress tells where the response to a request goes over UDP (RFC 3261
// §18.2.2, RFC 3581 §4): with rport to where the request came from; else to the
// source's address and the port of sent-by. maddr is not followed: to a stranger's
// word nothing is sent to a third address. On a stream the response goes to the flow.
func ResponseAddress(v Via, source netip.AddrPort) netip.AddrPort {
	if v.Params.Has("rport") {
		return source
	}
	port := v.Port
	if port == 0 {
		port = DefaultPort(v.Transport)
	}
	return netip.AddrPortFrom(source.Addr(), port)
}

// appendStamped writes the topmost Via with received and rport as RFC 3581 §4 wants
// it: rport filled in with the source's port where the request asked, received with
// the source's address where it asked or where sent-by says otherwise. received and
// rport that the sender filled in itself are replaced.
func (v Via) appendStamped(b []byte, source netip.AddrPort) []byte {
	b = append(b, "SIP/2.0/"...)
	b = append(append(b, v.Transport...), ' ')
	b = appendHostPort(b, v.Host, v.Port)
	asked := false
	for name, value := range v.Params.raw() {
		switch {
		case equalFold(name, "rport"):
			asked = true
			continue
		case equalFold(name, "received"):
			continue
		}
		b = append(append(b, ';'), name...)
		if value != "" {
			b = append(append(b, '='), value...)
		}
	}
	if !source.IsValid() {
		return b
	}
	if host, err := netip.ParseAddr(v.Host); asked || err != nil || host.Unmap() != source.Addr() {
		b = source.Addr().AppendTo(append(b, ";received="...))
	}
	if asked {
		b = appendUint(append(b, ";rport="...), uint64(source.Port()))
	}
	return b
}

func appendHostPort(b []byte, host string, port uint16) []byte {
	if strings.IndexByte(host, ':') >= 0 {
		b = append(append(append(b, '['), host...), ']')
	} else {
		b = append(b, host...)
	}
	if port != 0 {
		b = appendUint(append(b, ':'), uint64(port))
	}
	return b
}
