package sdp

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Origin is an o= value: who made the description, and which version it is.
type Origin struct {
	User, Session string
	Version       uint64
	// Address is the rest: "IN IP4 192.0.2.1".
	Address string
}

// ParseOrigin reads an o= value. A user name with spaces in it, which some phones
// make of a display name, is taken as it is.
func ParseOrigin(value string) (Origin, error) {
	f := strings.Fields(value)
	if len(f) < 6 {
		return Origin{}, malformed("o=%s has not six fields", clip(value))
	}
	user, f := strings.Join(f[:len(f)-5], " "), f[len(f)-5:]
	version, err := strconv.ParseUint(f[1], 10, 64)
	if err != nil {
		return Origin{}, malformed("o= version %q is not a number of 64 bits", clip(f[1]))
	}
	return Origin{User: user, Session: f[0], Version: version, Address: strings.Join(f[2:], " ")}, nil
}

// String writes the value.
func (o Origin) String() string {
	return fmt.Sprintf("%s %s %d %s", o.User, o.Session, o.Version, o.Address)
}

// Origin reads the description's o=.
func (d *Description) Origin() (Origin, error) {
	value, ok := d.Session.Get('o')
	if !ok {
		return Origin{}, malformed("o= is missing")
	}
	return ParseOrigin(value)
}

// Connection is the address of an m-line: its own c=, or the session's. A host name
// is an error: media is not sent to what a name happens to resolve to.
func (d *Description) Connection(m *Media) (netip.Addr, error) {
	value, ok := m.Get('c')
	if !ok {
		if value, ok = d.Session.Get('c'); !ok {
			return netip.Addr{}, malformed("neither the session nor the m-line has a c=")
		}
	}
	f := strings.Fields(value)
	if len(f) != 3 || f[0] != "IN" {
		return netip.Addr{}, malformed("c=%s is not IN, IP4 or IP6, and an address", clip(value))
	}
	return parseAddr(f[1], f[2])
}

// HostNameError says that a name stands where an address must.
type HostNameError struct{ Name string }

// Error says it in words.
func (e *HostNameError) Error() string {
	return fmt.Sprintf("%q is no IP address; host names are not resolved, an address must be given", clip(e.Name))
}

// Unwrap gives ErrMalformed.
func (e *HostNameError) Unwrap() error { return ErrMalformed }

func parseAddr(family, text string) (netip.Addr, error) {
	bare, _, _ := strings.Cut(text, "/") // the TTL of multicast
	addr, err := netip.ParseAddr(bare)
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}, &HostNameError{Name: text}
	}
	switch {
	case family == "IP4" && addr.Is4(), family == "IP6" && addr.Is6():
		return addr.Unmap(), nil
	default:
		return netip.Addr{}, malformed("%s is no %s address", clip(text), clip(family))
	}
}

// FormatConnection writes a c= value (and the end of an o= value).
func FormatConnection(a netip.Addr) string {
	if a.Is4() {
		return "IN IP4 " + a.String()
	}
	return "IN IP6 " + a.String()
}

// RTCP reads a=rtcp (RFC 3605): a port, and an address where one is given. ok is
// false where there is none.
func (m *Media) RTCP() (port uint16, addr netip.Addr, ok bool, err error) {
	value, ok := m.Attr("rtcp")
	if !ok {
		return 0, netip.Addr{}, false, nil
	}
	f := strings.Fields(value)
	if len(f) != 1 && len(f) != 4 {
		return 0, netip.Addr{}, false, malformed("a=rtcp:%s", clip(value))
	}
	n, err := strconv.ParseUint(f[0], 10, 16)
	if err != nil {
		return 0, netip.Addr{}, false, malformed("a=rtcp: port %q is not 0 to 65535", clip(f[0]))
	}
	if len(f) == 4 {
		if addr, err = parseAddr(f[2], f[3]); err != nil {
			return 0, netip.Addr{}, false, fmt.Errorf("a=rtcp: %w", err)
		}
	}
	return uint16(n), addr, true, nil
}

// Direction is who may send on an m-line, from its sender's view.
type Direction struct{ Send, Receive bool }

// String gives the attribute.
func (d Direction) String() string {
	switch d {
	case Direction{true, true}:
		return "sendrecv"
	case Direction{true, false}:
		return "sendonly"
	case Direction{false, true}:
		return "recvonly"
	default:
		return "inactive"
	}
}

// IsDirection tells that an attribute is a direction.
func IsDirection(name string) bool {
	_, ok := direction(name)
	return ok
}

func direction(name string) (Direction, bool) {
	switch name {
	case "sendrecv":
		return Direction{true, true}, true
	case "sendonly":
		return Direction{true, false}, true
	case "recvonly":
		return Direction{false, true}, true
	case "inactive":
		return Direction{}, true
	default:
		return Direction{}, false
	}
}

// Direction gives an m-line's own direction, or the session's; sendrecv where
// neither has one.
func (d *Description) Direction(m *Media) Direction {
	for _, lines := range []Lines{m.Lines, d.Session} {
		for _, line := range lines {
			if line.Type == 'a' {
				if dir, ok := direction(line.Value); ok {
					return dir
				}
			}
		}
	}
	return Direction{true, true}
}

// Inherited gives an attribute of an m-line, or the session's.
func (d *Description) Inherited(m *Media, name string) (value string, ok bool) {
	if value, ok = m.Attr(name); ok {
		return value, ok
	}
	return d.Session.Attr(name)
}

// Fingerprint is the SHA-256 fingerprint that holds for an m-line (RFC 8122), and
// whether there is one; others are passed over.
func (d *Description) Fingerprint(m *Media) (sum [32]byte, ok bool, err error) {
	for _, lines := range []Lines{m.Lines, d.Session} {
		for value := range lines.Attrs("fingerprint") {
			hash, digits, _ := strings.Cut(value, " ")
			if !strings.EqualFold(hash, "sha-256") {
				continue
			}
			raw, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(digits), ":", ""))
			if err != nil || len(raw) != len(sum) {
				return sum, false, malformed("a=fingerprint:sha-256 has not 32 octets")
			}
			return [32]byte(raw), true, nil
		}
	}
	return sum, false, nil
}

// FormatFingerprint writes the value of a=fingerprint.
func FormatFingerprint(sum [32]byte) string {
	b := append(make([]byte, 0, 8+3*len(sum)), "sha-256 "...)
	for i, octet := range sum {
		if i > 0 {
			b = append(b, ':')
		}
		b = fmt.Appendf(b, "%02X", octet)
	}
	return string(b)
}

// ICE gives the credentials that hold for an m-line (RFC 8839 §5.4), and whether
// there are any.
func (d *Description) ICE(m *Media) (ufrag, pwd string, ok bool, err error) {
	ufrag, has := d.Inherited(m, "ice-ufrag")
	pwd, hasPwd := d.Inherited(m, "ice-pwd")
	switch {
	case !has && !hasPwd:
		return "", "", false, nil
	case !iceString(ufrag, 4), !iceString(pwd, 22):
		return "", "", false, malformed("a=ice-ufrag must have 4 to 256, a=ice-pwd 22 to 256 letters, digits, + or /")
	}
	return ufrag, pwd, true, nil
}

func iceString(s string, least int) bool {
	if len(s) < least || len(s) > 256 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '+', c == '/':
		default:
			return false
		}
	}
	return true
}
