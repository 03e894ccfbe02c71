package config

import (
	"fmt"
	"net/netip"
	"strings"
)

// Pattern is a number with places left open: X stands for any one digit, and a
// full stop at the end for one or more characters of any kind.
type Pattern string

const anyRest = "."

func (p *Pattern) parse(written string) error {
	body := strings.TrimSuffix(written, anyRest)
	if written == "" || len(written) > maxNumber || strings.ContainsFunc(body, func(r rune) bool { return !dialled(r) && r != 'X' }) {
		return &badValue{fmt.Sprintf("%q is no pattern of numbers", written), `write digits, X for any one digit, and . at the end for any rest, such as "0044X."`}
	}
	*p = Pattern(written)
	return nil
}

// Matches tells whether a number is one of the pattern's.
func (p Pattern) Matches(n string) bool {
	body, open := strings.CutSuffix(string(p), anyRest)
	if len(n) < len(body) || open && len(n) == len(body) || !open && len(n) > len(body) {
		return false
	}
	for i := range len(body) {
		if body[i] != n[i] && (body[i] != 'X' || n[i] < '0' || n[i] > '9') {
			return false
		}
	}
	return true
}

// exactness orders patterns that match the same number: who says more of it comes first.
func (p Pattern) exactness() int {
	body, open := strings.CutSuffix(string(p), anyRest)
	exact := 4*len(body) - strings.Count(body, "X")
	if !open {
		exact += 2
	}
	return exact
}

// Way is which way a number goes over a trunk.
type Way bool

// The ways.
const (
	Outward Way = false
	Inward  Way = true
)

// Translate makes another number of one that goes over the trunk, by the longest pattern
// that matches it, the first of equals. false: none does. Inward without patterns every
// number is let in as it is.
func (t *Trunk) Translate(way Way, n string) (to string, ok bool) {
	list := t.Out
	if way == Inward {
		if list = t.In; len(list) == 0 {
			return n, true
		}
	}
	best := bestOf(list, n)
	if best < 0 {
		return "", false
	}
	return list[best].Apply(n)
}

// Exactness says how much the trunk's best outward pattern for a number says of it; -1
// where none matches. Of two trunks the one with more comes first.
func (t *Trunk) Exactness(n string) int {
	best := bestOf(t.Out, n)
	if best < 0 {
		return -1
	}
	return t.Out[best].Match.exactness()
}

func bestOf(list []Translation, n string) int {
	best := -1
	for i := range list {
		m := list[i].Match
		if m.Matches(n) && (best < 0 || m.exactness() > list[best].Match.exactness()) {
			best = i
		}
	}
	return best
}

// maxNumber bounds numbers and patterns in the file.
const maxNumber = 64

func dialled(r rune) bool { return r >= '0' && r <= '9' || r == '+' || r == '*' || r == '#' }

// isNumber tells whether written can be a number: what a user's number may have.
func isNumber(written string) bool {
	return written != "" && len(written) <= maxNumber && !strings.ContainsFunc(written, func(r rune) bool {
		return !dialled(r) && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("-._", r)
	})
}

// Peer is host or host:port of another server.
type Peer struct {
	Host string
	Port uint16 // 0: the transport's usual one, or by SRV
}

func (p *Peer) parse(written string) error {
	if isAddress(written) {
		p.Host = strings.Trim(written, "[]")
		return nil
	}
	where, bad := hostPort(written)
	if bad != nil || where.Host == "" {
		return &badValue{fmt.Sprintf("%q is neither host nor host:port", written), "write host, host:port or [IPv6]:port"}
	}
	p.Host, p.Port = where.Host, where.Port
	return nil
}

// String is the form that parse reads.
func (p Peer) String() string {
	if p.Port == 0 {
		return p.Host
	}
	return HostPort(p).String()
}

// IP is an address, never a name.
type IP netip.Addr

func (a *IP) parse(written string) error {
	parsed, err := netip.ParseAddr(strings.Trim(written, "[]"))
	if err != nil || parsed.IsMulticast() || parsed.Zone() != "" {
		return &badValue{fmt.Sprintf("%q is no IP address of a machine", written), "write an IP address, such as 192.0.2.1"}
	}
	*a = IP(parsed.Unmap())
	return nil
}

// Addr is the address as net/netip has it.
func (a IP) Addr() netip.Addr { return netip.Addr(a) }

// String is the form that parse reads.
func (a IP) String() string { return netip.Addr(a).String() }
