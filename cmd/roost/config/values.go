package config

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// text is a value that is written as one scalar. parse returns what is wrong and
// what would be right, as a badValue.
type text interface {
	parse(written string) error
}

// badValue is an error with its remedy.
type badValue struct{ what, right string }

func (b *badValue) Error() string { return b.what + "; " + b.right }

// Duration is a length of time, written as in Go: 90s, 3m, 1h30m.
type Duration time.Duration

func (d *Duration) parse(written string) error {
	parsed, err := time.ParseDuration(written)
	if err != nil {
		return &badValue{fmt.Sprintf("%q is no length of time", written), "write a number with its unit, such as 90s, 3m or 1h30m"}
	}
	if parsed < 0 {
		return &badValue{fmt.Sprintf("%q is less than nothing", written), "write a length of time such as 90s or 3m"}
	}
	*d = Duration(parsed)
	return nil
}

// Std is the duration as the time package has it.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String is how a person writes it: 3m, not 3m0s.
func (d Duration) String() string {
	written := time.Duration(d).String()
	if strings.HasSuffix(written, "m0s") {
		written = strings.TrimSuffix(written, "0s")
	}
	if strings.HasSuffix(written, "h0m") {
		written = strings.TrimSuffix(written, "0m")
	}
	return written
}

// Listen is where SIP is served: transport:port or transport:host:port.
type Listen struct {
	Transport Transport
	// Host is "" for the system's address.
	Host string
	Port uint16
}

func (l *Listen) parse(written string) error {
	right := "write transport:port or transport:host:port, such as udp:5060 or tls:[::1]:5061"
	transport, rest, found := strings.Cut(written, ":")
	if !found {
		return &badValue{fmt.Sprintf("%q says no transport and port", written), right}
	}
	if err := l.Transport.parse(transport); err != nil {
		return &badValue{fmt.Sprintf("%q begins with no known transport", written), "begin with udp:, tcp:, tls:, ws: or wss:"}
	}
	if !strings.Contains(rest, ":") {
		rest = ":" + rest
	}
	where, bad := hostPort(rest)
	if bad != nil {
		return &badValue{bad.what, right}
	}
	l.Host, l.Port = where.Host, where.Port
	return nil
}

// String is the form that parse reads.
func (l Listen) String() string {
	if l.Host == "" {
		return fmt.Sprintf("%s:%d", l.Transport, l.Port)
	}
	return string(l.Transport) + ":" + net.JoinHostPort(l.Host, strconv.Itoa(int(l.Port)))
}

// At is host:port to listen on, where address is the system's.
func (l Listen) At(address string) string {
	return HostPort{Host: l.Host, Port: l.Port}.At(address)
}

// HostPort is host:port or :port.
type HostPort struct {
	Host string
	Port uint16
}

func (h *HostPort) parse(written string) error {
	if written == "off" {
		*h = HostPort{}
		return nil
	}
	where, bad := hostPort(written)
	if bad != nil {
		return bad
	}
	*h = where
	return nil
}

func hostPort(written string) (HostPort, *badValue) {
	const right = "write host:port, :port, or [IPv6]:port"
	host, port, err := net.SplitHostPort(written)
	if err != nil {
		return HostPort{}, &badValue{fmt.Sprintf("%q is not host:port", written), right}
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return HostPort{}, &badValue{fmt.Sprintf("%q is no port", port), "a port is a number from 1 to 65535"}
	}
	if host != "" && !isAddress(host) {
		return HostPort{}, &badValue{fmt.Sprintf("%q is neither an IP address nor a host name", host), right}
	}
	return HostPort{Host: host, Port: uint16(number)}, nil
}

// IsZero tells that nothing is set.
func (h HostPort) IsZero() bool { return h == HostPort{} }

// String is host:port, or "off".
func (h HostPort) String() string {
	if h.IsZero() {
		return "off"
	}
	return h.At("")
}

