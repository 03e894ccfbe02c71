package registrar

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Number is a phone: the number of its extension, as configured.
type Number string

// FlowID names the connection, or for UDP the association, that a message came
// in on. It is unique for the life of the process; 0 is no flow, a binding that
// does not die with one.
type FlowID uint64

// Protocol is what a phone speaks.
type Protocol uint8

// The protocols.
const (
	SIP Protocol = iota + 1
	H323

	protocols = 3 // array size for counters by protocol; index 0 is unused
)

// String is the name that the configuration uses: sip, h323.
func (p Protocol) String() string { return nameOf(protocolNames[:], int(p)) }

// ParseProtocol reads a name as the configuration writes it.
func ParseProtocol(s string) (Protocol, error) {
	i, err := valueOf("protocol", protocolNames[:], s)
	return Protocol(i), err
}

// Transport is how a phone reaches us.
type Transport uint8

// The transports.
const (
	UDP Transport = iota + 1
	TCP
	TLS
	WS
	WSS
)

// String is the name that the configuration uses: udp, tcp, tls, ws, wss.
func (t Transport) String() string { return nameOf(transportNames[:], int(t)) }

// Stream reports whether the transport has connections, with which its bindings
// die.
func (t Transport) Stream() bool { return t >= TCP && t <= WSS }

// Secure reports whether the transport is encrypted.
func (t Transport) Secure() bool { return t == TLS || t == WSS }

// ParseTransport reads a name as the configuration writes it, in any case.
func ParseTransport(s string) (Transport, error) {
	i, err := valueOf("transport", transportNames[:], s)
	return Transport(i), err
}

// MediaSecurity is a policy on SRTP (rule SE1).
type MediaSecurity uint8

// The policies. Unset means: as the system has it.
const (
	MediaSecurityUnset MediaSecurity = iota
	MediaSecurityDisabled
	MediaSecurityPreferred
	MediaSecurityEnforced
)

// String is the name that the configuration uses; empty when unset.
func (m MediaSecurity) String() string {
	if m == MediaSecurityUnset {
		return ""
	}
	return nameOf(mediaSecurityNames[:], int(m))
}

// ParseMediaSecurity reads a name as the configuration writes it; the empty
// string is MediaSecurityUnset.
func ParseMediaSecurity(s string) (MediaSecurity, error) {
	if s == "" {
		return MediaSecurityUnset, nil
	}
	i, err := valueOf("media security", mediaSecurityNames[:], s)
	return MediaSecurity(i), err
}

var (
	protocolNames      = [...]string{"", "sip", "h323"}
	transportNames     = [...]string{"", "udp", "tcp", "tls", "ws", "wss"}
	mediaSecurityNames = [...]string{"", "disabled", "preferred", "enforced"}
)

func nameOf(names []string, i int) string {
	if i <= 0 || i >= len(names) {
		return fmt.Sprintf("unknown(%d)", i)
	}
	return names[i]
}

func valueOf(what string, names []string, s string) (int, error) {
	for i := 1; i < len(names); i++ {
		if strings.EqualFold(names[i], s) {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%s %q is not known; it is one of %s", what, s, strings.Join(names[1:], ", "))
}

// Registration is one binding of a phone, as it is told to others.
type Registration struct {
	Number    Number
	Protocol  Protocol
	Transport Transport
	// Contact is the contact URI exactly as the phone sent it, without the
	// angle brackets and header parameters.
	Contact string
	// Source is where the REGISTER came from.
	Source netip.AddrPort
	// Flow is the connection that the phone registered over; 0 if unknown.
	Flow FlowID
	// Instance is the value of +sip.instance without quotes, and RegID that of
	// reg-id (RFC 5626), or empty and 0.
	Instance string
	RegID    uint32
	// CallID, CSeq and Branch (a hash of the topmost Via's branch) are those of
	// the last REGISTER that set this binding.
	CallID string
	CSeq   uint32
	Branch uint64
	// Nonce and NonceCount are those that the last REGISTER proved itself with
	// (credentials.Verdict); the backup refuses what is not newer. 0 if none.
	Nonce      uint64
	NonceCount uint32

	UserAgent string
	// Path is the Path header's value, empty if there was none (RFC 3327).
	Path string
	// Q is the contact's preference in thousandths, 0 to 1000.
	Q uint16
	// Granted is the lease in seconds.
	Granted uint32
	// Since is when the binding was first made; Registered when it was last
	// refreshed, and Expires when it ends if it is not.
	Since, Registered, Expires time.Time
	// Guest says that the phone's home is another system, which Home names.
	// Home is set for own phones as well.
	Guest bool
	Home  string
}

// Remaining is how long the binding still lasts in whole seconds, rounded up, 0
// if it has expired.
func (r *Registration) Remaining(now time.Time) uint32 {
	d := r.Expires.Sub(now)
	if d <= 0 {
		return 0
	}
	return uint32((d + time.Second - 1) / time.Second)
}

// Key names the binding among all of this system, the same for as long as the
// binding is refreshed: the number, a slash and 16 hexadecimal digits. It is
// the key of the shared record.
func (r *Registration) Key() string {
	return fmt.Sprintf("%s/%016x", r.Number, bindingHash(r.Instance, r.RegID, r.Contact))
}

// bindingHash is FNV-1a over what identifies a binding of a phone: instance and
// reg-id (RFC 5626 section 6) or else the contact URI. It must be the same on
// all systems and versions.
func bindingHash(instance string, regID uint32, contact string) uint64 {
	h := uint64(14695981039346656037)
	add := func(s string) {
		for i := 0; i < len(s); i++ {
			h = (h ^ uint64(s[i])) * 1099511628211
		}
	}
	if instance == "" {
		add("c")
		add(contact)
		return h
	}
	add("i")
	add(instance)
	for i := 0; i < 4; i++ {
		h = (h ^ uint64(byte(regID>>(8*i)))) * 1099511628211
	}
	return h
}