// At is host:port, with address where no host is set.
func (h HostPort) At(address string) string {
	host := h.Host
	if host == "" {
		host = strings.Trim(address, "[]")
	}
	return net.JoinHostPort(host, strconv.Itoa(int(h.Port)))
}

// PortRange is first-last, both included.
type PortRange struct{ First, Last uint16 }

func (p *PortRange) parse(written string) error {
	right := "write first-last, such as 20000-29999"
	first, last, found := strings.Cut(written, "-")
	from, err1 := strconv.ParseUint(strings.TrimSpace(first), 10, 16)
	to, err2 := strconv.ParseUint(strings.TrimSpace(last), 10, 16)
	if !found || err1 != nil || err2 != nil {
		return &badValue{fmt.Sprintf("%q is no range of ports", written), right}
	}
	if from < 1024 || from >= to {
		return &badValue{fmt.Sprintf("the ports %s do not go from a number of at least 1024 up to a larger one", written), right}
	}
	p.First, p.Last = uint16(from), uint16(to)
	return nil
}

// String is the form that parse reads.
func (p PortRange) String() string { return fmt.Sprintf("%d-%d", p.First, p.Last) }

// Subnet is a range of addresses, 192.0.2.0/24.
type Subnet netip.Prefix

func (s *Subnet) parse(written string) error {
	prefix, err := netip.ParsePrefix(written)
	if err != nil {
		return &badValue{fmt.Sprintf("%q is no subnet", written), "write address/bits, such as 192.0.2.0/24"}
	}
	if prefix != prefix.Masked() {
		return &badValue{fmt.Sprintf("%q has bits set behind the prefix", written), "write " + prefix.Masked().String()}
	}
	*s = Subnet(prefix)
	return nil
}

// Prefix is the subnet as net/netip has it.
func (s Subnet) Prefix() netip.Prefix { return netip.Prefix(s) }

// String is the form that parse reads.
func (s Subnet) String() string { return netip.Prefix(s).String() }

// Secret is a password or code: in plain, or as digest HA1. It never prints.
type Secret struct {
	Plain string
	// HA1 is lower-case hexadecimal: 32 digits for MD5, 64 for SHA-256, or both
	// with a comma between (RFC 8760).
	HA1 string
}

// ha1Prefix marks a secret that is given as digest HA1: ha1:HEX or ha1:HEX,HEX.
const ha1Prefix = "ha1:"

func (s *Secret) parse(written string) error {
	rest, isHA1 := strings.CutPrefix(written, ha1Prefix)
	if !isHA1 {
		s.Plain = written
		return nil
	}
	var sizes []int
	for part := range strings.SplitSeq(rest, ",") {
		raw, err := hex.DecodeString(part)
		if err != nil || len(raw) != md5.Size && len(raw) != sha256.Size || slices.Contains(sizes, len(raw)) {
			return &badValue{
				"the value after ha1: is no digest HA1",
				"write ha1: and 32 hexadecimal digits for MD5, 64 for SHA-256, or both with a comma between",
			}
		}
		sizes = append(sizes, len(raw))
	}
	s.HA1 = strings.ToLower(rest)
	return nil
}

// IsZero tells that none is set.
func (s Secret) IsZero() bool { return s == Secret{} }

// String hides the secret.
func (s Secret) String() string {
	if s.IsZero() {
		return "none"
	}
	return "(secret)"
}

// GoString hides it from %#v too.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides it from JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// isAddress tells whether written is an IP address or a host name.
func isAddress(written string) bool {
	if _, err := netip.ParseAddr(strings.Trim(written, "[]")); err == nil {
		return true
	}
	if written == "" || len(written) > 253 {
		return false
	}
	onlyDigits := true
	for label := range strings.SplitSeq(written, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			digit := r >= '0' && r <= '9'
			if !digit && r != '-' && r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
				return false
			}
			onlyDigits = onlyDigits && digit
		}
	}
	return !onlyDigits // 10.0.0 or 10.0.0.300 is a mistyped IP address
}
